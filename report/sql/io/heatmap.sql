-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Heatmap
--: about durations over time, per disk and operation: time to the right, duration upwards
--: needs stage_stats latency_hist request bio load run
--: use io
--: use rows_of_task unless io_main
--: use kept unless io_main
--: use part_hist
--: use bins

-- Slots of a second or a multiple; where that would be too coarse and the rows are few, shorter ones.
--: setup
CREATE TEMP TABLE slots AS
WITH e AS (
  SELECT max(min(r.start_ns), coalesce(:since_ns, min(r.start_ns))) AS start_ns,
         min(max(r.start_ns + r.dur_ns), coalesce(:until_ns, max(r.start_ns + r.dur_ns))) AS end_ns FROM run r),
s AS (
  SELECT e.*, f.*, (SELECT sum(n) FROM load WHERE second >= f.from_s AND second < f.to_s) AS flows FROM e, filter f)
SELECT *, max(1, CASE WHEN fine THEN (end_ns - start_ns) / 100 + 1
                      ELSE max(1, ((end_ns - start_ns) / 1000000000 + 99) / 100) * 1000000000 END) AS slot_ns
FROM (SELECT *, CASE WHEN EXISTS (SELECT 1 FROM io_main) THEN by_bio ELSE by_row END
             OR (end_ns - start_ns < 40000000000 AND flows <= 400000 AND enough) AS fine FROM s);

--: warn
SELECT 'Columns are of whole seconds, because ' || words || '.'
FROM rows_from, slots WHERE NOT enough AND end_ns - start_ns < 40000000000 AND flows <= 400000;

--: setup
CREATE TEMP TABLE spot AS
SELECT run_id, device_id, op, (second * 1000000000 - s.start_ns + 500000000) / s.slot_ns AS slot,
       step_ns(bucket_ns(bucket)) AS from_ns, sum(n) AS n,
       sum(sum_ns) AS sum_ns
FROM slots s CROSS JOIN latency_hist h
WHERE NOT EXISTS (SELECT 1 FROM io_main) AND NOT s.fine AND stage = 'total' AND h.second >= s.from_s
  AND h.second < s.to_s
  AND (flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk))
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT run_id, device_id, op, (second * 1000000000 - s.start_ns + 500000000) / s.slot_ns, step_ns(bucket_ns(bucket)),
       sum(n), sum(sum_ns)
FROM slots s CROSS JOIN part_hist WHERE stage = 'total' AND NOT EXISTS (SELECT 1 FROM io_main)
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT run_id, device_id, op, (r.start_ns + r.dur_ns - s.start_ns) / s.slot_ns, step_ns(r.dur_ns), count(*),
       sum(r.dur_ns)
FROM slots s CROSS JOIN kept_request k CROSS JOIN request r ON r.request_id = k.request_id
WHERE NOT EXISTS (SELECT 1 FROM io_main) AND s.fine AND s.by_row AND r.state = 'whole'
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT run_id, device_id, op, (r.start_ns + r.dur_ns - s.start_ns) / s.slot_ns, step_ns(r.dur_ns), count(*),
       sum(r.dur_ns)
FROM slots s CROSS JOIN request r
WHERE NOT EXISTS (SELECT 1 FROM io_main) AND s.fine AND NOT s.by_row AND r.state = 'whole'
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  AND (NOT s.timed OR (r.start_ns + r.dur_ns >= s.start_ns AND r.start_ns + r.dur_ns < s.end_ns))
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT run_id, device_id, op, (b.start_ns + b.dur_ns - s.start_ns) / s.slot_ns, step_ns(b.dur_ns), count(*),
       sum(b.dur_ns)
FROM slots s CROSS JOIN kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id
WHERE NOT EXISTS (SELECT 1 FROM io_main) AND s.fine AND s.by_row AND b.state = 'whole' AND b.device_id IN bio_disk
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT run_id, device_id, op, (b.start_ns + b.dur_ns - s.start_ns) / s.slot_ns, step_ns(b.dur_ns), count(*),
       sum(b.dur_ns)
FROM slots s CROSS JOIN bio b
WHERE NOT EXISTS (SELECT 1 FROM io_main) AND s.fine AND NOT s.by_row AND b.state = 'whole' AND b.device_id IN bio_disk
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  AND (NOT s.timed OR (b.start_ns + b.dur_ns >= s.start_ns AND b.start_ns + b.dur_ns < s.end_ns))
GROUP BY 1, 2, 3, 4, 5;

-- Operations: those that the page cache served are a series of their own.
--: if io_main
--: setup
INSERT INTO spot
SELECT run_id, device_id, op || CASE via WHEN 'cache' THEN ', cached' WHEN 'asleep' THEN ', asleep' ELSE '' END,
       (second * 1000000000 - s.start_ns + 500000000) / s.slot_ns,
       step_ns(bucket_ns(bucket)), sum(n), sum(sum_ns)
FROM slots s CROSS JOIN io_hist h
WHERE NOT s.fine AND h.second >= s.from_s AND h.second < s.to_s AND (:recorder OR utid IN io_own IS NOT 1)
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
GROUP BY 1, 2, 3, 4, 5;
--: if io_main
--: setup
INSERT INTO spot
SELECT run_id, device_id, op || CASE via WHEN 'cache' THEN ', cached' WHEN 'asleep' THEN ', asleep' ELSE '' END,
       (i.start_ns + i.dur_ns - s.start_ns) / s.slot_ns,
       step_ns(i.dur_ns), count(*), sum(i.dur_ns)
FROM slots s CROSS JOIN io i
WHERE s.fine AND NOT s.by_bio AND i.state = 'whole' AND i.via NOT IN ('failed', 'empty')
  AND (:recorder OR utid IN io_own IS NOT 1)
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
  AND (NOT s.timed OR (i.start_ns + i.dur_ns >= s.start_ns AND i.start_ns + i.dur_ns < s.end_ns))
GROUP BY 1, 2, 3, 4, 5;
--: if io_main
--: setup
INSERT INTO spot
SELECT run_id, device_id, op || CASE via WHEN 'cache' THEN ', cached' WHEN 'asleep' THEN ', asleep' ELSE '' END,
       (i.start_ns + i.dur_ns - s.start_ns) / s.slot_ns,
       step_ns(i.dur_ns), count(*), sum(i.dur_ns)
FROM slots s CROSS JOIN kept_io k CROSS JOIN io i ON i.io_id = k.io_id
WHERE s.by_bio AND i.via NOT IN ('failed', 'empty') AND (:recorder OR utid IN io_own IS NOT 1)
GROUP BY 1, 2, 3, 4, 5;

-- What ended a moment after the end of the recording, or in the second that it ended in, belongs to the last slot.
--: setup
UPDATE spot SET slot = max(0, min(slot, (SELECT (end_ns - start_ns - 1) / slot_ns FROM slots)));

--: setup
CREATE TEMP TABLE series AS
SELECT run_id, device_id, op, sum(n) AS n, sum(sum_ns) AS sum_ns, min(from_ns) AS first_ns, max(from_ns) AS last_ns
FROM spot GROUP BY 1, 2, 3;

--: setup
CREATE TEMP TABLE shown AS
SELECT * FROM series ORDER BY sum_ns DESC LIMIT coalesce(:top, 3);

--: setup
CREATE TEMP TABLE spot_bin AS
SELECT run_id, device_id, op, slot, from_ns, sum(n) AS n FROM spot GROUP BY 1, 2, 3, 4, 5;

--: setup
CREATE INDEX temp.spot_bin_key ON spot_bin(run_id, device_id, op, from_ns, slot);

--: setup
CREATE TEMP TABLE slot AS
WITH RECURSIVE i(slot) AS (VALUES (0) UNION ALL SELECT slot + 1 FROM i, slots s
    WHERE slot < (s.end_ns - s.start_ns - 1) / s.slot_ns)
SELECT slot FROM i;

--: table heatmap
--: column run id group optional
--: column disk text group
--: column op text group
--: column from_ns duration
--: column n count
--: column heat heat "time"
--: column start_ns time data
--: column slot_ns duration data
--: empty No complete flow matches.
SELECT shown_run(s.run_id) AS run, d.name AS disk, s.op, b.from_ns,
       coalesce((SELECT sum(n) FROM spot_bin x
                 WHERE x.run_id = s.run_id AND x.device_id IS s.device_id AND x.op IS s.op AND x.from_ns = b.from_ns),
                 0) AS n,
       (SELECT group_concat(coalesce((SELECT n FROM spot_bin x WHERE x.run_id = s.run_id AND x.device_id IS s.device_id
                                        AND x.op IS s.op AND x.from_ns = b.from_ns AND x.slot = slot.slot), 0), ' ')
        FROM slot) AS heat,
       t.start_ns, t.slot_ns
FROM shown s CROSS JOIN slots t CROSS JOIN bin b ON b.from_ns BETWEEN s.first_ns AND s.last_ns
LEFT JOIN device_name d ON d.device_id = s.device_id
ORDER BY run, s.sum_ns DESC, disk, s.op, b.from_ns DESC;

--: text
SELECT 'Columns: when an I/O ended, from ' || fmt_time(start_ns) || ' to ' || fmt_time(end_ns)
       || '. Rows: its duration, from the value shown up to that of '
       || 'the row above. The fuller a cell, the more I/Os (logarithmic).'
FROM slots WHERE EXISTS (SELECT 1 FROM shown);

--: text
SELECT 'Showing the ' || s.n || ' of ' || c.n || ' pairs of disk and operation that took the most time'
       || '; --top, --disk and --op show others.'
FROM (SELECT count(*) AS n FROM series) c, (SELECT count(*) AS n FROM shown) s WHERE c.n > s.n;
