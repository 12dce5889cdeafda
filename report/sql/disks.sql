-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Disks
--: about load of each disk: rate, queue depth, how busy, merges
--: needs stage_stats request bio
--: use filter

--: setup
CREATE TEMP TABLE disk_flow AS
SELECT r.run_id, r.device_id, r.op, r.size_bytes, r.dur_ns, r.device_ns, r.n_bios,
       r.start_ns + coalesce(r.plug_ns, 0) + coalesce(r.queue_ns, 0) AS issue_ns
FROM request r
WHERE r.state = 'whole' AND ((SELECT NOT given FROM filter) OR r.request_id IN kept_request)
UNION ALL
SELECT b.run_id, b.device_id, b.op, b.size_bytes, b.dur_ns, b.device_ns, NULL, b.start_ns
FROM bio b
WHERE b.state = 'whole' AND b.device_id IN bio_disk AND ((SELECT NOT given FROM filter) OR b.bio_id IN kept_bio);

--: table disks Disks
--: column run id group optional
--: column disk text
--: column scheduler text wide
--: column hw_queues count wide "queues"
--: column n count
--: column bytes bytes
--: column iops number "IOPS"
--: column mib_s number "MiB/s"
--: column depth number
--: column device_depth number "on device"
--: column busy_share percent "busy"
--: column merged number "bios/req"
--: empty There is no whole flow to show.
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN f.run_id END AS run,
       n.name AS disk, d.scheduler, nullif(d.hw_queues, 0) AS hw_queues, count(*) AS n, sum(f.size_bytes) AS bytes,
       count(*) * 1e9 / nullif(s.dur_ns, 0) AS iops,
       sum(f.size_bytes) * 1e9 / 1048576 / nullif(s.dur_ns, 0) AS mib_s,
       1.0 * sum(f.dur_ns) / nullif(s.dur_ns, 0) AS depth,
       1.0 * sum(f.device_ns) / nullif(s.dur_ns, 0) AS device_depth,
       1.0 * union_ns(f.issue_ns, f.issue_ns + f.device_ns) / nullif(s.dur_ns, 0) AS busy_share,
       avg(nullif(f.n_bios, 0)) AS merged
FROM disk_flow f LEFT JOIN device d USING (device_id) LEFT JOIN device_name n USING (device_id)
JOIN span s ON s.run_id = f.run_id
GROUP BY f.run_id, f.device_id
ORDER BY run, sum(f.dur_ns) DESC;

--: table ops By operation
--: column run id group optional
--: column disk text group
--: column op text
--: column n count
--: column bytes bytes
--: column iops number "IOPS"
--: column mib_s number "MiB/s"
--: column mean_bytes bytes "mean size"
--: column depth number
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN f.run_id END AS run,
       n.name AS disk, f.op, count(*) AS n, sum(f.size_bytes) AS bytes,
       count(*) * 1e9 / nullif(s.dur_ns, 0) AS iops,
       sum(f.size_bytes) * 1e9 / 1048576 / nullif(s.dur_ns, 0) AS mib_s,
       avg(f.size_bytes) AS mean_bytes,
       1.0 * sum(f.dur_ns) / nullif(s.dur_ns, 0) AS depth
FROM disk_flow f LEFT JOIN device_name n USING (device_id) JOIN span s ON s.run_id = f.run_id
GROUP BY f.run_id, f.device_id, f.op
ORDER BY run, sum(sum(f.dur_ns)) OVER (PARTITION BY f.device_id) DESC, n.name, sum(f.dur_ns) DESC, f.op;

--: text
SELECT 'depth: requests under way on average (the sum of their times over the time recorded); on device: those issued '
       || 'to it; busy: share of the time with at least one there; bios/req: more than 1 means merging.'
WHERE EXISTS (SELECT 1 FROM disk_flow);
