#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Operations are found by their partition and by its disk, in every report that takes --disk, and counted once.

usage: partition.py TEXT-TO-KTR KTRACE-ANALYZE KTRACE-REPORT
"""
import json
import os
import pathlib
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

N = {"sda1": 3, "sda2": 5, "sda": 2}  # operations on each: cached ones of its file system, one read directly, all of a task of its own
TID = {"sda1": 101, "sda2": 102, "sda": 100}
DEV = {"sda1": "8:1", "sda2": "8:2", "sda": "8:0"}
CASE = """@context 0 disks
dev\tname\tparent\tscheduler\trotational\tsize_bytes\thw_queues\tbio_based\tnr_requests\tmax_sectors_kb
8:0\tsda\t-\tnone\t0\t1000000\t1\t0\t64\t512
8:1\tsda1\t8:0\t-\t-\t500000\t-\t-\t-\t-
8:2\tsda2\t8:0\t-\t-\t500000\t-\t-\t-\t-
@events
"""


def events():
    out, t = [], 1000
    for disk, n in N.items():
        dev, tid = DEV[disk], TID[disk]
        for i in range(n):
            t += 10000
            if i:  # from the page cache: only its file tells where it was; of the disk itself the file is the disk
                out.append(f"{t} 0 io_call tid={tid} tgid={tid} dur_ns=300 ino=12 ino_dev={dev} offset=0 size=4096 result=4096 op=1 kind=1 flags=0x20")
                continue
            bio, rq = f"{0xb000 + tid:#x}", f"{0x7000 + tid:#x}"
            out += [
                f"{t} 0 bio_queue tid={tid} tgid={tid} bio={bio} sector=8 bytes=4096 dev={dev} opf=read io_kind=1 io_tid={tid} io_age_ns=100 io_flags=0x2",
                f"{t + 10} 0 rq_get bio={bio} dev={dev}",
                f"{t + 20} 0 rq_issue rq={rq} bio={bio} sector=8 bytes=4096 opf=read dev=8:0 part_dev={dev} flags=0x4 n_bios=1 segments=1",
                f"{t + 500} 0 rq_complete rq={rq} bio={bio} bytes=4096 opf=read dev=8:0 flags=0x5",
                f"{t + 600} 0 io_call tid={tid} tgid={tid} dur_ns=700 ino=12 ino_dev={dev} dev={dev} offset=0 size=4096 result=4096 op=1 kind=1"
                " flags=0x21 n_bios=1",
            ]
    return out, t + 20000


def main():
    tool, analyze, report = sys.argv[1:]
    folder = pathlib.Path(ktest.tmpdir())
    ktr, db = folder / "a.ktr", folder / "a.db"
    rows, end = events()
    ktest.make_recording(tool, ktr, CASE + "\n".join(rows) + f"\n@end {end}\n")
    ktest.run(analyze, ktr)
    got = sqlite3.connect(db).execute("SELECT d.name, p.name, count(*) FROM io JOIN device d USING (device_id) LEFT JOIN device p"
                                      " ON p.device_id = part_device_id GROUP BY 1, 2 ORDER BY 2").fetchall()
    if got != [("sda", None, 2), ("sda", "sda1", 3), ("sda", "sda2", 5)]:
        ktest.fail(f"rows of io: {got}")

    def count(table, *args):
        p = ktest.run(report, *args, "--json", db)
        rows = [r for r in json.loads(p.stdout)["tables"].get(table, []) if r.get("stage", "total") == "total"]
        return sum(r.get("n", 1) for r in rows)

    want = dict(N, sda=sum(N.values()))
    for disk, n in want.items():
        for name in (disk, DEV[disk]):
            for filters in ((), ("--over", "1ns"), ("--since", "0s")):
                for table, *args in (("tasks", "tasks"), ("files", "files"), ("hist", "hist"), ("io", "stages", "--flow", "io"), ("slow", "slow"),
                                     ("ops", "summary"), ("cgroups", "cgroups")):
                    have = count(table, *args, "--disk", name, *filters)
                    if have != n:
                        ktest.fail(f"{args} --disk {name} {filters}: {have} operations, not {n}")
    print("%d operations, by disk and partition" % sum(N.values()))


ktest.main(main)
