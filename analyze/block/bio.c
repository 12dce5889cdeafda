// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker bio: its events, and the service by which requests carry bios. The lives
 * themselves: bio_life.h.
 */
#include "analyze/engine/tracker.h"

#include <errno.h>

#include "analyze/block/bio_life.h"
#include "analyze/block/request_service.h"
#include "format/base/macros.h"

#define MAX_REMAPS 4096 /* per run, remaps whose bio was not queued yet */
#define MAX_PARENT_STEPS \
	4096 /* bios on bio-based disks looked at for a clone's parent, newest first */

/* The live bio of an event that is not a birth; one not seen before has no start. */
static int live_or_new(struct kt_bio_state *s, const struct kt_ev *ev, uint64_t addr, uint32_t dev,
		       struct kt_bio **ret)
{
	struct kt_bio_run *r = kt_bio_run(s, ev->run);
	struct kt_bio *b;
	int err;

	if (!r)
		return -ENOMEM;
	b = kt_hash_get(&r->live, addr);
	/*
	 * A bio that a request carries, or that only waits for its children, does not ask for a
	 * request: this is a new life.
	 */
	if (kt_unlikely(!b || b->list || b->own_end_ns != KT_NULL)) {
		err = kt_bio_birth(s, r, ev, addr, &b);
		if (err)
			return err;
		b->dev = dev;
		b->device_id = KT_CALL(s->names, device, ev->run, dev);
	}
	*ret = b;
	return 0;
}

/*
 * dm and md give a clone's device and sector above, not its parent: that is the live bio there
 * that contains the sector, the newest if several do.
 */
static struct kt_bio *clone_parent(struct kt_bio_run *r, const struct kt_bio *b,
				   const struct kt_bio_remap_to *m)
{
	struct kt_bio *p = kt_list_last(&r->based, struct kt_bio, based_age);

	for (int i = 0; p && i < MAX_PARENT_STEPS; i++, p = kt_list_prev(p, based_age)) {
		bool inside = m->from_sector - p->sector < p->bytes >> 9 ||
			      (!p->bytes && !b->bytes && m->from_sector == p->sector);

		if (p != b && p->sized && inside && KT_BLK_OP(p->opf) == KT_BLK_OP(b->opf) &&
		    (p->dev == m->from_dev || kt_blk_stats_whole(&r->stats, p->dev) == m->from_dev))
			return p;
	}
	return NULL;
}

static int on_bio_queue(void *self, const struct kt_ev *ev)
{
	const struct kt_bio_queue *d = ev->data;
	struct kt_bio_state *s = self;
	struct kt_bio_run *r = kt_bio_run(s, ev->run);
	struct kt_bio_remap_to *m;
	struct kt_bio *b, *p;
	int err;

	if (!r)
		return -ENOMEM;
	err = kt_bio_birth(s, r, ev, d->bio, &b);
	if (err)
		return err;
	b->start_ns = ev->t_ns;
	b->sector = d->sector;
	b->bytes = b->rest = b->left = d->bytes;
	b->dev = d->dev;
	b->opf = d->opf;
	b->sized = b->opf_known = true;
	b->device_id = KT_CALL(s->names, device, ev->run, d->dev);
	b->utid = KT_CALL(s->names, utid, ev->run, d->tid, d->tgid);
	b->ucgid = KT_CALL(s->names, ucgid, ev->run, KT_CGROUP_V2, d->cgroup);
	b->blkcg_ucgid = KT_CALL(s->names, ucgid, ev->run, KT_CGROUP_IO, d->blkcg);
	b->tid = d->tid;
	b->tgid = d->tgid;
	b->ino_dev = d->ino_dev;
	if (d->ino)
		b->ino = d->ino;
	if (d->offset >= 0)
		b->offset = d->offset;
	b->swapout = (d->flags & KT_BIO_SWAP) && (d->opf & 1);
	if (d->flags & KT_BIO_BASED)
		kt_bio_set_based(r, b);
	m = kt_unlikely(r->remaps.n) ? kt_hash_del(&r->remaps, d->bio) : NULL;
	if (m) {
		p = clone_parent(r, b, m);
		if (p) {
			b->parent_id = p->id;
			b->clone = true;
			b->cause = p->cause;
			if (b->cause.io_id != KT_NULL)
				b->cause.link = "inferred";
			err = kt_flow_link(s->e, &kt_bio_kind, b->id, &kt_bio_kind, p->id);
		}
		kt_slab_put(&s->remaps, m);
	}
	for (size_t i = 0; i < s->watches.n && !err; i++)
		if (s->watches.v[i].o->queued)
			err = s->watches.v[i].o->queued(s->watches.v[i].arg, ev, d, b->id,
							b->parent_id, &b->cause);
	return err;
}

static int on_bio_split(void *self, const struct kt_ev *ev)
{
	const struct kt_bio_split *d = ev->data;
	struct kt_bio_state *s = self;
	struct kt_bio_run *r = kt_bio_run(s, ev->run);
	struct kt_bio *b, *p;
	int err;

	if (!r)
		return -ENOMEM;
	b = kt_hash_get(&r->live, d->bio);
	p = kt_hash_get(&r->live, d->parent);
	/* Since 6.1 at the latest, dm does not split off a front: it shortens the bio to the rest. */
	if (kt_unlikely(b && b->based && b->sized && !p &&
			d->sector + (d->bytes >> 9) == b->sector + (b->bytes >> 9))) {
		b->n_cuts++;
		return 0;
	}
	err = kt_bio_birth(s, r, ev, d->bio, &b);
	if (err)
		return err;
	b->start_ns = ev->t_ns;
	b->sector = d->sector;
	b->bytes = b->rest = b->left = d->bytes;
	b->dev = d->dev;
	b->opf = d->opf;
	b->sized = b->opf_known = true;
	b->device_id = KT_CALL(s->names, device, ev->run, d->dev);
	p = kt_hash_get(&r->live, d->parent);
	if (!p || p == b)
		return 0;
	b->parent = p;
	b->parent_id = p->id;
	b->utid = p->utid;
	b->ucgid = p->ucgid;
	b->blkcg_ucgid = p->blkcg_ucgid;
	b->ino = p->ino;
	b->ino_dev = p->ino_dev;
	b->tid = p->tid;
	b->tgid = p->tgid;
	b->cause = p->cause;
	if (p->offset != KT_NULL)
		b->offset = p->offset + (int64_t)((d->sector - p->sector) << 9);
	if (p->based)
		kt_bio_set_based(r, b);
	p->n_children++;
	p->rest -= KT_MIN(p->rest, d->bytes);
	p->left -= KT_MIN(p->left, d->bytes);
	return kt_flow_link(s->e, &kt_bio_kind, b->id, &kt_bio_kind, p->id);
}

static void forget_remaps(struct kt_bio_state *s, struct kt_bio_run *r)
{
	for (size_t i = 0; r->remaps.slots && i <= r->remaps.mask; i++)
		if (r->remaps.slots[i].value)
			kt_slab_put(&s->remaps, r->remaps.slots[i].value);
	kt_hash_finish(&r->remaps);
}

static int on_bio_remap(void *self, const struct kt_ev *ev)
{
	const struct kt_bio_remap *d = ev->data;
	struct kt_bio_state *s = self;
	struct kt_bio_run *r = kt_bio_run(s, ev->run);
	struct kt_bio_remap_to *m;

	if (!r)
		return -ENOMEM;
	/* raid0 and linear pass on the bio itself: it is not queued again. */
	if (kt_hash_get(&r->live, d->bio))
		return 0;
	m = kt_hash_get(&r->remaps, d->bio);
	if (!m) {
		int err;

		/* Only lost events leave so many behind: discard them. */
		if (r->remaps.n >= MAX_REMAPS)
			forget_remaps(s, r);
		m = kt_slab_get(&s->remaps);
		if (!m)
			return -ENOMEM;
		err = kt_hash_put(&r->remaps, d->bio, m);
		if (err) {
			kt_slab_put(&s->remaps, m);
			return err;
		}
	}
	m->from_dev = d->from_dev;
	m->from_sector = d->from_sector;
	return 0;
}

static int on_bio_merge(void *self, const struct kt_ev *ev)
{
	const struct kt_bio_merge *d = ev->data;
	struct kt_bio *b;
	int err = live_or_new(self, ev, d->bio, d->dev, &b);

	if (!err)
		b->join_ns = ev->t_ns;
	return err;
}

static int on_bio_complete(void *self, const struct kt_ev *ev)
{
	const struct kt_bio_complete *d = ev->data;
	struct kt_bio_state *s = self;
	struct kt_bio_run *r = kt_bio_run(s, ev->run);
	struct kt_bio *b;
	int err;

	if (!r)
		return -ENOMEM;
	b = kt_hash_get(&r->live, d->bio);
	if (!b) {
		struct kt_blk_disk *disk =
			kt_blk_stats_disk(&r->stats, kt_blk_stats_whole(&r->stats, d->dev));

		err = kt_bio_new(s, r, ev->run, d->bio, &b);
		if (err)
			return err;
		b->dev = d->dev;
		b->opf = d->opf;
		b->opf_known = true;
		b->device_id = KT_CALL(s->names, device, ev->run, d->dev);
		if (disk && disk->bio_based == 1) {
			disk->open_start++;
			kt_bio_set_based(r, b);
		}
	}
	/*
	 * The kernel's tracepoint fires when the last child has ended: those still open were
	 * missed.
	 */
	if (b->n_children) {
		b->n_children = 0;
		b->lossy = true;
	}
	/*
	 * The request that carries it did not say so, but the end is certain. Its stages are
	 * known when the request ends.
	 */
	if (b->list) {
		b->list->partly = true;
		if (b->list->next == b)
			b->list->next = kt_list_next(b, in_list);
	}
	/*
	 * Its request already reported it complete: this is only the end of the wait for its
	 * children.
	 */
	if (b->own_end_ns != KT_NULL) {
		b->status = d->status;
		return kt_bio_end(s, b, ev->t_ns, KT_STATE_OPEN);
	}
	return kt_bio_own_end(s, b, ev->t_ns, d->status);
}

/* ------------------------------------------------------------------ the service */

static struct kt_bio *find_bio(struct kt_bio_state *s, uint32_t run, uint64_t addr)
{
	return kt_likely(run < s->runs.n) ? kt_hash_get(&s->runs.v[run]->live, addr) : NULL;
}

static int svc_got(void *self, const struct kt_ev *ev, uint64_t bio, uint32_t dev)
{
	struct kt_bio *b;
	int err = live_or_new(self, ev, bio, dev, &b);

	if (err)
		return err;
	b->got_ns = b->join_ns = ev->t_ns;
	b->moved = false;
	return 0;
}

static int svc_moved(void *self, const struct kt_ev *ev, uint64_t bio)
{
	struct kt_bio *b = find_bio(self, ev->run, bio);

	/* A bio that was never seen, or has a new life, becomes known when it is issued. */
	if (!b || b->own_end_ns != KT_NULL)
		return 0;
	if (b->list) {
		kt_bio_list_remove(b);
		b->lossy = true;
	}
	b->join_ns = ev->t_ns;
	b->moved = true;
	return 0;
}

static int64_t own_got_ns(const struct kt_bio *b)
{
	return b->moved ? KT_NULL : b->got_ns;
}

static int64_t svc_got_ns(void *self, uint32_t run, uint64_t bio)
{
	const struct kt_bio *b = find_bio(self, run, bio);

	return b ? own_got_ns(b) : KT_NULL;
}

static int svc_carry(void *self, const struct kt_ev *ev, uint64_t bio, int64_t request_id,
		     struct kt_bio_list *list, bool adopt, int64_t *ret_got_ns)
{
	struct kt_bio_state *s = self;
	struct kt_bio_run *r = kt_bio_run(s, ev->run);
	struct kt_bio *b;
	int err = 0;

	if (!r)
		return -ENOMEM;
	b = kt_hash_get(&r->live, bio);
	if (kt_unlikely(!b && !adopt)) {
		*ret_got_ns = KT_NULL;
		return 0;
	}
	/* Somebody else's bio, which the filter left out, in the same request as a matching one. */
	if (kt_unlikely(r->filtered && (!b || b->own_end_ns != KT_NULL) &&
			!(b && b->list == list))) {
		list->foreign = true;
		*ret_got_ns = KT_NULL;
		return 0;
	}
	if (kt_unlikely(!b || (b->own_end_ns != KT_NULL && b->list != list)))
		err = kt_bio_birth(s, r, ev, bio, &b);
	if (err)
		return err;
	*ret_got_ns = own_got_ns(b);
	if (b->list == list)
		return 0;
	if (kt_unlikely(b->list)) {
		kt_bio_list_remove(b);
		b->lossy = true;
	}
	if (b->request_id == KT_NULL) {
		b->request_id = request_id;
	} else if (b->request_id != request_id) {
		struct kt_bio_extra_row row = {.bio_id = b->id, .request_id = request_id};

		err = kt_flow_insert(s->e, &kt_bio_kind, b->id, &kt_bio_extra_table, &row);
	}
	if (!err)
		err = kt_flow_link(s->e, &kt_bio_kind, b->id, &kt_request_kind, request_id);
	if (err)
		return err;
	b->carried = true;
	b->settled = false;
	kt_bio_list_append(list, b);
	return 1;
}

static struct kt_bio *first_of(const struct kt_bio_list *list)
{
	return kt_list_first(&list->bios, struct kt_bio, in_list);
}

static void svc_settle(void *self, struct kt_bio_list *list, int64_t start_ns, int64_t queue_ns,
		       int64_t issue_ns)
{
	struct kt_bio_state *s = self;

	for (struct kt_bio *b = first_of(list); b; b = kt_list_next(b, in_list)) {
		if (b->settled)
			continue;
		b->settled = true;
		/* The join was not seen: `alloc` lasts to the carrier's next mark. A hole hid it, or there is no event for it. */
		if (b->join_ns == KT_NULL && b->start_ns != KT_NULL && issue_ns != KT_NULL &&
		    kt_hidden(s->e, b->run, b->start_ns, issue_ns, KT_ANY_CPU, 0))
			b->lossy = true;
		if (b->join_ns == KT_NULL)
			b->join_ns = queue_ns != KT_NULL && queue_ns >= b->start_ns ? queue_ns
										    : issue_ns;
		if (b->join_ns != KT_NULL)
			b->join_ns = KT_MAX(b->join_ns, start_ns);
	}
}

/* As blk_update_request(): a bio of which only a part is complete waits for the rest. */
static int svc_part(void *self, const struct kt_ev *ev, struct kt_bio_list *list, uint64_t bytes,
		    uint32_t status, const struct kt_bio_carrier *c)
{
	struct kt_bio *b = list->next, *next;
	int err = 0;

	list->partly = list->partly || bytes;
	/* How many bytes belong to unknown bios? Those complete with the request. */
	if (kt_unlikely(list->foreign))
		return 0;
	for (; b && b->sized && bytes && bytes >= b->left && !err; b = next) {
		next = kt_list_next(b, in_list);
		bytes -= b->left;
		if (b->own_end_ns != KT_NULL)
			continue;
		b->left = 0;
		list->next = next;
		b->own_end_ns = ev->t_ns;
		b->lossy |= c->lossy;
		kt_bio_share(b, c);
		err = kt_bio_own_end(self, b, ev->t_ns, status);
	}
	if (!err && b && b->sized)
		b->left -= KT_MIN(b->left, bytes);
	return err;
}

static int svc_complete(void *self, const struct kt_ev *ev, struct kt_bio_list *list,
			uint32_t status, const struct kt_bio_carrier *c)
{
	struct kt_bio *b;
	int err = 0;

	while ((b = first_of(list)) && !err) {
		bool was_complete = b->own_end_ns != KT_NULL;

		b->own_end_ns = was_complete ? b->own_end_ns : ev->t_ns;
		b->lossy |= c->lossy;
		kt_bio_share(b, c);
		kt_bio_list_remove(b);
		if (b->written)
			err = kt_bio_forget(self, b);
		else if (!was_complete)
			err = kt_bio_own_end(self, b, ev->t_ns, status);
	}
	return err;
}

static int svc_drop(void *self, struct kt_bio_list *list, enum kt_bio_drop how,
		    const struct kt_bio_carrier *c)
{
	struct kt_bio *b;
	int err = 0;

	while ((b = first_of(list)) && !err) {
		kt_bio_share(b, c);
		kt_bio_list_remove(b);
		if (b->written) {
			err = kt_bio_forget(self, b);
			continue;
		}
		if (how == KT_BIO_DROP_LOST)
			b->lossy = true;
		if (how == KT_BIO_DROP_MERGED) {
			b->request_id = KT_NULL;
			b->carried = false;
		}
	}
	return err;
}

static int svc_look(void *self, uint32_t run, uint64_t bio, uint32_t *ret_bytes, uint32_t *ret_opf,
		    uint32_t *ret_dev)
{
	const struct kt_bio *b = find_bio(self, run, bio);

	if (!b || !b->sized)
		return -ENOENT;
	*ret_bytes = b->bytes;
	*ret_opf = b->opf;
	*ret_dev = b->dev;
	return 0;
}

static bool svc_lossy(void *self, const struct kt_ev *ev, const struct kt_bio_list *list)
{
	struct kt_bio_state *s = self;

	for (const struct kt_bio *b = first_of(list); b; b = kt_list_next(b, in_list))
		if (b->lossy ||
		    kt_flow_state(s->e, b->run, b->start_ns, ev->t_ns) == KT_STATE_LOSSY)
			return true;
	return false;
}

static int64_t svc_last_id(const struct kt_bio_list *list)
{
	const struct kt_bio *b = kt_list_last(&list->bios, struct kt_bio, in_list);

	return b ? b->id : KT_NULL;
}

static int64_t svc_first_io(const struct kt_bio_list *list)
{
	const struct kt_bio *b = first_of(list);

	return b ? b->cause.io_id : KT_NULL;
}

static int svc_observe(void *self, const struct kt_bio_observer *o, void *arg)
{
	struct kt_bio_state *s = self;
	struct kt_bio_watch w = {o, arg};

	return kt_vec_push(&s->watches, w);
}

static const struct kt_svc_bio service = {
	.got = svc_got,
	.moved = svc_moved,
	.got_ns = svc_got_ns,
	.carry = svc_carry,
	.settle = svc_settle,
	.part = svc_part,
	.complete = svc_complete,
	.drop = svc_drop,
	.look = svc_look,
	.lossy = svc_lossy,
	.last_id = svc_last_id,
	.first_io = svc_first_io,
	.observe = svc_observe,
};

static int on_device(void *self, const struct kt_ev *ev)
{
	struct kt_bio_run *r = kt_bio_find_run(self, ev->run);

	return r ? kt_blk_stats_device(&r->stats, ev->data) : -ENOMEM;
}

/* ------------------------------------------------------------------ the tracker */

static int init(void *self, struct kt_engine *e)
{
	struct kt_bio_state *s = self;

	s->e = e;
	s->bios.size = sizeof(struct kt_bio);
	s->remaps.size = sizeof(struct kt_bio_remap_to);
	s->names.ops = kt_service(e, "core", &s->names.self);
	if (!s->names.ops)
		return -EINVAL;
	return kt_service_provide(e, "bio", &service, s);
}

static int context(void *self, uint32_t run, uint32_t phase, const char *name, const void *data,
		   size_t len)
{
	struct kt_bio_run *r = kt_bio_find_run(self, run);

	return r ? kt_blk_stats_context(&r->stats, phase, name, data, len) : -ENOMEM;
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	struct kt_bio_state *s = self;
	struct kt_bio_run *r = kt_bio_run(s, run);
	struct kt_bio *b, *newer;
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (b = kt_list_first(&s->by_age, struct kt_bio, age); b && !err; b = newer) {
		newer = kt_list_next(b, age);
		if (b->run != run)
			continue;
		if (b->based && b->dev) {
			struct kt_blk_disk *d =
				kt_blk_stats_disk(&r->stats, kt_blk_stats_whole(&r->stats, b->dev));

			if (d)
				d->open_end++;
		}
		err = kt_bio_close(s, b, KT_STATE_OPEN_AT_END);
	}
	forget_remaps(s, r);
	if (!err)
		kt_hash_finish(&r->live);
	return err;
}

static int done(void *self)
{
	struct kt_bio_state *s = self;
	int err = 0;

	for (uint32_t i = 0; i < s->runs.n && !err; i++) {
		struct kt_bio_run *r = s->runs.v[i];

		err = kt_blk_stats_audit(&r->stats, s->e, i, true);
		if (!err && r->n_evicted)
			err = kt_audit(s->e, i, "evicted bios", KT_NULL, r->n_evicted, 0, 0);
	}
	return err;
}

static void finish(void *self)
{
	struct kt_bio_state *s = self;

	for (size_t i = 0; i < s->runs.n; i++) {
		struct kt_bio_run *r = s->runs.v[i];

		kt_hash_finish(&r->live);
		kt_hash_finish(&r->remaps);
		kt_blk_ops_finish(&r->ops);
		kt_blk_stats_finish(&r->stats);
		free(r);
	}
	kt_vec_finish(&s->runs);
	kt_vec_finish(&s->watches);
	kt_slab_finish(&s->bios);
	kt_slab_finish(&s->remaps);
	kt_blk_names_finish(&s->op_names);
}

static const char *const after[] = {"core", NULL};
static const struct kt_table *const tables[] = {&kt_bio_table, &kt_bio_extra_table, NULL};
static const struct kt_flow_kind *const flows[] = {&kt_bio_kind, NULL};
static const struct kt_handler handlers[] = {
	{KT_EV_bio_queue, on_bio_queue},
	{KT_EV_bio_split, on_bio_split},
	{KT_EV_bio_remap, on_bio_remap},
	{KT_EV_bio_merge, on_bio_merge},
	{KT_EV_bio_complete, on_bio_complete},
	{KT_EV_device, on_device},
	{0},
};

const struct kt_tracker kt_tracker_bio = {
	.family = "bio",
	.after = after,
	.tables = tables,
	.flows = flows,
	.on = handlers,
	.stage_select = kt_blk_bio_stages,
	.views = kt_blk_bio_views,
	.stats_views = kt_blk_stats_views,
	.indexes =
		"CREATE INDEX bio_request_id ON bio(request_id);\n"
		"CREATE INDEX bio_io_id ON bio(io_id) WHERE io_id IS NOT NULL;\n"
		"CREATE INDEX bio_parent ON bio(parent_bio_id) WHERE parent_bio_id IS NOT NULL;\n"
		"CREATE INDEX bio_parent_request ON bio(parent_request_id)\n"
		"  WHERE parent_request_id IS NOT NULL;\n"
		"CREATE INDEX bio_request_extra_bio ON bio_request_extra(bio_id);\n",
	.state_size = sizeof(struct kt_bio_state),
	.init = init,
	.context = context,
	.ended = ended,
	.done = done,
	.finish = finish,
};
