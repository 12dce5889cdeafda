-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Heatmap
--: about durations of flows of any kind over time, per object and operation: time to the right, duration upwards
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum task run
--: use bins
--: use flow_grps
--: use flow_sums

-- Slots of a second or a multiple; of rows, shorter ones.
--: setup
CREATE TEMP TABLE slots AS
SELECT *, max(1, CASE WHEN by_row THEN (end_ns - start_ns) / 100 + 1
                      ELSE max(1, ((end_ns - start_ns) / 1000000000 + 99) / 100) * 1000000000 END) AS slot_ns
FROM flow_filter, (
  SELECT max(min(r.start_ns), coalesce(:since_ns, min(r.start_ns))) AS start_ns,
         min(max(r.start_ns + r.dur_ns), coalesce(:until_ns, max(r.start_ns + r.dur_ns))) AS end_ns FROM run r);

--: setup
CREATE TEMP TABLE spot AS
SELECT x.grp, (h.second * 1000000000 - s.start_ns + 500000000) / s.slot_ns AS slot,
       step_ns(bucket_ns(h.bucket)) AS from_ns, h.n
FROM slots s CROSS JOIN group_hist h CROSS JOIN hist_group x ON x.group_id = h.group_id
WHERE h.stage = 0 AND x.exact AND h.second >= s.from_s AND h.second < s.to_s
UNION ALL
SELECT g.grp, (h.second * 1000000000 - s.start_ns + 500000000) / s.slot_ns, step_ns(bucket_ns(h.bucket)), h.n
FROM slots s CROSS JOIN flow_hist h CROSS JOIN grp_of g ON g.cell_id = h.key_id
CROSS JOIN cell c ON c.cell_id = g.cell_id
WHERE NOT s.by_row AND h.second >= s.from_s AND h.second < s.to_s
  AND c.group_id NOT IN (SELECT group_id FROM hist_group WHERE exact)
UNION ALL
SELECT g.grp, (r.start_ns + r.dur_ns - s.start_ns) / s.slot_ns, step_ns(r.dur_ns), 1
FROM slots s CROSS JOIN kept_row r CROSS JOIN grp_of g ON g.cell_id = r.cell_id;

-- What ended in the last second, or a moment after the end of the recording, belongs to the last slot.
--: setup
UPDATE spot SET slot = max(0, min(slot, (SELECT (end_ns - start_ns - 1) / slot_ns FROM slots)));

--: setup
CREATE TEMP TABLE spot_bin(grp, from_ns, slot, n, PRIMARY KEY(grp, from_ns, slot)) WITHOUT ROWID;
--: setup
INSERT INTO spot_bin SELECT grp, from_ns, slot, sum(n) FROM spot WHERE slot IS NOT NULL GROUP BY 1, 2, 3;

--: setup
CREATE TEMP TABLE shown AS
SELECT x.*, s.dur_ns, c.run_id, c.shown_flow, c.object, c.op
FROM (SELECT grp, min(from_ns) AS first_ns, max(from_ns) AS last_ns FROM spot_bin GROUP BY grp) x
JOIN grp_sum s ON s.grp = x.grp JOIN cell c ON c.cell_id = s.cell_id
ORDER BY s.dur_ns DESC, c.object, c.op LIMIT coalesce(:top, 3);

--: setup
CREATE TEMP TABLE slot AS
WITH RECURSIVE i(slot) AS (VALUES (0) UNION ALL SELECT slot + 1 FROM i, slots s
    WHERE slot < (s.end_ns - s.start_ns - 1) / s.slot_ns)
SELECT slot FROM i;

--: table heatmap
--: column run id group optional
--: column flow text group optional
--: column object text group
--: column op text group
--: column from_ns duration
--: column n count
--: column heat heat "time"
--: column start_ns time data
--: column slot_ns duration data
--: empty No complete flow matches.
SELECT shown_run(s.run_id) AS run, s.shown_flow AS flow, s.object, s.op, b.from_ns,
       coalesce((SELECT sum(n) FROM spot_bin x WHERE x.grp = s.grp AND x.from_ns = b.from_ns), 0) AS n,
       (SELECT group_concat(coalesce((SELECT n FROM spot_bin x WHERE x.grp = s.grp AND x.from_ns = b.from_ns
                                        AND x.slot = slot.slot), 0), ' ') FROM slot) AS heat,
       t.start_ns, t.slot_ns
FROM shown s CROSS JOIN slots t CROSS JOIN bin b ON b.from_ns BETWEEN s.first_ns AND s.last_ns
ORDER BY run, s.dur_ns DESC, s.object, s.op, b.from_ns DESC;

--: text
SELECT 'Columns: when a flow ended, from ' || fmt_time(start_ns) || ' to ' || fmt_time(end_ns)
       || '. Rows: its duration, from the value shown up to that of '
       || 'the row above. The fuller a cell, the more flows (logarithmic).'
FROM slots WHERE EXISTS (SELECT 1 FROM shown);

--: text
SELECT 'Showing the ' || s.n || ' of ' || c.n || ' pairs of object and operation that took the most time'
       || '; --top, --object and --op show others.'
FROM (SELECT count(*) AS n FROM grp_sum) c, (SELECT count(*) AS n FROM shown) s WHERE c.n > s.n;

--: use flow_own
