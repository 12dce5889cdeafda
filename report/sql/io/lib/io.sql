-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Whole operations (flow io) that did something, after the filters, summed up: io_sum and io_bucket by run, kind, op,
-- device, task and cgroup, by where they were served from (via: disk, cache, asleep; is_cached: cache); is_own: of
-- ktrace-record itself; is_app: a program waited, as opposed to background work of the kernel (writeback, journal,
-- swap). io_bucket tells tasks apart only if the report makes table io_by_task with a row first, or a filter asks for
-- it. All are empty where there is no io. io_main has a row if a report shows operations: where there are any,
-- unless --flow asks for another flow.
--: flows io request bio
--: use filter
--: use stages

--: setup
CREATE TEMP TABLE io_main(yes);
--: if io
--: setup
INSERT INTO io_main SELECT 1 WHERE :flow IS NULL OR :flow = 'io';
-- There may be none with rows.
--: if rows_from
--: setup
INSERT INTO io_main
SELECT 1 WHERE coalesce(:flow, 'io') = 'io' AND NOT EXISTS (SELECT 1 FROM io_main)
  AND EXISTS (SELECT 1 FROM load WHERE flow = 'io');

--: refuse
SELECT words || ': what operations had of a partition needs them; name the whole disk, use --over ' || fmt_ns(keep_ns)
       || ' or more or --flow request, or run ktrace-analyze again without --keep'
FROM io_main, rows_from, filter WHERE part_by_sum;

--: warn
SELECT 'No operations (flow io): family io was not recorded.'
WHERE :flow = 'io' AND NOT EXISTS (SELECT 1 FROM io_main);

-- What a program waits for; the others are the kernel's own.
--: setup
CREATE TEMP TABLE app_kind(kind TEXT PRIMARY KEY);
--: setup
INSERT INTO app_kind VALUES ('syscall'), ('io_uring'), ('aio'), ('fault');

--: setup
CREATE TEMP TABLE io_own AS
SELECT utid FROM task WHERE is_recorder;

--: setup
CREATE TEMP TABLE kept_io(io_id INTEGER PRIMARY KEY);
--: if io_main
--: setup
INSERT INTO kept_io
SELECT i.io_id
FROM filter f CROSS JOIN id_range g CROSS JOIN io i ON i.io_id BETWEEN g.min_id AND g.max_id
WHERE f.by_bio AND g.flow = 'io' AND i.state = 'whole'
  AND (:disk IS NULL OR i.device_id IN kept_device OR i.part_device_id IN kept_device)
  AND (:op IS NULL OR i.op = :op)
  AND (:since_ns IS NULL OR i.start_ns + i.dur_ns >= :since_ns)
  AND (:until_ns IS NULL OR i.start_ns + i.dur_ns < :until_ns)
  AND (:over_ns IS NULL OR i.dur_ns >= :over_ns)
  AND (:task IS NULL OR i.utid IN kept_task)
  AND (:cgroup IS NULL OR i.ucgid IN kept_cgroup);

--: setup
CREATE TEMP TABLE io_sum(run_id, kind, op, device_id, utid, ucgid, is_cached, n, bytes, n_bios, total_ns,
    max_ns, submit_ns,
                         throttle_ns, alloc_ns, plug_ns, queue_ns, device_ns, complete_ns, endio_ns, wakeup_ns,
                         return_ns,
                         between_ns, cached_ns, runq_ns, irq_ns, softirq_ns, blocked_ns, worker_ns, flush_ns, via,
                         n_runq, is_own, is_app);
--: if io_main
--: setup
INSERT INTO io_sum
SELECT *, utid IN io_own IS 1, kind IN app_kind IS 1 FROM (
  SELECT run_id, kind, op, device_id, utid, ucgid, is_cached, sum(n), sum(size_bytes), sum(n_bios), sum(dur_ns),
         max(max_ns),
         sum(submit_ns), sum(throttle_ns), sum(alloc_ns), sum(plug_ns), sum(queue_ns), sum(device_ns), sum(complete_ns),
         sum(endio_ns), sum(wakeup_ns), sum(return_ns), sum(between_ns), sum(cached_ns), sum(runq_ns), sum(irq_ns),
         sum(softirq_ns),
         sum(blocked_ns), sum(worker_ns), sum(flush_ns), via, sum(n_runq)
  FROM filter f CROSS JOIN io_load l
  WHERE NOT f.by_bio AND state = 'whole' AND via NOT IN ('failed', 'empty') AND l.second >= f.from_s
    AND l.second < f.to_s
    AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
    AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
  GROUP BY run_id, kind, op, device_id, utid, ucgid, via
  UNION ALL
  SELECT run_id, kind, op, device_id, utid, ucgid, cached_ns IS NOT NULL, count(*), ifnull(sum(moved_bytes), 0),
         sum(n_bios), sum(dur_ns),
         max(dur_ns), sum(submit_ns), sum(throttle_ns), sum(alloc_ns), sum(plug_ns), sum(queue_ns), sum(device_ns),
         sum(complete_ns), sum(endio_ns), sum(wakeup_ns), sum(return_ns), sum(between_ns), sum(cached_ns), sum(runq_ns),
         sum(irq_ns), sum(softirq_ns), sum(blocked_ns), sum(worker_ns), sum(flush_ns), via, count(runq_ns)
  FROM kept_io k CROSS JOIN io i ON i.io_id = k.io_id WHERE via NOT IN ('failed', 'empty')
  GROUP BY run_id, kind, op, device_id, utid, ucgid, via);

-- Groups of the statistics whose histograms serve: those by task are a hundred times as many.
--: setup
CREATE TEMP TABLE IF NOT EXISTS io_by_task(yes);
--: setup
CREATE TEMP TABLE io_group(group_id INTEGER PRIMARY KEY, run_id, kind, op, device_id, via, is_own);
--: if flow_hist_sum
--: setup
INSERT INTO io_group
SELECT g.group_id, g.run_id, g.kind, g.op, g.object_id, g.via, g.is_own IS 1
FROM io_main m CROSS JOIN filter f CROSS JOIN flow_group g
WHERE NOT f.by_bio AND NOT f.timed AND coalesce(:task, :cgroup) IS NULL AND NOT EXISTS (SELECT 1 FROM io_by_task)
  AND g.flow = 'io' AND g.via NOT IN ('failed', 'empty')
  AND (:op IS NULL OR g.op = :op) AND (:disk IS NULL OR g.object_id IN kept_device);

--: setup
CREATE TEMP TABLE io_bucket(run_id, kind, op, device_id, utid, ucgid, is_cached, bucket, n, sum_ns, max_ns, via,
    is_own, is_app);
--: if io_group
--: setup
INSERT INTO io_bucket
SELECT g.run_id, g.kind, g.op, g.device_id, NULL, NULL, g.via = 'cache', h.bucket, h.n, h.ns, h.max_ns, g.via, g.is_own,
       g.kind IN app_kind IS 1
FROM group_hist_sum h CROSS JOIN io_group g ON g.group_id = h.group_id WHERE h.stage = 0;
--: if io_main
--: setup
INSERT INTO io_bucket
SELECT *, utid IN io_own IS 1, kind IN app_kind IS 1 FROM (
  -- nearly each of these is the only one of its key: to group them gains nothing
  SELECT run_id, kind, op, device_id, utid, ucgid, is_cached, bucket, n, sum_ns, max_ns, via
  FROM filter f CROSS JOIN io_hist_all h
  WHERE NOT f.by_bio AND NOT f.timed AND NOT EXISTS (SELECT 1 FROM io_group)
    AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
    AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
  UNION ALL
  SELECT run_id, kind, op, device_id, utid, ucgid, is_cached, bucket, sum(n), sum(sum_ns), max(max_ns), via
  FROM filter f CROSS JOIN io_hist h
  WHERE NOT f.by_bio AND f.timed AND h.second >= f.from_s AND h.second < f.to_s
    AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
    AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
  GROUP BY run_id, kind, op, device_id, utid, ucgid, via, bucket
  UNION ALL
  SELECT run_id, kind, op, device_id, utid, ucgid, cached_ns IS NOT NULL, bucket_of(dur_ns) AS bucket, count(*),
         sum(dur_ns),
         max(dur_ns), via
  FROM kept_io k CROSS JOIN io i ON i.io_id = k.io_id WHERE via NOT IN ('failed', 'empty')
  GROUP BY run_id, kind, op, device_id, utid, ucgid, via, bucket);

-- Calls that did nothing: they failed, or were at the end of their file.
--: setup
CREATE TEMP TABLE io_nothing(run_id, kind, op, device_id, utid, ucgid, via, error, n, total_ns, is_own, is_app);
--: if io_main
--: setup
INSERT INTO io_nothing
SELECT *, utid IN io_own IS 1, kind IN app_kind IS 1 FROM (
  SELECT run_id, kind, op, device_id, utid, ucgid, via, error, sum(n), sum(dur_ns)
  FROM filter f CROSS JOIN io_load l
  WHERE NOT f.by_bio AND state = 'whole' AND via IN ('failed', 'empty') AND l.second >= f.from_s AND l.second < f.to_s
    AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
    AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
  GROUP BY run_id, kind, op, device_id, utid, ucgid, via, error
  UNION ALL
  SELECT run_id, kind, op, device_id, utid, ucgid, via, error, count(*), sum(dur_ns)
  FROM kept_io k CROSS JOIN io i ON i.io_id = k.io_id WHERE via IN ('failed', 'empty')
  GROUP BY run_id, kind, op, device_id, utid, ucgid, via, error);

-- For tables: with a row via failed for those that failed, whose number is in errors and which have no other figure.
--: setup
CREATE TEMP VIEW io_and_failed AS
SELECT run_id, kind, op, device_id, utid, ucgid, via, is_own, n, bytes, total_ns, max_ns, submit_ns, throttle_ns,
       alloc_ns, plug_ns, queue_ns, device_ns,
       complete_ns, endio_ns, wakeup_ns, return_ns, between_ns, cached_ns, blocked_ns, worker_ns, flush_ns, runq_ns,
       NULL AS errors
FROM temp.io_sum
UNION ALL
SELECT run_id, kind, op, device_id, utid, ucgid, via, is_own, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, n
FROM temp.io_nothing WHERE via = 'failed';

-- io_sum with a row a stage: n is that of all operations, whether they had the stage or not.
--: setup
CREATE TEMP VIEW io_part AS
SELECT s.*, w.stage, w.ord, w.words,
       CASE w.stage WHEN 'submit' THEN submit_ns WHEN 'throttle' THEN throttle_ns WHEN 'alloc' THEN alloc_ns
         WHEN 'plug' THEN plug_ns WHEN 'queue' THEN queue_ns WHEN 'device' THEN device_ns
           WHEN 'complete' THEN complete_ns
         WHEN 'endio' THEN endio_ns WHEN 'wakeup' THEN wakeup_ns WHEN 'return' THEN return_ns
           WHEN 'between' THEN between_ns
         WHEN 'cached' THEN cached_ns WHEN 'blocked' THEN blocked_ns WHEN 'worker' THEN worker_ns
           WHEN 'flush' THEN flush_ns WHEN 'total' THEN total_ns END AS sum_ns
FROM temp.io_sum s, temp.stage_name w;

-- Names and plurals of operations, for sentences.
--: setup
CREATE TEMP VIEW io_op AS
SELECT op, CASE op WHEN 'fsync' THEN 'fsync calls' WHEN 'fdatasync' THEN 'fdatasync calls'
    WHEN 'commit' THEN 'journal commits'
                   WHEN 'writeback' THEN 'writebacks' WHEN 'fault' THEN 'page faults'
                   WHEN 'swapin' THEN 'swap-ins' WHEN 'swapout' THEN 'swap-outs' WHEN 'read' THEN 'reads'
                   WHEN 'write' THEN 'writes' ELSE op || ' calls' END AS words
FROM (SELECT DISTINCT op FROM temp.io_sum);
