// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/block/flush.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"

/* ------------------------------------------------------------------ ways */

struct kt_flush_way *kt_flush_way_get(struct kt_flush_way *w)
{
	if (w)
		w->n_refs++;
	return w;
}

void kt_flush_way_put(struct kt_flush_way *w)
{
	if (w && !--w->n_refs)
		free(w);
}

int64_t kt_flush_way_sum(const struct kt_flush_way *w, enum kt_io_stage stage, int64_t from_ns,
			 int64_t to_ns)
{
	int64_t sum = KT_NULL;

	for (uint32_t i = 0; i < w->n_parts; i++) {
		const struct kt_flush_part *p = &w->parts[i];
		int64_t a = KT_MAX(p->start_ns, from_ns), b = KT_MIN(p->end_ns, to_ns);

		if (p->stage == stage && (b > a || (a == b && p->start_ns == p->end_ns)))
			sum = (sum == KT_NULL ? 0 : sum) + (b - a);
	}
	return sum;
}

/* Parts of zero length are left out, except those that show that there was a flush, or that it was at the device. */
static void add(struct kt_flush_parts *p, enum kt_io_stage stage, int64_t start, int64_t end,
		uint32_t worker_tid)
{
	struct kt_flush_part *last = p->n ? &p->v[p->n - 1] : NULL;

	if (stage == KT_IO_STAGE_FLUSH && last && last->stage == stage)
		last->end_ns = end;
	else
		p->v[p->n++] = (struct kt_flush_part){start, end, worker_tid, (uint8_t)stage};
}

static void add_some(struct kt_flush_parts *p, enum kt_io_stage stage, int64_t start, int64_t end,
		     uint32_t worker_tid)
{
	if (end > start)
		add(p, stage, start, end, worker_tid);
}

static void add_device(struct kt_flush_parts *p, int64_t issue, int64_t irq, int64_t end)
{
	bool seen = irq > issue && irq <= end; /* KT_NULL is smaller than any time */

	add(p, KT_IO_STAGE_DEVICE, issue, seen ? irq : end, 0);
	if (seen)
		add(p, KT_IO_STAGE_COMPLETE, irq, end, 0);
}

/* ------------------------------------------------------------------ disks and their flush requests */

void kt_flushes_finish(struct kt_flushes *f)
{
	for (size_t i = 0; i < f->disks.n; i++) {
		struct kt_flush_disk *d = f->disks.v[i];

		for (size_t j = 0; j < d->queues.n; j++)
			free(d->queues.v[j]);
		kt_vec_finish(&d->queues);
		free(d);
	}
	kt_vec_finish(&f->disks);
}

static struct kt_flush_disk *find_disk(const struct kt_flushes *f, uint32_t dev)
{
	for (size_t i = 0; i < f->disks.n; i++)
		if (f->disks.v[i]->dev == dev)
			return f->disks.v[i];
	return NULL;
}

static struct kt_flush_disk *get_disk(struct kt_flushes *f, uint32_t dev)
{
	struct kt_flush_disk *d = find_disk(f, dev);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d || kt_vec_push(&f->disks, d)) {
		free(d);
		return NULL;
	}
	d->dev = dev;
	d->doubt_ns = KT_NULL;
	return d;
}

static struct kt_flush_queue *get_queue(struct kt_flush_disk *d, uint64_t addr)
{
	struct kt_flush_queue *q;

	for (size_t i = 0; i < d->queues.n; i++)
		if (d->queues.v[i]->addr == addr)
			return d->queues.v[i];
	q = calloc(1, sizeof(*q));
	if (!q || kt_vec_push(&d->queues, q)) {
		free(q);
		return NULL;
	}
	q->addr = addr;
	return q;
}

int kt_flush_issued(struct kt_flushes *f, uint32_t dev, uint64_t addr)
{
	struct kt_flush_disk *d = get_disk(f, dev);

	return d && get_queue(d, addr) ? 0 : -ENOMEM;
}

int kt_flush_ended(struct kt_flushes *f, uint32_t dev, uint64_t addr,
		   const struct kt_flush_cycle *c)
{
	struct kt_flush_disk *d = get_disk(f, dev);
	struct kt_flush_queue *q = d ? get_queue(d, addr) : NULL;

	if (!q)
		return -ENOMEM;
	q->cycles[q->n++ % KT_FLUSH_N_CYCLES] = *c;
	return 0;
}

int kt_flush_doubt(struct kt_flushes *f, uint32_t dev, int64_t t_ns)
{
	struct kt_flush_disk *d = get_disk(f, dev);

	if (!d)
		return -ENOMEM;
	d->doubt_ns = KT_MAX(d->doubt_ns, t_ns);
	return 0;
}

/* Data was at the device from start_ns until now. */
static void add_busy(struct kt_flush_busy *b, int64_t from, int64_t until)
{
	while (b->n && b->v[b->n - 1].until_ns >= from)
		from = KT_MIN(from, b->v[--b->n].from_ns);
	if (b->n == KT_FLUSH_N_BUSY)
		memmove(b->v, b->v + 1, --b->n * sizeof(b->v[0]));
	b->v[b->n].from_ns = from;
	b->v[b->n++].until_ns = until;
}

/* Until when the data that was at the device at t stayed there; t: none was. */
static int64_t busy_until(const struct kt_flush_busy *b, int64_t t)
{
	for (unsigned int i = b->n; i-- > 0 && b->v[i].until_ns > t;)
		if (b->v[i].from_ns <= t)
			return b->v[i].until_ns;
	return t;
}

static bool was_busy(const struct kt_flush_busy *b, int64_t from, int64_t to)
{
	for (unsigned int i = b->n; i-- > 0 && b->v[i].until_ns > from;)
		if (b->v[i].from_ns < to)
			return true;
	return false;
}

/* ------------------------------------------------------------------ holds */

/* The number, from 1, of the last cycle that had ended at t; 0: none that is remembered. */
static uint64_t last_cycle(const struct kt_flush_queue *q, int64_t t)
{
	uint64_t low = q->n > KT_FLUSH_N_CYCLES ? q->n - KT_FLUSH_N_CYCLES : 0;

	for (uint64_t i = q->n; i > low; i--)
		if (q->cycles[(i - 1) % KT_FLUSH_N_CYCLES].end_ns <= t)
			return i;
	return 0;
}

static const struct kt_flush_cycle *cycle(const struct kt_flush_queue *q, uint64_t nr)
{
	return nr && nr + KT_FLUSH_N_CYCLES > q->n ? &q->cycles[(nr - 1) % KT_FLUSH_N_CYCLES]
						   : NULL;
}

/*
 * The flush request that served a hold [from, to]: the only one of the disk that was issued and completed within it; if there are
 * several, the one that ended on that CPU, where it ended the request as well.
 */
static struct kt_flush_queue *serving(const struct kt_flush_disk *d, int64_t from, int64_t to,
				      uint32_t cpu)
{
	struct kt_flush_queue *any = NULL, *here = NULL;
	unsigned int n_any = 0, n_here = 0;

	for (size_t i = 0; i < d->queues.n; i++) {
		struct kt_flush_queue *q = d->queues.v[i];
		const struct kt_flush_cycle *c = cycle(q, last_cycle(q, to));

		if (!c || c->first_ns < from)
			continue;
		n_any++;
		any = q;
		if (c->end_cpu == cpu) {
			n_here++;
			here = q;
		}
	}
	return n_any == 1 ? any : n_here == 1 ? here : NULL;
}

/* The flush itself. */
static void add_cycle(struct kt_flush_parts *p, const struct kt_flush_cycle *c)
{
	add_some(p, KT_IO_STAGE_QUEUE, c->first_ns, c->issue_ns, 0);
	add_device(p, c->issue_ns, c->irq_ns, c->end_ns);
}

/*
 * What held back a request in [from, to], up to the end of the flush that served it. NULL: not known. Without the flushes of
 * others, it is not known what came before that one.
 */
static struct kt_flush_queue *hold(const struct kt_flushes *f, const struct kt_flush_disk *d,
				   int64_t from, int64_t to, uint32_t cpu, struct kt_flush_parts *p,
				   int64_t *ret_served_ns)
{
	struct kt_flush_queue *q = d && from > d->doubt_ns ? serving(d, from, to, cpu) : NULL;
	const struct kt_flush_cycle *c, *before, *more;
	int64_t at = from, until;
	uint64_t nr;

	if (!q)
		return NULL;
	nr = last_cycle(q, to);
	c = cycle(q, nr);
	if (f->partial) {
		add(p, KT_IO_STAGE_PLUG, from, c->first_ns, 0);
		add_cycle(p, c);
		*ret_served_ns = c->end_ns;
		return q;
	}
	before = cycle(q, nr - 1);
	more = nr > 1 ? cycle(q, nr - 2) : NULL;
	/* More than the one in flight and its own: the kernel does not do that. */
	if (more && more->end_ns > from)
		return NULL;
	if (before && before->end_ns > from)
		at = before->end_ns;
	until = busy_until(&q->busy, at);
	if (until > c->first_ns || was_busy(&d->stray, at, c->first_ns))
		return NULL;
	if (at > from) {
		add_some(p, KT_IO_STAGE_WORKER, from, before->first_ns, before->worker_tid);
		add(p, KT_IO_STAGE_FLUSH, KT_MAX(from, before->first_ns), at, 0);
	}
	if (until > at)
		add(p, KT_IO_STAGE_FLUSH, at, until, 0);
	add(p, KT_IO_STAGE_WORKER, until, c->first_ns, c->worker_tid);
	add_cycle(p, c);
	*ret_served_ns = c->end_ns;
	return q;
}

void kt_flush_left(struct kt_flushes *f, uint32_t dev, struct kt_flush_seq *q, int64_t start_ns)
{
	if (q->preflush && start_ns != KT_NULL)
		q->queue = hold(f, find_disk(f, dev), start_ns, q->left_ns, UINT32_MAX, &q->before,
				&q->served_ns);
}

int kt_flush_data(struct kt_flushes *f, uint32_t dev, const struct kt_flush_seq *q,
		  int64_t start_ns)
{
	struct kt_flush_disk *d = get_disk(f, dev);

	if (!d)
		return -ENOMEM;
	if (q->queue)
		add_busy(&q->queue->busy, q->served_ns, q->data_ns);
	else if (!q->preflush && d->queues.n == 1)
		add_busy(&d->queues.v[0]->busy, start_ns, q->data_ns);
	else
		add_busy(&d->stray, start_ns, q->data_ns);
	return 0;
}

/* What comes before a second flush, if there is one: the first, the data. */
static void add_data(struct kt_flush_parts *p, const struct kt_flush_end *e)
{
	const struct kt_flush_seq *q = e->seq;

	if (q->before.n) {
		*p = q->before;
		add_some(p, KT_IO_STAGE_WORKER, q->served_ns, q->left_ns, e->worker_tid);
	} else if (e->got || q->left_ns > e->start_ns) {
		add(p, KT_IO_STAGE_PLUG, e->start_ns, q->left_ns, 0);
	}
	if (e->queue_ns != KT_NULL)
		add(p, KT_IO_STAGE_QUEUE, q->left_ns, e->issue_ns, 0);
	add_device(p, e->issue_ns, q->data_irq_ns, q->data_ns);
}

int kt_flush_way(struct kt_flushes *f, const struct kt_flush_end *e, struct kt_flush_way **ret)
{
	const struct kt_flush_disk *d = find_disk(f, e->dev);
	struct kt_flush_parts p = {0};
	struct kt_flush_way *w;
	bool known = false;
	int64_t served;

	*ret = NULL;
	if (e->seq && (e->seq->data_ns == KT_NULL || e->issue_ns == KT_NULL))
		return 0;
	if (e->seq) {
		add_data(&p, e);
		known = e->seq->before.n;
	}
	/* After its data, it is not known how long it was not at the device. */
	if (!(f->partial && e->seq) &&
	    hold(f, d, e->seq ? e->seq->data_ns : e->start_ns, e->end_ns, e->cpu, &p, &served))
		known = true;
	if (!known)
		return 0;
	p.v[p.n - 1].end_ns = e->end_ns;
	w = malloc(sizeof(*w) + p.n * sizeof(p.v[0]));
	if (!w)
		return -ENOMEM;
	w->n_refs = 1;
	w->n_parts = p.n;
	memcpy(w->parts, p.v, p.n * sizeof(p.v[0]));
	*ret = w;
	return 0;
}
