#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""ktrace-analyze --keep and --sample of a family that they do not know, and its statistics against its rows: on its golden cases, and on
thousands of parcels, of which more are open at times than its tracker keeps. The whole database is worked on as ../keep does.

usage: keep.py TEXT-TO-KTR KTRACE-ANALYZE SOURCE
"""
import glob
import importlib.machinery
import importlib.util
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("keep", os.path.join(HERE, "..", "keep"))
keep = importlib.util.module_from_spec(importlib.util.spec_from_loader("keep", loader))
loader.exec_module(keep)
ktest, check, MS = keep.ktest, keep.check, keep.MS

# Programs wait for parcels, as for operations: these come before what is below them.
keep.RANKS = {"io": 0, "parcel": 1, **{flow: rank + 1 for flow, rank in keep.RANKS.items() if flow != "io"}}
keep.ROWS.update({"parcel": "'parcel', parcel_id", "parcel_bio": "'parcel', parcel_id"})
keep.NAMES += """
UNION ALL SELECT 'parcel', parcel_id, 'parcel', in_parcel_id FROM parcel WHERE in_parcel_id IS NOT NULL
UNION ALL SELECT 'parcel', parcel_id, 'bio', bio_id FROM parcel_bio"""

N, MAX_OPEN = 3000, 1024


def crowd():
    """Parcels of 0.1 to 20 ms, some in others, some moved by bios; as events. Then more at once than may be open."""
    rnd = random.Random(9)
    events = []
    last = None
    for i in range(N):
        at, addr = MS + i * MS // 2, 0x100 + i
        dur = int(MS * rnd.choice((.1, .5, 1, 2, 5, 20)) * (1 + rnd.random() / 10))
        inside = " in=%#x" % last[0] if last and last[1] > at and rnd.random() < .3 else ""
        events.append((at, "parcel_post tid=%d tgid=%d parcel=%#x size=%d route=%d op=%d kind=%d%s" % (
            100 + i % 5, 100 + i % 5, addr, i, i % 3, i % 2, i % 7 == 0, inside)))
        events.append((at + dur // 4, "parcel_box tid=%d parcel=%#x" % (1000 + i, addr)))
        if rnd.random() < .5:
            events.append((at + dur // 3, "bio_queue bio=%#x sector=%d bytes=512 dev=8:0 opf=read tid=%d tgid=%d flags=0x1" % (
                addr, i, 1000 + i, 1000 + i)))
            events.append((at + dur // 3 + rnd.choice((1, 30)) * MS // 10, "bio_complete bio=%#x dev=8:0 opf=read" % addr))
        events.append((at + dur // 2, "parcel_load parcel=%#x held_ns=%d" % (addr, dur // 10 * (i % 2))))
        events.append((at + dur, "parcel_take parcel=%#x result=%d" % (addr, -13 if i % 11 == 0 else 0)))
        last = (addr, at + dur)
    end = 2 * MS * N
    for i in range(MAX_OPEN + 76):
        events.append((end + i, "parcel_post tid=1 tgid=1 parcel=%#x size=1 route=1" % (0x100000 + i)))
    return "@events\n" + ktest.event_lines((at, 0, text) for at, text in sorted(events, key=lambda e: e[0])) + "\n"


def main():
    tmp = ktest.tmpdir()
    ktr = ktest.make_recording(keep.TOOL, os.path.join(tmp, "crowd.ktr"), crowd())
    whole = keep.check_one("crowd", ktr, tmp, [0, MS // 2, 3 * MS, 10**12], (4,))
    states = dict(whole.con.execute("SELECT state, count(*) FROM parcel GROUP BY state"))
    check(states == {"whole": N, "evicted": 76, "open_at_end": MAX_OPEN}, "crowd: %r" % states)
    links = dict(whole.con.execute("SELECT link, count(*) FROM flow_link WHERE flow = 'parcel' GROUP BY link"))
    check(min(links.get("holds", 0), links.get("moved by", 0)) > 100, "crowd: links %r" % links)
    kept = [x for x in whole.kept(3 * MS) if whole.flows[x] is not None]
    check(any(x[0] == "bio" and whole.flows[x] < 3 * MS for x in kept) and len(kept) < N, "crowd: 3 ms keep %d" % len(kept))
    n, groups = (sum(f(m) for m in whole.members) for f in (lambda m: bool(whole.is_sampled(m, 4)), bool))
    check(abs(n - groups / 4) <= 3 * (groups * 3 / 16)**.5, "crowd: %d of %d groups are one in four" % (n, groups))
    for path in sorted(glob.glob(os.path.join(HERE, "*.golden"))):
        keep.check_one(os.path.basename(path), ktest.make_recording(keep.TOOL, os.path.join(tmp, "case.ktr"), ktest.read(path)), tmp)
    p = ktest.run(sys.executable, os.path.join(keep.SOURCE, "tests/unit/flow_stats.py"), keep.ANALYZE, ktr, check=False)
    check(p.returncode == 0, "statistics against rows: %s%s" % (p.stdout, p.stderr))


ktest.main(main)
