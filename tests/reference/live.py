#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Real recordings, analysed by ktrace-analyze and by the independent reconstruction: the same rows, each of them. Loads that merge,
split, flush, requeue and stack; with and without a scheduler, on a partition, on a disk without requests, with events lost."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))
import kt  # noqa: E402
import links  # noqa: E402


def same_rows(name, *load, options=()):
    ktr = os.path.join(kt.tmpdir(), name + ".ktr")
    kt.record(ktr, *load, options=options)
    p = subprocess.run([os.path.join(HERE, "compare"), "--analyze", kt.ANALYZE, "--show", "5", ktr], stdout=subprocess.PIPE, text=True)
    print(p.stdout, end="", flush=True)
    kt.check(p.returncode == 0, name + ": the rows differ")


def test():
    loop = kt.loop_disk()
    for scheduler in ("none", "mq-deadline", "bfq", "kyber"):
        kt.set_scheduler(loop, scheduler)
        same_rows("random-" + scheduler, *kt.fio(filename=loop, rw="randrw", ioengine="io_uring", iodepth=32, time_based=None, runtime=1,
                                                 rate_iops=8000))
        same_rows("buffered-" + scheduler, *kt.fio(filename=loop, rw="write", bs="64k", direct=0, size="24M", end_fsync=1))
    same_rows("discard", *kt.fio(filename=loop, rw="randtrim", bs="64k", size="32M"))
    # Larger than any request: split.
    same_rows("large", *kt.fio(filename=loop, rw="randrw", bs="8m", size="256M", io_size="128M", ioengine="libaio", iodepth=4))
    same_rows("lossy", *kt.fio(filename=loop, rw="randread", ioengine="io_uring", iodepth=32, time_based=None, runtime=1),
              options=("--buffer", "64K"))
    mnt = kt.filesystem(loop)
    same_rows("fsync", *kt.fio(directory=mnt, rw="randwrite", bs="16k", size="16M", direct=0, fsync=8))
    for kind in ("xfs", "btrfs"):
        same_rows("journal-" + kind, *links.fsync_command(kt.filesystem(kt.loop_disk(), kind)))
    part = kt.loop_disk(partitions=True) + "p1"
    same_rows("partition", *kt.fio(filename=part, rw="randrw", bsrange="4k-2m", size="64M", ioengine="libaio", iodepth=8))
    same_rows("bio-based", *kt.fio(filename=kt.zram_disk(), rw="randrw", bsrange="4k-1m", size="64M", io_size="32M"))


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
