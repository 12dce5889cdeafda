-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Tasks
--: about who submitted the I/O: bios, bytes and time by task
--: needs stage_stats request bio task load task_load
--: use who

--: table tasks
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
SELECT 'Not in it: ' || fmt_count(n) || ' bios of ktrace-record itself (--recorder shows them).'
FROM own WHERE :recorder IS NULL AND n > 0;
