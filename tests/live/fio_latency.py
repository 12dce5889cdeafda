#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Our durations against fio's own, one by one: as many ios as fio's log of latencies has, matched by offset and order.

fio's `lat` begins before the call and ends after it (io_uring, libaio: from before its submission until fio reaped it), so each
difference is the time that fio spent outside: never negative. For libaio, of whose reaping no trace point tells, an io ends at
its last bio's end: there fio's figure is an upper bound. Prints the distribution of the differences.

usage: fio_latency.py [disk|file ENGINE DEPTH direct|buffered]"""
import collections
import os
import sys

import kt

N = 4000
SIZE_MIB = 64
# ns. The median of what fio needs around one call, on a machine that others use too.
SYNC_MEDIAN = 5000
ASYNC_MEDIAN = {1: 30000}

KINDS = {"psync": "syscall", "libaio": "aio", "io_uring": "io_uring"}


def fio_log(path):
    """[(offset, lat ns)] in the order of their ends."""
    out = []
    for line in kt.read(path).splitlines():
        f = [w.strip() for w in line.split(",")]
        out.append((int(f[4]), int(f[1])))
    return out


def ours(db, target, kind):
    """[(offset, start, dur, state)] of the reads of that disk or file; dur None where it is not known or may be wrong."""
    st = os.stat(target)
    if target.startswith("/dev/"):
        where, arg = "d.dev = ?", kt.dev_of(target)
    else:
        where, arg = "i.ino = ?", st.st_ino
    return db.rows("SELECT offset_bytes, start_ns, CASE i.state WHEN 'whole' THEN i.dur_ns END, i.state FROM io i LEFT JOIN device d USING (device_id) "
                   "JOIN task t USING (utid) WHERE %s AND i.kind = ? AND i.op = 'read' AND i.size_bytes = 4096 "
                   "AND t.is_recorder = 0 ORDER BY i.start_ns + ifnull(i.dur_ns, 0)" % where, arg, kind)


def at(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def one(target, name, engine, depth, direct):
    d = kt.tmpdir()
    ktr, log = os.path.join(d, "run.ktr"), os.path.join(d, "log")
    kt.run("sync")
    fio = kt.fio(filename=target, rw="randread", bs="4k", size="%dM" % SIZE_MIB, number_ios=N, direct=int(direct), ioengine=engine,
                 iodepth=depth, write_lat_log=log, log_avg_msec=0, log_offset=1, clocksource="clock_gettime", randseed=7, invalidate=1)
    fio = [a for a in fio if not a.startswith("--norandommap")]  # each offset once
    kt.record(ktr, *fio)
    db = kt.analyze(ktr)
    kt.seen_all(db)
    what = "%s %s qd %d %s" % (name, engine, depth, "direct" if direct else "buffered")
    if kt.lost(db):
        raise kt.Blind("%s: %d events lost" % (what, kt.lost(db)))
    theirs, rows = fio_log(log + "_lat.1.log"), ours(db, target, KINDS[engine])
    by_offset = collections.defaultdict(list)
    for offset, _, dur, _ in rows:
        by_offset[offset].append(dur)
    diffs, missing, no_end = [], 0, 0
    for offset, lat in theirs:
        if not by_offset[offset]:
            missing += 1
            continue
        dur = by_offset[offset].pop(0)
        if dur is None:
            no_end += 1
        else:
            diffs.append(lat - dur)
    extra = sum(map(len, by_offset.values()))
    diffs.sort()
    durs = sorted(r[2] for r in rows if r[2] is not None)
    print("%-36s fio %d, ktrace %d, matched %d, without end %d; duration p50 %.1f us; fio - ktrace: min %d, p1 %d, p50 %d, p90 %d, "
          "p99 %d, max %d ns" % ((what, len(theirs), len(rows), len(diffs), no_end, at(durs, .5) / 1e3 if durs else 0) +
                                 tuple(at(diffs, p) if diffs else 0 for p in (0, .01, .5, .9, .99, 1))), flush=True)
    kt.check(len(theirs) == N, "%s: fio logged %d, not %d" % (what, len(theirs), N))
    kt.check(not missing and not extra, "%s: %d of fio's are missing, %d more than fio's" % (what, missing, extra))
    # libaio that reads from the page cache has neither bio nor any event at its end.
    if engine != "libaio" or direct:
        lossy = sum(r[3] == "lossy" for r in rows)
        kt.check(no_end <= lossy <= N // 10, "%s: %d have no end, %d of them are lossy" % (what, no_end, lossy))
    if diffs:
        kt.check(diffs[0] >= 0, "%s: longer than fio's own by up to %d ns" % (what, -diffs[0]))
        limit = SYNC_MEDIAN if engine == "psync" else ASYNC_MEDIAN.get(depth)
        if limit and engine != "libaio":
            kt.check(at(diffs, .5) <= limit, "%s: fio spends %d ns outside, the median" % (what, at(diffs, .5)))


def main():
    kt.need_root_and_bpf()
    disk = kt.loop_disk(SIZE_MIB)
    kt.run("dd", "if=/dev/urandom", "of=" + disk, "bs=1M", "count=%d" % SIZE_MIB, "oflag=direct")
    path = os.path.join(kt.tmpdir("/var/tmp"), "data")
    kt.run("dd", "if=/dev/urandom", "of=" + path, "bs=1M", "count=%d" % SIZE_MIB, "conv=fsync")
    targets = {"disk": disk, "file": path}
    want = sys.argv[1:]
    for name, target in targets.items():
        for engine in KINDS:
            for depth in (1, 32) if engine != "psync" else (1,):
                for direct in (True, False):
                    if want and want != [name, engine, str(depth), "direct" if direct else "buffered"]:
                        continue
                    kt.attempts(name, lambda: one(target, name, engine, depth, direct))


if __name__ == "__main__":
    kt.main(main)
