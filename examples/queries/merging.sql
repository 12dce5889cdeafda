-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Merging
--: about how well small I/Os are merged into requests, by disk and operation
--
-- Question: would fewer, larger I/Os help? Close to 1 bio per request at small sizes means that nothing is merged:
-- random I/O, or a program that waits for each I/O.
--: column bios_request number "bios/request"
--: column mean_bytes bytes "mean size"
SELECT d.name AS disk, l.op, sum(l.n) AS requests, 1.0 * sum(l.n_bios) / nullif(sum(l.n_carrying), 0) AS bios_request,
       1.0 * sum(l.size_bytes) / sum(l.n) AS mean_bytes
FROM load l JOIN device d USING (device_id)
WHERE l.flow = 'request' AND l.state = 'whole'
GROUP BY l.device_id, l.op ORDER BY requests DESC;
