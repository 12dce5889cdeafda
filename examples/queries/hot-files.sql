-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Hot files
--: about which files the programs waited for, and what the page cache saved them
--
-- Question: which files? For each file: operations, the share that the page cache served, and the mean time of those it
-- served and of the others. Many operations and a low share on a small file: it does not stay in memory. A high share
-- and much time: the few misses are slow, look at the disk.
--: empty No operation on a file was recorded.
--: column bytes bytes
--: column cached_share percent "cached"
--: column cached_mean_ns duration "cached"
--: column disk_mean_ns duration "from disk"
--: column total_ns duration "total"
SELECT coalesce(max(f.path), 'inode ' || f.ino) AS file, d.name AS disk, sum(f.n) AS operations,
       sum(f.size_bytes) AS bytes,
       1.0 * sum(CASE WHEN f.is_cached THEN f.n ELSE 0 END) / sum(f.n) AS cached_share,
       sum(CASE WHEN f.is_cached THEN f.dur_ns END) / sum(CASE WHEN f.is_cached THEN f.n END) AS cached_mean_ns,
       sum(CASE WHEN NOT f.is_cached THEN f.dur_ns END)
         / sum(CASE WHEN NOT f.is_cached THEN f.n END) AS disk_mean_ns,
       sum(f.dur_ns) AS total_ns
FROM file_load f LEFT JOIN device d USING (device_id)
WHERE f.utid NOT IN (SELECT utid FROM task WHERE is_recorder) OR f.utid IS NULL
GROUP BY f.run_id, f.device_id, f.ino ORDER BY total_ns DESC, file LIMIT 20;
