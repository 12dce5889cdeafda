// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/blk_bio.h"

#include <errno.h>
#include <string.h>

#include "format/base/macros.h"

_Static_assert((int)KT_BIO_PLUG == KT_BIO_MARK_PLUG &&
		       (int)KT_BIO_COMPLETE == KT_BIO_MARK_COMPLETE &&
		       (int)KT_BIO_N_SHARES == KT_BIO_MARK_ENDIO,
	       "shares and marks");

#define MAX_OPEN (1u << 18) /* bios alive at once, over all runs: the oldest makes room */

static const char *const carrier_stages[KT_BIO_N_SHARES] = {"plug", "queue", "device", "complete"};

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
	COL(bio_id, ID, "", "the bio's life; in the order of birth"),
	COL(run_id, INT, "", "run"),
	COL(io_id, INT, "", "the io that caused it"),
	COL(link, TEXT, "", "how its cause or, of a clone, its parent is known: exact | inferred"),
	COL(parent_bio_id, INT, "", "the bio it was split off, or is a clone of"),
	COL(parent_request_id, INT, "", "the upper request of a stacked loop disk"),
	COL(request_id, INT, "",
	    "the request that carried it; more of them are in bio_request_extra"),
	COL(op, TEXT, "", "REQ_OP_* in lower case; flush: a PREFLUSH without data"),
	COL(flags, TEXT, "", "REQ_* flags, as sync|fua"),
	COL(device_id, INT, "", "device as submitted: may be a partition"),
	COL(sector, INT, "sectors", "first 512-byte sector, on the disk"),
	COL(size_bytes, INT, "bytes", "as queued; sum only WHERE parent_bio_id IS NULL"),
	COL(start_ns, INT, "ns", "queued, or born of a split"),
	COL(dur_ns, INT, "ns", "until its end"),
	COL(alloc_ns, INT, "ns", "until it got or joined a request: tags, throttling, wbt"),
	COL(device_ns, INT, "ns", "on a disk that takes bios itself: until complete"),
	COL(endio_ns, INT, "ns", "from its own completion until its split children ended"),
	COL(utid, INT, "", "task that submitted it"),
	COL(ucgid, INT, "", "v2 cgroup of that task"),
	COL(blkcg_ucgid, INT, "", "cgroup the kernel charges, in the io controller's hierarchy"),
	COL(ino, INT, "", "inode of its first page, where that is page cache"),
	COL(error, INT, "", "negative errno; 0 = none"),
	COL(state, TEXT, "", "whole | open_at_start | open_at_end | lossy | evicted"),
};
#undef COL

const struct kt_table kt_bio_table = {
	.name = "bio",
	.doc = "one row a bio: what a file system or a block device asked of a disk",
	.cols = bio_cols,
	.n_cols = KT_ARRAY_SIZE(bio_cols),
};

static const struct kt_col extra_cols[] = {
	KT_COL(kt_bio_extra_row, bio_id, KT_COL_INT, "", "bio"),
	KT_COL(kt_bio_extra_row, request_id, KT_COL_INT, "", "a further request that carried it"),
};

const struct kt_table kt_bio_extra_table = {
	.name = "bio_request_extra",
	.doc = "pairs of bio and request beyond bio.request_id; all of them: view bio_request",
	.cols = extra_cols,
	.n_cols = KT_ARRAY_SIZE(extra_cols),
};

/* ------------------------------------------------------------------ runs, lists */

struct kt_bio_run *kt_bio_find_run(struct kt_bio_state *s, uint32_t run)
{
	return kt_vec_zeroed(&s->runs, run);
}

/* The run of an event: its constants are there by now. */
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
	b->prev = l->last;
	b->next = NULL;
	if (l->last)
		l->last->next = b;
	else
		l->first = b;
	l->last = b;
	if (!l->next)
		l->next = b;
}

void kt_bio_list_remove(struct kt_bio *b)
{
	struct kt_bio_list *l = b->list;

	if (!l)
		return;
	*(b->prev ? &b->prev->next : &l->first) = b->next;
	*(b->next ? &b->next->prev : &l->last) = b->prev;
	if (l->next == b)
		l->next = b->next;
	b->list = NULL;
	b->prev = b->next = NULL;
}

/* Alive no more; the memory stays. */
static void unlink_live(struct kt_bio_state *s, struct kt_bio *b)
{
	struct kt_bio_run *r = s->runs.v[b->run];

	kt_hash_del(&r->live, b->addr);
	*(b->older ? &b->older->newer : &s->oldest) = b->newer;
	*(b->newer ? &b->newer->older : &s->newest) = b->older;
	if (b->based) {
		if (b->based_older)
			b->based_older->based_newer = b->based_newer;
		*(b->based_newer ? &b->based_newer->based_older : &r->based_newest) =
			b->based_older;
	}
	s->n_open--;
}

void kt_bio_set_based(struct kt_bio_run *r, struct kt_bio *b)
{
	b->based = true;
	b->based_older = r->based_newest;
	if (r->based_newest)
		r->based_newest->based_newer = b;
	r->based_newest = b;
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
 * The bio's share of its carrier's stages: as view `stage` (blk_sql.c) works them out from the
 * rows.
 */
void kt_bio_share(struct kt_bio *b, const struct kt_bio_carrier *c)
{
	const int64_t dur[] = {c->plug_ns, c->queue_ns, c->device_ns, c->complete_ns};
	int64_t at = c->start_ns;

	for (int i = 0; i < KT_BIO_N_SHARES; i++)
		b->share_ns[i] = b->mark_ns[i] = KT_NULL;
	/* Of a carrier without a start no stage is known: `alloc` lasts to the end. */
	if (at == KT_NULL)
		b->join_ns = KT_NULL;
	if (b->join_ns == KT_NULL || b->own_end_ns == KT_NULL)
		return;
	b->shared = true;
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
		b->mark_ns[KT_BIO_DEVICE] = KT_MAX(at, b->join_ns);
		b->share_ns[KT_BIO_DEVICE] = b->own_end_ns - b->mark_ns[KT_BIO_DEVICE];
	}
}

static const char *op_name(struct kt_bio_run *r, const struct kt_bio *b, const struct kt_blk_opf *o)
{
	return b->sized && kt_blk_is_empty_flush(&r->ops, b->opf, b->bytes) ? r->ops.flush_name
									    : o->op;
}

static int count_stage(struct kt_bio_state *s, const struct kt_bio *b, const char *op,
		       const char *stage, int64_t end_ns, int64_t dur_ns)
{
	if (dur_ns == KT_NULL)
		return 0;
	return kt_hist_add(s->e, b->run, "bio", stage, b->device_id, op, end_ns, dur_ns);
}

/* Its share of the carrier's stages goes into the histograms, and the bio is forgotten. */
int kt_bio_forget(struct kt_bio_state *s, struct kt_bio *b)
{
	struct kt_bio_run *r = s->runs.v[b->run];
	int err = 0;

	if (b->counts && b->shared && b->opf_known) {
		const struct kt_blk_opf *o = kt_blk_opf(&r->ops, b->opf);

		for (int i = 0; o && i < KT_BIO_N_SHARES && !err; i++)
			err = count_stage(s, b, op_name(r, b, o), carrier_stages[i], b->own_end_ns,
					  b->share_ns[i]);
		if (!o)
			err = -ENOMEM;
	}
	b->id = 0;
	kt_slab_put(&s->bios, b);
	return err;
}

/*
 * A flow that was open while something was lost is lossy, whatever else it is; an evicted one
 * says so.
 */
static const char *final_state(struct kt_bio_state *s, const struct kt_bio *b, int64_t end,
			       const char *state)
{
	const char *seen;

	if (b->lossy || (!state && end == KT_NULL))
		return "lossy";
	if (state && state[0] == 'e')
		return state;
	seen = kt_flow_state(s->e, b->run, b->start_ns, end);
	if (seen[0] != 'w')
		return seen;
	if (state)
		return state;
	return b->start_ns == KT_NULL ? "open_at_start" : seen;
}

/* The marks of its way, as struct kt_bio_done has them: its own, or those of its last child. */
static const int64_t *last_marks(const struct kt_bio *b)
{
	bool child = b->child_end_ns != KT_NULL && b->child_end_ns > b->own_end_ns;

	return child ? b->child_mark_ns : b->mark_ns;
}

static int tell_end(struct kt_bio_state *s, const struct kt_bio *b, int64_t end, const char *op,
		    const char *state)
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
		.dev = b->dev,
		.offset = b->offset,
		.tid = b->tid,
		.state = state,
		.swapout = b->swapout,
	};
	int err = 0;

	memcpy(d.mark_ns, last_marks(b), sizeof(b->mark_ns));
	d.mark_ns[KT_BIO_MARK_ENDIO] = KT_NULL;
	for (size_t i = 0; i < s->watches.n && !err; i++)
		if (s->watches.v[i].o->ended)
			err = s->watches.v[i].o->ended(s->watches.v[i].arg, &d);
	return err;
}

/*
 * Writes the row; the bio is alive no more. end KT_NULL: not seen. state NULL: whole, unless
 * something was lost. The row's open stage is NULL.
 */
static int write_row(struct kt_bio_state *s, struct kt_bio *b, int64_t end, const char *state)
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
	row.state = final_state(s, b, end, state);
	b->counts = row.state[0] == 'w' && (row.error == KT_NULL || !row.error);
	err = kt_insert(s->e, &kt_bio_table, &row);
	if (!err) {
		const struct kt_load_flow f = {
			.run = b->run,
			.flow = "bio",
			.op = row.op,
			.state = row.state,
			.id = b->id,
			.device_id = row.device_id,
			.part_device_id = KT_NULL,
			.end_ns = end,
			.dur_ns = row.dur_ns,
			.size_bytes = row.size_bytes,
			.issue_ns = row.device_ns != KT_NULL ? row.start_ns : KT_NULL,
			.device_ns = row.device_ns,
			.n_bios = KT_NULL,
			.utid = row.utid,
			.ucgid = row.ucgid,
			.link = row.io_id != KT_NULL ? row.link : NULL,
			.is_split = row.parent_bio_id != KT_NULL,
			.is_error = row.error != KT_NULL && row.error,
		};

		err = kt_load_add(s->e, &f);
	}
	if (!err && b->counts) {
		err = count_stage(s, b, row.op, "total", end, row.dur_ns);
		if (!err)
			err = count_stage(s, b, row.op, "alloc", end, row.alloc_ns);
		if (!err)
			err = count_stage(s, b, row.op, "device", end, row.device_ns);
		if (!err)
			err = count_stage(s, b, row.op, "endio", end, row.endio_ns);
	}
	if (b->based && b->own_end_ns != KT_NULL && b->dev)
		kt_blk_stats_count(&r->stats, b->dev, kt_blk_group(&r->ops, b->opf), 1 + b->n_cuts,
				   b->rest, b->own_end_ns);
	if (!err && s->watches.n)
		err = tell_end(s, b, end, row.op, row.state);
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
 * The bio ends, and with it, perhaps, those that waited for it: split parents whose own bytes
 * were complete. A chain of any length, so no recursion.
 */
int kt_bio_end(struct kt_bio_state *s, struct kt_bio *b, int64_t end, const char *state)
{
	while (b) {
		struct kt_bio *parent = parent_of(b);
		uint32_t status = b->status;
		int err;

		if (parent && end != KT_NULL && end > parent->child_end_ns)
			memcpy(parent->child_mark_ns, last_marks(b), sizeof(b->mark_ns));
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
		state = NULL;
		b = parent;
	}
	return 0;
}

/* Its own bytes are complete. */
int kt_bio_own_end(struct kt_bio_state *s, struct kt_bio *b, int64_t t, uint32_t status)
{
	b->own_end_ns = t;
	/* On a disk that takes bios itself all of its life is the device's. */
	if (b->based && !b->carried)
		b->mark_ns[KT_BIO_DEVICE] = b->start_ns;
	if (status)
		b->status = status;
	if (b->n_children)
		return 0;
	return kt_bio_end(s, b, b->child_end_ns == KT_NULL ? t : KT_MAX(t, b->child_end_ns), NULL);
}

/* Ends it where no end was seen. */
int kt_bio_close(struct kt_bio_state *s, struct kt_bio *b, const char *state)
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

	/* Where the end of its carrier, or of another bio of that, is missed already, that is the same loss. */
	if (!b->lossy && !(b->list && b->list->missed))
		err = kt_missed(s->e, b->run, ev->cpu,
				since == KT_NULL ? kt_run_start(s->e, b->run) : since, ev->t_ns);
	b->lossy = true;
	if (b->list)
		b->list->missed = true;
	return err ? err : kt_bio_close(s, b, NULL);
}

/* A bio at an address where none is alive. All it does not know is NULL. */
int kt_bio_new(struct kt_bio_state *s, struct kt_bio_run *r, uint32_t run, uint64_t addr,
	       struct kt_bio **ret)
{
	struct kt_bio *b;
	int err;

	if (kt_unlikely(s->n_open >= MAX_OPEN)) {
		s->runs.v[s->oldest->run]->n_evicted++;
		err = kt_bio_close(s, s->oldest, "evicted");
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
	b->start_ns = b->got_ns = b->join_ns = b->own_end_ns = b->child_end_ns = KT_NULL;
	b->parent_id = b->request_id = b->device_id = KT_NULL;
	b->utid = b->ucgid = b->blkcg_ucgid = b->ino = b->offset = KT_NULL;
	b->cause.io_id = b->cause.parent_request_id = KT_NULL;
	for (int i = 0; i < KT_BIO_N_SHARES; i++)
		b->mark_ns[i] = b->child_mark_ns[i] = KT_NULL;
	b->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = b;
	s->newest = b;
	s->n_open++;
	*ret = b;
	return 0;
}

/* A birth: whoever is alive there has ended. */
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
