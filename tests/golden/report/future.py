#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Reports on flows of a kind that no code knows: future.py KTRACE-REPORT KTRACE-ANALYZE [--update|--general].

The database is future.sql, whose comments work out the figures; texts are those of expect/future/. --update writes these: read the
difference before you commit it. --general: KTRACE-REPORT was made without the folders of the families. It has to say the same, and shows
storage's flows as it shows any."""
import json
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import kreport  # noqa: E402
import ktest  # noqa: E402
from ktest import TOP, check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
UPDATE = "--update" in sys.argv
REPORTS = ("summary", "stages", "hist", "heatmap", "tasks", "cgroups", "slow")

TEXTS = {
    "summary": ["summary"], "summary-leg": ["--flow", "leg"], "summary-over": ["--over", "30ms"], "summary-nothing": ["--since", "3s", "--task", "bob"],
    "stages": ["stages"], "stages-task": ["stages", "--by", "task"], "stages-kind": ["stages", "--by", "kind"], "stages-over": ["stages", "--over", "50ms"],
    "hist": ["hist"], "heatmap": ["heatmap"], "heatmap-over": ["heatmap", "--over", "30ms"],
    "tasks": ["tasks"], "tasks-program": ["tasks", "--by", "program", "--recorder"], "cgroups": ["cgroups"],
    "slow": ["slow"], "slow-leg": ["slow", "--flow", "leg", "--top", "2"],
    "show-crossing": ["show", "c1"], "show-open": ["show", "c7"], "show-leg": ["show", "l3"],
}
IDS = "c12 (crossing) or l12 (leg)"
ERRORS = [
    (["--flow", "io"], 64, "--flow io: expected crossing or leg"),
    (["stages", "--flow", "cross"], 64, "--flow cross: expected crossing or leg"),
    (["show", "x1"], 64, "'x1' is not an ID: expected " + IDS),
    (["show", "1"], 64, "'1' is not an ID: expected " + IDS),
    (["show", "c"], 64, "'c' is not an ID: expected " + IDS),
    (["show", "c99999999999999999999"], 64, "is not an ID: expected " + IDS),
    (["show", "c99"], 1, "no flow has this ID; report 'slow' lists IDs"),
    (["show", "--flow", "leg", "c1"], 64, "--flow cannot be combined with an ID"),
    (["show"], 64, "report 'show' needs an ID"),
    (["files", "--flow", "leg"], 64, "--flow leg: report 'files' is only about io, request or bio"),
    (["files"], 1, "report 'files' needs table 'file_load', which was not recorded"),
    (["--object", "East"], 1, "no object 'East' in this database (it has: A1, North, South)"),
    (["--flow", "leg", "--object", "North"], 1, "no object 'North' in this database (it has: A1)"),
    (["--op", "ride", "--flow", "crossing"], 1, "no operation 'ride' in this database (it has: cart, foot)"),
    (["--task", "eve"], 1, "no task 'eve' in this database (it has: alice, bob, ktrace-record)"),
    (["--cgroup", "/x"], 1, "no cgroup '/x' in this database (it has: /town, /town/gate)"),
    (["summary", "--table", "x"], 64, "report 'summary' has no table 'x'; it has: ops stages slow tasks"),
]


def run(*args, db="future.db", cwd, width="100"):
    return kreport.Reports(TOOL, db, cwd).run(*args, width=width)


def tables(tmp, *args):
    return kreport.Reports(TOOL, "future.db", tmp).tables(*args)


def make(path, *more):
    db = sqlite3.connect(path)
    db.executescript("PRAGMA synchronous = OFF; BEGIN; " + ktest.read(os.path.join(HERE, "future.sql")) + "COMMIT;")
    for sql in more:
        db.execute(sql)
    db.commit()
    db.close()


def test_texts(tmp):
    kreport.Reports(TOOL, "future.db", tmp).same_texts(TEXTS, os.path.join(HERE, "expect", "future"), UPDATE)


def test_errors(tmp):
    for args, want_code, want in ERRORS:
        code, out, err = run(*args, cwd=tmp)
        check(code == want_code and not out and len(err.splitlines()) == 1 and want in err, "%r: exit %d, %r" % (args, code, err))


def test_figures(tmp):
    """What future.sql works out by hand."""
    ms = 10**6
    t = tables(tmp, "summary")
    check([(r["object"], r["op"], r["n"], r["mean_ns"], r["max_ns"], r["bytes"]) for r in t["ops"]] ==
          [("North", "cart", 2, 50 * ms, 60 * ms, 8192), ("North", "foot", 1, 80 * ms, 80 * ms, None), ("South", "foot", 2, 15 * ms, 20 * ms, None)],
          "summary: %r" % t["ops"])
    check([round(r["time_share"] * 210) for r in t["ops"]] == [100, 80, 30], "summary: shares")
    check([(r["task"], r["n"], r["total_ns"]) for r in t["tasks"]] == [("bob", 3, 110 * ms), ("alice", 2, 100 * ms)], "summary: tasks")

    t = tables(tmp, "stages")
    got = {(r["object"], r["op"], r["stage"]): (r["n"], r["mean_ns"] * (2 if r["op"] == "cart" or r["object"] == "South" else 1)) for r in t["stages"]}
    check(got == {
        ("North", "cart", "queueing"): (2, 42 * ms), ("North", "cart", "toll"): (2, 10 * ms), ("North", "cart", "span"): (2, 38 * ms),
        ("North", "cart", "leaving"): (2, 10 * ms), ("North", "cart", "total"): (2, 100 * ms),
        # ktrace-record's own is not among these.
        ("North", "foot", "queueing"): (1, 20 * ms), ("North", "foot", "span"): (1, 55 * ms), ("North", "foot", "leaving"): (1, 5 * ms),
        ("North", "foot", "total"): (1, 80 * ms),
        ("South", "foot", "toll"): (1, 2 * ms), ("South", "foot", "span"): (2, 24 * ms), ("South", "foot", "leaving"): (2, 4 * ms),
        ("South", "foot", "total"): (2, 30 * ms)}, "stages: %r" % got)
    for by, want in (("op", {None: 210}), ("kind", {"passages": 200, "patrols": 10}), ("object", {"North": 180, "South": 30}),
                     ("task", {"alice [101]": 100, "bob [102]": 110}), ("program", {"alice": 100, "bob": 110}),
                     ("process", {"alice [101]": 100, "bob [102]": 110}), ("cgroup", {"/town": 100, "/town/gate": 110})):
        got = {}
        for r in tables(tmp, "stages", "--by", by)["groups"]:
            got[r["what"]] = got.get(r["what"], 0) + r["total_ns"] // ms
        check(got == want, "stages --by %s: %r" % (by, got))

    reports, dur = kreport.Reports(TOOL, "future.db", tmp), {"c1": 40, "c2": 60, "c3": 20, "c4": 80, "c5": 10}
    # The same ones, whatever leaves out the others. c6 is no answer: rows do not say that it failed, so --over takes it for a whole one.
    for args, want in (((), {"c1", "c2", "c3", "c4", "c5"}), (("--over", "30ms"), {"c1", "c2", "c4"}), (("--over", "10ms"), {"c1", "c2", "c3", "c4", "c5"}),
                       (("--task", "bob"), {"c3", "c4", "c5"}), (("--task", "101"), {"c1", "c2"}), (("--cgroup", "/town/gate"), {"c3", "c4", "c5"}),
                       (("--object", "South"), {"c3", "c5"}), (("--disk", "North", "--op", "foot"), {"c4"}), (("--since", "1s"), {"c2", "c3", "c4", "c5"}),
                       (("--until", "1s"), {"c1"}), (("--since", "1s", "--until", "2s"), {"c2", "c3"}),
                       (("--since", "1500ms", "--over", "2ms"), {"c3", "c4", "c5"}),
                       (("--until", "2s", "--over", "20ms", "--op", "cart"), {"c1", "c2"}), (("--op", "cart", "--cgroup", "/town"), {"c1", "c2"})):
        reports.same_flows(args, {i: dur[i] * ms for i in want})
    check([r["id"] for r in tables(tmp, "slow", "--flow", "leg")["slow"]] == ["l3", "l1", "l2"], "slow --flow leg")
    check([r["id"] for r in tables(tmp, "slow", "--flow", "leg", "--top", "1")["slow"]] == ["l3"], "slow --flow leg --top 1")
    check([r["id"] for r in tables(tmp, "slow", "--recorder", "--top", "6")["slow"]] == ["c4", "c2", "c1", "c3", "c5", "c8"], "slow --recorder")
    heat = {(r["object"], r["op"], r["from_ns"] // ms): r["heat"] for r in tables(tmp, "heatmap")["heatmap"]}
    check(heat == {("North", "cart", 20): [1, 0, 0, 0], ("North", "cart", 50): [0, 1, 0, 0], ("North", "foot", 50): [0, 0, 1, 0],
                   ("South", "foot", 5): [0, 0, 1, 0], ("South", "foot", 10): [0, 1, 0, 0]} or
          heat == {("North", "cart", 20): [1, 0, 0, 0], ("North", "cart", 50): [0, 1, 0, 0], ("North", "foot", 50): [0, 0, 1, 0],
                   ("South", "foot", 5): [0, 0, 1, 0], ("South", "foot", 20): [0, 1, 0, 0]}, "heatmap: %r" % heat)

    t = tables(tmp, "show", "c1")
    check([(r["flow"], r["stage"], r["at_ns"] // ms, r["dur_ns"] // ms) for r in t["stages"]] ==
          [("c1", "queueing", 0, 10), ("c1", "toll", 10, 5), ("c1", "span", 15, 20), ("c1", "leaving", 35, 5), ("l1", "ride", 15, 12), ("l2", "ride", 27, 8)],
          "show: stages %r" % t["stages"])
    check([(r["id"], r["link"], r["object"]) for r in t["links"]] == [("l1", "leads over", "A1"), ("l2", "leads over", "A1")], "show: links")


def seconds(queueing_ms, wander_ms=0):
    """Statements: ten seconds with 60 crossings by cart each, of 18 ms on the bridge and that long in line. The legs are as they were."""
    rows = []
    for second in range(10):
        queueing = (queueing_ms + wander_ms * (second % 3 - 1)) * 10**6
        for stage, ns in ((1, queueing), (3, 18 * 10**6), (0, queueing + 18 * 10**6)):
            rows.append("(9001, %d, %d, %d, 60, %d, %d)" % (second, stage, ktest.bucket(ns), 60 * ns, ns))
    return ("DELETE FROM group_hist WHERE group_id = 9001", "INSERT INTO group_hist(group_id, second, stage, bucket, n, ns, max_ns) VALUES " + ", ".join(rows),
            "UPDATE flow_sum SET n = 600, dur_ns = 600 * %d WHERE key_id = 9001 AND state = 'whole'" % ((queueing_ms + 18) * 10**6),
            "UPDATE run SET dur_ns = 10000000000")


def test_diff(tmp):
    """What became worse is said, by how much, and in which stage."""
    for day, (name, more) in enumerate((("short.db", seconds(2)), ("line.db", seconds(20)), ("wander.db", seconds(2, 1)))):
        make(os.path.join(tmp, name), *more, "INSERT OR REPLACE INTO meta(key, value) VALUES ('epoch_realtime_ns', %d)" % (day * 86400 * 10**9))
    for name, args in (("diff", ["diff", "short.db"]), ("diff-object", ["diff", "--flow", "crossing", "--object", "North", "--op", "cart", "short.db"])):
        code, out, err = run(*args, db="line.db", cwd=tmp)
        check(code == 0 and not err, "%s: exit %d, %s" % (name, code, err))
        ktest.same_text(os.path.join(HERE, "expect", "future", name + ".txt"), out, UPDATE)
    for a, b, verdict, queueing in (("short", "line", "worse", "worse"), ("line", "short", "better", "better"), ("short", "wander", "same", "same")):
        code, out, err = run("diff", "--json", a + ".db", db=b + ".db", cwd=tmp)
        doc = json.loads(out)
        mistakes = [e.message for e in kreport.SCHEMA.iter_errors(doc)]
        check(not mistakes, "diff against the schema: %r" % mistakes[:3])
        rows = {r["stage"]: r for r in doc["tables"]["diff"] if (r["object"], r["op"]) == ("North", "cart")}
        got = {stage: (r["n_before"], r["n_after"], r["verdict"], r["is_finding"]) for stage, r in rows.items()}
        check(got == {"queueing": (600, 600, queueing, 0), "span": (600, 600, "same", 0), "total": (600, 600, verdict, int(verdict != "same"))},
              "diff %s %s: %r" % (a, b, got))
        if verdict == "worse":
            # of 20 ms the line added 18; a bucket is 1 % wide
            check(all(abs(rows[s]["change"] - 0.9) < 0.01 for s in ("total", "queueing")), "diff: change: %r" % rows)
    for args, code, want in ((["--flow", "io"], 64, "--flow io: expected crossing or leg"), (["--object", "A2"], 1, "no object 'A2' in this database"),
                             (["--task", "bob"], 64, "report 'diff' does not support --task")):
        got = run("diff", *args, "short.db", db="line.db", cwd=tmp)
        check(got[0] == code and want in got[2], "diff %r: %r" % (args, got))
    make(os.path.join(tmp, "legs.db"), "DELETE FROM flow_kind WHERE flow = 'crossing'")
    got = run("diff", "short.db", db="legs.db", cwd=tmp)
    check(got[0] == 1 and "short.db: the second database has no flows of a kind of the first" in got[2], "diff: other kinds: %r" % (got,))


def test_mixed(tmp):
    """Beside storage's flows: a paragraph for each kind that programs wait for, and each report on each of them."""
    db = os.path.join(tmp, "mixed.db")
    ktest.run(ANALYZE, os.path.join(TOP, "examples/recordings/storage.ktr"), "-o", db)
    before = json.loads(run("summary", "--json", db="mixed.db", cwd=tmp)[1])
    # Rows are looked up in the views, in a join as well: nothing is computed as a whole first.
    con = sqlite3.connect(db)
    for view, col, key in (("flow", "flow", "flow_id"), ("flow_link", "flow", "flow_id"), ("flow_object", "tbl", "object_id")):
        plan = [r[3] for r in con.execute("EXPLAIN QUERY PLAN SELECT v.* FROM run r CROSS JOIN %s v WHERE v.%s = +r.host AND v.%s = r.run_id"
                                          % (view, col, key))]
        check(len(plan) > 3 and not [p for p in plan if "MATERIALIZE" in p or "CO-ROUTINE" in p], "view %s: %r" % (view, plan))
    check(con.execute("SELECT count(*) FROM flow_object o JOIN device d ON o.tbl = 'device' AND o.object_id = d.device_id AND o.name = d.name").fetchone()
          == con.execute("SELECT count(*) FROM device").fetchone(), "flow_object: devices")
    con.close()
    make(db)
    code, out, err = run("summary", "--json", db="mixed.db", cwd=tmp)
    check(code == 0, "mixed: " + err)
    doc = json.loads(out)
    added = [line for line in doc["text"] if line not in before["text"]]
    check([line[:26] for line in added] ==
          ["Programs waited 200 ms for", "Largest share, 50 %: 2 car", "Told apart from these: 1 p", "Excluded: 1 crossing that ",
           "7 of 8 crossings (88 %) we"], "mixed: %r" % added)
    at = doc["text"].index(added[0])
    check("for disks" in doc["text"][0] and 0 < at < [i for i, line in enumerate(doc["text"]) if line.startswith("No events lost")][0], "mixed: order")
    check(doc["tables"] == before["tables"], "mixed: storage's tables")
    for flow in ("crossing", "leg"):
        for report in REPORTS:
            want = run(report, "--flow", flow, "--csv", cwd=tmp)[1]
            if report == "heatmap":  # as long as the recording
                continue
            # `mostly`: the view stage is that of the recording
            got = run(report, "--flow", flow, "--csv", db="mixed.db", cwd=tmp)[1]
            if report == "slow":
                want, got = (re.sub(r",[a-z]* ?[0-9.]* ?%?,", ",", text) for text in (want, got))
            check(code == 0 and (report == "slow" or got == want), "mixed: %s --flow %s: %r, not %r" % (report, flow, got, want))
    # Between storage's kinds and these there may be others.
    check(re.search("expected io, request, bio.*, crossing or leg", run("--flow", "x", db="mixed.db", cwd=tmp)[2]), "mixed: --flow x")
    check(re.search(r"expected r12 \(request\), b12 \(bio\), i12 \(io\).*, c12 \(crossing\) or l12 \(leg\)",
                    run("show", "x1", db="mixed.db", cwd=tmp)[2]), "mixed: show x1")


def test_kept(tmp):
    """Rows of long flows only (ktrace-analyze --keep): the same figures from the statistics; what needs rows says what is missing."""
    make(os.path.join(tmp, "kept.db"), "DELETE FROM crossing WHERE dur_ns < 50000000",
         "DELETE FROM leg WHERE crossing_id NOT IN (SELECT crossing_id FROM crossing)",
         "INSERT INTO meta VALUES ('keep_ns', 50000000)")
    lost = "rows of flows below 50.0 ms were not kept"
    for report in REPORTS:
        whole, kept = (json.loads(run(report, "--json", db=db, cwd=tmp)[1]) for db in ("future.db", "kept.db"))
        for table, rows in whole["tables"].items():
            if table == "slow":
                check([r["id"] for r in kept["tables"][table]] == ["c4", "c2"], "kept: %s: %r" % (report, kept["tables"][table]))
            else:
                check(kept["tables"][table] == rows, "kept: %s: %s: %r, not %r" % (report, table, kept["tables"][table], rows))
        if "slow" in whole["tables"]:
            check("is complete only from 50.0 ms on: " + lost in json.dumps(kept), "kept: %s does not say that its list is not complete" % report)
        code, out, err = run(report, "--over", "20ms", db="kept.db", cwd=tmp)
        check(code == 1 and not out and lost in err and len(err.splitlines()) == 1, "kept: %s --over 20ms: exit %d, %r" % (report, code, err))
        check(run(report, "--over", "50ms", db="kept.db", cwd=tmp) == run(report, "--over", "50ms", cwd=tmp), "kept: %s --over 50ms" % report)
    code, out, err = run("show", "c3", db="kept.db", cwd=tmp)
    check(code == 1 and not out and lost + ": c3 has no row" in err, "kept: show c3: exit %d, %r" % (code, err))
    check(run("show", "c2", db="kept.db", cwd=tmp) == run("show", "c2", cwd=tmp), "kept: show c2")
    check("no flow has this ID" in run("show", "c99", db="kept.db", cwd=tmp)[2], "kept: show c99")


HOSTILE = ["a'b", 'a"b', "a b", "'; DROP TABLE run; --", "a;b", "%s%n", "\x1b[31m", "--", "1", "select"]


def test_hostile(tmp):
    """Whatever a database says of its kinds: what it says, or one line; no crash, no SQL of its own."""
    def whole(args, label, code_too=True):
        code, out, err = run(*args, db="hostile.db", cwd=tmp)
        check((code == 0) if code_too else code in (0, 1, 64), "%s: %r: exit %d: %s" % (label, args, code, err))
        check(len(err.splitlines()) <= 1 and "\x1b" not in out + err, "%s: %r: %r" % (label, args, err))
        return out, err

    path = os.path.join(tmp, "hostile.db")
    for name in HOSTILE:
        quoted = "'" + name.replace("'", "''") + "'"
        if os.path.exists(path):
            os.unlink(path)
        flow = ktest.read(os.path.join(HERE, "future.sql")).split("CREATE VIEW flow(")[1].split(";")[0]
        make(path, *("UPDATE %s SET flow = %s WHERE flow = 'crossing'" % (t, quoted) for t in ("flow_kind", "flow_stage", "flow_word", "flow_group")),
             "DROP VIEW flow", "CREATE VIEW flow(" + flow.replace("'crossing'", quoted),
             "UPDATE flow_kind SET one = %s, many = %s, waits_for = %s, tbl = %s, id_col = %s, object_word = %s WHERE ord = 901" % ((quoted,) * 6),
             "UPDATE flow_stage SET stage = stage || %s, class = %s, words = %s" % ((quoted,) * 3),
             "UPDATE flow_word SET one = %s, many = %s" % (quoted, quoted))
        for report in REPORTS:
            whole([report, "--flow=" + name], "kind %r" % name)
        whole(["summary", "--flow=" + name, "--over", "1ms"], "kind %r" % name)
        whole(["show", "c1"], "kind %r" % name)
        whole(["diff", "--flow=" + name, "hostile.db"], "kind %r" % name)
        con = sqlite3.connect(path)
        check(con.execute("SELECT count(*) FROM run").fetchone() == (1,), "kind %r: the database was written" % name)
        con.close()

    # What is missing, or of another type.
    for sql in ("UPDATE flow_kind SET one = NULL, many = NULL, waits_for = NULL, object_tbl = NULL, object_word = NULL, ord = NULL",
                "UPDATE flow_kind SET tbl = 'run; DROP TABLE run', id_col = '1) UNION SELECT (1', object_tbl = 'bridge; DROP TABLE run'",
                "UPDATE flow_stage SET ord = ord + 90", "DELETE FROM flow_stage", "DELETE FROM flow_word", "DELETE FROM flow_kind",
                "UPDATE flow_kind SET letter = NULL",
                "UPDATE flow_key SET utid = 'x', ucgid = -1", "UPDATE flow_group SET object_id = 'x', error = 9223372036854775807 WHERE group_id = 9002",
                "UPDATE flow_load SET min_id = NULL", "UPDATE flow_load SET max_ns = 'x', n = -1", "UPDATE flow_sum SET n = 9223372036854775807, dur_ns = -1",
                "UPDATE flow_hist_sum SET bucket = -5", "UPDATE group_hist_sum SET bucket = 1 << 40", "UPDATE group_hist SET second = 1 << 50",
                "UPDATE run SET dur_ns = NULL", "UPDATE crossing SET dur_ns = 9223372036854775807, start_ns = 9223372036854775807",
                "DROP TABLE flow_sum", "DROP VIEW stage", "DROP VIEW flow", "DROP VIEW flow_object"):
        os.unlink(path)
        make(path, sql)
        for report in REPORTS:
            whole([report], sql, False)
        # The other two ways to the figures: second by second, and from rows.
        for more in (("--since", "1s"), ("--over", "1ms")):
            for report in ("summary", "heatmap"):
                whole([report, *more], sql, False)
        whole(["show", "c1"], sql, False)
        whole(["diff", "future.db"], sql, False)
        whole(["diff", "--flow", "crossing", "hostile.db"], sql, False)

    # Letters that clash, and some that are none.
    for letter, asked, want in (("c", "c1", "'c1' could be one of crossing and one of leg"), ("c1", "c12", "'c12' could be one of crossing and one of leg"),
                                ("", "l1",
                                 "'l1' is not an ID: expected c12 (crossing)"), ("7", "c99", "no flow has this ID"), ("c'", "c99", "no flow has this ID")):
        os.unlink(path)
        make(path, "UPDATE flow_kind SET letter = '%s' WHERE flow = 'leg'" % letter.replace("'", "''"))
        check(want in whole(["show", asked], "letter", False)[1], "letter %r: %r" % (letter, run("show", asked, db="hostile.db", cwd=tmp)))


def test_general(tmp):
    """Storage's flows, without its folder."""
    names = [line.split()[0] for line in ktest.run(TOOL, "--list").stdout.splitlines()]
    check(set(REPORTS) | {"show", "loss"} <= set(names) and "files" not in names and names == sorted(set(names)), "general: --list: %r" % names)
    ktest.run(ANALYZE, os.path.join(TOP, "examples/recordings/storage.ktr"), "-o", os.path.join(tmp, "storage.db"))
    db = ktest.open_db(os.path.join(tmp, "storage.db"))
    for flow in ("io", "request", "bio"):
        want = db.execute("SELECT sum(l.n), sum(l.dur_ns) FROM flow_sum l JOIN flow_key k USING (key_id) JOIN flow_group g USING (group_id)"
                          " LEFT JOIN flow_word v ON v.flow = g.flow AND v.col = 'via' AND v.value = g.via"
                          " WHERE g.flow = ? AND l.state = 'whole' AND g.error IS NULL AND v.counts IS NOT 'not'", (flow,)).fetchone()
        for report in REPORTS:
            code, out, err = run(report, "--flow", flow, "--recorder", "--top", "1000", "--json", db="storage.db", cwd=tmp)
            check(code == 0 and not err, "general: %s --flow %s: exit %d, %s" % (report, flow, code, err))
            if report == "stages" and not code:
                rows = json.loads(out)["tables"]["groups"]
                check((sum(r["n"] for r in rows), sum(r["total_ns"] for r in rows)) == want, "general: stages --flow %s: %r" % (flow, rows))
    code, out, err = run(db="storage.db", cwd=tmp)
    check(code == 0 and out.startswith("Programs waited ") and "for disks" in out.splitlines()[0], "general: summary: %r, %s" % (out[:80], err))
    for flow_id in ("i1", "r1", "b1"):
        code, out, err = run("show", flow_id, db="storage.db", cwd=tmp)
        check(code == 0 and out.startswith(flow_id + ": ") and "Stages" in out, "general: show %s: %r, %s" % (flow_id, out[:80], err))


def main():
    tmp = ktest.tmpdir()
    make(os.path.join(tmp, "future.db"))
    general = "--general" in sys.argv
    for test in (test_texts, test_figures, test_diff, test_general) if general else (
            test_texts, test_errors, test_figures, test_diff, test_mixed, test_kept, test_hostile):
        test(tmp)


ktest.main(main)
