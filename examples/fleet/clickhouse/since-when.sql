-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Since when is it slow? The recordings of each host, object and operation in order; times: p99 divided by the median
-- of the p99 of all of them. The first of several in a row above 2 is the answer.
SELECT flow, op, host, object, r.1 AS started, r.2 AS run, r.3 AS flows, r.4 AS mean_ns, r.5 AS p99_ns,
       r.5 / usual_ns AS times
FROM (
  SELECT flow, op, host, object, groupArray((started, run, flows, mean_ns, p99_ns)) AS runs,
         quantileExact(0.5)(p99_ns) AS usual_ns
  FROM (
    SELECT flow, op, host, object, run, any(started) AS started, sum(n) AS flows, sum(ns) / flows AS mean_ns,
           least(quantileExactWeighted(0.99)(dur_ns, n), max(max_ns)) AS p99_ns
    FROM ktrace_flow WHERE stage = 'total' AND NOT is_apart GROUP BY flow, op, host, object, run)
  GROUP BY flow, op, host, object)
ARRAY JOIN runs AS r ORDER BY flow, op, host, object, started, run;
