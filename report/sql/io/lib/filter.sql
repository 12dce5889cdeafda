-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The filters of the command line, once for all reports. Where it can, a report reads the sums that the analysis left
-- (latency_hist, load, task_load, busy, slowest: by second, device and operation); else it reads rows, and asks of a
-- flow
--	request_id IN kept_request, bio_id IN kept_bio
-- which part kept fills only then (filter.by_row; for reports by submitter filter.by_bio). A request is a task's or a
-- cgroup's if one of its bios is. --since and --until look at when a flow ended. device_name(device_id, run_id, name,
-- disk_id, disk): every device with the whole disk that it is part of.
--
-- Where the database has rows of some flows only (rows_from), filter.enough says whether these are all that the filters
-- ask for: those of --over are. A report that lists flows, and sums none up, makes table listing with a row first: it
-- lists what is there. Else figures come from the sums alone, or the report refuses.
--: use rows_from

--: setup
CREATE TEMP TABLE IF NOT EXISTS listing(yes);

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
         CASE WHEN :since_ns IS NULL THEN -9223372036854775807
           ELSE :since_ns / 1000000000 - (:since_ns % 1000000000 < 0) END
           AS from_s,
         CASE WHEN :until_ns IS NULL THEN 9223372036854775807 ELSE (:until_ns + 999999999) / 1000000000 END AS to_s,
         EXISTS (SELECT 1 FROM device WHERE :disk IN (name, dev) AND parent_id IS NOT NULL) AS of_part,
         EXISTS (SELECT 1 FROM listing)
           OR NOT EXISTS (SELECT 1 FROM rows_from WHERE coalesce(:over_ns, 0) < keep_ns) AS enough),
f AS (
  SELECT *, split AND enough
            AND coalesce((SELECT sum(n) FROM load WHERE second >= from_s AND second < to_s), 0) <= 400000 AS fine
  FROM w)
SELECT timed, from_s, to_s,
       split AND NOT fine AND :over_ns IS NULL AND (coalesce(:task, :cgroup) IS NULL OR NOT enough) AS rounded,
       coalesce(:disk, :op, :task, :cgroup, :since_ns, :until_ns, :over_ns) IS NOT NULL AS given, enough,
       enough AND (coalesce(:task, :cgroup, :over_ns) IS NOT NULL OR (timed AND fine) OR of_part) AS by_row,
       -- sums of operations are those of the whole disk
       enough AND (:over_ns IS NOT NULL OR (timed AND fine) OR of_part) AS by_bio,
       of_part AND NOT enough AS part_by_sum
FROM f;

--: refuse
SELECT words || ': --over ' || fmt_ns(:over_ns) || ' needs them; use --over ' || fmt_ns(keep_ns)
       || ' or more, or run ktrace-analyze again without --keep'
FROM rows_from, filter WHERE :over_ns IS NOT NULL AND NOT enough;

--: text
SELECT 'With this many I/Os, times are rounded to whole seconds: showing what ended from '
       || coalesce(CASE WHEN :since_ns IS NOT NULL THEN from_s END || ' s', 'the start') || ' to '
       || coalesce(CASE WHEN :until_ns IS NOT NULL THEN to_s END || ' s', 'the end') || '.'
FROM filter WHERE rounded AND enough;
--: warn
SELECT 'Times are rounded to whole seconds, because ' || words || ': showing what ended from '
       || coalesce(CASE WHEN :since_ns IS NOT NULL THEN from_s END || ' s', 'the start') || ' to '
       || coalesce(CASE WHEN :until_ns IS NOT NULL THEN to_s END || ' s', 'the end') || '.'
FROM filter, rows_from WHERE rounded AND NOT enough;

--: use outside

-- How long each run was, within --since and --until.
--: setup
CREATE TEMP TABLE span AS
SELECT run_id, max(0, min(start_ns + dur_ns, until_ns) - max(start_ns, since_ns)) AS dur_ns
FROM run, (SELECT CASE WHEN :until_ns IS NULL THEN 9223372036854775807 WHEN rounded THEN to_s * 1000000000
      ELSE :until_ns END
                    AS until_ns,
                  CASE WHEN :since_ns IS NULL THEN -9223372036854775807 WHEN rounded THEN from_s * 1000000000
                    ELSE :since_ns END
                    AS since_ns
           FROM filter);

-- The devices that --disk names: a disk with its partitions, or one partition.
--: setup
CREATE TEMP TABLE kept_device AS
SELECT device_id FROM device_name WHERE :disk IS NULL OR :disk IN (name, dev, disk, disk_dev);

-- The partitions that it names.
--: setup
CREATE TEMP TABLE kept_part AS
SELECT device_id FROM device WHERE :disk IN (name, dev) AND parent_id IS NOT NULL;

-- The disks of the partitions that it names.
--: setup
CREATE TEMP TABLE kept_whole AS
SELECT DISTINCT disk_id AS device_id FROM device_name WHERE :disk IN (name, dev) AND disk_id <> device_id;

--: use kept_who

-- Rows are numbered by birth: those that ended in these seconds lie close together.
--: setup
CREATE TEMP TABLE id_range AS
SELECT flow, min(min_id) AS min_id, max(max_id) AS max_id
FROM load, filter WHERE second >= from_s AND second < to_s AND (by_row OR by_bio) GROUP BY flow;

--: setup
CREATE TEMP TABLE kept_bio(bio_id INTEGER PRIMARY KEY);

--: setup
CREATE TEMP TABLE kept_request(request_id INTEGER PRIMARY KEY);

-- Disks that take bios themselves: there the bio is the flow to look at, elsewhere the request.
--: setup
CREATE TEMP TABLE bio_disk AS
SELECT DISTINCT device_id FROM stage_stats JOIN device_name USING (device_id)
WHERE flow = 'bio' AND disk_id NOT IN (SELECT device_id FROM stage_stats
    WHERE flow = 'request' AND device_id IS NOT NULL);

-- How few these are: else SQLite takes each for a million rows, and reads whole tables to filter what it looks up in
-- them.
--: setup
ANALYZE temp;
