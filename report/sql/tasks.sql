-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Tasks
--: about who did or submitted the I/O: number, bytes and time by task
--: needs stage_stats request bio task load task_load
--: use io
--: use who unless io_main

--: setup
CREATE TEMP TABLE task_io AS
SELECT s.run_id, s.utid, s.ucgid, s.op, s.is_cached, s.n, s.bytes, s.total_ns, s.max_ns, s.runq_ns, h.stats
FROM (SELECT run_id, utid, ucgid, op, is_cached, sum(n) AS n, sum(bytes) AS bytes, sum(total_ns) AS total_ns, max(max_ns) AS max_ns,
             sum(runq_ns) AS runq_ns FROM io_sum WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4, 5) s
JOIN (SELECT run_id, utid, ucgid, op, is_cached, hist_stats(bucket, n, sum_ns, max_ns) AS stats FROM io_bucket GROUP BY 1, 2, 3, 4, 5) h
  ON h.run_id = s.run_id AND h.utid IS s.utid AND h.ucgid IS s.ucgid AND h.op IS s.op AND h.is_cached = s.is_cached;

--: table tasks
--: if io_main
--: column run id group optional
--: column task text group
--: column tid id group
--: column cgroup text group wide
--: column op text
--: column via text "from"
--: column n count
--: column bytes bytes optional wide
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column runq_ns duration optional wide "for a CPU"
--: column total_ns duration "in all"
--: column share percent
--: column bar bar ""
--: empty There is no whole operation to show.
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN s.run_id END AS run, t.comm AS task, t.tid, c.path AS cgroup, s.op,
       CASE WHEN s.is_cached THEN 'cache' ELSE 'disk' END AS via, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.total_ns / s.n) AS INTEGER) AS mean_ns, s.stats ->> 'p99' AS p99_ns, s.max_ns, s.runq_ns, s.total_ns,
       1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (), 0) AS share,
       (1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (), 0)) || CASE WHEN s.is_cached THEN ' cached' ELSE '' END AS bar
FROM task_io s LEFT JOIN task t ON t.utid = s.utid LEFT JOIN cgroup c ON c.ucgid = s.ucgid
ORDER BY run, sum(s.total_ns) OVER (PARTITION BY s.run_id, s.utid, s.ucgid) DESC, t.tid, cgroup, s.total_ns DESC, s.op LIMIT coalesce(:top, 20);

--: text
SELECT 'Times are from call to return, and of those that waited for a disk and those that the page cache served apart. The block '
       || 'layer''s view, by who submitted: --flow bio.' FROM io_main WHERE EXISTS (SELECT 1 FROM task_io);

--: text
SELECT 'Not in it: ' || fmt_count(sum(n)) || CASE sum(n) WHEN 1 THEN ' operation' ELSE ' operations' END || ' of ktrace-record itself (--recorder shows them).'
FROM io_sum WHERE :recorder IS NULL AND is_own HAVING sum(n) > 0;

--: table tasks
--: unless io_main
--: column run id group optional
--: column task text
--: column tid id
--: column cgroup text wide
--: column op text
--: column bios count
--: column bytes bytes
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column total_ns duration "in all"
--: column share percent
--: column bar bar ""
--: empty There is no whole bio to show.
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN s.run_id END AS run,
       t.comm AS task, t.tid, c.path AS cgroup, s.op, n AS bios, bytes,
       CAST(round(1.0 * sum_ns / n) AS INTEGER) AS mean_ns, stats ->> 'p99' AS p99_ns, stats ->> 'max' AS max_ns,
       sum_ns AS total_ns, 1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS share,
       1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS bar
FROM by_task s LEFT JOIN task t USING (utid) LEFT JOIN cgroup c ON c.ucgid = s.ucgid
ORDER BY run, total_ns DESC, t.tid, s.op LIMIT coalesce(:top, 20);

--: text
--: unless io_main
SELECT 'Not in it: ' || fmt_count(n) || ' bios of ktrace-record itself (--recorder shows them).'
FROM own WHERE :recorder IS NULL AND n > 0;
