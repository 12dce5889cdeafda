-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The filters of the command line, once for all reports. Where it can, a report reads the sums that the analysis left
-- (latency_hist, load, task_load, busy, slowest: by second, device and operation); else it reads rows, and asks of a flow
--	request_id IN kept_request, bio_id IN kept_bio
-- which are filled only then (filter.by_row; for reports by submitter filter.by_bio). A request is a task's or a cgroup's
-- if one of its bios is. --since and --until look at when a flow ended. device_name(device_id, run_id, name, disk_id,
-- disk): every device with the whole disk that it is part of.

--: setup
CREATE TEMP VIEW device_name AS
SELECT d.device_id, d.run_id, coalesce(d.name, d.dev) AS name,
       coalesce(p.device_id, d.device_id) AS disk_id, coalesce(p.name, d.name, d.dev) AS disk,
       coalesce(p.dev, d.dev) AS disk_dev, d.dev
FROM main.device d LEFT JOIN main.device p ON p.device_id = d.parent_id;

-- A time that is no whole second: from rows if they are few, else the seconds that hold it.
--: setup
CREATE TEMP TABLE filter AS
WITH w AS (
  SELECT coalesce(:since_ns, :until_ns) IS NOT NULL AS timed,
         coalesce(:since_ns, 0) % 1000000000 <> 0 OR coalesce(:until_ns, 0) % 1000000000 <> 0 AS split,
         CASE WHEN :since_ns IS NULL THEN -9223372036854775807 ELSE :since_ns / 1000000000 - (:since_ns % 1000000000 < 0) END
           AS from_s,
         CASE WHEN :until_ns IS NULL THEN 9223372036854775807 ELSE (:until_ns + 999999999) / 1000000000 END AS to_s),
f AS (
  SELECT *, split AND coalesce((SELECT sum(n) FROM load WHERE second >= from_s AND second < to_s), 0) <= 400000
              AS fine
  FROM w)
SELECT timed, from_s, to_s, split AND NOT fine AND :over_ns IS NULL AND coalesce(:task, :cgroup) IS NULL AS rounded,
       coalesce(:disk, :op, :task, :cgroup, :since_ns, :until_ns, :over_ns) IS NOT NULL AS given,
       coalesce(:task, :cgroup, :over_ns) IS NOT NULL OR (timed AND fine)
         OR EXISTS (SELECT 1 FROM device WHERE :disk IN (name, dev) AND parent_id IS NOT NULL) AS by_row,
       :over_ns IS NOT NULL OR (timed AND fine)
         -- sums of operations are those of the whole disk
         OR EXISTS (SELECT 1 FROM device WHERE :disk IN (name, dev) AND parent_id IS NOT NULL) AS by_bio
FROM f;

--: text
SELECT 'With so many I/Os, times are taken in whole seconds: what ended from '
       || coalesce(CASE WHEN :since_ns IS NOT NULL THEN from_s END || ' s', 'the start') || ' to '
       || coalesce(CASE WHEN :until_ns IS NOT NULL THEN to_s END || ' s', 'the end') || '.'
FROM filter WHERE rounded;

--: warn
SELECT 'There is nothing to show from --since on: the recording ends ' || fmt_ns(max(start_ns + dur_ns)) || ' after its start.'
FROM run WHERE :since_ns IS NOT NULL HAVING max(start_ns + dur_ns) <= :since_ns;
--: warn
SELECT 'There is nothing to show before --until: the recording starts after that, and is ' || fmt_ns(max(start_ns + dur_ns)) || ' long.'
FROM run WHERE :until_ns IS NOT NULL HAVING min(start_ns) >= :until_ns;
--: warn
SELECT 'There is nothing to show: --until is not after --since.' WHERE :until_ns <= :since_ns;

-- How long each run was, within --since and --until.
--: setup
CREATE TEMP TABLE span AS
SELECT run_id, max(0, min(start_ns + dur_ns, until_ns) - max(start_ns, since_ns)) AS dur_ns
FROM run, (SELECT CASE WHEN :until_ns IS NULL THEN 9223372036854775807 WHEN rounded THEN to_s * 1000000000 ELSE :until_ns END
                    AS until_ns,
                  CASE WHEN :since_ns IS NULL THEN -9223372036854775807 WHEN rounded THEN from_s * 1000000000 ELSE :since_ns END
                    AS since_ns
           FROM filter);

-- The devices that --disk names: a disk with its partitions, or one partition.
--: setup
CREATE TEMP TABLE kept_device AS
SELECT device_id FROM device_name WHERE :disk IS NULL OR :disk IN (name, dev, disk, disk_dev);

-- The disks of the partitions that it names.
--: setup
CREATE TEMP TABLE kept_whole AS
SELECT DISTINCT disk_id AS device_id FROM device_name WHERE :disk IN (name, dev) AND disk_id <> device_id;

--: setup
CREATE TEMP TABLE kept_task AS
SELECT utid FROM task WHERE :task IS NULL OR comm = :task OR CAST(tid AS TEXT) = :task;

--: setup
CREATE TEMP TABLE kept_cgroup AS
SELECT ucgid FROM cgroup
WHERE :cgroup IS NULL OR path = :cgroup OR :cgroup = '/' OR substr(path, 1, length(:cgroup) + 1) = :cgroup || '/';

-- Rows are numbered by birth: those that ended in these seconds lie close together.
--: setup
CREATE TEMP TABLE id_range AS
SELECT flow, min(min_id) AS min_id, max(max_id) AS max_id
FROM load, filter WHERE second >= from_s AND second < to_s AND (by_row OR by_bio) GROUP BY flow;

--: setup
CREATE TEMP TABLE kept_bio(bio_id INTEGER PRIMARY KEY);
--: setup
INSERT INTO kept_bio
SELECT b.bio_id
FROM id_range g CROSS JOIN bio b ON b.bio_id BETWEEN g.min_id AND g.max_id
WHERE g.flow = 'bio'
  AND (:disk IS NULL OR b.device_id IN kept_device)
  AND (:op IS NULL OR b.op = :op)
  AND (:since_ns IS NULL OR b.start_ns + ifnull(b.dur_ns, 0) >= :since_ns)
  AND (:until_ns IS NULL OR b.start_ns + ifnull(b.dur_ns, 0) < :until_ns)
  AND (:over_ns IS NULL OR b.dur_ns >= :over_ns)
  AND (:task IS NULL OR b.utid IN kept_task)
  AND (:cgroup IS NULL OR b.ucgid IN kept_cgroup);

--: setup
CREATE TEMP TABLE kept_request(request_id INTEGER PRIMARY KEY);
--: setup
INSERT INTO kept_request
SELECT r.request_id
FROM filter f CROSS JOIN id_range g CROSS JOIN request r ON r.request_id BETWEEN g.min_id AND g.max_id
WHERE f.by_row AND g.flow = 'request'
  AND (:disk IS NULL
       OR r.device_id IN (SELECT device_id FROM device WHERE :disk IN (name, dev))
       OR r.part_device_id IN (SELECT device_id FROM device WHERE :disk IN (name, dev)))
  AND (:op IS NULL OR r.op = :op)
  AND (:since_ns IS NULL OR r.start_ns + ifnull(r.dur_ns, 0) >= :since_ns)
  AND (:until_ns IS NULL OR r.start_ns + ifnull(r.dur_ns, 0) < :until_ns)
  AND (:over_ns IS NULL OR r.dur_ns >= :over_ns)
  AND (coalesce(:task, :cgroup) IS NULL OR r.request_id IN (
       SELECT br.request_id FROM bio_request br JOIN bio b USING (bio_id)
       WHERE (:task IS NULL OR b.utid IN kept_task) AND (:cgroup IS NULL OR b.ucgid IN kept_cgroup)));

-- Disks that take bios themselves: there the bio is the flow to look at, elsewhere the request.
--: setup
CREATE TEMP TABLE bio_disk AS
SELECT DISTINCT device_id FROM stage_stats JOIN device_name USING (device_id)
WHERE flow = 'bio' AND disk_id NOT IN (SELECT device_id FROM stage_stats WHERE flow = 'request' AND device_id IS NOT NULL);

-- How few these are: else SQLite takes each for a million rows, and reads whole tables to filter what it looks up in them.
--: setup
ANALYZE temp;
