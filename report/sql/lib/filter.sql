-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The filters of the command line, once for all reports. A report asks of a flow
--	(SELECT NOT given FROM filter) OR request_id IN kept_request
-- and likewise kept_bio. A request is a task's or a cgroup's if one of its bios is. device_name(device_id, run_id, name,
-- disk_id, disk): every device with the whole disk that it is part of.

--: setup
CREATE TEMP TABLE filter AS SELECT
  coalesce(:disk, :op, :task, :cgroup, :since_ns, :until_ns, :over_ns) IS NOT NULL AS given,
  -- only disk and operation: the statistics that the analysis left are already grouped by these
  coalesce(:task, :cgroup, :since_ns, :until_ns, :over_ns) IS NULL
    AND NOT EXISTS (SELECT 1 FROM device WHERE :disk IN (name, dev) AND parent_id IS NOT NULL) AS by_group,
  coalesce(:since_ns, 0) AS since_ns;

--: setup
CREATE TEMP VIEW device_name AS
SELECT d.device_id, d.run_id, coalesce(d.name, d.dev) AS name,
       coalesce(p.device_id, d.device_id) AS disk_id, coalesce(p.name, d.name, d.dev) AS disk,
       coalesce(p.dev, d.dev) AS disk_dev, d.dev
FROM main.device d LEFT JOIN main.device p ON p.device_id = d.parent_id;

-- How long each run was, within --since and --until.
--: setup
CREATE TEMP TABLE span AS
SELECT run_id, max(0, min(start_ns + dur_ns, coalesce(:until_ns, start_ns + dur_ns))
                      - max(start_ns, coalesce(:since_ns, start_ns))) AS dur_ns
FROM run;

--: setup
CREATE TEMP TABLE kept_bio(bio_id INTEGER PRIMARY KEY);
--: setup
INSERT INTO kept_bio
SELECT b.bio_id
FROM bio b
WHERE (SELECT given FROM filter)
  AND (:disk IS NULL OR b.device_id IN
       (SELECT device_id FROM device_name WHERE :disk IN (name, dev, disk, disk_dev)))
  AND (:op IS NULL OR b.op = :op)
  AND (:since_ns IS NULL OR b.start_ns >= :since_ns)
  AND (:until_ns IS NULL OR b.start_ns < :until_ns)
  AND (:over_ns IS NULL OR b.dur_ns >= :over_ns)
  AND (:task IS NULL OR b.utid IN (SELECT utid FROM task WHERE comm = :task OR CAST(tid AS TEXT) = :task))
  AND (:cgroup IS NULL OR b.ucgid IN
       (SELECT ucgid FROM cgroup WHERE path = :cgroup OR :cgroup = '/'
                                    OR substr(path, 1, length(:cgroup) + 1) = :cgroup || '/'));

--: setup
CREATE TEMP TABLE kept_request(request_id INTEGER PRIMARY KEY);
--: setup
INSERT INTO kept_request
SELECT r.request_id
FROM request r
WHERE (SELECT given FROM filter)
  AND (:disk IS NULL
       OR r.device_id IN (SELECT device_id FROM device WHERE :disk IN (name, dev))
       OR r.part_device_id IN (SELECT device_id FROM device WHERE :disk IN (name, dev)))
  AND (:op IS NULL OR r.op = :op)
  AND (:since_ns IS NULL OR r.start_ns >= :since_ns)
  AND (:until_ns IS NULL OR r.start_ns < :until_ns)
  AND (:over_ns IS NULL OR r.dur_ns >= :over_ns)
  AND (coalesce(:task, :cgroup) IS NULL OR r.request_id IN (
       SELECT br.request_id FROM bio_request br JOIN bio b USING (bio_id)
       WHERE (:task IS NULL OR b.utid IN (SELECT utid FROM task WHERE comm = :task OR CAST(tid AS TEXT) = :task))
         AND (:cgroup IS NULL OR b.ucgid IN
              (SELECT ucgid FROM cgroup WHERE path = :cgroup OR :cgroup = '/'
                                           OR substr(path, 1, length(:cgroup) + 1) = :cgroup || '/'))));

-- Disks that take bios themselves: there the bio is the flow to look at, elsewhere the request.
--: setup
CREATE TEMP TABLE bio_disk AS
SELECT DISTINCT device_id FROM stage_stats JOIN device_name USING (device_id)
WHERE flow = 'bio' AND disk_id NOT IN (SELECT device_id FROM stage_stats WHERE flow = 'request' AND device_id IS NOT NULL);
