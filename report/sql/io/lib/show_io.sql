-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- One operation from call to return: what it was, who was in the way, and its stages, bios and requests on one axis of
-- time.
--: use stages

--: setup
CREATE TEMP TABLE shown_io(io_id INTEGER PRIMARY KEY, run_id, kind, op, parent_io_id, start_ns, dur_ns, axis_ns, utid,
    ucgid, device_id, state);
--: if io
--: setup
INSERT INTO shown_io
SELECT io_id, run_id, kind, op, parent_io_id, start_ns, dur_ns,
       max(1, coalesce(dur_ns, (SELECT max(b.start_ns + coalesce(b.dur_ns, 0)) FROM bio b
             WHERE b.io_id = i.io_id) - start_ns, 1)),
       utid, ucgid, device_id, state
FROM io i WHERE :flow = 'io' AND io_id = :id;

--: setup
CREATE TEMP TABLE own_stage(seq, name, start_ns, dur_ns);
--: if shown_io
--: setup
INSERT INTO own_stage
SELECT value ->> 'seq', value ->> 'name', value ->> 'start_ns', value ->> 'dur_ns' FROM json_each(stages_of('io', :id));

--: setup
CREATE TEMP VIEW who_name AS
SELECT t.utid, coalesce(t.comm, '?') || ' [' || t.tid || ']' AS name FROM main.task t;

-- The name that its task had when the operation shown began, if it has had another since.
--: setup
CREATE TEMP TABLE name_then(words);
--: if task_name
--: setup
INSERT INTO name_then
SELECT ', then named ' || n.comm || CASE WHEN n.tid <> t.tid THEN ' [' || n.tid || ']' ELSE '' END
FROM shown_io s JOIN task t ON t.utid = s.utid JOIN task_name n ON n.utid = s.utid
WHERE n.end_ns > s.start_ns AND coalesce(n.start_ns <= s.start_ns, 1) AND (n.comm IS NOT t.comm OR n.tid IS NOT t.tid)
ORDER BY n.start_ns DESC LIMIT 1;

-- Of a request or a bio: the operations it belongs to.
--: setup
CREATE TEMP TABLE io_of_shown(words, start_ns);
--: if io
--: setup
INSERT INTO io_of_shown
SELECT CASE WHEN :flow = 'request' THEN 'It carries bios of' ELSE 'It belongs to' END || ' i' || i.io_id || ': ' || i.op
       || coalesce(' of ' || i.path, '')
       || coalesce(' by ' || w.name, '') || coalesce(', which took ' || fmt_ns(i.dur_ns), '') || '.', i.start_ns
FROM (SELECT DISTINCT io_id FROM bio WHERE io_id IS NOT NULL AND bio_id IN shown_bio
        AND ((:flow = 'bio' AND bio_id = :id) OR :flow = 'request')) o
JOIN io i ON i.io_id = o.io_id LEFT JOIN who_name w ON w.utid = i.utid;

-- What it was.
--: text
--: if shown_io
SELECT 'i' || i.io_id || ': ' || i.op || CASE i.kind WHEN i.op THEN '' WHEN 'syscall' THEN '' ELSE ' ('
    || i.kind || ')' END
       || coalesce(' of ' || fmt_bytes(nullif(i.size_bytes, 0)), '')
       || coalesce(' at ' || fmt_bytes(i.offset_bytes) || ' of ', CASE WHEN i.path IS NOT NULL THEN ' of ' END, '')
       || coalesce(i.path, CASE WHEN i.ino IS NOT NULL THEN CASE WHEN i.offset_bytes IS NULL THEN ' of inode '
             ELSE 'inode ' END || i.ino
                                WHEN i.offset_bytes IS NOT NULL THEN 'the disk' ELSE '' END)
       || coalesce(' on ' || coalesce(d.name, d.dev), '')
       || coalesce(' by ' || w.name || coalesce((SELECT words FROM name_then), ''), '')
       || coalesce(' in ' || nullif(c.path, '/'), '')
       || coalesce(', began at ' || fmt_time(i.start_ns), ', began before the recording')
       || coalesce(', took ' || fmt_ns(i.dur_ns), CASE WHEN i.start_ns IS NOT NULL THEN ', end not recorded' END, '')
       || CASE WHEN i.result < 0 THEN ', failed with ' || errno_name(i.result)
               WHEN i.moved_bytes < i.size_bytes THEN ', moved ' || fmt_bytes(i.moved_bytes) ELSE '' END
       || CASE WHEN i.state <> 'whole' THEN '; ' || replace(i.state, '_', ' ') ELSE '' END
       || CASE i.state WHEN 'lossy' THEN ': events were lost while it was open' ELSE '' END || '.'
FROM shown_io s JOIN io i USING (io_id) LEFT JOIN device d ON d.device_id = i.device_id
LEFT JOIN who_name w ON w.utid = i.utid
LEFT JOIN cgroup c ON c.ucgid = i.ucgid;

--: text
--: if shown_io
SELECT group_concat(fmt_share(share) || CASE place WHEN 1 THEN ' of it was ' ELSE ' ' END || words, ', ') || '.' FROM (
  SELECT CASE WHEN g.name = 'plug' AND s.op IN ('fsync', 'fdatasync', 'sync', 'syncfs',
        'commit') THEN 'waiting for a flush to finish'
              ELSE coalesce(w.words, g.name) END AS words, 1.0 * sum(g.dur_ns) / s.dur_ns AS share,
              row_number() OVER (ORDER BY sum(g.dur_ns) DESC) AS place
  FROM shown_io s CROSS JOIN own_stage g LEFT JOIN stage_name w ON w.stage = g.name
  WHERE s.dur_ns > 0 GROUP BY g.name ORDER BY 3 LIMIT 3)
WHERE place = 1 OR share >= 0.05 HAVING count(*) > 0;

-- Who was in the way, in which stage.
--: setup
CREATE TEMP TABLE way(seq, stage, cause, start_ns, dur_ns, who);
--: if shown_io
--: setup
INSERT INTO way
SELECT d.seq, g.name, d.cause, d.start_ns, d.dur_ns,
       CASE WHEN d.cause IN ('runq', 'worker') THEN coalesce(w.name, 'another task')
         ELSE coalesce(d.by_irq, 'unknown') END
FROM disturbance d LEFT JOIN own_stage g ON g.seq = d.seq LEFT JOIN who_name w ON w.utid = d.by_utid
WHERE d.flow = 'io' AND d.flow_id = :id;

--: text
SELECT CASE WHEN cause = 'runq' THEN 'It was runnable for ' || fmt_ns(sum(dur_ns)) || ' while ' || who
              || ' held the CPU'
            WHEN cause = 'worker' THEN 'The kernel worker it waited for was runnable for ' || fmt_ns(sum(dur_ns))
              || ' while ' || who || ' held the CPU'
                  ELSE CASE cause WHEN 'irq' THEN 'Interrupt ' ELSE 'Soft interrupt ' END || who || ' delayed it by '
                    || fmt_ns(sum(dur_ns)) END
       || coalesce(' (in ' || replace(group_concat(DISTINCT stage), ',', ', ') || ')', '') || '.'
FROM way GROUP BY cause, who HAVING sum(dur_ns) * 1000 >= (SELECT dur_ns FROM shown_io) ORDER BY sum(dur_ns) DESC
LIMIT 6;

-- Who ended its wait.
--: text
--: if wake
SELECT 'Woken by ' || CASE WHEN k.waker_utid IS NULL OR t.tid = 0 THEN 'an interrupt' ELSE w.name END
       || coalesce(' at ' || fmt_ns(g.start_ns - s.start_ns), '')
       || coalesce(', when r' || k.request_id || ' completed'
                   || coalesce(' (' || r.op || ' of ' || fmt_bytes(r.size_bytes) || coalesce(' on ' || d.name, '')
                     || ')', ''), '') || '.'
FROM shown_io s CROSS JOIN wake k ON k.flow = 'io' AND k.flow_id = s.io_id LEFT JOIN own_stage g ON g.seq = k.seq
LEFT JOIN task t ON t.utid = k.waker_utid LEFT JOIN who_name w ON w.utid = k.waker_utid
LEFT JOIN request r ON r.request_id = k.request_id LEFT JOIN device d ON d.device_id = r.device_id
ORDER BY k.seq LIMIT 6;

-- What it waited for, or who waited for it.
--: text
--: if shown_io
SELECT 'It ' || CASE WHEN p.kind = 'journal' THEN 'waited for the journal ' || p.op ELSE CASE p.kind
              WHEN 'writeback' THEN 'waited for the ' ELSE 'belongs to the ' END || p.op END
       || ' i' || p.io_id || coalesce(' by ' || w.name, '') || coalesce(', which took ' || fmt_ns(p.dur_ns), '') || '.'
FROM shown_io s JOIN io p ON p.io_id = s.parent_io_id LEFT JOIN who_name w ON w.utid = p.utid;

--: setup
CREATE TEMP TABLE waiter(io_id INTEGER PRIMARY KEY, op, utid, start_ns, dur_ns);
--: if shown_io
--: setup
INSERT INTO waiter
SELECT i.io_id, i.op, i.utid, i.start_ns, i.dur_ns FROM shown_io s CROSS JOIN io i ON i.parent_io_id = s.io_id
LIMIT 200;

--: text
SELECT coalesce((SELECT 'At least ' FROM rows_from), '')
       || CASE count(*) WHEN 1 THEN coalesce((SELECT 'one' FROM rows_from), 'One') || ' operation'
            ELSE fmt_count(count(*)) || CASE count(*) WHEN 200 THEN ' or more' ELSE '' END || ' operations' END
       || CASE (SELECT kind FROM shown_io) WHEN 'syscall' THEN ' served it: ' ELSE ' waited for it: ' END
       || (SELECT group_concat(words, ', ')
         FROM (SELECT 'i' || io_id || ' (' || op || coalesce(' by ' || w.name, '') || ')' AS words
                                                  FROM waiter x LEFT JOIN who_name w ON w.utid = x.utid
                                                  ORDER BY x.start_ns LIMIT 4))
       || CASE WHEN count(*) > 4 THEN ', ...' ELSE '' END || '.'
FROM waiter HAVING count(*) > 0;

-- The bios and requests below it, and those of what it waited for: by depth-first order of path. View bio_request has
-- both kinds of pairs, but in a recursion SQLite makes a table of it first, of every bio there is.
--: setup
CREATE TEMP TABLE tree(kind, id, path, depth, via);
--: if shown_io
--: setup
INSERT INTO tree
WITH RECURSIVE
root AS (
  SELECT 'bio' AS kind, bio_id AS id, printf('2.%020d.%012d', start_ns, bio_id) AS path, 0 AS depth, NULL AS via
  FROM (SELECT b.bio_id, b.start_ns FROM bio b WHERE b.io_id = (SELECT io_id FROM shown_io) AND b.parent_bio_id IS NULL
        ORDER BY b.start_ns, b.bio_id LIMIT coalesce(:top, 20))
  UNION ALL
  SELECT 'io', parent_io_id, '3', 0, NULL FROM shown_io WHERE parent_io_id IS NOT NULL
  UNION ALL
  SELECT 'bio', bio_id, printf('3.%020d.%012d', start_ns, bio_id), 1, NULL
  FROM (SELECT b.bio_id, b.start_ns FROM shown_io s CROSS JOIN bio b ON b.io_id = s.parent_io_id
        WHERE b.parent_bio_id IS NULL AND b.start_ns + coalesce(b.dur_ns, 0) >= s.start_ns
          AND b.start_ns <= s.start_ns + s.axis_ns
        ORDER BY b.start_ns, b.bio_id LIMIT coalesce(:top, 20))),
walk(kind, id, path, depth, via) AS (
  SELECT * FROM root
  UNION ALL
  SELECT 'request', b.request_id, walk.path || '/0', walk.depth + 1, NULL
  FROM walk CROSS JOIN bio b ON b.bio_id = walk.id
  WHERE walk.kind = 'bio' AND walk.depth < 8 AND b.request_id IS NOT NULL
  UNION ALL
  SELECT 'request', b.request_id, walk.path || '/0', walk.depth + 1, NULL
  FROM walk CROSS JOIN bio_request_extra b ON b.bio_id = walk.id WHERE walk.kind = 'bio' AND walk.depth < 8
  UNION ALL
  SELECT 'bio', b.bio_id, walk.path || printf('/1.%020d.%012d', b.start_ns, b.bio_id), walk.depth + 1, b.link
  FROM walk CROSS JOIN bio b ON b.parent_bio_id = walk.id WHERE walk.kind = 'bio' AND walk.depth < 8
  UNION ALL
  SELECT 'bio', b.bio_id, walk.path || printf('/1.%020d.%012d', b.start_ns, b.bio_id), walk.depth + 1, b.link
  FROM walk CROSS JOIN bio b ON b.parent_request_id = walk.id WHERE walk.kind = 'request' AND walk.depth < 8
  LIMIT 500)
SELECT kind, id, min(path), depth, via FROM walk GROUP BY kind, id;

-- A disk that lies on another.
--: text
SELECT 'r' || r.request_id || coalesce(' of ' || d.name, '') || ' was served by '
       || group_concat('b' || b.bio_id || coalesce(' on ' || e.name, ''), ', ')
       || ', for ' || fmt_ns(union_ns(b.start_ns, b.start_ns + b.dur_ns)) || ' of its ' || fmt_ns(r.dur_ns) || '.'
FROM tree t JOIN bio b ON b.bio_id = t.id JOIN request r ON r.request_id = b.parent_request_id
LEFT JOIN device d ON d.device_id = r.device_id LEFT JOIN device e ON e.device_id = b.device_id
WHERE t.kind = 'bio' GROUP BY r.request_id ORDER BY r.start_ns LIMIT 4;

-- The stages of all those on the axis.
--: setup
CREATE TEMP TABLE tree_line AS
SELECT t.kind, t.id,
       (SELECT group_concat((1.0 * (max(g.start_ns, s.start_ns) - s.start_ns) / s.axis_ns) || ' '
                            || (1.0 * clip_ns(g.start_ns, g.dur_ns, s.start_ns, s.start_ns + s.axis_ns) / s.axis_ns)
                            || ' '
                            || CASE WHEN g.name = 'device' AND t.via_lower THEN 'lower'
                               ELSE coalesce(w.look, '') END, ';')
        FROM (SELECT value ->> 'name' AS name, value ->> 'start_ns' AS start_ns, value ->> 'dur_ns' AS dur_ns
              FROM json_each(stages_of(t.kind, t.id))) g LEFT JOIN stage_name w ON w.stage = g.name
        WHERE clip_ns(g.start_ns, g.dur_ns, s.start_ns, s.start_ns + s.axis_ns) IS NOT NULL) AS line
FROM (SELECT kind, id, EXISTS (SELECT 1 FROM tree l WHERE l.path LIKE tree.path || '/1%') AS via_lower FROM tree) t,
  shown_io s;

--: setup
CREATE TEMP TABLE tick AS
WITH RECURSIVE t(step_ns, at_ns, axis_ns) AS (
  SELECT step_ns(axis_ns / 3), step_ns(axis_ns / 3), axis_ns FROM shown_io WHERE axis_ns >= 10
  UNION ALL SELECT step_ns, at_ns + step_ns, axis_ns FROM t WHERE at_ns + step_ns < axis_ns)
SELECT at_ns FROM t;

--: table stages From call to return
--: if shown_io
--: column flow text group "ID"
--: column what text
--: column at_ns duration "at"
--: column dur_ns duration "took"
--: column share percent
--: column line span ""
SELECT flow, what, at_ns, dur_ns, share, line FROM (
  SELECT '0' AS path, 0 AS seq, 'i' || io_id AS flow, op AS what, 0 AS at_ns, dur_ns,
         CASE WHEN dur_ns IS NOT NULL THEN 1.0 END AS share,
         '0 1 frame' || coalesce((SELECT group_concat(';' || (1.0 * at_ns / axis_ns) || ' 0 text ' || fmt_ns(at_ns), '')
             FROM tick), '') AS line
  FROM shown_io
  UNION ALL
  SELECT '1', 100 * g.seq, 'i' || :id, g.name, g.start_ns - s.start_ns, g.dur_ns, 1.0 * g.dur_ns / s.axis_ns,
         (1.0 * (g.start_ns - s.start_ns) / s.axis_ns) || ' ' || (1.0 * g.dur_ns / s.axis_ns) || ' '
         || coalesce(n.look, '')
  FROM shown_io s CROSS JOIN own_stage g LEFT JOIN stage_name n ON n.stage = g.name
  UNION ALL
  SELECT '1', 100 * w.seq + 1 + row_number() OVER (PARTITION BY w.seq ORDER BY w.start_ns), 'i' || :id, '  ' || w.who,
         w.start_ns - s.start_ns, w.dur_ns,
         1.0 * w.dur_ns / s.axis_ns,
         (1.0 * (w.start_ns - s.start_ns) / s.axis_ns) || ' ' || (1.0 * w.dur_ns / s.axis_ns) || ' '
         || CASE w.cause WHEN 'worker' THEN 'runq' ELSE w.cause END
  FROM shown_io s CROSS JOIN (SELECT * FROM way ORDER BY dur_ns DESC LIMIT 12) w
  UNION ALL
  SELECT t.path, 0, substr(t.kind, 1, 1) || t.id, substr('                ', 1, t.depth) ||
           CASE t.kind WHEN 'io' THEN p.op || coalesce(' by ' || w.name, '') WHEN 'bio' THEN b.op
             || coalesce(' ' || fmt_bytes(b.size_bytes), '') || CASE
               WHEN b.link = 'inferred' THEN ' (inferred)' ELSE '' END
                       ELSE r.op || coalesce(' on ' || rd.name, '') END,
         coalesce(p.start_ns, b.start_ns, r.start_ns) - s.start_ns, coalesce(p.dur_ns, b.dur_ns, r.dur_ns),
         1.0 * coalesce(p.dur_ns, b.dur_ns, r.dur_ns) / s.axis_ns, l.line
  FROM shown_io s CROSS JOIN tree t LEFT JOIN tree_line l ON l.kind = t.kind AND l.id = t.id
  LEFT JOIN io p ON t.kind = 'io' AND p.io_id = t.id LEFT JOIN who_name w ON w.utid = p.utid
  LEFT JOIN bio b ON t.kind = 'bio' AND b.bio_id = t.id LEFT JOIN request r ON t.kind = 'request'
    AND r.request_id = t.id
  LEFT JOIN device rd ON rd.device_id = r.device_id)
ORDER BY path, seq;

--: legend
--: if shown_io
SELECT 'work/s kernel and program running;away/z asleep for other reasons;!work/c completing;!work/e '
  || 'ending;!work/r returning;wait/t waiting for a limit or a request;'
       || '!wait/a waiting for a request;queue in a queue;!queue/p plugged;!queue/f another flush;behind waiting for a '
       || 'kernel worker;device device;lower on the underlying disk;'
       || 'wake/b between bios, waking up;!wake waking up;runq another task running;irq interrupt' FROM shown_io;

-- Whose pages they carry.
--: setup
CREATE TEMP TABLE dirtier(bio_id, utid, size_bytes, dirty_ns, link, io_id);
--: if bio_origin
--: setup
INSERT INTO dirtier
SELECT o.bio_id, o.utid, sum(o.size_bytes), min(o.dirty_ns), min(o.link), min(o.io_id)
FROM bio_origin o WHERE o.bio_id IN (SELECT id FROM tree WHERE kind = 'bio' UNION SELECT bio_id FROM shown_bio)
GROUP BY o.bio_id, o.utid ORDER BY 3 DESC;
