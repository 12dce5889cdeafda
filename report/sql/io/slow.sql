-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Slowest
--: about the slowest operations or requests with their stages; 'show ID' explains one
--: needs stage_stats request bio load slowest

--: setup
CREATE TEMP TABLE listing AS SELECT 1 AS yes;
--: use slow_io
--: use kept unless io_main
--: use slow unless io_main

--: table slow
--: if io_main
--: column id text "ID"
--: column start_ns time wide "start"
--: column task text
--: column tid id wide
--: column kind text wide
--: column op text
--: column disk text wide
--: column path text optional wide "file"
--: column offset_bytes bytes optional data
--: column size_bytes bytes optional
--: column dur_ns duration "total"
--: column mostly text
--: column way text optional "in the way"
--: column line span "stages"
--: column submit_ns duration optional data
--: column throttle_ns duration optional data
--: column alloc_ns duration optional data
--: column plug_ns duration optional data
--: column queue_ns duration optional data
--: column device_ns duration optional data
--: column complete_ns duration optional data
--: column endio_ns duration optional data
--: column wakeup_ns duration optional data
--: column return_ns duration optional data
--: column between_ns duration optional data
--: column cached_ns duration optional data
--: column blocked_ns duration optional data
--: column worker_ns duration optional data
--: column flush_ns duration optional data
--: column runq_ns duration optional data
--: column irq_ns duration optional data
--: column softirq_ns duration optional data
--: column cgroup text data
--: empty There is no whole operation to show.
SELECT id, start_ns, task, tid, kind, op, device AS disk, path, offset_bytes, size_bytes, dur_ns, mostly, way, line,
       submit_ns, throttle_ns,
       alloc_ns, plug_ns, queue_ns, device_ns, complete_ns, endio_ns, wakeup_ns, return_ns, between_ns, cached_ns,
       blocked_ns, worker_ns, flush_ns, runq_ns,
       irq_ns, softirq_ns, cgroup
FROM slow_io_named ORDER BY dur_ns DESC, start_ns LIMIT coalesce(:top, 20);

--: use legend

--: table slow
--: unless io_main
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
--: empty No complete flow matches.
SELECT id, start_ns, disk, op, size_bytes, dur_ns, plug_ns, queue_ns, device_ns, complete_ns,
       coalesce(request_task, bio_task) AS task
FROM slow_named ORDER BY dur_ns DESC, start_ns;
