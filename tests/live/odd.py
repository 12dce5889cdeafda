#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Unusually large operations, up to what the kernel allows, and rare kinds: each is one row, with its own size,
and affects no other flow."""

import os

import kt

ODD = os.path.join(kt.BUILD, "tests", "live", "odd-io")
MIB = 1 << 20


def odd(db, *columns):
    """Of what the load did on the disk itself: its reads are O_DIRECT, those of the loader are not."""
    return db.rows("SELECT %s, count(*) FROM io JOIN task USING (utid) WHERE comm = 'odd-io' AND (flags LIKE '%%direct%%' OR op = 'discard') GROUP BY %s"
                   % ((", ".join(columns),) * 2))


def record(disk, *whats):
    """Whatever was asked, done; returns the database."""
    ktr = os.path.join(kt.tmpdir(), "run.ktr")
    out = kt.record(ktr, ODD, disk, *whats)
    db = kt.analyze(ktr)
    kt.seen_all(db)
    done = dict(line.split() for line in out.stdout.splitlines())
    kt.check(set(done) == set(whats), "the load did %s" % done)
    return db, {what: int(n) for what, n in done.items()}


def on_disk(disk):
    kt.run("dd", "if=/dev/urandom", "of=" + disk, "bs=1M", "count=8", "oflag=direct")
    db, done = record(disk, "aio:512", "aio:4000", "preadv:65", "preadv:1024", "aiov:65", "aiov:1024", "uringv:65", "uringv:1024", "discard:%d" % MIB)
    kt.check(done["aio:512"] == 512 and done["aio:4000"] == 4000, "io_submit took %s" % done)
    rows = odd(db, "kind", "op", "size_bytes", "state")
    want = [("aio", "read", 512, "whole", 4512), ("aio", "read", 65 * 4096, "whole", 1), ("aio", "read", 4 * MIB, "whole", 1),
            ("io_uring", "read", 65 * 4096, "whole", 1), ("io_uring", "read", 4 * MIB, "whole", 1),
            ("syscall", "read", 65 * 4096, "whole", 1), ("syscall", "read", 4 * MIB, "whole", 1)]
    if done["discard:%d" % MIB] == 0:  # since 6.12
        want.append(("io_uring", "discard", MIB, "whole", 1))
    kt.check(sorted(rows) == sorted(want), "rows: %s\nnot:  %s" % (sorted(rows), sorted(want)))
    kt.check(not kt.lost(db), "lost: %s" % db.rows("SELECT * FROM lost_interval"))
    linked = db.rows("SELECT i.kind, i.op, b.link, count(*) FROM bio b JOIN io i USING (io_id) WHERE i.op = 'discard' GROUP BY 1, 2, 3")
    if done["discard:%d" % MIB] == 0:
        kt.check(linked and all(row[2] == "exact" for row in linked), "bios of the discard: %s" % linked)


def on_ext4(mnt):
    path = os.path.join(mnt, "file")
    kt.write(path, "")
    # The first may read the file system's bitmaps; the others find all in place.
    db, done = record(path, "fallocate:65536", "fallocate:32768", "uring-fallocate:16384")
    kt.check(not any(done.values()), "fallocate: %s" % done)
    rows = db.rows("SELECT kind, op, offset_bytes, size_bytes, result FROM io WHERE op = 'fallocate' AND ino = ? ORDER BY start_ns", os.stat(path).st_ino)
    kt.check(rows == [("syscall", "fallocate", 0, 65536, 0), ("syscall", "fallocate", 0, 32768, 0), ("io_uring", "fallocate", 0, 16384, 0)],
             "fallocate: %s" % rows)
    n = db.one("SELECT count(*) FROM io WHERE op = 'fallocate' AND ino = ? AND n_bios = 0", os.stat(path).st_ino)
    kt.check(n >= 2, "fallocate: %d without a bio" % n)


def test():
    disk = kt.loop_disk(size_mib=64)
    kt.attempts("disk", lambda: on_disk(disk))
    mnt = kt.filesystem(kt.loop_disk(size_mib=64))
    kt.attempts("ext4", lambda: on_ext4(mnt))


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
