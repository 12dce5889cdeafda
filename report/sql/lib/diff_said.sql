-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The sentences of a comparison. Table diff_words(one, many, of_one, some): what is compared, in words: "operation",
-- "operations", "an operation", and what there has to be some of.
--: use diff_verdict

-- The stages that make up most of a change.
--: setup
CREATE TEMP TABLE because AS
SELECT disk, flow, op, group_concat(stage || CASE WHEN added > 0 THEN ' +' ELSE ' -' END
    || fmt_ns(abs(added)), ', ') AS words
FROM (SELECT f.disk, f.flow, f.op, s.stage, s.after_ns - s.before_ns AS added,
             row_number() OVER (PARTITION BY f.disk, f.flow, f.op ORDER BY abs(s.after_ns - s.before_ns) DESC) AS place
      FROM finding f JOIN verdict s ON s.disk = f.disk AND s.flow = f.flow AND s.op = f.op AND s.stage <> 'total'
      WHERE NOT f.in_tail AND (s.after_ns - s.before_ns) / (f.after_ns - f.before_ns) >= 0.2
      ORDER BY 1, 2, 3, abs(s.after_ns - s.before_ns) DESC)
WHERE place <= 3 GROUP BY disk, flow, op;

--: text
SELECT CASE word WHEN 'worse' THEN 'Worse' ELSE 'Better' END || CASE WHEN in_tail THEN ' in the tail: ' ELSE ': ' END
       || disk || ', ' || op || what
       || ': ' || CASE WHEN in_tail THEN 'p99 ' || fmt_ns(tail_after_ns) || ', was ' || fmt_ns(tail_before_ns)
                                         || ' (' || fmt_change(tail_change) || ', 99.9 % interval '
                                         || fmt_interval(tail_low, tail_high) || '); the mean is '
                                         || CASE verdict WHEN 'same' THEN 'the same' ELSE verdict END
                       ELSE 'mean ' || fmt_ns(after_ns) || ', was ' || fmt_ns(before_ns)
                            || ' (' || fmt_change(change) || ', 99 % interval ' || fmt_interval(low, high) || ')'
                            || coalesce('; ' || b.words, '')
                            || CASE WHEN tail_verdict IN ('worse', 'better')
                                    THEN '; p99 ' || fmt_ns(tail_after_ns) || ', was ' || fmt_ns(tail_before_ns)
                                    ELSE '' END END || '.'
FROM finding f LEFT JOIN because b USING (disk, flow, op)
ORDER BY ord, word DESC, abs(after_ns - before_ns) * n_after DESC LIMIT coalesce(:top, 5);

--: text
SELECT CASE WHEN sum(verdict = 'same') = count(*) AND count(*) > 1 THEN CASE count(*) WHEN 2 THEN 'Both' ELSE 'All '
      || count(*) END || ' ' || w.many || ' are the same: their means are within '
            WHEN sum(verdict = 'same') = count(*) THEN 'It is the same: the mean is within '
            ELSE 'No ' || w.one || ' is certainly better or worse by more than ' END
       || CASE WHEN sum(verdict = 'same') = count(*) THEN (SELECT fmt_share(max(same_mean)) FROM margin)
               WHEN min(margin) = max(margin) THEN fmt_share(max(margin)) ELSE fmt_share(min(margin)) || ' to '
                 || fmt_share(max(margin)) END
       || CASE WHEN sum(verdict = 'same') = count(*) THEN ' of before.'
               WHEN sum(verdict = 'same') > 0 THEN ': ' || sum(verdict = 'same') || ' of ' || count(*)
                 || CASE sum(verdict = 'same') WHEN 1 THEN ' is' ELSE ' are' END || ' the same, '
                 || sum(verdict <> 'same') || ' not certain.'
               ELSE '.' END
FROM verdict v CROSS JOIN diff_words w
WHERE v.says AND stage = 'total' AND share >= 0.01 AND n_before > 0 AND n_after > 0
  AND NOT EXISTS (SELECT 1 FROM finding)
HAVING count(*) > 0;

-- What a longer recording could decide.
--: text
SELECT 'Not certain: ' || disk || ', ' || op || what
       || ': mean ' || fmt_ns(after_ns) || ', was ' || fmt_ns(before_ns) || ' ('
       || CASE WHEN low IS NULL THEN 'too few or too short: at least 3 seconds with ' || w.some
                 || ' are needed on each side'
               ELSE fmt_change(change) || ', 99 % interval ' || fmt_interval(low, high) END || ')'
       || CASE WHEN design = 'single' AND (low > same_mean OR high < -same_mean)
               THEN '; single recordings of one load can differ by as much: make three on each side.' ELSE '.' END
FROM verdict v JOIN (SELECT design, same_mean FROM margin) USING (design) CROSS JOIN diff_words w
WHERE v.says AND stage = 'total' AND verdict = 'not certain' AND share >= 0.05 AND n_before > 0 AND n_after > 0
  AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.disk = v.disk AND f.flow = v.flow AND f.op = v.op)
ORDER BY share DESC LIMIT min(coalesce(:top, 3), 3);

--: warn
SELECT 'Only in the ' || side || ': ' || group_concat(words, ', ') || '.'
FROM (SELECT DISTINCT CASE WHEN n_after = 0 THEN 'first' ELSE 'second' END AS side, disk || ' ' || op || what AS words
      FROM verdict WHERE stage = 'total' AND min(n_before, n_after) = 0 ORDER BY 1, 2)
GROUP BY side;

-- Each half says for itself what it leaves out.
--: warn
SELECT CASE side WHEN 0 THEN 'First' ELSE 'Second' END || ': ' || plural(n, 'interval')
       || ' with lost events; flows open at that time are excluded.'
FROM (SELECT 0 AS side, count(*) AS n FROM main.lost_interval UNION ALL SELECT 1, count(*) FROM other.lost_interval)
WHERE n > 0;

-- A stage that one side has nothing of may not have been seen there: that is no 0.
--: setup
UPDATE verdict SET before_ns = CASE WHEN n_before > 0 THEN before_ns END,
  after_ns = CASE WHEN n_after > 0 THEN after_ns END, change = NULL, low = NULL, high = NULL, p_all = NULL,
  verdict = 'not certain'
WHERE stage <> 'total' AND min(n_before, n_after) = 0;
