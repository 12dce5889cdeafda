/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One run on the common timeline: places it there, gives its blocks to the streams and its context to the trackers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/engine/engine.h"
#include "analyze/engine/tsv.h"

#define STREAMS_MAX 65536 /* CPUs: no machine has more */

/* ---------------------------------------------------------------- the timeline */

/* Without any clock, the timeline begins at the first event. */
static void guess_clocks(struct kt_run *r)
{
	for (const struct kt_item *item = r->in->head; item; item = item->next) {
		if (!item->is_damage && item->info.n_events) {
			r->in->clocks.mono_ns = item->info.ts_min_ns;
			return;
		}
	}
}

static const struct kt_run *earliest(const struct kt_engine *e)
{
	const struct kt_run *first = NULL;

	for (size_t i = 0; i < e->runs.n; i++) {
		const struct kt_run *r = e->runs.v[i];

		if (r->in->have_clocks &&
		    (!first || r->in->clocks.realtime_ns < first->in->clocks.realtime_ns))
			first = r;
	}
	return first;
}

int kt_runs_align(struct kt_engine *e)
{
	const struct kt_run *first = earliest(e);

	e->epoch_realtime_ns = first ? first->in->clocks.realtime_ns : KT_NULL;
	for (size_t i = 0; i < e->runs.n; i++) {
		struct kt_run *r = e->runs.v[i];
		const struct ktr_clocks *c = &r->in->clocks;

		r->watermark_ns = INT64_MIN;
		r->last_clock_ns = INT64_MIN;
		r->last_ns = KT_NULL;
		if (!r->in->have_clocks) {
			guess_clocks(r);
			continue;
		}
		if (r == first)
			continue;
		/* The same boot has one monotonic clock: steps of the wall clock do not matter. */
		if (kt_run_same_boot(first, r))
			r->start_ns = c->mono_ns - first->in->clocks.mono_ns;
		else
			r->start_ns = c->realtime_ns - first->in->clocks.realtime_ns;
	}
	return 0;
}

bool kt_run_same_boot(const struct kt_run *a, const struct kt_run *b)
{
	const char *boot = a->in->info->boot_id;

	return boot[0] && !strcmp(boot, b->in->info->boot_id);
}

/* How far its wall clock was off: the largest value of any of its files; KT_NULL: not known. */
static int64_t wall_error(const struct kt_run *r)
{
	int64_t ns = r->in->wall_error_ns;

	for (size_t i = 0; i < r->pieces.n; i++)
		ns = KT_MAX(ns, r->pieces.v[i].in->wall_error_ns);
	return ns == KT_WALL_UNKNOWN ? KT_NULL : ns + r->in->clocks.error_ns;
}

int64_t kt_run_clock_err(const struct kt_engine *e, const struct kt_run *r)
{
	const struct kt_run *first = earliest(e);
	int64_t a, b;

	if (!r->in->have_clocks)
		return KT_NULL;
	if (r == first || kt_run_same_boot(first, r))
		return r->in->clocks.error_ns;
	/* Two machines, or a reboot: how far each wall clock may have been off. */
	a = wall_error(first);
	b = wall_error(r);
	return a == KT_NULL || b == KT_NULL ? KT_NULL : a + b;
}

static int64_t to_line(const struct kt_run *r, uint64_t ts_ns)
{
	return (int64_t)(ts_ns - (uint64_t)r->in->clocks.mono_ns + (uint64_t)r->start_ns);
}

int64_t kt_run_end(const struct kt_run *r)
{
	return r->in->have_end ? to_line(r, r->in->end_clocks.mono_ns) : r->last_ns;
}

/* Is word in the comma-separated list? */
static bool is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

bool kt_run_recorded(const struct kt_run *r, const char *family)
{
	const char *kinds = r->in->info->kinds;

	return !kinds || !*kinds || is_listed(kinds, family);
}

/* ---------------------------------------------------------------- streams */

static struct kt_stream *make_stream(struct kt_run *r, uint32_t number)
{
	struct kt_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->run = r->index;
	s->stream = number;
	s->mono_ns = r->in->clocks.mono_ns;
	s->start_ns = r->start_ns;
	s->last_ns = INT64_MIN;
	return s;
}

static struct kt_stream *get_stream(struct kt_run *r, uint32_t number)
{
	struct kt_stream **slot = &r->no_stream;

	if (number < STREAMS_MAX) {
		while (r->streams.n <= number)
			if (kt_vec_push(&r->streams, NULL))
				return NULL;
		slot = &r->streams.v[number];
	}
	if (!*slot)
		*slot = make_stream(r, number);
	return *slot;
}

bool kt_run_has_events(const struct kt_run *r)
{
	for (size_t i = 0; i < r->streams.n; i++)
		if (r->streams.v[i] && r->streams.v[i]->item)
			return true;
	return r->no_stream && r->no_stream->item;
}

/* ---------------------------------------------------------------- loss */

/* Sorted by start, the earliest last. */
static int add_pending(struct kt_engine *e, const struct kt_loss_found *l)
{
	size_t i;

	if (kt_vec_push(&e->pending, *l))
		return -ENOMEM;
	for (i = e->pending.n - 1; i && e->pending.v[i - 1].start_ns < l->start_ns; i--)
		e->pending.v[i] = e->pending.v[i - 1];
	e->pending.v[i] = *l;
	return 0;
}

static int take_damage(struct kt_engine *e, struct kt_run *r, const struct ktr_damage *d)
{
	struct kt_loss_found l = {
		.run = r->index,
		.stream = d->stream < STREAMS_MAX ? d->stream : KTR_NO_STREAM,
		.end_ns = INT64_MAX,
		.n = d->n,
		.cause = d->cause,
	};
	uint64_t end_ns;

	if (!e->damaged_blocks++)
		snprintf(e->damage_what, sizeof(e->damage_what), "%s: byte %" PRIu64 ": %s",
			 r->in->name, d->offset, d->what);
	e->damaged_events += d->n;
	e->damaged_unknown |= !d->n;
	if (!d->start_ns && !d->end_ns) { /* a block without events */
		l.start_ns = KT_NULL;
		return add_pending(e, &l);
	}
	/* 0: from the beginning, of the run, not of the boot. */
	l.start_ns = d->start_ns ? to_line(r, d->start_ns) : r->start_ns;
	/* What is missing at the end of a piece ends where the next piece begins. */
	end_ns = KT_MIN(d->end_ns, kt_run_seam(r));
	if (end_ns != UINT64_MAX)
		l.end_ns = KT_MAX(to_line(r, end_ns), l.start_ns);
	return add_pending(e, &l);
}

struct hole_arg {
	struct kt_engine *e;
	const struct kt_run *r;
};

static int take_hole(void *arg, const struct kt_hole *h)
{
	const struct hole_arg *a = arg;
	const struct kt_loss_found l = {
		.run = a->r->index,
		.stream = h->cpu,
		.start_ns = h->start_ns,
		.end_ns = h->end_ns,
		.cause = KT_LOSS_BLIND,
		.tid = h->tid,
		.next_tid = h->next_tid,
	};

	return add_pending(a->e, &l);
}

/* Filters leave out switches: a missing one then proves nothing. */
static int find_holes(struct kt_engine *e, struct kt_run *r, struct kt_stream *s,
		      const struct kt_item *item)
{
	struct hole_arg arg = {e, r};

	if (e->each || item->info.kind != KTR_EVENTS || r->in->info->filters[0] ||
	    e->disabled_id == KT_EV_sched_switch ||
	    !kt_map_has(item->map, KT_EV_sched_switch, NULL))
		return 0;
	return kt_holes_scan(s, item, take_hole, &arg);
}

/*
 * Block headers repeat how much was lost so far: losses that no `lost` event reported were in a block that is damaged or cut off,
 * whose interval holds it.
 */
int kt_run_untold(struct kt_engine *e, const struct kt_run *r)
{
	for (size_t i = 0; i < r->streams.n; i++) {
		const struct kt_stream *s = r->streams.v[i];

		for (size_t cause = 1; s && cause < KT_N_LOSS; cause++) {
			struct kt_loss_found l = {
				.run = r->index,
				.stream = s->stream,
				.start_ns = KT_NULL,
				.end_ns = KT_NULL,
				.n = s->lost_counted[cause] - s->lost_told[cause],
				.cause = cause,
			};
			int err = 0;

			if (s->lost_counted[cause] > s->lost_told[cause])
				err = add_pending(e, &l);
			if (err)
				return err;
		}
	}
	return 0;
}

/* ---------------------------------------------------------------- reading */

int kt_run_read(struct kt_engine *e, struct kt_run *r)
{
	struct kt_stream *s;
	struct kt_item *item;
	int ret = kt_input_next(r->in, &item);

	if (ret < 0)
		return ret;
	if (!ret) {
		if (!kt_run_next_piece(r))
			r->watermark_ns = INT64_MAX;
		return 0;
	}
	if (item->is_damage) {
		ret = take_damage(e, r, &item->damage);
		kt_item_destroy(item);
		return ret;
	}
	if (item->info.watermark_ns)
		r->watermark_ns = KT_MAX(r->watermark_ns, to_line(r, item->info.watermark_ns));
	if (!item->raw || !item->info.raw_len) {
		kt_item_destroy(item);
		return 0;
	}
	s = get_stream(r, item->info.kind == KTR_EVENTS ? item->info.stream : KTR_NO_STREAM);
	if (!s) {
		kt_item_destroy(item);
		return -ENOMEM;
	}
	for (size_t i = 0; i < KT_N_LOSS; i++)
		s->lost_counted[i] = KT_MAX(s->lost_counted[i], item->info.lost[i]);
	ret = find_holes(e, r, s, item);
	if (ret) {
		kt_item_destroy(item);
		return ret;
	}
	return kt_merge_add(&e->merge, s, item);
}

/* ---------------------------------------------------------------- context */

struct context_arg {
	struct kt_engine *e;
	struct kt_run *r;
	uint32_t phase;
};

/* A hook with several variants is attached if one of them is. */
static int note_hook(struct kt_run *r, const char *hook, bool attached)
{
	struct kt_run_hook h = {.attached = attached};

	for (size_t i = 0; i < r->hooks.n; i++) {
		if (!strcmp(r->hooks.v[i].name, hook)) {
			r->hooks.v[i].attached |= attached;
			return 0;
		}
	}
	h.name = strdup(hook);
	if (!h.name || kt_vec_push(&r->hooks, h)) {
		free(h.name);
		return -ENOMEM;
	}
	return 0;
}

static int read_hooks(struct kt_run *r, const void *data, size_t len)
{
	struct kt_tsv t;
	int err = kt_tsv_init(&t, data, len);

	if (err)
		return err;
	while (!err && kt_tsv_next(&t)) {
		const char *hook = kt_tsv_get(&t, "hook"), *state = kt_tsv_get(&t, "state");

		if (hook && state)
			err = note_hook(r, hook, !strcmp(state, "attached"));
	}
	kt_tsv_finish(&t);
	return err;
}

/* Context files that the engine itself uses. */
static int own_context(struct kt_run *r, const char *name, const void *data, size_t len)
{
	struct kt_tsv t;
	int err;

	if (!strcmp(name, "kernel/constants") && !r->consts) {
		err = kt_const_table_parse(data, len, &r->consts);
		return err == -ENOMEM ? err : 0;
	}
	if (!strcmp(name, "probes"))
		return read_hooks(r, data, len);
	if (strcmp(name, "uname") || r->kernel)
		return 0;
	err = kt_tsv_init_plain(&t, data, len);
	if (err)
		return err;
	while (!r->kernel && kt_tsv_next(&t)) {
		const char *key = kt_tsv_at(&t, 0), *value = kt_tsv_at(&t, 1);

		if (key && value && !strcmp(key, "release"))
			r->kernel = strdup(value);
	}
	kt_tsv_finish(&t);
	return 0;
}

static int context_file(void *arg, const char *name, const void *data, size_t len)
{
	struct context_arg *c = arg;
	int err = own_context(c->r, name, data, len);

	for (size_t i = 0; !err && !c->e->each && i < c->e->n_trackers; i++) {
		const struct kt_tracker *t = c->e->trackers[i].t;

		if (t->context)
			err = t->context(c->e->trackers[i].self, c->r->index, c->phase, name, data,
					 len);
	}
	return err;
}

int kt_run_context(struct kt_engine *e, struct kt_run *r, unsigned int phase)
{
	struct context_arg arg = {e, r, phase};
	struct kt_tar *tar = &r->in->context[phase == 2];
	int err;

	if (!tar->data)
		return 0;
	err = ktr_context_each(tar->data, tar->len, context_file, &arg);
	free(tar->data);
	tar->data = NULL;
	tar->used = true;
	if (err == -EBADMSG) { /* then only names are missing */
		struct ktr_damage d = {.cause = KT_LOSS_DAMAGED_BLOCK, .stream = KTR_NO_STREAM};

		snprintf(d.what, sizeof(d.what), "the context is not a readable tar archive");
		return take_damage(e, r, &d);
	}
	return err;
}
