-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table slow_flow: the slowest whole requests, and bios of disks without requests; those of ktrace-record itself only
-- with --recorder.
--: use filter
--: use kept

--: setup
CREATE TEMP TABLE slow_own AS
SELECT utid FROM task WHERE :recorder IS NULL AND is_recorder;

-- From table slowest, unless a filter needs the rows.
--: setup
CREATE TEMP TABLE slow_from_list AS
SELECT s.* FROM filter f CROSS JOIN slowest s
WHERE NOT f.by_row AND s.second >= f.from_s AND s.second < f.to_s
  AND (flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk))
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device OR part_device_id IN kept_part);

-- It holds 32 of each second. What it left out there is no slower than those: below the greatest such duration it is
-- not complete; then all rows are read, once: the plus before state keeps SQLite from making an index for that.
--: setup
CREATE TEMP TABLE slow_found AS
SELECT flow, flow_id, dur_ns FROM slow_from_list s
WHERE CASE flow
        WHEN 'bio' THEN (SELECT utid FROM bio WHERE bio_id = flow_id) IN slow_own
        ELSE EXISTS (SELECT 1 FROM bio b WHERE b.request_id = flow_id AND b.utid IN slow_own) END IS NOT 1
  -- not all of the list need have a row
  AND (NOT EXISTS (SELECT 1 FROM rows_from)
       OR CASE flow WHEN 'bio' THEN EXISTS (SELECT 1 FROM bio WHERE bio_id = flow_id)
            ELSE EXISTS (SELECT 1 FROM request WHERE request_id = flow_id) END)
ORDER BY dur_ns DESC LIMIT coalesce(:top, 20);

--: setup
CREATE TEMP TABLE slow_by_row AS
SELECT (SELECT by_row FROM filter)
       OR EXISTS (SELECT 1 FROM (SELECT min(dur_ns) AS least FROM slow_from_list
                                 GROUP BY run_id, second, flow, device_id, part_device_id, op HAVING count(*) >= 32)
                  WHERE least > coalesce((SELECT min(dur_ns) FROM slow_found
                        HAVING count(*) >= coalesce(:top, 20)), 0)) AS yes;

--: setup
CREATE TEMP TABLE slow_row AS
SELECT * FROM (
  SELECT 'request' AS flow, r.request_id AS flow_id, r.dur_ns
  FROM filter f CROSS JOIN kept_request k CROSS JOIN request r ON r.request_id = k.request_id
  WHERE f.by_row AND r.state = 'whole'
    AND NOT EXISTS (SELECT 1 FROM bio b WHERE b.request_id = r.request_id AND b.utid IN slow_own)
  ORDER BY r.dur_ns DESC LIMIT coalesce(:top, 20))
UNION ALL
SELECT * FROM (
  SELECT 'bio', b.bio_id, b.dur_ns
  FROM filter f CROSS JOIN kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id
  WHERE f.by_row AND b.state = 'whole' AND b.device_id IN bio_disk AND (b.utid IN slow_own) IS NOT 1
  ORDER BY b.dur_ns DESC LIMIT coalesce(:top, 20))
UNION ALL
SELECT * FROM (
  SELECT 'request', request_id, dur_ns
  FROM slow_by_row y CROSS JOIN filter f CROSS JOIN request r
  WHERE y.yes AND NOT f.by_row
    AND dur_ns >= (SELECT CASE WHEN count(*) >= coalesce(:top, 20) THEN min(dur_ns) ELSE 0 END FROM slow_found)
    AND +state = 'whole' AND (:op IS NULL OR op = :op)
    AND (:disk IS NULL OR device_id IN kept_device OR part_device_id IN kept_part)
    AND (NOT timed OR (start_ns + dur_ns) / 1000000000 BETWEEN from_s AND to_s - 1)
    AND NOT EXISTS (SELECT 1 FROM bio b WHERE b.request_id = r.request_id AND b.utid IN slow_own)
  ORDER BY dur_ns DESC LIMIT coalesce(:top, 20))
UNION ALL
SELECT * FROM (
  SELECT 'bio', bio_id, dur_ns
  FROM slow_by_row y CROSS JOIN filter f CROSS JOIN bio b
  WHERE y.yes AND NOT f.by_row
    AND dur_ns >= (SELECT CASE WHEN count(*) >= coalesce(:top, 20) THEN min(dur_ns) ELSE 0 END FROM slow_found)
    AND +state = 'whole' AND device_id IN bio_disk AND (utid IN slow_own) IS NOT 1
    AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
    AND (NOT timed OR (start_ns + dur_ns) / 1000000000 BETWEEN from_s AND to_s - 1)
  ORDER BY dur_ns DESC LIMIT coalesce(:top, 20));

--: setup
CREATE TEMP TABLE slow_flow AS
SELECT * FROM (
  SELECT 'r' || request_id AS id, request_id, NULL AS bio_id, run_id, r.device_id, op, size_bytes, start_ns, r.dur_ns,
         plug_ns, queue_ns, device_ns, complete_ns, worker_ns, flush_ns
  FROM slow_found s CROSS JOIN request r ON r.request_id = s.flow_id
  WHERE s.flow = 'request' AND (SELECT NOT yes FROM slow_by_row)
  UNION ALL
  SELECT 'b' || bio_id, NULL, bio_id, run_id, b.device_id, op, size_bytes, start_ns, b.dur_ns, NULL, NULL, device_ns,
         NULL, NULL, NULL
  FROM slow_found s CROSS JOIN bio b ON b.bio_id = s.flow_id
  WHERE s.flow = 'bio' AND (SELECT NOT yes FROM slow_by_row)
  UNION ALL
  SELECT 'r' || r.request_id, r.request_id, NULL, run_id, device_id, op, size_bytes, start_ns, r.dur_ns,
         plug_ns, queue_ns, device_ns, complete_ns, worker_ns, flush_ns
  FROM slow_row s CROSS JOIN request r ON r.request_id = s.flow_id WHERE s.flow = 'request'
  UNION ALL
  SELECT 'b' || b.bio_id, NULL, b.bio_id, run_id, device_id, op, size_bytes, start_ns, b.dur_ns, NULL, NULL, device_ns,
         NULL, NULL, NULL
  FROM slow_row s CROSS JOIN bio b ON b.bio_id = s.flow_id WHERE s.flow = 'bio')
ORDER BY dur_ns DESC LIMIT coalesce(:top, 20);

--: warn
SELECT 'The list of the slowest is complete only from ' || fmt_ns(keep_ns) || ' on: ' || words || '.'
FROM rows_from
WHERE coalesce(:over_ns, 0) < keep_ns
  AND (SELECT count(*) FROM slow_flow WHERE dur_ns >= keep_ns) < CASE WHEN EXISTS (SELECT 1 FROM listing)
    THEN coalesce(:top, 20) ELSE min(coalesce(:top, 5), 5) END
  AND (SELECT count(*) FROM slow_flow) < (SELECT total(n) FROM load
    WHERE (flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk)) AND state = 'whole');

-- The names, and where most of the time was.
--: setup
CREATE TEMP VIEW slow_named AS
SELECT s.*, d.name AS disk,
       CASE max(coalesce(plug_ns, 0), coalesce(queue_ns, 0), coalesce(device_ns, 0), coalesce(complete_ns, 0),
           coalesce(worker_ns, 0), coalesce(flush_ns, 0))
         WHEN device_ns THEN 'device ' || fmt_share(1.0 * device_ns / dur_ns)
         WHEN queue_ns THEN 'queue ' || fmt_share(1.0 * queue_ns / dur_ns)
         WHEN plug_ns THEN 'plug ' || fmt_share(1.0 * plug_ns / dur_ns)
         WHEN worker_ns THEN 'worker ' || fmt_share(1.0 * worker_ns / dur_ns)
         WHEN flush_ns THEN 'flush ' || fmt_share(1.0 * flush_ns / dur_ns)
         WHEN complete_ns THEN 'complete ' || fmt_share(1.0 * complete_ns / dur_ns)
       END AS mostly,
       (SELECT t.comm FROM main.bio b JOIN main.task t ON t.utid = b.utid
        WHERE b.bio_id = (SELECT min(x.bio_id) FROM main.bio x WHERE x.request_id = s.request_id)) AS request_task,
       (SELECT t.comm FROM main.bio b JOIN main.task t ON t.utid = b.utid WHERE b.bio_id = s.bio_id) AS bio_task
FROM slow_flow s LEFT JOIN device_name d ON d.device_id = s.device_id;
