-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table differ: the facts that differ; and shows them.
--: use differ_facts

-- What is a difference: of texts any; of a rate, size or depth a fifth; of CPUs a tenth of one; of shares of the flows
-- 1 %.
--: setup
CREATE TEMP TABLE differ AS
SELECT a.ord, a.what, a.place, a.words AS before, b.words AS after, a.number AS number_before, b.number AS number_after
FROM (SELECT ord, what, place FROM fact GROUP BY 1, 2, 3) k
JOIN fact a ON a.side = 0 AND a.ord = k.ord AND a.place IS k.place
JOIN fact b ON b.side = 1 AND b.ord = k.ord AND b.place IS k.place
WHERE CASE WHEN k.ord < 20 THEN a.text IS NOT b.text
           WHEN k.ord = 23 THEN max(a.number, b.number) > 1.5 * min(a.number, b.number)
             AND abs(b.number - a.number) >= 0.2
           WHEN k.ord < 30 THEN abs(b.number - a.number) > 0.2 * min(a.number, b.number)
           WHEN k.ord < 40 THEN abs(b.number - a.number) >= 0.1
           ELSE abs(b.number - a.number) >= 0.01 END;

--: table differs What else differs
--: column what text
--: column place text "of" optional
--: column before text
--: column after text
--: column number_before number data
--: column number_after number data
SELECT what, nullif(place, '') AS place, coalesce(before, 'none') AS before, coalesce(after, 'none') AS after,
       number_before, number_after
FROM differ ORDER BY ord, abs(coalesce(number_after - number_before, 0) / max(number_after, number_before, 1e-9)) DESC,
  place
LIMIT coalesce(:top, 30);
