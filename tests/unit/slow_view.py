#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""View v_slow: all whole operations and requests, the longest first, and the first ones without reading the others.

usage: slow_view.py TEXT-TO-KTR KTRACE-ANALYZE
"""
import os
import pathlib
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

COLUMNS = 'flow id run_id op disk path size_kib start_ns start_s dur_ns dur_us task tid tgid is_recorder cgroup'.split()
# What the view is, without a thought of speed.
PLAIN = f"""SELECT 'io', io_id, {', '.join(COLUMNS[2:])} FROM v_io WHERE state = 'whole' AND dur_ns IS NOT NULL
UNION ALL SELECT 'request', request_id, {', '.join('NULL' if c == 'path' else c for c in COLUMNS[2:])} FROM v_request WHERE state = 'whole'"""


def events(n, rng):
    """n calls and n reads of the disk; durations of few values, so that many are alike, and some of all sorts."""
    out = [(10, 0, 'task_new tid=7 tgid=7 parent_tid=1 comm="seven"'), (11, 0, 'task_new tid=8 tgid=8 parent_tid=1 comm="eight"')]
    for i in range(n):
        t = 1000 + i * 4000000000 // n
        dur = rng.choice((100, 5000, 5000, 70000, rng.randrange(1, 200000)))
        tid = rng.choice((7, 8))
        out.append((t + dur, 0, f'io_call tid={tid} tgid={tid} dur_ns={dur} ino=12 ino_dev=8:0 offset=0 size=4096 result=4096 op={rng.choice((1, 2))}'
                    ' kind=1 flags=0x20'))
        dur = rng.choice((5000, 70000, rng.randrange(50, 200000)))
        bio, rq = 0xb0000 + 16 * i, 0x70000000 + 16 * i
        out += [
                (t, 1, f'bio_queue tid={tid} tgid={tid} bio={bio:#x} sector={8 * i} bytes=4096 dev=8:0 opf=read'),
                (t + 10, 1, f'rq_get dev=8:0 bio={bio:#x}'),
                (t + 20, 1, f'rq_issue part_dev=8:0 rq={rq:#x} sector={8 * i} bytes=4096 opf=read dev=8:0 flags=0x4 bio={bio:#x} n_bios=1 segments=1'),
                (t + 20 + dur, 1, f'rq_complete bytes=4096 rq={rq:#x} bio={bio:#x} flags=0x5 opf=read dev=8:0'),
        ]
    return sorted(out, key=lambda e: e[:2])


def make(tool, analyze, folder, name, evs):
    ktr, db = folder / (name + '.ktr'), folder / (name + '.db')
    blocks = [ktest.event_lines(evs[i:i + 5000]) for i in range(0, len(evs), 5000)]
    ktest.make_recording(tool, ktr, ktest.DISKS + '@events\n' + '\n@cut\n'.join(blocks) + f'\n@end {evs[-1][0] + 100}\n')
    ktest.run(analyze, ktr, '-o', db)
    return ktest.open_db(db)


def steps(con, sql):
    """Of SQLite's machine, in hundreds."""
    n = 0

    def count():
        nonlocal n
        n += 1

    con.set_progress_handler(count, 100)
    con.execute(sql).fetchall()
    con.set_progress_handler(None, 0)
    return n


def check_rows(con, name):
    want = sorted(con.execute(PLAIN), key=repr)
    have = con.execute('SELECT * FROM v_slow').fetchall()
    if [c[0] for c in con.execute('SELECT * FROM v_slow LIMIT 0').description] != COLUMNS:
        ktest.fail(f'{name}: other columns')
    if sorted(have, key=repr) != want:
        ktest.fail(f'{name}: {len(have)} rows, not the {len(want)} that there are')
    at = COLUMNS.index('dur_ns')
    if any(a[at] < b[at] for a, b in zip(have, have[1:])):
        ktest.fail(f'{name}: not by duration')
    for where in ("flow = 'io'", "flow = 'request' AND dur_us > 60", "task = 'eight'", "op = 'read'", 'start_s > 2', "disk = 'sda'", 'id = 5'):
        one_row = f"SELECT {where} FROM (SELECT {', '.join(f'? AS {c}' for c in COLUMNS)})"
        durs = sorted((r[at] for r in want if con.execute(one_row, r).fetchone()[0]), reverse=True)
        for tail, n in (('', None), (' LIMIT 7', 7), (' ORDER BY dur_ns DESC LIMIT 40', 40), (' LIMIT 3 OFFSET 30', slice(30, 33))):
            got = [r[0] for r in con.execute(f'SELECT dur_ns FROM v_slow WHERE {where}{tail}')]
            if got != (durs[n] if isinstance(n, slice) else durs[:n]):
                ktest.fail(f'{name}: WHERE {where}{tail}: {got[:50]}, not {durs[:50]}')
    return len(want)


def main():
    rng = random.Random(8)
    folder = pathlib.Path(ktest.tmpdir())
    for n in (0, 1, 15, 16, 17, 300):
        con = make(sys.argv[1], sys.argv[2], folder, f'n{n}', events(n, rng) if n else [(10, 0, 'task_new tid=7 tgid=7 parent_tid=1 comm="seven"')])
        if check_rows(con, n) != 2 * n:
            ktest.fail(f'{n}: not all are whole')
        con.close()
    # All alike: none is among the 31 that come first.
    con = make(sys.argv[1], sys.argv[2], folder, 'alike', [(1000 * i + 500, 0, 'io_call tid=7 tgid=7 dur_ns=100 ino=12 ino_dev=8:0 offset=0 size=4096'
                                                            ' result=4096 op=1 kind=1 flags=0x20') for i in range(100)])
    check_rows(con, 'alike')
    con.close()
    n = 6000
    con = make(sys.argv[1], sys.argv[2], folder, 'many', events(n, rng))
    count = steps(con, "SELECT sum(dur_ns) FROM (SELECT dur_ns FROM io WHERE state = 'whole' UNION ALL SELECT dur_ns FROM request WHERE state = 'whole')")
    first, longest = steps(con, 'SELECT * FROM v_slow LIMIT 10'), steps(con, 'SELECT * FROM v_slow ORDER BY dur_ns DESC LIMIT 1')
    some = steps(con, "SELECT * FROM v_slow WHERE task = 'eight' LIMIT 5")
    print(f'{2 * n} flows: {100 * count} steps to add them up, {100 * first} for the first 10, {100 * longest} for the longest, {100 * some} for 5 of a task')
    if 4 * first > count or 4 * some > count or longest > 9 * count:
        ktest.fail('too many')
    con.close()


ktest.main(main)
