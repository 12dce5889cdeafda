# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Shared by the live tests: real disks created for a test and removed after it, the tools, checks.

A live test is a program that ends with 0 (passed), 1 (failed) or 77 (skipped: says why). Everything a test makes is
taken away by an ExitStack, also when it fails. Processes are ended by pid, and only those that were started here."""

import glob
import os
import re
import shlex
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402
from ktest import ANALYZE, RECORD, check, failures, read, run, skip, stack, write  # noqa: E402

# A live test asks kt for what it needs of ktest, too.
BUILD, REPORT, finish, main = ktest.BUILD, ktest.REPORT, ktest.finish, ktest.main


def need_root_and_bpf():
    if os.geteuid() != 0:
        skip("not root")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        skip("the kernel has no BTF")
    for tool in ("fio", "losetup", "sqlite3"):
        if not shutil.which(tool):
            skip(tool + " is not installed")
    if not os.path.exists(RECORD):
        skip("ktrace-record was not built")


class Blind(Exception):
    """This run proves nothing, for that reason: see attempts()."""


blind = None  # why the run that attempts() makes now may lack hits


def attempts(name, test, seconds=240):
    """Runs test(); again, for so long at most, while checks fail in runs that lack hits.

    Some kernels run no BPF program while certain tasks are current (those of an agent that the machine is run by), interrupts on
    top of them included; perf and /proc/diskstats count such hits all the same. The trace shows it: see seen_all(). What fails in
    such a run says nothing about the recorder; what holds, holds all the same."""
    global blind
    n, until = 0, time.monotonic() + seconds
    while not n or time.monotonic() < until:
        n += 1
        blind = None
        before = list(failures)
        try:
            test()
        except Blind as e:
            blind = str(e)
            failures.append(blind)
        except Exception as e:
            if not blind:
                raise
            failures.append(str(e))
        if not blind or len(failures) == len(before):
            return
        failures[:] = before
        print("%s: hits that no program saw (%s); once more" % (name, blind), flush=True)
        time.sleep(1)  # they come in bursts
    check(False, "%s: in none of %d runs did the programs see every hit" % (name, n))


def unseen(db, holes_too=True):
    """Why a recording may lack hits that nothing counted, or None: an end that never came, or a flow that lacks what a hole (an interval
    in which the kernel ran no program on a CPU, cause `blind`) may have hidden. A hole that hid nothing of a flow is none. Where a
    test looks at whole flows only, holes_too=False takes recordings with flows that a hole made lossy."""
    n = db.one("SELECT coalesce(sum(n), 0) FROM lost_interval WHERE cause = 'missed'")
    holes, ns = db.one("SELECT count(*), coalesce(sum(dur_ns), 0) FROM lost_interval WHERE cause = 'blind'")
    lossy = db.one("SELECT coalesce(sum(n), 0) FROM load WHERE state = 'lossy'") if holes_too and holes and not lost(db) else 0
    return "%d missed, %d flows lossy by %d holes of %.1f ms in all" % (n, lossy, holes, ns / 1e6) if n or lossy else None


def not_seen(why):
    """Tells attempts() that checks of this run may fail because of hits that no program saw."""
    global blind
    blind = why


def seen_all(db):
    """Tells attempts() if checks may fail because of hits that no program saw."""
    global blind
    blind = unseen(db) or blind


def tmpdir(where="/dev/shm"):
    """In memory, if not told otherwise: what the recorder writes there is no I/O of a disk."""
    return ktest.tmpdir(where)


def realtime_offset_ns():
    """CLOCK_REALTIME less CLOCK_MONOTONIC. Of many readings the one that took least: between two calls of one line lie microseconds
    at times."""
    def once():
        before = time.monotonic_ns()
        now = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.monotonic_ns()
        return after - before, now - (before + after) // 2

    return min(once() for _ in range(200))[1]


def dev_of(path):
    st = os.stat(path)
    return "%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev))


def kernel_dev(path):
    """dev_t as the kernel's tracepoints print and filter it."""
    st = os.stat(path)
    return os.major(st.st_rdev) << 20 | os.minor(st.st_rdev)


def loop_disk(size_mib=512, scheduler="none", direct_io=True, partitions=False, where="/dev/shm"):
    """A blk-mq disk over a file, on tmpfs if not told otherwise. Returns its path."""
    d = tmpdir(where)
    image = os.path.join(d, "disk.img")
    with open(image, "wb") as f:
        f.truncate(size_mib << 20)
    cmd = ["losetup", "--find", "--show"] + (["--direct-io=on"] if direct_io else [])
    loop = run(*cmd, image).stdout.strip()
    stack.callback(run, "losetup", "-d", loop, check=False)
    set_scheduler(loop, scheduler)
    if partitions:
        # Told to the kernel directly: it may have been built without any partition table.
        run("addpart", loop, 1, 2048, (size_mib - 2) * 2048)
        stack.callback(run, "delpart", loop, 1, check=False)
        if not os.path.exists(loop + "p1"):
            # No udev in a bare container: make the node that the kernel announced.
            major, minor = read("/sys/block/%s/%sp1/dev" % ((os.path.basename(loop),) * 2)).split(":")
            os.mknod(loop + "p1", 0o600 | 0o060000, os.makedev(int(major), int(minor)))
            stack.callback(os.unlink, loop + "p1")
    return loop


def set_scheduler(disk, name):
    path = "/sys/block/%s/queue/scheduler" % os.path.basename(disk)
    write(path, name)
    if "[%s]" % name not in read(path):
        raise RuntimeError("%s does not take scheduler %s" % (disk, name))


def zram_disk(size_mib=256):
    """A bio-based disk: it has no requests. Filled, so that reads reach data."""
    if not os.path.exists("/sys/class/zram-control/hot_add"):
        run("modprobe", "zram", check=False)
    if not os.path.exists("/sys/class/zram-control/hot_add"):
        skip("no zram here")
    # One of our own, also where one stands unused: it may be somebody's in the next moment.
    n = read("/sys/class/zram-control/hot_add").strip()
    stack.callback(write, "/sys/class/zram-control/hot_remove", n)
    sys_dir, disk = "/sys/block/zram" + n, "/dev/zram" + n
    write(sys_dir + "/disksize", "%dM" % size_mib)
    stack.callback(write, sys_dir + "/reset", "1")
    if not os.path.exists(disk):
        major, minor = read(sys_dir + "/dev").split(":")
        os.mknod(disk, 0o600 | 0o060000, os.makedev(int(major), int(minor)))
        stack.callback(os.unlink, disk)
    run("dd", "if=/dev/urandom", "of=" + disk, "bs=1M", "count=%d" % size_mib, "oflag=direct")
    return disk


def filesystem(disk, kind="ext4"):
    d = tempfile.mkdtemp(prefix="ktrace-mnt.")
    stack.callback(os.rmdir, d)
    # Without ext4's thread, which goes on with mkfs's work after the mount: what that reads and writes is no operation's.
    options = {"ext4": ["-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]}.get(kind, ["-f"])
    run("mkfs." + kind, "-q", *options, disk)
    run("mount", *(["-o", "no_prefetch_block_bitmaps"] if kind == "ext4" else []), disk, d)
    stack.callback(run, "umount", d, check=False)
    return d


def fio(name="job", **opts):
    """The fio command line; options by keyword, '_' where fio has '-'."""
    base = dict(name=name, bs="4k", direct=1, iodepth=1, ioengine="psync", thread=1, minimal=None, norandommap=1)
    base.update(opts)
    return ["fio"] + ["--" + k + ("" if v is None else "=%s" % v) for k, v in base.items()]


def together(*cmds):
    """A shell script: all at once, each an argument list. When all have ended it goes on, or fails as the last that failed."""
    start = ["%s & p%d=$!" % (shlex.join(map(str, c)), i) for i, c in enumerate(cmds)]
    wait = ["wait $p%d || failed=$?" % i for i in range(len(cmds))]
    return "\n".join(["failed=0"] + start + wait + ["[ $failed = 0 ] || exit $failed"]) + "\n"


def record(ktr, *cmd, options=(), check=True):
    """ktrace-record -o KTR OPTIONS -- CMD. Returns what it said on stderr."""
    p = run(RECORD, "-o", ktr, *options, "--", *cmd, check=False)
    if check and p.returncode:
        raise RuntimeError("ktrace-record: exit %d\n%s" % (p.returncode, p.stderr))
    return p


def analyze(ktr, *options, db=None):
    db = db or os.path.splitext(ktr)[0] + ".db"
    p = run(ANALYZE, ktr, "-o", db, *options)
    if p.stderr:
        print(p.stderr, end="", file=sys.stderr)
    return Db(db)


class Db:
    def __init__(self, path):
        self.path = path
        self.con = ktest.open_db(path)
        stack.callback(self.con.close)

    def rows(self, sql, *args):
        return self.con.execute(sql, args).fetchall()

    def one(self, sql, *args):
        row = self.con.execute(sql, args).fetchone()
        return row[0] if row and len(row) == 1 else row


STATS = ("reads", "reads_merged", "read_sectors", "read_ms", "writes", "writes_merged", "write_sectors", "write_ms",
         "in_flight", "io_ms", "weighted_ms", "discards", "discards_merged", "discard_sectors", "discard_ms", "flushes",
         "flush_ms")


def diskstats(disk):
    name = os.path.basename(disk)
    for line in read("/proc/diskstats").splitlines():
        f = line.split()
        if f[2] == name:
            return dict(zip(STATS, map(int, f[3:])))
    raise RuntimeError("%s is not in /proc/diskstats" % name)


def lost(db):
    """Events the recorder lost: not those that no program ever saw."""
    return db.one("SELECT coalesce(sum(n), 0) FROM lost_interval WHERE cause NOT IN ('missed', 'blind')")


BLOCK_HOOKS = ("block_bio_queue", "block_split", "block_bio_remap", "block_bio_backmerge", "block_bio_frontmerge",
               "block_bio_complete", "block_getrq", "block_rq_insert", "block_rq_issue", "block_rq_requeue", "block_rq_merge",
               "block_rq_complete")


def perf_stat(out, devs, cmd):
    """A perf stat command that counts the block tracepoints of some disks (kernel dev numbers) while cmd runs."""
    tracefs()
    args = ["perf", "stat", "-a", "-x,", "-o", out]
    for hook in BLOCK_HOOKS:
        args += ["-e", "block:" + hook, "--filter", " || ".join("dev == %d" % d for d in devs)]
    return args + ["--"] + list(cmd)


def timed(out, cmd):
    """A command that runs cmd and writes to out when that began and ended (ns of CLOCK_MONOTONIC)."""
    code = ("import subprocess, sys, time\n"
            "now = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC)\n"
            "t = [now(), subprocess.call(sys.argv[2:]), now()]\n"
            "print(t[0], t[2], file=open(sys.argv[1], 'w'))\n"
            "sys.exit(t[1])")
    return [sys.executable, "-c", code, out, *cmd]


def mono_start(db):
    """The start of the run (analysed with --raw) in CLOCK_MONOTONIC: the file tells that of CLOCK_BOOTTIME, which runs evenly
    beside it."""
    boot = db.one("SELECT boottime_ns FROM raw_clock WHERE phase = 0 LIMIT 1")
    return boot - max(time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
                      for _ in range(100))


def tracefs():
    """Where tracefs is. Nobody has mounted it on a fresh machine: then it is, until the test ends. perf would mount it as well,
    and leave it."""
    base = next((d for d in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing") if os.path.isdir(d + "/instances")), None)
    if base:
        return base
    base = "/sys/kernel/tracing"
    if not os.path.isdir(base):
        skip("the kernel has no tracefs")
    run("mount", "-t", "tracefs", "none", base)
    stack.callback(run, "umount", base, check=False)
    return base


class Tracer:
    """Some of the kernel's tracepoints ({"block/block_getrq": filter, ...}) as its own tracer prints them, for what has to be told
    with times. `with Tracer(events) as t:` then t.lines: [(ns of CLOCK_MONOTONIC, tid, tracepoint, its text)].
    (perf record would not do: it drops some completions, unlike perf stat, which has no times.)"""

    LINE = re.compile(r"-(\d+)\s+\[\d+\].* (\d+)\.(\d{6}): (\w+): (.*)")

    def __init__(self, events, buffer_kb=16384):
        self.events, self.buffer_kb = events, buffer_kb
        self.dir = os.path.join(tracefs(), "instances", "ktrace-test-%d" % os.getpid())

    def switch(self, on):
        for event in self.events:
            write("%s/events/%s/enable" % (self.dir, event), on)

    def __enter__(self):
        self.lines = []
        os.mkdir(self.dir)
        try:
            write(self.dir + "/trace_clock", "mono")
            write(self.dir + "/buffer_size_kb", str(self.buffer_kb))
            for event, condition in self.events.items():
                write("%s/events/%s/filter" % (self.dir, event), condition)
            self.switch("1")
        except BaseException:
            os.rmdir(self.dir)
            raise
        return self

    def __exit__(self, *_):
        try:
            self.switch("0")
            overrun = sum(int(n) for f in glob.glob(self.dir + "/per_cpu/*/stats")
                          for n in re.findall(r"(?:overrun|dropped events): (\d+)", read(f)))
            if overrun:
                raise RuntimeError("the kernel's tracer dropped %d events" % overrun)
            for line in read(self.dir + "/trace").splitlines():
                m = self.LINE.search(line)
                if m:
                    self.lines.append((int(m[2]) * 10**9 + int(m[3]) * 1000, int(m[1]), m[4], m[5]))
        finally:
            os.rmdir(self.dir)


def perf_counts(out):
    counts = {}
    for line in read(out).splitlines():
        f = line.split(",")
        if len(f) > 2 and f[2].startswith("block:"):
            counts[f[2].split(":")[1]] = int(f[0])
    return counts
