-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Who is slow
--: about the tasks whose I/O waits longest, and on which disk
--
-- Question: whose I/O takes long (not: who does much)? Counts whole bios, of tasks that submitted at least ten.
-- A high worst with a low mean is one bad moment (see slow-moments.sql); a high mean is always slow.
--: column mean_ns duration
--: column worst_ns duration "worst"
SELECT t.comm AS task, t.tid, d.name AS disk, l.op, sum(l.n) AS bios,
       sum(l.sum_ns) / sum(l.n) AS mean_ns, max(l.max_ns) AS worst_ns
FROM task_load l JOIN task t USING (utid) JOIN device d USING (device_id)
WHERE t.is_recorder IS NOT 1
GROUP BY l.run_id, l.utid, l.device_id, l.op HAVING sum(l.n) >= 10
ORDER BY mean_ns DESC LIMIT 20;
