-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Chooses flows for a Perfetto trace: drawn, one row each. Without a filter all; --over, --top, --task, --cgroup and
-- --op choose among the flows that programs wait for, as report `slow` does, and what lies below these comes along
-- (perfetto_choose.c follows flow_link: rows of depth 0 are those that were chosen).
--: title Perfetto trace
--: needs flow_kind flow_stage flow_group flow_key flow_load flow_object flow_link stage run task cgroup lost_interval
--: use outside
--: use kept_who
--: use rows_from

--: setup
CREATE TEMP TABLE shown_kind AS
SELECT CAST(flow AS TEXT) AS flow, coalesce(letter, flow || ' ') AS letter, coalesce(one, flow) AS one,
       coalesce(many, flow) AS many, waits_for IS NOT NULL AS waits, object_tbl,
       coalesce(object_word, 'object') AS object_word, id_col, ord
FROM flow_kind WHERE flow IS NOT NULL ORDER BY ord, flow LIMIT 1000;

--: setup
CREATE TEMP TABLE seed AS
SELECT flow FROM shown_kind
WHERE CASE WHEN :flow IS NOT NULL THEN flow = :flow
           WHEN coalesce(:over_ns, :top, :task, :cgroup, :op) IS NULL THEN 1
           ELSE waits OR NOT EXISTS (SELECT 1 FROM shown_kind k JOIN flow_group g USING (flow) WHERE k.waits) END;

--: use flow_objects

--: warn
SELECT 'The trace does not have every flow: ' || words || '. Throughput counts all.'
FROM rows_from WHERE coalesce(:over_ns, 0) < keep_ns;

--: setup
CREATE TEMP TABLE drawn(flow TEXT, flow_id INTEGER, depth INTEGER, run_id, kind, op, object_id, utid, ucgid, what,
  size_bytes, start_ns, dur_ns, state, PRIMARY KEY(flow, flow_id)) WITHOUT ROWID;
-- Those that ended within --since and --until, as everywhere; of unknown end: that began there.
--: setup
INSERT OR IGNORE INTO drawn
SELECT w.flow, w.flow_id, 0, w.run_id, w.kind, w.op, w.object_id, w.utid, w.ucgid, w.what, w.size_bytes, w.start_ns,
       w.dur_ns, w.state
FROM seed s CROSS JOIN shown_kind k ON k.flow = s.flow CROSS JOIN flow w
WHERE w.flow = +s.flow AND w.flow_id IS NOT NULL AND :top IS NULL
  AND (:over_ns IS NULL OR w.dur_ns >= :over_ns) AND (:op IS NULL OR w.op = :op)
  AND (:disk IS NULL OR (k.object_tbl, w.object_id) IN (SELECT tbl, object_id FROM kept_object))
  AND (:task IS NULL OR w.utid IN kept_task) AND (:cgroup IS NULL OR w.ucgid IN kept_cgroup)
  AND (:since_ns IS NULL OR w.start_ns + ifnull(w.dur_ns, 0) >= :since_ns)
  AND (:until_ns IS NULL OR w.start_ns + ifnull(w.dur_ns, 0) < :until_ns)
  AND (:recorder OR w.utid IN (SELECT utid FROM task WHERE is_recorder) IS NOT 1);
--: setup
INSERT OR IGNORE INTO drawn
SELECT w.flow, w.flow_id, 0, w.run_id, w.kind, w.op, w.object_id, w.utid, w.ucgid, w.what, w.size_bytes, w.start_ns,
       w.dur_ns, w.state
FROM seed s CROSS JOIN shown_kind k ON k.flow = s.flow CROSS JOIN flow w
WHERE w.flow = +s.flow AND w.flow_id IS NOT NULL AND :top IS NOT NULL AND w.state = 'whole'
  AND (:over_ns IS NULL OR w.dur_ns >= :over_ns) AND (:op IS NULL OR w.op = :op)
  AND (:disk IS NULL OR (k.object_tbl, w.object_id) IN (SELECT tbl, object_id FROM kept_object))
  AND (:task IS NULL OR w.utid IN kept_task) AND (:cgroup IS NULL OR w.ucgid IN kept_cgroup)
  AND (:since_ns IS NULL OR w.start_ns + ifnull(w.dur_ns, 0) >= :since_ns)
  AND (:until_ns IS NULL OR w.start_ns + ifnull(w.dur_ns, 0) < :until_ns)
  AND (:recorder OR w.utid IN (SELECT utid FROM task WHERE is_recorder) IS NOT 1)
ORDER BY w.dur_ns DESC, w.start_ns, w.flow, w.flow_id LIMIT coalesce(:top, 0);

--: warn
SELECT 'The trace has ' || plural(count(*), 'flow') || ' with their stages; the page of ui.perfetto.dev is comfortable '
       || 'up to about a million slices: --over, --top, --since and --until choose among them.'
FROM drawn HAVING count(*) > 1000000;

-- The window, in whole seconds too, for what is not chosen by flow.
--: setup
CREATE TEMP TABLE window AS
SELECT ifnull(:since_ns, -9223372036854775807) AS since_ns, ifnull(:until_ns, 9223372036854775807) AS until_ns,
       coalesce(:since_ns / 1000000000 - (:since_ns % 1000000000 < 0), -9223372036854775807) AS from_s,
       coalesce(:until_ns / 1000000000 + (:until_ns % 1000000000 > 0), 9223372036854775807) AS to_s,
       coalesce(:over_ns, :top, :task, :cgroup, :op, :disk, :flow, :since_ns, :until_ns) IS NOT NULL AS filtered;

-- Throughput: all flows that ended, second by second, after the filters that the statistics know.
--: setup
CREATE TEMP TABLE rate AS
SELECT g.run_id, g.flow, g.object_id, l.second, sum(l.n) AS n, sum(l.size_bytes) AS size_bytes
FROM "window" w CROSS JOIN flow_load l CROSS JOIN flow_key k ON k.key_id = l.key_id
CROSS JOIN flow_group g ON g.group_id = k.group_id JOIN shown_kind s ON s.flow = g.flow
WHERE l.state = 'whole' AND typeof(l.second) = 'integer' AND (:flow IS NULL OR g.flow = :flow)
  AND (:op IS NULL OR g.op = :op)
  AND (:disk IS NULL OR (s.object_tbl, g.object_id) IN (SELECT tbl, object_id FROM kept_object))
  AND (:task IS NULL OR k.utid IN kept_task) AND (:cgroup IS NULL OR k.ucgid IN kept_cgroup)
  AND l.second >= w.from_s AND l.second < w.to_s
  AND (:recorder OR k.utid IN (SELECT utid FROM task WHERE is_recorder) IS NOT 1)
GROUP BY g.run_id, g.flow, g.object_id, l.second;
