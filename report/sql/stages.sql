-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Stages
--: about how long each stage took, per disk and operation, with percentiles
--: needs stage_stats request bio load
--: use stat

--: table stages
--: column run id group optional
--: column disk text group
--: column flow text group
--: column op text group
--: column stage text
--: column n count
--: column mean_ns duration
--: column p50_ns duration
--: column p90_ns duration wide
--: column p99_ns duration
--: column p999_ns duration wide "p99.9"
--: column max_ns duration
--: column share percent
--: column bar bar ""
--: empty There is no whole flow to show.
SELECT run, d.name AS disk, flow, op, stage, n, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns,
       share, CASE WHEN stage <> 'total' THEN share END AS bar
FROM stat LEFT JOIN device_name d USING (device_id)
ORDER BY run, max(total_ns) OVER (PARTITION BY d.disk_id) DESC, d.disk, flow DESC, d.name, total_ns DESC, op, ord;

--: text
SELECT 'Share: of the time of all flows of that line''s kind. A bio''s time is its wait for a request (alloc), its '
       || 'request''s stages, and its end (endio).'
WHERE EXISTS (SELECT 1 FROM stat WHERE flow = 'bio' AND NOT is_main);
