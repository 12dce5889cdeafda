-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- What --otlp and --otlp-file send (report/export/otlp.h).
--	chosen      roots of traces, the slowest first: flows that programs wait for, others that no flow leads to; with
--	            --flow all of that kind. --over also takes those that were open that long when the recording ended
--	point       histograms: what is told apart; point_bucket: their buckets, of whole flows, without those of
--	            ktrace-record itself
--	otlp_run    the resource; otlp_task: who
--: use outside
--: use kept_who
--: use rows_from

--: setup
CREATE TEMP TABLE shown_kind AS
SELECT CAST(flow AS TEXT) AS flow, coalesce(letter, flow || ' ') AS letter, coalesce(one, flow) AS one,
       coalesce(many, flow) AS many, waits_for IS NOT NULL AS waits, object_tbl,
       coalesce(object_word, 'object') AS object_word, tbl, id_col, ord
FROM flow_kind WHERE flow IS NOT NULL ORDER BY ord, flow LIMIT 1000;

--: setup
CREATE TEMP TABLE seed AS
SELECT flow, :flow IS NULL AND NOT waits AS is_lower FROM shown_kind
WHERE CASE WHEN :flow IS NOT NULL THEN flow = :flow
           WHEN coalesce(:over_ns, :top, :task, :cgroup, :op) IS NULL THEN 1
           ELSE waits OR NOT EXISTS (SELECT 1 FROM shown_kind k JOIN flow_group g USING (flow) WHERE k.waits) END;

--: use flow_objects

--: warn
SELECT 'Not every flow has a trace: ' || words || '. Histograms count all.'
FROM rows_from WHERE coalesce(:over_ns, 0) < keep_ns;

--: setup
CREATE TEMP TABLE asked AS
SELECT :over_ns AS over_ns, :op AS op, :disk AS disk, :task AS task, :cgroup AS cgroup, :since_ns AS since_ns,
       :until_ns AS until_ns, :recorder AS recorder, :sample AS sample, :top AS top;

-- What lasts: an open flow has no end, but lasted until the recording's.
--: setup
CREATE TEMP VIEW candidate AS
SELECT s.is_lower, w.flow, w.flow_id, w.run_id, w.kind, w.op, w.object_id, w.start_ns, w.dur_ns, w.state,
       coalesce(w.dur_ns, CASE WHEN w.state = 'open_at_end' THEN r.start_ns + r.dur_ns - w.start_ns END, 0) AS lasted_ns
FROM temp.seed s CROSS JOIN temp.shown_kind k ON k.flow = s.flow CROSS JOIN temp.asked a CROSS JOIN main.flow w
LEFT JOIN main.run r ON r.run_id = w.run_id
WHERE w.flow = +s.flow AND w.flow_id IS NOT NULL
  AND (a.over_ns IS NULL OR coalesce(w.dur_ns, CASE WHEN w.state = 'open_at_end'
                                                     THEN r.start_ns + r.dur_ns - w.start_ns END) >= a.over_ns)
  AND (a.op IS NULL OR w.op = a.op) AND (a.top IS NULL OR w.state = 'whole')
  AND (a.disk IS NULL OR (k.object_tbl, w.object_id) IN (SELECT tbl, object_id FROM temp.kept_object))
  AND (a.task IS NULL OR w.utid IN temp.kept_task) AND (a.cgroup IS NULL OR w.ucgid IN temp.kept_cgroup)
  AND (a.since_ns IS NULL OR w.start_ns + ifnull(w.dur_ns, 0) >= a.since_ns)
  AND (a.until_ns IS NULL OR w.start_ns + ifnull(w.dur_ns, 0) < a.until_ns)
  AND (a.sample IS NULL OR ((w.flow_id & 2147483647) * 2654435761 % 4294967296 >> 8) % a.sample = 0)
  AND (a.recorder OR w.utid IN (SELECT utid FROM main.task WHERE is_recorder) IS NOT 1);

--: setup
CREATE TEMP TABLE otlp_limit AS SELECT coalesce(:limit, 100000) AS n;
-- A trace has a span at least: more of them than --limit are of no use.
--: setup
CREATE TEMP TABLE found AS
SELECT * FROM candidate WHERE NOT is_lower AND start_ns IS NOT NULL
ORDER BY lasted_ns DESC, start_ns, flow, flow_id LIMIT min(coalesce(:top, 100000000), (SELECT n FROM otlp_limit));

-- Flows of kinds that programs do not wait for begin a trace only where they lie below no other. Those that are shorter
-- than all that were found need not be asked; nor, of very many, more than a few times as many as may have a trace.
--: setup
CREATE TEMP TABLE lower_seed AS SELECT flow FROM seed WHERE is_lower;
--: setup
CREATE TEMP TABLE lower_least(ns, is_cut);
--: setup
--: if lower_seed
INSERT INTO lower_least
SELECT min(lasted_ns), 0 FROM found HAVING count(*) >= (SELECT n FROM otlp_limit);
--: setup
CREATE TEMP TABLE lower_many AS SELECT 1 AS yes FROM lower_seed WHERE NOT EXISTS (SELECT 1 FROM lower_least);
--: setup
--: if lower_many
INSERT INTO lower_least
SELECT min(lasted_ns), 1
FROM (SELECT lasted_ns FROM candidate WHERE is_lower AND start_ns IS NOT NULL
      ORDER BY lasted_ns DESC LIMIT (SELECT 4 * n FROM otlp_limit))
HAVING count(*) >= (SELECT 4 * n FROM otlp_limit);
--: setup
CREATE TEMP TABLE lower_found(is_lower, flow TEXT, flow_id INTEGER, run_id, kind, op, object_id, start_ns, dur_ns,
  state, lasted_ns, PRIMARY KEY(flow, flow_id)) WITHOUT ROWID;
--: setup
--: if lower_seed
INSERT OR IGNORE INTO lower_found
SELECT * FROM candidate
WHERE is_lower AND start_ns IS NOT NULL AND lasted_ns >= coalesce((SELECT ns FROM lower_least), 0);
--: setup
CREATE TEMP TABLE below(flow TEXT, flow_id INTEGER, PRIMARY KEY(flow, flow_id)) WITHOUT ROWID;
--: setup
--: if lower_found
INSERT OR IGNORE INTO below
SELECT l.lower, l.lower_id FROM lower_seed s CROSS JOIN flow_link l CROSS JOIN lower_found f
WHERE l.lower = +s.flow AND f.flow = l.lower AND f.flow_id = l.lower_id
  AND (l.lower IS NOT l.flow OR l.lower_id IS NOT l.flow_id);
--: setup
--: if lower_found
INSERT INTO found SELECT * FROM lower_found f
WHERE NOT EXISTS (SELECT 1 FROM below b WHERE b.flow = f.flow AND b.flow_id = f.flow_id);

--: setup
CREATE TEMP TABLE chosen(nr INTEGER PRIMARY KEY, flow TEXT, flow_id INTEGER, run_id, kind, op, object_id, start_ns,
  dur_ns, state, lasted_ns);
--: setup
INSERT INTO chosen(flow, flow_id, run_id, kind, op, object_id, start_ns, dur_ns, state, lasted_ns)
SELECT flow, flow_id, run_id, kind, op, object_id, start_ns, dur_ns, state, lasted_ns
FROM found ORDER BY lasted_ns DESC, start_ns, flow, flow_id
LIMIT min(coalesce(:top, 100000000), (SELECT n FROM otlp_limit));
--: setup
DELETE FROM found;
--: setup
DELETE FROM lower_found;

--: warn
SELECT n || CASE n WHEN 1 THEN ' flow has' ELSE ' flows have' END
       || ' no trace: when they began is not known.'
FROM (SELECT count(*) AS n FROM candidate WHERE start_ns IS NULL AND NOT is_lower) WHERE n > 0;

-- The uuid's first half begins each trace id; where the recording has none, its beginning does.
--: setup
CREATE TEMP TABLE otlp_run(run_id INTEGER PRIMARY KEY, half, uuid, host, kernel, boot_id, command, start_ns, dur_ns,
  lost);
--: setup
INSERT INTO otlp_run
SELECT run_id, CASE WHEN length(u) = 32 AND u NOT GLOB '*[^0-9a-f]*' AND u GLOB '*[^0]*' THEN substr(u, 1, 16)
                    ELSE printf('%016x', (SELECT CAST(value AS INTEGER) FROM main.meta WHERE key = 'epoch_realtime_ns')
                                         + ifnull(start_ns, 0)) END,
       CAST(uuid AS TEXT), CAST(host AS TEXT), CAST(kernel AS TEXT), CAST(boot_id AS TEXT), CAST(command AS TEXT),
       start_ns, dur_ns, lost
FROM (SELECT *, replace(lower(uuid), '-', '') AS u FROM run);

-- A database of an older ktrace-analyze lacks `program`: then its name is that of the join's second side.
--: setup
CREATE TEMP TABLE otlp_task(utid INTEGER PRIMARY KEY, tid, tgid, comm, program);
--: setup
INSERT INTO otlp_task
SELECT t.utid, t.tid, t.tgid, CAST(t.comm AS TEXT),
       CAST((SELECT program FROM task x WHERE x.utid = t.utid) AS TEXT)
FROM task t CROSS JOIN (SELECT NULL AS program);

-- Histograms: of kinds, operations and objects, as far as the filters say the same. None where --task, --cgroup,
-- --since or --until are given: under the same name they would be of something else.
--: setup
CREATE TEMP TABLE point(point_id INTEGER PRIMARY KEY, run_id, flow, kind, op, object_id, via, error);
--: setup
CREATE TEMP TABLE point_group(group_id INTEGER PRIMARY KEY, run_id, flow, kind, op, object_id, via, error, point_id);
--: setup
INSERT INTO point_group
SELECT g.group_id, g.run_id, g.flow, g.kind, g.op, g.object_id, CASE WHEN v.counts = 'apart' THEN g.via END, g.error,
       dense_rank() OVER (ORDER BY g.run_id, k.ord, g.flow, g.kind, g.op, g.object_id,
                          CASE WHEN v.counts = 'apart' THEN g.via END, g.error)
FROM flow_group g JOIN shown_kind k ON k.flow = g.flow
LEFT JOIN flow_word v ON v.flow = g.flow AND v.col = 'via' AND v.value = g.via
WHERE coalesce(:task, :cgroup, :since_ns, :until_ns) IS NULL AND (:flow IS NULL OR g.flow = :flow)
  AND (:op IS NULL OR g.op = :op) AND (v.counts IS NOT 'not' OR g.error IS NOT NULL)
  AND (:recorder OR g.is_own IS NOT 1)
  AND (:disk IS NULL OR (k.object_tbl, g.object_id) IN (SELECT tbl, object_id FROM kept_object));
--: setup
INSERT OR IGNORE INTO point SELECT point_id, run_id, flow, kind, op, object_id, via, error FROM point_group;

--: setup
CREATE TEMP TABLE point_bucket(point_id INTEGER, bucket INTEGER, n INTEGER, ns INTEGER, max_ns INTEGER,
  PRIMARY KEY(point_id, bucket)) WITHOUT ROWID;
--: setup
--: if group_hist_sum
INSERT INTO point_bucket
SELECT p.point_id, h.bucket, sum(h.n), sum(h.ns), max(h.max_ns)
FROM group_hist_sum h CROSS JOIN point_group p ON p.group_id = h.group_id
WHERE h.stage = 0 AND typeof(h.bucket) = 'integer' AND typeof(h.n) = 'integer' AND typeof(h.ns) = 'integer'
  AND h.n > 0 AND h.ns >= 0
GROUP BY p.point_id, h.bucket;
