-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Difference
--: about what got better or worse between two databases, in which stage, with what confidence, and what else differs
--: other
--: flows io request bio
--: needs stage_stats latency_hist device run load busy

-- The flows that count: requests, with the bios' wait for one before them; bios of disks without requests.
--: setup
CREATE TEMP TABLE name(side INTEGER, device_id INTEGER, disk TEXT, flow TEXT, PRIMARY KEY (side, device_id))
  WITHOUT ROWID;
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
  SELECT 0 AS side, device_id FROM main.stage_stats WHERE flow = 'request' UNION SELECT 1, device_id
  FROM other.stage_stats WHERE flow = 'request')
SELECT side, device_id, disk,
       CASE WHEN (side, disk) IN (SELECT side, disk FROM d JOIN r USING (side, device_id)) THEN 'request' ELSE 'bio' END
FROM d;

-- What is compared, of all but ktrace-record itself: operations that waited for a disk; and, as a flow `cached` of its
-- own, those that the page cache served, which have only that stage and are taken out of the total.
--: setup
CREATE TEMP VIEW hist AS
SELECT 0 AS side, run_id, flow, stage, device_id, op, second, bucket, n, sum_ns, is_own FROM main.latency_hist
UNION ALL
SELECT 1, run_id, flow, stage, device_id, op, second, bucket, n, sum_ns, is_own FROM other.latency_hist;
--: setup
CREATE TEMP TABLE compared AS
SELECT side, run_id, flow, stage, device_id, op, second, bucket, n, sum_ns FROM hist
WHERE (flow <> 'io' OR stage NOT IN ('total', 'cached')) AND (:recorder OR is_own IS NOT 1)
UNION ALL
SELECT side, run_id, 'cached', 'total', device_id, op, second, bucket, n, sum_ns FROM hist
WHERE flow = 'io' AND stage = 'cached' AND (:recorder OR is_own IS NOT 1)
UNION ALL
SELECT side, run_id, 'io', 'total', device_id, op, second, bucket, sum(CASE stage WHEN 'total' THEN n ELSE -n END),
       sum(CASE stage WHEN 'total' THEN sum_ns ELSE -sum_ns END)
FROM hist WHERE flow = 'io' AND stage IN ('total', 'cached') AND (:recorder OR is_own IS NOT 1)
GROUP BY side, run_id, device_id, op, second, bucket HAVING sum(CASE stage WHEN 'total' THEN n ELSE -n END) > 0;

--: setup
CREATE TEMP TABLE series AS
SELECT value AS j, value ->> 'disk' AS disk, value ->> 'flow' AS flow, value ->> 'op' AS op, value ->> 'stage' AS stage,
       CASE WHEN value ->> 'flow' IN ('io', 'cached') THEN 'io' ELSE 'block' END AS of_kind,
       value ->> 'flow' NOT IN ('io', 'cached') AS ord,
       CASE value ->> 'flow' WHEN 'cached' THEN ' from the page cache' WHEN 'request' THEN ' requests'
         WHEN 'bio' THEN ' bios' ELSE '' END AS what
FROM json_each((
  SELECT compare_hist(n.side, n.disk, h.flow, h.op, h.stage, h.run_id, h.second, h.bucket, h.n, h.sum_ns,
                      (SELECT value FROM main.meta WHERE key = 'epoch_realtime_ns') IS (SELECT value FROM other.meta
                        WHERE key = 'epoch_realtime_ns'))
  FROM compared h CROSS JOIN name n ON n.side = h.side AND n.device_id = h.device_id
  WHERE CASE WHEN :flow IS NULL
             THEN h.flow = n.flow OR h.flow IN ('io', 'cached') OR (h.flow = 'bio' AND h.stage IN ('alloc', 'total'))
             ELSE CASE h.flow WHEN 'cached' THEN 'io' ELSE h.flow END = :flow END
    AND (:op IS NULL OR h.op = :op)))
WHERE value IS NOT NULL;
-- Of a bio that gets a request, only the wait for it: the rest is the request's.
--: setup
DELETE FROM series
WHERE :flow IS NULL AND flow = 'bio' AND stage <> 'alloc' AND disk IN (SELECT disk FROM name WHERE flow = 'request');

--: setup
CREATE TEMP TABLE diff_words AS
SELECT one, one || 's' AS many, CASE one WHEN 'operation' THEN 'an ' ELSE 'a ' END || one AS of_one, 'I/O' AS some
FROM (SELECT coalesce(nullif(:flow, 'io'), 'operation') AS one);
--: use diff_verdict

-- What requests and bios show is the same finding where an operation on that disk says it already.
--: setup
DELETE FROM finding WHERE of_kind = 'block' AND EXISTS (SELECT 1 FROM finding i
    WHERE i.of_kind = 'io' AND i.disk = finding.disk AND i.word = finding.word);
--: setup
UPDATE verdict SET says = 0 WHERE of_kind = 'block' AND EXISTS (SELECT 1 FROM verdict
    WHERE of_kind = 'io' AND stage = 'total' AND min(n_before, n_after) > 0);

--: use diff_said

--: use differs

--: table diff By disk, operation and stage
--: column flow text group optional
--: column disk text group
--: column op text group
--: column stage text
--: column n_before count wide "n before"
--: column n_after count wide "n after"
--: column before_ns duration "before"
--: column after_ns duration "after"
--: column change change "change"
--: column low change wide
--: column high change wide
--: column p number wide "p"
--: column verdict text
--: column tail_before_ns duration wide "p99 before"
--: column tail_after_ns duration wide "p99 after"
--: column tail_change change wide "p99"
--: column tail_low change data
--: column tail_high change data
--: column tail_verdict text "p99 verdict"
--: column margin percent data
--: column tail_margin percent data
--: column share percent data
--: column is_finding count data
--: column blocks_before count data
--: column blocks_after count data
--: empty The two recordings have no disk and operation in common.
SELECT CASE WHEN EXISTS (SELECT 1 FROM verdict WHERE of_kind = 'io') THEN u.of_kind END AS flow, u.disk, u.op,
       CASE u.flow WHEN 'cached' THEN 'cached' ELSE u.stage END AS stage, u.n_before, u.n_after,
       u.before_ns, u.after_ns, u.change, u.low, u.high, u.p_all AS p, u.verdict, u.tail_before_ns, u.tail_after_ns,
       u.tail_change,
       u.tail_low, u.tail_high, u.tail_verdict, u.margin, u.tail_margin, u.share,
       EXISTS (SELECT 1 FROM finding f WHERE f.disk = u.disk AND f.flow = u.flow AND f.op = u.op
         AND u.stage = 'total') AS is_finding,
       u.blocks_before, u.blocks_after
FROM verdict u
WHERE u.n_before + u.n_after > 0 AND EXISTS (SELECT 1 FROM verdict x WHERE x.disk = u.disk AND x.flow = u.flow
    AND x.op = u.op AND min(x.n_before, x.n_after) > 0)
  -- of operations that were few, only the total
  AND (u.flow <> 'io' OR u.stage = 'total' OR u.low IS NOT NULL)
ORDER BY u.ord, max(CASE u.stage WHEN 'total' THEN u.sum_before END) OVER (PARTITION BY u.of_kind, u.disk) DESC,
  u.disk,
         max(CASE u.stage WHEN 'total' THEN u.sum_before END) OVER (PARTITION BY u.of_kind, u.disk, u.op) DESC, u.op,
         CASE u.flow WHEN 'cached' THEN 14 ELSE CASE u.stage WHEN 'submit' THEN -1 WHEN 'throttle' THEN 0
             WHEN 'alloc' THEN 1 WHEN 'plug' THEN 2
           WHEN 'flush' THEN 3 WHEN 'worker' THEN 4 WHEN 'queue' THEN 5 WHEN 'device' THEN 6 WHEN 'complete' THEN 7
             WHEN 'endio' THEN 8 WHEN 'wakeup' THEN 9
           WHEN 'return' THEN 10 WHEN 'blocked' THEN 11 WHEN 'total' THEN 13 ELSE 12 END END;

--: use diff_judged
