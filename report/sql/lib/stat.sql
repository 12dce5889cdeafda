-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table stat: run_id, device_id, flow, op, stage, ord, words, n, sum_ns, mean_ns, p50_ns … max_ns, share of the flow's
-- time. Whole flows only. From the statistics that the analysis left, or from the rows where a filter needs them.
--: use filter

--: setup
CREATE TEMP TABLE stage_name(stage TEXT PRIMARY KEY, ord INTEGER, words TEXT);
--: setup
INSERT INTO stage_name VALUES
  ('submit', 1, 'getting to the block layer'),
  ('throttle', 2, 'throttled by a cgroup limit'),
  ('alloc', 3, 'waiting for a request'),
  ('plug', 4, 'held back before the queue'),
  ('queue', 5, 'waiting in the scheduler''s queue'),
  ('device', 6, 'the device'),
  ('complete', 7, 'completion work after the interrupt'),
  ('endio', 8, 'ending the I/O'),
  ('wakeup', 9, 'waking the waiter'),
  ('return', 10, 'returning to the program'),
  ('between', 11, 'between two bios'),
  ('cached', 12, 'the page cache'),
  ('total', 99, 'all');

--: setup
CREATE TEMP TABLE stage_row AS
SELECT r.run_id, r.device_id, 'request' AS flow, r.op, s.stage,
       CASE s.stage WHEN 'plug' THEN r.plug_ns WHEN 'queue' THEN r.queue_ns WHEN 'device' THEN r.device_ns
                    WHEN 'complete' THEN r.complete_ns ELSE r.dur_ns END AS ns
FROM kept_request k JOIN request r USING (request_id)
JOIN stage_name s ON s.stage IN ('plug', 'queue', 'device', 'complete', 'total')
WHERE r.state = 'whole' AND (SELECT given AND NOT by_group FROM filter)
UNION ALL
SELECT b.run_id, b.device_id, 'bio', b.op, s.stage,
       CASE s.stage WHEN 'alloc' THEN b.alloc_ns WHEN 'device' THEN b.device_ns WHEN 'endio' THEN b.endio_ns
                    ELSE b.dur_ns END
FROM kept_bio k JOIN bio b USING (bio_id)
JOIN stage_name s ON s.stage IN ('alloc', 'device', 'endio', 'total')
WHERE b.state = 'whole' AND (SELECT given AND NOT by_group FROM filter);

--: setup
CREATE TEMP TABLE stat AS
WITH raw AS (
  SELECT run_id, device_id, flow, op, stage, n, sum_ns, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns
  FROM stage_stats
  WHERE (SELECT NOT given OR by_group FROM filter)
    AND (:op IS NULL OR op = :op)
    AND (:disk IS NULL OR device_id IN
         (SELECT device_id FROM device_name WHERE :disk IN (name, dev, disk, disk_dev)))
  UNION ALL
  SELECT run_id, device_id, flow, op, stage, count(ns), sum(ns), CAST(round(avg(ns)) AS INTEGER),
         percentile_ns(ns, 0.5), percentile_ns(ns, 0.9), percentile_ns(ns, 0.99),
         CASE WHEN count(ns) >= 1000 THEN percentile_ns(ns, 0.999) END, max(ns)
  FROM stage_row
  GROUP BY run_id, device_id, flow, op, stage HAVING count(ns) > 0)
SELECT raw.*, ord, words,
       1.0 * sum_ns / nullif(max(CASE stage WHEN 'total' THEN sum_ns END) OVER (PARTITION BY run_id, device_id, flow, op), 0)
         AS share,
       max(CASE stage WHEN 'total' THEN sum_ns END) OVER (PARTITION BY run_id, device_id, flow, op) AS total_ns,
       max(CASE stage WHEN 'total' THEN n END) OVER (PARTITION BY run_id, device_id, flow, op) AS total_n,
       flow = 'request' OR device_id IN bio_disk AS is_main,
       CASE WHEN (SELECT count(*) FROM run) > 1 THEN run_id END AS run
FROM raw LEFT JOIN stage_name USING (stage);
