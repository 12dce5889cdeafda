-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Stacks of time: [run] [kind of flow] object, who, operation, stage. Sums of the statistics, of the flows that
-- report `stages` shows: complete ones that did something. Time that is in no stage is the operation's own.
--: title Folded stacks
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum flow_object flow stage task cgroup
--: use flow
--: use program

--: refuse
SELECT '--folded --by ' || :by || ': expected task, program, process or cgroup'
WHERE :by NOT IN ('task', 'program', 'process', 'cgroup');

--: setup
CREATE TEMP TABLE stack_of(cell_id INTEGER PRIMARY KEY, run, kind, object, who, op);
--: setup
INSERT INTO stack_of
SELECT c.cell_id, 'run ' || shown_run(c.run_id), CASE WHEN c.shown_flow IS NOT NULL THEN k.many END,
       coalesce(CAST(c.object AS TEXT), '?'),
       coalesce(CASE WHEN :by = 'cgroup' THEN coalesce(g.path, g.hierarchy || ':' || g.cgroup_id)
                WHEN :by = 'program' THEN w.program
                WHEN w.utid IS NULL THEN NULL
                WHEN :by = 'process' THEN coalesce(w.program, '?') || ' [' || coalesce(w.tgid, '?') || ']'
                ELSE coalesce(w.comm, '?') || ' [' || coalesce(w.tid, '?') || ']' END, '?'),
       coalesce(CAST(c.op AS TEXT), k.one)
FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id JOIN shown_kind k ON k.flow = c.flow
LEFT JOIN who_is w ON w.utid = c.utid LEFT JOIN cgroup g ON g.ucgid = c.ucgid
WHERE c.says AND (:recorder OR NOT c.is_own);

--: table stacks
--: empty No complete flow matches.
SELECT run, kind, object, who, op, stage, CAST(sum(ns) AS INTEGER) AS ns
FROM (SELECT o.*, t.ord, CAST(t.stage AS TEXT) AS stage, s.ns
      FROM stack_of o CROSS JOIN cell c ON c.cell_id = o.cell_id CROSS JOIN cell_stage s ON s.cell_id = o.cell_id
      JOIN flow_stage t ON t.flow = c.flow AND t.ord = s.ord
      UNION ALL
      SELECT o.*, 0, NULL, s.dur_ns - coalesce((SELECT sum(t.ns) FROM cell_stage t WHERE t.cell_id = o.cell_id), 0)
      FROM stack_of o CROSS JOIN cell_sum s ON s.cell_id = o.cell_id)
WHERE ns > 0 GROUP BY run, kind, object, who, op, ord, stage ORDER BY run, kind, object, who, op, ord, stage;
