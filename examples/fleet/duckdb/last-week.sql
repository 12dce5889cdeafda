-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Compared with last week: the seven days up to the newest recording, and the seven days before; what became slowest
-- first. Only what was recorded in both.
WITH bucket AS (
  SELECT flow, op, host, object, any_value(model) AS model,
         started > (SELECT max(started) FROM ktrace_flow) - INTERVAL 7 DAY AS is_now,
         dur_ns, sum(n) AS n, sum(ns) AS ns, max(max_ns) AS max_ns
  FROM ktrace_flow
  WHERE stage = 'total' AND NOT is_apart AND started > (SELECT max(started) FROM ktrace_flow) - INTERVAL 14 DAY
  GROUP BY flow, op, host, object, is_now, dur_ns),
ranked AS (
  SELECT *, sum(n) OVER (PARTITION BY flow, op, host, object, is_now ORDER BY dur_ns) AS seen,
         sum(n) OVER (PARTITION BY flow, op, host, object, is_now) AS total
  FROM bucket),
figure AS (
  SELECT flow, op, host, object, is_now, any_value(model) AS model, sum(n) AS flows, sum(ns) / sum(n) AS mean_ns,
         least(min(dur_ns) FILTER (seen * 100 >= total * 99), max(max_ns)) AS p99_ns
  FROM ranked GROUP BY flow, op, host, object, is_now)
SELECT n.flow, n.op, n.host, n.object, n.model AS disk_model, n.flows, b.flows AS before_flows,
       n.mean_ns, b.mean_ns AS before_mean_ns, n.p99_ns, b.p99_ns AS before_p99_ns, n.p99_ns / b.p99_ns AS times
FROM figure n JOIN figure b ON n.is_now AND NOT b.is_now AND b.flow = n.flow AND b.op IS NOT DISTINCT FROM n.op
  AND b.host IS NOT DISTINCT FROM n.host AND b.object IS NOT DISTINCT FROM n.object
ORDER BY times DESC, n.flow, n.op, n.host, n.object;
