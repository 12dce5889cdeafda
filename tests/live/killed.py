#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""A recorder killed at any moment leaves a file whose complete blocks are all readable, and the analysis says what is missing."""

import os
import random
import signal
import subprocess
import time

import kt


def test():
    disk = kt.loop_disk(size_mib=256)
    d = kt.tmpdir()
    seed = int(os.environ.get("KT_SEED", time.time_ns()))
    print("KT_SEED=%d" % seed)
    rnd = random.Random(seed)
    load = subprocess.Popen(kt.fio(filename=disk, rw="randread", ioengine="io_uring", iodepth=16, runtime=60,
                                   time_based=None), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kt.stack.callback(load.wait)
    kt.stack.callback(load.terminate)
    for i in range(8):
        ktr = os.path.join(d, "killed%d.ktr" % i)
        p = subprocess.Popen([kt.RECORD, "-o", ktr], stderr=subprocess.PIPE, text=True)
        for line in p.stderr:
            if line.strip() == "recording":
                break
        ran = rnd.uniform(0.6, 2)
        time.sleep(ran)
        p.send_signal(signal.SIGKILL)
        p.wait()
        p.stderr.close()
        size = os.path.getsize(ktr)
        a = kt.run(kt.ANALYZE, ktr, "-o", ktr + ".db", check=False)
        if not kt.check(a.returncode == 0, "killed after %d bytes: ktrace-analyze: exit %d: %s" % (size, a.returncode, a.stderr)):
            continue
        db = kt.Db(ktr + ".db")
        n = db.one("SELECT count(*) FROM request WHERE state = 'whole'")
        events = db.one("SELECT events FROM run")
        # Blocks are cut every 250 ms and written at once: no more than the last second may be missing.
        end_s = (db.one("SELECT max(start_ns + dur_ns) FROM request WHERE state = 'whole'") or 0) / 1e9
        kt.check(n > 0 and end_s > ran - 1, "killed after %.2f s: %d whole requests up to %.2f s" % (ran, n, end_s))
        cause = [c for c, in db.rows("SELECT DISTINCT cause FROM lost_interval")]
        kt.check("truncated" in cause, "killed after %d bytes: no truncated interval, but %s" % (size, cause))
        kt.check(len(a.stderr.strip().splitlines()) == 1, "not one warning but: %s" % a.stderr)
        print("killed at %9d bytes: %7d events, %6d whole requests" % (size, events, n))


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
