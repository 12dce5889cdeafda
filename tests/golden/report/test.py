#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Tests of ktrace-report: test.py KTRACE-REPORT [--update].

Texts are compared with expect/NAME.txt; --update writes those instead: read the difference before you commit it. What
the numbers should be is worked out here once more, from the rows of the database.
"""
import csv
import json
import os
import pty
import re
import select
import shutil
import sqlite3
import sys

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.abspath(sys.argv[1])
UPDATE = "--update" in sys.argv
SCHEMA = jsonschema.Draft7Validator(json.loads(ktest.read(os.path.join(ktest.TOP, "report/ktrace-report.schema.json"))))


def run(*args, cwd, **more):
    p = ktest.run(TOOL, *args, check=False, text=False, cwd=cwd, env=ktest.plain_env(**more), timeout=60)
    return p.returncode, p.stdout.decode("utf-8", "surrogateescape"), p.stderr.decode("utf-8", "replace")


def is_elsewhere(code, err):
    """It is about what make-db.py does not make: flows of any kind (future.py), or another family's tables."""
    return code == 1 and "needs table" in err


# Text, at a width, by name of the expected file.
TEXTS = {
    "summary-80": (["run.db"], {"COLUMNS": "80"}),
    "summary-200": (["run.db"], {"COLUMNS": "200"}),
    "summary-plain": (["run.db"], {}),
    "summary-empty": (["empty.db"], {"COLUMNS": "80"}),
    "summary-two": (["two.db"], {"COLUMNS": "100"}),
    "summary-task": (["--task", "fio", "run.db"], {"COLUMNS": "80"}),
    "summary-nothing": (["--disk", "loop0", "--op", "flush", "run.db"], {"COLUMNS": "80"}),
    "stages-80": (["stages", "run.db"], {"COLUMNS": "80"}),
    "stages-200": (["stages", "run.db"], {"COLUMNS": "200"}),
    "stages-ascii": (["stages", "run.db"], {"COLUMNS": "120", "LC_ALL": "C"}),
    "stages-disk": (["stages", "--disk", "vda1", "--op", "write", "run.db"], {"COLUMNS": "120"}),
    "slow-80": (["slow", "--top", "6", "run.db"], {"COLUMNS": "80"}),
    "slow-200": (["slow", "--top", "3", "run.db"], {"COLUMNS": "200"}),
    "slow-bio": (["slow", "--disk", "zram0", "--top", "3", "run.db"], {"COLUMNS": "100"}),
    "disks-80": (["disks", "run.db"], {"COLUMNS": "80"}),
    "disks-200": (["disks", "--since", "2s", "--until", "20:26:45Z", "run.db"], {"COLUMNS": "200"}),
    "tasks-80": (["tasks", "run.db"], {"COLUMNS": "80"}),
    "tasks-200": (["tasks", "--recorder", "--cgroup", "/", "run.db"], {"COLUMNS": "200"}),
    "cgroups-80": (["cgroups", "run.db"], {"COLUMNS": "80"}),
    "cgroups-200": (["cgroups", "--since", "1.5s", "--cgroup", "/system.slice", "run.db"], {"COLUMNS": "200"}),
    "hist-80": (["hist", "run.db"], {"COLUMNS": "80"}),
    "hist-200": (["hist", "--disk", "vda", "--over", "1ms", "run.db"], {"COLUMNS": "200"}),
    "heatmap-80": (["heatmap", "run.db"], {"COLUMNS": "80"}),
    "heatmap-200": (["heatmap", "--top", "1", "run.db"], {"COLUMNS": "200"}),
    "heatmap-ascii": (["heatmap", "--disk", "vda", "--since", "2s", "run.db"], {"COLUMNS": "60", "LC_ALL": "C"}),
    "loss-80": (["loss", "run.db"], {"COLUMNS": "80"}),
    "audit-80": (["audit", "run.db"], {"COLUMNS": "80"}),
    "probes-80": (["probes", "run.db"], {"COLUMNS": "80"}),
    "cost-80": (["cost", "--top", "4", "run.db"], {"COLUMNS": "80"}),
    "show-request": (["show", "r100011", "run.db"], {"COLUMNS": "100"}),
    "show-bio": (["show", "b102203", "run.db"], {"COLUMNS": "80"}),
    "show-bare-bio": (["show", "b102904", "run.db"], {"COLUMNS": "80"}),
    "show-flush": (["show", "102301", "run.db"], {"COLUMNS": "80"}),
    "show-lossy": (["show", "r102315", "run.db"], {"COLUMNS": "80"}),
    "show-open": (["show", "r102313", "run.db"], {"COLUMNS": "80"}),
    "own": (["./own.sql", "--top", "2", "run.db"], {"COLUMNS": "80"}),
    "diff-80": (["diff", "run.db", "two.db"], {"COLUMNS": "80"}),
    "diff-200": (["diff", "--disk", "vda", "run.db", "two.db"], {"COLUMNS": "200"}),
    "list": (["--list"], {}),
    "io/summary-80": (["io.db"], {"COLUMNS": "80"}),
    "io/summary-200": (["io.db"], {"COLUMNS": "200"}),
    "io/summary-task": (["--task", "sqlite", "io.db"], {"COLUMNS": "100"}),
    "io/summary-over": (["--over", "5ms", "--since", "1.25s", "io.db"], {"COLUMNS": "100"}),
    "io/summary-kernel": (["--op", "commit", "io.db"], {"COLUMNS": "100"}),
    "io/summary-block": (["--flow", "request", "io.db"], {"COLUMNS": "80"}),
    "io/summary-none": (["--flow", "io", "run.db"], {"COLUMNS": "80"}),
    "io/summary-two": (["io2.db"], {"COLUMNS": "120"}),
    "io/stages-80": (["stages", "io.db"], {"COLUMNS": "80"}),
    "io/stages-200": (["stages", "--flow", "io", "io.db"], {"COLUMNS": "200"}),
    "io/stages-task": (["stages", "--by", "task", "io.db"], {"COLUMNS": "120"}),
    "io/stages-cgroup": (["stages", "--by", "cgroup", "--disk", "vda", "io.db"], {"COLUMNS": "100"}),
    "io/stages-kind": (["stages", "--by", "kind", "--since", "2s", "--until", "4s", "io.db"], {"COLUMNS": "100"}),
    "io/stages-over": (["stages", "--over", "2ms", "--flow", "io", "io.db"], {"COLUMNS": "120", "LC_ALL": "C"}),
    "io/stages-none": (["stages", "--by", "task", "--op", "flush", "run.db"], {"COLUMNS": "80"}),
    "io/slow-80": (["slow", "--top", "12", "io.db"], {"COLUMNS": "80"}),
    "io/slow-200": (["slow", "--over", "3ms", "--task", "fio", "io.db"], {"COLUMNS": "200"}),
    "io/slow-ascii": (["slow", "--op", "fsync", "--top", "5", "io.db"], {"COLUMNS": "120", "LC_ALL": "C"}),
    "io/show-read-80": (["show", "i150008", "io.db"], {"COLUMNS": "80"}),
    "io/show-read-200": (["show", "i150008", "io.db"], {"COLUMNS": "200"}),
    "io/show-read-ascii": (["show", "i150008", "io.db"], {"COLUMNS": "80", "LC_ALL": "C"}),
    "io/show-irq": (["show", "i150034", "io.db"], {"COLUMNS": "100"}),
    "io/show-fsync-80": (["show", "i171502", "io.db"], {"COLUMNS": "80"}),
    "io/show-fsync-200": (["show", "i171502", "io.db"], {"COLUMNS": "200"}),
    "io/show-commit": (["show", "i171501", "io.db"], {"COLUMNS": "100"}),
    "io/show-writeback": (["show", "i171581", "io.db"], {"COLUMNS": "100"}),
    "io/show-stacked": (["show", "i171636", "io.db"], {"COLUMNS": "100"}),
    "io/show-throttle": (["show", "i171696", "io.db"], {"COLUMNS": "100"}),
    "io/show-cached": (["show", "i151001", "io.db"], {"COLUMNS": "80"}),
    "io/show-lossy": (["show", "i171700", "io.db"], {"COLUMNS": "80"}),
    "io/show-open": (["show", "i171702", "io.db"], {"COLUMNS": "80"}),
    "io/show-request": (["show", "r150008", "io.db"], {"COLUMNS": "80"}),
    "io/show-bio": (["show", "b151121", "io.db"], {"COLUMNS": "80"}),
    "io/tasks-80": (["tasks", "io.db"], {"COLUMNS": "80"}),
    "io/tasks-program": (["tasks", "--by", "program", "io.db"], {"COLUMNS": "100"}),
    "io/stages-process": (["stages", "--by", "process", "--top", "2", "io.db"], {"COLUMNS": "80"}),
    "io/slow-wall": (["slow", "--wall", "--top", "3", "io.db"], {"COLUMNS": "200"}),
    "io/past-the-end": (["slow", "--since", "100s", "io.db"], {"COLUMNS": "80"}),
    "io/tasks-200": (["tasks", "--recorder", "--since", "2s", "io.db"], {"COLUMNS": "200"}),
    "io/tasks-bio": (["tasks", "--flow", "bio", "io.db"], {"COLUMNS": "80"}),
    "io/cgroups-80": (["cgroups", "io.db"], {"COLUMNS": "80"}),
    "io/cgroups-200": (["cgroups", "--cgroup", "/user.slice", "io.db"], {"COLUMNS": "200"}),
    "io/files-80": (["files", "io.db"], {"COLUMNS": "80"}),
    "io/files-200": (["files", "--task", "sqlite", "io.db"], {"COLUMNS": "200"}),
    "io/files-none": (["files", "run.db"], {"COLUMNS": "80"}),
    "io/sched-80": (["sched", "io.db"], {"COLUMNS": "80"}),
    "io/sched-200": (["sched", "--task", "fio", "io.db"], {"COLUMNS": "200"}),
    "io/sched-none": (["sched", "run.db"], {"COLUMNS": "80"}),
    "io/irq-80": (["irq", "io.db"], {"COLUMNS": "80"}),
    "io/irq-200": (["irq", "--since", "2s", "--until", "4s", "io.db"], {"COLUMNS": "200"}),
    "io/irq-none": (["irq", "run.db"], {"COLUMNS": "80"}),
    "io/hist-80": (["hist", "io.db"], {"COLUMNS": "80"}),
    "io/hist-200": (["hist", "--task", "sqlite", "io.db"], {"COLUMNS": "200"}),
    "io/heatmap-80": (["heatmap", "io.db"], {"COLUMNS": "80"}),
    "io/heatmap-200": (["heatmap", "--task", "fio", "--since", "2s", "io.db"], {"COLUMNS": "200"}),
    "io/disks-80": (["disks", "io.db"], {"COLUMNS": "80"}),
    "io/loss-80": (["loss", "io.db"], {"COLUMNS": "80"}),
    "io/diff-80": (["diff", "io.db", "io2.db"], {"COLUMNS": "80"}),
}

# One line and exit 1; a mistake in the command line: exit 64, where argp finds it with a line that names --help.
ERRORS = [
    (["nope", "run.db"], 64, "no report 'nope'; available: audit "),
    (["stages"], 64, "name a database: ktrace-report stages run.db"),
    (["show"], 64, "name a database: ktrace-report show ID run.db"),
    (["diff"], 64, "name a database: ktrace-report diff A.db B.db"),
    (["none.db"], 1, "none.db: No such file or directory; make it with: ktrace-analyze run.ktr -o run.db"),
    (["text.txt"], 1, "text.txt: this is not a database; make one with: ktrace-analyze run.ktr -o run.db"),
    (["run.ktr"], 1, "run.ktr: this is a recording, not a database; first run: ktrace-analyze run.ktr"),
    (["void.db"], 1, "void.db: this database was not made by ktrace-analyze; make one with"),
    (["foreign.db"], 1, "foreign.db: this database was not made by ktrace-analyze; make one with"),
    (["newer.db"], 1, "newer.db: the database has version 999, this program supports up to"),
    (["noversion.db"], 1, "noversion.db: the database has no version; make it again with ktrace-analyze"),
    (["cut.db"], 1, "cut.db: the database is damaged ("),
    (["."], 1, ".: this is a directory; name a database in it"),
    (["probes", "--disk", "vda", "run.db"], 64, "report 'probes' does not support --disk"),
    (["probes", "--top", "3", "run.db"], 64, "report 'probes' does not support --top"),
    (["stages", "12", "run.db"], 64, "report 'stages' takes no ID ('12')"),
    (["diff", "run.db"], 64, "'diff' compares two databases: ktrace-report diff A.db B.db"),
    (["diff", "none.db", "run.db"], 1, "none.db: No such file or directory"),
    (["diff", "run.db", "text.txt"], 1, "text.txt: this is not a database"),
    (["diff", "--task", "fio", "run.db", "two.db"], 64, "report 'diff' does not support --task"),
    (["disks", "--recorder", "run.db"], 64, "report 'disks' does not support --recorder"),
    (["sched", "--object", "vda", "run.db"], 64, "report 'sched' does not support --object"),
    (["sched", "--object", "vda", "--disk", "vda", "run.db"], 64, "report 'sched' does not support --disk"),
    (["show", "run.db"], 64, "report 'show' needs an ID, for example: ktrace-report show r12 run.db ('slow' lists IDs)"),
    (["show", "x1", "run.db"], 64, "'x1' is not an ID: expected r12 (request), b12 (bio) or i12 (io)"),
    (["show", "r1", "run.db"], 1, "run.db: no flow has this ID; report 'slow' lists IDs"),
    (["show", "i1", "run.db"], 1, "run.db: no flow has this ID; report 'slow' lists IDs"),
    (["--disk", "sdz", "run.db"], 1, "run.db: no disk 'sdz' in this database (it has: loop0, vda, vda1, zram0)"),
    (["--op", "reed", "run.db"], 1, "run.db: no operation 'reed' in this database (it has: flush, read, write)"),
    (["--task", "x", "run.db"], 1,
     "run.db: no task 'x' in this database (it has: fio, ktrace-record, kworker/0:1H, post\\x1b[31mgres)"),
    (["--cgroup", "/a", "run.db"], 1, "run.db: no cgroup '/a' in this database (it has: /, /system.slice/postgresql.service, /user.slice)"),
    (["--top", "0", "run.db"], 64, "--top 0: expected a number of at least 1"),
    (["--over", "long", "run.db"], 64, "--over long: expected a duration: 250us, 10ms, 1.5s"),
    (["--since", "noon", "run.db"], 64, "--since noon: expected a time from the start"),
    (["--table", "x", "run.db"], 64, "report 'summary' has no table 'x'; it has: ops stages in_the_way slow programs tasks time_use sched"),
    (["bad.sql", "run.db"], 1, "bad.sql:3: no such column: nowhere"),
    (["badform.sql", "run.db"], 1, "badform.sql:2: unknown column format 'furlongs'"),
    (["badword.sql", "run.db"], 1, "badword.sql:1: unknown directive 'tabel'"),
    (["badparam.sql", "run.db"], 1, "badparam.sql:1: unknown parameter :nope; the man page lists them"),
    (["nosql.sql", "run.db"], 1, "nosql.sql:2: no SQL statement in this file"),
    (["needs.sql", "run.db"], 1, "run.db: report 'needs.sql' needs table 'sched', which was not recorded"),
    (["stages", "--by", "moon", "io.db"], 64, "--by moon: expected op, kind, disk, program, process, task or cgroup"),
    (["hist", "--flow", "ios", "io.db"], 64, "--flow ios: expected io, request or bio"),
    (["show", "i9", "io.db"], 1, "io.db: no flow has this ID; report 'slow' lists IDs"),
    (["show", "--flow", "io", "i150008", "io.db"], 64, "--flow cannot be combined with an ID"),
    (["none.sql", "run.db"], 1, "none.sql: No such file or directory"),
    ([], 64, "name a database: ktrace-report [REPORT] run.db"),
    (["--bogus", "run.db"], 64, "unrecognized option '--bogus'"),
    (["a", "b", "c", "d"], 64, "too many arguments: 'd'"),
    (["--json", "--csv", "run.db"], 64, "use one of --json and --csv, once"),
]

FILES = {
    "text.txt": b"This is only text, and long enough to be read as a header of something.\n" * 4,
    "run.ktr": b"\x50\x2a\x4d\x18" + b"\0" * 200,
    "void.db": b"",
    "own.sql": b"""--: title Own
--: about writes by size
CREATE TEMP TABLE w AS SELECT size_bytes, dur_ns FROM request WHERE op = 'write' AND state = 'whole';
--: table sizes Writes; by size
--: column worst duration "worst; really"
--: column half percent
SELECT size_bytes, count(*) AS n, max(dur_ns) AS worst, 0.5 AS half, 'a;b--c' AS text FROM w GROUP BY 1 LIMIT :top;
SELECT sum(dur_ns) AS sum_ns /* :disk */ FROM w
""",
    "bad.sql": b"SELECT\n 'x;y',\n nowhere FROM run;\n",
    "badform.sql": b"--: table x\n--: column a furlongs\nSELECT 1 AS a;\n",
    "badword.sql": b"--: tabel x\nSELECT 1;\n",
    "badparam.sql": b"SELECT :nope;\n",
    "nosql.sql": b"-- nothing\n",
    "needs.sql": b"--: needs request sched\nSELECT 1;\n",
}


def make(dirname):
    for variant in ("whole", "io", "io2", "empty", "two", "newer", "noversion", "foreign"):
        name = {"whole": "run"}.get(variant, variant)
        ktest.run(sys.executable, os.path.join(HERE, "make-db.py"), os.path.join(dirname, name + ".db"), variant)
    for name, data in FILES.items():
        with open(os.path.join(dirname, name), "wb") as f:
            f.write(data)
    # A database whose pages are gone after the first ones.
    with open(os.path.join(dirname, "run.db"), "rb") as f:
        head = f.read(4096)
    with open(os.path.join(dirname, "cut.db"), "wb") as f:
        f.write(head + b"\xff" * 8192)


def test_texts(tmp):
    for name, (args, more) in TEXTS.items():
        code, out, err = run(*args, cwd=tmp, **more)
        path = os.path.join(HERE, "expect", name + ".txt")
        if not check(code == 0 and err == "", "%s: exit %d, stderr %r" % (name, code, err)):
            continue
        ktest.same_text(path, out, UPDATE)
        width = int(more.get("COLUMNS", 0))
        check("\x1b" not in out, name + ": an escape sequence got through")
        check(not re.search(r" $", out, re.M), name + ": spaces at the end of a line")
        if more.get("LC_ALL") == "C":
            check(out.isascii(), name + ": not ASCII")
        if width:
            check(max(len(line) for line in out.splitlines()) <= width, "%s: wider than %d" % (name, width))


def test_errors(tmp):
    for args, want_code, want in ERRORS:
        code, out, err = run(*args, cwd=tmp)
        lines = err.splitlines()
        what = "%s: exit %d, stderr %r" % (" ".join(args), code, err)
        check(code == want_code and out == "", what)
        check(len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("Try ")), what)
        check(bool(lines) and lines[0].startswith(("ktrace-report: ", os.path.basename(TOOL) + ": ", TOOL + ": ")) and want in lines[0] and "\x1b" not in err,
              what)


def test_formats(tmp):
    for db, ids in (("run.db", "r100011"), ("io.db", "i150008"), ("io.db", "i171502")):
        check_formats(tmp, db, ids)


# What must not reach a terminal, or pass for something else: C0, DEL, C1, and what turns or hides text.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")


def in_csv(text):
    """As CSV writes it."""
    safe = UNSAFE.sub(lambda m: "".join("\\x%02x" % b for b in m[0].encode()), text)
    return "'" + safe if safe[:1] in tuple("=+-@\uff1d") and not re.fullmatch(r"[+-]?[0-9.]+", safe) else safe


HOSTILE = ["=1+1", "+1+1", "-2-3", "@SUM(1)", "\t=1", "\r=1", "\uff1d1", "=a,\"b\"", "-", "-17", "+1.5", "a;b", "a,b", "a\"b", "a\nb", "'a",
           "\x1b]0;title\x07", "\x1b[31mred", "\x9b31mred", "\x7f", "\u202egnp.exe", "\u200ftxet", "\u2066x", "\u2028x", "\ufeffx", "\U000e0041",
           "gr\u00f6\u00df", "\u65e5\u672c", "%s%n", "<b>"]


def test_names(tmp):
    """Names that others chose, in all three outputs."""
    rows = " UNION ALL ".join("SELECT %d, CAST(x'%s' AS TEXT)" % (i, t.encode().hex()) for i, t in enumerate(HOSTILE))
    ktest.write(os.path.join(tmp, "hostile.sql"),
                "--: title Hostile\n--: table names Names\n--: column i id\n--: column name text\nSELECT i, name FROM (SELECT 0 AS i, '' AS name"
                " WHERE 0 UNION ALL %s) ORDER BY i;\n" % rows)
    out = {how: run("./hostile.sql", *([how] if how else []), "run.db", cwd=tmp, LC_ALL="C.UTF-8") for how in ("", "--json", "--csv")}
    for how, (code, text, err) in out.items():
        check(code == 0 and not err, "hostile %s: %s" % (how, err))
        check(not UNSAFE.search(text.replace("\n", "")), "hostile %s: it got through: %r" % (how, UNSAFE.search(text.replace("\n", ""))))
    check([r["name"] for r in json.loads(out["--json"][1])["tables"]["names"]] == HOSTILE, "hostile --json: %s" % out["--json"][1])
    cells = [row[1] for row in csv.reader(out["--csv"][1].splitlines())][1:]
    check(cells == [in_csv(t) for t in HOSTILE], "hostile --csv: %r" % [(a, b) for a, b in zip(cells, map(in_csv, HOSTILE)) if a != b])
    check(not [c for c in cells if c[0] in "=+-@\uff1d" and not re.fullmatch(r"[+-]?[0-9.]+", c)], "hostile --csv: a formula: %r" % cells)


def check_formats(tmp, db, shown):
    """JSON parses, CSV read back by SQLite holds the same values."""
    names = [line.split()[0] for line in run("--list", cwd=tmp)[1].splitlines()]
    check(len(names) >= 9, "list of reports: %r" % names)
    for name in names:
        more = {"show": [shown], "diff": ["two.db"]}.get(name, [])
        code, out, err = run(name, *more, "--json", db, cwd=tmp)
        if is_elsewhere(code, err) or not check(code == 0 and err == "", "%s --json: %r" % (name, err)):
            continue
        doc = json.loads(out)
        check(doc["report"] == name and doc["tables"], name + " --json: no tables")
        mistakes = ["%s: %s" % ("/".join(map(str, e.path)), e.message) for e in SCHEMA.iter_errors(doc)]
        check(not mistakes, "%s --json against its schema: %r" % (name, mistakes[:3]))
        for table, rows in doc["tables"].items():
            code, out, err = run(name, *more, "--csv", "--table", table, db, cwd=tmp)
            check(code == 0 and err == "", "%s --csv --table %s: %r" % (name, table, err))
            ktest.write(os.path.join(tmp, "t.csv"), out)
            back = ktest.run("sqlite3", ":memory:", ".mode csv", ".import t.csv t", ".mode json", "SELECT * FROM t", cwd=tmp).stdout
            back = json.loads(back) if back.strip() else []
            want = [{k: "" if v is None else " ".join(map(str, v)) if isinstance(v, list) else v for k, v in row.items()}
                    for row in rows]
            check(len(back) == len(want), "%s %s: rows of CSV and JSON differ" % (name, table))
            for b, w in zip(back, want):
                same = list(b) == list(w) and all(
                    b[k] == in_csv(v) if isinstance(v, str) else abs(float(b[k]) - v) <= 1e-9 * abs(v) for k, v in w.items())
                check(same, "%s %s: CSV %r, JSON %r" % (name, table, b, w))
    # Text that needs quoting, in both.
    out = run("own.sql", "--csv", "--top", "5", "run.db", cwd=tmp)[1]
    check(list(csv.reader(out.splitlines()))[1][-1] == "a;b--c", "own.sql --csv")
    check("\x1b" not in run("slow", "--json", db, cwd=tmp)[1], "JSON: an escape character not escaped")


def exact(values, per_mille):
    return sorted(values)[-(-len(values) * per_mille // 1000) - 1]


def test_numbers(tmp):
    """What the reports say, against the rows."""
    db = sqlite3.connect(os.path.join(tmp, "run.db"))

    def stages(*args):
        return {(r["disk"], r["flow"], r["op"], r["stage"]): r
                for r in json.loads(run("stages", "--json", *args, "run.db", cwd=tmp)[1])["tables"]["stages"]}

    def expect(got, where, what):
        for stage, col in (("plug", "plug_ns"), ("queue", "queue_ns"), ("device", "device_ns"), ("total", "dur_ns")):
            v = [x for x, in db.execute("SELECT %s FROM request JOIN device USING (device_id) WHERE name = 'vda' AND op = 'read'"
                                        " AND state = 'whole' AND %s IS NOT NULL AND %s" % (col, col, where))]
            row = got[("vda", "request", "read", stage)]
            label = "%s: %s: %r" % (what, stage, row)
            check(row["n"] == len(v) and row["max_ns"] == max(v), label)
            check(abs(row["mean_ns"] - sum(v) / len(v)) <= 1, label)
            for key, per_mille in (("p50_ns", 500), ("p90_ns", 900), ("p99_ns", 990)):
                check(abs(row[key] - exact(v, per_mille)) <= 0.01 * exact(v, per_mille), label + key)
            check((row["p999_ns"] is None) == (len(v) < 1000), label)
        parts = [r["share"] for k, r in got.items() if k[:3] == ("vda", "request", "read") and k[3] != "total"]
        check(abs(sum(parts) - 1) < 1e-9, what + ": shares")

    everything = stages()
    expect(everything, "1", "stages")
    # The same second by second, and from the rows, as from the statistics. A maximum is within 1 % then.
    again, rows = stages("--since", "0"), stages("--since", "1ns")
    for k, row in everything.items():
        check(again[k]["n"] == row["n"] and rows[k] == row, "stages --since 1ns: %r" % (k,))
        for key, v in row.items():
            same = again[k][key] == v or (key.endswith("_ns") and abs(again[k][key] - v) <= 0.01 * v)
            check(same, "stages --since 0: %r %s: %r, not %r" % (k, key, again[k][key], v))
    expect(stages("--since", "2s", "--until", "7500ms"), "request.start_ns + request.dur_ns >= 2000000000 AND request.start_ns + request.dur_ns < 7500000000",
           "stages since until")
    expect(stages("--since", "20:26:42Z", "--until", "2026-05-28T20:26:47.5"),
           "request.start_ns + request.dur_ns >= 2000000000 AND request.start_ns + request.dur_ns < 7500000000", "stages since until by the clock")
    whole = stages("--since", "2s", "--until", "7s")[("vda", "request", "read", "device")]
    want = [x for x, in db.execute("SELECT device_ns FROM request JOIN device USING (device_id) WHERE name = 'vda' AND op = 'read'"
                                   " AND state = 'whole' AND start_ns + dur_ns >= 2000000000 AND start_ns + dur_ns < 7000000000")]
    check(whole["n"] == len(want) and abs(whole["p99_ns"] - exact(want, 990)) <= 0.01 * exact(want, 990), "stages in whole seconds")
    expect(stages("--over", "1.5ms"), "request.dur_ns >= 1500000", "stages over")
    expect(stages("--task", "5000"), "request_id IN (SELECT request_id FROM bio JOIN task USING (utid) WHERE tid = 5000)",
           "stages task")

    disks = json.loads(run("disks", "--json", "run.db", cwd=tmp)[1])["tables"]["disks"]
    vda = [d for d in disks if d["disk"] == "vda"][0]
    rows = db.execute("SELECT start_ns + coalesce(plug_ns, 0) + coalesce(queue_ns, 0), device_ns, dur_ns, request.size_bytes FROM request"
                      " JOIN device USING (device_id) WHERE name = 'vda' AND state = 'whole'").fetchall()
    busy, end = 0, 0
    for start, dur, _, _ in sorted(rows):
        busy += max(0, start + dur - max(start, end))
        end = max(end, start + dur)
    check(vda["n"] == len(rows) and vda["bytes"] == sum(r[3] for r in rows), "disks: vda %r" % vda)
    check(abs(vda["busy_share"] - busy / 1e10) < 1e-9, "disks: busy %r, by hand %r" % (vda["busy_share"], busy / 1e10))
    check(abs(vda["depth"] - sum(r[2] for r in rows) / 1e10) < 1e-9, "disks: depth")
    check(abs(vda["iops"] - len(rows) / 10) < 1e-9, "disks: iops")

    slow = json.loads(run("slow", "--json", "--top", "7", "--op", "write", "run.db", cwd=tmp)[1])["tables"]["slow"]
    want = db.execute("SELECT 'r' || request_id, dur_ns FROM request WHERE op = 'write' AND state = 'whole' AND request_id NOT IN"
                      " (SELECT request_id FROM bio JOIN task USING (utid) WHERE is_recorder AND request_id IS NOT NULL)"
                      " ORDER BY dur_ns DESC LIMIT 7").fetchall()
    check([(r["id"], r["dur_ns"]) for r in slow] == want, "slow --op write")

    show = json.loads(run("show", "r100011", "--json", "run.db", cwd=tmp)[1])["tables"]
    check([b["how"] for b in show["bios"]] == ["first", "merged"], "show: bios %r" % show["bios"])
    check(sum(s["dur_ns"] for s in show["stages"] if s["flow"] == "r100011") ==
          db.execute("SELECT dur_ns FROM request WHERE request_id = 100011").fetchone()[0], "show: stages do not add up")


def test_moved(tmp):
    """Bytes are those moved, and the same whether a report adds up sums or rows."""
    db = sqlite3.connect(os.path.join(tmp, "io.db"))
    # A short read, a failed one, one that asked for all there is: as ktrace-analyze tells them, in its sums and in its rows.
    utid, second, asked = db.execute("SELECT utid, (start_ns + dur_ns) / 1000000000, sum(size_bytes) FROM io WHERE op = 'read' AND state = 'whole'"
                                     " AND cached_ns IS NULL GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1").fetchone()
    where = "utid = %d AND (start_ns + dur_ns) / 1000000000 = %d AND op = 'read' AND state = 'whole' AND cached_ns IS NULL" % (utid, second)
    db.execute("UPDATE io SET size_bytes = 2147479552, moved_bytes = 100, result = 100 WHERE " + where)
    n, = db.execute("SELECT count(*) FROM io WHERE " + where).fetchone()
    for table in ("io_load", "file_load"):
        db.execute("UPDATE %s SET size_bytes = 100 * n WHERE utid = %d AND second = %d AND op = 'read' AND NOT is_cached" % (table, utid, second))
    db.commit()
    check(n > 5 and asked, "few reads to change")
    want = dict(db.execute("SELECT op, total(moved_bytes) FROM io LEFT JOIN task USING (utid) WHERE state = 'whole' AND NOT is_recorder"
                           " GROUP BY op"))
    for report in ("tasks", "cgroups", "files"):
        seen = {}
        for args in ((), ("--over", "0ns"), ("--since", "0.000000001s"), ("--until", "9999s"), ("--since", "0s", "--until", "8999.5s")):
            code, out, err = run(report, "--json", "--top", "1000", *args, "io.db", cwd=tmp)
            check(code == 0, "%s %r: %s" % (report, args, err))
            sums = {}
            for r in json.loads(out)["tables"][report]:
                for op in [r["op"]] if "op" in r else ["all"]:
                    sums[op] = sums.get(op, 0) + (r["bytes"] or 0)
            seen[args] = sums
            if report != "files":
                check({k: v for k, v in sums.items() if v} == {k: v for k, v in want.items() if v}, "%s %r: %r, not %r" % (report, args, sums, want))
        check(len({str(sorted(v.items())) for v in seen.values()}) == 1, "%s: %r" % (report, seen))


def test_hostile(tmp):
    """A database may hold any number: no report ends with 'integer overflow', whatever filters."""
    path = os.path.join(tmp, "hostile.db")
    shutil.copy(os.path.join(tmp, "io.db"), path)
    db = sqlite3.connect(path)
    names = [l.split()[0] for l in run("--list", cwd=tmp)[1].splitlines()]
    for low in (True, False):
        for table, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ('meta', 'run')").fetchall():
            cols = [c[1] for c in db.execute("PRAGMA table_info(%s)" % table)]
            for col in (c for c in cols if c.endswith(("_ns", "bytes", "n_bios")) or c in ("n", "sum_ns", "events", "runs")):
                if low and col.startswith("start"):
                    continue
                db.execute("UPDATE %s SET %s = %d WHERE rowid %% 3 = 0 AND %s IS NOT NULL" % (table, col, -2**63 if low else 2**63 - 1, col)
                           if table not in ("column_doc",) else "SELECT 1")
        db.commit()
        for name in names:
            args = {"show": ["i150008"], "diff": ["io.db"]}.get(name, [])
            for filters in (("--over", "1ns"),) if low else ((), ("--over", "1ns"), ("--since", "0.5s"), ("--disk", "vda1")):
                code, _, err = run(name, *args, *filters, "hostile.db", cwd=tmp)
                if "does not support" not in err and not is_elsewhere(code, err):
                    check(code == 0, "hostile numbers: %s %r: exit %d: %s" % (name, filters, code, err))
    os.unlink(path)


def test_io_numbers(tmp):
    """What the reports say of operations, against the rows."""
    db = sqlite3.connect(os.path.join(tmp, "io.db"))
    stage_names = ("submit", "throttle", "alloc", "plug", "queue", "device", "complete", "endio", "wakeup", "return", "between")

    def tables(*args):
        return json.loads(run(*args, "--json", "io.db", cwd=tmp)[1])["tables"]

    # Stages: by disk and operation from sums, and the same from rows (--over 0ns takes the other way).
    for args in ((), ("--over", "0ns"), ("--since", "0s", "--until", "11s")):
        t = tables("stages", "--flow", "io", *args)
        for r in t["io"]:
            where = ("device_id = (SELECT device_id FROM device WHERE name = ?) AND op = ? AND state = 'whole' AND cached_ns IS %s NULL"
                     " AND utid NOT IN (SELECT utid FROM task WHERE is_recorder)"
                     % ("NOT" if r["via"] == "cache" else ""))
            col = "dur_ns" if r["stage"] == "total" else r["stage"] + "_ns"
            v = [x for x, in db.execute("SELECT %s FROM io WHERE %s AND %s IS NOT NULL" % (col, where, col), (r["what"], r["op"]))]
            n, = db.execute("SELECT count(*) FROM io WHERE " + where, (r["what"], r["op"])).fetchone()
            label = "stages %r: %r" % (args, r)
            check(r["n"] == len(v) and abs(r["mean_ns"] - sum(v) / n) <= 0.5 and abs(r["max_ns"] - max(v)) <= 0.01 * max(v), label)
            check(abs(r["p99_ns"] - exact(v, 990)) <= 0.01 * exact(v, 990), label)
        groups = {}
        for r in t["io"]:
            if r["stage"] != "total":
                groups.setdefault((r["what"], r["op"], r["via"]), []).append(r["share"])
        check(groups and all(abs(sum(g) - 1) < 1e-9 for g in groups.values()), "stages %r: shares do not add up: %r" % (args, groups))
        check(abs(sum(r["time_share"] for r in t["groups"]) - 1) < 1e-9, "stages: groups do not add up")

    # Each way to group is of the same whole.
    want, = db.execute("SELECT sum(dur_ns) FROM io WHERE state = 'whole' AND utid NOT IN (SELECT utid FROM task WHERE is_recorder)").fetchone()
    for by in ("kind", "task", "cgroup", "program", "process"):
        check(sum(r["total_ns"] for r in tables("stages", "--by", by)["groups"]) == want, "stages --by " + by)
    for report, table in (("tasks", "tasks"), ("cgroups", "cgroups")):
        rows = tables(report)[table]
        check(sum(r["total_ns"] for r in rows) == want and abs(sum(r["share"] or 0 for r in rows) - 1) < 1e-9, report)
    # Of programs: threads together; what is in flight overlaps, and is no part of any share.
    for by in ("program", "process"):
        rows = tables("tasks", "--by", by)["tasks"]
        check(sum(r["total_ns"] for r in rows) == want and abs(sum(r["share"] or 0 for r in rows) - 1) < 1e-9, "tasks --by " + by)
        check([r["share"] is None for r in rows] == [r["in_flight"] is not None for r in rows] == [r["task"] == "qemu" for r in rows], "tasks: in flight")
    for report, table in (("stages", "groups"), ("stages", "stages")):
        all_rows, rows = tables(report)[table], tables(report, "--top", "2")[table]
        key = (lambda r: (r["what"], r["op"], r["via"])) if table == "groups" else (lambda r: (r["disk"], r["flow"], r["op"]))
        check(len({key(r) for r in rows}) == 2 and all(r in all_rows for r in rows), "%s --top: %s" % (report, table))
    check(sum(r["n"] for r in tables("files")["files"]) == db.execute(
        "SELECT count(*) FROM io WHERE state = 'whole' AND ino IS NOT NULL AND utid NOT IN (SELECT utid FROM task WHERE is_recorder)").fetchone()[0],
        "files: n")
    check(sum(r["n"] for r in tables("hist", "--top", "99")["hist"]) == sum(
        sum(r["heat"]) for r in tables("heatmap", "--top", "99")["heatmap"]) == db.execute(
        "SELECT count(*) FROM io WHERE state = 'whole' AND utid NOT IN (SELECT utid FROM task WHERE is_recorder)").fetchone()[0], "hist, heatmap: n")

    # The summary's parts are the whole of what programs waited for.
    t = tables("summary")
    app = "state = 'whole' AND via = 'disk' AND kind IN ('syscall', 'io_uring', 'aio', 'fault')"
    programs = dict(db.execute("SELECT comm, sum(dur_ns) FROM io JOIN task USING(utid) WHERE state = 'whole' AND via = 'disk'"
                               " AND kind NOT IN ('io_uring', 'aio') AND NOT is_recorder GROUP BY comm"))
    check({r["program"]: r["stood_ns"] for r in tables("summary", "--top", "99")["programs"] if r["stood_ns"]} == programs, "summary: programs")
    # What stood still is more than what was in flight.
    app += " AND kind NOT IN ('io_uring', 'aio')"
    want, = db.execute("SELECT sum(dur_ns) FROM io WHERE " + app).fetchone()
    check(sum(r["total_ns"] for r in t["stages"]) == want and abs(sum(r["share"] for r in t["stages"]) - 1) < 1e-9, "summary: stages")
    for cause, words in (("runq", "held the CPU"), ("irq", "interrupt"), ("softirq", "soft interrupt")):
        want, = db.execute("SELECT total(%s_ns) FROM io WHERE %s" % (cause, app)).fetchone()
        check(sum(r["total_ns"] for r in t["in_the_way"] if r["cause"] == words) == want, "summary: " + cause)

    for args, where in (((), "1"), (("--task", "fio"), "utid IN (SELECT utid FROM task WHERE comm = 'fio')"), (("--over", "5ms"), "dur_ns >= 5000000"),
                        (("--since", "2.5s"), "start_ns + dur_ns >= 2500000000"), (("--op", "fault"), "op = 'fault'")):
        want = db.execute("SELECT 'i' || io_id, dur_ns FROM io WHERE state = 'whole' AND utid NOT IN (SELECT utid FROM task WHERE is_recorder) AND %s"
                          " ORDER BY dur_ns DESC LIMIT 25" % where).fetchall()
        rows = tables("slow", "--top", "25", *args)["slow"]
        check([(r["id"], r["dur_ns"]) for r in rows] == want, "slow %r" % (args,))
        for r in rows:
            check(sum(r[s + "_ns"] or 0 for s in stage_names + ("cached",)) == r["dur_ns"], "slow: stages of %s" % r["id"])

    for flow in ("i150008", "i171502", "i171501", "i151001"):
        rows = [r for r in tables("show", flow)["stages"] if r["flow"] == flow]
        check(rows[0]["dur_ns"] == sum(r["dur_ns"] for r in rows[1:] if not r["what"].startswith(" ")), "show %s: stages do not add up" % flow)


def on_terminal(args, tmp, **more):
    pid, fd = pty.fork()
    if not pid:
        os.chdir(tmp)
        os.execve(TOOL, [TOOL, *args], ktest.plain_env(**more))
    out = b""
    while select.select([fd], [], [], 30)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    os.waitpid(pid, 0)
    return out.decode("utf-8", "replace")


def test_terminal(tmp):
    size = {"COLUMNS": "80", "TERM": "xterm"}
    colored = on_terminal(["audit", "run.db"], tmp, PAGER="cat", **size)
    check("\x1b[" in colored, "no colour on a terminal")
    check("\x1b[" not in on_terminal(["audit", "run.db"], tmp, PAGER="cat", NO_COLOR="1", **size), "NO_COLOR")
    check("\x1b[" not in on_terminal(["audit", "--json", "run.db"], tmp, **size), "colour in JSON")
    paged = on_terminal(["audit", "run.db"], tmp, PAGER="sed s/^/PAGER:/", **size)
    check(paged.count("PAGER:") == len(colored.splitlines()), "the pager got %r" % paged)
    check("PAGER:" not in on_terminal(["audit", "--no-pager", "run.db"], tmp, PAGER="sed s/^/PAGER:/", **size), "--no-pager")
    check("PAGER:" not in on_terminal(["nope", "run.db"], tmp, PAGER="sed s/^/PAGER:/", **size), "an error in the pager")
    # A pager that is left early is no error.
    check("cannot write" not in on_terminal(["tasks", "run.db"], tmp, PAGER="true", **size), "pager that ends at once")


def test_full_disk(tmp):
    with open("/dev/full", "w") as full:
        p = ktest.run(TOOL, "run.db", cwd=tmp, env=ktest.plain_env(), stdout=full, check=False)
    check(p.returncode == 1 and p.stderr == "ktrace-report: cannot write the report: No space left on device\n",
          "full disk: %d %r" % (p.returncode, p.stderr))


def main():
    tmp = ktest.tmpdir()
    make(tmp)
    for test in (test_texts, test_errors, test_formats, test_numbers, test_io_numbers, test_hostile, test_names, test_moved, test_terminal, test_full_disk):
        test(tmp)


ktest.main(main)
