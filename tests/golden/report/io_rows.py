# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Operations (flow io) for make-db.py: ten seconds of a small server whose trouble is known.

fio reads a file directly, a few times kept from the CPU by a hog; sqlite writes into the page cache and calls fsync, which
waits for the journal; kworkers write back what it made dirty; postgres reads what is cached; a loop disk lies on vda; a backup
is throttled. All numbers come from the fixed sequence; the sums are worked out from the rows.
"""

DDL = """
CREATE TABLE io(io_id INTEGER PRIMARY KEY, run_id INTEGER, kind TEXT, op TEXT, parent_io_id INTEGER, start_ns INTEGER,
  dur_ns INTEGER, utid INTEGER, ucgid INTEGER, device_id INTEGER, ino INTEGER, path TEXT, offset_bytes INTEGER,
  part_device_id INTEGER, size_bytes INTEGER, moved_bytes INTEGER, result INTEGER, n_bios INTEGER, submit_ns INTEGER, throttle_ns INTEGER, alloc_ns INTEGER,
  plug_ns INTEGER, queue_ns INTEGER, device_ns INTEGER, complete_ns INTEGER, endio_ns INTEGER, wakeup_ns INTEGER,
  return_ns INTEGER, between_ns INTEGER, cached_ns INTEGER, runq_ns INTEGER, irq_ns INTEGER, softirq_ns INTEGER, state TEXT,
  via TEXT AS (CASE WHEN cached_ns IS NOT NULL THEN 'cache' ELSE 'disk' END), error INTEGER AS (NULL), blocked_ns INTEGER AS (NULL),
  worker_ns INTEGER AS (NULL), flush_ns INTEGER AS (NULL));
CREATE TABLE stage_extra(flow TEXT, flow_id INTEGER, seq INTEGER, name TEXT, start_ns INTEGER, dur_ns INTEGER, bio_id INTEGER);
CREATE TABLE disturbance(flow TEXT, flow_id INTEGER, seq INTEGER, cause TEXT, start_ns INTEGER, dur_ns INTEGER,
  by_utid INTEGER, by_irq TEXT);
CREATE TABLE wake(flow TEXT, flow_id INTEGER, seq INTEGER, waker_utid INTEGER, request_id INTEGER);
CREATE TABLE bio_origin(bio_id INTEGER, io_id INTEGER, utid INTEGER, ucgid INTEGER, dirty_ns INTEGER, offset_bytes INTEGER,
  size_bytes INTEGER, link TEXT);
CREATE TABLE io_load(run_id INTEGER, second INTEGER, kind TEXT, op TEXT, device_id INTEGER, utid INTEGER, ucgid INTEGER,
  is_cached INTEGER, state TEXT, n INTEGER, size_bytes INTEGER, n_bios INTEGER, dur_ns INTEGER, max_ns INTEGER,
  submit_ns INTEGER, throttle_ns INTEGER, alloc_ns INTEGER, plug_ns INTEGER, queue_ns INTEGER, device_ns INTEGER,
  complete_ns INTEGER, endio_ns INTEGER, wakeup_ns INTEGER, return_ns INTEGER, between_ns INTEGER, cached_ns INTEGER,
  runq_ns INTEGER, irq_ns INTEGER, softirq_ns INTEGER, min_id INTEGER, max_id INTEGER,
  via TEXT AS (CASE WHEN is_cached THEN 'cache' ELSE 'disk' END), error INTEGER AS (NULL), blocked_ns INTEGER AS (NULL),
  worker_ns INTEGER AS (NULL), flush_ns INTEGER AS (NULL),
  n_runq INTEGER AS (CASE WHEN runq_ns IS NULL THEN 0 ELSE n END), slept_ns INTEGER AS (NULL));
CREATE TABLE io_hist(run_id INTEGER, second INTEGER, kind TEXT, op TEXT, device_id INTEGER, utid INTEGER, ucgid INTEGER,
  is_cached INTEGER, bucket INTEGER, n INTEGER, sum_ns INTEGER, max_ns INTEGER,
  via TEXT AS (CASE WHEN is_cached THEN 'cache' ELSE 'disk' END));
CREATE TABLE io_hist_all(run_id INTEGER, second INTEGER, kind TEXT, op TEXT, device_id INTEGER, utid INTEGER, ucgid INTEGER,
  is_cached INTEGER, bucket INTEGER, n INTEGER, sum_ns INTEGER, max_ns INTEGER,
  via TEXT AS (CASE WHEN is_cached THEN 'cache' ELSE 'disk' END));
CREATE TABLE file_load(run_id INTEGER, second INTEGER, device_id INTEGER, ino INTEGER, path TEXT, op TEXT, utid INTEGER,
  ucgid INTEGER, is_cached INTEGER, n INTEGER, size_bytes INTEGER, dur_ns INTEGER, max_ns INTEGER,
  via TEXT AS (CASE WHEN is_cached THEN 'cache' ELSE 'disk' END));
CREATE TABLE sched_task(run_id INTEGER, utid INTEGER, run_ns INTEGER, runq_ns INTEGER, irq_ns INTEGER, softirq_ns INTEGER,
  sleep_ns INTEGER, n_switches INTEGER, n_preempted INTEGER, n_wakeups INTEGER, n_migrated INTEGER, max_runq_ns INTEGER,
  max_runq_at_ns INTEGER, max_runq_by_utid INTEGER);
CREATE TABLE sched_delay(run_id INTEGER, utid INTEGER, by_utid INTEGER, n INTEGER, runq_ns INTEGER, max_runq_ns INTEGER);
CREATE TABLE sched_cpu(run_id INTEGER, second INTEGER, cpu INTEGER, run_ns INTEGER, n_switches INTEGER, n_waits INTEGER,
  runq_ns INTEGER, max_runq_ns INTEGER);
CREATE TABLE irq_load(run_id INTEGER, second INTEGER, cpu INTEGER, kind TEXT, nr INTEGER, name TEXT, n INTEGER, time_ns INTEGER,
  max_ns INTEGER);
CREATE INDEX bio_io_id ON bio(io_id);
CREATE INDEX disturbance_flow ON disturbance(flow_id, flow);
CREATE INDEX wake_flow ON wake(flow_id, flow);
"""

STAGES = ("submit", "throttle", "alloc", "plug", "queue", "device", "complete", "endio", "wakeup", "return", "between",
          "cached")
MS, US = 10**6, 10**3
VDA, VDA1, LOOP0 = 1, 2, 3
FIO, KWORKER, PG, RECORDER, SQLITE, JBD2, HOG, BACKUP, IDLE, URING, LOOPW = range(1, 12)
PATHS = {131: "/data/bench/fio.img", 132: "/data/sqlite/orders.db", 133: "/data/sqlite/orders.db-journal",
         134: "/data/pg/base/16384/a\x07table", 135: "/data/backup/full.tar", 200: "/vm/disk.img"}


def tasks(db, run, k):
    for t, tid, comm, cg in ((SQLITE, 4200, "sqlite", 3), (JBD2, 88, "jbd2/vda1-8", 1), (HOG, 4100, "stress-ng", 3),
                             (BACKUP, 4300, "backup", 3), (IDLE, 0, "swapper/0", 1), (URING, 4400, "qemu", 3),
                             (LOOPW, 91, "kworker/u4:2", 1)):
        db.insert("task", utid=k + t, run_id=run, tid=tid, tgid=tid, comm=comm, ucgid=k + cg, is_recorder=0)


class Ios:
    def __init__(self, db, run, k):
        self.db, self.run, self.k, self.n = db, run, k, db.n
        self.id = self.bid = self.rid = run * 100000 + 50000

    def io(self, kind, op, start, stages, task, device=VDA1, ino=None, offset=None, size=None, n_bios=0, parent=None,
           state="whole", cgroup=3, disturb=(), wakes=(), result=None):
        """stages: (name, ns[, bio]) as they follow each other. disturb: (index, cause, after_ns, ns, by task, by irq)."""
        db, run, k = self.db, self.run, self.k
        self.id += 1
        sums, dur = dict.fromkeys(STAGES), sum(s[1] for s in stages)
        for s in stages:
            sums[s[0]] = (sums[s[0]] or 0) + s[1]
        several = len(set(s[0] for s in stages)) < len(stages)
        blocked = dict.fromkeys(("runq", "irq", "softirq"), None if sums["cached"] is not None else 0)
        for d in disturb:
            blocked[d[1]] += d[3]
        open_end = state == "open_at_end"
        db.insert("io", io_id=self.id, run_id=run, kind=kind, op=op, parent_io_id=parent, start_ns=start,
                  dur_ns=None if open_end else dur, utid=k + task, ucgid=k + cgroup, device_id=k + device, ino=ino,
                  path=PATHS.get(ino), offset_bytes=offset, size_bytes=size,
                  moved_bytes=None if open_end else size,
                  result=None if open_end else size if result is None else result, n_bios=n_bios,
                  **{n + "_ns": None if open_end else v for n, v in sums.items()},
                  **{n + "_ns": None if open_end else v for n, v in blocked.items()}, state=state)
        at = start
        for i, s in enumerate(stages):
            if open_end:
                break
            seq = i + 1 if several else STAGES.index(s[0]) + 1
            own = {c: sum(d[3] for d in disturb if d[0] == i and d[1] == c) for c in blocked}
            must_run = s[0] in ("submit", "alloc", "plug", "between", "endio", "wakeup", "return")
            db.insert("stage", flow="io", flow_id=self.id, seq=seq, name=s[0], start_ns=at, dur_ns=s[1],
                      **{c + "_ns": v if must_run else None for c, v in own.items()})
            if several:
                db.insert("stage_extra", flow="io", flow_id=self.id, seq=seq, name=s[0], start_ns=at, dur_ns=s[1],
                          bio_id=s[2] if len(s) > 2 else None)
            for d in disturb:
                if d[0] == i:
                    db.insert("disturbance", flow="io", flow_id=self.id, seq=seq, cause=d[1], start_ns=at + d[2], dur_ns=d[3],
                              by_utid=None if d[4] is None else k + d[4], by_irq=d[5])
            for w in wakes:
                if w[0] == i:
                    db.insert("wake", flow="io", flow_id=self.id, seq=seq, waker_utid=None if w[1] is None else k + w[1],
                              request_id=w[2])
            at += s[1]
        if state == "whole":
            for name, ns in sums.items():
                db.stage(run, "io", name, k + device, op, ns, start + dur)
            db.stage(run, "io", "total", k + device, op, dur, start + dur)
        return self.id

    def disk(self, start, op, stages, task, io, size=4096, device=VDA, part=VDA1, cgroup=3, flags="", parent_request=None,
             link="exact", blkcg=None, ino=None):
        """A bio and its request; start: of the bio. stages: alloc, plug, queue, device, complete, endio. Returns both ids."""
        db, run, k = self.db, self.run, self.k
        self.bid += 1
        self.rid += 1
        alloc, *rq, endio = stages
        known = sum(s for s in rq if s is not None)
        db.request(run, self.rid, op, k + device, start + alloc, rq, size=size, part=part and k + part, flags=flags)
        db.bio(run, self.bid, op, k + (part or device), start, alloc + known + (endio or 0), alloc, k + task, k + cgroup,
               request=self.rid, size=size, flags=flags, ino=ino,
               stages=list(zip(("plug", "queue", "device", "complete", "endio"), rq + [endio])))
        db.c.execute("UPDATE bio SET io_id = ?, link = ?, endio_ns = ?, parent_request_id = ?, blkcg_ucgid = ? WHERE bio_id = ?",
                     (io, link if io else None, endio, parent_request, blkcg and k + blkcg, self.bid))
        return self.bid, self.rid


def sched(db, run, k):
    """fio and the hog share CPU 1; each second alike."""
    t0 = (run - 1) * 5 * 10**9
    for t, ran, waited, switches, preempted, longest, by in (
            (FIO, 420, 81, 2010, 0, 5900 * US, HOG), (HOG, 9400, 31, 940, 20, 2100 * US, FIO), (SQLITE, 61, 2, 700, 0, 90 * US, None),
            (PG, 800, 0, 55, 0, None, None), (KWORKER, 12, 1, 90, 0, 40 * US, JBD2), (JBD2, 9, 0, 120, 0, 30 * US, None)):
        db.insert("sched_task", run_id=run, utid=k + t, run_ns=ran * MS, runq_ns=waited * MS, irq_ns=260 * US if t == FIO else 0,
                  softirq_ns=0, sleep_ns=(10000 - ran - waited) * MS, n_switches=switches, n_preempted=preempted, n_wakeups=switches - preempted,
                  n_migrated=switches // 50, max_runq_ns=longest, max_runq_at_ns=None if longest is None else t0 + 70 * MS,
                  max_runq_by_utid=by and k + by)
    for t, by, n, waited, longest in ((FIO, HOG, 20, 78 * MS, 5900 * US), (FIO, None, 300, 3 * MS, 60 * US), (HOG, FIO, 900, 31 * MS, 2100 * US),
                                      (SQLITE, KWORKER, 40, 2 * MS, 90 * US), (KWORKER, JBD2, 11, 1 * MS, 40 * US)):
        db.insert("sched_delay", run_id=run, utid=k + t, by_utid=by and k + by, n=n, runq_ns=waited, max_runq_ns=longest)
    for second in range(10):
        for cpu, ran in ((0, 130), (1, 985)):
            db.insert("sched_cpu", run_id=run, second=t0 // 10**9 + second, cpu=cpu, run_ns=ran * MS, n_switches=200 + 40 * cpu,
                      n_waits=90 + cpu, runq_ns=(1 + 10 * cpu) * MS, max_runq_ns=(60 + 5840 * cpu) * US)

        for cpu, kind, nr, name, n, ns, longest in (
                (0, "hard", 25, "virtio1-req.0", 130, 3900, 16200), (1, "hard", 31, "virtio3-input.0", 60, 2100, 58300),
                (0, "soft", 4, "BLOCK", 128, 7100, 22000), (1, "soft", 3, "NET_RX", 55, 12000, 68500), (0, "soft", 1, "TIMER", 250, 900, 4100),
                (1, "soft", 1, "TIMER", 249, 950, 4300)):
            db.insert("irq_load", run_id=run, second=t0 // 10**9 + second, cpu=cpu, kind=kind, nr=nr, name=name, n=n, time_ns=n * ns,
                      max_ns=longest)


def traffic(db, run, k):
    sched(db, run, k)
    x, below = Ios(db, run, k), db.n.below

    def start(i, of):
        return (run - 1) * 5 * 10**9 + i * (10**10 - 200 * MS) // of + 1 * MS

    tasks(db, run, k)
    for i in range(1000):  # direct reads
        slow, hogged, interrupted = i % 125 == 124, i % 50 == 7, i % 100 == 33
        b = [400 + below(200), 300 + below(200), 20 * US + below(80000), (9 * MS if slow else 900 * US) + below(900000),
             3000 + below(9000), 1500 + below(900)]
        submit, wakeup, ret = 6000 + below(4000), 3000 + below(2000), 2000 + below(900)
        runq, irq = (2 * MS + below(4 * MS)) if hogged else 0, (40 * US + below(30000)) if interrupted else 0
        t = start(i, 1000)
        disturb, wakes = [], [(7, IDLE, x.rid + 1)]
        if hogged:
            disturb.append((7, "runq", wakeup // 2, runq, HOG, None))
        if interrupted:
            disturb.append((0, "irq" if i % 200 == 33 else "softirq", submit // 2, irq, None,
                            "virtio3-input.0" if i % 200 == 33 else "NET_RX"))
        io = x.io("syscall", "read", t, [("submit", submit + irq), ("alloc", b[0]), ("plug", b[1]), ("queue", b[2]),
                                         ("device", b[3]), ("complete", b[4]), ("endio", b[5]), ("wakeup", wakeup + runq),
                                         ("return", ret)],
                  FIO, ino=131, offset=i * 16384, size=16384, n_bios=1, disturb=disturb, wakes=wakes)
        x.disk(t + submit + irq, "read", b, FIO, io, size=16384, ino=131)
    for i in range(20000):  # in the page cache
        x.io("syscall", "read", start(i, 20000) + 3, [("cached", 900 + below(900))], PG, ino=134, offset=i % 512 * 8192, size=8192,
             cgroup=2)
    for i in range(500):  # into the page cache
        x.io("syscall", "write", start(i, 500) + 5, [("cached", 3000 + below(5000))], SQLITE, ino=132, offset=i * 4096, size=4096)
    for i in range(40):  # fsync: the data, then the journal's commit: its blocks, a flush, the commit block
        t = start(i, 40) + 77 * US
        data = [500, 700, 30 * US + below(40000), 500 * US + below(200000), 4000, 2000]
        log = [400, 600, 15 * US, 700 * US + below(300000), 4000, 1200]
        last = [300, 500, 9 * US, (21 * MS if i == 20 else 1400 * US) + below(300000), 3500, 1800]
        gap = 25 * US + below(9000)
        commit_start = t + 12 * US + sum(data) + 14 * US
        commit = x.io("journal", "commit", commit_start,
                      [("submit", 9000), ("alloc", log[0]), ("plug", log[1]), ("queue", log[2], x.bid + 1), ("device", log[3]),
                       ("complete", log[4]), ("endio", log[5]), ("between", gap), ("alloc", last[0]), ("plug", last[1]),
                       ("queue", last[2]), ("device", last[3]), ("complete", last[4]), ("endio", last[5]), ("wakeup", 5000),
                       ("return", 3000)], JBD2, cgroup=1, size=12288, n_bios=2, wakes=[(14, IDLE, x.rid + 2)])
        x.disk(commit_start + 9000, "write", log, JBD2, commit, size=8192, cgroup=1, flags="sync", ino=8)
        x.disk(commit_start + 9000 + sum(log) + gap, "write", last, JBD2, commit, size=4096, cgroup=1, flags="preflush fua sync",
               ino=8)
        commit_dur = db.c.execute("SELECT dur_ns FROM io WHERE io_id = ?", (commit,)).fetchone()[0]
        wait = 14 * US + commit_dur - 8000 - sum(log) - gap - sum(last) - 3000
        fsync = x.io("syscall", "fsync", t,
                     [("submit", 12 * US), ("alloc", data[0]), ("plug", data[1]), ("queue", data[2], x.bid + 1),
                      ("device", data[3]), ("complete", data[4]), ("endio", data[5]), ("between", wait),
                      ("alloc", log[0]), ("plug", log[1]), ("queue", log[2], x.bid - 1), ("device", log[3]), ("complete", log[4]),
                      ("endio", log[5]), ("between", gap), ("alloc", last[0]), ("plug", last[1]),
                      ("queue", last[2], x.bid), ("device", last[3]), ("complete", last[4]), ("endio", last[5] + 5000),
                      ("wakeup", 9000), ("return", 4000)],
                     SQLITE, ino=132, size=None, n_bios=1, parent=commit, result=0, wakes=[(21, JBD2, x.rid)])
        bid, _ = x.disk(t + 12 * US, "write", data, SQLITE, fsync, size=20480, flags="sync", ino=132)
        db.insert("bio_origin", bio_id=bid, io_id=None, utid=k + SQLITE, ucgid=k + 3, dirty_ns=t - 150 * MS, offset_bytes=i * 20480,
                  size_bytes=20480, link="exact")
    for i in range(30):  # writeback, of what sqlite and the backup made dirty
        t = start(i, 30) + 900 * US
        b = [90 * US + below(60000), 800, 150 * US + below(400000), 700 * US + below(500000), 5000, 2500]
        io = x.io("writeback", "writeback", t, [("submit", 30 * US), ("alloc", b[0]), ("plug", b[1]), ("queue", b[2]),
                                                ("device", b[3]), ("complete", b[4]), ("endio", b[5])],
                  KWORKER, cgroup=1, ino=133, offset=0, size=65536, n_bios=1)
        bid, _ = x.disk(t + 30 * US, "write", b, KWORKER, io, size=65536, cgroup=1, flags="background", link="inferred", blkcg=3,
                        ino=133)
        for who, at, off, size in ((SQLITE, 4000 * MS, 0, 49152), (BACKUP, 900 * MS, 49152, 12288)):
            db.insert("bio_origin", bio_id=bid, io_id=None, utid=k + who, ucgid=k + 3, dirty_ns=t - at, offset_bytes=off,
                      size_bytes=size, link="exact" if who == SQLITE else "inferred")
    for i in range(25):  # mmap
        b = [300, 200, None, 80 * US + below(30000), 2500, 900]
        t = start(i, 25) + 211 * US
        io = x.io("fault", "fault", t, [("submit", 8000), ("alloc", b[0]), ("plug", b[1]), ("device", b[3]), ("complete", b[4]),
                                        ("endio", b[5]), ("wakeup", 4000)], PG, ino=134, offset=i << 20, size=4096, n_bios=1,
                  cgroup=2, wakes=[(6, IDLE, x.rid + 1)])
        x.disk(t + 8000, "read", b, PG, io, cgroup=2, flags="rahead" if i % 2 else "", ino=134)
    for i in range(60):  # io_uring on a loop disk, whose file is on vda
        lower = [300, 300, 22 * US, 600 * US + below(500000), 4000, 1500]
        before, after = 40 * US + below(20000), 15 * US
        t = start(i, 60) + 401 * US
        device = before + sum(lower) + after
        io = x.io("io_uring", "read", t, [("submit", 5000), ("alloc", 300), ("plug", 400), ("device", device), ("endio", 1800)],
                  URING, device=LOOP0, offset=i * 65536, size=65536, n_bios=1)
        _, upper = x.disk(t + 5000, "read", [300, 400, None, device, None, 1800], URING, io, size=65536, device=LOOP0, part=None)
        x.disk(t + 5000 + 700 + before, "read", lower, LOOPW, None, size=65536, cgroup=1, parent_request=upper, ino=200)
    for i in range(4):  # a cgroup's limit
        b = [500, 300, 40 * US, 1200 * US, 5000, 2000]
        t, throttle = start(i, 4) + 2 * MS, 35 * MS + below(9 * MS)
        io = x.io("syscall", "write", t, [("submit", 9000), ("throttle", throttle), ("alloc", b[0]), ("plug", b[1]), ("queue", b[2]),
                                          ("device", b[3]), ("complete", b[4]), ("endio", b[5]), ("wakeup", 4000),
                                          ("return", 3000)], BACKUP, ino=135, offset=i << 20, size=1 << 20, n_bios=1)
        x.disk(t + 9000 + throttle, "write", b, BACKUP, io, size=1 << 20, ino=135)
    for i, state in enumerate(("lossy", "lossy", "open_at_end")):
        x.io("syscall", "read", (run - 1) * 5 * 10**9 + 4 * 10**9 - 300 * US + i, [("submit", 8000), ("device", 900 * US)], FIO, ino=131,
             offset=0, size=16384, n_bios=1, state=state)
    x.io("syscall", "read", start(1, 3), [("cached", 2100)], RECORDER, ino=134, offset=0, size=4096)


def sums(db, bucket):
    """io_load, io_hist, file_load, and what load and slowest hold of ios."""
    end = "CASE WHEN dur_ns IS NOT NULL THEN (start_ns + dur_ns) / 1000000000 ELSE 9 END"
    stages = ", ".join("sum(%s_ns)" % s for s in STAGES)
    db.c.execute("INSERT INTO io_load SELECT run_id, %s, kind, op, device_id, utid, ucgid, cached_ns IS NOT NULL, state, count(*),"
                 " total(moved_bytes), sum(n_bios), total(dur_ns), ifnull(max(dur_ns), 0), %s, sum(runq_ns), sum(irq_ns), sum(softirq_ns),"
                 " min(io_id), max(io_id) FROM io GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9" % (end, stages))
    hist = {}
    for row in db.c.execute("SELECT run_id, %s, kind, op, device_id, utid, ucgid, cached_ns IS NOT NULL, dur_ns FROM io"
                            " WHERE state = 'whole'" % end):
        h = hist.setdefault(row[:8] + (bucket(row[8]),), [0, 0, 0])
        h[0] += 1
        h[1] += row[8]
        h[2] = max(h[2], row[8])
    db.c.executemany("INSERT INTO io_hist VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", [key + tuple(v) for key, v in hist.items()])
    db.c.execute("INSERT INTO io_hist_all SELECT run_id, NULL, kind, op, device_id, utid, ucgid, is_cached, bucket, sum(n), sum(sum_ns),"
                 " max(max_ns) FROM io_hist GROUP BY 1, 3, 4, 5, 6, 7, 8, 9")
    db.c.execute("INSERT INTO file_load SELECT run_id, %s, device_id, ino, max(path), op, utid, ucgid, cached_ns IS NOT NULL, count(*),"
                 " total(moved_bytes), sum(dur_ns), max(dur_ns) FROM io WHERE state = 'whole' AND ino IS NOT NULL"
                 " GROUP BY 1, 2, 3, 4, 6, 7, 8, 9" % end)
    db.c.execute("INSERT INTO load SELECT run_id, %s, 'io', device_id, NULL, op, state, 0, count(*), total(moved_bytes), total(dur_ns),"
                 " total(device_ns), sum(n_bios), sum(n_bios > 0), min(io_id), max(io_id), NULL FROM io GROUP BY 1, 2, 4, 6, 7" % end)
    db.c.execute("INSERT INTO slowest SELECT run_id, %s, 'io', device_id, NULL, op, io_id, dur_ns FROM (SELECT *, row_number()"
                 " OVER (PARTITION BY run_id, %s, device_id, op ORDER BY dur_ns DESC) AS place FROM io WHERE state = 'whole')"
                 " WHERE place <= 32" % (end, end))
