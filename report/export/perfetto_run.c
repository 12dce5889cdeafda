/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What a trace has besides flows: the recordings, what was lost, throughput, and what is counted by CPU and second. */
#include <errno.h>
#include <string.h>

#include "format/base/macros.h"
#include "report/export/perfetto.h"

#define SECOND_NS 1000000000LL

/* All columns from the first on that are not NULL, by their names. */
static void put_columns(struct kt_pf *p, sqlite3_stmt *st, int first)
{
	for (int i = first; i < sqlite3_column_count(st); i++) {
		if (kt_src_is_int(st, i))
			kt_trace_int(&p->trace, sqlite3_column_name(st, i),
				     sqlite3_column_int64(st, i));
		else if (sqlite3_column_type(st, i) != SQLITE_NULL)
			kt_trace_text(&p->trace, sqlite3_column_name(st, i), kt_src_text(st, i));
	}
}

/* Slices of a statement: track's name, category, name, run_id, cpu (NULL: of none), start_ns, dur_ns, and what is to be said. */
static int draw_slices(struct kt_pf *p, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE, err = kt_src_prepare(p->run, &st, sql);

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t run_id = sqlite3_column_int64(st, 3), start, end;
		struct kt_track *t = kt_src_is_int(st, 4)
					     ? kt_pf_cpu(p, run_id, sqlite3_column_int64(st, 4))
					     : kt_pf_recording(p, run_id);
		uint64_t lane;

		t = t ? kt_pf_lanes(p, t, kt_src_text(st, 0), 0) : NULL;
		if (!t)
			err = kt_src_no_memory(p->run);
		if (err || !kt_src_is_int(st, 5) || !kt_src_is_int(st, 6) ||
		    !kt_pf_time(p, sqlite3_column_int64(st, 5), &start) ||
		    __builtin_add_overflow(start, sqlite3_column_int64(st, 6), &end) || end < start)
			continue;
		lane = kt_tracks_lane(&p->tracks, t, start, end);
		if (!lane)
			err = kt_src_no_memory(p->run);
		kt_trace_open(&p->trace, KT_TRACE_BEGIN, lane, start, kt_src_text(st, 1),
			      kt_src_text(st, 2));
		put_columns(p, st, 7);
		kt_trace_close(&p->trace);
		kt_trace_end(&p->trace, lane, end);
	}
	sqlite3_finalize(st);
	return err ? err : kt_src_done(p->run, rc);
}

static void put_second(struct kt_pf *p, uint64_t track, int64_t second, int64_t value)
{
	int64_t ns, ts;

	if (track && !__builtin_mul_overflow(second, SECOND_NS, &ns) && kt_pf_time(p, ns, &ts))
		kt_trace_value(&p->trace, track, ts, value);
}

/* Of one object and kind, second by second: a second without a row had none. */
struct rate {
	struct kt_track *object;
	const struct kt_src_kind *kind;
	uint64_t n, bytes;
	int64_t last; /* second */
};

static void rate_end(struct kt_pf *p, struct rate *r)
{
	if (!r->object || r->last == INT64_MAX)
		return;
	put_second(p, r->n, r->last + 1, 0);
	put_second(p, r->bytes, r->last + 1, 0);
	r->object = NULL;
}

static int rate_begin(struct kt_pf *p, struct rate *r, sqlite3_stmt *st, bool has_bytes)
{
	char *n kt_auto_free = NULL, *bytes kt_auto_free = NULL;

	rate_end(p, r);
	*r = (struct rate){.kind = kt_src_kind(&p->kinds, kt_src_text(st, 1))};
	if (!r->kind)
		return 0;
	r->object = kt_pf_object(p, sqlite3_column_int64(st, 0), r->kind, st, 2);
	if (!r->object || asprintf(&n, "%s per second", r->kind->many) < 0 ||
	    asprintf(&bytes, "bytes of %s per second", r->kind->many) < 0)
		return kt_src_no_memory(p->run);
	r->n = kt_trace_counter_track(&p->trace, r->object->id, n, 2, KT_TRACE_UNIT_COUNT, NULL);
	if (has_bytes)
		r->bytes = kt_trace_counter_track(&p->trace, r->object->id, bytes, 3,
						  KT_TRACE_UNIT_BYTES, NULL);
	return 0;
}

static int draw_rates(struct kt_pf *p)
{
	sqlite3_stmt *st = NULL;
	struct rate r = {0};
	int rc = SQLITE_DONE,
	    err = kt_src_prepare(
		    p->run, &st,
		    "SELECT run_id, flow, object_id, second, n, size_bytes, "
		    "row_number() OVER w = 1 AS is_first, "
		    "coalesce(max(size_bytes) OVER (PARTITION BY run_id, flow, object_id), 0) > 0 "
		    "FROM temp.rate WINDOW w AS (PARTITION BY run_id, flow, object_id ORDER BY "
		    "second) "
		    "ORDER BY run_id, flow, object_id, second");

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t second = sqlite3_column_int64(st, 3);

		if (sqlite3_column_int(st, 6))
			err = rate_begin(p, &r, st, sqlite3_column_int(st, 7));
		else if (r.object && second - 1 != r.last) {
			put_second(p, r.n, r.last + 1, 0);
			put_second(p, r.bytes, r.last + 1, 0);
		}
		r.last = second;
		if (err || !r.object)
			continue;
		put_second(p, r.n, second, sqlite3_column_int64(st, 4));
		put_second(p, r.bytes, second, sqlite3_column_int64(st, 5));
	}
	rate_end(p, &r);
	sqlite3_finalize(st);
	return err ? err : kt_src_done(p->run, rc);
}

/* A column of a table that has run_id, second and cpu, by CPU. name: of the counter. */
static int draw_cpu_counter(struct kt_pf *p, const char *tbl, const char *col, const char *unit,
			    const char *words)
{
	sqlite3_stmt *st = NULL;
	char *name kt_auto_free = NULL;
	char *sql = sqlite3_mprintf(
		"SELECT run_id, cpu, second, %s(\"%w\") FROM main.\"%w\" CROSS JOIN "
		"temp.\"window\" w "
		"WHERE cpu IS NOT NULL AND second >= w.from_s AND second < w.to_s GROUP BY run_id, "
		"cpu, second HAVING count(\"%w\") > 0 "
		"ORDER BY run_id, cpu, second",
		strncmp(col, "max_", 4) ? "sum" : "max", col, tbl, col);
	int64_t run_id = 0, cpu = 0;
	uint64_t track = 0;
	int rc = SQLITE_DONE,
	    err = sql ? kt_src_prepare(p->run, &st, sql) : kt_src_no_memory(p->run);

	sqlite3_free(sql);
	if (!err && asprintf(&name, "%s %s", tbl, col) < 0)
		err = kt_src_no_memory(p->run);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!track || sqlite3_column_int64(st, 0) != run_id ||
		    sqlite3_column_int64(st, 1) != cpu) {
			struct kt_track *t;

			run_id = sqlite3_column_int64(st, 0);
			cpu = sqlite3_column_int64(st, 1);
			t = kt_pf_cpu(p, run_id, cpu);
			if (!t) {
				err = kt_src_no_memory(p->run);
				break;
			}
			track = kt_trace_counter_track(&p->trace, t->id, name, 1,
						       !strcmp(unit, "ns") ? KT_TRACE_UNIT_NS
						       : !strcmp(unit, "bytes")
							       ? KT_TRACE_UNIT_BYTES
							       : KT_TRACE_UNIT_COUNT,
						       words);
		}
		put_second(p, track, sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3));
	}
	sqlite3_finalize(st);
	return err ? err : kt_src_done(p->run, rc);
}

/* By shape, not by name: whatever a family counts by CPU and second. What a column is, column_doc says. */
static int draw_cpu_counters(struct kt_pf *p)
{
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE, err;

	if (!kt_database_has(p->db, "column_doc", true))
		return 0;
	err = kt_src_prepare(
		p->run, &st,
		"SELECT d.tbl, d.col, coalesce(d.unit, ''), d.doc FROM column_doc d "
		"JOIN main.sqlite_master m ON m.type = 'table' AND m.name = d.tbl "
		"WHERE (d.unit IN ('ns', 'bytes') OR d.col = 'n' OR substr(d.col, 1, 2) = 'n_') "
		"AND EXISTS (SELECT 1 FROM pragma_table_info(d.tbl) c WHERE c.name = d.col) "
		"AND (SELECT count(*) FROM pragma_table_info(d.tbl) c "
		"WHERE c.name IN ('run_id', 'second', 'cpu')) = 3 ORDER BY d.tbl, d.col");
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = draw_cpu_counter(p, kt_src_text(st, 0), kt_src_text(st, 1),
				       kt_src_text(st, 2), kt_src_text(st, 3));
	sqlite3_finalize(st);
	return err ? err : kt_src_done(p->run, rc);
}

int kt_pf_draw_run(struct kt_pf *p)
{
	int err = draw_slices(
		p, "SELECT 'run', 'run', 'recorded', r.run_id, NULL, r.start_ns, r.dur_ns, r.host, "
		   "r.kernel, r.command, r.kinds, r.filters, r.events, r.lost, r.clock_err_ns, "
		   "(SELECT words FROM temp.rows_from) AS \"rows\", "
		   "(SELECT nullif(count(*), 0) FROM temp.drawn d WHERE d.run_id = r.run_id AND "
		   "d.start_ns IS NULL) AS n_flows_of_unknown_start, "
		   "(SELECT nullif(count(*), 0) FROM lost_interval l WHERE l.run_id = r.run_id AND "
		   "l.start_ns IS NULL) AS n_losses_of_unknown_time "
		   "FROM run r");

	err = err ? err
		  : draw_slices(p,
				"SELECT 'lost events', 'loss', 'lost: ' || coalesce(l.cause, '?'), "
				"l.run_id, l.cpu, l.start_ns, "
				"coalesce(l.dur_ns, r.start_ns + r.dur_ns - l.start_ns), l.n, "
				"loss_meaning(l.cause) AS meaning, "
				"CASE WHEN l.dur_ns IS NULL THEN 'not known' END AS \"end\" "
				"FROM lost_interval l JOIN run r USING (run_id), temp.\"window\" w "
				"WHERE l.start_ns IS NOT NULL AND l.start_ns < w.until_ns "
				"AND (l.dur_ns IS NULL OR l.start_ns + l.dur_ns >= w.since_ns) "
				"ORDER BY l.start_ns");
	err = err ? err : draw_rates(p);
	return err ? err : draw_cpu_counters(p);
}
