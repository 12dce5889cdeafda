#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""flow_stats.py KTRACE-ANALYZE RECORDING...: the statistics of flows against the rows of the same database: what flow_load, flow_sum,
flow_hist, group_hist, disturb_load and their sums over the run hold is what the views `flow` and `stage` and the table `disturbance` add up to, for each kind
of flow; and the views with storage's names say the same."""
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import ktest  # noqa: E402


def same(name, what, have, want):
    have, want = dict(have), dict(want)
    for key in sorted(set(have) | set(want), key=repr):
        ktest.check(have.get(key) == want.get(key), f'{name}: {what} of {key}: {have.get(key)}, not {want.get(key)}')


def pairs(con, sql, n_key):
    return [(row[:n_key], row[n_key:]) for row in con.execute(sql)]


STAR = 'JOIN flow_key k USING (key_id) JOIN flow_group g USING (group_id)'
# What is told apart. Of a request the task is not kept.
WHO = "CASE f.flow WHEN 'request' THEN NULL ELSE f.utid END, CASE f.flow WHEN 'request' THEN NULL ELSE f.ucgid END"


def check(name, con):
    con.execute('CREATE TEMP TABLE f AS SELECT *, CASE WHEN dur_ns IS NOT NULL THEN (start_ns + dur_ns) / 1000000000 END AS second FROM flow')
    con.execute('CREATE INDEX temp.f_id ON f(flow, flow_id)')
    rows = pairs(con, f'SELECT flow, run_id, kind, op, object_id, {WHO}, state, count(*), total(size_bytes), total(dur_ns), ifnull(max(dur_ns), 0)'
                 ' FROM f GROUP BY 1, 2, 3, 4, 5, 6, 7, 8', 8)
    for table in ('flow_load', 'flow_sum'):
        same(name, table, pairs(con, 'SELECT g.flow, g.run_id, g.kind, g.op, g.object_id, k.utid, k.ucgid, state, sum(n), total(size_bytes), total(dur_ns),'
                                f' max(max_ns) FROM {table} {STAR} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8', 8), rows)
    same(name, 'is_own', pairs(con, 'SELECT DISTINCT k.utid, g.is_own FROM flow_key k JOIN flow_group g USING (group_id)', 1),
         [((utid,), (con.execute('SELECT is_recorder FROM task WHERE utid = ?', (utid,)).fetchone() or (None,)))
          for (utid,) in con.execute('SELECT DISTINCT utid FROM flow_key').fetchall()])
    # By second: those whose end is known.
    same(name, 'flow_load by second',
         pairs(con, f"SELECT g.flow, second, sum(n), sum(dur_ns) FROM flow_load {STAR} WHERE state = 'whole' GROUP BY 1, 2", 2),
         pairs(con, "SELECT flow, second, count(*), sum(dur_ns) FROM f WHERE state = 'whole' GROUP BY 1, 2", 2))
    for table in ('flow_hist', 'flow_hist_sum'):
        same(name, table,
             pairs(con, f'SELECT g.flow, g.op, g.object_id, k.utid, sum(n), sum(ns), max(h.max_ns) FROM {table} h {STAR} GROUP BY 1, 2, 3, 4', 4),
             pairs(con, "SELECT flow, op, object_id, utid, count(*), sum(dur_ns), max(dur_ns) FROM f WHERE state = 'whole' AND flow <> 'request'"
                   ' GROUP BY 1, 2, 3, 4', 4))
    totals = pairs(con, "SELECT flow, op, object_id, 'total', count(*), sum(dur_ns), max(dur_ns) FROM f WHERE state = 'whole' GROUP BY 1, 2, 3", 4)
    # A stage that a path has several times counts once.
    stages = pairs(con, 'SELECT flow, op, object_id, name, count(*), sum(ns), max(ns) FROM (SELECT f.flow, f.op, f.object_id, s.name, sum(s.dur_ns) AS ns'
                   " FROM f JOIN stage s ON s.flow = f.flow AND s.flow_id = f.flow_id WHERE f.state = 'whole' AND s.dur_ns IS NOT NULL"
                   ' GROUP BY f.flow, f.flow_id, s.name) GROUP BY 1, 2, 3, 4', 4)
    for table in ('group_hist', 'group_hist_sum'):
        same(name, table, pairs(con, "SELECT g.flow, g.op, g.object_id, coalesce(s.stage, 'total'), sum(n), sum(ns), max(h.max_ns)"
                                f' FROM {table} h JOIN flow_group g USING (group_id) LEFT JOIN flow_stage s ON s.flow = g.flow AND s.ord = h.stage'
                                ' GROUP BY 1, 2, 3, 4', 4), totals + stages)
    for table in ('flow_load', 'flow_sum'):
        sums = []
        for flow, ord_, stage in con.execute('SELECT flow, ord, stage FROM flow_stage').fetchall():
            sums += pairs(con, f"SELECT g.flow, g.op, g.object_id, '{stage}', sum(s{ord_}_ns) FROM {table} {STAR}"
                          f" WHERE state = 'whole' AND g.flow = '{flow}' AND s{ord_}_ns IS NOT NULL GROUP BY 1, 2, 3", 4)
        same(name, table + ' by stage', sums, [(key, value[1:2]) for key, value in stages])
    for table in ('disturb_load', 'disturb_sum'):
        same(name, table,
             pairs(con, f'SELECT g.flow, cause, by_utid, by_irq, sum(n), sum(ns), sum(n_flows) FROM {table} {STAR} GROUP BY 1, 2, 3, 4', 4),
             pairs(con, 'SELECT d.flow, d.cause, d.by_utid, d.by_irq, count(*), sum(d.dur_ns), count(DISTINCT d.flow_id)'
                   " FROM disturbance d JOIN f ON f.flow = d.flow AND f.flow_id = d.flow_id WHERE f.state = 'whole' GROUP BY 1, 2, 3, 4", 4))
    # Storage's names.
    for (stage,) in con.execute("SELECT stage FROM flow_stage WHERE flow = 'io'").fetchall():
        have, want = (con.execute(f"SELECT sum({stage}_ns) FROM {table} WHERE state = 'whole'").fetchone()[0] for table in ('io_load', 'io'))
        ktest.check(have == want, f'{name}: io_load.{stage}_ns: {have}, not {want}')
    kinds = con.execute('SELECT flow, tbl, id_col FROM flow_kind').fetchall()
    for flow, tbl, id_col in kinds:
        n = con.execute(f'SELECT count(*) FROM "{tbl}"').fetchone()[0]
        ktest.check(n == con.execute('SELECT count(*) FROM f WHERE flow = ?', (flow,)).fetchone()[0], f'{name}: {flow}: rows of {tbl}')
        lost = con.execute(f'SELECT count(*) FROM flow_link l WHERE l.lower = ? AND NOT EXISTS (SELECT 1 FROM "{tbl}" t WHERE t."{id_col}" = l.lower_id)',
                           (flow,)).fetchone()[0]
        ktest.check(not lost, f'{name}: {lost} links to {tbl} lead nowhere')


def check_wide(name, con, fine):
    """Buckets of seconds after so many rows: those of the fine database, 8 together, as the bucket of their mean. Sums stay as they were."""
    con.create_function('bucket_of', 1, ktest.bucket)
    con.execute('ATTACH ? AS fine', (str(fine),))
    for table, key in (('flow_hist', 'key_id'), ('group_hist', 'group_id, stage')):
        rows = pairs(con, f'SELECT {key}, second, bucket, n, ns, max_ns FROM main.{table}', 3 + key.count(','))
        same(name, 'wide ' + table, rows, pairs(con, f'SELECT {key}, second, bucket_of(sum(ns) / sum(n)), sum(n), sum(ns), max(max_ns) FROM fine.{table} '
                                                f'GROUP BY {key}, second, CASE WHEN bucket < 128 THEN bucket ELSE bucket / 8 + 128 END', 3 + key.count(',')))
        n, was = (con.execute(f'SELECT count(*) FROM {schema}.{table}').fetchone()[0] for schema in ('main', 'fine'))
        ktest.check(n < was, f'{name}: wide {table}: {n} rows, of {was}')
        for a, b in (('main', 'fine'), ('fine', 'main')):
            n = con.execute(f'SELECT count(*) FROM (SELECT * FROM {a}.{table}_sum EXCEPT SELECT * FROM {b}.{table}_sum)').fetchone()[0]
            ktest.check(not n, f'{name}: {table}_sum: {n} rows differ')


def main():
    analyze, *recordings = sys.argv[1:]
    folder = pathlib.Path(ktest.tmpdir())
    fine, wide = folder / 'fine.db', folder / 'wide.db'
    for r in recordings:
        ktest.run(analyze, '-f', '-o', fine, r)
        con = ktest.open_db(fine)
        check(os.path.basename(r), con)
        con.close()
        ktest.run(analyze, '-f', '-o', wide, r, env=dict(os.environ, KT_FINE_ROWS='-1'))
        con = ktest.open_db(wide)
        check(os.path.basename(r) + ', wide', con)
        check_wide(os.path.basename(r), con, fine)
        con.close()


ktest.main(main)
