-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Stages
--: about how long each stage took, per disk and operation (or --by something else), with percentiles
--: needs stage_stats request bio load

--: setup
CREATE TEMP TABLE io_by_task AS SELECT 1 AS yes WHERE :by IN ('task', 'program', 'process', 'cgroup');
--: use io
--: use program

--: setup
CREATE TEMP TABLE block_shown AS
SELECT 1 AS yes FROM filter
WHERE coalesce(:flow, 'request') <> 'io' AND (:by IS NULL OR NOT EXISTS (SELECT 1 FROM io_main))
  AND (enough OR coalesce(:task, :cgroup) IS NULL OR NOT EXISTS (SELECT 1 FROM io_main));
--: use rows_of_task if block_shown
--: use kept if block_shown
--: use stat if block_shown

-- Operations, grouped as --by asks: what goes into the two columns that name a group.
--: setup
CREATE TEMP TABLE grouped AS
WITH g AS (
  SELECT s.*,
         CASE WHEN :by IS NULL OR :by = 'disk' THEN d.name WHEN :by = 'task' THEN coalesce(t.comm, '?') || ' ['
           || coalesce(t.tid, '?') || ']'
              WHEN :by = 'program' THEN coalesce(w.program, '?') WHEN :by = 'process' THEN coalesce(w.program, '?')
                || ' [' || coalesce(w.tgid, '?') || ']'
              WHEN :by = 'cgroup' THEN coalesce(c.path, c.hierarchy || ':' || c.cgroup_id)
                WHEN :by = 'kind' THEN s.kind END AS what,
         CASE WHEN :by IN ('disk', 'program', 'process', 'task', 'cgroup') THEN NULL ELSE s.op END AS shown_op,
         s.via AS came_to
  FROM io_and_failed s LEFT JOIN device_name d ON d.device_id = s.device_id LEFT JOIN task t ON t.utid = s.utid
  LEFT JOIN who_is w ON w.utid = s.utid LEFT JOIN cgroup c ON c.ucgid = s.ucgid
  WHERE :recorder OR NOT s.is_own)
SELECT run_id, what, shown_op AS op, came_to AS via, CASE WHEN :by IS NULL THEN max(device_id) END AS device_id,
       sum(n) AS n, sum(total_ns) AS total_ns, max(max_ns) AS max_ns, sum(submit_ns) AS submit_ns,
       sum(throttle_ns) AS throttle_ns,
       sum(alloc_ns) AS alloc_ns, sum(plug_ns) AS plug_ns, sum(queue_ns) AS queue_ns, sum(device_ns) AS device_ns,
       sum(complete_ns) AS complete_ns, sum(endio_ns) AS endio_ns, sum(wakeup_ns) AS wakeup_ns,
       sum(return_ns) AS return_ns,
       sum(between_ns) AS between_ns, sum(cached_ns) AS cached_ns, sum(blocked_ns) AS blocked_ns,
       sum(worker_ns) AS worker_ns, sum(flush_ns) AS flush_ns, sum(errors) AS errors
FROM g GROUP BY run_id, what, shown_op, came_to;

--: setup
CREATE TEMP TABLE grouped_stats AS
SELECT b.run_id, CASE WHEN :by IS NULL OR :by = 'disk' THEN d.name
                      WHEN :by = 'task' THEN coalesce(t.comm, '?') || ' [' || coalesce(t.tid, '?') || ']'
                      WHEN :by = 'program' THEN coalesce(w.program, '?')
                        WHEN :by = 'process' THEN coalesce(w.program, '?') || ' [' || coalesce(w.tgid, '?') || ']'
                      WHEN :by = 'cgroup' THEN coalesce(c.path, c.hierarchy || ':' || c.cgroup_id)
                        WHEN :by = 'kind' THEN b.kind END AS what,
       CASE WHEN :by IN ('disk', 'program', 'process', 'task', 'cgroup') THEN NULL ELSE b.op END AS op,
       b.via, hist_stats(b.bucket, b.n, b.sum_ns, b.max_ns) AS stats
FROM io_bucket b LEFT JOIN device_name d ON d.device_id = b.device_id LEFT JOIN task t ON t.utid = b.utid
LEFT JOIN who_is w ON w.utid = b.utid LEFT JOIN cgroup c ON c.ucgid = b.ucgid
WHERE :recorder OR NOT b.is_own
GROUP BY 1, 2, 3, 4;

-- Percentiles of a stage: from its histogram, which knows disk and operation, or from rows where a filter needed them.
--: setup
CREATE TEMP TABLE stage_hist(run_id, what, op, stage, stats);
--: if io_group
--: setup
INSERT INTO stage_hist
SELECT g.run_id, CASE WHEN :by IS NULL OR :by = 'disk' THEN d.name END, CASE WHEN :by = 'disk' THEN NULL ELSE g.op END,
       s.stage,
       hist_stats(h.bucket, h.n, h.ns, h.max_ns)
FROM group_hist_sum h CROSS JOIN io_group g ON g.group_id = h.group_id
CROSS JOIN flow_stage s ON s.flow = 'io' AND s.ord = h.stage LEFT JOIN device_name d ON d.device_id = g.device_id
WHERE coalesce(:by, 'op') IN ('op', 'disk') AND s.stage <> 'cached' AND (:recorder OR NOT g.is_own)
GROUP BY 1, 2, 3, 4;
--: if io_main
--: setup
INSERT INTO stage_hist
SELECT h.run_id, CASE WHEN :by IS NULL OR :by = 'disk' THEN d.name END, CASE WHEN :by = 'disk' THEN NULL ELSE h.op END,
       h.stage,
       hist_stats(h.bucket, h.n, h.sum_ns)
FROM filter f CROSS JOIN latency_hist h LEFT JOIN device_name d ON d.device_id = h.device_id
WHERE h.flow = 'io' AND h.stage NOT IN ('total', 'cached') AND NOT f.by_bio AND NOT EXISTS (SELECT 1 FROM io_group)
  AND coalesce(:by, 'op') IN ('op', 'disk') AND (:recorder OR h.is_own IS NOT 1)
  AND coalesce(:task, :cgroup) IS NULL AND h.second >= f.from_s AND h.second < f.to_s
  AND (:op IS NULL OR h.op = :op) AND (:disk IS NULL OR h.device_id IN kept_device)
GROUP BY 1, 2, 3, 4;
--: if io_main
--: setup
INSERT INTO stage_hist
WITH r AS (
  SELECT i.run_id, CASE WHEN :by IS NULL OR :by = 'disk' THEN d.name END AS what,
         CASE WHEN :by = 'disk' THEN NULL ELSE i.op END AS op,
         stats_ns(submit_ns) AS submit, stats_ns(throttle_ns) AS throttle, stats_ns(alloc_ns) AS alloc,
         stats_ns(plug_ns) AS plug,
         stats_ns(queue_ns) AS queue, stats_ns(device_ns) AS device, stats_ns(complete_ns) AS complete,
         stats_ns(endio_ns) AS endio,
         stats_ns(wakeup_ns) AS wakeup, stats_ns(return_ns) AS ret, stats_ns(between_ns) AS between_,
         stats_ns(blocked_ns) AS blocked,
         stats_ns(worker_ns) AS worker, stats_ns(flush_ns) AS flush_
  FROM kept_io k CROSS JOIN io i ON i.io_id = k.io_id LEFT JOIN device_name d ON d.device_id = i.device_id
  WHERE i.via NOT IN ('failed', 'empty') AND coalesce(:by, 'op') IN ('op', 'disk')
    AND (:recorder OR i.utid IN io_own IS NOT 1) GROUP BY 1, 2, 3)
SELECT run_id, what, op, stage, CASE stage WHEN 'submit' THEN submit WHEN 'throttle' THEN throttle
    WHEN 'alloc' THEN alloc
         WHEN 'plug' THEN plug WHEN 'queue' THEN queue WHEN 'device' THEN device WHEN 'complete' THEN complete
         WHEN 'endio' THEN endio WHEN 'wakeup' THEN wakeup WHEN 'return' THEN ret WHEN 'between' THEN between_
           WHEN 'blocked' THEN blocked
         WHEN 'worker' THEN worker WHEN 'flush' THEN flush_ END
FROM r, stage_name;

-- The groups to show: those that took the most time.
--: setup
CREATE TEMP TABLE top_group AS SELECT run_id, what, op, via FROM grouped ORDER BY total_ns DESC, what, op, via
  LIMIT coalesce(:top, -1);

--: table groups Operations
--: if io_main
--: column run id group optional
--: column what text group optional ""
--: column op text optional
--: column via text "from"
--: column n count
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column errors count optional
--: column total_ns duration "total"
--: column time_share percent wide "time"
--: column line span "stages"
--: empty No complete operation matches.
WITH part AS (
  SELECT g.run_id, g.what, g.op, g.via, g.total_ns, w.look, w.ord,
         CASE w.stage WHEN 'submit' THEN submit_ns WHEN 'throttle' THEN throttle_ns WHEN 'alloc' THEN alloc_ns
           WHEN 'plug' THEN plug_ns WHEN 'queue' THEN queue_ns WHEN 'device' THEN device_ns
             WHEN 'complete' THEN complete_ns
           WHEN 'endio' THEN endio_ns WHEN 'wakeup' THEN wakeup_ns WHEN 'return' THEN return_ns
             WHEN 'between' THEN between_ns
           WHEN 'cached' THEN cached_ns WHEN 'blocked' THEN blocked_ns WHEN 'worker' THEN worker_ns
             WHEN 'flush' THEN flush_ns END AS sum_ns
  FROM grouped g, stage_name w WHERE w.stage <> 'total'),
at AS (
  SELECT *, coalesce(sum(sum_ns) OVER (PARTITION BY run_id, what, op, via
        ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
              AS at_ns FROM part WHERE sum_ns > 0),
line AS (
  SELECT run_id, what, op, via, group_concat((1.0 * at_ns / total_ns) || ' ' || (1.0 * sum_ns / total_ns) || ' '
      || look, ';') AS line
  FROM at GROUP BY run_id, what, op, via)
SELECT shown_run(g.run_id) AS run, g.what, g.op, g.via, g.n,
       CAST(round(1.0 * g.total_ns / g.n) AS INTEGER) AS mean_ns, t.stats ->> 'p99' AS p99_ns, g.max_ns, g.errors,
       g.total_ns,
       1.0 * g.total_ns / nullif((SELECT sum(total_ns) FROM grouped), 0) AS time_share, l.line
FROM grouped g
LEFT JOIN grouped_stats t ON t.run_id = g.run_id AND t.what IS g.what AND t.op IS g.op AND t.via = g.via
LEFT JOIN line l ON l.run_id = g.run_id AND l.what IS g.what AND l.op IS g.op AND l.via = g.via
WHERE EXISTS (SELECT 1 FROM top_group x WHERE x.run_id = g.run_id AND x.what IS g.what AND x.op IS g.op
    AND x.via = g.via)
ORDER BY run, sum(g.total_ns) OVER (PARTITION BY g.run_id, g.what) DESC, g.what, g.total_ns DESC, g.op, g.via;

--: use legend

--: table io Their stages
--: if io_main
--: column run id group optional
--: column what text group optional ""
--: column op text group optional
--: column via text group "from"
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
--: empty No complete operation matches.
WITH part AS (
  SELECT g.*, w.stage, w.ord, w.look,
         CASE w.stage WHEN 'submit' THEN submit_ns WHEN 'throttle' THEN throttle_ns WHEN 'alloc' THEN alloc_ns
           WHEN 'plug' THEN plug_ns WHEN 'queue' THEN queue_ns WHEN 'device' THEN device_ns
             WHEN 'complete' THEN complete_ns
           WHEN 'endio' THEN endio_ns WHEN 'wakeup' THEN wakeup_ns WHEN 'return' THEN return_ns
             WHEN 'between' THEN between_ns
           WHEN 'blocked' THEN blocked_ns WHEN 'worker' THEN worker_ns WHEN 'flush' THEN flush_ns
             WHEN 'total' THEN total_ns END AS sum_ns
  FROM grouped g, stage_name w)
SELECT shown_run(p.run_id) AS run, p.what, p.op, p.via, p.stage,
       CASE WHEN p.stage = 'total' THEN p.n ELSE coalesce(h.stats ->> 'n', p.n) END AS n,
       CAST(round(1.0 * p.sum_ns / p.n) AS INTEGER) AS mean_ns,
       coalesce(t.stats, h.stats) ->> 'p50' AS p50_ns, coalesce(t.stats, h.stats) ->> 'p90' AS p90_ns,
       coalesce(t.stats, h.stats) ->> 'p99' AS p99_ns, coalesce(t.stats, h.stats) ->> 'p999' AS p999_ns,
       coalesce(t.stats, h.stats) ->> 'max' AS max_ns,
       1.0 * p.sum_ns / nullif(p.total_ns, 0) AS share,
       CASE WHEN p.stage <> 'total' THEN (1.0 * p.sum_ns / nullif(p.total_ns, 0)) || ' ' || p.look END AS bar
FROM part p
LEFT JOIN grouped_stats t ON p.stage = 'total' AND t.run_id = p.run_id AND t.what IS p.what AND t.op IS p.op
  AND t.via = p.via
LEFT JOIN stage_hist h ON p.via = 'disk' AND h.stage = p.stage AND h.run_id = p.run_id AND h.what IS p.what
  AND h.op IS p.op
WHERE p.sum_ns IS NOT NULL
  AND EXISTS (SELECT 1 FROM top_group x WHERE x.run_id = p.run_id AND x.what IS p.what AND x.op IS p.op
    AND x.via = p.via)
ORDER BY run, CASE WHEN :by IS NULL OR :by = 'disk' THEN 1 ELSE 0 END *
  sum(CASE p.stage WHEN 'total' THEN p.sum_ns END) OVER (PARTITION BY p.run_id, p.what) DESC,
         CASE WHEN :by IS NULL OR :by = 'disk' THEN p.what END,
         sum(CASE p.stage WHEN 'total' THEN p.sum_ns END) OVER (PARTITION BY p.run_id, p.what, p.op) DESC, p.what, p.op,
         p.total_ns DESC, p.via, p.ord;

--: text
SELECT 'Operations that the page cache served (no bio, no sleep) have no stages. mean: over all '
       || 'operations of that kind, so that stages add up to the total; percentiles: over those that had the stage.'
WHERE EXISTS (SELECT 1 FROM grouped);

--: text
SELECT 'Excluded: ' || plural(sum(n), 'operation') || ' of ktrace-record itself (--recorder shows them).'
FROM io_sum WHERE is_own AND :recorder IS NULL HAVING sum(n) > 0;

--: warn
SELECT '--by is ignored: it needs recorded operations (family io).'
WHERE :by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM io_main);

--: text
SELECT 'Below them, in the block layer:' WHERE EXISTS (SELECT 1 FROM io_main) AND EXISTS (SELECT 1 FROM block_shown);

--: warn
SELECT 'The block layer is left out, because ' || words || '.'
FROM rows_from, filter, io_main
WHERE coalesce(:task, :cgroup) IS NOT NULL AND NOT enough AND coalesce(:flow, :by) IS NULL;

--: table stages
--: if block_shown
--: column run id group optional
--: column disk text group
--: column flow text group
--: column op text group
--: column stage text
--: column n count
--: column mean_ns duration
--: column p50_ns duration
--: column p90_ns duration wide
--: column p99_ns duration
--: column p999_ns duration wide "p99.9"
--: column max_ns duration
--: column share percent
--: column bar bar ""
--: empty No complete flow matches.
SELECT run, d.name AS disk, flow, op, stage, n, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns,
       share, CASE WHEN stage <> 'total' THEN share || ' ' || coalesce(look, '') END AS bar
FROM stat LEFT JOIN device_name d USING (device_id)
WHERE :top IS NULL OR (stat.run_id, device_id, flow, op) IN (SELECT run_id, device_id, flow, op FROM stat
    WHERE stage = 'total' ORDER BY sum_ns DESC LIMIT :top)
ORDER BY run, max(total_ns) OVER (PARTITION BY d.disk_id) DESC, d.disk, flow DESC, d.name, total_ns DESC, op, ord;

--: text
--: if block_shown
SELECT 'share: of the time of all flows of that kind. A bio''s time is its wait for a request (alloc), its '
       || 'request''s stages, and its end (endio).'
WHERE EXISTS (SELECT 1 FROM stat WHERE flow = 'bio' AND NOT is_main);
