-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Difference
--: about what got better or worse of flows of any kind between two databases, in which stage, with what confidence
--: other
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum group_hist flow_object run lost_interval

-- Kinds that both have: that of --flow; without it those that programs wait for, without any all.
--: setup
CREATE TEMP TABLE diff_kind AS
SELECT k.flow, coalesce(k.one, k.flow) AS one, coalesce(k.many, k.flow) AS many, k.object_tbl,
       coalesce(k.object_word, 'object') AS object_word, k.ord
FROM main.flow_kind k
WHERE k.flow IN (SELECT flow FROM other.flow_kind)
  AND CASE WHEN :flow IS NOT NULL THEN k.flow = :flow
           ELSE k.waits_for IS NOT NULL OR NOT EXISTS (SELECT 1 FROM main.flow_kind WHERE waits_for IS NOT NULL) END;

--: refuse
SELECT 'the second database has no ' || coalesce((SELECT coalesce(many, flow) FROM main.flow_kind WHERE flow = :flow),
                                                 'flows of a kind of the first')
WHERE NOT EXISTS (SELECT 1 FROM diff_kind) AND EXISTS (SELECT 1 FROM main.flow_kind);

--: setup
CREATE TEMP TABLE diff_object(side INTEGER, tbl TEXT, object_id INTEGER, name TEXT, dev TEXT, parent_id INTEGER,
  PRIMARY KEY(side, tbl, object_id)) WITHOUT ROWID;
--: setup
INSERT OR IGNORE INTO diff_object
SELECT 0, o.tbl, o.object_id, coalesce(o.name, o.dev), o.dev, o.parent_id
FROM (SELECT DISTINCT object_tbl FROM diff_kind) k CROSS JOIN main.flow_object o WHERE o.tbl = k.object_tbl
UNION ALL
SELECT 1, o.tbl, o.object_id, coalesce(o.name, o.dev), o.dev, o.parent_id
FROM (SELECT DISTINCT object_tbl FROM diff_kind) k CROSS JOIN other.flow_object o WHERE o.tbl = k.object_tbl;

-- What --object names: one, with its parts.
--: setup
CREATE TEMP TABLE diff_kept AS
SELECT o.side, o.tbl, o.object_id
FROM diff_object o LEFT JOIN diff_object p ON p.side = o.side AND p.tbl = o.tbl AND p.object_id = o.parent_id
WHERE :disk IN (o.name, o.dev, p.name, p.dev);

-- Groups of the statistics whose time says something; those of ktrace-record itself only with --recorder.
--: setup
CREATE TEMP TABLE diff_group(side INTEGER, group_id INTEGER, run_id, flow, object, op, PRIMARY KEY(side, group_id));
--: setup
INSERT INTO diff_group
SELECT g.side, g.group_id, g.run_id, g.flow,
       coalesce(o.name, k.object_word || ' ' || g.object_id, 'no ' || k.object_word),
       CASE WHEN v.counts = 'apart' THEN coalesce(g.op || ', ', '') || coalesce(v.one, g.via)
         ELSE coalesce(g.op, k.many) END
FROM (SELECT 0 AS side, * FROM main.flow_group UNION ALL SELECT 1, * FROM other.flow_group) g
CROSS JOIN diff_kind k ON k.flow = g.flow
LEFT JOIN diff_object o ON o.side = g.side AND o.tbl = k.object_tbl AND o.object_id = g.object_id
LEFT JOIN flow_word v ON v.flow = g.flow AND v.col = 'via' AND v.value = g.via
WHERE g.error IS NULL AND v.counts IS NOT 'not' AND (:recorder OR g.is_own IS NOT 1) AND (:op IS NULL OR g.op = :op)
  AND (:disk IS NULL OR (g.side, k.object_tbl, g.object_id) IN (SELECT side, tbl, object_id FROM diff_kept)
       OR (g.side, k.object_tbl, g.part_id) IN (SELECT side, tbl, object_id FROM diff_kept));

-- A stage has a number of its own in each database.
--: setup
CREATE TEMP TABLE diff_hist AS
SELECT g.side, g.run_id, g.flow, g.object, g.op, s.stage, h.second, h.bucket, h.n, h.ns
FROM diff_group g CROSS JOIN main.group_hist h ON h.group_id = g.group_id
CROSS JOIN (SELECT flow, ord, stage FROM main.flow_stage UNION ALL SELECT flow, 0, 'total' FROM diff_kind) s
  ON s.flow = g.flow AND s.ord = h.stage
WHERE g.side = 0
UNION ALL
SELECT g.side, g.run_id, g.flow, g.object, g.op, s.stage, h.second, h.bucket, h.n, h.ns
FROM diff_group g CROSS JOIN other.group_hist h ON h.group_id = g.group_id
CROSS JOIN (SELECT flow, ord, stage FROM other.flow_stage UNION ALL SELECT flow, 0, 'total' FROM diff_kind) s
  ON s.flow = g.flow AND s.ord = h.stage
WHERE g.side = 1;

--: setup
CREATE TEMP TABLE series AS
SELECT x.value AS j, x.value ->> 'disk' AS disk, k.flow, x.value ->> 'op' AS op, x.value ->> 'stage' AS stage,
       k.flow AS of_kind, k.ord, CASE WHEN (SELECT count(*) FROM diff_kind) > 1 THEN ' (' || k.one || ')' ELSE '' END
       AS what
FROM json_each((
  SELECT compare_hist(side, object, flow, op, stage, run_id, second, bucket, n, ns,
                      (SELECT value FROM main.meta WHERE key = 'epoch_realtime_ns') IS (SELECT value FROM other.meta
                        WHERE key = 'epoch_realtime_ns'))
  FROM diff_hist)) x JOIN diff_kind k ON k.flow = x.value ->> 'flow'
WHERE x.value IS NOT NULL;

--: setup
CREATE TEMP TABLE diff_words AS
SELECT 'pair of object and operation' AS one, 'pairs of object and operation' AS many, 'a flow' AS of_one,
       'flows' AS some;
--: use diff_said

-- The load, of what is 1 % of the time or of the number there.
--: use differ_facts
--: setup
CREATE TEMP TABLE diff_load AS
SELECT g.side, g.flow, g.object || ' ' || g.op || (SELECT max(what) FROM series) AS place, sum(l.n) AS n,
       sum(CASE WHEN l.size_bytes > 0 THEN l.size_bytes END) AS bytes, sum(l.dur_ns) AS dur_ns,
       sum(CASE l.state WHEN 'whole' THEN l.n ELSE 0 END) AS whole
FROM (SELECT 0 AS side, k.group_id, l.state, l.n, l.size_bytes, l.dur_ns
      FROM main.flow_sum l CROSS JOIN main.flow_key k ON k.key_id = l.key_id
      UNION ALL
      SELECT 1, k.group_id, l.state, l.n, l.size_bytes, l.dur_ns
      FROM other.flow_sum l CROSS JOIN other.flow_key k ON k.key_id = l.key_id) l
CROSS JOIN diff_group g ON g.side = l.side AND g.group_id = l.group_id GROUP BY 1, 2, 3;
--: setup
CREATE TEMP TABLE diff_load_shown AS
SELECT l.*, r.dur_ns AS run_ns FROM diff_load l JOIN side_run r ON r.side = l.side AND r.dur_ns > 0
WHERE (l.flow, l.place) IN (
  SELECT flow, place
  FROM (SELECT flow, place, 1.0 * dur_ns / nullif(sum(dur_ns) OVER (PARTITION BY side, flow), 0) AS t,
               1.0 * n / nullif(sum(n) OVER (PARTITION BY side, flow), 0) AS s FROM diff_load)
  WHERE t >= 0.01 OR s >= 0.01);
--: setup
INSERT INTO fact
SELECT 20, 'rate', place, side, NULL, n * 1e9 / run_ns, fmt_num(n * 1e9 / run_ns) || '/s' FROM diff_load_shown
UNION ALL
SELECT 21, 'mean size', place, side, NULL, 1.0 * bytes / n, fmt_bytes(bytes / n) FROM diff_load_shown
WHERE bytes > 0 AND n > 0
UNION ALL
SELECT 23, 'in flight', place, side, NULL, 1.0 * dur_ns / run_ns, fmt_num(1.0 * dur_ns / run_ns) FROM diff_load_shown
UNION ALL
SELECT 41, 'completeness', k.many, l.side, NULL, 1.0 * sum(l.whole) / nullif(sum(l.n), 0),
       fmt_share(1.0 * sum(l.whole) / nullif(sum(l.n), 0))
FROM diff_load l JOIN diff_kind k USING (flow) GROUP BY l.side, l.flow;
--: use differ_table

--: table diff The flows
--: column flow text group optional
--: column object text group
--: column op text group
--: column stage text
--: column n_before count wide "n before"
--: column n_after count wide "n after"
--: column before_ns duration "before"
--: column after_ns duration "after"
--: column change change "change"
--: column low change wide
--: column high change wide
--: column p number wide "p"
--: column verdict text
--: column tail_before_ns duration wide "p99 before"
--: column tail_after_ns duration wide "p99 after"
--: column tail_change change wide "p99"
--: column tail_low change data
--: column tail_high change data
--: column tail_verdict text "p99 verdict"
--: column margin percent data
--: column tail_margin percent data
--: column share percent data
--: column is_finding count data
--: column blocks_before count data
--: column blocks_after count data
--: empty The two recordings have no object and operation in common.
SELECT CASE WHEN (SELECT count(*) FROM diff_kind) > 1 THEN u.flow END AS flow, u.disk AS object, u.op, u.stage,
       u.n_before, u.n_after, u.before_ns, u.after_ns, u.change, u.low, u.high, u.p_all AS p, u.verdict,
       u.tail_before_ns, u.tail_after_ns, u.tail_change, u.tail_low, u.tail_high, u.tail_verdict, u.margin,
       u.tail_margin, u.share,
       EXISTS (SELECT 1 FROM finding f WHERE f.disk = u.disk AND f.flow = u.flow AND f.op = u.op
         AND u.stage = 'total') AS is_finding, u.blocks_before, u.blocks_after
FROM verdict u LEFT JOIN main.flow_stage t ON t.flow = u.flow AND t.stage = u.stage
WHERE EXISTS (SELECT 1 FROM verdict x WHERE x.disk = u.disk AND x.flow = u.flow AND x.op = u.op
    AND min(x.n_before, x.n_after) > 0)
ORDER BY u.ord, u.flow, max(CASE u.stage WHEN 'total' THEN u.sum_before END) OVER (PARTITION BY u.flow, u.disk) DESC,
  u.disk, max(CASE u.stage WHEN 'total' THEN u.sum_before END) OVER (PARTITION BY u.flow, u.disk, u.op) DESC, u.op,
  u.stage = 'total', coalesce(t.ord, 99), u.stage;

--: use diff_judged
