-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The summary's evidence where operations were recorded.
--: use summary_io
--: use slow_io

--: setup
CREATE TEMP TABLE kind_sum AS
SELECT run_id, kind, op, device_id, is_cached, sum(n) AS n, sum(bytes) AS bytes, sum(total_ns) AS total_ns, max(max_ns) AS max_ns,
       sum(runq_ns) AS runq_ns
FROM io_sum WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4, 5;

--: setup
CREATE TEMP TABLE kind_stats AS
SELECT run_id, kind, op, device_id, is_cached, hist_stats(bucket, n, sum_ns, max_ns) AS stats
FROM io_bucket WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4, 5;

--: table ops By operation and kind
--: if io_main
--: column run id group optional
--: column kind text group
--: column op text
--: column disk text "from"
--: column n count
--: column bytes bytes wide
--: column mean_ns duration
--: column p50_ns duration wide
--: column p99_ns duration
--: column max_ns duration
--: column time_share percent "time"
--: column bar bar ""
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN s.run_id END AS run, s.kind, s.op,
       CASE WHEN s.is_cached THEN 'cache' ELSE d.name END AS disk, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.total_ns / s.n) AS INTEGER) AS mean_ns, h.stats ->> 'p50' AS p50_ns, h.stats ->> 'p99' AS p99_ns, s.max_ns,
       1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (), 0) AS time_share,
       (1.0 * s.total_ns / nullif(sum(s.total_ns) OVER (), 0)) || CASE WHEN s.is_cached THEN ' cached' ELSE '' END AS bar
FROM (SELECT run_id, kind, op, CASE WHEN is_cached THEN NULL ELSE device_id END AS device_id, is_cached, sum(n) AS n, sum(bytes) AS bytes,
             sum(total_ns) AS total_ns, max(max_ns) AS max_ns FROM kind_sum GROUP BY 1, 2, 3, 4, 5) s
LEFT JOIN device_name d ON d.device_id = s.device_id
LEFT JOIN (SELECT run_id, kind, op, CASE WHEN is_cached THEN NULL ELSE device_id END AS device_id, is_cached,
                  hist_stats(bucket, n, sum_ns, max_ns) AS stats FROM io_bucket WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4, 5) h
  ON h.run_id = s.run_id AND h.kind IS s.kind AND h.op IS s.op AND h.device_id IS s.device_id AND h.is_cached = s.is_cached
ORDER BY run, sum(s.total_ns) OVER (PARTITION BY s.run_id, s.kind) DESC, s.kind, s.total_ns DESC, s.op, disk LIMIT coalesce(:top, 12);

--: table stages Where their time went
--: if io_main
--: column stage text
--: column total_ns duration "in all"
--: column mean_ns duration "each"
--: column share percent
--: column mostly text "mostly of"
--: column words text wide "that is"
--: column bar bar ""
WITH part AS (
  SELECT p.stage, p.ord, p.words, p.sum_ns, p.n, p.op, p.device_id, p.utid
  FROM io_part p
  WHERE NOT is_cached AND (:recorder OR NOT is_own) AND is_app = (SELECT max(is_app) FROM waited) AND stage NOT IN ('total', 'cached')),
most AS (
  SELECT stage, utid, op, row_number() OVER (PARTITION BY stage ORDER BY sum(sum_ns) DESC) AS place
  FROM part WHERE sum_ns IS NOT NULL GROUP BY stage, utid, op)
SELECT p.stage, sum(sum_ns) AS total_ns,
       CAST(round(1.0 * sum(sum_ns) / (SELECT sum(n) FROM waited)) AS INTEGER) AS mean_ns,
       1.0 * sum(sum_ns) / (SELECT sum(total_ns) FROM waited) AS share,
       max(coalesce(t.comm, '?') || ' ' || m.op) AS mostly, p.words,
       (1.0 * sum(sum_ns) / (SELECT sum(total_ns) FROM waited)) || ' ' || p.stage AS bar
FROM part p LEFT JOIN most m ON m.stage = p.stage AND m.place = 1 LEFT JOIN task t ON t.utid = m.utid
GROUP BY p.stage HAVING sum(sum_ns) IS NOT NULL ORDER BY p.ord;

--: table in_the_way Who was in the way
--: if io_main
--: column cause text
--: column who text
--: column tid id optional
--: column total_ns duration "in all"
--: column ios count "operations"
--: column share percent "of the time"
--: column bar bar ""
SELECT CASE cause WHEN 'runq' THEN 'had the CPU' WHEN 'irq' THEN 'interrupt' ELSE 'soft interrupt' END AS cause,
       CASE WHEN cause = 'runq' THEN coalesce(t.comm, 'not known') ELSE coalesce(by_irq, 'not known') END AS who, t.tid, ns AS total_ns, ios,
       1.0 * ns / nullif((SELECT sum(total_ns) FROM waited), 0) AS share, (1.0 * ns / nullif((SELECT sum(total_ns) FROM waited), 0)) || ' ' || cause AS bar
FROM in_way LEFT JOIN task t ON t.utid = by_utid ORDER BY ns DESC, who LIMIT coalesce(:top, 6);

--: table slow The slowest
--: if io_main
--: column id text "ID"
--: column start_ns time wide
--: column task text
--: column op text
--: column path text optional wide "file"
--: column size_bytes bytes optional wide
--: column dur_ns duration "total"
--: column mostly text
--: column line span "its stages"
--: column way text optional wide "in the way"
SELECT id, start_ns, task, op, path, size_bytes, dur_ns, mostly, line, way
FROM slow_io_named ORDER BY dur_ns DESC, start_ns LIMIT min(coalesce(:top, 6), 6);

--: use legend

--: table tasks Who did it
--: if io_main
--: column run id optional
--: column task text
--: column tid id
--: column cgroup text wide
--: column n count "operations"
--: column cached_share percent "cached"
--: column bytes bytes
--: column total_ns duration "in all"
--: column runq_ns duration optional wide "for a CPU"
--: column share percent
--: column bar bar ""
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN s.run_id END AS run, t.comm AS task, t.tid, c.path AS cgroup, sum(n) AS n,
       1.0 * sum(CASE WHEN is_cached THEN n ELSE 0 END) / sum(n) AS cached_share, nullif(sum(bytes), 0) AS bytes,
       sum(total_ns) AS total_ns, sum(runq_ns) AS runq_ns, 1.0 * sum(total_ns) / nullif(sum(sum(total_ns)) OVER (), 0) AS share,
       1.0 * sum(total_ns) / nullif(sum(sum(total_ns)) OVER (), 0) AS bar
FROM io_sum s LEFT JOIN task t ON t.utid = s.utid LEFT JOIN cgroup c ON c.ucgid = s.ucgid
WHERE :recorder OR NOT is_own
GROUP BY s.run_id, s.utid, s.ucgid ORDER BY sum(total_ns) DESC, t.tid LIMIT coalesce(:top, 6);
