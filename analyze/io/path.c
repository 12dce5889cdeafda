// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The path of an operation from its beginning to its end: found backwards, from the bio that ended last to its queueing, to the bio
 * that ended last before that; then divided into stages forwards.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "analyze/io/io_internal.h"
#include "format/base/dev.h"
#include "format/base/macros.h"

static bool have_sched(const struct kt_io_state *s, uint32_t run)
{
	return s->task.ops && s->runs.v[run]->has_sched;
}

/* ------------------------------------------------------------------ the bios on the path */

/* The sleep that contains t; NULL: no known one. */
static const struct kt_wait *wait_at(const struct kt_io_path *p, int64_t t)
{
	for (size_t i = 0; i < p->n_waits; i++)
		if (p->waits[i].out_ns <= t && t <= p->waits[i].in_ns)
			return &p->waits[i];
	return NULL;
}

/* A task that reclaims memory continues while its pages are written to swap, unless there are too many. */
static bool may_be_waited_for(const struct kt_io_path *p, const struct kt_io_bio *b)
{
	return !b->swapout || wait_at(p, b->end_ns);
}

/* The newest of its bios that ended by `by`; of several that ended at once the one queued first. *at: where to continue. */
static const struct kt_io_bio *last_own(const struct kt_io_path *p, const struct kt_io_bio **at,
					int64_t by)
{
	const struct kt_io_bio *b = *at, *first;

	while (b && (b->end_ns > by || !may_be_waited_for(p, b)))
		b = kt_list_prev(b, age);
	*at = first = b;
	for (; b && b->end_ns == first->end_ns; b = kt_list_prev(b, age))
		if (b->bio_id < first->bio_id && may_be_waited_for(p, b))
			first = b;
	return first;
}

static int find_hops(struct kt_io_state *s, const struct kt_io *io, int64_t end)
{
	struct kt_io_path *p = &s->path;
	const struct kt_io_bio *at = kt_io_newest_bio(io), *own;
	int64_t cur = end;
	size_t f = 0;

	for (;;) {
		struct kt_io_hop h = {.throttle_ns = KT_NULL};

		own = last_own(p, &at, cur);
		while (f < p->n_foreign && p->foreign[f].bio.end_ns > cur)
			f++;
		if (own && (f == p->n_foreign || own->end_ns >= p->foreign[f].bio.end_ns)) {
			h.bio = own;
			h.start_ns = own->start_ns;
			while (at && at->end_ns == own->end_ns)
				at = kt_list_prev(at, age);
		} else if (f < p->n_foreign) {
			h.bio = &p->foreign[f].bio;
			h.foreign = true;
			h.start_ns = h.bio->start_ns;
			if (h.start_ns < io->start_ns)
				h.start_ns = p->foreign[f].wait.out_ns;
			f++;
		} else {
			return 0;
		}
		h.start_ns = KT_MIN(KT_MAX(h.start_ns, io->start_ns), h.bio->end_ns);
		if (h.bio->end_ns < io->start_ns)
			return 0;
		p->gap |= h.bio->lossy;
		if (kt_vec_push(&p->hops, h))
			return -ENOMEM;
		cur = h.start_ns;
	}
}

/*
 * A bio of an iocb or an io_uring request that another process queued: a cgroup limit held it back, and a kernel thread released it. Not
 * if the file system itself leaves submission to such threads, like btrfs, whose files are not on a single device.
 */
static bool let_go(const struct kt_io *io, const struct kt_io_bio *b)
{
	return b->tgid && io->key.tgid && b->tgid != io->key.tgid &&
	       (!io->ino || io->dev || kt_dev_major(io->ino_dev));
}

/* Bios that another task queued while the io's task slept: a cgroup limit held them back. */
static void find_throttled(struct kt_io_state *s, const struct kt_io *io)
{
	struct kt_io_path *p = &s->path;

	for (size_t i = 0; i < p->hops.n; i++) {
		struct kt_io_hop *h = &p->hops.v[i];
		int64_t since = i + 1 < p->hops.n ? p->hops.v[i + 1].bio->end_ns : io->start_ns;
		const struct kt_wait *w;

		if (h->foreign || !h->bio->tid || h->bio->tid == io->key.tid)
			continue;
		if (!kt_io_is_call(io->key.kind)) {
			if (let_go(io, h->bio))
				h->throttle_ns = since;
			continue;
		}
		w = wait_at(p, h->start_ns);
		if (w && w->out_ns >= since && h->start_ns < w->in_ns)
			h->throttle_ns = w->out_ns;
	}
}

/* ------------------------------------------------------------------ stages */

static int add(struct kt_io_path *p, enum kt_io_stage stage, int64_t start, int64_t end,
	       int64_t bio_id)
{
	struct kt_io_seg seg = {.stage = stage, .start_ns = start, .end_ns = end, .bio_id = bio_id};

	return kt_vec_push(&p->segs, seg);
}

/*
 * A stage in which the io's task should run. A sleep within it is for something other than a bio of this path: `blocked`
 * until the task is woken, `wakeup` until it runs; then the stage continues, after the last sleep as `last`.
 */
static int add_awake(struct kt_io_path *p, enum kt_io_stage stage, enum kt_io_stage last,
		     int64_t start, int64_t end)
{
	bool split = false;
	int err = 0;

	for (; p->n_split < p->n_waits && !err; p->n_split++) {
		const struct kt_wait *w = &p->waits[p->n_waits - p->n_split - 1];
		int64_t waking = w->waking_ns == KT_NULL ? w->in_ns : w->waking_ns;

		if (w->out_ns >= end)
			break;
		if (w->out_ns < start || w->in_ns > end)
			continue;
		p->is_blocked = true;
		err = add(p, stage, start, w->out_ns, KT_NULL);
		if (!err)
			err = add(p, KT_IO_STAGE_BLOCKED, w->out_ns, waking, KT_NULL);
		if (!err && w->waking_ns != KT_NULL) {
			p->wakeup_seg = (int)p->segs.n;
			p->wake = *w;
			err = add(p, KT_IO_STAGE_WAKEUP, waking, w->in_ns, KT_NULL);
		}
		start = w->in_ns;
		split = true;
		if (p->n_split + 1 == p->n_waits)
			stage = last;
	}
	if (err || (split && start == end))
		return err;
	return add(p, stage, start, end, KT_NULL);
}

/* The same for one that went through a flush. */
static int add_way(struct kt_io_path *p, const struct kt_io_hop *h)
{
	const struct kt_io_bio *b = h->bio;
	const struct kt_flush_way *w = b->way;
	bool clipped = h->start_ns > b->start_ns;
	int err = 0;

	if (!clipped || w->parts[0].start_ns > h->start_ns)
		err = add(p, KT_IO_STAGE_ALLOC, h->start_ns, w->parts[0].start_ns, b->bio_id);
	for (uint32_t i = 0; i < w->n_parts && !err; i++) {
		const struct kt_flush_part *x = &w->parts[i];
		bool last = i + 1 == w->n_parts;
		int64_t start = KT_MAX(x->start_ns, h->start_ns);
		/* It may end later than its request, with the parts it was split into. */
		int64_t end = last ? b->end_ns : x->end_ns;

		if (clipped && end <= start && !last)
			continue;
		err = add(p, x->stage, start, end, b->bio_id);
		if (err)
			break;
		p->segs.v[p->segs.n - 1].worker_tid = x->worker_tid;
		p->is_flush |= x->stage == KT_IO_STAGE_WORKER;
	}
	return err;
}

/* The stages of a bio, from the beginning of its hop. */
static int add_bio(struct kt_io_path *p, const struct kt_io_hop *h)
{
	const struct kt_io_bio *b = h->bio;
	bool clipped = h->start_ns > b->start_ns;
	enum kt_io_stage stage = KT_IO_STAGE_ALLOC;
	int64_t at = h->start_ns;
	int i = 0, err = 0;

	if (b->way)
		return add_way(p, h);
	/* A disk that takes bios directly has it from its queueing on. */
	if (b->mark_ns[KT_BIO_MARK_DEVICE] == b->start_ns &&
	    b->mark_ns[KT_BIO_MARK_PLUG] == KT_NULL && b->mark_ns[KT_BIO_MARK_QUEUE] == KT_NULL) {
		stage = KT_IO_STAGE_DEVICE;
		i = KT_BIO_MARK_COMPLETE;
	}
	for (; i < KT_BIO_MARK_ENDIO && !err; i++) {
		int64_t mark = b->mark_ns[i];

		if (mark == KT_NULL)
			continue;
		mark = KT_MIN(KT_MAX(mark, at), b->end_ns);
		if (!clipped || mark > at)
			err = add(p, stage, at, mark, b->bio_id);
		stage = kt_bio_stage(i);
		at = mark;
	}
	return err ? err : add(p, stage, at, b->end_ns, b->bio_id);
}

/* After the last bio: its end is noticed, the waiter is woken, runs, returns. */
static int add_tail(struct kt_io_state *s, const struct kt_io *io, int64_t at, int64_t end)
{
	struct kt_io_path *p = &s->path;
	const struct kt_wait *w = wait_at(p, at);
	int err;

	if (at == end)
		return 0;
	if (!w)
		return add_awake(p, KT_IO_STAGE_ENDIO, KT_IO_STAGE_RETURN, at, end);
	if (w->waking_ns == KT_NULL || w->waking_ns < at) {
		err = add(p, KT_IO_STAGE_ENDIO, at, w->in_ns, KT_NULL);
	} else {
		err = add(p, KT_IO_STAGE_ENDIO, at, w->waking_ns, KT_NULL);
		p->wakeup_seg = (int)p->segs.n;
		p->wake = *w;
		if (!err)
			err = add(p, KT_IO_STAGE_WAKEUP, w->waking_ns, w->in_ns, KT_NULL);
	}
	/* A fault ends when its task runs. */
	if (err || (io->key.kind == KT_IO_KIND_FAULT && w->in_ns == end))
		return err;
	return add_awake(p, KT_IO_STAGE_RETURN, KT_IO_STAGE_RETURN, w->in_ns, end);
}

/* No path: did it sleep? An asynchronous one certainly did not if its submitter completed it without sleeping. */
static int cut_pathless(struct kt_io_state *s, const struct kt_io *io, int64_t end,
			uint32_t waiter_tid)
{
	struct kt_io_path *p = &s->path;
	struct kt_wait w;
	bool awake =
		have_sched(s, io->key.run) && !io->n_bios && !kt_io_failed(io) && !kt_io_empty(io);

	if (p->n_waits)
		return add_awake(p, KT_IO_STAGE_SUBMIT, KT_IO_STAGE_RETURN, io->start_ns, end);
	if (awake && !kt_io_is_sync(io))
		awake = waiter_tid == io->key.tid &&
			KT_CALL(s->task, last_wait, io->key.run, waiter_tid, io->start_ns, end,
				&w) == -ENOENT;
	return add(p, awake ? KT_IO_STAGE_CACHED : KT_IO_STAGE_SUBMIT, io->start_ns, end, KT_NULL);
}

static int cut(struct kt_io_state *s, const struct kt_io *io, int64_t end, uint32_t waiter_tid)
{
	struct kt_io_path *p = &s->path;
	int64_t at = io->start_ns;
	int err = 0;

	if (!p->hops.n)
		return cut_pathless(s, io, end, waiter_tid);
	for (size_t i = p->hops.n; i-- > 0 && !err;) {
		const struct kt_io_hop *h = &p->hops.v[i];
		enum kt_io_stage before =
			i + 1 == p->hops.n ? KT_IO_STAGE_SUBMIT : KT_IO_STAGE_BETWEEN;

		if (h->throttle_ns != KT_NULL) {
			if (h->throttle_ns > at)
				err = add_awake(p, before, before, at, h->throttle_ns);
			if (!err)
				err = add(p, KT_IO_STAGE_THROTTLE, h->throttle_ns, h->start_ns,
					  h->bio->bio_id);
		} else {
			err = add_awake(p, before, before, at, h->start_ns);
		}
		if (!err)
			err = add_bio(p, h);
		at = h->bio->end_ns;
	}
	return err ? err : add_tail(s, io, at, end);
}

/* ------------------------------------------------------------------ what was in the way */

struct blaming {
	struct kt_io_path *p;
	size_t seg; /* the next one to consider */
};

static int on_disturb(void *arg, const struct kt_disturb *d)
{
	struct blaming *x = arg;
	struct kt_io_path *p = x->p;
	int64_t end = d->start_ns + d->dur_ns;

	while (x->seg < p->segs.n && p->segs.v[x->seg].end_ns <= d->start_ns)
		x->seg++;
	for (size_t i = x->seg; i < p->segs.n && p->segs.v[i].start_ns < end; i++) {
		const struct kt_io_seg *g = &p->segs.v[i];
		int64_t from = KT_MAX(g->start_ns, d->start_ns), to = KT_MIN(g->end_ns, end);
		int err;

		if (!kt_io_stages[g->stage].must_run || to <= from)
			continue;
		p->disturbed_ns[d->cause] += to - from;
		err = kt_blame_add(&p->blames, i, d->cause,
				   d->cause == KT_DISTURB_RUNQ ? d->by_tid : d->irq, from, to);
		if (err)
			return err;
	}
	return 0;
}

/* Sets *known to false if the task's past is not known. */
static int disturb(struct kt_io_state *s, const struct kt_io *io, uint32_t tid, int64_t from,
		   int64_t to, bool *known)
{
	struct blaming x = {&s->path, 0};
	int err;

	if (to <= from)
		return 0;
	err = tid ? KT_CALL(s->task, disturbances, io->key.run, tid, from, to, kt_io_is_watched(io),
			    on_disturb, &x)
		  : -ENOENT;
	if (err == -ENOENT)
		*known = false;
	return err == -ENOENT ? 0 : err;
}

/* The worker that a stage waits for may itself have waited for a CPU. */
static int on_worker_disturb(void *arg, const struct kt_disturb *d)
{
	struct blaming *x = arg;

	if (d->cause != KT_DISTURB_RUNQ)
		return 0;
	return kt_blame_add(&x->p->blames, x->seg, KT_DISTURB_WORKER, d->by_tid, d->start_ns,
			    d->start_ns + d->dur_ns);
}

static int find_workers_disturbed(struct kt_io_state *s, const struct kt_io *io)
{
	struct kt_io_path *p = &s->path;
	int err = 0;

	for (size_t i = 0; i < p->segs.n && !err; i++) {
		const struct kt_io_seg *g = &p->segs.v[i];
		struct blaming x = {p, i};

		if (g->worker_tid && g->end_ns > g->start_ns)
			err = KT_CALL(s->task, disturbances, io->key.run, g->worker_tid,
				      g->start_ns, g->end_ns, false, on_worker_disturb, &x);
		if (err == -ENOENT) /* its past is not known: blame nobody */
			err = 0;
	}
	return err;
}

static int find_disturbed(struct kt_io_state *s, const struct kt_io *io, int64_t end,
			  uint32_t waiter_tid)
{
	struct kt_io_path *p = &s->path;
	const struct kt_io_hop *first = p->hops.n ? &p->hops.v[p->hops.n - 1] : NULL;
	bool known = true;
	int err;

	if (kt_io_is_sync(io)) {
		err = disturb(s, io, io->key.tid, io->start_ns, end, &known);
	} else {
		/* The task that queued its bios was working on it then, the task that posted its end after that. */
		int64_t until = first ? p->hops.v[0].bio->end_ns : end;

		err = disturb(s, io, first && first->bio->tid ? first->bio->tid : io->key.tid,
			      io->start_ns, until, &known);
		if (!err)
			err = disturb(s, io, waiter_tid, until, end, &known);
	}
	if (!err)
		err = find_workers_disturbed(s, io);
	p->runq_known = known;
	p->irq_known = known && s->runs.v[io->key.run]->has_irq;
	return err;
}

/* ------------------------------------------------------------------ all of it */

/* tid: the task whose sleep p->wake is. */
static void find_waker(struct kt_io_state *s, const struct kt_io *io, uint32_t tid)
{
	struct kt_io_path *p = &s->path;
	const struct kt_io_hop *last = p->hops.n ? &p->hops.v[0] : NULL;
	int64_t request_id, bio_id;

	/* A sleep for something other than I/O. */
	if (!last || p->wake.out_ns > last->bio->end_ns) {
		if (kt_io_find_cause(s, io->key.run, tid, p->wake, &request_id, &bio_id))
			p->wake_request_id = request_id;
		return;
	}
	p->wake_request_id = last->bio->request_id;
	if (last->foreign)
		return;
	/* The request of its own bio, unless something later ended the sleep. */
	if (p->wake.waking_ns - last->bio->end_ns > KT_IO_MAX_IRQ_NS &&
	    kt_io_find_cause(s, io->key.run, tid, p->wake, &request_id, &bio_id))
		p->wake_request_id = request_id;
}

int kt_io_path(struct kt_io_state *s, const struct kt_io *io, int64_t end_ns, uint32_t waiter_tid)
{
	struct kt_io_path *p = &s->path;
	bool sched = have_sched(s, io->key.run);
	struct kt_sums sums;
	int err;

	p->hops.n = p->segs.n = p->blames.n = 0;
	p->n_waits = p->n_foreign = p->n_split = 0;
	memset(p->disturbed_ns, 0, sizeof(p->disturbed_ns));
	p->runq_known = p->irq_known = p->is_blocked = p->is_flush = p->gap = false;
	p->wakeup_seg = -1;
	p->wake_request_id = KT_NULL;
	p->slept_ns = KT_NULL;
	if (sched && kt_io_is_sync(io)) {
		kt_io_collect_waits(s, io->key.run, io->key.tid, io->start_ns, end_ns,
				    KT_IO_MAX_WAITS);
		kt_io_find_foreign(s, io);
	}
	err = find_hops(s, io, end_ns);
	if (!err && (!kt_io_is_call(io->key.kind) || (sched && kt_io_is_sync(io))))
		find_throttled(s, io);
	/* The task that posts its end may have slept before the submission. */
	if (!err && sched && !kt_io_is_sync(io) && io->key.kind != KT_IO_KIND_AIO && p->hops.n)
		kt_io_collect_waits(s, io->key.run, waiter_tid, KT_NULL, end_ns, 8);
	if (!kt_io_is_sync(io))
		p->n_split = p->n_waits; /* the task that posts its end sleeps for many */
	if (!err)
		err = cut(s, io, end_ns, waiter_tid);
	if (!err && sched)
		err = find_disturbed(s, io, end_ns, waiter_tid);
	if (!err && p->wakeup_seg >= 0)
		find_waker(s, io, kt_io_is_sync(io) ? io->key.tid : waiter_tid);
	if (!err && sched && kt_io_is_sync(io) &&
	    !KT_CALL(s->task, sums, io->key.run, io->key.tid, io->start_ns, end_ns,
		     kt_io_is_watched(io), &sums))
		p->slept_ns = sums.sleep_ns;
#ifndef NDEBUG
	if (!err) {
		assert(p->segs.v[0].start_ns == io->start_ns);
		assert(p->segs.v[p->segs.n - 1].end_ns == end_ns);
		for (size_t i = 0; i < p->segs.n; i++) {
			assert(p->segs.v[i].end_ns >= p->segs.v[i].start_ns);
			assert(!i || p->segs.v[i].start_ns == p->segs.v[i - 1].end_ns);
		}
	}
#endif
	return err;
}

bool kt_io_waited(const struct kt_io_state *s)
{
	const struct kt_io_path *p = &s->path;

	if (p->hops.n)
		return true;
	for (size_t i = 0; i < p->n_waits; i++)
		if (p->waits[i].disk &&
		    p->waits[i].in_ns - p->waits[i].out_ns >= KT_IO_MIN_BLOCKED_NS)
			return true;
	return false;
}
