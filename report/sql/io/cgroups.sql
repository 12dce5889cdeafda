-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Cgroups
--: about which cgroups did or submitted the I/O: count, bytes and time
--: needs stage_stats request bio cgroup load task_load

--: setup
CREATE TEMP TABLE io_by_task AS SELECT 1 AS yes;
--: use io
--: use kept unless io_main
--: use who unless io_main

--: setup
CREATE TEMP TABLE cgroup_io AS
SELECT s.run_id, s.ucgid, s.op, s.via, s.tasks, s.n, s.bytes, s.total_ns, s.max_ns, s.throttle_ns, s.runq_ns, s.errors,
       h.stats
FROM (SELECT run_id, ucgid, op, via, count(DISTINCT utid) AS tasks, sum(n) AS n, sum(bytes) AS bytes,
    sum(total_ns) AS total_ns,
             max(max_ns) AS max_ns, sum(throttle_ns) AS throttle_ns, sum(runq_ns) AS runq_ns,
             sum(errors) AS errors
      FROM io_and_failed WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4) s
LEFT JOIN (SELECT run_id, ucgid, op, via, hist_stats(bucket, n, sum_ns, max_ns) AS stats FROM io_bucket
      WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4) h
  ON h.run_id = s.run_id AND h.ucgid IS s.ucgid AND h.op IS s.op AND h.via = s.via;

--: table cgroups
--: if io_main
--: column run id group optional
--: column cgroup text group
--: column hierarchy text group wide
--: column tasks count wide
--: column op text
--: column via text "from"
--: column n count
--: column bytes bytes optional wide
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column errors count optional
--: column throttle_ns duration optional wide "throttled"
--: column runq_ns duration optional wide "runnable"
--: column total_ns duration "total"
--: column share percent
--: column bar bar ""
--: empty No complete operation matches.
SELECT shown_run(s.run_id) AS run,
       coalesce(c.path, c.hierarchy || ':' || c.cgroup_id) AS cgroup, c.hierarchy, tasks, s.op,
       s.via, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.total_ns / s.n) AS INTEGER) AS mean_ns, s.stats ->> 'p99' AS p99_ns, s.max_ns, s.errors,
       s.throttle_ns, s.runq_ns, s.total_ns,
       1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (), 0) AS share,
       (1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (), 0))
       || CASE s.via WHEN 'cache' THEN ' work' WHEN 'asleep' THEN ' away' ELSE '' END AS bar
FROM cgroup_io s LEFT JOIN cgroup c ON c.ucgid = s.ucgid
ORDER BY run, sum(s.total_ns) OVER (PARTITION BY s.run_id, s.ucgid) DESC, cgroup, s.total_ns DESC, s.op
  LIMIT coalesce(:top, 20);

--: text
SELECT 'The cgroup is that of the calling task. Writeback happens later, in kernel threads, and counts as theirs. The '
       || 'block layer''s view, by submitter: --flow bio.' FROM io_main WHERE EXISTS (SELECT 1 FROM cgroup_io);

--: text
SELECT 'Excluded: ' || plural(sum(n), 'operation') || ' of ktrace-record itself (--recorder shows them).'
FROM io_sum WHERE :recorder IS NULL AND is_own HAVING sum(n) > 0;

--: table cgroups
--: unless io_main
--: column run id group optional
--: column cgroup text
--: column hierarchy text wide
--: column tasks count wide
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
       coalesce(c.path, c.hierarchy || ':' || c.cgroup_id) AS cgroup, c.hierarchy, tasks, s.op, n AS bios, bytes,
       CAST(round(1.0 * sum_ns / n) AS INTEGER) AS mean_ns, stats ->> 'p99' AS p99_ns, stats ->> 'max' AS max_ns,
       sum_ns AS total_ns, 1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS share,
       1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS bar
FROM by_cgroup s LEFT JOIN cgroup c USING (ucgid)
ORDER BY run, total_ns DESC, cgroup, s.op LIMIT coalesce(:top, 20);

--: text
--: unless io_main
SELECT 'The cgroup is that of the task that submitted the bio. For writeback that is a kernel thread; the cgroup that '
       || 'the kernel charged is in bio.blkcg_ucgid.'
WHERE EXISTS (SELECT 1 FROM by_cgroup);

--: text
--: unless io_main
SELECT 'Excluded: ' || plural(n, 'bio') || ' of ktrace-record itself (--recorder shows them).'
FROM own WHERE :recorder IS NULL AND n > 0;
