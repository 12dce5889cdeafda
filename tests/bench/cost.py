# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Shared by storage-cost and filter-cost: a recorder that is watched while fio runs, and the kernel's figures for its programs."""

import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "live"))
import kt  # noqa: E402

READS, WRITES = 12000, 250
SETTLE = 1.5  # seconds at either end of fio's run that are not measured: it starts, or ends
STATS = "/proc/sys/kernel/bpf_stats_enabled"
TICK = os.sysconf("SC_CLK_TCK")


def statistics_on():
    """Until the end of the script."""
    before = kt.read(STATS)
    kt.write(STATS, "1")
    kt.stack.callback(kt.write, STATS, before)


def files(where):
    for f in ("read", "write"):
        kt.run("dd", "if=/dev/urandom", "of=%s/%s" % (where, f), "bs=1M", "count=256", "conv=fsync")


def busy_s():
    """Busy time of all CPUs: /proc/stat without idle and iowait."""
    f = list(map(int, kt.read("/proc/stat").splitlines()[0].split()[1:9]))
    return (sum(f) - f[3] - f[4]) / TICK


def cpu_s(pid):
    """CPU time of all threads, in ns resolution."""
    d = "/proc/%d/task" % pid
    return sum(int(kt.read("%s/%s/schedstat" % (d, t)).split()[0]) for t in os.listdir(d)) / 1e9


def programs(pid):
    """{id: (ns, runs)} of all BPF programs that the process holds."""
    found = {}
    d = "/proc/%d/fdinfo" % pid
    for fd in os.listdir(d):
        try:
            text = kt.read(os.path.join(d, fd))
        except OSError:
            continue
        if "prog_id" in text and "link_type" not in text:
            number = {f: int((re.search(f + r":\s*(\d+)", text) or [0, 0])[1]) for f in ("prog_id", "run_time_ns", "run_cnt")}
            found[number["prog_id"]] = (number["run_time_ns"], number["run_cnt"])
    return found


def names():
    return {p["id"]: p.get("name", "") for p in json.loads(kt.run("bpftool", "-j", "prog", "show").stdout)}


def between(before, after):
    """{id: (ns, runs)} of what came in between."""
    return {i: (ns - before.get(i, (0, 0))[0], runs - before.get(i, (0, 0))[1]) for i, (ns, runs) in after.items()}


def child(*args, **options):
    """A process that does not outlive the script."""
    p = subprocess.Popen(args, text=True, **options)
    kt.stack.callback(lambda: p.poll() is None and (p.kill(), p.wait()))
    return p


def fio(where, readers, direct, seconds):
    """fio psync, so many readers at READS/s together, and one writer, for so long."""
    common = dict(size="256m", time_based=None, runtime=seconds, ioengine="psync", direct=int(direct), bs="4k", thread=None,
                  group_reporting=None)
    args = ["fio", "--output-format=json"]
    for name, opts in (("read", dict(rw="randread", numjobs=readers, rate_iops=READS // readers, filename=where + "/read")),
                       ("write", dict(rw="randwrite", numjobs=1, rate_iops=WRITES, filename=where + "/write"))):
        args.append("--name=" + name)
        for k, v in {**common, **opts}.items():
            args.append("--" + k + ("" if v is None else "=%s" % v))
    return child(*args, stdout=subprocess.PIPE)


def iops(p):
    """Reads and writes a second, when it has ended."""
    out = p.communicate()[0]
    jobs = json.loads(out[out.index("{"):])["jobs"]
    return sum(j["read"]["iops"] for j in jobs), sum(j["write"]["iops"] for j in jobs)


class Recorder:
    def __init__(self, where, options=()):
        self.p = child(kt.RECORD, "-f", "-o", where + "/x.ktr", *options, stderr=subprocess.PIPE)
        for line in self.p.stderr:
            if "recording" in line:
                break

    def sample(self):
        return programs(self.p.pid), cpu_s(self.p.pid)

    def end(self):
        """Events."""
        self.p.send_signal(signal.SIGINT)
        said = self.p.communicate(timeout=60)[1]
        return int(re.search(r"([\d,]+) events", said)[1].replace(",", ""))


def watch(where, readers, direct, seconds, options=None):
    """
    Runs the load for a while, with a recorder unless options is None. What the steady part of it took, seconds of it; events: of
    all of it, runtime seconds.
    """
    r = None if options is None else Recorder(where, options)
    runtime = int(seconds + 2 * SETTLE + 1)
    f = fio(where, readers, direct, runtime)
    time.sleep(SETTLE)
    p0, u0 = r.sample() if r else ({}, 0)
    b0, t0 = busy_s(), time.monotonic()
    time.sleep(seconds)
    p1, u1 = r.sample() if r else ({}, 0)
    b1, dt = busy_s(), time.monotonic() - t0
    reads, writes = iops(f)
    got = dict(reads=reads, writes=writes, runtime=runtime, seconds=dt, programs=between(p0, p1), user=(u1 - u0) / dt, busy=(b1 - b0) / dt)
    if r:
        got["names"] = names()
        got["events"] = r.end()
    return got
