-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Sums and percentiles of groups of cells: of what grp_of(cell_id, grp) says, which the report makes before.
--	grp_sum(grp, cell_id, n, bytes, dur_ns, max_ns, runq_ns, tasks, stats)   cell_id: any of them; stats as hist_stats()
--	grp_stage(grp, ord, stage, class, words, ns, stats)   stats: NULL where a part of what statistics hold together is
--	                      left out: another task's
--	grp_bucket(grp, second, bucket, n, ns, max_ns)        second: NULL unless --since or --until are given
--: use flow

-- Histograms by group of the statistics serve where all of it is in one group; else those by task. exact: no flow in it
-- is left out.
--: setup
CREATE TEMP TABLE hist_group(group_id INTEGER PRIMARY KEY, grp INTEGER, exact INTEGER);
--: setup
INSERT INTO hist_group
SELECT c.group_id, min(g.grp), count(*) = count(g.grp)
FROM cell c LEFT JOIN grp_of g ON g.cell_id = c.cell_id
WHERE c.group_id IS NOT NULL AND coalesce(:task, :cgroup) IS NULL
GROUP BY c.group_id HAVING min(g.grp) = max(g.grp);

--: setup
CREATE TEMP TABLE grp_bucket AS
SELECT x.grp, NULL AS second, h.bucket, h.n, h.ns, h.max_ns
FROM flow_filter f CROSS JOIN group_hist_sum h CROSS JOIN hist_group x ON x.group_id = h.group_id
WHERE NOT f.timed AND h.stage = 0 AND x.exact
UNION ALL
SELECT x.grp, h.second, h.bucket, h.n, h.ns, h.max_ns
FROM flow_filter f CROSS JOIN group_hist h CROSS JOIN hist_group x ON x.group_id = h.group_id
WHERE f.timed AND h.stage = 0 AND h.second >= f.from_s AND h.second < f.to_s AND x.exact
UNION ALL
SELECT g.grp, NULL, h.bucket, h.n, h.ns, h.max_ns
FROM flow_filter f CROSS JOIN flow_hist_sum h CROSS JOIN grp_of g ON g.cell_id = h.key_id
CROSS JOIN cell c ON c.cell_id = g.cell_id
WHERE NOT f.timed AND NOT f.by_row AND c.group_id NOT IN (SELECT group_id FROM hist_group WHERE exact)
UNION ALL
SELECT g.grp, h.second, h.bucket, h.n, h.ns, h.max_ns
FROM flow_filter f CROSS JOIN flow_hist h CROSS JOIN grp_of g ON g.cell_id = h.key_id
CROSS JOIN cell c ON c.cell_id = g.cell_id
WHERE f.timed AND NOT f.by_row AND h.second >= f.from_s AND h.second < f.to_s
  AND c.group_id NOT IN (SELECT group_id FROM hist_group WHERE exact)
UNION ALL
SELECT g.grp, NULL, bucket_of(r.dur_ns), 1, r.dur_ns, r.dur_ns
FROM kept_row r CROSS JOIN grp_of g ON g.cell_id = r.cell_id;

--: setup
CREATE TEMP TABLE grp_sum(grp INTEGER PRIMARY KEY, cell_id, n, bytes, dur_ns, max_ns, runq_ns, tasks, stats);
--: setup
INSERT INTO grp_sum
SELECT g.grp, min(s.cell_id), sum(s.n), sum(s.bytes), sum(s.dur_ns), max(s.max_ns), sum(s.runq_ns),
       count(DISTINCT c.utid),
       NULL
FROM grp_of g CROSS JOIN cell_sum s ON s.cell_id = g.cell_id CROSS JOIN cell c ON c.cell_id = g.cell_id GROUP BY g.grp;
--: setup
UPDATE grp_sum SET stats = h.stats
FROM (SELECT grp, hist_stats(bucket, n, ns, max_ns) AS stats FROM grp_bucket GROUP BY grp) h WHERE h.grp = grp_sum.grp;

--: setup
CREATE TEMP TABLE stage_hist(grp INTEGER, ord INTEGER, stats, PRIMARY KEY(grp, ord)) WITHOUT ROWID;
--: setup
INSERT INTO stage_hist
WITH partly AS (
  SELECT g.grp FROM grp_of g JOIN cell c ON c.cell_id = g.cell_id
  WHERE c.group_id NOT IN (SELECT group_id FROM hist_group WHERE exact))
SELECT grp, stage, hist_stats(bucket, n, ns, max_ns) FROM (
  SELECT x.grp, h.stage, h.bucket, h.n, h.ns, h.max_ns
  FROM flow_filter f CROSS JOIN group_hist_sum h CROSS JOIN hist_group x ON x.group_id = h.group_id
  WHERE NOT f.timed AND h.stage > 0 AND x.exact
  UNION ALL
  SELECT x.grp, h.stage, h.bucket, h.n, h.ns, h.max_ns
  FROM flow_filter f CROSS JOIN group_hist h CROSS JOIN hist_group x ON x.group_id = h.group_id
  WHERE f.timed AND h.stage > 0 AND h.second >= f.from_s AND h.second < f.to_s AND x.exact
  UNION ALL
  SELECT g.grp, r.ord, bucket_of(r.ns), 1, r.ns, r.ns FROM (
    SELECT x.cell_id, x.flow_id, t.ord, sum(x.ns) AS ns
    FROM row_stage x JOIN flow_stage t ON t.flow = x.flow AND t.stage = x.name GROUP BY x.cell_id, x.flow_id, t.ord) r
  CROSS JOIN grp_of g ON g.cell_id = r.cell_id)
WHERE grp NOT IN partly GROUP BY grp, stage;

--: setup
CREATE TEMP TABLE grp_stage AS
SELECT p.grp, p.ord, t.stage, t.class, coalesce(t.words, t.stage) AS words, p.ns, h.stats
FROM (SELECT g.grp, s.ord, sum(s.ns) AS ns FROM grp_of g CROSS JOIN cell_stage s ON s.cell_id = g.cell_id
      GROUP BY g.grp, s.ord) p
CROSS JOIN grp_sum x ON x.grp = p.grp CROSS JOIN cell c ON c.cell_id = x.cell_id
CROSS JOIN flow_stage t ON t.flow = c.flow AND t.ord = p.ord
LEFT JOIN stage_hist h ON h.grp = p.grp AND h.ord = p.ord;

-- Their stages as pieces of a line: by class, so that each looks as it does everywhere.
--: setup
CREATE TEMP TABLE grp_line(grp INTEGER PRIMARY KEY, line);
--: setup
INSERT INTO grp_line
SELECT grp, group_concat((1.0 * at_ns / nullif(dur_ns, 0)) || ' ' || (1.0 * ns / nullif(dur_ns, 0)) || ' ' || class,
                         ';')
FROM (SELECT s.*, x.dur_ns, coalesce(sum(s.ns) OVER (PARTITION BY s.grp ORDER BY s.ord
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS at_ns
      FROM grp_stage s JOIN grp_sum x ON x.grp = s.grp WHERE s.ns > 0)
GROUP BY grp;
