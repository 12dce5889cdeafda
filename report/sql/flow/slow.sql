-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Slowest
--: about the slowest flows of any kind with their stages; 'show ID' explains one
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum flow stage task cgroup
--: use flow_slow

--: table slow
--: column id text "ID"
--: column flow text optional
--: column start_ns time wide "start"
--: column task text
--: column tid id wide
--: column op text
--: column object text
--: column what text optional wide
--: column size_bytes bytes optional
--: column dur_ns duration "total"
--: column mostly text
--: column line span "stages"
--: column cgroup text data
--: empty There is no whole flow to show.
SELECT id, flow, start_ns, task, tid, op, object, what, size_bytes, dur_ns, mostly, line, cgroup
FROM slow_named ORDER BY dur_ns DESC, start_ns, id;

--: use flow_legend
