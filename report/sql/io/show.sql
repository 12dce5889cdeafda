-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title One flow
--: about everything about one request (r12), bio (b12) or io (i12): stages, bios, what else the device did
--: needs request bio device stage
--: flows request bio io
--: use rows_from

--: setup
CREATE TEMP TABLE shown AS
SELECT request_id FROM request WHERE :flow = 'request' AND request_id = :id
UNION
SELECT request_id FROM bio_request WHERE bio_id IN
  (SELECT bio_id FROM bio WHERE (:flow = 'bio' AND bio_id = :id) OR (:flow = 'io' AND io_id = :id));

--: setup
CREATE TEMP TABLE shown_bio AS
SELECT bio_id FROM bio WHERE (:flow = 'bio' AND bio_id = :id) OR (:flow = 'io' AND io_id = :id)
UNION
SELECT bio_id FROM bio_request WHERE request_id IN shown;

-- Of a bio with a request only what is its own: the rest is the request's.
--: setup
CREATE TEMP TABLE piece AS
SELECT 'r' || request_id AS flow, 2 AS kind, request_id AS id, value ->> 'seq' AS seq, value ->> 'name' AS name,
       value ->> 'start_ns' AS start_ns,
       value ->> 'dur_ns' AS dur_ns
FROM shown CROSS JOIN json_each(stages_of('request', request_id))
UNION ALL
SELECT 'b' || bio_id, CASE value ->> 'name' WHEN 'endio' THEN 3 ELSE 1 END, bio_id, value ->> 'seq', value ->> 'name',
       value ->> 'start_ns', value ->> 'dur_ns'
FROM shown_bio CROSS JOIN json_each(stages_of('bio', bio_id))
WHERE value ->> 'name' IN ('alloc', 'endio') OR bio_id NOT IN (SELECT bio_id FROM bio_request
    WHERE request_id IN shown);

--: use show_io

--: setup
CREATE TEMP TABLE extent AS
SELECT min(start_ns) AS start_ns, max(max(end_ns) - min(start_ns), 1) AS dur_ns FROM (
  SELECT start_ns, start_ns + coalesce(dur_ns, 0) AS end_ns FROM request WHERE request_id IN shown
  UNION ALL
  SELECT start_ns, start_ns + coalesce(dur_ns, 0) FROM bio WHERE bio_id IN shown_bio);
--: setup
DELETE FROM extent WHERE EXISTS (SELECT 1 FROM shown_io);
--: setup
INSERT INTO extent SELECT start_ns, axis_ns FROM shown_io;

--: refuse
SELECT words || ': ' || substr(:flow, 1, 1) || :id || ' has no row; run ktrace-analyze again without --keep to see it'
FROM rows_from
WHERE NOT EXISTS (SELECT 1 FROM shown_io UNION ALL SELECT 1 FROM request WHERE :flow = 'request' AND request_id = :id
                  UNION ALL SELECT 1 FROM bio WHERE :flow = 'bio' AND bio_id = :id)
  AND :id BETWEEN 1 AND (SELECT max(max_id) FROM load WHERE flow = :flow);

--: text
--: unless shown_io
--: required no flow has this ID; report 'slow' lists IDs (r12 is a request, b12 a bio, i12 an operation)
SELECT 'r' || r.request_id || ': ' || coalesce(r.op, 'unknown operation')
       || coalesce(' of ' || fmt_bytes(r.size_bytes), '')
       || coalesce(' at sector ' || r.sector, '') || ' on ' || coalesce(d.name, d.dev, 'an unknown disk')
       || coalesce(' (' || p.name || ')', '')
       || coalesce(', began at ' || fmt_time(r.start_ns), ', began before the recording')
       || coalesce(', took ' || fmt_ns(r.dur_ns), CASE WHEN r.start_ns IS NOT NULL THEN ', end not recorded' END, '')
       || CASE WHEN r.n_issues > 1 THEN ', issued ' || r.n_issues || ' times' ELSE '' END
       || CASE WHEN r.error THEN ', error ' || r.error ELSE '' END
       || coalesce(', flags ' || nullif(r.flags, ''), '')
       || coalesce(', issued on CPU ' || r.issue_cpu, '') || coalesce(', completed on CPU ' || r.complete_cpu, '')
       || CASE WHEN r.state <> 'whole' THEN '; ' || replace(r.state, '_', ' ') ELSE '' END
       || CASE r.state WHEN 'lossy' THEN ': events were lost while it was open' ELSE '' END || '.'
FROM request r LEFT JOIN device d USING (device_id)
LEFT JOIN device p ON p.device_id = r.part_device_id AND p.device_id <> r.device_id
WHERE r.request_id IN shown
UNION ALL
SELECT 'b' || b.bio_id || ': ' || coalesce(b.op, 'unknown operation') || coalesce(' of ' || fmt_bytes(b.size_bytes), '')
       || coalesce(' at sector ' || b.sector, '')
       || ' on ' || coalesce(d.name, d.dev, 'an unknown disk')
       || coalesce(', began at ' || fmt_time(b.start_ns), ', began before the recording')
       || coalesce(', took ' || fmt_ns(b.dur_ns), CASE WHEN b.start_ns IS NOT NULL THEN ', end not recorded' END, '')
       || CASE WHEN b.error THEN ', error ' || b.error ELSE '' END
       || CASE WHEN b.state <> 'whole' THEN '; ' || replace(b.state, '_', ' ') ELSE '' END || '.'
FROM bio b LEFT JOIN device d USING (device_id)
WHERE :flow <> 'request' AND b.bio_id IN shown_bio AND (:flow = 'io' OR b.bio_id = :id);

--: text
SELECT words FROM io_of_shown ORDER BY start_ns LIMIT 5;

--: table stages Stages
--: unless shown_io
--: column flow text group
--: column stage text
--: column at_ns duration "at"
--: column dur_ns duration "took"
--: column share percent
--: column span span ""
SELECT flow, name AS stage, p.start_ns - e.start_ns AS at_ns, p.dur_ns, 1.0 * p.dur_ns / e.dur_ns AS share,
       (1.0 * (p.start_ns - e.start_ns) / e.dur_ns) || ' ' || (1.0 * p.dur_ns / e.dur_ns) || ' '
       || coalesce(w.look, '') AS span
FROM piece p CROSS JOIN extent e LEFT JOIN stage_name w ON w.stage = p.name
WHERE kind = 2 OR id IN (SELECT bio_id FROM shown_bio JOIN bio USING (bio_id) ORDER BY start_ns, bio_id
    LIMIT coalesce(:top, 10))
ORDER BY kind, id, seq;

--: table dirtied Who dirtied the pages it writes
--: if dirtier
--: column bio text group "bio"
--: column task text
--: column tid id
--: column cgroup text wide
--: column bytes bytes
--: column before_ns duration "age"
--: column write text optional "by write"
--: column link text "link"
SELECT 'b' || d.bio_id AS bio, t.comm AS task, t.tid, c.path AS cgroup, d.size_bytes AS bytes,
       b.start_ns - d.dirty_ns AS before_ns,
       'i' || d.io_id AS write, d.link
FROM dirtier d LEFT JOIN bio b USING (bio_id) LEFT JOIN task t ON t.utid = d.utid
LEFT JOIN cgroup c ON c.ucgid = t.ucgid
ORDER BY d.bio_id, d.size_bytes DESC LIMIT coalesce(:top, 20);

--: table bios Bios
--: column id text "ID"
--: column at_ns duration "queued at"
--: column op text
--: column flags text optional
--: column device text
--: column sector id wide
--: column size_bytes bytes
--: column how text
--: column dur_ns duration "total"
--: column task text
--: column tid id wide
--: column cgroup text wide
--: column charged text optional wide "charged to"
--: column ino id optional wide "inode"
--: column parent text optional wide
SELECT 'b' || b.bio_id AS id, b.start_ns - e.start_ns AS at_ns, b.op, nullif(b.flags, '') AS flags, d.name AS device,
       b.sector,
       b.size_bytes,
       CASE WHEN r.request_id IS NULL THEN NULL WHEN b.parent_bio_id IS NOT NULL THEN 'split'
            WHEN b.start_ns + b.alloc_ns > r.start_ns THEN 'merged' WHEN b.alloc_ns IS NOT NULL THEN 'first' END AS how,
       b.dur_ns, t.comm AS task, t.tid, c.path AS cgroup, nullif(k.path, c.path) AS charged, b.ino,
       'b' || b.parent_bio_id AS parent
FROM bio b LEFT JOIN request r USING (request_id) LEFT JOIN device d ON d.device_id = b.device_id
LEFT JOIN task t USING (utid) LEFT JOIN cgroup c ON c.ucgid = b.ucgid LEFT JOIN cgroup k ON k.ucgid = b.blkcg_ucgid,
  extent e
WHERE b.bio_id IN shown_bio ORDER BY b.start_ns, b.bio_id LIMIT coalesce(:top, 20);

-- Rows are numbered as they are inserted or first issued: those on the device at its issue lie between the first that
-- ended in that second or later, and the first that was inserted or issued only afterwards. The plus: no index is made
-- for one look.
--: setup
CREATE TEMP TABLE issue AS
SELECT i.*,
       (SELECT min(min_id) FROM load WHERE flow = 'request' AND device_id = i.device_id
         AND second >= i.issue_ns / 1000000000)
         AS from_id,
       coalesce((SELECT request_id FROM request r
                 WHERE r.request_id > i.request_id AND n_issues = 1 AND r.start_ns + coalesce(r.plug_ns, 0) > i.issue_ns
                 ORDER BY r.request_id LIMIT 1), 9223372036854775807) AS to_id
FROM (SELECT request_id, device_id, start_ns + coalesce(plug_ns, 0) + coalesce(queue_ns, 0) AS issue_ns
      FROM request WHERE request_id IN shown AND device_ns IS NOT NULL AND worker_ns IS NULL) i
WHERE NOT EXISTS (SELECT 1 FROM rows_from);
--: warn
SELECT 'What else was on the device is not known, because ' || words || '.'
FROM rows_from WHERE EXISTS (SELECT 1 FROM shown);

--: setup
CREATE TEMP TABLE beside AS
SELECT o.request_id, o.op, o.sector, o.size_bytes,
       o.start_ns + coalesce(o.plug_ns, 0) + coalesce(o.queue_ns, 0) AS issue_ns,
       o.device_ns, i.issue_ns AS own_issue_ns, i.request_id AS own_id
FROM issue i CROSS JOIN request o ON o.request_id BETWEEN i.from_id AND i.to_id
WHERE +o.device_id = i.device_id AND o.request_id <> i.request_id AND o.worker_ns IS NULL
  AND i.issue_ns - (o.start_ns + coalesce(o.plug_ns, 0) + coalesce(o.queue_ns, 0)) BETWEEN 0 AND o.device_ns - 1
UNION ALL
-- One that was taken through a flush: its own data.
SELECT o.request_id, o.op, o.sector, o.size_bytes, g.start_ns, g.dur_ns, i.issue_ns, i.request_id
FROM issue i CROSS JOIN request o ON o.request_id BETWEEN i.from_id AND i.to_id
CROSS JOIN stage_extra g ON g.flow_id = o.request_id AND g.flow = 'request' AND g.name = 'device'
  AND g.bio_id IS NOT NULL
WHERE +o.device_id = i.device_id AND o.request_id <> i.request_id AND o.worker_ns IS NOT NULL
  AND i.issue_ns - g.start_ns BETWEEN 0 AND g.dur_ns - 1;

--: text
SELECT 'When r' || s.request_id || ' was issued, '
       || CASE count(b.request_id) WHEN 0 THEN 'the device was otherwise idle.'
            WHEN 1 THEN '1 other request was on the device' || coalesce(' (' || fmt_bytes(b.size_bytes) || ')', '')
              || '.'
            ELSE fmt_count(count(b.request_id)) || ' other requests were on the device'
              || coalesce(' (' || fmt_bytes(sum(b.size_bytes)) || ' in total)', '') || '.' END
FROM shown s JOIN request r USING (request_id) LEFT JOIN beside b ON b.own_id = s.request_id
WHERE r.device_ns IS NOT NULL AND (SELECT count(*) FROM issue) = 1 GROUP BY s.request_id;

--: text
SELECT 'When its ' || fmt_count(i.n) || ' requests were issued, '
       || CASE o.n WHEN 0 THEN 'the device was otherwise idle.'
            WHEN 1 THEN '1 other request was on the device' || coalesce(' (' || fmt_bytes(o.bytes) || ')', '') || '.'
            ELSE fmt_count(o.n) || ' other requests were on the device'
              || coalesce(' (' || fmt_bytes(o.bytes) || ' in total)', '') || ', at most '
                 || (SELECT max(n) FROM (SELECT count(*) AS n FROM beside WHERE request_id NOT IN shown
                     GROUP BY own_id)) || ' at a time.' END
FROM (SELECT count(*) AS n FROM issue) i,
     (SELECT count(*) AS n, sum(size_bytes) AS bytes FROM (SELECT DISTINCT request_id, size_bytes FROM beside
         WHERE request_id NOT IN shown)) o
WHERE i.n > 1;

--: table beside Also on the device
--: unless rows_from
--: column id text "ID"
--: column op text
--: column sector id
--: column size_bytes bytes
--: column before_ns duration "issued earlier by"
--: column left_ns duration "remaining"
--: column task text
--: column own text optional "at issue of"
SELECT 'r' || request_id AS id, op, sector, size_bytes, own_issue_ns - issue_ns AS before_ns,
       issue_ns + device_ns - own_issue_ns AS left_ns,
       (SELECT t.comm FROM bio b JOIN task t ON t.utid = b.utid
        WHERE b.bio_id = (SELECT min(x.bio_id) FROM bio x WHERE x.request_id = beside.request_id)) AS task,
       CASE WHEN (SELECT count(*) FROM issue) > 1 THEN 'r' || own_id END AS own
FROM beside WHERE request_id NOT IN shown ORDER BY issue_ns, request_id, own_id LIMIT coalesce(:top, 10);

--: warn
SELECT CASE l.cause WHEN 'blind' THEN 'While it was open, the kernel ran no BPF program of the recorder (CPU '
                    WHEN 'no_room' THEN 'While it was open, there was no room to follow '
                      || coalesce(fmt_count(l.n), 'an unknown number of') || ' others (CPU '
                ELSE 'Events were lost while it was open: ' || coalesce(fmt_count(l.n), 'an unknown number') || ' ('
                  || coalesce(l.cause, 'unknown cause') || ', CPU ' END
       || coalesce(l.cpu, '?') || ') from ' || fmt_time(l.start_ns) || coalesce(', for ' || fmt_ns(l.dur_ns), ' on')
       || '.'
FROM lost_interval l, extent e
WHERE l.start_ns <= e.start_ns + e.dur_ns AND l.start_ns + coalesce(l.dur_ns, 0) >= e.start_ns
ORDER BY l.start_ns LIMIT 5;
