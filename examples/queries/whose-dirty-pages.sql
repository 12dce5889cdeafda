-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Whose dirty pages
--: about who dirtied what the disk writes, and how long before
--
-- Question: whose dirty pages is the disk writing? Writeback is submitted by kernel threads and counts as theirs; this
-- names the tasks that dirtied the pages, and how old the pages were when they were written. link is exact if the range
-- of the write call is known, inferred if only the first writer of a page is known (mmap).
--: empty Nothing that was dirtied during the recording was written during it.
--: column bytes bytes
--: column share percent
--: column mean_age_ns duration "age, mean"
--: column max_age_ns duration "at most"
WITH o AS (
  SELECT b.run_id, b.device_id, o.utid, o.link, count(DISTINCT o.bio_id) AS bios, sum(o.size_bytes) AS bytes,
         avg(b.start_ns - o.dirty_ns) AS mean_age, max(b.start_ns - o.dirty_ns) AS max_age_ns
  FROM bio_origin o JOIN bio b USING (bio_id) GROUP BY 1, 2, 3, 4)
SELECT t.comm AS task, t.tid, c.path AS cgroup, d.name AS disk, o.link, o.bios, o.bytes,
       1.0 * o.bytes / sum(o.bytes) OVER () AS share,
       CAST(round(o.mean_age) AS INTEGER) AS mean_age_ns, o.max_age_ns
FROM o LEFT JOIN task t ON t.utid = o.utid LEFT JOIN cgroup c ON c.ucgid = t.ucgid
LEFT JOIN device d ON d.device_id = o.device_id
ORDER BY o.bytes DESC, t.tid, o.link LIMIT 20;
