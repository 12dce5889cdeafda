// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * What an operation waited for: the sleeps of its task, the completion that ended each, and whose bio that was if not its own.
 */
#include "analyze/io/io_internal.h"
#include "format/base/macros.h"

#define MAX_ROUNDS 16	   /* sleeps of the waking task that are examined */
#define MAX_HOPS_BETWEEN 8 /* wake-ups in a chain from the completion to the io's task */
#define MAX_TASK_NS 20000  /* a task that completes something itself wakes the waiter at once */

/* A sleep that ended without a wake-up: a task that was only about to sleep has none, or a hole hid it. */
static void look_for_gap(struct kt_io_state *s, uint32_t run, const struct kt_wait *w)
{
	if (w->waking_ns == KT_NULL && kt_hidden(s->e, run, w->out_ns, w->in_ns, KT_ANY_CPU, 0))
		s->path.gap = true;
}

/* The sleeps in [from, to], the newest first. */
void kt_io_collect_waits(struct kt_io_state *s, uint32_t run, uint32_t tid, int64_t from,
			 int64_t to, size_t max)
{
	struct kt_io_path *p = &s->path;
	struct kt_wait *w;

	p->n_waits = 0;
	while (p->n_waits < max) {
		w = &p->waits[p->n_waits];
		if (KT_CALL(s->task, last_wait, run, tid, from, to, w))
			break;
		p->n_waits++;
		if (from != KT_NULL)
			look_for_gap(s, run, w);
		if (w->out_ns >= to) /* a history that does not go backwards would never end */
			break;
		to = w->out_ns;
	}
}

/* What was completed last on the CPU where w ended, at or after since and before the wake-up: *age_ns before it. */
static bool completed(struct kt_io_state *s, uint32_t run, const struct kt_wait *w, int64_t since,
		      int64_t *age_ns, int64_t *request_id, int64_t *bio_id)
{
	int64_t end;

	if (KT_CALL(s->request, completed, run, w->wake_cpu, w->waking_ns, request_id, bio_id,
		    &end))
		return false;
	*age_ns = w->waking_ns - end;
	return end >= since;
}

static bool is_queued_by(const struct kt_io_state *s, int64_t bio_id, uint32_t tid)
{
	const struct kt_io_bio *b = &s->recent[bio_id & (KT_IO_N_RECENT - 1)];

	return bio_id != KT_NULL && b->bio_id == bio_id && b->tid == tid;
}

/*
 * The completion that ended w, a sleep of tid: the interrupt's or, if a task woke it, that task's own, or the one that woke that
 * task after the sleep had begun, and so on. If that leads nowhere, what was completed on top of the task. With a filter it may
 * not be known that the task ran then: if so, only a bio that the sleeper itself queued.
 */
bool kt_io_find_cause(struct kt_io_state *s, uint32_t run, uint32_t tid, struct kt_wait w,
		      int64_t *request_id, int64_t *bio_id)
{
	int64_t out = w.out_ns;
	bool found = false; /* the fallback was found: it is in *request_id and *bio_id */

	for (int i = 0; i < MAX_HOPS_BETWEEN && w.waking_ns != KT_NULL; i++) {
		int64_t since = out, age, request, bio;
		struct kt_wait up;
		bool has_up, known, hit, direct = w.by_irq || w.by_softirq;

		if (!direct && !w.waker_tid)
			break;
		has_up = !direct &&
			 !KT_CALL(s->task, last_wait, run, w.waker_tid, KT_NULL, w.waking_ns, &up);
		if (has_up)
			since = KT_MAX(since, up.in_ns);
		known = direct || !kt_run_filtered(s->e, run) || (has_up && up.in_ns >= out);
		hit = completed(s, run, &w, since, &age, &request, &bio) &&
		      age <= KT_IO_MAX_IRQ_NS && (known || is_queued_by(s, bio, tid));
		if (hit && (direct || age <= MAX_TASK_NS || !found)) {
			*request_id = request;
			*bio_id = bio;
		}
		if (hit && (direct || age <= MAX_TASK_NS))
			return true;
		if (direct)
			break;
		found |= hit;
		if (has_up && up.out_ns >= out)
			look_for_gap(s, run, &up);
		if (!has_up || up.waking_ns == KT_NULL || up.waking_ns < out)
			break;
		tid = w.waker_tid;
		w = up;
	}
	return found;
}

/*
 * The completion that ended w is not known: may a hole have hidden it? A hole on a CPU of the chain of wake-ups, where a completion
 * would have been found, or of a task in the chain, whose own sleep would have led to it.
 */
static bool hides_cause(struct kt_io_state *s, uint32_t run, struct kt_wait w)
{
	int64_t out = w.out_ns;

	for (int i = 0; i < MAX_HOPS_BETWEEN && w.waking_ns != KT_NULL; i++) {
		bool direct = w.by_irq || w.by_softirq || !w.waker_tid;
		uint32_t waker = w.waker_tid;

		if (kt_hidden(s->e, run, KT_MAX(out, w.waking_ns - KT_IO_MAX_IRQ_NS), w.waking_ns,
			      w.wake_cpu, 0) ||
		    (!direct && kt_hidden(s->e, run, out, w.waking_ns, KT_ANY_CPU, waker)))
			return true;
		if (direct || KT_CALL(s->task, last_wait, run, waker, KT_NULL, w.waking_ns, &w) ||
		    w.waking_ns < out)
			break;
	}
	return false;
}

/*
 * The bio that ended x, a sleep of the io's task or, within that sleep w, one of the task that woke it. False:
 * not known, or the io's own.
 */
static bool add_foreign(struct kt_io_state *s, const struct kt_io *io, const struct kt_wait *w,
			const struct kt_wait *x)
{
	struct kt_io_path *p = &s->path;
	const struct kt_io_bio *b;
	uint32_t tid = x == w ? io->key.tid : w->waker_tid;
	int64_t request_id, bio_id;

	if (!kt_io_find_cause(s, io->key.run, tid, *x, &request_id, &bio_id) || bio_id == KT_NULL)
		return false;
	b = &s->recent[bio_id & (KT_IO_N_RECENT - 1)];
	if (b->bio_id != bio_id || b->io_id == io->id || b->end_ns < w->out_ns ||
	    b->end_ns > x->waking_ns)
		return false;
	p->foreign[p->n_foreign++] = (struct kt_io_foreign){*b, *w, request_id};
	return true;
}

/* For sleeps in which none of its own bios ended: whose did? */
void kt_io_find_foreign(struct kt_io_state *s, const struct kt_io *io)
{
	struct kt_io_path *p = &s->path;
	const struct kt_io_bio *own = kt_io_newest_bio(io);

	for (size_t i = 0; i < p->n_waits && p->n_foreign < KT_IO_MAX_FOREIGN; i++) {
		const struct kt_wait *w = &p->waits[i];
		size_t n_before = p->n_foreign;
		struct kt_wait x;
		int64_t to;
		bool found;

		if (w->waking_ns == KT_NULL)
			continue;
		while (own && own->end_ns > w->waking_ns)
			own = kt_list_prev(own, age);
		if (own && own->end_ns > w->out_ns)
			continue;
		found = add_foreign(s, io, w, w);
		if (w->by_irq || w->by_softirq || !w->waker_tid) {
			p->gap |= !found && hides_cause(s, io->key.run, *w);
			continue;
		}
		/*
		 * What the waking task had waited for since: a journal commit has several rounds, and its last sleep may
		 * have been for a lock.
		 */
		to = found ? p->foreign[p->n_foreign - 1].bio.start_ns : w->waking_ns;
		for (int n = 0; n < MAX_ROUNDS && p->n_foreign < KT_IO_MAX_FOREIGN; n++) {
			if (to <= w->out_ns || KT_CALL(s->task, last_wait, io->key.run,
						       w->waker_tid, w->out_ns, to, &x))
				break;
			found = add_foreign(s, io, w, &x);
			to = found ? p->foreign[p->n_foreign - 1].bio.start_ns : x.out_ns;
		}
		p->gap |= p->n_foreign == n_before && hides_cause(s, io->key.run, *w);
	}
}
