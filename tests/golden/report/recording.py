#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The whole way on the shipped recording: recording.py KTRACE-REPORT KTRACE-ANALYZE [--update].

Every report at 80 and 200 columns as in expect/recording/, as JSON against its schema; every file of examples/queries in
sqlite3 and in ktrace-report; and the output that README.md shows. --update writes the expected texts, README's too: read the
difference before you commit it.
"""
import glob
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "../../.."))
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
UPDATE = "--update" in sys.argv
QUERIES = sorted(glob.glob(os.path.join(TOP, "examples/queries/*.sql")))
failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED: " + what)


def run(args, cwd, **more):
    env = dict({k: os.environ[k] for k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if k in os.environ},
               LC_ALL="C.UTF-8", TZ="UTC", **more)
    p = subprocess.run(args, cwd=cwd, env=env, capture_output=True, timeout=120)
    check(p.returncode == 0, "%s: exit %d, %s" % (" ".join(args), p.returncode, p.stderr.decode()))
    return p.stdout.decode("utf-8", "surrogateescape")


def compare(name, text, width):
    path = os.path.join(HERE, "expect/recording", name + ".txt")
    check(not re.search(r" $", text, re.M), name + ": spaces at the end of a line")
    check(not width or max(map(len, text.splitlines())) <= width, "%s: wider than %d" % (name, width))
    if UPDATE:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return
    with open(path, encoding="utf-8") as f:
        want = f.read()
    if text != want:
        subprocess.run(["diff", "-u", path, "-"], input=text.encode(), check=False)
    check(text == want, "text " + name)


def check_lookup(db):
    """The stages of single flows are looked up, whatever way they are asked for."""
    con = sqlite3.connect(db)
    con.execute("CREATE TEMP TABLE some(id)")
    for ask in ("stage WHERE flow = 'bio' AND flow_id = 5", "stage WHERE flow = 'request' AND flow_id IN some",
                "some JOIN stage ON flow = 'bio' AND flow_id = id"):
        plan = [row[3] for row in con.execute("EXPLAIN QUERY PLAN SELECT * FROM " + ask)]
        check(not any(re.match("SCAN (?!some|stage)", step) for step in plan), "%s scans: %s" % (ask, "; ".join(plan)))


def readme(tmp):
    """README.md shows what its command prints, 100 columns wide."""
    path = os.path.join(TOP, "README.md")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    shown = re.search(r"^```\n\$ ktrace-report (.*) run\.db\n([^`]*)^```$", text, re.M)
    if not shown:
        check(False, "README.md: shows no output of ktrace-report")
        return
    out = run([TOOL, *shown[1].split(), "randrw.db"], tmp, COLUMNS="100")
    if UPDATE:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text[:shown.start(2)] + out + text[shown.end(2):])
    else:
        check(shown[2] == out, "README.md: the output shown is not what `ktrace-report %s` prints; --update" % shown[1])


def main():
    with open(os.path.join(TOP, "report/ktrace-report.schema.json"), encoding="utf-8") as f:
        schema = jsonschema.Draft7Validator(json.load(f))
    with tempfile.TemporaryDirectory() as tmp:
        db = os.path.join(tmp, "randrw.db")
        run([ANALYZE, os.path.join(TOP, "examples/recordings/randrw.ktr"), "-o", db], tmp)
        names = [line.split()[0] for line in run([TOOL, "--list"], tmp).splitlines()]
        slowest = json.loads(run([TOOL, "slow", "--json", "--top", "1", "randrw.db"], tmp))["tables"]["slow"][0]["id"]
        for name in names:
            args = [name] + {"show": [slowest], "diff": ["randrw.db"]}.get(name, []) + ["randrw.db"]
            for width in (80, 200):
                compare("%s-%d" % (name, width), run([TOOL, *args], tmp, COLUMNS=str(width)), width)
            doc = json.loads(run([TOOL, *args, "--json"], tmp))
            for e in schema.iter_errors(doc):
                check(False, "%s --json: %s: %s" % (name, "/".join(map(str, e.path)), e.message))
        check_lookup(db)
        check(len(QUERIES) >= 12, "examples/queries: only %d" % len(QUERIES))
        for q in QUERIES:
            name = os.path.basename(q)
            with open(q, encoding="utf-8") as f:
                text = f.read()
            check("-- Question:" in text, name + ": says no question")
            rows = sqlite3.connect(db).execute(text).fetchall()
            doc = json.loads(run([TOOL, q, "--json", "randrw.db"], tmp))
            check([list(r.values()) for r in doc["tables"]["rows"]] == [list(r) for r in rows],
                  name + ": sqlite3 and ktrace-report differ")
            check(rows or name in ("errors.sql", "can-i-trust-it.sql"), name + ": no rows")
            compare("query-" + name[:-4], run([TOOL, q, "randrw.db"], tmp, COLUMNS="120"), 120)
        readme(tmp)
    print("%d failures" % len(failures))
    return 1 if failures else 0


sys.exit(main())
