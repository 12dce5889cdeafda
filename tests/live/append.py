#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Appending writes by several tasks at once to one file: `offset_bytes` is where the data is afterwards; each write is stamped.
And `size_bytes` of I/O in many pieces."""

import ctypes
import errno
import os
import struct
import sys

import kt

ROUNDS = 300
STAMP = struct.Struct("<4sII")  # magic, writer, round


def data(writer, i):
    return STAMP.pack(b"kt:\xff", writer, i).ljust(64 + (writer * 977 + i * 131) % 6000, b".")


def write(fd, writer, i, how):
    block = data(writer, i)
    if how == "write":
        return os.write(fd, block)
    if how == "writev":
        return os.writev(fd, [block[:40], block[40:]])
    if how == "pwrite":
        return os.pwrite(fd, block, 0)
    return os.pwritev(fd, [block], -1 if how == "rwf" else 8, os.RWF_APPEND)


PWRITEV = {"x86_64": 296, "aarch64": 70}.get(os.uname().machine)
RWF_NOAPPEND = 0x20  # since Linux 6.9
PIECES = (1, 3, 4, 5, 8, 20, 64)
HOWS = ("write", "writev", "rwf", "pwrite", "rwf-at")


def load(path):
    """Run as a child: one task for each way, all at once, each by a file of its own; two more share one."""
    shared = os.open(path, os.O_WRONLY | os.O_APPEND)
    for writer, how in enumerate(HOWS + ("write", "write")):
        if os.fork():
            continue
        fd = shared if writer >= len(HOWS) else os.open(path, os.O_WRONLY | (0 if how.startswith("rwf") else os.O_APPEND))
        for i in range(ROUNDS):
            write(fd, writer, i, how)
        os.write(1, b"%d %d\n" % (writer, os.getpid()))
        os._exit(0)
    for _ in range(len(HOWS) + 2):
        os.wait()
    # What is not written has the size that was asked for.
    fd = os.open(path, os.O_RDONLY)
    for n in PIECES:
        try:
            os.writev(fd, [b"x" * 100] * n)
        except OSError:
            pass
    # Neither a read, nor a write that says so, appends.
    os.preadv(fd, [bytearray(64)], 128, os.RWF_APPEND)
    fd = os.open(path + ".no", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.pwritev(fd, [b"x" * 50], 100, RWF_NOAPPEND)
    os.pwritev(fd, [b"x" * 50], 100)
    # pwritev has no flags: what lies in that register is none.
    fd = os.open(path + ".no", os.O_WRONLY)
    block = ctypes.create_string_buffer(50)
    vec = (ctypes.c_uint64 * 2)(ctypes.addressof(block), 50)
    ctypes.CDLL(None).syscall(*map(ctypes.c_long, (PWRITEV, fd, ctypes.addressof(vec), 1, 200, 0, os.RWF_APPEND | os.RWF_SYNC)))
    print("parent", os.getpid(), flush=True)


def places(path):
    """(writer, round) → where it lies."""
    found, at = {}, 0
    with open(path, "rb") as f:
        text = f.read()
    while at < len(text):
        magic, writer, i = STAMP.unpack_from(text, at)
        assert magic == b"kt:\xff", at
        found[writer, i] = at
        at += len(data(writer, i))
    return found


def test():
    mnt = kt.filesystem(kt.loop_disk(size_mib=256))
    path, ktr = os.path.join(mnt, "file"), os.path.join(kt.tmpdir(), "run.ktr")
    kt.write(path, "")
    out = kt.record(ktr, sys.executable, os.path.abspath(__file__), "load", path)
    db = kt.analyze(ktr)
    kt.seen_all(db)
    tids = {w: int(tid) for w, tid in (line.split() for line in out.stdout.split("\n") if line)}
    found = places(path)
    kt.check(len(found) == ROUNDS * (len(HOWS) + 2), "%d stamps in the file" % len(found))
    for writer, how in enumerate(HOWS + ("shared", "shared")):
        rows = db.rows("SELECT offset_bytes, size_bytes, flags FROM io i JOIN task t USING (utid) WHERE t.tid = ? AND i.op = 'write' AND i.ino = ? "
                       "ORDER BY i.start_ns", tids[str(writer)], os.stat(path).st_ino)
        if not kt.check(len(rows) == ROUNDS, "%s: %d of %d writes" % (how, len(rows), ROUNDS)):
            continue
        known = how in ("write", "writev", "rwf", "shared")
        wrong = [(i, row, found[writer, i]) for i, row in enumerate(rows) if row != (found[writer, i] if known else None, len(data(writer, i)), "append")]
        # Between a call's end and its event, who shares its file may write.
        kt.check(len(wrong) <= (ROUNDS // 50 if how == "shared" else 0), "%s: %d are wrong, such as %s" % (how, len(wrong), wrong[:3]))
        print("%-8s %d writes, %s" % (how, len(rows), "where they lie" if known else "place not known"), flush=True)
    asked = [row for row in db.rows("SELECT size_bytes, result FROM io JOIN task t USING (utid) WHERE t.tid = ? AND op = 'write' AND ino = ? ORDER BY start_ns",
                                    tids["parent"], os.stat(path).st_ino)]
    kt.check(asked == [(100 * n, -errno.EBADF) for n in PIECES], "refused writes: %s" % asked)
    no = db.rows("SELECT op, offset_bytes, size_bytes, flags FROM io JOIN task t USING (utid) WHERE t.tid = ? AND (ino = ? OR ino = ? AND op = 'read') "
                 "AND op IN ('read', 'write') ORDER BY start_ns", tids["parent"], os.stat(path + ".no").st_ino, os.stat(path).st_ino)
    kt.check(no == [("read", 128, 64, ""), ("write", 100, 50, ""), ("write", None, 50, "append"), ("write", 200, 50, "")], "what does not append: %s" % no)


if __name__ == "__main__" and sys.argv[1:2] == ["load"]:
    load(sys.argv[2])
elif __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(lambda: kt.attempts("append", test))
