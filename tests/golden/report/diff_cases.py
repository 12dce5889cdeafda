#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""What `ktrace-report diff` says of pairs whose answer is known by hand: diff_cases.py KTRACE-REPORT

Histograms of requests are written into two databases of another epoch each; what is said of the mean, the tail, and what else
differs is checked, and that the figures in the sentence are those that were judged."""
import json
import os
import random
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import bucket, check  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 8


def make(path, seconds, epoch, scheduler="none", runs=1):
    """seconds: for each second a list of durations [ns] of reads on vda, or {stage: [ns]}; runs: into how many runs they are split."""
    shutil.copy("base.db", path)
    c = sqlite3.connect(path)
    for t in ("latency_hist", "load", "busy", "slowest", "task_load", "io_load", "io_hist", "io_hist_all", "lost_interval"):
        if c.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (t,)).fetchone():
            c.execute("DELETE FROM " + t)
    c.execute("UPDATE meta SET value = value + ? WHERE key = 'epoch_realtime_ns'", (epoch,))
    c.execute("UPDATE run SET dur_ns = ?", (len(seconds) * 10**9,))
    disk = c.execute("SELECT device_id FROM device WHERE name = 'vda'").fetchone()[0]
    c.execute("UPDATE device SET scheduler = ? WHERE device_id = ?", (scheduler, disk))
    for s, stages in enumerate(seconds):
        if not isinstance(stages, dict):
            stages = {"device": stages, "total": stages}
        for stage, values in stages.items():
            hist = {}
            for v in values:
                h = hist.setdefault(bucket(v), [0, 0])
                h[0] += 1
                h[1] += v
            c.executemany("INSERT INTO latency_hist VALUES(?, 'request', ?, ?, 'read', ?, ?, ?, ?, NULL)",
                          [(1 + s * runs // len(seconds), stage, disk, s, b, n, ns) for b, (n, ns) in hist.items()])
    c.commit()
    c.close()


def diff(a, b, **kw):
    make("a.db", a, 0, kw.get("before", "none"), kw.get("runs", 1))
    make("b.db", b, 10**12, kw.get("after", "none"), kw.get("runs", 1))
    out = ktest.run(TOOL, "diff", "--json", "a.db", "b.db").stdout
    text = ktest.run(TOOL, "diff", "a.db", "b.db", env={**os.environ, "COLUMNS": "400"}).stdout
    doc = json.loads(out)
    rows = {r["stage"]: r for r in doc["tables"]["diff"] if r["disk"] == "vda" and r["op"] == "read"}
    return rows, " ".join(text.split("What else differs")[0].split("By disk, operation and stage")[0].split()), doc["tables"]["differs"]


def noisy(rng, mean, spread=0.02, n=200):
    """Seconds whose level wanders a little, durations that are spread as latencies are."""
    return [[int(mean * (1 + rng.gauss(0, spread)) * rng.lognormvariate(0, 0.3) / 1.046) for _ in range(n)] for _ in range(SECONDS)]


def runs_of(rng, mean, *levels):
    """Several runs, each at a level of its own."""
    return [second for level in levels for second in noisy(rng, mean * level)]


def main():
    rng = random.Random(8)
    os.chdir(ktest.tmpdir())
    ktest.run(sys.executable, os.path.join(HERE, "make-db.py"), "base.db", "whole")

    # nine of ten as before, one 3.6 ms: the geometric mean moves by 43 %, the mean from 99 to 449 us
    slow = [[99000] * 360 + [3600000] * 40 for _ in range(SECONDS)]
    rows, text, _ = diff([[99000] * 400] * SECONDS, slow)
    check(rows["total"]["verdict"] == "worse" and round(rows["total"]["after_ns"]) == 449100, "99 to 449 us: %r" % rows["total"])
    check("mean 449 us, was 99.0 us (+354 %" in text and "p99 3.60 ms, was 99.1 us" in text, "99 to 449 us: " + text)
    rows, text, _ = diff(slow, [[99000] * 400] * SECONDS)
    check(rows["total"]["verdict"] == "better" and text.startswith("Better: vda, read requests: mean 99.0 us, was 449 us"), "449 to 99 us: " + text)

    # the same twice: whichever noise, nothing is said, and it is the same within the margin
    for i in range(10):
        rows, text, differs = diff(noisy(rng, 99000), noisy(rng, 99000))
        check(rows["total"]["verdict"] == "same" and "orse" not in text and "etter:" not in text and not differs, "no change, %d: %s" % (i, text))
    # and where seconds differ by a third, it is not certain, but nothing is said either
    for i in range(10):
        rows, text, _ = diff(noisy(rng, 99000, 0.3), noisy(rng, 99000, 0.3))
        check(rows["total"]["verdict"] in ("same", "not certain") and not rows["total"]["is_finding"], "wandering, %d: %s" % (i, text))

    # a fifth more in each second, but of one recording each: the machine may have been another one for a while
    rows, text, _ = diff(noisy(rng, 99000), noisy(rng, 119000))
    check(rows["total"]["verdict"] == "not certain" and not rows["total"]["is_finding"] and "make three on each side" in text, "one each: " + text)
    # three runs show by how much they differ: 10 % among runs that are as far apart anyway is nothing, among equal ones it is found
    rows, text, _ = diff(runs_of(rng, 99000, 0.9, 1, 1.1), runs_of(rng, 108000, 0.9, 1, 1.1), runs=3)
    check(rows["total"]["verdict"] == "not certain" and rows["total"]["blocks_before"] == 3, "three that wander: " + text)
    rows, text, _ = diff(runs_of(rng, 99000, 0.99, 1, 1, 1.01), runs_of(rng, 113000, 0.99, 1, 1, 1.01), runs=4)
    check(rows["total"]["verdict"] == "worse" and rows["total"]["blocks_before"] == 4 and "Worse: vda, read" in text, "four alike: " + text)

    # a stage of 0.6 us that doubles is nothing of an operation of 100 us
    def stages(plug):
        return [{"plug": [plug] * 200, "device": [99400] * 200, "total": [99400 + plug] * 200} for _ in range(SECONDS)]
    rows, text, _ = diff(stages(600), stages(1200))
    check(rows["plug"]["verdict"] == "same" and abs(rows["plug"]["change"] - 0.006) < 1e-4 and "orse" not in text, "0.6 us: %r" % rows["plug"])

    # p99 from 99 to 472 us (+376 %) while the mean stays within the margin: worse in the tail, once
    rows, text, _ = diff([[99000] * 2000] * SECONDS, [[99000] * 1970 + [472000] * 30] * SECONDS)
    check(rows["total"]["verdict"] == "same" and rows["total"]["tail_verdict"] == "worse" and 3.7 < rows["total"]["tail_change"] < 3.8,
          "p99: %r" % rows["total"])
    check("Worse in the tail: vda, read requests: p99 472 us, was 99.1 us" in text and text.count("orse") == 1, "p99: " + text)

    # one stall of 2 s in one of eight seconds: the mean is far off, and yet one event proves nothing
    stall = noisy(rng, 99000)
    stall[4] = stall[4][:-1] + [2 * 10**9]
    rows, text, _ = diff(noisy(rng, 99000), stall)
    check(rows["total"]["verdict"] == "not certain" and rows["total"]["change"] > 5 and "Not certain: vda, read" in text, "one stall: " + text)

    # too short to say anything: three seconds are needed
    rows, text, _ = diff(noisy(rng, 99000)[:2], noisy(rng, 300000)[:2])
    check(rows["total"]["verdict"] == "not certain" and rows["total"]["low"] is None and "3 seconds" in text, "2 s: " + text)

    # another scheduler is said, better or not
    _, text, differs = diff(noisy(rng, 99000), noisy(rng, 99000), before="none", after="mq-deadline")
    check([(d["what"], d["place"], d["before"], d["after"]) for d in differs] == [("scheduler", "vda", "none", "mq-deadline")], "scheduler: %r" % differs)


ktest.main(main)
