#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Names of files: names.py [CASE…]. Every operation of a case has a unique size, and the program that does it says what its file
was called at that time: that must be its path.

numbers   an inode number that is used again, a log that is rotated
renames   a file's own name, its directory's, by link and unlink, two names exchanged
btrfs     subvolumes and snapshots share inode numbers
long      names of 255 bytes, paths of 1,500, names that are not UTF-8
mounts    mounted after the start, in another mount namespace, an overlay of many layers, detached, a bind mount of a file; memory
others    targets of copy_file_range and sendfile, files that are only mapped; under --disk, too
filters   --file is that file: not its twin in another subvolume, not the next one with its number
cgroups   the path of a cgroup that is made while recording"""

import ctypes
import json
import mmap
import os
import subprocess
import sys
import time

import kt

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2


def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def umount(*args):
    subprocess.run(["umount", *args], check=True)


class Load:
    """What the child does. size: of the next operation, each has its own."""

    def __init__(self, where, other):
        self.where, self.other, self.size, self.said = where, other, 100, []

    def at(self, *parts):
        return os.path.join(self.where, *parts)

    def expect(self, op, path, size=None):
        self.said.append((op, self.size if size is None else size, path if isinstance(path, str) else text(path)))

    def write(self, fd, path, op="write"):
        self.size += 1
        self.expect(op, path)
        os.write(fd, b"x" * self.size)

    def put(self, path, shown=None):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.write(fd, shown or path)
        os.close(fd)

    def numbers(self):
        for i in range(6):
            self.put(self.at("job-%d" % i))
            os.unlink(self.at("job-%d" % i))
        self.put(self.at("app.log"))
        for i in range(3):
            fd = os.open(self.at("app.log"), os.O_WRONLY)
            self.write(fd, self.at("app.log"))
            if os.path.exists(self.at("app.log.1")):
                os.unlink(self.at("app.log.1"))
            os.rename(self.at("app.log"), self.at("app.log.1"))
            self.write(fd, self.at("app.log.1"))
            self.put(self.at("app.log"))
            self.put(self.at("other-%d.dat" % i))
            self.write(fd, self.at("app.log.1"))
            os.close(fd)

    def renames(self):
        p = self.at
        os.makedirs(p("a/deep"))
        fd = os.open(p("conf.tmp"), os.O_WRONLY | os.O_CREAT)
        self.write(fd, p("conf.tmp"))
        os.rename(p("conf.tmp"), p("conf"))
        self.write(fd, p("conf"))
        os.rename(p("conf"), p("a/deep/conf"))
        self.write(fd, p("a/deep/conf"))
        os.rename(p("a"), p("b"))
        self.write(fd, p("b/deep/conf"))
        other = os.open(p("other"), os.O_WRONLY | os.O_CREAT)
        self.write(other, p("other"))
        call(LIBC.renameat2(AT_FDCWD, p("other").encode(), AT_FDCWD, p("b/deep/conf").encode(), RENAME_EXCHANGE))
        self.write(fd, p("other"))
        self.write(other, p("b/deep/conf"))
        # As git makes an object: a link of the final name, and the first one goes.
        self.put(p("tmp_obj"))
        os.link(p("tmp_obj"), p("obj"))
        os.unlink(p("tmp_obj"))
        self.put(p("obj"))
        fd = os.open(p("gone"), os.O_WRONLY | os.O_CREAT)
        os.unlink(p("gone"))
        self.write(fd, p("gone") + " (deleted)")

    def btrfs(self):
        for d in ("one", "two"):
            subprocess.run(["btrfs", "-q", "subvolume", "create", self.at(d)], check=True)
        for i in range(8):
            self.put(self.at("one/alpha"))
            self.put(self.at("two/beta"))
        subprocess.run(["btrfs", "-q", "subvolume", "snapshot", self.at("one"), self.at("three")], check=True)
        self.put(self.at("three/alpha"))
        self.put(self.at("one/alpha"))

    def long(self):
        for path in (self.at("n" * 255), self.at(*(["d" * 250] * 6), "end"), self.at(*["e%d" % i for i in range(150)], "end"),
                     self.at("x" * 62 + "\u20ac")):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.put(path)
        for name in (b"raw\xff\xfe", b"cut\xe2\x82", b"sur\xed\xa0\x80"):
            self.put(os.path.join(self.where.encode(), name), self.at(name.decode("ascii", "backslashreplace")))
        self.put(self.at("back\\slash"))

    def mounts(self):
        p = self.at
        for d in ("late", "low0", "up", "work", "merged", "private", "detached"):
            os.mkdir(p(d))
        mount("-t", "tmpfs", "none", p("late"))
        self.put(p("late/passwd"))
        umount(p("late"))
        mount("-t", "tmpfs", "none", p("detached"))
        fd = os.open(p("detached/passwd"), os.O_WRONLY | os.O_CREAT)
        call(LIBC.umount2(p("detached").encode(), MNT_DETACH))
        self.write(fd, "?/passwd")
        os.close(fd)
        self.write(os.memfd_create("of-memory"), "?/memfd:of-memory")
        layers = [p("low0")]
        for i in range(40):
            layers.append(p("layer-%02d-" % i + "0123456789abcdef" * 2))
            os.mkdir(layers[-1])
        with open(p("low0/passwd"), "w") as f:
            f.write("from below")
        mount("-t", "overlay", "none", "-o", "lowerdir=%s,upperdir=%s,workdir=%s" % (":".join(layers), p("up"), p("work")), p("merged"))
        self.put(p("merged/passwd"))
        umount(p("merged"))
        # One file, mounted elsewhere.
        open(p("hosts"), "w").close()
        open(p("etc-hosts"), "w").close()
        mount("--bind", p("hosts"), p("etc-hosts"))
        self.put(p("etc-hosts"))
        umount(p("etc-hosts"))
        open(p("shared"), "w").close()
        r, w = os.pipe()
        if not os.fork():
            call(LIBC.unshare(CLONE_NEWNS))
            call(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
            mount("-t", "tmpfs", "none", p("private"))
            self.said, self.size = [], 9000
            self.put(p("private/passwd"), os.readlink("/proc/self/ns/mnt") + p("private/passwd"))
            # Seen from the recorder's namespace as well: the same file there.
            self.put(p("shared"))
            os.write(w, json.dumps(self.said).encode())
            os._exit(0)
        os.close(w)
        self.said += [tuple(s) for s in json.loads(os.fdopen(r).read())]
        os.wait()

    def others(self):
        p = self.at
        with open(p("source"), "wb") as f:
            f.write(b"x" * 300000)
        source = os.open(p("source"), os.O_RDONLY)
        for name, copy in (("copied", os.copy_file_range), ("sent", None)):
            to = os.open(p(name), os.O_WRONLY | os.O_CREAT)
            if copy:
                copy(source, to, 100000, 0, 0)
            else:
                os.sendfile(to, source, 0, 100000)
            call(LIBC.syncfs(to))
            self.expect("writeback", p(name), -1)
        # Made by another program, read here through a mapping alone.
        subprocess.run(["dd", "if=/dev/urandom", "of=" + self.other, "bs=1M", "count=4", "conv=fsync", "status=none"], check=True)
        fd = os.open(self.other, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as m:
            sum(m[i] for i in range(0, len(m), 4096))
        self.expect("fault", self.other, -1)
    def cgroups(self):
        base = next(line.split()[1] for line in kt.read("/proc/mounts").splitlines() if line.split()[2] == "cgroup2")
        parts = ["kt-names-%d" % os.getpid()] + ["kubepods-burstable-pod0123456789abcdef0123456789abcdef0123456%02d.slice" % i for i in range(9)]
        path, made = base, []
        try:
            for part in parts:
                path = os.path.join(path, part)
                os.mkdir(path)
                made.append(path)
            before = os.path.join(base, next(line.split("::")[1].strip() for line in kt.read("/proc/self/cgroup").splitlines() if "::" in line).lstrip("/"))
            kt.write(os.path.join(path, "cgroup.procs"), str(os.getpid()))
            self.put(self.at("from-cgroup"))
            self.said.append(("cgroup", self.size, "/" + os.path.relpath(path, base)))
            kt.write(os.path.join(before, "cgroup.procs"), str(os.getpid()))
        finally:
            for path in reversed(made):
                os.rmdir(path)


def text(path):
    return path.decode()


def child(name, where, other):
    load = Load(where, other)
    getattr(load, name)()
    print(json.dumps([os.getpid(), load.said]), flush=True)


def recorded(name, where, *options, other="-"):
    ktr = os.path.join(kt.tmpdir(), "run.ktr")
    p = kt.record(ktr, sys.executable, os.path.abspath(__file__), "--child", name, where, other, options=options)
    db = kt.analyze(ktr)
    pid, said = json.loads(p.stdout)
    return db, pid, said


def look(name, db, pid, said):
    """Each operation that was said, by its size, has the name that was said."""
    n = 0
    for op, size, path in said:
        if op == "cgroup":
            found = [p for p, in db.rows("SELECT c.path FROM io i JOIN cgroup c ON c.ucgid = i.ucgid JOIN task t USING (utid)"
                                         " WHERE i.size_bytes = ? AND t.tgid = ?", size, pid)]
        elif size == -1:
            found = sorted({p for p, in db.rows("SELECT path FROM io WHERE op = ? AND path = ?", op, path)})
        else:
            found = [p for p, in db.rows("SELECT path FROM io JOIN task t USING (utid) WHERE op = ? AND size_bytes = ? AND NOT is_recorder "
                                         "AND (tgid = ? OR size_bytes > 9000)", op, size, pid)]
        if not found and size != -1:
            raise kt.Blind("%s of %s is not there" % (op, path[-60:]))
        n += kt.check(found == [path], "%s: %s of %.300s is called %.300s" % (name, op, path, found)) is not False
    print("%-8s %d of %d as they were called" % (name, n, len(said)), flush=True)
    return db


def fresh(kind="ext4"):
    return kt.filesystem(kt.loop_disk(size_mib=320), kind)


def plain(name, kind="ext4"):
    where = fresh(kind)
    kt.attempts(name, lambda: look(name, *recorded(name, subdir(where))))


def subdir(where):
    d = os.path.join(where, "%d" % time.monotonic_ns())
    os.mkdir(d)
    return d


def numbers():
    for kind in ("ext4", "xfs"):
        plain("numbers", kind)


def others():
    where = fresh()
    disk = next(line.split()[0] for line in kt.read("/proc/mounts").splitlines() if line.split()[1] == where)
    for options in ((), ("--disk", disk)):
        def test():
            d = subdir(where)
            look("others", *recorded("others", d, *options, other=os.path.join(where, "mapped-%d" % time.monotonic_ns())))
        kt.attempts("others", test)


def btrfs():
    where = fresh("btrfs")

    def test():
        db, pid, said = recorded("btrfs", subdir(where))
        look("btrfs", db, pid, said)
        n = db.rows("SELECT path, sum(n) FROM file_load WHERE path LIKE '%/one/alpha' OR path LIKE '%/two/beta' GROUP BY 1 ORDER BY 1")
        kt.check([s for _, s in n] == [9, 8], "btrfs: sums by file: %s" % n)
    kt.attempts("btrfs", test)


def filters():
    where = fresh("btrfs")
    for d in ("one", "two"):
        kt.run("btrfs", "-q", "subvolume", "create", os.path.join(where, d))
    one, two = os.path.join(where, "one/alpha"), os.path.join(where, "two/beta")
    for path in (one, two):
        kt.write(path, "x")
    kt.check(os.stat(one).st_ino == os.stat(two).st_ino, "two subvolumes do not share the number")
    ext4 = subdir(fresh())
    first = os.path.join(ext4, "first")

    def writes(*paths):
        code = "import sys\nfor p in sys.argv[1:]:\n open(p, 'ab', buffering=0).write(b'x' * 77)"
        return sys.executable, "-c", code, *paths

    def test():
        ktr = os.path.join(kt.tmpdir(), "run.ktr")
        kt.record(ktr, *writes(one, two, one), options=("--file", one))
        db = kt.analyze(ktr)
        got = db.rows("SELECT path, count(*) FROM io WHERE op = 'write' AND kind = 'syscall' GROUP BY 1")
        kt.check(got == [(one, 2)], "--file one/alpha: %s" % got)
        # ext4 gives a number to the next file at once.
        kt.write(first, "x")
        ino = os.stat(first).st_ino
        script = "echo a >>%s; rm %s; i=0; until [ $i = 50 ]; do echo b >%s-$i; i=$((i + 1)); done" % (first, first, first)
        kt.record(ktr, "sh", "-c", script, options=("-f", "--file", first))
        again = [n for n in os.listdir(ext4) if os.stat(os.path.join(ext4, n)).st_ino == ino]
        for n in os.listdir(ext4):
            os.unlink(os.path.join(ext4, n))
        db = kt.analyze(ktr)
        got = db.rows("SELECT path, count(*) FROM io WHERE op = 'write' AND kind = 'syscall' GROUP BY 1")
        kt.check(len(again) == 1, "the number was not used again: %s" % again)
        kt.check(got == [(first, 1)], "--file of a file whose number is another's later: %s" % got)
    kt.attempts("filters", test)


CASES = {"numbers": numbers, "renames": lambda: plain("renames"), "btrfs": btrfs, "long": lambda: plain("long"), "mounts": lambda: plain("mounts"),
         "others": others, "filters": filters, "cgroups": lambda: plain("cgroups")}

if __name__ == "__main__" and sys.argv[1:2] == ["--child"]:
    child(*sys.argv[2:])
elif __name__ == "__main__":
    kt.need_root_and_bpf()

    def all_cases():
        for name in sys.argv[1:] or CASES:
            CASES[name]()
    kt.main(all_cases)
