#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""ktrace-report --perfetto: perfetto.py KTRACE-REPORT KTRACE-ANALYZE [DATABASE]. With a database, what is compared on any.

What pftrace.py reads in the file is compared with what SQL says of the database: tracks, slices, stages, arrows, counters, losses. Files that are broken
on purpose have to be found by the same comparison. Where tests/setup found npm, Google's trace_processor reads the files as well.
"""
import collections
import contextlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dbs  # noqa: E402
import ktest  # noqa: E402
import pftrace  # noqa: E402
from ktest import check  # noqa: E402

TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
MS = 10**6
S = 10**9


def export(db, *args, out="-", **kw):
    return ktest.run(TOOL, "--perfetto", out, *args, db, check=False, text=False, env=ktest.plain_env(), timeout=120, **kw)


def trace_of(db, *args):
    p = export(db, *args)
    check(p.returncode == 0, "%s %r: exit %d: %s" % (db, args, p.returncode, p.stderr))
    return p.stdout, p.stderr.decode()


# ---------------------------------------------------------------- what has to be in it


class Database:
    """A database as a trace has to show it. chosen: {(flow, id)}; None: all."""

    def __init__(self, path, chosen=None, filtered=False):
        con = self.con = ktest.open_db(path)
        self.epoch = con.execute("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'").fetchone()
        self.epoch = self.epoch[0] if self.epoch else 0
        self.several = con.execute("SELECT count(*) FROM run").fetchone()[0] > 1
        self.kinds = {k[0]: k for k in con.execute("SELECT flow, letter, one, many, waits_for IS NOT NULL, object_tbl, object_word, id_col FROM flow_kind")}
        self.tasks = dict(con.execute("SELECT utid, comm || ' [' || tid || ']' FROM task"))
        own = {u for u, in con.execute("SELECT utid FROM task WHERE is_recorder")}
        self.objects = {(t, i): n for t, i, n in con.execute("SELECT tbl, object_id, name FROM flow_object")}
        self.filtered = filtered or con.execute("SELECT count(*) FROM meta WHERE key = 'keep_ns'").fetchone()[0] > 0
        self.flows = {}
        cols = "flow, flow_id, run_id, op, object_id, utid, what, size_bytes, start_ns, dur_ns, state"
        for row in con.execute("SELECT %s FROM flow" % cols):
            if row[8] is not None and (chosen is None and row[5] not in own or chosen is not None and row[:2] in chosen):
                self.flows[row[:2]] = row

    def run(self, run_id):
        return ("Run %d" % run_id,) if self.several else ()

    def object(self, flow, run_id, object_id):
        k = self.kinds[flow]
        return self.run(run_id) + ("%s %s" % (k[6], "not known" if object_id is None else self.objects.get((k[5], object_id), object_id)),)

    def path(self, row):
        k = self.kinds[row[0]]
        if k[4] and row[5] is not None:
            return self.run(row[2]) + ("Tasks", self.tasks[row[5]])
        return self.object(row[0], row[2], row[4])

    def id(self, key):
        return "%s%d" % (self.kinds[key[0]][1], key[1])

    def slices(self):
        """(path, category, name, ts, dur, id, what, size, state): dur None where it is open; instants apart."""
        found, instants = collections.Counter(), collections.Counter()
        for key, r in self.flows.items():
            instant = r[9] is None and r[10] != "open_at_end"
            (instants if instant else found)[self.path(r) + (self.kinds[r[0]][3],), "flow", r[3] or self.kinds[r[0]][2], self.epoch + r[8], r[9],
                                             self.id(key), r[6], r[7], None if r[10] == "whole" else r[10]] += 1
        return found, instants

    def stages(self):
        return collections.Counter((self.id((f, i)), n, self.epoch + s, d, a, b, c) for f, i, n, s, d, a, b, c in self.con.execute(
            "SELECT flow, flow_id, name, start_ns, dur_ns, runq_ns, irq_ns, softirq_ns FROM stage") if (f, i) in self.flows)

    def has(self, table):
        return self.con.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0] > 0

    def disturbances(self):
        if not self.has("disturbance"):
            return collections.Counter()
        return collections.Counter(
            (self.path(self.flows[f, i]) + ("waits for the CPU",), c, self.epoch + s, d, self.tasks.get(u), q) for f, i, c, s, d, u, q in self.con.execute(
                "SELECT flow, flow_id, cause, start_ns, dur_ns, by_utid, by_irq FROM disturbance") if (f, i) in self.flows)

    def arrows(self):
        """{frozenset of two ends}: an id, or (id, stage's start)."""
        found = collections.Counter()
        for a, i, b, j in self.con.execute("SELECT flow, flow_id, lower, lower_id FROM flow_link"):
            if (a, i) in self.flows and (b, j) in self.flows:
                found[frozenset((self.id((a, i)), self.id((b, j))))] += 1
        if self.has("wake"):
            for f, i, r, s in self.con.execute("SELECT w.flow, w.flow_id, w.request_id, g.start_ns FROM wake w JOIN stage g ON g.flow = w.flow"
                                               " AND g.flow_id = w.flow_id AND g.seq = w.seq"):
                if (f, i) in self.flows and ("request", r) in self.flows:
                    found[frozenset((self.id(("request", r)), (self.id((f, i)), self.epoch + s)))] += 1
        for path, ts, f, i in self.wakings():
            found[frozenset(((path, ts), (self.id((f, i)), ts)))] += 1
        return found

    def wakings(self):
        """(path, ts, flow, id): a task ended a wait of a flow."""
        if not self.has("wake"):
            return []
        return [(self.run(r) + ("Tasks", self.tasks[u], "wakes others"), self.epoch + s, f, i) for r, u, s, f, i in self.con.execute(
            "SELECT f.run_id, w.waker_utid, g.start_ns, w.flow, w.flow_id FROM wake w JOIN stage g ON g.flow = w.flow AND g.flow_id = w.flow_id"
            " AND g.seq = w.seq JOIN flow f ON f.flow = w.flow AND f.flow_id = w.flow_id WHERE w.waker_utid IS NOT NULL") if (f, i) in self.flows]

    def in_flight(self):
        """{path: [(ts, value)]}"""
        changes = collections.defaultdict(lambda: collections.defaultdict(int))
        for r in self.flows.values():
            if r[9] is None and r[10] != "open_at_end":
                continue
            path = self.object(r[0], r[2], r[4]) + (self.kinds[r[0]][3] + " in flight" + (", of those shown" if self.filtered else ""),)
            changes[path][self.epoch + r[8]] += 1
            if r[9] is not None:
                changes[path][self.epoch + r[8] + r[9]] -= 1
        found = {}
        for path, by_ts in changes.items():
            value, found[path] = 0, []
            for ts, by in sorted(by_ts.items()):
                value += by
                found[path].append((ts, value))
        return found

    def rates(self):
        """From flow_load; a second without a row has none."""
        sums = collections.defaultdict(dict)
        for run_id, flow, obj, second, n, size in self.con.execute(
                "SELECT g.run_id, g.flow, g.object_id, l.second, sum(l.n), coalesce(sum(l.size_bytes), 0) FROM flow_load l JOIN flow_key k USING (key_id)"
                " JOIN flow_group g USING (group_id) LEFT JOIN task t USING (utid) WHERE l.state = 'whole' AND t.is_recorder IS NOT 1 GROUP BY 1, 2, 3, 4"):
            sums[self.object(flow, run_id, obj), flow][second] = (n, size)
        found = {}
        for (path, flow), rows in sums.items():
            many = self.kinds[flow][3]
            for at, name in enumerate((many + " per second", "bytes of %s per second" % many)):
                if at and not any(v[1] for v in rows.values()):
                    continue
                ends = {s + 1 for s in rows} - rows.keys()
                found[path + (name,)] = sorted([(self.epoch + s * S, v[at]) for s, v in rows.items()] + [(self.epoch + s * S, 0) for s in ends])
        return found

    def by_cpu(self):
        found = {}
        for tbl, cols in (("sched_cpu", ("run_ns", "n_switches", "n_waits", "runq_ns", "max_runq_ns")), ("irq_load", ("n", "time_ns", "max_ns"))):
            for col in cols if self.has(tbl) else ():
                for run_id, cpu, second, v in self.con.execute("SELECT run_id, cpu, second, %s(%s) FROM %s GROUP BY 1, 2, 3 HAVING count(%s) ORDER BY 3" % (
                        "max" if col.startswith("max_") else "sum", col, tbl, col)):
                    path = self.run(run_id) + ("CPUs", "CPU %d" % cpu, "%s %s" % (tbl, col))
                    found.setdefault(path, []).append((self.epoch + second * S, v))
        return found

    def others(self):
        """Recordings and losses: (path, category, name, ts, dur)."""
        found = collections.Counter()
        ends = {}
        for run_id, start, dur in self.con.execute("SELECT run_id, start_ns, dur_ns FROM run"):
            ends[run_id] = start + dur
            found[self.run(run_id) + ("Recording", "run"), "run", "recorded", self.epoch + start, dur] += 1
        for run_id, cpu, start, dur, cause in self.con.execute("SELECT run_id, cpu, start_ns, dur_ns, cause FROM lost_interval WHERE start_ns IS NOT NULL"):
            path = self.run(run_id) + (("Recording",) if cpu is None else ("CPUs", "CPU %d" % cpu))
            found[path + ("lost events",), "loss", "lost: " + cause, self.epoch + start, ends[run_id] - start if dur is None else dur] += 1
        return found


def differences(db, data, rates=True):
    """What is not as the database has it."""
    try:
        t = pftrace.Trace(data)
    except (pftrace.Mistake, KeyError, UnicodeDecodeError) as e:
        return ["%s: %s" % (type(e).__name__, e)]
    found = []

    def same(what, got, want):
        if got != want:
            found.append("%s: in the file only %r, in the database only %r" % (
                what, list((got - want).items())[:2], list((want - got).items())[:2]) if isinstance(got, collections.Counter) else "%s: %r, not %r" % (
                    what, {k: v for k, v in got.items() if want.get(k) != v}, {k: v for k, v in want.items() if got.get(k) != v}))

    def flow(s):
        return (t.path(s.track), s.category, s.name, s.ts, s.dur, s.args.get("id"), s.args.get("what"), s.args.get("size_bytes"), s.args.get("state"))

    slices, instants = db.slices()
    same("flows", collections.Counter(flow(s) for s in t.slices if s.category == "flow"), slices)
    same("instants", collections.Counter(flow(s) for s in t.instants if s.category == "flow"), instants)
    same("wakings", collections.Counter((t.path(s.track), s.name, s.ts) for s in t.instants if s.category == "wake"),
         collections.Counter((path, "wakes", ts) for path, ts, _, _ in db.wakings()))
    parts = [s for s in t.slices if s.category == "stage"]
    # Of a flow that ended a stage is within; beside an instant it stands alone.
    whose = {}
    for s in parts:
        above = t.slices[s.parent] if s.parent is not None else max((i for i in t.instants if i.track == s.track and i.ts <= s.ts), key=lambda i: i.ts)
        whose[id(s)] = above.args["id"]
        if s.dur is None or s.parent is not None and above.dur is not None and s.ts + s.dur > above.ts + above.dur:
            found.append("stage %r is longer than its flow" % (s,))
    same("stages", collections.Counter((whose[id(s)], s.name, s.ts, s.dur, s.args.get("runq_ns"), s.args.get("irq_ns"), s.args.get("softirq_ns"))
                                       for s in parts), db.stages())
    same("disturbances", collections.Counter((t.path(s.track), s.name, s.ts, s.dur, s.args.get("by"), s.args.get("by_irq"))
                                             for s in t.slices if s.category == "sched"), db.disturbances())
    arrows = collections.Counter()
    for i, ends in t.arrows().items():
        if len(ends) != 2:
            found.append("arrow %d has %d ends" % (i, len(ends)))
        arrows[frozenset((whose[id(s)], s.ts) if s.category == "stage" else (t.path(s.track), s.ts) if s.category == "wake" else s.args["id"]
                         for s in ends)] += 1
    same("arrows", arrows, db.arrows())
    same("others", collections.Counter((t.path(s.track), s.category, s.name, s.ts, s.dur) for s in t.slices if s.category in ("run", "loss")), db.others())
    counters = {t.path(track): values for track, values in t.counters.items()}
    want = {**db.in_flight(), **db.by_cpu(), **db.rates()}
    if not rates:
        counters, want = ({k: v for k, v in c.items() if "per second" not in k[-1]} for c in (counters, want))
    same("counters", counters, want)
    if t.clock != (db.epoch or None):
        found.append("clock: %r" % t.clock)
    if any(s.category not in ("flow", "stage", "sched", "run", "loss") for s in t.slices) or any(s.category not in ("flow", "wake") for s in t.instants):
        found.append("a category that nothing compares")
    return found


def test_whole(made):
    for name, db in made.items():
        data, err = trace_of(db)
        check(not differences(Database(db), data), "%s: %s" % (name, "; ".join(differences(Database(db), data))[:1500]))
        check(("does not have every flow: rows of flows below 5.00 ms were not kept" in err) == (name == "kept"), "%s: %s" % (name, err))
        check(data == trace_of(db)[0], "%s: a second time something else" % name)


# ---------------------------------------------------------------- broken on purpose


def raw_fields(b, i, end):
    """(number, bytes of the field with its tag, begin of its value)"""
    while i < end:
        nr, v = next(pftrace.fields(b, i, end))
        tag_end = pftrace.varint(b, i, end)[1]
        stop = v[1] if isinstance(v, tuple) else tag_end + 8 if pftrace.varint(b, i, end)[0] & 7 == 1 else pftrace.varint(b, tag_end, end)[1]
        yield nr, b[i:stop], v
        i = stop


def length(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def broken(data):
    """{what was done: data}"""
    packets = [(raw, v) for _, raw, v in raw_fields(data, 0, len(data))]

    def event(v):
        p = pftrace.message(data, v)
        return pftrace.message(data, p[11][0]) if 11 in p else {}

    def without(i):
        return b"".join(raw for j, (raw, _) in enumerate(packets) if j != i)

    def last(wanted):
        return max(i for i, (_, v) in enumerate(packets) if wanted(event(v)))

    def no_names(i):
        body = b"".join(raw for nr, raw, _ in raw_fields(data, *packets[i][1]) if nr != 12)
        return b"".join(b"\x0a" + length(len(body)) + body if j == i else raw for j, (raw, _) in enumerate(packets))

    interned = [i for i, (_, v) in enumerate(packets) if 12 in pftrace.message(data, v)]
    return {
        "no interned name": no_names(interned[0]), "no interned name late": no_names(interned[-1]),
        "an open slice": without(last(lambda e: e.get(9) == [2])), "an end too much": without(last(lambda e: e.get(9) == [1])),
        "no counter's value": without(last(lambda e: e.get(9) == [4])), "no track": without(max(i for i, (_, v) in enumerate(packets)
                                                                                               if 60 in pftrace.message(data, v))),
        "no arrow's end": without(last(lambda e: 47 in e)), "cut": data[:-3], "cut after a packet": data[:-len(packets[-1][0])],
        "half of it": data[:len(data) // 2], "nothing": b"",
    }


def test_broken(made):
    for name in ("storage", "future"):
        db, (data, _) = Database(made[name]), trace_of(made[name])
        for what, bad in broken(data).items():
            check(differences(db, bad), "%s: %s was not found" % (name, what))


# ---------------------------------------------------------------- what bounds it


def closure(con, chosen):
    """With all that lies below."""
    lower = collections.defaultdict(set)
    for a, i, b, j in con.execute("SELECT flow, flow_id, lower, lower_id FROM flow_link"):
        lower[a, i].add((b, j))
    todo = set(chosen)
    while todo:
        todo = {x for f in todo for x in lower[f]} - chosen
        chosen |= todo
    return chosen


def test_bounds(made):
    own = "utid NOT IN (SELECT utid FROM task WHERE is_recorder) IS NOT 0"
    for name, args, where in (
            ("storage", ("--over", "10ms"), "flow = 'io' AND dur_ns >= 10000000"),
            ("storage", ("--flow", "request"), "flow = 'request'"), ("storage", ("--op", "fsync"), "flow = 'io' AND op = 'fsync'"),
            ("storage", ("--task", "orders"), "flow = 'io' AND utid IN (SELECT utid FROM task WHERE comm = 'orders')"),
            ("storage", ("--since", "1.5s", "--until", "2.25s"), "start_ns + dur_ns >= 1500000000 AND start_ns + dur_ns < 2250000000"),
            # The second that begins at --until is not in it.
            ("storage", ("--since", "1s", "--until", "2s"), "start_ns + dur_ns >= 1000000000 AND start_ns + dur_ns < 2000000000"),
            ("storage", ("--top", "7"), "flow = 'io' AND flow_id IN (SELECT io_id FROM io WHERE state = 'whole' AND %s ORDER BY dur_ns DESC LIMIT 7)" % own),
            ("randrw", ("--over", "10ms"), "dur_ns >= 10000000"), ("future", ("--over", "50ms"), "flow = 'crossing' AND dur_ns >= 50000000"),
            ("future", ("--object", "South"), "flow = 'crossing' AND object_id = 2"), ("future", ("--top", "1"), "flow = 'crossing' AND flow_id = 4"),
            ("kept", ("--over", "5ms"), "flow = 'io' AND dur_ns >= 5000000")):
        con = ktest.open_db(made[name])
        chosen = closure(con, set(con.execute("SELECT flow, flow_id FROM flow WHERE %s AND %s" % (where, own))))
        data, err = trace_of(made[name], *args)
        db = Database(made[name], chosen, True)
        if "--since" in args:
            until = float(args[-1][:-1])
            db.by_cpu = lambda db=db, until=until: {k: [p for p in v if 1 <= (p[0] - db.epoch) // S < until] for k, v in Database.by_cpu(db).items()}
        bad = differences(db, data, rates=False)
        check(chosen and not bad and not err, "%s %r: %s %s" % (name, args, "; ".join(bad)[:1500], err))
    code = export(made["kept"], "--over", "1ms")
    check(code.returncode == 1 and b"--over 1.00 ms needs them" in code.stderr and not code.stdout, "--keep: %r" % code.stderr)


def test_changed(made, tmp):
    """Losses, times that are not known, no wall clock, two recordings, names of any kind."""
    db = dbs.change(os.path.join(tmp, "lost.db"), "INSERT INTO lost_interval VALUES (1, 0, 1000000000, 5000000, 'ring_full', 12),"
                    " (1, NULL, 2000000000, NULL, 'blind', NULL), (1, 1, NULL, NULL, 'truncated', 3), (1, 0, 1002000000, 1000000, 'nmi', 1)",
                    "UPDATE crossing SET start_ns = NULL, dur_ns = NULL, state = 'open_at_start' WHERE crossing_id = 1",
                    "UPDATE crossing SET dur_ns = NULL, leaving_ns = NULL, state = 'lossy' WHERE crossing_id IN (2, 3)")
    data, err = trace_of(db)
    bad = differences(Database(db), data)
    check(not bad and "1 flow(s) are not in the trace: when they began is not known" in err, "lost: %s %s" % (bad, err))
    args = [s.args for s in pftrace.Trace(data).slices if s.category in ("loss", "run")]
    check(args[0]["n_flows_of_unknown_start"] == 1 and args[0]["n_losses_of_unknown_time"] == 1 and args[1]["n"] == 12 and
          args[3].get("end") == "not known", "lost: %r" % args)
    db = dbs.change(os.path.join(tmp, "nowhen.db"), "DELETE FROM meta WHERE key = 'epoch_realtime_ns'")
    data, _ = trace_of(db)
    check(not differences(Database(db), data), "no wall clock: %r" % differences(Database(db), data))

    db = os.path.join(tmp, "two.db")
    ktest.run(ANALYZE, *(os.path.join(ktest.TOP, "examples/recordings", n + ".ktr") for n in ("storage", "randrw")), "-o", db)
    data, _ = trace_of(db)
    check(not differences(Database(db), data), "two recordings: %s" % "; ".join(differences(Database(db), data))[:1000])

    # Flows below one another, however deep.
    db = os.path.join(tmp, "deep.db")
    shutil.copy(made["storage"], db)
    with contextlib.closing(sqlite3.connect(db)) as con:
        con.executescript("DROP VIEW flow_link; CREATE VIEW flow_link(flow, flow_id, lower, lower_id, link) AS"
                          " SELECT 'io', io_id, 'io', CASE WHEN io_id < 60 THEN io_id + 1 ELSE 1 END, 'next' FROM io WHERE io_id <= 60 OR op = 'sync'")
    con = ktest.open_db(db)
    chosen = closure(con, set(con.execute("SELECT flow, flow_id FROM flow WHERE flow = 'io' AND op = 'sync'")))
    data, _ = trace_of(db, "--op", "sync")
    bad = differences(Database(db, chosen, True), data, rates=False)
    check(len(chosen) == 61 and not bad, "60 below one another: %d, %s" % (len(chosen), "; ".join(bad)[:1000]))
    # Objects whose ids are long and differ at the end.
    db = dbs.change(os.path.join(tmp, "long.db"), "UPDATE crossing SET bridge_id = printf('%.*c', 600, 'x') || bridge_id")
    data, _ = trace_of(db)
    check(not differences(Database(db), data, rates=False), "long ids: %s" % "; ".join(differences(Database(db), data, rates=False))[:1000])

    for name in ("'a\"b\\'", "'x\ny'", "'\x1b[31m'", "''", "CAST(x'ff41fe' AS TEXT)", "7", "printf('%.*c', 100000, 'x')"):
        db = os.path.join(tmp, "hostile.db")
        if os.path.exists(db):
            os.unlink(db)
        dbs.change(db, *(sql.replace("%s", name) for sql in (
            "UPDATE task SET comm = %s", "UPDATE bridge SET name = %s", "UPDATE crossing SET op = %s, plate = %s, kind = %s", "UPDATE cgroup SET path = %s",
            "UPDATE flow_kind SET one = %s, many = %s, object_word = %s", "UPDATE run SET host = %s")))
        data, err = trace_of(db)
        t = pftrace.Trace(data)
        check(len(t.slices) == 30 and not err, "name %s: %d slices, %s" % (name[:20], len(t.slices), err))
    for sql, want in (("UPDATE crossing SET start_ns = 9223372036854775807", "times are none"), ("UPDATE crossing SET dur_ns = -5", "times are none"),
                      ("UPDATE crossing SET toll_ns = 1000000000", "do not follow one another"), ("UPDATE crossing SET start_ns = 'x'", "not known"),
                      ("UPDATE flow_kind SET letter = NULL, one = NULL, many = NULL, object_tbl = NULL, object_word = NULL, id_col = NULL", "")):
        os.unlink(db)
        dbs.change(db, sql)
        data, err = trace_of(db)
        pftrace.Trace(data)
        check(want in err and len(err.splitlines()) <= 2, "%s: %s" % (sql, err))
    for sql in ("DROP VIEW stage", "DROP VIEW flow", "DROP VIEW flow_link", "DROP TABLE flow_stage", "DROP VIEW flow_object"):
        os.unlink(db)
        dbs.change(db, sql)
        p = export(db, out=os.path.join(tmp, "none.pftrace"))
        check(p.returncode == 1 and len(p.stderr.splitlines()) == 1 and not os.path.exists(os.path.join(tmp, "none.pftrace")), "%s: %r" % (sql, p.stderr))


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def test_files(made, tmp):
    folder = os.path.join(tmp, "out")
    os.mkdir(folder)
    path = os.path.join(folder, "out.pftrace")
    p = export(made["storage"], out=path)
    check(p.returncode == 0 and not p.stdout and ktest.run("cat", path, text=False).stdout == trace_of(made["storage"])[0], "a file: %r" % p.stderr)
    mask = os.umask(0)
    os.umask(mask)
    check(os.stat(path).st_mode & 0o777 == 0o666 & ~mask, "mode %o" % os.stat(path).st_mode)
    # No room: what was there stays.
    before = ktest.run("cksum", path).stdout
    p = export(made["storage"], out=path, preexec_fn=small_files)
    check(p.returncode == 1 and p.stderr == b"ktrace-report: cannot write %s: File too large\n" % path.encode() and ktest.run("cksum", path).stdout == before,
          "no room: %d %r" % (p.returncode, p.stderr))
    # An older trace is replaced, of another database too, and an empty file; a link stays one.
    os.symlink("out.pftrace", path + ".link")
    ktest.write(os.path.join(folder, "empty"), "")
    for out in (path, path + ".link", os.path.join(folder, "empty")):
        p = export(made["randrw"], out=out)
        check(p.returncode == 0 and ktest.run("cat", out, text=False).stdout == trace_of(made["randrw"])[0], "%s: not replaced: %r" % (out, p.stderr))
    check(os.path.islink(path + ".link"), "the link is gone")
    # Nothing else is: least of all the database.
    db = made["storage"]
    before = ktest.run("cksum", db).stdout
    p = export(db, out=db)
    check(p.returncode == 1 and b"there is a file of that name, and it is no trace; name another" in p.stderr and ktest.run("cksum", db).stdout == before,
          "the database as output: %d %r" % (p.returncode, p.stderr))
    before = ktest.run("cksum", path).stdout
    check(sorted(os.listdir(folder)) == ["empty", "out.pftrace", "out.pftrace.link"], "left behind: %s" % os.listdir(folder))
    for out, want in (("/dev/full", "No space left on device"), (os.path.join(tmp, "none/x"), "No such file or directory"), (folder, "Is a directory")):
        p = export(made["storage"], out=out)
        check(p.returncode == 1 and want.encode() in p.stderr and len(p.stderr.splitlines()) == 1, "%s: %d %r" % (out, p.returncode, p.stderr))
    for args, want in ((("slow",), "--perfetto is no report"), (("--csv",), "cannot be combined"), (("--by", "task"), "--perfetto does not support --by"),
                       (("--folded",), "write one thing at a time")):
        p = export(made["storage"], *args, out=path)
        check(p.returncode == 64 and want.encode() in p.stderr and ktest.run("cksum", path).stdout == before, "%r: %d %r" % (args, p.returncode, p.stderr))


# ---------------------------------------------------------------- trace_processor


def trace_processor(folder, trace, queries):
    p = ktest.run("node", os.path.join(dbs.HERE, "trace_processor.mjs"), folder, trace, input=json.dumps(queries), check=False, timeout=300)
    if p.returncode:
        ktest.fail("trace_processor: %s" % p.stderr[-500:])

    def value(v):
        return int(v) if isinstance(v, str) and v.lstrip("-").isdigit() else v

    return [[tuple(map(value, row)) for row in rows] for rows in json.loads(p.stdout)]


def test_trace_processor(made, names, tmp):
    folder = ktest.run(os.path.join(ktest.TOP, "tests/npm"), "where", "trace_processor", check=False).stdout.strip()
    if not folder or not os.path.exists(os.path.join(folder, "trace_processor.wasm")) or not shutil.which("node"):
        print("trace_processor is not there: tests/setup all gets it where npm is; only pftrace.py has read the files")
        return
    for name in names:
        path = os.path.join(tmp, name + ".pftrace")
        export(made[name], out=path)
        t = pftrace.Trace(ktest.run("cat", path, text=False).stdout)
        stats, names, slices, flows, counters, tracks, clock = trace_processor(folder, path, [
            "SELECT name, value FROM stats WHERE severity IN ('error', 'data_loss') AND value > 0",
            "SELECT count(*) FROM slice WHERE name IS NULL OR category IS NULL",
            "SELECT category, name, count(*), sum(dur), sum(dur < 0), min(ts), max(ts) FROM slice GROUP BY 1, 2 ORDER BY 1, 2",
            "SELECT count(*), sum(o.category = 'wake'), sum(i.category = 'wake') FROM flow JOIN slice o ON o.id = slice_out JOIN slice i ON i.id = slice_in",
            "SELECT t.name, count(*), CAST(sum(c.value) AS INT) FROM counter c JOIN track t ON t.id = c.track_id GROUP BY 1 ORDER BY 1",
            "SELECT DISTINCT t.name, p.name FROM track t LEFT JOIN track p ON p.id = t.parent_id ORDER BY 1, 2",
            "SELECT DISTINCT clock_value FROM clock_snapshot WHERE clock_name = 'REALTIME' AND clock_value = ts"])
        check(not stats and names == [(0,)], "%s: trace_processor: %r, %r without a name" % (name, stats, names))
        want = collections.defaultdict(list)
        for s in t.slices:
            want[s.category, s.name].append((s.ts, -1 if s.dur is None else s.dur))
        for s in t.instants:
            want[s.category, s.name].append((s.ts, 0))
        want = sorted(k + (len(v), sum(d for _, d in v), sum(d < 0 for _, d in v), min(v)[0], max(v)[0]) for k, v in want.items())
        check(slices == want, "%s: slices %r, not %r" % (name, slices[:5], want[:5]))
        wakings = sum(s.category == "wake" for s in t.instants)
        check(flows == [(len(t.arrows()), wakings, 0)], "%s: arrows %r, not %d, %d of them from who woke" % (name, flows, len(t.arrows()), wakings))
        check(wakings > 10 or name != "storage", "%s: %d wakings" % (name, wakings))
        sums = collections.defaultdict(lambda: [0, 0])
        for track, values in t.counters.items():
            sums[track.name][0] += len(values)
            sums[track.name][1] += sum(v for _, v in values)
        check(counters == sorted((k, *v) for k, v in sums.items()), "%s: counters %r" % (name, counters))
        used = {s.track.uuid for s in t.slices + t.instants} | {c.uuid for c in t.counters}
        want = {(x.name, t.tracks[x.parent].name if x.parent else None) for x in t.tracks.values() if x.uuid in used}
        check(want <= set(tracks), "%s: tracks %r" % (name, want - set(tracks)))
        check(clock == [(t.clock,)], "%s: clock %r" % (name, clock))


def main():
    tmp = ktest.tmpdir()
    if sys.argv[3:]:
        made = {"given": os.path.abspath(sys.argv[3])}
        test_whole(made)
        test_trace_processor(made, made, tmp)
        return
    made = dbs.made(ANALYZE, tmp)
    test_whole(made)
    test_broken(made)
    test_bounds(made)
    test_changed(made, tmp)
    test_files(made, tmp)
    test_trace_processor(made, ("storage", "future"), tmp)


ktest.main(main)
