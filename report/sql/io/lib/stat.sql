-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table stat: run_id, device_id, flow, op, stage, ord, words, look, n, sum_ns, mean_ns, p50_ns … max_ns, share of the
-- flow's time. Whole flows only. From the statistics that the analysis left, by second where --since or --until ask for
-- it, or from the rows where a filter needs them.
--: use filter
--: use kept
--: use part_hist
--: use stages

-- One scan a kind of flow, one group a disk and operation: the stages side by side, each as stats_ns() sums them up.
--: setup
CREATE TEMP TABLE request_group AS
SELECT r.run_id, r.device_id, r.op, stats_ns(r.plug_ns) AS plug, stats_ns(r.queue_ns) AS queue,
       stats_ns(r.device_ns) AS device, stats_ns(r.complete_ns) AS complete, stats_ns(r.worker_ns) AS worker,
       stats_ns(r.flush_ns) AS flush_,
       stats_ns(r.dur_ns) AS total
FROM kept_request k CROSS JOIN request r ON r.request_id = k.request_id
WHERE r.state = 'whole' AND (SELECT by_row FROM filter)
GROUP BY r.run_id, r.device_id, r.op;

-- A bio has its request's stages from when it joined it, to its own end. One that was taken through a flush is alone in
-- its request.
--: setup
CREATE TEMP TABLE bio_group AS
SELECT run_id, device_id, op, stats_ns(alloc_ns) AS alloc,
       stats_ns(CASE WHEN worker_ns IS NULL THEN clip_ns(start_ns, plug_ns, joined_ns, left_ns)
           ELSE plug_ns END) AS plug,
       stats_ns(CASE WHEN worker_ns IS NULL THEN clip_ns(start_ns + ifnull(plug_ns, 0), queue_ns, joined_ns, left_ns)
           ELSE queue_ns END) AS queue,
       stats_ns(CASE WHEN worker_ns IS NULL
                     THEN ifnull(own_device_ns, clip_ns(start_ns + ifnull(plug_ns, 0) + ifnull(queue_ns, 0), device_ns,
                         joined_ns, left_ns))
                     ELSE device_ns END) AS device,
       stats_ns(CASE WHEN worker_ns IS NULL
                     THEN clip_ns(start_ns + ifnull(plug_ns, 0) + ifnull(queue_ns, 0) + ifnull(device_ns, 0),
                       complete_ns, joined_ns, left_ns)
                     ELSE complete_ns END) AS complete,
       stats_ns(worker_ns) AS worker, stats_ns(flush_ns) AS flush_,
       stats_ns(endio_ns) AS endio, stats_ns(dur_ns) AS total
FROM (SELECT b.run_id, b.device_id, b.op, b.alloc_ns, b.device_ns AS own_device_ns, b.endio_ns, b.dur_ns,
             b.start_ns + b.alloc_ns AS joined_ns, b.start_ns + b.dur_ns - ifnull(b.endio_ns, 0) AS left_ns,
             r.start_ns, r.plug_ns, r.queue_ns, r.device_ns, r.complete_ns, r.worker_ns, r.flush_ns
      FROM kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id LEFT JOIN request r ON r.request_id = b.request_id
      WHERE b.state = 'whole' AND (SELECT by_row FROM filter))
GROUP BY run_id, device_id, op;

--: setup
CREATE TEMP TABLE second_group AS
SELECT run_id, device_id, flow, op, stage, hist_stats(bucket, n, sum_ns) AS j
FROM filter f CROSS JOIN latency_hist h
WHERE h.flow IN ('request', 'bio') AND f.timed AND NOT f.by_row AND h.second >= f.from_s AND h.second < f.to_s
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
GROUP BY run_id, device_id, flow, op, stage;

-- Requests of a partition, where sums have to say it.
--: setup
CREATE TEMP TABLE part_group AS
SELECT run_id, device_id, op, stage, hist_stats(bucket, n, sum_ns, max_ns) AS j FROM part_hist GROUP BY 1, 2, 3, 4;

--: setup
CREATE TEMP TABLE stat AS
WITH rebuilt AS (
  SELECT run_id, device_id, 'request' AS flow, op, s.stage,
         CASE s.stage WHEN 'plug' THEN plug WHEN 'queue' THEN queue WHEN 'device' THEN device
           WHEN 'complete' THEN complete
                      WHEN 'worker' THEN worker WHEN 'flush' THEN flush_ WHEN 'total' THEN total END AS j
  FROM request_group, stage_name s
  UNION ALL
  SELECT run_id, device_id, 'bio', op, s.stage,
         CASE s.stage WHEN 'alloc' THEN alloc WHEN 'plug' THEN plug WHEN 'queue' THEN queue WHEN 'device' THEN device
                      WHEN 'complete' THEN complete WHEN 'worker' THEN worker WHEN 'flush' THEN flush_
                        WHEN 'endio' THEN endio WHEN 'total' THEN total END
  FROM bio_group, stage_name s),
raw AS (
  SELECT run_id, device_id, flow, op, stage, n, sum_ns, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns
  FROM stage_stats
  WHERE flow IN ('request', 'bio') AND (SELECT NOT by_row AND NOT timed FROM filter)
    AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  UNION ALL
  SELECT run_id, device_id, flow, op, stage, j ->> 'n', j ->> 'sum',
         CAST(round(1.0 * (j ->> 'sum') / (j ->> 'n')) AS INTEGER),
         j ->> 'p50', j ->> 'p90', j ->> 'p99', j ->> 'p999', j ->> 'max'
  FROM (SELECT * FROM rebuilt UNION ALL SELECT run_id, device_id, flow, op, stage, j FROM second_group
        UNION ALL SELECT run_id, device_id, 'request', op, stage, j FROM part_group)
  WHERE j IS NOT NULL)
SELECT raw.*, ord, words, look,
       1.0 * sum_ns / nullif(max(CASE stage WHEN 'total' THEN sum_ns END) OVER (PARTITION BY run_id,
           device_id, flow, op), 0)
         AS share,
       max(CASE stage WHEN 'total' THEN sum_ns END) OVER (PARTITION BY run_id, device_id, flow, op) AS total_ns,
       flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk) AS is_main,
       shown_run(run_id) AS run
FROM raw LEFT JOIN stage_name USING (stage);
