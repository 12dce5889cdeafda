-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Cgroups
--: about which cgroups flows of any kind belong to: count, bytes and time
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum task cgroup
--: use flow

--: setup
CREATE TEMP TABLE grp_of(cell_id INTEGER PRIMARY KEY, grp INTEGER);
--: setup
INSERT INTO grp_of
SELECT c.cell_id, dense_rank() OVER (ORDER BY c.run_id, c.flow, c.ucgid, c.op)
FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id WHERE c.says AND (:recorder OR NOT c.is_own);

--: use flow_sums

--: table cgroups
--: column run id group optional
--: column flow text group optional
--: column cgroup text group
--: column hierarchy text group wide optional
--: column tasks count wide
--: column op text
--: column n count
--: column bytes bytes optional wide
--: column mean_ns duration
--: column p99_ns duration
--: column max_ns duration wide
--: column runq_ns duration optional wide "runnable"
--: column total_ns duration "total"
--: column share percent
--: column bar bar ""
--: empty No complete flow matches.
SELECT shown_run(c.run_id) AS run, c.shown_flow AS flow, coalesce(g.path, g.hierarchy || ':' || g.cgroup_id) AS cgroup,
       g.hierarchy, s.tasks, c.op, s.n, nullif(s.bytes, 0) AS bytes,
       CAST(round(1.0 * s.dur_ns / s.n) AS INTEGER) AS mean_ns, s.stats ->> 'p99' AS p99_ns, s.max_ns, s.runq_ns,
       s.dur_ns AS total_ns, 1.0 * s.dur_ns / nullif(sum(s.dur_ns) OVER (PARTITION BY c.flow), 0) AS share,
       1.0 * s.dur_ns / nullif(sum(s.dur_ns) OVER (PARTITION BY c.flow), 0) AS bar
FROM grp_sum s JOIN cell c ON c.cell_id = s.cell_id LEFT JOIN cgroup g ON g.ucgid = c.ucgid
ORDER BY run, c.flow, sum(s.dur_ns) OVER (PARTITION BY c.run_id, c.flow, c.ucgid) DESC, cgroup, s.dur_ns DESC, c.op
  LIMIT coalesce(:top, 20);

--: text
SELECT 'The cgroup is that of the task that the flow belongs to.' WHERE EXISTS (SELECT 1 FROM grp_sum);

--: use flow_own
