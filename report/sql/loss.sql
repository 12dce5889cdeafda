-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Loss
--: about what was lost, when and why, and what the statistics exclude because of it
--: needs lost_interval load run
--: use loss

--: text
SELECT words || '.' FROM loss_words;

--: table causes By cause
--: column run id group optional
--: column cause text
--: column intervals count
--: column events count
--: column total_ns duration "time"
--: column meaning text
SELECT shown_run(run_id) AS run,
       cause, count(*) AS intervals, sum(n) AS events, union_ns(start_ns, start_ns + dur_ns) AS total_ns,
       loss_meaning(cause) AS meaning
FROM lost_interval GROUP BY run_id, cause ORDER BY run, 3 DESC, cause;

--: table flows Effect on flows
--: column run id group optional
--: column flow text group
--: column state text
--: column n count
--: column share percent
SELECT shown_run(run_id) AS run,
       flow, state, n, 1.0 * n / sum(n) OVER (PARTITION BY run_id, flow) AS share
FROM (SELECT run_id, flow, state, sum(n) AS n FROM load GROUP BY run_id, flow, state)
ORDER BY run, flow DESC, n DESC, state;

--: table intervals Intervals
--: column run id group optional
--: column start_ns time
--: column dur_ns duration
--: column cpu id
--: column cause text
--: column n count "events"
SELECT shown_run(run_id) AS run, start_ns, dur_ns, cpu, cause, n
FROM lost_interval
WHERE (:since_ns IS NULL OR start_ns + coalesce(dur_ns, 0) >= :since_ns) AND (:until_ns IS NULL OR start_ns < :until_ns)
ORDER BY start_ns, cpu, run_id LIMIT coalesce(:top, 50);
