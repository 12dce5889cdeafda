-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table fact: what may differ between two recordings of anything apart from the durations: how they were made, the
-- system, its CPUs, what was lost. A report adds what it knows of its flows.

-- One value for a recording of several runs.
--: setup
CREATE TEMP TABLE side_run AS
SELECT 0 AS side, sum(dur_ns) AS dur_ns, group_concat(DISTINCT host) AS host, group_concat(DISTINCT kernel) AS kernel,
       group_concat(DISTINCT command) AS command,
       group_concat(DISTINCT kinds) AS kinds, group_concat(DISTINCT filters) AS filters, sum(lost) AS lost,
       sum(events) AS events FROM main.run
UNION ALL
SELECT 1, sum(dur_ns), group_concat(DISTINCT host), group_concat(DISTINCT kernel), group_concat(DISTINCT command),
       group_concat(DISTINCT kinds),
       group_concat(DISTINCT filters), sum(lost), sum(events) FROM other.run;

--: setup
CREATE TEMP TABLE fact(ord, what, place, side, text, number, words);
--: setup
INSERT INTO fact
SELECT 1, 'kernel', '', side, kernel, NULL, kernel FROM side_run UNION ALL
SELECT 2, 'host', '', side, host, NULL, host FROM side_run UNION ALL
SELECT 3, 'command', '', side, command, NULL, command FROM side_run UNION ALL
SELECT 4, 'families', '', side, kinds, NULL, replace(kinds, ',', ' ') FROM side_run UNION ALL
SELECT 5, 'filters', '', side, filters, NULL, filters FROM side_run;

-- The CPUs.
--: setup
CREATE TEMP TABLE both_sched AS
SELECT 1 AS yes WHERE EXISTS (SELECT 1 FROM main.sqlite_master WHERE name = 'sched_task')
  AND EXISTS (SELECT 1 FROM other.sqlite_master WHERE name = 'sched_task');
--: setup
CREATE TEMP TABLE side_cpu(side, comm, run_ns);
--: if both_sched
--: setup
INSERT INTO side_cpu
SELECT 0, t.comm, sum(s.run_ns) FROM main.sched_task s JOIN main.task t USING (utid)
WHERE t.is_recorder IS NOT 1 AND t.tid <> 0 GROUP BY t.comm
UNION ALL
SELECT 1, t.comm, sum(s.run_ns) FROM other.sched_task s JOIN other.task t USING (utid)
WHERE t.is_recorder IS NOT 1 AND t.tid <> 0 GROUP BY t.comm;
--: setup
INSERT INTO fact
SELECT 30, 'CPUs in use', '', side, NULL, cpus, fmt_num(cpus)
FROM (SELECT side, 1.0 * sum(run_ns) / r.dur_ns AS cpus FROM side_cpu JOIN side_run r USING (side)
    WHERE r.dur_ns > 0 GROUP BY side)
UNION ALL
SELECT 31, 'CPUs used by', c.comm, o.side, NULL, coalesce(x.run_ns, 0) * 1.0 / o.dur_ns,
       fmt_num(coalesce(x.run_ns, 0) * 1.0 / o.dur_ns)
FROM (SELECT DISTINCT comm FROM side_cpu) c CROSS JOIN (SELECT side, dur_ns FROM side_run
    WHERE dur_ns > 0 AND side IN (SELECT side FROM side_cpu)) o
LEFT JOIN side_cpu x ON x.side = o.side AND x.comm IS c.comm;

-- How much of it counts.
--: setup
INSERT INTO fact
SELECT 40, 'lost events', '', side, NULL, 1.0 * lost / nullif(events + lost, 0),
       fmt_share(1.0 * lost / nullif(events + lost, 0)) FROM side_run;
