-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title One flow
--: about everything about one flow of any kind: stages, and the flows below it
--: needs flow_kind flow_stage flow_word flow_group flow_key flow_sum flow flow_link flow_object stage task
--: use rows_from

--: setup
CREATE TEMP TABLE shown_kind AS
SELECT flow, coalesce(letter, '') AS letter, coalesce(one, flow) AS one, object_tbl,
       coalesce(object_word, 'object') AS object_word FROM flow_kind;

-- The flow, what lies below it, and what lies below that: the view takes single flows.
--: setup
CREATE TEMP TABLE piece(place INTEGER PRIMARY KEY, flow TEXT, flow_id INTEGER, link TEXT, depth, UNIQUE(flow, flow_id));
--: setup
INSERT INTO piece(flow, flow_id, depth) VALUES (:flow, :id, 0);
--: setup
INSERT OR IGNORE INTO piece(flow, flow_id, link, depth)
SELECT l.lower, l.lower_id, l.link, 1 FROM flow_link l
WHERE l.flow = :flow AND l.flow_id = :id AND l.lower IS NOT NULL AND l.lower_id IS NOT NULL;
--: setup
INSERT OR IGNORE INTO piece(flow, flow_id, link, depth)
SELECT l.lower, l.lower_id, l.link, 2
FROM (SELECT flow, flow_id FROM piece WHERE depth = 1 ORDER BY place LIMIT 1000) p CROSS JOIN flow_link l
WHERE l.flow = +p.flow AND l.flow_id = p.flow_id AND l.lower IS NOT NULL AND l.lower_id IS NOT NULL;

--: setup
CREATE TEMP TABLE shown(place INTEGER PRIMARY KEY, flow, flow_id, link, depth, kind, op, object_id, utid, ucgid, what,
  size_bytes, start_ns, dur_ns, state);
--: setup
INSERT OR IGNORE INTO shown
SELECT p.place, p.flow, p.flow_id, p.link, p.depth, w.kind, w.op, w.object_id, w.utid, w.ucgid, w.what, w.size_bytes,
       w.start_ns, w.dur_ns, w.state
FROM piece p CROSS JOIN flow w WHERE w.flow = +p.flow AND w.flow_id = p.flow_id;

--: setup
CREATE TEMP TABLE shown_name(place INTEGER PRIMARY KEY, id, object);
--: setup
INSERT OR IGNORE INTO shown_name
SELECT s.place, coalesce(nullif(k.letter, ''), s.flow || ' ') || s.flow_id,
       coalesce((SELECT coalesce(o.name, o.dev) FROM flow_object o WHERE o.tbl = k.object_tbl
                 AND o.object_id = s.object_id LIMIT 1), s.object_id)
FROM shown s LEFT JOIN shown_kind k ON k.flow = s.flow;

--: setup
-- dur_ns NULL: not known. axis_ns: what is drawn, to the last that is known of it then.
CREATE TEMP TABLE extent AS
SELECT start_ns, max(dur_ns, 1) AS dur_ns,
       max(coalesce(dur_ns, (SELECT max((g.value ->> 'start_ns') + (g.value ->> 'dur_ns'))
                             FROM json_each(stages_of(s.flow, s.flow_id)) g) - start_ns, 1), 1) AS axis_ns
FROM shown s WHERE depth = 0;

--: refuse
SELECT words || ': ' || (SELECT coalesce(nullif(letter, ''), flow || ' ') FROM shown_kind WHERE flow = :flow) || :id
       || ' has no row; run ktrace-analyze again without --keep to see it'
FROM rows_from
WHERE NOT EXISTS (SELECT 1 FROM shown WHERE depth = 0)
  AND :id BETWEEN 1 AND (SELECT max(l.max_id) FROM flow_sum l CROSS JOIN flow_key k ON k.key_id = l.key_id
                         CROSS JOIN flow_group g ON g.group_id = k.group_id WHERE g.flow = :flow);

--: text
--: required no flow has this ID; report 'slow' lists IDs
SELECT n.id || ': ' || coalesce(x.one, s.op, k.one) || coalesce(' of ' || fmt_bytes(s.size_bytes), '')
       || coalesce(' on ' || k.object_word || ' ' || n.object, '') || coalesce(', ' || s.what, '')
       || coalesce(', by ' || t.comm || ' [' || t.tid || ']', '')
       || coalesce(', began at ' || fmt_time(s.start_ns), ', began before the recording')
       || coalesce(', took ' || fmt_ns(s.dur_ns), CASE WHEN s.start_ns IS NOT NULL THEN ', end not recorded' END, '')
       || CASE WHEN s.state <> 'whole' THEN '; ' || replace(s.state, '_', ' ') ELSE '' END
       || CASE s.state WHEN 'lossy' THEN ': events were lost while it was open' ELSE '' END || '.'
FROM shown s JOIN shown_name n USING (place) JOIN shown_kind k ON k.flow = s.flow
LEFT JOIN flow_word x ON x.flow = s.flow AND x.col = 'op' AND x.value = s.op LEFT JOIN task t ON t.utid = s.utid
WHERE s.depth = 0;

--: table stages Stages
--: column flow text group
--: column stage text
--: column at_ns duration "at"
--: column dur_ns duration "took"
--: column share percent
--: column words text wide optional ""
--: column span span ""
SELECT n.id AS flow, g.value ->> 'name' AS stage, (g.value ->> 'start_ns') - e.start_ns AS at_ns,
       g.value ->> 'dur_ns' AS dur_ns,
       1.0 * (g.value ->> 'dur_ns') / e.dur_ns AS share, t.words,
       (1.0 * ((g.value ->> 'start_ns') - e.start_ns) / e.axis_ns) || ' ' || (1.0 * (g.value ->> 'dur_ns') / e.axis_ns)
       || ' ' || coalesce(t.class, '') AS span
FROM (SELECT * FROM shown ORDER BY place LIMIT 1 + coalesce(:top, 10)) s
JOIN shown_name n USING (place) CROSS JOIN extent e CROSS JOIN json_each(stages_of(s.flow, s.flow_id)) g
LEFT JOIN flow_stage t ON t.flow = s.flow AND t.stage = g.value ->> 'name'
ORDER BY s.place, g.key;

--: table links What lies below it
--: column id text "ID"
--: column link text
--: column flow text
--: column op text
--: column object text
--: column what text optional wide
--: column size_bytes bytes optional
--: column at_ns duration "at"
--: column dur_ns duration "total"
--: column task text optional
--: column line span ""
SELECT n.id, s.link, k.one AS flow, s.op, n.object, s.what, s.size_bytes, s.start_ns - e.start_ns AS at_ns, s.dur_ns,
       t.comm AS task,
       (1.0 * (s.start_ns - e.start_ns) / e.axis_ns) || ' ' || (1.0 * s.dur_ns / e.axis_ns) || ' ' AS line
FROM shown s JOIN shown_name n USING (place) CROSS JOIN extent e LEFT JOIN shown_kind k ON k.flow = s.flow
LEFT JOIN task t ON t.utid = s.utid
WHERE s.depth > 0 ORDER BY s.depth, s.start_ns, s.place LIMIT coalesce(:top, 20);

--: table in_the_way In the way
--: if disturbance
--: column cause text
--: column task text
--: column n count
--: column total_ns duration "total"
--: column share percent
SELECT d.cause, coalesce(t.comm, d.by_irq) AS task, count(*) AS n, sum(d.dur_ns) AS total_ns,
       1.0 * sum(d.dur_ns) / e.dur_ns AS share
FROM disturbance d CROSS JOIN extent e LEFT JOIN task t ON t.utid = d.by_utid
WHERE d.flow = :flow AND d.flow_id = :id GROUP BY d.cause, 2 ORDER BY 4 DESC, 1, 2 LIMIT coalesce(:top, 10);

--: warn
--: if lost_interval
SELECT 'Events were lost while it was open: ' || coalesce(fmt_count(l.n), 'an unknown number') || ' ('
       || coalesce(l.cause, 'unknown cause') || ', CPU ' || coalesce(l.cpu, '?') || ') from ' || fmt_time(l.start_ns)
       || coalesce(', for ' || fmt_ns(l.dur_ns), ' on') || '.'
FROM lost_interval l, extent e
WHERE coalesce(l.start_ns <= e.start_ns + e.dur_ns, 1) AND l.start_ns + coalesce(l.dur_ns, 0) >= e.start_ns
ORDER BY l.start_ns LIMIT 5;
