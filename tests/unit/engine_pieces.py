#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""A run in several files: no flow is lost at a seam, and the rows are those of the run in one file.

usage: engine_pieces.py TEXT-TO-KTR KTRACE-ANALYZE
Reads overlap every seam. The pieces are given in any order, one of them twice, cut short, or left out.
"""
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

READS, PIECES = 60, 3


def events():
    out, t = [], 1000
    for i in range(READS):
        bio, rq, cpu = 0xb00 + i % 8, 0x700 + i % 8, i % 2
        t += 100
        out += [
                (t, cpu, f'bio_queue tid=7 tgid=7 bio={bio:#x} sector={8 * i} bytes=4096 dev=8:0 opf=read'),
                (t + 10, cpu, f'rq_get dev=8:0 bio={bio:#x}'),
                (t + 20, cpu, f'rq_issue part_dev=8:0 rq={rq:#x} sector={8 * i} bytes=4096 opf=read dev=8:0 flags=0x4'
                 f' bio={bio:#x} n_bios=1 segments=1'),
                (t + 520 + i % 37, 1 - cpu, f'rq_complete bytes=4096 rq={rq:#x} bio={bio:#x} flags=0x5 opf=read dev=8:0'),
        ]
    return sorted(out, key=lambda e: e[:2])


class Bench:
    def __init__(self, tool, analyze, folder):
        self.tool, self.analyze, self.folder = tool, analyze, pathlib.Path(folder)

    def record(self, name, body, end, head='', **env):
        return ktest.make_recording(self.tool, self.folder / (name + '.ktr'), ktest.DISKS + head + '@events\n' + body + f'\n@end {end}\n', **env)

    def rows(self, *files, pipe=None):
        """Everything that the analysis says, except file names. pipe: the files come through one."""
        db = self.folder / 'out.db'
        cmd = [self.analyze, '-o', str(db), *(['-'] if pipe else map(str, files))]
        said = ktest.run(*(['bash', '-c', pipe, 'bash', *files] if pipe else []), *cmd)
        con = ktest.open_db(db)
        tables = {}
        for name, in con.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"):
            cols = [c[1] for c in con.execute(f'PRAGMA table_info("{name}")') if c[1] not in ('file', 'file_bytes')]
            if name in ('request', 'bio'):
                cols.sort(key=lambda c: c == 'state')  # the last
            tables[name] = con.execute(f'SELECT {", ".join(cols)} FROM "{name}"').fetchall()
        tables['load'] = con.execute('SELECT * FROM load ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9').fetchall()  # a view
        con.close()
        return tables, said.stderr


def same(have, want, what):
    for name in want:
        if have[name] != want[name]:
            ktest.fail(f'{what}: table {name}:\n{have[name]}\nnot\n{want[name]}')


def whole_flows(tables, lossy=()):
    """The number of requests and bios that count, by run; and the same from the sums."""
    rows = {t: [0, 0, 0, 0] for t in ('request', 'bio')}
    for t in rows:
        for r in tables[t]:
            rows[t][r[1]] += r[-1] == 'whole'
            if r[-1] not in ('whole', 'duplicate', 'open_at_start', 'open_at_end', *lossy):
                ktest.fail(f'state {r[-1]}')
    sums = {t: [0, 0, 0, 0] for t in rows}
    for r in tables['load']:
        sums[r[2]][r[0]] += r[8] if r[6] == 'whole' else 0
    if sums != rows:
        ktest.fail(f'load has {sums}, not {rows}')
    return [rows['request'][1:3], rows['bio'][1:3]]


def overlaps(b, all_events, end):
    """What two recordings of one boot both saw is counted once."""
    body = ktest.event_lines(all_events)
    begin, middle = all_events[len(all_events) // 3][0], all_events[2 * len(all_events) // 3][0]
    early = b.record('early', ktest.event_lines(e for e in all_events if e[0] <= middle), middle, GOLDEN_UUID='5')
    late = b.record('late', ktest.event_lines(e for e in all_events if e[0] >= begin), end, GOLDEN_UUID='6', GOLDEN_START=str(begin))
    after = b.record('after', ktest.event_lines(e for e in all_events if e[0] > middle), end, GOLDEN_UUID='7', GOLDEN_START=str(middle + 1))
    one, two = b.record('one', body, end), b.record('two', body, end, GOLDEN_UUID='2')
    bios = b.record('bios', body, end, head='@kinds core,bio\n', GOLDEN_UUID='3')
    requests = b.record('requests', body, end, head='@kinds core,request\n', GOLDEN_UUID='4')
    some = b.record('some', body, end, head='@filters -p 7\n', GOLDEN_UUID='8')
    others = b.record('others', body, end, head='@filters -p 7 -p 8\n', GOLDEN_UUID='9')
    half = len(all_events) // 2
    torn = b.record('torn-one', ktest.event_lines(all_events[:half]) + '\n@cut damaged\n' + ktest.event_lines(all_events[half:]), end)

    def count(files, *says):
        have, said = b.rows(*files)
        if (not says and said) or not all(s in said for s in says) or (says and len(said.splitlines()) != 1):
            ktest.fail(f'{[f.name for f in files]}: said: {said}')
        return whole_flows(have)

    said = ('overlap', 'duplicate')
    for got, want in (
        (count((one, two), *said, 'counted in', 'one.ktr alone'), [[READS, 0], [READS, 0]]),
        (count((two, one), *said, 'two.ktr alone'), [[READS, 0], [READS, 0]]),
        # Of other families: what counts is what a run says that it recorded, though these hold more.
        (count((one, bios), *said), [[READS, 0], [READS, 0]]),
        (count((bios, one), *said), [[READS, READS], [READS, 0]]),
        (count((bios, requests)), [[READS, READS], [READS, 0]]),
        # The one without a filter saw all; of two filters nobody knows.
        (count((some, one), *said, 'one.ktr alone'), [[0, READS], [0, READS]]),
        (count((some, others), 'counts twice'), [[READS, READS], [READS, READS]]),
    ):
        if got != want:
            ktest.fail(f'counted: {got}, not {want}')
    # One begins before the other ends: those at the seam belong to the one that saw both ends.
    for files in ((early, late), (late, early)):
        requests, bios = count(files, *said, 'early.ktr alone')
        if sum(requests) != READS or sum(bios) != READS or 0 in requests + bios:
            ktest.fail(f'{[f.name for f in files]}: counted {requests} and {bios}')
    requests, bios = count((early, after))
    if not READS - 12 <= sum(requests) < READS:
        ktest.fail(f'one after the other: {requests}')
    # What the first lost counts in the other.
    have, _ = b.rows(torn, two)
    requests, bios = whole_flows(have, ('lossy',))
    # One whose bio began in what was lost is lossy there, and began after that here.
    if not 0 < requests[0] < READS or not READS - 1 <= sum(requests) <= READS or sum(bios) != READS:
        ktest.fail(f'a torn one: {requests}')


def clocks(b, body, end):
    """How far clocks are off is what both machines know of their own, at the start and at the end, or not known."""
    one = b.record('one', body, end, GOLDEN_WALL_ERROR='3000000')
    boot = b.record('boot', body, end, GOLDEN_UUID='2', GOLDEN_WALL_ERROR='3000000')
    n = 0

    def other(**env):
        nonlocal n
        n += 1
        return b.record(f'other{n}', body, end, GOLDEN_UUID='3', GOLDEN_BOOT='3', **env)

    known = {'GOLDEN_WALL_ERROR': '5000000'}
    for files, err in (
        ((one, boot), 0),
        ((one, other(**known)), 8000000),
        ((one, other()), None),
        ((other(), b.record('fifth', body, end, GOLDEN_UUID='5', GOLDEN_BOOT='5', **known)), None),
        # The end's is the wider one; the narrower one changes nothing; nobody knew any more.
        ((one, other(**known, GOLDEN_WALL_ERROR_END='7000000')), 10000000),
        ((one, other(**known, GOLDEN_WALL_ERROR_END='1000')), 8000000),
        ((one, other(**known, GOLDEN_WALL_ERROR_END='-1')), None),
        ((other(**known, GOLDEN_WALL_ERROR_END='7000000'), one), 10000000),
        # It was set: by so much it had been off, in either direction.
        ((one, other(**known, GOLDEN_WALL_ERROR_END='1000', GOLDEN_WALL_STEP='900000000')), 903001000),
        ((one, other(**known, GOLDEN_WALL_ERROR_END='1000', GOLDEN_WALL_STEP='-900000000')), 903001000),
    ):
        have, said = b.rows(*files)
        errors = [r[7] for r in have['run']]
        if errors != [0, err] or ('overlap' in said) != (boot in files):
            ktest.fail(f'{[f.name for f in files]}: clock errors {errors}, not [0, {err}]; said: {said}')


def main():
    all_events = events()
    end, step = all_events[-1][0] + 100, len(all_events) // PIECES
    cuts = [all_events[i * step:(i + 1) * step if i < PIECES - 1 else None] for i in range(PIECES)]
    folder = ktest.tmpdir()
    b = Bench(sys.argv[1], sys.argv[2], folder)
    whole = b.record('whole', '\n@cut\n'.join(ktest.event_lines(c) for c in cuts), end)
    pieces = [b.record(f'piece{i}', ktest.event_lines(c), end if i == PIECES - 1 else c[-1][0]) for i, c in enumerate(cuts)]
    want, _ = b.rows(whole)
    if len(want['request']) != READS or {r[-1] for r in want['request']} != {'whole'}:
        ktest.fail(f'the whole run: {want["request"]}')

    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        have, said = b.rows(*(pieces[i] for i in order))
        same(have, want, f'pieces {order}')
        if said:
            ktest.fail(f'pieces {order}: {said}')
    # Nothing counts twice: a file given twice, a piece given twice, a copy under another name, or one that was cut.
    again, cut = pathlib.Path(folder) / 'again.ktr', pathlib.Path(folder) / 'cut.ktr'
    again.write_bytes(whole.read_bytes())
    cut.write_bytes(whole.read_bytes()[:-3000])
    for files in ((*pieces, pieces[1]), (whole, whole), (again, whole), (cut, whole), (whole, cut), (whole, whole, whole)):
        have, said = b.rows(*files)
        same(have, want, f'{[f.name for f in files]}')
        if said.count('it is read once') != len(said.splitlines()) or len(said.splitlines()) != len(files) - (3 if len(files) == 4 else 1):
            ktest.fail(f'{[f.name for f in files]}: not said: {said}')
    # cat a b > c: both are read, whatever the end of a.
    joined = pathlib.Path(folder) / 'joined.ktr'
    joined.write_bytes(b''.join(p.read_bytes() for p in pieces))
    have, said = b.rows(joined)
    same(have, want, 'cat of the pieces')
    if said:
        ktest.fail(f'cat of the pieces: {said}')
    for keep in (None, -30, -1000, -3000):
        joined.write_bytes(pieces[0].read_bytes()[:keep] + pieces[1].read_bytes() + pieces[2].read_bytes())
        have, said = b.rows(joined)
        if len(have['run']) != 1 or (keep is None) != (not said) or len(have['request']) < READS * 2 // 3:
            ktest.fail(f'cat of pieces, the first without its last {keep} bytes: {len(have["request"])} requests, {have["run"]}: {said}')
    # Nor does it matter how they come: a pipe, standard input that is a file, a FIFO.
    other = b.record('other-run', ktest.event_lines(all_events), end, GOLDEN_UUID='2', GOLDEN_BOOT='2')
    joined.write_bytes(whole.read_bytes() + other.read_bytes())
    want, said = b.rows(whole, other)
    for pipe, files in (
        ('cat "$1" "$2" | (shift 2; exec "$@")', (whole, other)),
        ('a=$1; shift; exec "$@" <"$a"', (joined,)),
        ('mkfifo "$1.fifo"; cat "$1" >"$1.fifo" & f=$1.fifo; shift; exec "${@:1:$#-1}" "$f"', (joined,)),
        ('tar -cf - -C / "${1#/}" "${2#/}" | (shift 2; exec "$@")', (whole, other)),
    ):
        have, said = b.rows(*files, pipe=pipe)
        same(have, want, pipe)
        if said:
            ktest.fail(f'{pipe}: {said}')
    joined.write_bytes(whole.read_bytes() + b'no recording')
    have, said = b.rows(joined, pipe='cat "$1" | (shift; exec "$@")')
    if len(have['request']) != READS or 'bytes after the end' not in said:
        ktest.fail(f'rubbish behind a recording: {len(have["request"])} requests: {said}')
    overlaps(b, all_events, end)
    clocks(b, ktest.event_lines(all_events), end)
    # The middle one without its end: what is lost there ends where the next begins.
    data = pieces[1].read_bytes()
    torn = pathlib.Path(folder) / 'torn.ktr'
    torn.write_bytes(data[:-20])
    have, said = b.rows(pieces[0], torn, pieces[2])
    seam = min(t for t, cpu, _ in cuts[2] if cpu == 0)  # its first block is CPU 0's
    ends = [r[2] + r[3] for r in have['lost_interval']]
    if len(have['run']) != 1 or not said or not ends or max(ends) > seam:
        ktest.fail(f'torn: {have["run"]} {have["lost_interval"]} {said}')
    # A request is lossy if its bio is, which began 10 before.
    whole_after = [r for r in have['request'] if r[8] > seam + 10]
    if not whole_after or {r[-1] for r in whole_after} != {'whole'}:
        ktest.fail(f'torn: after the seam: {whole_after}')
    print(f'{READS} reads over {PIECES - 1} seams')


ktest.main(main)
