#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Which I/O caused a bio: links.py [CASE…], from the events alone.

Direct I/O of eight threads with seven engines, for the same places of the same file at the same time. Whose a bio is can be told
without any link: thread i only uses offsets at i grains from a multiple of 8 (io-load.c). Every bio must be linked, to an
operation of that file, alive; each operation's bios are its range, side by side: those of another thread begin at another grain;
and the operations recorded are those that the program says it did, in order.

Buffered I/O: what is linked is linked right; how much is linked must be as much as the kernel lets us see."""

import bisect
import os
import re
import sys

import kt

LOAD = os.path.join(kt.BUILD, "tests", "live", "io-load")
SYSCALL, URING, AIO, FAULT, LOOP, WRITEBACK, JOURNAL = range(1, 8)
INFERRED = 1
FIELD = re.compile(r"(\w+)=(\"[^\"]*\"|\S+)")
MIXES = {
    "mixed": ["psync,read,4096,400,1", "aio,write,8192,400,8", "uring,read,4096,400,16", "async,write,16384,300,8",
              "sqpoll,read,4096,400,8", "link,read,12288,300,8", "fixed,read,4096,400,8", "vec,write,65536,200,1"],
    "large": ["psync,read,1048576,40,1", "aio,read,2097152,20,4", "uring,read,1048576,40,4", "async,write,524288,40,4",
              "sqpoll,write,1048576,30,4", "link,read,786432,40,8", "fixed,write,1048576,30,4", "vec,read,4194304,15,1"],
    "same": ["psync,write,4096,600,1"] * 4 + ["uring,write,4096,600,4", "aio,write,4096,600,4", "async,write,4096,400,4",
                                             "sqpoll,write,4096,400,4"],
}


def number(text):
    if ":" in text:
        return text
    try:
        return int(text, 0)
    except ValueError:
        return text.strip('"')


def events(ktr, wanted):
    """(time, cpu, name, fields), in order."""
    out = kt.run(kt.ANALYZE, "--dump", ktr).stdout
    for line in out.splitlines():
        head = line.split(" ", 3)
        if len(head) == 4 and head[2] in wanted:
            yield int(head[0]), head[2], {k: number(v) for k, v in FIELD.findall(head[3])}


class Trace:
    """Bios with what they are linked to."""

    def __init__(self, ktr):
        self.bios, self.ios, self.files = [], [], {}
        calls, live, errors, last = {}, {}, set(), {}
        for t, name, e in events(ktr, {"bio_queue", "io_call", "io_submit", "io_end", "io_file", "bio_complete", "task_new"}):
            if name == "bio_queue":
                b = dict(e, ts=t, owner=None, failed=False)
                if e["io_kind"] in (URING, AIO):
                    key = (e["io_kind"], e["io_tid"] if e["io_kind"] == AIO else 0, e["io"])
                    b["owner"] = live.get(key)
                self.bios.append(b)
                last[e["bio"]] = b
            elif name == "bio_complete":
                # Refused with NOWAIT: the same range is queued once more.
                if e["status"] not in (0, "ok") and e["bio"] in last:
                    last[e["bio"]]["failed"] = True
            elif name == "io_call":
                io = dict(e, start=t - e["dur_ns"], end=t, bios=[])
                calls[(e["tid"], io["start"])] = io
                self.ios.append(io)
            elif name == "io_submit":
                io = dict(e, start=t, end=None, result=None, bios=[])
                live[(e["kind"], e["tid"] if e["kind"] == AIO else 0, e["io"])] = io
                self.ios.append(io)
            elif name == "io_end":
                io = live.pop((URING, 0, e["io"]), None)
                if io:
                    io["end"], io["result"] = t, e["result"]
            elif name == "io_file":
                self.files[(e["ino_dev"], e["ino"])] = e["path"]
        for b in self.bios:
            if b["io_kind"] in (SYSCALL, WRITEBACK, JOURNAL):
                b["owner"] = calls.get((b["io_tid"], b["ts"] - b["io_age_ns"]))
            if b["owner"]:
                b["owner"]["bios"].append(b)


def read_log(text):
    """What the program says it did: by thread, in the order it began."""
    threads = {}
    for line in text.splitlines():
        tid, index, engine, op, label, offset, size, result, start, end = line.split()
        threads.setdefault(int(index), []).append(dict(tid=int(tid), engine=engine, op=op, label=int(label), offset=int(offset),
                                                      size=int(size), result=int(result), start=int(start), end=int(end)))
    return threads


def record(name, directory, path, grain, specs):
    ktr = os.path.join(directory, "run.ktr")
    out = os.path.join(directory, "log")
    kt.record(ktr, "sh", "-c", 'exec "$@" >%s' % out, "sh", LOAD, path, grain, *specs, options=["-f"])
    return Trace(ktr), read_log(kt.read(out))


def check_direct(name, trace, log, grain, dev, ino):
    """dev: on which the bios are queued; ino: None = the disk itself."""
    place = lambda offset: offset // grain % 8
    pid = next(io["tgid"] for io in trace.ios if io["tid"] == log[0][0]["tid"])
    ios = [io for io in trace.ios if io["op"] in (1, 2) and (io["dev"] == dev if ino is None else io["ino"] == ino) and
           io["flags"] & 1]
    done = 0
    for index, ops in log.items():
        got = [io for io in ios if place(io["offset"]) == index]
        want = [(o["offset"], o["size"]) for o in ops]
        kt.check([(io["offset"], io["size"]) for io in got] == want,
                 "%s: thread %d (%s) did %d operations, recorded are %d, or others" % (name, index, ops[0]["engine"], len(want), len(got)))
        for io, o in zip(got, ops):
            done += 1
            if io["kind"] != AIO and io["result"] != o["result"]:
                kt.check(False, "%s: result %d, recorded %s" % (name, o["result"], io["result"]))
                break
            if io["tid"] != o["tid"] and o["engine"] != "sqpoll":
                kt.check(False, "%s: an operation of %d is recorded as one of %d" % (name, o["tid"], io["tid"]))
                break
    n = wrong = unlinked = 0
    for b in trace.bios:
        if b["dev"] != dev or not b["bytes"]:
            continue
        if ino is None:
            if b["tgid"] != pid:
                continue
        elif b["ino"] != ino:
            continue
        n += 1
        io = b["owner"]
        if not io:
            unlinked += 1
            if unlinked <= 3:
                print("unlinked:", b)
        elif (not io["offset"] <= b["offset"] or
              b["offset"] + b["bytes"] > io["offset"] + io["size"] or (io["end"] or b["ts"]) < b["ts"] or
              b["io_flags"] & INFERRED):
            wrong += 1
            if wrong <= 3:
                print("wrong:", b)
    short = 0
    for io in ios:
        at = io["offset"]
        for b in sorted((b for b in io["bios"] if not b["failed"] and b["dev"] == dev), key=lambda b: b["offset"]):
            at = at + b["bytes"] if b["offset"] == at else -1
        if at != io["offset"] + io["size"]:
            short += 1
            if short <= 3:
                print("not its range:", {k: v for k, v in io.items() if k != "bios"}, [(b["offset"], b["bytes"], b["failed"]) for b in io["bios"]])
    kt.check(n >= done, "%s: %d operations, but only %d bios" % (name, done, n))
    kt.check(not wrong, "%s: %d of %d bios are linked to the wrong operation" % (name, wrong, n))
    kt.check(not unlinked, "%s: %d of %d bios are not linked" % (name, unlinked, n))
    kt.check(not short, "%s: of %d of %d operations the bios are not its range" % (name, short, len(ios)))
    print("%-24s %6d operations, %6d bios: all linked" % (name, done, n) if not (wrong or unlinked or short) else name, flush=True)


def fill(path, mib):
    kt.run("dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=%d" % mib, "conv=fsync")


def disk():
    d = kt.tmpdir()
    loop = kt.loop_disk(size_mib=256)
    for mix, specs in MIXES.items():
        trace, log = record(mix, d, loop, 512, specs)
        check_direct("disk/" + mix, trace, log, 512, kt.dev_of(loop), None)


def files(kind):
    d = kt.tmpdir()
    loop = kt.loop_disk(size_mib=512)
    mnt = kt.filesystem(loop, kind)
    path = os.path.join(mnt, "file")
    if kind == "btrfs":
        # Direct writes with checksums go through the page cache.
        kt.write(path, "")
        kt.run("chattr", "+C", path)
    fill(path, 128)
    for mix, specs in MIXES.items():
        trace, log = record(mix, d, path, 4096, specs)
        check_direct(kind + "/" + mix, trace, log, 4096, kt.dev_of(loop), os.stat(path).st_ino)
        kt.check(("/file" in trace.files.values()), "%s: the file's name is not recorded" % kind)


CASES = {"disk": disk, "ext4": lambda: files("ext4"), "xfs": lambda: files("xfs"), "btrfs": lambda: files("btrfs")}

if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(lambda: [CASES[c]() for c in (sys.argv[1:] or CASES)])
