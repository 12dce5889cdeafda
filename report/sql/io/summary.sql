-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Summary
--: about where the time went, in a few sentences, and the evidence (the default)
--: needs stage_stats request bio run lost_interval load task_load slowest
--: use io
--: use rows_of_task unless io_main
--: use summary_io
--: use loss
--: use kept unless io_main
--: use stat unless io_main
--: use slow unless io_main
--: use volume unless io_main
--: use who unless io_main

-- The answer: per disk and operation, what took the time.
--: text
--: unless io_main
WITH part AS (
  SELECT *, row_number() OVER (PARTITION BY run_id, device_id, flow, op ORDER BY share DESC) AS place
  FROM stat WHERE is_main AND stage <> 'total'),
because AS (
  SELECT run_id, device_id, flow, op,
         group_concat(CASE WHEN place = 1 THEN fmt_share(share) || ' ' ELSE fmt_share(share) || ' ' END
                      -- a flush of an application never goes to the disk itself: the kernel issues one for it
                      || CASE WHEN op = 'flush' AND stage = 'plug' THEN 'waiting for the flush that served it'
                        ELSE words END, ', ')
           AS words
  FROM (SELECT * FROM part WHERE place = 1 OR (place <= 3 AND share >= 0.03) ORDER BY run_id, device_id, op, place)
  GROUP BY run_id, device_id, flow, op)
SELECT CASE WHEN s.run IS NOT NULL THEN 'run ' || s.run || ', ' ELSE '' END || d.name || ': ' || fmt_count(s.n) || ' '
       || CASE WHEN s.n = 1 THEN s.op WHEN s.op = 'flush' THEN 'flushes'
         WHEN s.op IN ('read', 'write', 'discard') THEN s.op || 's'
               ELSE s.op || ' operations' END
       || ' took ' || fmt_ns(s.mean_ns) || CASE WHEN s.n > 1 THEN ' on average' ELSE '' END
       || CASE WHEN s.n >= 100 THEN ' (p99 ' || fmt_ns(s.p99_ns) || ')'
            WHEN s.n > 1 THEN ' (max ' || fmt_ns(s.max_ns) || ')' ELSE '' END
       || coalesce('; ' || b.words, '') || '.'
FROM stat s LEFT JOIN because b USING (run_id, device_id, flow, op) LEFT JOIN device_name d USING (device_id)
WHERE s.is_main AND s.stage = 'total'
ORDER BY s.sum_ns DESC, d.name, s.op LIMIT min(coalesce(:top, 4), 4);

-- No storage in it: what there is instead.
--: setup
CREATE TEMP TABLE no_storage AS
SELECT 1 AS yes WHERE NOT EXISTS (SELECT 1 FROM run WHERE kinds IS NULL OR ',' || kinds || ',' LIKE '%,io,%' OR ','
    || kinds || ',' LIKE '%,bio,%'
                                    OR ',' || kinds || ',' LIKE '%,request,%');

--: setup
CREATE TEMP TABLE sched_opening(yes);
--: if sched_task
--: setup
INSERT INTO sched_opening SELECT yes FROM no_storage;

--: text
SELECT 'Recorded: ' || (SELECT replace(group_concat(DISTINCT CASE k.value
        WHEN 'sched' THEN 'scheduling (ktrace-report sched)' WHEN 'irq' THEN 'interrupts (ktrace-report irq)'
                                                    ELSE k.value END), '),', '), ')
                           FROM run, json_each('["' || replace(kinds, ',', '","') || '"]') k WHERE k.value <> 'core')
                             || '; no storage I/O.'
FROM no_storage;

--: use sched if sched_opening

--: text
--: unless io_main
SELECT 'No complete request or bio ' || CASE WHEN given THEN 'matches these filters.' ELSE 'was recorded.' END
FROM filter WHERE NOT EXISTS (SELECT 1 FROM stat WHERE is_main) AND NOT EXISTS (SELECT 1 FROM no_storage);

-- What happened before there was a request: tags used up, throttling.
--: text
--: unless io_main
SELECT CASE WHEN s.run IS NOT NULL THEN 'run ' || s.run || ', ' ELSE '' END || d.name || ': before that, bios of '
       || CASE WHEN s.op = 'flush' THEN 'flushes' WHEN s.op IN ('read', 'write', 'discard') THEN s.op || 's'
         ELSE s.op END || ' waited ' || fmt_ns(s.mean_ns) || ' on average for a request (' || fmt_share(s.share)
       || ' of their time): all tags of the disk in use, a cgroup limit or writeback throttling.'
FROM stat s LEFT JOIN device_name d USING (device_id)
WHERE s.flow = 'bio' AND s.stage = 'alloc' AND s.share >= 0.05
ORDER BY s.sum_ns DESC LIMIT 2;

-- What disks could not do. Requests are the disk's answers; where there are none, bios.
--: warn
SELECT 'Disk errors: ' || group_concat(words, ', ') || '.' FROM (
  SELECT fmt_count(sum(l.n_errors)) || ' of ' || fmt_count(sum(l.n)) || ' ' || l.op || ' ' || l.flow
         || CASE sum(l.n) WHEN 1 THEN '' ELSE 's' END
         || coalesce(' on ' || d.name, '') || ' failed' AS words
  FROM filter f CROSS JOIN load l LEFT JOIN device_name d ON d.device_id = l.device_id
  WHERE (l.flow = 'request' OR (l.flow = 'bio' AND l.device_id IN bio_disk)) AND l.second >= f.from_s
    AND l.second < f.to_s
    AND (:op IS NULL OR l.op = :op) AND (:disk IS NULL OR l.device_id IN kept_device)
  GROUP BY l.run_id, l.device_id, l.flow, l.op HAVING sum(l.n_errors) > 0 ORDER BY sum(l.n_errors) DESC LIMIT 6)
HAVING count(*) > 0;

-- How sure that is.
--: text Confidence
--: unless io_main
SELECT (SELECT words FROM loss_words)
  || '; ' || coalesce((SELECT CASE WHEN whole = n AND n = 1 THEN 'the one flow was'
                            WHEN whole = n THEN 'all ' || fmt_count(n) || ' flows were'
                            ELSE fmt_count(whole) || ' of ' || plural(n, 'flow') || ' (' || fmt_share(1.0 * whole / n)
                              || CASE whole WHEN 1 THEN ') was' ELSE ') were' END END
               || ' recorded completely'
               || coalesce('; excluded: ' || (SELECT group_concat(fmt_count(n) || ' '
                       || coalesce(replace(replace(state, '_', ' '), 'open at end', 'still open at the end'),
                                   'of unknown state'), ', ')
                    FROM (SELECT state, sum(n_main) AS n FROM flow_state WHERE state IS NOT 'whole' GROUP BY state
                        HAVING sum(n_main) > 0
                        ORDER BY 2 DESC)), '')
               FROM (SELECT sum(CASE state WHEN 'whole' THEN n_main ELSE 0 END) AS whole, sum(n_main) AS n
                     FROM flow_state HAVING sum(n_main) > 0)), 'nothing was recorded')
  || '.';

-- And of the kinds that have a paragraph of their own.
--: text
--: if other_kind
SELECT upper(substr(words, 1, 1)) || substr(words, 2) || '.' FROM flow_complete ORDER BY ord, flow;

--: text
--: if audit
SELECT CASE WHEN sum(verdict = 'off') > 0
         THEN fmt_count(sum(verdict = 'off')) || ' of ' || plural(sum(verdict <> 'n/a'), 'kernel counter')
              || CASE sum(verdict = 'off') WHEN 1 THEN ' disagrees' ELSE ' disagree' END
              || ' with the recording (ktrace-report audit).'
         WHEN sum(verdict <> 'n/a') = 1 THEN 'The one kernel counter agrees with the recording.'
         ELSE 'All ' || fmt_count(sum(verdict <> 'n/a')) || ' kernel counters agree with the recording.' END
FROM audit HAVING sum(verdict <> 'n/a') > 0;

--: warn
--: if probe
SELECT plural(count(*), 'hook was', 'hooks were')
       || ' not attached (ktrace-report probes): ' || group_concat(hook, ', ') || '.'
FROM (SELECT DISTINCT hook FROM probe WHERE state IN ('missing', 'refused') ORDER BY hook) HAVING count(*) > 0;

--: warn
WITH r AS (
  SELECT run_id, boot_id, start_ns, start_ns + dur_ns AS end_ns, kinds, '["' || replace(kinds, ',', '","')
         || '"]' AS families FROM run)
SELECT 'Runs ' || a.run_id || ' and ' || b.run_id || ' were recorded on the same machine and overlap by '
       || fmt_ns(min(a.end_ns, b.end_ns) - max(a.start_ns, b.start_ns))
       || CASE WHEN EXISTS (SELECT 1 FROM load WHERE run_id IN (a.run_id, b.run_id) AND state = 'duplicate')
               THEN ': operations, requests and bios seen by both count in one run only (state duplicate in the '
                 || 'other); scheduler and interrupt times count in each.'
               ELSE ': that time may be counted twice in figures that are not broken down by run; '
                    || 'to avoid this, analyze one of them alone.' END
FROM r a JOIN r b ON b.run_id > a.run_id AND b.boot_id = a.boot_id
WHERE a.boot_id <> '' AND min(a.end_ns, b.end_ns) > max(a.start_ns, b.start_ns)
  -- other families hold nothing twice
  AND ((json_valid(a.families) AND json_valid(b.families)) IS NOT 1
       OR EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(a.families) THEN a.families ELSE '[]' END) x
                JOIN json_each(CASE WHEN json_valid(b.families) THEN b.families ELSE '[]' END) y ON y.value = x.value
                WHERE x.value <> 'core'));

--: warn
SELECT CASE count(*) WHEN 1 THEN 'The clock offset of run ' || min(run_id) || ' is'
            ELSE 'The clock offsets of ' || fmt_count(count(*)) || ' runs are' END
       || ' unknown: compare durations between runs, not points in time.'
FROM run WHERE clock_err_ns IS NULL AND (SELECT count(*) FROM run) > 1 HAVING count(*) > 0;

--: use summary_io_tables

--: table ops By disk and operation
--: unless io_main
--: column run id group optional
--: column disk text group
--: column op text
--: column n count
--: column iops number "IOPS"
--: column mib_s number wide "MiB/s"
--: column mean_ns duration
--: column p50_ns duration
--: column p99_ns duration
--: column max_ns duration
--: column time_share percent "time"
--: column bar bar ""
WITH size AS (
  SELECT run_id, device_id, op, sum(bytes) AS bytes FROM volume WHERE state = 'whole' GROUP BY 1, 2, 3)
SELECT s.run, d.name AS disk, s.op, s.n, s.n * 1e9 / nullif(sp.dur_ns, 0) AS iops,
       size.bytes * 1e9 / 1048576 / nullif(sp.dur_ns, 0) AS mib_s,
       s.mean_ns, s.p50_ns, s.p99_ns, s.max_ns,
       1.0 * s.sum_ns / nullif(sum(s.sum_ns) OVER (), 0) AS time_share,
       1.0 * s.sum_ns / nullif(sum(s.sum_ns) OVER (), 0) AS bar
FROM stat s JOIN span sp ON sp.run_id = s.run_id
LEFT JOIN size ON size.run_id = s.run_id AND size.device_id = s.device_id AND size.op = s.op
LEFT JOIN device_name d ON d.device_id = s.device_id
WHERE s.is_main AND s.stage = 'total'
ORDER BY s.run, sum(s.sum_ns) OVER (PARTITION BY s.device_id) DESC, disk, s.sum_ns DESC, s.op LIMIT coalesce(:top, 10);

--: table stages Where the time went
--: unless io_main
--: column run id group optional
--: column disk text group
--: column op text group
--: column stage text
--: column mean_ns duration
--: column p99_ns duration
--: column share percent
--: column bar bar ""
WITH shown AS (
  SELECT run_id, device_id, op FROM stat WHERE is_main AND stage = 'total' ORDER BY sum_ns DESC LIMIT coalesce(:top, 6))
SELECT s.run, d.name AS disk, s.op, s.stage, s.mean_ns, s.p99_ns, s.share, s.share AS bar
FROM shown JOIN stat s USING (run_id, device_id, op) LEFT JOIN device_name d USING (device_id)
WHERE s.is_main AND s.stage <> 'total'
ORDER BY s.run, max(s.total_ns) OVER (PARTITION BY s.device_id) DESC, disk, s.total_ns DESC, s.op, s.ord;

--: table slow The slowest
--: unless io_main
--: column id text "ID"
--: column start_ns time
--: column disk text
--: column op text
--: column size_bytes bytes
--: column dur_ns duration "total"
--: column mostly text
--: column task text
SELECT id, start_ns, disk, op, size_bytes, dur_ns, mostly, coalesce(request_task, bio_task) AS task
FROM slow_named ORDER BY dur_ns DESC, start_ns LIMIT min(coalesce(:top, 5), 5);

--: table tasks Who submitted
--: unless io_main
--: column run id optional
--: column task text
--: column tid id
--: column op text
--: column bios count
--: column bytes bytes
--: column total_ns duration "total time"
--: column share percent
--: column bar bar ""
WITH sums AS (
  SELECT run_id, utid, op, sum(n) AS bios, sum(bytes) AS bytes, sum(sum_ns) AS total_ns FROM by_task GROUP BY 1, 2, 3)
SELECT shown_run(s.run_id) AS run, t.comm AS task, t.tid, s.op, bios, bytes, total_ns,
       1.0 * total_ns / nullif(sum(total_ns) OVER (), 0) AS share,
       1.0 * total_ns / nullif(sum(total_ns) OVER (), 0) AS bar
FROM sums s LEFT JOIN task t USING (utid)
ORDER BY total_ns DESC, t.tid, s.op LIMIT coalesce(:top, 5);

--: table sched Tasks
--: if sched_opening
--: column run id group optional
--: column task text
--: column tid id
--: column run_ns duration "ran"
--: column cpu_share percent "of one CPU"
--: column runq_ns duration "waited"
--: column max_runq_ns duration "longest"
--: column max_by text optional "behind"
--: column bar bar "running, waiting"
SELECT shown_run(s.run_id) AS run, s.comm AS task, s.tid, s.run_ns, 1.0 * s.run_ns / nullif(r.dur_ns, 0) AS cpu_share,
       s.runq_ns, s.max_runq_ns, b.comm AS max_by,
       1.0 * (s.run_ns + coalesce(s.runq_ns, 0)) / nullif(max(s.run_ns + coalesce(s.runq_ns, 0)) OVER (), 0) AS bar
FROM shown s JOIN run r ON r.run_id = s.run_id LEFT JOIN task b ON b.utid = s.max_runq_by_utid
ORDER BY run, coalesce(s.run_ns, 0) + coalesce(s.runq_ns, 0) DESC, s.tid LIMIT coalesce(:top, 10);

--: use recording

--: setup
CREATE TEMP TABLE its_own(words);
--: if io_main
--: setup
INSERT INTO its_own
SELECT '; ' || plural(sum(n), 'operation') || ' of ktrace-record itself ' || CASE sum(n) WHEN 1 THEN 'is' ELSE 'are' END
       || CASE WHEN :recorder THEN ' included' ELSE ' excluded' END FROM io_load
WHERE utid IN io_own HAVING sum(n) > 0;
--: unless io_main
--: setup
INSERT INTO its_own SELECT '; ktrace-record itself submitted ' || plural(n, 'bio') FROM own WHERE n > 0;

--: text
--: if cost
SELECT 'Recording cost ' || coalesce(fmt_share(1.0 * sum(bpf_ns) / sum(CASE WHEN bpf_ns IS NOT NULL THEN dur_ns END))
    || ' of one CPU in BPF and ', '')
       || coalesce(fmt_share(1.0 * sum(user_ns) / sum(dur_ns)) || ' of one in user space, ', '')
       || coalesce(fmt_bytes(max(rss_bytes)) || ' of memory and ', '')
       || coalesce((SELECT fmt_bytes(sum(file_bytes)) || ' of file for ' || plural(sum(events), 'event') FROM run),
                   'a file of unknown size')
       || coalesce((SELECT words FROM its_own), '') || '.'
FROM cost HAVING sum(dur_ns) > 0;
