#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Who and which file: each bio names the task that submitted it, its cgroup, the cgroup the kernel charges, and the inode."""

import os

import kt

V2 = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
BLKIO = "/sys/fs/cgroup/blkio"


def cgroup(parent, name):
    path = os.path.join(parent, name)
    os.mkdir(path)
    kt.stack.callback(os.rmdir, path)
    return path


def test():
    if not os.path.exists(V2 + "/cgroup.procs"):
        kt.skip("no cgroup v2 tree at " + V2)
    disk = kt.loop_disk(size_mib=256)
    mnt = kt.filesystem(disk)
    # On that disk too: so the recorder, which syncs the head of the file at once, does I/O of its own.
    ktr = os.path.join(mnt, "run.ktr")
    name = "ktrace-test-%d" % os.getpid()
    groups = [cgroup(V2, name)]
    if os.path.isdir(BLKIO):
        groups.append(cgroup(BLKIO, name))
    target = os.path.join(mnt, "file")
    enter = "; ".join("echo $$ > %s/cgroup.procs" % g for g in groups)
    # Late: the cgroup below is made while recording.
    script = """mkdir {late}; echo $$ > {late}/cgroup.procs; dd if={target} of=/dev/null bs=64k iflag=direct status=none
        {enter}; echo 3 > /proc/sys/vm/drop_caches; cat {target} > /dev/null; exec sleep 0.2""".format(
        late=groups[0] + "/late", enter=enter, target=target)
    kt.stack.callback(lambda: os.path.isdir(groups[0] + "/late") and os.rmdir(groups[0] + "/late"))
    kt.run("dd", "if=/dev/urandom", "of=" + target, "bs=1M", "count=8", "conv=fsync")
    kt.record(ktr, "sh", "-c", script)
    db = kt.analyze(ktr)
    dev = kt.dev_of(disk)
    sql = ("SELECT t.comm, c.path, sum(b.size_bytes), max(b.ino), max(k.path), max(k.hierarchy) FROM bio b JOIN device d USING (device_id) "
           "LEFT JOIN task t ON t.utid = b.utid LEFT JOIN cgroup c ON c.ucgid = b.ucgid LEFT JOIN cgroup k ON k.ucgid = b.blkcg_ucgid "
           "WHERE d.dev = ? AND b.op = 'read' AND b.parent_bio_id IS NULL AND t.comm IN ('dd', 'cat') GROUP BY 1, 2")
    rows = {r[0]: r for r in db.rows(sql, dev)}
    kt.check(set(rows) == {"dd", "cat"}, "submitters are %s" % rows)
    late = "/" + name + "/late"
    if kt.check("dd" in rows and rows["dd"][1] == late, "dd ran in cgroup %s, recorded: %s" % (late, rows.get("dd"))):
        kt.check(rows["dd"][2] == 8 << 20, "dd read 8 MiB, recorded %d" % rows["dd"][2])
        ino = os.stat(target).st_ino
        kt.check(rows["dd"][3] == ino, "dd read inode %d, recorded %s" % (ino, rows["dd"][3]))
    if kt.check("cat" in rows and rows["cat"][1] == "/" + name, "cat ran in /%s, recorded: %s" % (name, rows.get("cat"))):
        ino = os.stat(target).st_ino
        kt.check(rows["cat"][3] == ino, "cat read inode %d, recorded %s" % (ino, rows["cat"][3]))
        if len(groups) > 1:
            kt.check(rows["cat"][4] == "/" + name and rows["cat"][5] == "v1:blkio",
                     "cat is charged to blkio /%s, recorded %s %s" % (name, rows["cat"][5], rows["cat"][4]))
    me = db.rows("SELECT DISTINCT t.comm, t.is_recorder FROM bio b JOIN device d USING (device_id) JOIN task t USING (utid) "
                 "WHERE d.dev = ? AND b.op = 'write' AND (t.comm = 'ktrace-record' OR t.is_recorder = 1)", dev)
    kt.check(me == [("ktrace-record", 1)], "the recorder's own writes are not labelled: %s" % me)
    others = db.rows("SELECT comm FROM task WHERE comm IN ('dd', 'cat') AND is_recorder <> 0")
    kt.check(not others, "taken for the recorder: %s" % others)


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
