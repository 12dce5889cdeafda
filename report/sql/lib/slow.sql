-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table slow_flow: the slowest whole requests, and bios of disks without requests; those of ktrace-record itself only
-- with --recorder.
--: use filter

--: setup
CREATE TEMP TABLE own_bio(bio_id INTEGER PRIMARY KEY);
--: setup
INSERT INTO own_bio
SELECT bio_id FROM bio WHERE :recorder IS NULL AND utid IN (SELECT utid FROM task WHERE is_recorder);

--: setup
CREATE TEMP TABLE slow_flow AS
SELECT * FROM (
  SELECT * FROM (
    SELECT 'r' || request_id AS id, request_id, NULL AS bio_id, run_id, device_id, op, size_bytes, start_ns, dur_ns,
           plug_ns, queue_ns, device_ns, complete_ns
    FROM request
    WHERE state = 'whole' AND ((SELECT NOT given FROM filter) OR request_id IN kept_request)
      AND request_id NOT IN (SELECT request_id FROM bio_request WHERE bio_id IN own_bio)
    ORDER BY dur_ns DESC LIMIT coalesce(:top, 20))
  UNION ALL
  SELECT * FROM (
    SELECT 'b' || bio_id, NULL, bio_id, run_id, device_id, op, size_bytes, start_ns, dur_ns, NULL, NULL, device_ns, NULL
    FROM bio
    WHERE state = 'whole' AND device_id IN bio_disk AND ((SELECT NOT given FROM filter) OR bio_id IN kept_bio)
      AND bio_id NOT IN own_bio
    ORDER BY dur_ns DESC LIMIT coalesce(:top, 20)))
ORDER BY dur_ns DESC LIMIT coalesce(:top, 20);

-- The names, and where most of the time was.
--: setup
CREATE TEMP VIEW slow_named AS
SELECT s.*, d.name AS disk,
       CASE max(coalesce(plug_ns, 0), coalesce(queue_ns, 0), coalesce(device_ns, 0), coalesce(complete_ns, 0))
         WHEN device_ns THEN 'device ' || fmt_share(1.0 * device_ns / dur_ns)
         WHEN queue_ns THEN 'queue ' || fmt_share(1.0 * queue_ns / dur_ns)
         WHEN plug_ns THEN 'plug ' || fmt_share(1.0 * plug_ns / dur_ns)
         WHEN complete_ns THEN 'complete ' || fmt_share(1.0 * complete_ns / dur_ns)
       END AS mostly,
       (SELECT t.comm FROM main.bio b JOIN main.task t ON t.utid = b.utid
        WHERE b.bio_id = (SELECT min(x.bio_id) FROM main.bio x WHERE x.request_id = s.request_id)) AS request_task,
       (SELECT t.comm FROM main.bio b JOIN main.task t ON t.utid = b.utid WHERE b.bio_id = s.bio_id) AS bio_task
FROM slow_flow s LEFT JOIN device_name d ON d.device_id = s.device_id;
