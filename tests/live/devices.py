#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Disks and partitions that come and go within a run, and reused numbers: each has its name, its disk, and its own I/O."""

import json
import os
import subprocess
import sys
import time

import kt

ZRAM = "/sys/class/zram-control/"
SIZE_MIB = 32


class Load:
    """Reads with dd, and remembers what it read from what."""

    def __init__(self, out):
        self.out, self.said = out, []

    def read(self, path, n, name, disk, content):
        p = subprocess.Popen(["dd", "if=" + path, "of=/dev/null", "bs=4k", "count=%d" % n, "iflag=direct", "status=none"])
        kt.check(p.wait() == 0, "dd of " + path)
        self.said.append({"pid": p.pid, "n": n, "name": name, "disk": disk, "content": content, "dev": kt.dev_of(path)})

    def finish(self):
        kt.write(self.out, json.dumps(self.said))


def node(name):
    """Its device node: where there is no udev, made."""
    path = "/dev/" + name
    major, minor = map(int, kt.read("/sys/class/block/%s/dev" % name).split(":"))
    if os.path.exists(path) and os.stat(path).st_rdev != os.makedev(major, minor):
        os.unlink(path)
    if not os.path.exists(path):
        os.mknod(path, 0o600 | 0o060000, os.makedev(major, minor))
        kt.stack.callback(lambda: os.path.exists(path) and os.unlink(path))
    return path


def attach(loop, d, name):
    image = os.path.join(d, name)
    with open(image, "wb") as f:
        f.truncate(SIZE_MIB << 20)
    kt.run("losetup", "--direct-io=on", loop, image)


def again(used, loop, nr, *where):
    """Adds a partition with one of these numbers. The kernel frees a partition's number a little after the partition."""
    until = time.monotonic() + 10
    kt.run("addpart", loop, nr, *where)
    while kt.dev_of(node("%sp%d" % (os.path.basename(loop), nr))) not in used and time.monotonic() < until:
        kt.run("delpart", loop, nr)
        time.sleep(0.05)
        kt.run("addpart", loop, nr, *where)


def zram(load, n, content):
    """A zram disk of the number that is free, for a moment. Returns its number."""
    number = kt.read(ZRAM + "hot_add").strip()
    try:
        kt.write("/sys/block/zram%s/disksize" % number, "%dM" % SIZE_MIB)
        load.read(node("zram" + number), n, "zram" + number, None, content)
    finally:
        kt.write(ZRAM + "hot_remove", number)
        if os.path.exists("/dev/zram" + number):
            os.unlink("/dev/zram" + number)
    return number


def load(out):
    """What happens within the recording."""
    d, load = os.path.dirname(out), Load(out)
    loop = kt.run("losetup", "--find").stdout.strip()
    name = os.path.basename(loop)
    kt.stack.callback(lambda: kt.run("losetup", "-d", loop, check=False))
    attach(loop, d, "first.img")
    kt.run("addpart", loop, 1, 2048, 4096)
    kt.run("addpart", loop, 2, 8192, 8192)
    used = {kt.dev_of(node(name + p)) for p in ("p1", "p2")}
    load.read(node(name + "p1"), 100, name + "p1", name, "first")
    load.read(node(name + "p2"), 150, name + "p2", name, "first")
    load.read(loop, 50, name, None, "first")
    kt.run("delpart", loop, 2)
    kt.run("delpart", loop, 1)
    # The numbers are free: they are used for others now.
    again(used, loop, 5, 4096, 4096)
    load.read(node(name + "p5"), 60, name + "p5", name, "first")
    kt.run("delpart", loop, 5)
    kt.run("losetup", "-d", loop)
    attach(loop, d, "second.img")
    load.read(loop, 70, name, None, "second")
    again(used, loop, 1, 2048, 4096)
    load.read(node(name + "p1"), 30, name + "p1", name, "second")
    kt.run("delpart", loop, 1)
    kt.run("losetup", "-d", loop)
    if os.path.exists(ZRAM):
        zram(load, 40, "first")
        zram(load, 25, "second")
    load.finish()


def rows(db, pid, devs):
    """What that process's reads were on: device rows and how many bios. (Its program may have to be read, too.)"""
    return db.rows("SELECT d.device_id, d.dev, d.name, p.name, p.device_id, d.since_ns IS NOT NULL, count(*) FROM bio b JOIN task t USING (utid)"
                   " JOIN device d USING (device_id) LEFT JOIN device p ON p.device_id = d.parent_id WHERE t.tgid = ? AND b.op = 'read'"
                   " AND b.parent_bio_id IS NULL AND d.dev IN (%s) GROUP BY 1" % ", ".join("'%s'" % x for x in devs), pid)


def slow(db, *args):
    """All operations that the report finds."""
    return json.loads(kt.run(kt.REPORT, "slow", "--top", 100000, *args, "--json", db).stdout)["tables"]["slow"]


def once():
    d = kt.tmpdir()
    ktr, said = os.path.join(d, "run.ktr"), os.path.join(d, "said")
    kt.record(ktr, sys.executable, os.path.abspath(__file__), "--load", said)
    db = kt.analyze(ktr)
    kt.seen_all(db)
    loads = json.loads(kt.read(said))
    devices = {}
    for x in loads:
        what = "%s of the %s content" % (x["name"], x["content"])
        got = rows(db, x["pid"], {y["dev"] for y in loads})
        if not kt.check(len(got) == 1, "%s: its reads are on %d devices, not one: %s" % (what, len(got), got)):
            continue
        device, dev, name, disk, parent, came, n = got[0]
        kt.check((dev, name, disk) == (x["dev"], x["name"], x["disk"]), "%s: called %s, on %s" % (what, (dev, name), disk))
        kt.check(n == x["n"], "%s: %d of %d reads" % (what, n, x["n"]))
        kt.check(came, what + ": it seems to have been there before")
        kt.check(device not in devices, "%s: the same device as %s" % (what, devices.get(device)))
        devices[device] = what
        x["device"], x["parent"] = device, parent
        # Operations are the disk's, and the partition's, too.
        ops = db.rows("SELECT device_id, part_device_id, count(*) FROM io JOIN task USING (utid) WHERE tgid = ? AND op = 'read' AND n_bios > 0"
                      " AND kind = 'syscall' AND flags LIKE '%direct%' GROUP BY 1, 2", x["pid"])
        want = [(parent, device, x["n"])] if x["disk"] else [(device, None, x["n"])]
        kt.check([tuple(r) for r in ops] == want, "%s: operations %s, not %s" % (what, ops, want))
        requests = db.rows("SELECT r.device_id, r.part_device_id, count(DISTINCT r.request_id) FROM request r JOIN bio b USING (request_id)"
                           " JOIN task t ON t.utid = b.utid WHERE t.tgid = ? AND b.op = 'read' AND b.device_id = ? GROUP BY 1, 2", x["pid"], device)
        want = [(parent or device, device, x["n"])] if not x["name"].startswith("zram") else []
        kt.check([tuple(r) for r in requests] == want, "%s: requests %s, not %s" % (what, requests, want))
    # A partition is on the disk as it was then.
    disks = {(x["name"], x["content"]): x.get("device") for x in loads}
    for x in loads:
        if x["disk"] and "parent" in x:
            kt.check(x["parent"] == disks[x["disk"], x["content"]], "%s: part of %s" % (x["name"], devices.get(x["parent"])))
    kt.check(len({x["dev"] for x in loads}) < len(loads) - 2, "no number was used again: " + str(loads))
    names = {x["name"] for x in loads}
    for name in sorted(names):
        off = db.rows("SELECT counter, kernel, traced FROM audit WHERE verdict = 'off' AND counter LIKE ?", "diskstats %s %%" % name)
        kt.check(not off, "%s: the kernel counts otherwise: %s" % (name, off))
    # Both by their name; a disk with its partitions.
    path, pids = os.path.splitext(ktr)[0] + ".db", {x["pid"] for x in loads}
    for name in sorted(names):
        want = sum(x["n"] for x in loads if name in (x["name"], x["disk"]))
        got = sum(r["tid"] in pids and r["op"] == "read" for r in slow(path, "--disk", name))
        kt.check(got == want, "--disk %s: %d of %d reads" % (name, got, want))
    print("%d devices under %d numbers and %d names, each with its reads" % (len(devices), len({x["dev"] for x in loads}), len(names)))


def test():
    kt.need_root_and_bpf()
    kt.attempts("devices", once)


if len(sys.argv) == 3:
    kt.main(lambda: load(sys.argv[2]))
else:
    kt.main(test)
