#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The product's exporters and its page on a family that they do not know: export.py KTRACE-REPORT TEXT-TO-KTR KTRACE-ANALYZE.

The recording is that of parcel.golden. The exporters' own tests compare what is written with the database; here are the figures that its
comments work out."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "lib"), os.path.join(HERE, "..", "export")]
import ktest  # noqa: E402
import pftrace  # noqa: E402
from ktest import check  # noqa: E402

REPORT, TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:4])
MS = 10**6
# Stages of p1, in ms: alice sends hay to North.
P1 = (("wrap", 40), ("box", 30), ("customs", 20), ("van", 110), ("bell", 30))


def test_folded(db):
    out = ktest.run(REPORT, "--folded", "--flow", "parcel", db).stdout
    stacks = {tuple(line.rsplit(" ", 1)[0].split(";")): int(line.rsplit(" ", 1)[1]) for line in out.splitlines()}
    for stage, ms in P1:
        check(stacks.get(("North", "alice [100]", "send", stage)) == ms * MS, "folded: %s: %r" % (stage, stacks))
    check(sum(stacks.values()) == 520 * MS, "folded: %d ns in all" % sum(stacks.values()))


def test_perfetto(db, tmp):
    path = os.path.join(tmp, "parcel.pftrace")
    ktest.run(REPORT, "--perfetto", path, db)
    t = pftrace.Trace(ktest.run("cat", path, text=False).stdout)
    flows = {s.args["id"]: s for s in t.slices if s.category == "flow"}
    p1 = flows["p1"]
    check((t.path(p1.track), p1.name, p1.dur, p1.args.get("what")) == (("Tasks", "alice [100]", "parcels"), "send", 230 * MS, "hay"), "p1: %r" % (p1,))
    got = tuple((s.name, s.dur // MS) for s in t.slices if s.category == "stage" and s.parent is not None and t.slices[s.parent] is p1)
    check(got == P1, "p1's stages: %r" % (got,))
    arrows = {frozenset(s.args["id"] for s in ends if s.category == "flow") for ends in t.arrows().values()}
    check({frozenset(("p1", "p2")), frozenset(("p1", "b1"))} <= arrows, "arrows: %r" % arrows)


def main():
    tmp = ktest.tmpdir()
    ktr = ktest.make_recording(TOOL, os.path.join(tmp, "parcel.ktr"), ktest.read(os.path.join(HERE, "parcel.golden")))
    db = os.path.join(tmp, "parcel.db")
    ktest.run(ANALYZE, ktr, "-o", db)
    test_folded(db)
    test_perfetto(db, tmp)
    for test in ("export/folded.py", "export/perfetto.py", "report/page.py"):
        p = subprocess.run([sys.executable, os.path.join(HERE, "..", test), REPORT, ANALYZE, db], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=300, check=False)
        check(p.returncode == 0, "%s: %s" % (test, p.stdout[-1500:]))


ktest.main(main)
