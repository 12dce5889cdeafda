-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Tasks
--: about who submitted the I/O: bios, bytes and time by task
--: needs stage_stats request bio task
--: use filter

--: table tasks
--: column run id group optional
--: column task text
--: column tid id
--: column cgroup text wide
--: column op text
--: column bios count
--: column bytes bytes
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration
--: column total_ns duration "in all"
--: column share percent
--: column bar bar ""
--: empty There is no whole bio to show.
WITH sums AS (
  SELECT b.run_id, b.utid, b.ucgid, b.op, count(*) AS bios, sum(b.size_bytes) AS bytes, sum(b.dur_ns) AS total_ns,
         CAST(round(avg(b.dur_ns)) AS INTEGER) AS mean_ns, percentile_ns(b.dur_ns, 0.99) AS p99_ns, max(b.dur_ns) AS max_ns
  FROM bio b
  WHERE b.state = 'whole' AND b.parent_bio_id IS NULL
    AND ((SELECT NOT given FROM filter) OR b.bio_id IN kept_bio)
    AND (:recorder OR b.utid IS NULL OR b.utid NOT IN (SELECT utid FROM task WHERE is_recorder))
  GROUP BY 1, 2, 3, 4)
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN s.run_id END AS run,
       t.comm AS task, t.tid, c.path AS cgroup, s.op, bios, bytes, mean_ns, p99_ns, max_ns, total_ns,
       1.0 * total_ns / nullif(sum(total_ns) OVER (), 0) AS share,
       1.0 * total_ns / nullif(sum(total_ns) OVER (), 0) AS bar
FROM sums s LEFT JOIN task t USING (utid) LEFT JOIN cgroup c ON c.ucgid = s.ucgid
ORDER BY run, total_ns DESC, t.tid, s.op LIMIT coalesce(:top, 20);

--: text
SELECT 'Not in it: ' || fmt_count(count(*)) || ' bios of ktrace-record itself (--recorder shows them).'
FROM bio WHERE :recorder IS NULL AND utid IN (SELECT utid FROM task WHERE is_recorder)
  AND ((SELECT NOT given FROM filter) OR bio_id IN kept_bio)
HAVING count(*) > 0;
