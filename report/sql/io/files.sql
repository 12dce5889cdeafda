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

-- A file is identified by its name: recreated under the same name it is one file; two names on a reused inode number
-- are two.
--: setup
CREATE TEMP TABLE inode_name AS
SELECT run_id, device_id, ino, CASE WHEN min(path) = max(path) THEN max(path) END AS name
FROM file_row GROUP BY run_id, device_id, ino;
--: setup
CREATE TEMP TABLE file_named AS
SELECT r.run_id, coalesce(r.path, i.name, 'inode ' || r.ino) AS file,
       CASE WHEN coalesce(r.path, i.name) IS NULL THEN r.device_id END AS of_device, r.device_id, r.ino, r.op, r.utid,
       r.is_cached, r.n, r.bytes, r.total_ns, r.max_ns
FROM file_row r JOIN inode_name i ON i.run_id = r.run_id AND i.device_id IS r.device_id AND i.ino IS r.ino;

--: setup
CREATE TEMP TABLE file_sum AS
SELECT run_id, file, of_device, CASE WHEN min(device_id) = max(device_id) THEN max(device_id) END AS device_id,
       CASE WHEN min(ino) = max(ino) THEN max(ino) END AS ino, sum(n) AS n, sum(bytes) AS bytes,
       sum(CASE WHEN is_cached THEN n ELSE 0 END) AS n_cached, sum(total_ns) AS total_ns, max(max_ns) AS max_ns
FROM file_named GROUP BY run_id, file, of_device;

-- What the details are looked up for.
--: setup
CREATE TEMP TABLE file_shown(place INTEGER PRIMARY KEY, run_id, file, of_device, device_id, ino, n, bytes, n_cached,
  total_ns, max_ns);
--: setup
INSERT INTO file_shown
SELECT NULL, * FROM file_sum ORDER BY shown_run(run_id), total_ns DESC, file LIMIT coalesce(:top, 20);
--: setup
CREATE TEMP TABLE shown_part AS
SELECT s.place, r.op, r.utid, sum(r.n) AS n, sum(r.total_ns) AS total_ns
FROM file_named r JOIN file_shown s ON s.run_id = r.run_id AND s.file = r.file AND s.of_device IS r.of_device
GROUP BY s.place, r.op, r.utid;

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
WITH op AS (
  SELECT place, op, sum(n) AS n FROM shown_part GROUP BY place, op),
who AS (
  SELECT place, utid, row_number() OVER (PARTITION BY place ORDER BY sum(total_ns) DESC, utid) AS nth
  FROM shown_part GROUP BY place, utid)
SELECT shown_run(f.run_id) AS run, f.file AS path, d.name AS device, f.ino,
       (SELECT group_concat(op || ' ' || fmt_count(n), ', ')
        FROM (SELECT op, n FROM op WHERE op.place = f.place ORDER BY n DESC, op LIMIT 3)) AS ops,
       f.n, nullif(f.bytes, 0) AS bytes, 1.0 * f.n_cached / f.n AS cached_share,
       CAST(round(1.0 * f.total_ns / f.n) AS INTEGER) AS mean_ns, f.max_ns,
       f.total_ns, 1.0 * f.total_ns / nullif(a.total_ns, 0) AS share, t.comm AS tasks,
       1.0 * f.total_ns / nullif(a.total_ns, 0) AS bar
FROM file_shown f CROSS JOIN (SELECT sum(total_ns) AS total_ns FROM file_sum) a
LEFT JOIN device_name d ON d.device_id = f.device_id LEFT JOIN who w ON w.place = f.place AND w.nth = 1
LEFT JOIN task t ON t.utid = w.utid
ORDER BY f.place;

--: text
SELECT 'A file is listed under each name that it had. cached: share of the operations that caused no bio and did not '
       || 'sleep. Calls that failed or transferred no data are excluded.'
WHERE EXISTS (SELECT 1 FROM file_row);
