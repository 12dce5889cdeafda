# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Databases for the tests of exporters: of the shipped recordings, of flows that no code knows (report/future.sql), and changed ones."""
import os
import shutil
import sqlite3
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import ktest  # noqa: E402

FUTURE = os.path.join(HERE, "..", "report", "future.sql")
KEEP_NS = 5 * 10**6


def analyze(tool, name, tmp):
    path = os.path.join(tmp, name + ".db")
    ktest.run(tool, os.path.join(ktest.TOP, "examples/recordings", name + ".ktr"), "-o", path)
    return path


def change(path, *sql, of=None):
    """The database (a copy of another one, or a new one of the future) after these statements."""
    if of and of != path:
        shutil.copy(of, path)
    con = sqlite3.connect(path)
    if not of:
        con.executescript("PRAGMA synchronous = OFF; BEGIN; " + ktest.read(FUTURE) + "COMMIT;")
    for s in sql:
        con.execute(s)
    con.commit()
    con.close()
    return path


def kept(path, of):
    """What `--keep` leaves of a recording's database: rows of long flows only."""
    tables = [(t, c) for t, c in (("io", "io_id"), ("bio", "bio_id"), ("request", "request_id"))]
    return change(path, *("DELETE FROM %s WHERE dur_ns < %d" % (t, KEEP_NS) for t, c in tables),
                  "INSERT INTO meta VALUES ('keep_ns', %d)" % KEEP_NS, of=of)


def made(analyze_tool, tmp):
    """{name: path} of all kinds of databases."""
    dbs = {name: analyze(analyze_tool, name, tmp) for name in ("storage", "randrw")}
    dbs["future"] = change(os.path.join(tmp, "future.db"))
    dbs["mixed"] = os.path.join(tmp, "mixed.db")
    shutil.copy(dbs["storage"], dbs["mixed"])
    change(dbs["mixed"])
    dbs["kept"] = kept(os.path.join(tmp, "kept.db"), dbs["storage"])
    return dbs
