#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""A mistake in the command line ends each tool with 64, any other error with 1; the man pages say so, and
describe each option. And ktrace-report finds installed queries by name.

usage: usage.py SOURCE TEXT-TO-KTR KTRACE-ANALYZE KTRACE-REPORT [KTRACE-RECORD]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

USAGE = 64
CASE = """@events
1000 0 bio_queue tid=7 tgid=7 bio=0xb00 sector=8 bytes=4096 dev=8:0 opf=read
@end 9000
"""


def run(*cmd, **kw):
    return ktest.run(*cmd, check=False, stdin=subprocess.DEVNULL, **kw)


def expect(status, tool, *args, **kw):
    p = run(tool, *args, **kw)
    said = p.stderr.splitlines()
    what = "%s %s: exit %d, not %d: %s" % (os.path.basename(tool), " ".join(map(str, args)), p.returncode, status, p.stderr)
    ktest.check(p.returncode == status and not p.stdout, what)
    # argp adds where help is.
    ktest.check(len(said) == 1 or len(said) == 2 and said[1].startswith("Try "), "not one line: " + what)


def check_record(record, tmp):
    for args in (["--nosuch"], ["-o"], [], ["-o", ""], ["-o", "x", "-d", "0"], ["-o", "x", "-d", "soon"],
                 ["-o", "x", "--buffer", "12parsecs"], ["-o", "x", "--buffer", "0"], ["-o", "x", "--buffer", "4096G"],
                 ["-o", "x", "-e", "nosuch"], ["-o", "x", "-e", ""], ["--list", "-e", "bio,nosuch"],
                 ["-o", "x"] + ["-c", "a"] * 17):
        expect(USAGE, record, *args, cwd=tmp)
    ktest.check(not (tmp / "x").exists(), "ktrace-record: a usage error left a file")


def check_analyze(analyze, tmp):
    for args in ([], ["--nosuch"], ["-o"], ["-j", "0", "a.ktr"], ["-j", "x", "a.ktr"], ["-j", "65", "a.ktr"], ["-"],
                 ["--dump", "--raw", "a.ktr"], ["--dump", "--context", "d", "a.ktr"], ["--context", "d", "-o", "x", "a.ktr"],
                 ["--keep", "soon", "a.ktr"], ["--keep", "-1", "a.ktr"], ["--sample", "10", "a.ktr"], ["--keep", "1", "--sample", "0", "a.ktr"],
                 ["--dump", "--keep", "1", "a.ktr"]):
        expect(USAGE, analyze, *args, cwd=tmp)
    for args in (["nosuch.ktr"], ["a.golden"], ["."], ["-o", "nosuch/x.db", "a.ktr"]):
        expect(1, analyze, *args, cwd=tmp)
    for name in ("nosuch", "bio_queu", ""):
        env = dict(os.environ, KT_DISABLE_EVENT=name)
        for args in (["-o", "x.db", "a.ktr"], ["--dump", "a.ktr"]):
            expect(1, analyze, *args, cwd=tmp, env=env)
    ktest.check(not (tmp / "x.db").exists(), "ktrace-analyze: an unknown KT_DISABLE_EVENT left a database")


def check_report(report, tmp):
    for args in ([], ["--nosuch", "a.db"], ["a", "b", "c", "d"], ["nosuch", "a.db"], ["stages"], ["summary", "r1", "a.db"],
                 ["show", "a.db"], ["show", "x1", "a.db"], ["show", "r", "a.db"], ["diff", "a.db"], ["--top", "0", "a.db"],
                 ["--top", "x", "a.db"], ["--top", "a.db"], ["--over", "x", "a.db"], ["--since", "x", "a.db"],
                 ["--until", "25:77", "a.db"], ["--flow", "x", "a.db"], ["stages", "--by", "x", "a.db"],
                 ["loss", "--by", "op", "a.db"], ["--json", "--csv", "a.db"], ["--table", "x", "a.db"],
                 ["show", "r1", "--flow", "io", "a.db"]):
        expect(USAGE, report, *args, cwd=tmp)
    for args in (["nosuch.db"], ["a.golden"], ["a.ktr"], ["nosuch.sql", "a.db"], ["--disk", "nosuch", "a.db"],
                 ["--task", "nosuch", "a.db"], ["show", "r99", "a.db"], ["diff", "a.db", "nosuch.db"]):
        expect(1, report, *args, cwd=tmp)


def check_queries(report, source, tmp):
    """An installation: bin/ and share/ next to each other, wherever they are."""
    tool = tmp / "usr/bin/ktrace-report"
    tool.parent.mkdir(parents=True)
    shutil.copy(report, tool)
    shutil.copytree(source / "examples/queries", tmp / "usr/share/ktrace/queries")
    names = sorted(p.stem for p in (source / "examples/queries").glob("*.sql"))
    listed = {l.split()[0]: l for l in run(tool, "--list").stdout.splitlines()}
    reports = {l.split()[0] for l in run(report, "--list", env=dict(os.environ, KTRACE_QUERIES="/nonexistent")).stdout.splitlines()}
    ktest.check(set(listed) == reports | set(names), "--list: %s" % sorted(listed))
    ktest.check(all(len(l.split()) > 3 for l in listed.values()), "--list says nothing about some: %s" % listed)
    for n in names:
        by_name, by_path = run(tool, n, "--json", "a.db", cwd=tmp), run(tool, source / "examples/queries" / (n + ".sql"), "--json", "a.db", cwd=tmp)
        ktest.check(by_name.returncode == 0 and by_name.stdout.replace('"report":"%s"' % n, "") != "", "%s: %s" % (n, by_name.stderr))
        tables = [re.sub(r'"report": *"[^"]*"', "", p.stdout) for p in (by_name, by_path)]
        ktest.check(tables[0] == tables[1], "%s: by name %s, by path %s" % (n, *tables))
    p = run(tool, "nosuch", "a.db", cwd=tmp)
    ktest.check(all(n in p.stderr for n in names), "an unknown report does not list the queries: " + p.stderr)
    expect(USAGE, tool, names[0], cwd=tmp)  # which database?
    for n in ("../queries/" + names[0], ".", "..", ""):
        expect(USAGE if "." not in n else 1, tool, n, "a.db", cwd=tmp)
    mine = tmp / "mine"
    mine.mkdir()
    (mine / "my-own.sql").write_text("--: about what I ask\nSELECT 42 AS answer;\n")
    (mine / "summary.sql").write_text("SELECT 'not this' AS x;\n")
    env = dict(os.environ, KTRACE_QUERIES=str(mine))
    p = run(tool, "my-own", "--csv", "a.db", cwd=tmp, env=env)
    ktest.check(p.stdout.split() == ["answer", "42"], "KTRACE_QUERIES: %s %s" % (p.stdout, p.stderr))
    p = run(tool, "summary", "a.db", cwd=tmp, env=env)
    ktest.check("not this" not in p.stdout, "a query hides a report")


def check_options(source, part, tool):
    """Each option of a tool is in its man page."""
    page = ktest.read(source / part / ("ktrace-%s.1.scd" % part))
    options = re.findall(r"^ +(?:-.,? )? *(--[a-z][a-z-]*)", run(tool, "--help").stdout, re.M)
    ktest.check(len(options) > 5, "ktrace-%s --help: options are %s" % (part, options))
    for o in options:
        ktest.check(re.search(re.escape(o) + r"(?![\w-])", page), "ktrace-%s(1) does not tell of %s" % (part, o))


def check_man(source):
    for page in ("record/ktrace-record.1.scd", "analyze/ktrace-analyze.1.scd", "report/ktrace-report.1.scd"):
        text = (source / page).read_text()
        part = text[text.index("# EXIT STATUS"):].split("\n# ")[0]
        ktest.check(re.search(r"\*?64\*?\s*\n?\s*(The command line is wrong)", part), page + ": EXIT STATUS does not say 64")


def main():
    source, tool, analyze, report, *record = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    tmp = pathlib.Path(ktest.tmpdir())
    ktest.make_recording(tool, tmp / "a.ktr", CASE)
    ktest.run(analyze, tmp / "a.ktr")
    for r in record:
        check_record(r, tmp)
        check_options(source, "record", r)
    check_analyze(analyze, tmp)
    check_options(source, "analyze", analyze)
    check_options(source, "report", report)
    check_report(report, tmp)
    check_queries(report, source, tmp)
    check_man(source)


ktest.main(main)
