-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Slow moments
--: about the seconds with the slowest requests, and what else happened in them
--
-- Question: were the slow requests spread out, or all at one moment? Look at a second more closely with ktrace-report
-- --since 12s --until 13s.
--: column worst_ns duration "worst"
WITH m AS (
  SELECT run_id, second, device_id, max(dur_ns) AS worst_ns, count(*) AS listed
  FROM slowest WHERE flow = 'request' GROUP BY 1, 2, 3)
SELECT d.name AS disk, m.second, m.worst_ns,
       sum(CASE WHEN l.op = 'read' THEN l.n ELSE 0 END) AS reads,
       sum(CASE WHEN l.op = 'write' THEN l.n ELSE 0 END) AS writes,
       sum(CASE WHEN l.op = 'flush' THEN l.n ELSE 0 END) AS flushes,
       sum(CASE WHEN l.op = 'discard' THEN l.n ELSE 0 END) AS discards,
       sum(l.size_bytes) AS size_bytes
FROM m JOIN load l USING (run_id, second, device_id) JOIN device d USING (device_id)
WHERE l.flow = 'request' GROUP BY m.run_id, m.second, m.device_id
ORDER BY m.worst_ns DESC LIMIT 20;
