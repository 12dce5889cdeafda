#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Does `ktrace-report diff` tell noise from change? diff.py KTRACE-REPORT RUN.db|RUN.ktr KTRACE-ANALYZE [--extend SECONDS]

Of each two neighbouring seconds of the recording one goes to the first half, one to the second, drawn anew 20 times:
nothing may be found, 20 times of 20. Then the stage device of one half is made 5 % longer, of all requests or of one disk and
operation only, and compared with the half as it was: that must be found, 20 times of 20, and no stage besides it (and the
total, of which it is a part). The first time that is the whole recording instead of a half.

--extend makes a recording of so many seconds from a short one: requests drawn from the real ones, with their stages, in
seconds that are alike to their neighbours: each second's device times are drawn out by a factor that wanders (autoregressive,
0.5, 5 %).
"""
import json
import os
import random
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import bucket  # noqa: E402

TOOL, SOURCE, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:4])
EXTEND = int(sys.argv[sys.argv.index("--extend") + 1]) if "--extend" in sys.argv else 0
TRIES = 20
STAGES = ("plug", "queue", "device")


def requests(db):
    """(disk, op, second, {stage: ns}) of whole requests."""
    c = sqlite3.connect(db)
    return [(disk, op, second, dict(zip(STAGES, ns)))
            for disk, op, second, *ns in c.execute(
                "SELECT device_id, op, (start_ns + dur_ns) / 1000000000, plug_ns, queue_ns, device_ns FROM request"
                " WHERE state = 'whole' AND device_ns IS NOT NULL ORDER BY request_id")]


def extend(rows, seconds, rng):
    groups = {}
    for disk, op, _, stages in rows:
        groups.setdefault((disk, op), []).append(stages)
    out = []
    for (disk, op), pool in groups.items():
        drift = 0.0
        per_second = min(max(len(pool) // 2, 30), 400)
        for second in range(seconds):
            drift = 0.5 * drift + rng.gauss(0, 0.05)
            for stages in rng.choices(pool, k=per_second):
                out.append((disk, op, second, dict(stages, device=int(stages["device"] * 2 ** drift))))
    return out


def histogram(rows, stretch):
    """{second: [rows of latency_hist]}; stretch(disk, op): factor of the stage device."""
    hist = {}
    for disk, op, second, stages in rows:
        stages = dict(stages, device=round(stages["device"] * stretch(disk, op)))
        stages["total"] = sum(v for v in stages.values() if v is not None)
        for stage, ns in stages.items():
            if ns is not None:
                h = hist.setdefault((stage, disk, op, second, bucket(ns)), [0, 0])
                h[0] += 1
                h[1] += ns
    out = {}
    for k, v in hist.items():
        out.setdefault(k[3], []).append(k + tuple(v))
    return out


def write(path, hist, seconds):
    """A database like base.db, with the histogram of these seconds."""
    shutil.copy("base.db", path)
    out = sqlite3.connect(path)
    out.executemany("INSERT INTO latency_hist VALUES(1, 'request', ?, ?, ?, ?, ?, ?, ?, NULL)",
                    [row for s in sorted(seconds) for row in hist.get(s, ())])
    out.commit()
    out.close()


def skeleton(db, path):
    """All but the many rows: `diff` reads the histograms."""
    out = sqlite3.connect(path)
    with sqlite3.connect(db) as c:
        c.backup(out)
    ktest.as_tables(out, 'latency_hist', 'task_load', 'load')
    for (t,) in out.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN"
                            " ('bio', 'request', 'latency_hist', 'task_load', 'load', 'slowest', 'busy', 'bio_request_extra')").fetchall():
        out.execute("DELETE FROM " + t)
    out.commit()
    out.execute("VACUUM")
    out.close()


def found(a, b):
    doc = json.loads(ktest.run(TOOL, "diff", "--json", a, b).stdout)
    rows = doc["tables"]["diff"]
    assert any(r["low"] is not None for r in rows), "nothing could be compared: %r" % doc["warnings"]
    return {(r["disk"], r["op"], r["stage"]): r for r in rows if {r["verdict"], r["tail_verdict"]} & {"worse", "better"}}, rows


def main():
    rng = random.Random(1)
    tmp = ktest.tmpdir()
    os.chdir(tmp)
    db = SOURCE
    if db.endswith(".ktr"):
        db = os.path.join(tmp, "run.db")
        ktest.run(ANALYZE, SOURCE, "-o", db)
    rows = requests(db)
    names = dict(sqlite3.connect(db).execute("SELECT device_id, name FROM device"))
    skeleton(db, "base.db")
    if EXTEND:
        rows = extend(rows, EXTEND, rng)
    last = max(r[2] for r in rows)
    # the disk and operation that goes on longest
    count = {}
    for disk, op, second, _ in rows:
        count.setdefault((disk, op), {}).setdefault(second, 0)
        count[(disk, op)][second] += 1
    longest = max(count, key=lambda k: sum(min(n, 20) for n in count[k].values()))
    key = (names[longest[0]], longest[1], "device")
    plain = histogram(rows, lambda disk, op: 1)
    longer = (histogram(rows, lambda disk, op: 1.05),
              histogram(rows, lambda disk, op: 1.05 if (disk, op) == longest else 1))
    false = missed = 0
    for i in range(TRIES):
        a, b = set(), set()
        for second in range(0, last + 1, 2):
            pair = [second, second + 1]
            rng.shuffle(pair)
            a.add(pair[0])
            b.add(pair[1])
        write("a.db", plain, a)
        write("b.db", plain, b)
        write("c.db", longer[i % 2], a)
        got, _ = found("a.db", "b.db")
        if got:
            false += 1
            print("try %d: found in noise: %r" % (i, got))
        if i == 0:  # the whole recording as well
            write("a.db", plain, a | b)
            write("c.db", longer[0], a | b)
        got, all_rows = found("a.db", "c.db")
        wrong = [k for k in got if k[2] not in ("device", "total") or (i % 2 and k[:2] != key[:2])]
        hit = got.get(key)
        if wrong or not hit or hit["verdict"] != "worse":
            missed += 1
            print("try %d: 5 %% on %s: %r; others %r" % (
                i, key, [r for r in all_rows if (r["disk"], r["op"], r["stage"]) == key], wrong))
    print("%d requests, %d s, %s %s: in noise found %d times of %d; 5 %% of the device found %d times of %d" %
          (len(rows), last + 1, *key[:2], false, TRIES, TRIES - missed, TRIES))
    ktest.check(not false and not missed, "%d findings in noise, %d missed" % (false, missed))


ktest.main(main)
