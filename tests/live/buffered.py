#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Who dirtied what a bio writes: every 512 bytes of every write bio against the log that the writers keep themselves.

Each writer is a process in its own cgroup. Writers log each write: when it began, when it had ended, where, how much. A bio that was queued at
q may carry a unit from any writer whose write began before q, unless another write came wholly between that one and q. If a write
came wholly between the unit's previous bio and this one, there must be an origin.

usage: buffered.py [ext4|xfs|btrfs|root]…"""

import bisect
import ctypes
import mmap
import os
import random
import struct
import sys
import time

import kt

UNIT = 512
MIB = 1 << 20
SIZE = 4 * MIB
CGROUPS = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"


# ---------------------------------------------------------------- writers: run by this file as a child

def writer(kind, path, log, seed, seconds):
    rng = random.Random(int(seed))
    sync = os.O_SYNC if kind == "osync" else 0
    fd = os.open(path, os.O_RDWR | sync)
    entries = []
    data = bytes([int(seed) % 251 + 1]) * (8 * MIB)
    area = mmap.mmap(fd, SIZE) if kind == "mmap" else None
    libc = ctypes.CDLL(None, use_errno=True)
    end = time.monotonic() + float(seconds)
    n = 0
    while time.monotonic() < end:
        n += 1
        if kind == "shared":  # records of 1.5 KiB by turns, so that most pages are of both
            k = rng.randrange(SIZE // 3072)
            off, size = k * 3072 + 1536 * (int(seed) % 2), 1536
        elif kind == "large":
            off, size = rng.randrange(4) * MIB // 2, rng.choice((MIB, 2 * MIB, 3 * MIB // 2))
        elif kind == "stream":
            off, size = (n * 8192 + int(seed) * MIB) % SIZE, 8192
        elif kind == "mmap":
            # A large folio (2 MiB at most) becomes dirty as a whole, once: of two writers in it the kernel names the first.
            page = rng.randrange(SIZE // 8192 - 8) + int(seed) % 2 * SIZE // 8192
            off, size = page * 4096, rng.choice((1, 1, 8)) * 4096
        else:
            off = rng.randrange(SIZE // UNIT) * UNIT
            size = min(rng.randrange(1, 40) * UNIT, SIZE - off)
        began = time.monotonic_ns()
        if area:
            for p in range(off, off + size, 4096):
                area[p:p + 4096] = data[:4096]
        else:
            size = os.pwrite(fd, data[:size], off)
        entries.append((began, time.monotonic_ns(), off, size))
        if area and n % 64 == 0:
            area.flush()
        elif kind in ("overwrite", "shared") and n % 16 == 0:
            os.fsync(fd)
        elif kind == "large" and n % 3 == 0:
            libc.sync_file_range(fd, ctypes.c_long(0), ctypes.c_long(0), 2)
        if kind in ("stream", "mmap", "large"):
            time.sleep(0.005 if kind == "large" else 0.0005)
    with open(log, "wb") as f:
        f.write(struct.pack("<Q", os.getpid()))
        for e in entries:
            f.write(struct.pack("<QQQQ", *e))


if len(sys.argv) > 1 and sys.argv[1] == "writer":
    if sys.argv[2] != "-":
        with open(sys.argv[2] + "/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))
    writer(*sys.argv[3:])
    sys.exit(0)


# ---------------------------------------------------------------- the test

def cgroup(name):
    path = os.path.join(CGROUPS, name)
    try:
        os.mkdir(path)
    except OSError:
        return "-"
    kt.stack.callback(lambda: os.path.isdir(path) and os.rmdir(path))
    return path


def read_log(path):
    """Who wrote it, and the entries."""
    with open(path, "rb") as f:
        return struct.unpack("<Q", f.read(8))[0], list(struct.iter_unpack("<QQQQ", f.read()))


class Unit:
    """What was written to one unit, by all."""

    def __init__(self):
        self.writes = []  # (end, begin, who)
        self.last_bio = 0

    def ready(self):
        self.writes.sort()
        self.ends = [w[0] for w in self.writes]
        self.by_tid = {}
        for w in self.writes:
            self.by_tid.setdefault(w[2], []).append(w)
        self.max_begin, m = [], 0
        for w in self.writes:
            m = max(m, w[1])
            self.max_begin.append(m)

    def candidates(self, q, tid):
        """Who may have written last before q; and whether somebody did for sure since the last bio, which tid queued."""
        i = bisect.bisect_left(self.ends, q)
        newest = self.max_begin[i - 1] if i else 0
        who = set()
        for k in range(i - 1, -1, -1):
            if self.ends[k] < newest:
                break
            who.add(self.writes[k][2])
        open_now = set()  # a writer does one write at a time
        for t, mine in self.by_tid.items():
            k = bisect.bisect_left(mine, (q,))
            if k < len(mine) and mine[k][1] < q:
                open_now.add(t)
        # Of an O_SYNC write the bio is queued in the middle of its call.
        return who | open_now, tid in open_now or i > 0 and newest > self.last_bio


def judge(name, db, path, epoch, logs, exact):
    """logs: tid → entries. Counts of units: carried, with an origin, wrong, missing. Returns the writers who must have an origin: of a
    unit nobody else can be."""
    st = os.stat(path)
    units = [Unit() for _ in range(SIZE // UNIT + 16)]
    for tid, entries in logs.items():
        for begin, end, off, size in entries:
            for u in range(off // UNIT, (off + size + UNIT - 1) // UNIT):
                units[u].writes.append((end, begin, tid))
    for u in units:
        u.ready()
    origins = {}
    links = {}
    for bio, tid, off, size, link in db.rows("SELECT bio_id, tid, offset_bytes, size_bytes, link FROM v_bio_origin WHERE ino = ?",
                                             st.st_ino):
        for u in range(off // UNIT, (off + size + UNIT - 1) // UNIT):
            origins.setdefault(bio, {})[u] = tid
        links[link] = links.get(link, 0) + 1
    due = set()
    n = dict(bios=0, units=0, must=0, wrong=0, missing=0, unclaimed=0, rest=0)
    for bio, q, off, size, by in db.rows(
            "SELECT b.bio_id, b.start_ns, r.offset, r.bytes, r.tid FROM raw_bio_queue r JOIN bio b ON b.start_ns = r.time_ns AND "
            "b.sector = r.sector WHERE r.ino = ? AND b.op = 'write' AND r.offset >= 0 AND r.bytes > 0 ORDER BY b.start_ns", st.st_ino):
        n["bios"] += 1
        q += epoch
        got = origins.get(bio, {})
        for u in range(off // UNIT, min((off + size) // UNIT, SIZE // UNIT)):
            who, must = units[u].candidates(q, by)
            n["units"] += 1
            n["must"] += must
            if must and len(who) == 1:
                due |= who
            if u in got:
                if not who and not exact:  # the rest of a large folio, which becomes dirty as a whole
                    n["rest"] += 1
                elif got[u] not in who:
                    n["wrong"] += 1
            elif must:
                n["missing"] += 1
            elif who:
                n["unclaimed"] += 1
            units[u].last_bio = q
    print("%-22s %s links %s" % (name, n, links), flush=True)
    kt.check(n["bios"] > 0, "%s: no bio of the file" % name)
    limit = 0 if exact else n["must"] // 1000
    kt.check(n["wrong"] <= max(limit, n["units"] // 25000), "%s: %d of %d units have a wrong origin" % (name, n["wrong"], n["units"]))
    kt.check(n["missing"] <= max(limit, n["must"] // 25000), "%s: %d of %d units have no origin" % (name, n["missing"], n["must"]))
    return due


def scenario(kind, where, fs, seconds=2):
    path = os.path.join(where, kind + ".dat")
    with open(path, "wb") as f:
        for _ in range(SIZE // MIB):
            f.write(os.urandom(MIB))
        os.fsync(f.fileno())
    d = kt.tmpdir()
    groups = [cgroup("kt-%d-%d" % (os.getpid(), i)) for i in range(2)]
    script = kt.together(*([sys.executable, os.path.abspath(__file__), "writer", groups[i], kind, path, "%s/log%d" % (d, i), i + 1, seconds]
                           for i in range(2)))
    script += "sync -f %s\nsleep 0.3\n" % path
    ktr = os.path.join(d, "t.ktr")
    kt.record(ktr, "sh", "-c", script, options=("-e", "page"))
    offset = kt.realtime_offset_ns()
    db = kt.analyze(ktr, "--raw")
    epoch = int(db.one("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'")) - offset
    logs = dict(read_log("%s/log%d" % (d, i)) for i in range(2))
    name = "%s %s" % (fs, kind)
    kt.check(kt.lost(db) == 0, name + ": events were lost")
    due = judge(name, db, path, epoch, logs, kind != "mmap")
    for i, tid in enumerate(logs):
        want = "/" + os.path.basename(groups[i]) if groups[i] != "-" else None
        rows = db.rows("SELECT DISTINCT cgroup FROM v_bio_origin WHERE tid = ?", tid)
        if want:
            # Of two who write the same bytes one may have nothing left that the disk sees.
            kt.check(rows == [(want,)] or not rows and (tid not in due or kind == "mmap"),
                     "%s: cgroup of writer %d is %s, not %s" % (name, i, rows, want))
    os.unlink(path)
    for g in groups:
        if g != "-":
            os.rmdir(g)


KINDS = ("shared", "overwrite", "stream", "large", "osync", "mmap")


def test():
    kt.need_root_and_bpf()
    which = [a for a in sys.argv[1:] if a not in KINDS] or ["ext4", "xfs", "btrfs", "root"]
    kinds = [a for a in sys.argv[1:] if a in KINDS] or KINDS
    for fs in which:
        if fs == "root":
            where = kt.tmpdir("/var/tmp")
        else:
            where = kt.filesystem(kt.loop_disk(2048), fs)  # btrfs gives nothing back until its next commit
        for kind in kinds:
            scenario(kind, where, fs)


kt.main(test)
