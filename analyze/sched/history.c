// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/sched/history.h"

#include <errno.h>
#include <stdlib.h>

#include "format/base/macros.h"

#define FIRST_CAP 16
#define MAX_CAP 16384 /* of one task */

static struct kt_stop *at(const struct kt_task_hist *h, uint64_t i)
{
	return &h->ring[i & (h->cap - 1)];
}

void kt_task_hist_finish(struct kt_task_hist *h, struct kt_stop_budget *b)
{
	b->used -= h->cap;
	free(h->ring);
	*h = (struct kt_task_hist){0};
}

/* Makes room for one more; at the limit the oldest is dropped. */
static int make_room(struct kt_task_hist *h, struct kt_stop_budget *b)
{
	uint32_t cap = h->cap ? h->cap * 2 : FIRST_CAP;
	struct kt_stop *ring;

	if (h->n < h->cap)
		return 0;
	if (h->cap && (cap > MAX_CAP || b->used + cap - h->cap > b->max)) {
		h->n--;
		return 0;
	}
	ring = malloc(cap * sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (uint64_t i = h->end - h->n; i < h->end; i++)
		ring[i & (cap - 1)] = *at(h, i);
	free(h->ring);
	h->ring = ring;
	b->used += cap - h->cap;
	h->cap = cap;
	return 0;
}

static int push(struct kt_task_hist *h, struct kt_stop_budget *b, const struct kt_stop *s)
{
	int err = make_room(h, b);

	if (err)
		return err;
	h->ring[h->end & (h->cap - 1)] = *s;
	h->end++;
	h->n++;
	h->off = false;
	return 0;
}

int kt_task_hist_restart(struct kt_task_hist *h, struct kt_stop_budget *b, int64_t t_ns)
{
	struct kt_stop s = {.out_ns = t_ns, .ready_ns = t_ns, .in_ns = t_ns};

	if (h->n)
		s.out_ns = s.ready_ns = s.in_ns = KT_MAX(t_ns, kt_task_hist_last(h)->in_ns);
	h->since = h->end;
	return push(h, b, &s);
}

/* The first t_ns of a stop: sleep, hard interrupts, soft interrupts, waiting. */
static void add_part(struct kt_sums *sums, const struct kt_stop *s, int64_t to_ns)
{
	int64_t ready = s->ready_ns == KT_NULL ? s->in_ns : s->ready_ns, t = to_ns - ready, part;

	sums->sleep_ns += KT_MIN(to_ns, ready) - s->out_ns;
	if (t <= 0)
		return;
	part = KT_MIN(t, (int64_t)s->irq_ns);
	sums->irq_ns += part;
	t -= part;
	part = KT_MIN(t, (int64_t)s->softirq_ns);
	sums->softirq_ns += part;
	sums->runq_ns += t - part;
}

int kt_task_hist_add(struct kt_task_hist *h, struct kt_stop_budget *b, const struct kt_stop *stop)
{
	const struct kt_stop *last = kt_task_hist_last(h);
	struct kt_stop s = *stop;
	int64_t wait;

	s.out_ns = KT_MAX(s.out_ns, last->in_ns);
	s.in_ns = KT_MAX(s.in_ns, s.out_ns);
	if (s.ready_ns != KT_NULL)
		s.ready_ns = KT_MIN(KT_MAX(s.ready_ns, s.out_ns), s.in_ns);
	wait = s.ready_ns == KT_NULL ? 0 : s.in_ns - s.ready_ns;
	s.irq_ns = KT_MIN((int64_t)s.irq_ns, wait);
	s.softirq_ns = KT_MIN((int64_t)s.softirq_ns, wait - s.irq_ns);
	s.sums = last->sums;
	s.sums.run_ns += s.out_ns - last->in_ns;
	add_part(&s.sums, &s, s.in_ns);
	return push(h, b, &s);
}

int kt_task_hist_add_apart(struct kt_task_hist *h, struct kt_stop_budget *b,
			   const struct kt_stop *s)
{
	int err = h->n ? 0 : kt_task_hist_restart(h, b, s->out_ns);

	return err ? err : kt_task_hist_add(h, b, s);
}

/* Of the stops from first on, the last one that had ended at t_ns; h->end: none. Usually one of the last few. */
static uint64_t find_from(const struct kt_task_hist *h, uint64_t first, int64_t t_ns)
{
	uint64_t low = first, high = h->end; /* the answer is in [low - 1, high - 1] */

	for (uint64_t step = 1; low < high; step *= 2) {
		uint64_t probe = high - low > step ? high - step : low;

		if (at(h, probe)->in_ns <= t_ns) {
			low = probe + 1;
			break;
		}
		high = probe;
	}
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (at(h, mid)->in_ns <= t_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low == first ? h->end : low - 1;
}

/* The number of stops held without a gap. */
static uint64_t find(const struct kt_task_hist *h, int64_t t_ns)
{
	return find_from(h, KT_MAX(h->end - h->n, h->since), t_ns);
}

/* Sums since the end of stop i. */
static struct kt_sums sums_at(const struct kt_task_hist *h, uint64_t i, int64_t t_ns)
{
	struct kt_sums sums = at(h, i)->sums;
	int64_t in_ns = at(h, i)->in_ns;

	if (i + 1 < h->end) {
		const struct kt_stop *next = at(h, i + 1);

		sums.run_ns += KT_MIN(t_ns, next->out_ns) - in_ns;
		if (t_ns > next->out_ns)
			add_part(&sums, next, t_ns);
	} else if (h->off && t_ns > h->out_ns) {
		sums.run_ns += h->out_ns - in_ns;
		*(h->waits ? &sums.runq_ns : &sums.sleep_ns) += t_ns - h->out_ns;
	} else {
		sums.run_ns += t_ns - in_ns;
	}
	return sums;
}

struct kt_sums kt_task_hist_total(const struct kt_task_hist *h, int64_t t_ns)
{
	return sums_at(h, h->end - 1, KT_MAX(t_ns, kt_task_hist_last(h)->in_ns));
}

int kt_task_hist_sums(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
		      struct kt_sums *ret)
{
	uint64_t from = find(h, from_ns), to = find(h, to_ns);
	struct kt_sums a, b;

	if (from == h->end || to == h->end || to_ns < from_ns)
		return -ENOENT;
	a = sums_at(h, from, from_ns);
	b = sums_at(h, to, to_ns);
	*ret = (struct kt_sums){
		.run_ns = b.run_ns - a.run_ns,
		.runq_ns = b.runq_ns - a.runq_ns,
		.irq_ns = b.irq_ns - a.irq_ns,
		.softirq_ns = b.softirq_ns - a.softirq_ns,
		.sleep_ns = b.sleep_ns - a.sleep_ns,
	};
	return 0;
}

/* The first stop that ends after from_ns. -ENOENT: not all since then are held, or one spans from_ns or to_ns. */
static int first_in_call(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			 uint64_t *ret)
{
	uint64_t i = find_from(h, h->end - h->n, from_ns),
		 first = i == h->end ? h->end - h->n : i + 1;

	if (i == h->end && h->n < h->end)
		return -ENOENT;
	for (i = first; i < h->end && at(h, i)->out_ns < to_ns; i++)
		if (at(h, i)->out_ns < from_ns || at(h, i)->in_ns > to_ns)
			return -ENOENT;
	*ret = first;
	return 0;
}

/* Since when it is off the CPU at the end of that time; to_ns: it is not. */
static int64_t off_since(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns)
{
	return h->off && h->out_ns >= from_ns ? KT_MIN(h->out_ns, to_ns) : to_ns;
}

int kt_task_hist_sums_in_call(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			      struct kt_sums *ret)
{
	int64_t off = off_since(h, from_ns, to_ns);
	struct kt_sums sums = {0};
	uint64_t i;
	int err = first_in_call(h, from_ns, to_ns, &i);

	if (err)
		return err;
	for (; i < h->end && at(h, i)->out_ns < to_ns; i++)
		add_part(&sums, at(h, i), at(h, i)->in_ns);
	*(h->waits ? &sums.runq_ns : &sums.sleep_ns) += to_ns - off;
	sums.run_ns =
		to_ns - from_ns - sums.runq_ns - sums.irq_ns - sums.softirq_ns - sums.sleep_ns;
	*ret = sums;
	return 0;
}

struct window {
	int64_t from_ns, to_ns;
	int (*fn)(void *arg, const struct kt_disturb *d);
	void *arg;
};

static int tell(const struct window *w, struct kt_disturb *d, int64_t end_ns)
{
	int64_t start = KT_MAX(d->start_ns, w->from_ns);

	d->dur_ns = KT_MIN(end_ns, w->to_ns) - start;
	d->start_ns = start;
	return d->dur_ns > 0 ? w->fn(w->arg, d) : 0;
}

static int tell_stop(const struct window *w, const struct kt_stop *s)
{
	struct kt_disturb d;
	int64_t t = s->ready_ns;
	int err = 0;

	if (t == KT_NULL)
		return 0;
	if (s->irq_ns) {
		d = (struct kt_disturb){.cause = KT_DISTURB_IRQ, .start_ns = t, .irq = s->irq};
		t += s->irq_ns;
		err = tell(w, &d, t);
	}
	if (!err && s->softirq_ns) {
		d = (struct kt_disturb){
			.cause = KT_DISTURB_SOFTIRQ, .start_ns = t, .irq = s->softirq};
		t += s->softirq_ns;
		err = tell(w, &d, t);
	}
	if (!err && t < s->in_ns) {
		d = (struct kt_disturb){
			.cause = KT_DISTURB_RUNQ, .start_ns = t, .by_tid = s->by_tid};
		err = tell(w, &d, s->in_ns);
	}
	return err;
}

int kt_task_hist_disturbances(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			      int (*fn)(void *arg, const struct kt_disturb *d), void *arg)
{
	const struct window w = {from_ns, to_ns, fn, arg};
	uint64_t i = find(h, from_ns);
	int err = 0;

	if (i == h->end || to_ns < from_ns)
		return -ENOENT;
	for (i++; i < h->end && at(h, i)->out_ns < to_ns && !err; i++)
		err = tell_stop(&w, at(h, i));
	if (!err && i == h->end && h->off && h->waits && h->out_ns < to_ns) {
		struct kt_disturb d = {.cause = KT_DISTURB_RUNQ, .start_ns = h->out_ns};

		err = tell(&w, &d, to_ns);
	}
	return err;
}

int kt_task_hist_disturbances_in_call(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
				      int (*fn)(void *arg, const struct kt_disturb *d), void *arg)
{
	const struct window w = {from_ns, to_ns, fn, arg};
	struct kt_disturb last = {.cause = KT_DISTURB_RUNQ,
				  .start_ns = off_since(h, from_ns, to_ns)};
	uint64_t i;
	int err = first_in_call(h, from_ns, to_ns, &i);

	for (; !err && i < h->end && at(h, i)->out_ns < to_ns; i++)
		err = tell_stop(&w, at(h, i));
	return !err && h->waits ? tell(&w, &last, to_ns) : err;
}

int kt_task_hist_last_wait(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			   struct kt_wait *ret)
{
	uint64_t i = find_from(h, h->end - h->n, to_ns);

	if (i == h->end)
		return -ENOENT;
	for (i++; i-- > h->end - h->n;) {
		const struct kt_stop *s = at(h, i);

		if (from_ns != KT_NULL && s->out_ns < from_ns)
			break;
		if (!s->slept)
			continue;
		*ret = (struct kt_wait){
			.out_ns = s->out_ns,
			.waking_ns = s->ready_ns,
			.in_ns = s->in_ns,
			.waker_tid = s->waker_tid,
			.wake_cpu = s->wake_cpu,
			.in_cpu = s->in_cpu,
			.by_irq = s->by_irq,
			.by_softirq = s->by_softirq,
			.disk = s->disk,
		};
		return 0;
	}
	return -ENOENT;
}
