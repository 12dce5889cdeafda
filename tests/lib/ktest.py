# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Shared by all Python tests: checks and their verdict, running programs, temporary files, recordings made from text.

A test is a program that ends with 0 (passed), 1 (failed: one line `FAIL: …` per reason) or 77 (skipped: says why). An ExitStack
removes what it creates, even if it fails. It finds this file next to its own folder:

    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
    import ktest  # noqa: E402
"""
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("KT_BUILD") or os.path.join(TOP, "build")
RECORD = os.path.join(BUILD, "record", "ktrace-record")
ANALYZE = os.path.join(BUILD, "analyze", "ktrace-analyze")
REPORT = os.path.join(BUILD, "report", "ktrace-report")

stack = contextlib.ExitStack()
failures = []


def skip(why):
    print("SKIP:", why)
    stack.close()
    sys.exit(77)


def check(ok, text):
    if not ok:
        failures.append(text)
        print("FAIL:", text, flush=True)
    return ok


def fail(text):
    """Ends the test: after this failure, further checks would mean nothing."""
    check(False, text)
    finish()


def finish():
    """Ends the program with the verdict of all checks."""
    stack.close()
    print("%d check(s) failed" % len(failures) if failures else "ok")
    sys.exit(1 if failures else 0)


def main(test):
    """Runs a test; whatever happens, what it created is removed, even if a time limit ends it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        test()
    except SystemExit:
        stack.close()
        raise
    except BaseException:
        stack.close()
        raise
    finish()


def run(*cmd, **kw):
    """A command's CompletedProcess with its output as text; an exit status that is not 0 is an error, unless check=False."""
    kw.setdefault("check", True)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    kw.setdefault("text", True)
    p = subprocess.run([str(c) for c in cmd], **{**kw, "check": False})
    if kw["check"] and p.returncode:
        raise RuntimeError("%s: exit %d\n%s%s" % (" ".join(map(str, cmd)), p.returncode, p.stdout, p.stderr))
    return p


def plain_env(**more):
    """The environment in which a report prints the same everywhere."""
    keep = {k: os.environ[k] for k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if k in os.environ}
    return {**keep, "LC_ALL": "C.UTF-8", "TZ": "UTC", "KTRACE_QUERIES": "/nonexistent", **more}


def tmpdir(where=None):
    d = tempfile.mkdtemp(prefix="ktrace-test.", dir=where)
    stack.callback(shutil.rmtree, d, ignore_errors=True)
    return d


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def open_db(path):
    return sqlite3.connect("file:%s?mode=ro" % path, uri=True)


STORED = {"INTEGER": "integer", "TEXT": "text", "REAL": "real"}


def wrong_types(con):
    """What other programs could not read as it is declared: ["table.column: types"] with a value of another type than its column, which SQLite allows.
    Columns of views declare none: there all values have to be of one."""
    found = []
    for kind, name in con.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'").fetchall():
        for _, col, declared, *_ in con.execute(f'PRAGMA table_info("{name}")').fetchall():
            if name != "meta":
                types = {t for t, in con.execute(f'SELECT DISTINCT typeof("{col}") FROM "{name}"')} - {"null"}
                if types - {STORED.get(declared)} if kind == "table" else len(types) > 1:
                    found.append("%s.%s: %s" % (name, col, ", ".join(sorted(types))))
    return found


def as_tables(con, *views):
    """Turns views into tables with the same rows, so that they can be changed."""
    for view in views:
        if con.execute("SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?", (view,)).fetchone():
            con.execute(f'CREATE TEMP TABLE as_table AS SELECT * FROM "{view}"')
            con.execute(f'DROP VIEW "{view}"')
            con.execute(f'CREATE TABLE "{view}" AS SELECT * FROM as_table')
            con.execute("DROP TABLE as_table")


def same_text(path, text, update):
    """Is the text equal to that of the file? If not, prints the difference and fails the check. update: writes it to the file."""
    if update:
        write(path, text)
        return
    if not check(os.path.exists(path), "no text %s: --update writes it" % os.path.relpath(path, TOP)):
        return
    if not check(read(path) == text, "text " + os.path.relpath(path, TOP)):
        subprocess.run(["diff", "-u", path, "-"], input=text.encode("utf-8", "surrogateescape"), check=False)


# For a recording made from text: one disk.
DISKS = """@context 0 disks
dev\tname\tparent\tscheduler\trotational\tsize_bytes\thw_queues\tbio_based\tnr_requests\tmax_sectors_kb
8:0\tsda\t-\tnone\t0\t1000000\t1\t0\t64\t512
"""


def event_lines(events):
    """[(ns, CPU, event)] as text-to-ktr reads them."""
    return "\n".join("%d %d %s" % e for e in events)


def make_recording(tool, ktr, text, **env):
    """A recording of the events in the text (see tests/golden/README.md), by text-to-ktr; the text is kept next to it."""
    case = os.path.splitext(ktr)[0] + ".golden"
    write(case, text)
    run(tool, case, ktr, env={**os.environ, **env})
    return ktr


def bucket(ns):
    """The number of a histogram's bucket, as column_doc of latency_hist says."""
    if ns < 128:
        return ns
    e = ns.bit_length() - 1
    return (e - 6) * 128 + (ns >> (e - 7)) - 128
