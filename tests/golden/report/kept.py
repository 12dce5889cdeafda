#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Reports on databases that hold rows of some flows only: kept.py KTRACE-REPORT KTRACE-ANALYZE.

Of a whole database `ktrace-analyze --keep` leaves the flows of some duration with all that they are linked to; the statistics
count every flow. Here the other rows are deleted; each report, with the usual filters, then prints the same figures in JSON
as from the whole database, or refuses, or says what it lacks. What may differ then is listed below, one by one.
"""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import bucket, check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
MS = 10**6
CAUSE = re.compile(r"of flows below \S+ \S+ (were not kept|only one in \S+ was kept)")
# Flows and their detail: table, flow, its column.
FLOWS = (("io", "io_id"), ("bio", "bio_id"), ("request", "request_id"))
LINKS = (("bio", "bio_id", "io", "io_id"), ("bio", "bio_id", "request", "request_id"), ("bio", "bio_id", "bio", "parent_bio_id"),
         ("bio", "bio_id", "request", "parent_request_id"))

# ---------------------------------------------------------------- databases


def has(con, name):
    return con.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone()


def kept_flows(con, keep_ns, sample):
    """{(flow, id)} that keep their rows."""
    above, rows = {}, {}

    def top(f):
        while above[f] != f:
            above[f] = above[above[f]]
            f = above[f]
        return f

    tables = [(t, c) for t, c in FLOWS if has(con, t)]
    for table, col in tables:
        for flow_id, ns in con.execute("SELECT %s, dur_ns FROM %s" % (col, table)):
            rows[table, flow_id] = ns
            above[table, flow_id] = (table, flow_id)
    pairs = [((a, x), (b, y)) for a, ca, b, cb in LINKS if (a, "") and has(con, b)
             for x, y in con.execute("SELECT %s, %s FROM %s WHERE %s IS NOT NULL" % (ca, cb, a, cb))]
    pairs += [(("bio", x), ("request", y)) for x, y in con.execute("SELECT bio_id, request_id FROM bio_request_extra")]
    for a, b in pairs:
        if a in rows and b in rows:
            above[top(a)] = top(b)
    members = {}
    for f in rows:
        members.setdefault(top(f), []).append(f)

    def is_kept(fs):
        first = min((i for t, _ in FLOWS for kind, i in fs if kind == t), default=0) if not sample else \
            next(min(i for kind, i in fs if kind == t) for t, _ in FLOWS if any(kind == t for kind, _ in fs))
        return any(rows[f] is None or rows[f] >= keep_ns for f in fs) or (sample and first % sample == 0)

    kept = {head for head, fs in members.items() if is_kept(fs)}
    # what a kept operation waited for
    waits = con.execute("SELECT io_id, parent_io_id FROM io WHERE parent_io_id IS NOT NULL").fetchall() if ("io", "io_id") in tables else []
    more = True
    while more:
        more = {top(("io", p)) for i, p in waits if top(("io", i)) in kept and ("io", p) in rows} - kept
        kept |= more
    return {f for f in rows if top(f) in kept}


def newer_sums(con):
    """Statistics that a database of make-db.py lacks: of requests by partition, and who was in the way."""
    con.executescript("""
        CREATE TABLE flow_group(group_id INTEGER PRIMARY KEY, run_id, flow, kind, op, object_id, part_id, via, error, is_own);
        CREATE TABLE group_hist(group_id, second, stage, bucket, n, ns, max_ns);
        INSERT INTO flow_group(run_id, flow, op, object_id, part_id)
          SELECT DISTINCT run_id, 'request', op, device_id, part_device_id FROM request;""")
    if has(con, "disturbance"):
        con.execute("CREATE TABLE io_disturbed AS SELECT i.run_id, (i.start_ns + i.dur_ns) / 1000000000 AS second, i.kind, i.op, i.device_id,"
                    " i.utid, i.ucgid, d.cause, d.by_utid, d.by_irq, count(DISTINCT d.flow_id) AS n, sum(d.dur_ns) AS dur_ns"
                    " FROM disturbance d JOIN io i ON d.flow = 'io' AND i.io_id = d.flow_id WHERE i.state = 'whole'"
                    " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10")
    ords = dict(con.execute("SELECT stage || '_ns', ord FROM flow_stage WHERE flow = 'request'"))
    for col in ("dur_ns", "plug_ns", "queue_ns", "device_ns", "complete_ns"):
        stage = ords.get(col, 0)
        con.executemany("INSERT INTO group_hist VALUES(?, ?, ?, ?, 1, ?, ?)", [
            (g, s, stage, bucket(ns), ns, ns) for g, s, ns in con.execute(
                "SELECT group_id, (r.start_ns + r.dur_ns) / 1000000000, %s FROM request r JOIN flow_group g ON g.run_id = r.run_id"
                " AND g.op = r.op AND g.object_id = r.device_id AND g.part_id IS r.part_device_id"
                " WHERE r.state = 'whole' AND %s IS NOT NULL" % (col, col))])


def keep(whole, path, keep_ns, sample=0):
    """The database that --keep would have left, and how many rows of flows are in it."""
    shutil.copy(whole, path)
    con = sqlite3.connect(path)
    kept = kept_flows(con, keep_ns, sample)
    if not has(con, "flow_group"):
        newer_sums(con)
    con.execute("CREATE TEMP TABLE kept(flow, id, PRIMARY KEY(flow, id))")
    con.executemany("INSERT INTO kept VALUES(?, ?)", kept)
    details = [(t, "'%s'" % t, c) for t, c in FLOWS]
    details += [(t, "flow", "flow_id") for t in ("stage_extra", "disturbance", "wake")]
    details += [(t, "'bio'", "bio_id") for t in ("bio_request_extra", "bio_origin")]
    for table, flow, col in details:
        if has(con, table):
            con.execute("DELETE FROM %s WHERE NOT EXISTS (SELECT 1 FROM kept WHERE flow = %s AND id = %s)" % (
                table, "%s.flow" % table if flow == "flow" else flow, col))
    con.execute("INSERT INTO meta VALUES('keep_ns', ?)", (keep_ns,))
    if sample:
        con.execute("INSERT INTO meta VALUES('keep_sample', ?)", (sample,))
    con.commit()
    con.close()
    return len(kept)


# ---------------------------------------------------------------- reports


def report(db, *args):
    p = ktest.run(TOOL, *args, "--json", os.path.basename(db), check=False, cwd=os.path.dirname(db), env=ktest.plain_env(), timeout=120)
    return p.returncode, p.stderr.replace(os.path.basename(db), "DB"), json.loads(p.stdout) if not p.returncode else p.stdout


def without(doc, tables, columns, text):
    """A report's document without what may differ."""
    left = {name: [{k: v for k, v in row.items() if k not in columns} for row in rows]
            for name, rows in doc["tables"].items() if name not in tables and (rows or name != "beside")}
    return left, [t for t in doc["text"] if not re.search(text, t)], [w for w in doc["warnings"] if not CAUSE.search(w)]


# A warning, and what it lets differ: tables, columns, sentences.
MAY = (
    # Those from keep_ns on are compared all the same.
    ("complete only from", ("slow",), (), "^others: how many of"),
    ("Columns are of whole seconds", ("heatmap",), (), "^Columns: when"),
    ("The block layer is left out", ("stages",), (), "^Below them|^share: of the time of all"),
    ("asynchronous operation .* was in flight is not known", ("programs",), ("in_flight", "share", "time_share"), "in flight|'s time asleep|of its time"),
    ("kept its disk busy", (), ("busy_share",), None),
    ("What else was on the device", ("beside",), (), "^When (r|its )"),
)
# Without a warning: a partition's histogram is one of sums, as a disk's always is, and bins these within 1 %.
BINS = (r"^hist .*--disk vda1:", (), ("n", "share", "below_share", "time_share"), None)
# What needs none either: how many waited, at least; and an empty table less.
AT_LEAST = "^(At least |One |[0-9]).*(waited for it|served it): "


def same_slow(what, whole, kept, keep_ns):
    """Of the slowest, those that have rows in any case are the same; the others are none that is not there."""
    if "slow" not in whole["tables"] or not any("complete only from" in w for w in kept["warnings"]):
        return
    a, b = ([{k: v for k, v in row.items() if k != "others"} for row in doc["tables"]["slow"] if row["dur_ns"] >= keep_ns]
            for doc in (whole, kept))
    check(a == b[:len(a)], what + ": the slowest differ")


def compare(what, whole, kept, keep_ns):
    """How a report on the kept database came out: same, warned, refused."""
    if whole[0]:
        check(kept[:2] == whole[:2], "%s: %r, whole %r" % (what, kept[:2], whole[:2]))
        return "same"
    if kept[0]:
        ok = kept[0] == 1 and CAUSE.search(kept[1]) and kept[1].count("\n") == 1 and not kept[2]
        check(ok, "%s: exit %d, %r, %r" % (what, kept[0], kept[1], kept[2][:100]))
        return "refused"
    a, b = whole[2], kept[2]
    said = [w for w in b["warnings"] if CAUSE.search(w)]
    tables, columns, texts = set(), set(), [AT_LEAST]
    for warning, *may in MAY + (BINS,):
        if any(re.search(warning, w) for w in said) or re.search(warning, what):
            tables |= set(may[0])
            columns |= set(may[1])
            texts += [may[2]] if may[2] else []
    text = "|".join(texts)
    if re.search(BINS[0], what):
        n = [sum(row["n"] for row in doc["tables"]["hist"]) for doc in (a, b)]
        check(n[0] == n[1], "%s: %r flows" % (what, n))
    x, y = without(a, tables, columns, text), without(b, tables, columns, text)
    if x != y:
        differ = [name for name in x[0].keys() | y[0].keys() if x[0].get(name) != y[0].get(name)]
        differ += [t for t in set(x[1]) ^ set(y[1])] + [t for t in set(x[2]) ^ set(y[2])]
        check(False, "%s: differs (%s): %s" % (what, "; ".join(said) or "without a word", "; ".join(differ)[:600]))
    same_slow(what, a, b, keep_ns)
    return "warned" if said else "same"


def filters(db, keep_ns):
    con = ktest.open_db(db)
    disks = [n for n, in con.execute("SELECT name FROM device ORDER BY device_id")]
    task, = con.execute("SELECT comm FROM task JOIN bio USING (utid) GROUP BY utid ORDER BY count(*) DESC LIMIT 1").fetchone()
    cgroup, = con.execute("SELECT path FROM cgroup JOIN bio USING (ucgid) GROUP BY ucgid ORDER BY count(*) DESC LIMIT 1").fetchone()
    con.close()
    found = [(), ("--over", "%dns" % keep_ns), ("--over", "%dns" % (3 * keep_ns), "--since", "1.25s"), ("--over", "%dns" % (keep_ns // 2)),
             ("--since", "1s", "--until", "3s"), ("--task", task), ("--cgroup", cgroup), ("--task", task, "--since", "1s"),
             ("--op", "read"), ("--top", "3"), ("--recorder",), ("--by", "process"), ("--by", "disk")]
    return found + [("--disk", d) for d in disks[:2]]


# Databases on which not all filters are tried.
SOME = (("storage", 10**12), ("randrw", 20 * MS), ("made", MS))
# A window that is no whole seconds; and the seconds that hold it.
WINDOW, SECONDS = (("--since", "1.25s", "--until", "2.5s"), ("--since", "1s", "--until", "3s"))


def check_database(name, whole, kept, keep_ns, some, pool):
    names = [line.split()[0] for line in ktest.run(TOOL, "--list", env=ktest.plain_env()).stdout.splitlines()]
    given = filters(whole, keep_ns)
    given = given[:4] + given[4::2] if some else given
    jobs = [(n, *args) for n in names if n not in ("show", "diff") for args in given]
    flows = ("summary", "stages", "slow", "hist", "heatmap", "tasks", "cgroups")
    jobs += [(n, "--flow", flow, *args) for n in flows for flow in ("request", "bio") for args in given[:: 1 if flow == "request" else 3]]
    jobs += [("diff", os.path.basename(whole))]
    count = dict.fromkeys(("same", "warned", "refused"), 0)
    for given, a, b in zip(jobs, pool.map(lambda j: report(whole, *j), jobs), pool.map(lambda j: report(kept, *j), jobs)):
        count[compare("%s: %s" % (" ".join(given), name), a, b, keep_ns)] += 1
    # What is rounded is what the whole database has of these seconds.
    rounded = [(n, *args) for n in names if n not in ("show", "diff", "cost") for args in ((), ("--flow", "request"), ("--op", "write"), ("--disk", "vda"))]
    for given, a, b in zip(rounded, pool.map(lambda j: [report(whole, *j, *w) for w in (WINDOW, SECONDS)], rounded),
                           pool.map(lambda j: report(kept, *j, *WINDOW), rounded)):
        said = not b[0] and any("rounded to whole seconds" in w for w in b[2]["warnings"])
        count[compare("%s: %s" % (" ".join(given + WINDOW), name), a[said], b, keep_ns)] += 1
    print(name, count)
    check(min(count.values()) > 0 and count["same"] > count["warned"] + count["refused"], "%s: %r" % (name, count))


def check_show(name, whole, kept, pool):
    """A flow with a row is explained as ever; of another it says that it has none; of none that there is none."""
    a, b = ktest.open_db(whole), ktest.open_db(kept)
    jobs = []
    for table, col in FLOWS:
        if not has(a, table):
            continue
        all_ids, ids = ([i for i, in con.execute("SELECT %s FROM %s ORDER BY 1" % (col, table))] for con in (a, b))
        gone = sorted(set(all_ids) - set(ids))
        jobs += [(table[0] + str(i), True) for i in ids[:: max(1, len(ids) // 12)]] + [(table[0] + str(i), False) for i in gone[:: max(1, len(gone) // 4)]]
        jobs += [(table[0] + str(all_ids[-1] + 1000), None)] if all_ids else []
    for (i, there), x, y in zip(jobs, pool.map(lambda j: report(whole, "show", j[0]), jobs), pool.map(lambda j: report(kept, "show", j[0]), jobs)):
        how = compare("show %s: %s" % (i, name), x, y, 0)
        check(there is None or how == ("refused" if not there else how), "show %s: %s: %s" % (i, name, how))
        check(there is not None or "no flow has this ID" in y[1], "show %s: %s: %s" % (i, name, y[1]))


def check_queries(name, whole, kept):
    """Queries of somebody else say that they read rows, where they do; a table alone says it on stderr."""
    said = []
    for q in sorted(glob.glob(os.path.join(ktest.TOP, "examples/queries/*.sql"))):
        a, b = report(whole, q), report(kept, q)
        warned = [w for w in b[2]["warnings"] if CAUSE.search(w)]
        check(a[2] == b[2] or warned == b[2]["warnings"] and len(warned) == 1, "%s: %s: %r" % (q, name, b[2]["warnings"]))
        said.append(len(warned))
        p = ktest.run(TOOL, q, "--csv", kept, check=False, env=ktest.plain_env())
        check(len(CAUSE.findall(p.stderr)) == len(warned), "%s --csv: %s: %s" % (q, name, p.stderr))
    check(0 < sum(said) < len(said), "%s: %d of %d queries read rows" % (name, sum(said), len(said)))
    for args, want in ((("slow", "--csv", "--top", "100"), 1), (("heatmap", "--csv"), 1), (("hist", "--csv"), 0),
                       (("stages", "--table", "groups", "--since", "1.5s"), 1)):
        p = ktest.run(TOOL, *args, kept, check=False, env=ktest.plain_env())
        check(p.returncode == 0 and len(CAUSE.findall(p.stderr)) == want and not CAUSE.search(p.stdout), "%s: %s" % (args, p.stderr))


def main():
    folder = ktest.tmpdir()

    def path(name):
        return os.path.join(folder, name + ".db")

    for name in ("storage", "randrw"):
        ktest.run(ANALYZE, os.path.join(ktest.TOP, "examples/recordings", name + ".ktr"), "-o", path(name))
    for name, variant in (("made", "whole"), ("made-io", "io")):
        ktest.run(sys.executable, os.path.join(HERE, "make-db.py"), path(name), variant)
    # a sample; and none long enough: no rows at all
    variants = (("storage", 5 * MS, 0), ("storage", 10**12, 0), ("randrw", 20 * MS, 0), ("made", MS, 0), ("made-io", 2 * MS, 100))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, keep_ns, sample in variants:
            kept = path("%s-%d" % (name, keep_ns))
            n = keep(path(name), kept, keep_ns, sample)
            print("%s: %d flows have rows" % (kept, n))
            what = "%s from %d ns" % (name, keep_ns)
            check_database(what, path(name), kept, keep_ns, (name, keep_ns) in SOME, pool)
            check_show(what, path(name), kept, pool)
            if (name, keep_ns) == ("storage", 5 * MS):
                check_queries(what, path(name), kept)


ktest.main(main)
