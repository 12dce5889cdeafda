/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Walks what lies below a flow, and writes a span of each flow and stage. */
#include "report/export/otlp.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/hash.h"
#include "format/base/macros.h"

/* opentelemetry/proto/trace/v1/trace.proto */
enum span_field {
	SPAN_TRACE_ID = 1,
	SPAN_ID,
	SPAN_PARENT = 4,
	SPAN_NAME,
	SPAN_KIND,
	SPAN_START,
	SPAN_END,
	SPAN_ATTR = KT_OTLP_SPAN_ATTR,
	SPAN_EVENT = 11,
	SPAN_LINK = 13,
	SPAN_STATUS = 15
};
enum { EVENT_TIME = 1, EVENT_NAME, EVENT_ATTR };
enum { LINK_TRACE_ID = 1, LINK_SPAN_ID, LINK_ATTR = 4 };
enum { STATUS_CODE = 3, STATUS_ERROR = 2, KIND_INTERNAL = 1 };

enum { MAX_WORD = 32 };

/* ---- the flows of a trace */

/* One of them: where it hangs, and by which word. */
struct node {
	const struct kt_src_kind *kind;
	int64_t id;
	uint64_t parent; /* span; 0: it is the root */
	char link[MAX_WORD];
};

struct stage {
	int64_t seq, start, end;
	size_t name; /* in names */
	int64_t times[3];
	bool has[3];
};

struct link {
	uint64_t span;
	char word[MAX_WORD];
};

struct kt_otlp_walk {
	struct kt_otlp *o;
	sqlite3_stmt *flow, *links, *stage, *disturbance;
	KT_VEC(sqlite3_stmt *) errors; /* by kind; NULL: it has none */
	KT_VEC(struct node) nodes;     /* of the trace, those above first */
	struct kt_hash seen;
	uint64_t trace[2];
	bool switched; /* what is written is of another recording than before */

	/* Of the flow that is being written. */
	int64_t start, end;
	const char *end_known; /* NULL: it is known */
	KT_VEC(struct stage) stages;
	struct kt_pb names;
	KT_VEC(struct link) crossings; /* to flows that hang elsewhere */
};

/* Exact for all ids that a recording can have. */
static uint64_t key_of(const struct kt_otlp_walk *w, const struct kt_src_kind *k, int64_t id)
{
	return (uint64_t)(k - w->o->kinds.all.v) << 48 | (id & 0xffffffffffffll);
}

static int add_node(struct kt_otlp_walk *w, const struct kt_src_kind *k, int64_t id,
		    uint64_t parent, const char *link)
{
	struct node n = {.kind = k, .id = id, .parent = parent};

	snprintf(n.link, sizeof(n.link), "%s", link);
	return kt_hash_put(&w->seen, key_of(w, k, id), w) || kt_vec_push(&w->nodes, n)
		       ? kt_src_no_memory(w->o->run)
		       : 0;
}

/* What lies below a flow: hung below its span, or if it hangs somewhere already, linked to. */
static int follow_links(struct kt_otlp_walk *w, const struct node *n, uint64_t span)
{
	int rc = SQLITE_DONE, err = 0;

	w->crossings.n = 0;
	kt_src_bind_flow(w->links, n->kind, n->id);
	while (!err && (rc = sqlite3_step(w->links)) == SQLITE_ROW) {
		const struct kt_src_kind *k = kt_src_kind(&w->o->kinds, kt_src_text(w->links, 0));
		int64_t id = sqlite3_column_int64(w->links, 1);
		struct link l;

		if (!k || !kt_src_is_int(w->links, 1) || (k == n->kind && id == n->id))
			continue;
		if (!kt_hash_get(&w->seen, key_of(w, k, id))) {
			err = add_node(w, k, id, span, kt_src_text(w->links, 2));
			continue;
		}
		l.span = kt_otlp_span_id(k, id, 0);
		snprintf(l.word, sizeof(l.word), "%s", kt_src_text(w->links, 2));
		if (kt_vec_push(&w->crossings, l))
			err = kt_src_no_memory(w->o->run);
	}
	sqlite3_reset(w->links);
	return err ? err : kt_src_done(w->o->run, rc);
}

/* ---- times */

static int by_seq(const void *pa, const void *pb)
{
	const struct stage *a = pa, *b = pb;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

static int load_stages(struct kt_otlp_walk *w, const struct node *n)
{
	struct kt_otlp *o = w->o;
	int rc = SQLITE_DONE, err = 0;

	w->stages.n = 0;
	w->names.n = 0;
	kt_src_bind_flow(w->stage, n->kind, n->id);
	while (!err && (rc = sqlite3_step(w->stage)) == SQLITE_ROW) {
		struct stage s = {.seq = sqlite3_column_int64(w->stage, 0), .name = w->names.n};
		const char *name = kt_src_text(w->stage, 1);

		if (s.seq < 1 || s.seq > KT_OTLP_MAX_SEQ || !kt_src_is_int(w->stage, 2) ||
		    !kt_src_is_int(w->stage, 3) ||
		    !kt_otlp_time(o, sqlite3_column_int64(w->stage, 2), &s.start) ||
		    __builtin_add_overflow(s.start, sqlite3_column_int64(w->stage, 3), &s.end) ||
		    s.end < s.start) {
			o->n_stages++;
			continue;
		}
		for (int i = 0; i < 3; i++) {
			s.has[i] = kt_src_is_int(w->stage, 4 + i);
			s.times[i] = sqlite3_column_int64(w->stage, 4 + i);
		}
		kt_pb_raw(&w->names, name, strlen(name) + 1);
		if (w->names.oom || kt_vec_push(&w->stages, s))
			err = kt_src_no_memory(o->run);
	}
	sqlite3_reset(w->stage);
	/* Not by SQLite, which would merge all branches of the view for it. */
	if (w->stages.n > 1)
		qsort(w->stages.v, w->stages.n, sizeof(*w->stages.v), by_seq);
	return err ? err : kt_src_done(o->run, rc);
}

static const char *stage_name(const struct kt_otlp_walk *w, int64_t seq)
{
	for (size_t i = 0; i < w->stages.n; i++)
		if (w->stages.v[i].seq == seq)
			return (const char *)w->names.v + w->stages.v[i].name;
	return NULL;
}

/* Its start and end; false: it has no place in time. */
static bool place(struct kt_otlp_walk *w)
{
	struct kt_otlp *o = w->o;
	bool dur = kt_src_is_int(w->flow, KT_SRC_DUR_NS);
	int64_t ns = sqlite3_column_int64(w->flow, KT_SRC_DUR_NS);

	if (!kt_src_is_int(w->flow, KT_SRC_START_NS) ||
	    !kt_otlp_time(o, sqlite3_column_int64(w->flow, KT_SRC_START_NS), &w->start) ||
	    (dur && (ns < 0 || __builtin_add_overflow(w->start, ns, &w->end)))) {
		o->n_impossible++;
		return false;
	}
	w->end_known = NULL;
	if (dur)
		return true;
	w->end_known = "not known";
	w->end = w->start;
	for (size_t i = 0; i < w->stages.n; i++)
		w->end = KT_MAX(w->end, w->stages.v[i].end);
	if (!strcmp(kt_src_text(w->flow, KT_SRC_STATE), "open_at_end") && o->run_end_ns >= w->end) {
		w->end_known = "open when the recording ended";
		w->end = o->run_end_ns;
	}
	return true;
}

/* ---- attributes */

static void attr(struct kt_otlp_walk *w, const char *key, const char *text)
{
	kt_msg_attr(&w->o->msg, SPAN_ATTR, key, text);
}

static void attr_col(struct kt_otlp_walk *w, const char *key, sqlite3_stmt *st, int col)
{
	if (sqlite3_column_type(st, col) == SQLITE_INTEGER)
		kt_msg_attr_int(&w->o->msg, SPAN_ATTR, key, sqlite3_column_int64(st, col));
	else if (sqlite3_column_type(st, col) != SQLITE_NULL)
		attr(w, key, kt_src_text(st, col));
}

static void attr_task(struct kt_otlp_walk *w, int64_t utid)
{
	struct kt_otlp *o = w->o;

	sqlite3_bind_int64(o->task, 1, utid);
	if (sqlite3_step(o->task) == SQLITE_ROW) {
		attr_col(w, "thread.id", o->task, 0);
		attr_col(w, "process.pid", o->task, 1);
		attr_col(w, "thread.name", o->task, 2);
		attr_col(w, "process.executable.name", o->task, 3);
	}
	sqlite3_reset(o->task);
}

/* Container runtimes put the container's id, 64 hex digits, into the name of its cgroup. */
static void attr_container(struct kt_otlp_walk *w, const char *path)
{
	char id[65];

	for (const char *p = path; *p; p++) {
		size_t n = strspn(p, "0123456789abcdef");

		if (n == 64) {
			snprintf(id, sizeof(id), "%s", p);
			attr(w, "container.id", id);
			return;
		}
		p += n;
		if (!*p)
			return;
	}
}

static void attr_cgroup(struct kt_otlp_walk *w, int64_t ucgid)
{
	struct kt_otlp *o = w->o;

	sqlite3_bind_int64(o->cgroup, 1, ucgid);
	if (sqlite3_step(o->cgroup) == SQLITE_ROW) {
		attr_col(w, "process.linux.cgroup", o->cgroup, 0);
		attr_container(w, kt_src_text(o->cgroup, 0));
	}
	sqlite3_reset(o->cgroup);
}

/* True: it failed, and how. */
static bool attr_error(struct kt_otlp_walk *w, const struct node *n)
{
	sqlite3_stmt *st = w->errors.v[n->kind - w->o->kinds.all.v];
	bool failed = false;

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, n->id);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL) {
		failed = true;
		attr_col(w, "error.type", st, 0);
	}
	sqlite3_reset(st);
	return failed;
}

static bool write_attributes(struct kt_otlp_walk *w, const struct node *n)
{
	struct kt_msg *m = &w->o->msg;
	sqlite3_stmt *st = w->flow;
	char id[64];
	bool failed;

	kt_msg_list(m, "attributes");
	attr(w, "ktrace.flow", n->kind->flow);
	snprintf(id, sizeof(id), "%.32s%lld", n->kind->letter, (long long)n->id);
	attr(w, "ktrace.id", id);
	if (*n->link)
		attr(w, "ktrace.link", n->link);
	attr_col(w, "ktrace.kind", st, KT_SRC_KIND);
	attr_col(w, "ktrace.op", st, KT_SRC_OP);
	kt_otlp_object(w->o, SPAN_ATTR, n->kind, st, KT_SRC_OBJECT_ID);
	attr_col(w, "ktrace.what", st, KT_SRC_WHAT);
	attr_col(w, "ktrace.size_bytes", st, KT_SRC_SIZE_BYTES);
	if (strcmp(kt_src_text(st, KT_SRC_STATE), "whole") != 0)
		attr_col(w, "ktrace.state", st, KT_SRC_STATE);
	attr(w, "ktrace.end", w->end_known);
	if (kt_src_is_int(st, KT_SRC_UTID))
		attr_task(w, sqlite3_column_int64(st, KT_SRC_UTID));
	if (kt_src_is_int(st, KT_SRC_UCGID))
		attr_cgroup(w, sqlite3_column_int64(st, KT_SRC_UCGID));
	failed = attr_error(w, n);
	kt_msg_list_end(m);
	return failed;
}

/* ---- spans */

static void begin_span(struct kt_otlp_walk *w, uint64_t id, uint64_t parent, const char *name,
		       int64_t start, int64_t end)
{
	struct kt_msg *m = &w->o->msg;

	kt_msg_begin(m, 2, NULL);
	kt_msg_id(m, SPAN_TRACE_ID, "traceId", w->trace, 2);
	kt_msg_id(m, SPAN_ID, "spanId", &id, 1);
	if (parent)
		kt_msg_id(m, SPAN_PARENT, "parentSpanId", &parent, 1);
	kt_msg_text(m, SPAN_NAME, "name", name);
	kt_msg_enum(m, SPAN_KIND, "kind", KIND_INTERNAL);
	kt_msg_fixed64(m, SPAN_START, "startTimeUnixNano", (uint64_t)start);
	kt_msg_fixed64(m, SPAN_END, "endTimeUnixNano", (uint64_t)end);
	w->o->n_items++;
	w->o->n_spans++;
}

static void write_event(struct kt_otlp_walk *w)
{
	struct kt_msg *m = &w->o->msg;
	sqlite3_stmt *st = w->disturbance;
	int64_t at;

	if (!kt_src_is_int(st, 1) || !kt_otlp_time(w->o, sqlite3_column_int64(st, 1), &at))
		return;
	kt_msg_begin(m, SPAN_EVENT, NULL);
	kt_msg_fixed64(m, EVENT_TIME, "timeUnixNano", (uint64_t)at);
	kt_msg_text(m, EVENT_NAME, "name", kt_src_text(st, 0));
	kt_msg_list(m, "attributes");
	if (kt_src_is_int(st, 2))
		kt_msg_attr_int(m, EVENT_ATTR, "ktrace.dur_ns", sqlite3_column_int64(st, 2));
	kt_msg_attr(m, EVENT_ATTR, "ktrace.stage", stage_name(w, sqlite3_column_int64(st, 5)));
	if (sqlite3_column_type(st, 3) != SQLITE_NULL)
		kt_msg_attr(m, EVENT_ATTR, "ktrace.by", kt_src_text(st, 3));
	if (sqlite3_column_type(st, 4) != SQLITE_NULL)
		kt_msg_attr(m, EVENT_ATTR, "ktrace.by_irq", kt_src_text(st, 4));
	kt_msg_list_end(m);
	kt_msg_end(m);
}

static int write_events(struct kt_otlp_walk *w, const struct node *n)
{
	bool any = false;
	int rc;

	if (!w->disturbance)
		return 0;
	kt_src_bind_flow(w->disturbance, n->kind, n->id);
	while ((rc = sqlite3_step(w->disturbance)) == SQLITE_ROW) {
		if (!any)
			kt_msg_list(&w->o->msg, "events");
		any = true;
		write_event(w);
	}
	if (any)
		kt_msg_list_end(&w->o->msg);
	sqlite3_reset(w->disturbance);
	return kt_src_done(w->o->run, rc);
}

static void write_crossings(struct kt_otlp_walk *w)
{
	struct kt_msg *m = &w->o->msg;

	if (!w->crossings.n)
		return;
	kt_msg_list(m, "links");
	for (size_t i = 0; i < w->crossings.n; i++) {
		kt_msg_begin(m, SPAN_LINK, NULL);
		kt_msg_id(m, LINK_TRACE_ID, "traceId", w->trace, 2);
		kt_msg_id(m, LINK_SPAN_ID, "spanId", &w->crossings.v[i].span, 1);
		kt_msg_list(m, "attributes");
		kt_msg_attr(m, LINK_ATTR, "ktrace.link", w->crossings.v[i].word);
		kt_msg_list_end(m);
		kt_msg_end(m);
	}
	kt_msg_list_end(m);
}

static void write_stages(struct kt_otlp_walk *w, const struct node *n, uint64_t parent)
{
	static const char *const keys[] = {"ktrace.runq_ns", "ktrace.irq_ns", "ktrace.softirq_ns"};
	struct kt_msg *m = &w->o->msg;

	for (size_t i = 0; i < w->stages.n; i++) {
		const struct stage *s = &w->stages.v[i];
		const char *name = (const char *)w->names.v + s->name;

		begin_span(w, kt_otlp_span_id(n->kind, n->id, s->seq), parent, name, s->start,
			   s->end);
		kt_msg_list(m, "attributes");
		attr(w, "ktrace.stage", name);
		attr(w, "ktrace.class", kt_src_class(&w->o->kinds, n->kind, name));
		for (int t = 0; t < 3; t++)
			if (s->has[t])
				kt_msg_attr_int(m, SPAN_ATTR, keys[t], s->times[t]);
		kt_msg_list_end(m);
		kt_msg_end(m);
	}
}

/* The operation alone, of what programs wait for; below it there are others of the same operation: "leg ride". */
static void name_of(const struct kt_otlp_walk *w, const struct node *n, char *buf, size_t size)
{
	bool has_op = sqlite3_column_type(w->flow, KT_SRC_OP) != SQLITE_NULL;

	snprintf(buf, size, "%s%s%s", n->kind->waits && has_op ? "" : n->kind->one,
		 n->kind->waits || !has_op ? "" : " ",
		 has_op ? kt_src_text(w->flow, KT_SRC_OP) : "");
}

static int write_span(struct kt_otlp_walk *w, const struct node *n, uint64_t span)
{
	struct kt_msg *m = &w->o->msg;
	char name[128];
	bool failed;
	int err;

	name_of(w, n, name, sizeof(name));
	begin_span(w, span, n->parent, name, w->start, w->end);
	failed = write_attributes(w, n);
	err = write_events(w, n);
	write_crossings(w);
	if (failed) {
		kt_msg_begin(m, SPAN_STATUS, "status");
		kt_msg_enum(m, STATUS_CODE, "code", STATUS_ERROR);
		kt_msg_end(m);
	}
	kt_msg_end(m);
	write_stages(w, n, span);
	return err;
}

/* A guest's flow leads to one of its host: that is another recording's, and another resource's. */
static int of_recording(struct kt_otlp_walk *w, int64_t run_id)
{
	w->switched = run_id != w->o->run_id;
	return w->switched ? kt_otlp_out_begin(w->o, KT_OTLP_TRACES, run_id) : 0;
}

/* A flow, and what it leads to. Where it has no place in time, what lies below it hangs where it would. */
static int write_flow(struct kt_otlp_walk *w, size_t i)
{
	struct node n = w->nodes.v[i]; /* they move */
	uint64_t span = kt_otlp_span_id(n.kind, n.id, 0);
	bool placed = false;
	int rc, err = load_stages(w, &n);

	w->switched = false;
	if (err)
		return err;
	kt_src_bind_flow(w->flow, n.kind, n.id);
	rc = sqlite3_step(w->flow);
	if (rc == SQLITE_ROW) {
		err = of_recording(w, sqlite3_column_int64(w->flow, KT_SRC_RUN_ID));
		placed = !err && place(w);
		err = err ? err : follow_links(w, &n, placed ? span : n.parent);
		if (!err && placed)
			err = write_span(w, &n, span);
	} else {
		err = kt_src_done(w->o->run, rc);
	}
	sqlite3_reset(w->flow);
	return err;
}

/* No batch is too large, and no trace in two that fits into one. */
static int bound_batch(struct kt_otlp *o, struct kt_otlp_mark *trace, struct kt_otlp_mark flow)
{
	int err = 0;

	if (kt_otlp_out_full(o) && trace->n_items) {
		flow.bytes -= trace->bytes;
		flow.n_items -= trace->n_items;
		err = kt_otlp_out_cut(o, trace);
		flow.bytes += trace->bytes;
		flow.n_items += trace->n_items;
	}
	if (!err && kt_otlp_out_full(o) && flow.n_items) {
		err = kt_otlp_out_cut(o, &flow);
		*trace = flow;
	}
	return err;
}

int kt_otlp_trace(struct kt_otlp_walk *w, const struct kt_src_kind *k, int64_t id)
{
	struct kt_otlp_mark trace = kt_otlp_out_mark(w->o);
	int err;

	w->nodes.n = 0;
	w->trace[0] = w->o->run_half;
	w->trace[1] = kt_otlp_span_id(k, id, 0);
	err = add_node(w, k, id, 0, "");
	for (size_t i = 0; !err && i < w->nodes.n; i++) {
		struct kt_otlp_mark flow = kt_otlp_out_mark(w->o);

		err = write_flow(w, i);
		if (w->switched)
			trace = flow = kt_otlp_out_first(w->o);
		err = err ? err : bound_batch(w->o, &trace, flow);
	}
	kt_hash_finish(&w->seen);
	return err;
}

/* Of kinds whose table says which flows failed: a column `error`. */
static int prepare_errors(struct kt_otlp_walk *w)
{
	struct kt_otlp *o = w->o;
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE, err = 0;

	for (size_t i = 0; !err && i < o->kinds.all.n; i++)
		err = kt_vec_push(&w->errors, NULL) ? kt_src_no_memory(o->run) : 0;
	err = err ? err
		  : kt_src_prepare(o->run, &st,
				   "SELECT k.flow, k.tbl, k.id_col FROM temp.shown_kind k "
				   "JOIN pragma_table_info(k.tbl) c ON c.name = 'error' "
				   "JOIN pragma_table_info(k.tbl) i ON i.name = k.id_col");
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const struct kt_src_kind *k = kt_src_kind(&o->kinds, kt_src_text(st, 0));
		char *sql = sqlite3_mprintf("SELECT errno_name(error) FROM main.\"%w\" "
					    "WHERE \"%w\" = ?1 AND error < 0",
					    kt_src_text(st, 1), kt_src_text(st, 2));

		if (!sql)
			err = kt_src_no_memory(o->run);
		else if (k && !w->errors.v[k - o->kinds.all.v])
			err = kt_src_prepare(o->run, &w->errors.v[k - o->kinds.all.v], sql);
		sqlite3_free(sql);
	}
	sqlite3_finalize(st);
	return err ? err : kt_src_done(o->run, rc);
}

static const struct kt_src_statement statements[] = {
	{offsetof(struct kt_otlp_walk, flow), NULL,
	 "SELECT " KT_SRC_FLOW_COLUMNS " FROM flow WHERE flow = ?1 AND flow_id = ?2"},
	{offsetof(struct kt_otlp_walk, links), NULL,
	 "SELECT lower, lower_id, link FROM flow_link WHERE flow = ?1 AND flow_id = ?2"},
	{offsetof(struct kt_otlp_walk, stage), NULL,
	 "SELECT seq, name, start_ns, dur_ns, runq_ns, irq_ns, softirq_ns "
	 "FROM stage WHERE flow = ?1 AND flow_id = ?2"},
	{offsetof(struct kt_otlp_walk, disturbance), "disturbance",
	 "SELECT d.cause, d.start_ns, d.dur_ns, (SELECT coalesce(t.comm, '?') || ' [' || "
	 "coalesce(t.tid, '?') || ']' FROM temp.otlp_task t WHERE t.utid = d.by_utid), d.by_irq, "
	 "d.seq FROM disturbance d "
	 "WHERE d.flow = ?1 AND d.flow_id = ?2 ORDER BY d.start_ns, d.seq, d.cause"},
};

int kt_otlp_walk_create(struct kt_otlp_walk **ret, struct kt_otlp *o)
{
	struct kt_otlp_walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return kt_src_no_memory(o->run);
	w->o = o;
	err = kt_src_prepare_all(o->run, w, statements, KT_ARRAY_SIZE(statements));
	err = err ? err : prepare_errors(w);
	if (err)
		kt_otlp_walk_destroy(w);
	else
		*ret = w;
	return err;
}

void kt_otlp_walk_destroy(struct kt_otlp_walk *w)
{
	if (!w)
		return;
	kt_src_finalize_all(w, statements, KT_ARRAY_SIZE(statements));
	for (size_t i = 0; i < w->errors.n; i++)
		sqlite3_finalize(w->errors.v[i]);
	kt_vec_finish(&w->errors);
	kt_vec_finish(&w->nodes);
	kt_vec_finish(&w->stages);
	kt_vec_finish(&w->crossings);
	kt_hash_finish(&w->seen);
	kt_pb_finish(&w->names);
	free(w);
}
