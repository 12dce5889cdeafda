#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Who waited for a CPU and for how long, against the kernel's own accounting; interrupts likewise.

contention: a task that computes and sleeps now and then, on one CPU with two hogs. It reads its own /proc/self/schedstat
at its begin and end: what it waited for the CPU between them must agree with the waits of 2 us and more that were recorded, within
1 %; so must the time that it ran; the five sums of its life add up to that life, exactly; the hogs are named.
interrupts, softirqs: over a run with disk, network and timer load, each number's count is within the audit's stated tolerance."""

import os
import subprocess
import sys

import kt

WORK = r'''
import os, sys, time
os.sched_setaffinity(0, {0})
now = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC)
stat = lambda: list(map(int, open("/proc/self/schedstat").read().split()[:2]))
def work(s):
    end = now() + s * 10**9
    n = 0
    while now() < end:
        n += 1
        if n % 20000 == 0:
            time.sleep(0.002)
work(0.3)
a, t0 = stat(), now()
work(4)
b, t1 = stat(), now()
print(os.getpid(), t0, t1, b[0] - a[0], b[1] - a[1])
'''
HOG = "import os\nos.sched_setaffinity(0, {0})\nwhile True: pass"
WAIT_NS = 2000


def missed_switches(db, tid):
    """A CPU switched away from the task without having switched to it: a switch that no program saw."""
    return db.one("SELECT coalesce(sum(prev_tid <> came), 0) FROM (SELECT prev_tid, lag(next_tid) OVER (PARTITION BY cpu "
                  "ORDER BY time_ns, rowid) AS came FROM raw_sched_switch) WHERE prev_tid = ?", tid)


def start_hog():
    p = subprocess.Popen([sys.executable, "-c", HOG])
    kt.stack.callback(p.wait)
    kt.stack.callback(p.kill)
    return p


def contention():
    d = kt.tmpdir()
    out, ktr = os.path.join(d, "out"), os.path.join(d, "run.ktr")
    hogs = [start_hog() for _ in range(2)]
    kt.record(ktr, "sh", "-c", 'exec "$0" -c "$1" > "$2"', sys.executable, WORK, out, options=["-e", "sched"])
    for hog in hogs:
        hog.kill()
        hog.wait()
    db = kt.analyze(ktr, "--raw")
    tid, t0, t1, ran, waited = map(int, kt.read(out).split())
    start = kt.mono_start(db)
    window = (tid, t0 - start, t1 - start)
    if kt.lost(db):
        raise kt.Blind("%d events lost" % kt.lost(db))
    if missed_switches(db, tid):
        raise kt.Blind("%d switches" % missed_switches(db, tid))
    traced, all_waits, n = db.one(
        "SELECT sum(wait_ns) FILTER (WHERE wait_ns >= %d), sum(wait_ns), count(*) FROM raw_sched_switch "
        "WHERE next_tid = ? AND time_ns BETWEEN ? AND ?" % WAIT_NS, *window)
    unseen = db.one("SELECT count(*) FROM raw_sched_switch WHERE next_tid = ? AND time_ns BETWEEN ? AND ? AND wait_ns = 0", *window)
    if unseen:
        raise kt.Blind("%d wakings" % unseen)
    print("contention: waited %.6f s by the kernel, %.6f s in waits of 2 us and more, %.6f s in all %d" %
          (waited / 1e9, traced / 1e9, all_waits / 1e9, n))
    kt.check(waited > 10**9, "there was contention")
    kt.check(abs(traced - waited) <= waited / 100, "waits of 2 us and more: %d ns, schedstat says %d" % (traced, waited))
    row = db.one("SELECT s.run_ns, runq_ns, irq_ns, softirq_ns, sleep_ns, n_switches, t.utid FROM sched_task s "
                 "JOIN task t USING (utid) WHERE t.tid = ?", tid)
    first, last = db.one("SELECT min(time_ns) FILTER (WHERE next_tid = ?1), max(time_ns) FILTER (WHERE prev_tid = ?1) "
                         "FROM raw_sched_switch", tid)
    kt.check(sum(row[:5]) == last - first, "its sums make %d ns, it lived %d" % (sum(row[:5]), last - first))
    # Without the 0.3 s before the first reading, and what the kernel had not accounted yet: a tick at either end.
    whole = db.one("SELECT sum(d) FROM (SELECT time_ns - lag(time_ns) OVER (ORDER BY time_ns, rowid) AS d, prev_tid, time_ns FROM "
                   "raw_sched_switch WHERE cpu = 0) WHERE prev_tid = ? AND time_ns BETWEEN ? AND ?", *window)
    print("ran: %.6f s by the kernel, %.6f s between switches" % (ran / 1e9, whole / 1e9))
    kt.check(abs(whole - ran) <= ran / 100 + 10**7, "ran %d ns between switches, schedstat says %d" % (whole, ran))
    check_who(db, tid, row[6], [hog.pid for hog in hogs])


def check_who(db, tid, utid, hogs):
    """Who ran instead, derived again from the switches of CPU 0."""
    turns, want, since = [], {}, 0
    for t, prev, came, wait in db.rows("SELECT time_ns, prev_tid, next_tid, wait_ns FROM raw_sched_switch WHERE cpu = 0 "
                                       "ORDER BY time_ns, rowid"):
        turns.append((since, t, prev))
        since = t
        if came != tid or not wait:
            continue
        ran = {}
        for begin, end, who in reversed(turns[-64:]):
            if end <= t - wait:
                break
            if who:
                ran[who] = ran.get(who, 0) + end - max(begin, t - wait)
        by = max(ran, key=ran.get) if ran else None
        want[by] = want.get(by, 0) + 1
    have = dict(db.rows("SELECT b.tid, d.n FROM sched_delay d LEFT JOIN task b ON b.utid = d.by_utid WHERE d.utid = ?", utid))
    n = sum(want.values())
    same = sum(min(have.get(by, 0), k) for by, k in want.items())
    print("who ran instead: the same in %d of %d waits" % (same, n))
    # In a long wait on a crowded CPU more tasks run than are told apart.
    kt.check(same >= 0.9 * n, "who ran instead: %s, worked out from the switches: %s" % (have, want))
    kt.check(any(h in have for h in hogs), "none of the hogs was ever in the way")


def interrupts():
    d = kt.tmpdir()
    ktr = os.path.join(d, "run.ktr")
    target = os.path.join(kt.tmpdir("/var/tmp"), "data")
    load = kt.fio(rw="randrw", size="64m", filename=target, runtime=1, time_based=None, fsync=16)
    kt.record(ktr, *load, options=["-e", "irq"])
    db = kt.analyze(ktr)
    rows = db.rows("SELECT counter, kernel, traced, tolerance, verdict FROM audit WHERE counter LIKE 'interrupts %' OR counter LIKE 'softirqs %'")
    for row in rows:
        print("%-40s kernel %7d traced %7d tolerance %d %s" % row)
    kt.check(any(r[0].startswith("interrupts") and r[1] > 100 for r in rows), "there were interrupts")
    kt.check(any(r[0].startswith("softirqs") and r[1] > 100 for r in rows), "there were soft interrupts")
    kt.check(all(r[2] <= r[1] + r[3] for r in rows), "more was traced than the kernel counts")
    off = [r for r in rows if r[4] != "ok"]
    # Fewer by some: there are tasks that hide what comes on top of them (kt.attempts).
    if off and not kt.lost(db) and all(r[1] - r[2] <= 10 + r[1] // 20 for r in off):
        raise kt.Blind(", ".join("%s %d of %d" % (r[0], r[2], r[1]) for r in off))
    kt.check(not off, "counts that are off: %s" % off)
    times = db.rows("SELECT kind, name, sum(n), sum(time_ns), max(max_ns) FROM irq_load GROUP BY kind, name")
    kt.check(all(t[3] >= t[4] > 0 for t in times if t[2]), "times of interrupts: %s" % times)


def main():
    kt.need_root_and_bpf()
    kt.attempts("contention", contention)
    kt.attempts("interrupts", interrupts)


kt.main(main)
