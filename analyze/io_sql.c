// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Views over operations. */
#include "analyze/io_flow.h"

/* clang-format off */

/*
 * A path with one bio has each stage once, in the order of the columns: its row tells all of it. One with several has `between`, one on
 * which its task slept for something else `blocked`; the stages of these are in stage_extra. What disturbed a single stage: the sum of its rows in disturbance, which leave out what is
 * shorter than 1 us; 0 is known to be nothing else.
 */
#define DISTURBED(id, seq, cause) \
"CASE WHEN i." cause "_ns IS NOT NULL THEN ifnull((SELECT sum(x.dur_ns) FROM disturbance x\n" \
"    WHERE x.flow_id = i.io_id AND x.flow = 'io' AND x.seq = " seq " AND x.cause = '" cause "'), 0) END"
#define ALL_DISTURBED(seq) \
"  " DISTURBED("", seq, "runq") ",\n  " DISTURBED("", seq, "irq") ",\n  " DISTURBED("", seq, "softirq") "\n"
#define NONE "  NULL, NULL, NULL\n"
#define ONE(seq, name, before, disturbed) \
"SELECT 'io', i.io_id, " seq ", '" name "', i.start_ns" before ", +i." name "_ns,\n" \
disturbed \
"  FROM io i WHERE i." name "_ns IS NOT NULL AND i.between_ns IS NULL AND i.blocked_ns IS NULL\n"
#define AFTER(name) " + ifnull(i." name "_ns, 0)"

#define A1 AFTER("submit")
#define A2 A1 AFTER("throttle")
#define A3 A2 AFTER("alloc")
#define A4 A3 AFTER("plug")
#define A5 A4 AFTER("queue")
#define A6 A5 AFTER("device")
#define A7 A6 AFTER("complete")
#define A8 A7 AFTER("endio")
#define A9 A8 AFTER("wakeup")

const char kt_io_stages_sql[] =
ONE("1", "submit", " + 0", ALL_DISTURBED("1"))
"UNION ALL " ONE("2", "throttle", A1, NONE)
"UNION ALL " ONE("3", "alloc", A2, ALL_DISTURBED("3"))
"UNION ALL " ONE("4", "plug", A3, ALL_DISTURBED("4"))
"UNION ALL " ONE("5", "queue", A4, NONE)
"UNION ALL " ONE("6", "device", A5, NONE)
"UNION ALL " ONE("7", "complete", A6, NONE)
"UNION ALL " ONE("8", "endio", A7, ALL_DISTURBED("8"))
"UNION ALL " ONE("9", "wakeup", A8, ALL_DISTURBED("9"))
"UNION ALL " ONE("10", "return", A9, ALL_DISTURBED("10"))
"UNION ALL " ONE("12", "cached", " + 0", ALL_DISTURBED("12"))
"UNION ALL SELECT 'io', i.io_id, +g.seq, g.name || '', +g.start_ns, +g.dur_ns,\n"
"  CASE WHEN g.name IN ('submit', 'alloc', 'plug', 'between', 'endio', 'wakeup', 'return') THEN " DISTURBED("", "g.seq", "runq") " END,\n"
"  CASE WHEN g.name IN ('submit', 'alloc', 'plug', 'between', 'endio', 'wakeup', 'return') THEN " DISTURBED("", "g.seq", "irq") " END,\n"
"  CASE WHEN g.name IN ('submit', 'alloc', 'plug', 'between', 'endio', 'wakeup', 'return') THEN " DISTURBED("", "g.seq", "softirq") " END\n"
"  FROM io i JOIN stage_extra g ON g.flow_id = i.io_id AND g.flow = 'io'\n"
"  WHERE i.between_ns IS NOT NULL OR i.blocked_ns IS NOT NULL\n";

#define US(name) "i." name "_ns / 1e3 AS " name "_us"

const char kt_io_views_sql[] =
"CREATE VIEW v_io AS SELECT\n"
"  i.io_id, i.run_id, i.kind, i.op, i.flags, i.parent_io_id,\n"
"  i.start_ns, i.start_ns / 1e9 AS start_s, " KT_SQL_UTC("i.start_ns") " AS start_utc, i.dur_ns, i.dur_ns / 1e3 AS dur_us,\n"
"  t.comm AS task, t.tid, t.tgid, t.program, t.is_recorder, c.path AS cgroup, d.name AS disk, p.name AS partition,\n"
"  i.ino, i.path, i.offset_bytes, i.size_bytes, i.size_bytes / 1024.0 AS size_kib,\n"
"  i.moved_bytes, i.moved_bytes / 1024.0 AS moved_kib, i.result,\n"
"  i.n_bios, i.path_bio_id, i.via, i.error,\n"
"  " US("submit") ", " US("throttle") ", " US("alloc") ", " US("plug") ",\n"
"  " US("queue") ", " US("device") ", " US("complete") ", " US("endio") ",\n"
"  " US("wakeup") ", " US("return") ", " US("between") ", " US("cached") ", " US("blocked") ",\n"
"  " US("runq") ", " US("irq") ", " US("softirq") ", " US("slept") ",\n"
"  i.state\n"
"  FROM io i LEFT JOIN task t ON t.utid = i.utid\n"
"  LEFT JOIN cgroup c ON c.ucgid = i.ucgid\n"
"  LEFT JOIN device d ON d.device_id = i.device_id\n"
"  LEFT JOIN device p ON p.device_id = i.part_device_id;\n"
/* Operations where they were recorded, and requests: by time, the longest first. */
"CREATE VIEW v_slow AS\n"
"  SELECT 'io' AS flow, io_id AS id, run_id, op, disk, path, size_kib, start_ns, start_s, dur_ns,\n"
"    dur_us, task, tid, tgid, is_recorder, cgroup\n"
"  FROM v_io WHERE state = 'whole' AND dur_ns IS NOT NULL\n"
"  UNION ALL SELECT 'request', request_id, run_id, op, disk, NULL, size_kib, start_ns, start_s, dur_ns,\n"
"    dur_us, task, tid, tgid, is_recorder, cgroup\n"
"  FROM v_request WHERE state = 'whole' ORDER BY dur_ns DESC;\n";

/* What view stage and the report `show` look up for single flows. */
const char kt_io_indexes_sql[] =
"CREATE INDEX stage_extra_flow ON stage_extra(flow_id);\n"
"CREATE INDEX disturbance_flow ON disturbance(flow_id);\n"
"CREATE INDEX wake_flow ON wake(flow_id);\n"
"CREATE INDEX io_parent ON io(parent_io_id) WHERE parent_io_id IS NOT NULL;\n";
