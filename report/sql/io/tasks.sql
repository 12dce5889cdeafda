-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Tasks
--: about which tasks did or submitted the I/O: count, bytes and time
--: needs stage_stats request bio task load task_load

--: setup
CREATE TEMP TABLE io_by_task AS SELECT 1 AS yes;
--: use io
--: use program
--: use kept unless io_main
--: use who unless io_main

--: warn
SELECT 'This report groups by program, process or task: --by ' || :by || ' is treated as task.'
WHERE :by NOT IN ('program', 'process', 'task');
--: warn
SELECT '--by is ignored: it needs recorded operations (family io).'
WHERE :by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM io_main);

-- Of each task, process or program: what names it, and the key of its group.
--: setup
CREATE TEMP TABLE group_of AS
SELECT utid, CASE :by WHEN 'program' THEN program WHEN 'process' THEN program ELSE comm END AS name,
       CASE :by WHEN 'process' THEN tgid END AS pid, CASE WHEN :by IN ('program', 'process') THEN NULL
         ELSE tid END AS tid, tgid,
       CASE WHEN :by IN ('program', 'process') THEN NULL ELSE utid END AS key FROM who_is;

--: setup
CREATE TEMP TABLE task_io AS
SELECT s.*, h.stats
FROM (SELECT run_id, g.name, g.pid, g.tid, g.key, CASE WHEN :by IN ('program', 'process') THEN NULL
      ELSE ucgid END AS ucgid, op, via,
             kind IN ('io_uring', 'aio') AS is_async, count(DISTINCT g.tgid) AS processes,
             count(DISTINCT g.utid) AS threads,
             sum(n) AS n, sum(bytes) AS bytes, sum(total_ns) AS total_ns, max(max_ns) AS max_ns,
             sum(runq_ns) AS runq_ns, sum(errors) AS errors
      FROM io_and_failed s LEFT JOIN group_of g ON g.utid = s.utid WHERE :recorder OR NOT is_own
      GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) s
LEFT JOIN (SELECT run_id, g.name, g.pid, g.key, CASE WHEN :by IN ('program', 'process') THEN NULL
      ELSE ucgid END AS ucgid, op, via,
             kind IN ('io_uring', 'aio') AS is_async, hist_stats(bucket, n, sum_ns, max_ns) AS stats
      FROM io_bucket b LEFT JOIN group_of g ON g.utid = b.utid WHERE :recorder OR NOT is_own
      GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) h
  ON h.run_id = s.run_id AND h.name IS s.name AND h.pid IS s.pid AND h.key IS s.key AND h.ucgid IS s.ucgid
  AND h.op IS s.op AND h.via = s.via
 AND h.is_async IS s.is_async;

--: table tasks
--: if io_main
--: column run id group optional
--: column task text group
--: column tid id group optional
--: column pid id group optional
--: column processes count optional wide
--: column threads count optional
--: column cgroup text group optional wide
--: column op text
--: column via text "from"
--: column n count
--: column bytes bytes optional wide
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column errors count optional
--: column runq_ns duration optional wide "runnable"
--: column in_flight number optional "in flight"
--: column total_ns duration "total"
--: column share percent optional
--: column bar bar ""
--: empty No complete operation matches.
SELECT shown_run(s.run_id) AS run, s.name AS task, s.tid, s.pid,
       CASE :by WHEN 'program' THEN s.processes END AS processes,
       CASE WHEN :by IN ('program', 'process') THEN s.threads END AS threads, c.path AS cgroup, s.op,
       s.via, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.total_ns / s.n) AS INTEGER) AS mean_ns, s.stats ->> 'p99' AS p99_ns, s.max_ns, s.errors,
       s.runq_ns,
       CASE WHEN s.is_async THEN 1.0 * s.total_ns / nullif(sp.dur_ns, 0) END AS in_flight, s.total_ns,
       CASE WHEN NOT s.is_async THEN 1.0 * s.total_ns / nullif(sum(CASE WHEN NOT s.is_async THEN s.total_ns END) OVER
           (), 0) END AS share,
       CASE WHEN NOT s.is_async THEN (1.0 * s.total_ns / nullif(sum(CASE WHEN NOT s.is_async THEN s.total_ns END) OVER
             (), 0)) || CASE s.via WHEN 'cache' THEN ' work' WHEN 'asleep' THEN ' away' ELSE '' END END AS bar
FROM task_io s LEFT JOIN cgroup c ON c.ucgid = s.ucgid LEFT JOIN span sp ON sp.run_id = s.run_id
ORDER BY run, sum(CASE WHEN s.is_async THEN min(s.total_ns, coalesce(sp.dur_ns, s.total_ns)) ELSE s.total_ns END) OVER
  (PARTITION BY s.run_id, s.name, s.pid, s.key, s.ucgid) DESC,
         s.name, s.pid, s.tid, cgroup, s.total_ns DESC, s.op LIMIT coalesce(:top, 20);

--: text
SELECT 'in flight: mean number in flight over the recording (io_uring, libaio): their times overlap and are excluded '
       || 'from the shares.'
WHERE EXISTS (SELECT 1 FROM task_io WHERE is_async);

--: text
SELECT 'Times are from call to return. from: operations that waited for a disk (disk), that the page cache served '
       || '(cache), or that caused no bio but slept (asleep); failed calls have no times. The block '
       || 'layer''s view, by submitter: --flow bio.' FROM io_main WHERE EXISTS (SELECT 1 FROM task_io);

--: text
SELECT 'Excluded: ' || plural(sum(n), 'operation') || ' of ktrace-record itself (--recorder shows them).'
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
--: column total_ns duration "total"
--: column share percent
--: column bar bar ""
--: empty No complete bio matches.
SELECT shown_run(s.run_id) AS run,
       t.comm AS task, t.tid, c.path AS cgroup, s.op, n AS bios, bytes,
       CAST(round(1.0 * sum_ns / n) AS INTEGER) AS mean_ns, stats ->> 'p99' AS p99_ns, stats ->> 'max' AS max_ns,
       sum_ns AS total_ns, 1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS share,
       1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS bar
FROM by_task s LEFT JOIN task t USING (utid) LEFT JOIN cgroup c ON c.ucgid = s.ucgid
ORDER BY run, total_ns DESC, t.tid, s.op LIMIT coalesce(:top, 20);

--: text
--: unless io_main
SELECT 'Excluded: ' || plural(n, 'bio') || ' of ktrace-record itself (--recorder shows them).'
FROM own WHERE :recorder IS NULL AND n > 0;
