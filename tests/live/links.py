#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Which I/O caused a bio: links.py [CASE…], from the events alone.

Direct I/O of eight threads with seven engines, for the same places of the same file at the same time. Whose a bio is can be told
without any link: thread i only uses offsets at i grains from a multiple of 8 (io-load.c). Every bio must be linked, to an
operation of that file, alive; each operation's bios are its range, side by side: those of another thread begin at another grain;
and the operations recorded are those that the program says it did, in order.

Buffered I/O: what is linked is linked right; how much is linked must be as much as the kernel lets us see.

Journals: many files are made and made durable by several tasks at once. Every bio of the journal has an operation, and who waited for another's
has it for a parent: on xfs the kernel's tracer tells for which place of the log a task waits, and whose bio went there is known."""

import bisect
import os
import re
import struct
import sys

import kt

LOAD = os.path.join(kt.BUILD, "tests", "live", "io-load")
SYSCALL, URING, AIO, FAULT, LOOP, WRITEBACK, JOURNAL = range(1, 8)
INFERRED = 1
FIELD = re.compile(r"(\w+)=(\"[^\"]*\"|\S+)")
MIXES = {
    "mixed": ["psync,read,4096,400,1", "aio,write,8192,400,8", "uring,read,4096,400,16", "async,write,16384,300,8",
              "sqpoll,read,4096,400,8", "link,read,12288,300,8", "fixed,read,4096,400,8", "vec,write,65536,200,1"],
    "large": ["psync,read,1048576,40,1", "aio,read,2097152,20,4", "uring,read,1048576,40,4", "async,write,524288,40,4",
              "sqpoll,write,1048576,30,4", "link,read,786432,40,8", "fixed,write,1048576,30,4", "vec,read,4194304,15,1"],
    "same": ["psync,write,4096,600,1"] * 4 + ["uring,write,4096,600,4", "aio,write,4096,600,4", "async,write,4096,400,4",
                                             "sqpoll,write,4096,400,4"],
}


def number(text):
    if ":" in text:
        return text
    try:
        return int(text, 0)
    except ValueError:
        return text.strip('"')


def events(ktr, wanted):
    """(time, cpu, name, fields), in order."""
    out = kt.run(kt.ANALYZE, "--dump", ktr).stdout
    for line in out.splitlines():
        head = line.split(" ", 3)
        if len(head) == 4 and head[2] in wanted:
            yield int(head[0]), head[2], {k: number(v) for k, v in FIELD.findall(head[3])}


class Trace:
    """Bios with what they are linked to."""

    def __init__(self, ktr):
        self.bios, self.ios, self.files = [], [], {}
        calls, live, last = {}, {}, {}
        for t, name, e in events(ktr, {"bio_queue", "io_call", "io_submit", "io_end", "io_file", "bio_complete", "task_new"}):
            if name == "bio_queue":
                b = dict(e, ts=t, owner=None, failed=False)
                if e["io_kind"] in (URING, AIO):
                    key = (e["io_kind"], e["io_tid"] if e["io_kind"] == AIO else 0, e["io"])
                    b["owner"] = live.get(key)
                self.bios.append(b)
                last[e["bio"]] = b
            elif name == "bio_complete":
                # Refused with NOWAIT: the same range is queued once more.
                if e["status"] not in (0, "ok") and e["bio"] in last:
                    last[e["bio"]]["failed"] = True
            elif name == "io_call":
                io = dict(e, start=t - e["dur_ns"], end=t, bios=[])
                calls[(e["tid"], io["start"])] = io
                self.ios.append(io)
            elif name == "io_submit":
                io = dict(e, start=t, end=None, result=None, bios=[])
                live[(e["kind"], e["tid"] if e["kind"] == AIO else 0, e["io"])] = io
                self.ios.append(io)
            elif name == "io_end":
                io = live.pop((URING, 0, e["io"]), None)
                if io:
                    io["end"], io["result"] = t, e["result"]
            elif name == "io_file":
                self.files[(e["ino_dev"], e["ino"])] = e["path"]
        for b in self.bios:
            if b["io_kind"] in (SYSCALL, WRITEBACK, JOURNAL):
                b["owner"] = calls.get((b["io_tid"], b["ts"] - b["io_age_ns"]))
            if b["owner"]:
                b["owner"]["bios"].append(b)


def read_log(text):
    """What the program says it did: by thread, in the order it began."""
    threads = {}
    for line in text.splitlines():
        tid, index, engine, op, label, offset, size, result, start, end = line.split()
        threads.setdefault(int(index), []).append(dict(tid=int(tid), engine=engine, op=op, label=int(label), offset=int(offset),
                                                      size=int(size), result=int(result), start=int(start), end=int(end)))
    return threads


def record(name, directory, path, grain, specs):
    ktr = os.path.join(directory, "run.ktr")
    out = os.path.join(directory, "log")
    kt.record(ktr, "sh", "-c", 'exec "$@" >%s' % out, "sh", LOAD, path, grain, *specs, options=["-f"])
    return Trace(ktr), read_log(kt.read(out))


def check_direct(name, trace, log, grain, dev, ino):
    """dev: on which the bios are queued; ino: None = the disk itself."""
    place = lambda offset: offset // grain % 8
    pid = next(io["tgid"] for io in trace.ios if io["tid"] == log[0][0]["tid"])
    ios = [io for io in trace.ios if io["op"] in (1, 2) and (io["dev"] == dev if ino is None else io["ino"] == ino) and
           io["flags"] & 1]
    done = 0
    for index, ops in log.items():
        got = [io for io in ios if place(io["offset"]) == index]
        want = [(o["offset"], o["size"]) for o in ops]
        kt.check([(io["offset"], io["size"]) for io in got] == want,
                 "%s: thread %d (%s) did %d operations, recorded are %d, or others" % (name, index, ops[0]["engine"], len(want), len(got)))
        for io, o in zip(got, ops):
            done += 1
            if io["kind"] != AIO and io["result"] != o["result"]:
                kt.check(False, "%s: result %d, recorded %s" % (name, o["result"], io["result"]))
                break
            if io["tid"] != o["tid"] and o["engine"] != "sqpoll":
                kt.check(False, "%s: an operation of %d is recorded as one of %d" % (name, o["tid"], io["tid"]))
                break
    n = wrong = unlinked = 0
    for b in trace.bios:
        if b["dev"] != dev or not b["bytes"]:
            continue
        if ino is None:
            if b["tgid"] != pid:
                continue
        elif b["ino"] != ino:
            continue
        n += 1
        io = b["owner"]
        if not io:
            unlinked += 1
            if unlinked <= 3:
                print("unlinked:", b)
        elif (not io["offset"] <= b["offset"] or
              b["offset"] + b["bytes"] > io["offset"] + io["size"] or (io["end"] or b["ts"]) < b["ts"] or
              b["io_flags"] & INFERRED):
            wrong += 1
            if wrong <= 3:
                print("wrong:", b)
    short = 0
    for io in ios:
        at = io["offset"]
        for b in sorted((b for b in io["bios"] if not b["failed"] and b["dev"] == dev), key=lambda b: b["offset"]):
            at = at + b["bytes"] if b["offset"] == at else -1
        if at != io["offset"] + io["size"]:
            short += 1
            if short <= 3:
                print("not its range:", {k: v for k, v in io.items() if k != "bios"}, [(b["offset"], b["bytes"], b["failed"]) for b in io["bios"]])
    kt.check(n >= done, "%s: %d operations, but only %d bios" % (name, done, n))
    kt.check(not wrong, "%s: %d of %d bios are linked to the wrong operation" % (name, wrong, n))
    kt.check(not unlinked, "%s: %d of %d bios are not linked" % (name, unlinked, n))
    kt.check(not short, "%s: of %d of %d operations the bios are not its range" % (name, short, len(ios)))
    print("%-24s %6d operations, %6d bios: all linked" % (name, done, n) if not (wrong or unlinked or short) else name, flush=True)


def fill(path, mib):
    kt.run("dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=%d" % mib, "conv=fsync")


def disk():
    d = kt.tmpdir()
    loop = kt.loop_disk(size_mib=256)
    for mix, specs in MIXES.items():
        trace, log = record(mix, d, loop, 512, specs)
        check_direct("disk/" + mix, trace, log, 512, kt.dev_of(loop), None)


def files(kind):
    d = kt.tmpdir()
    loop = kt.loop_disk(size_mib=512)
    mnt = kt.filesystem(loop, kind)
    path = os.path.join(mnt, "file")
    if kind == "btrfs":
        # Direct writes with checksums go through the page cache.
        kt.write(path, "")
        kt.run("chattr", "+C", path)
    fill(path, 128)
    for mix, specs in MIXES.items():
        trace, log = record(mix, d, path, 4096, specs)
        check_direct(kind + "/" + mix, trace, log, 4096, kt.dev_of(loop), os.stat(path).st_ino)
        kt.check(path in trace.files.values(), "%s: the file's name is not recorded: %s" % (kind, trace.files))


def drop_caches():
    kt.run("sync")
    kt.write("/proc/sys/vm/drop_caches", "3")


BUFFERED = ["bpsync,read,65536,60,1", "buring,read,65536,60,8", "basync,read,131072,60,8", "bmmap,read,4096,60,1",
            "blink,read,524288,60,8", "bsqpoll,read,65536,60,4", "bvec,read,1048576,40,1", "buring,read,1048576,60,8"]
# What may stay unlinked are retries of large reads, which the kernel carries out as task work: no tracepoint names the request.
LEAST_LINKED = 0.976
LEAST_LINKED_LARGE = 0.8


def buffered(kind, rounds=8):  # with few bios of a kind, one burst of retries is more than what may stay unlinked
    d = kt.tmpdir()
    loop = kt.loop_disk(size_mib=1024)
    mnt = kt.filesystem(loop, kind)
    paths = [os.path.join(mnt, "file%d" % i) for i in range(len(BUFFERED))]
    for path in paths:
        fill(path, 48)
    inodes = {os.stat(path).st_ino: i for i, path in enumerate(paths)}
    n = [0] * len(paths)
    linked = [0] * len(paths)
    guessed = wrong = 0
    for _ in range(rounds):
        drop_caches()
        trace, log = record("buffered", d, os.path.join(mnt, "file%d"), 4096, BUFFERED)
        for b in trace.bios:
            if b["dev"] != kt.dev_of(loop) or b["ino"] not in inodes or not b["opf"].startswith("read"):
                continue
            i = inodes[b["ino"]]
            first = log[i][0]
            n[i] += 1
            linked[i] += b["io_kind"] != 0
            guessed += bool(b["io_flags"] & INFERRED)
            if not b["io_kind"]:
                continue
            io = b["owner"]
            if first["engine"] == "bmmap":
                ok = b["io_kind"] == FAULT and b["io_tid"] == first["tid"]
            elif not io:
                ok = False
            elif b["io_kind"] == SYSCALL and io["op"] == 32:
                ok = io["tid"] == first["tid"]  # the batch: which request of it cannot be told
                linked[i] -= 1
            else:
                ok = io["ino"] == b["ino"] and io["op"] == 1 and (io["tid"] == first["tid"] or first["engine"] == "bsqpoll")
            wrong += not ok
            if not ok and wrong <= 3:
                print("wrong:", b)
    name = kind + "/buffered"
    for i, spec in enumerate(BUFFERED):
        least = LEAST_LINKED_LARGE if "ring,read,1048576" in spec else LEAST_LINKED
        kt.check(n[i] > 10 and linked[i] >= least * n[i], "%s: %s: %d of %d bios are linked" % (name, spec, linked[i], n[i]))
    kt.check(sum(linked) >= LEAST_LINKED * sum(n), "%s: %d of %d bios are linked" % (name, sum(linked), sum(n)))
    kt.check(not wrong, "%s: %d bios are linked to the wrong operation" % (name, wrong))
    print("%-24s %6d bios: %.2f %% linked, %d of them inferred" % (name, sum(n), 100 * sum(linked) / sum(n), guessed), flush=True)


def stacked():
    """A loop disk over a file on another disk: the bios below belong to the requests above."""
    d = kt.tmpdir()
    lower = kt.loop_disk(size_mib=512)
    mnt = kt.filesystem(lower, "ext4")
    image = os.path.join(mnt, "image")
    fill(image, 128)
    upper = kt.run("losetup", "--find", "--show", "--direct-io=on", image).stdout.strip()
    kt.stack.callback(kt.run, "losetup", "-d", upper, check=False)
    ino, dev = os.stat(image).st_ino, kt.dev_of(upper)
    for mix, specs in MIXES.items():
        trace, log = record(mix, d, upper, 512, specs)
        check_direct("stacked/" + mix, trace, log, 512, dev, None)
        live, n, wrong = {}, 0, 0
        for _, name, e in events(os.path.join(d, "run.ktr"), {"rq_issue", "rq_complete", "bio_queue"}):
            if name == "rq_issue" and e["dev"] == dev:
                live[e["rq"]] = e
            elif name == "rq_complete" and e["dev"] == dev:
                live.pop(e["rq"], None)
            elif name == "bio_queue" and e["dev"] == kt.dev_of(lower) and e["ino"] == ino:
                n += 1
                rq = live.get(e["io"]) if e["io_kind"] == LOOP else None
                at = rq["sector"] * 512 if rq else -1
                if not rq or not at <= e["offset"] <= e["offset"] + e["bytes"] <= at + rq["bytes"]:
                    wrong += 1
                    if wrong <= 3:
                        print("wrong:", e, rq)
        kt.check(n and not wrong, "stacked/%s: %d of %d bios below are not linked to the request above" % (mix, wrong, n))
        print("%-24s %6d bios below: all linked" % ("stacked/" + mix, n), flush=True)


def throttled():
    """A cgroup's limit: bios wait, and a worker of the kernel queues them. They are still their callers'."""
    blkio = "/sys/fs/cgroup/blkio"
    limit = blkio + "/blkio.throttle.read_iops_device"
    if not os.path.exists(limit):
        kt.skip("block throttling is no v1 controller here")
    d = kt.tmpdir()
    loop = kt.loop_disk(size_mib=256)
    mnt = kt.filesystem(loop, "ext4")
    path = os.path.join(mnt, "file")
    fill(path, 64)
    group = os.path.join(blkio, "ktrace-test-%d" % os.getpid())
    os.mkdir(group)
    kt.stack.callback(os.rmdir, group)
    kt.write(group + "/blkio.throttle.read_iops_device", "%s 200" % kt.dev_of(loop))
    specs = ["psync,read,4096,40,1", "uring,read,4096,40,4", "vec,read,8192,40,1", "psync,read,4096,40,1", "aio,read,4096,40,4", "aio,read,4096,40,4"]
    ktr, out = os.path.join(d, "run.ktr"), os.path.join(d, "log")
    for name, target, grain, ino in (("disk", loop, 512, None), ("ext4", path, 4096, os.stat(path).st_ino)):
        kt.record(ktr, "sh", "-c", 'echo $$ >%s/cgroup.procs; exec "$@" >%s' % (group, out), "sh", LOAD, target, grain, *specs,
                  options=["-f"])
        trace, log = Trace(ktr), read_log(kt.read(out))
        tids = {l[0]["tid"]: i for i, l in log.items()}
        n = late = unlinked = wrong = 0
        for b in trace.bios:
            if b["dev"] != kt.dev_of(loop) or not b["opf"].startswith("read") or b["io_kind"] == FAULT:
                continue
            if b["offset"] == -1 and b["tid"] in tids:
                continue
            n += 1
            late += b["tid"] not in tids
            if b["io_kind"] == URING:
                wrong += not b["owner"] or b["owner"]["tid"] not in tids
            elif b["io_kind"] == SYSCALL:
                # Without a time: whoever waits has one call open.
                calls = [io for io in trace.ios if io["tid"] == b["io_tid"] and io["start"] <= b["ts"] <= (io["end"] or 0)]
                wrong += b["io_tid"] not in tids or len(calls) != 1 or (
                    b["owner"] is not None and b["owner"] is not calls[0])
            elif b["io_kind"] == AIO:
                pass  # the bio names the iocb's address alone: what the analysis makes of it is looked at below
            else:
                unlinked += 1
                if unlinked <= 3:
                    print("unlinked:", b)
        kt.check(late > 10, "throttled/%s: only %d of %d bios were queued by a worker" % (name, late, n))
        kt.check(not unlinked and not wrong, "throttled/%s: of %d bios %d are not linked, %d wrong" % (name, n, unlinked, wrong))
        db = kt.analyze(ktr)
        aio, done, held = db.one("SELECT count(*), sum(state = 'whole' AND dur_ns IS NOT NULL AND n_bios > 0), sum(throttle_ns > 0) FROM io"
                                 " JOIN device USING(device_id) WHERE kind = 'aio' AND dev = ?", kt.dev_of(loop))
        kt.check(aio == 80 and held > 10 and (done == 80 or kt.unseen(db, True)),
                 "throttled/%s: of %d iocbs %s are whole, %s held back" % (name, aio, done, held))
        print("%-24s %6d bios, %d of them queued by a worker; %d iocbs, %d held back" % ("throttled/" + name, n, late, aio, held), flush=True)


# ---------------------------------------------------------------- journals

def fsync_load(mnt, workers, rounds, files):
    """Run as a child. Nobody ends before all are done: a task that has ended is forgotten by the analysis, and whom it woke."""
    done, go = os.pipe(), os.pipe()
    for w in range(workers):
        if os.fork():
            continue
        os.close(go[1])
        fd = os.open("%s/f%d" % (mnt, w), os.O_RDWR | os.O_CREAT, 0o644)
        for i in range(rounds):
            for j in range(files if i % 4 else 4 * files):
                os.close(os.open("%s/%d.%d.%d" % (mnt, w, i, j), os.O_WRONLY | os.O_CREAT, 0o644))
            os.pwrite(fd, b"x" * 4096, i * 4096)
            os.fsync(fd)
        os.write(done[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    for w in range(workers):
        os.read(done[0], 1)
    os.close(go[1])
    for w in range(workers):
        os.wait()


def fsync_command(mnt, workers=4, rounds=40, files=10):
    return [sys.executable, os.path.abspath(__file__), "fsync-load", mnt, str(workers), str(rounds), str(files)]


def xfs_log(disk):
    """(first, end) of the log on the disk, in sectors; from the superblock."""
    with open(disk, "rb") as f:
        sb = f.read(512)
    block, start = struct.unpack_from(">I", sb, 4)[0], struct.unpack_from(">Q", sb, 48)[0]
    ag_blocks, n = struct.unpack_from(">I", sb, 84)[0], struct.unpack_from(">I", sb, 96)[0]
    ag_log = sb[124]
    first = ((start >> ag_log) * ag_blocks + (start & (1 << ag_log) - 1)) * block // 512
    return first, first + n * block // 512


class Tracer(kt.Tracer):
    """The kernel's tracer's word on one of its events: hits, [(ns of CLOCK_MONOTONIC, tid, what the pattern's groups matched)]."""

    def __init__(self, event, pattern, condition="0"):
        super().__init__({event: condition}, buffer_kb=8192)
        self.pattern = re.compile(pattern)

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.hits = [(t, tid, m.groups()) for t, tid, _, text in self.lines for m in [self.pattern.match(text)] if m]


def journal_recordings(name, mnt, n, tracer, holes_too=True, **load):
    """Yields (database, the tracer's hits) of at most n recordings of the load in which the programs saw every hit."""
    for i in range(n):
        where = os.path.join(mnt, str(i))
        os.mkdir(where)
        ktr = os.path.join(kt.tmpdir(), "run.ktr")
        with Tracer(*tracer) as seen:
            kt.record(ktr, *fsync_command(where, **load), options=["-f"])
        db = kt.analyze(ktr, "--raw")
        why = kt.unseen(db, holes_too)
        if why:
            print("%s: hits that no program saw (%s); the next" % (name, why), flush=True)
            continue
        kt.check(not kt.lost(db), "%s: events were lost" % name)
        yield db, seen.hits


def all_owned(name, db, disk, where, *args):
    """Bios of a journal: each has an operation, alive when it was queued. Returns how many there are of each."""
    loose = db.rows("SELECT t.comm, b.sector, b.size_bytes, b.flags FROM bio b JOIN device d USING (device_id) LEFT JOIN task t USING (utid) "
                    "LEFT JOIN io i USING (io_id) WHERE d.dev = ? AND b.op IN ('write', 'flush') AND b.state = 'whole' AND " + where +
                    " AND NOT (i.io_id IS NOT NULL AND b.link = 'exact' AND i.start_ns <= b.start_ns AND "
                    "(i.dur_ns IS NULL OR b.start_ns <= i.start_ns + i.dur_ns)) LIMIT 3", kt.dev_of(disk), *args)
    kt.check(not loose, "%s: bios of the journal without an operation: %s" % (name, loose))
    return dict(db.rows("SELECT i.kind || ' ' || i.op, count(*) FROM bio b JOIN device d USING (device_id) JOIN io i USING (io_id) "
                        "WHERE d.dev = ? AND b.op IN ('write', 'flush') AND " + where + " GROUP BY 1", kt.dev_of(disk), *args))


def journal_xfs():
    disk = kt.loop_disk(size_mib=512)
    mnt = kt.filesystem(disk, "xfs")
    first, end = xfs_log(disk)
    own = others = commits = 0
    # Who comes first, and whether a kernel thread writes, is chance.
    waiting = "xfs/xlog_iclog_wait_on", r".* state XLOG_STATE_(?!ACTIVE|DIRTY)\w+ .* lsn 0x([0-9a-f]+)"
    for db, waited in journal_recordings("journal/xfs", mnt, 16, waiting):
        owned = all_owned("xfs", db, disk, "b.sector >= ? AND b.sector < ?", first, end)
        commits += owned.get("journal commit", 0)
        start = kt.mono_start(db)
        callers = {tid for tid, in db.rows("SELECT t.tid FROM io i JOIN task t USING (utid) WHERE i.op = 'fsync'")}
        for t, tid, (lsn,) in waited:
            if tid not in callers:
                continue  # a kernel thread
            io = db.rows("SELECT i.io_id, i.parent_io_id FROM io i JOIN task t USING (utid) WHERE t.tid = ? AND i.op = 'fsync' "
                         "AND i.start_ns <= ? AND i.start_ns + i.dur_ns >= ?", tid, t - start + 1000, t - start)
            wrote = db.rows("SELECT DISTINCT io_id FROM bio b JOIN device d USING (device_id) WHERE d.dev = ? AND sector = ?",
                            kt.dev_of(disk), first + (int(lsn, 16) & 0xffffffff))
            if not kt.check(len(io) == 1 and len(wrote) == 1, "xfs: task %d waited at %d: in %s, for what %s wrote" % (tid, t - start, io, wrote)):
                continue
            if io[0][0] == wrote[0][0]:
                own += 1
            else:
                others += 1
                kt.check(io[0][1] == wrote[0][0],
                         "xfs: task %d waited at %d for what io %d wrote, and its parent is %s" % (tid, t - start, wrote[0][0], io[0][1]))
        if own > 20 and others > 20 and commits > 20:
            break
    kt.check(own > 20 and others > 20 and commits > 20, "xfs: waits for one's own %d, for another's %d, bios of kernel threads %d" % (own, others, commits))
    print("%-24s waits for one's own: %d, for another's: %d; bios of kernel threads: %d; all linked" % ("journal/xfs", own, others, commits), flush=True)


def journal_btrfs():
    disk = kt.loop_disk(size_mib=8192)  # with less of it, workers short of space commit before the thread does
    mnt = kt.filesystem(disk, "btrfs")
    kt.run("mount", "-o", "remount,commit=1", mnt)
    commits = waits = 0
    # Some 3 seconds each: the thread commits what is a second old. In that time a hole hides something of some flow nearly always.
    for db, done in journal_recordings("journal/btrfs", mnt, 20, ("btrfs/btrfs_transaction_commit", "()"), holes_too=False, rounds=2000, files=4):
        # Short of space the kernel has workers commit, of which nothing tells when they begin.
        workers = ",".join({str(tid) for _, tid, _ in done})
        all_owned("btrfs", db, disk, "(b.op = 'flush' OR b.flags LIKE '%%meta%%') AND b.utid NOT IN (SELECT utid FROM task WHERE comm LIKE 'kworker/%%' "
                  "AND tid IN (%s))" % workers)
        start = kt.mono_start(db)
        mine = db.rows("SELECT i.io_id, i.start_ns + i.dur_ns, t.tid FROM io i JOIN task t USING (utid) WHERE i.kind = 'journal' AND i.op = 'commit' AND "
                       "t.comm LIKE 'btrfs-transacti%' AND i.state = 'whole' AND n_bios > 3 ORDER BY 2")
        threads = {tid for _, _, tid in mine}
        ends = sorted(t - start for t, tid, _ in done if tid in threads)
        # The tracer cuts its times to microseconds; a commit that wrote nothing has no row.
        kt.check(all(any(abs(end - e) < 20000 for e in ends) for _, end, _ in mine), "btrfs: commits end at %s, recorded at %s" % (ends, [m[1] for m in mine]))
        commits += len(mine)
        for commit, _, thread in mine:
            ended = [t for t, in db.rows("SELECT start_ns + dur_ns FROM bio WHERE io_id = ? ORDER BY 1", commit)]
            for tid, t, waking in db.rows("SELECT next_tid, time_ns, time_ns - wait_ns FROM raw_sched_switch WHERE waker_tid = ? AND flags & 13 = 1 "
                                          "AND time_ns > ?", thread, ended[0]):
                out = db.one("SELECT max(time_ns) FROM raw_sched_switch WHERE prev_tid = ? AND time_ns < ?", tid, t)
                # In that sleep one of the commit's bios ended.
                if out is None or bisect.bisect(ended, out) == bisect.bisect(ended, waking):
                    continue
                for io, parent, path in db.rows("SELECT io_id, parent_io_id, path_bio_id FROM io i JOIN task t USING (utid) "
                                                "WHERE t.tid = ? AND i.op = 'fsync' AND i.state = 'whole' "
                                                "AND i.start_ns <= ? AND i.start_ns + i.dur_ns >= ?", tid, out, t):
                    path = [path] if path else [b for b, in db.rows("SELECT bio_id FROM stage_extra WHERE flow = 'io' AND flow_id = ?", io)]
                    on_path = db.one("SELECT count(*) FROM bio WHERE io_id = ? AND bio_id IN (%s)" % ",".join(str(b) for b in path if b), commit)
                    waits += 1
                    kt.check(on_path and parent is not None, "btrfs: fsync %d waited for commit %d, and its parent is %s" % (io, commit, parent))
        if commits > 3 and waits > 1:
            break
    kt.check(commits > 3 and waits > 1, "btrfs: %d commits, %d waits for them" % (commits, waits))
    print("%-24s %d commits of the kernel's thread, %d waits for them; all bios linked" % ("journal/btrfs", commits, waits), flush=True)


CASES = {"disk": disk, "ext4": lambda: files("ext4"), "xfs": lambda: files("xfs"), "btrfs": lambda: files("btrfs"), "stacked": stacked, "throttled": throttled,
         "buffered-ext4": lambda: buffered("ext4"), "buffered-xfs": lambda: buffered("xfs"),
         "buffered-btrfs": lambda: buffered("btrfs"), "journal-xfs": journal_xfs, "journal-btrfs": journal_btrfs}

if __name__ == "__main__" and sys.argv[1:2] == ["fsync-load"]:
    fsync_load(sys.argv[2], *map(int, sys.argv[3:]))
elif __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(lambda: [CASES[c]() for c in (sys.argv[1:] or CASES)])
