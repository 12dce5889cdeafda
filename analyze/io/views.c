// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Views over operations. */
#include "analyze/io/io_internal.h"

/* SQL: must a task run in this stage? */
static void put_must_run(FILE *f)
{
	const char *sep = "";

	fputs("g.name IN (", f);
	for (int i = 0; i < KT_IO_N_STAGES; i++) {
		if (!kt_io_stages[i].must_run)
			continue;
		fprintf(f, "%s'%s'", sep, kt_io_stages[i].name);
		sep = ", ";
	}
	fputs(")", f);
}

/*
 * A path with one bio has each stage once, in the order of the columns: its row has them all. One with several bios has `between`, one on
 * which its task slept for something else `blocked`, one with a flush `worker`; their stages are in stage_extra.
 */
#define HAS_NO_ROUNDS "x.between_ns IS NULL AND x.blocked_ns IS NULL AND x.worker_ns IS NULL"
#define HAS_ROUNDS "x.between_ns IS NOT NULL OR x.blocked_ns IS NOT NULL OR x.worker_ns IS NOT NULL"

static const struct kt_stage_rows on_path = {
	.flow = "io",
	.stages = kt_io_stages,
	.n = KT_IO_STAGE_RETURN + 1,
	.seq = 1,
	.disturbed = true,
	.where = HAS_NO_ROUNDS,
};

static const struct kt_stage_rows cached = {
	.flow = "io",
	.stages = &kt_io_stages[KT_IO_STAGE_CACHED],
	.n = 1,
	.seq = KT_IO_STAGE_CACHED + 1,
	.disturbed = true,
	.where = HAS_NO_ROUNDS,
};

/* clang-format off */

void kt_io_stage_select(FILE *f)
{
	kt_stage_selects(f, &on_path);
	fputs("UNION ALL ", f);
	kt_stage_selects(f, &cached);
	fputs(
"UNION ALL SELECT 'io', x.io_id, +g.seq, g.name || '', +g.start_ns, +g.dur_ns,\n"
"  CASE WHEN g.name = 'worker' OR (", f);
	put_must_run(f);
	fputs(" AND x.runq_ns IS NOT NULL)\n"
"    THEN ifnull((SELECT sum(d.dur_ns) FROM disturbance d WHERE d.flow_id = x.io_id AND d.flow = 'io' AND d.seq = g.seq\n"
"      AND d.cause = CASE g.name WHEN 'worker' THEN 'worker' ELSE 'runq' END), CASE WHEN g.name <> 'worker' THEN 0 END) END", f);
	for (int i = 0; i < 2; i++) {
		fputs(",\n  CASE WHEN ", f);
		put_must_run(f);
		fputs(" THEN ", f);
		kt_stage_disturbed(f, "io", "g.seq", i ? "softirq" : "irq");
		fputs(" END", f);
	}
	fputs("\n"
"  FROM io x JOIN stage_extra g ON g.flow_id = x.io_id AND g.flow = 'io'\n"
"  WHERE " HAS_ROUNDS "\n", f);
}

/*
 * v_slow: operations, if recorded, and requests, the longest first. There may be millions, and usually only the first few
 * are wanted: so up to 31 of the slowest, which table slowest is sure to have, come first, before the rest is read.
 */
#define COLUMNS(flow, x, path) \
"'" flow "' AS flow, " x "." flow "_id AS id, " x ".run_id AS run_id, " x ".op AS op, " x ".disk AS disk, " path " AS path,\n" \
"    " x ".size_kib AS size_kib, " x ".start_ns AS start_ns, " x ".start_s AS start_s, " x ".dur_ns AS dur_ns, " x ".dur_us AS dur_us,\n" \
"    " x ".task AS task, " x ".tid AS tid, " x ".tgid AS tgid, " x ".is_recorder AS is_recorder, " x ".cgroup AS cgroup\n"
#define SLOW(ios, requests) \
"  SELECT * FROM (SELECT " COLUMNS("io", "i", "i.path") "    FROM " ios "\n" \
"    UNION ALL SELECT " COLUMNS("request", "r", "NULL") "    FROM " requests "\n    ORDER BY dur_ns DESC)\n"
#define SLOW_BOUND \
"ifnull((SELECT dur_ns FROM slowest WHERE flow IN ('io', 'request') ORDER BY dur_ns DESC LIMIT 1 OFFSET 31), -1)"

#define US(name) "i." name "_ns / 1e3 AS " name "_us"

const char kt_io_views_sql[] =
"CREATE VIEW v_io AS SELECT\n"
"  i.io_id, i.run_id, i.kind, i.op, i.flags, i.parent_io_id,\n"
"  i.start_ns, i.start_ns / 1e9 AS start_s, " KT_SQL_UTC("i.start_ns") " AS start_utc, i.dur_ns, i.dur_ns / 1e3 AS dur_us,\n"
"  t.comm AS task, t.tid, t.tgid, t.program, t.is_recorder, c.path AS cgroup, d.name AS disk, p.name AS partition,\n"
/* Its name when the operation began. */
"  ifnull((SELECT n.comm FROM task_name n WHERE n.utid = i.utid AND n.end_ns > i.start_ns\n"
"    AND ifnull(n.start_ns <= i.start_ns, 1) ORDER BY n.start_ns DESC LIMIT 1), t.comm) AS task_then,\n"
"  i.ino, i.path, i.offset_bytes, i.size_bytes, i.size_bytes / 1024.0 AS size_kib,\n"
"  i.moved_bytes, i.moved_bytes / 1024.0 AS moved_kib, i.result,\n"
"  i.n_bios, i.path_bio_id, i.via, i.error,\n"
#define KT_STAGE(id, name, ...) "  " US(#name) ",\n"
#include "format/iostages.def"
#undef KT_STAGE
"  " US("runq") ", " US("irq") ", " US("softirq") ", " US("slept") ",\n"
"  i.state\n"
"  FROM io i LEFT JOIN task t ON t.utid = i.utid\n"
"  LEFT JOIN cgroup c ON c.ucgid = i.ucgid\n"
"  LEFT JOIN device d ON d.device_id = i.device_id\n"
"  LEFT JOIN device p ON p.device_id = i.part_device_id;\n"
"CREATE VIEW v_slow AS\n"
SLOW("slowest s CROSS JOIN v_io i ON i.io_id = s.flow_id WHERE s.flow = 'io' AND s.dur_ns > " SLOW_BOUND,
     "slowest s CROSS JOIN v_request r ON r.request_id = s.flow_id WHERE s.flow = 'request' AND s.dur_ns > " SLOW_BOUND)
"  UNION ALL\n"
SLOW("v_io i WHERE i.state = 'whole' AND i.dur_ns <= " SLOW_BOUND, "v_request r WHERE r.state = 'whole' AND r.dur_ns <= " SLOW_BOUND)
";\n";

/* For view stage and report `show`, which look up single flows. */
const char kt_io_indexes_sql[] =
"CREATE INDEX wake_flow ON wake(flow_id);\n"
"CREATE INDEX io_parent ON io(parent_io_id) WHERE parent_io_id IS NOT NULL;\n";
