/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/tracks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"

static int heap_push(struct kt_lane_heap *h, struct kt_lane lane)
{
	size_t i = h->v.n;

	if (kt_vec_push(&h->v, lane))
		return -ENOMEM;
	for (; i && h->v.v[(i - 1) / 2].end_ns > lane.end_ns; i = (i - 1) / 2)
		h->v.v[i] = h->v.v[(i - 1) / 2];
	h->v.v[i] = lane;
	return 0;
}

static struct kt_lane heap_pop(struct kt_lane_heap *h)
{
	struct kt_lane top = h->v.v[0], last = h->v.v[--h->v.n];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < h->v.n && h->v.v[child + 1].end_ns < h->v.v[child].end_ns)
			child++;
		if (child >= h->v.n || h->v.v[child].end_ns >= last.end_ns)
			break;
		h->v.v[i] = h->v.v[child];
		i = child;
	}
	if (h->v.n)
		h->v.v[i] = last;
	return top;
}

void kt_tracks_finish(struct kt_tracks *ts)
{
	for (size_t i = 0; i < ts->all.n; i++) {
		kt_vec_finish(&ts->all.v[i]->lanes.v);
		free(ts->all.v[i]->name);
		free(ts->all.v[i]);
	}
	kt_vec_finish(&ts->all);
	kt_hash_finish(&ts->by_key);
}

struct kt_track *kt_tracks_get(struct kt_tracks *ts, bool *ret_new, const char *fmt, ...)
{
	char *key kt_auto_free = NULL;
	struct kt_track *t, *first;
	uint64_t hash;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&key, fmt, ap);
	va_end(ap);
	if (n < 0) {
		key = NULL;
		return NULL;
	}
	hash = kt_hash_text(0, key);
	first = kt_hash_get(&ts->by_key, hash);
	*ret_new = false;
	for (t = first; t; t = t->next)
		if (!strcmp(t->key, key))
			return t;
	t = calloc(1, sizeof(*t) + (size_t)n + 1);
	if (!t || kt_vec_push(&ts->all, t)) {
		free(t);
		return NULL;
	}
	memcpy(t->key, key, (size_t)n + 1);
	t->next = first;
	*ret_new = true;
	return kt_hash_put(&ts->by_key, hash, t) ? NULL : t;
}

uint64_t kt_tracks_lane(struct kt_tracks *ts, struct kt_track *t, int64_t start_ns, int64_t end_ns)
{
	struct kt_lane lane = {.end_ns = end_ns};

	if (t->lanes.v.n && t->lanes.v.v[0].end_ns <= start_ns)
		lane.track = heap_pop(&t->lanes).track;
	else
		lane.track = kt_trace_track(ts->trace, t->id, t->name, t->rank);
	return heap_push(&t->lanes, lane) ? 0 : lane.track;
}

/* Several changes at one moment are one value. */
static void change(struct kt_tracks *ts, struct kt_track *t, int64_t ts_ns, int by)
{
	if (t->pending && t->pending_ns != ts_ns)
		kt_trace_value(ts->trace, t->id, t->pending_ns, t->n_open);
	t->pending = true;
	t->pending_ns = ts_ns;
	t->n_open += by;
}

static void close_until(struct kt_tracks *ts, struct kt_track *t, int64_t ts_ns)
{
	while (t->lanes.v.n && t->lanes.v.v[0].end_ns <= ts_ns)
		change(ts, t, heap_pop(&t->lanes).end_ns, -1);
}

int kt_tracks_count(struct kt_tracks *ts, struct kt_track *t, int64_t start_ns, int64_t end_ns)
{
	close_until(ts, t, start_ns);
	change(ts, t, start_ns, 1);
	return heap_push(&t->lanes, (struct kt_lane){.end_ns = end_ns});
}

void kt_tracks_count_end(struct kt_tracks *ts, struct kt_track *t)
{
	close_until(ts, t, INT64_MAX - 1);
	if (t->pending)
		kt_trace_value(ts->trace, t->id, t->pending_ns, t->n_open);
	t->pending = false;
}
