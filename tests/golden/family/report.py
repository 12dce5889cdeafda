#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The product's own reports on a family that they do not know: report.py KTRACE-REPORT TEXT-TO-KTR KTRACE-ANALYZE [--update].

The recording is that of parcel.golden, whose comments work out the figures; texts are those of expect/. --update writes these: read the
difference before you commit it."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import kreport  # noqa: E402
import ktest  # noqa: E402
from ktest import check  # noqa: E402

REPORT, TOOL, ANALYZE = sys.argv[1:4]
MS = 10**6
FLOW = ("--flow", "parcel")
TEXTS = {
    "summary": ["summary"], "summary-parcel": FLOW, "stages": ["stages", *FLOW], "stages-task": ["stages", "--by", "task", *FLOW],
    "stages-kind": ["stages", "--by", "kind", *FLOW], "hist": ["hist", *FLOW], "heatmap": ["heatmap", *FLOW], "tasks": ["tasks", *FLOW],
    "cgroups": ["cgroups", *FLOW], "slow": ["slow", *FLOW], "show-sent": ["show", "p1"], "show-unborn": ["show", "p5"],
    "show-lossy": ["show", "p8"], "show-open": ["show", "p9"],
}
# Whole ones that were not refused, in ms.
DURATIONS = {"p1": 230, "p2": 60, "p3": 120, "p7": 110}


def ms(rows, *names):
    """The rows' values of these columns; of times in ms."""
    return [tuple(r[n] / MS if n.endswith("_ns") and r[n] is not None else r[n] for n in names) for r in rows]


def test_figures(r):
    t = r.tables("summary", *FLOW)
    check(ms(t["ops"], "object", "op", "n", "mean_ns", "max_ns", "bytes") ==
          [("North", "send", 2, 170, 230, 4146), ("North", "fetch", 1, 60, 60, None), ("#2", "send", 1, 120, 120, 100)], "summary: %r" % t["ops"])
    check([round(x["time_share"] * 520) for x in t["ops"]] == [340, 60, 120], "summary: shares")
    check(ms(t["tasks"], "task", "n", "total_ns") == [("alice", 1, 230), ("bob", 2, 180), ("carol", 1, 110)], "summary: tasks")

    t = r.tables("stages", *FLOW)
    got = {(o, op, stage): (n, mean * (2 if op == "send" and o == "North" else 1))
           for o, op, stage, n, mean in ms(t["stages"], "object", "op", "stage", "n", "mean_ns")}
    check(got == {
        ("North", "send", "wrap"): (2, 60), ("North", "send", "box"): (2, 120), ("North", "send", "customs"): (1, 20), ("North", "send", "van"): (1, 110),
        ("North", "send", "bell"): (1, 30), ("North", "send", "total"): (2, 340), ("North", "fetch", "wrap"): (1, 60), ("North", "fetch", "total"): (1, 60),
        ("#2", "send", "wrap"): (1, 10), ("#2", "send", "van"): (1, 110), ("#2", "send", "total"): (1, 120)}, "stages: %r" % got)
    for by, want in (("op", {None: 520}), ("kind", {"letters": 400, "advertisements": 120}), ("object", {"North": 400, "#2": 120}),
                     ("task", {"alice [100]": 230, "bob [101]": 180, "carol [102]": 110}), ("cgroup", {"/town": 340, "/town/gate": 180})):
        got = {}
        for what, total in ms(r.tables("stages", "--by", by, *FLOW)["groups"], "what", "total_ns"):
            got[what] = got.get(what, 0) + total
        check(got == want, "stages --by %s: %r" % (by, got))

    for args, want in (((), DURATIONS), (("--over", "90ms"), ("p1", "p3", "p7")), (("--task", "bob"), ("p2", "p3")), (("--task", "100"), ("p1",)),
                       (("--cgroup", "/town/gate"), ("p2", "p3")), (("--cgroup", "/town", "--op", "send", "--object", "North"), ("p1", "p7")),
                       (("--object", "North"), ("p1", "p2", "p7")), (("--op", "send"), ("p1", "p3", "p7")),
                       (("--object", "North", "--op", "fetch"), ("p2",)), (("--since", "2s"), ("p3", "p7")), (("--until", "2s"), ("p1", "p2")),
                       (("--since", "2s", "--until", "3s", "--op", "send"), ("p3",))):
        r.same_flows((*FLOW, *args), {i: DURATIONS[i] * MS for i in want})
    check(ms(r.tables("tasks", *FLOW)["tasks"], "task", "tid", "cgroup", "op", "n", "bytes", "runq_ns", "total_ns") ==
          [("alice", 100, "/town", "send", 1, 4096, 30, 230), ("bob", 101, "/town/gate", "send", 1, 100, None, 120),
           ("bob", 101, "/town/gate", "fetch", 1, None, None, 60), ("carol", 102, "/town", "send", 1, 50, None, 110)], "tasks")
    check(ms(r.tables("cgroups", *FLOW)["cgroups"], "cgroup", "op", "n", "runq_ns", "total_ns") ==
          [("/town", "send", 2, 30, 340), ("/town/gate", "send", 1, None, 120), ("/town/gate", "fetch", 1, None, 60)], "cgroups")
    check([x for x in ms(r.tables("hist", *FLOW)["hist"], "object", "op", "from_ns", "n") if x[3]] ==
          [("North", "send", 100, 1), ("North", "send", 200, 1), ("#2", "send", 100, 1), ("North", "fetch", 50, 1)], "hist")
    heat = {tuple(x[:3]): x[3] for x in ms(r.tables("heatmap", *FLOW)["heatmap"], "object", "op", "from_ns", "heat")}
    check(heat == {("North", "send", 200): [0, 1, 0, 0, 0, 0, 0, 0], ("North", "send", 100): [0, 0, 0, 0, 0, 1, 0, 0],
                   ("#2", "send", 100): [0, 0, 1, 0, 0, 0, 0, 0], ("North", "fetch", 50): [0, 1, 0, 0, 0, 0, 0, 0]}, "heatmap: %r" % heat)
    check(ms(r.tables("slow", *FLOW)["slow"], "id", "start_ns", "task", "op", "object", "what", "size_bytes", "mostly") ==
          [("p1", 1000, "alice", "send", "North", "hay", 4096, "van 48 %"), ("p3", 2000, "bob", "send", "#2", None, 100, "van 92 %"),
           ("p7", 5500, "carol", "send", "North", None, 50, "box 82 %"), ("p2", 1100, "bob", "fetch", "North", None, None, "wrap 100 %")], "slow")

    t = r.tables("show", "p1")
    check(ms(t["stages"], "flow", "stage", "at_ns", "dur_ns") ==
          [("p1", "wrap", 0, 40), ("p1", "box", 40, 30), ("p1", "customs", 70, 20), ("p1", "van", 90, 110), ("p1", "bell", 200, 30),
           ("p2", "wrap", 100, 60), ("b1", "device", 55, 30)], "show: stages %r" % t["stages"])
    check(ms(t["links"], "id", "link", "flow", "at_ns", "dur_ns") == [("b1", "moved by", "bio", 55, 30), ("p2", "holds", "parcel", 100, 60)], "show: links")
    check(ms(t["in_the_way"], "cause", "task", "n", "total_ns") == [("runq", "hog", 2, 30), ("irq", "irq 19", 1, 5)], "show: in the way")


def test_kept(r, ktr):
    """Of rows only those from 200 ms on, and what is linked to them: the same figures, and it is said what has none."""
    ktest.run(ANALYZE, ktr, "-o", os.path.join(r.cwd, "kept.db"), "--keep", "200ms")
    kept = kreport.Reports(REPORT, "kept.db", r.cwd)
    for report in ("summary", "stages", "hist", "heatmap", "tasks", "cgroups"):
        whole, part = r.tables(report, *FLOW), kept.tables(report, *FLOW)
        for table in set(whole) - {"slow"}:
            check(whole[table] == part[table], "kept: %s: table %s is another" % (report, table))
    check([x["id"] for x in kept.tables("slow", *FLOW)["slow"]] == ["p1", "p2"], "kept: slow")
    check(kept.run("show", "p1") == r.run("show", "p1"), "kept: show p1")
    code, out, err = kept.run("show", "p3")
    check(code == 1 and not out and "rows of flows below 200 ms were not kept: p3 has no row" in err, "kept: show p3: exit %d, %r" % (code, err))


ALONE = """@kinds core,parcel
@events
1000000 0 parcel_post tid=100 tgid=100 parcel=0xa1 size=1 route=1
3000000 0 parcel_take parcel=0xa1
"""


def test_alone(tmp):
    """Where there is nothing else, reports are about it unasked."""
    ktr = ktest.make_recording(TOOL, os.path.join(tmp, "alone.ktr"), ALONE)
    ktest.run(ANALYZE, ktr, "-o", os.path.join(tmp, "alone.db"))
    r = kreport.Reports(REPORT, "alone.db", tmp)
    for report in ("summary", "stages", "hist", "heatmap", "tasks", "cgroups", "slow"):
        got, want = r.run(report), r.run(report, *FLOW)
        check(got == want and not got[0], "%s of parcels alone: %r, not %r" % (report, got, want))
    r.same_flows((), {"p1": 2 * MS})


def main():
    tmp = ktest.tmpdir()
    ktr = ktest.make_recording(TOOL, os.path.join(tmp, "parcel.ktr"), ktest.read(os.path.join(HERE, "parcel.golden")))
    ktest.run(ANALYZE, ktr, "-o", os.path.join(tmp, "parcel.db"))
    r = kreport.Reports(REPORT, "parcel.db", tmp)
    r.same_texts(TEXTS, os.path.join(HERE, "expect"), "--update" in sys.argv)
    test_figures(r)
    test_kept(r, ktr)
    test_alone(tmp)
    # Between storage's kinds and this one there may be others.
    for args, want in ((("--flow", "x"), "--flow x: expected io, request, bio.* or parcel"),
                       (("show", "x1"), r"b12 \(bio\), i12 \(io\).* or p12 \(parcel\)"),
                       ((*FLOW, "--object", "East"), r"no object 'East' in this database \(it has: #2, North\)")):
        code, out, err = r.run(*args)
        check(code and not out and len(err.splitlines()) == 1 and re.search(want, err), "%r: exit %d, %r" % (args, code, err))


ktest.main(main)
