-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The rows of table ktrace_flow of one database, one JSON object a line, for sqlite3: see README.md.
-- A row with stage 'total' counts the whole flows of one kind, operation and object in one range of durations, at
-- most 1 % wide: dur_ns is its middle, n are the flows, ns the sum of their durations, max_ns the longest of them. A
-- row with another stage is the sum of that stage over the same flows, in ns.
-- What failed or moved nothing, and what ktrace-record itself did, is left out, as in ktrace-report.
WITH one AS MATERIALIZED (
  SELECT g.group_id, r.host, coalesce(r.uuid, r.file) AS run, (m.value + r.start_ns) / 1000000000 AS started,
         r.kernel, g.flow, g.kind, g.op, g.via, o.name AS object, d.model,
         k.counts IS 'apart' OR v.counts IS NOT NULL AS is_apart
  FROM flow_group g JOIN run r USING (run_id) JOIN flow_kind f USING (flow)
  LEFT JOIN meta m ON m.key = 'epoch_realtime_ns'
  LEFT JOIN flow_object o ON o.tbl = f.object_tbl AND o.object_id = g.object_id
  LEFT JOIN device d ON f.object_tbl = 'device' AND d.device_id = g.object_id
  LEFT JOIN flow_word k ON k.flow = g.flow AND k.col = 'kind' AND k.value = g.kind
  LEFT JOIN flow_word v ON v.flow = g.flow AND v.col = 'via' AND v.value = g.via
  WHERE g.error IS NULL AND v.counts IS NOT 'not' AND g.is_own IS NOT 1),
part AS (
  SELECT group_id, 'total' AS stage, bucket, sum(n) AS n, sum(ns) AS ns, max(max_ns) AS max_ns
  FROM group_hist_sum WHERE stage = 0 GROUP BY group_id, bucket
  UNION ALL
  SELECT group_id, stage, NULL, NULL, sum(ns), NULL FROM (
    SELECT k.group_id, s.stage,
           CASE s.ord WHEN 1 THEN s1_ns WHEN 2 THEN s2_ns WHEN 3 THEN s3_ns WHEN 4 THEN s4_ns
             WHEN 5 THEN s5_ns WHEN 6 THEN s6_ns WHEN 7 THEN s7_ns WHEN 8 THEN s8_ns
             WHEN 9 THEN s9_ns WHEN 10 THEN s10_ns WHEN 11 THEN s11_ns WHEN 12 THEN s12_ns
             WHEN 13 THEN s13_ns WHEN 14 THEN s14_ns WHEN 15 THEN s15_ns WHEN 16 THEN s16_ns END AS ns
    FROM flow_sum l CROSS JOIN flow_key k ON k.key_id = l.key_id CROSS JOIN one o ON o.group_id = k.group_id
    JOIN flow_stage s ON s.flow = o.flow
    WHERE l.state = 'whole')
  WHERE ns IS NOT NULL GROUP BY group_id, stage)
SELECT json_object('host', o.host, 'run', o.run, 'started', o.started, 'kernel', o.kernel,
                   'flow', o.flow, 'kind', o.kind, 'op', o.op, 'via', o.via, 'object', o.object, 'model', o.model,
                   'is_apart', o.is_apart, 'stage', p.stage,
                   'dur_ns', CASE WHEN p.bucket < 128 THEN p.bucket
                                  ELSE ((p.bucket % 128 + 128) << (p.bucket / 128 - 1))
                                       + ((1 << (p.bucket / 128 - 1)) >> 1) END,
                   'n', p.n, 'ns', p.ns, 'max_ns', p.max_ns)
FROM part p CROSS JOIN one o ON o.group_id = p.group_id;
