-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Files
--: about operations, bytes, time and the share that the page cache served, per file
--: needs file_load request bio stage_stats load
--: use io

--: refuse
SELECT 'report ''files'' is about operations: --flow ' || :flow || ' does not apply' WHERE :flow <> 'io';

--: setup
CREATE TEMP TABLE file_row AS
SELECT run_id, device_id, ino, path, op, utid, is_cached, sum(n) AS n, sum(size_bytes) AS bytes,
       sum(dur_ns) AS total_ns, max(max_ns) AS max_ns
FROM filter f CROSS JOIN file_load l
WHERE NOT f.by_bio AND l.second >= f.from_s AND l.second < f.to_s
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device)
  AND (:task IS NULL OR utid IN kept_task) AND (:cgroup IS NULL OR ucgid IN kept_cgroup)
  AND (:recorder OR utid IN io_own IS NOT 1)
GROUP BY run_id, device_id, ino, path, op, utid, is_cached;
--: if io_main
--: setup
INSERT INTO file_row
SELECT i.run_id, i.device_id, i.ino, i.path, i.op, i.utid, i.cached_ns IS NOT NULL, count(*),
       ifnull(sum(i.moved_bytes), 0), sum(i.dur_ns), max(i.dur_ns)
FROM kept_io k CROSS JOIN io i ON i.io_id = k.io_id
WHERE i.ino IS NOT NULL AND i.via NOT IN ('failed', 'empty') AND (:recorder OR i.utid IN io_own IS NOT 1)
GROUP BY i.run_id, i.device_id, i.ino, i.path, i.op, i.utid, i.cached_ns IS NOT NULL;

--: table files
--: column run id group optional
--: column path text "file"
--: column device text
--: column ino id wide "inode"
--: column ops text wide "operations"
--: column n count
--: column bytes bytes
--: column cached_share percent "cached"
--: column mean_ns duration
--: column max_ns duration wide
--: column total_ns duration "total"
--: column share percent
--: column tasks text wide "mostly by"
--: column bar bar ""
--: empty No operation on a file matches, or family io was not recorded.
WITH named AS (
  SELECT r.*, coalesce(path, CASE WHEN min(path) OVER w = max(path) OVER w THEN max(path) OVER w END) AS name
  FROM file_row r
  WINDOW w AS (PARTITION BY run_id, device_id, ino)),
-- A file is identified by its name: recreated under the same name it is one file; two names on a reused inode number
-- are two.
keyed AS (
  SELECT n.*, coalesce(name, 'inode ' || ino) AS file, CASE WHEN name IS NULL THEN device_id END AS of_device
  FROM named n),
per_op AS (
  SELECT run_id, file, of_device, op, sum(n) AS n FROM keyed GROUP BY 1, 2, 3, 4),
per_task AS (
  SELECT run_id, file, of_device, utid, row_number() OVER (PARTITION BY run_id, file, of_device
      ORDER BY sum(total_ns) DESC) AS place
  FROM keyed GROUP BY 1, 2, 3, 4),
f AS (
  SELECT run_id, file, of_device, CASE WHEN min(device_id) = max(device_id) THEN max(device_id) END AS device_id,
         CASE WHEN min(ino) = max(ino) THEN max(ino) END AS ino, sum(n) AS n, sum(bytes) AS bytes,
         sum(CASE WHEN is_cached THEN n ELSE 0 END) AS n_cached, sum(total_ns) AS total_ns, max(max_ns) AS max_ns
  FROM keyed GROUP BY 1, 2, 3)
SELECT shown_run(f.run_id) AS run, f.file AS path, d.name AS device, f.ino,
       (SELECT group_concat(op || ' ' || fmt_count(n), ', ') FROM (SELECT op, n FROM per_op o
          WHERE o.run_id = f.run_id AND o.file = f.file AND o.of_device IS f.of_device ORDER BY n DESC LIMIT 3)) AS ops,
       f.n, nullif(f.bytes, 0) AS bytes, 1.0 * f.n_cached / f.n AS cached_share,
       CAST(round(1.0 * f.total_ns / f.n) AS INTEGER) AS mean_ns, f.max_ns,
       f.total_ns, 1.0 * f.total_ns / nullif(sum(f.total_ns) OVER (), 0) AS share, t.comm AS tasks,
       1.0 * f.total_ns / nullif(sum(f.total_ns) OVER (), 0) AS bar
FROM f LEFT JOIN device_name d ON d.device_id = f.device_id
LEFT JOIN per_task p ON p.run_id = f.run_id AND p.file = f.file AND p.of_device IS f.of_device AND p.place = 1
LEFT JOIN task t ON t.utid = p.utid
ORDER BY run, f.total_ns DESC, path LIMIT coalesce(:top, 20);

--: text
SELECT 'A file is listed under each name that it had. cached: share of the operations that caused no bio and did not '
       || 'sleep. Calls that failed or transferred no data are excluded.'
WHERE EXISTS (SELECT 1 FROM file_row);
