-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table part_hist: durations of the requests of a partition, by stage, from the sums: where there are no rows of all of
-- them. Bios are of the partition anyway.
--: use filter

--: setup
CREATE TEMP TABLE part_hist(run_id, device_id, op, stage, second, bucket, n, sum_ns, max_ns);
--: if rows_from
--: setup
INSERT INTO part_hist
SELECT g.run_id, g.object_id, g.op, CASE h.stage WHEN 0 THEN 'total' ELSE s.stage END, h.second, h.bucket, h.n, h.ns,
       h.max_ns
FROM filter f CROSS JOIN flow_group g CROSS JOIN group_hist h ON h.group_id = g.group_id
LEFT JOIN flow_stage s ON s.flow = g.flow AND s.ord = h.stage
WHERE f.part_by_sum AND g.flow = 'request' AND g.error IS NULL AND g.part_id IN kept_part
  AND h.second >= f.from_s AND h.second < f.to_s AND (:op IS NULL OR g.op = :op);
