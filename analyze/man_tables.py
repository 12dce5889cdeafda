#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""man_tables.py OUTPUT EMPTY: tables and views of the database that the program EMPTY creates, as a part of ktrace-db(5)."""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile


def escape(text):
    return re.sub(r"([\\*_|#`~\[\]])", r"\\\1", text)


def columns(db, name):
    return [(row[1], row[2]) for row in db.execute("SELECT * FROM pragma_table_info(?)", (name,))]


def table(db, name, sql):
    docs = {col: (unit, doc) for col, unit, doc in
            db.execute("SELECT col, unit, doc FROM column_doc WHERE tbl = ?", (name,))}
    about = re.search(r"--\s*(.*)", sql.split("\n")[0])
    out = ["## %s" % escape(name), ""]
    if about:
        out += [escape(about[1][0].upper() + about[1][1:]) + ".", ""]
    for col, kind in columns(db, name):
        unit, doc = docs.get(col, ("", ""))
        if not doc:
            sys.exit("ktrace-db(5): %s.%s has no documentation" % (name, col))
        out += ["*%s* %s" % (escape(col), ", ".join(filter(None, (kind, unit)))), "\t" + escape(doc), ""]
    return out


def main():
    target, empty = sys.argv[1:]
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "empty.db")
        subprocess.run([empty, path], check=True)
        db = sqlite3.connect(path)
        names = db.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') "
                           "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, rowid").fetchall()
        out = ["# TABLES", ""]
        for name, kind, sql in names:
            if kind == "table":
                out += table(db, name, sql)
        out += ["# VIEWS", ""]
        for name, kind, _ in names:
            if kind == "view":
                out += ["*%s*" % escape(name), "\t" + escape(", ".join(c for c, _ in columns(db, name))), ""]
        db.close()
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(out).rstrip("\n") + "\n")


if __name__ == "__main__":
    main()
