-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table flow_said(flow, dur_ns, line, words): a paragraph for each kind of flow that is shown, the one with the most
-- time first: how much of what, in which stages, and the largest share by object and operation. Left out: what is
-- told apart (the kernel's own work), which has a sentence of its own, and what failed.
--: use flow

--: setup
CREATE TEMP TABLE said_cell AS
SELECT c.flow, c.kind, c.op, c.object_id, c.object, c.via, c.error, c.utid, c.says, c.waits, s.cell_id, s.n, s.dur_ns,
       s.max_ns
FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id WHERE :recorder OR NOT c.is_own;

-- Where there is nothing else, what is told apart.
--: setup
UPDATE said_cell SET waits = says WHERE flow NOT IN (SELECT flow FROM said_cell WHERE says AND waits);

--: setup
CREATE TEMP TABLE said_kind AS
SELECT k.*, sum(c.n) AS n, sum(c.dur_ns) AS dur_ns, count(DISTINCT c.utid) AS tasks
FROM shown_kind k JOIN said_cell c ON c.flow = k.flow WHERE c.says AND c.waits GROUP BY k.flow;

--: setup
CREATE TEMP TABLE said_pair AS
SELECT flow, op, object_id, object, sum(n) AS n, sum(dur_ns) AS dur_ns, max(max_ns) AS max_ns
FROM said_cell WHERE says AND waits GROUP BY flow, op, object_id, object;

--: setup
CREATE TEMP TABLE said_stage AS
SELECT c.flow, c.op, c.object_id, c.object, t.stage, coalesce(t.words, t.stage) AS words, sum(s.ns) AS ns
FROM said_cell c CROSS JOIN cell_stage s ON s.cell_id = c.cell_id
JOIN flow_stage t ON t.flow = c.flow AND t.ord = s.ord
WHERE c.says AND c.waits GROUP BY c.flow, c.op, c.object_id, c.object, t.ord;

--: setup
CREATE TEMP TABLE flow_said AS
SELECT k.flow, k.dur_ns, 1 AS line,
       CASE WHEN k.waits_for IS NOT NULL
            THEN 'Programs waited ' || fmt_ns(k.dur_ns) || ' for ' || k.waits_for
                 || CASE WHEN k.dur_ns > (SELECT sum(r.dur_ns) FROM run r) AND k.tasks > 1
                         THEN ' (' || fmt_count(k.tasks) || ' threads added up)' ELSE '' END
                 || ' in ' || plural(k.n, k.one, k.many)
            ELSE plural(k.n, k.one, k.many) || ' took ' || fmt_ns(k.dur_ns)
                 || CASE WHEN k.n > 1 THEN ' in total' ELSE '' END END
       || coalesce(': ' || (SELECT group_concat(words, ', ') FROM (
            SELECT fmt_share(1.0 * sum(p.ns) / nullif(k.dur_ns, 0)) || ' ' || p.words AS words FROM said_stage p
            WHERE p.flow = k.flow GROUP BY p.stage HAVING sum(p.ns) >= 0.03 * k.dur_ns ORDER BY sum(p.ns) DESC, p.stage
            LIMIT 3)), '') || '.' AS words
FROM said_kind k
UNION ALL
SELECT k.flow, k.dur_ns, 2,
       'Largest share, ' || fmt_share(1.0 * p.dur_ns / nullif(k.dur_ns, 0)) || ': ' || fmt_count(p.n) || ' '
       || CASE p.n WHEN 1 THEN coalesce(w.one, k.one || ' (' || p.op || ')', k.one)
          ELSE coalesce(w.many, k.many || ' (' || p.op || ')', k.many) END
       || coalesce(' on ' || k.object_word || ' ' || nullif(p.object, k.object_word || ' ' || p.object_id), ' on '
                   || p.object, '')
       || ' (' || CASE p.n WHEN 1 THEN fmt_ns(p.dur_ns)
                  ELSE 'mean ' || fmt_ns(1.0 * p.dur_ns / p.n) || ', max ' || fmt_ns(p.max_ns) END || ')'
       || coalesce(', ' || (SELECT fmt_share(1.0 * g.ns / nullif(p.dur_ns, 0)) || ' of that ' || g.words
            FROM said_stage g WHERE g.flow = p.flow AND g.op IS p.op AND g.object_id IS p.object_id
            ORDER BY g.ns DESC, g.stage LIMIT 1), '') || '.'
FROM said_kind k
JOIN (SELECT *, row_number() OVER (PARTITION BY flow ORDER BY dur_ns DESC, object, op) AS place FROM said_pair) p
  ON p.flow = k.flow AND p.place = 1
LEFT JOIN flow_word w ON w.flow = p.flow AND w.col = 'op' AND w.value = p.op
UNION ALL
SELECT k.flow, k.dur_ns, 3, 'Told apart from these: ' || group_concat(a.words, ', ') || '.'
FROM said_kind k JOIN (
  SELECT c.flow, fmt_count(sum(c.n)) || ' ' || CASE WHEN sum(c.n) = 1 THEN coalesce(w.one, v.one, c.kind, c.via)
           ELSE coalesce(w.many, v.many, c.kind, c.via) END
         || ' (' || CASE WHEN sum(c.n) > 1 THEN 'mean ' ELSE '' END || fmt_ns(1.0 * sum(c.dur_ns) / sum(c.n)) || ')'
         AS words
  FROM said_cell c
  LEFT JOIN flow_word w ON w.flow = c.flow AND w.col = 'kind' AND w.value = c.kind AND w.counts = 'apart'
  LEFT JOIN flow_word v ON v.flow = c.flow AND v.col = 'via' AND v.value = c.via AND v.counts = 'apart'
  WHERE c.says AND NOT c.waits GROUP BY c.flow, coalesce(w.value, v.value) ORDER BY sum(c.dur_ns) DESC) a
  ON a.flow = k.flow GROUP BY k.flow
UNION ALL
SELECT k.flow, coalesce(s.dur_ns, 0), 4, 'Excluded: ' || group_concat(a.words, ', ') || '.'
FROM shown_kind k LEFT JOIN said_kind s ON s.flow = k.flow JOIN (
  SELECT c.flow, plural(sum(c.n), k.one, k.many) || ' '
         || CASE WHEN c.error IS NOT NULL THEN 'that failed with ' || errno_name(c.error)
                 WHEN sum(c.n) = 1 THEN coalesce(v.one, c.via) ELSE coalesce(v.many, c.via) END AS words
  FROM said_cell c JOIN shown_kind k ON k.flow = c.flow
  LEFT JOIN flow_word v ON v.flow = c.flow AND v.col = 'via' AND v.value = c.via
  WHERE NOT c.says GROUP BY c.flow, c.error, CASE WHEN c.error IS NULL THEN c.via END ORDER BY sum(c.n) DESC, 2) a
  ON a.flow = k.flow GROUP BY k.flow;
