-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table slow_named: the slowest whole flows of the kinds that are shown, --top of them, 20 without; with names,
-- stages as pieces of a line, and what took most. Those of ktrace-record itself only with --recorder. Rows do not say
-- whether a flow failed: one that did may be among them.
--: use flow

-- The greatest max_ns of as many seconds of cells bound the answer from below: only these seconds' ids can hold more.
--: setup
CREATE TEMP TABLE slow_cell AS
SELECT c.flow, l.max_ns, l.min_id, l.max_id
FROM flow_filter f CROSS JOIN flow_load l CROSS JOIN cell c ON c.cell_id = l.key_id
WHERE NOT f.by_row AND l.second >= f.from_s AND l.second < f.to_s AND l.state = 'whole' AND l.max_ns IS NOT NULL
  AND c.says AND (:recorder OR NOT c.is_own);
--: setup
DELETE FROM slow_cell WHERE max_ns < (SELECT max_ns FROM slow_cell ORDER BY max_ns DESC LIMIT 1
  OFFSET coalesce(:top, 20) - 1);

-- Ranges that overlap are one.
--: setup
CREATE TEMP TABLE slow_range AS
SELECT s.flow, min(s.min_id) AS min_id, max(s.max_id) AS max_id,
       (SELECT CASE WHEN count(*) >= coalesce(:top, 20) THEN min(max_ns) ELSE 0 END FROM slow_cell) AS least
FROM (SELECT *, sum(is_new) OVER (PARTITION BY flow ORDER BY min_id, max_id ROWS UNBOUNDED PRECEDING) AS nr
      FROM (SELECT *, ifnull(min_id > max(max_id) OVER (PARTITION BY flow ORDER BY min_id, max_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 1) AS is_new FROM slow_cell)) s
GROUP BY s.flow, s.nr;

--: setup
CREATE TEMP TABLE slow_found(flow TEXT, flow_id INTEGER, run_id, op, object_id, utid, ucgid, size_bytes, start_ns,
  dur_ns, what, PRIMARY KEY(flow, flow_id)) WITHOUT ROWID;
--: setup
INSERT OR IGNORE INTO slow_found
SELECT w.flow, w.flow_id, w.run_id, w.op, w.object_id, w.utid, w.ucgid, w.size_bytes, w.start_ns, w.dur_ns, w.what
FROM slow_range s CROSS JOIN shown_kind k ON k.flow = s.flow CROSS JOIN flow_filter f CROSS JOIN flow w
WHERE w.flow = +s.flow AND w.flow_id BETWEEN s.min_id AND s.max_id AND w.dur_ns >= s.least AND w.state = 'whole'
  AND (:op IS NULL OR w.op = :op)
  AND (:disk IS NULL OR (k.object_tbl, w.object_id) IN (SELECT tbl, object_id FROM kept_object))
  AND (:task IS NULL OR w.utid IN kept_task) AND (:cgroup IS NULL OR w.ucgid IN kept_cgroup)
  AND (NOT f.timed OR (w.start_ns + w.dur_ns) / 1000000000 BETWEEN f.from_s AND f.to_s - 1);
--: setup
INSERT OR IGNORE INTO slow_found
SELECT flow, flow_id, run_id, op, object_id, utid, ucgid, size_bytes, start_ns, dur_ns, what FROM kept_row;

--: setup
CREATE TEMP TABLE slow_flow(flow TEXT, flow_id INTEGER, run_id, op, object_id, utid, ucgid, size_bytes, start_ns,
  dur_ns, what);
--: setup
INSERT INTO slow_flow
SELECT * FROM slow_found WHERE :recorder OR utid IN (SELECT utid FROM task WHERE is_recorder) IS NOT 1
ORDER BY dur_ns DESC, start_ns, flow, flow_id LIMIT coalesce(:top, 20);

--: warn
SELECT 'The list of the slowest is complete only from ' || fmt_ns(keep_ns) || ' on: ' || words || '.'
FROM rows_from
WHERE coalesce(:over_ns, 0) < keep_ns
  AND (SELECT count(*) FROM slow_flow WHERE dur_ns >= keep_ns) < coalesce(:top, 20)
  AND (SELECT count(*) FROM slow_flow) < (SELECT total(n) FROM cell_sum);

--: setup
CREATE TEMP TABLE slow_stage_row(flow TEXT, flow_id INTEGER, seq, name, start_ns, dur_ns);
--: setup
INSERT INTO slow_stage_row
SELECT s.flow, s.flow_id, g.seq, g.name, g.start_ns, g.dur_ns
FROM slow_flow s CROSS JOIN stage g WHERE g.flow = +s.flow AND g.flow_id = s.flow_id;

--: setup
CREATE TEMP TABLE slow_stage AS
SELECT s.flow, s.flow_id, g.name, g.start_ns, g.dur_ns, coalesce(t.class, '') AS class
FROM slow_stage_row g JOIN slow_flow s ON s.flow = g.flow AND s.flow_id = g.flow_id
LEFT JOIN flow_stage t ON t.flow = s.flow AND t.stage = g.name ORDER BY s.flow, s.flow_id, g.seq;

--: setup
CREATE TEMP TABLE slow_named AS
SELECT k.letter || s.flow_id AS id, k.shown_flow AS flow, s.start_ns, t.comm AS task, t.tid, s.op,
       coalesce(o.name, k.object_word || ' ' || s.object_id) AS object, s.what, s.size_bytes, s.dur_ns,
       (SELECT g.name || ' ' || fmt_share(1.0 * sum(g.dur_ns) / s.dur_ns) FROM slow_stage g
        WHERE g.flow = s.flow AND g.flow_id = s.flow_id AND s.dur_ns > 0 GROUP BY g.name ORDER BY sum(g.dur_ns) DESC
        LIMIT 1) AS mostly,
       (SELECT group_concat((1.0 * (g.start_ns - s.start_ns) / s.dur_ns) || ' ' || (1.0 * g.dur_ns / s.dur_ns) || ' '
                            || g.class, ';') FROM slow_stage g
        WHERE g.flow = s.flow AND g.flow_id = s.flow_id AND s.dur_ns > 0 AND g.dur_ns > 0) AS line,
       c.path AS cgroup
FROM slow_flow s JOIN shown_kind k ON k.flow = s.flow
LEFT JOIN object_name o ON o.tbl = k.object_tbl AND o.object_id = s.object_id
LEFT JOIN task t ON t.utid = s.utid LEFT JOIN cgroup c ON c.ucgid = s.ucgid;
