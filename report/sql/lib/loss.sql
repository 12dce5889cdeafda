-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table loss_said(words): what was lost, in one sentence without its end. A column that is not known makes it less
-- exact, never shorter. Time is that of the union of the intervals of each run; one whose end is not known lasts to the
-- end of its run.

--: setup
CREATE TEMP TABLE loss_sum AS
SELECT is_blind, sum(n_intervals) AS n_intervals, total(events) AS events, max(is_vague) AS is_vague, sum(ns) AS ns
FROM (
  SELECT l.cause IS 'blind' AS is_blind, count(*) AS n_intervals, sum(l.n) AS events, max(l.n IS NULL) AS is_vague,
         union_ns(l.start_ns, l.start_ns + coalesce(l.dur_ns, r.start_ns + r.dur_ns - l.start_ns)) AS ns
  FROM lost_interval l LEFT JOIN run r ON r.run_id = l.run_id GROUP BY l.run_id, l.cause IS 'blind')
GROUP BY is_blind;

--: setup
CREATE TEMP TABLE loss_said AS
SELECT coalesce((SELECT CASE WHEN events = 0 THEN 'An unknown number of events lost'
                             WHEN is_vague THEN 'At least ' || plural(events, 'event') || ' lost'
                             ELSE plural(events, 'event') || ' lost' END
                        || ' (' || coalesce(fmt_ns(ns) || ' in ', '') || plural(n_intervals, 'interval)', 'intervals)')
                 FROM loss_sum WHERE NOT is_blind),
                CASE WHEN NOT EXISTS (SELECT 1 FROM loss_sum) THEN 'No events lost' END)
       AS words
UNION ALL
SELECT 'the kernel ran no BPF program of the recorder on one CPU for ' || coalesce(fmt_ns(ns) || ' in ', '')
       || plural(n_intervals, 'interval') || '; events there were missed'
FROM loss_sum WHERE is_blind;

--: setup
CREATE TEMP TABLE loss_words AS
SELECT upper(substr(w, 1, 1)) || substr(w, 2) AS words
FROM (SELECT group_concat(words, '; ') AS w FROM loss_said WHERE words IS NOT NULL);
