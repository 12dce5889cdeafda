// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker page: who dirtied the pages that a bio writes. Dirty pages are kept as extents (extents.h): ranges of
 * write calls, of io_uring requests, and runs from page_dirty. A bio takes the extents in its range when it is queued.
 *
 * An event may come after its pages were queued: that of a call at its end (O_SYNC, throttled writers), that of a run up to
 * a second later. So a bio waits for a while, and gets from such an event what was dirty when the bio was queued.
 */
#include "analyze/engine/tracker.h"

#include <errno.h>

#include "analyze/block/bio_service.h"
#include "analyze/core/core_service.h"
#include "analyze/engine/flow.h"
#include "analyze/io/io_service.h"
#include "analyze/page/extents.h"
#include "format/base/macros.h"
#include "format/event.h"

#define MAX_EXTENTS (512 << 10)
#define MAX_LIST 2048 /* of 1 MiB of a file */
#define MAX_BIOS (64 << 10)
#define MAX_TASKS (64 << 10)
#define MAX_DISKS 4096

#define MAX_BIO_BYTES (256ull << 20)
#define KEEP_NS 1000000000ll /* how long written extents are kept: they may be written again */
#define WAIT_NS 1500000000ll /* for a bio: longer than recorders flush, bpf/page/dirty.bpf.c */
#define WAIT_MORE_NS 10000000000ll /* if some of its pages still have no writer */
#define TOGETHER_NS 10000000ll	   /* consecutive writes within this become one extent */
#define LONG_CALL_NS 1000000ll /* a longer call slept: its pages were dirty long before its end */

#define OP_WRITE 1 /* REQ_OP_WRITE, 6.1 to 6.18 */

struct kt_page_bio {
	struct kt_page_file file;
	uint64_t start, end;
	int64_t bio_id, queued_ns;
	uint32_t tid;
	struct kt_page_list list;
	struct kt_link queue; /* in the order of queueing */
};

struct bio_queue {
	struct kt_list bios;
	size_t n;
};

/* What a task wrote last, and its open large write. */
struct page_task {
	struct kt_page_writer *last, *open; /* NULL = none */
	struct kt_page_file last_file, open_file;
	uint64_t last_end, open_start, open_end;
};

struct page_state {
	struct kt_engine *e;
	struct kt_names names;
	struct kt_ios io;
	struct kt_page_map map;
	struct kt_hash tasks; /* run and tid → struct page_task */
	struct kt_hash disks; /* run and device: devices that have had dirty pages of their own */
	struct kt_slab task_slab, bio_slab;
	struct bio_queue young, old; /* waiting less than WAIT_NS; longer, and incomplete */
};

struct origin_row {
	int64_t bio_id, io_id, utid, ucgid, dirty_ns, offset_bytes, size_bytes, n_writes;
	const char *link;
};

static const struct kt_col origin_cols[] = {
	KT_COL(origin_row, bio_id, KT_COL_INT, "", "the bio that writes it"),
	KT_COL(origin_row, io_id, KT_COL_INT, "",
	       "the operation that dirtied it; the first of several in a row"),
	KT_COL(origin_row, utid, KT_COL_INT, "", "the task that dirtied it"),
	KT_COL(origin_row, ucgid, KT_COL_INT, "",
	       "that task's cgroup (the kernel charges bio.blkcg_ucgid)"),
	KT_COL(origin_row, dirty_ns, KT_COL_INT, "ns",
	       "when it was dirtied; the first of several in a row"),
	KT_COL(origin_row, offset_bytes, KT_COL_INT, "bytes", "first byte in the file"),
	KT_COL(origin_row, size_bytes, KT_COL_INT, "bytes", "how much of the bio this is"),
	KT_COL(origin_row, link, KT_COL_TEXT, "",
	       "exact: the range of a write; inferred: a page dirtied through mmap, or written "
	       "twice"),
	KT_COL(origin_row, n_writes, KT_COL_INT, "",
	       "operations that followed each other in time and place and are shown as one"),
};

static const struct kt_table origin_table = {
	.name = "bio_origin",
	.doc = "who dirtied what a bio writes from the page cache: one row per extent; bytes "
	       "without a known writer have none",
	.cols = origin_cols,
	.n_cols = KT_ARRAY_SIZE(origin_cols),
};

/* ------------------------------------------------------------------ bios that wait */

static struct kt_page_bio *first_of(const struct bio_queue *q)
{
	return kt_list_first(&q->bios, struct kt_page_bio, queue);
}

static void queue_append(struct bio_queue *q, struct kt_page_bio *b)
{
	kt_list_append(&q->bios, &b->queue);
	q->n++;
}

static void queue_remove(struct bio_queue *q, struct kt_page_bio *b)
{
	kt_list_remove(&q->bios, &b->queue);
	q->n--;
}

/*
 * Has a later event named a writer? Then an extent written before, which is in the bio only for lack of another (kt_page_take()),
 * does not belong to it.
 */
static bool is_superseded(const struct kt_page_list *l, const struct kt_page_extent *x)
{
	uint64_t start = x->start - x->start % KT_PAGE_BYTES;
	uint64_t end = KT_ALIGN_UP(x->end, (uint64_t)KT_PAGE_BYTES);

	if (x->written_ns == KT_NULL)
		return false;
	for (size_t i = kt_page_find(l, start); i < l->e.n && l->e.v[i].start < end; i++)
		if (l->e.v[i].written_ns == KT_NULL)
			return true;
	return false;
}

/* Writes its rows and forgets it. */
static int bio_close(struct page_state *s, struct bio_queue *q, struct kt_page_bio *b)
{
	int err = 0;

	for (size_t i = 0; i < b->list.e.n && !err; i++) {
		const struct kt_page_extent *x = &b->list.e.v[i];
		const struct kt_page_writer *w = x->writer;
		struct origin_row row = {
			.bio_id = b->bio_id,
			.io_id = w->io_id,
			.utid = w->utid,
			.ucgid = w->ucgid,
			.dirty_ns = w->first_ns,
			.offset_bytes = x->start,
			.size_bytes = x->end - x->start,
			.n_writes = w->n_writes,
			.link = w->inferred || x->written_ns != KT_NULL ? "inferred" : "exact",
		};

		if (!is_superseded(&b->list, x))
			err = kt_flow_insert(s->e, &kt_bio_kind, b->bio_id, &origin_table, &row);
	}
	kt_flow_unwatch(s->e, &kt_bio_kind, b->bio_id);
	queue_remove(q, b);
	kt_page_bio_del(&s->map, &b->file, b->start, b->end, b);
	kt_page_list_finish(&s->map, &b->list);
	kt_slab_put(&s->bio_slab, b);
	return err;
}

/* Does each of its pages have a writer? */
static bool bio_is_complete(const struct kt_page_bio *b)
{
	uint64_t pos = b->start;

	for (size_t i = 0; i < b->list.e.n; i++) {
		const struct kt_page_extent *x = &b->list.e.v[i];

		if (x->start / KT_PAGE_BYTES > pos / KT_PAGE_BYTES &&
		    !(pos % KT_PAGE_BYTES && x->start / KT_PAGE_BYTES == pos / KT_PAGE_BYTES + 1))
			return false;
		pos = x->end;
	}
	return b->list.e.n && KT_ALIGN_UP(pos, (uint64_t)KT_PAGE_BYTES) >= b->end;
}

static int bios_expire(struct page_state *s, int64_t now_ns)
{
	struct kt_page_bio *b;
	int err = 0;

	while (!err && (b = first_of(&s->young)) &&
	       (b->queued_ns + WAIT_NS < now_ns || s->young.n > MAX_BIOS)) {
		if (s->young.n > MAX_BIOS || bio_is_complete(b)) {
			err = bio_close(s, &s->young, b);
		} else {
			queue_remove(&s->young, b);
			queue_append(&s->old, b);
		}
	}
	while (!err && (b = first_of(&s->old)) &&
	       (b->queued_ns + WAIT_MORE_NS < now_ns || s->old.n > MAX_BIOS))
		err = bio_close(s, &s->old, b);
	return err;
}

/* Length of a range that begins at offset, limited to what is possible; 0: empty, or not known. */
static uint64_t clip(int64_t offset, uint64_t size, uint64_t max)
{
	if (size == KT_IO_SIZE_UNKNOWN)
		return 0;
	return offset < 0 || offset > INT64_MAX - (int64_t)max ? 0 : KT_MIN(size, max);
}

/*
 * Not of a file: perhaps of a disk's own page cache, if that was ever dirty. Where a partition begins is not known here.
 */
static bool is_own_page(struct page_state *s, uint32_t run, const struct kt_bio_queue *d)
{
	return kt_hash_get(&s->disks, (uint64_t)run << 32 | d->dev) &&
	       KT_CALL(s->names, is_partition, run, d->dev) != 1;
}

static int on_queued(void *self, const struct kt_ev *ev, const struct kt_bio_queue *d,
		     int64_t bio_id, int64_t parent_bio_id, struct kt_bio_cause *c)
{
	struct kt_page_file file = {ev->run, d->ino_dev, d->ino};
	int64_t offset = d->offset;
	struct page_state *s = self;
	struct kt_page_bio *b;
	int err = bios_expire(s, ev->t_ns);
	uint64_t size;

	if (err || (d->opf & 0xff) != OP_WRITE)
		return err;
	if (!d->ino && is_own_page(s, ev->run, d)) {
		file.dev = d->dev;
		offset = (int64_t)(d->sector << 9);
	}
	size = clip(offset, d->bytes, MAX_BIO_BYTES);
	if (!size || !(file.ino || file.dev))
		return 0;
	b = kt_slab_get(&s->bio_slab);
	if (!b)
		return -ENOMEM;
	b->file = file;
	b->start = offset;
	b->end = b->start + size;
	b->bio_id = bio_id;
	b->queued_ns = ev->t_ns;
	b->tid = d->tid;
	queue_append(&s->young, b);
	kt_flow_watch(s->e, &kt_bio_kind, bio_id);
	err = kt_page_take(&s->map, &b->file, b->start, b->end, ev->t_ns, KEEP_NS, &b->list);
	if (!err)
		err = kt_page_bio_add(&s->map, &b->file, b->start, b->end, b);
	return err;
}

/* ------------------------------------------------------------------ dirtying */

/* Pages became dirty between first_ns and last_ns, in their order. */
struct dirtying {
	struct kt_page_file file;
	uint64_t start, end;
	int64_t first_ns, last_ns;
	uint32_t tid;
	bool slept;
	struct kt_page_writer *writer;
};

/* When the byte became dirty, as far as is known. */
static int64_t dirty_at(const struct dirtying *d, uint64_t pos)
{
	double part = (double)(pos - d->start) / (double)(d->end - d->start);

	return d->first_ns + (int64_t)(part * (double)(d->last_ns - d->first_ns));
}

/* The overlap of a bio and [*a, *b), if that was dirty when the bio was queued. */
static bool bio_has(const struct dirtying *d, const struct kt_page_bio *bio, uint64_t *a,
		    uint64_t *b)
{
	*a = KT_MAX(*a, bio->start);
	*b = KT_MIN(*b, bio->end);
	return *a < *b && dirty_at(d, *a + (*b - *a) / 2) < bio->queued_ns;
}

/* Gives bios queued meanwhile their part of [start, end), which lies in one region. */
static int give_to_bios(struct page_state *s, const struct dirtying *d, uint64_t start,
			uint64_t end)
{
	size_t n;
	struct kt_page_bio *const *bios = kt_page_bios(&s->map, &d->file, start, &n);
	int err = 0;

	while (n-- && bios[n]->queued_ns > d->first_ns && !err) {
		/* Bytes with a writer: dirtied before the queueing for certain in the bio's own call, and probably if the call slept. */
		bool before = !d->writer->inferred && (d->slept || bios[n]->tid == d->tid);
		uint64_t a = start, b = end;

		if (bio_has(d, bios[n], &a, &b))
			err = kt_page_overlay(&s->map, &bios[n]->list, a, b, d->writer, KT_NULL,
					      before ? d->first_ns : INT64_MIN);
	}
	return err;
}

static int mark_given(struct page_state *s, const struct dirtying *d, uint64_t start, uint64_t end)
{
	size_t n, i;
	int err = 0;

	kt_page_bios(&s->map, &d->file, start, &n);
	while (n-- && !err) {
		struct kt_page_bio *const *bios = kt_page_bios(&s->map, &d->file, start, &i);
		uint64_t a = start, b = end;

		if (n >= i || bios[n]->queued_ns <= d->first_ns)
			break;
		if (bio_has(d, bios[n], &a, &b))
			err = kt_page_written(&s->map, &d->file, a, b, d->writer,
					      bios[n]->queued_ns);
	}
	return err;
}

static int dirty(struct page_state *s, const struct dirtying *d)
{
	/*
	 * Who wrote last? Of two calls the one that ended last, unless it slept: then its pages were dirty before that. A page
	 * from a page_dirty run was clean before, so what is dirty there now came later.
	 */
	int64_t keep_after = d->writer->inferred ? INT64_MIN : d->slept ? d->first_ns : INT64_MAX;
	int err = 0;

	if (!d->file.ino && s->disks.n < MAX_DISKS)
		err = kt_hash_put(&s->disks, (uint64_t)d->file.run << 32 | d->file.dev, s);
	for (uint64_t a = d->start, b; a < d->end && !err; a = b) {
		b = KT_MIN(d->end, (a / KT_PAGE_REGION + 1) * KT_PAGE_REGION);
		err = give_to_bios(s, d, a, b);
		if (!err)
			err = kt_page_dirty(&s->map, &d->file, a, b, d->writer, keep_after);
		if (!err)
			err = mark_given(s, d, a, b);
	}
	return err;
}

static void task_forget(struct page_state *s, struct page_task *t)
{
	kt_page_writer_put(&s->map, t->last);
	kt_page_writer_put(&s->map, t->open);
	kt_slab_put(&s->task_slab, t);
}

static void tasks_forget(struct page_state *s)
{
	for (size_t i = 0; s->tasks.slots && i <= s->tasks.mask; i++)
		if (s->tasks.slots[i].value)
			task_forget(s, s->tasks.slots[i].value);
	kt_hash_finish(&s->tasks);
}

static uint64_t task_key(const struct kt_ev *ev, uint32_t tid)
{
	return (uint64_t)ev->run << 32 | tid;
}

static struct page_task *task_of(struct page_state *s, const struct kt_ev *ev, uint32_t tid)
{
	uint64_t key = task_key(ev, tid);
	struct page_task *t = kt_hash_get(&s->tasks, key);

	if (t)
		return t;
	if (s->tasks.n >= MAX_TASKS)
		tasks_forget(s);
	t = kt_slab_get(&s->task_slab);
	if (t && kt_hash_put(&s->tasks, key, t)) {
		kt_slab_put(&s->task_slab, t);
		return NULL;
	}
	return t;
}

static bool same_file(const struct kt_page_file *a, const struct kt_page_file *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->run == b->run;
}

static struct kt_page_writer *writer_new(struct page_state *s, const struct kt_ev *ev, uint32_t tid,
					 uint32_t tgid, uint64_t cgroup, int64_t first_ns)
{
	struct kt_page_writer *w = kt_page_writer_new(&s->map);

	if (!w)
		return NULL;
	w->utid = KT_CALL(s->names, utid, ev->run, tid, tgid);
	w->ucgid = KT_CALL(s->names, ucgid, ev->run, KT_CGROUP_V2, cgroup);
	w->first_ns = first_ns;
	return w;
}

/* The operation of the event. */
static int64_t io_of(struct page_state *s, const struct kt_ev *ev)
{
	return s->io.ops ? KT_CALL(s->io, of_event, ev) : KT_NULL;
}

/* A complete write of the task, d->writer not set yet. */
static int task_wrote(struct page_state *s, const struct kt_ev *ev, struct dirtying *d,
		      uint32_t tgid, uint64_t cgroup)
{
	struct page_task *t = task_of(s, ev, d->tid);
	struct kt_page_writer *w;

	if (!t)
		return -ENOMEM;
	w = t->last;
	if (w && t->last_end == d->start && same_file(&t->last_file, &d->file) &&
	    d->first_ns - w->first_ns <= TOGETHER_NS &&
	    w->ucgid == KT_CALL(s->names, ucgid, ev->run, KT_CGROUP_V2, cgroup)) {
		w->n_writes++;
	} else {
		w = writer_new(s, ev, d->tid, tgid, cgroup, d->first_ns);
		if (!w)
			return -ENOMEM;
		w->io_id = io_of(s, ev);
		kt_page_writer_put(&s->map, t->last);
		t->last = w;
		t->last_file = d->file;
	}
	t->last_end = d->end;
	w->end_ns = ev->t_ns;
	d->writer = w;
	return dirty(s, d);
}

static void open_forget(struct page_state *s, struct page_task *t)
{
	kt_page_writer_put(&s->map, t->open);
	t->open = NULL;
}

static int on_io_call_begin(void *self, const struct kt_ev *ev)
{
	const struct kt_io_call_begin *d = ev->data;
	uint64_t size = clip(d->offset, d->size, KT_PAGE_MAX);
	struct page_state *s = self;
	struct page_task *t;

	if (!size || !d->ino)
		return 0;
	t = task_of(s, ev, d->tid);
	if (!t)
		return -ENOMEM;
	open_forget(s, t);
	t->open = writer_new(s, ev, d->tid, d->tgid, d->cgroup, ev->t_ns);
	if (!t->open)
		return -ENOMEM;
	t->open->io_id = io_of(s, ev);
	t->open_file = (struct kt_page_file){ev->run, d->ino_dev, d->ino};
	t->open_start = d->offset;
	t->open_end = t->open_start + size;
	return kt_page_dirty(&s->map, &t->open_file, t->open_start, t->open_end, t->open,
			     INT64_MAX);
}

/* The end of the write that io_call_begin announced. */
static int open_ends(struct page_state *s, const struct kt_ev *ev, struct page_task *t,
		     uint64_t done, bool synced)
{
	int err = 0;

	if (t->open->io_id == KT_NULL)
		t->open->io_id = io_of(s, ev);
	if (t->open_start + done < t->open_end)
		err = kt_page_undo(&s->map, &t->open_file, t->open_start + done, t->open_end,
				   t->open);
	t->open->end_ns = ev->t_ns;
	/* A call that waited for its own bios at the end (O_SYNC) was not the last to write. */
	if (!err && done && !synced)
		err = kt_page_reclaim(&s->map, &t->open_file, t->open_start, t->open_start + done,
				      t->open);
	open_forget(s, t);
	return err;
}

static int on_io_call(void *self, const struct kt_ev *ev)
{
	const struct kt_io_call *d = ev->data;
	struct page_state *s = self;
	struct page_task *t = kt_hash_get(&s->tasks, task_key(ev, d->tid));
	uint64_t done = d->result > 0 ? clip(d->offset, d->result, KT_PAGE_MAX) : 0;
	struct dirtying w = {
		.file = {ev->run, d->dev ? d->dev : d->ino_dev, d->dev ? 0 : d->ino},
		.start = d->offset,
		.end = d->offset + done,
		.first_ns = ev->t_ns - (int64_t)d->dur_ns,
		.tid = d->tid,
		.slept = d->dur_ns > LONG_CALL_NS,
	};

	w.last_ns = w.first_ns;
	if (t && t->open) {
		if (d->op == KT_IO_OP_WRITE && same_file(&t->open_file, &w.file) &&
		    t->open_start == w.start)
			return open_ends(s, ev, t, done, d->flags & KT_IO_FLAG_SYNC);
		open_forget(s, t);
	}
	if (d->op != KT_IO_OP_WRITE || (d->flags & KT_IO_FLAG_DIRECT) || !done ||
	    !(w.file.ino || w.file.dev))
		return 0;
	return task_wrote(s, ev, &w, d->tgid, d->cgroup);
}

static int on_io_submit(void *self, const struct kt_ev *ev)
{
	const struct kt_io_submit *d = ev->data;
	uint64_t size = clip(d->offset, d->size, KT_PAGE_MAX);
	struct page_state *s = self;
	struct dirtying w = {
		.file = {ev->run, d->dev ? d->dev : d->ino_dev, d->dev ? 0 : d->ino},
		.start = d->offset,
		.end = d->offset + size,
		.first_ns = ev->t_ns,
		.last_ns = ev->t_ns,
		.tid = d->tid,
	};

	if (d->op != KT_IO_OP_WRITE || (d->flags & KT_IO_FLAG_DIRECT) || !size ||
	    !(w.file.ino || w.file.dev))
		return 0;
	return task_wrote(s, ev, &w, d->tgid, d->cgroup);
}

static int on_page_dirty(void *self, const struct kt_ev *ev)
{
	const struct kt_page_dirty *d = ev->data;
	uint64_t size = clip(d->offset, d->size, KT_PAGE_MAX);
	struct page_state *s = self;
	struct dirtying w = {
		.file = {ev->run, d->ino_dev, d->ino},
		.start = d->offset,
		.end = d->offset + size,
		.first_ns = ev->t_ns - (int64_t)d->age_ns,
		.last_ns = ev->t_ns - (int64_t)d->idle_ns,
		.tid = d->tid,
	};
	int err;

	if (!size || d->idle_ns > d->age_ns)
		return 0;
	w.writer = writer_new(s, ev, d->tid, d->tgid, d->cgroup, w.first_ns);
	if (!w.writer)
		return -ENOMEM;
	w.writer->inferred = true;
	err = dirty(s, &w);
	kt_page_writer_put(&s->map, w.writer);
	return err;
}

/* ------------------------------------------------------------------ the tracker */

static int init(void *self, struct kt_engine *e)
{
	static const struct kt_bio_observer observer = {.queued = on_queued};
	struct page_state *s = self;
	struct kt_bios bio;

	s->e = e;
	s->names.ops = kt_service(e, "core", &s->names.self);
	s->io.ops = kt_service(e, "io", &s->io.self);
	kt_page_map_init(&s->map, MAX_EXTENTS, MAX_LIST);
	s->task_slab.size = sizeof(struct page_task);
	s->bio_slab.size = sizeof(struct kt_page_bio);
	bio.ops = kt_service(e, "bio", &bio.self);
	return bio.ops ? KT_CALL(bio, observe, &observer, s) : 0;
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	struct page_state *s = self;
	struct bio_queue *const queues[] = {&s->old, &s->young};
	int err = 0;

	for (size_t i = 0; i < KT_ARRAY_SIZE(queues); i++)
		for (struct kt_page_bio *b = first_of(queues[i]), *next; b && !err; b = next) {
			next = kt_list_next(b, queue);
			if (b->file.run == run)
				err = bio_close(s, queues[i], b);
		}
	return err;
}

static int done(void *self)
{
	struct page_state *s = self;

	return s->map.n_evicted
		       ? kt_audit(s->e, 0, "evicted dirty extents", KT_NULL, s->map.n_evicted, 0, 0)
		       : 0;
}

static void finish(void *self)
{
	struct page_state *s = self;

	tasks_forget(s);
	kt_hash_finish(&s->disks);
	for (struct kt_page_bio *b = first_of(&s->young); b; b = kt_list_next(b, queue))
		kt_vec_finish(&b->list.e);
	for (struct kt_page_bio *b = first_of(&s->old); b; b = kt_list_next(b, queue))
		kt_vec_finish(&b->list.e);
	kt_page_map_finish(&s->map);
	kt_slab_finish(&s->task_slab);
	kt_slab_finish(&s->bio_slab);
}

static const char *const after[] = {"core", "bio", "io", NULL};
static const struct kt_table *const tables[] = {&origin_table, NULL};
static const struct kt_handler handlers[] = {
	{KT_EV_io_call_begin, on_io_call_begin},
	{KT_EV_io_call, on_io_call},
	{KT_EV_io_submit, on_io_submit},
	{KT_EV_page_dirty, on_page_dirty},
	{0},
};

const struct kt_tracker kt_tracker_page = {
	.family = "page",
	.after = after,
	.tables = tables,
	.on = handlers,
	.views = "CREATE VIEW v_bio_origin AS SELECT\n"
		 "  o.bio_id, b.run_id, b.request_id, b.io_id AS written_by_io_id, "
		 "ifnull(p.name, d.name) AS disk,\n"
		 "  b.start_ns, b.size_bytes AS bio_bytes, b.ino, o.offset_bytes, o.size_bytes,\n"
		 "  t.comm AS task, t.tid, t.tgid, t.is_recorder, c.path AS cgroup, "
		 "k.path AS blkcg,\n"
		 "  o.dirty_ns, (b.start_ns - o.dirty_ns) / 1e6 AS dirty_age_ms, o.io_id, "
		 "o.n_writes, o.link\n"
		 "  FROM bio_origin o JOIN bio b ON b.bio_id = o.bio_id\n"
		 "  LEFT JOIN device d ON d.device_id = b.device_id\n"
		 "  LEFT JOIN device p ON p.device_id = d.parent_id\n"
		 "  LEFT JOIN task t ON t.utid = o.utid\n"
		 "  LEFT JOIN cgroup c ON c.ucgid = o.ucgid\n"
		 "  LEFT JOIN cgroup k ON k.ucgid = b.blkcg_ucgid;\n",
	.indexes = "CREATE INDEX bio_origin_bio_id ON bio_origin(bio_id);\n",
	.state_size = sizeof(struct page_state),
	.init = init,
	.ended = ended,
	.done = done,
	.finish = finish,
};
