/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"
#include "format/base/bucket.h"
#include "format/base/macros.h"
#include "report/output/cell.h"
#include "report/query/compare.h"
#include "report/query/func.h"

/* ---------------------------------------------------------------- numbers in sentences */

static void fmt_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	enum kt_cell_format format = (intptr_t)sqlite3_user_data(ctx);
	struct kt_cell c = {.type = KT_CELL_REAL};
	char *text;

	switch (sqlite3_value_numeric_type(argv[0])) {
	case SQLITE_NULL:
		return;
	case SQLITE_INTEGER:
		c.type = KT_CELL_INT;
		c.i = sqlite3_value_int64(argv[0]);
		break;
	default:
		c.f = sqlite3_value_double(argv[0]);
	}
	text = kt_cell_text(&c, format, false);
	if (text)
		sqlite3_result_text(ctx, text, -1, free);
	else
		sqlite3_result_error_nomem(ctx);
}

/* plural(n, word[, words]): "1 event", "1,234 events". */
static void plural_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct kt_cell c = {.type = KT_CELL_INT, .i = sqlite3_value_int64(argv[0])};
	char *count kt_auto_free = NULL;

	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	count = kt_cell_text(&c, KT_FMT_COUNT, false);
	if (!count)
		sqlite3_result_error_nomem(ctx);
	else
		sqlite3_result_text(
			ctx,
			sqlite3_mprintf("%s %s%s", count,
					sqlite3_value_text(argv[argc > 2 && c.i != 1 ? 2 : 1]),
					argc == 2 && c.i != 1 ? "s" : ""),
			-1, sqlite3_free);
}

/* shown_run(run_id): NULL where there is but one, which needs no number. */
static void shown_run_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	if (sqlite3_user_data(ctx))
		sqlite3_result_value(ctx, argv[0]);
}

int kt_func_register_runs(sqlite3 *db, bool several)
{
	return sqlite3_create_function(db, "shown_run", 1,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
				       several ? db : NULL, shown_run_func, NULL, NULL);
}

/* fmt_interval(low, high) of a change, in words; NULL: it has no bound on that side. */
static void interval_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	bool bound[2];
	char text[2][KT_NUMBER_SIZE];

	for (int i = 0; i < 2; i++) {
		double v = sqlite3_value_double(argv[i]);

		bound[i] = sqlite3_value_type(argv[i]) != SQLITE_NULL;
		text[i][0] = '+';
		kt_format_share(v, text[i] + (v > 0), sizeof(text[i]) - 1);
	}
	if (bound[0] && bound[1])
		sqlite3_result_text(ctx, sqlite3_mprintf("%s to %s", text[0], text[1]), -1,
				    sqlite3_free);
	else if (bound[0])
		sqlite3_result_text(ctx, sqlite3_mprintf("%s or more", text[0]), -1, sqlite3_free);
	else if (bound[1])
		sqlite3_result_text(ctx, sqlite3_mprintf("%s or less", text[1]), -1, sqlite3_free);
	else
		sqlite3_result_text(ctx, "unknown", -1, SQLITE_STATIC);
}

/* errno_name(-5) is EIO. */
static void errno_name_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	int64_t n = sqlite3_value_int64(argv[0]);
	const char *name = NULL;
	char text[32];

	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	if (n > -4096 && n < 4096)
		name = strerrorname_np((int)(n < 0 ? -n : n));
	if (!name)
		snprintf(text, sizeof(text), "error %lld", (long long)n);
	sqlite3_result_text(ctx, name ? name : text, -1, SQLITE_TRANSIENT);
}

/* ---------------------------------------------------------------- percentile_ns(x, p), stats_ns(x) */

struct hist {
	uint32_t part; /* of percentile_ns(), in millionths */
	int64_t n, sum, max;
	int64_t *buckets; /* owned */
};

static int64_t hist_percentile(const struct hist *h, uint32_t part)
{
	uint64_t rank = kt_percentile_rank((uint64_t)h->n, part), seen = 0;

	for (unsigned int b = 0; b < KT_N_BUCKETS; b++) {
		seen += (uint64_t)h->buckets[b];
		if (seen >= rank)
			return KT_MIN(kt_bucket_middle(b), h->max);
	}
	return h->max;
}

static void hist_add(struct hist *h, unsigned int bucket, int64_t n, int64_t sum, int64_t max)
{
	h->buckets[bucket] += n;
	h->n += n;
	/* Sums of a hostile database may not fit: then they stay at the limit. */
	if (__builtin_add_overflow(h->sum, sum, &h->sum))
		h->sum = INT64_MAX;
	h->max = KT_MAX(h->max, max);
}

static void hist_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct hist *h = sqlite3_aggregate_context(ctx, sizeof(*h));
	int64_t v;

	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	if (h && !h->buckets) {
		h->part = argc > 1 ? (uint32_t)(KT_MIN(KT_MAX(sqlite3_value_double(argv[1]), 0.0),
						       1.0) *
							1e6 +
						0.5)
				   : 0;
		h->buckets = calloc(KT_N_BUCKETS, sizeof(*h->buckets));
	}
	if (!h || !h->buckets) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	v = sqlite3_value_int64(argv[0]);
	v = KT_MAX(v, 0);
	hist_add(h, kt_bucket_of(v), 1, v, v);
}

/*
 * hist_stats(bucket, n, sum_ns[, max_ns]): rows of latency_hist or task_load instead of durations. Without max_ns the maximum
 * is within 1 %.
 */
static void hist_rows_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct hist *h = sqlite3_aggregate_context(ctx, sizeof(*h));
	int64_t bucket = sqlite3_value_int64(argv[0]), n = sqlite3_value_int64(argv[1]),
		sum = sqlite3_value_int64(argv[2]);

	if (h && !h->buckets)
		h->buckets = calloc(KT_N_BUCKETS, sizeof(*h->buckets));
	if (!h || !h->buckets) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	if (bucket < 0 || bucket >= KT_N_BUCKETS || n <= 0 || n > INT64_MAX / KT_N_BUCKETS ||
	    sum < 0)
		return;
	hist_add(h, bucket, n, sum, argc > 3 ? sqlite3_value_int64(argv[3]) : sum / n);
}

static void percentile_final(sqlite3_context *ctx)
{
	struct hist *h = sqlite3_aggregate_context(ctx, 0);

	if (h && h->buckets) {
		sqlite3_result_int64(ctx, hist_percentile(h, h->part));
		free(h->buckets);
	}
}

static void stats_final(sqlite3_context *ctx)
{
	struct hist *h = sqlite3_aggregate_context(ctx, 0);
	char p999[32] = "null";

	if (!h || !h->buckets)
		return;
	if (h->n >= KT_P999_MIN_N)
		snprintf(p999, sizeof(p999), "%lld", (long long)hist_percentile(h, 999000));
	sqlite3_result_text(
		ctx,
		sqlite3_mprintf("{\"n\":%lld,\"sum\":%lld,\"p50\":%lld,\"p90\":%lld,\"p99\":%lld,"
				"\"p999\":%s,\"max\":%lld}",
				(long long)h->n, (long long)h->sum,
				(long long)hist_percentile(h, 500000),
				(long long)hist_percentile(h, 900000),
				(long long)hist_percentile(h, 990000), p999, (long long)h->max),
		-1, sqlite3_free);
	free(h->buckets);
}

/* ---------------------------------------------------------------- bucket_of(ns), bucket_ns(bucket) */

static void bucket_of_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	int64_t v = sqlite3_value_int64(argv[0]);

	if (sqlite3_value_type(argv[0]) != SQLITE_NULL)
		sqlite3_result_int64(ctx, kt_bucket_of(KT_MAX(v, 0)));
}

static void bucket_ns_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	int64_t b = sqlite3_value_int64(argv[0]);

	if (sqlite3_value_type(argv[0]) != SQLITE_NULL && b >= 0 && b < KT_N_BUCKETS)
		sqlite3_result_int64(ctx, kt_bucket_middle(b));
}

/* step_ns(x): the greatest of 0, 1, 2, 5, 10, 20, 50, ... 10^12 that is no more than x. */
static void step_ns_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	static const int64_t last = 1000000000000;
	int64_t v = sqlite3_value_int64(argv[0]), step = 1;

	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	if (v < 1) {
		sqlite3_result_int64(ctx, 0);
		return;
	}
	while (step < last && step * 10 <= v)
		step *= 10;
	if (step < last)
		step *= v >= step * 5 ? 5 : v >= step * 2 ? 2 : 1;
	sqlite3_result_int64(ctx, step);
}

/* ---------------------------------------------------------------- clip_ns(start, dur, from, to) */

static void clip_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	int64_t start, end, from, to;

	for (int i = 0; i < 4; i++)
		if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
			return;
	start = sqlite3_value_int64(argv[0]);
	if (__builtin_add_overflow(start, sqlite3_value_int64(argv[1]), &end))
		return;
	from = KT_MAX(start, sqlite3_value_int64(argv[2]));
	to = KT_MIN(end, sqlite3_value_int64(argv[3]));
	if (to > from || (to == from && start == end))
		sqlite3_result_int64(ctx, to - from);
}

/* ---------------------------------------------------------------- union_ns(start, end) */

struct interval {
	int64_t start, end;
};

struct cover {
	KT_VEC(struct interval) v;
};

static void union_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct cover *s = sqlite3_aggregate_context(ctx, sizeof(*s));
	struct interval i, *last;

	if (sqlite3_value_type(argv[0]) == SQLITE_NULL ||
	    sqlite3_value_type(argv[1]) == SQLITE_NULL)
		return;
	i.start = sqlite3_value_int64(argv[0]);
	i.end = sqlite3_value_int64(argv[1]);
	if (s && s->v.n) {
		/* Flows come nearly in order of their start: most only lengthen the last interval. */
		last = &s->v.v[s->v.n - 1];
		if (i.start >= last->start && i.start <= last->end) {
			last->end = KT_MAX(last->end, i.end);
			return;
		}
	}
	if (!s || kt_vec_push(&s->v, i))
		sqlite3_result_error_nomem(ctx);
}

static int by_start(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void union_final(sqlite3_context *ctx)
{
	struct cover *s = sqlite3_aggregate_context(ctx, 0);
	int64_t until = INT64_MIN;
	__int128 sum = 0; /* intervals of a database that lies may be longer than 64 bits */

	if (!s || !s->v.n)
		return;
	if (s->v.n)
		qsort(s->v.v, s->v.n, sizeof(*s->v.v), by_start);
	for (size_t i = 0; i < s->v.n; i++) {
		int64_t from = KT_MAX(s->v.v[i].start, until);

		if (s->v.v[i].end > from) {
			sum += (__int128)s->v.v[i].end - from;
			until = s->v.v[i].end;
		}
	}
	kt_vec_finish(&s->v);
	sqlite3_result_int64(ctx, KT_MIN(sum, (__int128)INT64_MAX));
}

/* ---------------------------------------------------------------- stages_of(flow, flow_id) */

/*
 * The view `stage` of one flow, as JSON. In a join with the view SQLite would compute all of it; to a bound value it looks
 * up only that flow.
 */
static void stages_of_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	sqlite3 *db = sqlite3_context_db_handle(ctx);
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(
		db,
		"SELECT json_group_array(json_object('seq', seq, 'name', name, 'start_ns', "
		"start_ns,"
		" 'dur_ns', dur_ns)) FROM (SELECT seq, name, start_ns, dur_ns FROM main.stage"
		" WHERE flow = ?1 AND flow_id = ?2 ORDER BY seq)",
		-1, &st, NULL);

	if (!rc) {
		sqlite3_bind_value(st, 1, argv[0]);
		sqlite3_bind_value(st, 2, argv[1]);
		rc = sqlite3_step(st);
	}
	if (rc == SQLITE_ROW)
		sqlite3_result_value(ctx, sqlite3_column_value(st, 0));
	else
		sqlite3_result_error(ctx, sqlite3_errmsg(db), -1);
	sqlite3_finalize(st);
}

static void loss_meaning_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	static const struct {
		const char *text, *meaning;
	} losses[] = {
#define KT_LOSS(name, nr, text, summary, meaning) {text, meaning},
#include "format/losses.def"
#undef KT_LOSS
	};
	const char *cause = (const char *)sqlite3_value_text(argv[0]);

	(void)argc;
	for (size_t i = 0; cause && i < KT_ARRAY_SIZE(losses); i++)
		if (!strcmp(losses[i].text, cause))
			sqlite3_result_text(ctx, losses[i].meaning, -1, SQLITE_STATIC);
}

int kt_func_register(sqlite3 *db)
{
	static const struct {
		const char *name;
		enum kt_cell_format format;
	} fmts[] = {
		{"fmt_ns", KT_FMT_DURATION},   {"fmt_bytes", KT_FMT_BYTES},
		{"fmt_count", KT_FMT_COUNT},   {"fmt_share", KT_FMT_PERCENT},
		{"fmt_num", KT_FMT_NUMBER},    {"fmt_time", KT_FMT_TIME},
		{"fmt_change", KT_FMT_CHANGE},
	};
	static const struct {
		const char *name;
		int n_args;
		void (*func)(sqlite3_context *ctx, int argc, sqlite3_value **argv);
		void (*step)(sqlite3_context *ctx, int argc, sqlite3_value **argv);
		void (*final)(sqlite3_context *ctx);
	} funcs[] = {
		{"fmt_interval", 2, interval_func, NULL, NULL},
		{"plural", 2, plural_func, NULL, NULL},
		{"plural", 3, plural_func, NULL, NULL},
		{"errno_name", 1, errno_name_func, NULL, NULL},
		{"percentile_ns", 2, NULL, hist_step, percentile_final},
		{"stats_ns", 1, NULL, hist_step, stats_final},
		{"hist_stats", 3, NULL, hist_rows_step, stats_final},
		{"hist_stats", 4, NULL, hist_rows_step, stats_final},
		{"bucket_of", 1, bucket_of_func, NULL, NULL},
		{"bucket_ns", 1, bucket_ns_func, NULL, NULL},
		{"step_ns", 1, step_ns_func, NULL, NULL},
		{"clip_ns", 4, clip_func, NULL, NULL},
		{"loss_meaning", 1, loss_meaning_func, NULL, NULL},
		{"union_ns", 2, NULL, union_step, union_final},
	};
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < KT_ARRAY_SIZE(fmts); i++)
		rc = sqlite3_create_function(db, fmts[i].name, 1, flags,
					     (void *)(intptr_t)fmts[i].format, fmt_func, NULL,
					     NULL);
	for (size_t i = 0; !rc && i < KT_ARRAY_SIZE(funcs); i++)
		rc = sqlite3_create_function(db, funcs[i].name, funcs[i].n_args, flags, NULL,
					     funcs[i].func, funcs[i].step, funcs[i].final);
	/* It asks the database: no view of a database from anyone may call it. */
	if (!rc)
		rc = sqlite3_create_function(db, "stages_of", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY,
					     NULL, stages_of_func, NULL, NULL);
	if (!rc)
		rc = kt_sum_register(db);
	return rc ? rc : kt_compare_register(db);
}
