// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker request: the life of every request of a blk-mq disk.
 *
 * A request is identified by its address while it lives: from its first insert or issue, or, if
 * it had neither, only at its end (an empty flush, which another request carries out). When it was
 * allocated is known from its bios, which it gets at its first issue. The complete rules:
 * tests/reference/README.md.
 */
#include "analyze/engine/tracker.h"

#include <errno.h>

#include "analyze/block/request_life.h"
#include "analyze/block/request_service.h"
#include "format/base/macros.h"

#define MAX_WALK_BIOS 65536 /* of one request */

/* ------------------------------------------------------------------ walks */

static struct kt_rq_walk *find_walk(struct kt_rq_run *r, uint64_t rq)
{
	for (unsigned int i = r->n_walks; i-- > 0;)
		if (r->walks[i].rq == rq)
			return &r->walks[i];
	return NULL;
}

/* Moves it to the end and removes it: its memory is reused for the next one. */
static void end_walk(struct kt_rq_run *r, struct kt_rq_walk *w)
{
	struct kt_rq_walk tmp = *w;

	*w = r->walks[--r->n_walks];
	r->walks[r->n_walks] = tmp;
}

static struct kt_rq_walk *new_walk(struct kt_rq_run *r, uint64_t rq)
{
	struct kt_rq_walk *w;

	/* Only lost events leave so many behind. The first is the oldest, or close to it. */
	if (r->n_walks == KT_RQ_MAX_WALKS)
		end_walk(r, &r->walks[0]);
	w = &r->walks[r->n_walks++];
	w->rq = rq;
	w->bios.n = 0;
	return w;
}

static int on_rq_bios(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_bios *d = ev->data;
	struct kt_rq_run *r = kt_rq_run(self, ev->run);
	struct kt_rq_walk *w;

	if (!r)
		return -ENOMEM;
	w = find_walk(r, d->rq);
	if (!w)
		w = new_walk(r, d->rq);
	else if (d->first == 1)
		w->bios.n = 0;
	for (size_t i = 0; i < KT_ARRAY_SIZE(d->bio) && d->bio[i]; i++)
		if (w->bios.n < MAX_WALK_BIOS && kt_vec_push(&w->bios, d->bio[i]))
			return -ENOMEM;
	return 0;
}

/* ------------------------------------------------------------------ births */

static bool is_at_driver(const struct kt_rq *q)
{
	return q->n_issues && !q->requeued && !q->in_sequence;
}

/* An event shows that a request at the driver ended some time ago. */
static int missed_end(struct kt_rq_state *s, struct kt_rq *q, const struct kt_ev *ev)
{
	struct kt_rq_run *r = s->runs.v[q->run];
	int err = 0;

	if (!q->bios.missed)
		err = kt_missed(s->e, q->run, ev->cpu, kt_rq_last_seen(q), ev->t_ns);
	if (!err && (q->seq || KT_BLK_OP(q->opf) == r->ops.flush))
		err = kt_flush_doubt(&r->flushes, q->dev, ev->t_ns);
	return err ? err : kt_rq_close(s, q, KT_STATE_OPEN);
}

/*
 * The request of an insert or an issue: the live one or, if that was at the driver, a new one,
 * because the completion was missed. *ret_born: it is new.
 */
static int live_or_new(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		       uint64_t addr, uint32_t dev, struct kt_rq **ret, bool *ret_born)
{
	struct kt_rq *q = kt_hash_get(&r->live, addr);
	int err;

	*ret_born = false;
	if (q && is_at_driver(q)) {
		err = missed_end(s, q, ev);
		if (err)
			return err;
		q = NULL;
	}
	if (!q) {
		err = kt_rq_new(s, r, ev, addr, dev, &q);
		if (err)
			return err;
		*ret_born = true;
	}
	*ret = q;
	return 0;
}

/* ------------------------------------------------------------------ events */

static int on_rq_get(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_get *d = ev->data;
	struct kt_rq_state *s = self;

	return KT_CALL(s->bio, got, ev, d->bio, d->dev);
}

static int on_rq_insert(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_insert *d = ev->data;
	struct kt_rq_state *s = self;
	struct kt_rq_run *r = kt_rq_run(s, ev->run);
	struct kt_rq *q;
	bool born;
	int err;

	if (!r)
		return -ENOMEM;
	err = live_or_new(s, r, ev, d->rq, d->dev, &q, &born);
	if (err)
		return err;
	if (q->queue_ns == KT_NULL) {
		q->queue_ns = ev->t_ns;
		if (kt_unlikely(r->flushes.disks.n))
			q->worker_tid = kt_rq_worker(s, ev);
	}
	if (q->n_issues)
		q->requeued = true;
	/* Good enough until it is issued: a front merge may have hidden the bio it was allocated for. */
	if (born && d->bio) {
		int64_t got = KT_CALL(s->bio, got_ns, ev->run, d->bio);

		q->got = got != KT_NULL;
		q->start_ns = q->got ? got : q->birth_ns;
	}
	return 0;
}

static int carry(struct kt_rq_state *s, struct kt_rq *q, const struct kt_ev *ev, uint64_t bio,
		 bool adopt, int64_t *got)
{
	int64_t t;
	int n = KT_CALL(s->bio, carry, ev, bio, q->id, &q->bios, adopt, &t);

	if (n < 0)
		return n;
	if (t != KT_NULL && (*got == KT_NULL || t < *got))
		*got = t;
	/* Bios that joined after the first issue, while it was requeued. */
	if (n && q->n_issues)
		q->n_bios++;
	return 0;
}

static int on_rq_issue(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_issue *d = ev->data;
	struct kt_rq_state *s = self;
	struct kt_rq_run *r = kt_rq_run(s, ev->run);
	struct kt_rq_walk *w;
	int64_t got = KT_NULL;
	bool born, adopt;
	struct kt_rq *q;
	int err;

	if (!r)
		return -ENOMEM;
	err = live_or_new(s, r, ev, d->rq, d->dev, &q, &born);
	if (err)
		return err;
	/* The bios of a passthrough command were never queued: ignore them. */
	adopt = !kt_blk_is_passthrough(&r->ops, d->opf);
	w = kt_unlikely(r->n_walks) ? find_walk(r, d->rq) : NULL;
	if (d->bio)
		err = carry(s, q, ev, d->bio, adopt, &got);
	for (size_t i = 0; w && i < w->bios.n && !err; i++)
		err = carry(s, q, ev, w->bios.v[i], adopt, &got);
	if (w)
		end_walk(r, w);
	if (err)
		return err;
	if (!q->n_issues) {
		q->sector = d->sector;
		q->bytes = d->bytes;
		q->opf = d->opf;
		q->dev = d->dev;
		q->part_dev = d->part_dev;
		kt_rq_set_device(s, q);
		q->n_bios = d->n_bios;
		q->got = got != KT_NULL && got <= q->birth_ns;
		q->start_ns = q->got ? got : q->birth_ns;
	}
	/* A hole may have hidden an insert before this: its submitter lost the CPU in between. */
	if (!q->n_issues && q->queue_ns == KT_NULL &&
	    kt_hidden(s->e, ev->run, q->start_ns, ev->t_ns, ev->cpu, 0))
		q->lossy = true;
	if (kt_unlikely(d->flags & KT_RQ_FLUSH_SEQ) && !q->n_issues) {
		err = kt_rq_seq_issued(s, r, ev, q);
		if (err)
			return err;
	}
	q->left = d->bytes;
	q->first_bio = d->bio;
	q->n_issues++;
	q->issue_ns = ev->t_ns;
	q->issue_cpu = ev->cpu;
	q->requeued = q->in_sequence = false;
	KT_CALL(s->bio, settle, &q->bios, q->start_ns, q->queue_ns, q->issue_ns);
	return 0;
}

static int on_rq_requeue(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_requeue *d = ev->data;
	struct kt_rq_run *r = kt_rq_run(self, ev->run);
	struct kt_rq *q;

	if (!r)
		return -ENOMEM;
	/* An unknown request is born when it is next inserted or issued. */
	q = kt_hash_get(&r->live, d->rq);
	if (!q)
		return 0;
	if (q->queue_ns == KT_NULL)
		q->queue_ns = ev->t_ns;
	q->requeued = true;
	return 0;
}

static int on_rq_merge(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_merge *d = ev->data;
	struct kt_rq_state *s = self;
	struct kt_rq_run *r = kt_rq_run(s, ev->run);
	struct kt_rq_walk *w;
	struct kt_rq *q;
	int err = 0;

	if (!r)
		return -ENOMEM;
	q = kt_hash_get(&r->live, d->rq);
	/*
	 * A request at the driver is not merged, nor is one that is partly complete: its end was
	 * missed, this is another life.
	 */
	if (q && (is_at_driver(q) || q->bios.partly || q->bios.missed)) {
		err = missed_end(s, q, ev);
		q = NULL;
	}
	if (q) {
		struct kt_bio_carrier c = kt_rq_stages(q, KT_NULL);

		err = KT_CALL(s->bio, drop, &q->bios, KT_BIO_DROP_MERGED, &c);
		kt_flow_forget(s->e, &kt_request_kind, q->id);
		kt_rq_unlink(s, r, q);
		kt_slab_put(&s->rqs, q);
	}
	if (!err && d->bio)
		err = KT_CALL(s->bio, moved, ev, d->bio);
	w = find_walk(r, d->rq);
	for (size_t i = 0; w && i < w->bios.n && !err; i++)
		err = KT_CALL(s->bio, moved, ev, w->bios.v[i]);
	if (w)
		end_walk(r, w);
	return err;
}

/*
 * The end of an unknown request: an empty flush, which another request carried out and which was
 * allocated for its bio; otherwise one whose birth was not seen.
 */
static int meet_at_end(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		       struct kt_rq *q)
{
	const struct kt_rq_complete *d = ev->data;

	*q = (struct kt_rq){.id = kt_next_id(s->e, &kt_rq_table), .run = ev->run, .dev = d->dev};
	q->birth_ns = q->start_ns = q->queue_ns = q->issue_ns = q->irq_ns = KT_NULL;
	if (d->bio)
		q->start_ns = KT_CALL(s->bio, got_ns, ev->run, d->bio);
	q->got = q->start_ns != KT_NULL;
	if (!q->got) {
		struct kt_blk_disk *disk = kt_blk_stats_disk(&r->stats, d->dev);

		if (disk)
			disk->open_start++;
	}
	return kt_flow_begin(s->e, &kt_request_kind, q->id, ev->t_ns, true);
}

/*
 * Does this completion belong to another request, which has the address by now? Then its own was missed. What it has carried
 * since its last issue is known: operation, bytes, the first bio that is not complete.
 */
static bool is_of_another(const struct kt_rq_run *r, const struct kt_rq *q,
			  const struct kt_rq_complete *d)
{
	bool final = d->flags & KT_RQ_FINAL && !(d->flags & KT_RQ_FLUSH_SEQ);

	if (q->bios.missed)
		return true;
	if (!is_at_driver(q))
		return false;
	if (KT_BLK_OP(d->opf) != KT_BLK_OP(q->opf))
		return true;
	if (kt_blk_is_passthrough(&r->ops, d->opf))
		return false;
	return d->bytes > q->left || (final && d->bytes != q->left) ||
	       (q->first_bio && d->bio != q->first_bio);
}

/*
 * The kernel counts it for its partition and for the whole disk, flushes only for the
 * disk.
 */
static void count_stats(struct kt_rq_run *r, const struct kt_ev *ev, const struct kt_rq *q,
			uint32_t bio_dev, bool final)
{
	const struct kt_rq_complete *d = ev->data;
	int64_t t_ns = ev->t_ns;
	enum kt_blk_group g = kt_blk_group(&r->ops, d->opf);
	uint32_t dev = d->dev;

	if (g == KT_BLK_FLUSH) {
		if (final)
			kt_blk_stats_count(&r->stats, dev, g, 1, 0, t_ns);
		return;
	}
	if (!(d->flags & KT_RQ_IO_STAT))
		return;
	if (q && q->n_issues && !q->part_dev)
		return;
	if (q && q->part_dev)
		dev = q->part_dev;
	else if (bio_dev)
		dev = bio_dev;
	kt_blk_stats_count(&r->stats, dev, g, final, d->bytes, t_ns);
}

/* Its end. on_stack: it was not known before. */
static int end_rq(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		  struct kt_rq *q, bool on_stack)
{
	const struct kt_rq_complete *d = ev->data;
	struct kt_rq_row row = {
		.sector = KT_NULL,
		.size_bytes = KT_NULL,
		.complete_cpu = ev->cpu,
		.n_bios = KT_NULL,
		.n_issues = KT_NULL,
		.error = kt_blk_errno(d->status),
	};
	uint32_t bytes = d->bytes, opf = d->opf, bio_dev = 0, bio_bytes = 0;
	bool empty_flush = false;
	struct kt_bio_carrier c;
	int64_t got = KT_NULL;
	int err = 0;

	if (q->n_issues) {
		row.sector = kt_rq_sector(q);
		row.size_bytes = bytes = q->bytes;
		row.n_bios = q->n_bios;
		opf = q->opf;
		empty_flush = kt_blk_is_empty_flush(&r->ops, opf, bytes);
	} else if (d->bio) {
		uint32_t bio_opf;

		/* blk_insert_flush() removes PREFLUSH from the request: its bio still has it. */
		if (!KT_CALL(s->bio, look, ev->run, d->bio, &bio_bytes, &bio_opf, &bio_dev))
			empty_flush = kt_blk_is_empty_flush(&r->ops, bio_opf, bio_bytes);
		err = carry(s, q, ev, d->bio, !kt_blk_is_passthrough(&r->ops, opf), &got);
		if (!q->got && got != KT_NULL && got <= q->birth_ns) {
			q->start_ns = got;
			q->got = true;
		}
		KT_CALL(s->bio, settle, &q->bios, q->start_ns, q->queue_ns, KT_NULL);
	}
	count_stats(r, ev, on_stack ? NULL : q, bio_dev, true);
	/* Data is always issued before it is complete: if anything of this request was seen before, the issue was missed. */
	if (!q->n_issues && q->start_ns != KT_NULL && (d->bytes || bio_bytes) &&
	    !kt_blk_is_passthrough(&r->ops, opf))
		q->lossy = true;
	/* It completes all at once, and its only bio is the current one. */
	if (!q->n_issues && q->start_ns != KT_NULL) {
		row.size_bytes = d->bytes;
		row.n_bios = !!d->bio;
		row.n_issues = 0;
	} else if (q->n_issues) {
		row.n_issues = q->n_issues;
	}
	if (!q->part_dev)
		q->part_dev = q->n_issues ? 0 : bio_dev;
	if (!err)
		err = kt_rq_remember(s, r, ev, q->id, s->bio.ops->last_id(&q->bios));
	if (d->irq_age_ns)
		q->irq_ns = ev->t_ns - d->irq_age_ns;
	c = kt_rq_stages(q, ev->t_ns);
	row.how = kt_flow_final_state(s->e, ev->run, "request", q->start_ns, ev->t_ns,
				      q->lossy || KT_CALL(s->bio, lossy, ev, &q->bios),
				      KT_STATE_OPEN);
	c.lossy = row.how == KT_STATE_LOSSY;
	if (!err && (q->seq || empty_flush || KT_BLK_OP(d->opf) == r->ops.flush))
		err = kt_rq_seq_ended(r, ev, q, empty_flush, row.how == KT_STATE_WHOLE, &c);
	if (!err)
		err = kt_rq_name_op(r, &row, opf, empty_flush);
	if (!err)
		err = kt_rq_write(s, q, &c, &row, ev->t_ns);
	if (!err)
		err = KT_CALL(s->bio, complete, ev, &q->bios, d->status, &c);
	kt_flush_way_put(c.way);
	if (!on_stack) {
		kt_rq_unlink(s, r, q);
		kt_slab_put(&s->rqs, q);
	}
	return err;
}

static int on_rq_complete(void *self, const struct kt_ev *ev)
{
	const struct kt_rq_complete *d = ev->data;
	struct kt_rq_state *s = self;
	struct kt_rq_run *r = kt_rq_run(s, ev->run);
	struct kt_rq unknown, *q;
	struct kt_bio_carrier c;
	bool another;
	int err;

	if (!r)
		return -ENOMEM;
	q = kt_hash_get(&r->live, d->rq);
	another = q && is_of_another(r, q, d);
	if (kt_unlikely(another)) {
		err = missed_end(s, q, ev);
		if (err)
			return err;
		q = NULL;
	}
	/* The kernel's own flush request is part of a sequence and has no other end. */
	if (d->flags & KT_RQ_FLUSH_SEQ ? KT_BLK_OP(d->opf) == r->ops.flush
				       : d->flags & KT_RQ_FINAL) {
		if (q)
			return end_rq(s, r, ev, q, false);
		err = meet_at_end(s, r, ev, &unknown);
		if (err)
			return err;
		if (another) { /* its bio was allocated the other one */
			unknown.start_ns = KT_NULL;
			unknown.got = false;
			unknown.lossy = true;
		}
		return end_rq(s, r, ev, &unknown, true);
	}
	count_stats(r, ev, q, 0, false);
	if (!q)
		return d->flags & KT_RQ_FLUSH_SEQ ? kt_flush_doubt(&r->flushes, d->dev, ev->t_ns)
						  : 0;
	q->left -= KT_MIN(q->left, d->bytes);
	q->first_bio = 0;
	if (d->flags & KT_RQ_FLUSH_SEQ) {
		q->in_sequence = true;
		return kt_rq_seq_data(r, ev, q);
	}
	err = kt_rq_remember(s, r, ev, q->id, s->bio.ops->last_id(&q->bios));
	if (err)
		return err;
	/* What follows is not known yet: it has been at the device until now. */
	c = kt_rq_stages(q, KT_NULL);
	return KT_CALL(s->bio, part, ev, &q->bios, d->bytes, d->status, &c);
}

/* ------------------------------------------------------------------ the service */

static int svc_completed(void *self, uint32_t run, uint32_t cpu, int64_t t_ns,
			 int64_t *ret_request_id, int64_t *ret_bio_id, int64_t *ret_end_ns)
{
	const struct kt_rq_state *s = self;
	const struct kt_rq_ended *x;
	const struct kt_rq_recent *c;
	const struct kt_rq_run *r;
	uint64_t low, high, first;

	if (run >= s->runs.n)
		return -ENOENT;
	r = s->runs.v[run];
	if (cpu >= r->recent.n || !r->recent.v[cpu])
		return -ENOENT;
	c = r->recent.v[cpu];
	/* The last one at or before t_ns: they are in time order. */
	low = c->n > KT_RQ_N_RECENT ? c->n - KT_RQ_N_RECENT : 0;
	first = low;
	for (high = c->n; low < high;) {
		uint64_t mid = low + (high - low) / 2;

		if (c->v[mid % KT_RQ_N_RECENT].end_ns <= t_ns)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == first)
		return -ENOENT;
	x = &c->v[(low - 1) % KT_RQ_N_RECENT];
	*ret_request_id = x->request_id;
	*ret_bio_id = x->bio_id;
	*ret_end_ns = x->end_ns;
	return 0;
}

static int svc_live(void *self, uint32_t run, uint64_t rq, int64_t *ret_request_id,
		    int64_t *ret_io_id)
{
	const struct kt_rq_state *s = self;
	const struct kt_rq *q = run < s->runs.n ? kt_hash_get(&s->runs.v[run]->live, rq) : NULL;

	if (!q)
		return -ENOENT;
	*ret_request_id = q->id;
	*ret_io_id = s->bio.ops->first_io(&q->bios);
	return 0;
}

static const struct kt_svc_request service = {
	.completed = svc_completed,
	.live = svc_live,
};

static int on_device(void *self, const struct kt_ev *ev)
{
	struct kt_rq_run *r = kt_rq_find_run(self, ev->run);

	return r ? kt_blk_stats_device(&r->stats, ev->data) : -ENOMEM;
}

/* ------------------------------------------------------------------ the tracker */

static int init(void *self, struct kt_engine *e)
{
	struct kt_rq_state *s = self;

	s->e = e;
	s->rqs.size = sizeof(struct kt_rq);
	s->seqs.size = sizeof(struct kt_flush_seq);
	s->names.ops = kt_service(e, "core", &s->names.self);
	s->bio.ops = kt_service(e, "bio", &s->bio.self);
	if (!s->names.ops || !s->bio.ops)
		return -EINVAL;
	return kt_service_provide(e, "request", &service, s);
}

static int context(void *self, uint32_t run, uint32_t phase, const char *name, const void *data,
		   size_t len)
{
	struct kt_rq_run *r = kt_rq_find_run(self, run);

	return r ? kt_blk_stats_context(&r->stats, phase, name, data, len) : -ENOMEM;
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	struct kt_rq_state *s = self;
	struct kt_rq_run *r = kt_rq_run(s, run);
	struct kt_rq *q, *newer;
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (q = kt_list_first(&s->by_age, struct kt_rq, age); q && !err; q = newer) {
		struct kt_blk_disk *d;

		newer = kt_list_next(q, age);
		if (q->run != run)
			continue;
		d = kt_blk_stats_disk(&r->stats, q->dev);
		if (d)
			d->open_end++;
		if (q->part_dev && q->part_dev != q->dev) {
			d = kt_blk_stats_disk(&r->stats, q->part_dev);
			if (d)
				d->open_end++;
		}
		err = kt_rq_close(s, q, KT_STATE_OPEN_AT_END);
	}
	if (!err)
		kt_hash_finish(&r->live);
	kt_rq_release_recent(s, r);
	return err;
}

static int done(void *self)
{
	struct kt_rq_state *s = self;
	int err = 0;

	for (uint32_t i = 0; i < s->runs.n && !err; i++) {
		struct kt_rq_run *r = s->runs.v[i];

		err = kt_blk_stats_audit(&r->stats, s->e, i, false);
		if (!err && r->n_evicted)
			err = kt_audit(s->e, i, "evicted requests", KT_NULL, r->n_evicted, 0, 0);
	}
	return err;
}

static void finish(void *self)
{
	struct kt_rq_state *s = self;

	for (size_t i = 0; i < s->runs.n; i++) {
		struct kt_rq_run *r = s->runs.v[i];

		kt_hash_finish(&r->live);
		for (unsigned int j = 0; j < KT_RQ_MAX_WALKS; j++)
			kt_vec_finish(&r->walks[j].bios);
		kt_blk_ops_finish(&r->ops);
		kt_blk_stats_finish(&r->stats);
		for (size_t j = 0; j < r->recent.n; j++)
			free(r->recent.v[j]);
		kt_vec_finish(&r->recent);
		kt_flushes_finish(&r->flushes);
		free(r);
	}
	kt_vec_finish(&s->runs);
	kt_slab_finish(&s->rqs);
	kt_slab_finish(&s->seqs);
	kt_blk_names_finish(&s->op_names);
}

static const char *const after[] = {"core", "bio", NULL};
static const struct kt_table *const tables[] = {&kt_rq_table, NULL};
static const struct kt_flow_kind *const flows[] = {&kt_request_kind, NULL};
static const struct kt_handler handlers[] = {
	{KT_EV_rq_get, on_rq_get},
	{KT_EV_rq_insert, on_rq_insert},
	{KT_EV_rq_issue, on_rq_issue},
	{KT_EV_rq_bios, on_rq_bios},
	{KT_EV_rq_requeue, on_rq_requeue},
	{KT_EV_rq_merge, on_rq_merge},
	{KT_EV_rq_complete, on_rq_complete},
	{KT_EV_device, on_device},
	{0},
};

const struct kt_tracker kt_tracker_request = {
	.family = "request",
	.after = after,
	.tables = tables,
	.flows = flows,
	.on = handlers,
	.stage_select = kt_blk_request_stages,
	.views = kt_blk_request_views,
	.state_size = sizeof(struct kt_rq_state),
	.init = init,
	.context = context,
	.ended = ended,
	.done = done,
	.finish = finish,
};
