-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title What changed
--: about each stage in the first half of the recording and in the second
--
-- Question: what changed between then and now? Compares the two halves of the recording; replace the expression in half
-- with the second in which you restarted, deployed or moved something. ktrace-report diff says whether a difference is
-- more than noise.
--: column before_ns duration "before"
--: column after_ns duration "after"
--: column change_share percent "change"
WITH half AS (SELECT (min(second) + max(second) + 1) / 2.0 AS at FROM latency_hist),
s AS (
  SELECT device_id, flow, op, stage,
         sum(CASE WHEN second < at THEN sum_ns END) * 1.0 / sum(CASE WHEN second < at THEN n END) AS before_ns,
         sum(CASE WHEN second >= at THEN sum_ns END) * 1.0 / sum(CASE WHEN second >= at THEN n END) AS after_ns
  FROM latency_hist, half WHERE flow = 'request' GROUP BY 1, 2, 3, 4)
SELECT d.name AS disk, s.op, s.stage, CAST(before_ns AS INTEGER) AS before_ns, CAST(after_ns AS INTEGER) AS after_ns,
       after_ns / nullif(before_ns, 0) - 1 AS change_share
FROM s JOIN device d USING (device_id)
WHERE before_ns IS NOT NULL AND after_ns IS NOT NULL
ORDER BY abs(after_ns - before_ns) DESC LIMIT 20;
