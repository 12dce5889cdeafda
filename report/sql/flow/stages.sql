-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Stages
--: about how long each stage of flows of any kind took, per object and operation (or --by something else)
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum task
--: use flow
--: use program

-- What names a group.
--: setup
CREATE TEMP TABLE cell_what(cell_id INTEGER PRIMARY KEY, what, op);
--: setup
INSERT INTO cell_what
SELECT c.cell_id,
       CASE WHEN :by IS NULL OR :by = 'disk' THEN c.object
            WHEN :by = 'task' THEN coalesce(w.comm, '?') || ' [' || coalesce(w.tid, '?') || ']'
            WHEN :by = 'program' THEN coalesce(w.program, '?')
            WHEN :by = 'process' THEN coalesce(w.program, '?') || ' [' || coalesce(w.tgid, '?') || ']'
            WHEN :by = 'cgroup' THEN coalesce(g.path, g.hierarchy || ':' || g.cgroup_id)
            WHEN :by = 'kind' THEN coalesce(k.many, c.kind) END,
       CASE WHEN :by IN ('disk', 'program', 'process', 'task', 'cgroup') THEN NULL ELSE c.op END
FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id LEFT JOIN who_is w ON w.utid = c.utid
LEFT JOIN cgroup g ON g.ucgid = c.ucgid
LEFT JOIN flow_word k ON k.flow = c.flow AND k.col = 'kind' AND k.value = c.kind
WHERE c.says AND (:recorder OR NOT c.is_own);

--: setup
CREATE TEMP TABLE grp_of(cell_id INTEGER PRIMARY KEY, grp INTEGER);
--: setup
INSERT INTO grp_of
SELECT c.cell_id, dense_rank() OVER (ORDER BY c.run_id, c.flow, w.what, w.op)
FROM cell_what w CROSS JOIN cell c ON c.cell_id = w.cell_id;

--: use flow_sums

-- Those that took the most time.
--: setup
CREATE TEMP TABLE shown AS
SELECT s.*, c.run_id, c.flow, c.shown_flow, w.what, w.op
FROM grp_sum s JOIN cell c ON c.cell_id = s.cell_id JOIN cell_what w ON w.cell_id = s.cell_id
ORDER BY s.dur_ns DESC, w.what, w.op LIMIT coalesce(:top, -1);

--: table groups
--: column run id group optional
--: column flow text group optional
--: column what text group optional ""
--: column op text optional
--: column n count
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column total_ns duration "total"
--: column time_share percent wide "time"
--: column line span "stages"
--: empty No complete flow matches.
SELECT shown_run(s.run_id) AS run, s.shown_flow AS flow, s.what, s.op, s.n,
       CAST(round(1.0 * s.dur_ns / s.n) AS INTEGER) AS mean_ns, s.stats ->> 'p99' AS p99_ns, s.max_ns,
       s.dur_ns AS total_ns,
       1.0 * s.dur_ns / nullif((SELECT sum(x.dur_ns) FROM grp_sum x JOIN cell c ON c.cell_id = x.cell_id
                                WHERE c.flow = s.flow), 0) AS time_share, l.line
FROM shown s LEFT JOIN grp_line l ON l.grp = s.grp
ORDER BY run, s.flow, sum(s.dur_ns) OVER (PARTITION BY s.run_id, s.flow, s.what) DESC, s.what, s.dur_ns DESC, s.op;

--: use flow_legend

--: table stages Their stages
--: column run id group optional
--: column flow text group
--: column object text group ""
--: column op text group optional
--: column stage text
--: column n count
--: column mean_ns duration
--: column p50_ns duration optional wide
--: column p90_ns duration optional wide
--: column p99_ns duration optional
--: column p999_ns duration optional wide "p99.9"
--: column max_ns duration optional wide
--: column share percent
--: column bar bar ""
WITH part AS (
  SELECT s.grp, t.ord, t.stage, t.class, t.ns, t.stats ->> 'n' AS n, t.stats FROM shown s JOIN grp_stage t USING (grp)
  UNION ALL
  SELECT grp, 99, 'total', NULL, dur_ns, n, stats FROM shown)
SELECT shown_run(s.run_id) AS run, s.flow, s.what AS object, s.op, p.stage, p.n,
       CAST(round(1.0 * p.ns / s.n) AS INTEGER) AS mean_ns, p.stats ->> 'p50' AS p50_ns, p.stats ->> 'p90' AS p90_ns,
       p.stats ->> 'p99' AS p99_ns, p.stats ->> 'p999' AS p999_ns,
       CASE p.ord WHEN 99 THEN s.max_ns ELSE p.stats ->> 'max' END AS max_ns,
       1.0 * p.ns / nullif(s.dur_ns, 0) AS share,
       CASE WHEN p.ord <> 99 THEN (1.0 * p.ns / nullif(s.dur_ns, 0)) || ' ' || p.class END AS bar
FROM shown s JOIN part p USING (grp)
ORDER BY run, s.flow, sum(CASE p.ord WHEN 99 THEN p.ns END) OVER (PARTITION BY s.run_id, s.flow, s.what) DESC, s.what,
         s.dur_ns DESC, s.op, p.ord;

--: text
SELECT 'mean: over all flows of the group, so that stages add up to the total; percentiles: over those that had the '
       || 'stage' || CASE WHEN EXISTS (SELECT 1 FROM shown JOIN grp_stage USING (grp) WHERE grp_stage.stats IS NULL)
                    THEN '; - where statistics do not tell them apart' ELSE '' END || '.'
WHERE EXISTS (SELECT 1 FROM shown);

--: use flow_own
