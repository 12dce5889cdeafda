#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""examples/grafana: grafana.py KTRACE-REPORT KTRACE-ANALYZE, or grafana.py --time DATABASE (tests/bench/grafana).

The dashboard is checked against Grafana's own types; the SQL of every panel and variable runs on real databases, as Grafana and the SQLite plugin would run
it, and returns rows; the figures are those of ktrace-report. What is broken on purpose has to be found by the same checks. The other files have to parse, and
name each other's hosts, ports and ids. No Grafana runs here.
"""
import copy
import json
import math
import os
import re
import shutil
import sqlite3
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dbs  # noqa: E402
import ktest  # noqa: E402
from ktest import check  # noqa: E402

TIMED = sys.argv[2] if sys.argv[1] == "--time" else None
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
GRAFANA = os.path.join(ktest.TOP, "examples", "grafana")
S = 10**9


def tables(db, *args):
    return json.loads(ktest.run(TOOL, *args, "--json", db, env=ktest.plain_env(), timeout=120).stdout)["tables"]


def epoch_ns(db):
    return ktest.open_db(db).execute("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'").fetchone()[0]


# ---------------------------------------------------------------- what Grafana and the plugin do with a query


def substituted(sql, variables, start_ms, end_ms):
    """The text after templateSrv has replaced variables: :sqlstring quotes values; of All it takes allValue as it is."""
    def value(m):
        values = variables[m[1]]
        return values if isinstance(values, str) else ",".join("'%s'" % v.replace("'", "''") for v in values)

    sql = re.sub(r"\$\{(\w+):sqlstring\}", value, sql)
    sql = sql.replace("$__from", str(start_ms)).replace("$__to", str(end_ms))
    if "$" in sql:
        raise sqlite3.Error("not replaced: %s" % sql[sql.index("$"):][:30])
    return sql


def frame(con, target, variables, start_ms, end_ms):
    """[row as a dictionary]; an error where the plugin would show one, or other values than the database has."""
    cursor = con.execute(substituted(target["rawQueryText"], variables, start_ms, end_ms))
    names = [d[0] for d in cursor.description]
    if len(set(names)) < len(names):
        raise sqlite3.Error("two columns of one name")
    rows = cursor.fetchall()
    for i, name in enumerate(names):
        types = [type(r[i]) for r in rows if r[i] is not None]
        # A column gets the type of its first value: a float in a column of integers would be cut off, a text be NULL.
        if name in target["timeColumns"]:
            if set(types) - {int, float} or any(not 10**9 < r[i] < 4 * 10**9 for r in rows if r[i] is not None):
                raise sqlite3.Error("column %s is not in seconds since 1970" % name)
        elif types and any(t != types[0] and not (types[0] == float and t == int) for t in types):
            raise sqlite3.Error("column %s has values of several types" % name)
    if set(target["timeColumns"]) - set(names):
        raise sqlite3.Error("no column %r" % target["timeColumns"])
    return [dict(zip(names, r)) for r in rows]


class Dashboard:
    def __init__(self, doc):
        self.doc = doc
        self.panels = {p["title"]: p for p in doc["panels"]}
        self.variables = {v["name"]: v for v in doc["templating"]["list"]}

    def sqlite_targets(self):
        return [(p["title"], t) for p in self.doc["panels"] for t in p["targets"] if t["datasource"]["type"] == "frser-sqlite-datasource"]

    def chosen(self, flow, **values):
        """{variable: values, or text of All}"""
        return {name: [flow] if name == "flow" else values.get(name, v.get("allValue")) for name, v in self.variables.items()}

    def rows(self, title, db, flow, start_ms=None, end_ms=None, **values):
        """Of the whole database, unless something else is asked for."""
        con = ktest.open_db(db)
        if start_ms is None:
            start_ms = epoch_ns(db) // 10**6 - 1000
            end_ms = start_ms + 10**8
        return frame(con, self.panels[title]["targets"][0], self.chosen(flow, **values), start_ms, end_ms)


def mistakes(doc, db, flow, types, may_be_empty=()):
    """Everything that is wrong with a dashboard, on a database."""
    found = ["type: " + line for line in types(doc)] if types else []
    d = Dashboard(doc)
    con = ktest.open_db(db)
    start_ms = epoch_ns(db) // 10**6 - 1000
    variables = d.chosen(flow)
    for name, v in d.variables.items():
        try:
            # Older plugins want exactly one column.
            rows = con.execute(substituted(v["query"], variables, start_ms, start_ms + 10**5)).fetchall()
            if not rows or len(rows[0]) != 1 or any(r[0] is None for r in rows):
                if name not in may_be_empty:
                    found.append("variable %s: %r" % (name, rows[:3]))
        except sqlite3.Error as e:
            found.append("variable %s: %s" % (name, e))
    for title, t in d.sqlite_targets():
        if t["queryText"] != t["rawQueryText"]:
            found.append("%s: queryText is not rawQueryText" % title)
        # A minute in slots of a second, ten minutes, a year; of everything, and of the first value of each variable.
        for seconds in (60, 600, 365 * 86400):
            try:
                rows = frame(con, t, variables, start_ms, start_ms + seconds * 1000)
                if not rows and title not in may_be_empty:
                    found.append("%s: no rows" % title)
                times = [r["time"] for r in rows if "time" in r]
                if title not in ("Slow flows", "Recordings") and (times != sorted(set(times)) or len(times) > 101):
                    found.append("%s: %d times, or not in order" % (title, len(times)))
            except sqlite3.Error as e:
                found.append("%s: %s" % (title, e))
        if title not in ("Recordings", "How complete it is"):
            try:
                if frame(con, t, variables, start_ms - 10**7, start_ms - 10**6):
                    found.append("%s: rows before the recording" % title)
            except sqlite3.Error as e:
                found.append("%s: %s" % (title, e))
    ids = [p["id"] for p in doc["panels"]]
    if len(set(ids)) < len(ids):
        found.append("two panels of one id")
    cells = {}
    for p in doc["panels"]:
        g = p["gridPos"]
        for xy in ((x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])):
            if xy[0] >= 24 or cells.setdefault(xy, p["id"]) != p["id"]:
                found.append("%s: lies on another panel, or beside the page" % p["title"])
                break
        columns = set()
        for o in p["fieldConfig"]["overrides"]:
            columns.add(o["matcher"]["options"])
            for prop in o["properties"]:
                for link in prop["value"] if prop["id"] == "links" else ():
                    columns |= set(re.findall(r"\$\{__data\.fields\.(\w+)\}", link["url"]))
        if columns:
            try:
                have = {c[0] for c in con.execute(substituted(p["targets"][0]["rawQueryText"], variables, start_ms, start_ms + 10**5)).description}
                found += ["%s: override of %s, which is no column" % (p["title"], c) for c in sorted(columns - have)]
            except sqlite3.Error:
                pass
    return found


# ---------------------------------------------------------------- figures


def one_slot(dashboard, title, db, flow, **values):
    """The row of a panel over time when all of a recording is in one slot."""
    rows = dashboard.rows(title, db, flow, **values)
    check(len(rows) == 1, "%s %r: %d rows" % (title, values, len(rows)))
    return rows[0] if rows else {}


def test_figures(d, storage, randrw):
    # The answer, and who was in the way.
    said = tables(storage, "summary")
    rows = d.rows("Where the time went", storage, "io")
    share = {r["stage"]: r["share"] for r in rows}
    # The report leaves out what is below 0.1 %.
    have = {r["stage"]: (r["total"], r["mean"], r["what it is"]) for r in rows if r["share"] >= 0.001}
    check(have == {r["stage"]: (r["total_ns"], r["mean_ns"], r["words"]) for r in said["stages"]} and have, "answer: %r" % have)
    check(all(math.isclose(share[r["stage"]], r["share"]) for r in said["stages"]) and math.isclose(sum(share.values()), 1), "shares: %r" % share)
    # Of fsync none is from the page cache: the report counts those as well.
    have = {(r["who"], r["total"], r["flows"]) for r in d.rows("Who was in the way", storage, "io", operation=["fsync"])}
    want = {(r["who"] + (" [%d]" % r["tid"] if r["tid"] is not None else ""), r["total_ns"], r["ios"])
            for r in tables(storage, "summary", "--op", "fsync", "--top", "20")["in_the_way"]}
    check(len(want) >= 3 and want == have, "in the way: %r, not %r" % (have, want))
    # And from the rows.
    have = {(r["cause"], r["who"]): (r["total"], r["flows"]) for r in d.rows("Who was in the way", storage, "io")}
    want = {(cause, who): (ns, n) for cause, who, ns, n in ktest.open_db(storage).execute(
        "SELECT d.cause, coalesce(t.comm || ' [' || t.tid || ']', d.by_irq, 'unknown'), sum(d.dur_ns), count(DISTINCT d.flow_id) FROM disturbance d"
        " JOIN io i ON i.io_id = d.flow_id LEFT JOIN task t ON t.utid = d.by_utid WHERE d.flow = 'io' AND i.state = 'whole' AND i.via = 'disk'"
        " AND i.kind = 'syscall' AND i.utid NOT IN (SELECT utid FROM task WHERE is_recorder) GROUP BY d.cause, d.by_utid, d.by_irq")}
    wrong = {k: (v, want.get(k)) for k, v in have.items() if want.get(k) != v}
    check(len(have) == 20 and not wrong, "in the way: %r" % wrong)

    # Percentiles, number, bytes, of each operation; and of each second by itself.
    for db, flow, args, key in ((storage, "io", (), "ops"), (randrw, "request", (), "ops")):
        ops = [r for r in tables(db, "summary", "--top", "50")[key] if r["disk"] != "cache" and r.get("kind") in (None, "syscall")]
        check(len(ops) >= 3, "%s: only %r" % (db, ops))
        for r in ops:
            where = {"operation": [r["op"]], "object": [r["disk"]]}
            p = one_slot(d, "Percentiles", db, flow, **where)
            check((p["p50"], p["p99"], p["longest"]) == (r["p50_ns"], r["p99_ns"], r["max_ns"]), "percentiles %r: %r, not %r" % (where, p, r))
            t = one_slot(d, "Throughput and errors", db, flow, **where)
            check(math.isclose(t["flows per second"] * 1000, r["n"]) and t["incomplete per second"] == 0, "throughput %r: %r, not %r" % (where, t, r))
            if "bytes" in r:
                check(math.isclose(t["bytes per second"] * 1000, r["bytes"] or 0), "bytes %r: %r, not %r" % (where, t, r))
    start_ms = epoch_ns(storage) // 10**6
    by_second = {r["time"]: r for r in d.rows("Percentiles", storage, "io", start_ms - 1000, start_ms + 20000, operation=["read"])}
    compared = 0
    for second in range(5):
        rows = tables(storage, "summary", "--op", "read", "--since", "%ds" % second, "--until", "%ds" % (second + 1))["ops"]
        rows = [r for r in rows if r["disk"] != "cache"]
        have = by_second.get(epoch_ns(storage) // S + second)
        check(bool(rows) == bool(have), "second %d: %r, not %r" % (second, have, rows))
        for r in rows:
            compared += 1
            check((have["p50"], have["p99"], have["longest"]) == (r["p50_ns"], r["p99_ns"], r["max_ns"]), "second %d: %r, not %r" % (second, have, r))
    check(compared >= 3, "only %d seconds" % compared)

    # The heatmap: as many flows in each step as in the report's histogram.
    for db, flow, disk in ((storage, "io", "vda"), (randrw, "request", "vda")):
        for op in ("read", "fsync" if flow == "io" else "write"):
            have = one_slot(d, "Latency", db, flow, operation=[op], object=[disk])
            have = {round(float(k) * S): n for k, n in have.items() if k != "time" and n}
            want = {}
            for r in tables(db, "hist", "--op", op, "--disk", disk, "--flow", flow)["hist"]:
                if r["op"] == op and r["n"]:
                    want[r["from_ns"]] = r["n"]
            check(have == want and want, "heatmap %s %s: %r, not %r" % (flow, op, have, want))

    # Stages by object and operation.
    have = {(r["what"], r["stage"]): r["mean"] for r in d.rows("Stages by object and operation", storage, "io")}
    want = {("%s %s" % (r["what"], r["op"]), r["stage"]): r["mean_ns"] for r in tables(storage, "stages")["io"]
            if r["via"] == "disk" and r["stage"] != "total" and r["op"] not in ("commit", "writeback")}
    check(have == want and want, "stages: %r" % (set(have.items()) ^ set(want.items())))

    # The slow ones, their names; and by task and cgroup.
    for args, where in (((), {}), (("--op", "fsync"), {"operation": ["fsync"]}), (("--task", "orders"), {"task": ["orders"]}),
                        (("--disk", "vda"), {"object": ["vda"]}), (("--cgroup", "/"), {"cgroup": ["/"]})):
        have = [(r["id"], r["took"], r["task"], r["op"], r["what"], r["mostly"]) for r in d.rows("Slow flows", storage, "io", **where)]
        want = [(r["id"], r["dur_ns"], r["task"], r["op"], r["path"], r["mostly"].split()[0]) for r in tables(storage, "slow", "--top", "50", *args)["slow"]]
        check(have == want and want, "slow %r: %r" % (where, sorted(set(have) ^ set(want))[:4]))

    # Completeness and loss.
    have = {r["flows"]: (r["n"], r["complete"]) for r in d.rows("How complete it is", randrw, "request")}
    want = {}
    for r in tables(randrw, "loss")["flows"]:
        n, whole = want.get(r["flow"] + "s", (0, 0))
        want[r["flow"] + "s"] = n + r["n"], whole + (r["n"] if r["state"] == "whole" else 0)
    check(have == want and want, "complete: %r, not %r" % (have, want))
    rows = d.rows("Recordings", storage, "io")
    check([(r["events"], r["events lost"], r["times lost"], r["why"]) for r in rows] == [(7922, 0, 0, None)], "recordings: %r" % rows)
    # The link of a recording shows all of it.
    r = rows[0]
    linked = d.rows("Throughput and errors", storage, "io", r["from_ms"], r["to_ms"])
    n = sum(x["n"] for x in tables(storage, "summary", "--top", "50")["ops"] if x["disk"] != "cache" and x["kind"] == "syscall")
    check(round(sum(t["flows per second"] for t in linked)) == n > 0, "link of a recording: %r, not %d" % (linked, n))


def test_tasks(d, storage):
    """A task's part of a group is counted by task, as the report does."""
    for task in ("orders", "table"):
        for r in tables(storage, "summary", "--task", task)["ops"]:
            if r["disk"] != "cache":
                p = one_slot(d, "Percentiles", storage, "io", operation=[r["op"]], task=[task])
                check((p["p50"], p["p99"], p["longest"]) == (r["p50_ns"], r["p99_ns"], r["max_ns"]), "%s: %r, not %r" % (task, p, r))


def test_names(d, storage, tmp):
    """Names of any kind are values, never SQL."""
    name = "o'r\"d;ers) --"
    db = dbs.change(os.path.join(tmp, "names.db"), "UPDATE task SET comm = '%s' WHERE comm = 'orders'" % name.replace("'", "''"), of=storage)
    have = d.rows("Where the time went", db, "io", task=[name])
    check(have and have == d.rows("Where the time went", storage, "io", task=["orders"]), "names: %r" % have)
    both = d.rows("Where the time went", db, "io", task=[name, "table"])
    check(sum(r["total"] for r in both) > sum(r["total"] for r in have), "two tasks: %r" % both)


def trace_id(uuid, start_ns, letter, flow, flow_id):
    """As /report/export defines it: the recording's UUID, or when it began; the kind's letter; the id."""
    digits = (uuid or "").replace("-", "").lower()
    run = digits[:16] if digits and re.fullmatch("[0-9a-f-]*", uuid.lower()) and digits.strip("0") else "%016x" % start_ns
    return "%s%02x000%011x" % (run, ord((letter or flow)[0]) & 255, flow_id & (2**44 - 1))


def test_traces(d, storage, tmp):
    ids = {}
    for uuid in (None, "A07D9CA3-0a64-4282-a8fb-b16dc5159306", "", "00000000-0000-0000-0000-000000000000", "no uuid"):
        db = dbs.change(os.path.join(tmp, "uuid.db"), *([] if uuid is None else ["UPDATE run SET uuid = '%s'" % uuid]), of=storage)
        con = ktest.open_db(db)
        real, start = con.execute("SELECT uuid, start_ns FROM run").fetchone()
        for r in d.rows("Slow flows", db, "io"):
            ids.setdefault(uuid, {})[r["id"]] = r["trace_id"]
            check(r["trace_id"] == trace_id(real, epoch_ns(db) + start, r["id"][0], "io", int(r["id"][1:])) and re.fullmatch("[0-9a-f]{32}", r["trace_id"]),
                  "%r: %r" % (uuid, r))
    link = [p["value"][0]["url"] for o in d.panels["Slow flows"]["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "links"][0]
    link = link.replace("${__data.fields.trace_id}", "ab" * 16).replace("${__from}", "1").replace("${__to}", "2")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
    pane = json.loads(query["panes"][0])["a"]
    check(pane["datasource"] == "ktrace-tempo" and pane["queries"][0]["query"] == "ab" * 16 and pane["range"] == {"from": "1", "to": "2"}, "link: %r" % pane)
    # They are those that the exporter sends, where this ktrace-report has it.
    if "--otlp-file" in ktest.run(TOOL, "--help").stdout:
        out = os.path.join(tmp, "spans.json")
        ktest.run(TOOL, "--otlp-file", out, "--over", "1ms", storage)
        sent = set(re.findall(r'"traceId": ?"([0-9a-f]{32})"', ktest.read(out)))
        slow = {t for t in ids[None].values()}
        check(slow and slow <= sent, "of %d traces only %d were sent" % (len(slow), len(slow & sent)))


# ---------------------------------------------------------------- the files around it


def test_files(folder, dashboard):
    """compose, provisioning and configurations name the same files, hosts, ports and ids."""
    def load(name):
        p = ktest.run("node", os.path.join(dbs.HERE, "grafana.mjs"), folder, "yaml", input=ktest.read(os.path.join(GRAFANA, name)), check=False)
        check(p.returncode == 0, "%s: %s" % (name, p.stderr))
        return json.loads(p.stdout) if p.returncode == 0 else {}

    compose, collector, tempo, mimir = (load(n + ".yaml") for n in ("compose", "collector", "tempo", "mimir"))
    sources = {s["uid"]: s for s in load("provisioning/datasources/ktrace.yaml")["datasources"]}
    providers = load("provisioning/dashboards/ktrace.yaml")["providers"]
    services = compose["services"]
    mounts = {}
    for name, s in services.items():
        for v in s.get("volumes", ()):
            parts = re.fullmatch(r"(\$\{\w+:-[^}]*\}|[^:]+):([^:]+)(:ro)?", v)
            check(parts, "%s: volume %s" % (name, v))
            mounts.setdefault(name, {})[parts[2]] = parts[1]
            if parts[1].startswith("./"):
                check(os.path.exists(os.path.join(GRAFANA, parts[1])), "%s: there is no %s" % (name, parts[1]))
            elif not parts[1].startswith("$"):
                check(parts[1] in compose["volumes"], "%s: there is no volume %s" % (name, parts[1]))
        check(re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+", s["image"]), "%s: image %s has no version" % (name, s["image"]))
        check(all(p.startswith("127.0.0.1:") for p in s.get("ports", ())), "%s: ports for everybody" % name)
        for arg in s.get("command", ()):
            path = arg.split("=", 1)[1]
            check(path in mounts[name], "%s: %s is not there" % (name, path))
        check(set(s.get("depends_on", ())) <= services.keys(), "%s: depends on what is not there" % name)
    listens = {("tempo", str(tempo["server"]["http_listen_port"])), ("mimir", str(mimir["server"]["http_listen_port"])),
               ("tempo", tempo["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rsplit(":")[-1])}
    for what, url in [(s["name"], s["url"]) for s in sources.values() if "url" in s] + [(n, e["endpoint"]) for n, e in collector["exporters"].items()]:
        u = urllib.parse.urlsplit(url)
        check(u.hostname in services and (u.hostname, str(u.port)) in listens, "%s: nobody listens at %s" % (what, url))
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rsplit(":")[-1]
    check(port == "4318" and "127.0.0.1:4318:4318" in services["collector"]["ports"], "collector: port %s" % port)
    for name, p in collector["service"]["pipelines"].items():
        check(set(p["receivers"]) <= collector["receivers"].keys() and set(p["exporters"]) <= collector["exporters"].keys(), "collector: pipeline %s" % name)
        check(set(p["receivers"]) == {"otlp", "otlpjsonfile"}, "collector: pipeline %s lacks a receiver" % name)
    for glob in collector["receivers"]["otlpjsonfile"]["include"]:
        check(os.path.dirname(glob) in mounts["collector"], "collector: %s is not there" % glob)
    check(os.path.dirname(sources["ktrace-sqlite"]["jsonData"]["path"]) in mounts["grafana"], "grafana: the database is not there")
    check(sources["ktrace-sqlite"]["type"] in services["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].split(","), "grafana: no plugin")
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    where = os.path.dirname(home)
    check([p["options"]["path"] for p in providers] == [where] and where in mounts["grafana"], "grafana: dashboards are not there")
    check(os.path.exists(os.path.join(GRAFANA, mounts["grafana"][os.path.dirname(home)], os.path.basename(home))), "grafana: no home dashboard")
    links = {u for p in dashboard["panels"] for u in re.findall(r'"url": "/d/(\w+)\?', json.dumps(p))}
    check(links == {dashboard["uid"]}, "links lead to %r" % links)
    check([s["uid"] for s in sources.values() if s.get("isDefault")] == ["ktrace-sqlite"], "grafana: no default data source, or several")
    for s in sources.values():
        for e in s.get("jsonData", {}).get("exemplarTraceIdDestinations", ()):
            check(e["datasourceUid"] in sources, "grafana: exemplars of %s lead nowhere" % s["name"])
    used = {(r["type"], r["uid"]) for p in dashboard["panels"] for r in [p["datasource"]] + [t["datasource"] for t in p["targets"]]}
    used |= {(v["datasource"]["type"], v["datasource"]["uid"]) for v in dashboard["templating"]["list"]} | {("tempo", "ktrace-tempo")}
    check(used == {(s["type"], u) for u, s in sources.items()}, "grafana: data sources %r" % used)
    check("ingestion_time_range_slack" in tempo["storage"]["trace"]["wal"], "tempo: old traces cannot be searched")


def test_broken(doc, storage, types):
    """Each of these is found; types takes its time, so it is asked only where the rest cannot know."""
    def panel(d, title):
        return next(p for p in d["panels"] if p["title"] == title)

    def sql(title, old, new):
        def do(d):
            t = panel(d, title)["targets"][0]
            check(old in t["rawQueryText"], "%s has no %r" % (title, old))
            t["rawQueryText"] = t["queryText"] = t["rawQueryText"].replace(old, new, 1)
        return do

    for what, do, wanted in (
            ("bad SQL", sql("Latency", "FROM range", "FORM range"), "Latency: near"),
            ("another table", sql("Percentiles", "FROM group_hist", "FROM group_hists"), "Percentiles: no such table"),
            ("no rows", sql("Who was in the way", "d.key_id", "-d.key_id"), "Who was in the way: no rows"),
            ("a variable that is none", sql("Slow flows", "${operation:sqlstring}", "${operations:sqlstring}"), None),
            ("time in ms", sql("Slow flows", "/ 1e9 AS time", "/ 1e6 AS time"), "not in seconds"),
            ("no time", sql("Latency", "AS time", "AS thyme"), "Latency"),
            ("not of the time shown", sql("Throughput and errors", " AND $__to / 1000", " AND 9999999999"), "rows before the recording"),
            ("two types in a column", sql("Percentiles", "max(max_ns) AS longest", "CASE WHEN row_number() OVER () = 1 THEN 1 ELSE 1.5 END AS longest"),
             "values of several types"),
            ("a link to no column", lambda d: panel(d, "Slow flows")["fieldConfig"]["overrides"][0]["properties"][0]["value"][0].update(
                url="${__data.fields.trace}"), "no column"),
            ("a panel on another", lambda d: panel(d, "Latency")["gridPos"].update(y=8), "lies on another panel"),
            ("a variable without values", lambda d: d["templating"]["list"][1].update(query="SELECT 1 WHERE 0"), "variable object")):
        broken = copy.deepcopy(doc)
        do(broken)
        try:
            found = mistakes(broken, storage, "io", None)
        except KeyError as e:
            found = [str(e)]
        check(found and (not wanted or any(wanted in f for f in found)), "%s was not found: %r" % (what, found))
    if types:
        for what, do in (("a color of a number", lambda d: panel(d, "Latency")["options"]["color"].update(scheme=7)),
                         ("a line that is none", lambda d: panel(d, "Percentiles")["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines")),
                         ("an unknown property", lambda d: panel(d, "Slow flows").update(titel="x"))):
            broken = copy.deepcopy(doc)
            do(broken)
            check(types(broken), "%s was not found" % what)


def timed(d, db):
    """CPU time of each panel, all of the database shown."""
    con = ktest.open_db(db)
    for flow, in con.execute("SELECT flow FROM flow_kind ORDER BY ord").fetchall():
        for title, _ in d.sqlite_targets():
            start = time.process_time()
            rows = d.rows(title, db, flow)
            print("%7.2f s  %-10s %s, %d rows" % (time.process_time() - start, flow, title, len(rows)))


def test():
    with open(os.path.join(GRAFANA, "dashboards", "ktrace.json"), encoding="utf-8") as f:
        doc = json.load(f)
    if TIMED:
        timed(Dashboard(doc), TIMED)
        return
    tmp = ktest.tmpdir()
    made = dbs.made(ANALYZE, tmp)
    folder = ktest.run(os.path.join(ktest.TOP, "tests/npm"), "where", "grafana").stdout.strip()
    there = shutil.which("node") and os.path.exists(folder)

    def types(d):
        p = ktest.run("node", os.path.join(dbs.HERE, "grafana.mjs"), folder, "types", input=json.dumps(d), check=False)
        return p.stdout.splitlines() if p.returncode == 0 else [p.stderr]

    if not there:
        print("Grafana's types are not there (tests/setup all): the dashboard is checked without them, the files around it are not")
    found = mistakes(doc, made["storage"], "io", types if there else None)
    check(not found, "; ".join(found[:5]))
    # Flows that no code knows, and who was in their way.
    dbs.change(made["future"], "CREATE TABLE disturb_load(key_id INTEGER, second INTEGER, cause TEXT, by_utid INTEGER, by_irq TEXT, n INTEGER, ns INTEGER,"
               " n_flows INTEGER)", "INSERT INTO disturb_load SELECT key_id, second, 'gate', NULL, 'tide', 2, 7, 1 FROM flow_load", of=made["future"])
    # Without the families sched and irq nobody is in the way; of requests no task is known.
    for name, flow, empty in (("storage", "bio", ("Who was in the way",)), ("storage", "request", ("Who was in the way", "task", "cgroup")),
                              ("randrw", "request", ("Who was in the way", "task", "cgroup")), ("randrw", "bio", ("Who was in the way",)),
                              ("future", "crossing", ("task", "cgroup", "operation")), ("mixed", "crossing", ("Who was in the way",)),
                              ("kept", "io", ())):
        found = mistakes(doc, made[name], flow, None, empty)
        check(not found, "%s, %s: %s" % (name, flow, "; ".join(found[:3])))
    d = Dashboard(doc)
    test_figures(d, made["storage"], made["randrw"])
    test_tasks(d, made["storage"])
    test_names(d, made["storage"], tmp)
    test_traces(d, made["storage"], tmp)
    test_broken(doc, made["storage"], types if there else None)
    if there:
        test_files(folder, doc)


ktest.main(test)
