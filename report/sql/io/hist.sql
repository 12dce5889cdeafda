-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Histogram
--: about distribution of durations, per disk and operation
--: needs stage_stats latency_hist request bio load
--: use io
--: use rows_of_task unless io_main
--: use kept unless io_main
--: use part_hist
--: use bins

--: setup
CREATE TEMP TABLE binned AS
SELECT run_id, device_id, op, step_ns(bucket_ns(bucket)) AS from_ns, sum(n) AS n, sum(sum_ns) AS sum_ns
FROM filter f CROSS JOIN latency_hist h
WHERE NOT EXISTS (SELECT 1 FROM io_main) AND NOT f.by_row AND stage = 'total' AND h.second >= f.from_s
  AND h.second < f.to_s
  AND (flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk))
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
GROUP BY 1, 2, 3, 4
UNION ALL
SELECT run_id, device_id, op, step_ns(bucket_ns(bucket)), sum(n), sum(sum_ns)
FROM part_hist WHERE stage = 'total' AND NOT EXISTS (SELECT 1 FROM io_main) GROUP BY 1, 2, 3, 4
UNION ALL
SELECT r.run_id, r.device_id, r.op, step_ns(r.dur_ns), count(*), sum(r.dur_ns)
FROM kept_request k CROSS JOIN request r ON r.request_id = k.request_id
WHERE r.state = 'whole' AND NOT EXISTS (SELECT 1 FROM io_main) GROUP BY 1, 2, 3, 4
UNION ALL
SELECT b.run_id, b.device_id, b.op, step_ns(b.dur_ns), count(*), sum(b.dur_ns)
FROM kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id
WHERE (SELECT by_row FROM filter) AND b.state = 'whole' AND b.device_id IN bio_disk
  AND NOT EXISTS (SELECT 1 FROM io_main)
GROUP BY 1, 2, 3, 4
UNION ALL
-- Operations: those that the page cache served are a series of their own.
SELECT run_id, device_id, op || CASE via WHEN 'cache' THEN ', cached' WHEN 'asleep' THEN ', asleep' ELSE '' END,
       step_ns(bucket_ns(bucket)), sum(n), sum(sum_ns)
FROM io_bucket WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4;

--: setup
CREATE TEMP TABLE series AS
SELECT run_id, device_id, op, min(from_ns) AS first_ns, max(from_ns) AS last_ns, sum(n) AS n, max(n) AS most,
       sum(sum_ns) AS sum_ns
FROM binned GROUP BY 1, 2, 3;

--: setup
CREATE TEMP TABLE shown AS
SELECT * FROM series ORDER BY sum_ns DESC LIMIT coalesce(:top, 6);

--: table hist
--: column run id group optional
--: column disk text group
--: column op text group
--: column from_ns duration
--: column to_ns duration
--: column n count
--: column share percent
--: column below_share percent "cumulative"
--: column time_share percent wide "time"
--: column bar bar ""
--: empty No complete flow matches.
SELECT shown_run(s.run_id) AS run, d.name AS disk, s.op,
       b.from_ns, nullif(b.to_ns, 9223372036854775807) AS to_ns, coalesce(x.n, 0) AS n,
       1.0 * coalesce(x.n, 0) / s.n AS share,
       1.0 * sum(coalesce(x.n, 0)) OVER (PARTITION BY s.run_id, s.device_id, s.op
         ORDER BY b.from_ns) / s.n AS below_share,
       1.0 * coalesce(x.sum_ns, 0) / nullif(s.sum_ns, 0) AS time_share,
       1.0 * coalesce(x.n, 0) / s.most AS bar
FROM shown s CROSS JOIN bin b ON b.from_ns BETWEEN s.first_ns AND s.last_ns
LEFT JOIN binned x ON x.run_id = s.run_id AND x.device_id IS s.device_id AND x.op IS s.op AND x.from_ns = b.from_ns
LEFT JOIN device_name d ON d.device_id = s.device_id
ORDER BY run, s.sum_ns DESC, disk, s.op, b.from_ns;

--: text
SELECT 'Showing the ' || s.n || ' of ' || c.n || ' pairs of disk and operation that took the most time'
       || '; --top, --disk and --op show others.'
FROM (SELECT count(*) AS n FROM series) c, (SELECT count(*) AS n FROM shown) s WHERE c.n > s.n;
