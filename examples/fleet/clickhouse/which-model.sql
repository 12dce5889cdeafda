-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Which model of disk is slow? As which-host.sql; NULL: disks that do not tell their model, such as virtual ones.
SELECT flow, op, model, anyIf(part_n, stage = 'total') AS flows, anyIf(stage_ns, stage = 'total') AS total_ns,
       total_ns / flows AS mean_ns, anyIf(p50, stage = 'total') AS p50_ns, anyIf(p99, stage = 'total') AS p99_ns,
       anyIf(longest, stage = 'total') AS max_ns, argMaxIf(stage, stage_ns, stage != 'total') AS mostly,
       maxIf(stage_ns, stage != 'total') / total_ns AS mostly_share
FROM (
  SELECT flow, op, model, stage, sum(n) AS part_n, sum(ns) AS stage_ns, max(max_ns) AS longest,
         least(quantileExactWeighted(0.5)(dur_ns, n), longest) AS p50,
         least(quantileExactWeighted(0.99)(dur_ns, n), longest) AS p99
  FROM ktrace_flow WHERE NOT is_apart GROUP BY flow, op, model, stage)
GROUP BY flow, op, model ORDER BY flow, op, p99_ns DESC, model;
