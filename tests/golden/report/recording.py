#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The whole way on the shipped recordings: recording.py KTRACE-REPORT KTRACE-ANALYZE [--update].

Every report at 80 and 200 columns as in expect/recording/ and expect/storage/, as JSON against its schema; every file of examples/queries in
sqlite3 and in ktrace-report; and the output that README.md shows. --update writes the expected texts, README's too: read the
difference before you commit it.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import sqlite3
import sys

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import TOP, check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
UPDATE = "--update" in sys.argv
# By name: where the expected texts are, and queries that find nothing in it.
RECORDINGS = {
    "randrw": ("recording", {"errors", "can-i-trust-it", "cpu-wait", "hot-files", "device-cpu-or-us", "whose-dirty-pages"}),
    "storage": ("storage", {"errors", "can-i-trust-it", "since-when", "neighbours"}),
}
# More of both, by the name of the expected text.
MORE = {
    "storage/summary-request": ["summary", "--flow", "request", "storage.db"],
    "storage/irq-part": ["irq", "--since", "2.9s", "--until", "3s", "storage.db"],
    "storage/diff-request": ["diff", "--flow", "request", "storage.db", "storage.db"],
    "storage/diff-other": ["diff", "storage.db", "randrw.db"],
}
QUERIES = sorted(glob.glob(os.path.join(TOP, "examples/queries/*.sql")))


def run(args, cwd, **more):
    p = ktest.run(*args, check=False, text=False, cwd=cwd, env=ktest.plain_env(**more), timeout=120)
    check(p.returncode == 0, "%s: exit %d, %s" % (" ".join(args), p.returncode, p.stderr.decode()))
    return p.stdout.decode("utf-8", "surrogateescape")


def compare(name, text, width):
    path = os.path.join(HERE, "expect", name + ".txt")
    check(not re.search(r" $", text, re.M), name + ": spaces at the end of a line")
    check(not width or max(map(len, text.splitlines()), default=0) <= width, "%s: wider than %d" % (name, width))
    ktest.same_text(path, text, UPDATE)


def check_lookup(db):
    """The stages of single flows are looked up, whatever way they are asked for."""
    con = sqlite3.connect(db)
    con.execute("CREATE TEMP TABLE some(id)")
    for ask in ("stage WHERE flow = 'bio' AND flow_id = 5", "stage WHERE flow = 'request' AND flow_id IN some",
                "some JOIN stage ON flow = 'bio' AND flow_id = id"):
        plan = [row[3] for row in con.execute("EXPLAIN QUERY PLAN SELECT * FROM " + ask)]
        check(not any(re.match("SCAN (?!some|stage)", step) for step in plan), "%s scans: %s" % (ask, "; ".join(plan)))


def readme(tmp):
    """README.md shows what its commands print, 100 columns wide."""
    path = os.path.join(TOP, "README.md")
    text = ktest.read(path)
    shown = list(re.finditer(r"^```\n\$ ktrace-report (.*)\n([^`]*)^```$", text, re.M))
    check(shown, "README.md: shows no output of ktrace-report")
    for m in reversed(shown):
        out = run([TOOL, *m[1].split()], tmp, COLUMNS="100")
        if UPDATE:
            text = text[:m.start(2)] + out + text[m.end(2):]
        else:
            check(m[2] == out, "README.md: the output shown is not what `ktrace-report %s` prints; --update" % m[1])
    if UPDATE:
        ktest.write(path, text)


def check_closed(db):
    """Stages of operations add up to their durations, and what disturbed them is no more than they are."""
    con = sqlite3.connect(db)
    bad = con.execute("SELECT count(*) FROM (SELECT i.io_id FROM io i JOIN stage g ON g.flow = 'io' AND g.flow_id = i.io_id"
                      " WHERE i.state = 'whole' GROUP BY i.io_id HAVING sum(g.dur_ns) <> i.dur_ns"
                      " OR sum(g.dur_ns) < total(g.runq_ns) + total(g.irq_ns) + total(g.softirq_ns))").fetchone()[0]
    check(not bad, "%d operations whose stages do not add up" % bad)
    rows, load = (con.execute("SELECT count(*), total(dur_ns), total(device_ns), total(runq_ns) FROM io WHERE state = 'whole'").fetchone(),
                  con.execute("SELECT sum(n), total(dur_ns), total(device_ns), total(runq_ns) FROM io_load WHERE state = 'whole'").fetchone())
    check(rows == load or not rows[0], "io_load %r, io %r" % (load, rows))
    rows = con.execute("SELECT count(*), total(dur_ns) FROM io WHERE state = 'whole' AND via NOT IN ('failed', 'empty')").fetchone()
    for table in ("io_hist", "io_hist_all"):
        got = con.execute("SELECT sum(n), total(sum_ns) FROM " + table).fetchone()
        check(got == rows or not rows[0], "%s %r, io %r" % (table, got, rows))


def check_recorder(db, tmp):
    """Operations of ktrace-record itself: in no report of operations, in all with --recorder."""
    con = sqlite3.connect(db)
    n, own = con.execute("SELECT count(*), total(t.is_recorder) FROM io i LEFT JOIN task t USING (utid)"
                         " WHERE i.state = 'whole' AND i.via NOT IN ('failed', 'empty')").fetchone()
    if not n:
        return
    for name, table in (("stages", "groups"), ("stages --by disk", "groups"), ("hist", "hist"), ("heatmap", "heatmap"), ("tasks", "tasks"),
                        ("cgroups", "cgroups")):
        for option, want in (([], n - own), (["--recorder"], n)):
            doc = json.loads(run([TOOL, *name.split(), "--json", "--top", "100000", *option, db], tmp))
            got = sum(r["n"] for r in doc["tables"].get(table, []))
            check(got == want, "%s %s: %d operations, of %d" % (name, " ".join(option), got, want))


def check_sched_parts(tmp):
    """Rows of one task in sched_task add up: the report of a database in which each is cut in two is the same."""
    whole = json.loads(run([TOOL, "sched", "--json", "storage.db"], tmp))
    shutil.copy(os.path.join(tmp, "storage.db"), os.path.join(tmp, "parts.db"))
    with contextlib.closing(sqlite3.connect(os.path.join(tmp, "parts.db"))) as con:
        cols = [c[1] for c in con.execute("PRAGMA table_info(sched_task)")]
        sums = [c for c in cols if c.endswith("_ns") and not c.startswith("max_") or c.startswith("n_")]
        con.execute("INSERT INTO sched_task SELECT %s FROM sched_task" % ", ".join(
            c + " / 3" if c in sums else "NULL" if c.startswith("max_") else c for c in cols))
        con.execute("UPDATE sched_task SET %s WHERE rowid <= (SELECT count(*) / 2 FROM sched_task)" % ", ".join("%s = %s - %s / 3" % (c, c, c) for c in sums))
        con.commit()
    parts = json.loads(run([TOOL, "sched", "--json", "parts.db"], tmp))
    check(whole["tables"]["tasks"] and whole == parts, "sched: rows of one task do not add up")


def check_recording(tmp, schema, recording):
    expect, empty = RECORDINGS[recording]
    name_db = recording + ".db"
    db = os.path.join(tmp, name_db)
    run([ANALYZE, os.path.join(TOP, "examples/recordings", recording + ".ktr"), "-o", db], tmp)
    names = [line.split()[0] for line in run([TOOL, "--list"], tmp).splitlines()]
    slowest = json.loads(run([TOOL, "slow", "--json", "--top", "1", name_db], tmp))["tables"]["slow"][0]["id"]
    for name in names:
        args = [name] + {"show": [slowest], "diff": [name_db]}.get(name, []) + [name_db]
        for width in (80, 200):
            compare("%s/%s-%d" % (expect, name, width), run([TOOL, *args], tmp, COLUMNS=str(width)), width)
        doc = json.loads(run([TOOL, *args, "--json"], tmp))
        for e in schema.iter_errors(doc):
            check(False, "%s: %s --json: %s: %s" % (recording, name, "/".join(map(str, e.path)), e.message))
    check_lookup(db)
    check_closed(db)
    check_recorder(db, tmp)
    for q in QUERIES:
        name = os.path.basename(q)[:-4]
        text = ktest.read(q)
        check("-- Question:" in text, name + ": says no question")
        rows = sqlite3.connect(db).execute(text).fetchall()
        doc = json.loads(run([TOOL, q, "--json", name_db], tmp))
        check([list(r.values()) for r in doc["tables"]["rows"]] == [list(r) for r in rows],
              name + ": sqlite3 and ktrace-report differ")
        check(rows or name in empty, "%s: %s: no rows" % (recording, name))
        compare("%s/query-%s" % (expect, name), run([TOOL, q, name_db], tmp, COLUMNS="120"), 120)


def main():
    schema = jsonschema.Draft7Validator(json.loads(ktest.read(os.path.join(TOP, "report/ktrace-report.schema.json"))))
    check(len(QUERIES) >= 16, "examples/queries: only %d" % len(QUERIES))
    tmp = ktest.tmpdir()
    for recording in RECORDINGS:
        check_recording(tmp, schema, recording)
    check_sched_parts(tmp)
    for name, args in MORE.items():
        compare(name, run([TOOL, *args], tmp, COLUMNS="120"), 120)
    p = ktest.run(TOOL, "files", "--flow", "bio", "storage.db", check=False, cwd=tmp)
    check(p.returncode == 1 and "is about operations: --flow bio does not apply" in p.stderr, "files --flow bio: %r" % p.stderr)
    readme(tmp)


ktest.main(main)
