// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Births and ends of operations. */
#include <errno.h>

#include "analyze/io_flow.h"
#include "format/base/macros.h"

#define MAX_OPEN (1u << 17)	   /* ios open at once, over all runs: the oldest makes room */
#define MAX_KEPT_IN_ALL (1u << 18) /* ended bios kept, of all ios: the io's own oldest makes room */

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
	return size <= INT64_MAX ? (int64_t)size : KT_NULL; /* of a range: the kernel refuses it */
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
	if (a->kind == KT_IO_URING || (a->kind == KT_IO_JOURNAL && a->addr))
		return true;
	return a->tid == b->tid || (a->kind == KT_IO_AIO && a->tgid == b->tgid);
}

struct kt_io *kt_io_find(struct kt_io_state *s, const struct kt_io_key *key)
{
	struct kt_io_run *r = kt_io_run(s, key->run);
	struct kt_io *io = r ? kt_hash_get(&r->live, number_of(key)) : NULL;

	while (io && !is_same(&io->key, key))
		io = io->same;
	return io;
}

static void take_out(struct kt_io_state *s, struct kt_io *io)
{
	struct kt_io_run *r = s->runs.v[io->key.run];
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
	kt_hash_del(&s->by_id, io->id);
	*(io->older ? &io->older->newer : &s->oldest) = io->newer;
	*(io->newer ? &io->newer->older : &s->newest) = io->older;
	s->n_open--;
	r->n_faults -= io->key.kind == KT_IO_FAULT;
	r->n_after -= io->key.kind == KT_IO_AFTER;
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
		s->runs.v[s->oldest->key.run]->n_evicted++;
		err = kt_io_close(s, s->oldest, KT_NULL, 0, "evicted");
		if (err)
			return err;
	}
	io = kt_slab_get(&s->ios);
	if (!io)
		return -ENOMEM;
	io->key = *key;
	io->id = kt_next_id(s->e, &kt_io_table);
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
	io->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = io;
	s->newest = io;
	s->n_open++;
	r->n_faults += key->kind == KT_IO_FAULT;
	r->n_after += key->kind == KT_IO_AFTER;
	*ret = io;
	return 0;
}

/* ------------------------------------------------------------------ its bios */

static void drop(struct kt_io_state *s, struct kt_io *io, struct kt_io_bio *b)
{
	*(b->older ? &b->older->newer : &io->oldest) = b->newer;
	*(b->newer ? &b->newer->older : &io->newest) = b->older;
	if (io->last == b)
		io->last = NULL;
	io->n_kept--;
	s->n_kept--;
	kt_slab_put(&s->bios, b);
}

static void drop_some(struct kt_io_state *s, struct kt_io *io)
{
	struct kt_io_bio *newer;

	for (struct kt_io_bio *b = io->oldest; b; b = newer) {
		newer = b->newer;
		if (b->idle)
			drop(s, io, b);
	}
	while (io->n_kept > KT_IO_MAX_KEPT / 4 * 3) {
		drop(s, io, io->oldest);
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
		drop(s, io, io->oldest);
		io->n_forgotten++;
	}
	b = kt_slab_get(&s->bios);
	if (!b)
		return -ENOMEM;
	*b = *known;
	b->newer = NULL;
	b->older = io->newest;
	*(io->newest ? &io->newest->newer : &io->oldest) = b;
	io->newest = b;
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
	if (io->quiet) {
		*(io->quiet_older ? &io->quiet_older->quiet_newer : &s->quiet_oldest) =
			io->quiet_newer;
		*(io->quiet_newer ? &io->quiet_newer->quiet_older : &s->quiet_newest) =
			io->quiet_older;
	}
	io->quiet = quiet;
	if (!quiet)
		return;
	io->quiet_ns = now_ns;
	io->quiet_newer = NULL;
	io->quiet_older = s->quiet_newest;
	*(s->quiet_newest ? &s->quiet_newest->quiet_newer : &s->quiet_oldest) = io;
	s->quiet_newest = io;
}

/* ------------------------------------------------------------------ ends */

/*
 * Without the kernel's addresses nothing names an asynchronous request that a bio of direct I/O is of: that it caused none is not
 * known.
 */
static bool may_have_bios(const struct kt_io_state *s, const struct kt_io *io)
{
	return s->runs.v[io->key.run]->no_symbols && !io->n_bios && (io->flags & KT_IO_DIRECT) &&
	       (io->key.kind == KT_IO_AIO || io->key.kind == KT_IO_URING);
}

/*
 * Of one whose begin and end are known: its task came or went unseen, so that its own events may be missing; or what the path lacks
 * may have been hidden. s->path is of it.
 */
static bool is_hidden(const struct kt_io_state *s, const struct kt_io *io, int64_t end)
{
	if (end < io->start_ns || s->path.gap)
		return true;
	return kt_io_is_sync(io) && io->key.tid &&
	       kt_hidden(s->e, io->key.run, io->start_ns, end, KT_ANY_CPU, io->key.tid);
}

/*
 * A flow that was open while something was lost is lossy, whatever else it is; an evicted one
 * says so.
 */
static const char *final_state(struct kt_io_state *s, const struct kt_io *io, int64_t end,
			       const char *state)
{
	const char *seen;

	if (io->lossy || may_have_bios(s, io))
		return "lossy";
	if (state && state[0] == 'e')
		return state;
	seen = kt_flow_state(s->e, io->key.run, io->start_ns, end);
	if (seen[0] != 'w')
		return seen;
	if (state)
		return state;
	if (io->start_ns == KT_NULL)
		return "open_at_start";
	/* Nothing tells of it: a fault that did not wait, an iocb without a bio. */
	if (end == KT_NULL)
		return "open_at_end";
	return is_hidden(s, io, end) ? "lossy" : "whole";
}

int kt_io_close(struct kt_io_state *s, struct kt_io *io, int64_t end_ns, uint32_t waiter_tid,
		const char *state)
{
	bool known = io->start_ns != KT_NULL && end_ns != KT_NULL && end_ns >= io->start_ns;
	int err = known ? kt_io_path(s, io, end_ns, waiter_tid) : 0;

	state = final_state(s, io, end_ns, state);
	/* One that is told because it slept: for what is none of our concern, as a rule. */
	if (!err && (!kt_io_may_be_nothing(io) || (known && kt_io_waited(s))))
		err = kt_io_write(s, io, end_ns, state, known);
	while (io->oldest)
		drop(s, io, io->oldest);
	kt_io_set_quiet(s, io, false, 0);
	take_out(s, io);
	kt_slab_put(&s->ios, io);
	return err;
}

/* When a fault was over. KT_NULL: one that was seen not to wait ended some time ago, nothing tells when. */
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
	bool is_fault = io->key.kind == KT_IO_FAULT;
	/* A hole may hide the end of an io_uring request; the others have none that could be. */
	int64_t now_ns = io->key.kind == KT_IO_URING ? KT_NULL : INT64_MAX;

	/*
	 * Bios that never ended, and it is over: their ends were missed (a fault need not wait for what it reads ahead). Or its own
	 * end was among what was lost since.
	 */
	if ((io->n_open && !is_fault && io->key.kind != KT_IO_AFTER) ||
	    kt_flow_state(s->e, io->key.run, io->start_ns, now_ns)[0] != 'w')
		io->lossy = true;
	/* It was at work when it queued its last bio, or slept last. */
	if (io->key.kind == KT_IO_AFTER)
		return kt_io_close(s, io,
				   KT_MAX(io->queued_ns, io->room_ns == KT_NULL ? 0 : io->room_ns),
				   io->key.tid, NULL);
	if (is_fault)
		return kt_io_close(s, io, fault_end(s, io), io->key.tid, NULL);
	/* That nothing was posted is known only where nothing was lost: else its bios' end is not its own. */
	if (io->key.kind == KT_IO_URING && io->lossy)
		return kt_io_close(s, io, KT_NULL, io->key.tid, NULL);
	return kt_io_close(s, io, io->n_open ? KT_NULL : io->last_end_ns, io->key.tid, NULL);
}

/* What is quiet, but not for long enough, or not by itself: a fault's task may wait for the CPU. */
static bool may_go_on(const struct kt_io_state *s, const struct kt_io *io, int64_t now_ns)
{
	if (io->key.kind == KT_IO_AIO)
		return !io->n_bios && io->born_ns + KT_IO_UNBORN_NS >= now_ns;
	if (io->maybe_end_ns == KT_NULL)
		return s->runs.v[io->key.run]->has_sched;
	return io->maybe_end_ns + KT_IO_FAULT_NS >= now_ns;
}

int kt_io_expire(struct kt_io_state *s, int64_t now_ns)
{
	int err = 0;

	while (s->quiet_oldest && s->quiet_oldest->quiet_ns + KT_IO_QUIET_NS < now_ns && !err) {
		struct kt_io *io = s->quiet_oldest;

		if (may_go_on(s, io, now_ns))
			kt_io_set_quiet(s, io, true, now_ns);
		else
			err = kt_io_close_quiet(s, io);
	}
	return err;
}
