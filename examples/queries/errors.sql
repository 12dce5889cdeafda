-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Errors and retries
--: about requests that failed or had to be issued again
--
-- Question: does the disk have trouble? error is a negative errno; n_issues above 1 means that the driver returned the
-- request (queue full, reset), which happens now and then on some drivers.
--: empty No request failed, none was issued twice.
SELECT d.name AS disk, r.op, r.error, r.n_issues, count(*) AS n, min(r.start_ns) AS first_start_ns,
       max(r.start_ns) AS last_start_ns, max(r.dur_ns) AS worst_ns
FROM request r JOIN device d USING (device_id)
WHERE r.error <> 0 OR r.n_issues > 1
GROUP BY 1, 2, 3, 4 ORDER BY r.error, n DESC;
