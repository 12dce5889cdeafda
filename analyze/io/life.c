// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Births and ends of operations. */
#include <errno.h>

#include "analyze/io/io_internal.h"
#include "format/base/macros.h"

#define MAX_OPEN (1u << 17)	   /* upper bound on open ios, all runs; the oldest is evicted */
#define MAX_KEPT_IN_ALL (1u << 18) /* ended bios kept, of all ios; the io's own oldest is dropped */

bool kt_io_moves(uint16_t op)
{
	return op == KT_IO_OP_READ || op == KT_IO_OP_WRITE || op == KT_IO_OP_SENDFILE ||
	       op == KT_IO_OP_SPLICE || op == KT_IO_OP_COPY_FILE_RANGE;
}

int64_t kt_io_asked(uint16_t op, uint64_t size)
{
	if (size == KT_IO_SIZE_UNKNOWN)
		return KT_NULL;
	if (kt_io_moves(op))
		return KT_MIN(size, (uint64_t)KT_IO_MAX_RW);
	return size <= INT64_MAX ? (int64_t)size
				 : KT_NULL; /* larger: the kernel rejects such a range */
}

struct kt_io_run *kt_io_run(struct kt_io_state *s, uint32_t run)
{
	return kt_vec_zeroed(&s->runs, run);
}

void kt_io_run_destroy(struct kt_io_run *r)
{
	struct kt_io_named *next;

	for (size_t i = 0; r->files.slots && i <= r->files.mask; i++) {
		for (struct kt_io_named *f = r->files.slots[i].value; f; f = next) {
			next = f->same;
			free(f);
		}
	}
	for (size_t i = 0; i < r->mounts.n; i++) {
		free(r->mounts.v[i].root);
		free(r->mounts.v[i].point);
	}
	kt_vec_finish(&r->mounts);
	for (size_t i = 0; i < r->fronts.n; i++)
		free(r->fronts.v[i]);
	kt_vec_finish(&r->fronts);
	kt_io_logs_destroy(r);
	kt_hash_finish(&r->files);
	kt_hash_finish(&r->live);
	free(r);
}

/* ------------------------------------------------------------------ keys */

static uint64_t number_of(const struct kt_io_key *k)
{
	return kt_io_is_call(k->kind) && !k->addr ? (uint64_t)k->kind << 40 | k->tid : k->addr;
}

static bool is_same(const struct kt_io_key *a, const struct kt_io_key *b)
{
	if (a->kind != b->kind || a->addr != b->addr)
		return false;
	if (a->kind == KT_IO_KIND_URING || (a->kind == KT_IO_KIND_JOURNAL && a->addr))
		return true;
	return a->tid == b->tid || (a->kind == KT_IO_KIND_AIO && a->tgid == b->tgid);
}

struct kt_io *kt_io_find(struct kt_io_state *s, const struct kt_io_key *key)
{
	struct kt_io_run *r = kt_io_run(s, key->run);
	struct kt_io *io = r ? kt_hash_get(&r->live, number_of(key)) : NULL;

	while (io && !is_same(&io->key, key))
		io = io->same;
	return io;
}

/* Does the bio match the file (or disk) and offset of the iocb? */
static bool is_about(const struct kt_io *io, const struct kt_bio_queue *d)
{
	if (d->ino ? io->ino != d->ino || io->ino_dev != d->ino_dev : io->dev != d->dev)
		return false;
	if (io->op != (d->opf & 1 ? KT_IO_OP_WRITE : KT_IO_OP_READ))
		return false;
	return d->offset < 0 || io->offset == KT_NULL || io->size == KT_NULL ||
	       (d->offset >= io->offset && d->offset - io->offset < io->size);
}

struct kt_io *kt_io_find_iocb(struct kt_io_state *s, uint32_t run, const struct kt_bio_queue *d)
{
	struct kt_io_run *r = kt_io_run(s, run);
	struct kt_io *io = r ? kt_hash_get(&r->live, d->io) : NULL, *found = NULL;

	for (; io; io = io->same) {
		if (io->key.kind != KT_IO_KIND_AIO || io->key.addr != d->io || !is_about(io, d))
			continue;
		if (found)
			return NULL;
		found = io;
	}
	return found;
}

static void take_out_of_live(struct kt_io_run *r, struct kt_io *io)
{
	uint64_t number = number_of(&io->key);
	struct kt_io *first = kt_hash_get(&r->live, number), **at;

	if (first == io && !io->same) {
		kt_hash_del(&r->live, number);
	} else if (first == io) {
		kt_hash_put(&r->live, number, io->same); /* replaces: needs no memory */
	} else {
		for (at = &first->same; *at && *at != io; at = &(*at)->same)
			;
		if (*at)
			*at = io->same;
	}
}

static void take_out(struct kt_io_state *s, struct kt_io *io)
{
	struct kt_io_run *r = s->runs.v[io->key.run];

	take_out_of_live(r, io);
	kt_hash_del(&s->by_id, io->id);
	kt_list_remove(&s->by_age, &io->age);
	s->n_open--;
	r->n_faults -= io->key.kind == KT_IO_KIND_FAULT;
	r->n_after -= io->key.kind == KT_IO_KIND_AFTER;
}

int kt_io_renumber(struct kt_io_state *s, uint32_t run, uint32_t old_tid, uint32_t tid)
{
	struct kt_io_key key = {.run = run, .tid = old_tid};

	for (key.kind = KT_IO_KIND_SYSCALL; key.kind <= KT_IO_KIND_AFTER; key.kind++) {
		struct kt_io *io = kt_io_is_call(key.kind) ? kt_io_find(s, &key) : NULL;
		struct kt_io_run *r = kt_io_run(s, run);

		if (!io)
			continue;
		take_out_of_live(r, io);
		io->key.tid = tid;
		io->same = kt_hash_get(&r->live, number_of(&io->key));
		if (kt_hash_put(&r->live, number_of(&io->key), io))
			return -ENOMEM;
	}
	return 0;
}

/* For the others it shows later that they had ended: kt_io_close_quiet(). */
static bool ends_when_told(uint8_t kind)
{
	return kt_io_is_call(kind) && kind != KT_IO_KIND_FAULT && kind != KT_IO_KIND_AFTER;
}

int kt_io_new(struct kt_io_state *s, const struct kt_io_key *key, int64_t now_ns, int64_t start_ns,
	      struct kt_io **ret)
{
	struct kt_io_run *r = kt_io_run(s, key->run);
	uint64_t number = number_of(key);
	struct kt_io *io;
	int err;

	if (!r)
		return -ENOMEM;
	if (kt_unlikely(s->n_open >= MAX_OPEN)) {
		io = kt_list_first(&s->by_age, struct kt_io, age);
		s->runs.v[io->key.run]->n_evicted++;
		err = kt_io_close(s, io, KT_NULL, 0, KT_STATE_EVICTED);
		if (err)
			return err;
	}
	io = kt_slab_get(&s->ios);
	if (!io)
		return -ENOMEM;
	io->key = *key;
	io->id = kt_next_id(s->e, &kt_io_table);
	err = kt_flow_begin(s->e, &kt_io_flow_kind, io->id, start_ns, ends_when_told(key->kind));
	if (err)
		return err;
	io->born_ns = now_ns;
	io->start_ns = start_ns;
	io->last_end_ns = io->maybe_end_ns = io->waited_id = KT_NULL;
	io->room_ns = io->waited_bio_id = io->waited_end_ns = KT_NULL;
	io->offset = io->size = io->result = KT_NULL;
	io->same = kt_hash_get(&r->live, number);
	err = kt_hash_put(&s->by_id, io->id, io);
	if (!err)
		err = kt_hash_put(&r->live, number, io);
	if (err) {
		kt_hash_del(&s->by_id, io->id);
		kt_slab_put(&s->ios, io);
		return err;
	}
	kt_list_append(&s->by_age, &io->age);
	s->n_open++;
	r->n_faults += key->kind == KT_IO_KIND_FAULT;
	r->n_after += key->kind == KT_IO_KIND_AFTER;
	*ret = io;
	return 0;
}

/* ------------------------------------------------------------------ its bios */

static struct kt_io_bio *oldest_of(const struct kt_io *io)
{
	return kt_list_first(&io->kept, struct kt_io_bio, age);
}

static void drop(struct kt_io_state *s, struct kt_io *io, struct kt_io_bio *b)
{
	kt_list_remove(&io->kept, &b->age);
	if (io->last == b)
		io->last = NULL;
	io->n_kept--;
	s->n_kept--;
	kt_flush_way_put(b->way);
	kt_slab_put(&s->bios, b);
}

static void drop_some(struct kt_io_state *s, struct kt_io *io)
{
	struct kt_io_bio *newer;

	for (struct kt_io_bio *b = oldest_of(io); b; b = newer) {
		newer = kt_list_next(b, age);
		if (b->idle)
			drop(s, io, b);
	}
	while (io->n_kept > KT_IO_MAX_KEPT / 4 * 3) {
		drop(s, io, oldest_of(io));
		io->n_forgotten++;
	}
}

int kt_io_keep(struct kt_io_state *s, struct kt_io *io, const struct kt_bio_done *d)
{
	const struct kt_io_bio *known = &s->recent[d->bio_id & (KT_IO_N_RECENT - 1)];
	struct kt_io_bio *b;

	if (io->n_kept >= KT_IO_MAX_KEPT) {
		drop_some(s, io);
	} else if (io->n_kept && s->n_kept >= MAX_KEPT_IN_ALL) {
		drop(s, io, oldest_of(io));
		io->n_forgotten++;
	}
	b = kt_slab_get(&s->bios);
	if (!b)
		return -ENOMEM;
	*b = *known;
	kt_flush_way_get(b->way);
	kt_list_append(&io->kept, &b->age);
	io->n_kept++;
	s->n_kept++;
	/* A bio is on the path where it ended last before a queueing; of those that ended at once, the one queued first. */
	if (io->last && io->last->end_ns == b->end_ns && io->last->bio_id < b->bio_id) {
		b->idle = true;
		return 0;
	}
	if (io->last && (io->last->end_ns == b->end_ns || io->queued_ns < io->last->end_ns))
		io->last->idle = true;
	io->last = b;
	return 0;
}

void kt_io_set_quiet(struct kt_io_state *s, struct kt_io *io, bool quiet, int64_t now_ns)
{
	if (io->quiet)
		kt_list_remove(&s->quiet, &io->quiet_age);
	io->quiet = quiet;
	if (!quiet)
		return;
	io->quiet_ns = now_ns;
	kt_list_append(&s->quiet, &io->quiet_age);
}

/* ------------------------------------------------------------------ ends */

/*
 * Without kernel addresses, nothing links a bio of direct I/O to its asynchronous request: it is not known whether the request
 * caused any.
 */
static bool may_have_bios(const struct kt_io_state *s, const struct kt_io *io)
{
	return s->runs.v[io->key.run]->no_symbols && !io->n_bios &&
	       (io->flags & KT_IO_FLAG_DIRECT) &&
	       (io->key.kind == KT_IO_KIND_AIO || io->key.kind == KT_IO_KIND_URING);
}

/* An asynchronous request does not say how many bios it caused: there may have been no room for one. */
static bool may_lack_bios(const struct kt_io_state *s, const struct kt_io *io, int64_t end_ns)
{
	return (io->key.kind == KT_IO_KIND_AIO || io->key.kind == KT_IO_KIND_URING) &&
	       kt_no_room(s->e, io->key.run, io->start_ns == KT_NULL ? INT64_MIN : io->start_ns,
			  end_ns == KT_NULL ? INT64_MAX : end_ns);
}

/*
 * For an io with known beginning and end: its task came or left unseen, so that its own events may be missing; or a hole may have
 * hidden what the path lacks. s->path is its path.
 */
static bool is_hidden(const struct kt_io_state *s, const struct kt_io *io, int64_t end)
{
	if (end < io->start_ns || s->path.gap)
		return true;
	return kt_io_is_sync(io) && io->key.tid &&
	       kt_hidden(s->e, io->key.run, io->start_ns, end, KT_ANY_CPU, io->key.tid);
}

static enum kt_state final_state(struct kt_io_state *s, const struct kt_io *io, int64_t end,
				 enum kt_state how)
{
	bool lossy = io->lossy || may_have_bios(s, io) || may_lack_bios(s, io, end);

	if (how == KT_STATE_OPEN && io->start_ns != KT_NULL) {
		/* No event shows the end: a fault that did not wait, an iocb without a bio. */
		if (end == KT_NULL)
			how = KT_STATE_OPEN_AT_END;
		else
			lossy = lossy || is_hidden(s, io, end);
	}
	return kt_flow_final_state(s->e, io->key.run, "io", io->start_ns, end, lossy, how);
}

int kt_io_close(struct kt_io_state *s, struct kt_io *io, int64_t end_ns, uint32_t waiter_tid,
		enum kt_state state)
{
	bool known = io->start_ns != KT_NULL && end_ns != KT_NULL && end_ns >= io->start_ns;
	int err = known ? kt_io_path(s, io, end_ns, waiter_tid) : 0;

	state = final_state(s, io, end_ns, state);
	/* Recorded because it slept: usually for something that is not I/O. */
	if (!err && (!kt_io_may_be_nothing(io) || (known && kt_io_waited(s))))
		err = kt_io_write(s, io, end_ns, state, known);
	else
		kt_flow_forget(s->e, &kt_io_flow_kind, io->id);
	while (io->n_kept)
		drop(s, io, oldest_of(io));
	kt_io_set_quiet(s, io, false, 0);
	take_out(s, io);
	kt_slab_put(&s->ios, io);
	return err;
}

/* When a fault ended. KT_NULL: it did not wait and ended some time ago; no event shows when. */
static int64_t fault_end(const struct kt_io_state *s, const struct kt_io *io)
{
	if (io->op == KT_IO_OP_SWAPOUT)
		return io->room_ns;
	if (io->maybe_end_ns != KT_NULL)
		return io->maybe_end_ns;
	if (io->waited_end_ns != KT_NULL)
		return io->waited_end_ns;
	return io->n_open || s->runs.v[io->key.run]->has_sched ? KT_NULL : io->last_end_ns;
}

int kt_io_close_quiet(struct kt_io_state *s, struct kt_io *io)
{
	bool is_fault = io->key.kind == KT_IO_KIND_FAULT;
	/* A hole may hide the end of an io_uring request; the others have no event that could be hidden. */
	int64_t now_ns = io->key.kind == KT_IO_KIND_URING ? KT_NULL : INT64_MAX;

	/*
	 * It has ended, but some of its bios never did: their ends were missed (a fault need not wait for its readahead). Or its own
	 * end is among the events lost since.
	 */
	if ((io->n_open && !is_fault && io->key.kind != KT_IO_KIND_AFTER) ||
	    kt_flow_state(s->e, io->key.run, io->start_ns, now_ns) != KT_STATE_WHOLE)
		io->lossy = true;
	/* It was working when it queued its last bio, or slept last. */
	if (io->key.kind == KT_IO_KIND_AFTER)
		return kt_io_close(s, io,
				   KT_MAX(io->queued_ns, io->room_ns == KT_NULL ? 0 : io->room_ns),
				   io->key.tid, KT_STATE_OPEN);
	if (is_fault)
		return kt_io_close(s, io, fault_end(s, io), io->key.tid, KT_STATE_OPEN);
	/* "No CQE was posted" is certain only if no events were lost; otherwise the end of its bios need not be its own. */
	if (io->key.kind == KT_IO_KIND_URING && io->lossy)
		return kt_io_close(s, io, KT_NULL, io->key.tid, KT_STATE_OPEN);
	return kt_io_close(s, io, io->n_open ? KT_NULL : io->last_end_ns, io->key.tid,
			   KT_STATE_OPEN);
}

/* Quiet, but not long enough, or not a sign of its end: a fault's task may wait for the CPU. */
static bool may_go_on(const struct kt_io_state *s, const struct kt_io *io, int64_t now_ns)
{
	if (io->key.kind == KT_IO_KIND_AIO)
		return !io->n_bios && io->born_ns + KT_IO_UNBORN_NS >= now_ns;
	if (io->maybe_end_ns == KT_NULL)
		return s->runs.v[io->key.run]->has_sched;
	return io->maybe_end_ns + KT_IO_FAULT_NS >= now_ns;
}

int kt_io_expire(struct kt_io_state *s, int64_t now_ns)
{
	struct kt_io *io;
	int err = 0;

	while ((io = kt_list_first(&s->quiet, struct kt_io, quiet_age)) &&
	       io->quiet_ns + KT_IO_QUIET_NS < now_ns && !err) {
		if (may_go_on(s, io, now_ns))
			kt_io_set_quiet(s, io, true, now_ns);
		else
			err = kt_io_close_quiet(s, io);
	}
	return err;
}
