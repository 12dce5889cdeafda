/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/otlp.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/safe.h"
#include "format/base/units.h"
#include "report/export/export.h"

#define MAX_ID 0xfffffffffffll

bool kt_otlp_time(const struct kt_otlp *o, int64_t ns, int64_t *ret_ns)
{
	return !__builtin_add_overflow(o->base_ns, ns, ret_ns) && *ret_ns > 0;
}

uint64_t kt_otlp_span_id(const struct kt_src_kind *k, int64_t id, int64_t seq)
{
	const char *letter = *k->letter ? k->letter : k->flow;
	uint32_t code = 0;

	if (*letter && !kt_utf8_next(letter, &code))
		code = (unsigned char)*letter;
	return (uint64_t)(code & 0xff) << 56 | (uint64_t)(seq & KT_OTLP_MAX_SEQ) << 44 |
	       (id & MAX_ID);
}

void kt_otlp_object(struct kt_otlp *o, unsigned int field, const struct kt_src_kind *k,
		    sqlite3_stmt *st, int col)
{
	char buf[64];

	if (sqlite3_column_type(st, col) == SQLITE_NULL)
		return;
	sqlite3_bind_text(o->object, 1, k->object_tbl, -1, SQLITE_STATIC);
	sqlite3_bind_value(o->object, 2, sqlite3_column_value(st, col));
	if (sqlite3_step(o->object) == SQLITE_ROW) {
		kt_msg_attr(&o->msg, field, "ktrace.object", kt_src_text(o->object, 0));
		if (sqlite3_column_type(o->object, 1) != SQLITE_NULL)
			kt_msg_attr(&o->msg, field, "system.device", kt_src_text(o->object, 0));
	} else {
		snprintf(buf, sizeof(buf), "%s %.32s", k->object_word, kt_src_text(st, col));
		kt_msg_attr(&o->msg, field, "ktrace.object", buf);
	}
	sqlite3_reset(o->object);
}

/* The slowest first, until there are enough spans. *ret_n: how many were written. */
static int write_traces(struct kt_otlp *o, struct kt_otlp_walk *w, int64_t max_spans,
			int64_t *ret_n)
{
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE,
	    err = kt_src_prepare(o->run, &st,
				 "SELECT nr, flow, flow_id, run_id, lasted_ns FROM "
				 "temp.chosen ORDER BY nr");

	while (!err && o->n_spans < (uint64_t)max_spans && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const struct kt_src_kind *k = kt_src_kind(&o->kinds, kt_src_text(st, 1));

		err = kt_otlp_out_begin(o, KT_OTLP_TRACES, sqlite3_column_int64(st, 3));
		if (!err && k)
			err = kt_otlp_trace(w, k, sqlite3_column_int64(st, 2));
		*ret_n = sqlite3_column_int64(st, 0);
		o->least_ns = sqlite3_column_int64(st, 4);
		if (o->file && ferror(o->file->f))
			break;
	}
	sqlite3_finalize(st);
	err = err || rc == SQLITE_ROW ? err : kt_src_done(o->run, rc);
	return err ? err : kt_otlp_out_flush(o);
}

static const struct kt_src_statement statements[] = {
	{offsetof(struct kt_otlp, resource), NULL,
	 "SELECT half, uuid, host, kernel, boot_id, command, lost, start_ns, dur_ns "
	 "FROM temp.otlp_run WHERE run_id = ?1"},
	{offsetof(struct kt_otlp, object), NULL,
	 "SELECT name, dev FROM temp.object_name "
	 "WHERE tbl = ?1 AND object_id = ?2 AND name IS NOT NULL"},
	{offsetof(struct kt_otlp, task), NULL,
	 "SELECT tid, tgid, comm, program FROM temp.otlp_task WHERE utid = ?1"},
	{offsetof(struct kt_otlp, cgroup), NULL, "SELECT path FROM cgroup WHERE ucgid = ?1"},
};

static void finish(struct kt_otlp *o)
{
	kt_src_finalize_all(o, statements, KT_ARRAY_SIZE(statements));
	kt_src_kinds_finish(&o->kinds);
	kt_msg_finish(&o->msg);
}

static void say_what_is_missing(const struct kt_otlp *o, int64_t n_roots, int64_t max_spans)
{
	int64_t n = kt_src_number(o->run, "SELECT count(*) FROM temp.chosen");
	bool is_cut = kt_src_number(o->run, "SELECT is_cut FROM temp.lower_least");
	char least[32], limit[32];

	if (n > n_roots || n == max_spans || is_cut)
		kt_warn("only the slowest have a trace, down to %s: --limit is %s spans; --over, "
			"--task and others choose",
			kt_format_ns(o->least_ns, least, sizeof(least)),
			kt_format_count(max_spans, limit, sizeof(limit)));
	if (o->n_impossible)
		kt_warn("%lld flow(s) have no span: when they were is not known",
			(long long)o->n_impossible);
	if (o->n_stages)
		kt_warn("%lld stage(s) have no span: their times are none", (long long)o->n_stages);
}

static int export_all(struct kt_otlp *o, FILE *f)
{
	struct kt_otlp_walk *w = NULL;
	int64_t max_spans, n_roots = 0;
	int err;

	if (o->base_ns <= 0) {
		snprintf(o->run->err, sizeof(o->run->err),
			 "%s: the time of day is not known, and OpenTelemetry knows no other",
			 o->run->path);
		return -ENODATA;
	}
	/* Flows are looked up by id, some of them far apart, but each is needed once. */
	err = kt_src_exec(o->run, "PRAGMA cache_size = -16384; PRAGMA temp.cache_size = -8192");
	err = err ? err : kt_export_select(o->run, f, NULL);
	err = err ? err : kt_src_kinds_load(o->run, &o->kinds);
	err = err ? err : kt_src_prepare_all(o->run, o, statements, KT_ARRAY_SIZE(statements));
	err = err ? err : kt_otlp_walk_create(&w, o);
	max_spans = kt_src_number(o->run, "SELECT n FROM temp.otlp_limit");
	err = err ? err : write_traces(o, w, max_spans, &n_roots);
	err = err ? err : kt_otlp_metrics(o, n_roots);
	if (!err)
		say_what_is_missing(o, n_roots, max_spans);
	kt_otlp_walk_destroy(w);
	finish(o);
	return err;
}

int kt_export_otlp_file(struct kt_run *run, const char *path)
{
	static const char head[] = "{\"resource";
	static const struct kt_out_what what = {
		.word = "OTLP as JSON lines", .head = head, .head_len = sizeof(head) - 1};
	struct kt_out_file file;
	struct kt_otlp o = {.run = run, .base_ns = kt_run_epoch(run), .file = &file};
	int err = kt_out_file_open(&file, path, &what, run->err, sizeof(run->err));

	err = err ? err : export_all(&o, file.f);
	err = err ? err : kt_out_file_commit(&file);
	kt_out_file_finish(&file);
	return err;
}

int kt_export_otlp(struct kt_run *run, const char *url)
{
	struct kt_otlp o = {.run = run, .base_ns = kt_run_epoch(run)};
	int err = kt_otlp_http_open(&o.http, run, url);

	if (err)
		return err;
	err = export_all(&o, stderr);
	err = err ? err : kt_otlp_http_rejected(o.http);
	kt_otlp_http_close(o.http);
	return err;
}
