-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Summary
--: about where the time of flows of any kind went, in a few sentences, and the evidence
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum flow stage task cgroup run lost_interval
--: use flow_paragraph
--: use flow_complete
--: use loss

--: text
SELECT words FROM flow_said ORDER BY dur_ns DESC, flow, line;

--: text
SELECT 'No complete ' || group_concat(one, ' or ') || ' ' || CASE WHEN (SELECT given FROM flow_filter)
         THEN 'matches these filters.' ELSE 'was recorded.' END
FROM (SELECT one FROM shown_kind ORDER BY ord, flow) WHERE NOT EXISTS (SELECT 1 FROM said_kind) HAVING count(*) > 0;

--: text Confidence
SELECT (SELECT words FROM loss_words)
       || coalesce('; ' || (SELECT group_concat(words, '; ')
                            FROM (SELECT words FROM flow_complete ORDER BY ord, flow)), '') || '.';

--: use flow_grps
--: use flow_sums
--: use flow_slow

--: table ops By object and operation
--: column run id group optional
--: column flow text group optional
--: column object text group
--: column op text
--: column n count
--: column bytes bytes optional wide
--: column mean_ns duration
--: column p50_ns duration
--: column p99_ns duration
--: column max_ns duration
--: column time_share percent "time"
--: column bar bar ""
SELECT shown_run(c.run_id) AS run, c.shown_flow AS flow, c.object, c.op, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.dur_ns / s.n) AS INTEGER) AS mean_ns, s.stats ->> 'p50' AS p50_ns,
       s.stats ->> 'p99' AS p99_ns, s.max_ns,
       1.0 * s.dur_ns / nullif(sum(s.dur_ns) OVER (PARTITION BY c.flow), 0) AS time_share,
       1.0 * s.dur_ns / nullif(sum(s.dur_ns) OVER (PARTITION BY c.flow), 0) AS bar
FROM grp_sum s JOIN cell c ON c.cell_id = s.cell_id
ORDER BY run, c.flow, sum(s.dur_ns) OVER (PARTITION BY c.run_id, c.flow, c.object) DESC, c.object, s.dur_ns DESC, c.op
  LIMIT coalesce(:top, 10);

--: table stages Where the time went
--: column run id group optional
--: column flow text group optional
--: column object text group
--: column op text group
--: column stage text
--: column mean_ns duration
--: column p99_ns duration optional
--: column share percent
--: column bar bar ""
WITH shown AS (SELECT * FROM grp_sum ORDER BY dur_ns DESC, grp LIMIT coalesce(:top, 6))
SELECT shown_run(c.run_id) AS run, c.shown_flow AS flow, c.object, c.op, t.stage,
       CAST(round(1.0 * t.ns / s.n) AS INTEGER) AS mean_ns, t.stats ->> 'p99' AS p99_ns,
       1.0 * t.ns / nullif(s.dur_ns, 0) AS share, (1.0 * t.ns / nullif(s.dur_ns, 0)) || ' ' || t.class AS bar
FROM shown s JOIN cell c ON c.cell_id = s.cell_id JOIN grp_stage t ON t.grp = s.grp
ORDER BY run, c.flow, s.dur_ns DESC, c.object, c.op, t.ord;

--: table slow The slowest
--: column id text "ID"
--: column flow text optional
--: column start_ns time
--: column object text
--: column op text
--: column size_bytes bytes optional
--: column dur_ns duration "total"
--: column mostly text
--: column task text
SELECT id, flow, start_ns, object, op, size_bytes, dur_ns, mostly, task
FROM slow_named ORDER BY dur_ns DESC, start_ns, id LIMIT min(coalesce(:top, 5), 5);

--: table tasks Whose they were
--: column run id optional
--: column flow text group optional
--: column task text
--: column tid id
--: column n count
--: column total_ns duration "total"
--: column share percent
--: column bar bar ""
WITH sums AS (
  SELECT c.run_id, c.flow, c.shown_flow, c.utid, sum(s.n) AS n, sum(s.dur_ns) AS total_ns
  FROM grp_of g CROSS JOIN cell_sum s ON s.cell_id = g.cell_id CROSS JOIN cell c ON c.cell_id = g.cell_id
  GROUP BY c.run_id, c.flow, c.utid)
SELECT shown_run(s.run_id) AS run, s.shown_flow AS flow, t.comm AS task, t.tid, s.n, s.total_ns,
       1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (PARTITION BY s.flow), 0) AS share,
       1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (PARTITION BY s.flow), 0) AS bar
FROM sums s LEFT JOIN task t USING (utid) ORDER BY run, s.flow, s.total_ns DESC, t.tid LIMIT coalesce(:top, 5);

--: use recording
