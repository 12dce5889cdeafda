#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""filters.py [CASE…]: of two identical loads one is filtered in: all of its I/O is recorded, and none of the other's.

Both loads wait for the recording to begin, so that their process numbers can be given to it. What a load did is what fio
counts; whose a bio is, its submitter tells. Every hook's runs are recorded, lost or filtered."""

import bisect
import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import kt
import links

V2 = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
SIZE = 8 << 20
NAMES = ("kt-ina", "kt-outb")
JBD2_EVENTS = ("block/block_bio_queue", "jbd2/jbd2_start_commit", "jbd2/jbd2_end_commit")
JBD2_BIO = re.compile(r"\d+,\d+ \w+ (\d+) \+ .* \[jbd2/")


class Load:
    """A program that waits for go(): its number is known before it does anything."""

    def __init__(self, name, cmd, setup=""):
        self.name = name
        # exec -a does not name the task: only prctl and the program's file name do.
        script = "%s\nread go\n%s\nexec \"$@\"" % (setup, "")
        self.p = subprocess.Popen(["sh", "-c", script, "sh", *cmd], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        self.pid = self.p.pid
        kt.stack.callback(self.end)

    def go(self):
        self.p.stdin.write("go\n")
        self.p.stdin.flush()

    def wait(self):
        out = self.p.communicate(timeout=120)[0]
        kt.check(self.p.returncode == 0, "%s: exit %d: %s" % (self.name, self.p.returncode, out))
        return out

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


def fio(path, **opts):
    """I/O of SIZE bytes by one thread; its name is fio's."""
    base = dict(filename=path, rw="randread", bs="4k", size=SIZE, **{"output-format": "json"}, minimal=0)
    base.update(opts)
    cmd = kt.fio(**base)
    return [a for a in cmd if not a.startswith("--minimal")]


def ios(out):
    """How many reads and writes fio did."""
    job = json.loads(out[out.index("{"):])["jobs"][0]
    return job["read"]["total_ios"] + job["write"]["total_ios"]


def plain(loads, options):
    """Without a filter nothing is to be checked of what one leaves out."""
    return record(loads, options, check=lambda db, options: None)


def record(loads, options, during=None, after=None, check=None):
    """The database of a recording in which all loads ran; what they printed."""
    d = kt.tmpdir()
    ktr = os.path.join(d, "run.ktr")
    p = subprocess.Popen([kt.RECORD, "-o", ktr, *map(str, options)], stderr=subprocess.PIPE, text=True)
    kt.stack.callback(lambda: p.poll() is None and p.kill())
    said = ""
    while "recording\n" not in said:
        line = p.stderr.readline()
        if not line:
            raise RuntimeError("ktrace-record %s: %s" % (options, said))
        said += line
    if during:
        during()
    for l in loads:
        l.go()
    outs = [l.wait() for l in loads]
    if after:
        after()
    kt.time.sleep(0.1)
    p.send_signal(signal.SIGINT)
    said += p.communicate(timeout=60)[1]
    if not kt.check(p.returncode == 0, "ktrace-record: exit %d: %s" % (p.returncode, said)):
        raise RuntimeError(said)
    db = kt.analyze(ktr, "--raw")
    (check or accounted)(db, options)
    return db, outs


def accounted(db, options):
    """Each run of each hook is recorded, lost, or filtered; the sums of the hooks of one event agree with its number."""
    tables = {t for t, in db.rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name LIKE 'raw_%'")}
    sums = {}
    for hook, runs, lost, filtered in db.rows("SELECT hook, runs, lost, filtered FROM probe WHERE runs IS NOT NULL"):
        event = EVENTS.get(hook)
        if event:
            s = sums.setdefault(event, [0, 0])
            s[0] += runs
            s[1] += lost + filtered
    for event, (runs, other) in sums.items():
        n = db.one("SELECT count(*) FROM raw_" + event) if "raw_" + event in tables else 0
        kt.check(runs == n + other, "%s: %s: %d runs, but %d recorded + %d lost or filtered" % (options, event, runs, n, other))
    text = db.one("SELECT filters FROM run")
    kt.check(text == " ".join(map(str, options_text(options))), "the run's filters are '%s', given: %s" % (text, options))
    kt.check(not db.one("SELECT count(*) FROM audit WHERE verdict = 'off'"), "the audit of a filtered run says off")


def options_text(options):
    rest = list(map(str, options))
    while "-e" in rest:
        i = rest.index("-e")
        del rest[i:i + 2]
    return rest


EVENTS = {"sys_exit": "io_call", "writeback_single_inode": "io_call", "jbd2_end_commit": "io_call", "btrfs_transaction_commit": "io_call",
          "xlog_iclog_sync_done": "page_log", "xlog_iclog_wait_on": "page_log_wait", "sched_switch": "sched_switch",
          "io_uring_complete": "io_end", "block_bio_queue": "bio_queue", "block_split": "bio_split", "block_bio_remap": "bio_remap",
          "block_bio_backmerge": "bio_merge", "block_bio_frontmerge": "bio_merge", "block_bio_complete": "bio_complete",
          "block_getrq": "rq_get", "block_rq_insert": "rq_insert", "block_rq_issue": "rq_issue",
          "block_rq_requeue": "rq_requeue", "block_rq_merge": "rq_merge", "block_rq_complete": "rq_complete"}


def bios(db, pid=None, disk=None):
    # io_uring first tries without waiting: such an attempt, where there was no room, ends in EAGAIN and is made again.
    sql = ("SELECT count(*) FROM bio b LEFT JOIN task t USING (utid) LEFT JOIN device d USING (device_id) "
           "WHERE b.parent_bio_id IS NULL AND coalesce(b.error, 0) <> -11")
    args = []
    if pid is not None:
        sql += " AND t.tgid = ?"
        args.append(pid)
    if disk is not None:
        sql += " AND d.dev = ?"
        args.append(kt.dev_of(disk))
    return db.one(sql, *args)


def whole(db, name):
    """No flow was caught in the middle: what does not match leaves nothing behind."""
    kt.seen_all(db)
    for table in ("bio", "request"):
        odd = db.rows("SELECT state, count(*) FROM %s WHERE state <> 'whole' GROUP BY 1" % table)
        if odd and table == "bio":
            odd = db.rows("SELECT b.*, t.comm FROM bio b LEFT JOIN task t USING (utid) WHERE b.state <> 'whole' LIMIT 3")
        kt.check(not odd, "%s: %ss that are not whole: %s" % (name, table, odd))


def only(name, db, disk, n, pid, other=None):
    got = bios(db, pid, disk)
    kt.check(got == n, "%s: %d bios of the load, %d recorded" % (name, n, got))
    all_ = bios(db, disk=disk)
    kt.check(all_ == got, "%s: %d bios on the disk are not the load's" % (name, all_ - got))
    if other is not None:
        kt.check(bios(db, other) == 0, "%s: %d bios of the other load" % (name, bios(db, other)))
    rq = db.one("SELECT count(*) FROM request r JOIN device d USING (device_id) WHERE d.dev = ?", kt.dev_of(disk))
    linked = db.one("SELECT count(DISTINCT request_id) FROM bio")
    kt.check(0 < rq <= got and rq <= linked, "%s: %d requests of %d bios (%d linked)" % (name, rq, got, linked))
    whole(db, name)
    print("%-20s %d bios, %d requests, nothing else" % (name, got, rq), flush=True)


def ops(db, where="1", *args):
    """The operations recorded: {op: how many}."""
    return dict(db.rows("SELECT i.op, count(*) FROM io i LEFT JOIN task t USING (utid) LEFT JOIN device d ON d.device_id = i.device_id "
                        "WHERE " + where + " GROUP BY 1", *args))


def linked(name, db, disk, n, pid):
    """Each of the load's operations on the disk, with its bios; nobody else's operation at all."""
    got = ops(db, "t.tgid = ? AND d.dev = ? AND i.op IN ('read', 'write')", pid, kt.dev_of(disk))
    kt.check(sum(got.values()) == n, "%s: %d operations, recorded: %s" % (name, n, got))
    other = db.rows("SELECT t.comm, i.op, count(*) FROM io i LEFT JOIN task t USING (utid) WHERE t.tgid IS NOT ? GROUP BY 1, 2", pid)
    kt.check(not other, "%s: operations of others: %s" % (name, other))
    loose = db.one("SELECT count(*) FROM bio b JOIN device d USING (device_id) WHERE d.dev = ? AND b.io_id IS NULL", kt.dev_of(disk))
    kt.check(not loose, "%s: %d bios without their operation" % (name, loose))
    states = db.rows("SELECT i.kind, i.op, i.state, count(*) FROM io i WHERE state <> 'whole' "
                     # of a page fault no event tells the end
                     "AND NOT (kind = 'fault' AND state = 'open_at_end') GROUP BY 1, 2, 3")
    # What a process had begun before the recording, and the call that the filter's load waits in, are open at its ends.
    odd = [s for s in states if not (s[2].startswith("open") and s[3] <= 4)]
    kt.check(not odd, "%s: operations that are not whole: %s" % (name, states))
    alien = db.rows("SELECT t.comm, count(*) FROM io i JOIN task t USING (utid) WHERE i.state = 'whole' AND t.tgid <> ? GROUP BY 1", pid)
    kt.check(not alien, "%s: operations of others: %s" % (name, alien))


def each(name, part, *args):
    """One recording of several that a case makes: it alone is made again where hits were not seen."""
    kt.attempts(name, lambda: part(name, *args))


def by_pid():
    disk = kt.loop_disk(size_mib=64)

    def part(name, engine, opts):
        loads = [Load(n, fio(disk, ioengine=engine, **opts)) for n in NAMES]
        db, outs = record(loads, ["-p", loads[0].pid])
        only(name, db, disk, ios(outs[0]), loads[0].pid, loads[1].pid)
        linked(name, db, disk, ios(outs[0]), loads[0].pid)

    for engine, opts in (("psync", {}), ("io_uring", {"iodepth": 16}), ("libaio", {"iodepth": 16})):
        each("-p " + engine, part, engine, opts)


def merged():
    """Bios that share a request with those of somebody else: the request is recorded, the other's bios are not."""
    disk = kt.loop_disk(size_mib=64, scheduler="mq-deadline")
    loads = [Load(n, fio(disk, ioengine="libaio", iodepth=64, rw="read", bs="4k", iodepth_batch_submit=32)) for n in NAMES]
    db, outs = record(loads, ["-p", loads[0].pid])
    only("-p merged", db, disk, ios(outs[0]), loads[0].pid, loads[1].pid)


def by_tid():
    disk = kt.loop_disk(size_mib=64)
    # One process of its own, without threads: it is its own thread.
    loads = [Load(n, ["dd", "if=" + disk, "of=/dev/null", "bs=4k", "count=500", "iflag=direct", "status=none"]) for n in NAMES]
    db, _ = record(loads, ["-t", loads[0].pid])
    only("-t", db, disk, 500, loads[0].pid, loads[1].pid)


def by_comm():
    disk = kt.loop_disk(size_mib=64)
    d = kt.tmpdir()
    tools = []
    for n in NAMES:
        tools.append(os.path.join(d, n))
        kt.shutil.copy(kt.shutil.which("dd"), tools[-1])
    loads = [Load(n, [t, "if=" + disk, "of=/dev/null", "bs=4k", "count=500", "iflag=direct", "status=none"])
             for n, t in zip(NAMES, tools)]
    db, _ = record(loads, ["-c", NAMES[0]])
    only("-c", db, disk, 500, loads[0].pid, loads[1].pid)


def by_cgroup():
    if not os.path.exists(V2 + "/cgroup.procs"):
        kt.skip("no cgroup v2 tree at " + V2)
    disk = kt.loop_disk(size_mib=64)
    name = "ktrace-test-%d" % os.getpid()
    top, late = os.path.join(V2, name), os.path.join(V2, name, "late")
    os.mkdir(top)
    kt.stack.callback(os.rmdir, top)
    kt.stack.callback(lambda: os.path.isdir(late) and os.rmdir(late))
    dd = ["dd", "if=" + disk, "of=/dev/null", "bs=4k", "count=500", "iflag=direct", "status=none"]
    early = Load("early", dd, setup="echo $$ > %s/cgroup.procs" % top)
    # It enters a cgroup that is made only after the recording has begun.
    after = Load("late", ["sh", "-c", "echo $$ > %s/cgroup.procs; exec \"$@\"" % late, "sh", *dd])
    other = Load("other", dd)
    db, _ = record([early, after, other], ["--cgroup", top], during=lambda: os.mkdir(late))
    kt.check(bios(db, early.pid, disk) == 500, "--cgroup: %d of 500 bios" % bios(db, early.pid, disk))
    kt.check(bios(db, after.pid, disk) == 500, "--cgroup made later: %d of 500 bios" % bios(db, after.pid, disk))
    kt.check(bios(db, disk=disk) == 1000, "--cgroup: %d of 1000 bios" % bios(db, disk=disk))
    whole(db, "--cgroup")
    print("%-20s a cgroup, and one below it that was made later" % "--cgroup", flush=True)
    os.rmdir(late)


def by_disk():
    a, b = kt.loop_disk(size_mib=64), kt.loop_disk(size_mib=64)

    def by_name(name):
        loads = [Load(n, fio(x, ioengine="io_uring", iodepth=8)) for n, x in zip(NAMES, (a, b))]
        db, outs = record(loads, ["--disk", os.path.basename(a)])
        only(name, db, a, ios(outs[0]), loads[0].pid, loads[1].pid)
        kt.check(bios(db, disk=b) == 0, "--disk: %d bios of the other disk" % bios(db, disk=b))

    def by_number(name):
        loads = [Load(n, fio(x)) for n, x in zip(NAMES, (a, b))]
        db, outs = record(loads, ["--disk", kt.dev_of(b)])
        only(name, db, b, ios(outs[1]), loads[1].pid, loads[0].pid)

    each("--disk", by_name)
    each("--disk MAJ:MIN", by_number)


def by_partition():
    disk = kt.loop_disk(size_mib=64, partitions=True)
    part = disk + "p1"
    loads = [Load(n, fio(x)) for n, x in zip(NAMES, (part, disk))]
    db, outs = record(loads, ["--disk", part])
    got = bios(db, disk=part)
    kt.check(got == ios(outs[0]) and bios(db) == got, "--disk partition: %d of %d bios, %d in all" % (got, ios(outs[0]), bios(db)))
    whole(db, "--disk partition")
    loads = [Load(n, fio(x)) for n, x in zip(NAMES, (part, disk))]
    db, outs = record(loads, ["--disk", disk])
    want = ios(outs[0]) + ios(outs[1])
    kt.check(bios(db, loads[0].pid) + bios(db, loads[1].pid) == want, "--disk: of %d bios on a disk and its partition %d" % (want, bios(db)))
    whole(db, "--disk and partition")
    print("%-20s a partition alone, and a disk with its partitions" % "--disk", flush=True)


def by_op():
    disk = kt.loop_disk(size_mib=64)
    loads = [Load(n, fio(disk, rw=rw)) for n, rw in zip(NAMES, ("randread", "randwrite"))]
    db, outs = record(loads, ["--op", "write", "--disk", disk])
    only("--op write --disk", db, disk, ios(outs[1]), loads[1].pid, loads[0].pid)
    kt.check(db.one("SELECT count(*) FROM bio WHERE op <> 'write'") == 0, "--op write: other operations")
    mnt = kt.filesystem(disk)
    load = Load("sync", ["sh", "-c", "for i in 1 2 3; do echo x >> %s/f; sync %s/f; done; fstrim %s" % (mnt, mnt, mnt)])
    db, _ = record([load], ["-e", "block", "--op", "discard,flush", "--disk", disk])
    ops = dict(db.rows("SELECT op, count(*) FROM bio GROUP BY 1"))
    kt.check(set(ops) <= {"discard", "flush"} and "discard" in ops, "--op discard,flush: %s" % ops)
    ops = dict(db.rows("SELECT op, count(*) FROM request GROUP BY 1"))
    print("%-20s requests: %s" % ("--op discard,flush", ops), flush=True)
    whole(db, "--op discard,flush")


def write_script(path, mib=4):
    """Writes a file through the page cache."""
    return ["dd", "if=/dev/zero", "of=" + path, "bs=64k", "count=%d" % (mib * 16), "conv=notrunc", "status=none"]


def data_bytes(db, ino):
    return db.one("SELECT coalesce(sum(size_bytes), 0) FROM bio WHERE ino = ? AND op = 'write' AND parent_bio_id IS NULL", ino)


def writeback(name, options_of, uring=False):
    """Two writers through the page cache, one filtered in; kernel threads write both files back."""
    disk = kt.loop_disk(size_mib=256)
    mnt = kt.filesystem(disk)
    files = []
    for n in ("a", "b"):
        os.mkdir(os.path.join(mnt, n))
        files.append(os.path.join(mnt, n, "file"))
        kt.run("dd", "if=/dev/zero", "of=" + files[-1], "bs=1M", "count=4", "conv=fsync", "status=none")
    if uring:
        loads = [Load(n, fio(f, ioengine="io_uring", iodepth=4, direct=0, rw="write", size=4 << 20, file_append=0, overwrite=1,
                             fallocate="none")) for n, f in zip(NAMES, files)]
    else:
        loads = [Load(n, write_script(f)) for n, f in zip(NAMES, files)]
    # Somebody whom no filter lets in has it written back.
    db, _ = record(loads, options_of(loads, files, mnt), after=lambda: kt.run("sync", "-f", mnt))
    inos = [os.stat(f).st_ino for f in files]
    kt.check(data_bytes(db, inos[0]) == 4 << 20, "%s: of 4 MiB written back %d bytes recorded" % (name, data_bytes(db, inos[0])))
    kt.check(data_bytes(db, inos[1]) == 0, "%s: %d bytes of the other's file" % (name, data_bytes(db, inos[1])))
    whole(db, name)
    who = db.rows("SELECT DISTINCT t.comm FROM bio b JOIN task t USING (utid) WHERE b.ino = ? AND b.op = 'write'", inos[0])
    mine = ops(db, "i.ino = ? AND i.op = 'write'", inos[0])
    others = ops(db, "i.ino = ?", inos[1])
    kt.check(mine and not others, "%s: operations on its file %s, on the other's %s" % (name, mine, others))
    print("%-20s 4 MiB written back by %s, %s" % (name, ", ".join(c for c, in who), mine), flush=True)


def buffered():
    each("-p buffered", writeback, lambda loads, files, mnt: ["-p", loads[0].pid])
    each("--file buffered", writeback, lambda loads, files, mnt: ["--file", files[0]])
    each("--dir buffered", writeback, lambda loads, files, mnt: ["--dir", os.path.dirname(files[0])])
    each("-p io_uring buffered", writeback, lambda loads, files, mnt: ["-p", loads[0].pid], True)
    each("-p --dir --op", writeback, lambda loads, files, mnt: ["-p", loads[0].pid, "--dir", mnt, "--op", "write"])


def by_file():
    """Direct I/O on two files, and below two directories, one of them on a mount below it."""
    disk = kt.loop_disk(size_mib=128)
    mnt = kt.filesystem(disk)
    d = os.path.join(mnt, "deep", "er")
    os.makedirs(d)
    files = [os.path.join(d, "a"), os.path.join(mnt, "b")]
    for f in files:
        kt.run("dd", "if=/dev/urandom", "of=" + f, "bs=1M", "count=8", "conv=fsync", "status=none")

    def part(name, options, engine, opts):
        loads = [Load(n, fio(f, ioengine=engine, **opts)) for n, f in zip(NAMES, files)]
        db, outs = record(loads, options)
        only(name, db, disk, ios(outs[0]), loads[0].pid, loads[1].pid)
        inos = [os.stat(f).st_ino for f in files]
        mine = ops(db, "i.ino = ? AND i.op = 'read' AND t.tgid = ?", inos[0], loads[0].pid)
        other = ops(db, "i.ino IS NOT ?", inos[0])
        kt.check(mine.get("read") == ios(outs[0]), "%s: %d reads, recorded: %s" % (name, ios(outs[0]), mine))
        kt.check(not other, "%s: operations on other files: %s" % (name, other))

    def root(name):
        """Everything below the root of another file system: over the border of the mount."""
        loads = [Load(n, fio(f)) for n, f in zip(NAMES, files)]
        db, outs = record(loads, ["--dir", "/", "-p", loads[0].pid])
        only(name, db, disk, ios(outs[0]), loads[0].pid, loads[1].pid)

    for engine, opts in (("psync", {}), ("io_uring", {"iodepth": 8}), ("libaio", {"iodepth": 8})):
        for option, value in (("--file", files[0]), ("--dir", os.path.join(mnt, "deep"))):
            each(option + " " + engine, part, [option, value], engine, opts)
    each("--dir / -p", root)


def by_fsync():
    """An operation of the application with all that it causes."""
    disk = kt.loop_disk(size_mib=64)
    mnt = kt.filesystem(disk)
    script = "for i in 1 2 3 4 5; do echo x >> %s; sync %s; dd if=%s of=/dev/null iflag=direct bs=4k status=none; done"
    loads = [Load(n, ["sh", "-c", script % ((os.path.join(mnt, n),) * 3)]) for n in NAMES]
    db, _ = record(loads, ["--op", "fsync", "--file", "/etc/hostname"])
    kt.check(not ops(db) and not bios(db), "--op fsync on another file: %s" % ops(db))
    loads = [Load(n, ["sh", "-c", script % ((os.path.join(mnt, n),) * 3)]) for n in NAMES]
    db, _ = record(loads, ["--op", "fsync", "--file", os.path.join(mnt, NAMES[0])])
    mine = ops(db, "i.kind <> 'journal'")
    kt.check(mine == {"fsync": 5}, "--op fsync --file: %s" % mine)
    linked_ = db.one("SELECT count(DISTINCT io_id) FROM bio JOIN io i USING (io_id) WHERE i.kind <> 'journal'")
    kt.check(linked_ == 5, "--op fsync: bios of %d of 5 calls" % linked_)
    whole(db, "--op fsync --file")
    committed("--op fsync --file", db)
    print("%-20s 5 calls, %d bios" % ("--op fsync --file", bios(db)), flush=True)


def committed(name, db):
    """The journal's commits that are recorded are those that a recorded operation waited for."""
    n = db.one("SELECT count(*) FROM io WHERE kind = 'journal'")
    idle = db.rows("SELECT c.io_id, c.start_ns, c.dur_ns FROM io c WHERE c.kind = 'journal' AND NOT EXISTS (SELECT * FROM io i WHERE i.kind <> 'journal' "
                   "AND i.start_ns < c.start_ns + c.dur_ns AND i.start_ns + i.dur_ns > c.start_ns)")
    kt.check(not idle, "%s: of %d commits nobody waited for %s" % (name, n, idle[:3]))
    loose = db.rows("SELECT t.comm, b.flags FROM bio b JOIN task t USING (utid) LEFT JOIN io i USING (io_id)"
                    " WHERE t.comm LIKE 'jbd2/%' AND i.kind IS NOT 'journal'")
    kt.check(not loose, "%s: the journal's bios without a commit: %s" % (name, loose[:3]))
    return n


class Commits:
    """What the kernel's tracer tells of a journal, in the database's time: when its commits began and ended, and its bios. The tracer cuts
    times to microseconds."""

    def __init__(self, db, disk, mnt, lines):
        start = kt.mono_start(db)
        # The superblock of the journal is written before a commit begins.
        head = int(kt.run("debugfs", "-R", "bmap <8> 0", disk).stdout) * os.statvfs(mnt).f_frsize // 512
        self.begins, self.ends, self.bios = [], [], []
        for t, _, event, text in sorted(lines):
            bio = JBD2_BIO.match(text)
            if event == "jbd2_start_commit":
                self.begins.append(t - start)
            elif event == "jbd2_end_commit" and self.begins[len(self.ends):]:
                self.ends.append(t - start)
            elif bio and int(bio[1]) != head:
                self.bios.append((t - start, int(bio[1])))

    def is_end(self, waking):
        """Did the journal's thread wake a task then because a commit had ended, and not in the middle of one?"""
        return 0 < bisect.bisect(self.ends, waking) == bisect.bisect(self.begins, waking - 1000)

    def queued(self, since, until):
        return self.bios[bisect.bisect(self.bios, (since, 0)):bisect.bisect(self.bios, (until, 0))]


def commit_waits(db, disk, commits):
    """Calls that slept, and were woken by the journal's thread, while that queued bios: (how many; how many have a commit for a parent that
    was under way; bios that are not recorded, of those queued from the first sleep of a call that the end of a commit ended to the last one's
    end: in between it waits for the second commit, asleep or not; calls with a commit for a parent that was not under way)."""
    known = set(db.rows("SELECT b.sector FROM bio b JOIN device d USING (device_id) WHERE d.dev = ?", kt.dev_of(disk)))
    waits, waited, missing, odd = 0, 0, [], []
    for io, tid, t0, t1, parent, begin, end in db.rows(
            "SELECT i.io_id, t.tid, i.start_ns, i.start_ns + i.dur_ns, p.op, p.start_ns, p.start_ns + p.dur_ns FROM io i JOIN task t USING (utid) "
            "LEFT JOIN io p ON p.io_id = i.parent_io_id WHERE i.op = 'fsync'"):
        out, hit, sleeps = None, [], []
        for t, prev, wait, flags, comm in db.rows(
                "SELECT s.time_ns, prev_tid, wait_ns, flags, w.comm FROM raw_sched_switch s LEFT JOIN task w ON w.tid = s.waker_tid "
                "WHERE (prev_tid = ? OR next_tid = ?) AND s.time_ns BETWEEN ? AND ? ORDER BY s.time_ns", tid, tid, t0, t1):
            if prev == tid:
                out = t
            elif out is not None and flags & 13 == 1 and comm and comm.startswith("jbd2/"):
                hit += commits.queued(out + 2000, t - wait - 2000)
                if commits.is_end(t - wait):
                    sleeps.append((out, t - wait))
        right = parent == "commit" and begin < t1 and end > t0
        waits += bool(hit)
        waited += bool(hit and right)
        if sleeps:
            missing += [bio for bio in commits.queued(sleeps[0][0] + 2000, sleeps[-1][1] - 2000) if (bio[1],) not in known]
        if parent == "commit" and not right:
            odd.append((io, t0, t1, parent, begin, end))
    return waits, waited, missing, odd


def unseen_commits(db):
    """Tells attempts() if the journal's thread left a CPU within a commit that is recorded, and was not seen to come to one: with a filter
    the analysis does not find such holes."""
    n = db.one("WITH c AS (SELECT t.tid, max(i.start_ns, min(b.start_ns)) AS since, i.start_ns + i.dur_ns AS until FROM io i JOIN task t USING (utid)"
               " JOIN bio b USING (io_id) WHERE i.kind = 'journal' GROUP BY io_id) SELECT count(*) FROM c"
               " WHERE (SELECT sum((prev_tid = tid) - (next_tid = tid)) FROM raw_sched_switch WHERE time_ns BETWEEN since AND until) <> 0")
    if n:
        kt.not_seen("the thread of %d commits came to a CPU unseen" % n)


def by_commit():
    """Who waits for a journal's commit has it recorded, and no other commit is."""
    disk = kt.loop_disk(size_mib=256)
    mnt = kt.filesystem(disk)
    jbd2 = "/proc/fs/jbd2/%s-8/info" % os.path.basename(disk)

    def part(name, opts):
        dirs = [os.path.join(mnt, name.replace(" ", "") + n) for n in NAMES]
        for d in dirs:
            os.makedirs(d, exist_ok=True)
        # The other's goes on long after the wanted one's has ended.
        loads = [Load(n, links.fsync_command(d, workers=2, rounds=r, files=2)) for n, d, r in zip(NAMES, dirs, (60, 300))]
        before = int(kt.read(jbd2).split()[0])
        with kt.Tracer({event: "dev == %d" % kt.kernel_dev(disk) for event in JBD2_EVENTS}) as journal:
            db, _ = record(loads, opts(loads[0]))
        all_ = int(kt.read(jbd2).split()[0]) - before
        n = committed(name, db)
        syncs = db.one("SELECT count(*) FROM io WHERE op = 'fsync'")
        kt.check(syncs == 120, "%s: of 120 calls %d recorded" % (name, syncs))
        kt.check(0 < n <= all_ / 2, "%s: %d commits of %d recorded" % (name, n, all_))
        unseen_commits(db)
        waits, waited, missing, odd = commit_waits(db, disk, Commits(db, disk, mnt, journal.lines))
        kt.check(waits > 20 and waited == waits, "%s: of %d calls that slept while their commit wrote, %d have it" % (name, waits, waited))
        kt.check(not missing, "%s: bios of commits that were waited for are not recorded: %s" % (name, missing[:3]))
        kt.check(not odd, "%s: calls with a commit that was not under way: %s" % (name, odd[:3]))
        whole(db, name)
        print("%-20s %d commits of %d, for %d of %d calls" % (name + " fsync", n, all_, waited, waits), flush=True)

    each("-p", part, lambda l: ["-p", l.pid])
    each("-p --op", part, lambda l: ["-p", l.pid, "--op", "fsync"])


def stacked():
    """A loop disk over a file on a real disk: what the loop driver does below is the I/O's, too."""
    d = kt.tmpdir("/var/tmp")
    image = os.path.join(d, "image")
    kt.run("dd", "if=/dev/urandom", "of=" + image, "bs=1M", "count=32", "conv=fsync", "status=none")
    loop = kt.run("losetup", "--find", "--show", "--direct-io=on", image, check=False).stdout.strip()
    if not loop:
        print("stacked: no direct loop disk on /var/tmp here")
        return
    kt.stack.callback(kt.run, "losetup", "-d", loop, check=False)
    loads = [Load(n, fio(loop, size=2 << 20)) for n in NAMES]
    db, outs = record(loads, ["-p", loads[0].pid])
    n = ios(outs[0])
    upper = bios(db, loads[0].pid, loop)
    lower = db.one("SELECT count(DISTINCT parent_request_id) FROM bio WHERE parent_request_id IS NOT NULL")
    kt.check(upper == n and lower == n, "stacked: %d reads, %d bios above, %d of them with bios below" % (n, upper, lower))
    stray = db.one("SELECT count(*) FROM bio b LEFT JOIN task t USING (utid) WHERE b.parent_request_id IS NULL AND b.parent_bio_id IS NULL "
                   "AND t.tgid IS NOT ?", loads[0].pid)
    kt.check(not stray, "stacked: %d bios of others" % stray)
    whole(db, "stacked")
    print("%-20s %d bios above, all with theirs below" % ("-p stacked", upper), flush=True)


def shared():
    """One file, two writers: the file's writeback is recorded, and what of it is the wanted one's is told."""
    disk = kt.loop_disk(size_mib=128)
    mnt = kt.filesystem(disk)
    path = os.path.join(mnt, "file")
    kt.run("dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=8", "conv=fsync", "status=none")
    loads = [Load(n, write_script(path, mib=2) + ["seek=%d" % (i * 64)]) for i, n in enumerate(NAMES)]
    db, _ = record(loads, ["-p", loads[0].pid], after=lambda: kt.run("sync", "-f", mnt))
    ino = os.stat(path).st_ino
    kt.check(data_bytes(db, ino) >= 2 << 20, "shared: %d bytes written back" % data_bytes(db, ino))
    mine = db.rows("SELECT t.tgid, sum(o.size_bytes) FROM bio_origin o JOIN bio b USING (bio_id) JOIN task t ON t.utid = o.utid"
                   " WHERE b.ino = ? GROUP BY 1", ino)
    kt.check(mine == [(loads[0].pid, 2 << 20)], "shared: of 2 MiB of one writer, the origins tell %s" % mine)
    whole(db, "shared")
    print("%-20s %d bytes written back, the wanted writer's: %s" % ("-p shared file", data_bytes(db, ino), mine[0][1] if mine else 0), flush=True)


def throttled():
    """A bio that the block layer held back is queued by a kernel thread: it is the task's all the same."""
    blkio = "/sys/fs/cgroup/blkio"
    if not os.path.exists(blkio + "/blkio.throttle.read_iops_device"):
        print("throttled: no blkio controller here")
        return
    disk = kt.loop_disk(size_mib=64)
    group = os.path.join(blkio, "ktrace-test-%d" % os.getpid())
    os.mkdir(group)
    kt.stack.callback(os.rmdir, group)
    kt.write(group + "/blkio.throttle.read_iops_device", kt.dev_of(disk) + " 200")
    dd = ["dd", "if=" + disk, "of=/dev/null", "bs=4k", "count=200", "iflag=direct", "status=none"]
    loads = [Load(n, dd, setup="echo $$ > %s/cgroup.procs" % group) for n in NAMES]
    db, _ = record(loads, ["-p", loads[0].pid])
    got = db.one("SELECT count(*) FROM bio b JOIN device d USING (device_id) WHERE d.dev = ?", kt.dev_of(disk))
    mine = db.one("SELECT count(*) FROM bio b JOIN io i USING (io_id) JOIN task t ON t.utid = i.utid WHERE t.tgid = ?", loads[0].pid)
    by_thread = db.one("SELECT count(*) FROM bio b JOIN task t USING (utid) WHERE t.comm LIKE 'kworker%'")
    kt.check(got == 200 and mine >= 200, "throttled: of 200 bios %d recorded, %d linked" % (got, mine))
    whole(db, "throttled")
    print("%-20s %d bios, %d of them queued by a kernel thread" % ("-p throttled", got, by_thread), flush=True)

    # libaio: the kernel thread's bio names its iocb by an address, and two runs of one program use the same ones.
    fio = ["fio", "--name=aio", "--thread", "--filename=" + disk, "--ioengine=libaio", "--iodepth=4", "--direct=1", "--rw=randread", "--bs=4k",
           "--size=64m", "--number_ios=120"]
    loads = [Load(n, fio + ["--randseed=%d" % i], setup="echo $$ > %s/cgroup.procs" % group) for i, n in enumerate(NAMES)]
    db, _ = record(loads, ["-p", loads[0].pid])
    n, mine, held = db.one("SELECT count(*), coalesce(sum(i.state = 'whole' AND i.n_bios = 1 AND t.tgid = ?), 0), coalesce(sum(i.throttle_ns > 0), 0) FROM io i"
                           " LEFT JOIN task t USING (utid) WHERE i.kind = 'aio'", loads[0].pid)
    kt.check(held > 20 and 118 <= n <= 122 and (mine == n or kt.unseen(db)), "throttled libaio: %d iocbs, %d whole, %d held back" % (n, mine, held))
    print("%-20s %d iocbs, %d held back" % ("", n, held), flush=True)


def two_kinds():
    a, b = kt.loop_disk(size_mib=64), kt.loop_disk(size_mib=64)
    dd = "dd if=%s of=/dev/null bs=4k count=300 iflag=direct status=none"
    loads = [Load(n, ["sh", "-c", dd % a + "; " + dd % b]) for n in NAMES]
    db, _ = record(loads, ["-p", loads[0].pid, "--disk", a])
    # dd is a child of that shell, born after the start.
    got = db.rows("SELECT d.dev, count(*), count(DISTINCT t.tgid) FROM bio b JOIN task t USING (utid) JOIN device d USING (device_id) GROUP BY 1")
    kt.check(got == [(kt.dev_of(a), 300, 1)], "-p and --disk: %s" % got)
    whole(db, "-p and --disk")
    print("%-20s a child's I/O on one of two disks" % "-p --disk", flush=True)


WAITS = r"""
import mmap, os, sys, time
os.sched_setaffinity(0, {0})
waited = lambda: int(open("/proc/self/schedstat").read().split()[1])
fd, page = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT), mmap.mmap(-1, 4096)
before, start, n = waited(), time.monotonic_ns(), 0
while time.monotonic_ns() < start + 2 * 10**9:
    os.preadv(fd, [page], n % 4096 * 4096)
    n += 1
print(start, time.monotonic_ns(), waited() - before)
"""
HOG = "import os\nos.sched_setaffinity(0, {0})\nwhile True: pass"


def waits():
    """A task that reads, and shares its CPU with one that computes: what it waited for the CPU is what the kernel says, and known of
    each call, whatever a filter leaves out. Where filters are by task, all of the task's switches are there. What the kernel counts and
    calls do not show is the edge: between two calls the task may be preempted as well. What calls show and the kernel does not count is
    the way to the queue: from the other CPU a waking goes by an interrupt, which takes 5 to 50 us where CPUs are virtual."""
    disk = kt.loop_disk(size_mib=64)
    for name, by_task, options in (("none", True, lambda pid: []), ("-p", True, lambda pid: ["-p", pid]),
                                   ("-p --disk", False, lambda pid: ["-p", pid, "--disk", disk])):
        hog = subprocess.Popen([sys.executable, "-c", HOG])
        try:
            load = Load("waits", [sys.executable, "-c", WAITS, disk])
            db, outs = (record if options(load.pid) else plain)([load], options(load.pid))
        finally:
            hog.kill()
            hog.wait()
        if kt.lost(db):
            raise kt.Blind("%d events lost" % kt.lost(db))
        start, end, waited = map(int, outs[0].split())
        began = kt.mono_start(db)
        n, unknown, in_calls = db.one("SELECT count(*), sum(runq_ns IS NULL), sum(runq_ns) FROM io JOIN task USING (utid) WHERE tid = ? "
                                      "AND op = 'read' AND flags LIKE '%direct%' AND state <> 'lossy'", load.pid)
        seen = db.one("SELECT sum(wait_ns) FROM raw_sched_switch WHERE next_tid = ? AND time_ns BETWEEN ? AND ?", load.pid, start - began, end - began)
        ran = db.one("SELECT max(run_ns) FROM sched_task JOIN task USING (utid) WHERE tid = ?", load.pid)
        by = db.one("SELECT count(*) FROM sched_delay d JOIN task t USING (utid) JOIN task b ON b.utid = d.by_utid WHERE t.tid = ? AND b.tid = ?",
                    load.pid, hog.pid)
        if not options(load.pid):
            kt.seen_all(db)
        kt.check(waited > 10**8, "%s: there was contention: %d ns" % (name, waited))
        holes = db.one("SELECT count(*) FROM lost_interval WHERE cause = 'blind'")
        way = n * 100000
        kt.check(n > 0 and unknown <= holes, "%s: of %d reads the wait for a CPU is not known of %s" % (name, n, unknown))
        kt.check(waited * 0.95 - 10**7 <= in_calls <= waited * 1.05 + 10**7 + way, "%s: waited %d ns in its reads, by schedstat %d" % (name, in_calls, waited))
        if by_task:
            kt.check(waited * 0.98 - 5 * 10**6 <= seen <= waited * 1.02 + 5 * 10**6 + way, "%s: waited %d ns, by schedstat %d" % (name, seen, waited))
        kt.check((ran is not None) == by_task, "%s: it ran for %s ns" % (name, ran))
        kt.check(by > 0, "%s: the hog was never in the way" % name)
        print("%-20s %d reads, waited %.6f s in them, %.6f s by schedstat" % (name, n, in_calls / 1e9, waited / 1e9), flush=True)


def bad_values():
    d = kt.tmpdir()
    out = os.path.join(d, "x.ktr")
    usage, absent = 64, 1  # EX_USAGE: no machine would have it
    for options, words, status in (
            (["-p", "0"], ["process", "0"], usage), (["-p", "x"], ["process", "x"], usage), (["-p", "2147483646"], ["no such process"], absent),
            (["-t", "2147483646"], ["no such thread"], absent), (["-c", "a-name-much-too-long"], ["15"], usage), (["-c", ""], ["-c"], usage),
            (["--cgroup", "/nosuch"], ["no such cgroup", "/nosuch"], absent), (["--disk", "nosuch"], ["no such disk"], absent),
            (["--disk", "4000:1"], ["no such disk"], absent), (["--file", d + "/nosuch"], ["no such file"], absent),
            (["--file", d], ["--dir"], absent), (["--dir", "/etc/passwd"], ["--file"], absent),
            (["--dir", "/nosuch"], ["no such directory"], absent), (["--op", "reed"], ["reed"], usage), (["--op", ""], ["--op"], usage)):
        p = kt.run(kt.RECORD, "-o", out, "-d", "1", *options, check=False)
        lines = p.stderr.strip().splitlines()
        kt.check(p.returncode == status and len(lines) == 1, "%s: exit %d: %s" % (options, p.returncode, p.stderr))
        for w in words:
            kt.check(w in p.stderr, "%s: '%s' is not in: %s" % (options, w, p.stderr))
        kt.check(not os.path.exists(out), "%s: a file was left behind" % options)
        print("%-28s %s" % (" ".join(options), p.stderr.strip()))


CASES = [bad_values, by_pid, merged, by_tid, by_comm, by_cgroup, by_disk, by_partition, by_op, buffered, by_file, by_fsync, by_commit,
         stacked, shared, throttled, two_kinds, waits]


def test():
    wanted = sys.argv[1:]
    for case in CASES:
        if not wanted or case.__name__ in wanted:
            with contextlib.ExitStack() as own:
                whole_stack, kt.stack = kt.stack, own
                try:
                    kt.attempts(case.__name__, case)
                finally:
                    kt.stack = whole_stack


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
