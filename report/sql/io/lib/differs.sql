-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- What differs between two recordings apart from the durations: of storage, the disks and the load.
--: use differ_facts

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

-- How much of it counts.
--: setup
INSERT INTO fact
SELECT 41, 'complete', flow, side, NULL, share, fmt_share(share)
FROM (SELECT side, CASE flow WHEN 'io' THEN 'operations' WHEN 'request' THEN 'requests' ELSE 'bios' END AS flow,
             1.0 * sum(whole) / nullif(sum(n), 0) AS share FROM side_load GROUP BY 1, 2);

--: use differ_table
