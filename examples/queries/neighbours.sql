-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Neighbours
--: about which tasks' bios were in flight on the same disk as the slowest reads
--
-- Question: who was in the way? For the ten slowest reads: the bios in flight on the same disk when the read was
-- issued, by task. A task that appears next to most of them may need a cgroup limit.
--: column in_the_way_ns duration "their time"
WITH victim AS (
  SELECT r.request_id, r.run_id, r.device_id, r.dur_ns,
         r.start_ns + ifnull(r.plug_ns, 0) + ifnull(r.queue_ns, 0) AS issue_ns
  FROM slowest s JOIN request r ON r.request_id = s.flow_id
  WHERE s.flow = 'request' AND s.op = 'read' ORDER BY s.dur_ns DESC LIMIT 10),
beside AS (
  SELECT v.request_id AS victim, o.request_id, o.device_ns
  FROM victim v CROSS JOIN request o ON o.request_id BETWEEN v.request_id - 2000 AND v.request_id + 2000
  WHERE o.device_id = v.device_id AND o.run_id = v.run_id AND o.request_id <> v.request_id
    AND o.worker_ns IS NULL AND o.start_ns + ifnull(o.plug_ns, 0) + ifnull(o.queue_ns, 0) <= v.issue_ns
    AND o.start_ns + o.dur_ns > v.issue_ns)
SELECT t.comm AS task, t.tid, b.op, count(DISTINCT x.victim) AS beside_slow_reads, count(*) AS bios,
       sum(x.device_ns) AS in_the_way_ns
FROM beside x JOIN bio b ON b.request_id = x.request_id LEFT JOIN task t USING (utid)
GROUP BY t.utid, b.op ORDER BY 4 DESC, 5 DESC LIMIT 20;
