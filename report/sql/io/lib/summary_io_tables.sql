-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The summary's evidence where operations were recorded.
--: use summary_io
--: use slow_io

--: setup
CREATE TEMP TABLE kind_sum AS
SELECT run_id, kind, op, device_id, via, sum(n) AS n, sum(bytes) AS bytes, sum(total_ns) AS total_ns,
       max(max_ns) AS max_ns,
       sum(runq_ns) AS runq_ns, sum(errors) AS errors
FROM io_and_failed WHERE :recorder OR NOT is_own GROUP BY 1, 2, 3, 4, 5;

--: setup
CREATE TEMP TABLE kind_stats AS
SELECT run_id, kind, op, device_id, via, hist_stats(bucket, n, sum_ns, max_ns) AS stats
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
--: column errors count optional
--: column in_flight number optional "in flight"
--: column time_share percent optional "time"
--: column bar bar optional ""
SELECT shown_run(s.run_id) AS run, s.kind, s.op,
       CASE WHEN s.via <> 'disk' THEN s.via ELSE d.name END AS disk, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.total_ns / s.n) AS INTEGER) AS mean_ns, h.stats ->> 'p50' AS p50_ns,
       h.stats ->> 'p99' AS p99_ns, s.max_ns, s.errors,
       CASE WHEN s.kind IN ('io_uring', 'aio') THEN 1.0 * s.total_ns /
         nullif(coalesce((SELECT sum(busy_ns) FROM flight f WHERE f.run_id = s.run_id AND f.tgid IS NULL), sp.dur_ns),
           0) END AS in_flight,
       1.0 * s.stood_ns / nullif(sum(s.stood_ns) OVER (), 0) AS time_share,
       (1.0 * s.stood_ns / nullif(sum(s.stood_ns) OVER (), 0))
       || CASE s.via WHEN 'cache' THEN ' work' WHEN 'asleep' THEN ' away' ELSE '' END AS bar
FROM (SELECT run_id, kind, op, CASE WHEN via <> 'disk' THEN NULL ELSE device_id END AS device_id, via, sum(n) AS n,
    sum(bytes) AS bytes,
             sum(total_ns) AS total_ns, max(max_ns) AS max_ns, sum(errors) AS errors,
             sum(CASE WHEN coalesce(kind, '') NOT IN ('io_uring', 'aio') THEN total_ns END) AS stood_ns FROM kind_sum
             GROUP BY 1, 2, 3, 4, 5) s
LEFT JOIN span sp ON sp.run_id = s.run_id
LEFT JOIN device_name d ON d.device_id = s.device_id
LEFT JOIN (SELECT run_id, kind, op, CASE WHEN via <> 'disk' THEN NULL ELSE device_id END AS device_id, via,
                  hist_stats(bucket, n, sum_ns, max_ns) AS stats FROM io_bucket WHERE :recorder OR NOT is_own
                  GROUP BY 1, 2, 3, 4, 5) h
  ON h.run_id = s.run_id AND h.kind IS s.kind AND h.op IS s.op AND h.device_id IS s.device_id AND h.via = s.via
ORDER BY run, sum(s.total_ns) OVER (PARTITION BY s.run_id, s.kind) DESC, s.kind, s.total_ns DESC, s.op, disk
  LIMIT coalesce(:top, 12);

--: table stages Where their time went
--: if io_main
--: column stage text
--: column total_ns duration "total"
--: column mean_ns duration "mean"
--: column share percent
--: column mostly text
--: column words text wide "meaning"
--: column bar bar ""
WITH part AS (
  SELECT s.program, s.op, w.stage, w.ord, w.words, w.look,
         CASE w.stage WHEN 'submit' THEN submit_ns WHEN 'throttle' THEN throttle_ns WHEN 'alloc' THEN alloc_ns
           WHEN 'plug' THEN plug_ns WHEN 'queue' THEN queue_ns WHEN 'device' THEN device_ns
             WHEN 'complete' THEN complete_ns
           WHEN 'endio' THEN endio_ns WHEN 'wakeup' THEN wakeup_ns WHEN 'return' THEN return_ns
             WHEN 'between' THEN between_ns
           WHEN 'worker' THEN worker_ns WHEN 'flush' THEN flush_ns END AS sum_ns
  FROM waited s, stage_name w WHERE w.stage NOT IN ('total', 'cached')),
most AS (
  SELECT stage, program, op, row_number() OVER (PARTITION BY stage ORDER BY sum(sum_ns) DESC) AS place
  FROM part WHERE sum_ns IS NOT NULL GROUP BY stage, program, op)
SELECT p.stage, sum(sum_ns) AS total_ns,
       CAST(round(1.0 * sum(sum_ns) / (SELECT sum(n) FROM waited)) AS INTEGER) AS mean_ns,
       1.0 * sum(sum_ns) / nullif((SELECT sum(total_ns) FROM waited), 0) AS share,
       max(coalesce(m.program, '?') || ' ' || m.op) AS mostly, p.words,
       (1.0 * sum(sum_ns) / nullif((SELECT sum(total_ns) FROM waited), 0)) || ' ' || p.look AS bar
FROM part p LEFT JOIN most m ON m.stage = p.stage AND m.place = 1
GROUP BY p.stage HAVING sum(sum_ns) IS NOT NULL ORDER BY p.ord;

--: table in_the_way Who was in the way
--: if io_main
--: column cause text
--: column who text
--: column tid id optional
--: column total_ns duration "total"
--: column ios count "operations"
--: column share percent "share"
--: column bar bar ""
SELECT CASE cause WHEN 'runq' THEN 'held the CPU' WHEN 'worker' THEN 'held the worker''s CPU'
                  WHEN 'irq' THEN 'interrupt'
    ELSE 'soft interrupt' END AS cause,
       CASE WHEN cause IN ('runq', 'worker') THEN coalesce(t.comm, 'unknown')
            ELSE coalesce(by_irq, 'unknown') END AS who,
       t.tid, ns AS total_ns, ios,
       1.0 * ns / nullif((SELECT sum(total_ns) FROM waited), 0) AS share,
       (1.0 * ns / nullif((SELECT sum(total_ns) FROM waited), 0)) || ' '
       || CASE cause WHEN 'worker' THEN 'runq' ELSE cause END AS bar
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
--: column others count optional "others"
--: column mostly text
--: column way text optional "in the way"
--: column line span "stages"
SELECT id, start_ns, task, op, path, size_bytes, dur_ns, others, mostly, way, line
FROM slow_io_stall ORDER BY dur_ns DESC, start_ns LIMIT min(coalesce(:top, 6), 6);

--: text
SELECT 'others: how many of the ' || (SELECT count(*) FROM slow_io)
       || ' slowest were part of the same stall (same disk and stage for more than half of their time); ktrace-report '
       || 'slow lists each.'
WHERE EXISTS (SELECT 1 FROM (SELECT others, dur_ns FROM slow_io_stall ORDER BY dur_ns DESC, start_ns
      LIMIT min(coalesce(:top, 6), 6)) WHERE others > 0);

--: use legend

-- Of a program: time that it stood still, and had something in flight, its cached operations with it.
--: setup
CREATE TEMP TABLE program_io AS
SELECT s.run_id, w.program, max(w.is_command IS 1) AS is_command, count(DISTINCT w.tgid) AS processes,
       max(w.tgid) AS tgid, count(DISTINCT s.utid) AS threads,
       sum(s.n) AS n, sum(CASE WHEN s.via = 'cache' THEN s.n ELSE 0 END) AS n_cached, sum(s.bytes) AS bytes,
       sum(CASE WHEN coalesce(s.kind, '') NOT IN ('io_uring', 'aio')
           AND s.via = 'disk' THEN s.total_ns END) AS stood_ns, sum(s.total_ns) AS total_ns,
       sum(CASE WHEN s.kind IN ('io_uring', 'aio') THEN s.total_ns END) AS flight_ns, sum(s.runq_ns) AS runq_ns
FROM io_sum s LEFT JOIN who_is w ON w.utid = s.utid WHERE :recorder OR NOT s.is_own GROUP BY s.run_id, w.program;

--: setup
CREATE TEMP TABLE program_shown AS
SELECT i.*, coalesce(i.stood_ns, 0) + CASE WHEN i.flight_ns > 0 THEN coalesce(p.busy_ns, min(i.flight_ns, sp.dur_ns))
    ELSE 0 END AS rank_ns,
       1.0 * i.flight_ns / nullif(coalesce(p.busy_ns, sp.dur_ns), 0) AS in_flight,
       i.is_command AND (SELECT yes OR any_command IS NULL FROM only_command) AS first
FROM program_io i LEFT JOIN program_sum p ON p.run_id = i.run_id AND p.program IS i.program
LEFT JOIN span sp ON sp.run_id = i.run_id
ORDER BY first DESC, rank_ns DESC, i.total_ns DESC, i.program LIMIT coalesce(:top, 6);

--: table programs Who did it
--: if io_main
--: column run id optional
--: column program text
--: column tgid id optional "pid"
--: column processes count optional wide
--: column threads count
--: column n count "operations"
--: column cached_share percent "cached"
--: column bytes bytes optional wide
--: column stood_ns duration optional "waited"
--: column in_flight number optional "in flight"
--: column runq_ns duration optional wide "runnable"
--: column share percent
--: column bar bar ""
SELECT shown_run(run_id) AS run, program, CASE WHEN processes = 1 THEN tgid END AS tgid,
       nullif(processes, 0) AS processes, threads, n, 1.0 * n_cached / nullif(n, 0) AS cached_share,
       nullif(bytes, 0) AS bytes, stood_ns, in_flight, runq_ns,
       1.0 * rank_ns / nullif((SELECT sum(coalesce(i.stood_ns, 0) + CASE
             WHEN i.flight_ns > 0 THEN coalesce(p.busy_ns, min(i.flight_ns, sp.dur_ns)) ELSE 0 END)
                               FROM program_io i LEFT JOIN program_sum p ON p.run_id = i.run_id
                                 AND p.program IS i.program
                               LEFT JOIN span sp ON sp.run_id = i.run_id), 0) AS share,
       1.0 * rank_ns / nullif((SELECT max(rank_ns) FROM program_shown), 0) AS bar
FROM program_shown ORDER BY first DESC, rank_ns DESC, total_ns DESC, program;

--: table tasks Their threads
--: if io_main
--: column run id optional group
--: column program text group
--: column task text "thread"
--: column tid id
--: column cgroup text wide
--: column n count "operations"
--: column cached_share percent "cached"
--: column bytes bytes optional
--: column total_ns duration "total"
--: column runq_ns duration optional wide "runnable"
--: column share percent
--: column bar bar ""
WITH t AS (
  SELECT p.run_id, p.program, p.first, p.rank_ns, s.utid, sum(s.n) AS n,
         sum(CASE WHEN s.via = 'cache' THEN s.n ELSE 0 END) AS n_cached, sum(s.bytes) AS bytes,
         sum(s.total_ns) AS total_ns, sum(s.runq_ns) AS runq_ns, max(s.ucgid) AS ucgid,
         row_number() OVER (PARTITION BY p.run_id, p.program ORDER BY sum(s.total_ns) DESC, s.utid) AS place
  FROM program_shown p JOIN io_sum s ON s.run_id = p.run_id JOIN who_is w ON w.utid = s.utid AND w.program IS p.program
  WHERE p.threads > 1 AND (:recorder OR NOT s.is_own) GROUP BY p.run_id, p.program, s.utid)
SELECT shown_run(t.run_id) AS run, t.program, w.comm AS task, w.tid, c.path AS cgroup, t.n,
       1.0 * n_cached / nullif(t.n, 0) AS cached_share, nullif(t.bytes, 0) AS bytes, t.total_ns, t.runq_ns,
       1.0 * t.total_ns / nullif(sum(t.total_ns) OVER (PARTITION BY t.run_id, t.program), 0) AS share,
       1.0 * t.total_ns / nullif(sum(t.total_ns) OVER (PARTITION BY t.run_id, t.program), 0) AS bar
FROM t LEFT JOIN who_is w ON w.utid = t.utid LEFT JOIN cgroup c ON c.ucgid = t.ucgid
WHERE t.place <= 3 ORDER BY t.first DESC, t.rank_ns DESC, sum(t.total_ns) OVER (PARTITION BY t.run_id, t.program) DESC,
  t.program, t.total_ns DESC, w.tid LIMIT coalesce(:top, 12);

--: table time_use How they spent their time
--: if time_use
--: column run id optional
--: column program text
--: column threads count
--: column total_ns duration wide "total"
--: column io_share percent optional "in I/O"
--: column cpu_share percent "on CPU"
--: column runq_share percent "runnable"
--: column sleep_share percent optional "asleep"
--: column busy_io_share percent wide "I/O when not idle"
--: column line span ""
SELECT shown_run(u.run_id) AS run, u.program, u.threads, CAST(u.total_ns AS INTEGER) AS total_ns,
       1.0 * u.io_ns / u.total_ns AS io_share,
       u.cpu_ns / u.total_ns AS cpu_share, u.runq_ns / u.total_ns AS runq_share,
       CASE WHEN u.io_ns IS NOT NULL THEN u.sleep_ns / u.total_ns END AS sleep_share,
       CASE WHEN NOT u.is_async THEN 1.0 * u.io_ns / nullif(u.io_ns + u.cpu_ns + u.runq_ns, 0) END AS busy_io_share,
       CASE WHEN u.io_ns IS NOT NULL THEN '0 ' || (u.io_ns / u.total_ns) || ' device;' || (u.io_ns / u.total_ns) || ' '
         || (u.cpu_ns / u.total_ns) || ' work/s;'
         || ((u.io_ns + u.cpu_ns) / u.total_ns) || ' ' || (u.runq_ns / u.total_ns) || ' runq' END AS line
FROM time_use u JOIN program_shown p ON p.run_id = u.run_id AND p.program IS u.program
ORDER BY p.first DESC, p.rank_ns DESC, p.total_ns DESC, u.program;

--: text
SELECT 'in I/O: asleep in a call or page fault that waited for a disk; runnable: waiting for a CPU; asleep: any other '
       || 'sleep'
       || CASE WHEN max(u.is_async) THEN ', including waits for operations in flight (io_uring, libaio)' ELSE '' END
       || '. Threads that never waited for a disk and hardly ran are excluded.'
FROM time_use u JOIN program_shown p ON p.run_id = u.run_id AND p.program IS u.program HAVING count(u.io_ns) > 0;

--: text
SELECT 'in flight: mean number of asynchronous operations (io_uring, libaio) in flight while there was at least one.'
FROM program_io WHERE flight_ns > 0 LIMIT 1;

--: text
--: unless sched_task
SELECT 'How they spent the rest of their time is unknown: family sched was not recorded.' FROM io_main;
