#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""No sentence is lost to a NULL: nulls.py KTRACE-REPORT KTRACE-ANALYZE.

A shipped recording with losses written into it: each of the columns that sentences are made of is NULL in turn, in all rows of its table
and in one, and each text block of summary, loss and audit that was there before is still there, with words in it. Where
something was lost "No events lost" is never said. Lost time is that of the union of the intervals.
"""
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import check  # noqa: E402

TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
# start, length, events: three overlap, in 3 s; a hole of its own.
LOST = [(0, 10**8, 2 * 10**8, "ring_full", 10), (1, 2 * 10**8, 3 * 10**8, "ring_full", 20), (0, 5 * 10**8, 10**8, "missed", 1)]
HOLE = (1, 10**9, 5 * 10**5, "blind", None)
COLUMNS = [("run", c) for c in ("dur_ns", "start_ns", "host", "kernel", "kinds", "filters", "command", "events", "lost", "file_bytes")]
COLUMNS += [("lost_interval", c) for c in ("cpu", "start_ns", "dur_ns", "cause", "n")]
COLUMNS += [("cost", c) for c in ("bpf_ns", "user_ns", "rss_bytes", "events", "bytes")]
COLUMNS += [("audit", c) for c in ("kernel", "traced", "difference", "tolerance")]
COLUMNS += [("device", "name"), ("task", "comm"), ("load", "op"), ("io_load", "op"), ("io_load", "runq_ns"), ("io_load", "device_ns"),
            ("io_load", "irq_ns"), ("meta", "value")]


def say(db, *args):
    p = ktest.run(TOOL, *args, db, check=False, env=ktest.plain_env())
    check(p.returncode == 0, "%s: exit %d: %s" % (args, p.returncode, p.stderr))
    return p.stdout


def section(text, title):
    """The lines below a title, as one."""
    lines = text.split("\n")
    return " ".join(lines[lines.index(title) + 1:]).split("   ")[0] if title in lines else ""


def with_losses(whole, folder, rows):
    db = os.path.join(folder, "lost.db")
    shutil.copy(whole, db)
    con = sqlite3.connect(db)
    con.execute("DELETE FROM lost_interval")
    con.executemany("INSERT INTO lost_interval VALUES(1, ?, ?, ?, ?, ?)", rows)
    con.commit()
    con.close()
    return db


def words(whole, folder):
    """What is said of losses."""
    for rows, want in (
        ([], "No events lost; "),
        # 1 to 5 and 5 to 6, in units of 0.1 s
        (LOST, "31 events lost (500 ms in 3 intervals); "),
        ([HOLE], "The kernel ran no BPF program of the recorder on one CPU for 500 us in 1 interval; events there were missed; "),
        (LOST + [HOLE], "31 events lost (500 ms in 3 intervals); the kernel ran no BPF program"),
        # as a killed recorder leaves it
        ([(None, 3 * 10**8, None, "truncated", None)], "An unknown number of events lost ("),
        ([(None, None, None, "truncated", None)], "An unknown number of events lost (1 interval); "),
        ([LOST[0], (0, 10**9, None, "truncated", None)], "At least 10 events lost ("),
    ):
        db = with_losses(whole, folder, rows)
        for flow in ("io", "request"):
            text = section(say(db, "--flow", flow), "Confidence")
            check(text.startswith(want), "%s, flow %s: %s" % (rows, flow, text[:200]))
        text = say(db, "loss")
        check(text.startswith(want.rstrip("; ")), "loss, %s: %s" % (rows, text[:200]))


def nulls(whole, folder):
    plain = with_losses(whole, folder, LOST + [HOLE])
    db = os.path.join(folder, "null.db")
    reports = (("summary",), ("summary", "--flow", "request"), ("loss",), ("audit",))
    before = {r: say(plain, *r) for r in reports}
    titles = ("Confidence", "The recording")
    for table, column in COLUMNS:
        for where in ("", " WHERE rowid = 1") if table != "meta" else (" WHERE key = 'epoch_realtime_ns'",):
            shutil.copy(plain, db)
            con = sqlite3.connect(db)
            ktest.as_tables(con, table)
            con.execute("UPDATE %s SET %s = NULL%s" % (table, column, where))
            con.commit()
            con.close()
            for r in reports:
                what, text = "%s.%s NULL%s: %s" % (table, column, where, " ".join(r)), say(db, *r)
                check("No events lost" not in text, what + " says that nothing was lost")
                for title in titles:
                    if section(before[r], title):
                        said = section(text, title)
                        check(len(said) > 20, "%s: below %s: %r" % (what, title, said))
                if r[0] == "summary":
                    check("lost (" in text and ("were missed" in text or column == "cause"), what + " says nothing of losses")
                    check(("recorded completely" in text) == ("recorded completely" in before[r]), what + " does not say what is complete")
                    first = text.strip().split("\n")[0]
                    check(len(first) > 20 and first[-1] != ":", "%s begins with %r" % (what, first))


def main():
    folder = ktest.tmpdir()
    whole = os.path.join(folder, "run.db")
    ktest.run(ANALYZE, os.path.join(ktest.TOP, "examples/recordings/storage.ktr"), "-o", whole)
    words(whole, folder)
    nulls(whole, folder)


ktest.main(main)
