-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- What programs did with their time: asleep in I/O, on a CPU, waiting for one, asleep otherwise. The four follow from the scheduler's
-- sums of each thread, and are of the whole recording: nothing is shown with filters that take a part of it.
--: use io
--: use program

--: setup
CREATE TEMP TABLE time_use(run_id, program, threads, io_ns, cpu_ns, runq_ns, sleep_ns, total_ns, is_async, is_command);
--: if sched_task
--: setup
INSERT INTO time_use
WITH s AS (
  SELECT w.run_id, w.program, count(DISTINCT w.utid) AS threads, total(s.run_ns) + total(s.irq_ns) + total(s.softirq_ns) AS cpu_ns,
         total(s.runq_ns) AS runq_ns, total(s.sleep_ns) AS sleep_ns, max(w.is_command IS 1) AS is_command
  FROM sched_task s JOIN who_is w ON w.utid = s.utid
  WHERE w.tid > 0 AND (:recorder OR w.is_recorder IS NOT 1) AND (:task IS NULL OR w.utid IN kept_task)
  GROUP BY w.run_id, w.program),
i AS (
  SELECT w.run_id, w.program, max(l.kind IN ('io_uring', 'aio')) AS is_async,
         sum(CASE WHEN l.kind NOT IN ('io_uring', 'aio') THEN (SELECT slept_ns FROM io_load x WHERE x.rowid = l.rowid) END) AS io_ns,
         total(CASE WHEN NOT l.is_cached OR l.kind IN ('io_uring', 'aio') THEN l.dur_ns END) AS rank_ns
  FROM io_load l CROSS JOIN (SELECT NULL AS slept_ns) JOIN who_is w ON w.utid = l.utid
  GROUP BY w.run_id, w.program)
SELECT s.run_id, s.program, s.threads, min(i.io_ns, s.sleep_ns), s.cpu_ns, s.runq_ns, s.sleep_ns - min(coalesce(i.io_ns, 0), s.sleep_ns),
       s.cpu_ns + s.runq_ns + s.sleep_ns, coalesce(i.is_async, 0), s.is_command
FROM s JOIN i ON i.run_id = s.run_id AND i.program IS s.program
WHERE coalesce(:disk, :op, :cgroup, :since_ns, :until_ns, :over_ns) IS NULL AND i.rank_ns > 0
  AND s.program IS NOT NULL AND s.cpu_ns + s.runq_ns + s.sleep_ns > 0;
