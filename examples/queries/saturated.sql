-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Saturated
--: about the disks that were never idle, and in which seconds
--
-- Question: which disk is saturated? A disk that serves one request at a time is saturated when busy approaches 100 %;
-- one that serves many at once, when the time at the device rises with the depth: compare mean_ns of busy and quiet
-- seconds.
--: column busy_share percent "busy"
--: column depth number
WITH b AS (
  SELECT run_id, second, device_id, sum(busy_ns) / 1e9 AS busy_share
  FROM busy WHERE flow = 'request' AND op IS NULL GROUP BY 1, 2, 3),
l AS (
  SELECT run_id, second, device_id, sum(n) AS n, sum(device_ns) AS device_ns
  FROM load WHERE flow = 'request' AND state = 'whole' GROUP BY 1, 2, 3)
SELECT d.name AS disk, b.second, l.n, busy_share, l.device_ns / 1e9 AS depth, l.device_ns / l.n AS mean_ns
FROM b JOIN l USING (run_id, second, device_id) JOIN device d USING (device_id)
ORDER BY busy_share DESC, depth DESC LIMIT 20;
