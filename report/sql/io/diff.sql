-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Difference
--: about what got better or worse between two databases, in which stage, with what confidence, and what else differs
--: other
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

-- What is compared: operations that waited for a disk; and, as a flow `cached` of its own, those that the page cache
-- served, which have only that stage and are taken out of the total.
--: setup
CREATE TEMP VIEW hist AS
SELECT 0 AS side, run_id, flow, stage, device_id, op, second, bucket, n, sum_ns FROM main.latency_hist
UNION ALL
SELECT 1, run_id, flow, stage, device_id, op, second, bucket, n, sum_ns FROM other.latency_hist;
--: setup
CREATE TEMP TABLE compared AS
SELECT side, run_id, flow, stage, device_id, op, second, bucket, n, sum_ns FROM hist
WHERE flow <> 'io' OR stage NOT IN ('total', 'cached')
UNION ALL
SELECT side, run_id, 'cached', 'total', device_id, op, second, bucket, n, sum_ns FROM hist
WHERE flow = 'io' AND stage = 'cached'
UNION ALL
SELECT side, run_id, 'io', 'total', device_id, op, second, bucket, sum(CASE stage WHEN 'total' THEN n ELSE -n END),
       sum(CASE stage WHEN 'total' THEN sum_ns ELSE -sum_ns END)
FROM hist WHERE flow = 'io' AND stage IN ('total', 'cached')
GROUP BY side, run_id, device_id, op, second, bucket HAVING sum(CASE stage WHEN 'total' THEN n ELSE -n END) > 0;

--: setup
CREATE TEMP TABLE series AS
SELECT value AS j, value ->> 'disk' AS disk, value ->> 'flow' AS flow, value ->> 'op' AS op, value ->> 'stage' AS stage,
       value ->> 'flow' IN ('io', 'cached') AS is_io
FROM json_each((
  SELECT compare_hist(n.side, n.disk, h.flow, h.op, h.stage, h.run_id, h.second, h.bucket, h.n, h.sum_ns,
                      (SELECT value FROM main.meta WHERE key = 'epoch_realtime_ns') IS (SELECT value FROM other.meta
                        WHERE key = 'epoch_realtime_ns'))
  FROM compared h CROSS JOIN name n ON n.side = h.side AND n.device_id = h.device_id
  WHERE (h.flow = n.flow OR h.flow IN ('io', 'cached') OR (h.flow = 'bio' AND h.stage IN ('alloc', 'total')))
    AND (:op IS NULL OR h.op = :op)))
WHERE value IS NOT NULL;

-- How far apart two recordings of the same load may be for reasons that neither shows: the machine wanders from minute
-- to minute. In pairs such reasons drop out, and it is by chance alone that one may be beyond a margin as small;
-- several runs show themselves by how much they differ. What is the same is so within the wider one in all. A mean that
-- falls by 20 % is as far as one that rises by 25 %.
--: setup
CREATE TEMP TABLE margin AS
SELECT 'single' AS design, 0.25 AS mean, -0.20 AS mean_down, 0.50 AS tail, -0.33 AS tail_down, 0.10 AS same_mean,
       0.25 AS same_tail, 0.01 AS p_most
UNION ALL SELECT 'repeated', 0.05, -0.05, 0.10, -0.10, 0.10, 0.25, 0.01
UNION ALL SELECT 'paired', 0.02, -0.02, 0.05, -0.05, 0.10, 0.25, 0.001;

-- The verdict rests on the whole interval: beyond the margin, within it, or neither. share: of the time of all flows of
-- its kind, before or after.
--: setup
CREATE TEMP TABLE verdict AS
WITH q AS (
  SELECT disk, flow, is_io, op, stage, j ->> 'n0' AS n_before, j ->> 'n1' AS n_after, j ->> 'mean0' AS before_ns,
         j ->> 'mean1' AS after_ns,
         j ->> 'change' AS change, j ->> 'low' AS low, j ->> 'high' AS high, j ->> 'p' AS p,
         j ->> 'tail0' AS tail_before_ns, j ->> 'tail1' AS tail_after_ns,
         j ->> 'tail_change' AS tail_change, j ->> 'tail_low' AS tail_low, j ->> 'tail_high' AS tail_high,
         j ->> 'blocks0' AS blocks_before, j ->> 'blocks1' AS blocks_after,
         CASE WHEN j ->> 'paired' THEN 'paired' WHEN j ->> 'repeated' THEN 'repeated' ELSE 'single' END AS design,
         1.0 * (j ->> 'sum0') AS sum_before, 1.0 * (j ->> 'sum1') AS sum_after
  FROM series),
-- Holm's correction over all comparisons of the same kind
h AS (
  SELECT disk, flow, op, stage, min(1.0, max(p * (m - place + 1)) OVER (PARTITION BY stage = 'total'
        ORDER BY p ROWS UNBOUNDED PRECEDING)) AS p_all
  FROM (SELECT *, row_number() OVER (PARTITION BY stage = 'total' ORDER BY p) AS place,
      count(*) OVER (PARTITION BY stage = 'total') AS m FROM q
    WHERE p IS NOT NULL AND (is_io OR flow = 'request' OR stage = 'alloc'
      OR disk NOT IN (SELECT disk FROM name WHERE flow = 'request')))),
s AS (
  SELECT is_io, sum(sum_before) AS all_before, sum(sum_after) AS all_after FROM q
  WHERE stage = 'total' AND (is_io OR flow = 'request'
    OR disk NOT IN (SELECT disk FROM name WHERE flow = 'request')) GROUP BY is_io)
SELECT q.*, p_all, m.mean AS margin, m.tail AS tail_margin,
       CASE WHEN low > m.mean AND p_all < m.p_most THEN 'worse' WHEN high < m.mean_down
         AND p_all < m.p_most THEN 'better' WHEN low > -m.same_mean AND high < m.same_mean THEN 'same'
            ELSE 'not certain' END AS verdict,
       CASE WHEN tail_change IS NULL THEN NULL WHEN tail_low > m.tail THEN 'worse'
         WHEN tail_high < m.tail_down THEN 'better'
            WHEN tail_low > -m.same_tail AND tail_high < m.same_tail THEN 'same' ELSE 'not certain' END AS tail_verdict,
       max(coalesce(sum_before / nullif(all_before, 0), 0), coalesce(sum_after / nullif(all_after, 0), 0)) AS share
FROM q CROSS JOIN margin m ON m.design = q.design LEFT JOIN s USING (is_io) LEFT JOIN h USING (disk, flow, op, stage)
-- of a bio that gets a request, only the wait for it: the rest is the request's
WHERE NOT (q.flow = 'bio' AND q.stage <> 'alloc' AND q.disk IN (SELECT disk FROM name WHERE flow = 'request'));

-- What a sentence is worth: the whole of an operation, at least 1 % of the time, in both. What requests and bios show
-- is the same finding where an operation on that disk says it already.
--: setup
CREATE TEMP TABLE finding AS
SELECT v.*, CASE WHEN v.verdict IN ('worse', 'better') THEN v.verdict ELSE v.tail_verdict END AS word,
       v.verdict NOT IN ('worse', 'better') AS in_tail,
       CASE v.flow WHEN 'cached' THEN ' from the page cache' WHEN 'request' THEN ' requests' WHEN 'bio' THEN ' bios'
         ELSE '' END AS what
FROM verdict v
WHERE stage = 'total' AND (verdict IN ('worse', 'better') OR tail_verdict IN ('worse', 'better')) AND share >= 0.01
  AND n_before > 0 AND n_after > 0;
--: setup
DELETE FROM finding WHERE NOT is_io AND EXISTS (SELECT 1 FROM finding i
    WHERE i.is_io AND i.disk = finding.disk AND i.word = finding.word);

-- The stages that make up most of a change.
--: setup
CREATE TEMP TABLE because AS
SELECT disk, flow, op, group_concat(stage || CASE WHEN added > 0 THEN ' +' ELSE ' -' END
    || fmt_ns(abs(added)), ', ') AS words
FROM (SELECT f.disk, f.flow, f.op, s.stage, s.after_ns - s.before_ns AS added,
             row_number() OVER (PARTITION BY f.disk, f.flow, f.op ORDER BY abs(s.after_ns - s.before_ns) DESC) AS place
      FROM finding f JOIN verdict s ON s.disk = f.disk AND s.flow = f.flow AND s.op = f.op AND s.stage <> 'total'
      WHERE NOT f.in_tail AND (s.after_ns - s.before_ns) / (f.after_ns - f.before_ns) >= 0.2
      ORDER BY 1, 2, 3, abs(s.after_ns - s.before_ns) DESC)
WHERE place <= 3 GROUP BY disk, flow, op;

--: text
SELECT CASE word WHEN 'worse' THEN 'Worse' ELSE 'Better' END || CASE WHEN in_tail THEN ' in the tail: ' ELSE ': ' END
       || disk || ', ' || op || what
       || ': ' || CASE WHEN in_tail THEN 'p99 ' || fmt_ns(tail_after_ns) || ', was ' || fmt_ns(tail_before_ns)
                                         || ' (' || fmt_change(tail_change) || ', 99.9 % interval '
                                         || fmt_interval(tail_low, tail_high) || '); the mean is '
                                         || CASE verdict WHEN 'same' THEN 'the same' ELSE verdict END
                       ELSE 'mean ' || fmt_ns(after_ns) || ', was ' || fmt_ns(before_ns)
                            || ' (' || fmt_change(change) || ', 99 % interval ' || fmt_interval(low, high) || ')'
                            || coalesce('; ' || b.words, '')
                            || CASE WHEN tail_verdict IN ('worse', 'better')
                                    THEN '; p99 ' || fmt_ns(tail_after_ns) || ', was ' || fmt_ns(tail_before_ns)
                                    ELSE '' END END || '.'
FROM finding f LEFT JOIN because b USING (disk, flow, op)
ORDER BY is_io DESC, word DESC, abs(after_ns - before_ns) * n_after DESC LIMIT coalesce(:top, 5);

--: text
SELECT CASE WHEN sum(verdict = 'same') = count(*) AND count(*) > 1 THEN CASE count(*) WHEN 2 THEN 'Both' ELSE 'All '
      || count(*) END || ' operations are the same: their means are within '
            WHEN sum(verdict = 'same') = count(*) THEN 'It is the same: the mean is within '
            ELSE 'No operation is certainly better or worse by more than ' END
       || CASE WHEN sum(verdict = 'same') = count(*) THEN (SELECT fmt_share(max(same_mean)) FROM margin)
               WHEN min(margin) = max(margin) THEN fmt_share(max(margin)) ELSE fmt_share(min(margin)) || ' to '
                 || fmt_share(max(margin)) END
       || CASE WHEN sum(verdict = 'same') = count(*) THEN ' of before.'
               WHEN sum(verdict = 'same') > 0 THEN ': ' || sum(verdict = 'same') || ' of ' || count(*)
                 || CASE sum(verdict = 'same') WHEN 1 THEN ' is' ELSE ' are' END || ' the same, '
                 || sum(verdict <> 'same') || ' not certain.'
               ELSE '.' END
FROM verdict v WHERE stage = 'total' AND share >= 0.01 AND n_before > 0 AND n_after > 0
  AND NOT EXISTS (SELECT 1 FROM finding)
  AND (is_io OR NOT EXISTS (SELECT 1 FROM verdict WHERE is_io))
HAVING count(*) > 0;

-- What a longer recording could decide.
--: text
SELECT 'Not certain: ' || disk || ', ' || op || CASE flow WHEN 'cached' THEN ' from the page cache'
    WHEN 'request' THEN ' requests' WHEN 'bio' THEN ' bios' ELSE '' END
       || ': mean ' || fmt_ns(after_ns) || ', was ' || fmt_ns(before_ns) || ' ('
       || CASE WHEN low IS NULL THEN 'too few or too short: at least 3 seconds with I/O are needed on each side'
               ELSE fmt_change(change) || ', 99 % interval ' || fmt_interval(low, high) END || ')'
       || CASE WHEN design = 'single' AND (low > same_mean OR high < -same_mean)
               THEN '; single recordings of one load can differ by as much: make three on each side.' ELSE '.' END
FROM verdict v JOIN (SELECT design, same_mean FROM margin) USING (design)
WHERE stage = 'total' AND verdict = 'not certain' AND share >= 0.05 AND n_before > 0 AND n_after > 0
  AND (is_io OR NOT EXISTS (SELECT 1 FROM verdict WHERE is_io))
  AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.disk = v.disk AND f.flow = v.flow AND f.op = v.op)
ORDER BY share DESC LIMIT min(coalesce(:top, 3), 3);

--: warn
SELECT 'Only in the ' || CASE WHEN n_after = 0 THEN 'first' ELSE 'second' END || ': '
       || group_concat(DISTINCT disk || ' ' || op) || '.'
FROM verdict WHERE stage = 'total' AND min(n_before, n_after) = 0 GROUP BY n_after = 0;

-- Each half says for itself what it leaves out.
--: warn
SELECT CASE side WHEN 0 THEN 'First' ELSE 'Second' END || ': ' || plural(n, 'interval')
       || ' with lost events; flows open at that time are excluded.'
FROM (SELECT 0 AS side, count(*) AS n FROM main.lost_interval UNION ALL SELECT 1, count(*) FROM other.lost_interval)
WHERE n > 0;

--: use differs

--: table diff The operations
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
SELECT CASE WHEN EXISTS (SELECT 1 FROM verdict WHERE is_io) THEN CASE u.is_io WHEN 1 THEN 'io'
      ELSE 'block' END END AS flow, u.disk, u.op,
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
ORDER BY u.is_io DESC, max(CASE u.stage WHEN 'total' THEN u.sum_before END) OVER (PARTITION BY u.is_io, u.disk) DESC,
  u.disk,
         max(CASE u.stage WHEN 'total' THEN u.sum_before END) OVER (PARTITION BY u.is_io, u.disk, u.op) DESC, u.op,
         CASE u.flow WHEN 'cached' THEN 14 ELSE CASE u.stage WHEN 'submit' THEN -1 WHEN 'throttle' THEN 0
             WHEN 'alloc' THEN 1 WHEN 'plug' THEN 2
           WHEN 'flush' THEN 3 WHEN 'worker' THEN 4 WHEN 'queue' THEN 5 WHEN 'device' THEN 6 WHEN 'complete' THEN 7
             WHEN 'endio' THEN 8 WHEN 'wakeup' THEN 9
           WHEN 'return' THEN 10 WHEN 'blocked' THEN 11 WHEN 'total' THEN 13 ELSE 12 END END;

--: text How it was judged
SELECT 'before, after: the mean time of an operation, and what each stage adds to it. change: relative to the total '
       || 'before; low, high: its 99 % interval, from the variation between '
       || CASE WHEN min(design) = 'repeated' AND max(design) = 'repeated' THEN 'runs'
            WHEN max(design = 'repeated') THEN 'runs or whole seconds'
            ELSE 'whole seconds (at least 3 on each side)' END
       || '. worse, better: the interval lies beyond the margin of ' || group_concat(mean_words, ' or ')
       || ', and p < ' || max(p_most) || ' after Holm''s correction for the number of comparisons; same: the interval '
       || 'lies within ' || max(same_words) || '; not certain: neither. p99 is that of the total, judged by its '
       || '99.9 % interval and a margin of ' || group_concat(tail_words, ' or ')
       || ', the same within ' || max(same_tail_words) || '. The sentences above cover operations with at least 1 % of '
       || 'the time.'
       || CASE WHEN max(design = 'paired') THEN ' Both cover the same time: their seconds are compared in pairs.'
            ELSE '' END
       || CASE WHEN max(design = 'single') THEN ' The margin is wide because single recordings of one load differ from '
              || 'run to run; with three or more runs on each side it is '
            || fmt_share((SELECT mean FROM margin WHERE design = 'repeated')) || '.' ELSE '' END
FROM (SELECT DISTINCT m.design, m.p_most, CASE WHEN m.mean = -m.mean_down THEN fmt_share(m.mean)
      ELSE fmt_interval(m.mean_down, m.mean) END AS mean_words,
        CASE WHEN m.tail = -m.tail_down THEN fmt_share(m.tail) ELSE fmt_interval(m.tail_down, m.tail) END AS tail_words,
        fmt_share(m.same_mean) AS same_words, fmt_share(m.same_tail) AS same_tail_words
      FROM verdict v JOIN margin m ON m.design = v.design WHERE v.low IS NOT NULL)
HAVING count(*) > 0;
