-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Tables by_task(run_id, utid, ucgid, op, n, bytes, sum_ns, stats) and by_cgroup(run_id, ucgid, op, …): whole bios that
-- are no part of another, by who submitted them; stats as stats_ns() gives it. Those of ktrace-record itself only with
-- --recorder; table own says how many there are, whatever the filters.
--: use filter
--: use kept

--: setup
CREATE TEMP TABLE own_task AS
SELECT utid FROM task WHERE is_recorder;

-- One row a duration's bucket: of few seconds and many bios far fewer than bios.
--: setup
CREATE TEMP TABLE who AS
SELECT run_id, utid, ucgid, op, bucket, sum(n) AS n, sum(sum_ns) AS sum_ns, max(max_ns) AS max_ns,
       sum(size_bytes) AS bytes
FROM filter f CROSS JOIN task_load l
WHERE NOT f.by_bio AND l.second >= f.from_s AND l.second < f.to_s
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
GROUP BY run_id, utid, ucgid, op, bucket
UNION ALL
SELECT b.run_id, b.utid, b.ucgid, b.op, bucket_of(b.dur_ns) AS bucket, count(*), sum(b.dur_ns), max(b.dur_ns),
       sum(b.size_bytes)
FROM filter f CROSS JOIN kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id
WHERE f.by_bio AND b.state = 'whole' AND b.parent_bio_id IS NULL AND b.utid IS NOT NULL
GROUP BY b.run_id, b.utid, b.ucgid, b.op, bucket;

--: setup
CREATE TEMP TABLE own AS
SELECT sum(n) AS n FROM task_load WHERE utid IN own_task;

--: setup
CREATE TEMP TABLE by_task AS
SELECT run_id, utid, ucgid, op, sum(n) AS n, sum(bytes) AS bytes, sum(sum_ns) AS sum_ns,
       hist_stats(bucket, n, sum_ns, max_ns) AS stats
FROM who WHERE :recorder OR utid NOT IN own_task GROUP BY run_id, utid, ucgid, op;

--: setup
CREATE TEMP TABLE by_cgroup AS
SELECT run_id, ucgid, op, sum(n) AS n, sum(bytes) AS bytes, sum(sum_ns) AS sum_ns,
       hist_stats(bucket, n, sum_ns, max_ns) AS stats,
       count(DISTINCT utid) AS tasks
FROM who WHERE :recorder OR utid NOT IN own_task GROUP BY run_id, ucgid, op;
