#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Right: what was recorded equals what the kernel and perf count, for many loads on many kinds of disks.

For each load: requests and sectors by operation equal the change of /proc/diskstats; every hook's events equal what
`perf stat` counted of its tracepoint on that disk in the same run; runs = recorded + lost + filtered; every completed
request that carries data has its bios; every flow on the (idle at both ends) disk is whole; stages sum to the duration."""

import os
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
EVENT_OF = {"block_bio_backmerge": "bio_merge", "block_bio_frontmerge": "bio_merge", "block_split": "bio_split",
            "block_getrq": "rq_get"}


def raw_count(db, event, dev):
    """Events of a kind in the file, of one device (dev columns differ in name only)."""
    return db.one('SELECT count(*) FROM "raw_%s" WHERE dev = ?' % event, dev) or 0


def check_perf(db, name, perf, devs):
    for hook, counted in perf.items():
        event = EVENT_OF.get(hook, hook.replace("block_", "", 1))
        where = "front = %d" % ("front" in hook) if event == "bio_merge" else "1"
        got = sum(db.one('SELECT count(*) FROM "raw_%s" WHERE dev = ? AND %s' % (event, where), d) for d in devs)
        if hook == "block_bio_remap":
            continue  # a partition's own remap is counted, not recorded: checked by runs = recorded + lost + filtered
        kt.check(got == counted, "%s: %s: recorded %d, perf stat counted %d" % (name, hook, got, counted))


def check_hooks(db, name):
    sums = {}
    for hook, runs, lost, filtered in db.rows("SELECT hook, sum(runs), sum(lost), sum(filtered) FROM probe "
                                              "WHERE family <> 'core' AND state = 'attached' GROUP BY hook"):
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


def check_diskstats(db, name, disk, before, after, bio_based=False, slack=0):
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
        kt.check(abs(n - dn) <= slack, "%s: %ss: traced %d, diskstats %d" % (name, kind, n, dn))
        kt.check(abs(sectors - ds) <= slack * 2048, "%s: %s sectors: traced %d, diskstats %d" % (name, kind, sectors, ds))
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


def attempt(name, disk, load, directory, target=None, **how):
    """target: what fio works on, if not the disk itself."""
    ktr = os.path.join(directory, "run.ktr")
    job = kt.fio(**{"filename": target or disk, "size": "256m", **load})
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
    check_diskstats(db, name, disk, before, after, bio_based=how.get("bio_based", False), slack=how.get("slack", 0))
    check_flows(db, name, disk, idle=not how.get("slack"))
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


def vda():
    """Files on the root disk: real interrupts, ext4, and a disk that is never quite idle."""
    d = kt.tmpdir("/var/tmp")
    shm = kt.tmpdir()
    root = kt.run("findmnt", "-no", "SOURCE", "-T", d).stdout.strip()
    for name in ("randread-psync", "randread-uring64", "mixed-uring16", "write-fsync", "buffered-write"):
        load = dict(LOADS[name], size="64m", number_ios=min(1500, LOADS[name]["number_ios"]))
        target = os.path.join(d, "file")
        kt.run(*kt.fio(filename=target, size="64m", rw="write", bs="1m", end_fsync=1))
        kt.run("sync")
        one("vda/" + name, root, load, shm, target=target, slack=64)


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
