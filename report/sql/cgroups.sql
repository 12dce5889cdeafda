-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Cgroups
--: about which cgroups submitted the I/O: bios, bytes and time by cgroup
--: needs stage_stats request bio cgroup load task_load
--: use who

--: table cgroups
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
--: column total_ns duration "in all"
--: column share percent
--: column bar bar ""
--: empty There is no whole bio to show.
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN s.run_id END AS run,
       coalesce(c.path, c.hierarchy || ':' || c.cgroup_id) AS cgroup, c.hierarchy, tasks, s.op, n AS bios, bytes,
       CAST(round(1.0 * sum_ns / n) AS INTEGER) AS mean_ns, stats ->> 'p99' AS p99_ns, stats ->> 'max' AS max_ns,
       sum_ns AS total_ns, 1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS share,
       1.0 * sum_ns / nullif(sum(sum_ns) OVER (), 0) AS bar
FROM by_cgroup s LEFT JOIN cgroup c USING (ucgid)
ORDER BY run, total_ns DESC, cgroup, s.op LIMIT coalesce(:top, 20);

--: text
SELECT 'The cgroup is that of the task that submitted the bio. For writeback that is a kernel thread; whose cgroup the '
       || 'kernel charged is in bio.blkcg_ucgid.'
WHERE EXISTS (SELECT 1 FROM by_cgroup);

--: text
SELECT 'Not in it: ' || fmt_count(n) || ' bios of ktrace-record itself (--recorder shows them).'
FROM own WHERE :recorder IS NULL AND n > 0;
