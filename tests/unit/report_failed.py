#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Failed operations are in a column of every table by operation, and in no other figure; sleeping for something other than a disk is not I/O.

usage: report_failed.py TEXT-TO-KTR KTRACE-ANALYZE KTRACE-REPORT EXAMPLES
"""
import json
import os
import pathlib
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

# Three writes of 100 ns, four that fail after 9000, of which one is another task's; an fsync that fails, and none that does not.
CALLS = ((7, 2, 100, 4096), (7, 2, 100, 4096), (8, 2, 100, 4096), (7, 2, 9000, -28), (7, 2, 9000, -28), (7, 2, 9000, -9), (8, 2, 9000, -28), (8, 3, 9000, -5))


def report(tool, db, name, *args):
    return json.loads(ktest.run(tool, name, '--json', *args, db).stdout)['tables']


def check_errors(text_to_ktr, analyze, tool, folder):
    ktr, db = folder / 'failed.ktr', folder / 'failed.db'
    events = [f'{10000 * (i + 1)} 0 io_call tid={tid} tgid={tid} dur_ns={dur} ino=12 ino_dev=8:0 offset=0 size=4096 result={result} op={op} kind=1 flags=0x20'
              for i, (tid, op, dur, result) in enumerate(CALLS)]
    text = ('@events\n10 0 task_new tid=7 tgid=7 parent_tid=1 comm="seven"\n11 0 task_new tid=8 tgid=8 parent_tid=1 comm="eight"\n'
            + '\n'.join(events) + '\n@end 100000\n')
    ktest.make_recording(text_to_ktr, ktr, text)
    ktest.run(analyze, ktr, '-o', db)
    for args, of in (((), (7, 8)), (('--over', '1ns'), (7, 8)), (('--task', 'seven'), (7,)), (('--task', '8', '--over', '1ns'), (8,))):
        for name, table in (('summary', 'ops'), ('stages', 'groups'), ('tasks', 'tasks'), ('cgroups', 'cgroups')):
            rows = report(tool, db, name, *args)[table]
            for op, number in (('write', 2), ('fsync', 3)):
                calls = [c for c in CALLS if c[0] in of and c[1] == number]
                want = (sum(c[3] > 0 for c in calls), sum(c[3] < 0 for c in calls), 100 if any(c[3] > 0 for c in calls) else None)
                mine = [r for r in rows if r['op'] == op]
                have = (sum(r['n'] or 0 for r in mine), sum(r['errors'] or 0 for r in mine), max((r['mean_ns'] for r in mine if r['mean_ns']), default=None))
                if have != want:
                    ktest.fail(f'{name} {args}: {op}: n, errors and mean are {have}, not {want}: {rows}')
            if any(r['errors'] and (r['n'] or r['mean_ns'] or r.get('p99_ns')) for r in rows):
                ktest.fail(f'{name} {args}: {rows}')


def check_asleep(analyze, tool, examples, folder):
    """I/O time is time spent waiting for a disk."""
    db = folder / 'storage.db'
    ktest.run(analyze, examples / 'storage.ktr', '-o', db)
    use = {r['program']: r for r in report(tool, db, 'summary')['time_use']}
    program = max((p for p in use if use[p]['io_share']), key=lambda p: use[p]['total_ns'])
    changed = folder / 'asleep.db'
    shutil.copy(db, changed)
    con = sqlite3.connect(changed)
    ktest.as_tables(con, 'io_load')
    row, slept = con.execute("SELECT io_load.rowid, slept_ns FROM io_load JOIN task USING (utid) WHERE via = 'disk' AND program = ?"
                             " ORDER BY slept_ns DESC LIMIT 1 OFFSET 1", (program,)).fetchone()
    con.execute("UPDATE io_load SET via = 'asleep' WHERE rowid = ?", (row,))
    con.commit()
    con.close()
    now = {r['program']: r for r in report(tool, changed, 'summary')['time_use']}[program]
    moved = (use[program]['io_share'] - now['io_share']) * now['total_ns']
    if now['total_ns'] != use[program]['total_ns'] or not slept or abs(moved - slept) > 0.001 * slept or now['sleep_share'] <= use[program]['sleep_share']:
        ktest.fail(f'{program}: {slept} ns are asleep now, {moved} left I/O: {use[program]}, {now}')


def main():
    text_to_ktr, analyze, tool, examples = sys.argv[1:]
    folder = pathlib.Path(ktest.tmpdir())
    check_errors(text_to_ktr, analyze, tool, folder)
    check_asleep(analyze, tool, pathlib.Path(examples), folder)


ktest.main(main)
