#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Swap: swap.py [disk|zram]…

A process in a memory cgroup touches twice as much memory as the cgroup may have, reads it back, and has the kernel copy to memory
that is swapped out. All swap I/O of the machine belongs to it, so the kernel's counters say how much there must be; and each page
that it had to wait for is a major fault that the kernel counted for it."""

import os
import subprocess
import sys

import kt

MIB = 1 << 20
LIMIT = 32 * MIB
PAGE = os.sysconf("SC_PAGE_SIZE")
# A fault that has to try again counts as a major one, whatever it waited for (mm_account_fault): a page that is being moved, say.
RETRIES = 5
COPIES = 40  # into memory that is swapped out, by each way
V1 = "/sys/fs/cgroup/memory"
V2 = next((d for d in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.exists(d + "/cgroup.controllers")), None)
COMPARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference", "compare")

# Runs the load in the cgroup and writes its major faults to the file given.
RUN = """
import os, sys
group, out, load, source = sys.argv[1:]
pid = os.fork()
if not pid:
    open(group + "/cgroup.procs", "w").write(str(os.getpid()))
    os.execv(sys.executable, ["python3", "-c", load, source])
_, status, usage = os.wait4(pid, 0)
print(pid, usage.ru_majflt, file=open(out, "w"))
sys.exit(os.waitstatus_to_exitcode(status))
"""
LOAD = """
import mmap, os, sys
page, size, copies = %d, %d, %d
m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for i in range(0, size, page):
    m[i] = 1 + i // page %% 250
for i in range(0, size, page):
    if m[i] != 1 + i // page %% 250:
        sys.exit("page %%d came back as another" %% (i // page))
# The first pages are out again. From a file, and from a pipe, which is no operation.
view = memoryview(m)
far = [i * page * 32 for i in range(2 * copies)]
fd = os.open(sys.argv[1], os.O_RDONLY)
for at in far[:copies]:
    os.preadv(fd, [view[at:at + 16]], 0)
r, w = os.pipe()
for at in far[copies:]:
    os.write(w, b"x" * 16)
    os.readv(r, [view[at:at + 16]])
""" % (PAGE, 2 * LIMIT, COPIES)


def memory_cgroup():
    """An empty one that may have LIMIT."""
    for base, name in ((V1, "memory.limit_in_bytes"), (V2, "memory.max")):
        if not base:
            continue
        group = os.path.join(base, "ktrace-test-%d" % os.getpid())
        os.mkdir(group)
        if os.path.exists(os.path.join(group, name)):
            kt.stack.callback(lambda: os.path.isdir(group) and os.rmdir(group))
            kt.write(os.path.join(group, name), str(LIMIT))
            return group
        os.rmdir(group)
    kt.skip("no memory controller of cgroups here")


def swap_on(disk):
    """The whole disk is swap, and there is no other."""
    if not os.path.exists("/proc/swaps"):
        kt.skip("the kernel has no swap")
    if len(kt.read("/proc/swaps").splitlines()) > 1:
        kt.skip("there is swap in use, by others")
    kt.run("mkswap", disk)
    p = kt.run("swapon", disk, check=False)
    if p.returncode:
        kt.skip("no swap on %s: %s" % (disk, p.stderr.strip()))
    kt.stack.callback(kt.run, "swapoff", disk, check=False)


def counters():
    return {f[0]: int(f[1]) for f in map(str.split, kt.read("/proc/vmstat").splitlines())}


def load(ktr, group, options=()):
    """What the kernel counted: pages in, pages out; the process and its major faults."""
    d = os.path.dirname(ktr)
    source, out = os.path.join(d, "source"), os.path.join(d, "out")
    kt.write(source, "x" * PAGE)
    before = counters()
    kt.record(ktr, sys.executable, "-c", RUN, group, out, LOAD, source, options=["-f", *options])
    after = counters()
    pid, majflt = map(int, kt.read(out).split())
    return after["pswpin"] - before["pswpin"], after["pswpout"] - before["pswpout"], pid, majflt


def bios(db, op):
    """Number, pages, those without an operation."""
    n, size, alone, behind = db.one(
        "SELECT count(*), total(size_bytes), total(io_id IS NULL), total(io_id IS NULL AND EXISTS (SELECT 1 FROM lost_interval l WHERE "
        "l.cause = 'blind' AND b.start_ns BETWEEN l.start_ns AND l.start_ns + l.dur_ns + 100e6)) FROM bio b WHERE op = ? AND "
        "flags LIKE '%swap%' AND parent_bio_id IS NULL", op)
    # A fault makes room for some time: that it began may be what a hole hid (an interval in which the kernel ran no program on a CPU).
    if alone and alone == behind:
        kt.not_seen("%d bios of faults that may have begun in a hole" % alone)
    return n, int(size) // PAGE, int(alone)


def check_all(name, ktr, group):
    n_in, n_out, pid, majflt = load(ktr, group)
    db = kt.analyze(ktr)
    kt.seen_all(db)
    kt.check(kt.lost(db) == 0, "%s: events were lost" % name)
    for op, counted in (("read", n_in), ("write", n_out)):
        n, pages, alone = bios(db, op)
        kt.check(counted > LIMIT // PAGE // 2, "%s: the kernel counted %d pages: the load did not swap" % (name, counted))
        kt.check(pages == counted, "%s: %s: the kernel counted %d pages, in the bios are %d" % (name, op, counted, pages))
        kt.check(not alone, "%s: %d of %d bios that %s swap are no operation's" % (name, alone, n, op))
    # Each page that was waited for: by a fault, or within a call.
    swapins, known = db.one("SELECT count(*), count(dur_ns) FROM io JOIN task t USING (utid) WHERE t.tid = ? AND kind = 'fault' AND "
                            "op = 'swapin'", pid)
    files = db.one("SELECT count(*) FROM io JOIN task t USING (utid) WHERE t.tid = ? AND kind = 'fault' AND op = 'fault'", pid)
    calls, in_calls = db.one("SELECT count(DISTINCT io_id), count(*) FROM bio b JOIN io i USING (io_id) WHERE b.op = 'read' AND "
                             "b.flags LIKE '%swap%' AND i.kind = 'syscall'")
    copies = db.one("SELECT count(DISTINCT io_id) FROM bio b JOIN io i USING (io_id) WHERE b.op = 'read' AND b.flags LIKE '%swap%' AND "
                    "i.kind = 'syscall' AND i.op = 'read' AND i.path LIKE '%/source'")
    guessed = db.one("SELECT count(DISTINCT io_id) FROM bio b JOIN io i USING (io_id) WHERE b.op = 'read' AND b.flags LIKE '%swap%' AND "
                     "i.kind = 'fault' AND i.op = 'swapin' AND b.link = 'inferred'")
    print("%-6s %d pages in, %d out; %d major faults: %d swapins (%d with an end, %d inferred), %d calls with %d bios, %d file faults" %
          (name, n_in, n_out, majflt, swapins, known, guessed, calls, in_calls, files), flush=True)
    kt.check(swapins + calls <= majflt <= swapins + in_calls + files + RETRIES,
             "%s: %d major faults, but %d swapins, %d calls that read from swap, %d faults in files" % (name, majflt, swapins, calls, files))
    kt.check(copies == COPIES, "%s: %d of %d copies from a file read from swap" % (name, copies, COPIES))
    kt.check(guessed >= COPIES, "%s: of %d copies from a pipe only %d read from swap" % (name, COPIES, guessed))
    kt.check(known >= 0.95 * swapins, "%s: of %d swapins only %d have an end" % (name, swapins, known))
    rows = db.rows("SELECT i.io_id, i.dur_ns, sum(s.dur_ns) AS total FROM io i LEFT JOIN stage s ON s.flow = 'io' AND s.flow_id = i.io_id "
                   "WHERE i.op IN ('swapin', 'swapout') AND i.dur_ns IS NOT NULL GROUP BY 1 HAVING total IS NOT i.dur_ns")
    kt.check(not rows, "%s: the stages of %d operations do not add up: %s" % (name, len(rows), rows[:3]))
    text = kt.run(kt.REPORT, "summary", db.path).stdout
    kt.check("swap-ins" in text, "%s: the summary does not tell of swap-ins:\n%s" % (name, text))
    p = subprocess.run([COMPARE, "--analyze", kt.ANALYZE, "--show", "5", ktr], stdout=subprocess.PIPE, text=True)
    kt.check(p.returncode == 0, "%s: the reference does not agree:\n%s" % (name, p.stdout))


def check_filter(name, ktr, group):
    """Only what was swapped in."""
    n_in, _, _, _ = load(ktr, group, options=["--op", "swapin"])
    db = kt.analyze(ktr)
    kt.seen_all(db)
    others = db.rows("SELECT DISTINCT op FROM io WHERE op <> 'swapin'")
    pages, written = bios(db, "read")[1], bios(db, "write")[1]
    in_calls = COPIES * 8  # pages at most, with those around: they are the calls'
    kt.check(n_in - in_calls <= pages <= n_in and not written and not others,
             "%s: --op swapin: of %d pages %d were recorded, %d of those written, and operations %s" % (name, n_in, pages, written, others))


def test(name):
    disk = kt.loop_disk() if name == "disk" else kt.zram_disk()
    swap_on(disk)
    group = memory_cgroup()
    ktr = os.path.join(kt.tmpdir(), "run.ktr")
    kt.attempts(name, lambda: check_all(name, ktr, group))
    kt.attempts(name, lambda: check_filter(name, ktr, group))
    kt.run("swapoff", disk)
    os.rmdir(group)


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(lambda: [test(c) for c in sys.argv[1:] or ["disk"]])
