-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table slow_io(io_id): the slowest whole operations, --top of them and 20 at least; those of ktrace-record itself only
-- with --recorder. View slow_io_named: with names, stages as pieces of a line, and what was in the way.
--: use io

-- From table slowest; a filter by task or cgroup, and times that are no whole seconds, look at those rows.
--: setup
CREATE TEMP TABLE slow_io_list(run_id, second, device_id, op, io_id, dur_ns);
--: if io_main
--: setup
INSERT INTO slow_io_list
SELECT s.run_id, s.second, s.device_id, s.op, s.flow_id, s.dur_ns
FROM filter f CROSS JOIN slowest s
WHERE s.flow = 'io' AND s.second >= f.from_s AND s.second < f.to_s
  AND (:op IS NULL OR s.op = :op) AND (:disk IS NULL OR s.device_id IN kept_device OR s.device_id IN kept_whole);

--: setup
CREATE TEMP TABLE slow_io_found(io_id, dur_ns);
--: if io_main
--: setup
INSERT INTO slow_io_found
SELECT l.io_id, l.dur_ns
FROM slow_io_list l CROSS JOIN filter f CROSS JOIN io i ON i.io_id = l.io_id
WHERE (:over_ns IS NULL OR l.dur_ns >= :over_ns)
  AND (:disk IS NULL OR i.device_id IN kept_device OR i.part_device_id IN kept_device)
  AND (:recorder IS NOT NULL OR i.utid IN io_own IS NOT 1)
  AND (:task IS NULL OR i.utid IN kept_task) AND (:cgroup IS NULL OR i.ucgid IN kept_cgroup)
  AND (f.rounded OR ((:since_ns IS NULL OR i.start_ns + i.dur_ns >= :since_ns)
                     AND (:until_ns IS NULL OR i.start_ns + i.dur_ns < :until_ns)))
ORDER BY l.dur_ns DESC LIMIT max(coalesce(:top, 20), 20);

-- It holds 32 of each second, device and operation: what it left out there is no slower than those. If such a one could
-- belong to the answer, the rows have to say.
--: setup
CREATE TEMP TABLE slow_io_by_row AS
SELECT EXISTS (SELECT 1 FROM (SELECT min(dur_ns) AS least FROM slow_io_list GROUP BY run_id, second, device_id, op
      HAVING count(*) >= 32)
               WHERE least > coalesce((SELECT min(dur_ns) FROM slow_io_found
                     HAVING count(*) >= max(coalesce(:top, 20), 20)), :over_ns - 1, 0)) AS yes;

--: setup
CREATE TEMP TABLE slow_io AS
SELECT io_id, dur_ns FROM slow_io_found WHERE (SELECT NOT yes FROM slow_io_by_row);
--: if io_main
--: setup
INSERT INTO slow_io
SELECT i.io_id, i.dur_ns
FROM slow_io_by_row y CROSS JOIN filter f CROSS JOIN
     (SELECT min(min_id) AS min_id, max(max_id) AS max_id
      FROM load, filter WHERE flow = 'io' AND second >= from_s AND second < to_s) g
      CROSS JOIN io i ON i.io_id BETWEEN g.min_id AND g.max_id
WHERE y.yes AND i.state = 'whole'
  AND i.dur_ns >= max(coalesce(:over_ns, 0), coalesce((SELECT min(dur_ns) FROM slow_io_found
        HAVING count(*) >= max(coalesce(:top, 20), 20)), 0))
  AND (:recorder IS NOT NULL OR i.utid IN io_own IS NOT 1)
  AND (:op IS NULL OR i.op = :op) AND (:disk IS NULL OR i.device_id IN kept_device OR i.part_device_id IN kept_device)
  AND (:task IS NULL OR i.utid IN kept_task) AND (:cgroup IS NULL OR i.ucgid IN kept_cgroup)
  AND (NOT f.timed OR (i.start_ns + i.dur_ns) / 1000000000 BETWEEN f.from_s AND f.to_s - 1)
  AND (f.rounded OR ((:since_ns IS NULL OR i.start_ns + i.dur_ns >= :since_ns)
                     AND (:until_ns IS NULL OR i.start_ns + i.dur_ns < :until_ns)))
ORDER BY i.dur_ns DESC LIMIT max(coalesce(:top, 20), 20);

--: warn
--: if io_main
SELECT 'The list of the slowest is complete only from ' || fmt_ns(keep_ns) || ' on: ' || words || '.'
FROM rows_from
WHERE coalesce(:over_ns, 0) < keep_ns
  -- a summary says how many of 20 belong to one stall
  AND (SELECT count(*) FROM slow_io WHERE dur_ns >= keep_ns) < CASE WHEN EXISTS (SELECT 1 FROM listing)
    THEN coalesce(:top, 20) ELSE max(coalesce(:top, 20), 20) END
  AND (SELECT count(*) FROM slow_io) < (SELECT total(n) FROM load WHERE flow = 'io' AND state = 'whole');

-- What was in the way of them, the worst first: "stress-ng 4.20 ms, interrupt virtio0-input 52.0 us".
--: setup
CREATE TEMP TABLE slow_io_way(io_id INTEGER PRIMARY KEY, words TEXT);
--: if disturbance
--: setup
INSERT INTO slow_io_way
SELECT io_id, group_concat(words || ' ' || fmt_ns(ns), ', ') FROM (
  SELECT s.io_id, sum(d.dur_ns) AS ns,
         CASE d.cause WHEN 'runq' THEN coalesce(t.comm, 'other tasks')
           WHEN 'worker' THEN coalesce(t.comm, 'other tasks') WHEN 'irq' THEN 'irq ' || coalesce(d.by_irq, '?')
                      ELSE 'softirq ' || coalesce(d.by_irq, '?') END AS words
  FROM slow_io s CROSS JOIN disturbance d ON d.flow_id = s.io_id AND d.flow = 'io'
  LEFT JOIN task t ON t.utid = d.by_utid
  GROUP BY s.io_id, words HAVING ns * 100 >= max(s.dur_ns) ORDER BY s.io_id, ns DESC)
GROUP BY io_id;

-- The name that its task had when it began.
--: setup
CREATE TEMP TABLE slow_io_name(io_id INTEGER PRIMARY KEY, comm);
--: if task_name
--: setup
INSERT INTO slow_io_name
SELECT v.io_id, v.task_then FROM slow_io s CROSS JOIN v_io v ON v.io_id = s.io_id;

--: setup
CREATE TEMP TABLE slow_io_stage(io_id, name, start_ns, dur_ns);
--: if io_main
--: setup
INSERT INTO slow_io_stage
SELECT s.io_id, g.value ->> 'name', g.value ->> 'start_ns', g.value ->> 'dur_ns'
FROM slow_io s CROSS JOIN json_each(stages_of('io', s.io_id)) g ORDER BY s.io_id, g.key;

--: setup
CREATE INDEX temp.slow_io_stage_id ON slow_io_stage(io_id);

--: setup
CREATE TEMP TABLE slow_io_named(id, start_ns, kind, op, device, path, offset_bytes, size_bytes, dur_ns, task,
    tid, cgroup, mostly,
  line, way, submit_ns, throttle_ns, alloc_ns, plug_ns, queue_ns, device_ns, complete_ns, endio_ns, wakeup_ns,
  return_ns,
  between_ns, cached_ns, blocked_ns, worker_ns, flush_ns, runq_ns, irq_ns, softirq_ns);
--: if io_main
--: setup
INSERT INTO slow_io_named
SELECT 'i' || i.io_id, i.start_ns, i.kind, i.op, d.name, i.path, i.offset_bytes,
       nullif(coalesce(i.moved_bytes, i.size_bytes), 0), i.dur_ns, coalesce(n.comm, t.comm), t.tid, c.path,
       (SELECT name || ' ' || fmt_share(1.0 * sum(dur_ns) / i.dur_ns)
        FROM slow_io_stage g WHERE g.io_id = i.io_id AND i.dur_ns > 0 GROUP BY name ORDER BY sum(dur_ns) DESC LIMIT 1),
       (SELECT group_concat((1.0 * (g.start_ns - i.start_ns) / i.dur_ns) || ' ' || (1.0 * g.dur_ns / i.dur_ns)
           || ' ' || coalesce(y.look, ''), ';')
        FROM slow_io_stage g LEFT JOIN stage_name y ON y.stage = g.name
        WHERE g.io_id = i.io_id AND i.dur_ns > 0 AND g.dur_ns > 0)
       || coalesce((SELECT ';' || group_concat((1.0 * (x.start_ns - i.start_ns) / i.dur_ns) || ' '
             || (1.0 * x.dur_ns / i.dur_ns) || ' ' || CASE x.cause WHEN 'worker' THEN 'runq' ELSE x.cause END, ';')
        FROM disturbance x WHERE x.flow = 'io' AND x.flow_id = i.io_id AND i.dur_ns > 0 AND x.dur_ns * 40 > i.dur_ns),
        ''),
       w.words,
       i.submit_ns, i.throttle_ns, i.alloc_ns, i.plug_ns, i.queue_ns, i.device_ns, i.complete_ns, i.endio_ns,
       i.wakeup_ns,
       i.return_ns, i.between_ns, i.cached_ns, i.blocked_ns, i.worker_ns, i.flush_ns, i.runq_ns, i.irq_ns, i.softirq_ns
FROM slow_io s CROSS JOIN io i ON i.io_id = s.io_id LEFT JOIN device_name d ON d.device_id = i.device_id
LEFT JOIN task t ON t.utid = i.utid LEFT JOIN cgroup c ON c.ucgid = i.ucgid LEFT JOIN slow_io_way w ON w.io_id = i.io_id
LEFT JOIN slow_io_name n ON n.io_id = i.io_id;

-- Operations that were slow for one and the same reason are one stall: those of one disk and stage that share more than
-- half of the shorter's time with the slowest of them. It stands for all of them.
--: setup
CREATE TEMP TABLE slow_io_first AS
SELECT a.io_id, a.dur_ns, i.start_ns, i.device_id, i.run_id,
       (SELECT name FROM slow_io_stage g WHERE g.io_id = a.io_id GROUP BY name ORDER BY sum(g.dur_ns) DESC
         LIMIT 1) AS stage, row_number() OVER (ORDER BY a.dur_ns DESC, i.start_ns) AS place
FROM slow_io a CROSS JOIN io i ON i.io_id = a.io_id;

--: setup
CREATE TEMP TABLE slow_io_stall_of AS
WITH RECURSIVE walk(place, io_id, head_id) AS (
  SELECT place, io_id, io_id FROM slow_io_first WHERE place = 1
  UNION ALL
  SELECT n.place, n.io_id, n.io_id FROM walk w JOIN slow_io_first n ON n.place = w.place + 1)
SELECT w.io_id,
       coalesce((SELECT h.io_id FROM slow_io_first h JOIN slow_io_first m ON m.io_id = w.io_id
                 WHERE h.place < m.place AND h.run_id = m.run_id AND h.device_id IS m.device_id AND h.stage IS m.stage
                   AND 2 * (min(h.start_ns + h.dur_ns, m.start_ns + m.dur_ns) - max(h.start_ns, m.start_ns)) > m.dur_ns
                 ORDER BY h.place LIMIT 1), w.io_id) AS head_id
FROM walk w;

--: setup
CREATE TEMP VIEW slow_io_stall AS
SELECT n.*, (SELECT nullif(count(*), 0) FROM slow_io_stall_of o
    WHERE 'i' || o.head_id = n.id AND o.io_id <> o.head_id) AS others
FROM slow_io_named n WHERE n.id IN (SELECT 'i' || io_id FROM slow_io_stall_of WHERE head_id = io_id);
