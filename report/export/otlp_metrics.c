/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * ktrace.flow.duration: an exponential histogram of each recording, kind of flow, operation and object, of the whole recording's statistics, with
 * the slowest traces that were exported as exemplars. The statistics' buckets are at most 1 % wide; each goes whole to where the mean of its
 * durations belongs, so a bound is as exact as that.
 *
 * Each has one point, over the whole recording, with a service instance of its own: cumulative since the recording's start and delta are the same
 * numbers, and OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE says which of them they are called.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "report/export/otlp.h"

/* opentelemetry/proto/metrics/v1/metrics.proto */
enum { METRIC_NAME = 1, METRIC_DESCRIPTION, METRIC_UNIT, METRIC_EXPONENTIAL = 10 };
enum { HIST_POINT = 1, HIST_TEMPORALITY };
enum { DELTA = 1, CUMULATIVE };
enum point_field {
	POINT_ATTR = 1,
	POINT_START,
	POINT_TIME,
	POINT_COUNT,
	POINT_SUM,
	POINT_SCALE,
	POINT_ZERO,
	POINT_POSITIVE,
	POINT_EXEMPLAR = 11,
	POINT_MAX = 13
};
enum { BUCKETS_OFFSET = 1, BUCKETS_COUNTS };
enum exemplar_field {
	EXEMPLAR_TIME = 2,
	EXEMPLAR_DOUBLE,
	EXEMPLAR_SPAN_ID,
	EXEMPLAR_TRACE_ID,
	EXEMPLAR_ATTR = 7
};

/* As SDKs do: at most so many buckets, and none that is narrower than the statistics'. */
enum { MAX_BUCKETS = 160, MAX_SCALE = 6, MIN_SCALE = -10 };
#define SECOND_NS 1e9

struct bucket {
	double log2_s; /* of the mean, in seconds */
	uint64_t n;
};

struct points {
	struct kt_otlp *o;
	sqlite3_stmt *points, *buckets, *exemplars;
	KT_VEC(struct bucket) all; /* of a point, from the smallest */
	KT_VEC(uint64_t) counts;
	unsigned int temporality;
	bool in_metric;
};

enum point_column { POINT_ID, RUN_ID, FLOW, KIND, OP, OBJECT_ID, VIA, ERROR };

/* Bucket i holds (2^(i * 2^-scale), 2^((i + 1) * 2^-scale)]. */
static int32_t index_of(double log2_s, int scale)
{
	return (int32_t)ceil(ldexp(log2_s, scale)) - 1;
}

static void begin_metric(struct points *p)
{
	struct kt_msg *m = &p->o->msg;

	if (p->in_metric)
		return;
	kt_msg_begin(m, 2, NULL);
	kt_msg_text(m, METRIC_NAME, "name", "ktrace.flow.duration");
	kt_msg_text(m, METRIC_DESCRIPTION, "description",
		    "How long flows took, of those that ended while they were recorded");
	kt_msg_text(m, METRIC_UNIT, "unit", "s");
	kt_msg_begin(m, METRIC_EXPONENTIAL, "exponentialHistogram");
	kt_msg_enum(m, HIST_TEMPORALITY, "aggregationTemporality", p->temporality);
	kt_msg_list(m, "dataPoints");
	p->in_metric = true;
}

static void end_metric(struct points *p)
{
	struct kt_msg *m = &p->o->msg;

	if (!p->in_metric)
		return;
	kt_msg_list_end(m);
	kt_msg_end(m);
	kt_msg_end(m);
	p->in_metric = false;
}

static void attr_col(struct kt_msg *m, const char *key, sqlite3_stmt *st, int col)
{
	if (sqlite3_column_type(st, col) != SQLITE_NULL)
		kt_msg_attr(m, POINT_ATTR, key, kt_src_text(st, col));
}

static void write_buckets(struct points *p, int scale, uint64_t n_zero)
{
	struct kt_msg *m = &p->o->msg;
	int32_t first;

	kt_msg_sint32(m, POINT_SCALE, "scale", scale);
	if (n_zero)
		kt_msg_fixed64(m, POINT_ZERO, "zeroCount", n_zero);
	if (!p->all.n)
		return;
	first = index_of(p->all.v[0].log2_s, scale);
	memset(p->counts.v, 0, MAX_BUCKETS * sizeof(*p->counts.v));
	p->counts.n = 0;
	for (size_t i = 0; i < p->all.n; i++) {
		size_t at = index_of(p->all.v[i].log2_s, scale) - first;

		p->counts.v[at] += p->all.v[i].n;
		p->counts.n = KT_MAX(p->counts.n, at + 1);
	}
	kt_msg_begin(m, POINT_POSITIVE, "positive");
	kt_msg_sint32(m, BUCKETS_OFFSET, "offset", first);
	kt_msg_counts(m, BUCKETS_COUNTS, "bucketCounts", p->counts.v, p->counts.n);
	kt_msg_end(m);
}

/* Of flows that nothing tells from the point's: rows do not say how a flow was served, nor statistics which failed. */
static int write_exemplars(struct points *p, const struct kt_src_kind *k, int64_t max_ns)
{
	struct kt_otlp *o = p->o;
	struct kt_msg *m = &o->msg;
	bool any = false;
	int rc;

	for (int i = 0; i < 5; i++)
		sqlite3_bind_value(p->exemplars, i + 1,
				   sqlite3_column_value(p->points, RUN_ID + i));
	while ((rc = sqlite3_step(p->exemplars)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(p->exemplars, 0),
			dur = sqlite3_column_int64(p->exemplars, 2), end;
		uint64_t trace[2] = {o->run_half, kt_otlp_span_id(k, id, 0)};
		char name[64];

		if (dur > max_ns || !kt_otlp_time(o, sqlite3_column_int64(p->exemplars, 1), &end) ||
		    __builtin_add_overflow(end, dur, &end))
			continue;
		if (!any)
			kt_msg_list(m, "exemplars");
		any = true;
		kt_msg_begin(m, POINT_EXEMPLAR, NULL);
		kt_msg_fixed64(m, EXEMPLAR_TIME, "timeUnixNano", (uint64_t)end);
		kt_msg_double(m, EXEMPLAR_DOUBLE, "asDouble", dur / SECOND_NS);
		kt_msg_id(m, EXEMPLAR_SPAN_ID, "spanId", &trace[1], 1);
		kt_msg_id(m, EXEMPLAR_TRACE_ID, "traceId", trace, 2);
		kt_msg_list(m, "filteredAttributes");
		snprintf(name, sizeof(name), "%.32s%lld", k->letter, (long long)id);
		kt_msg_attr(m, EXEMPLAR_ATTR, "ktrace.id", name);
		kt_msg_list_end(m);
		kt_msg_end(m);
	}
	if (any)
		kt_msg_list_end(m);
	sqlite3_reset(p->exemplars);
	return kt_src_done(o->run, rc);
}

/* What is counted and added up of a point. */
struct total {
	uint64_t n, n_zero;
	double sum_ns;
	int64_t max_ns;
	bool has_max;
};

static int load_buckets(struct points *p, struct total *t)
{
	int rc, err = 0;

	p->all.n = 0;
	sqlite3_bind_value(p->buckets, 1, sqlite3_column_value(p->points, POINT_ID));
	while (!err && (rc = sqlite3_step(p->buckets)) == SQLITE_ROW) {
		uint64_t n = sqlite3_column_int64(p->buckets, 0);
		double ns = sqlite3_column_double(p->buckets, 1);
		struct bucket b = {.n = n};

		t->n += n;
		t->sum_ns += ns;
		if (kt_src_is_int(p->buckets, 2)) {
			t->max_ns = KT_MAX(t->max_ns, sqlite3_column_int64(p->buckets, 2));
			t->has_max = true;
		}
		if (ns <= 0) {
			t->n_zero += n;
			continue;
		}
		b.log2_s = log2(ns / n / SECOND_NS);
		/* A hostile database's buckets need not grow. */
		if (p->all.n && b.log2_s < p->all.v[p->all.n - 1].log2_s)
			b.log2_s = p->all.v[p->all.n - 1].log2_s;
		if (kt_vec_push(&p->all, b))
			err = kt_src_no_memory(p->o->run);
	}
	sqlite3_reset(p->buckets);
	return err ? err : kt_src_done(p->o->run, rc);
}

static int scale_of(const struct points *p)
{
	int scale = MAX_SCALE;

	while (p->all.n && scale > MIN_SCALE &&
	       index_of(p->all.v[p->all.n - 1].log2_s, scale) -
			       index_of(p->all.v[0].log2_s, scale) >=
		       MAX_BUCKETS)
		scale--;
	return scale;
}

static int write_point(struct points *p, const struct kt_src_kind *k)
{
	struct kt_otlp *o = p->o;
	struct kt_msg *m = &o->msg;
	sqlite3_stmt *st = p->points;
	struct total t = {0};
	int err = load_buckets(p, &t);

	if (err || !t.n)
		return err;
	begin_metric(p);
	kt_msg_begin(m, HIST_POINT, NULL);
	kt_msg_list(m, "attributes");
	kt_msg_attr(m, POINT_ATTR, "ktrace.flow", k->flow);
	attr_col(m, "ktrace.kind", st, KIND);
	attr_col(m, "ktrace.op", st, OP);
	kt_otlp_object(o, POINT_ATTR, k, st, OBJECT_ID);
	attr_col(m, "ktrace.via", st, VIA);
	attr_col(m, "error.type", st, ERROR);
	kt_msg_list_end(m);
	kt_msg_fixed64(m, POINT_START, "startTimeUnixNano", (uint64_t)o->run_start_ns);
	kt_msg_fixed64(m, POINT_TIME, "timeUnixNano", (uint64_t)o->run_end_ns);
	kt_msg_fixed64(m, POINT_COUNT, "count", t.n);
	kt_msg_double(m, POINT_SUM, "sum", t.sum_ns / SECOND_NS);
	write_buckets(p, scale_of(p), t.n_zero);
	if (sqlite3_column_type(st, VIA) == SQLITE_NULL &&
	    sqlite3_column_type(st, ERROR) == SQLITE_NULL && t.has_max)
		err = write_exemplars(p, k, t.max_ns);
	if (t.has_max)
		kt_msg_double(m, POINT_MAX, "max", t.max_ns / SECOND_NS);
	kt_msg_end(m);
	o->n_items++;
	return err;
}

static int prepare(struct points *p, int64_t n_roots)
{
	struct kt_run *run = p->o->run;
	char *sql = sqlite3_mprintf(
		"CREATE TEMP TABLE exemplar AS SELECT * FROM ("
		"SELECT *, row_number() OVER (PARTITION BY run_id, flow, kind, op, object_id ORDER "
		"BY nr) AS place FROM temp.chosen WHERE nr <= %lld AND state = 'whole' AND dur_ns "
		"IS NOT NULL) WHERE place <= 4",
		(long long)n_roots);
	int err = sql ? kt_src_exec(run, sql) : kt_src_no_memory(run);

	sqlite3_free(sql);
	err = err ? err
		  : kt_src_prepare(run, &p->points,
				   "SELECT point_id, run_id, flow, kind, op, object_id, via, "
				   "errno_name(error) FROM temp.point ORDER BY point_id");
	err = err ? err
		  : kt_src_prepare(run, &p->buckets,
				   "SELECT n, ns, max_ns FROM temp.point_bucket WHERE point_id = "
				   "?1 ORDER BY bucket");
	return err ? err
		   : kt_src_prepare(run, &p->exemplars,
				    "SELECT flow_id, start_ns, dur_ns FROM temp.exemplar "
				    "WHERE run_id IS ?1 AND flow IS ?2 AND kind IS ?3 AND op IS ?4 "
				    "AND object_id IS ?5 ORDER BY nr");
}

static unsigned int temporality(void)
{
	const char *s = getenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");

	return s && (!strcasecmp(s, "delta") || !strcasecmp(s, "lowmemory")) ? DELTA : CUMULATIVE;
}

static int write_all(struct points *p)
{
	struct kt_otlp *o = p->o;
	int64_t run_id = 0;
	int rc = SQLITE_DONE, err = 0;

	while (!err && (rc = sqlite3_step(p->points)) == SQLITE_ROW) {
		const struct kt_src_kind *k = kt_src_kind(&o->kinds, kt_src_text(p->points, FLOW));

		if (!k)
			continue;
		if (sqlite3_column_int64(p->points, RUN_ID) != run_id ||
		    o->msg.pb.n > KT_OTLP_BATCH_BYTES / 2) {
			end_metric(p);
			err = kt_otlp_out_flush(o);
		}
		run_id = sqlite3_column_int64(p->points, RUN_ID);
		if (!p->in_metric && !err)
			err = kt_otlp_out_begin(o, KT_OTLP_METRICS, run_id);
		/* Where a recording began is part of what a point says. */
		if (!err && o->run_start_ns > 0 && o->run_end_ns > 0)
			err = write_point(p, k);
	}
	end_metric(p);
	err = err || rc == SQLITE_ROW ? err : kt_src_done(o->run, rc);
	return err ? err : kt_otlp_out_flush(o);
}

int kt_otlp_metrics(struct kt_otlp *o, int64_t n_roots)
{
	struct points p = {.o = o, .temporality = temporality()};
	int err = prepare(&p, n_roots);

	if (!err && kt_vec_reserve(&p.counts, MAX_BUCKETS))
		err = kt_src_no_memory(o->run);
	err = err ? err : write_all(&p);
	sqlite3_finalize(p.points);
	sqlite3_finalize(p.buckets);
	sqlite3_finalize(p.exemplars);
	kt_vec_finish(&p.all);
	kt_vec_finish(&p.counts);
	return err;
}
