#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""What was recorded equals what the kernel and perf count, for many loads on many kinds of disks.

For each load: requests and sectors by operation equal the change of /proc/diskstats; every hook's events equal what
`perf stat` counted of its tracepoint on that disk in the same run (on a disk that others use as well: lies between
what the kernel's own tracer saw while the load ran and what it saw while ktrace did); runs = recorded + lost + filtered; every completed
request that carries data has its bios; every flow on the (idle at both ends) disk is whole; stages sum to the duration."""

import os
import re
import sys

import kt

LOADS = {
    "randread-psync": dict(rw="randread", number_ios=3000),
    "randread-uring64": dict(rw="randread", ioengine="io_uring", iodepth=64, number_ios=6000),
    "seqread-libaio16": dict(rw="read", ioengine="libaio", iodepth=16, iodepth_batch_submit=8, number_ios=4000),
    "seqread-512k": dict(rw="read", bs="512k", number_ios=300),
    "randwrite-libaio32": dict(rw="randwrite", ioengine="libaio", iodepth=32, number_ios=6000),
    "seqwrite-uring8": dict(rw="write", ioengine="io_uring", iodepth=8, iodepth_batch_submit=8, number_ios=4000),
    "mixed-uring16": dict(rw="randrw", ioengine="io_uring", iodepth=16, number_ios=5000),
    "write-fsync": dict(rw="randwrite", fsync=1, number_ios=400),
    "write-large-fsync": dict(rw="write", bs="4m", fsync=4, number_ios=40),
    "buffered-write": dict(rw="randwrite", direct=0, end_fsync=1, number_ios=3000),
    "buffered-read": dict(rw="read", direct=0, bs="64k", number_ios=500),
    "discard": dict(rw="randtrim", bs="64k", number_ios=500),
}
READ_NS = 50000000  # between the recorder's reading of the counters and its start, on a busy machine
EDGE_NS = 100000  # the tracer's time stamp of an event and ours
EVENT_OF = {"block_bio_backmerge": "bio_merge", "block_bio_frontmerge": "bio_merge", "block_split": "bio_split",
            "block_getrq": "rq_get"}


def raw_count(db, event, dev):
    """Events of a kind in the file, of one device (dev columns differ in name only)."""
    return db.one('SELECT count(*) FROM "raw_%s" WHERE dev = ?' % event, dev) or 0


def recorded(db, devs):
    """Events of each hook in the file."""
    counts = {}
    for hook in kt.BLOCK_HOOKS:
        if hook == "block_bio_remap":
            continue  # a partition's own remap is counted, not recorded: checked by runs = recorded + lost + filtered
        event = EVENT_OF.get(hook, hook.replace("block_", "", 1))
        where = "front = %d" % ("front" in hook) if event == "bio_merge" else "1"
        counts[hook] = sum(db.one('SELECT count(*) FROM "raw_%s" WHERE dev = ? AND %s' % (event, where), d) for d in devs)
    return counts


def check_perf(db, name, perf, devs):
    for hook, got in recorded(db, devs).items():
        kt.check(got == perf[hook], "%s: %s: recorded %d, perf stat counted %d" % (name, hook, got, perf[hook]))


def check_hooks(db, name):
    sums = {}
    for hook, runs, lost, filtered in db.rows("SELECT hook, sum(runs), sum(lost), sum(filtered) FROM probe "
                                              "WHERE family IN ('bio', 'request') AND state = 'attached' GROUP BY hook"):
        event = EVENT_OF.get(hook, hook.replace("block_", "", 1))
        s = sums.setdefault(event, [0, 0, 0])
        s[0] += runs
        s[1] += lost
        s[2] += filtered
    kt.check(len(sums) >= 11, "%s: the manifest has %d kinds of events" % (name, len(sums)))
    for event, (runs, lost, filtered) in sums.items():
        recorded = db.one('SELECT count(*) FROM "raw_%s"' % event)
        kt.check(runs == recorded + lost + filtered, "%s: %s: %d runs, but %d recorded + %d lost + %d filtered" %
                 (name, event, runs, recorded, lost, filtered))


def check_diskstats(db, name, disk, before, after, bio_based=False):
    dev = kt.dev_of(disk)
    flow = "bio" if bio_based else "request"
    where = "dev = '%s'" % dev
    if not bio_based and db.one("SELECT parent_id FROM device WHERE dev = ?", dev):
        join = "f.part_device_id"
    else:
        join = "f.device_id"
    # The kernel counts a zero-length PREFLUSH among the writes.
    kinds = {"read": ("read",), "write": ("write", "write_zeroes", "zone_append"), "discard": ("discard",)}
    for kind, ops in kinds.items():
        if bio_based and kind == "discard":
            continue
        marks = ",".join("?" * len(ops))
        n, sectors = db.one("SELECT count(*), coalesce(sum(f.size_bytes), 0) / 512 FROM %s f JOIN device d ON d.device_id = %s "
                            "WHERE d.%s AND f.op IN (%s)%s" % (flow, join, where, marks,
                            " AND parent_bio_id IS NULL" if bio_based else ""), *ops)
        if kind == "write" and not bio_based:
            n += db.one("SELECT count(*) FROM request f JOIN device d ON d.device_id = %s WHERE d.%s "
                        "AND f.op = 'flush' AND n_bios > 0" % (join, where))
        dn = after[kind + "s"] - before[kind + "s"]
        ds = after[kind + "_sectors"] - before[kind + "_sectors"]
        kt.check(n == dn, "%s: %ss: traced %d, diskstats %d" % (name, kind, n, dn))
        kt.check(sectors == ds, "%s: %s sectors: traced %d, diskstats %d" % (name, kind, sectors, ds))
    if not bio_based:
        n = db.one("SELECT count(*) FROM request f JOIN device d USING (device_id) WHERE d.%s AND op = 'flush' "
                   "AND n_bios = 0" % where)
        # Flush requests are the disk's: the kernel does not charge them to a partition.
        if join == "f.device_id":
            kt.check(n == after["flushes"] - before["flushes"], "%s: flushes: traced %d, diskstats %d" %
                     (name, n, after["flushes"] - before["flushes"]))


def check_flows(db, name, disk, idle=True):
    dev = kt.dev_of(disk)
    naked = db.one("SELECT count(*) FROM request r WHERE state = 'whole' AND size_bytes > 0 AND op NOT LIKE 'drv_%' "
                   "AND NOT EXISTS (SELECT 1 FROM bio_request b WHERE b.request_id = r.request_id)")
    kt.check(naked == 0, "%s: %d completed requests with data have no bio" % (name, naked))
    few = db.one("SELECT count(*) FROM request r WHERE state = 'whole' AND n_bios <> "
                 "(SELECT count(*) FROM bio_request b WHERE b.request_id = r.request_id)")
    kt.check(few == 0, "%s: %d requests do not have all the bios that were walked" % (name, few))
    if idle:
        for flow in ("request", "bio"):
            n = db.one("SELECT count(*) FROM %s f JOIN device d USING (device_id) WHERE state <> 'whole' AND "
                       "(d.dev = ? OR d.parent_id = (SELECT device_id FROM device WHERE dev = ?))" % flow, dev, dev)
            kt.check(n == 0, "%s: %d %ss are not whole" % (name, n, flow))
    for flow in ("request", "bio"):
        bad = db.one("SELECT count(*) FROM (SELECT f.%s_id FROM %s f LEFT JOIN stage s ON s.flow = '%s' AND s.flow_id = f.%s_id "
                     "WHERE f.state = 'whole' GROUP BY 1 HAVING coalesce(sum(s.dur_ns), -1) <> f.dur_ns OR min(s.dur_ns) < 0)" %
                     ((flow,) * 4))
        kt.check(bad == 0, "%s: %d %ss whose stages do not sum to the duration" % (name, bad, flow))


def one(name, disk, load, directory, **how):
    kt.attempts(name, lambda: attempt(name, disk, load, directory, **how))


def attempt(name, disk, load, directory, **how):
    ktr = os.path.join(directory, "run.ktr")
    job = kt.fio(**{"filename": disk, "size": "256m", **load})
    devs = [kt.kernel_dev(disk)] + ([kt.kernel_dev(how["whole"])] if "whole" in how else [])
    before = kt.diskstats(disk)
    perf_out = os.path.join(directory, "perf.csv")
    p = kt.record(ktr, *kt.perf_stat(perf_out, devs, job), options=["-f"])
    after = kt.diskstats(disk)
    db = kt.analyze(ktr, "--raw")
    n = db.one("SELECT count(*) FROM bio f JOIN device d USING (device_id) WHERE d.dev = ?", kt.dev_of(disk))
    kt.check(n > 0, "%s: nothing was recorded of %s: %s" % (name, disk, p.stderr))
    kt.check(kt.lost(db) == 0, "%s: events were lost: %s" % (name, db.rows("SELECT * FROM lost_interval LIMIT 5")))
    check_hooks(db, name)
    kt.seen_all(db)
    check_perf(db, name, kt.perf_counts(perf_out), devs)
    check_diskstats(db, name, disk, before, after, bio_based=how.get("bio_based", False))
    check_flows(db, name, disk)
    say(db, name, disk, n)


def say(db, name, disk, n):
    print("%-40s %7d bios, %7d requests" % (name, n, db.one(
        "SELECT count(*) FROM request f JOIN device d USING (device_id) WHERE d.dev = ?", kt.dev_of(disk))), flush=True)


def loop(scheduler):
    disk = kt.loop_disk(scheduler=scheduler)
    d = kt.tmpdir()
    for name in os.environ.get("KT_LOADS", " ".join(LOADS)).split():
        load = LOADS[name]
        one("loop/%s/%s" % (scheduler, name), disk, load, d)


def partition():
    disk = kt.loop_disk(scheduler="mq-deadline", partitions=True)
    d = kt.tmpdir()
    for name in ("randread-uring64", "mixed-uring16", "write-fsync", "discard"):
        one("partition/" + name, disk + "p1", LOADS[name], d, whole=disk)


def wbt():
    """A disk with an rq_qos policy: writeback throttling."""
    disk = kt.loop_disk(scheduler="none")
    path = "/sys/block/%s/queue/wbt_lat_usec" % os.path.basename(disk)
    try:
        kt.write(path, "2000")
    except OSError as e:
        kt.check(False, "cannot switch wbt on: %s" % e)
        return
    d = kt.tmpdir()
    for name in ("buffered-write", "mixed-uring16"):
        one("wbt/" + name, disk, LOADS[name], d)


def busy(name, disk, load, directory, target):
    """On a disk that others use at the same time no two counters begin in the same instant. The kernel's tracer tells when each
    event was: those while the load ran must all be recorded, and none that was not while ktrace did. The kernel's counters, as
    the recorder read them next to switching on and off, may differ by what completed beside the load there, and by what was
    in flight."""
    ktr, marks = os.path.join(directory, "run.ktr"), os.path.join(directory, "marks")
    devs, load = [kt.kernel_dev(disk)], dict(LOADS[load], size="64m", number_ios=min(1500, LOADS[load]["number_ios"]))
    mine = " || ".join("dev == %d" % d for d in devs)
    with kt.Tracer({"block/" + hook: mine for hook in kt.BLOCK_HOOKS}) as tracer:
        p = kt.record(ktr, *kt.timed(marks, kt.fio(filename=target, **load)), options=["-f"])
    db = kt.analyze(ktr, "--raw")
    kt.check(kt.lost(db) == 0, "%s: events were lost: %s" % (name, db.rows("SELECT * FROM lost_interval LIMIT 5")))
    check_hooks(db, name)
    kt.seen_all(db)
    start = kt.mono_start(db)
    end = start + db.one("SELECT dur_ns FROM run")
    ran = [int(t) for t in kt.read(marks).split()]
    # The recorder reads the clock once more than it switches: what fires meanwhile is outside.
    inner = [h for t, _, h, _ in tracer.lines if ran[0] <= t <= ran[1]]
    outer = [h for t, _, h, _ in tracer.lines if start - EDGE_NS <= t <= end + EDGE_NS]
    for hook, got in recorded(db, devs).items():
        lo, hi = inner.count(hook), outer.count(hook)
        kt.check(lo <= got <= hi, "%s: %s: recorded %d, the tracer saw %d while the load ran, %d while ktrace did" %
                 (name, hook, got, lo, hi))
    beside = [int(re.search(r"\) \d+ \+ (\d+)", text)[1]) for t, _, h, text in tracer.lines
              if h == "block_rq_complete" and (start - READ_NS <= t < ran[0] or ran[1] < t <= end)]
    cut = db.rows("SELECT f.size_bytes / 512 FROM request f JOIN device d USING (device_id) WHERE d.dev = ? AND state <> 'whole'",
                  kt.dev_of(disk))
    audit = db.rows("SELECT counter, kernel, traced FROM audit WHERE counter LIKE ?", "diskstats %s %%" % os.path.basename(disk))
    kt.check(len(audit) >= 7, "%s: the audit of %s has %d lines" % (name, disk, len(audit)))
    for counter, kernel, traced in audit:
        slack = sum(beside) + sum(c[0] or 0 for c in cut) if "sectors" in counter else len(beside) + len(cut)
        kt.check(kernel is not None and abs(kernel - traced) <= slack, "%s: %s: traced %s, the kernel counted %s, beside the load: %d" %
                 (name, counter, traced, kernel, slack))
    check_flows(db, name, disk, idle=False)
    n = db.one("SELECT count(*) FROM bio f JOIN device d USING (device_id) WHERE d.dev = ?", kt.dev_of(disk))
    kt.check(n >= load["number_ios"] // 2, "%s: only %d bios of %s: %s" % (name, n, disk, p.stderr))
    say(db, name, disk, n)
    print("%40s %d completions beside it, %d requests cut" % ("", len(beside), len(cut)), flush=True)


def vda():
    """Files on the root disk: real interrupts, ext4, and a disk that is never quite idle."""
    d = kt.tmpdir("/var/tmp")
    shm = kt.tmpdir()
    root = kt.run("findmnt", "-no", "SOURCE", "-T", d).stdout.strip()
    for name in ("randread-psync", "randread-uring64", "mixed-uring16", "write-fsync", "buffered-write"):
        target = os.path.join(d, "file")
        kt.run(*kt.fio(filename=target, size="64m", rw="write", bs="1m", end_fsync=1))
        kt.run("sync")
        kt.attempts("vda/" + name, lambda: busy("vda/" + name, root, name, shm, target))


def zram():
    disk = kt.zram_disk()
    d = kt.tmpdir()
    for name in ("randread-psync", "randread-uring64", "mixed-uring16", "seqread-512k"):
        one("zram/" + name, disk, LOADS[name], d, bio_based=True)


CASES = {"none": lambda: loop("none"), "mq-deadline": lambda: loop("mq-deadline"), "bfq": lambda: loop("bfq"),
         "kyber": lambda: loop("kyber"), "partition": partition, "wbt": wbt, "vda": vda, "zram": zram}

if __name__ == "__main__":
    kt.need_root_and_bpf()
    for tool in ("perf", "addpart"):
        if not kt.shutil.which(tool):
            kt.skip(tool + " is not installed")
    kt.main(lambda: [CASES[c]() for c in (sys.argv[1:] or CASES)])
