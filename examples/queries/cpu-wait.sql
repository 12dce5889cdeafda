-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Waiting for the CPU
--: about whose operations were runnable but had no CPU, and who had it
--
-- Question: who waits for the CPU? An I/O ends when its task runs again, not when the disk is done. For each task: how
-- long its operations were runnable without running, and which task or interrupt had the CPU. Give a CPU hog that shows
-- up here a lower priority, a smaller cgroup weight or another CPU; the disk is innocent.
--: empty No operation had to wait for a CPU, or the families io and sched were not recorded.
--: column wait_ns duration "total"
--: column worst_ns duration "worst"
--: column share percent "of its time"
WITH who AS (
  SELECT i.run_id, i.utid, d.cause, d.by_utid, d.by_irq, sum(d.dur_ns) AS wait_ns, max(d.dur_ns) AS worst_ns,
         count(DISTINCT d.flow_id) AS operations
  FROM disturbance d JOIN io i ON i.io_id = d.flow_id
  WHERE d.flow = 'io' AND i.state = 'whole' GROUP BY 1, 2, 3, 4, 5),
total AS (
  SELECT run_id, utid, sum(dur_ns) AS dur_ns FROM io_load WHERE state = 'whole' AND NOT is_cached GROUP BY 1, 2)
SELECT t.comm AS task, t.tid,
       CASE w.cause WHEN 'runq' THEN 'had the CPU' WHEN 'worker' THEN 'had its worker''s CPU' ELSE w.cause END AS how,
       coalesce(b.comm || ' ' || b.tid, w.by_irq, 'not known') AS who, w.operations, w.wait_ns, w.worst_ns,
       1.0 * w.wait_ns / max(nullif(a.dur_ns, 0), w.wait_ns) AS share
FROM who w LEFT JOIN task t ON t.utid = w.utid LEFT JOIN task b ON b.utid = w.by_utid
LEFT JOIN total a ON a.run_id = w.run_id AND a.utid = w.utid
ORDER BY w.wait_ns DESC, t.tid, who LIMIT 20;
