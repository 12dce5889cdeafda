-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Since when is it slow? The recordings of each host, object and operation in order; times: p99 divided by the median
-- of the p99 of all of them. The first of several in a row above 2 is the answer.
WITH bucket AS (
  SELECT flow, op, host, object, run, any_value(started) AS started, dur_ns, sum(n) AS n, sum(ns) AS ns,
         max(max_ns) AS max_ns
  FROM ktrace_flow WHERE stage = 'total' AND NOT is_apart GROUP BY flow, op, host, object, run, dur_ns),
ranked AS (
  SELECT *, sum(n) OVER (PARTITION BY flow, op, host, object, run ORDER BY dur_ns) AS seen,
         sum(n) OVER (PARTITION BY flow, op, host, object, run) AS total
  FROM bucket),
figure AS (
  SELECT flow, op, host, object, any_value(started) AS started, run, sum(n) AS flows, sum(ns) / sum(n) AS mean_ns,
         least(min(dur_ns) FILTER (seen * 100 >= total * 99), max(max_ns)) AS p99_ns
  FROM ranked GROUP BY flow, op, host, object, run),
usual AS (
  SELECT flow, op, host, object, list_sort(list(p99_ns))[count(*) // 2 + 1] AS usual_ns FROM figure GROUP BY ALL)
SELECT f.*, f.p99_ns / u.usual_ns AS times
FROM figure f JOIN usual u ON u.flow = f.flow AND u.op IS NOT DISTINCT FROM f.op
  AND u.host IS NOT DISTINCT FROM f.host AND u.object IS NOT DISTINCT FROM f.object
ORDER BY f.flow, f.op, f.host, f.object, f.started, f.run;
