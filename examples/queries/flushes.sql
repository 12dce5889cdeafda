-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Flushes
--: about what flushes cost, and how long writes around them took
--
-- Question: is it the fsync? One row per second with a flush: number and mean time of flushes, and the mean time of
-- writes in that second compared with that of writes in seconds without a flush.
--: column quiet_write_ns duration "writes without a flush"
WITH s AS (
  SELECT run_id, second, device_id,
         sum(CASE WHEN op = 'flush' THEN n ELSE 0 END) AS flushes,
         sum(CASE WHEN op = 'flush' THEN dur_ns END) AS flush_ns,
         sum(CASE WHEN op = 'write' THEN n ELSE 0 END) AS writes,
         sum(CASE WHEN op = 'write' THEN dur_ns END) AS write_ns
  FROM load WHERE flow = 'request' AND state = 'whole' GROUP BY 1, 2, 3)
SELECT d.name AS disk, s.second, s.flushes, s.flush_ns / s.flushes AS flush_mean_ns, s.writes,
       s.write_ns / nullif(s.writes, 0) AS write_mean_ns,
       (SELECT sum(q.write_ns) / nullif(sum(q.writes), 0)
        FROM s q WHERE q.device_id = s.device_id AND q.flushes = 0) AS quiet_write_ns
FROM s JOIN device d USING (device_id) WHERE s.flushes > 0
ORDER BY flush_mean_ns DESC LIMIT 20;
