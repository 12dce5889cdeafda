-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The legend of a line of stages: which class is which stage of the kinds that are shown.
--: legend
SELECT group_concat(words, ';') FROM (
  SELECT class || ' ' || group_concat(replace(stage, ';', ','), ', ') AS words
  FROM (SELECT t.class, t.stage, min(t.ord) AS ord FROM flow_stage t
        WHERE t.flow IN (SELECT flow FROM shown_kind) AND instr(t.class, ' ') = 0 AND instr(t.class, ';') = 0
        GROUP BY t.class, t.stage ORDER BY 3, 2)
  GROUP BY class ORDER BY min(ord))
HAVING count(*) > 0;
