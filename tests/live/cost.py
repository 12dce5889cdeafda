#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The cost that the recorder reports for its programs, compared with the kernel's own run-time statistics. These count what they cost
themselves, some 20 to 40 ns a run, and the way into a program: what they say is the more."""

import glob
import re
import signal
import subprocess

import kt

STATS = "/proc/sys/kernel/bpf_stats_enabled"


def run_time_ns(pid):
    """Of all programs that a process holds."""
    ns = 0
    for path in glob.glob("/proc/%d/fdinfo/*" % pid):
        try:
            ns += sum(map(int, re.findall(r"^run_time_ns:\s+(\d+)", kt.read(path), re.M)))
        except OSError:
            pass  # closed since
    return ns


def test():
    before = kt.read(STATS)
    kt.stack.callback(kt.write, STATS, before)
    kt.write(STATS, "1")
    disk, ktr = kt.loop_disk(size_mib=128), kt.tmpdir() + "/run.ktr"
    p = subprocess.Popen([kt.RECORD, "-o", ktr], stderr=subprocess.PIPE, text=True)
    kt.stack.callback(lambda: p.poll() is None and p.kill())
    while "recording\n" not in p.stderr.readline():
        if p.poll() is not None:
            raise RuntimeError("ktrace-record ended")
    start = run_time_ns(p.pid)
    kt.run(*kt.fio(filename=disk, rw="randread", ioengine="io_uring", iodepth=8, time_based=None, runtime=4))
    kernel = run_time_ns(p.pid) - start
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=60)
    said = kt.analyze(ktr).one("SELECT sum(bpf_ns) FROM cost")
    print("the kernel: %.1f ms, ktrace: %.1f ms" % (kernel / 1e6, said / 1e6))
    kt.check(kernel > 10**8, "the load was none: %d ns" % kernel)
    kt.check(0.6 * kernel < said < 1.05 * kernel, "the programs ran for %d ns by the kernel, %d by the recorder" % (kernel, said))


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
