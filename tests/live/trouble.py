#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""trouble.py CASE: trouble made on purpose is found, and named by the report. Cases: hog slow-disk throttle tags held-queue
softirq flush. Each records the same load without and with the trouble, and asks the report what changed."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import kt

SECONDS = 2


def job(name, **opts):
    return kt.fio(name, **{**dict(rw="randread", runtime=SECONDS, time_based=None, output="/dev/null"), **opts})


class Run:
    """A recording of the load, its database and its reports."""

    def __init__(self, name, cmd):
        ktr = os.path.join(TMP, name + ".ktr")
        kt.record(ktr, *cmd)
        self.db = kt.analyze(ktr)
        self.path = self.db.path

    def report(self, *args):
        return kt.run(kt.REPORT, *args, self.path).stdout

    def ios(self, where, *args):
        """Of the ios that match: how many, their time, and per stage and disturbance the sum in ns."""
        cols = ["dur"] + STAGES + ["runq", "irq", "softirq"]
        row = self.db.con.execute("SELECT count(*), %s FROM v_io v JOIN io i USING (io_id) WHERE v.state = 'whole' AND %s" % (
            ", ".join("coalesce(sum(i.%s_ns), 0)" % c for c in cols), where), args).fetchone()
        return dict(zip(["n"] + cols, row))


STAGES = ["submit", "throttle", "alloc", "plug", "queue", "device", "complete", "endio", "wakeup", "return", "between", "worker", "flush"]


def dominant(x):
    return max(STAGES, key=lambda s: x[s])


def hog():
    """A task that never sleeps shares the reader's CPU."""
    where = kt.tmpdir("/var/tmp")
    kt.run("dd", "if=/dev/urandom", "of=%s/data" % where, "bs=1M", "count=64", "conv=fsync")
    load = job("reader", filename=where + "/data", cpus_allowed=0)
    quiet = Run("quiet", load)
    spin = os.path.join(TMP, "kt-hog")
    shutil.copy("/bin/sh", spin)
    p = subprocess.Popen(["taskset", "-c", "0", spin, "-c", "while :; do :; done"])
    kt.stack.callback(p.wait)
    kt.stack.callback(p.kill)
    time.sleep(0.2)
    busy = Run("busy", load)
    a, b = (r.ios("v.op = 'read' AND v.task = 'fio'") for r in (quiet, busy))
    print("run queue: %.1f %% of the time of %d reads without the hog, %.1f %% of %d with it" % (
        100 * a["runq"] / a["dur"], a["n"], 100 * b["runq"] / b["dur"], b["n"]))
    by = busy.db.rows("SELECT t.comm, sum(x.dur_ns) FROM disturbance x JOIN task t ON t.utid = x.by_utid "
                      "WHERE x.flow = 'io' AND x.cause = 'runq' GROUP BY 1 ORDER BY 2 DESC")
    print("who ran instead:", by[:3])
    kt.check(by and by[0][0] == "kt-hog", "the hog is not named first among who ran instead")
    # The machine may be busy with other things: what the hog is blamed for counts.
    kt.check(by and by[0][1] > 0.05 * b["dur"], "the run queue does not show the hog")
    kt.check("kt-hog" in busy.report("summary"), "the summary does not name the hog")
    kt.check("kt-hog" not in quiet.report("summary"), "the summary names a hog that was not there")


def blkio_group(limits):
    """A cgroup of the controller blkio (v1) with limits of its own."""
    root = "/sys/fs/cgroup/blkio"
    if not os.path.exists(root + "/blkio.throttle.read_iops_device"):
        kt.skip("no blkio throttling here")
    g = "%s/ktrace-test.%d" % (root, os.getpid())
    os.mkdir(g)
    kt.stack.callback(os.rmdir, g)
    for name, text in limits.items():
        kt.write("%s/blkio.throttle.%s" % (g, name), text)
    return g


def inside(group, cmd):
    return ["sh", "-c", "echo $$ > %s/cgroup.procs && exec %s" % (group, " ".join(map(str, cmd)))]


def disk_over_file():
    """A loop disk over a file of the root file system. Returns its path, and what a cgroup calls the disk below."""
    image = kt.tmpdir("/var/tmp") + "/disk.img"
    kt.run("dd", "if=/dev/urandom", "of=" + image, "bs=1M", "count=64", "conv=fsync")
    dev = os.stat(image).st_dev
    loop = kt.run("losetup", "--find", "--show", "--direct-io=on", image).stdout.strip()
    kt.stack.callback(kt.run, "losetup", "-d", loop, check=False)
    kt.set_scheduler(loop, "none")
    return loop, "%d:%d" % (os.major(dev), os.minor(dev))


def slow_disk():
    """A loop disk over a file on a disk that delays: the lower level is slow."""
    loop, below = disk_over_file()
    load = job("reader", filename=loop)
    quick = Run("quick", load)
    g = blkio_group({"read_iops_device": below + " 200"})
    slow = Run("slow", inside(g, load))
    disk = os.path.basename(loop)
    a, b = (r.ios("v.op = 'read' AND v.disk = ?", disk) for r in (quick, slow))
    print("a read took %.0f us, then %.0f us" % (a["dur"] / a["n"] / 1e3, b["dur"] / b["n"] / 1e3))
    kt.check(b["dur"] / b["n"] > 3 * a["dur"] / a["n"], "the disk was not slow: nothing was tested")
    kt.check(dominant(b) == "device", "the stage that grew is %s, not device" % dominant(b))
    n, joined = slow.db.one("SELECT count(*), sum(l.parent_request_id IS NOT NULL) FROM v_bio b JOIN bio l USING (bio_id) "
                            "WHERE b.disk <> ? AND b.op = 'read' AND l.io_id IN (SELECT io_id FROM v_io WHERE disk = ?)",
                            disk, disk)
    print("%d lower bios, %d of them joined to their upper request" % (n, joined or 0))
    low = slow.db.one("SELECT count(*) FROM bio x JOIN request r ON r.request_id = x.parent_request_id "
                      "WHERE x.state = 'whole' AND r.state = 'whole'")
    kt.check(low >= 0.9 * b["n"], "only %d of %d upper requests have their lower bio" % (low, b["n"]))
    kt.check("device" in slow.report("summary").split("\n\n")[0], "the summary's first words do not name the stage")


def throttle():
    """A cgroup's limit holds the submitter back."""
    loop = kt.loop_disk(64)
    load = job("reader", filename=loop)
    g = blkio_group({"read_iops_device": "%s 500" % kt.dev_of(loop)})
    r = Run("throttled", inside(g, load))
    x = r.ios("v.op = 'read' AND v.disk = ?", os.path.basename(loop))
    print("%d reads, %.1f %% throttle" % (x["n"], 100 * x["throttle"] / max(1, x["dur"])))
    kt.check(x["n"] > 300 * SECONDS, "%d reads are fewer than the limit lets through" % x["n"])
    kt.check(dominant(x) == "throttle", "the dominant stage is %s" % dominant(x))
    kt.check(x["throttle"] > 0.9 * x["dur"], "throttle does not hold the time")
    kt.check("cgroup limit" in r.report("summary").split("\n\n")[0], "the summary's first words do not name the limit")


def tags():
    """More readers than the disk, which is slow, has tags."""
    loop, below = disk_over_file()
    kt.write("/sys/block/%s/queue/nr_requests" % os.path.basename(loop), "4")
    g = blkio_group({"read_iops_device": below + " 1000"})
    r = Run("tags", inside(g, job("reader", filename=loop, numjobs=32)))
    x = r.ios("v.op = 'read' AND v.disk = ?", os.path.basename(loop))
    print("%d reads, %.1f %% alloc" % (x["n"], 100 * x["alloc"] / max(1, x["dur"])))
    kt.check(dominant(x) == "alloc", "the dominant stage is %s" % dominant(x))
    kt.check("request" in r.report("summary").split("\n\n")[0], "the summary's first words do not tell of waiting for a request")


def held_queue():
    """A scheduler that holds one reader's requests while another has some: mq-deadline's idle class."""
    loop = kt.loop_disk(64, "mq-deadline")
    kt.write("/sys/block/%s/queue/iosched/prio_aging_expire" % os.path.basename(loop), "50")
    first = job("first", filename=loop, iodepth=16, ioengine="io_uring")
    held = job("held", filename=loop, prioclass=3)
    spoon = os.path.join(TMP, "kt-held")
    os.symlink(shutil.which("fio"), spoon)
    # Whether both run at the same time is the CPUs' affair.
    for _ in range(4):
        r = Run("held", ["sh", "-c", kt.together(first, [spoon] + held[1:])])
        # A job's thread keeps the name of the program.
        slow = r.db.rows("SELECT v.io_id, i.queue_ns, i.dur_ns, v.task FROM v_io v JOIN io i USING (io_id) WHERE v.op = 'read' AND v.disk = ? "
                         "AND v.task = 'kt-held' AND v.state = 'whole' AND i.dur_ns > 20e6 ORDER BY i.dur_ns DESC LIMIT 50", os.path.basename(loop))
        print("%d reads took longer than 20 ms" % len(slow))
        if len(slow) >= 3:
            break
    kt.check(len(slow) >= 3, "the scheduler did not hold anything back: nothing was tested")
    kt.check(all(q and q > 0.5 * d for _, q, d, _ in slow[:5]), "queue does not hold the time: %s" % slow[:5])
    text = r.report("slow", "--over", "20ms")
    kt.check("queue" in text and "kt-held" in text, "the report slow does not name stage and task:\n" + text)
    shown = r.report("show", "i%d" % slow[0][0])
    kt.check("queue" in shown, "show does not name the stage:\n" + shown)


def softirq():
    """Packets that another CPU sends are received, in softirqs, on the reader's CPU."""
    rps = "/sys/class/net/lo/queues/rx-0/rps_cpus"
    if not os.path.exists(rps):
        kt.skip("no receive packet steering here")
    disk = kt.zram_disk(64)
    load = job("reader", filename=disk, cpus_allowed=0)
    quiet = Run("quiet", load)
    before = kt.read(rps)
    kt.write(rps, "1")
    kt.stack.callback(kt.write, rps, before)
    flood = subprocess.Popen(["taskset", "-c", "1", sys.executable, __file__, "flood"])
    kt.stack.callback(flood.wait)
    kt.stack.callback(flood.kill)
    time.sleep(0.2)
    busy = Run("busy", load)
    share, first = [], []
    for r in (quiet, busy):
        x = r.ios("v.op = 'read' AND v.task = 'fio'")
        by = r.db.rows("SELECT by_irq, sum(dur_ns) FROM disturbance WHERE flow = 'io' AND cause = 'softirq' GROUP BY 1 ORDER BY 2 DESC")
        share.append(dict(by).get("NET_RX", 0) / x["dur"])
        first.append(by[0][0] if by else None)
        print("%d reads, %.2f %% of their time went to softirqs: %s" % (x["n"], 100 * x["softirq"] / x["dur"], by[:3]))
    kt.check(share[1] > 0.003 and share[1] > 3 * share[0], "NET_RX does not show in the reads: %s" % share)
    kt.check(first[1] == "NET_RX", "NET_RX is not named first among softirqs: %s" % first)
    kt.check("NET_RX" in busy.report("irq"), "the report irq does not name NET_RX")


def requeue_waits(lines):
    """From when the kernel asks a worker to issue a disk's flushes, or the data after them, until that does so: of the disk with most of them
    (number, ns), as the kernel's own tracer saw it."""
    asked, waits = {}, {}
    for t, _, event, text in lines:
        if "blk_mq_requeue_work" not in text:
            continue
        work = re.search(r"work struct ?=? ?(\w+)", text)[1]
        if event == "workqueue_queue_work":
            asked.setdefault(work, t)
        elif work in asked:
            waits.setdefault(work, []).append(t - asked.pop(work))
    most = max(waits.values(), key=len, default=[])
    return len(most), sum(most)


def flush():
    """Tasks that never sleep keep the kernel's worker from issuing the flushes that fsync waits for."""
    mnt = kt.filesystem(kt.loop_disk())
    load = job("writer", directory=mnt, rw="write", bs="4k", size="64M", direct=0, fsync=1)
    events = {"workqueue/workqueue_queue_work": "0", "workqueue/workqueue_execute_start": "0"}
    quiet = Run("quiet", load)
    spin = os.path.join(TMP, "kt-hog")
    shutil.copy("/bin/sh", spin)
    with contextlib.ExitStack() as hogs:
        for cpu in range(os.cpu_count()):
            p = subprocess.Popen(["taskset", "-c", str(cpu), spin, "-c", "while :; do :; done"])
            hogs.callback(p.wait)
            hogs.callback(p.kill)
        time.sleep(0.2)
        with kt.Tracer(events) as t:
            busy = Run("busy", load)
    a, b = (r.ios("v.op = 'fsync' AND v.task = 'fio'") for r in (quiet, busy))
    for name, x in (("without the hogs", a), ("with them", b)):
        print("%5d fsyncs %s: %.0f us each, of that %s" % (x["n"], name, x["dur"] / max(1, x["n"]) / 1e3, ", ".join(
            "%s %.1f %%" % (s, 100 * x[s] / x["dur"]) for s in ("plug", "worker", "flush", "device"))))
    kt.check(a["n"] > 50 and b["n"] > 20, "too few fsyncs: nothing was tested")
    for r, x in ((quiet, a), (busy, b)):
        kt.seen_all(r.db)
        told, n = r.db.one("SELECT sum(worker_ns IS NOT NULL), count(*) FROM request WHERE state = 'whole' AND (op = 'flush' AND n_bios > 0)")
        kt.check(told is not None and told >= 0.9 * n, "of %s flushes that a bio asked for, it is told of %s what held them back" % (n, told))
        for flow in ("request", "bio", "io"):
            bad = r.db.one("SELECT count(*) FROM (SELECT f.%s_id FROM %s f JOIN stage s ON s.flow = '%s' AND s.flow_id = f.%s_id "
                           "WHERE f.state = 'whole' GROUP BY 1 HAVING sum(s.dur_ns) <> max(f.dur_ns))" % ((flow,) * 4))
            kt.check(bad == 0, "%d flows of kind %s whose stages do not add up" % (bad, flow))
    kt.check(b["plug"] < 0.1 * b["worker"], "plug still holds the wait for the worker: %.1f ms beside %.1f" % (b["plug"] / 1e6, b["worker"] / 1e6))
    # What the kernel's own tracer saw of the worker, and what the requests waited for it.
    n, truth = requeue_waits(t.lines)
    told = busy.db.one("SELECT total(g.dur_ns) FROM stage_extra g JOIN request r ON r.request_id = g.flow_id JOIN device d USING (device_id) "
                       "WHERE g.flow = 'request' AND g.name = 'worker' AND d.name LIKE 'loop%'")
    print("the worker was waited for %d times, %.1f ms; requests say %.1f ms" % (n, truth / 1e6, told / 1e6))
    kt.check(n > 50, "the kernel's tracer saw the worker asked for %d times" % n)
    kt.check(abs(told - truth) < 0.15 * truth + n * 30e3, "requests waited for the worker for %.1f ms, the kernel says %.1f" % (told / 1e6, truth / 1e6))
    by = busy.db.rows("SELECT t.comm, sum(x.dur_ns) FROM disturbance x JOIN task t ON t.utid = x.by_utid JOIN io i ON i.io_id = x.flow_id "
                      "WHERE x.flow = 'io' AND x.cause = 'worker' AND i.op = 'fsync' GROUP BY 1 ORDER BY 2 DESC")
    print("who had the worker's CPU:", by[:3])
    kt.check(by and by[0][0] == "kt-hog", "the hog is not named first among who had the worker's CPU")
    kt.check(by and by[0][1] > 0.3 * b["worker"], "the hog does not explain the wait for the worker")
    text = busy.report("summary")
    kt.check("kernel worker" in text and "kt-hog" in text, "the summary does not name worker and hog:\n" + text)
    slowest = busy.db.one("SELECT x.flow_id FROM disturbance x JOIN io i ON i.io_id = x.flow_id WHERE x.cause = 'worker' AND i.op = 'fsync'"
                          " ORDER BY x.dur_ns DESC LIMIT 1")
    shown = busy.report("show", "i%d" % slowest)
    kt.check("kernel worker it waited for was runnable" in shown and "kt-hog" in shown, "show does not tell of the worker:\n" + shown)
    kt.check("worker" in busy.report("stages"), "the report stages has no worker")


def flood_packets():
    """Datagrams to a socket of this machine, until killed; a minute at most."""
    rx = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rx.bind(("127.0.0.1", 0))
    tx = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tx.connect(rx.getsockname())
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for _ in range(1000):
            tx.send(b"x" * 64)


CASES = {"hog": hog, "slow-disk": slow_disk, "throttle": throttle, "tags": tags, "held-queue": held_queue, "softirq": softirq,
         "flush": lambda: kt.attempts("flush", flush)}

if __name__ == "__main__":
    if sys.argv[1] == "flood":
        flood_packets()
        sys.exit(0)
    kt.need_root_and_bpf()
    TMP = kt.tmpdir()
    kt.main(CASES[sys.argv[1]])
