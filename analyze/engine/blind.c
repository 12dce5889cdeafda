/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/engine/blind.h"

#include <errno.h>

#include "format/base/macros.h"
#include "format/event.h"

int kt_holes_add(struct kt_holes *s, const struct kt_hole *h)
{
	size_t at;

	if (kt_vec_push(&s->v, *h))
		return -ENOMEM;
	for (at = s->v.n - 1; at && s->v.v[at - 1].start_ns > h->start_ns; at--)
		s->v.v[at] = s->v.v[at - 1];
	s->v.v[at] = *h;
	for (; at < s->v.n; at++) {
		struct kt_hole *x = &s->v.v[at];

		x->max_end_ns = at ? KT_MAX(x->end_ns, x[-1].max_end_ns) : x->end_ns;
	}
	return 0;
}

bool kt_holes_hide(const struct kt_holes *s, int64_t start_ns, int64_t end_ns, uint32_t cpu,
		   uint32_t tid)
{
	size_t lo = 0, hi = s->v.n; /* number that begin at or before the end */

	/* The usual case: no hole that late. */
	if (!hi || s->v.v[hi - 1].max_end_ns < start_ns)
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v.v[mid].start_ns <= end_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo && s->v.v[lo - 1].max_end_ns >= start_ns; lo--) {
		const struct kt_hole *h = &s->v.v[lo - 1];

		if (h->end_ns >= start_ns && (cpu == KT_ANY_CPU || cpu == h->cpu) &&
		    (!tid || tid == h->tid || tid == h->next_tid))
			return true;
	}
	return false;
}

void kt_holes_finish(struct kt_holes *s)
{
	kt_vec_finish(&s->v);
}

/* ---------------------------------------------------------------- looking for them */

/* The task that had the CPU when the event was recorded; false: the event does not say. */
static bool running(const struct kt_event *ev, uint32_t *ret_tid)
{
	switch (ev->id) {
	case KT_EV_bio_queue:
		*ret_tid = ((const struct kt_bio_queue *)ev)->tid;
		return true;
	case KT_EV_io_call:
		*ret_tid = ((const struct kt_io_call *)ev)->tid;
		return true;
	case KT_EV_irq_span:
		*ret_tid = ((const struct kt_irq_span *)ev)->tid;
		return true;
	case KT_EV_task_exit:
		*ret_tid = ((const struct kt_task_exit *)ev)->tid;
		return true;
	default:
		return false;
	}
}

static int on_switch(struct kt_stream *s, const struct kt_sched_switch *d,
		     int (*fn)(void *arg, const struct kt_hole *h), void *arg)
{
	struct kt_sight *w = &s->sight;
	struct kt_hole h = {.cpu = s->stream, .tid = w->tid, .next_tid = d->prev_tid};
	uint64_t end = w->other ? w->other_ns : d->ts_ns;
	int err = 0;

	/*
	 * Events lost by the ring explain it too. So does a thread that called exec: it goes on under its process's number.
	 */
	if (w->known && w->tid != d->prev_tid && w->came_ns > w->lost_until_ns &&
	    w->renamed != d->prev_tid) {
		h.start_ns = kt_stream_line(s, w->seen_ns);
		h.end_ns = KT_MAX(kt_stream_line(s, end), h.start_ns);
		err = fn(arg, &h);
	}
	w->known = true;
	w->other = false;
	w->tid = d->next_tid;
	w->came_ns = w->seen_ns = d->ts_ns;
	w->renamed = UINT32_MAX;
	return err;
}

int kt_holes_scan(struct kt_stream *s, const struct kt_item *item,
		  int (*fn)(void *arg, const struct kt_hole *h), void *arg)
{
	struct kt_sight *w = &s->sight;
	int err = 0;

	/* A block is missing, or a new file begins. */
	if (item->info.stream_seq != w->next_seq)
		w->known = false;
	w->next_seq = item->info.stream_seq + 1;
	for (size_t at = 0; at < item->info.raw_len && !err;) {
		const struct kt_event *ev = (const struct kt_event *)(item->raw + at), *ours;
		uint32_t tid;

		at += ev->len;
		switch (ev->id) {
		case KT_EV_sched_switch:
		case KT_EV_lost:
		case KT_EV_task_comm:
			break;
		case KT_EV_bio_queue:
		case KT_EV_io_call:
		case KT_EV_irq_span:
		case KT_EV_task_exit:
			if (w->known && !w->other)
				break;
			continue;
		default:
			continue;
		}
		ours = kt_map_event(item->map, ev);
		if (!ours)
			continue;
		if (ours->id == KT_EV_sched_switch) {
			err = on_switch(s, (const struct kt_sched_switch *)ours, fn, arg);
		} else if (ours->id == KT_EV_lost &&
			   ((const struct kt_lost *)ours)->cause != KT_LOSS_NO_ROOM) {
			w->lost_until_ns =
				KT_MAX(w->lost_until_ns, ((const struct kt_lost *)ours)->end_ns);
		} else if (ours->id == KT_EV_task_comm) {
			const struct kt_task_comm *c = (const struct kt_task_comm *)ours;

			if (c->tid == c->tgid)
				w->renamed = c->tid;
		} else if (running(ours, &tid) && !w->other) {
			if (tid == w->tid)
				w->seen_ns = ours->ts_ns;
			else
				w->other_ns = ours->ts_ns;
			w->other = tid != w->tid;
		}
	}
	return err;
}
