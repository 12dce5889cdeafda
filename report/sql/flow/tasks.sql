-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Tasks
--: about which tasks flows of any kind belong to: count, bytes and time
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum task
--: use flow
--: use program

--: warn
SELECT 'This report groups by program, process or task: --by ' || :by || ' is treated as task.'
WHERE :by NOT IN ('program', 'process', 'task');

--: setup
CREATE TEMP TABLE cell_who(cell_id INTEGER PRIMARY KEY, name, pid, tid, key, ucgid);
--: setup
INSERT INTO cell_who
SELECT c.cell_id, CASE WHEN :by IN ('program', 'process') THEN w.program ELSE w.comm END,
       CASE :by WHEN 'process' THEN w.tgid END, CASE WHEN :by IN ('program', 'process') THEN NULL ELSE w.tid END,
       CASE WHEN :by IN ('program', 'process') THEN NULL ELSE c.utid END,
       CASE WHEN :by IN ('program', 'process') THEN NULL ELSE c.ucgid END
FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id LEFT JOIN who_is w ON w.utid = c.utid
WHERE c.says AND (:recorder OR NOT c.is_own);

--: setup
CREATE TEMP TABLE grp_of(cell_id INTEGER PRIMARY KEY, grp INTEGER);
--: setup
INSERT INTO grp_of
SELECT c.cell_id, dense_rank() OVER (ORDER BY c.run_id, c.flow, w.name, w.pid, w.key, w.ucgid, c.op)
FROM cell_who w CROSS JOIN cell c ON c.cell_id = w.cell_id;

--: use flow_sums

--: table tasks
--: column run id group optional
--: column flow text group optional
--: column task text group
--: column tid id group optional
--: column pid id group optional
--: column threads count optional
--: column cgroup text group optional wide
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
SELECT shown_run(c.run_id) AS run, c.shown_flow AS flow, w.name AS task, w.tid, w.pid,
       CASE WHEN :by IN ('program', 'process') THEN s.tasks END AS threads, g.path AS cgroup, c.op, s.n,
       nullif(s.bytes, 0) AS bytes, CAST(round(1.0 * s.dur_ns / s.n) AS INTEGER) AS mean_ns,
       s.stats ->> 'p99' AS p99_ns, s.max_ns, s.runq_ns, s.dur_ns AS total_ns,
       1.0 * s.dur_ns / nullif(sum(s.dur_ns) OVER (PARTITION BY c.flow), 0) AS share,
       1.0 * s.dur_ns / nullif(sum(s.dur_ns) OVER (PARTITION BY c.flow), 0) AS bar
FROM grp_sum s JOIN cell c ON c.cell_id = s.cell_id JOIN cell_who w ON w.cell_id = s.cell_id
LEFT JOIN cgroup g ON g.ucgid = w.ucgid
ORDER BY run, c.flow, sum(s.dur_ns) OVER (PARTITION BY c.run_id, c.flow, w.name, w.pid, w.key, w.ucgid) DESC, w.name,
         w.pid, w.tid, cgroup, s.dur_ns DESC, c.op LIMIT coalesce(:top, 20);

--: use flow_own
