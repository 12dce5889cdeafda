// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/block/bio_life.h"

#include <errno.h>
#include <string.h>

#include "analyze/engine/flow.h"
#include "format/base/macros.h"

#define MAX_OPEN (1u << 18) /* upper bound on live bios, all runs; the oldest is evicted */

/* ------------------------------------------------------------------ the tables */

struct bio_row {
	int64_t bio_id, run_id, io_id;
	const char *link;
	int64_t parent_bio_id, parent_request_id, request_id;
	const char *op, *flags;
	int64_t device_id, sector, size_bytes, start_ns, dur_ns, alloc_ns, device_ns, endio_ns,
		utid, ucgid, blkcg_ucgid, ino, error;
	const char *state;
};

#define COL(c, type, unit, doc) KT_COL(bio_row, c, KT_COL_##type, unit, doc)
static const struct kt_col bio_cols[] = {
	COL(bio_id, ID, "", "one life of a bio, in order of birth"),
	COL(run_id, INT, "", "run"),
	COL(io_id, INT, "", "the operation that caused it"),
	COL(link, TEXT, "", "how its cause (of a clone: its parent) is known: exact | inferred"),
	COL(parent_bio_id, INT, "", "the bio it was split off from, or is a clone of"),
	COL(parent_request_id, INT, "", "the upper request of a stacked loop disk"),
	COL(request_id, INT, "",
	    "the request that carried it; any others are in bio_request_extra"),
	COL(op, TEXT, "", "REQ_OP_* in lower case; flush: a PREFLUSH without data"),
	COL(flags, TEXT, "", "REQ_* flags, as sync|fua"),
	COL(device_id, INT, "", "device as submitted: may be a partition"),
	COL(sector, INT, "sectors", "first 512-byte sector, on the disk"),
	COL(size_bytes, INT, "bytes", "as queued; add up only WHERE parent_bio_id IS NULL"),
	COL(start_ns, INT, "ns", "when it was queued, or split off"),
	COL(dur_ns, INT, "ns", "until its end"),
	COL(alloc_ns, INT, "ns", "until it got or joined a request: tags, throttling, wbt"),
	COL(device_ns, INT, "ns", "on a disk that takes bios directly: until complete"),
	COL(endio_ns, INT, "ns", "from its own completion until its split children ended"),
	COL(utid, INT, "", "task that submitted it"),
	COL(ucgid, INT, "", "v2 cgroup of that task"),
	COL(blkcg_ucgid, INT, "", "cgroup the kernel charges, in the io controller's hierarchy"),
	COL(ino, INT, "", "inode of its first page, if that is in the page cache"),
	COL(error, INT, "", "negative errno; 0 = none"),
	COL(state, TEXT, "", "whole | open_at_start | open_at_end | lossy | evicted | duplicate"),
};
#undef COL

const struct kt_table kt_bio_table = {
	.name = "bio",
	.doc = "one row per bio: what a file system or a block device asked of a disk",
	.cols = bio_cols,
	.n_cols = KT_ARRAY_SIZE(bio_cols),
};

static const struct kt_col extra_cols[] = {
	KT_COL(kt_bio_extra_row, bio_id, KT_COL_INT, "", "bio"),
	KT_COL(kt_bio_extra_row, request_id, KT_COL_INT, "", "a further request that carried it"),
};

const struct kt_table kt_bio_extra_table = {
	.name = "bio_request_extra",
	.doc = "pairs of bio and request beyond bio.request_id; view bio_request has all pairs",
	.cols = extra_cols,
	.n_cols = KT_ARRAY_SIZE(extra_cols),
};

/* ------------------------------------------------------------------ runs, lists */

struct kt_bio_run *kt_bio_find_run(struct kt_bio_state *s, uint32_t run)
{
	return kt_vec_zeroed(&s->runs, run);
}

/* The run of an event: its constants are known by now. */
struct kt_bio_run *kt_bio_run(struct kt_bio_state *s, uint32_t run)
{
	struct kt_bio_run *r =
		kt_likely(run < s->runs.n) ? s->runs.v[run] : kt_bio_find_run(s, run);

	if (kt_likely(r && r->ready))
		return r;
	if (!r || kt_blk_ops_init(&r->ops, kt_run_consts(s->e, run), &s->op_names))
		return NULL;
	r->filtered = kt_run_filtered(s->e, run);
	r->ready = true;
	return r;
}

void kt_bio_list_append(struct kt_bio_list *l, struct kt_bio *b)
{
	b->list = l;
	kt_list_append(&l->bios, &b->in_list);
	if (!l->next)
		l->next = b;
}

void kt_bio_list_remove(struct kt_bio *b)
{
	struct kt_bio_list *l = b->list;

	if (!l)
		return;
	if (l->next == b)
		l->next = kt_list_next(b, in_list);
	kt_list_remove(&l->bios, &b->in_list);
	b->list = NULL;
}

/* No longer alive; keeps the memory. */
static void unlink_live(struct kt_bio_state *s, struct kt_bio *b)
{
	struct kt_bio_run *r = s->runs.v[b->run];

	kt_hash_del(&r->live, b->addr);
	kt_list_remove(&s->by_age, &b->age);
	if (b->based)
		kt_list_remove(&r->based, &b->based_age);
	s->n_open--;
}

void kt_bio_set_based(struct kt_bio_run *r, struct kt_bio *b)
{
	b->based = true;
	kt_list_append(&r->based, &b->based_age);
}

/* ------------------------------------------------------------------ stages and rows */

/* The part of a stage [from, to] that lies in the bio's life with its carrier, [join, end]. */
static int64_t clip(int64_t from, int64_t to, int64_t join, int64_t end)
{
	int64_t a = KT_MAX(from, join), b = KT_MIN(to, end);

	if (b > a)
		return b - a;
	return from == to && from >= join && from <= end ? 0 : KT_NULL;
}

/*
 * The bio's share of its carrier's stages, as view `stage` (views.c) derives them from the
 * rows.
 */
void kt_bio_share(struct kt_bio *b, const struct kt_bio_carrier *c)
{
	const int64_t dur[] = {c->plug_ns, c->queue_ns, c->device_ns, c->complete_ns};
	int64_t at = c->start_ns;

	for (int i = 0; i < KT_BIO_N_SHARES; i++)
		b->share_ns[i] = b->mark_ns[i] = KT_NULL;
	/* A carrier without a start has no known stage: `alloc` lasts to the end. */
	if (at == KT_NULL)
		b->join_ns = KT_NULL;
	if (b->join_ns == KT_NULL || b->own_end_ns == KT_NULL)
		return;
	b->shared = true;
	kt_flush_way_put(b->way);
	b->way = kt_flush_way_get(c->way);
	if (b->way)
		return;
	for (int i = 0; i < KT_BIO_N_SHARES; i++) {
		if (dur[i] == KT_NULL)
			continue;
		b->share_ns[i] = clip(at, at + dur[i], b->join_ns, b->own_end_ns);
		if (b->share_ns[i] != KT_NULL)
			b->mark_ns[i] = KT_MAX(at, b->join_ns);
		at += dur[i];
	}
	/* A part was complete, and the carrier's own end was not seen. */
	if (c->device_ns == KT_NULL && b->own_end_ns > KT_MAX(at, b->join_ns)) {
		b->mark_ns[KT_BIO_MARK_DEVICE] = KT_MAX(at, b->join_ns);
		b->share_ns[KT_BIO_MARK_DEVICE] = b->own_end_ns - b->mark_ns[KT_BIO_MARK_DEVICE];
	}
}

static const char *op_name(struct kt_bio_run *r, const struct kt_bio *b, const struct kt_blk_opf *o)
{
	return b->sized && kt_blk_is_empty_flush(&r->ops, b->opf, b->bytes) ? r->ops.flush_name
									    : o->op;
}

static int count_share(struct kt_bio_state *s, const struct kt_bio *b)
{
	int64_t ns[KT_FLOW_MAX_STAGES];

	for (int i = 0; i < KT_FLOW_MAX_STAGES; i++)
		ns[i] = KT_NULL;
	for (int i = 0; !b->way && i < KT_BIO_N_SHARES; i++)
		ns[kt_bio_stage(i)] = b->share_ns[i];
	for (int i = 0; b->way && i < KT_IO_N_STAGES; i++)
		ns[i] = kt_flush_way_sum(b->way, i, b->join_ns, b->own_end_ns);
	return kt_flow_stages(s->e, b->ref, b->own_end_ns, ns);
}

/* Adds its share of the carrier's stages to the statistics and forgets the bio. */
int kt_bio_forget(struct kt_bio_state *s, struct kt_bio *b)
{
	int err = b->counts && b->shared ? count_share(s, b) : 0;

	kt_flush_way_put(b->way);
	kt_flush_way_put(b->child_way);
	b->id = 0;
	kt_slab_put(&s->bios, b);
	return err;
}

static bool child_was_last(const struct kt_bio *b)
{
	return b->child_end_ns != KT_NULL && b->child_end_ns > b->own_end_ns;
}

/* The marks, or the way, as struct kt_bio_done has them: its own, or those of its last child. */
static const int64_t *last_marks(const struct kt_bio *b)
{
	return child_was_last(b) ? b->child_mark_ns : b->mark_ns;
}

static struct kt_flush_way *last_way(const struct kt_bio *b)
{
	return child_was_last(b) ? b->child_way : b->way;
}

static int tell_end(struct kt_bio_state *s, const struct kt_bio *b, int64_t end, const char *op,
		    enum kt_state state)
{
	struct kt_bio_done d = {
		.run = b->run,
		.bio_id = b->id,
		.io_id = b->cause.io_id,
		.request_id = b->request_id,
		.parent_bio_id = b->parent_id,
		.parent_request_id = b->cause.parent_request_id,
		.device_id = b->device_id,
		.start_ns = b->start_ns,
		.end_ns = end,
		.op = op,
		.ino = b->ino != KT_NULL ? (uint64_t)b->ino : 0,
		.sector = b->sector,
		.ino_dev = b->ino_dev,
		.bytes = b->bytes,
		.offset = b->offset,
		.tid = b->tid,
		.tgid = b->tgid,
		.state = state,
		.swapout = b->swapout,
		.way = last_way(b),
	};
	int err = 0;

	memcpy(d.mark_ns, last_marks(b), sizeof(b->mark_ns));
	d.mark_ns[KT_BIO_MARK_ENDIO] = KT_NULL;
	for (size_t i = 0; i < s->watches.n && !err; i++)
		if (s->watches.v[i].o->ended)
			err = s->watches.v[i].o->ended(s->watches.v[i].arg, &d);
	return err;
}

static int count(struct kt_bio_state *s, struct kt_bio *b, const struct bio_row *row, int64_t end,
		 enum kt_state state)
{
	struct kt_flow f;

	kt_flow_init(&f, b->run, b->id);
	f.state = state;
	f.kind = row->parent_bio_id != KT_NULL ? "part" : NULL;
	f.op = row->op;
	f.via = row->io_id != KT_NULL ? row->link : NULL;
	f.object_id = row->device_id;
	f.utid = row->utid;
	f.ucgid = row->ucgid;
	f.error = row->error != 0 ? row->error : KT_NULL;
	f.end_ns = end;
	f.dur_ns = row->dur_ns;
	f.size_bytes = row->size_bytes;
	f.stage_ns[KT_IO_STAGE_ALLOC] = row->alloc_ns;
	f.stage_ns[KT_IO_STAGE_DEVICE] = f.served_ns = row->device_ns;
	f.stage_ns[KT_IO_STAGE_ENDIO] = row->endio_ns;
	f.served_from_ns = row->device_ns != KT_NULL ? row->start_ns : KT_NULL;
	return kt_flow_end(s->e, &kt_bio_kind, &f, &b->ref);
}

/*
 * Writes the row; the bio is no longer alive. end KT_NULL: not seen. state: see enum kt_state. A stage still open is NULL in the row.
 */
static int write_row(struct kt_bio_state *s, struct kt_bio *b, int64_t end, enum kt_state state)
{
	struct kt_bio_run *r = s->runs.v[b->run];
	const struct kt_blk_opf *o = NULL;
	bool born = b->start_ns != KT_NULL;
	struct bio_row row = {
		.bio_id = b->id,
		.run_id = b->run + 1,
		.io_id = b->cause.io_id,
		.link = b->clone ? "inferred" : b->cause.link,
		.parent_bio_id = b->parent_id,
		.parent_request_id = b->cause.parent_request_id,
		.request_id = b->request_id,
		.device_id = b->device_id,
		.sector = b->sized ? (int64_t)b->sector : KT_NULL,
		.size_bytes = b->sized ? (int64_t)b->bytes : KT_NULL,
		.start_ns = b->start_ns,
		.dur_ns = born && end != KT_NULL ? end - b->start_ns : KT_NULL,
		.alloc_ns = KT_NULL,
		.device_ns = KT_NULL,
		.endio_ns = KT_NULL,
		.utid = b->utid,
		.ucgid = b->ucgid,
		.blkcg_ucgid = b->blkcg_ucgid,
		.ino = b->ino,
		.error = end != KT_NULL ? kt_blk_errno(b->status) : KT_NULL,
	};
	int err;

	if (b->opf_known) {
		o = kt_blk_opf(&r->ops, b->opf);
		if (!o)
			return -ENOMEM;
		row.op = op_name(r, b, o);
		row.flags = o->flags;
	}
	if (born && b->join_ns != KT_NULL && (b->carried || b->own_end_ns == KT_NULL))
		row.alloc_ns = b->join_ns - b->start_ns;
	else if (born && b->own_end_ns != KT_NULL && b->based && !b->carried)
		row.device_ns = b->own_end_ns - b->start_ns;
	else if (born && b->own_end_ns != KT_NULL)
		row.alloc_ns = b->own_end_ns - b->start_ns;
	if (end != KT_NULL && b->own_end_ns != KT_NULL && end > b->own_end_ns)
		row.endio_ns = end - b->own_end_ns;
	state = kt_flow_final_state(s->e, b->run, "bio", b->start_ns, end,
				    b->lossy || (state == KT_STATE_OPEN && end == KT_NULL), state);
	row.state = kt_state_name(state);
	b->counts = state == KT_STATE_WHOLE;
	err = kt_flow_insert(s->e, &kt_bio_kind, b->id, &kt_bio_table, &row);
	if (!err)
		err = count(s, b, &row, end, state);
	if (b->based && b->own_end_ns != KT_NULL && b->dev)
		kt_blk_stats_count(&r->stats, b->dev, kt_blk_group(&r->ops, b->opf), 1 + b->n_cuts,
				   b->rest, b->own_end_ns);
	if (!err && s->watches.n)
		err = tell_end(s, b, end, row.op, state);
	b->written = true;
	unlink_live(s, b);
	if (!err && !b->list)
		err = kt_bio_forget(s, b);
	return err;
}

static struct kt_bio *parent_of(const struct kt_bio *b)
{
	return b->parent && b->parent->id == b->parent_id && !b->parent->written ? b->parent : NULL;
}

/*
 * Ends the bio, and split parents that only waited for it: their own bytes are complete. The
 * chain can have any length, so no recursion.
 */
int kt_bio_end(struct kt_bio_state *s, struct kt_bio *b, int64_t end, enum kt_state state)
{
	while (b) {
		struct kt_bio *parent = parent_of(b);
		uint32_t status = b->status;
		int err;

		if (parent && end != KT_NULL && end > parent->child_end_ns) {
			memcpy(parent->child_mark_ns, last_marks(b), sizeof(b->mark_ns));
			kt_flush_way_put(parent->child_way);
			parent->child_way = kt_flush_way_get(last_way(b));
		}
		err = write_row(s, b, end, state);
		if (err || !parent)
			return err;
		parent->n_children--;
		if (end == KT_NULL)
			parent->lossy = true;
		else
			parent->child_end_ns = KT_MAX(parent->child_end_ns, end);
		/* bio_chain_endio(): a parent without an error of its own takes the child's. */
		if (!parent->status)
			parent->status = status;
		if (parent->own_end_ns == KT_NULL || parent->n_children)
			return 0;
		end = end == KT_NULL ? KT_NULL : KT_MAX(parent->own_end_ns, parent->child_end_ns);
		state = KT_STATE_OPEN;
		b = parent;
	}
	return 0;
}

/* Its own bytes are complete. */
int kt_bio_own_end(struct kt_bio_state *s, struct kt_bio *b, int64_t t, uint32_t status)
{
	b->own_end_ns = t;
	/* On a disk that takes bios directly its whole life is stage device. */
	if (b->based && !b->carried)
		b->mark_ns[KT_BIO_MARK_DEVICE] = b->start_ns;
	if (status)
		b->status = status;
	if (b->n_children)
		return 0;
	return kt_bio_end(s, b, b->child_end_ns == KT_NULL ? t : KT_MAX(t, b->child_end_ns),
			  KT_STATE_OPEN);
}

/* Ends a bio whose end was not seen. */
int kt_bio_close(struct kt_bio_state *s, struct kt_bio *b, enum kt_state state)
{
	kt_bio_list_remove(b);
	return kt_bio_end(s, b, KT_NULL, state);
}

/* ------------------------------------------------------------------ births */

static int64_t last_seen(const struct kt_bio *b)
{
	int64_t t = b->start_ns;

	/* KT_NULL is smaller than any time. */
	t = KT_MAX(t, b->got_ns);
	t = KT_MAX(t, b->join_ns);
	t = KT_MAX(t, b->own_end_ns);
	return KT_MAX(t, b->child_end_ns);
}

/* An event shows that a live bio ended some time ago. */
static int missed_end(struct kt_bio_state *s, struct kt_bio *b, const struct kt_ev *ev)
{
	int64_t since = last_seen(b);
	int err = 0;

	/* If the end of its carrier, or of another bio of that, was already found to be missed, it is the same loss. */
	if (!b->lossy && !(b->list && b->list->missed))
		err = kt_missed(s->e, b->run, ev->cpu,
				since == KT_NULL ? kt_run_start(s->e, b->run) : since, ev->t_ns);
	b->lossy = true;
	if (b->list)
		b->list->missed = true;
	return err ? err : kt_bio_close(s, b, KT_STATE_OPEN);
}

/* A bio at an address where none is alive. What is not known is NULL. */
int kt_bio_new(struct kt_bio_state *s, struct kt_bio_run *r, uint32_t run, uint64_t addr,
	       struct kt_bio **ret)
{
	struct kt_bio *b;
	int err;

	if (kt_unlikely(s->n_open >= MAX_OPEN)) {
		b = kt_list_first(&s->by_age, struct kt_bio, age);
		s->runs.v[b->run]->n_evicted++;
		err = kt_bio_close(s, b, KT_STATE_EVICTED);
		if (err)
			return err;
	}
	b = kt_slab_get(&s->bios);
	if (!b)
		return -ENOMEM;
	err = kt_hash_put(&r->live, addr, b);
	if (err) {
		kt_slab_put(&s->bios, b);
		return err;
	}
	b->addr = addr;
	b->run = run;
	b->id = kt_next_id(s->e, &kt_bio_table);
	err = kt_flow_begin(s->e, &kt_bio_kind, b->id, KT_NULL, true);
	if (err)
		return err;
	b->start_ns = b->got_ns = b->join_ns = b->own_end_ns = b->child_end_ns = KT_NULL;
	b->parent_id = b->request_id = b->device_id = KT_NULL;
	b->utid = b->ucgid = b->blkcg_ucgid = b->ino = b->offset = KT_NULL;
	b->cause.io_id = b->cause.parent_request_id = KT_NULL;
	for (int i = 0; i < KT_BIO_N_SHARES; i++)
		b->mark_ns[i] = b->child_mark_ns[i] = KT_NULL;
	kt_list_append(&s->by_age, &b->age);
	s->n_open++;
	*ret = b;
	return 0;
}

/* A birth: a bio still alive there has ended. */
int kt_bio_birth(struct kt_bio_state *s, struct kt_bio_run *r, const struct kt_ev *ev,
		 uint64_t addr, struct kt_bio **ret)
{
	struct kt_bio *old = kt_hash_get(&r->live, addr);

	if (kt_unlikely(old)) {
		int err = missed_end(s, old, ev);

		if (err)
			return err;
	}
	return kt_bio_new(s, r, ev->run, addr, ret);
}
