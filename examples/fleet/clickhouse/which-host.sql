-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Which host is slow? Per kind of flow and operation, the slowest host first, and the stage that most of its
-- time went into.
SELECT flow, op, host, anyIf(part_n, stage = 'total') AS flows, anyIf(stage_ns, stage = 'total') AS total_ns,
       total_ns / flows AS mean_ns, anyIf(p50, stage = 'total') AS p50_ns, anyIf(p99, stage = 'total') AS p99_ns,
       anyIf(longest, stage = 'total') AS max_ns, argMaxIf(stage, stage_ns, stage != 'total') AS mostly,
       maxIf(stage_ns, stage != 'total') / total_ns AS mostly_share
FROM (
  SELECT flow, op, host, stage, sum(n) AS part_n, sum(ns) AS stage_ns, max(max_ns) AS longest,
         least(quantileExactWeighted(0.5)(dur_ns, n), longest) AS p50,
         least(quantileExactWeighted(0.99)(dur_ns, n), longest) AS p99
  FROM ktrace_flow WHERE NOT is_apart GROUP BY flow, op, host, stage)
GROUP BY flow, op, host ORDER BY flow, op, p99_ns DESC, host;
