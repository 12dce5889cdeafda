-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The summary's answer where operations were recorded: what the programs waited for. What the page cache served is told
-- apart, and so is what the kernel did for itself.
--: use io

-- What counts: operations that needed a disk, of programs; of the kernel where there are no others.
--: setup
CREATE TEMP TABLE waited AS
SELECT * FROM io_sum WHERE NOT is_cached AND (:recorder OR NOT is_own)
  AND is_app = (SELECT coalesce(max(is_app), 0) FROM io_sum WHERE NOT is_cached AND (:recorder OR NOT is_own));

--: setup
CREATE TEMP TABLE waited_part AS
SELECT stage,
       -- what a flush is to come before lies in plug until that is done
       CASE WHEN stage = 'plug' AND total(CASE WHEN op IN ('fsync', 'fdatasync', 'sync', 'syncfs', 'commit') THEN sum_ns END) > 0.5 * total(sum_ns)
            THEN 'held back until a flush was done' ELSE words END AS words, total(sum_ns) / nullif(total(total_ns), 0) AS share
FROM io_part WHERE NOT is_cached AND (:recorder OR NOT is_own) AND is_app = (SELECT max(is_app) FROM waited) AND stage NOT IN ('total', 'cached')
GROUP BY stage;

-- For whom, doing what, where: the greatest part.
--: setup
CREATE TEMP TABLE waited_most AS
SELECT *, 1.0 * total_ns / (SELECT nullif(total(total_ns), 0) FROM waited) AS share FROM (
  SELECT run_id, kind, op, device_id, utid, ucgid, is_app, sum(n) AS n, sum(total_ns) AS total_ns, sum(device_ns) AS device_ns
  FROM waited GROUP BY 1, 2, 3, 4, 5, 6)
ORDER BY total_ns DESC LIMIT 1;

--: text
SELECT CASE WHEN max(is_app) THEN 'Programs waited ' ELSE 'The kernel waited ' END || fmt_ns(sum(total_ns)) || ' for disks, in '
       || fmt_count(sum(n)) || CASE sum(n) WHEN 1 THEN ' operation' ELSE ' operations' END || ': '
       || (SELECT group_concat(words, ', ') FROM (
             SELECT fmt_share(share) || CASE row_number() OVER (ORDER BY share DESC) WHEN 1 THEN ' of that was ' ELSE ' ' END || words AS words
             FROM waited_part WHERE share >= 0.03 ORDER BY share DESC LIMIT 3)) || '.'
FROM waited HAVING sum(n) > 0;

--: text
SELECT CASE WHEN m.share > 0.995 THEN 'It was ' WHEN m.share > 0.5 THEN 'Most of it was ' ELSE 'The greatest part was ' END
       || CASE WHEN (SELECT count(*) FROM run) > 1 THEN 'in run ' || m.run_id || ' ' ELSE '' END
       || coalesce(t.comm, 'a task that is not known') || coalesce(' [' || t.tid || ']', '') || coalesce(' in ' || nullif(c.path, '/'), '') || ': '
       || fmt_count(m.n) || ' ' || coalesce(CASE m.n WHEN 1 THEN m.op ELSE o.words END, 'operations') || coalesce(' on ' || d.name, '')
       || CASE m.kind WHEN 'io_uring' THEN ' through io_uring' WHEN 'aio' THEN ' through libaio' ELSE '' END
       || CASE WHEN m.share > 0.995 THEN ', ' ELSE ' (' || fmt_share(m.share) || ' of the time), ' END || fmt_ns(1.0 * m.total_ns / m.n) || CASE WHEN m.n > 1 THEN ' on average' ELSE '' END
       || CASE WHEN m.n >= 100 THEN ', p99 ' || fmt_ns(h.stats ->> 'p99') WHEN m.n > 1 THEN ', at most ' || fmt_ns(h.stats ->> 'max') ELSE '' END
       || coalesce('; of that ' || fmt_share(1.0 * m.device_ns / m.total_ns) || ' was the device', '') || '.'
FROM waited_most m LEFT JOIN task t ON t.utid = m.utid LEFT JOIN cgroup c ON c.ucgid = m.ucgid LEFT JOIN io_op o ON o.op = m.op
LEFT JOIN device_name d ON d.device_id = m.device_id,
(SELECT hist_stats(b.bucket, b.n, b.sum_ns, b.max_ns) AS stats FROM io_bucket b, waited_most w
 WHERE NOT b.is_cached AND b.run_id = w.run_id AND b.kind IS w.kind AND b.op IS w.op AND b.device_id IS w.device_id AND b.utid IS w.utid
   AND b.ucgid IS w.ucgid) h;

-- Who was in the way: of whole operations, or of all where no filter asks for some.
--: setup
CREATE TEMP TABLE in_way(cause, by_utid, by_irq, ns, ios);
--: if disturbance
--: setup
INSERT INTO in_way
SELECT d.cause, d.by_utid, d.by_irq, sum(d.dur_ns), count(DISTINCT d.flow_id)
FROM filter f CROSS JOIN disturbance d CROSS JOIN io i ON i.io_id = d.flow_id
WHERE (f.given OR (SELECT max(rowid) <= 300000 FROM disturbance)) AND d.flow = 'io' AND i.state = 'whole' AND (:recorder OR i.utid IN io_own IS NOT 1)
  AND i.kind IN app_kind = (SELECT coalesce(max(is_app), 0) FROM waited)
  AND CASE WHEN f.by_bio THEN i.io_id IN kept_io
           ELSE (:disk IS NULL OR i.device_id IN kept_device) AND (:op IS NULL OR i.op = :op) AND (:task IS NULL OR i.utid IN kept_task)
                AND (:cgroup IS NULL OR i.ucgid IN kept_cgroup)
                AND (NOT f.timed OR (i.start_ns + i.dur_ns) / 1000000000 BETWEEN f.from_s AND f.to_s - 1) END
GROUP BY d.cause, d.by_utid, d.by_irq;
-- With so many of them, those of the kernel's own operations are not told apart.
--: if disturbance
--: setup
INSERT INTO in_way
SELECT d.cause, d.by_utid, d.by_irq, sum(d.dur_ns), count(*)
FROM filter f CROSS JOIN disturbance d
WHERE NOT f.given AND (SELECT max(rowid) > 300000 FROM disturbance) AND d.flow = 'io'
GROUP BY d.cause, d.by_utid, d.by_irq;

--: text
SELECT 'For ' || fmt_ns(s.runq) || ' (' || fmt_share(1.0 * s.runq / s.total) || ') of it they were ready to run, but had no CPU'
       || coalesce(': ' || (SELECT coalesce(t.comm, 'a task that is not known') || coalesce(' [' || t.tid || ']', '') || ' had it for '
                              || fmt_ns(w.ns) || ' of that'
                            FROM in_way w LEFT JOIN task t ON t.utid = w.by_utid WHERE w.cause = 'runq' AND w.by_utid IS NOT NULL
                            ORDER BY w.ns DESC LIMIT 1), '')
       || CASE WHEN s.irq >= 0.01 * s.total THEN '; interrupts took ' || fmt_ns(s.irq) || ' (' || fmt_share(1.0 * s.irq / s.total) || ')'
               ELSE '' END || '.'
FROM (SELECT sum(runq_ns) AS runq, total(irq_ns) + total(softirq_ns) AS irq, sum(total_ns) AS total FROM waited) s
WHERE s.runq >= 0.01 * s.total OR s.irq >= 0.01 * s.total;

--: text
SELECT 'The page cache served ' || fmt_count(sum(n)) || ' more ' || coalesce(CASE WHEN count(DISTINCT op) = 1 THEN max(words) END, 'operations')
       || ' (' || fmt_share(1.0 * sum(n) / (SELECT sum(n) FROM io_sum WHERE (:recorder OR NOT is_own) AND is_app)) || ' of all), in ' || fmt_ns(1.0 * sum(total_ns) / sum(n))
       || CASE WHEN sum(n) > 1 THEN ' on average, ' || fmt_ns(sum(total_ns)) || ' altogether' ELSE '' END || '.'
FROM io_sum LEFT JOIN io_op USING (op) WHERE is_cached AND is_app AND (:recorder OR NOT is_own) HAVING sum(n) > 0;

--: text
SELECT 'Beside that the kernel worked for itself: ' || group_concat(words, ', ') || '.' FROM (
  SELECT fmt_count(sum(n)) || ' ' || coalesce(CASE WHEN sum(n) > 1 THEN o.words WHEN op = 'commit' THEN 'journal commit' ELSE op END, 'others') || ' (' || fmt_ns(1.0 * sum(total_ns) / sum(n))
         || CASE WHEN sum(n) > 1 THEN ' on average)' ELSE ')' END AS words
  FROM io_sum LEFT JOIN io_op o USING (op)
  WHERE NOT is_app AND (:recorder OR NOT is_own) AND (SELECT max(is_app) FROM waited) GROUP BY op ORDER BY sum(total_ns) DESC LIMIT 4)
HAVING count(*) > 0;

--: text
--: if io_main
SELECT 'There is no whole operation to tell of' || CASE WHEN given THEN ' with these filters.' ELSE '.' END
FROM filter WHERE NOT EXISTS (SELECT 1 FROM io_sum);

--: text How sure
--: if io_main
SELECT coalesce((SELECT CASE WHEN sum(n) IS NULL THEN 'An unknown number of events was lost'
                           WHEN sum(n) = 1 THEN '1 event was lost' ELSE fmt_count(sum(n)) || ' events were lost' END
                      || ' (' || fmt_ns(sum(dur_ns)) || ' in ' || count(*) || CASE count(*) WHEN 1 THEN ' interval)' ELSE ' intervals)' END
               FROM lost_interval HAVING count(*) > 0), 'No event was lost')
  || '; ' || coalesce((SELECT fmt_share(1.0 * sum(CASE state WHEN 'whole' THEN n ELSE 0 END) / sum(n)) || ' of '
               || fmt_count(sum(n)) || ' operations are whole'
               || coalesce(', left out are ' || (SELECT group_concat(fmt_count(n) || ' ' || replace(state, '_', ' '), ', ')
                    FROM (SELECT state, sum(n) AS n FROM load WHERE flow = 'io' AND state <> 'whole' GROUP BY state
                          ORDER BY 2 DESC)), '')
               FROM load WHERE flow = 'io' HAVING sum(n) > 0), 'nothing was recorded')
  || '.';

-- How the bios below know to which operation they belong.
--: text
--: if io_main
SELECT fmt_share(1.0 * sum(CASE WHEN link IS NOT NULL THEN n ELSE 0 END) / sum(n)) || ' of ' || fmt_count(sum(n))
       || ' bios are linked to the operation that caused them'
       || CASE WHEN sum(CASE link WHEN 'inferred' THEN n END) > 0
               THEN ', ' || fmt_count(sum(CASE link WHEN 'inferred' THEN n END)) || ' of these by inference' ELSE '' END || '.'
FROM load WHERE flow = 'bio' AND NOT is_split HAVING sum(n) > 0;
