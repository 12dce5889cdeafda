/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * OpenTelemetry: a trace for each flow that was chosen, and how long flows took as exponential histograms.
 *
 * A trace is a flow with all that lies below it by flow_link: a span each, and one for each of their stages, which is a child of its flow's. What kept
 * a task from running (disturbance) is an event of the flow's span. A flow that two others of the trace lead to is the child of the
 * first, and linked to from the other's span; one that several traces lead to is in each of them.
 *
 * Ids are made of the recording's uuid, the flow's kind and its id, so that a second export repeats them, and a program that has only the database can
 * tell them (a dashboard, for its links). With k the kind's row of flow_kind and r the recording's of run, in SQL:
 *	span id of a flow:   printf('%02x%03x%011x', unicode(coalesce(nullif(k.letter, ''), k.flow)) & 255, 0, id & 17592186044415)
 *	       of a stage:   the same with stage.seq in place of 0
 *	trace id:            substr(replace(lower(r.uuid), '-', ''), 1, 16) || the span id of its root
 * A recording without a uuid has printf('%016x', start) in its place: its beginning, in ns since 1970.
 *
 * A span must have an end. That of an open flow (ktrace.state is open_at_end) is the end of the recording; where it is not known otherwise, the end of its
 * last stage, or its start: then ktrace.end is "not known".
 *
 * The parts: otlp.c chooses, otlp_trace.c writes traces, otlp_metrics.c histograms, otlp_out.c makes batches of them, which go into a file or by
 * otlp_http.c to a receiver, as otlp_target.c found it in the environment; otlp_reply.c reads its answers. otlp_msg.c knows the two encodings.
 */
#ifndef KT_REPORT_EXPORT_OTLP_H
#define KT_REPORT_EXPORT_OTLP_H

#include "report/export/otlp_http.h"
#include "report/export/otlp_msg.h"
#include "report/export/source.h"
#include "report/output/out_file.h"

enum { KT_OTLP_BATCH_BYTES = 4 << 20, KT_OTLP_MAX_SEQ = 0xfff };

/* Field numbers that several messages share: opentelemetry/proto/{trace,metrics}/v1. */
enum { KT_OTLP_SPAN_ATTR = 9, KT_OTLP_RESOURCE_ATTR = 1 };

struct kt_otlp {
	struct kt_run *run; /* borrowed */
	int64_t base_ns;    /* since 1970, at time 0 of the database */
	struct kt_src_kinds kinds;
	sqlite3_stmt *resource, *object, *task, *cgroup;

	/* The batch. */
	struct kt_msg msg;
	enum kt_otlp_signal signal;
	bool is_open;
	bool in_resource;      /* of run_id */
	size_t resource_bytes; /* where that begins */
	size_t items_bytes;    /* where its first span or metric does, */
	uint64_t n_before;     /* and how many there are before it */
	int64_t run_id;
	uint64_t run_half;  /* of trace ids */
	int64_t run_end_ns; /* since 1970; 0: not known */
	int64_t run_start_ns;
	uint64_t n_items; /* spans or data points in it */

	/* Where it goes: one of them. */
	struct kt_out_file *file;
	struct kt_otlp_http *http;

	uint64_t n_spans;
	int64_t least_ns; /* that a flow with a trace lasted */
	int64_t n_impossible, n_stages;
};

/* Functions that give int: 0, -errno with run->err. */

/* otlp_out.c: from here on what is written are spans or metrics of that recording. Between spans and between metrics. */
int kt_otlp_out_begin(struct kt_otlp *o, enum kt_otlp_signal signal, int64_t run_id);
/* Sends what was written. */
int kt_otlp_out_flush(struct kt_otlp *o);
/* A place between spans, at which the batch may be cut. */
struct kt_otlp_mark {
	size_t bytes;
	uint64_t n_items; /* before it */
};
struct kt_otlp_mark kt_otlp_out_mark(const struct kt_otlp *o);
/* The place before the first span of the recording that is written: no earlier one is left when another recording begins. */
struct kt_otlp_mark kt_otlp_out_first(const struct kt_otlp *o);
/* Is it larger than a batch may be? */
bool kt_otlp_out_full(const struct kt_otlp *o);
/* Sends what was written before that place, where that was anything; what was written after it begins the next batch: there *at is then. */
int kt_otlp_out_cut(struct kt_otlp *o, struct kt_otlp_mark *at);

/* A time of the database since 1970; false: there it would be none. */
bool kt_otlp_time(const struct kt_otlp *o, int64_t ns, int64_t *ret_ns);
/* seq 0: of the flow itself. */
uint64_t kt_otlp_span_id(const struct kt_src_kind *k, int64_t id, int64_t seq);
/* Attributes of its object: the name, and where that is a device's (flow_object.dev) also as the semantic conventions have it. */
void kt_otlp_object(struct kt_otlp *o, unsigned int field, const struct kt_src_kind *k,
		    sqlite3_stmt *st, int col);

/* otlp_trace.c: writes traces, each of a flow of the recording that is written, and what lies below it. */
struct kt_otlp_walk;
int kt_otlp_walk_create(struct kt_otlp_walk **ret, struct kt_otlp *o);
void kt_otlp_walk_destroy(struct kt_otlp_walk *w);
int kt_otlp_trace(struct kt_otlp_walk *w, const struct kt_src_kind *k, int64_t id);

/* otlp_metrics.c: after the traces, of which n_roots were written. */
int kt_otlp_metrics(struct kt_otlp *o, int64_t n_roots);

#endif
