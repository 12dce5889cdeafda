-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Difference
--: about which stage differs between two databases, by how much, and whether that is more than noise
--: other
--: needs stage_stats latency_hist device

-- The flows that count: requests, with the bios' wait for one before them; bios of disks without requests.
--: setup
CREATE TEMP TABLE name(side INTEGER, device_id INTEGER, disk TEXT, flow TEXT, PRIMARY KEY (side, device_id)) WITHOUT ROWID;
--: setup
INSERT INTO name
WITH d AS (
  SELECT 0 AS side, d.device_id, coalesce(p.name, d.name, d.dev) AS disk
  FROM main.device d LEFT JOIN main.device p ON p.device_id = d.parent_id
  WHERE :disk IS NULL OR :disk IN (d.name, d.dev, p.name, p.dev)
  UNION ALL
  SELECT 1, d.device_id, coalesce(p.name, d.name, d.dev)
  FROM other.device d LEFT JOIN other.device p ON p.device_id = d.parent_id
  WHERE :disk IS NULL OR :disk IN (d.name, d.dev, p.name, p.dev)),
r AS (
  SELECT 0 AS side, device_id FROM main.stage_stats WHERE flow = 'request' UNION SELECT 1, device_id FROM other.stage_stats WHERE flow = 'request')
SELECT side, device_id, disk,
       CASE WHEN (side, disk) IN (SELECT side, disk FROM d JOIN r USING (side, device_id)) THEN 'request' ELSE 'bio' END
FROM d;

-- Operations that waited for a disk: what the page cache served has only `cached`, and is taken out of the total.
--: setup
CREATE TEMP TABLE io_waited AS
SELECT side, run_id, 'io' AS flow, stage, device_id, op, second, bucket, n, sum_ns FROM (
  SELECT 0 AS side, run_id, stage, device_id, op, second, bucket, n, sum_ns FROM main.latency_hist WHERE flow = 'io' AND stage <> 'total'
  UNION ALL
  SELECT 1, run_id, stage, device_id, op, second, bucket, n, sum_ns FROM other.latency_hist WHERE flow = 'io' AND stage <> 'total')
UNION ALL
SELECT side, run_id, 'io', 'total', device_id, op, second, bucket, sum(n), sum(sum_ns) FROM (
  SELECT 0 AS side, run_id, device_id, op, second, bucket, CASE stage WHEN 'total' THEN n ELSE -n END AS n,
         CASE stage WHEN 'total' THEN sum_ns ELSE -sum_ns END AS sum_ns FROM main.latency_hist WHERE flow = 'io' AND stage IN ('total', 'cached')
  UNION ALL
  SELECT 1, run_id, device_id, op, second, bucket, CASE stage WHEN 'total' THEN n ELSE -n END,
         CASE stage WHEN 'total' THEN sum_ns ELSE -sum_ns END FROM other.latency_hist WHERE flow = 'io' AND stage IN ('total', 'cached'))
GROUP BY side, run_id, device_id, op, second, bucket HAVING sum(n) > 0;

--: setup
CREATE TEMP TABLE series AS
SELECT value AS j, value ->> 'disk' AS disk, value ->> 'flow' AS flow, value ->> 'op' AS op, value ->> 'stage' AS stage
FROM json_each((
  SELECT compare_hist(n.side, n.disk, h.flow, h.op, h.stage, h.run_id, h.second, h.bucket, h.n, h.sum_ns,
                      (SELECT value FROM main.meta WHERE key = 'epoch_realtime_ns') IS (SELECT value FROM other.meta WHERE key = 'epoch_realtime_ns'))
  FROM (SELECT 0 AS side, * FROM main.latency_hist WHERE flow <> 'io' UNION ALL SELECT 1, * FROM other.latency_hist WHERE flow <> 'io'
        UNION ALL
        SELECT * FROM io_waited) h
  CROSS JOIN name n ON n.side = h.side AND n.device_id = h.device_id
  WHERE (h.flow = n.flow OR h.flow = 'io' OR (h.flow = 'bio' AND h.stage = 'alloc')) AND (:op IS NULL OR h.op = :op)))
WHERE value IS NOT NULL;

-- Two questions of each: the usual duration, and the tail. Holm's correction over all answers to the same question.
--: setup
CREATE TEMP TABLE question AS
WITH q AS (
  SELECT disk, flow, op, stage, 'usual' AS what, j ->> 'n0' AS n_before, j ->> 'n1' AS n_after,
         (j ->> 'sum0') / (j ->> 'n0') AS before_ns, (j ->> 'sum1') / (j ->> 'n1') AS after_ns,
         j ->> 'change' AS change, j ->> 'low' AS low, j ->> 'high' AS high, j ->> 'p' AS p,
         j ->> 'blocks0' AS blocks_before, j ->> 'blocks1' AS blocks_after, j ->> 'paired' AS paired
  FROM series WHERE j ->> 'n0' > 0 AND j ->> 'n1' > 0
  UNION ALL
  SELECT disk, flow, op, stage, 'p99', j ->> 'n0', j ->> 'n1', NULL, NULL, j ->> 'tail_change', j ->> 'tail_low', j ->> 'tail_high',
         j ->> 'tail_p', NULL, NULL, NULL
  FROM series WHERE j ->> 'tail_p' IS NOT NULL),
r AS (
  SELECT *, CASE WHEN p IS NOT NULL THEN row_number() OVER (PARTITION BY what, p IS NULL ORDER BY p) END AS place,
         count(p) OVER (PARTITION BY what) AS m FROM q)
SELECT *, CASE WHEN p IS NOT NULL
               THEN min(1.0, max(p * (m - place + 1)) OVER (PARTITION BY what, p IS NULL ORDER BY p ROWS UNBOUNDED PRECEDING)) END AS p_all
FROM r;

--: setup
CREATE TEMP TABLE verdict AS
SELECT *, CASE WHEN p_all IS NULL THEN 'too few'
               WHEN p_all < 0.001 AND change >= 0.01 THEN 'worse'
               WHEN p_all < 0.001 AND change <= -0.01 THEN 'better'
               ELSE 'same' END AS verdict,
       (after_ns - before_ns) * n_after AS added_ns
FROM question;

--: text
SELECT CASE verdict WHEN 'worse' THEN 'Slower: ' ELSE 'Faster: ' END || disk || ', ' || op || CASE flow WHEN 'io' THEN ' (operation)' ELSE '' END || ': '
       || CASE stage WHEN 'total' THEN 'the whole of it' ELSE 'stage ' || stage END || ' took ' || fmt_ns(after_ns) || ' on average, before '
       || fmt_ns(before_ns) || '; usually ' || CASE WHEN change > 0 THEN '+' ELSE '-' END || fmt_share(abs(change))
       || ' (95 % interval ' || CASE WHEN low > 0 THEN '+' WHEN low < 0 THEN '-' ELSE '' END || fmt_share(abs(low)) || ' to '
       || CASE WHEN high > 0 THEN '+' WHEN high < 0 THEN '-' ELSE '' END || fmt_share(abs(high)) || ').'
FROM verdict WHERE verdict IN ('worse', 'better') AND what = 'usual' AND stage <> 'total'
ORDER BY verdict DESC, abs(added_ns) DESC LIMIT coalesce(:top, 5);

--: text
SELECT CASE verdict WHEN 'worse' THEN 'Slower tail: ' ELSE 'Faster tail: ' END || disk || ', ' || op || CASE flow WHEN 'io' THEN ' (operation)' ELSE '' END || ': the 99th percentile of '
       || CASE stage WHEN 'total' THEN 'the whole' ELSE 'stage ' || stage END || ' is '
       || CASE WHEN change > 0 THEN '+' ELSE '-' END || fmt_share(abs(change)) || ' off.'
FROM verdict t WHERE verdict IN ('worse', 'better') AND what = 'p99' AND stage <> 'total'
  AND NOT EXISTS (SELECT 1 FROM verdict u WHERE u.disk = t.disk AND u.flow = t.flow AND u.op = t.op AND u.stage = t.stage
                    AND u.what = 'usual' AND u.verdict = t.verdict)
ORDER BY verdict DESC, abs(change) DESC LIMIT coalesce(:top, 3);

--: text
SELECT 'No stage differs by more than noise: ' || fmt_count(sum(p IS NOT NULL)) || ' comparisons'
       || CASE WHEN sum(p IS NULL) THEN '; of ' || fmt_count(sum(p IS NULL)) || ' stages there is too little to compare' ELSE '' END || '.'
FROM verdict HAVING sum(verdict IN ('worse', 'better')) = 0 AND sum(p IS NOT NULL) > 0;

--: warn
SELECT 'There is too little to compare: a stage needs 8 blocks of whole seconds with 20 I/Os each, in both recordings.'
WHERE NOT EXISTS (SELECT 1 FROM verdict WHERE p IS NOT NULL);

--: warn
SELECT 'Only in the ' || CASE WHEN j ->> 'n1' = 0 THEN 'first' ELSE 'second' END || ': '
       || group_concat(disk || ' ' || op, ', ') || '.'
FROM series WHERE stage = 'total' AND min(j ->> 'n0', j ->> 'n1') = 0 GROUP BY j ->> 'n1' = 0;

-- Each half says for itself what it leaves out.
--: warn
SELECT CASE side WHEN 0 THEN 'First' ELSE 'Second' END || ': ' || fmt_count(n) || CASE n WHEN 1 THEN ' interval' ELSE ' intervals' END
       || ' with lost events; flows open then are left out.'
FROM (SELECT 0 AS side, count(*) AS n FROM main.lost_interval UNION ALL SELECT 1, count(*) FROM other.lost_interval)
WHERE n > 0;

--: table diff
--: column flow text group optional
--: column disk text group
--: column op text group
--: column stage text
--: column n_before count wide "n before"
--: column n_after count wide "n after"
--: column before_ns duration "before"
--: column after_ns duration "after"
--: column change percent "usual"
--: column low percent wide
--: column high percent wide
--: column p number "p"
--: column verdict text
--: column tail_change percent "p99"
--: column tail_p number wide "p of p99"
--: column tail_verdict text "p99 is"
--: column blocks_before count data
--: column blocks_after count data
--: empty The two have no disk and operation in common.
SELECT CASE WHEN EXISTS (SELECT 1 FROM io_waited) THEN CASE u.flow WHEN 'io' THEN 'io' ELSE 'block' END END AS flow, u.disk, u.op, u.stage, u.n_before, u.n_after, u.before_ns, u.after_ns, u.change, u.low, u.high, u.p_all AS p, u.verdict,
       t.change AS tail_change, t.p_all AS tail_p, t.verdict AS tail_verdict, u.blocks_before, u.blocks_after
FROM verdict u LEFT JOIN verdict t ON t.what = 'p99' AND t.disk = u.disk AND t.flow = u.flow AND t.op = u.op AND t.stage = u.stage
WHERE u.what = 'usual'
  -- of operations that were few, only the total
  AND (u.flow <> 'io' OR u.stage IN ('total', 'cached') OR EXISTS (SELECT 1 FROM verdict x WHERE x.flow = 'io' AND x.disk = u.disk AND x.op = u.op
                                                                     AND x.stage NOT IN ('total', 'cached') AND x.verdict <> 'too few'))
ORDER BY u.flow = 'io' DESC, max(CASE u.stage WHEN 'total' THEN u.before_ns * u.n_before END) OVER (PARTITION BY u.flow = 'io', u.disk) DESC, u.disk,
         max(CASE u.stage WHEN 'total' THEN u.before_ns * u.n_before END) OVER (PARTITION BY u.flow = 'io', u.disk, u.op) DESC, u.op,
         CASE u.stage WHEN 'submit' THEN -1 WHEN 'throttle' THEN 0 WHEN 'alloc' THEN 1 WHEN 'plug' THEN 2 WHEN 'queue' THEN 3 WHEN 'device' THEN 4 WHEN 'complete' THEN 5
                      WHEN 'endio' THEN 6
                      WHEN 'wakeup' THEN 7 WHEN 'return' THEN 8 WHEN 'total' THEN 11 WHEN 'cached' THEN 12 ELSE 10 END;

--: text How it is judged
SELECT 'usual: the change of the geometric mean; p99: of the 99th percentile. Compared are blocks of whole seconds (at least 20 I/Os '
       || 'each, 200 for p99; at most 120) by Welch''s t-test on their logarithms, with fewer degrees of freedom where neighbouring '
       || 'blocks resemble each other'
       || CASE WHEN sum(paired) THEN '; here mostly in pairs, since both cover the same time' ELSE '' END
       || '. p is corrected for the ' || fmt_count(sum(what = 'usual' AND p IS NOT NULL)) || ' comparisons of the usual and the '
       || fmt_count(sum(what = 'p99' AND p IS NOT NULL)) || ' of p99 (Holm); worse and better mean p < 0.001 and a change of at least 1 %.'
FROM verdict HAVING count(p) > 0;
