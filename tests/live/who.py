#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Whose an I/O is where no call of its own is open: what a task writes as it exits, or when its call has returned (an unmounting, a last
close); and an fsync of a directory, which waits for the journal's bios."""

import os
import subprocess
import sys
import tempfile

import kt

MIB = 1 << 20
DIRS = 50


def load(mode, path):
    """Run as a child."""
    if mode == "dirs":
        d = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        for i in range(DIRS):
            os.close(os.open("%s/%d" % (path, i), os.O_CREAT | os.O_WRONLY))
            os.fsync(d)
        return
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, bytes(16 * MIB))
    if mode == "close":
        os.close(fd)
    os._exit(0)


def recorded(*cmd, options=()):
    ktr = os.path.join(kt.tmpdir(), "run.ktr")
    kt.record(ktr, *cmd, options=options)
    db = kt.analyze(ktr)
    kt.seen_all(db)
    return db


def this(*args):
    return (sys.executable, os.path.abspath(__file__)) + args


def check_last_close(disk, mode, options=()):
    """A disk's page cache is written when the last descriptor goes: after close() returned, or in the exit."""
    db = recorded(*this(mode, disk), options=options)
    device = os.path.basename(disk)
    bios, linked = db.one("SELECT count(*), count(i.io_id) FROM bio b JOIN device d USING (device_id) LEFT JOIN io i ON i.io_id = b.io_id AND i.op = ? "
                          "WHERE d.name = ? AND b.op = 'write'", mode, device)
    kt.check(bios > 0 and linked == bios, "%s: %d of %d bios linked" % (mode, linked, bios))
    rows = db.rows("SELECT i.n_bios, i.dur_ns, i.via, i.state, t.comm FROM io i JOIN task t USING (utid) JOIN device d USING (device_id) "
                   "WHERE i.op = ? AND d.name = ? AND i.n_bios > 0", mode, device)
    kt.check(len(rows) == 1 and rows[0][0] == bios and rows[0][1] > 0 and rows[0][2:4] == ("disk", "whole"), "%s: %s" % (mode, rows))
    print("%-6s %d bios, %s" % (mode, bios, rows), flush=True)


def check_umount(disk):
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True)
    mnt = tempfile.mkdtemp(dir=kt.tmpdir())
    subprocess.run(["mount", disk, mnt], check=True)
    try:
        kt.write(os.path.join(mnt, "file"), "x" * 4 * MIB)
    finally:
        db = recorded("umount", mnt)
    writes, linked = db.one("SELECT count(*), count(i.io_id) FROM bio b JOIN task t USING (utid) LEFT JOIN io i ON i.io_id = b.io_id "
                            "AND i.op = 'umount' WHERE t.comm = 'umount' AND b.op IN ('write', 'flush')")
    kt.check(writes > 0 and linked == writes, "umount: %d of %d bios linked" % (linked, writes))
    print("umount %d bios" % linked, flush=True)


def check_dirs(disk):
    mnt = kt.filesystem(disk)
    db = recorded(*this("dirs", mnt))
    rows = db.rows("SELECT i.ino, i.parent_io_id IS NOT NULL, i.via FROM io i JOIN task t USING (utid) WHERE t.comm LIKE 'python%' AND i.op = 'fsync' "
                   "AND i.state = 'whole'")
    waited = sum(parent for _, parent, _ in rows)
    kt.check(len(rows) == DIRS and {ino for ino, _, _ in rows} == {os.stat(mnt).st_ino}, "fsync of a directory: %d of %d" % (len(rows), DIRS))
    kt.check(waited >= DIRS * 9 // 10, "%d of them waited for a commit" % waited)
    print("dirs   %d fsync, %d waited for a commit" % (len(rows), waited), flush=True)


def test():
    disk = kt.loop_disk(size_mib=128)
    check_last_close(disk, "exit")
    check_last_close(disk, "close")
    check_umount(disk)
    check_dirs(disk)


if __name__ == "__main__" and len(sys.argv) > 2 and sys.argv[1] in ("dirs", "exit", "close"):
    load(*sys.argv[1:])
elif __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(lambda: kt.attempts("who", test))
