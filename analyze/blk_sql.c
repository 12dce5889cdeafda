// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Views over bios and requests. */
#include "analyze/blk.h"

/* clang-format off */

/*
 * Each stage begins where those before it end: a NULL one took no time. The plus before a bare column: flow.h, stage_select.
 */
const char kt_blk_request_stages[] =
"SELECT 'request', request_id, 1, 'plug', +start_ns, +plug_ns, NULL, NULL, NULL\n"
"  FROM request WHERE plug_ns IS NOT NULL\n"
"UNION ALL SELECT 'request', request_id, 2, 'queue',\n"
"  start_ns + ifnull(plug_ns, 0), +queue_ns, NULL, NULL, NULL\n"
"  FROM request WHERE queue_ns IS NOT NULL\n"
"UNION ALL SELECT 'request', request_id, 3, 'device',\n"
"  start_ns + ifnull(plug_ns, 0) + ifnull(queue_ns, 0), +device_ns, NULL, NULL, NULL\n"
"  FROM request WHERE device_ns IS NOT NULL\n"
"UNION ALL SELECT 'request', request_id, 4, 'complete',\n"
"  start_ns + ifnull(plug_ns, 0) + ifnull(queue_ns, 0) + ifnull(device_ns, 0), +complete_ns,\n"
"  NULL, NULL, NULL\n"
"  FROM request WHERE complete_ns IS NOT NULL\n";

/*
 * A stage [f, f + d] of the request that carried a bio, clipped to the bio's time with it, [j, e]:
 * from its joining to its own completion. e is NULL while the bio is open: the stage's own end counts
 * then. As kt_bio_share() in blk_bio.c.
 */
#define WITH_IT \
"b.start_ns + b.alloc_ns AS j, b.start_ns + b.dur_ns - ifnull(b.endio_ns, 0) AS e"
#define SHARE(seq, name, from, dur) \
"UNION ALL SELECT 'bio', bio_id, " seq ", '" name "',\n" \
"  max(f, j), min(f + d, ifnull(e, f + d)) - max(f, j), NULL, NULL, NULL\n" \
"  FROM (SELECT b.bio_id, " WITH_IT ",\n" \
"    " from " AS f, " dur " AS d\n" \
"    FROM bio b JOIN request r ON r.request_id = b.request_id\n" \
"    WHERE b.alloc_ns IS NOT NULL AND " dur " IS NOT NULL)\n" \
"  WHERE min(f + d, ifnull(e, f + d)) > max(f, j)\n" \
"    OR (d = 0 AND f >= j AND f <= ifnull(e, f))\n"

#define AFTER_PLUG "r.start_ns + ifnull(r.plug_ns, 0)"
#define AFTER_QUEUE AFTER_PLUG " + ifnull(r.queue_ns, 0)"

const char kt_blk_bio_stages[] =
"SELECT 'bio', bio_id, 1, 'alloc', +start_ns, +alloc_ns, NULL, NULL, NULL\n"
"  FROM bio WHERE alloc_ns IS NOT NULL\n"
SHARE("2", "plug", "r.start_ns", "r.plug_ns")
SHARE("3", "queue", AFTER_PLUG, "r.queue_ns")
SHARE("4", "device", AFTER_QUEUE, "r.device_ns")
/* A part of the request was complete, its end was not seen: all that follows is the device's. */
"UNION ALL SELECT 'bio', bio_id, 4, 'device', max(f, j), e - max(f, j), NULL, NULL, NULL\n"
"  FROM (SELECT b.bio_id, " WITH_IT ",\n"
"    " AFTER_QUEUE " AS f\n"
"    FROM bio b JOIN request r ON r.request_id = b.request_id\n"
"    WHERE b.dur_ns IS NOT NULL AND b.alloc_ns IS NOT NULL AND r.device_ns IS NULL)\n"
"  WHERE e > max(f, j)\n"
"UNION ALL SELECT 'bio', bio_id, 4, 'device', start_ns + ifnull(alloc_ns, 0), +device_ns,\n"
"  NULL, NULL, NULL FROM bio WHERE device_ns IS NOT NULL\n"
SHARE("5", "complete", AFTER_QUEUE " + ifnull(r.device_ns, 0)", "r.complete_ns")
"UNION ALL SELECT 'bio', bio_id, 6, 'endio', start_ns + dur_ns - endio_ns, +endio_ns,\n"
"  NULL, NULL, NULL FROM bio WHERE endio_ns IS NOT NULL AND start_ns IS NOT NULL\n";

/* What v_bio and v_request share. b: the bio that names the task. */
#define OWNER \
"  t.comm AS task, t.tid, t.tgid, t.program, t.is_recorder, c.path AS cgroup, k.path AS blkcg, b.ino,\n"
#define OWNER_JOINS \
"  LEFT JOIN task t ON t.utid = b.utid\n" \
"  LEFT JOIN cgroup c ON c.ucgid = b.ucgid\n" \
"  LEFT JOIN cgroup k ON k.ucgid = b.blkcg_ucgid;\n"

const char kt_blk_bio_views[] =
"CREATE VIEW bio_request(bio_id, request_id) AS\n"
"  SELECT bio_id, request_id FROM bio WHERE request_id IS NOT NULL\n"
"  UNION ALL SELECT bio_id, request_id FROM bio_request_extra;\n"
"CREATE VIEW v_bio AS SELECT\n"
"  b.bio_id, b.run_id, b.io_id, b.link, b.parent_bio_id, b.parent_request_id, b.request_id,\n"
"  b.op, b.flags, ifnull(p.name, d.name) AS disk,\n"
"  CASE WHEN p.device_id IS NOT NULL THEN d.name END AS part,\n"
"  b.sector, b.size_bytes, b.size_bytes / 1024.0 AS size_kib,\n"
"  b.start_ns, b.start_ns / 1e9 AS start_s, " KT_SQL_UTC("b.start_ns") " AS start_utc, b.dur_ns, b.dur_ns / 1e3 AS dur_us,\n"
"  b.alloc_ns / 1e3 AS alloc_us, b.device_ns / 1e3 AS device_us, b.endio_ns / 1e3 AS endio_us,\n"
OWNER
"  b.error, b.state\n"
"  FROM bio b LEFT JOIN device d ON d.device_id = b.device_id\n"
"  LEFT JOIN device p ON p.device_id = d.parent_id\n"
OWNER_JOINS;

/* The task is that of the request's first bio. */
const char kt_blk_request_views[] =
"CREATE VIEW v_request AS SELECT\n"
"  r.request_id, r.run_id, r.op, r.flags, d.name AS disk,\n"
"  CASE WHEN r.part_device_id <> r.device_id THEN p.name END AS part,\n"
"  r.sector, r.size_bytes, r.size_bytes / 1024.0 AS size_kib,\n"
"  r.start_ns, r.start_ns / 1e9 AS start_s, " KT_SQL_UTC("r.start_ns") " AS start_utc, r.dur_ns, r.dur_ns / 1e3 AS dur_us,\n"
"  r.plug_ns / 1e3 AS plug_us, r.queue_ns / 1e3 AS queue_us,\n"
"  r.device_ns / 1e3 AS device_us, r.complete_ns / 1e3 AS complete_us,\n"
"  r.issue_cpu, r.complete_cpu, r.n_bios, r.n_issues, b.bio_id AS first_bio_id,\n"
OWNER
"  r.error, r.state\n"
"  FROM request r LEFT JOIN device d ON d.device_id = r.device_id\n"
"  LEFT JOIN device p ON p.device_id = r.part_device_id\n"
"  LEFT JOIN bio b ON b.bio_id =\n"
"    (SELECT min(x.bio_id) FROM bio x WHERE x.request_id = r.request_id)\n"
OWNER_JOINS;
