-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The summary's answer where operations were recorded: what the programs waited for. What the page cache served, and
-- background work of the kernel, are reported separately.
--: use io
--: use loss
--: use program
--: use time_use

-- What counts: operations that needed a disk, of programs; of the kernel where there are no others. What a program
-- stands still for (a call, a page fault) and what it has in flight (io_uring, libaio) are two things: the durations of
-- the latter overlap.
--: setup
CREATE TEMP TABLE counted AS
SELECT s.*, s.kind IN ('io_uring', 'aio') AS is_async, w.program, w.tgid, w.is_command IS 1 AS is_command
FROM io_sum s LEFT JOIN who_is w ON w.utid = s.utid
WHERE s.via = 'disk' AND (:recorder OR NOT s.is_own)
  AND s.is_app = (SELECT coalesce(max(is_app), 0) FROM io_sum WHERE via = 'disk' AND (:recorder OR NOT is_own));

-- The command that was recorded comes before others, unless it only bounds the recording (sleep 10).
--: setup
CREATE TEMP TABLE only_command AS
SELECT total(CASE WHEN is_command THEN total_ns END) > 0.01 * total(total_ns) AND min(is_command) = 0 AS yes,
       max(is_command) AS any_command
FROM counted WHERE is_app;

-- For how long at least one was in flight: of all, of each process; from rows where a filter leaves some out.
--: setup
CREATE TEMP TABLE flight(run_id, tgid, busy_ns);
--: if io_in_flight
--: setup
INSERT INTO flight
SELECT b.run_id, b.tgid, sum(b.busy_ns)
FROM filter f CROSS JOIN io_in_flight b
WHERE coalesce(:disk, :op, :task, :cgroup) IS NULL AND NOT f.by_bio AND b.second >= f.from_s AND b.second < f.to_s
GROUP BY b.run_id, b.tgid;
--: if io_in_flight
--: setup
INSERT INTO flight
SELECT i.run_id, w.tgid, union_ns(i.start_ns, i.start_ns + i.dur_ns)
FROM filter f CROSS JOIN io i LEFT JOIN who_is w ON w.utid = i.utid
WHERE f.enough AND NOT (coalesce(:disk, :op, :task, :cgroup) IS NULL AND NOT f.by_bio)
  AND (SELECT total(n) <= 400000 FROM counted WHERE is_async)
  AND i.kind IN ('io_uring', 'aio') AND i.state = 'whole'
  AND CASE WHEN f.by_bio THEN i.io_id IN kept_io
           ELSE (:disk IS NULL OR i.device_id IN kept_device) AND (:op IS NULL OR i.op = :op)
             AND (:task IS NULL OR i.utid IN kept_task)
                AND (:cgroup IS NULL OR i.ucgid IN kept_cgroup)
                AND (NOT f.timed OR (i.start_ns + i.dur_ns) / 1000000000 BETWEEN f.from_s AND f.to_s - 1) END
GROUP BY i.run_id, w.tgid;

-- Programs: how long they stood still, and had something in flight. Processes of one program may have had that at the
-- same time.
--: setup
CREATE TEMP TABLE program_sum AS
SELECT s.*, CASE WHEN async_ns > 0 THEN CASE WHEN n_async_processes = 1 THEN f.busy_ns END END AS busy_ns,
       coalesce(stood_ns, 0) + CASE WHEN async_ns > 0 THEN coalesce(f.busy_ns, min(async_ns, sp.dur_ns))
         ELSE 0 END AS rank_ns
FROM (SELECT run_id, program, max(is_command) AS is_command, sum(CASE WHEN NOT is_async THEN total_ns END) AS stood_ns,
    sum(CASE WHEN NOT is_async THEN n END) AS stood_n,
             sum(CASE WHEN is_async THEN total_ns END) AS async_ns, sum(CASE WHEN is_async THEN n END) AS async_n,
             count(DISTINCT CASE WHEN is_async THEN tgid END) AS n_async_processes, count(DISTINCT tgid) AS n_processes,
             count(DISTINCT utid) AS n_tasks, max(tgid) AS tgid, max(CASE WHEN is_async THEN tgid END) AS async_tgid
      FROM counted GROUP BY run_id, program) s
LEFT JOIN flight f ON f.run_id = s.run_id AND f.tgid = s.async_tgid AND s.n_async_processes = 1
LEFT JOIN span sp ON sp.run_id = s.run_id;

-- What the tables below look at: what stood still, or what was in flight, whichever there was for longer; of the
-- command, where that is it.
--: setup
CREATE TEMP TABLE waited AS
SELECT c.* FROM counted c, only_command o
WHERE (c.is_command OR NOT o.yes)
  AND c.is_async = (SELECT coalesce(total(p.rank_ns - coalesce(p.stood_ns, 0)) > total(p.stood_ns), 0)
    FROM program_sum p WHERE p.is_command OR NOT o.yes);

--: setup
CREATE TEMP VIEW counted_part AS
SELECT s.*, w.stage, w.words,
       CASE w.stage WHEN 'submit' THEN submit_ns WHEN 'throttle' THEN throttle_ns WHEN 'alloc' THEN alloc_ns
         WHEN 'plug' THEN plug_ns WHEN 'queue' THEN queue_ns WHEN 'device' THEN device_ns
           WHEN 'complete' THEN complete_ns
         WHEN 'endio' THEN endio_ns WHEN 'wakeup' THEN wakeup_ns WHEN 'return' THEN return_ns
           WHEN 'between' THEN between_ns
         WHEN 'worker' THEN worker_ns WHEN 'flush' THEN flush_ns END AS sum_ns
FROM counted s, stage_name w WHERE w.stage NOT IN ('total', 'cached');

-- Of what stood still.
--: setup
CREATE TEMP TABLE waited_part AS
SELECT stage,
       -- what a flush is to come before lies in plug until that is done, where it is not known what held back the flush
       CASE WHEN stage = 'plug' AND total(CASE WHEN op IN ('fsync', 'fdatasync', 'sync', 'syncfs',
             'commit') THEN sum_ns END) > 0.5 * total(sum_ns)
            THEN 'waiting for a flush to finish' ELSE words END AS words,
          total(sum_ns) / nullif(total(total_ns), 0) AS share
FROM counted_part, only_command WHERE NOT is_async AND (is_command OR NOT yes) GROUP BY stage;

--: text
SELECT CASE WHEN NOT max(is_app) THEN 'The kernel waited ' WHEN max(o.yes) OR min(is_command) THEN 'The command waited '
    ELSE 'Programs waited ' END
       || fmt_ns(sum(total_ns)) || ' for disks'
       || CASE WHEN sum(total_ns) > (SELECT sum(dur_ns) FROM span) THEN ' (' || fmt_count(count(DISTINCT utid))
         || ' threads added up)' ELSE '' END
       || ' in ' || plural(sum(n), 'operation')
       || coalesce(': ' || (SELECT group_concat(words, ', ') FROM (
             SELECT fmt_share(share) || ' ' || words AS words
             FROM waited_part WHERE share >= 0.03 ORDER BY share DESC LIMIT 3)), '') || '.'
FROM counted c, only_command o WHERE NOT is_async AND (c.is_command OR NOT o.yes) HAVING sum(n) > 0;

-- Who stood still: the program for the greatest part, and what most of that was.
--: setup
CREATE TEMP TABLE stood_most AS
SELECT p.*, 1.0 * p.stood_ns / nullif(sum(p.stood_ns) OVER (), 0) AS share
FROM program_sum p, only_command o WHERE p.stood_ns > 0 AND (p.is_command OR NOT o.yes) ORDER BY p.stood_ns DESC
LIMIT 1;

--: setup
CREATE TEMP TABLE stood_what AS
SELECT c.run_id, c.program, c.kind, c.op, c.device_id, sum(c.n) AS n, sum(c.total_ns) AS total_ns,
       sum(c.device_ns) AS device_ns,
       1.0 * sum(c.total_ns) / nullif(max(m.stood_ns), 0) AS share
FROM counted c JOIN stood_most m ON m.run_id = c.run_id AND m.program IS c.program
WHERE NOT c.is_async GROUP BY c.kind, c.op, c.device_id ORDER BY sum(c.total_ns) DESC LIMIT 1;

-- Its durations, of that program alone: where io_bucket does not tell tasks apart, from what does.
--: setup
CREATE TEMP TABLE stood_bucket(bucket, n, sum_ns, max_ns);
--: if io_group
--: setup
INSERT INTO stood_bucket
SELECT h.bucket, h.n, h.ns, h.max_ns
FROM flow_hist_sum h WHERE h.key_id IN (
  SELECT k.key_id FROM stood_what w CROSS JOIN io_group g CROSS JOIN flow_key k LEFT JOIN who_is i ON i.utid = k.utid
  WHERE g.via = 'disk' AND g.run_id = w.run_id AND g.kind IS w.kind AND g.op IS w.op AND g.device_id IS w.device_id
    AND k.group_id = g.group_id AND i.program IS w.program);
--: unless io_group
--: setup
INSERT INTO stood_bucket
SELECT b.bucket, b.n, b.sum_ns, b.max_ns
FROM stood_what w CROSS JOIN io_bucket b LEFT JOIN who_is i ON i.utid = b.utid
WHERE b.via = 'disk' AND b.run_id = w.run_id AND b.kind IS w.kind AND b.op IS w.op AND b.device_id IS w.device_id
  AND i.program IS w.program;

--: text
SELECT CASE WHEN m.share > 0.995 THEN 'All of it: ' ELSE 'Largest share: ' END
       || coalesce('in run ' || shown_run(m.run_id) || ' ', '')
       || coalesce(m.program, 'an unknown task')
       || CASE WHEN m.n_processes > 1 THEN ' (' || fmt_count(m.n_processes) || ' processes)'
               ELSE coalesce(' [' || m.tgid || ']', '') || CASE WHEN m.n_tasks > 1 THEN ' (' || fmt_count(m.n_tasks)
                   || ' threads)' ELSE '' END END
       || CASE WHEN m.share > 0.995 THEN '' ELSE ', ' || fmt_share(m.share) END || '; '
       || CASE WHEN w.share > 0.995 THEN '' ELSE 'mostly ' END
       || fmt_count(w.n) || ' ' || coalesce(CASE w.n WHEN 1 THEN w.op ELSE o.words END, 'operations')
       || coalesce(' on ' || d.name, '') || ' (' || CASE WHEN w.share > 0.995 THEN ''
            ELSE fmt_share(w.share) || ' of its time; ' END
       || CASE WHEN w.n > 1 THEN 'mean ' ELSE '' END || fmt_ns(1.0 * w.total_ns / w.n)
       || CASE WHEN w.n >= 100 THEN ', p99 ' || fmt_ns(h.stats ->> 'p99')
            WHEN w.n > 1 THEN ', max ' || fmt_ns(h.stats ->> 'max') ELSE '' END || ')'
       || coalesce(', ' || fmt_share(1.0 * w.device_ns / nullif(w.total_ns, 0)) || ' of that at the device', '') || '.'
FROM stood_most m CROSS JOIN stood_what w LEFT JOIN io_op o ON o.op = w.op
LEFT JOIN device_name d ON d.device_id = w.device_id,
(SELECT hist_stats(bucket, n, sum_ns, max_ns) AS stats FROM stood_bucket) h;

-- What was in flight, and nobody stood still for each: how many, how long, how many at once, for how much of the time.
--: setup
CREATE TEMP TABLE flight_most AS
SELECT p.*, sp.dur_ns AS span_ns
FROM program_sum p JOIN span sp ON sp.run_id = p.run_id, only_command o
WHERE p.async_n > 0 AND (p.is_command OR NOT o.yes)
  AND coalesce(p.busy_ns, min(p.async_ns, sp.dur_ns)) >= 0.03 * (SELECT total(rank_ns) FROM program_sum)
  ORDER BY coalesce(p.busy_ns, 0) DESC, p.async_ns DESC LIMIT 2;

--: text
SELECT coalesce('In run ' || shown_run(m.run_id) || ' ', '')
       || coalesce(m.program, 'An unknown task')
       || CASE WHEN m.n_async_processes > 1 THEN ' (' || fmt_count(m.n_async_processes) || ' processes)'
         ELSE coalesce(' [' || m.async_tgid || ']', '') END
       || ' kept ' || fmt_num(1.0 * m.async_ns / nullif(coalesce(m.busy_ns, m.span_ns), 0))
       || ' operations in flight on average'
       || coalesce(', at least one for ' || fmt_ns(m.busy_ns) || ' of ' || fmt_ns(m.span_ns), '')
       || ': ' || fmt_count(m.async_n) || ' ' || coalesce(CASE m.async_n WHEN 1 THEN k.op ELSE o.words END,
         CASE m.async_n WHEN 1 THEN 'operation' ELSE 'operations' END)
       || coalesce(' on ' || k.disk, '')
       || coalesce(' through ' || k.way, '') || ', ' || CASE WHEN m.async_n > 1 THEN 'mean ' ELSE '' END
       || fmt_ns(1.0 * m.async_ns / m.async_n)
       || coalesce('; ' || (SELECT group_concat(words, ', ') FROM (
             SELECT fmt_share(total(c.sum_ns) / m.async_ns) || ' ' || c.words AS words
             FROM counted_part c WHERE c.is_async AND c.run_id = m.run_id AND c.program IS m.program
             GROUP BY c.stage HAVING total(c.sum_ns) >= 0.03 * m.async_ns ORDER BY total(c.sum_ns) DESC LIMIT 2)), '')
         || '.'
FROM flight_most m
JOIN (SELECT c.run_id, c.program, CASE WHEN count(DISTINCT op) = 1 THEN max(op) END AS op,
             CASE WHEN count(DISTINCT device_id) = 1 THEN max(d.name) END AS disk,
             group_concat(DISTINCT CASE kind WHEN 'aio' THEN 'libaio' ELSE kind END) AS way
      FROM counted c LEFT JOIN device_name d USING (device_id) WHERE is_async GROUP BY c.run_id, c.program) k
  ON k.run_id = m.run_id AND k.program IS m.program
LEFT JOIN io_op o ON o.op = k.op
ORDER BY coalesce(m.busy_ns, 0) DESC, m.async_ns DESC;

--: warn
SELECT 'For how long at least one asynchronous operation (io_uring, libaio) was in flight is not known, because '
       || words || ': numbers in flight are means over the whole time.'
FROM rows_from, filter
WHERE NOT enough AND coalesce(:disk, :op, :task, :cgroup) IS NOT NULL AND EXISTS (SELECT 1 FROM counted WHERE is_async);

-- Is it I/O that this program waits for at all?
--: text
SELECT program || CASE threads WHEN 1 THEN '' ELSE '''s ' || fmt_count(threads) || ' threads' END || ' spent '
       || CASE WHEN io_ns IS NULL THEN '' ELSE fmt_share(1.0 * io_ns / total_ns) || ' of '
         || CASE threads WHEN 1 THEN 'its' ELSE 'their' END || ' time asleep in I/O, ' END
       || fmt_share(cpu_ns / total_ns) || ' on a CPU, ' || fmt_share(runq_ns / total_ns) || ' waiting for a CPU, '
       || CASE WHEN io_ns IS NULL THEN 'and the rest asleep, in I/O or otherwise' ELSE fmt_share(sleep_ns / total_ns)
         || ' asleep for other reasons' END
       || CASE WHEN io_ns IS NULL OR is_async THEN ''
               WHEN io_ns >= 0.5 * (io_ns + cpu_ns + runq_ns) THEN ': when not idle, it was I/O-bound'
               WHEN runq_ns >= io_ns AND runq_ns >= cpu_ns
                 THEN ': when not idle, it waited more for CPUs than for disks'
               ELSE ': I/O was ' || fmt_share(1.0 * io_ns / (io_ns + cpu_ns + runq_ns)) || ' of '
                    || CASE threads WHEN 1 THEN 'its' ELSE 'their' END || ' non-idle time' END || '.'
FROM (SELECT u.* FROM time_use u JOIN stood_most m ON m.run_id = u.run_id AND m.program IS u.program
      UNION SELECT u.* FROM time_use u JOIN flight_most m ON m.run_id = u.run_id AND m.program IS u.program)
    ORDER BY is_async, total_ns DESC LIMIT 2;

-- Programs other than the command.
--: text
SELECT 'Other programs: ' || group_concat(words, ', ') || '.' FROM (
  SELECT coalesce(program, 'unknown') || CASE WHEN stood_ns > 0 THEN ' waited ' || fmt_ns(stood_ns)
                                         ELSE ' had ' || plural(async_n, 'asynchronous operation') END AS words
  FROM program_sum, only_command WHERE yes AND NOT is_command ORDER BY rank_ns DESC LIMIT 3)
HAVING count(*) > 0;

-- Who was in the way of operations of the kind that the tables below look at: from the sums of the analysis, or from
-- rows where a filter needs them, or an older ktrace-analyze left no sums.
--: setup
CREATE TEMP TABLE in_way(cause, by_utid, by_irq, ns, ios);
--: if io_disturbed
--: setup
INSERT INTO in_way
SELECT d.cause, d.by_utid, d.by_irq, sum(d.dur_ns), sum(d.n)
FROM filter f CROSS JOIN io_disturbed d
WHERE NOT f.by_bio AND d.second >= f.from_s AND d.second < f.to_s AND (:recorder OR d.utid IN io_own IS NOT 1)
  AND d.kind IN app_kind = (SELECT coalesce(max(is_app), 0) FROM waited)
  AND d.kind IN ('io_uring', 'aio') = (SELECT coalesce(max(is_async), 0) FROM waited)
  AND (NOT (SELECT yes FROM only_command) OR (SELECT is_command FROM who_is w WHERE w.utid = d.utid) IS 1)
  AND (:disk IS NULL OR d.device_id IN kept_device) AND (:op IS NULL OR d.op = :op)
  AND (:task IS NULL OR d.utid IN kept_task)
  AND (:cgroup IS NULL OR d.ucgid IN kept_cgroup)
GROUP BY d.cause, d.by_utid, d.by_irq;
--: setup
CREATE TEMP TABLE way_by_row(yes);
--: if disturbance
--: setup
INSERT INTO way_by_row SELECT 1 FROM filter WHERE by_bio OR NOT EXISTS (SELECT 1 FROM main.sqlite_master
    WHERE name = 'io_disturbed');
--: if way_by_row
--: setup
INSERT INTO in_way
SELECT d.cause, d.by_utid, d.by_irq, sum(d.dur_ns), count(DISTINCT d.flow_id)
FROM filter f CROSS JOIN disturbance d CROSS JOIN io i ON i.io_id = d.flow_id
WHERE d.flow = 'io' AND i.state = 'whole' AND (:recorder OR i.utid IN io_own IS NOT 1)
  AND i.kind IN app_kind = (SELECT coalesce(max(is_app), 0) FROM waited)
  AND i.kind IN ('io_uring', 'aio') = (SELECT coalesce(max(is_async), 0) FROM waited)
  AND (NOT (SELECT yes FROM only_command) OR (SELECT is_command FROM who_is w WHERE w.utid = i.utid) IS 1)
  AND CASE WHEN f.by_bio THEN i.io_id IN kept_io
           ELSE (:disk IS NULL OR i.device_id IN kept_device) AND (:op IS NULL OR i.op = :op)
             AND (:task IS NULL OR i.utid IN kept_task)
                AND (:cgroup IS NULL OR i.ucgid IN kept_cgroup)
                AND (NOT f.timed OR (i.start_ns + i.dur_ns) / 1000000000 BETWEEN f.from_s AND f.to_s - 1) END
GROUP BY d.cause, d.by_utid, d.by_irq;

--: text
SELECT CASE WHEN (SELECT max(is_async) FROM waited) THEN 'For ' || CASE WHEN s.n_runq < s.n THEN 'at least ' ELSE '' END
    || fmt_share(1.0 * s.runq / s.total)
  || ' of their time in flight, the task needed to advance them was runnable but waiting for a CPU'
            ELSE 'For ' || CASE WHEN s.n_runq < s.n THEN 'at least ' ELSE '' END || fmt_ns(s.runq) || ' ('
              || fmt_share(1.0 * s.runq / s.total) || ') they were runnable but waiting for a CPU' END
       || coalesce('; ' || (SELECT coalesce(t.comm, 'an unknown task') || coalesce(' [' || t.tid || ']', '')
           || ' held it for '
                              || CASE WHEN (SELECT max(is_async) FROM waited) THEN fmt_share(w.ns / nullif(1.0 * s.runq,
                                    0)) ELSE fmt_ns(w.ns) END || ' of that'
                            FROM in_way w LEFT JOIN task t ON t.utid = w.by_utid
                            WHERE w.cause = 'runq' AND w.by_utid IS NOT NULL
                            ORDER BY w.ns DESC LIMIT 1), '')
       || CASE WHEN s.irq >= 0.01 * s.total THEN '; interrupts took ' || fmt_ns(s.irq) || ' ('
         || fmt_share(1.0 * s.irq / s.total) || ')'
               ELSE '' END || '.'
FROM (SELECT sum(runq_ns) AS runq, sum(n_runq) AS n_runq, sum(n) AS n, total(irq_ns) + total(softirq_ns) AS irq,
    sum(total_ns) AS total FROM waited) s
WHERE s.runq >= 0.01 * s.total OR s.irq >= 0.01 * s.total;

-- The worker that has to issue a flush, and the data after it, may wait for a CPU itself.
--: text
SELECT 'While they waited for a kernel worker to issue a flush, the worker was runnable but waiting for a CPU '
       || 'for at least '
       || fmt_ns(w.ns) || ' of ' || fmt_ns(s.worker)
       || coalesce('; ' || (SELECT coalesce(t.comm, 'an unknown task') || coalesce(' [' || t.tid || ']', '')
           || ' held it for ' || fmt_ns(i.ns) || ' of that'
                            FROM in_way i LEFT JOIN task t ON t.utid = i.by_utid
                            WHERE i.cause = 'worker' AND i.by_utid IS NOT NULL ORDER BY i.ns DESC LIMIT 1), '') || '.'
FROM (SELECT total(worker_ns) AS worker, total(total_ns) AS total FROM waited) s,
  (SELECT total(ns) AS ns FROM in_way WHERE cause = 'worker') w
WHERE s.worker > 0 AND s.worker >= 0.01 * s.total AND w.ns >= 0.01 * s.total AND w.ns > 0;

--: text
SELECT 'The page cache served ' || CASE sum(n) WHEN 1 THEN 'another ' || max(op)
                                       ELSE 'another ' || fmt_count(sum(n)) || ' '
                                            || coalesce(CASE WHEN count(DISTINCT op) = 1 THEN max(words) END,
                                                        'operations') END
       || ' (' || fmt_share(1.0 * sum(n) / (SELECT sum(n) FROM io_sum WHERE (:recorder OR NOT is_own) AND is_app))
       || ' of all): '
       || CASE WHEN sum(n) > 1 THEN 'mean ' ELSE '' END || fmt_ns(1.0 * sum(total_ns) / sum(n))
       || CASE WHEN sum(n) > 1 THEN ', ' || fmt_ns(sum(total_ns)) || ' in total' ELSE '' END || '.'
FROM io_sum LEFT JOIN io_op USING (op) WHERE via = 'cache' AND is_app AND (:recorder OR NOT is_own) HAVING sum(n) > 0;

-- Asleep, and no bio explains it.
--: text
SELECT plural(sum(n), 'operation') || ' caused no bio but slept for '
       || fmt_ns(sum(blocked_ns)) || CASE WHEN sum(n) > 1 THEN ' in total' ELSE '' END
       || ' on a lock, a pipe or another task: '
       || (SELECT group_concat(words, ', ') FROM (
             SELECT fmt_count(sum(n)) || ' '
                    || coalesce(CASE WHEN sum(n) > 1 THEN o.words ELSE op END, 'of unknown kind') || ' by '
                    || coalesce(t.comm, 'an unknown task') AS words
             FROM io_sum s LEFT JOIN io_op o USING (op) LEFT JOIN task t ON t.utid = s.utid
             WHERE via = 'asleep' AND is_app AND (:recorder OR NOT is_own)
             GROUP BY op, t.comm ORDER BY sum(blocked_ns) DESC LIMIT 2)) || '.'
FROM io_sum WHERE via = 'asleep' AND is_app AND (:recorder OR NOT is_own)
HAVING sum(n) > 0 AND sum(blocked_ns) * 100 >= (SELECT total(total_ns) FROM io_sum
    WHERE is_app AND (:recorder OR NOT is_own));

-- Calls that failed are in no figure above.
--: text
SELECT plural(f.n, 'call') || ' failed: ' || (SELECT group_concat(words, ', ') FROM (
         SELECT plural(sum(n), op || ' call') || ' with ' || errno_name(error)
                || coalesce(' in ' || t.comm, '') AS words
         FROM io_nothing x LEFT JOIN task t ON t.utid = x.utid WHERE via = 'failed' AND (:recorder OR NOT is_own)
         GROUP BY op, error, t.comm ORDER BY sum(n) DESC LIMIT 3))
       || CASE WHEN f.kinds > 3 THEN ', ...' ELSE '' END
       || '. No other figure includes ' || CASE f.n WHEN 1 THEN 'it.' ELSE 'them.' END
FROM (SELECT total(n) AS n, (SELECT count(*) FROM (SELECT DISTINCT op, error, t.comm FROM io_nothing x
        LEFT JOIN task t ON t.utid = x.utid
                             WHERE via = 'failed' AND (:recorder OR NOT is_own))) AS kinds
      FROM io_nothing WHERE via = 'failed' AND (:recorder OR NOT is_own)) f
WHERE f.n > 0;
--: text
SELECT plural(sum(n), 'call') || ' transferred no data (typically reads at end of file) and '
       || CASE sum(n) WHEN 1 THEN 'is' ELSE 'are' END || ' excluded.'
FROM io_nothing WHERE via = 'empty' AND (:recorder OR NOT is_own) HAVING sum(n) > 0;

--: text
SELECT 'Background work of the kernel: ' || group_concat(words, ', ') || '.' FROM (
  SELECT fmt_count(sum(n)) || ' ' || coalesce(CASE WHEN sum(n) > 1 THEN o.words WHEN op = 'commit' THEN 'journal commit'
        ELSE op END, 'others')
         || ' (' || CASE WHEN sum(n) > 1 THEN 'mean ' ELSE '' END || fmt_ns(1.0 * sum(total_ns) / sum(n))
         -- a writeback ends when its writes are submitted: how long they took is reported apart
         || CASE WHEN op = 'writeback' THEN ' to submit ' || plural(sum(n_bios), 'write')
                 || coalesce(', which took ' || (SELECT fmt_ns(1.0 * sum(l.sum_ns) / sum(l.n))
                               FROM filter f CROSS JOIN task_load l WHERE l.op = 'write'
                                 AND l.utid IN (SELECT utid FROM io_sum WHERE op = 'writeback')
                                 AND NOT f.by_bio AND l.second >= f.from_s AND l.second < f.to_s
                                 AND (:disk IS NULL OR l.device_id IN kept_device))
                             || CASE sum(n_bios) WHEN 1 THEN '' ELSE ' each' END, '') ELSE '' END || ')' AS words
  FROM io_sum LEFT JOIN io_op o USING (op)
  WHERE NOT is_app AND (:recorder OR NOT is_own) AND (SELECT max(is_app) FROM waited) GROUP BY op
  ORDER BY sum(total_ns) DESC LIMIT 4)
HAVING count(*) > 0;

--: text
--: if io_main
SELECT 'No complete operation ' || CASE WHEN given THEN 'matches these filters.' ELSE 'was recorded.' END
FROM filter WHERE NOT EXISTS (SELECT 1 FROM io_sum);

--: use other_kinds

--: text Confidence
--: if io_main
SELECT (SELECT words FROM loss_words)
  || '; ' || coalesce((SELECT CASE WHEN whole = n AND n = 1 THEN 'the one operation was'
                            WHEN whole = n THEN 'all ' || fmt_count(n) || ' operations were'
                            ELSE fmt_count(whole) || ' of ' || plural(n, 'operation') || ' ('
                              || fmt_share(1.0 * whole / n) || CASE whole WHEN 1 THEN ') was' ELSE ') were' END END
               || ' recorded completely'
               || coalesce('; excluded: ' || (SELECT group_concat(fmt_count(n) || ' '
                       || coalesce(replace(replace(state, '_', ' '), 'open at end', 'still open at the end'),
                                   'of unknown state'), ', ')
                    FROM (SELECT state, sum(n) AS n FROM load WHERE flow = 'io' AND state IS NOT 'whole' GROUP BY state
                          ORDER BY 2 DESC)), '')
               FROM (SELECT sum(CASE state WHEN 'whole' THEN n ELSE 0 END) AS whole, sum(n) AS n FROM load
                     WHERE flow = 'io' HAVING sum(n) > 0)), 'nothing was recorded')
  || '.';

-- How the bios were linked to their operations.
--: text
--: if io_main
SELECT fmt_share(1.0 * sum(CASE WHEN link IS NOT NULL THEN n ELSE 0 END) / sum(n)) || ' of '
       || plural(sum(n), 'bio is linked to the operation that caused it',
                 'bios are linked to the operation that caused them')
       || CASE WHEN sum(CASE link WHEN 'inferred' THEN n END) > 0
               THEN ', ' || fmt_count(sum(CASE link WHEN 'inferred' THEN n END)) || ' of these by inference' ELSE '' END
             || '.'
FROM load WHERE flow = 'bio' AND NOT is_split HAVING sum(n) > 0;
