#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""examples/fleet: fleet.py KTRACE-REPORT KTRACE-ANALYZE [--scale BENCH-SCALE EVENTS].

Databases of three hosts and two weeks are loaded into a ClickHouse server, which is started here, and into Parquet by DuckDB, by the commands of the page.
What the five questions answer has to be what ktrace-report says of each recording; where recordings are merged, what its own functions make of all rows.
--scale: of recordings of that many events each (tests/bench/fleet), with the figures of each step.
"""
import collections
import functools
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dbs  # noqa: E402
import ktest  # noqa: E402
from ktest import check  # noqa: E402

TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
FLEET = os.path.join(ktest.TOP, "examples", "fleet")
QUESTIONS = ("which-host", "which-model", "which-kernel", "since-when", "last-week")
WEEK = 7 * 86400 * 10**9
# (name, recordings, host, kernel, {disk: model}, weeks ago)
HOSTS = (
    ("a-now", ("storage",), "alpha", "6.1.0-56", {"vda": "ACME 4000"}, 0),
    ("a-then", ("randrw",), "alpha", "6.1.0-49", {"vda": "ACME 4000", "nvme0n1": "Fast 1"}, 1),
    ("b-now", ("randrw",), "be\"t'a\t\\", "6.12.9", {"nvme0n1": "Fast 2"}, 0),
    ("b-then", ("storage",), "be\"t'a\t\\", "6.12.9", {}, 1),
    ("c", ("storage", "randrw"), "gamma", "6.12.9", {"vda": "Slow"}, 0),
)


def made(tmp, scale):
    """{name: database} of the hosts: of real recordings, which have neither these names nor models."""
    ktrs, found = {}, {}
    for name in ("storage", "randrw"):
        ktrs[name] = os.path.join(ktest.TOP, "examples/recordings", name + ".ktr")
        if scale:
            ktr = os.path.join(tmp, name + ".ktr")
            ktest.run(scale[0], ktrs[name], ktr, scale[1])
            ktrs[name] = ktr
    for name, recordings, host, kernel, models, ago in HOSTS:
        db = found[name] = os.path.join(tmp, name + ".db")
        ktest.run(ANALYZE, "-o", db, *(ktrs[r] for r in recordings))
        con = sqlite3.connect(db)
        newest = con.execute("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'").fetchone()[0] // 10**9 * 10**9
        # Those of one week begin within three days.
        con.execute("UPDATE meta SET value = value - ? + ? WHERE key = 'epoch_realtime_ns'", (newest, 1795000000 * 10**9 - ago * WEEK))
        con.execute("UPDATE run SET host = ?, kernel = ?, uuid = ? || run_id", (host, kernel, name))
        con.executemany("UPDATE device SET model = ? WHERE name = ?", [(m, d) for d, m in models.items()])
        con.commit()
        con.close()
    return found


# ---------------------------------------------------------------- the two stores


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class ClickHouse:
    """A server of its own, on loopback; ended with the test."""

    def __init__(self, tmp):
        folder = os.path.join(tmp, "clickhouse")
        os.makedirs(os.path.join(folder, "data"))
        port = free_port()
        ktest.write(os.path.join(folder, "config.xml"), """<yandex><logger><level>warning</level><console>1</console></logger>
<tcp_port>%d</tcp_port><listen_host>127.0.0.1</listen_host><path>%s/data/</path><tmp_path>%s/tmp/</tmp_path><timezone>UTC</timezone>
<mark_cache_size>67108864</mark_cache_size><users_config>users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database></yandex>""" % (port, folder, folder))
        ktest.write(os.path.join(folder, "users.xml"), """<yandex><profiles><default/></profiles><users><default><password></password>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users><quotas><default/></quotas></yandex>""")
        self.log = open(os.path.join(folder, "log"), "wb")
        ktest.stack.callback(self.log.close)
        server = subprocess.Popen(["/usr/sbin/clickhouse-server", "--config-file=config.xml"], cwd=folder, stdin=subprocess.DEVNULL,
                                  stdout=self.log, stderr=self.log)
        ktest.stack.callback(self.end, server)
        self.client = "clickhouse-client --host 127.0.0.1 --port %d" % port
        until = time.monotonic() + 60
        while server.poll() is None and time.monotonic() < until:
            if self.query("SELECT 1", check=False).returncode == 0:
                return
            time.sleep(0.1)
        ktest.fail("clickhouse-server does not answer: " + ktest.read(self.log.name)[-1000:])

    @staticmethod
    def end(server):
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def query(self, text, **kw):
        return ktest.run(*self.client.split(), "--multiquery", "--format", "JSON", input=text, **kw)

    def load(self, *databases, **kw):
        return ktest.run(os.path.join(FLEET, "load-clickhouse"), *databases, env={**os.environ, "CLICKHOUSE": self.client}, **kw)

    def ask(self, question):
        doc = json.loads(self.query(ktest.read(os.path.join(FLEET, "clickhouse", question + ".sql"))).stdout)
        return [plain(row) for row in doc["data"]]

    def size(self):
        return int(json.loads(self.query("SELECT sum(bytes) AS n FROM system.parts WHERE active AND table LIKE 'ktrace%'").stdout)["data"][0]["n"])


class DuckDB:
    def __init__(self, tmp):
        self.out = os.path.join(tmp, "parquet")
        folder = ktest.run(os.path.join(ktest.TOP, "tests/npm"), "where", "duckdb").stdout.strip()
        self.there = os.path.exists(folder)
        self.client = ["node", os.path.join(dbs.HERE, "duckdb.mjs"), folder]

    def query(self, text, **kw):
        return ktest.run(*self.client, input=text, cwd=self.out, **kw)

    def load(self, *databases, **kw):
        return ktest.run(os.path.join(FLEET, "load-parquet"), self.out, *databases, env={**os.environ, "DUCKDB": " ".join(self.client)}, **kw)

    def ask(self, question):
        sql = ktest.read(os.path.join(FLEET, "duckdb/tables.sql")) + ktest.read(os.path.join(FLEET, "duckdb", question + ".sql"))
        return [plain(row) for row in json.loads(self.query(sql).stdout)]

    def size(self):
        return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(self.out) for f in fs)


def plain(row):
    """Whole numbers as such: JSON of both stores has them as texts."""
    return {k: int(v) if isinstance(v, str) and v.isdigit() and k not in ("host", "run", "model", "kernel") else v for k, v in row.items()}


# ---------------------------------------------------------------- what ktrace-report says


def tables(db, *args):
    p = ktest.run(TOOL, *args, "--json", db, env=ktest.plain_env(), timeout=300)
    return json.loads(p.stdout)["tables"]


class Reports:
    """What `ktrace-report stages --json` says of each database: {(run, flow, op, object): (n, mean, p50, p99, max)}, and {…: {stage: share}}."""

    def __init__(self, made):
        self.figures, self.shares = {}, collections.defaultdict(dict)
        for name, db in made.items():
            for r in tables(db, "stages", "--flow", "io").get("io", ()):
                # From the page cache, or asleep for something else: apart.
                if r["via"] == "disk" and r["op"] not in self.apart(db):
                    self.add(name, r, "io", r["what"])
            for r in tables(db, "stages", "--flow", "request")["stages"]:
                self.add(name, r, r["flow"], r["disk"])

    @staticmethod
    def apart(db):
        con = ktest.open_db(db)
        return {op for op, in con.execute("SELECT DISTINCT op FROM io JOIN flow_word ON flow = 'io' AND col = 'kind' AND value = kind"
                                          " WHERE counts = 'apart'")}

    def add(self, name, r, flow, disk):
        key = ("%s%d" % (name, r["run"] or 1), flow, r["op"], disk)
        if r["stage"] == "total":
            self.figures[key] = (r["n"], r["mean_ns"], r["p50_ns"], r["p99_ns"], r["max_ns"])
        else:
            self.shares[key][r["stage"]] = r["share"]


def merged(tmp, made):
    """A database with all rows of flow.sql, for ktrace-report's own functions: merge(columns) -> {values: {n, sum, p50, p99, max}}"""
    path = os.path.join(tmp, "all.db")
    shutil.copy(made["a-now"], path)
    con = sqlite3.connect(path)
    con.execute("CREATE TABLE fleet_row(line TEXT)")
    n = 0
    for db in made.values():
        lines = ktest.run("sqlite3", "-readonly", "-list", "-noheader", db, input=ktest.read(os.path.join(FLEET, "flow.sql"))).stdout.splitlines()
        con.executemany("INSERT INTO fleet_row VALUES (?)", [(line,) for line in lines])
        n += len(lines)
    con.commit()
    con.close()

    @functools.lru_cache(None)
    def merge(*columns, where="1"):
        names = ["c%d" % i for i in range(len(columns))]
        sql = "--: title All\n--: about all\n\n--: table t\n%s--: column stats text\nSELECT %s, hist_stats(bucket_of(line ->> 'dur_ns'), line ->> 'n', \
line ->> 'ns', line ->> 'max_ns') AS stats\nFROM fleet_row WHERE line ->> 'stage' = 'total' AND line ->> 'is_apart' = 0 AND %s GROUP BY %s;\n" % (
            "".join("--: column %s text\n" % c for c in names), ", ".join("line ->> '%s' AS %s" % (c, a) for c, a in zip(columns, names)), where,
            ", ".join(names))
        report = os.path.join(tmp, "all.sql")
        ktest.write(report, sql)
        return {tuple(r[c] for c in names): json.loads(r["stats"]) for r in tables(path, report)["t"]}

    return merge, n


# ---------------------------------------------------------------- the test


def near(a, b, part):
    return None not in (a, b) and abs(a - b) <= part * max(abs(a), abs(b))


def brief(found, want):
    """The first few that differ."""
    if hasattr(found, "keys") or isinstance(found, set) or hasattr(found, "isdisjoint"):
        return list(set(found) - set(want))[:3], list(set(want) - set(found))[:3]
    return found, want


def answers(name, asked, reports, merge):
    """What is not as ktrace-report has it. asked: {question: rows}"""
    wrong = []

    def same(what, got, want):
        if got != want:
            wrong.append("%s: %s: %r, not %r" % (name, what, *brief(got, want)))

    now = "line ->> 'started' > %d" % (1795000000 - 86400)
    for question, column in (("which-host", "host"), ("which-model", "model"), ("which-kernel", "kernel")):
        want = merge("flow", "op", column)
        rows = {(r["flow"], r["op"], r[column]): r for r in asked[question]}
        same(question, rows.keys(), want.keys())
        for key, r in rows.items():
            w = want.get(key, {})
            same("%s %r" % (question, key), (r["flows"], r["total_ns"], r["p50_ns"], r["p99_ns"], r["max_ns"]),
                 (w.get("n"), w.get("sum"), w.get("p50"), w.get("p99"), w.get("max")))
            if not near(r["mean_ns"], w.get("sum", 0) / w.get("n", 1), 1e-9):
                wrong.append("%s: %s %r: mean %r" % (name, question, key, r["mean_ns"]))

    # Each recording by itself, as the report has it.
    rows = asked["since-when"]
    found = {(r["run"], r["flow"], r["op"], r["object"]): r for r in rows}
    same("since-when", len(found), len(rows))
    same("since-when", found.keys(), reports.figures.keys())
    for key, r in found.items():
        n, mean, _, p99, _ = reports.figures.get(key, (0, 0, 0, 0, 0))
        same("since-when %r" % (key,), (r["flows"], round(r["mean_ns"]), r["p99_ns"]), (n, mean, p99))
    series = collections.defaultdict(list)
    for r in rows:
        series[r["flow"], r["op"], r["host"], r["object"]].append(r)
    for key, runs in series.items():
        same("since-when %r: order" % (key,), [r["started"] for r in runs], sorted(r["started"] for r in runs))
        usual = sorted(r["p99_ns"] for r in runs)[len(runs) // 2]
        if not all(near(r["times"], r["p99_ns"] / usual, 1e-9) for r in runs):
            wrong.append("%s: since-when %r: times %r" % (name, key, [r["times"] for r in runs]))
    same("since-when: more than one recording", max(map(len, series.values())) >= 2, True)

    after, before = merge("flow", "op", "host", "object", where=now), merge("flow", "op", "host", "object", where="NOT (%s)" % now)
    rows = {(r["flow"], r["op"], r["host"], r["object"]): r for r in asked["last-week"]}
    same("last-week", rows.keys(), after.keys() & before.keys())
    for key, r in rows.items():
        a, b = after.get(key, {}), before.get(key, {})
        same("last-week %r" % (key,), (r["flows"], r["p99_ns"], r["before_flows"], r["before_p99_ns"]), (a.get("n"), a.get("p99"), b.get("n"), b.get("p99")))
        if a and b and not (near(r["times"], a["p99"] / b["p99"], 1e-9) and near(r["mean_ns"], a["sum"] / a["n"], 1e-9)):
            wrong.append("%s: last-week %r: times %r" % (name, key, r["times"]))

    # Which stage: where all flows of an operation are of one disk and recording, the report says it of these.
    ones = collections.defaultdict(list)
    for run, flow, op, obj in reports.figures:
        ones[flow, op, next(h[2] for h in HOSTS if run.startswith(h[0]))].append((run, flow, op, obj))
    compared = 0
    for r in asked["which-host"]:
        keys = ones[r["flow"], r["op"], r["host"]]
        if len(keys) == 1:
            stage, share = max(reports.shares[keys[0]].items(), key=lambda s: s[1])
            same("which-host %r" % (keys,), r["mostly"], stage)
            compared += near(r["mostly_share"], share, 1e-6)
    same("which-host: shares of stages", compared > 0, True)
    return wrong


def test_broken(made, tmp, store):
    """Bad input gets one line; a value of another type than declared is found before a store stops at it."""
    other = os.path.join(tmp, "other.db")
    sqlite3.connect(other).execute("CREATE TABLE IF NOT EXISTS t(x)").close()
    for db in (other, os.path.join(tmp, "no.db"), ktest.__file__):
        p = store.load(db, check=False)
        check(p.returncode == 1 and p.stderr.count("\n") == 1 and "not a database that this version of ktrace-analyze made" in p.stderr,
              "%s: exit %d: %s" % (db, p.returncode, p.stderr))
    check(store.load(check=False).returncode == 1, "no database")
    if isinstance(store, ClickHouse):
        db = dbs.change(os.path.join(tmp, "half.db"), "UPDATE run SET uuid = 'new' WHERE uuid = 'c1'", of=made["c"])
        p = store.load(db, check=False)
        check(p.returncode == 1 and "one of its recordings is there already" in p.stderr, "half: exit %d: %s" % (p.returncode, p.stderr))
    db = dbs.change(os.path.join(tmp, "types.db"), "UPDATE flow_sum SET dur_ns = 'many' WHERE rowid = 3", "UPDATE run SET host = x'41'", of=made["a-now"])
    found = ktest.wrong_types(ktest.open_db(db))
    check({"flow_sum.dur_ns: integer, text", "run.host: blob"} <= set(found), "types: only %r" % found)


def test():
    if not shutil.which("clickhouse-client") or not os.path.exists("/usr/sbin/clickhouse-server"):
        ktest.skip("no clickhouse-server; tests/setup all installs it")
    scale = sys.argv[4:6] if sys.argv[3:4] == ["--scale"] else None
    tmp = ktest.tmpdir()
    databases = made(tmp, scale)
    for name, db in databases.items():
        types = ktest.wrong_types(ktest.open_db(db)) if not scale else []
        check(not types, "%s: %r" % (name, types))
    reports = Reports(databases)
    merge, n_rows = merged(tmp, databases)
    duckdb = DuckDB(tmp)
    if not duckdb.there:
        print("DuckDB is not there (tests/setup all): Parquet is not tested")
    flows = sum(n for n, *_ in reports.figures.values())
    check(flows > 1000 and n_rows > 100, "only %d flows in %d rows" % (flows, n_rows))
    for store, name in ((ClickHouse(tmp), "ClickHouse"), (duckdb, "DuckDB"))[:1 + duckdb.there]:
        start = time.monotonic()
        store.load(*databases.values())
        loaded = time.monotonic() - start
        asked = {question: store.ask(question) for question in QUESTIONS}
        wrong = answers(name, asked, reports, merge)
        check(not wrong, "; ".join(wrong[:3]))
        if scale:
            print("%-10s  %d rows of %d flows in %.2f s, %d bytes" % (name, n_rows, flows, loaded, store.size()))
            for question in QUESTIONS:
                start = time.monotonic()
                store.ask(question)
                print("%-10s  %-13s %.3f s" % (name, question, time.monotonic() - start))
            continue
        # Once more: nothing counts twice, whichever database a recording is in.
        one = dbs.change(os.path.join(tmp, name + ".db"), "ATTACH '%s' AS c" % databases["c"],
                         "UPDATE main.run SET host = 'gamma', kernel = '6.12.9', uuid = 'c2'",
                         "UPDATE main.meta SET value = (SELECT m.value FROM c.meta m WHERE m.key = 'epoch_realtime_ns') + (SELECT start_ns FROM c.run"
                         " WHERE uuid = 'c2') WHERE key = 'epoch_realtime_ns'",
                         "UPDATE main.device SET model = CASE name WHEN 'vda' THEN 'Slow' END",
                         of=databases["b-now"])
        store.load(databases["a-now"], databases["c"], one)
        check(asked == {question: store.ask(question) for question in QUESTIONS}, "%s: loaded again, there are other answers" % name)
        test_broken(databases, tmp, store)
        # Test of the test: a store that lacks a recording, or has other figures.
        others = Reports({k: v for k, v in databases.items() if k != "b-now"})
        check(answers(name, asked, others, merge), "%s: a recording too many was not found" % name)
        for key in list(reports.figures)[:3]:
            others = Reports({})
            others.figures, others.shares = dict(reports.figures), reports.shares
            n, mean, p50, p99, most = others.figures[key]
            others.figures[key] = n, mean, p50, p99 + 1, most
            check(answers(name, asked, others, merge), "%s: another p99 was not found" % name)
    if scale:
        con = {k: ktest.open_db(v) for k, v in databases.items()}
        print("%d operations, %d flows, in %d databases of %d bytes" % (
            sum(c.execute("SELECT count(*) FROM io").fetchone()[0] for c in con.values()),
            sum(c.execute("SELECT sum(n) FROM flow_sum").fetchone()[0] for c in con.values()), len(con), sum(os.path.getsize(d) for d in databases.values())))


ktest.main(test)
