/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The tables that do not belong to a tracker: meta, run, lost_interval, audit. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/engine/engine.h"

/* ---------------------------------------------------------------- lost_interval */

struct lost_row {
	int64_t run_id, cpu, start_ns, dur_ns;
	const char *cause;
	int64_t n;
};

static const struct kt_col lost_cols[] = {
	KT_COL(lost_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(lost_row, cpu, KT_COL_INT, "",
	       "CPU whose stream lost events; NULL: not known, possibly all"),
	KT_COL(lost_row, start_ns, KT_COL_INT, "ns",
	       "since the epoch of the database; NULL: not known, or what was lost held no events"),
	KT_COL(lost_row, dur_ns, KT_COL_INT, "ns",
	       "length; NULL: not known, up to the end of the run"),
	KT_COL(lost_row, cause, KT_COL_TEXT, "",
	       "ring_full nmi recursion no_room damaged_block truncated missed blind; blind: a "
	       "task switch is missing, the kernel ran no BPF program on that CPU"),
	KT_COL(lost_row, n, KT_COL_INT, "", "events lost; NULL: not known"),
};

static const struct kt_table lost_table = {
	.name = "lost_interval",
	.doc = "when events were lost; flows open across an interval are lossy. Cause missed: only "
	       "the flow that revealed the loss; cause blind: only those that lack something the "
	       "hole may have hidden",
	.cols = lost_cols,
	.n_cols = KT_ARRAY_SIZE(lost_cols),
};

static const char *const causes[] = {
#define KT_LOSS(name, nr, text, summary, meaning) [nr] = text,
#include "format/losses.def"
#undef KT_LOSS
};

int kt_write_lost(struct kt_engine *e, const struct kt_loss_found *l)
{
	struct lost_row row = {
		.run_id = l->run + 1,
		.cpu = l->stream == KTR_NO_STREAM ? KT_NULL : l->stream,
		.start_ns = l->start_ns,
		.dur_ns = l->start_ns == KT_NULL || l->end_ns == KT_NULL || l->end_ns == INT64_MAX
				  ? KT_NULL
				  : l->end_ns - l->start_ns,
		.cause = (size_t)l->cause < KT_ARRAY_SIZE(causes) ? causes[l->cause] : NULL,
		.n = l->n ? (int64_t)l->n : KT_NULL,
	};

	return kt_db_insert(e->db, &lost_table, &row);
}

/* ---------------------------------------------------------------- audit */

struct audit_row {
	int64_t run_id;
	const char *counter;
	int64_t kernel, traced, difference, tolerance;
	const char *verdict;
};

static const struct kt_col audit_cols[] = {
	KT_COL(audit_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(audit_row, counter, KT_COL_TEXT, "", "what is compared: source, object, quantity"),
	KT_COL(audit_row, kernel, KT_COL_INT, "", "increase of the kernel's own counter"),
	KT_COL(audit_row, traced, KT_COL_INT, "", "the same from the trace; NULL: not recorded"),
	KT_COL(audit_row, difference, KT_COL_INT, "", "traced minus kernel"),
	KT_COL(audit_row, tolerance, KT_COL_INT, "",
	       "how far they may differ for a known reason; includes what holes (lost_interval, "
	       "cause blind) may have hidden, which is allowed for only if the trace has less"),
	KT_COL(audit_row, verdict, KT_COL_TEXT, "",
	       "ok; off: they differ by more; n/a: one is not known or was not recorded, or a "
	       "filter was used"),
};

static const struct kt_table audit_table = {
	.name = "audit",
	.doc = "the kernel's own counters compared with the trace",
	.cols = audit_cols,
	.n_cols = KT_ARRAY_SIZE(audit_cols),
};

int64_t kt_audit_hidden(struct kt_engine *e, uint32_t run, double per_ns)
{
	const struct kt_holes *holes = &e->runs.v[run]->holes;
	int64_t n = 0;

	for (size_t i = 0; i < holes->v.n; i++) {
		const struct kt_hole *h = &holes->v.v[i];

		n += 1 + (int64_t)((double)(h->end_ns - h->start_ns) * per_ns);
	}
	return n;
}

int kt_audit(struct kt_engine *e, uint32_t run, const char *counter, int64_t kernel, int64_t traced,
	     int64_t tolerance, int64_t hidden)
{
	struct audit_row row = {
		.run_id = run + 1,
		.counter = counter,
		.kernel = kernel,
		.traced = traced,
		.difference = KT_NULL,
		.tolerance = tolerance + hidden,
		.verdict = "n/a",
	};

	if (kernel != KT_NULL && traced != KT_NULL) {
		row.difference = traced - kernel;
		if (!kt_run_filtered(e, run))
			row.verdict =
				row.difference <= tolerance && row.difference >= -row.tolerance
					? "ok"
					: "off";
	}
	return kt_db_insert(e->db, &audit_table, &row);
}

/* ---------------------------------------------------------------- run */

struct run_row {
	int64_t run_id;
	const char *file, *uuid, *host, *boot_id, *kernel;
	int64_t start_ns, dur_ns, clock_err_ns;
	const char *command, *kinds, *filters;
	int64_t events, lost, unknown_events, backward_clock, file_bytes;
};

static const struct kt_col run_cols[] = {
	KT_COL(run_row, run_id, KT_COL_ID, "", "1, 2, ... in the order of the command line"),
	KT_COL(run_row, file, KT_COL_TEXT, "", "path it was read from"),
	KT_COL(run_row, uuid, KT_COL_TEXT, "", "UUID of the recording"),
	KT_COL(run_row, host, KT_COL_TEXT, "", "node name"),
	KT_COL(run_row, boot_id, KT_COL_TEXT, "", "id of the boot it was recorded in"),
	KT_COL(run_row, kernel, KT_COL_TEXT, "", "release of the recorded kernel"),
	KT_COL(run_row, start_ns, KT_COL_INT, "ns",
	       "official start, since the epoch of the database"),
	KT_COL(run_row, dur_ns, KT_COL_INT, "ns",
	       "length; up to its last event if its end was not recorded"),
	KT_COL(run_row, clock_err_ns, KT_COL_INT, "ns",
	       "how far its clock may be off the common one: for the earliest run and others of "
	       "the same boot, how long reading the clocks took; for other boots, the errors that "
	       "NTP reported for both, the largest from start to end, plus any step of a clock in "
	       "between; NULL: not known"),
	KT_COL(run_row, command, KT_COL_TEXT, "", "command that ktrace-record ran; NULL: none"),
	KT_COL(run_row, kinds, KT_COL_TEXT, "", "families recorded"),
	KT_COL(run_row, filters, KT_COL_TEXT, "", "filters, as given; NULL: none"),
	KT_COL(run_row, events, KT_COL_INT, "", "events read"),
	KT_COL(run_row, lost, KT_COL_INT, "",
	       "events lost: the sum over lost_interval, where known"),
	KT_COL(run_row, unknown_events, KT_COL_INT, "", "events that this version does not know"),
	KT_COL(run_row, backward_clock, KT_COL_INT, "",
	       "events earlier than the previous one in their stream"),
	KT_COL(run_row, file_bytes, KT_COL_INT, "bytes", "read from the file"),
};

static const struct kt_table run_table = {
	.name = "run",
	.doc = "one recording",
	.cols = run_cols,
	.n_cols = KT_ARRAY_SIZE(run_cols),
};

static const char *text_or_null(const char *s)
{
	return s && *s ? s : NULL;
}

int kt_write_runs(struct kt_engine *e)
{
	for (size_t i = 0; i < e->runs.n; i++) {
		const struct kt_run *r = e->runs.v[i];
		const struct ktr_run_info *info = r->in->info;
		int64_t end_ns = kt_run_end(r);
		char uuid[37];
		struct run_row row = {
			.run_id = i + 1,
			.file = r->pieces.n ? r->pieces.v[0].in->name : r->in->name,
			.uuid = uuid,
			.host = text_or_null(info->host),
			.boot_id = text_or_null(info->boot_id),
			.kernel = r->kernel,
			.start_ns = r->start_ns,
			.dur_ns = end_ns == KT_NULL ? KT_NULL : end_ns - r->start_ns,
			.clock_err_ns = kt_run_clock_err(e, r),
			.command = text_or_null(info->command),
			.kinds = text_or_null(info->kinds),
			.filters = text_or_null(info->filters),
			.events = r->events,
			.lost = r->lost,
			.unknown_events = r->unknown,
			.backward_clock = r->backward,
			.file_bytes = kt_run_bytes(r),
		};
		const uint8_t *u = info->uuid;
		int err;

		snprintf(uuid, sizeof(uuid),
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
			 u[12], u[13], u[14], u[15]);
		err = kt_db_insert(e->db, &run_table, &row);
		if (err)
			return err;
	}
	return 0;
}

/* ---------------------------------------------------------------- meta */

/* Its values have two types, which struct kt_table cannot express. */
static const char meta_sql[] =
	"CREATE TABLE meta( -- facts about the database as a whole\n"
	"  key TEXT PRIMARY KEY, -- epoch_realtime_ns schema_version tool_version keep_ns "
	"keep_sample\n"
	"  value -- epoch_realtime_ns: CLOCK_REALTIME at time 0 of the database, NULL: not known; "
	"keep_ns, keep_sample: of --keep and --sample, if not all rows are stored\n"
	") WITHOUT ROWID;"
	"INSERT INTO column_doc VALUES"
	" ('meta', 'key', '', 'epoch_realtime_ns schema_version tool_version keep_ns keep_sample'),"
	" ('meta', 'value', '', 'epoch_realtime_ns: CLOCK_REALTIME at time 0 of the database, "
	"NULL: "
	"not known; keep_ns, keep_sample: of --keep and --sample, if not all rows are stored');";

int kt_write_meta(struct kt_engine *e)
{
	char epoch[32] = "NULL", kept[128] = "", sql[512];
	int err = kt_db_exec(e->db, meta_sql), n;

	if (err)
		return err;
	if (e->epoch_realtime_ns != KT_NULL)
		snprintf(epoch, sizeof(epoch), "%" PRId64, e->epoch_realtime_ns);
	if (e->opts.keep) {
		n = snprintf(kept, sizeof(kept), ", ('keep_ns', %" PRId64 ")", e->opts.keep_ns);
		if (e->opts.sample)
			snprintf(kept + n, sizeof(kept) - n, ", ('keep_sample', %" PRIu64 ")",
				 e->opts.sample);
	}
	snprintf(sql, sizeof(sql),
		 "INSERT INTO meta VALUES('epoch_realtime_ns', %s), ('schema_version', %d),"
		 " ('tool_version', '%s')%s",
		 epoch, KT_SCHEMA_VERSION, KT_VERSION, kept);
	return kt_db_exec(e->db, sql);
}

const struct kt_table *const kt_engine_tables[] = {&run_table, &lost_table, &audit_table, NULL};
