/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Batches: {resourceSpans: [{resource, scopeSpans: [{scope, spans: [...]}]}]}, and the same of metrics. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/export/otlp.h"

/* The columns of otlp_run. */
enum { HALF, UUID, HOST, KERNEL, BOOT_ID, COMMAND, LOST, START_NS, DUR_NS };

/* What ends a batch: in protobuf the lengths of what is open. */
enum { CLOSING_BYTES = 256 };

static const char *text_of(sqlite3_stmt *st, int col)
{
	return sqlite3_column_type(st, col) == SQLITE_NULL ? NULL : kt_src_text(st, col);
}

static void write_resource(struct kt_msg *m, sqlite3_stmt *st)
{
	char kernel[256];

	kt_msg_begin(m, 1, "resource");
	kt_msg_list(m, "attributes");
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "service.name", "ktrace");
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "service.version", KT_VERSION);
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "service.instance.id", text_of(st, UUID));
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "host.name", text_of(st, HOST));
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "os.type", "linux");
	if (text_of(st, KERNEL)) {
		snprintf(kernel, sizeof(kernel), "Linux %s", text_of(st, KERNEL));
		kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "os.description", kernel);
		kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "ktrace.run.kernel", text_of(st, KERNEL));
	}
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "ktrace.run.uuid", text_of(st, UUID));
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "ktrace.run.boot_id", text_of(st, BOOT_ID));
	kt_msg_attr(m, KT_OTLP_RESOURCE_ATTR, "ktrace.run.command", text_of(st, COMMAND));
	if (kt_src_is_int(st, LOST))
		kt_msg_attr_int(m, KT_OTLP_RESOURCE_ATTR, "ktrace.run.lost_events",
				sqlite3_column_int64(st, LOST));
	kt_msg_list_end(m);
	kt_msg_end(m);
}

static void set_times(struct kt_otlp *o, sqlite3_stmt *st)
{
	int64_t end;

	o->run_half = strtoull(kt_src_text(st, HALF), NULL, 16);
	o->run_start_ns = o->run_end_ns = 0;
	if (!kt_src_is_int(st, START_NS) ||
	    !kt_otlp_time(o, sqlite3_column_int64(st, START_NS), &o->run_start_ns))
		return;
	if (kt_src_is_int(st, DUR_NS) &&
	    !__builtin_add_overflow(sqlite3_column_int64(st, START_NS),
				    sqlite3_column_int64(st, DUR_NS), &end) &&
	    !kt_otlp_time(o, end, &o->run_end_ns))
		o->run_end_ns = 0;
}

static void end_resource(struct kt_otlp *o)
{
	if (!o->in_resource)
		return;
	o->in_resource = false;
	kt_msg_list_end(&o->msg);
	kt_msg_end(&o->msg);
	kt_msg_list_end(&o->msg);
	kt_msg_end(&o->msg);
}

int kt_otlp_out_begin(struct kt_otlp *o, enum kt_otlp_signal signal, int64_t run_id)
{
	static const struct {
		const char *resources, *scopes, *items;
	} names[] = {{"resourceSpans", "scopeSpans", "spans"},
		     {"resourceMetrics", "scopeMetrics", "metrics"}};
	struct kt_msg *m = &o->msg;
	int err = 0, rc;

	if (o->is_open && o->signal != signal)
		err = kt_otlp_out_flush(o);
	if (err || (o->in_resource && o->run_id == run_id))
		return err;
	sqlite3_bind_int64(o->resource, 1, run_id);
	rc = sqlite3_step(o->resource);
	if (rc != SQLITE_ROW) {
		sqlite3_reset(o->resource);
		if (rc != SQLITE_DONE)
			return kt_src_done(o->run, rc);
		snprintf(o->run->err, sizeof(o->run->err), "%s: there is no recording %lld",
			 o->run->path, (long long)run_id);
		return -EBADMSG;
	}
	set_times(o, o->resource);
	o->signal = signal;
	o->run_id = run_id;
	if (o->is_open) {
		end_resource(o);
	} else {
		kt_msg_clear(m);
		m->json = o->http ? kt_otlp_http_json(o->http, signal) : true;
		kt_msg_begin(m, 0, NULL);
		kt_msg_list(m, names[signal].resources);
	}
	o->resource_bytes = m->pb.n;
	kt_msg_begin(m, 1, NULL);
	write_resource(m, o->resource);
	kt_msg_list(m, names[signal].scopes);
	kt_msg_begin(m, 2, NULL);
	kt_msg_begin(m, 1, "scope");
	kt_msg_text(m, 1, "name", "ktrace");
	kt_msg_text(m, 2, "version", KT_VERSION);
	kt_msg_end(m);
	kt_msg_list(m, names[signal].items);
	o->items_bytes = m->pb.n;
	o->n_before = o->n_items;
	o->is_open = o->in_resource = true;
	sqlite3_reset(o->resource);
	return 0;
}

int kt_otlp_out_flush(struct kt_otlp *o)
{
	struct kt_msg *m = &o->msg;
	int err = 0;

	if (m->pb.oom)
		return kt_src_no_memory(o->run);
	if (!o->is_open)
		return 0;
	/* Nobody wants an empty envelope. */
	if (!o->n_items) {
		o->is_open = o->in_resource = false;
		return 0;
	}
	end_resource(o);
	kt_msg_list_end(m);
	kt_msg_end(m);
	o->is_open = false;
	if (m->pb.oom)
		return kt_src_no_memory(o->run);
	if (o->http) {
		err = kt_otlp_http_send(o->http, o->signal, m->pb.v, m->pb.n, o->n_items);
	} else {
		fwrite(m->pb.v, 1, m->pb.n, o->file->f);
		fputc('\n', o->file->f);
	}
	o->n_items = 0;
	return err;
}

int kt_otlp_out_cut(struct kt_otlp *o, struct kt_otlp_mark *at)
{
	struct kt_pb *pb = &o->msg.pb;
	uint64_t rest = o->n_items - at->n_items;
	struct kt_pb tail = {0};
	int err;

	kt_pb_raw(&tail, pb->v + at->bytes, pb->n - at->bytes);
	if (tail.oom || pb->oom) {
		kt_pb_finish(&tail);
		return kt_src_no_memory(o->run);
	}
	pb->n = at->bytes;
	o->n_items = at->n_items;
	if (at->bytes == o->items_bytes) {
		/* Nothing of this recording stays: nor does its resource. */
		pb->n = o->resource_bytes;
		o->msg.depth = 1;
		o->in_resource = false;
	}
	err = kt_otlp_out_flush(o);
	err = err ? err : kt_otlp_out_begin(o, o->signal, o->run_id);
	if (!err) {
		/* Of JSON it began after something. */
		bool comma = o->msg.json && tail.n && *tail.v == ',';

		*at = kt_otlp_out_mark(o);
		kt_pb_raw(pb, tail.v + comma, tail.n - comma);
		o->n_items = rest;
	}
	kt_pb_finish(&tail);
	return err;
}

struct kt_otlp_mark kt_otlp_out_mark(const struct kt_otlp *o)
{
	return (struct kt_otlp_mark){.bytes = o->msg.pb.n, .n_items = o->n_items};
}

struct kt_otlp_mark kt_otlp_out_first(const struct kt_otlp *o)
{
	return (struct kt_otlp_mark){.bytes = o->items_bytes, .n_items = o->n_before};
}

bool kt_otlp_out_full(const struct kt_otlp *o)
{
	return o->msg.pb.n > KT_OTLP_BATCH_BYTES - CLOSING_BYTES;
}
