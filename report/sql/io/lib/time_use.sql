-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- What programs did with their time: asleep in I/O, on a CPU, waiting for one, asleep otherwise. The four follow from
-- the scheduler's sums of each thread, and are of the whole recording: nothing is shown with filters that take a part
-- of it. I/O is what waited for a disk; an operation that made no bio and slept (via asleep: a lock, a pipe, another
-- task) is asleep otherwise, as is one that waits by choice. The recording's own filter may have left out what a task
-- did between its operations (run_ns is NULL): then nothing is shown of it.
--: use io
--: use program

-- Threads that waited for disks, or had something in flight. Another one that hardly ever ran, a parent that waits for
-- its children, says nothing about what bounds the program.
--: setup
CREATE TEMP TABLE io_thread(utid INTEGER PRIMARY KEY, io_ns, is_async);
--: if io_load
--: setup
INSERT INTO io_thread
SELECT l.utid, sum(CASE WHEN l.kind NOT IN ('io_uring', 'aio') THEN l.slept_ns END),
       max(l.kind IN ('io_uring', 'aio'))
FROM io_load l
WHERE l.utid IS NOT NULL AND (l.via = 'disk' OR (l.via = 'cache' AND l.kind IN ('io_uring', 'aio')))
GROUP BY l.utid HAVING total(l.dur_ns) > 0;

--: setup
CREATE TEMP TABLE time_use(run_id, program, threads, io_ns, cpu_ns, runq_ns, sleep_ns, total_ns, is_async, is_command);
--: if sched_task
--: setup
INSERT INTO time_use
SELECT run_id, program, threads, min(io_ns, sleep_ns), cpu_ns, runq_ns, sleep_ns - min(coalesce(io_ns, 0), sleep_ns),
       cpu_ns + runq_ns + sleep_ns,
       is_async, is_command
FROM (
  SELECT w.run_id, w.program, count(DISTINCT w.utid) AS threads,
         total(s.run_ns) + total(s.irq_ns) + total(s.softirq_ns) AS cpu_ns,
         total(s.runq_ns) AS runq_ns, total(s.sleep_ns) AS sleep_ns, max(w.is_command IS 1) AS is_command,
         sum(i.io_ns) AS io_ns, max(i.is_async) AS is_async
  FROM sched_task s JOIN who_is w ON w.utid = s.utid LEFT JOIN io_thread i ON i.utid = s.utid
  WHERE w.tid > 0 AND s.run_ns IS NOT NULL AND (:recorder OR w.is_recorder IS NOT 1)
    AND (:task IS NULL OR w.utid IN kept_task)
    AND (i.utid IS NOT NULL OR ifnull(s.run_ns, 0) + ifnull(s.runq_ns, 0) >= 0.01 *
      (ifnull(s.run_ns, 0) + ifnull(s.runq_ns, 0) + ifnull(s.sleep_ns, 0)))
  GROUP BY w.run_id, w.program)
WHERE coalesce(:disk, :op, :cgroup, :since_ns, :until_ns, :over_ns) IS NULL AND is_async IS NOT NULL
  AND program IS NOT NULL AND cpu_ns + runq_ns + sleep_ns > 0;
