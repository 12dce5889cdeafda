-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Compared with last week: the seven days up to the newest recording, and the seven days before; what became slowest
-- first. Only what was recorded in both.
SELECT flow, op, host, object, any(model) AS disk_model, sumIf(n, is_now) AS flows,
       sumIf(n, NOT is_now) AS before_flows,
       sumIf(ns, is_now) / flows AS mean_ns, sumIf(ns, NOT is_now) / before_flows AS before_mean_ns,
       least(quantileExactWeightedIf(0.99)(dur_ns, n, is_now), maxIf(max_ns, is_now)) AS p99_ns,
       least(quantileExactWeightedIf(0.99)(dur_ns, n, NOT is_now), maxIf(max_ns, NOT is_now)) AS before_p99_ns,
       p99_ns / before_p99_ns AS times
FROM (
  SELECT *, started > (SELECT max(started) FROM ktrace_flow) - 7 * 86400 AS is_now FROM ktrace_flow
  WHERE stage = 'total' AND NOT is_apart AND started > (SELECT max(started) FROM ktrace_flow) - 14 * 86400)
GROUP BY flow, op, host, object HAVING flows > 0 AND before_flows > 0 ORDER BY times DESC, flow, op, host, object;
