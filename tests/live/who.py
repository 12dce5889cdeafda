#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Who owns an I/O if no call is open: what a task writes while it exits, or after its call has returned (an unmount, a last
close); and an fsync of a directory, which waits for the journal's bios. A thread that names itself, or that calls exec, is one task,
with the names that it had. A 32-bit call of a 64-bit program is recognised as the operation that it is."""

import os
import subprocess
import sys
import tempfile

import kt

MIB = 1 << 20
DIRS = 50
WHO = os.path.join(kt.BUILD, "tests", "live", "who-load")


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
    """One that never slept had nobody to wait for: its commit was over when it had the CPU again."""
    mnt = kt.filesystem(disk)
    db = recorded(*this("dirs", mnt))
    rows = db.rows("SELECT i.ino, i.parent_io_id IS NOT NULL, coalesce(i.slept_ns, 0), i.dur_ns, i.runq_ns, i.blocked_ns, i.via FROM io i "
                   "JOIN task t USING (utid) WHERE t.comm LIKE 'python%' AND i.op = 'fsync' AND i.state = 'whole'")
    waited = sum(row[1] for row in rows)
    alone = [row[2:] for row in rows if not row[1]]
    kt.check(len(rows) == DIRS and {row[0] for row in rows} == {os.stat(mnt).st_ino}, "fsync of a directory: %d of %d" % (len(rows), DIRS))
    kt.check(not any(slept for slept, *_ in alone), "of %d that slept, these waited for no commit (slept, dur, runq, blocked, via): %s" % (DIRS, alone))
    kt.check(waited >= DIRS // 2, "%d of them waited for a commit: %s" % (waited, alone))
    print("dirs   %d fsync, %d waited for a commit" % (len(rows), waited), flush=True)


def loaded(what, disk):
    """What the load printed, and the database, in which its reads are those with O_DIRECT."""
    ktr = os.path.join(kt.tmpdir(), "run.ktr")
    out = kt.record(ktr, WHO, what, disk).stdout.split("\n")[:-1]
    db = kt.analyze(ktr)
    kt.seen_all(db)
    return out, db


READS = "FROM v_io i JOIN io USING (io_id) WHERE i.flags LIKE '%direct%' AND i.op = 'read' AND i.program = 'who-load'"


def check_names(disk):
    _, db = loaded("names", disk)
    rows = db.rows("SELECT i.task_then, count(*), count(DISTINCT utid), max(i.task) " + READS + " GROUP BY 1 ORDER BY 1")
    kt.check(rows == [("kt-one", 3, 1, "kt-two"), ("kt-two", 5, 1, "kt-two")], "names: %s" % rows)
    for name in ("kt-one", "kt-two"):
        out = kt.run(kt.REPORT, "tasks", "--task", name, "--csv", db.path).stdout
        kt.check("kt-two" in out, "--task %s: %s" % (name, out))
    bad = kt.run(kt.REPORT, "tasks", "--task", "kt-none", db.path, check=False)
    kt.check(bad.returncode == 1 and "no task 'kt-none'" in bad.stderr, "--task of a name that none had: %s" % bad.stderr)
    print("names  %s" % rows, flush=True)


def check_exec(disk):
    out, db = loaded("exec", disk)
    old = int(out[0])
    rows = db.rows("SELECT count(*), count(DISTINCT utid), min(i.tid = i.tgid), min(i.state) " + READS)
    kt.check(rows == [(8, 1, 1, "whole")], "exec: %s" % rows)
    utid = db.one("SELECT min(utid) " + READS)
    names = db.rows("SELECT n.tid = t.tid, n.tid = ?, n.comm FROM task_name n JOIN task t USING (utid) WHERE utid = ? ORDER BY n.start_ns", old, utid)
    kt.check(names[-1] == (1, 0, "who-load") and (0, 1, "who-load") in names, "exec: its numbers: %s" % names)
    torn = db.rows("SELECT op, state FROM io WHERE utid = ? AND state <> 'whole'", utid)
    kt.check(not torn, "exec: torn: %s" % torn)
    calls = db.one("SELECT count(*) FROM io WHERE utid = ? AND op = 'execve' AND start_ns < (SELECT max(start_ns) FROM task_name WHERE utid = ?)", utid, utid)
    rest = db.one("SELECT count(*) FROM task WHERE tid = ?", old)
    kt.check(not rest, "exec: %d tasks are left with its old number" % rest)
    n = db.one("SELECT count(*) FROM sched_task WHERE utid = ?", utid)
    kt.check(n == 1, "exec: its time is in %d rows" % n)
    print("exec   %s, %d execve" % (rows, calls), flush=True)


def check_32(disk):
    x32, db = loaded("x32", disk)
    n = db.one("SELECT count(*) " + READS)
    kt.check(not n, "x32: %d operations of a call that returned %s" % (n, x32))
    if subprocess.run([WHO, "int80", disk], stdout=subprocess.DEVNULL).returncode:
        print("int80  this machine takes no 32-bit calls: tests/vm has them")
        return
    want, db = loaded("int80", disk)
    have = db.rows("SELECT i.op, coalesce(i.offset_bytes, -1), i.size_bytes, i.result FROM v_io i WHERE i.flags LIKE '%direct%' AND i.program = 'who-load' "
                   "ORDER BY i.start_ns")
    have = ["%s %d %d %d" % row for row in have]
    kt.check(have == want, "int80: %s, recorded: %s" % (want, have))
    print("int80  %d calls" % len(have), flush=True)


def test():
    disk = kt.loop_disk(size_mib=128)
    check_names(disk)
    check_exec(disk)
    check_32(disk)
    check_last_close(disk, "exit")
    check_last_close(disk, "close")
    check_umount(disk)
    check_dirs(disk)


if __name__ == "__main__" and len(sys.argv) > 2 and sys.argv[1] in ("dirs", "exit", "close"):
    load(*sys.argv[1:])
elif __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(lambda: kt.attempts("who", test))
