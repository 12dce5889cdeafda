-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title By size
--: about duration and throughput by request size
--
-- Question: are only large I/Os slow, or small ones too? One row per request size, by powers of two.
--: column up_to_bytes bytes "up to"
WITH r AS (
  SELECT device_id, op, device_ns, dur_ns, size_bytes,
         CASE WHEN size_bytes <= 4096 THEN 4096 WHEN size_bytes <= 8192 THEN 8192 WHEN size_bytes <= 16384 THEN 16384
              WHEN size_bytes <= 65536 THEN 65536 WHEN size_bytes <= 262144 THEN 262144
              WHEN size_bytes <= 1048576 THEN 1048576 ELSE 16777216 END AS up_to_bytes
  FROM request WHERE state = 'whole' AND size_bytes > 0)
SELECT d.name AS disk, r.op, up_to_bytes, count(*) AS n, CAST(avg(dur_ns) AS INTEGER) AS mean_ns,
       CAST(avg(device_ns) AS INTEGER) AS device_mean_ns, max(dur_ns) AS worst_ns
FROM r JOIN device d USING (device_id)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
