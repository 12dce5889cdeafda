#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""ktrace-analyze replaces only what it created: without -f, any other existing file stays unchanged, byte for byte.

usage: analyze_target.py TEXT-TO-KTR KTRACE-ANALYZE
"""
import os
import pathlib
import sqlite3
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402

APPLICATION_ID = 0x4B545243  # "KTRC": the man page promises it
CASE = """@context 0 uname
release	6.1.0
@events
1000 0 bio_queue tid=7 tgid=7 bio=0xb00 sector=8 bytes=4096 dev=8:0 opf=read
@end 9000
"""


class Place:
    """A directory with a recording app.ktr, whose database is app.db."""

    def __init__(self, tool, analyze, folder):
        self.analyze, self.dir = analyze, pathlib.Path(folder)
        self.ktr, self.db = ktest.make_recording(tool, self.dir / "app.ktr", CASE), self.dir / "app.db"

    def run(self, *args):
        return ktest.run(self.analyze, *args, check=False)

    def clear(self):
        for p in self.dir.glob("app.db*"):
            p.rmdir() if p.is_dir() and not p.is_symlink() else p.unlink()

    def files(self):
        return {p.name: (os.readlink(p) if p.is_symlink() else p.read_bytes() if p.is_file() else None) for p in self.dir.iterdir()}

    def is_ours(self, path):
        con = ktest.open_db(path)
        return (con.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
                and con.execute("SELECT count(*) FROM run").fetchone()[0] == 1
                and con.execute("PRAGMA integrity_check").fetchone()[0] == "ok")

    def refused(self, what, *args):
        """One line, exit 1, nothing changed, nothing left."""
        before = self.files()
        p = self.run(*(args or (self.ktr,)))
        if p.returncode != 1 or len(p.stderr.splitlines()) != 1 or "app.db" not in p.stderr:
            ktest.fail(f"{what}: exit {p.returncode}: {p.stderr}")
        if self.files() != before:
            ktest.fail(f"{what}: something was changed")
        print(f"{what:34} {p.stderr.strip().split(': ', 1)[1].replace(str(self.dir) + '/', '')}")

    def taken(self, what, *args):
        p = self.run(*(args or (self.ktr,)))
        if p.returncode or p.stderr or not self.is_ours(self.db):
            ktest.fail(f"{what}: exit {p.returncode}: {p.stderr}")
        left = [n for n in self.files() if n.startswith("app.db") and n not in ("app.db", "app.db-shm")]
        if left:
            ktest.fail(f"{what}: left behind: {left}")
        print(f"{what:34} replaced")


def stranger(path, *pragmas):
    con = sqlite3.connect(path, isolation_level=None)
    for p in pragmas:
        con.execute("PRAGMA " + p)
    con.execute("CREATE TABLE meta(key, value)")
    con.execute("INSERT INTO meta VALUES('mine', 'precious')")
    return con


def without_id(path):
    """A database as created by a version that set no application_id."""
    con = sqlite3.connect(path)
    con.execute("PRAGMA application_id = 0")
    con.commit()
    con.close()


def main():
    tool, analyze = sys.argv[1:]
    x = Place(tool, analyze, ktest.tmpdir())
    x.taken("nothing there")
    x.taken("our own")
    without_id(x.db)
    x.taken("our own, of an older version")
    x.clear()
    x.db.touch()
    x.taken("an empty file")
    x.clear()

    def bytes_of(data):
        return lambda: x.db.write_bytes(data)

    def foreign_id():
        con = stranger(x.db, f"application_id = {APPLICATION_ID ^ 1}")
        con.close()

    def in_the_log():
        # What is written is in app.db-wal alone, as after a crash.
        con = stranger(x.db, "journal_mode = WAL", "wal_autocheckpoint = 0")
        data = x.db.read_bytes(), (x.dir / "app.db-wal").read_bytes()
        con.close()
        x.db.write_bytes(data[0])
        (x.dir / "app.db-wal").write_bytes(data[1])

    def our_tables_theirs():
        con = stranger(x.db)
        for t in ("run", "device", "task", "column_doc", "lost_interval"):
            con.execute(f"CREATE TABLE {t}(mine)")
        con.close()

    for what, make in (
            ("a stranger's database", lambda: stranger(x.db).close()),
            ("with another application_id", foreign_id),
            ("with our tables' names", our_tables_theirs),
            ("its rows still in a -wal", in_the_log),
            ("a text", bytes_of(b"dear diary\n")),
            ("a header cut short", bytes_of(b"SQLite format 3\0" + b"\x10")),
            ("no more than a header", bytes_of(b"SQLite format 3\0" + bytes(84))),
    ):
        make()
        x.refused(what)
        x.refused(what + ", -o", x.ktr, "-o", x.db)
        x.taken(what + ", -f", "-f", x.ktr)
        x.clear()
    for name in ("app.db-wal", "app.db-journal"):
        (x.dir / name).write_bytes(b"of a database that is gone")
        x.refused("only its " + name)
        x.taken("only its " + name + ", -f", "-f", x.ktr)
        x.clear()
    # Ours, opened by somebody as WAL: what is left of that must not be played back into the new one.
    x.taken("ours again")
    con = sqlite3.connect(x.db, isolation_level=None)
    con.execute("PRAGMA journal_mode = WAL")
    con.execute("CREATE TABLE note(x)")
    log = (x.dir / "app.db-wal").read_bytes()
    con.close()
    (x.dir / "app.db-wal").write_bytes(log)
    x.taken("ours with a -wal")
    x.clear()

    # What is no file is nobody's to replace, not even with -f.
    x.db.mkdir()
    x.refused("a directory")
    x.refused("a directory, -f", "-f", x.ktr)
    x.clear()
    os.mkfifo(x.db)
    x.refused("a fifo, -f", "-f", x.ktr)
    x.clear()
    x.db.symlink_to("nowhere")
    x.refused("a dangling link, -f", "-f", x.ktr)
    x.clear()
    other = x.dir / "other"
    stranger(other).close()
    x.db.symlink_to("other")
    x.refused("a link to a database")
    p = x.run("-f", x.ktr)
    if p.returncode or not x.db.is_symlink() or not x.is_ours(other):
        ktest.fail(f"a link, -f: {p.stderr}")
    x.clear()
    # The recording itself.
    recording = x.ktr.read_bytes()
    for args in (("-o", x.ktr, x.ktr), ("-f", "-o", x.ktr, x.ktr)):
        p = x.run(*args)
        if p.returncode != 1 or len(p.stderr.splitlines()) != 1 or x.ktr.read_bytes() != recording:
            ktest.fail(f"the recording as output: exit {p.returncode}: {p.stderr}")
    # --context: the same with a directory.
    out = x.dir / "app.db-context"
    (out / "start").mkdir(parents=True)
    (out / "start" / "uname").write_text("mine")
    p = x.run("--context", out, x.ktr)
    if p.returncode != 1 or len(p.stderr.splitlines()) != 1 or (out / "start" / "uname").read_text() != "mine":
        ktest.fail(f"--context over files: exit {p.returncode}: {p.stderr}")
    p = x.run("-f", "--context", out, x.ktr)
    if p.returncode or "6.1.0" not in (out / "start" / "uname").read_text():
        ktest.fail(f"--context -f: exit {p.returncode}: {p.stderr}")
    header = struct.unpack(">I", b"KTRC")[0]
    if header != APPLICATION_ID:
        ktest.fail("the id is not KTRC")


ktest.main(main)
