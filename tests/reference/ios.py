# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Rebuilds operations by the rules in README.md in this folder, once a whole recording has been read: see reconstruct.py."""
import bisect
import collections

import reconstruct

STAGES = ('submit', 'throttle', 'alloc', 'plug', 'queue', 'device', 'complete', 'endio', 'wakeup', 'return', 'between', 'cached', 'blocked', 'worker', 'flush')
IO = ('kind', 'op', 'tid', 'start_ns', 'dur_ns') + tuple(s + '_ns' for s in STAGES) + (
    'runq', 'via', 'error', 'offset', 'size', 'moved', 'result', 'n_bios', 'parent', 'state')

KIND = {1: 'syscall', 2: 'io_uring', 3: 'aio', 4: 'fault', 6: 'writeback', 7: 'journal', 8: 'readahead', 9: 'swap', 10: 'syscall'}
SYSCALL, URING, AIO, FAULT, LOOP, JOURNAL, AFTER = 1, 2, 3, 4, 5, 7, 10
SLEPT, MIN_BLOCKED = 0x80, 1_000_000
MOVING = {'read', 'write', 'sendfile', 'splice', 'copy_file_range'}
MAX_RW = 0x7ffff000
SWAP, WAITED = 2, 2  # of a bio, of its link
DATA, WOKEN, PREEMPTED, BY_IRQ, BY_SOFTIRQ = 0x20, 1, 2, 4, 8
NEXT_FOLLOWED, PREV_FOLLOWED = 0x20, 0x40
MUST_RUN = {'submit', 'alloc', 'plug', 'between', 'endio', 'wakeup', 'return', 'cached'}
QUIET = 100_000_000
IRQ_NS, TASK_NS = 1_000_000, 20_000

OPS = dict(enumerate('read write fsync fdatasync sync_file_range syncfs sync sendfile splice copy_file_range fallocate truncate open close '
                     'unlink rename mkdir rmdir execve stat getdents mmap munmap msync madvise fadvise readahead ioctl mount umount '
                     'io_submit io_uring_enter fault writeback commit link symlink xattr chmod chown exit other discard swapin swapout'.split(), 1))

Sleep = collections.namedtuple('Sleep', 'out waking into waker cpu by_irq')
Hop = collections.namedtuple('Hop', 'bio start foreign')


class Io:
    def __init__(self, kind, tid, start, first):
        self.kind, self.tid, self.start, self.first = kind, tid, start, first
        self.end = self.op = self.result = self.offset = self.size = self.state = self.waiter = self.parent = None
        self.bios, self.stages, self.open = [], [], True
        self.room = self.waited = self.next = None
        self.at_next = None  # a fault: its state when the next one showed that it was over
        self.doubtful = False  # it is an operation only if it waited
        self.pathless = True
        self.tgid = self.ino = self.ino_dev = self.dev = None
        self.log = None  # the buffer of a log that it is the writing of
        self.log_waited = None  # whose buffer it waited for
        self.late = False  # with a filter: its task was not watched from its begin on
        self.exec = None  # (old tid, t): its task's number is another since

    def failed(self):
        return self.result is not None and -4096 < self.result < 0

    def empty(self):
        return self.result == 0 and not self.bios and self.op in MOVING

    def via(self):
        named = {name for name, _, _ in self.stages}
        if self.failed():
            return 'failed'
        if self.empty() and self.pathless and 'blocked' not in named:
            return 'empty'
        if 'cached' in named:
            return 'cache'
        return 'asleep' if self.pathless and not self.bios and 'blocked' in named else 'disk'

    def key(self):
        return f'{KIND[self.kind]}/{self.start}/{self.tid}'


class IoRun(reconstruct.Run):
    def __init__(self):
        super().__init__()
        self.ios = []
        self.calls = {}  # (kind, tid) -> open Io
        self.asyncs = collections.defaultdict(list)  # (kind, address) -> open Ios
        self.io_of = {}  # id of a bio -> its Io
        self.completions = collections.defaultdict(list)  # cpu -> [(t, last bio)]
        self.sleeps = collections.defaultdict(list)  # tid -> [Sleep]
        self.deep = collections.defaultdict(list)  # tid -> those that nothing interrupts
        self.outs = collections.defaultdict(list)  # tid -> [t]: it left the CPU
        self.left = {}  # tid -> (t, state): off the CPU
        self.waits = collections.defaultdict(list)  # tid -> [(begin, end)]: it could have run, and no interrupt had the CPU
        self.on_cpu = {}  # cpu -> tid that came last
        self.watched = collections.defaultdict(list)  # tid -> [[begin, end or None, when that was known]]: times without gaps
        self.has_sched = False
        self.writers = collections.defaultdict(list)  # log buffer -> Ios that wrote it, in order
        self.log_waits = {}  # tid -> (t, buffer, the Io that writes it, how often it was written)

    # ------------------------------------------------------------------ events

    def on_bio_queue(self, t, cpu, e):
        super().on_bio_queue(t, cpu, e)
        b = self.bio_rows[-1]
        kind = int(e.get('io_kind', 0))
        if b.parent:
            self.io_of[id(b)] = self.io_of.get(id(b.parent))
        elif kind == LOOP:
            r = self.requests.get(e['io'])
            if r:
                # Before its first issue a request's bios are not known.
                self.io_of[id(b)] = self.io_of.get(id(r.bios[0])) if r.bios else None
        elif kind in KIND:
            age = int(e['io_age_ns'])
            io = self.iocb_of(e) if kind == AIO and e['io_tid'] == '0' else None
            io = io or self.io_for(kind, e['io'], e['io_tid'], e['tgid'], t, t - age if age else None)
            io.bios.append(b)
            if kind == AFTER:
                io.op = OPS.get(int(e['io'], 16))
            elif kind not in (URING, AIO) and int(e['io'], 16) and (not self.writers[e['io']] or self.writers[e['io']][-1] is not io):
                self.writers[e['io']].append(io)
            self.io_of[id(b)] = io
            if kind == FAULT:
                self.name_fault(io, e)
                io.waited = b if int(e['io_flags'], 16) & WAITED else None

    def name_fault(self, io, e):
        swap, write = int(e['flags'], 16) & SWAP, e['opf'].split('|')[0] == 'write'
        op = 'fault' if not swap else 'swapout' if write else 'swapin'
        if io.op not in (None, 'swapout') and op != 'swapin':
            return
        if io.op != op:
            io.op, io.size = op, 0 if swap else None
            io.offset = int(e['offset']) if int(e['offset']) >= 0 else None
        if swap:
            io.size += int(e['bytes'])

    def on_bio_split(self, t, cpu, e):
        n = len(self.bio_rows)
        super().on_bio_split(t, cpu, e)
        if len(self.bio_rows) > n and self.bio_rows[-1].parent:
            self.io_of[id(self.bio_rows[-1])] = self.io_of.get(id(self.bio_rows[-1].parent))

    def on_rq_complete(self, t, cpu, e):
        r = self.requests.get(e['rq'])
        n = len(self.request_rows)
        super().on_rq_complete(t, cpu, e)
        if not r and len(self.request_rows) > n:
            r = self.request_rows[-1]
        if r and (r.end == t or not int(e['flags'], 16) & reconstruct.FLUSH_SEQ):
            self.completions[cpu].append((t, r.bios[-1] if r.bios else None))

    def is_watched(self, tid, start, end):
        return any(a <= start and (b is None or b >= end) and known <= end for a, b, known in self.watched[tid])

    def watch(self, tid, t, goes_on, begin):
        """A switch of that task: without a gap since the previous one, or the beginning of what is known of it."""
        spans = self.watched[tid]
        if spans and spans[-1][1] is None:
            if goes_on:
                return
            spans[-1][1] = t - 1
        if begin is not None:
            spans.append([begin, None, t])

    def on_sched_switch(self, t, cpu, e):
        self.has_sched = True
        flags, wait = int(e['flags'], 16), int(e['wait_ns'])
        prev, tid = e['prev_tid'], e['next_tid']
        came = self.on_cpu.get(cpu)
        if came not in (None, '0', prev):
            self.watch(came, t, came in self.left, None)
        if prev != '0':
            known = bool(self.watched[prev]) and self.watched[prev][-1][1] is None
            if not self.filtered:
                self.watch(prev, t, known and came == prev and prev not in self.left, 0 if came is None and not known else t)
            else:
                is_followed = bool(flags & PREV_FOLLOWED)
                self.watch(prev, t, is_followed and known and came == prev and prev not in self.left, t if is_followed else None)
            self.left[prev] = (t, e['prev_state'])
            self.outs[prev].append(t)
            after = self.calls.get((AFTER, prev))
            if after and after.op == 'exit' and e['prev_state'] == '3':
                self.after_end(self.calls.pop((AFTER, prev)), t)
        self.on_cpu[cpu] = tid
        out, state = self.left.pop(tid, (None, None))
        if tid == '0':
            return
        known = bool(self.watched[tid]) and self.watched[tid][-1][1] is None
        is_followed = not self.filtered or bool(flags & NEXT_FOLLOWED)
        self.watch(tid, t, is_followed and known and out is not None, t if is_followed else None)
        if self.filtered and not is_followed:
            # It may have come and gone since: then what it waited for began later than it was seen to go.
            if wait and flags & PREEMPTED:
                out, state = t - wait, '0'
            elif state == '0' or (wait and out is not None and t - wait < out):
                out = None
        if out is None:
            return
        ready = out if state == '0' else max(t - wait, out) if wait and flags & WOKEN else t
        taken = int(e['irq_ns']) + int(e['softirq_ns'])
        if ready + taken < t:
            self.waits[tid].append((ready + taken, t))
        if state == '0':
            return
        waking = max(t - wait, out) if wait and flags & WOKEN else None
        if state == '2':
            self.deep[tid].append((out, t))
        self.sleeps[tid].append(Sleep(out, waking, t, e['waker_tid'], int(e['wake_cpu']), bool(flags & (BY_IRQ | BY_SOFTIRQ))))

    def new_io(self, kind, tid, start, first):
        io = Io(kind, tid, start, first)
        self.ios.append(io)
        return io

    def after_end(self, io, end=None):
        """Work left behind by a call, or an exit, was under way when it last queued a bio or had slept."""
        io.open, io.waiter, io.doubtful = False, io.tid, not io.bios
        io.end = end if end is not None else max([b.start for b in io.bios] + [io.room or 0])
        if not io.state:
            io.state = self.state(io.start)

    def miss(self, io):
        if io.kind == AFTER:
            self.after_end(io)
            return
        io.open = False
        if io.kind == FAULT:
            io.at_next = self.state(io.start) if io.start is not None else None  # what is lost later is of no matter
            return
        io.state = 'lossy'
        self.missed += 1

    def iocb_of(self, e):
        """A kernel thread queues the bio, and only the address of the iocb is known: the open one there that matches file and offset."""
        def fits(io):
            if io.kind != AIO or io.op not in ('read', 'write') or (io.op == 'write') != (e['opf'].split('|')[0] == 'write'):
                return False
            if (io.ino, io.ino_dev) != (e['ino'], e['ino_dev']) if e['ino'] != '0' else io.dev != e['dev']:
                return False
            at = int(e['offset'])
            return at < 0 or io.offset is None or io.size is None or io.offset <= at < io.offset + io.size
        found = [io for io in self.asyncs[AIO, e['io']] if fits(io)]
        return found[0] if len(found) == 1 else None

    def io_for(self, kind, addr, tid, tgid, t, start):
        """The open io that a bio or a call names, or a new one."""
        if kind in (URING, AIO):
            for io in self.asyncs[kind, addr]:
                if kind == URING or io.tid == tid or io.tgid == tgid:
                    return io
            io = self.new_io(kind, tid, start, t)
            io.tgid = tgid
            self.asyncs[kind, addr].append(io)
            return io
        log = addr if kind == JOURNAL and addr and int(addr, 16) else None
        if log:
            tid, of = log, tid
        io = self.calls.get((kind, tid))
        if io and start is not None and start > io.first:
            io.next = start
            self.miss(io)
            io = None
        if not io:
            io = self.calls[kind, tid] = self.new_io(kind, of if log else tid, start, t)
            io.log = log
        return io

    def fill(self, io, e):
        io.op = OPS.get(int(e['op']))
        io.ino, io.ino_dev, io.dev = e['ino'], e['ino_dev'], e.get('dev')
        io.offset = int(e['offset']) if int(e['offset']) >= 0 else None
        io.size = int(e['size'])
        if io.size == (1 << 64) - 1:
            io.size = None
        elif io.op in MOVING:
            io.size = min(io.size, MAX_RW)
        elif io.size >= 1 << 63:
            io.size = None

    def on_io_call_begin(self, t, cpu, e):
        io = self.io_for(1, None, e['tid'], e['tgid'], t, t)
        self.fill(io, dict(e, op=2))

    def on_task_comm(self, t, cpu, e):
        super().on_task_comm(t, cpu, e)
        old, new = e.get('old_tid', '0'), e['tid']
        if old == '0':
            return
        for kind in KIND:
            io = self.calls.pop((kind, old), None)
            if io:
                self.calls[kind, new] = io
                io.tid, io.exec = new, (old, t)
        self.left.pop(new, None)
        if self.watched[new] and self.watched[new][-1][1] is None:
            self.watched[new][-1][1] = t - 1
        if self.watched[old] and self.watched[old][-1][1] is None:
            self.watched[old][-1][1] = t
            self.watched[new].append([t, None, t])
        if self.on_cpu.get(cpu) == old:
            self.on_cpu[cpu] = new

    def on_task_new(self, t, cpu, e):
        # Another life of that number.
        self.left.pop(e['tid'], None)
        self.watch(e['tid'], t, False, None)

    def over_exec(self, io, of):
        """What is listed in `of` by number, of the io's task."""
        if not io.exec:
            return of.get(io.tid, ())
        old, at = io.exec
        return [x for x in of.get(old, ()) if x[0] < at] + [x for x in of.get(io.tid, ()) if x[0] >= at]

    def runq(self, io):
        """How long a call was runnable without running, in the stages in which it must run."""
        if io.kind not in (SYSCALL, AFTER) or not io.stages or not self.has_sched:
            return None
        if io.exec:
            old, at = io.exec
            seen = self.is_watched(old, io.start, at) and self.is_watched(io.tid, at, io.end)
        else:
            seen = self.is_watched(io.tid, io.start, io.end)
        if not seen and (not self.filtered or io.late):
            return None
        waits = self.over_exec(io, self.waits)
        i = bisect.bisect_right(waits, io.start, key=lambda w: w[1])
        ns = 0
        while i < len(waits) and waits[i][0] < io.end:
            a, b = waits[i]
            ns += sum(max(0, min(b, end) - max(a, begin)) for stage, begin, end in io.stages if stage in MUST_RUN)
            i += 1
        return ns

    def on_page_log(self, t, cpu, e):
        start = t - int(e['dur_ns'])
        io = self.io_for(JOURNAL, e['io'], e['tid'], e['tgid'], t, start)
        del self.calls[JOURNAL, e['io']]
        io.op, io.start, io.result = 'commit', start, 0
        self.over(io, t, e['end_tid'])

    def on_page_log_wait(self, t, cpu, e):
        wrote = self.writers[e['io']]
        now = wrote[-1] if e['writing'] != '0' and wrote and wrote[-1].open else None
        self.log_waits[e['tid']] = (t, e['io'], now, len(wrote))

    def log_waited(self, tid, start):
        t, log, io, n = self.log_waits.pop(tid, (-1, None, None, 0))
        if t < start:
            return None
        wrote = self.writers[log]
        return io or (wrote[n] if len(wrote) == n + 1 else None)

    def on_io_call(self, t, cpu, e):
        kind, start = int(e['kind']), t - int(e['dur_ns'])
        if e['tid'] in self.left and not self.filtered:
            # It runs: that it came was not seen.
            out, _ = self.left.pop(e['tid'])
            self.watch(e['tid'], t, False, start if start > out else t)
        waited = self.log_waited(e['tid'], start)
        known = self.calls.get((kind, e['tid']))
        if kind == AFTER:
            io = self.io_for(kind, None, e['tid'], e['tgid'], t, start)
            io.op, io.room = OPS.get(int(e['op'])), t
            return
        after = self.calls.get((AFTER, e['tid']))
        if after and kind != FAULT and after.first < start and after.op != 'exit':
            self.after_end(self.calls.pop((AFTER, e['tid'])))
        if kind == FAULT:
            if known and known.start == start:
                known.room = t
            return
        if (not known or start > known.first) and not int(e['flags'], 16) & (DATA | SLEPT) and e['n_bios'] == '0':
            if known:
                self.miss(self.calls.pop((kind, e['tid'])))
            return
        io = self.io_for(kind, None, e['tid'], e['tgid'], t, start)
        del self.calls[kind, e['tid']]
        self.fill(io, e)
        io.start, io.result = start, int(e['result'])
        io.late = e.get('late', '0') != '0'
        io.log_waited = waited
        if int(e['n_bios']) > len(io.bios) and self.had_no_room(io, t):
            io.state = 'lossy'
        io.doubtful = not io.bios and int(e['flags'], 16) & (DATA | SLEPT) == SLEPT
        self.over(io, t, e['tid'])

    def had_no_room(self, io, t):
        """Objects that the filter had no room to follow may have belonged to it."""
        return any(a <= t and b >= (io.start or 0) for a, b in self.no_room)

    def over(self, io, t, waiter):
        """It has ended, and its end was seen: its state is that of now."""
        io.open, io.end, io.waiter = False, t, waiter
        if io.kind in (URING, AIO) and self.had_no_room(io, t):
            io.state = 'lossy'
        if any(b.state == 'lossy' for b in io.bios):
            io.state = 'lossy'
        if not io.state:
            io.state = self.state_without_birth() if io.start is None else self.state(io.start)
        self.own_hidden(io)

    def own_hidden(self, io):
        """Its task came or left unseen meanwhile: its own events may be hidden as well."""
        is_call = io.kind not in (URING, AIO) and not io.log
        if io.state == 'whole' and is_call and io.end is not None and self.hidden(io.start, io.end, None, io.tid):
            io.state = 'lossy'

    def on_io_submit(self, t, cpu, e):
        kind = int(e['kind'])
        live = self.asyncs[kind, e['io']]
        for io in [x for x in live if kind == URING or x.tid == e['tid'] or x.tgid == e['tgid']]:
            self.quiet_end(io)
            live.remove(io)
        io = self.new_io(kind, e['tid'], t, t)
        io.tgid = e['tgid']
        self.fill(io, e)
        live.append(io)

    def on_io_end(self, t, cpu, e):
        live = self.asyncs[URING, e['io']]
        io = live.pop() if live else self.new_io(URING, e['tid'], None, t)
        io.result = int(e['result'])
        self.over(io, t, e['tid'])

    def quiet_end(self, io):
        """It ended without an event: with its last bio."""
        io.open = False
        if any(b.end is None or b.state == 'lossy' for b in io.bios):
            io.state = 'lossy'
        if io.bios and all(b.end is not None for b in io.bios):
            io.end = max(b.end for b in io.bios)
        if self.had_no_room(io, self.now if io.end is None else io.end):
            io.state = 'lossy'
        if io.kind == URING and self.hidden(io.start or 0, self.now):
            io.state = 'lossy'  # a hole may have hidden its end
        if not io.state and io.end is None:
            io.state = self.state_at_end(io.start)
        if not io.state:
            io.state = self.state_without_birth() if io.start is None else self.state(io.start)
        if io.kind == URING and io.state == 'lossy':
            io.end = None

    # ------------------------------------------------------------------ ends that are found afterwards

    def finish(self):
        for io in self.ios:
            if io.kind == FAULT and not io.state:
                self.fault_end(io)
            elif io.open and io.kind == AFTER:
                if io.room is not None or all(b.end is not None for b in io.bios):
                    self.after_end(io)
                else:
                    io.state = self.state_at_end(io.start)
            elif io.open and io.kind == AIO and all(b.end is not None for b in io.bios):
                self.quiet_end(io)
            elif not io.state:
                io.state = self.state_at_end(io.start)
        for io in self.ios:
            if io.start is not None and io.end is not None and io.end >= io.start:
                Way(self, io)
        self.ios = [io for io in self.ios if not io.doubtful or (io.stages and self.has_waited(io))]

    def has_waited(self, io):
        return not io.pathless or any(a >= io.start and b <= io.end and b - a >= MIN_BLOCKED for a, b in self.over_exec(io, self.deep))

    def fault_end(self, io):
        going_on = [b.start for b in io.bios] + [io.room or 0]  # it was not over then
        io.waiter = io.tid
        if io.op == 'swapout':
            io.end = io.room
        else:
            for s in self.sleeps[io.tid]:
                if s.out < io.start or s.into > (io.next or s.into) or not any(b.end is not None and s.out <= b.end <= s.into for b in io.bios):
                    continue
                i = bisect.bisect_right(self.outs[io.tid], s.into)
                leaves = self.outs[io.tid][i] if i < len(self.outs[io.tid]) and io.op == 'fault' else float('inf')
                if not any(s.into <= at < leaves for at in going_on):
                    io.end = s.into
                    # Known when the task leaves: what is lost later is of no matter.
                    if leaves < float('inf') and leaves <= (io.next or leaves):
                        io.state = 'lossy' if any(a <= io.end and b >= io.start for a, b in self.losses) else 'whole'
                    break
            if io.end is not None:
                pass
            elif io.waited:
                io.end = io.waited.end
            elif not self.has_sched:
                return self.quiet_end(io)
        if any(b.state == 'lossy' for b in io.bios):
            io.state = 'lossy'
        if io.end is None:
            io.state = io.state or self.state_at_end(io.start)
        elif not io.state:
            io.state = io.at_next or ('whole' if self.lost_until is None else self.state(io.start))
        self.own_hidden(io)


class Way:
    """The path of one io, and its stages."""

    def __init__(self, run, io):
        self.run, self.io = run, io
        self.is_call = io.kind not in (URING, AIO) and not io.log
        self.sched = run.has_sched
        self.gap = False
        self.own = sorted((b for b in io.bios if b.end is not None and b.end <= io.end), key=lambda b: (b.end, -run.number[id(b)]))
        inside = [s for s in run.over_exec(io, run.sleeps) if s.out >= io.start and s.into <= io.end][-256:]
        self.sleeps = inside if self.is_call and self.sched else []
        for s in self.sleeps:
            self.look_for_gap(s)
        self.foreign = self.find_foreign() if self.sleeps else []
        hops = self.find_hops()
        io.pathless = not hops
        waited = io.log_waited if io.log_waited is not io else None
        on_path = [run.io_of[id(h.bio)] for h in hops if h.foreign and run.io_of.get(id(h.bio))]
        io.parent = next((x.key() for x in [waited] + on_path if x), None)
        io.stages = list(self.cut(hops[::-1]))
        if io.state == 'whole' and (self.gap or any(h.bio.state == 'lossy' for h in hops)):
            io.state = 'lossy'

    def last_sleep(self, tid, since, until):
        """The last sleep that began at or after `since` and had ended by `until`."""
        all_of = self.run.sleeps.get(tid, ())
        i = bisect.bisect_right(all_of, until, key=lambda s: s.into)
        return all_of[i - 1] if i and (since is None or all_of[i - 1].out >= since) else None

    def look_for_gap(self, sleep):
        """A wake-up that was not seen, and that a hole may have hidden."""
        if sleep.waking is None and self.run.hidden(sleep.out, sleep.into):
            self.gap = True

    def completed(self, sleep, since, within):
        done = self.run.completions[sleep.cpu]
        i = bisect.bisect_right(done, sleep.waking, key=lambda d: d[0])
        if not i or done[i - 1][0] < since or sleep.waking - done[i - 1][0] > within:
            return None
        return done[i - 1]

    def cause(self, sleep, tid):
        """tid: the task whose sleep it is."""
        began, resort = sleep.out, None
        for _ in range(8):
            if sleep.waking is None:
                break
            if sleep.by_irq:
                return self.completed(sleep, began, IRQ_NS) or resort
            if sleep.waker == '0':
                break
            before = self.last_sleep(sleep.waker, None, sleep.waking)
            since = max(began, before.into) if before else began
            last = self.completed(sleep, since, IRQ_NS)
            if self.run.filtered and not (before and before.into >= began) and not (last and last[1] and last[1].tid == tid):
                last = None
            if last and sleep.waking - last[0] <= TASK_NS:
                return last
            resort = resort or last
            if before and before.out >= began:
                self.look_for_gap(before)
            if not before or before.waking is None or before.waking < began:
                break
            sleep, tid = before, sleep.waker
        return resort

    def hides_cause(self, sleep):
        """A hole on a CPU of the chain of wake-ups just before one of them, or of a task in the chain."""
        began, run = sleep.out, self.run
        for _ in range(8):
            if run.hidden(max(began, sleep.waking - IRQ_NS), sleep.waking, sleep.cpu):
                return True
            if sleep.by_irq or sleep.waker == '0':
                return False
            if run.hidden(began, sleep.waking, None, sleep.waker):
                return True
            sleep = self.last_sleep(sleep.waker, None, sleep.waking)
            if not sleep or sleep.waking is None or sleep.waking < began:
                return False
        return False

    def waited(self, sleep, inner):
        """The bio that ended `inner`, if it is not one of its own."""
        done = self.cause(inner, self.io.tid if inner is sleep else sleep.waker)
        b = done[1] if done else None
        if not b or b.start is None or b.end is None or self.run.io_of.get(id(b)) is self.io or not sleep.out <= b.end <= inner.waking:
            return None
        return b

    def find_foreign(self):
        found = []
        for s in reversed(self.sleeps):
            if s.waking is None or any(s.out < b.end <= s.waking for b in self.own):
                continue
            inner, before = s, len(found)
            for n in range(17):
                b = self.waited(s, inner) if len(found) < 64 else None
                if b:
                    found.append((b, s))
                until = b.start if b else s.waking if inner is s else inner.out
                inner = self.last_sleep(s.waker, s.out, until) if not s.by_irq and s.waker != '0' and until > s.out else None
                if not inner:
                    break
            if len(found) == before < 64 and self.hides_cause(s):
                self.gap = True
        return found

    def find_hops(self):
        hops, moment = [], self.io.end
        # What goes to swap is not waited for, as a rule.
        own = [b for b in self.own if b.op != 'write' or 'swap' not in b.flags.split('|') or self.sleep_at(b.end)]
        foreign = list(self.foreign)
        while True:
            own = [b for b in own if b.end <= moment]
            foreign = [f for f in foreign if f[0].end <= moment]
            if own and (not foreign or own[-1].end >= foreign[0][0].end):
                b, start, is_foreign = own[-1], own[-1].start, False
                own = [x for x in own if x.end < b.end]
            elif foreign:
                b, sleep = foreign.pop(0)
                start, is_foreign = (b.start if b.start >= self.io.start else sleep.out), True
            else:
                return hops
            if b.end < self.io.start:
                return hops
            start = min(max(start, self.io.start), b.end)
            hops.append(Hop(b, start, is_foreign))
            moment = start

    def marks(self, b):
        """[(stage, begin)] of a bio: of its part that ended last."""
        part = b
        while True:
            children = [c for c in self.run.children.get(id(part), ()) if c.end is not None]
            last = max(children, key=lambda c: c.end, default=None)
            if not last or (part.own_end is not None and last.end <= part.own_end):
                break
            part = last
        if part.by_itself and part.based:
            return [('device', b.start)]
        out, r = [('alloc', b.start)], part.request
        if part.by_itself or not r or r.start is None or part.join is None:
            return out
        join, end = max(part.join, r.start), part.own_end
        if r.parts:
            return out + [(stage, max(begin, join)) for stage, begin, _ in r.parts]
        opened = r.opened if r.opened is not None else r.issued
        named = [('plug', r.start, opened if opened is not None else r.end), ('queue', r.opened, r.issued if r.issued is not None else r.end)]
        if not r.got and (r.opened is None or r.opened == r.start):
            named.pop(0)
        complete = r.irq is not None and r.end is not None and r.issued is not None and r.irq > r.issued
        named.append(('device', r.issued, r.irq if complete else r.end))
        if complete:
            named.append(('complete', r.irq, r.end))
        for stage, begin, until in named:
            if begin is None:
                continue
            until = end if until is None else until
            if min(until, end) > max(begin, join) or (begin == until and join <= begin <= end):
                out.append((stage, max(begin, join)))
        return out

    def let_go(self, b):
        """Another process queued it: a limit had held it back. btrfs, whose files are not on a single device, itself uses such threads."""
        io = self.io
        on_disk = io.ino in (None, '0') or io.dev != '0:0' or not io.ino_dev.startswith('0:')
        return b.tgid not in (None, '0', io.tgid) and io.tgid not in (None, '0') and b.tid != io.tid and on_disk

    def cut(self, hops):
        """(stage, begin, end) in time order."""
        io = self.io
        at, before = io.start, 'submit'
        if not hops:
            yield from self.pathless()
            return
        for h in hops:
            sleep = self.sleep_at(h.start)
            if self.sched and self.is_call and not h.foreign and h.bio.tid not in (io.tid, '0') and sleep and \
               at <= sleep.out and h.start < sleep.into:
                yield from self.awake(before, before, at, sleep.out)
                yield 'throttle', sleep.out, h.start
            elif io.kind in (URING, AIO) and self.let_go(h.bio):
                yield 'throttle', at, h.start
            else:
                yield from self.awake(before, before, at, h.start)
            marks = self.marks(h.bio)
            clipped = h.start > h.bio.start
            for (stage, begin), (_, until) in zip(marks, marks[1:] + [(None, h.bio.end)]):
                begin, until = max(begin, h.start), min(until, h.bio.end)
                if until > begin or (until == begin and (not clipped or until == h.bio.end)):
                    yield stage, begin, until
            at, before = h.bio.end, 'between'
        if at == io.end:
            return
        if not self.is_call and self.sched and io.kind != AIO:
            self.sleeps = [s for s in self.run.sleeps.get(io.waiter, ()) if s.into <= io.end][-8:]
        sleep = self.sleep_at(at)
        if not sleep:
            yield from self.awake('endio', 'return', at, io.end)
            return
        if sleep.waking is None or sleep.waking < at:
            yield 'endio', at, sleep.into
        else:
            yield 'endio', at, sleep.waking
            yield 'wakeup', sleep.waking, sleep.into
        if io.kind != FAULT or sleep.into != io.end:
            yield from self.awake('return', 'return', sleep.into, io.end)

    def awake(self, stage, last, begin, end):
        """A stage in which the task should run, without the sleeps within it."""
        within = [s for s in self.sleeps if self.is_call and s.out >= begin and s.into <= end]
        for s in within:
            yield stage, begin, s.out
            waking = s.into if s.waking is None else s.waking
            yield 'blocked', s.out, waking
            if s.waking is not None:
                yield 'wakeup', waking, s.into
            begin = s.into
            if s is self.sleeps[-1]:
                stage = last
        if begin < end or not within:
            yield stage, begin, end

    def pathless(self):
        io = self.io
        if self.sleeps:
            yield from self.awake('submit', 'return', io.start, io.end)
            return
        sure = self.sched and not io.bios and not io.failed() and not io.empty()
        if sure and not self.is_call:
            rested = any(s.out >= io.start and s.into <= io.end for s in self.run.sleeps.get(io.tid, ()))
            sure = io.waiter == io.tid and not rested
        yield 'cached' if sure else 'submit', io.start, io.end

    def sleep_at(self, t):
        return next((s for s in reversed(self.sleeps) if s.out <= t <= s.into), None)


def moved(io):
    """The result of an operation that moves data; without a result, its size, except for a call that did not return."""
    if io.kind not in (SYSCALL, URING, AIO):
        return io.size
    if io.op not in MOVING:
        return None
    if io.result is None:
        return None if io.kind == SYSCALL else io.size
    return min(max(io.result, 0), MAX_RW)


def rows(run):
    run.number = {id(b): i for i, b in enumerate(run.bio_rows)}
    run.children = collections.defaultdict(list)
    for b in run.bio_rows:
        if b.parent and b.link is None:
            run.children[id(b.parent)].append(b)
    run.finish()
    out = []
    for io in run.ios:
        sums = dict.fromkeys(STAGES)
        for stage, begin, end in io.stages:
            sums[stage] = (sums[stage] or 0) + end - begin
        dur = io.end - io.start if io.stages else None
        tid = run.last_tid(io.tid, io.start if io.start is not None else io.first)
        out.append((KIND[io.kind], io.op, tid if tid != '0' else None, io.start, dur) + tuple(sums.values()) + (run.runq(io),) +
                   (io.via(), io.result if io.failed() else None, io.offset, io.size, moved(io), io.result, len(io.bios), io.parent, io.state))
    return out
