-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Slowest
--: about the slowest requests with their stages; show ID tells more about one
--: needs stage_stats request bio load slowest
--: use slow

--: table slow
--: column id text "ID"
--: column start_ns time wide "start"
--: column disk text
--: column op text
--: column size_bytes bytes
--: column dur_ns duration "total"
--: column plug_ns duration wide
--: column queue_ns duration
--: column device_ns duration
--: column complete_ns duration wide
--: column task text
--: empty There is no whole flow to show.
SELECT id, start_ns, disk, op, size_bytes, dur_ns, plug_ns, queue_ns, device_ns, complete_ns,
       coalesce(request_task, bio_task) AS task
FROM slow_named ORDER BY dur_ns DESC, start_ns;
