-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Flows of any kind, known only by what the database says of them (flow_kind, flow_stage, flow_word); after the
-- filters.
--	shown_kind   the kind of --flow; without it those that programs wait for, where there are no such flows all; of
--	             these those that there are flows of, if any. None that the report is about itself (report_flow)
--	cell         flows that the statistics do not tell apart, all of one task: a row of flow_key; with --over a group of
--	             the rows that it lets through. says: their time says something (no failed ones); waits: somebody
--	             waited for them; is_own: of ktrace-record itself. op: with what tells it apart
--	cell_sum     their whole flows, cell_stage: their stages
--	kind_state   all flows of the kinds by state, without filters
-- The views flow, stage and flow_object are joined by equality into a temporary table, and aggregated afterwards:
-- only so does SQLite take their branches apart, and skips those of other kinds. The plus (`= +s.flow`) keeps it from
-- making an index of the few rows, and reading a whole branch.
--: use outside
--: use kept_who
--: use rows_from

--: setup
CREATE TEMP TABLE shown_kind AS
SELECT flow, coalesce(letter, '') AS letter, coalesce(one, flow) AS one, coalesce(many, flow) AS many, waits_for,
       object_tbl, coalesce(object_word, 'object') AS object_word, ord, NULL AS shown_flow
FROM flow_kind
WHERE flow NOT IN report_flow
  AND CASE WHEN :flow IS NOT NULL THEN flow = :flow
           ELSE (waits_for IS NOT NULL OR NOT EXISTS (SELECT 1 FROM flow_kind k JOIN flow_group g USING (flow)
                                                      WHERE k.waits_for IS NOT NULL))
             AND (flow IN (SELECT flow FROM flow_group)
                  OR NOT EXISTS (SELECT 1 FROM flow_group WHERE flow NOT IN report_flow)) END;
--: setup
UPDATE shown_kind SET shown_flow = flow WHERE (SELECT count(*) FROM shown_kind) > 1;

--: setup
CREATE TEMP TABLE flow_filter AS
SELECT coalesce(:since_ns, :until_ns) IS NOT NULL AS timed, :over_ns IS NOT NULL AS by_row,
       coalesce(:disk, :op, :task, :cgroup, :since_ns, :until_ns, :over_ns) IS NOT NULL AS given,
       CASE WHEN :since_ns IS NULL THEN -9223372036854775807
         ELSE :since_ns / 1000000000 - (:since_ns % 1000000000 < 0) END AS from_s,
       CASE WHEN :until_ns IS NULL THEN 9223372036854775807 ELSE (:until_ns + 999999999) / 1000000000 END AS to_s;

--: text
SELECT 'Times are rounded to whole seconds: showing '
       || (SELECT group_concat(many, ', ') FROM (SELECT many FROM shown_kind ORDER BY ord, flow)) || ' that ended from '
       || coalesce(CASE WHEN :since_ns IS NOT NULL THEN from_s END || ' s', 'the start') || ' to '
       || coalesce(CASE WHEN :until_ns IS NOT NULL THEN to_s END || ' s', 'the end') || '.'
FROM flow_filter
WHERE NOT by_row AND (coalesce(:since_ns, 0) % 1000000000 <> 0 OR coalesce(:until_ns, 0) % 1000000000 <> 0)
  AND EXISTS (SELECT 1 FROM shown_kind);

--: use flow_objects

--: setup
CREATE TEMP TABLE kept_row(cell_id INTEGER, flow TEXT, flow_id INTEGER, run_id, kind, op, object_id, utid, ucgid,
  size_bytes, start_ns, dur_ns, what);
--: setup
INSERT INTO kept_row(flow, flow_id, run_id, kind, op, object_id, utid, ucgid, size_bytes, start_ns, dur_ns, what)
SELECT w.flow, w.flow_id, w.run_id, w.kind, w.op, w.object_id, w.utid, w.ucgid, w.size_bytes, w.start_ns, w.dur_ns,
       w.what
FROM flow_filter f CROSS JOIN shown_kind s CROSS JOIN flow w
WHERE f.by_row AND w.flow = +s.flow AND w.dur_ns >= :over_ns AND w.state = 'whole' AND (:op IS NULL OR w.op = :op)
  AND (:disk IS NULL OR (s.object_tbl, w.object_id) IN (SELECT tbl, object_id FROM kept_object))
  AND (:task IS NULL OR w.utid IN kept_task) AND (:cgroup IS NULL OR w.ucgid IN kept_cgroup)
  AND (:since_ns IS NULL OR w.start_ns + w.dur_ns >= :since_ns)
  AND (:until_ns IS NULL OR w.start_ns + w.dur_ns < :until_ns);
--: setup
UPDATE kept_row SET cell_id = c.cell_id
FROM (SELECT rowid AS id, dense_rank() OVER (ORDER BY run_id, flow, kind, op, object_id, utid, ucgid) AS cell_id
      FROM kept_row) c WHERE c.id = kept_row.rowid;

--: setup
CREATE TEMP TABLE cell(cell_id INTEGER PRIMARY KEY, group_id INTEGER, run_id, flow, shown_flow, kind, op, object_id,
  object, via, error, utid, ucgid, is_own, says, waits);
--: setup
INSERT INTO cell
SELECT c.cell_id, c.group_id, c.run_id, c.flow, s.shown_flow, c.kind,
       CASE WHEN v.counts = 'apart' THEN coalesce(c.op || ', ', '') || coalesce(v.one, c.via) ELSE c.op END,
       c.object_id,
       coalesce(o.name, s.object_word || ' ' || c.object_id), c.via, c.error, c.utid, c.ucgid,
       c.is_own IS 1, c.error IS NULL AND v.counts IS NOT 'not',
       k.counts IS NOT 'apart' AND v.counts IS NULL
FROM (SELECT k.key_id AS cell_id, g.group_id, g.run_id, g.flow, g.kind, g.op, g.object_id, g.part_id, g.via, g.error,
             k.utid, k.ucgid, g.is_own
      FROM flow_filter f CROSS JOIN flow_key k CROSS JOIN flow_group g ON g.group_id = k.group_id WHERE NOT f.by_row
      UNION ALL
      SELECT cell_id, NULL, run_id, flow, kind, op, object_id, NULL, NULL, NULL, utid, ucgid,
             utid IN (SELECT utid FROM task WHERE is_recorder)
      FROM kept_row GROUP BY cell_id) c
CROSS JOIN shown_kind s ON s.flow = c.flow
LEFT JOIN object_name o ON o.tbl = s.object_tbl AND o.object_id = c.object_id
LEFT JOIN flow_word k ON k.flow = c.flow AND k.col = 'kind' AND k.value = c.kind
LEFT JOIN flow_word v ON v.flow = c.flow AND v.col = 'via' AND v.value = c.via
WHERE (:op IS NULL OR c.op = :op)
  AND (:disk IS NULL OR (s.object_tbl, c.object_id) IN (SELECT tbl, object_id FROM kept_object)
       OR (s.object_tbl, c.part_id) IN (SELECT tbl, object_id FROM kept_object))
  AND (:task IS NULL OR c.utid IN kept_task) AND (:cgroup IS NULL OR c.ucgid IN kept_cgroup);

--: setup
CREATE TEMP VIEW kept_load AS
SELECT l.* FROM temp.flow_filter f CROSS JOIN main.flow_sum l WHERE NOT f.timed AND NOT f.by_row
UNION ALL
SELECT l.* FROM temp.flow_filter f CROSS JOIN main.flow_load l
WHERE f.timed AND NOT f.by_row AND l.second >= f.from_s AND l.second < f.to_s;

--: setup
CREATE TEMP TABLE cell_sum(cell_id INTEGER PRIMARY KEY, n, bytes, dur_ns, max_ns, runq_ns,
  s1_ns, s2_ns, s3_ns, s4_ns, s5_ns, s6_ns, s7_ns, s8_ns,
  s9_ns, s10_ns, s11_ns, s12_ns, s13_ns, s14_ns, s15_ns, s16_ns);
--: setup
INSERT INTO cell_sum
SELECT l.key_id, sum(n), sum(size_bytes), sum(dur_ns), max(max_ns), sum(runq_ns),
       sum(s1_ns), sum(s2_ns), sum(s3_ns), sum(s4_ns), sum(s5_ns), sum(s6_ns), sum(s7_ns), sum(s8_ns),
       sum(s9_ns), sum(s10_ns), sum(s11_ns), sum(s12_ns), sum(s13_ns), sum(s14_ns), sum(s15_ns), sum(s16_ns)
FROM kept_load l CROSS JOIN cell c ON c.cell_id = l.key_id
WHERE l.state = 'whole' GROUP BY l.key_id HAVING sum(n) > 0;
--: setup
INSERT INTO cell_sum(cell_id, n, bytes, dur_ns, max_ns)
SELECT cell_id, count(*), sum(size_bytes), sum(dur_ns), max(dur_ns) FROM kept_row GROUP BY cell_id;

--: setup
CREATE TEMP TABLE row_stage(cell_id INTEGER, flow, flow_id, name, ns);
--: setup
INSERT INTO row_stage
SELECT r.cell_id, r.flow, r.flow_id, g.name, g.dur_ns
FROM kept_row r CROSS JOIN stage g WHERE g.flow = +r.flow AND g.flow_id = r.flow_id;

--: setup
CREATE TEMP TABLE cell_stage(cell_id INTEGER, ord INTEGER, ns, PRIMARY KEY(cell_id, ord)) WITHOUT ROWID;
--: setup
INSERT OR IGNORE INTO cell_stage
SELECT * FROM (
  SELECT s.cell_id, t.ord,
         CASE t.ord WHEN 1 THEN s1_ns WHEN 2 THEN s2_ns WHEN 3 THEN s3_ns WHEN 4 THEN s4_ns
           WHEN 5 THEN s5_ns WHEN 6 THEN s6_ns WHEN 7 THEN s7_ns WHEN 8 THEN s8_ns
           WHEN 9 THEN s9_ns WHEN 10 THEN s10_ns WHEN 11 THEN s11_ns WHEN 12 THEN s12_ns
           WHEN 13 THEN s13_ns WHEN 14 THEN s14_ns WHEN 15 THEN s15_ns WHEN 16 THEN s16_ns END AS ns
  FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id JOIN flow_stage t ON t.flow = c.flow)
WHERE ns IS NOT NULL
UNION ALL
SELECT r.cell_id, t.ord, sum(r.ns) FROM row_stage r JOIN flow_stage t ON t.flow = r.flow AND t.stage = r.name
GROUP BY r.cell_id, t.ord;

--: setup
CREATE TEMP TABLE kind_state AS
SELECT g.flow, l.state, sum(l.n) AS n
FROM flow_sum l CROSS JOIN flow_key k ON k.key_id = l.key_id CROSS JOIN flow_group g ON g.group_id = k.group_id
WHERE g.flow IN (SELECT flow FROM shown_kind) GROUP BY g.flow, l.state;

-- As in part filter.
--: setup
ANALYZE temp;
