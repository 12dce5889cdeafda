-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table differs: what differs between two recordings apart from the durations: how they were made, the system, the
-- load.

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

-- Of disks that both have. A scheduler that is not known is no difference.
--: setup
CREATE TEMP TABLE side_disk AS
SELECT 0 AS side, name, max(scheduler) AS scheduler, max(hw_queues) AS hw_queues, max(size_bytes) AS size_bytes,
       max(rotational) AS rotational
FROM main.device WHERE parent_id IS NULL AND name IS NOT NULL AND device_id IN (SELECT device_id FROM name
    WHERE side = 0) GROUP BY name
UNION ALL
SELECT 1, name, max(scheduler), max(hw_queues), max(size_bytes), max(rotational)
FROM other.device WHERE parent_id IS NULL AND name IS NOT NULL AND device_id IN (SELECT device_id FROM name
    WHERE side = 1) GROUP BY name;
--: setup
INSERT INTO fact
SELECT ord, what, d.name, d.side, text, NULL, text FROM (
  SELECT 10 AS ord, 'scheduler' AS what, side, name, scheduler AS text FROM side_disk UNION ALL
  SELECT 11, 'hardware queues', side, name, CAST(hw_queues AS TEXT) FROM side_disk UNION ALL
  SELECT 12, 'size', side, name, fmt_bytes(size_bytes) FROM side_disk UNION ALL
  SELECT 13, 'rotational', side, name, CASE rotational WHEN 1 THEN 'yes' WHEN 0 THEN 'no' END FROM side_disk) d
WHERE text IS NOT NULL AND EXISTS (SELECT 1 FROM side_disk o WHERE o.name = d.name AND o.side <> d.side
  AND CASE d.ord WHEN 10 THEN o.scheduler WHEN 11 THEN o.hw_queues WHEN 12 THEN o.size_bytes
    ELSE o.rotational END IS NOT NULL);

-- The load: of operations where there are some, else of requests and of bios of disks without.
--: setup
CREATE TEMP TABLE side_load AS
SELECT l.side, n.disk, l.flow, l.op, sum(l.n) AS n, sum(CASE WHEN l.size_bytes > 0 THEN l.size_bytes END) AS bytes,
       sum(l.dur_ns) AS dur_ns,
       sum(CASE l.state WHEN 'whole' THEN l.device_ns END) AS device_ns,
       sum(CASE l.state WHEN 'whole' THEN l.n ELSE 0 END) AS whole
FROM (SELECT 0 AS side, * FROM main.load UNION ALL SELECT 1, * FROM other.load) l
CROSS JOIN name n ON n.side = l.side AND n.device_id = l.device_id
WHERE (:op IS NULL OR l.op = :op) AND l.op IS NOT NULL AND (l.flow = 'io' OR l.flow = n.flow) GROUP BY 1, 2, 3, 4;
--: setup
CREATE TEMP TABLE load_shown AS
SELECT * FROM side_load WHERE (flow = 'io') = EXISTS (SELECT 1 FROM side_load WHERE flow = 'io');
-- Only what is 1 % of the time or of the number there.
--: setup
DELETE FROM load_shown WHERE (disk, op) NOT IN (
  SELECT disk, op FROM (SELECT disk, op, 1.0 * dur_ns / nullif(sum(dur_ns) OVER (PARTITION BY side), 0) AS t,
                               1.0 * n / nullif(sum(n) OVER (PARTITION BY side), 0) AS s FROM load_shown)
  WHERE t >= 0.01 OR s >= 0.01);
--: setup
INSERT INTO fact
SELECT 20, 'rate', disk || ' ' || op, side, NULL, rate, fmt_num(rate) || '/s'
FROM (SELECT l.*, l.n * 1e9 / r.dur_ns AS rate FROM load_shown l JOIN side_run r USING (side) WHERE r.dur_ns > 0)
UNION ALL
SELECT 21, 'mean size', disk || ' ' || op, side, NULL, 1.0 * bytes / n, fmt_bytes(bytes / n) FROM load_shown
WHERE bytes > 0 AND n > 0;

-- How many operations at once on average: waiting programs, or what they have in flight.
--: setup
INSERT INTO fact
SELECT 23, 'in flight', disk || ' ' || op, side, NULL, 1.0 * l.dur_ns / r.dur_ns, fmt_num(1.0 * l.dur_ns / r.dur_ns)
FROM load_shown l JOIN side_run r USING (side) WHERE r.dur_ns > 0;

-- How many at once while the device had something to do: that does not depend on how long it takes.
--: setup
INSERT INTO fact
SELECT 22, 'queue depth', disk, side, NULL, depth, fmt_num(depth)
FROM (SELECT l.side, l.disk, 1.0 * l.device_ns / b.busy_ns AS depth
      FROM (SELECT side, disk, sum(device_ns) AS device_ns FROM side_load WHERE flow <> 'io' GROUP BY 1, 2) l
      JOIN (SELECT b.side, n.disk, sum(b.busy_ns) AS busy_ns
            FROM (SELECT 0 AS side, * FROM main.busy UNION ALL SELECT 1, * FROM other.busy) b
            CROSS JOIN name n ON n.side = b.side AND n.device_id = b.device_id AND n.flow = b.flow
            WHERE b.op IS :op GROUP BY 1, 2) b USING (side, disk)
      WHERE b.busy_ns > 0 AND l.device_ns > 0);

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
       fmt_share(1.0 * lost / nullif(events + lost, 0)) FROM side_run
UNION ALL
SELECT 41, 'complete', flow, side, NULL, share, fmt_share(share)
FROM (SELECT side, CASE flow WHEN 'io' THEN 'operations' WHEN 'request' THEN 'requests' ELSE 'bios' END AS flow,
             1.0 * sum(whole) / nullif(sum(n), 0) AS share FROM side_load GROUP BY 1, 2);

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
