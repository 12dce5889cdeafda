-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title The device or us
--: about how much of the time was the device, how much the kernel's queues before it
--
-- Question: is it the device or us? device: from issue to completion; queue: in the I/O scheduler; plug: held in the
-- plug list before that; alloc: waiting for a request (tags, limits). If device dominates, find out why it is slow
-- (saturated.sql, by-size.sql); if queue or alloc does, more is requested than the device can do at once, or a limit
-- applies.
--: column device_share percent
--: column queue_share percent
--: column plug_share percent
--: column alloc_share percent
WITH s AS (
  SELECT run_id, coalesce(d.parent_id, d.device_id) AS disk_id, s.op,
         sum(CASE WHEN flow = 'request' AND stage = 'total' THEN s.sum_ns END) AS total,
         sum(CASE WHEN flow = 'request' AND stage = 'device' THEN s.sum_ns ELSE 0 END) AS device,
         sum(CASE WHEN flow = 'request' AND stage = 'queue' THEN s.sum_ns ELSE 0 END) AS queue,
         sum(CASE WHEN flow = 'request' AND stage = 'plug' THEN s.sum_ns ELSE 0 END) AS plug,
         sum(CASE WHEN flow = 'bio' AND stage = 'alloc' THEN s.sum_ns ELSE 0 END) AS alloc
  FROM stage_stats s JOIN device d USING (run_id, device_id) GROUP BY 1, 2, 3)
SELECT d.name AS disk, s.op, total / 1000000 AS total_ms, 1.0 * device / (total + alloc) AS device_share,
       1.0 * queue / (total + alloc) AS queue_share, 1.0 * plug / (total + alloc) AS plug_share,
       1.0 * alloc / (total + alloc) AS alloc_share
FROM s JOIN device d ON d.device_id = s.disk_id WHERE total > 0
ORDER BY total DESC;
