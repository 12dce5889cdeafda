-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Histogram
--: about distribution of durations of flows of any kind, per object and operation
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_load flow_sum task
--: use bins
--: use flow_grps
--: use flow_sums

--: setup
CREATE TEMP TABLE binned AS
SELECT grp, step_ns(bucket_ns(bucket)) AS from_ns, sum(n) AS n, sum(ns) AS ns FROM grp_bucket GROUP BY 1, 2;

--: setup
CREATE TEMP TABLE shown AS
SELECT x.*, s.dur_ns, c.run_id, c.shown_flow, c.object, c.op
FROM (SELECT grp, min(from_ns) AS first_ns, max(from_ns) AS last_ns, sum(n) AS n, max(n) AS most, sum(ns) AS ns
      FROM binned GROUP BY grp) x
JOIN grp_sum s ON s.grp = x.grp JOIN cell c ON c.cell_id = s.cell_id
ORDER BY s.dur_ns DESC, c.object, c.op LIMIT coalesce(:top, 6);

--: table hist
--: column run id group optional
--: column flow text group optional
--: column object text group
--: column op text group
--: column from_ns duration
--: column to_ns duration
--: column n count
--: column share percent
--: column below_share percent "cumulative"
--: column time_share percent wide "time"
--: column bar bar ""
--: empty No complete flow matches.
SELECT shown_run(s.run_id) AS run, s.shown_flow AS flow, s.object, s.op,
       b.from_ns, nullif(b.to_ns, 9223372036854775807) AS to_ns, coalesce(x.n, 0) AS n,
       1.0 * coalesce(x.n, 0) / s.n AS share,
       1.0 * sum(coalesce(x.n, 0)) OVER (PARTITION BY s.grp ORDER BY b.from_ns) / s.n AS below_share,
       1.0 * coalesce(x.ns, 0) / nullif(s.ns, 0) AS time_share,
       1.0 * coalesce(x.n, 0) / nullif(s.most, 0) AS bar
FROM shown s CROSS JOIN bin b ON b.from_ns BETWEEN s.first_ns AND s.last_ns
LEFT JOIN binned x ON x.grp = s.grp AND x.from_ns = b.from_ns
ORDER BY run, s.dur_ns DESC, s.object, s.op, b.from_ns;

--: text
SELECT 'Showing the ' || s.n || ' of ' || c.n || ' pairs of object and operation that took the most time'
       || '; --top, --object and --op show others.'
FROM (SELECT count(*) AS n FROM grp_sum) c, (SELECT count(*) AS n FROM shown) s WHERE c.n > s.n;

--: use flow_own
