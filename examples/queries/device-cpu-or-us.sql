-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title The device, the CPU or us
--: about for each kind of operation: the share of device, queues, run-queue delay and kernel work
--
-- Question: is it the device or us, as the program sees it? device-or-us.sql asks that of requests; here it is whole
-- operations, from call to return. device: at the device; queued: held back by a limit or in the I/O scheduler's queue;
-- no CPU: runnable while others ran; interrupts: they took the CPU; kernel: everything else, in which the kernel works
-- or waits for a request. The shares add up to 1. If no CPU or kernel dominates, a faster disk changes nothing.
--: empty No operation that needed a disk was recorded.
--: column mean_ns duration
--: column device_share percent "device"
--: column queued_share percent "queued"
--: column no_cpu_share percent "no CPU"
--: column interrupt_share percent "interrupts"
--: column kernel_share percent "kernel"
WITH s AS (
  SELECT run_id, kind, op, device_id, sum(n) AS n, sum(dur_ns) AS dur, total(device_ns) AS device,
         total(throttle_ns) + total(queue_ns) AS queued, total(runq_ns) AS runq,
         total(irq_ns) + total(softirq_ns) AS irq
  FROM io_load WHERE state = 'whole' AND NOT is_cached GROUP BY 1, 2, 3, 4)
SELECT s.kind, s.op, d.name AS disk, s.n, s.dur / s.n AS mean_ns, s.device / s.dur AS device_share,
       s.queued / s.dur AS queued_share, s.runq / s.dur AS no_cpu_share, s.irq / s.dur AS interrupt_share,
       1 - (s.device + s.queued + s.runq + s.irq) / s.dur AS kernel_share
FROM s LEFT JOIN device d USING (device_id) WHERE s.dur > 0 ORDER BY s.dur DESC, s.kind, s.op;
