-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Since when
--: about the mean duration second by second, compared with the median second of the recording
--
-- Question: since when is it slow? One row per second, disk and operation; times is the mean of that second divided by
-- the median of all seconds' means. The first of several seconds in a row above 2 is the answer.
--: column at_s count "second"
--: column times number
WITH s AS (
  SELECT run_id, second, device_id, op, sum(n) AS n, sum(sum_ns) * 1.0 / sum(n) AS mean_ns
  FROM latency_hist WHERE stage = 'total' AND flow = 'request' GROUP BY 1, 2, 3, 4),
r AS (
  SELECT *, row_number() OVER w AS place, count(*) OVER (PARTITION BY run_id, device_id, op) AS seconds
  FROM s WINDOW w AS (PARTITION BY run_id, device_id, op ORDER BY mean_ns)),
m AS (SELECT run_id, device_id, op, mean_ns AS median_ns FROM r WHERE place = (seconds + 1) / 2)
SELECT d.name AS disk, s.op, s.second AS at_s, s.n, CAST(s.mean_ns AS INTEGER) AS mean_ns,
       s.mean_ns / m.median_ns AS times
FROM s JOIN m USING (run_id, device_id, op) JOIN device d USING (device_id)
ORDER BY d.name, s.op, s.second;
