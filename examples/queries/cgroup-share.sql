-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Share of cgroups
--: about each cgroup's share of a disk's I/Os, bytes and time
--
-- Question: which container or service uses the disk? By cgroup of the submitting task; writeback counts as a kernel
-- thread's: the cgroup that the kernel charged for it is bio.blkcg_ucgid.
--: column n_share percent "of the I/Os"
--: column bytes_share percent "of the bytes"
--: column time_share percent "of the time"
SELECT d.name AS disk, c.path AS cgroup, sum(l.n) AS n, 1.0 * sum(l.n) / sum(sum(l.n)) OVER w AS n_share,
       1.0 * sum(l.size_bytes) / nullif(sum(sum(l.size_bytes)) OVER w, 0) AS bytes_share,
       1.0 * sum(l.sum_ns) / nullif(sum(sum(l.sum_ns)) OVER w, 0) AS time_share
FROM task_load l JOIN device d USING (device_id) LEFT JOIN cgroup c ON c.ucgid = l.ucgid
GROUP BY l.device_id, l.ucgid WINDOW w AS (PARTITION BY l.device_id)
ORDER BY d.name, sum(l.sum_ns) DESC;
