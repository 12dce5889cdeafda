#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Loss: none at the highest rate a loop disk gives; and when it is forced, every event is accounted for, the intervals
hold the time of the loss, and the flows open across them are lossy."""

import os
import signal
import subprocess
import sys
import time

import kt
from diskstats import check_hooks

SECONDS = int(os.environ.get("KT_NOLOSS_SECONDS", "10"))


def no_loss():
    disk = kt.loop_disk(size_mib=1024)
    d = kt.tmpdir()
    ktr = os.path.join(d, "run.ktr")
    p = kt.record(ktr, *kt.fio(filename=disk, rw="randread", ioengine="io_uring", iodepth=32, iodepth_batch_submit=16,
                               iodepth_batch_complete_max=16, runtime=SECONDS, time_based=None))
    db = kt.analyze(ktr)
    n = db.one("SELECT count(*) FROM request")
    events = db.one("SELECT events FROM run")
    print("%d requests in %d s: %.0f IOPS, %.0f events/s, %.2f bytes an event, %.2f bytes a read" % (
        n, SECONDS, n / SECONDS, events / SECONDS, os.path.getsize(ktr) / events, os.path.getsize(ktr) / n))
    kt.check(kt.lost(db) == 0, "%d events lost at %.0f IOPS" % (kt.lost(db), n / SECONDS))
    kt.check(n > 20000 * SECONDS, "only %.0f IOPS: not the highest rate of a loop disk" % (n / SECONDS))
    # The disk was idle at both ends: what is not whole on it was spoilt by a hit that no program saw. In a hole any number of them.
    not_whole = db.one("SELECT count(*) FROM request r JOIN device d USING (device_id) WHERE state <> 'whole' AND d.dev = ? AND NOT EXISTS ("
                       "SELECT 1 FROM lost_interval l WHERE l.cause = 'blind' AND (r.start_ns IS NULL OR r.start_ns <= l.start_ns + l.dur_ns) "
                       "AND (r.dur_ns IS NULL OR r.start_ns + r.dur_ns >= l.start_ns))", kt.dev_of(disk))
    missed = db.one("SELECT coalesce(sum(n), 0) FROM lost_interval WHERE cause = 'missed'")
    kt.check(not_whole <= missed, "%d requests beside holes are not whole, %d missed (hits that no program saw)" % (not_whole, missed))
    print(p.stderr, end="")


def starved():
    """Load and busy loops come before ordinary tasks and take every CPU: the recorder must come before them, its start too. (Not
    further before: at nice -20 the kernel's own workers, and this test, would get no CPU.)"""
    disk = kt.loop_disk(size_mib=512)
    d = kt.tmpdir()
    ktr = os.path.join(d, "run.ktr")
    for _ in range(2 * os.cpu_count()):
        hog = subprocess.Popen(["nice", "-n", "-5", "sh", "-c", "while :; do :; done"])
        kt.stack.callback(hog.wait)
        kt.stack.callback(hog.kill)
    began = time.monotonic()
    recorder = subprocess.Popen(
        [kt.RECORD, "-o", ktr, "--", "nice", "-n", "-5"] +
        kt.fio(filename=disk, rw="randread", ioengine="io_uring", iodepth=32, iodepth_batch_submit=16,
               iodepth_batch_complete_max=16, runtime=5, time_based=None),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    kt.stack.callback(lambda: recorder.poll() is None and recorder.kill())
    kt.check(recorder.stderr.readline() == "recording\n", "it does not say that it records")
    started = time.monotonic() - began
    said = recorder.communicate(timeout=120)[1]
    kt.check(recorder.returncode == 0, "ktrace-record: exit %d: %s" % (recorder.returncode, said))
    db = kt.analyze(ktr)
    events = db.one("SELECT events FROM run")
    print("recording after %.2f s; %d events, %d lost\n%s" % (started, events, kt.lost(db), said), end="")
    kt.check(kt.lost(db) == 0, "%d events lost" % kt.lost(db))
    kt.check(events > 100000, "only %d events: no load" % events)
    kt.check(started < 5, "recording after %.2f s only" % started)


def forced():
    """The consumer is stopped for a second while a fast load runs; the rings are tiny."""
    disk = kt.loop_disk(size_mib=512)
    d = kt.tmpdir()
    ktr = os.path.join(d, "run.ktr")
    marks = {}
    recorder = subprocess.Popen(
        [kt.RECORD, "-o", ktr, "--buffer", "256K", "--"] +
        kt.fio(filename=disk, rw="randrw", ioengine="io_uring", iodepth=32, runtime=5, time_based=None),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    kt.stack.callback(lambda: recorder.poll() is None and recorder.kill())
    time.sleep(2.5)
    marks["stop"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    recorder.send_signal(signal.SIGSTOP)
    time.sleep(1)
    recorder.send_signal(signal.SIGCONT)
    marks["cont"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    said = recorder.communicate(timeout=60)[1]
    kt.check(recorder.returncode == 0, "ktrace-record: exit %d: %s" % (recorder.returncode, said))
    db = kt.analyze(ktr, "--raw")
    lost = kt.lost(db)
    kt.check(lost > 1000, "only %d events lost: the test did not force a loss" % lost)
    kt.check(db.one("SELECT sum(n) FROM lost_interval") == db.one("SELECT lost FROM run"),
             "run.lost and the lost intervals differ")
    check_hooks(db, "forced")
    # The stop lies within the intervals' hull, on every CPU that lost something then; times are relative to the start.
    realtime = db.one("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'")
    offset = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC) - realtime
    stop, cont = marks["stop"] + offset, marks["cont"] + offset
    hull = db.one("SELECT min(start_ns), max(start_ns + dur_ns) FROM lost_interval WHERE start_ns < ? AND start_ns + dur_ns > ?",
                  cont, stop)
    # A tiny ring fills within some ms of the stop; it is read again within some ms of the continuation.
    kt.check(hull[0] is not None and hull[0] < stop + 200e6 and hull[1] > cont - 200e6,
             "the loss between %.3f s and %.3f s is not in the intervals %s" % (stop / 1e9, cont / 1e9, hull))
    for flow in ("request", "bio"):
        bad = db.one("SELECT count(*) FROM %s f JOIN lost_interval l USING (run_id) WHERE f.state = 'whole' "
                     "AND l.cause NOT IN ('missed', 'blind') AND "
                     "f.start_ns <= l.start_ns + l.dur_ns AND f.start_ns + f.dur_ns >= l.start_ns" % flow)
        kt.check(bad == 0, "%d %ss are whole although open across a loss" % (bad, flow))
        whole, lossy = db.one("SELECT sum(state = 'whole'), sum(state = 'lossy') FROM %s" % flow)
        kt.check(whole and lossy, "%s: %s whole, %s lossy" % (flow, whole, lossy))
        print("%ss: %d whole, %d lossy" % (flow, whole, lossy))
    kt.check("lost" in said, "the closing summary does not speak of the loss: %s" % said)


def room():
    """More under way than the filters have room for: what is missing is counted under its own cause, and nothing else is spoilt."""
    disk = kt.loop_disk(size_mib=256)
    d = kt.tmpdir()
    ktr = os.path.join(d, "run.ktr")
    load = kt.fio(filename=disk, rw="randread", ioengine="io_uring", iodepth=64, runtime=2, time_based=None)
    said = kt.record(ktr, *load, options=["--disk", os.path.basename(disk), "--filter-room", "16"]).stderr
    db = kt.analyze(ktr, "--raw")
    kt.seen_all(db)
    causes = dict(db.rows("SELECT cause, sum(n) FROM lost_interval WHERE cause NOT IN ('missed', 'blind') GROUP BY 1"))
    kt.check(list(causes) == ["no_room"], "lost by %s, not for want of room" % causes)
    kt.check("no room to follow" in said and "--filter-room" in said and "--buffer" not in said, "it says: " + said)
    check_hooks(db, "room")
    for flow in ("request", "bio"):
        whole, lossy = db.one("SELECT total(state = 'whole'), total(state = 'lossy') FROM %s JOIN device USING (device_id) WHERE dev = ?" % flow,
                              kt.dev_of(disk))
        kt.check(whole > 1000 and not lossy, "%ss: %d whole, %d lossy" % (flow, whole, lossy))
    cached = db.one("SELECT count(*) FROM io WHERE kind = 'io_uring' AND state = 'whole' AND n_bios = 0")
    kt.check(cached == 0, "%d operations seem to have had no bio" % cached)
    print("%d of %d bios had no room" % (causes.get("no_room", 0), causes.get("no_room", 0) + db.one("SELECT count(*) FROM bio")))
    kt.record(os.path.join(d, "all.ktr"), *load, options=["--disk", os.path.basename(disk)])
    lost = kt.lost(kt.analyze(os.path.join(d, "all.ktr")))
    kt.check(lost == 0, "%d lost with room for all" % lost)


if __name__ == "__main__":
    kt.need_root_and_bpf()
    cases = {"no-loss": no_loss, "starved": starved, "forced": forced, "no-room": lambda: kt.attempts("no-room", room)}
    kt.main(lambda: [cases[c]() for c in (sys.argv[1:] or cases)])
