-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Which kernel is slow? As which-host.sql.
WITH bucket AS (
  SELECT flow, op, kernel, dur_ns, sum(n) AS n, sum(ns) AS ns, max(max_ns) AS max_ns
  FROM ktrace_flow WHERE stage = 'total' AND NOT is_apart GROUP BY ALL),
ranked AS (
  SELECT *, sum(n) OVER (PARTITION BY flow, op, kernel ORDER BY dur_ns) AS seen,
         sum(n) OVER (PARTITION BY flow, op, kernel) AS total
  FROM bucket),
figure AS (
  SELECT flow, op, kernel, sum(n) AS flows, sum(ns) AS total_ns, max(max_ns) AS max_ns,
         least(min(dur_ns) FILTER (seen * 2 >= total), max(max_ns)) AS p50_ns,
         least(min(dur_ns) FILTER (seen * 100 >= total * 99), max(max_ns)) AS p99_ns
  FROM ranked GROUP BY ALL),
most AS (
  SELECT flow, op, kernel, max_by(stage, ns) AS mostly, max(ns) AS mostly_ns
  FROM (SELECT flow, op, kernel, stage, sum(ns) AS ns FROM ktrace_flow
        WHERE stage <> 'total' AND NOT is_apart GROUP BY ALL)
  GROUP BY ALL)
SELECT f.flow, f.op, f.kernel, f.flows, f.total_ns, f.total_ns / f.flows AS mean_ns, f.p50_ns, f.p99_ns, f.max_ns,
       m.mostly, m.mostly_ns / f.total_ns AS mostly_share
FROM figure f LEFT JOIN most m ON m.flow = f.flow AND m.op IS NOT DISTINCT FROM f.op
  AND m.kernel IS NOT DISTINCT FROM f.kernel
ORDER BY f.flow, f.op, f.p99_ns DESC, f.kernel;
