// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Views over bios and requests. */
#include "analyze/block/bio_service.h"
#include "analyze/block/block.h"

/* clang-format off */

/* The consecutive stages of a request, of which a bio has a share. */
#define STAGES (&kt_io_stages[KT_IO_STAGE_PLUG])
#define N_STAGES KT_BIO_MARK_ENDIO

void kt_blk_request_stages(FILE *f)
{
	const struct kt_stage_rows rows = {"request", STAGES, N_STAGES, 1, false, "x.worker_ns IS NULL"};

	kt_stage_selects(f, &rows);
	/* For a request that went through a flush. */
	fputs(
"UNION ALL SELECT 'request', r.request_id, +g.seq, g.name || '', +g.start_ns, +g.dur_ns, NULL, NULL, NULL\n"
"  FROM request r CROSS JOIN stage_extra g ON g.flow_id = r.request_id AND g.flow = 'request'\n"
"  WHERE r.worker_ns IS NOT NULL\n", f);
}

/*
 * A stage [f, f + d] of the request that carried a bio, clipped to the bio's time with it, [j, e]:
 * from its join to its own completion. e is NULL while the bio is open: then the end of the stage itself
 * is used. Like kt_bio_share() in bio_life.c.
 */
#define WITH_IT \
"b.start_ns + b.alloc_ns AS j, b.start_ns + b.dur_ns - ifnull(b.endio_ns, 0) AS e"

static void put_share(FILE *f, int i)
{
	const char *name = STAGES[i].name;

	fprintf(f,
"UNION ALL SELECT 'bio', bio_id, %d, '%s',\n"
"  max(f, j), min(f + d, ifnull(e, f + d)) - max(f, j), NULL, NULL, NULL\n"
"  FROM (SELECT b.bio_id, " WITH_IT ",\n    ", 2 + i, name);
	kt_stage_start(f, "r", STAGES, i);
	fprintf(f, " AS f, r.%s_ns AS d\n"
"    FROM bio b JOIN request r ON r.request_id = b.request_id\n"
"    WHERE b.alloc_ns IS NOT NULL AND r.%s_ns IS NOT NULL AND r.worker_ns IS NULL)\n"
"  WHERE min(f + d, ifnull(e, f + d)) > max(f, j)\n"
"    OR (d = 0 AND f >= j AND f <= ifnull(e, f))\n", name, name);
}

/* For a bio whose request went through a flush. */
#define JOINED "b.start_ns + b.alloc_ns"
#define LEFT "b.start_ns + b.dur_ns - ifnull(b.endio_ns, 0)"
#define WAY_START "max(g.start_ns, " JOINED ")"
#define WAY_END "min(g.start_ns + g.dur_ns, " LEFT ")"

void kt_blk_bio_stages(FILE *f)
{
	fputs(
"SELECT 'bio', bio_id, 1, 'alloc', +start_ns, +alloc_ns, NULL, NULL, NULL\n"
"  FROM bio WHERE alloc_ns IS NOT NULL\n", f);
	for (int i = 0; i < N_STAGES; i++)
		put_share(f, i);
	/* Part of the request was complete, its end was not seen: everything after that is stage device. */
	fputs(
"UNION ALL SELECT 'bio', bio_id, 4, 'device', max(f, j), e - max(f, j), NULL, NULL, NULL\n"
"  FROM (SELECT b.bio_id, " WITH_IT ",\n    ", f);
	kt_stage_start(f, "r", STAGES, KT_BIO_MARK_DEVICE);
	fputs(" AS f\n"
"    FROM bio b JOIN request r ON r.request_id = b.request_id\n"
"    WHERE b.dur_ns IS NOT NULL AND b.alloc_ns IS NOT NULL AND r.device_ns IS NULL)\n"
"  WHERE e > max(f, j)\n"
"UNION ALL SELECT 'bio', bio_id, 4, 'device', start_ns + ifnull(alloc_ns, 0), +device_ns,\n"
"  NULL, NULL, NULL FROM bio WHERE device_ns IS NOT NULL\n"
"UNION ALL SELECT 'bio', b.bio_id, 1 + g.seq, g.name || '', " WAY_START ", " WAY_END " - " WAY_START ", NULL, NULL, NULL\n"
"  FROM bio b CROSS JOIN request r ON r.request_id = b.request_id\n"
"  CROSS JOIN stage_extra g ON g.flow_id = r.request_id AND g.flow = 'request'\n"
"  WHERE r.worker_ns IS NOT NULL AND (" WAY_END " > " WAY_START "\n"
"    OR (g.dur_ns = 0 AND g.start_ns BETWEEN " JOINED " AND " LEFT "))\n"
"UNION ALL SELECT 'bio', b.bio_id, CASE WHEN r.worker_ns IS NULL THEN 6 ELSE 64 END, 'endio', b.start_ns + b.dur_ns - b.endio_ns,\n"
"  +b.endio_ns, NULL, NULL, NULL FROM bio b LEFT JOIN request r ON r.request_id = b.request_id\n"
"  WHERE b.endio_ns IS NOT NULL AND b.start_ns IS NOT NULL\n", f);
}

/* Common to v_bio and v_request. b: the bio that names the task. */
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

/* The task is that of the first bio. */
const char kt_blk_request_views[] =
"CREATE VIEW v_request AS SELECT\n"
"  r.request_id, r.run_id, r.op, r.flags, d.name AS disk,\n"
"  CASE WHEN r.part_device_id <> r.device_id THEN p.name END AS part,\n"
"  r.sector, r.size_bytes, r.size_bytes / 1024.0 AS size_kib,\n"
"  r.start_ns, r.start_ns / 1e9 AS start_s, " KT_SQL_UTC("r.start_ns") " AS start_utc, r.dur_ns, r.dur_ns / 1e3 AS dur_us,\n"
#define KT_STAGE(...)
#define KT_REQUEST_STAGE(id, name, ...) "  r." #name "_ns / 1e3 AS " #name "_us,\n"
#include "format/iostages.def"
#undef KT_STAGE
"  r.issue_cpu, r.complete_cpu, r.n_bios, r.n_issues, b.bio_id AS first_bio_id,\n"
OWNER
"  r.error, r.state\n"
"  FROM request r LEFT JOIN device d ON d.device_id = r.device_id\n"
"  LEFT JOIN device p ON p.device_id = r.part_device_id\n"
"  LEFT JOIN bio b ON b.bio_id =\n"
"    (SELECT min(x.bio_id) FROM bio x WHERE x.request_id = r.request_id)\n"
OWNER_JOINS;
