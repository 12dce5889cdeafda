-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The rows of table ktrace_run of one database, one JSON object a line, for sqlite3: one for each recording, with what
-- must be known before its figures are believed.
SELECT json_object('host', r.host, 'run', coalesce(r.uuid, r.file), 'started', (m.value + r.start_ns) / 1000000000,
                   'dur_ns', r.dur_ns, 'kernel', r.kernel, 'events', r.events, 'lost', r.lost,
                   'n_flows', (SELECT sum(l.n) FROM flow_sum l JOIN flow_key USING (key_id)
                               JOIN flow_group g USING (group_id) WHERE g.run_id = r.run_id),
                   'n_whole', (SELECT sum(l.n) FROM flow_sum l JOIN flow_key USING (key_id)
                               JOIN flow_group g USING (group_id) WHERE g.run_id = r.run_id AND l.state = 'whole'))
FROM run r LEFT JOIN meta m ON m.key = 'epoch_realtime_ns';
