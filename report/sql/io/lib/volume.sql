-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Tables volume and disk_busy: what was done, of the flow that counts for each device (requests; bios of disks without
-- requests), after the filters. volume(run_id, device_id, op, state, n, bytes, dur_ns, device_ns, n_bios,
-- n_carrying, n_errors);
-- disk_busy(run_id, device_id, busy_ns). flow_state(run_id, flow, state, n): all flows, without filters.
--: use filter
--: use kept

--: setup
CREATE TEMP TABLE volume AS
SELECT run_id, device_id, op, state, sum(n) AS n, sum(size_bytes) AS bytes, sum(dur_ns) AS dur_ns,
       sum(device_ns) AS device_ns, CASE flow WHEN 'request' THEN sum(n_bios) END AS n_bios,
       sum(n_carrying) AS n_carrying, sum(n_errors) AS n_errors
FROM filter f CROSS JOIN load l
WHERE NOT f.by_row AND l.second >= f.from_s AND l.second < f.to_s
  AND (flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk))
  AND (:op IS NULL OR op = :op) AND (:disk IS NULL OR device_id IN kept_device OR part_device_id IN kept_part)
GROUP BY run_id, device_id, op, state, flow
UNION ALL
SELECT r.run_id, r.device_id, r.op, r.state, count(*), sum(r.size_bytes), sum(r.dur_ns), sum(r.device_ns),
       sum(r.n_bios),
       sum(r.n_bios > 0), total(r.error <> 0)
FROM kept_request k CROSS JOIN request r ON r.request_id = k.request_id GROUP BY 1, 2, 3, 4
UNION ALL
SELECT b.run_id, b.device_id, b.op, b.state, count(*), sum(b.size_bytes), sum(b.dur_ns), sum(b.device_ns), NULL, NULL,
       total(b.error <> 0)
FROM kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id
WHERE (SELECT by_row FROM filter) AND b.device_id IN bio_disk GROUP BY 1, 2, 3, 4;

--: setup
CREATE TEMP TABLE disk_busy AS
SELECT run_id, device_id, sum(busy_ns) AS busy_ns
FROM filter f CROSS JOIN busy b
WHERE NOT f.by_row AND b.second >= f.from_s AND b.second < f.to_s
  AND (flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk))
  AND op IS :op AND (:disk IS NULL OR device_id IN kept_device)
GROUP BY run_id, device_id
UNION ALL
SELECT run_id, device_id, union_ns(at_ns, at_ns + device_ns) FROM (
  SELECT r.run_id, r.device_id, r.start_ns + ifnull(r.plug_ns, 0) + ifnull(r.queue_ns, 0) AS at_ns, r.device_ns
  FROM kept_request k CROSS JOIN request r ON r.request_id = k.request_id
  WHERE r.state = 'whole' AND r.worker_ns IS NULL
  UNION ALL
  SELECT r.run_id, r.device_id, g.start_ns, g.dur_ns
  FROM kept_request k CROSS JOIN request r ON r.request_id = k.request_id
  CROSS JOIN stage_extra g ON g.flow_id = r.request_id AND g.flow = 'request' AND g.name = 'device'
  WHERE r.state = 'whole' AND r.worker_ns IS NOT NULL
  UNION ALL
  SELECT b.run_id, b.device_id, b.start_ns, b.device_ns
  FROM kept_bio k CROSS JOIN bio b ON b.bio_id = k.bio_id
  WHERE b.state = 'whole' AND (SELECT by_row FROM filter) AND b.device_id IN bio_disk)
GROUP BY run_id, device_id;

--: setup
CREATE TEMP TABLE flow_state AS
SELECT run_id, flow, state, sum(n) AS n,
       sum(CASE WHEN flow = 'request' OR (flow = 'bio' AND device_id IN bio_disk) THEN n ELSE 0 END) AS n_main
FROM load GROUP BY 1, 2, 3;
