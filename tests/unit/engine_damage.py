#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Damaged recordings through the whole analysis: no crash, no silently wrong row, nothing left behind.

usage: engine_damage.py TEXT-TO-KTR KTRACE-ANALYZE [RUNS [SEED]]
Makes a recording of reads in many blocks, then flips a bit, overwrites a stretch, or cuts the end off, and analyses that.
Whatever comes out must be among the rows of the whole file, what is missing must be announced by one line on stderr
and stand in lost_interval, and the exit status is 0, or 1 without a database.
"""
import os
import pathlib
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

BLOCKS, READS = 12, 15


def recording():
    """Reads that overlap each other, on two CPUs; each block of each CPU holds some."""
    events, t = [], 1000
    for i in range(BLOCKS * READS):
        bio, rq, cpu = 0xb00 + i % 8, 0x700 + i % 8, i % 2
        t += 100
        disk = 'dev=8:0'
        events += [
            (t, cpu, f'bio_queue tid=7 tgid=7 bio={bio:#x} sector={8 * i} bytes=4096 {disk} opf=read'),
            (t + 10, cpu, f'rq_get {disk} bio={bio:#x}'),
            (t + 20, cpu, f'rq_issue part_dev=8:0 rq={rq:#x} sector={8 * i} bytes=4096 opf=read {disk} flags=0x4'
             f' bio={bio:#x} n_bios=1 segments=1'),
            (t + 520 + i % 37, 1 - cpu, f'rq_complete bytes=4096 rq={rq:#x} bio={bio:#x} flags=0x5 opf=read {disk}'),
        ]
    events.sort(key=lambda e: e[:2])
    lines, step = [], len(events) // BLOCKS
    for i, (when, cpu, what) in enumerate(events):
        if i and i % step == 0:
            lines.append('@cut')
        lines.append(f'{when} {cpu} {what}')
    return ktest.DISKS + '@events\n' + '\n'.join(lines) + f'\n@end {t + 2000}\n'


def read_rows(db):
    con = ktest.open_db(db)
    assert con.execute('PRAGMA integrity_check').fetchone() == ('ok',)
    rows = set(con.execute("SELECT 'request', sector, size_bytes, op, start_ns, dur_ns, plug_ns, device_ns, issue_cpu,"
                           " complete_cpu, n_bios, error FROM request WHERE state = 'whole'"))
    rows |= set(con.execute("SELECT 'bio', sector, size_bytes, op, start_ns, dur_ns, alloc_ns, endio_ns, error"
                            " FROM bio WHERE state = 'whole'"))
    events, = con.execute('SELECT sum(events) FROM run').fetchone()
    lost, = con.execute("SELECT count(*) FROM lost_interval WHERE cause <> 'missed'").fetchone()
    con.close()
    return rows, events, lost


def damage(whole, kind):
    data = bytearray(whole)
    at = random.randrange(len(data))
    if kind == 'flip':
        data[at] ^= 1 << random.randrange(8)
    elif kind == 'cut':
        del data[at:]
    else:
        n = min(random.randrange(1, 600), len(data) - at)
        data[at:at + n] = random.randbytes(n)
    return bytes(data), at


def main():
    tool, analyze = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 150
    random.seed(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    read_back = 0
    folder = pathlib.Path(ktest.tmpdir())
    ktr, db = ktest.make_recording(tool, folder / 'x.ktr', recording()), folder / 'x.db'
    whole = ktr.read_bytes()
    ktest.run(analyze, ktr)
    all_rows, all_events, lost = read_rows(db)
    assert len(all_rows) == 2 * BLOCKS * READS and not lost, (len(all_rows), lost)
    for i in range(runs):
        kind = ('flip', 'cut', 'overwrite')[i % 3]
        data, at = damage(whole, kind)
        ktr.write_bytes(data)
        db.unlink(missing_ok=True)
        p = ktest.run(analyze, ktr, check=False, errors='replace', timeout=60)
        wrong = None
        if p.returncode not in (0, 1) or p.stderr.count('\n') > 1:
            wrong = f'exit status {p.returncode}'
        elif p.returncode == 1 and (db.exists() or not p.stderr):
            wrong = 'exit status 1 with a database or without a reason'
        elif sorted(f.name for f in folder.iterdir()) != sorted(
                ['x.golden', 'x.ktr'] + ['x.db'] * (p.returncode == 0)):
            wrong = 'files left behind'
        elif p.returncode == 0:
            rows, events, lost = read_rows(db)
            read_back += len(rows)
            if rows - all_rows:
                wrong = f'rows that never were: {sorted(rows - all_rows, key=str)[:2]}'
            elif (events < all_events or rows < all_rows) and not (lost and p.stderr):
                wrong = 'loss in silence'
        ktest.check(not wrong, f'{kind} at {at} of {len(whole)}: {wrong}\n{p.stderr}')
    print(f'{runs} damaged files of {len(whole)} bytes: {len(ktest.failures)} failures; '
          f'{100 * read_back / (runs * len(all_rows)):.0f} % of all rows read back')
    # A test in which nothing is ever read back would pass for any analysis.
    ktest.check(read_back, 'nothing was read back')


if __name__ == '__main__':
    ktest.main(main)
