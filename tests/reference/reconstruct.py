#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Rebuilds bios and requests from the text of `ktrace-analyze --dump`, by the rules in README.md in this folder and nothing
else: a second opinion on the analysis. One run, undamaged. Prints TSV, a table name first in each row.

usage: ktrace-analyze --dump run.ktr | reconstruct.py
"""
import bisect
import collections
import sys

import flushes

REQUEST = ('dev', 'part_dev', 'op', 'flags', 'sector', 'size_bytes', 'start_ns', 'dur_ns', 'plug_ns', 'queue_ns', 'device_ns',
           'complete_ns', 'issue_cpu', 'complete_cpu', 'n_bios', 'n_issues', 'error', 'state', 'worker_ns', 'flush_ns')
BIO = ('dev', 'op', 'flags', 'sector', 'size_bytes', 'start_ns', 'dur_ns', 'alloc_ns', 'device_ns', 'endio_ns', 'tid', 'cgroup',
       'blkcg', 'ino', 'error', 'state', 'link', 'parent', 'request', 'extra')

FINAL, FLUSH_SEQ = 1, 2
ERRNO = {0: 0, 1: -95, 2: -110, 3: -28, 4: -67, 5: -121, 6: -52, 7: -61, 8: -84, 9: -12, 10: -5, 12: -11}


LOOP = '5'  # io_kind: the upper request of a stacked loop disk
NO_SECTOR = '18446744073709551615'  # a request that has none


class Bio:
    __slots__ = ('addr', 'dev', 'op', 'flags', 'sector', 'size', 'left', 'start', 'end', 'own_end', 'join', 'got', 'tid', 'tgid', 'cgroup',
                 'blkcg', 'ino', 'based', 'parent', 'link', 'open_children', 'had_children', 'request', 'extra', 'error', 'state', 'by_itself',
                 'hit', 'cause')

    def __init__(self, addr, start):
        self.addr, self.start = addr, start
        self.end = self.own_end = self.join = self.got = None
        self.dev = self.op = self.flags = self.sector = self.size = None
        self.tid = self.tgid = self.cgroup = self.blkcg = self.ino = None
        self.cause = None  # how its io is known
        self.parent = self.link = self.request = self.error = self.state = None
        self.left = self.open_children = 0
        self.based = self.had_children = self.by_itself = self.hit = False
        self.extra = ()

    def key(self):
        return f'{self.start}/{self.sector}/{self.op}/{self.size}'


class Request:
    __slots__ = ('addr', 'dev', 'part', 'op', 'flags', 'sector', 'size', 'born', 'start', 'got', 'opened', 'issued', 'irq', 'end', 'on_device',
                 'in_flush', 'n_issues', 'n_bios', 'bios', 'done', 'issue_cpu', 'complete_cpu', 'error', 'state', 'first_bio', 'told', 'left', 'front',
                 'hit', 'sequence', 'is_flush', 'parts')

    def __init__(self, addr, dev, t):
        self.addr, self.dev, self.born = addr, dev, t
        self.part = self.op = self.flags = self.sector = self.size = self.n_bios = None
        self.start = self.opened = self.issued = self.irq = self.end = None
        self.issue_cpu = self.complete_cpu = self.error = self.state = self.first_bio = None
        self.got = self.on_device = self.in_flush = self.told = False
        self.n_issues = self.done = self.left = 0
        self.front = None  # its first bio at the last issue, until some are complete
        self.hit = False
        self.bios = []
        self.sequence = self.parts = None
        self.is_flush = False  # the kernel's own

    def key(self):
        return f'{self.start}/{self.sector}/{self.op}/{self.size}'


def split_opf(opf, size):
    op, _, flags = opf.partition('|')
    if size == 0 and 'preflush' in flags.split('|'):
        op = 'flush'
    return op, flags


class Run:
    def __init__(self):
        self.bios = {}  # address -> live Bio
        self.requests = {}  # address -> live Request
        self.walks = {}  # request address -> further bios of the walk that is being written
        self.remaps = {}  # bio address -> (device above, sector there)
        self.stacked = {}  # device -> {id: live Bio} of devices that take bios themselves
        self.bio_rows, self.request_rows = [], []
        self.flushes = collections.defaultdict(flushes.Disk)
        self.lost_until, self.losses, self.no_room = None, [], []
        self.missed = 0
        self.holes = []  # (start, end, cpu, the two tasks)
        self.now = 0
        self.filtered = False
        self.execs = []  # (t, old tid, new tid) of threads that went on as their process' first

    # ------------------------------------------------------------------ the states

    def state(self, start):
        """The state of a flow that ends now: every loss that began before is known."""
        return 'lossy' if self.lost_until is not None and self.lost_until >= start else 'whole'

    def state_without_birth(self):
        return 'open_at_start' if self.lost_until is None and not self.hidden(0, self.now) else 'lossy'

    def hidden(self, start, end, cpu=None, tid=None):
        """Is there a hole in it?"""
        for i in range(bisect.bisect_right(self.holes, end, key=lambda h: h[0]) - 1, -1, -1):
            h = self.holes[i]
            if h[0] < start - self.longest_hole:
                return False
            if h[1] >= start and cpu in (None, h[2]) and (tid is None or tid in h[3]):
                return True
        return False

    def is_lossy(self, b):
        """A bio that ends now."""
        return b.hit or (self.state(b.start) if b.start is not None else self.state_without_birth()) == 'lossy'

    def on_task_comm(self, t, cpu, e):
        if e.get('old_tid', '0') != '0':
            self.execs.append((t, e['old_tid'], e['tid']))

    def last_tid(self, tid, t):
        """The last number of the task that had this number then."""
        for at, old, new in self.execs:
            if at >= t and tid == old:
                tid = new
        return tid

    # ------------------------------------------------------------------ bios

    def add_bio(self, b):
        old = self.bios.get(b.addr)
        if old:
            self.miss_bio(old)
        self.bios[b.addr] = b
        self.bio_rows.append(b)
        if b.based:
            self.stacked.setdefault(b.dev, {})[id(b)] = b

    def forget_bio(self, b):
        if self.bios.get(b.addr) is b:
            del self.bios[b.addr]
        if b.based:
            self.stacked[b.dev].pop(id(b), None)
        self.remaps.pop(b.addr, None)

    def miss_bio(self, b):
        # One completion was missed for a request and all it carries: whichever tells of it first.
        r = b.request
        if not (b.hit or (r and r.told)):
            self.missed += 1
        if r:
            r.told = True
        b.state, b.error = 'lossy', None
        self.forget_bio(b)

    def bio_of(self, addr):
        """The live bio; if there is none, one whose birth was not seen."""
        b = self.bios.get(addr)
        if not b:
            b = Bio(addr, None)
            self.add_bio(b)
        return b

    def joining(self, e):
        """The live bio that joins a request; one whose own part is complete only waits for its children: that life has ended."""
        b = self.bios.get(e['bio'])
        if b and b.own_end is not None:
            self.miss_bio(b)
        b = self.bio_of(e['bio'])
        if b.dev is None:
            b.dev = e['dev']
        return b

    def bio_done(self, b, t, error):
        """Its own part is complete."""
        b.own_end, b.error = t, error
        if not b.open_children:
            self.bio_ends(b, t)

    def bio_ends(self, b, t):
        while True:
            b.end = t
            b.state = self.state(b.start) if b.start is not None else self.state_without_birth()
            if b.hit:
                b.state = 'lossy'
            self.forget_bio(b)
            p = b.parent if b.link is None else None
            if not p:
                return
            p.open_children -= 1
            if p.open_children or p.own_end is None or p.state:
                return
            b = p

    def on_bio_queue(self, t, cpu, e):
        size = int(e['bytes'])
        b = Bio(e['bio'], t)
        b.dev, b.sector, b.size, b.left = e['dev'], e['sector'], size, size
        b.op, b.flags = split_opf(e['opf'], size)
        b.tgid = e.get('tgid')
        b.tid, b.cgroup, b.blkcg, b.ino = e['tid'], e.get('cgroup'), e.get('blkcg'), e.get('ino')
        b.based = int(e['flags'], 16) & 1 == 1
        above = self.remaps.pop(b.addr, None)
        if above:
            dev, sector = above
            fits = [p for p in self.stacked.get(dev, {}).values()
                    if p.op == b.op and int(p.sector) <= sector < int(p.sector) + p.size // 512 and p.addr != b.addr]
            if fits:
                b.parent, b.link = fits[-1], 'inferred'
        kind = e.get('io_kind', '0')
        if kind != '0' and not b.parent and (kind != LOOP or e['io'] in self.requests):
            b.cause = 'inferred' if int(e['io_flags'], 16) & 1 else 'exact'
        self.add_bio(b)

    def on_bio_split(self, t, cpu, e):
        known = self.bios.get(e['bio'])
        if known and known.based:
            return  # device mapper sends itself the rest of its own bio: nothing is split off
        p = self.bios.get(e['parent'])
        size = int(e['bytes'])
        b = Bio(e['bio'], t)
        b.dev, b.sector, b.size, b.left = e['dev'], e['sector'], size, size
        b.op, b.flags = split_opf(e['opf'], size)
        if p:
            b.tid, b.tgid, b.cgroup, b.blkcg, b.ino, b.based, b.cause = p.tid, p.tgid, p.cgroup, p.blkcg, p.ino, p.based, p.cause
            b.dev = p.dev if p.dev is not None else b.dev
            b.parent = p
            p.open_children += 1
            p.had_children = True
            p.left -= size
        self.add_bio(b)

    def on_bio_remap(self, t, cpu, e):
        self.remaps[e['bio']] = (e['from_dev'], int(e['from_sector']))

    def on_bio_merge(self, t, cpu, e):
        b = self.joining(e)
        b.join, b.got = t, None
        self.remaps.pop(b.addr, None)

    def on_bio_complete(self, t, cpu, e):
        b = self.bio_of(e['bio'])
        if b.dev is None:
            b.dev = e['dev']
            b.op, b.flags = split_opf(e['opf'], None)
        b.by_itself = b.request is None
        self.bio_done(b, t, ERRNO.get(int(e['status']), -5))

    # ------------------------------------------------------------------ requests

    def miss_request(self, r):
        if not r.told:
            self.missed += 1
        if r.sequence or r.is_flush:
            self.flushes[r.dev].doubt = self.now
        r.state = 'lossy'
        for b in r.bios:
            b.hit = True

    def live_request(self, t, e):
        """The request of an insert or issue; born if there is none, or if it was already at the device."""
        r = self.requests.get(e['rq'])
        if r and r.on_device and not r.in_flush:
            self.miss_request(r)
            r = None
        if not r:
            r = Request(e['rq'], e['dev'], t)
            self.requests[r.addr] = r
            self.request_rows.append(r)
        return r

    def on_rq_get(self, t, cpu, e):
        b = self.joining(e)
        b.join = b.got = t
        self.remaps.pop(b.addr, None)

    def on_rq_insert(self, t, cpu, e):
        r = self.live_request(t, e)
        if r.opened is None:
            r.opened = t
        if not r.n_issues:
            r.first_bio = e['bio']

    def on_rq_bios(self, t, cpu, e):
        walk = self.walks.setdefault(e['rq'], [])
        if e['first'] == '1':
            walk.clear()
        walk.extend(a for a in e['bio'].split(',') if a not in ('', '0', '0x0'))

    def walk(self, e):
        further = self.walks.pop(e['rq'], [])
        return [a for a in [e['bio']] + further if a != '0x0']

    def carry(self, r, addresses, t=None):
        """r has these bios: final at its first issue."""
        gets = []
        for a in addresses:
            b = self.bio_of(a)
            r.bios.append(b)
            if b.request is None:
                b.request = r
            elif b.request is not r:
                b.extra += (r,)
            if b.got is not None:
                gets.append(b.got)
        # A get after the birth belongs to a later request: this one's end was lost.
        r.got = bool(gets) and (r.born is None or min(gets) <= r.born)
        r.start = min(gets) if r.got else r.born  # None: its end is all that is seen
        for b in r.bios:
            self.joined(b, t)
        # Of a request whose birth was not seen nothing is known before: what joined it earlier waits in `alloc` until then.
        for b in r.bios:
            if b.join is not None and r.start is not None:
                b.join = max(b.join, r.start)

    def joined(self, b, t):
        """Bios whose join was not seen: a hole may have hidden it."""
        if t is not None and b.join is None and b.start is not None and self.hidden(b.start, t):
            b.hit = True

    def carry_more(self, r, addresses, t):
        """Issued again after it was taken back: bios may have merged into it meanwhile."""
        had = {id(b) for b in r.bios}
        walk = [self.bio_of(a) for a in addresses]
        for b in walk:
            if id(b) not in had:
                r.n_bios += 1
                self.joined(b, t)
                if b.request is None:
                    b.request = r
        walked = {id(b) for b in walk}
        r.bios = [b for b in r.bios if id(b) not in walked] + walk

    def on_rq_issue(self, t, cpu, e):
        r = self.live_request(t, e)
        bios = self.walk(e)
        if not r.n_issues:
            r.dev, r.part, r.size = e['dev'], e['part_dev'], int(e['bytes'])
            r.sector = e['sector'] if e['sector'] != NO_SECTOR else None
            r.op, r.flags = split_opf(e['opf'], r.size)
            r.n_bios = int(e['n_bios'])
            self.carry(r, bios, t)
            if r.opened is None and self.hidden(r.start, t, cpu):
                r.hit = True
        else:
            self.carry_more(r, bios, t)
        if not r.n_issues and int(e['flags'], 16) & FLUSH_SEQ:
            self.begin_sequence(r, t, e)
        r.left, r.front = int(e['bytes']), e['bio']
        r.n_issues += 1
        r.issued, r.issue_cpu, r.on_device = t, cpu, True

    def begin_sequence(self, r, t, e):
        disk = self.flushes[r.dev]
        r.is_flush = e['opf'].split('|')[0] == 'flush'
        if r.is_flush:
            disk.lives.setdefault(r.addr, [])
            return
        b = self.bios.get(e['bio'])
        r.sequence = flushes.Sequence(disk, r, t, bool(b and b.size is not None and 'preflush' in b.flags.split('|')))

    def on_rq_requeue(self, t, cpu, e):
        r = self.requests.get(e['rq'])
        if r:
            r.on_device = False
            r.issued = None  # it waits again; the next issue is the one that counts
            if r.opened is None:
                r.opened = t

    def on_rq_merge(self, t, cpu, e):
        r = self.requests.pop(e['rq'], None)
        # Absorbed is none that is on the device, nor one of which a part is complete.
        if r and (r.on_device or r.done or r.told or any(b.own_end is not None for b in r.bios)):
            self.miss_request(r)
            r = None
        for a in self.walk(e):
            b = self.bio_of(a)
            b.join, b.got = t, None
            if r and b.request is r:
                b.request = None
        if r:
            r.state = 'merged'

    def on_rq_complete(self, t, cpu, e):
        flags, error = int(e['flags'], 16), ERRNO.get(int(e['status']), -5)
        r = self.requests.get(e['rq'])
        another = r and self.is_another(r, flags, e)
        if another:
            self.miss_request(self.requests.pop(e['rq']))
            r = None
        if e['opf'].startswith('flush'):
            flags |= FINAL  # the kernel's own: it serves a sequence, it has no parts
        if r:
            r.left -= int(e['bytes'])
            r.front = None
        if not flags & FINAL:
            if not flags & FLUSH_SEQ:
                if r:
                    self.part_done(r, t, int(e['bytes']), error)
            elif r and r.sequence:
                r.in_flush = True
                r.sequence.data_done(t, int(e.get('irq_age_ns', 0)))
            else:
                if r:
                    r.in_flush = True
                self.flushes[e['dev']].doubt = t
            return
        if not r:
            r = Request(e['rq'], e['dev'], None)
            r.hit = another
            self.request_rows.append(r)
        if not r.n_issues:
            r.op, r.flags = split_opf(e['opf'], None)
            self.carry(r, [e['bio']] if e['bio'] != '0x0' else [])
            if r.bios and r.bios[0].start is not None:
                b = r.bios[0]
                r.part = b.dev
                if r.start is not None:
                    r.size, r.n_bios = b.size, 1
                # The kernel takes PREFLUSH off the request; the bio it is done for still has it.
                if b.op == 'flush':
                    r.op = 'flush'
        self.requests.pop(r.addr, None)
        r.complete_cpu, r.error, r.end = cpu, error, t
        age = int(e.get('irq_age_ns', 0))
        r.irq = t - age if age else None
        if another:
            r.start, r.got, r.size, r.n_bios = None, False, None, None
            for b in r.bios:
                b.join = t  # of a request without a start no stage is known
        elif not r.n_issues and r.start is not None and not r.op.startswith('drv') and \
             (int(e['bytes']) or any(b.size for b in r.bios)):
            r.hit = True  # all data is issued
        r.state = self.state(r.start) if r.start is not None else self.state_without_birth()
        if r.hit or any(map(self.is_lossy, r.bios)):
            r.state = 'lossy'
        self.end_sequence(r, t, cpu, e)
        for b in r.bios:
            if r.state == 'lossy':
                b.hit = True
            if b.own_end is None and b.state is None:
                self.bio_done(b, t, error)

    def end_sequence(self, r, t, cpu, e):
        disk = self.flushes[e['dev']]
        if e['opf'].split('|')[0] == 'flush':
            if r.n_issues:
                irq = r.irq if r.irq is not None and r.irq > r.issued else None
                disk.lives.setdefault(r.addr, []).append((r.born, r.issued, irq, t, cpu))
            else:
                disk.doubt = t
        elif r.state != 'whole':
            pass
        elif r.sequence:
            r.parts = r.sequence.parts(t, cpu)
        elif not r.n_issues and r.op == 'flush':
            held = disk.held(r.start, t, cpu)
            r.parts = flushes.up_to(held[0], t) if held else None

    def is_another(self, r, flags, e):
        """A completion that does not fit: its own was missed, and another request has the address."""
        if r.told:
            return True
        if not r.on_device or r.in_flush:
            return False
        if e['opf'].split('|')[0] != ('write' if r.op == 'flush' and not e['opf'].startswith('flush') else r.op):
            return True
        n = int(e['bytes'])
        final = flags & FINAL and not flags & FLUSH_SEQ
        return not r.op.startswith('drv') and (n > r.left or (final and n != r.left) or (r.front not in (None, '0x0') and e['bio'] != r.front))

    def part_done(self, r, t, n, error):
        r.done += n
        covered = 0
        for b in r.bios:
            covered += b.left
            if covered > r.done:
                break
            if b.own_end is None and b.state is None:
                self.bio_done(b, t, error)

    def on_lost(self, t, cpu, e):
        end = int(e['end_ns'])
        if e['cause'] == 'no_room':
            self.no_room.append((t, end))
            return
        self.losses.append((t, end))
        self.lost_until = end if self.lost_until is None else max(self.lost_until, end)

    # ------------------------------------------------------------------ rows

    def state_at_end(self, start):
        lossy = self.lost_until is not None and (start is None or self.lost_until >= start)
        lossy = lossy or self.hidden(start or 0, self.now)
        return 'lossy' if lossy else 'open_at_end'

    def end_of_run(self):
        for b in self.bios.values():
            b.state = 'lossy' if b.hit else self.state_at_end(b.start)
        for r in self.requests.values():
            if not r.n_issues:
                r.bios = []
                b = self.bios.get(r.first_bio)
                r.got = bool(b and b.got is not None)
                r.start = b.got if r.got else r.born
            r.state = 'lossy' if r.told or r.hit else self.state_at_end(r.start)


def minus(a, b):
    return None if a is None or b is None else a - b


def request_row(r):
    opened, issued, end = r.opened, r.issued, r.end
    first = next((m for m in (opened, issued, end) if m is not None), None)
    plug = minus(first, r.start)
    if not r.got and plug == 0:
        plug = None
    if not r.got and opened is None:
        plug = None
    queue = minus(issued if issued is not None else end, opened)
    device, complete = minus(end, issued), None
    if device is not None and r.irq is not None and r.irq > issued:
        device, complete = r.irq - issued, end - r.irq
    if r.parts:
        plug, queue, device, complete = (flushes.sum_of(r.parts, s) for s in ('plug', 'queue', 'device', 'complete'))
    return (r.dev, r.part if r.part != '0:0' else None, r.op, r.flags, r.sector, r.size, r.start, minus(end, r.start), plug, queue,
            device, complete, r.issue_cpu, r.complete_cpu, r.n_bios, r.n_issues if r.start is not None else None, r.error, r.state,
            flushes.sum_of(r.parts, 'worker'), flushes.sum_of(r.parts, 'flush'))


def bio_row(run, b):
    alloc = device = None
    if b.by_itself and b.based:
        device = minus(b.own_end, b.start)
    elif b.by_itself:
        alloc = minus(b.own_end, b.start)
    else:
        alloc = minus(b.join, b.start)
    endio = minus(b.end, b.own_end) if b.had_children else None
    zero = (None, '0')
    return (b.dev, b.op, b.flags, b.sector, b.size, b.start, minus(b.end, b.start), alloc, device, endio or None, run.last_tid(b.tid, b.start or 0),
            None if b.cgroup in zero else b.cgroup, None if b.blkcg in zero else b.blkcg, None if b.ino in zero else b.ino, b.error,
            b.state, b.link or b.cause, b.parent.key() if b.parent else None, b.request.key() if b.request else None,
            ','.join(sorted(r.key() for r in b.extra)) or None)


def parse(line):
    ts, cpu, name, rest = line.rstrip('\n').split(' ', 3)
    return int(ts), cpu, name, rest


def fields(rest):
    return dict([w.split('=', 1) for w in rest.split(' ')])


def find_holes(lines):
    """[(start, end, cpu, tasks)]: see States in README.md."""
    holes, sight, lost = [], {}, {}
    for line in lines:
        t, cpu, name, rest = parse(line)
        if name == 'lost':
            lost[cpu] = max(lost.get(cpu, -1), int(fields(rest)['end_ns']))
        if name not in ('sched_switch', 'bio_queue', 'io_call', 'irq_span', 'task_exit', 'task_comm'):
            continue
        e, was = fields(rest), sight.get(cpu)
        if name == 'sched_switch':
            if was and was['tid'] != e['prev_tid'] != was['renamed'] and was['came'] > lost.get(cpu, -1):
                end = t if was['other'] is None else was['other']
                holes.append((was['seen'], end, int(cpu), (was['tid'], e['prev_tid'])))
            sight[cpu] = {'tid': e['next_tid'], 'came': t, 'seen': t, 'other': None, 'renamed': None}
        elif was and name == 'task_comm':
            if e['tid'] == e['tgid']:
                was['renamed'] = e['tid']
        elif was and was['other'] is None:
            was['seen' if e['tid'] == was['tid'] else 'other'] = t
    return sorted(holes)


def reconstruct(lines, run=None, filtered=False):
    """run: a Run, or a class that rebuilds more. filtered: with a filter, which leaves out switches."""
    run, lines = run or Run(), list(lines)
    run.filtered = bool(filtered)
    run.holes = [] if filtered else find_holes(lines)
    flushes.Disk.partial = bool(filtered)
    run.longest_hole = max((h[1] - h[0] for h in run.holes), default=0)
    handlers = {name[3:]: getattr(run, name) for name in dir(run) if name.startswith('on_')}
    for line in lines:
        run.now, cpu, name, rest = parse(line)
        handler = handlers.get(name)
        if handler:
            handler(run.now, int(cpu), fields(rest))
    run.end_of_run()
    requests = [request_row(r) for r in run.request_rows if r.state != 'merged']
    return requests, [bio_row(run, b) for b in run.bio_rows], run


def main():
    requests, bios, run = reconstruct(sys.stdin)
    for table, names, rows in (('request', REQUEST, requests), ('bio', BIO, bios)):
        print('#' + table, *names, sep='\t')
        for row in sorted(rows, key=lambda r: tuple('' if v is None else str(v) for v in r)):
            print(table, *('NULL' if v is None else v for v in row), sep='\t')
    print('missed', run.missed, sep='\t')


if __name__ == '__main__':
    main()
