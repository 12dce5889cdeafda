-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Says what the columns of a comparison are, and how it was judged.
--: use diff_verdict

--: text How it was judged
SELECT 'before, after: the mean time of ' || (SELECT of_one FROM diff_words)
       || ', and what each stage adds to it. change: '
       || 'relative to the total before; low, high: its 99 % interval, from the variation between '
       || CASE WHEN min(design) = 'repeated' AND max(design) = 'repeated' THEN 'runs'
            WHEN max(design = 'repeated') THEN 'runs or whole seconds'
            ELSE 'whole seconds (at least 3 on each side)' END
       || '. worse, better: the interval lies beyond the margin of ' || group_concat(mean_words, ' or ')
       || ', and p < ' || max(p_most) || ' after Holm''s correction for the number of comparisons; same: the interval '
       || 'lies within ' || max(same_words) || '; not certain: neither. p99 is that of the total, judged by its '
       || '99.9 % interval and a margin of ' || group_concat(tail_words, ' or ')
       || ', the same within ' || max(same_tail_words) || '. The sentences above cover '
       || (SELECT many FROM diff_words) || ' with at least 1 % of the time.'
       || CASE WHEN max(design = 'paired') THEN ' Both cover the same time: their seconds are compared in pairs.'
            ELSE '' END
       || CASE WHEN max(design = 'single') THEN ' The margin is wide because single recordings of one load differ from '
              || 'run to run; with three or more runs on each side it is '
            || fmt_share((SELECT mean FROM margin WHERE design = 'repeated')) || '.' ELSE '' END
FROM (SELECT DISTINCT m.design, m.p_most, CASE WHEN m.mean = -m.mean_down THEN fmt_share(m.mean)
      ELSE fmt_interval(m.mean_down, m.mean) END AS mean_words,
        CASE WHEN m.tail = -m.tail_down THEN fmt_share(m.tail) ELSE fmt_interval(m.tail_down, m.tail) END AS tail_words,
        fmt_share(m.same_mean) AS same_words, fmt_share(m.same_tail) AS same_tail_words
      FROM verdict v JOIN margin m ON m.design = v.design WHERE v.low IS NOT NULL)
HAVING count(*) > 0;
