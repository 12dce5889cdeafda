-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Disks
--: about load of each disk: rate, queue depth, utilization, merging
--: needs stage_stats request bio load busy
--: use rows_of_task
--: use volume

--: warn
SELECT 'For how long a partition kept its disk busy is not known, because ' || words || '.'
FROM rows_from, filter WHERE part_by_sum;

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
--: column errors count optional
--: empty No complete flow matches.
WITH v AS (
  SELECT run_id, device_id, sum(n) AS n, sum(bytes) AS bytes, sum(dur_ns) AS dur_ns, sum(device_ns) AS device_ns,
         sum(n_bios) AS n_bios, sum(n_carrying) AS n_carrying, sum(n_errors) AS n_errors
  FROM volume WHERE state = 'whole' GROUP BY 1, 2)
SELECT shown_run(v.run_id) AS run,
       n.name AS disk, d.scheduler, nullif(d.hw_queues, 0) AS hw_queues, v.n, v.bytes,
       v.n * 1e9 / nullif(s.dur_ns, 0) AS iops, v.bytes * 1e9 / 1048576 / nullif(s.dur_ns, 0) AS mib_s,
       1.0 * v.dur_ns / nullif(s.dur_ns, 0) AS depth, 1.0 * v.device_ns / nullif(s.dur_ns, 0) AS device_depth,
       1.0 * b.busy_ns / nullif(s.dur_ns, 0) AS busy_share, 1.0 * v.n_bios / nullif(v.n_carrying, 0) AS merged,
       nullif(CAST(v.n_errors AS INTEGER), 0) AS errors
FROM v LEFT JOIN device d USING (device_id) LEFT JOIN device_name n USING (device_id)
LEFT JOIN disk_busy b ON b.run_id = v.run_id AND b.device_id = v.device_id
JOIN span s ON s.run_id = v.run_id
ORDER BY run, v.dur_ns DESC, disk;

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
--: column errors count optional
SELECT shown_run(f.run_id) AS run,
       n.name AS disk, f.op, f.n, f.bytes, f.n * 1e9 / nullif(s.dur_ns, 0) AS iops,
       f.bytes * 1e9 / 1048576 / nullif(s.dur_ns, 0) AS mib_s,
       1.0 * f.bytes / f.n AS mean_bytes, 1.0 * f.dur_ns / nullif(s.dur_ns, 0) AS depth,
       nullif(CAST(f.n_errors AS INTEGER), 0) AS errors
FROM volume f LEFT JOIN device_name n USING (device_id) JOIN span s ON s.run_id = f.run_id
WHERE f.state = 'whole'
ORDER BY run, sum(f.dur_ns) OVER (PARTITION BY f.run_id, f.device_id) DESC, n.name, f.dur_ns DESC, f.op;

--: text
SELECT 'depth: mean number of requests in flight (the sum of their times over the time recorded); on device: those '
       || 'issued to it; busy: share of the time with at least one on the device; bios/req: more than 1 means merging.'
WHERE EXISTS (SELECT 1 FROM volume WHERE state = 'whole');

--: text
SELECT 'Excluded: ' || group_concat(fmt_count(n) || ' ' || replace(state, '_', ' '), ', ') || '.'
FROM (SELECT state, sum(n) AS n FROM volume WHERE state <> 'whole' GROUP BY state ORDER BY 2 DESC)
HAVING count(*) > 0;
