#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""apps.py CASE…: everyday programs, and the first screen that their user sees. Cases: postgresql redis sqlite git dpkg tar
build sysbench.

Each runs for some seconds on its own ext4, recorded, and under strace, which says which calls named a file there. The kernel's
own tracer says how long each took: strace stops a task before the kernel's entry and after its exit, which on a busy
machine takes longer than most calls. From that alone follows who waited, for which call and how long; the database must say the
same, and the summary must name that program first, with its share."""

import collections
import os
import re
import shutil
import subprocess
import sys

import kt

# The calls whose time is an operation's, by the operation's name.
OPS = {"read": "read", "pread64": "read", "readv": "read", "preadv": "read", "preadv2": "read",
       "write": "write", "pwrite64": "write", "writev": "write", "pwritev": "write", "pwritev2": "write",
       "fsync": "fsync", "fdatasync": "fdatasync", "sync_file_range": "sync_file_range", "syncfs": "syncfs",
       "copy_file_range": "copy_file_range", "sendfile": "sendfile", "fallocate": "fallocate"}
TRACED = ",".join(sorted(set(OPS) | {"execve", "clone", "clone3", "fork", "vfork"}))
LINE = re.compile(r"(\d+) +(\d+\.\d+) (?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$")
END = re.compile(r" = (-?\d+|\?).* <(\d+\.\d+)>$")


def strace(log, *cmd):
    return ["strace", "-f", "-qq", "-ttt", "-T", "-y", "-s", "0", "--seccomp-bpf", "-e", "trace=" + TRACED, "-e", "signal=none", "-o", log,
            *cmd]


class Calls(kt.Tracer):
    """The calls of OPS, by the kernel's tracer: times[tid, call] = [[enter, exit], …] in ns of CLOCK_MONOTONIC."""

    LINE = re.compile(r"-(\d+)\s+\[\d+\].* (\d+)\.(\d{6}): sys_(\w+)(\(| -> )")
    SPELLED = {"sendfile": "sendfile64"}

    def __init__(self):
        super().__init__({"syscalls/sys_%s_%s" % (side, self.SPELLED.get(c, c)): "common_pid != 0" for c in OPS for side in ("enter", "exit")}, 65536)

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.times = collections.defaultdict(list)
        calls = {self.SPELLED.get(c, c): c for c in OPS}
        for at, tid, name, side in self.lines:
            times = self.times[tid, calls[name]]
            if side == "(":
                times.append([at, None])
            elif times:
                times[-1][1] = at


class Truth:
    """The calls on files below `where` (by strace) that the kernel began within [since, until] (ns of CLOCK_MONOTONIC, by its tracer;
    strace's log has CLOCK_REALTIME, `ahead` ns ahead of it)."""

    def __init__(self, log, where, times, since, until, ahead):
        self.calls = collections.Counter()  # (program, op) -> calls
        self.seconds = collections.Counter()  # (program, op) -> s
        comm, begun, left = {}, {}, {k: collections.deque(v) for k, v in times.items()}
        for line in kt.read(log).splitlines():
            m = LINE.match(line)
            if not m:
                continue
            tid, at, call, rest = int(m[1]), float(m[2]), m[3], m[4]
            if "<... " in line[:40]:
                at, head = begun.pop(tid, (at, ""))
                rest = head + rest
            elif rest.endswith("<unfinished ...>"):
                begun[tid] = at, rest
                continue
            end = END.search(line)
            if not end:
                continue
            if call == "execve" and end[1] == "0":
                comm[tid] = os.path.basename(rest.split('"')[1])[:15]
            elif call in ("clone", "clone3", "fork", "vfork") and end[1] not in "-1?":
                # A child of vfork has run a program of its own before its parent goes on.
                comm.setdefault(int(end[1]), comm.get(tid))
            elif call in OPS:
                # The first call of the kernel's that began after strace had stopped the task on its way there; those before it are
                # none of strace's (a task that it was not attached to yet).
                queue, stopped = left.get((tid, call), ()), at * 1e9 - ahead - 1e6
                while queue and queue[0][0] < stopped:
                    queue.popleft()
                enter, leave = queue.popleft() if queue else (None, None)
                if leave and since <= enter <= until and where in rest.split(",")[0]:
                    key = comm.get(tid, "?"), OPS[call]
                    self.calls[key] += 1
                    self.seconds[key] += (leave - enter) / 1e9

    def by_program(self):
        sums = collections.Counter()
        for (program, _), s in self.seconds.items():
            sums[program] += s
        return sums


class App:
    """A recording of a program under strace on an ext4 of its own, beside its database, and what strace saw."""

    def __init__(self, name):
        self.name, self.tmp = name, kt.tmpdir()
        # Image and log apart: the disk lies on the machine's own, the log in memory.
        self.mnt = kt.filesystem(kt.loop_disk(1024, "mq-deadline", where="/var/tmp"))
        self.log = os.path.join(self.tmp, "strace.log")

    def path(self, *names):
        return os.path.join(self.mnt, *names)

    def cold(self):
        kt.run("sync")
        kt.write("/proc/sys/vm/drop_caches", "3")
        kt.run(*strace("/dev/null", "true"))  # strace's own start is none of what is looked at

    def strace(self, *cmd):
        return strace(self.log, *map(str, cmd))

    def record(self, *cmd):
        ktr = os.path.join(self.tmp, "run.ktr")
        with Calls() as tracer:
            kt.record(ktr, *map(str, cmd))
        self.db = kt.analyze(ktr)
        kt.seen_all(self.db)
        epoch = self.db.one("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'")
        start, dur = self.db.one("SELECT start_ns, dur_ns FROM run")
        ahead = min(kt.time.clock_gettime_ns(kt.time.CLOCK_REALTIME) - kt.time.clock_gettime_ns(kt.time.CLOCK_MONOTONIC)
                    for _ in range(100))
        self.truth = Truth(self.log, self.mnt + "/", tracer.times, epoch + start - ahead, epoch + start + dur - ahead, ahead)

    def screen(self):
        return kt.run(kt.REPORT, self.db.path, env={**os.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8"}).stdout

    def check(self):
        """Rows against strace: calls by program and operation, and their time."""
        name, truth = self.name, self.truth
        rows = {(comm, op): (n, s / 1e9) for comm, op, n, s in self.db.rows(
            "SELECT t.comm, i.op, count(*), coalesce(sum(i.dur_ns), 0) FROM io i JOIN task t USING (utid) WHERE i.path LIKE ? AND i.kind = 'syscall' "
            "GROUP BY 1, 2", self.mnt + "/%")}
        missed = self.db.one("SELECT coalesce(sum(n), 0) FROM lost_interval")
        for key, calls in sorted(truth.calls.items()):
            n, s = rows.get(key, (0, 0))
            kt.check(abs(n - calls) <= 2 + missed + calls * 0.01, "%s: %s %s: %d operations, strace saw %d" % (name, *key, n, calls))
            # The tracer's times are whole microseconds, and what it costs itself lies in one or the other.
            room = truth.seconds[key] * 0.02 + calls * 10e-6 + 0.001
            kt.check(abs(s - truth.seconds[key]) <= room, "%s: %s %s: %.6f s, the kernel's tracer saw %.6f" % (name, *key, s, truth.seconds[key]))
        return rows

    def most(self, program):
        """What it waited for the longest; several if they are within a fifth of each other."""
        mine = {op: s for (p, op), s in self.truth.seconds.items() if p == program}
        return [op for op, s in mine.items() if s >= 0.8 * max(mine.values())]

    def first(self, program, ops):
        """The summary names the program first that waited most, and says for what: one of ops."""
        sums = self.truth.by_program()
        kt.check(sums.most_common(1)[0][0] == program, "%s: the load went wrong: %s waited" % (self.name, sums.most_common(2)))
        text = self.screen()
        print("== %s ==\n%s" % (self.name, text), flush=True)
        head = " ".join(text.split("Confidence")[0].split())
        print("strace: " + ", ".join("%s %s: %d in %.3f s" % (*k, self.truth.calls[k], s) for k, s in self.truth.seconds.most_common(5)), flush=True)
        # PROGRAM … 3,693 reads on loop0 (44 % of its time)
        said = re.search(r"\b%s\b.*?([\d,]+) (page fault|\w+?)(?:s| calls?)? on \w+[ ,;](?:\(([\d.]+) %%)?" % re.escape(program), head)
        if not kt.check(said and said[2] in ops, "%s: the answer does not name %s and %s:\n%s" % (self.name, program, " or ".join(ops), head)):
            return
        if (program, said[2]) in self.truth.calls:
            # What it waited for elsewhere (its binary, page faults) is none of the calls that strace was asked for.
            others = self.db.one("SELECT coalesce(sum(i.dur_ns), 0) FROM io i JOIN task t USING (utid) WHERE t.comm = ? AND i.n_bios > 0 AND "
                                 "(i.kind = 'fault' OR (i.kind = 'syscall' AND (i.path LIKE ?) IS NOT 1))", program, self.mnt + "/%")
            share = self.truth.seconds[program, said[2]] / (sums[program] + others / 1e9)
            kt.check(abs(float(said[3] or 100) / 100 - share) <= 0.1, "%s: it was %.1f %% of the time of %s: %s" % (self.name, share * 100, program, said[0]))
            kt.check(int(said[1].replace(",", "")) <= self.truth.calls[program, said[2]] * 1.01 + 2, "%s: too many: %s" % (self.name, said[0]))


def postgresql():
    """A server that was there before the recording, and a client that is recorded; one fdatasync a commit."""
    pg = sorted(p for p in os.listdir("/usr/lib/postgresql"))[-1]
    bin_dir = os.path.join("/usr/lib/postgresql", pg, "bin")
    app = App("postgresql")
    os.chmod(app.mnt, 0o777)
    os.chmod(app.tmp, 0o777)
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "HOME=" + app.tmp, "LC_ALL=C"]
    data = app.path("data")
    kt.run(*user, bin_dir + "/initdb", "-D", data, "-N", "-U", "test", "--locale=C", cwd=app.tmp)
    server = subprocess.Popen(app.strace(*user, bin_dir + "/postgres", "-D", data, "-k", app.tmp, "-h", "", "-c", "fsync=on"),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=app.tmp)
    kt.stack.callback(server.wait)
    kt.stack.callback(lambda: kt.run(*user, bin_dir + "/pg_ctl", "-D", data, "-m", "immediate", "stop", check=False, cwd=app.tmp))
    for _ in range(100):
        if not kt.run(bin_dir + "/pg_isready", "-h", app.tmp, check=False).returncode:
            break
        kt.time.sleep(0.1)
    client = [bin_dir + "/pgbench", "-h", app.tmp, "-U", "test", "postgres"]
    kt.run(*client, "-i", "-s", "2", "-q")
    kt.run(*client[:-1], "-T", "1", "-n", "postgres", check=False)
    app.record(*client[:-1], "-c", "4", "-T", "4", "-n", "postgres")
    app.check()
    app.first("postgres", ["fdatasync"])


def redis():
    """Every write is on the disk before it is answered."""
    app = App("redis")
    server_bin = os.path.join(app.tmp, "redis-server")
    os.symlink("/usr/bin/redis-check-rdb", server_bin)
    sock = os.path.join(app.tmp, "redis.sock")
    server = subprocess.Popen(app.strace(server_bin, "--port", "0", "--unixsocket", sock, "--dir", app.mnt, "--appendonly", "yes",
                                         "--appendfsync", "always", "--save", ""), stdout=subprocess.DEVNULL)
    kt.stack.callback(server.wait)
    kt.stack.callback(lambda: kt.run("redis-cli", "-s", sock, "shutdown", "nosave", check=False))
    for _ in range(100):
        if kt.run("redis-cli", "-s", sock, "ping", check=False).stdout == "PONG\n":
            break
        kt.time.sleep(0.1)
    app.record("redis-benchmark", "-s", sock, "-t", "set", "-n", "1000", "-c", "2", "-q")
    app.check()
    app.first("redis-server", ["fdatasync"])


def sqlite():
    app = App("sqlite")
    script = "CREATE TABLE t(a, b);" + "".join("INSERT INTO t VALUES(%d, hex(randomblob(200)));" % i for i in range(150))
    sql = os.path.join(app.tmp, "script.sql")
    kt.write(sql, script)
    app.record(*app.strace("sqlite3", app.path("app.db"), ".read " + sql))
    app.check()
    app.first("sqlite3", ["fdatasync"])


def git():
    app = App("git")
    repo = app.path("repo")
    os.mkdir(repo)
    for i in range(120):
        kt.write(os.path.join(repo, "file-%03d.c" % i), "int f%d(void) { return %d; }\n" % (i, i) * 20)
    here = {**os.environ, "HOME": app.tmp, "GIT_CONFIG_NOSYSTEM": "1"}
    os.environ.update(here)
    kt.run("git", "-C", repo, "init", "-q")
    app.record(*app.strace("git", "-C", repo, "-c", "core.fsync=all", "-c", "core.fsyncMethod=fsync", "add", "."))
    app.check()
    app.first("git", ["fsync"])


def dpkg():
    app = App("dpkg")
    tree, root = os.path.join(app.tmp, "pkg"), app.path("root")
    os.makedirs(tree + "/DEBIAN")
    os.makedirs(tree + "/usr/share/ktrace-test")
    kt.write(tree + "/DEBIAN/control", "Package: ktrace-test\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: test\n")
    for i in range(60):
        kt.write(tree + "/usr/share/ktrace-test/file-%02d" % i, "x" * 20000)
    kt.run("dpkg-deb", "-b", tree, app.tmp + "/test.deb")
    os.makedirs(root + "/var/lib/dpkg/info")
    os.makedirs(root + "/var/lib/dpkg/updates")
    for f in ("status", "available"):
        kt.write(root + "/var/lib/dpkg/" + f, "")
    app.cold()
    app.record(*app.strace("dpkg", "--root=" + root, "--force-not-root", "--force-script-chrootless", "--log=" + app.tmp + "/dpkg.log", "-i",
                           app.tmp + "/test.deb"))
    app.check()
    app.first("dpkg", ["fsync"])


def tar():
    """Many files that are not in the page cache."""
    app = App("tar")
    src = app.path("src")
    os.mkdir(src)
    for i in range(300):
        with open(os.path.join(src, "%03d" % i), "wb") as f:
            f.write(os.urandom(65536))
    app.cold()
    app.record(*app.strace("tar", "-C", app.mnt, "-cf", os.path.join(app.tmp, "out.tar"), "src"))
    app.check()
    app.first("tar", ["read"])


def build():
    """A compiler whose headers are not in the page cache; several programs, of which one reads."""
    app = App("build")
    src = app.path("src")
    os.mkdir(src)
    for i in range(300):
        kt.write(os.path.join(src, "h%d.h" % i), "/* %s */\nint x%d;\n" % ("-" * 30000, i))
    for n in "ab":
        kt.write(os.path.join(src, n + ".c"), "".join('#include "h%d.h"\n' % i for i in range(300)) + "int %s(void) { return x1; }\n" % n)
    kt.write(os.path.join(src, "Makefile"), "all: a.o b.o\n")
    app.cold()
    app.record(*app.strace("make", "-s", "-C", src))
    app.check()
    app.first("cc1", ["read", "page fault"])  # the compiler itself was dropped from the page cache as well


def sysbench():
    app = App("sysbench")
    args = ["sysbench", "fileio", "--file-num=4", "--file-total-size=64M", "--file-test-mode=rndrw", "--threads=4", "--time=3",
            "--file-fsync-freq=50", "--file-extra-flags=direct"]
    kt.run(*args, "prepare", cwd=app.mnt)
    out = os.path.join(app.tmp, "out")
    app.record(*app.strace("sh", "-c", 'cd "$1" && shift && exec "$@" >%s' % out, "sh", app.mnt, *args, "run"))
    app.check()
    text = kt.read(out)
    print(text)
    app.first("sysbench", app.most("sysbench"))  # reads or fsyncs, as fast as the machine is at the moment


CASES = {f.__name__: f for f in (postgresql, redis, sqlite, git, dpkg, tar, build, sysbench)}

if __name__ == "__main__":
    kt.need_root_and_bpf()
    for tool in ("strace", "redis-cli", "sysbench", "git", "dpkg", "make"):
        if not shutil.which(tool):
            kt.skip(tool + " is not installed")
    kt.main(lambda: [kt.attempts(c, CASES[c]) for c in (sys.argv[1:] or CASES)])
