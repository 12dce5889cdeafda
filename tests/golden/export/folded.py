#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""ktrace-report --folded: folded.py KTRACE-REPORT KTRACE-ANALYZE [DATABASE] [--update]. With a database, its sums.

The time of each object, task, operation and stage is that of flow_sum, which counts every flow; texts are those of expect/.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dbs  # noqa: E402
import ktest  # noqa: E402
from ktest import check  # noqa: E402

TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
UPDATE = "--update" in sys.argv


def folded(db, *args):
    p = ktest.run(TOOL, "--folded", *args, db, check=False, text=False, env=ktest.plain_env(), timeout=60)
    return p.returncode, p.stdout.decode("utf-8"), p.stderr.decode("utf-8", "replace")


def stacks(db, *args):
    """{frames: ns}, and what was said about it. A line is one that flamegraph.pl takes."""
    code, out, err = folded(db, *args)
    check(code == 0, "%s %r: exit %d: %s" % (db, args, code, err))
    found = {}
    for line in out.splitlines():
        m = re.match(r"(.*)\s+?(\d+)$", line)
        if check(m, "not a stack: %r" % line):
            frames = tuple(m[1].split(";"))
            found[frames] = found.get(frames, 0) + int(m[2])
    return found, err


def expected(db, where="1"):
    """That from the statistics: kinds that there are flows of and programs wait for, or where there are none all; no failed flows, none of ktrace-record."""
    con = ktest.open_db(db)
    kinds = con.execute("SELECT flow, many, object_tbl, object_word, waits_for IS NOT NULL, coalesce(one, flow) FROM flow_kind").fetchall()
    there = {f for f, in con.execute("SELECT flow FROM flow_group")}
    shown = [k for k in kinds if k[4]] if any(k[4] and k[0] in there for k in kinds) else kinds
    shown = [k for k in shown if k[0] in there] or shown
    want = {}
    for flow, many, tbl, word, _, one in shown:
        objects = dict(con.execute("SELECT object_id, name FROM flow_object WHERE tbl = ?", (tbl,)))
        names = dict(con.execute("SELECT ord, stage FROM flow_stage WHERE flow = ?", (flow,)))
        words = {v: (o, c) for v, o, c in con.execute("SELECT value, one, counts FROM flow_word WHERE flow = ? AND col = 'via'", (flow,))}
        for oid, op, via, error, comm, tid, own, total, *sums in con.execute(
                "SELECT g.object_id, g.op, g.via, g.error, t.comm, t.tid, t.is_recorder, s.dur_ns, %s FROM flow_sum s JOIN flow_key k USING (key_id)"
                " JOIN flow_group g USING (group_id) LEFT JOIN task t USING (utid) WHERE s.state = 'whole' AND g.flow = ? AND %s"
                % (", ".join("s.s%d_ns" % i for i in range(1, 17)), where), (flow,)):
            said, counts = words.get(via, (via, None))
            if error is not None or counts == "not" or own:
                continue
            op = (op + ", " if op else "") + said if counts == "apart" else op
            frames = (many,) if len(shown) > 1 else ()
            frames += ("?" if oid is None else objects.get(oid, "%s %s" % (word, oid)), "?" if comm is None else "%s [%d]" % (comm, tid), op or one)
            for ord_, ns in enumerate(sums, 1):
                if ns:
                    want[frames + (names[ord_],)] = want.get(frames + (names[ord_],), 0) + ns
                    total -= ns
            if total:
                want[frames] = want.get(frames, 0) + total
    return want


def differ(a, b):
    return sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))[:4]


def test_whole(made):
    for name, db in made.items():
        got, err = stacks(db)
        want = expected(db)
        check(want and got == want, "%s: %r" % (name, differ(got, want)))
        check(not err, "%s: %s" % (name, err))


def test_sums(made):
    test_whole(made)
    check(stacks(made["kept"]) == stacks(made["storage"]), "--keep: the same stacks")
    # Filters are those of the reports; rows (--over) and statistics tell the same where they let the same flows through.
    for args, where in ((("--op", "read"), "g.op = 'read'"), (("--task", "orders"), "t.comm = 'orders'"), (("--disk", "vda"), "g.object_id = 1")):
        got, want = stacks(made["storage"], *args)[0], expected(made["storage"], where)
        check(want and got == want, "%r: %r" % (args, differ(got, want)))
    got = stacks(made["future"], "--over", "1ns")[0]
    check(sum(got.values()) == 211 * 10**6 and got[("South", "alice [101]", "cart")] == 10**6, "--over: %r" % got)
    check(sum(stacks(made["future"], "--recorder")[0].values()) == 214 * 10**6, "--recorder")
    for by, frame in (("program", "alice"), ("process", "alice [101]"), ("cgroup", "/town")):
        got = stacks(made["future"], "--by", by)[0]
        check(sum(n for f, n in got.items() if f[1] == frame) == 100 * 10**6 and sum(got.values()) == 210 * 10**6, "--by %s: %r" % (by, got))
    check("rounded to whole seconds" in stacks(made["future"], "--since", "1500ms")[1], "--since: what is left out is said")


def test_hostile(tmp):
    db = os.path.join(tmp, "hostile.db")
    for name in ("'a;b'", "'x\ny 7'", "'\x1b[31m'", "''", "'5'", "' '", "CAST(x'ff41fe' AS TEXT)", "x'0041'", "7"):
        if os.path.exists(db):
            os.unlink(db)
        dbs.change(db, *(sql % name for sql in ("UPDATE task SET comm = %s", "UPDATE bridge SET name = %s", "UPDATE flow_group SET op = %s",
                                            "UPDATE flow_stage SET stage = %s || ord")))
        got, _ = stacks(db)
        check(sum(got.values()) == 210 * 10**6 and {len(f) for f in got} == {4}, "name %r: %r" % (name, got))
    # Stages that nothing describes are the operation's own time; they are never more than the whole, nor the whole less than they.
    for sql in ("UPDATE flow_stage SET ord = ord + 90", "DELETE FROM flow_stage", "UPDATE flow_sum SET dur_ns = 1"):
        os.unlink(db)
        dbs.change(db, sql)
        got, _ = stacks(db)
        check(sum(got.values()) == 210 * 10**6, "%s: %r" % (sql, sum(got.values())))
    # Fractions of ns are cut, and are not nothing.
    os.unlink(db)
    dbs.change(db, "UPDATE flow_sum SET s1_ns = s1_ns + 0.5, s2_ns = s2_ns + 0.5")
    got, _ = stacks(db)
    check(abs(sum(got.values()) - 210 * 10**6) <= len(got) and all(got.values()), "fractions: %r" % got)


def test_errors(made):
    db = made["future"]
    for args, want in ((["--top", "3"], "--folded does not support --top"), (["--by", "op"], "--folded --by op: expected task, program, process or cgroup"),
                       (["slow"], "--folded is no report"), (["--json"], "--folded cannot be combined with --json"),
                       (["--folded"], "write one thing at a time"), (["--task", "eve"], "no task 'eve' in this database")):
        code, out, err = folded(db, *args)
        check(code and not out and want in err, "%r: exit %d: %s" % (args, code, err))
    with open("/dev/full", "w", encoding="utf-8") as full:
        p = subprocess.run([TOOL, "--folded", db], stdout=full, stderr=subprocess.PIPE, text=True, env=ktest.plain_env(), check=False)
    check(p.returncode == 1 and p.stderr == "ktrace-report: cannot write the stacks: No space left on device\n", "full disk: %d %r" % (p.returncode, p.stderr))
    code, _, err = folded(made["kept"], "--over", "1ms")
    check(code == 1 and "were not kept: --over 1.00 ms needs them" in err, "--keep and --over: %s" % err)
    code, out, err = folded(db, "--since", "3s", "--task", "bob")
    check(code == 0 and not out and "No complete flow matches." in err, "nothing: %d %r" % (code, err))


def main():
    tmp = ktest.tmpdir()
    given = [a for a in sys.argv[3:] if a != "--update"]
    if given:
        test_whole({"given": given[0]})
        return
    made = dbs.made(ANALYZE, tmp)
    for name in ("future", "storage", "randrw"):
        ktest.same_text(os.path.join(dbs.HERE, "expect", "folded-%s.txt" % name), folded(made[name])[1], UPDATE)
    test_sums(made)
    test_hostile(tmp)
    test_errors(made)


ktest.main(main)
