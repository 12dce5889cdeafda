/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The main loop: read the file that holds back the merge, hand out events that are safe to, end runs that have ended. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analyze/engine/engine.h"
#include "analyze/engine/keep.h"
#include "analyze/engine/raw.h"
#include "analyze/progress.h"

/* Bytes of decoded events held at most. Above this, a file whose watermark never rises is not waited for. */
#define HELD_MAX (1ull << 30)

int kt_engine_fail(struct kt_engine *e, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->error, sizeof(e->error), fmt, ap);
	va_end(ap);
	return err;
}

const char *kt_engine_error(const struct kt_engine *e)
{
	return e->error[0] || !e->db ? e->error : kt_db_error(e->db);
}

int kt_engine_create(const struct kt_engine_options *opts, struct kt_engine **ret)
{
	struct kt_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->opts = *opts;
	e->epoch_realtime_ns = KT_NULL;
	*ret = e;
	if (opts->disable) {
		const struct kt_event_desc *d =
			kt_schema_event_by_name(kt_schema_compiled(), opts->disable);

		if (!d)
			return kt_engine_fail(e, -EINVAL,
					      "KT_DISABLE_EVENT: no event is called '%s'; "
					      "see EVENTS in ktr(5)",
					      opts->disable);
		e->disabled_id = d->id;
	}
	return 0;
}

void kt_engine_destroy(struct kt_engine *e)
{
	if (!e)
		return;
	kt_trackers_destroy(e);
	kt_flows_destroy(e->flows);
	kt_vec_finish(&e->own);
	kt_busy_destroy(e->busy);
	kt_slowest_destroy(e->slowest);
	kt_keep_destroy(e->keep);
	kt_db_destroy(e->db);
	kt_raw_destroy(e->raw);
	kt_merge_finish(&e->merge);
	kt_vec_finish(&e->pending);
	for (size_t i = 0; i < e->runs.n; i++)
		kt_run_destroy(e->runs.v[i]);
	kt_vec_finish(&e->runs);
	kt_progress_destroy(e->progress);
	free(e);
}

int kt_engine_add(struct kt_engine *e, struct kt_input *in, const char *path)
{
	struct kt_run *r = calloc(1, sizeof(*r));

	if (!r || kt_vec_push(&e->runs, r)) {
		free(r);
		kt_input_destroy(in);
		return -ENOMEM;
	}
	r->index = e->runs.n - 1;
	r->in = in;
	r->path = path;
	return kt_input_prepare(in, path);
}

/* ---------------------------------------------------------------- loss */

static int apply_loss(struct kt_engine *e, const struct kt_loss_found *l)
{
	struct kt_run *r = e->runs.v[l->run];
	int err;

	r->lost += l->n;
	if (l->cause == KT_LOSS_BLIND) {
		const struct kt_hole h = {
			.start_ns = l->start_ns,
			.end_ns = l->end_ns,
			.cpu = l->stream,
			.tid = l->tid,
			.next_tid = l->next_tid,
		};

		err = kt_holes_add(&r->holes, &h);
		if (err)
			return err;
	} else if (l->cause == KT_LOSS_NO_ROOM) {
		/* Start and end are always known. The objects concerned are missing; trackers ask about others: kt_no_room(). */
		err = kt_loss_add(&r->no_room, l->start_ns, l->end_ns);
		if (err)
			return err;
	} else if (l->start_ns != KT_NULL) {
		err = kt_loss_add(&r->loss, l->start_ns, l->end_ns);
		if (err)
			return err;
	}
	return e->each ? 0 : kt_write_lost(e, l);
}

/* All losses that begin up to t. */
static int apply_pending(struct kt_engine *e, int64_t t_ns)
{
	while (e->pending.n && e->pending.v[e->pending.n - 1].start_ns <= t_ns) {
		struct kt_loss_found l = e->pending.v[--e->pending.n];
		int err = apply_loss(e, &l);

		if (err)
			return err;
	}
	return 0;
}

/* Losses at the very end of a run, with no event after them. */
static int apply_rest(struct kt_engine *e, const struct kt_run *r)
{
	size_t left = 0;
	int err = 0;

	for (size_t i = e->pending.n; i-- > 0 && !err;)
		if (e->pending.v[i].run == r->index)
			err = apply_loss(e, &e->pending.v[i]);
	for (size_t i = 0; i < e->pending.n; i++)
		if (e->pending.v[i].run != r->index)
			e->pending.v[left++] = e->pending.v[i];
	e->pending.n = left;
	return err;
}

static int lost_event(struct kt_engine *e, struct kt_stream *s, const struct kt_lost *ev)
{
	struct kt_loss_found l = {
		.run = s->run,
		.stream = s->stream,
		.start_ns = s->t_ns,
		.end_ns = s->t_ns + (int64_t)(ev->end_ns - ev->ts_ns),
		.n = ev->n,
		.cause = ev->cause,
	};

	l.end_ns = KT_MAX(l.end_ns, l.start_ns);
	if (ev->cause < KT_N_LOSS)
		s->lost_told[ev->cause] += ev->n;
	return apply_loss(e, &l);
}

/* ---------------------------------------------------------------- events */

static int call_handlers(struct kt_engine *e, const struct kt_stream *s, const struct kt_event *ev)
{
	const struct kt_handlers *h = &e->handlers[ev->id];
	struct kt_ev x = {s->t_ns, s->run, s->stream, ev};

	for (size_t i = 0; i < h->n; i++) {
		int err = h->v[i].fn(h->v[i].self, &x);

		if (err)
			return err;
	}
	return 0;
}

static bool is_clock_copy(struct kt_run *r, const struct kt_stream *s)
{
	if (s->item->info.kind != KTR_CLOCK)
		return false;
	if (s->t_ns <= r->last_clock_ns)
		return true;
	r->last_clock_ns = s->t_ns;
	return false;
}

/* The current event of the first stream. */
static int dispatch(struct kt_engine *e, struct kt_stream *s)
{
	struct kt_run *r = e->runs.v[s->run];
	const struct kt_event *ev = kt_stream_event(s), *ours;
	int err;

	if (is_clock_copy(r, s))
		return 0;
	if (s->item->info.kind == KTR_EVENTS) {
		if (s->t_ns > r->last_ns) /* KT_NULL is the smallest number */
			r->last_ns = s->t_ns;
		r->backward += s->t_ns < s->last_ns;
		s->last_ns = s->t_ns;
	}
	if (kt_unlikely(e->pending.n)) {
		err = apply_pending(e, s->t_ns);
		if (err)
			return err;
	}
	if (e->each)
		return e->each(e->each_arg, r, s->item, ev, s->stream);
	if (e->raw) {
		err = kt_raw_insert(e->raw, r->index, s->item->schema, s->t_ns, s->stream, ev);
		if (err)
			return err;
	}
	r->events += s->item->info.kind == KTR_EVENTS;
	ours = kt_map_event(s->item->map, ev);
	if (!ours) {
		r->unknown++;
		return 0;
	}
	if (ours->id == e->disabled_id)
		return 0;
	if (ours->id == KT_EV_lost)
		return lost_event(e, s, (const struct kt_lost *)ours);
	if (kt_unlikely(e->keep)) {
		err = kt_keep_tick(e->keep, s->t_ns);
		if (err)
			return err;
	}
	return call_handlers(e, s, ours);
}

/* Hands out all events earlier than any that r may still bring. NULL: no more will come. */
static int drain(struct kt_engine *e, const struct kt_run *r)
{
	struct kt_stream *s;

	while ((s = kt_merge_first(&e->merge)) &&
	       (!r || s->t_ns < r->watermark_ns || e->merge.held_bytes > HELD_MAX)) {
		int err = dispatch(e, s);

		if (err)
			return err;
		kt_merge_step(&e->merge);
	}
	return 0;
}

/* ---------------------------------------------------------------- runs */

static int end_run(struct kt_engine *e, struct kt_run *r)
{
	int64_t end_ns = kt_run_end(r);
	int err;

	r->ended = true;
	err = kt_run_untold(e, r);
	if (!err)
		err = apply_rest(e, r);
	if (!err)
		err = kt_run_context(e, r, 0); /* if it came late */
	if (!err)
		err = kt_run_context(e, r, 2);
	for (size_t i = 0; !err && !e->each && i < e->n_trackers; i++) {
		const struct kt_tracker *t = e->trackers[i].t;

		if (t->ended)
			err = t->ended(e->trackers[i].self, r->index,
				       end_ns == KT_NULL ? r->start_ns : end_ns);
	}
	return err;
}

static int end_runs(struct kt_engine *e)
{
	for (size_t i = 0; i < e->runs.n; i++) {
		struct kt_run *r = e->runs.v[i];
		int err;

		if (r->ended || r->watermark_ns != INT64_MAX || kt_run_has_events(r))
			continue;
		err = end_run(e, r);
		if (err)
			return err;
	}
	return 0;
}

/* The run that holds back the others; NULL: all have been read. */
static struct kt_run *slowest(const struct kt_engine *e)
{
	struct kt_run *s = NULL;

	for (size_t i = 0; i < e->runs.n; i++) {
		struct kt_run *r = e->runs.v[i];

		if (r->watermark_ns != INT64_MAX && (!s || r->watermark_ns < s->watermark_ns))
			s = r;
	}
	return s;
}

static void show_progress(struct kt_engine *e)
{
	uint64_t bytes = 0, events = 0;

	for (size_t i = 0; i < e->runs.n; i++) {
		bytes += kt_run_bytes(e->runs.v[i]);
		events += e->runs.v[i]->events;
	}
	kt_progress_update(e->progress, bytes, events);
}

static int run_all(struct kt_engine *e)
{
	struct kt_run *r;
	int err = 0;

	for (size_t i = 0; !err && i < e->runs.n; i++)
		err = kt_run_context(e, e->runs.v[i], 0);
	while (!err && (r = slowest(e))) {
		if (kt_stop)
			return -EINTR;
		if (e->progress)
			show_progress(e);
		err = kt_run_read(e, r);
		if (!err)
			err = drain(e, slowest(e));
		if (!err)
			err = end_runs(e);
	}
	return err;
}

int kt_engine_each(struct kt_engine *e, kt_event_cb fn, void *arg)
{
	int err = kt_runs_join(e);

	e->each = fn;
	e->each_arg = arg;
	if (!err)
		err = kt_runs_align(e);
	return err ? err : run_all(e);
}

/* ---------------------------------------------------------------- the database */

static int add_tables(struct kt_engine *e, const struct kt_table *const *t)
{
	int err = 0;

	for (; !err && *t; t++)
		err = kt_db_add_table(e->db, *t);
	return err;
}

static int make_tables(struct kt_engine *e)
{
	int err = add_tables(e, kt_engine_tables);

	if (!err)
		err = kt_trackers_tables(e);
	err = err ? err : add_tables(e, kt_flow_tables);
	err = err ? err : add_tables(e, kt_flows_tables);
	err = err ? err : add_tables(e, kt_busy_tables);
	err = err ? err : add_tables(e, kt_slowest_tables);
	if (!err && e->opts.raw)
		err = kt_raw_create(e, &e->raw);
	return err;
}

static int complete(struct kt_engine *e)
{
	int err = 0;

	for (size_t i = 0; !err && i < e->n_trackers; i++)
		if (e->trackers[i].t->done)
			err = e->trackers[i].t->done(e->trackers[i].self);
	if (!err && e->keep)
		err = kt_keep_finish(e->keep);
	if (!err)
		err = kt_flow_kinds_write(e);
	if (!err)
		err = kt_flows_write(e->flows);
	if (!err)
		err = kt_busy_write(e->busy);
	if (!err)
		err = kt_slowest_write(e->slowest);
	if (!err)
		err = kt_write_runs(e);
	if (!err)
		err = kt_write_meta(e);
	if (!err)
		kt_runs_say_overlaps(e);
	if (!err)
		err = kt_flow_views(e);
	if (!err)
		err = kt_trackers_views(e);
	if (!err)
		err = kt_flow_indexes(e);
	if (!err)
		err = kt_trackers_indexes(e);
	if (!err && kt_stop)
		err = -EINTR;
	return err ? err : kt_db_commit(e->db, KT_SCHEMA_VERSION);
}

static uint64_t good_blocks(const struct kt_engine *e)
{
	uint64_t n = 0;

	for (size_t i = 0; i < e->runs.n; i++)
		n += kt_run_good(e->runs.v[i]);
	return n;
}

int kt_engine_run(struct kt_engine *e, const char *target)
{
	int err = kt_runs_join(e);

	if (!err)
		err = kt_runs_align(e);
	if (!err)
		err = kt_runs_find_elders(e);
	if (!err)
		err = kt_db_create(target, e->opts.threads > 1, e->opts.force, &e->db);
	if (!err)
		err = kt_flows_create(e->db, e->opts.fine_rows ? e->opts.fine_rows : KT_FINE_ROWS,
				      &e->flows);
	if (!err)
		err = kt_busy_create(e->db, &e->busy);
	if (!err)
		err = kt_slowest_create(e->db, &e->slowest);
	if (!err)
		err = kt_trackers_create(e);
	if (!err)
		err = kt_flow_keep_create(e);
	if (!err)
		err = make_tables(e);
	if (!err)
		err = kt_trackers_init(e);
	if (!err)
		err = run_all(e);
	if (!err && e->damaged_blocks && !good_blocks(e))
		err = kt_engine_fail(e, -EBADMSG, "%s; nothing can be read", e->damage_what);
	return err ? err : complete(e);
}
