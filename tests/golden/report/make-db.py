#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Makes the database that the tests of ktrace-report show: make-db.py OUT.db [VARIANT].

Its rows are computed from a fixed sequence of numbers, never random; statistics are worked out here from the rows,
apart from the C code. Variants: "whole" (default); "empty" (a run in which nothing was recorded), "newer" (a
version that no program knows), "noversion", "foreign" (a database of someone else), "two" (two runs), "io" (the whole storage
path: io_rows.py), "io2" (two runs of it).
"""
import os
import re
import sqlite3
import sys

import io_rows

DDL = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE run(run_id INTEGER PRIMARY KEY, file TEXT, uuid TEXT, host TEXT, boot_id TEXT, kernel TEXT,
  start_ns INTEGER, dur_ns INTEGER, clock_err_ns INTEGER, command TEXT, kinds TEXT, filters TEXT,
  events INTEGER, lost INTEGER, unknown_events INTEGER, backward_clock INTEGER, file_bytes INTEGER);
CREATE TABLE device(device_id INTEGER PRIMARY KEY, run_id INTEGER, dev TEXT, name TEXT, parent_id INTEGER,
  scheduler TEXT, rotational INTEGER, size_bytes INTEGER, hw_queues INTEGER);
CREATE TABLE cgroup(ucgid INTEGER PRIMARY KEY, run_id INTEGER, hierarchy TEXT, cgroup_id INTEGER, path TEXT);
CREATE TABLE task(utid INTEGER PRIMARY KEY, run_id INTEGER, tid INTEGER, tgid INTEGER, comm TEXT, cmdline TEXT,
  ucgid INTEGER, is_recorder INTEGER);
CREATE TABLE bio(bio_id INTEGER PRIMARY KEY, run_id INTEGER, io_id INTEGER, link TEXT, parent_bio_id INTEGER,
  parent_request_id INTEGER, request_id INTEGER, op TEXT, flags TEXT, device_id INTEGER, sector INTEGER,
  size_bytes INTEGER, start_ns INTEGER, dur_ns INTEGER, alloc_ns INTEGER, device_ns INTEGER, endio_ns INTEGER,
  utid INTEGER, ucgid INTEGER, blkcg_ucgid INTEGER, ino INTEGER, error INTEGER, state TEXT);
CREATE TABLE request(request_id INTEGER PRIMARY KEY, run_id INTEGER, device_id INTEGER, part_device_id INTEGER,
  op TEXT, flags TEXT, sector INTEGER, size_bytes INTEGER, start_ns INTEGER, dur_ns INTEGER, plug_ns INTEGER,
  queue_ns INTEGER, device_ns INTEGER, complete_ns INTEGER, issue_cpu INTEGER, complete_cpu INTEGER,
  n_bios INTEGER, n_issues INTEGER, error INTEGER, state TEXT, worker_ns INTEGER AS (NULL), flush_ns INTEGER AS (NULL));
CREATE TABLE bio_request_extra(bio_id INTEGER, request_id INTEGER);
CREATE VIEW bio_request(bio_id, request_id) AS SELECT bio_id, request_id FROM bio WHERE request_id IS NOT NULL
  UNION ALL SELECT bio_id, request_id FROM bio_request_extra;
CREATE TABLE stage(flow TEXT, flow_id INTEGER, seq INTEGER, name TEXT, start_ns INTEGER, dur_ns INTEGER,
  runq_ns INTEGER, irq_ns INTEGER, softirq_ns INTEGER); -- a view in a real database; here the rows are made by hand
CREATE TABLE latency_hist(run_id INTEGER, flow TEXT, stage TEXT, device_id INTEGER, op TEXT, second INTEGER,
  bucket INTEGER, n INTEGER, sum_ns INTEGER, is_own INTEGER);
CREATE TABLE latency_stats(run_id INTEGER, flow TEXT, stage TEXT, device_id INTEGER, op TEXT, n INTEGER,
  sum_ns INTEGER, mean_ns INTEGER, p50_ns INTEGER, p90_ns INTEGER, p99_ns INTEGER, p999_ns INTEGER, max_ns INTEGER);
CREATE VIEW stage_stats AS SELECT s.run_id, s.flow, s.stage, d.name AS device, s.op, s.n, s.mean_ns, s.p50_ns,
  s.p90_ns, s.p99_ns, s.p999_ns, s.max_ns, s.sum_ns, s.device_id
  FROM latency_stats s LEFT JOIN device d USING(device_id);
CREATE TABLE load(run_id INTEGER, second INTEGER, flow TEXT, device_id INTEGER, part_device_id INTEGER, op TEXT,
  state TEXT, is_split INTEGER, n INTEGER, size_bytes INTEGER, dur_ns INTEGER, device_ns INTEGER, n_bios INTEGER,
  n_carrying INTEGER, min_id INTEGER, max_id INTEGER, link TEXT, n_errors INTEGER AS (0));
CREATE TABLE task_load(run_id INTEGER, second INTEGER, device_id INTEGER, op TEXT, utid INTEGER, ucgid INTEGER,
  bucket INTEGER, n INTEGER, sum_ns INTEGER, max_ns INTEGER, size_bytes INTEGER);
CREATE TABLE busy(run_id INTEGER, second INTEGER, flow TEXT, device_id INTEGER, op TEXT, busy_ns INTEGER);
CREATE TABLE slowest(run_id INTEGER, second INTEGER, flow TEXT, device_id INTEGER, part_device_id INTEGER, op TEXT,
  flow_id INTEGER, dur_ns INTEGER);
CREATE TABLE lost_interval(run_id INTEGER, cpu INTEGER, start_ns INTEGER, dur_ns INTEGER, cause TEXT, n INTEGER);
CREATE TABLE probe(run_id INTEGER, family TEXT, hook TEXT, variant TEXT, state TEXT, reason TEXT, runs INTEGER);
CREATE TABLE cost(run_id INTEGER, start_ns INTEGER, dur_ns INTEGER, bpf_ns INTEGER, user_ns INTEGER,
  rss_bytes INTEGER, events INTEGER, bytes INTEGER, level TEXT);
CREATE TABLE audit(run_id INTEGER, counter TEXT, kernel INTEGER, traced INTEGER, difference INTEGER,
  tolerance INTEGER, verdict TEXT);
CREATE TABLE flow_stage(flow TEXT, ord INTEGER, stage TEXT, class TEXT, words TEXT, must_run INTEGER, PRIMARY KEY(flow, ord));
CREATE INDEX bio_request_id ON bio(request_id);
"""
STAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "format", "iostages.def")
OF_BIO = ("ALLOC", "ENDIO")

EPOCH = 1780000000 * 10**9  # 2026-05-28 20:26:40 UTC
VDA, VDA1, LOOP0, ZRAM0 = 1, 2, 3, 4
FIO, KWORKER, PG, RECORDER = 1, 2, 3, 4


class Numbers:
    """A fixed sequence: a linear congruential generator, the same everywhere."""

    def __init__(self, seed):
        self.x = seed

    def below(self, n):
        self.x = (self.x * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.x >> 33) % n


def bucket_middle(v):
    """The value that latency_stats gives for v: the middle of its bucket, of 128 an octave."""
    if v < 128:
        return v
    width = 1 << (v.bit_length() - 8)
    return v // width * width + width // 2


def bucket(v):
    """Its number, as column_doc of latency_hist says."""
    if v < 128:
        return v
    e = v.bit_length() - 1
    return (e - 6) * 128 + (v >> (e - 7)) - 128


def percentile(values, per_mille):
    """Nearest rank; values sorted."""
    rank = -(-len(values) * per_mille // 1000)
    return min(bucket_middle(values[rank - 1]), values[-1])


class Db:
    def __init__(self, path, ios):
        self.c = sqlite3.connect(path)
        self.c.executescript(DDL + io_rows.DDL)
        self.ios = ios
        self.stages = {}
        self.hist = {}
        self.n = Numbers(1)
        self.flow_stages()

    def flow_stages(self):
        with open(STAGES, encoding="utf-8") as f:
            found = re.findall(r'^(KT_\w*STAGE)\((\w+), (\w+), (\w+), (\w+), "([^"]+)"', f.read(), re.M)
        for ord_, (macro, upper, name, must_run, cls, words) in enumerate(found, 1):
            of_request = macro == "KT_REQUEST_STAGE"
            for flow, has in (("io", True), ("request", of_request), ("bio", of_request or upper in OF_BIO)):
                if has:
                    self.insert("flow_stage", flow=flow, ord=ord_, stage=name, words=words, must_run=must_run == "true", **{"class": cls.lower()})

    def insert(self, table, **row):
        self.c.execute("INSERT INTO %s(%s) VALUES(%s)" % (table, ", ".join(row), ", ".join("?" * len(row))),
                       list(row.values()))

    def stage(self, run, flow, stage, device, op, ns, end):
        if ns is not None:
            self.stages.setdefault((run, flow, stage, device, op), []).append(ns)
            h = self.hist.setdefault((run, flow, stage, device, op, end // 10**9, bucket(ns)), [0, 0])
            h[0] += 1
            h[1] += ns

    def row(self, flow, flow_id, seq, name, start, ns):
        self.insert("stage", flow=flow, flow_id=flow_id, seq=seq, name=name, start_ns=start, dur_ns=ns)

    def request(self, run, rid, op, device, start, stages, size=4096, part=None, n_bios=1, state="whole", flags="",
                issues=1):
        plug, queue, dev, complete = stages
        known = [s for s in stages if s is not None]
        dur = sum(known) if state in ("whole", "lossy") else None
        self.insert("request", request_id=rid, run_id=run, device_id=device, part_device_id=part, op=op, flags=flags,
                    sector=rid * 64, size_bytes=size, start_ns=None if state == "open_at_start" else start, dur_ns=dur,
                    plug_ns=plug, queue_ns=queue, device_ns=dev if dur else None, complete_ns=complete if dur else None,
                    issue_cpu=rid % 2, complete_cpu=0, n_bios=n_bios, n_issues=issues, error=0, state=state)
        at = None if state == "open_at_start" else start
        for seq, (name, ns) in enumerate(zip(("plug", "queue", "device", "complete"), stages)):
            if ns is None or (dur is None and name in ("device", "complete")):
                continue
            self.row("request", rid, seq + 1, name, at, ns)
            at = None if at is None else at + ns
        if state == "whole":
            for name, ns in zip(("plug", "queue", "device", "complete"), stages):
                self.stage(run, "request", name, device, op, ns, start + dur)
            self.stage(run, "request", "total", device, op, dur, start + dur)
        return dur

    def bio(self, run, bid, op, device, start, dur, alloc, utid, ucgid, request=None, device_ns=None, size=4096,
            state="whole", flags="", ino=None, stages=()):
        self.insert("bio", bio_id=bid, run_id=run, op=op, flags=flags, device_id=device, sector=bid * 8,
                    size_bytes=size, start_ns=start, dur_ns=dur, alloc_ns=alloc, device_ns=device_ns, request_id=request,
                    utid=utid, ucgid=ucgid, ino=ino, error=0, state=state)
        # its own, then those of its request as they were left to it
        at = start
        for seq, (name, ns) in enumerate([("alloc", alloc), ("device", device_ns)] + list(stages)):
            if ns is not None:
                self.row("bio", bid, seq, name, at, ns)
                at += ns
                self.stage(run, "bio", name, device, op, ns, start + dur)
        assert at == start + dur
        if state == "whole":
            self.stage(run, "bio", "total", device, op, dur, start + dur)

    def sums(self):
        """What the analysis sums up as flows end, here from the rows."""
        end = "CASE WHEN dur_ns IS NOT NULL THEN (start_ns + dur_ns) / 1000000000 ELSE 9 END"
        for flow, part, split, bios, fid in (("request", "part_device_id", "0", "n_bios", "request_id"),
                                             ("bio", "NULL", "parent_bio_id IS NOT NULL", "NULL", "bio_id")):
            self.c.execute(
                "INSERT INTO load SELECT run_id, %s, '%s', device_id, %s, op, state, %s, count(*), total(size_bytes), total(dur_ns),"
                " total(device_ns), sum(%s), sum(%s > 0), min(%s), max(%s), %s FROM %s GROUP BY 1, 2, 4, 5, 6, 7, 8, 17" %
                (end, flow, part, split, bios, bios, fid, fid, "link" if flow == "bio" else "NULL", flow))
            # all of them, not only 32: a second has fewer than that wherever the order could differ
            self.c.execute("INSERT INTO slowest SELECT run_id, %s, '%s', device_id, %s, op, %s, dur_ns FROM (SELECT *, row_number()"
                           " OVER (PARTITION BY run_id, %s, device_id, op ORDER BY dur_ns DESC) AS place FROM %s WHERE state = 'whole')"
                           " WHERE place <= 32" % (end, flow, part, fid, end, flow))
            at = "start_ns + ifnull(plug_ns, 0) + ifnull(queue_ns, 0)" if flow == "request" else "start_ns"
            busy = {}
            for run, device, op, start, dur in self.c.execute(
                    "SELECT run_id, device_id, op, %s, device_ns FROM %s WHERE state = 'whole' AND device_ns IS NOT NULL"
                    " ORDER BY 4" % (at, flow)).fetchall():
                for key in ((run, device, op), (run, device, None)):
                    until, seconds = busy.setdefault(key, [0, {}])
                    start_at = max(start, until)
                    while start_at < start + dur:
                        piece = min(start + dur, (start_at // 10**9 + 1) * 10**9)
                        seconds[start_at // 10**9] = seconds.get(start_at // 10**9, 0) + piece - start_at
                        start_at = piece
                    busy[key][0] = max(until, start + dur)
            for (run, device, op), (_, seconds) in busy.items():
                for second, ns in seconds.items():
                    self.insert("busy", run_id=run, second=second, flow=flow, device_id=device, op=op, busy_ns=ns)
        who = {}
        for row in self.c.execute("SELECT run_id, (start_ns + dur_ns) / 1000000000, device_id, op, utid, ucgid, dur_ns, size_bytes FROM bio"
                                  " WHERE state = 'whole' AND parent_bio_id IS NULL AND utid IS NOT NULL"):
            w = who.setdefault(row[:6] + (bucket(row[6]),), [0, 0, 0, 0])
            w[0] += 1
            w[1] += row[6]
            w[2] = max(w[2], row[6])
            w[3] += row[7]
        self.c.executemany("INSERT INTO task_load VALUES(?,?,?,?,?,?,?,?,?,?,?)", [k + tuple(v) for k, v in who.items()])
        if self.ios:
            io_rows.sums(self, bucket)
        self.c.executemany("INSERT INTO latency_hist VALUES(?,?,?,?,?,?,?,?,?,NULL)", [k + tuple(v) for k, v in self.hist.items()])

    def finish(self):
        self.sums()
        for (run, flow, stage, device, op), v in self.stages.items():
            v.sort()
            self.insert("latency_stats", run_id=run, flow=flow, stage=stage, device_id=device, op=op, n=len(v),
                        sum_ns=sum(v), mean_ns=(sum(v) + len(v) // 2) // len(v), p50_ns=percentile(v, 500),
                        p90_ns=percentile(v, 900), p99_ns=percentile(v, 990),
                        p999_ns=percentile(v, 999) if len(v) >= 1000 else None, max_ns=v[-1])
        self.c.commit()
        self.c.close()


def names(db, run):
    k = (run - 1) * 20
    for d, dev, name, parent, sched, queues in (
            (VDA, "254:0", "vda", None, "mq-deadline", 2), (VDA1, "254:1", "vda1", VDA, None, None),
            (LOOP0, "7:0", "loop0", None, "none", 1), (ZRAM0, "252:0", "zram0", None, None, 0)):
        db.insert("device", device_id=k + d, run_id=run, dev=dev, name=name, parent_id=parent and k + parent,
                  scheduler=sched, rotational=0, size_bytes=20 << 30, hw_queues=queues)
    for c, path in ((1, "/"), (2, "/system.slice/postgresql.service"), (3, "/user.slice")):
        db.insert("cgroup", ucgid=k + c, run_id=run, hierarchy="v2", cgroup_id=c * 100, path=path)
    for t, tid, comm, cg, rec in ((FIO, 4000, "fio", 3, 0), (KWORKER, 77, "kworker/0:1H", 1, 0),
                                  (PG, 5000, "post\033[31mgres", 2, 0), (RECORDER, 6000, "ktrace-record", 3, 1)):
        db.insert("task", utid=k + t, run_id=run, tid=tid, tgid=tid, comm=comm, ucgid=k + cg, is_recorder=rec)
    return k


def traffic(db, run, k):
    """Ten seconds: reads and writes of vda, reads of loop0, swap on zram0."""
    n, rid, bid = db.n, run * 100000, run * 100000

    def start(i, of):
        return (run - 1) * 5 * 10**9 + i * 10**10 // of

    for i in range(2000):  # reads of postgres, every tenth of two bios
        slow = i % 250 == 249
        stages = (200 + n.below(2000), 20000 + n.below(100000), (9000000 if slow else 900000) + n.below(1000000),
                  3000 + n.below(9000))
        rid, bios, alloc, t = rid + 1, 2 if i % 10 == 0 else 1, n.below(1500), start(i, 2000)
        dur = db.request(run, rid, "read", k + VDA, t, stages, size=8192 * bios, part=k + VDA1, n_bios=bios)
        for b in range(bios):
            bid += 1
            # the second is queued 100 ns after its request was got, and merged 50 ns later: that is within its plug
            begin, wait = (t - alloc, alloc) if b == 0 else (t + 100, 50)
            left = list(zip(("plug", "queue", "device", "complete"), stages))
            if b == 1:
                left[0] = ("plug", stages[0] - 150)
            db.bio(run, bid, "read", k + VDA1, begin, t + dur - begin, wait, k + PG, k + 2, request=rid, size=8192,
                   ino=131, stages=left)
    for i in range(300):  # writeback
        stages = (n.below(2000), 200000 + n.below(2000000), 500000 + n.below(400000), 3000 + n.below(9000))
        rid, bid, alloc, t = rid + 1, bid + 1, 150000 + n.below(100000), start(i, 300) + 7
        who = RECORDER if i % 100 == 99 else KWORKER
        dur = db.request(run, rid, "write", k + VDA, t, stages, size=65536, part=k + VDA1, issues=2 if i == 5 else 1)
        db.bio(run, bid, "write", k + VDA1, t - alloc, dur + alloc, alloc, k + who, k + 1, request=rid, size=65536,
               flags="background", ino=200 + i, stages=list(zip(("plug", "queue", "device", "complete"), stages)))
    for i in range(12):  # flushes: no bios
        rid += 1
        db.request(run, rid, "flush", k + VDA, start(i, 12) + 9, (None, None, 1500000 + n.below(90000), None), size=0,
                   n_bios=0, flags="preflush")
    for i, state in enumerate(("open_at_start", "open_at_start", "lossy", "lossy", "lossy", "open_at_end")):
        rid += 1
        begin = (run - 1) * 5 * 10**9 + 4 * 10**9 - 200 * i if state == "lossy" else start(i, 6) + 11
        db.request(run, rid, "read", k + VDA, begin, (500, 20000, 900000, 5000), part=k + VDA1, state=state)
    for i in range(400):  # no scheduler: no insert, plug lasts to the issue
        rid, bid, alloc, t = rid + 1, bid + 1, 300 + n.below(100), start(i, 400) + 13
        stages = (400 + n.below(100), None, 21000 + n.below(20000), None)
        dur = db.request(run, rid, "read", k + LOOP0, t, stages)
        db.bio(run, bid, "read", k + LOOP0, t - alloc, dur + alloc, alloc, k + FIO, k + 3, request=rid,
               stages=[("plug", stages[0]), ("device", stages[2])])
    for i in range(50):
        bid += 1
        ns = 1200 + n.below(600)
        db.bio(run, bid, "write", k + ZRAM0, start(i, 50) + 17, ns, None, k + KWORKER, k + 1, device_ns=ns, flags="swap")


def one_run(db, run, empty=False):
    k = names(db, run)
    t0 = (run - 1) * 5 * 10**9
    if not empty:
        (io_rows if db.ios else sys.modules[__name__]).traffic(db, run, k)
        db.insert("lost_interval", run_id=run, cpu=1, start_ns=t0 + 4 * 10**9, dur_ns=12000000, cause="ring_full", n=37)
        db.insert("lost_interval", run_id=run, cpu=0, start_ns=t0 + 6 * 10**9, dur_ns=900000, cause="damaged_block", n=None)
        for counter, kernel, traced, tol in (("vda read requests", 2006, 2006, 0), ("vda read sectors", 35296, 35296, 0),
                                             ("vda write requests", 301, 300, 2), ("loop0 read requests", 403, 400, 0),
                                             ("zram0 write requests", None, 50, 0)):
            diff = None if kernel is None else traced - kernel
            db.insert("audit", run_id=run, counter=counter, kernel=kernel, traced=traced, difference=diff,
                      tolerance=tol, verdict="n/a" if kernel is None else "ok" if abs(diff) <= tol else "off")
    for i in range(10):
        db.insert("cost", run_id=run, start_ns=t0 + i * 10**9, dur_ns=10**9, bpf_ns=1400000 + i * 1000,
                  user_ns=2000000, rss_bytes=(20 << 20) + i * 4096, events=0 if empty else 1130, bytes=9000,
                  level="none" if i < 8 else "no merges")
    for family, hook, state, reason, runs in (
            ("bio", "block_bio_queue", "attached", None, 2963), ("bio", "block_split", "attached", None, 0),
            ("request", "block_rq_issue", "attached", None, 2719), ("request", "block_rq_complete", "attached", None, 2720),
            ("request", "block_rq_remap", "missing", "this kernel has no such tracepoint", None)):
        db.insert("probe", run_id=run, family=family, hook=hook, state=state, reason=reason,
                  runs=None if runs is None else 0 if empty else runs)
    db.insert("run", run_id=run, file="run%d.ktr" % run if run > 1 else "run.ktr", uuid="0" * 31 + str(run), host="db%d" % run, boot_id="b",
              kernel="6.18.0", start_ns=t0, dur_ns=10**10, clock_err_ns=900, command="fio --name=x",
              kinds="core,bio,request" + (",page,sched,irq,io" if db.ios else ""), filters="", events=0 if empty else 11300, lost=0 if empty else 37,
              unknown_events=0, backward_clock=0, file_bytes=90000)


def main():
    path, variant = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "whole"
    if os.path.exists(path):
        os.remove(path)
    if variant == "foreign":
        c = sqlite3.connect(path)
        c.execute("CREATE TABLE shopping(item TEXT)")
        c.commit()
        return
    db = Db(path, variant in ("io", "io2"))
    db.insert("meta", key="epoch_realtime_ns", value=EPOCH)
    if variant != "noversion":
        db.insert("meta", key="schema_version", value=999 if variant == "newer" else 1)
    one_run(db, 1, variant == "empty")
    if variant in ("two", "io2"):
        one_run(db, 2)
    db.finish()


main()
