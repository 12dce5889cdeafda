-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Judges what changed: of table series(j, disk, flow, op, stage, of_kind, ord, what), with j as compare_hist() says.
-- of_kind: kinds whose time is added up; ord: of these, those to speak of first; what: behind the operation in a
-- sentence. Table verdict has a row for each, finding those that a sentence speaks of. verdict.says: the others are
-- summed up in sentences, too.

-- How far apart two recordings of the same load may be for reasons that neither shows: the machine wanders from minute
-- to minute. In pairs such reasons drop out, and it is by chance alone that one may be beyond a margin as small;
-- several runs show themselves by how much they differ. What is the same is so within the wider one in all. A mean that
-- falls by 20 % is as far as one that rises by 25 %.
--: setup
CREATE TEMP TABLE margin AS
SELECT 'single' AS design, 0.25 AS mean, -0.20 AS mean_down, 0.50 AS tail, -0.33 AS tail_down, 0.10 AS same_mean,
       0.25 AS same_tail, 0.01 AS p_most
UNION ALL SELECT 'repeated', 0.05, -0.05, 0.10, -0.10, 0.10, 0.25, 0.01
UNION ALL SELECT 'paired', 0.02, -0.02, 0.05, -0.05, 0.10, 0.25, 0.001;

-- The verdict rests on the whole interval: beyond the margin, within it, or neither. share: of the time of all flows of
-- of_kind, before or after.
--: setup
CREATE TEMP TABLE verdict AS
WITH q AS (
  SELECT disk, flow, of_kind, ord, what, op, stage, j ->> 'n0' AS n_before, j ->> 'n1' AS n_after,
         j ->> 'mean0' AS before_ns, j ->> 'mean1' AS after_ns,
         j ->> 'change' AS change, j ->> 'low' AS low, j ->> 'high' AS high, j ->> 'p' AS p,
         j ->> 'tail0' AS tail_before_ns, j ->> 'tail1' AS tail_after_ns,
         j ->> 'tail_change' AS tail_change, j ->> 'tail_low' AS tail_low, j ->> 'tail_high' AS tail_high,
         j ->> 'blocks0' AS blocks_before, j ->> 'blocks1' AS blocks_after,
         CASE WHEN j ->> 'paired' THEN 'paired' WHEN j ->> 'repeated' THEN 'repeated' ELSE 'single' END AS design,
         1.0 * (j ->> 'sum0') AS sum_before, 1.0 * (j ->> 'sum1') AS sum_after
  FROM series),
-- Holm's correction over all comparisons of the same kind
h AS (
  SELECT disk, flow, op, stage, min(1.0, max(p * (m - place + 1)) OVER (PARTITION BY stage = 'total'
        ORDER BY p ROWS UNBOUNDED PRECEDING)) AS p_all
  FROM (SELECT *, row_number() OVER (PARTITION BY stage = 'total' ORDER BY p) AS place,
      count(*) OVER (PARTITION BY stage = 'total') AS m FROM q WHERE p IS NOT NULL)),
s AS (
  SELECT of_kind, sum(sum_before) AS all_before, sum(sum_after) AS all_after FROM q WHERE stage = 'total'
  GROUP BY of_kind)
SELECT q.*, p_all, m.mean AS margin, m.tail AS tail_margin,
       CASE WHEN low > m.mean AND p_all < m.p_most THEN 'worse' WHEN high < m.mean_down
         AND p_all < m.p_most THEN 'better' WHEN low > -m.same_mean AND high < m.same_mean THEN 'same'
            ELSE 'not certain' END AS verdict,
       CASE WHEN tail_change IS NULL THEN NULL WHEN tail_low > m.tail THEN 'worse'
         WHEN tail_high < m.tail_down THEN 'better'
            WHEN tail_low > -m.same_tail AND tail_high < m.same_tail THEN 'same' ELSE 'not certain' END AS tail_verdict,
       max(coalesce(sum_before / nullif(all_before, 0), 0), coalesce(sum_after / nullif(all_after, 0), 0)) AS share,
       1 AS says
FROM q CROSS JOIN margin m ON m.design = q.design LEFT JOIN s USING (of_kind) LEFT JOIN h USING (disk, flow, op, stage);

-- What a sentence is worth: the whole of an operation, at least 1 % of the time, in both.
--: setup
CREATE TEMP TABLE finding AS
SELECT v.*, CASE WHEN v.verdict IN ('worse', 'better') THEN v.verdict ELSE v.tail_verdict END AS word,
       v.verdict NOT IN ('worse', 'better') AS in_tail
FROM verdict v
WHERE stage = 'total' AND (verdict IN ('worse', 'better') OR tail_verdict IN ('worse', 'better')) AND share >= 0.01
  AND n_before > 0 AND n_after > 0;
