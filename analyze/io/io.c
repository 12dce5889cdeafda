// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker io: what applications asked for, and the kernel's own operations. Its events, and the bios it observes. The
 * complete rules: tests/reference/README.md.
 */
#include "analyze/engine/tracker.h"

#include <errno.h>
#include <string.h>

#include "analyze/engine/tsv.h"
#include "analyze/io/io_internal.h"
#include "analyze/io/io_service.h"
#include "format/base/macros.h"

/* For trackers that ask which io the current event is about. */
static void was(struct kt_io_state *s, const struct kt_ev *ev, int64_t io_id)
{
	s->event_t_ns = ev->t_ns;
	s->event_run = ev->run;
	s->event_cpu = ev->cpu;
	s->event_io = io_id;
}

/* An event shows that a call ended some time ago: before the next one began. */
static int missed_end(struct kt_io_state *s, struct kt_io *io, const struct kt_ev *ev,
		      int64_t next_ns)
{
	int err = 0;

	if (io->key.kind == KT_IO_KIND_AFTER)
		return kt_io_close_quiet(s, io);
	if (io->key.kind == KT_IO_KIND_FAULT) {
		if (io->maybe_end_ns > next_ns)
			io->maybe_end_ns = KT_NULL;
		return kt_io_close_quiet(s, io);
	}
	if (!io->lossy)
		err = kt_missed(s->e, io->key.run, ev->cpu, KT_MAX(io->born_ns, io->last_end_ns),
				ev->t_ns);
	io->lossy = true;
	return err ? err : kt_io_close(s, io, KT_NULL, 0, KT_STATE_OPEN);
}

/*
 * The task's open call. A call begins before its events: one that began after the first event of the known call is a new one,
 * and the end of the known one was missed. start_ns KT_NULL: not known, assume the known one. *ret NULL: none is open.
 */
static int open_call(struct kt_io_state *s, const struct kt_ev *ev, const struct kt_io_key *key,
		     int64_t start_ns, struct kt_io **ret)
{
	struct kt_io *io = kt_io_find(s, key);

	*ret = io;
	if (!io || start_ns == KT_NULL || start_ns <= io->born_ns)
		return 0;
	*ret = NULL;
	return missed_end(s, io, ev, start_ns);
}

/* ------------------------------------------------------------------ bios */

static int queued_below_loop(struct kt_io_state *s, const struct kt_ev *ev,
			     const struct kt_bio_queue *d, int64_t bio_id, struct kt_bio_cause *c)
{
	int64_t request_id, io_id;
	int err;

	if (KT_CALL(s->request, live, ev->run, d->io, &request_id, &io_id))
		return 0;
	err = kt_flow_link(s->e, &kt_bio_kind, bio_id, &kt_request_kind, request_id);
	if (err)
		return err;
	c->parent_request_id = request_id;
	c->io_id = io_id;
	c->link = d->io_flags & KT_LINK_INFERRED ? "inferred" : "exact";
	return 0;
}

/*
 * Only its bios show what a fault is: it reads a page from swap, or one of a file, or else it only reclaimed memory by
 * writing to swap. Its size is what it moved to or from swap.
 */
static void name_fault(struct kt_io *io, const struct kt_bio_queue *d)
{
	uint16_t op = KT_IO_OP_FAULT;

	if (io->key.kind != KT_IO_KIND_FAULT)
		return;
	if (d->flags & KT_BIO_SWAP)
		op = d->opf & 1 ? KT_IO_OP_SWAPOUT : KT_IO_OP_SWAPIN;
	if (!io->op || op == KT_IO_OP_SWAPIN || io->op == KT_IO_OP_SWAPOUT) {
		if (io->op != op) {
			io->op = op;
			io->ino = d->ino;
			io->ino_dev = d->ino_dev;
			io->offset = d->offset >= 0 ? d->offset : KT_NULL;
			io->size = d->flags & KT_BIO_SWAP ? 0 : KT_NULL;
			io->cgroup = d->cgroup;
			io->dev = d->flags & KT_BIO_SWAP ? d->dev : 0;
		}
		if (d->flags & KT_BIO_SWAP)
			io->size += d->bytes;
	}
}

/* Notes which io owns the buffer from now on. */
static int queued_log(struct kt_io_state *s, const struct kt_ev *ev, uint64_t addr, int64_t io_id)
{
	struct kt_io_run *r = kt_io_run(s, ev->run);

	return r ? kt_io_log_written(s, r, addr, io_id) : -ENOMEM;
}

static int on_queued(void *arg, const struct kt_ev *ev, const struct kt_bio_queue *d,
		     int64_t bio_id, int64_t parent_bio_id, struct kt_bio_cause *c)
{
	struct kt_io_state *s = arg;
	struct kt_io_key key = {
		.run = ev->run,
		.kind = d->io_kind,
		.tid = d->io_tid,
		.tgid = d->tid == d->io_tid || d->io_kind == KT_IO_KIND_AIO ? d->tgid : 0,
	};
	int64_t start = KT_NULL;
	struct kt_io *io;
	int err = kt_io_expire(s, ev->t_ns);

	/* A clone has its parent's cause: the parent is on the path, the clone is not. */
	if (err || !d->io_kind || d->io_kind > KT_IO_KIND_AFTER || parent_bio_id != KT_NULL)
		return err;
	if (d->io_kind == KT_IO_KIND_LOOP)
		return queued_below_loop(s, ev, d, bio_id, c);
	if (d->io_kind == KT_IO_KIND_JOURNAL)
		key.addr = d->io;
	if (kt_io_is_call(d->io_kind)) {
		if (d->io_age_ns)
			start = ev->t_ns - (int64_t)d->io_age_ns;
		err = open_call(s, ev, &key, start, &io);
		if (err)
			return err;
	} else {
		key.addr = d->io;
		io = kt_io_find(s, &key);
		if (!io && d->io_kind == KT_IO_KIND_AIO && !d->io_tid)
			io = kt_io_find_iocb(s, ev->run, d);
	}
	if (!io) {
		err = kt_io_new(s, &key, ev->t_ns, start, &io);
		if (err)
			return err;
	}
	err = kt_flow_link(s->e, &kt_bio_kind, bio_id, &kt_io_flow_kind, io->id);
	if (err)
		return err;
	name_fault(io, d);
	if (d->io_kind == KT_IO_KIND_AFTER) {
		io->op = (uint16_t)d->io;
		io->cgroup = d->cgroup;
	}
	if (kt_unlikely(io->quiet))
		kt_io_set_quiet(s, io, false, 0);
	io->maybe_end_ns = io->waited_end_ns = KT_NULL;
	io->waited_bio_id = d->io_flags & KT_LINK_WAITED ? bio_id : KT_NULL;
	io->queued_ns = ev->t_ns;
	io->n_bios++;
	io->n_open++;
	c->io_id = io->id;
	c->link = d->io_flags & KT_LINK_INFERRED ? "inferred" : "exact";
	return kt_io_is_call(d->io_kind) && d->io_kind != KT_IO_KIND_AFTER && d->io
		       ? queued_log(s, ev, d->io, io->id)
		       : 0;
}

static int on_ended(void *arg, const struct kt_bio_done *d)
{
	struct kt_io_state *s = arg;
	struct kt_io *io;
	int err = 0;

	if (d->end_ns != KT_NULL && d->start_ns != KT_NULL) {
		struct kt_io_bio *b = &s->recent[d->bio_id & (KT_IO_N_RECENT - 1)];

		kt_flush_way_put(b->way);
		kt_flow_hold(s->e, &kt_bio_kind, d->bio_id);
		if (b->bio_id)
			kt_flow_release(s->e, &kt_bio_kind, b->bio_id);
		*b = (struct kt_io_bio){
			.bio_id = d->bio_id,
			.io_id = d->io_id,
			.request_id = d->request_id,
			.start_ns = d->start_ns,
			.end_ns = d->end_ns,
			.run = d->run,
			.tid = d->tid,
			.tgid = d->tgid,
			.device_id = d->device_id,
			.lossy = d->state == KT_STATE_LOSSY,
			.swapout = d->swapout,
			.way = kt_flush_way_get(d->way),
		};
		memcpy(b->mark_ns, d->mark_ns, sizeof(b->mark_ns));
	}
	if (d->io_id == KT_NULL || d->parent_bio_id != KT_NULL || d->parent_request_id != KT_NULL)
		return 0;
	io = kt_hash_get(&s->by_id, d->io_id);
	if (!io)
		return 0;
	io->n_open -= !!io->n_open;
	io->lossy |= d->state == KT_STATE_LOSSY;
	if (d->end_ns != KT_NULL) {
		err = kt_io_keep(s, io, d);
		io->last_end_ns = KT_MAX(io->last_end_ns, d->end_ns);
		if (d->bio_id == io->waited_bio_id)
			io->waited_end_ns = d->end_ns;
	}
	/* Its end has no event: this may be it. */
	if (!err && !io->n_open &&
	    (io->key.kind == KT_IO_KIND_AIO || io->key.kind == KT_IO_KIND_FAULT))
		kt_io_set_quiet(s, io, true, KT_MAX(io->last_end_ns, io->born_ns));
	return err;
}

static const struct kt_bio_observer observer = {.queued = on_queued, .ended = on_ended};

/* ------------------------------------------------------------------ events */

/* What io_call, io_call_begin and io_submit have in common. */
#define TELL_FILE(io, d, op_)                                            \
	({                                                               \
		(io)->ino = (d)->ino;                                    \
		(io)->ino_dev = (d)->ino_dev;                            \
		(io)->offset = (d)->offset >= 0 ? (d)->offset : KT_NULL; \
		(io)->op = (op_);                                        \
		(io)->size = kt_io_asked((io)->op, (d)->size);           \
		(io)->cgroup = (d)->cgroup;                              \
	})

static int on_io_call_begin(void *self, const struct kt_ev *ev)
{
	const struct kt_io_call_begin *d = ev->data;
	struct kt_io_key key = {ev->run, KT_IO_KIND_SYSCALL, 0, d->tid, d->tgid};
	struct kt_io_state *s = self;
	struct kt_io *io;
	int err = open_call(s, ev, &key, ev->t_ns, &io);

	if (!err && !io)
		err = kt_io_new(s, &key, ev->t_ns, ev->t_ns, &io);
	if (err)
		return err;
	TELL_FILE(io, d, KT_IO_OP_WRITE);
	was(s, ev, io->id);
	return 0;
}

/* A page fault has reclaimed memory, which is not its end unless nothing follows. */
static int made_room(struct kt_io_state *s, const struct kt_io_key *key, int64_t start_ns,
		     int64_t now_ns)
{
	struct kt_io *io = kt_io_find(s, key);

	if (!io || io->start_ns != start_ns)
		return 0;
	io->room_ns = now_ns;
	io->maybe_end_ns = KT_NULL;
	return 0;
}

/*
 * Work left behind by a call, or a task's exit, has no event at its end, only events that show that it continues. It has ended when
 * the task begins something else.
 */
static int went_on(struct kt_io_state *s, const struct kt_ev *ev, const struct kt_io_key *key,
		   int64_t start_ns)
{
	const struct kt_io_call *d = ev->data;
	struct kt_io *io;
	int err = open_call(s, ev, key, start_ns, &io);

	if (!err && !io)
		err = kt_io_new(s, key, ev->t_ns, start_ns, &io);
	if (err)
		return err;
	io->op = d->op;
	io->cgroup = d->cgroup;
	io->room_ns = ev->t_ns;
	return 0;
}

/* The task begins a call: what it did before has ended. */
static int over_before(struct kt_io_state *s, const struct kt_ev *ev, uint32_t tid,
		       int64_t start_ns)
{
	struct kt_io_run *r = kt_io_run(s, ev->run);
	struct kt_io_key key = {.run = ev->run, .kind = KT_IO_KIND_AFTER, .tid = tid};
	struct kt_io *io = r && r->n_after ? kt_io_find(s, &key) : NULL;

	return io && io->born_ns < start_ns && io->op != KT_IO_OP_EXIT ? kt_io_close_quiet(s, io)
								       : 0;
}

/* Its bios were counted: there was no room for some of them. */
static void lacks_bios(const struct kt_io_state *s, struct kt_io *io, uint32_t n, int64_t end_ns)
{
	if (n > io->n_bios && kt_no_room(s->e, io->key.run, io->start_ns, end_ns))
		io->lossy = true;
}

static int on_io_call(void *self, const struct kt_ev *ev)
{
	const struct kt_io_call *d = ev->data;
	struct kt_io_key key = {ev->run, d->kind, 0, d->tid, d->tgid};
	int64_t start = ev->t_ns - (int64_t)d->dur_ns, waited;
	struct kt_io_state *s = self;
	struct kt_io_run *r = kt_io_run(s, ev->run);
	struct kt_io *io;
	int err = r ? kt_io_expire(s, ev->t_ns) : -ENOMEM;

	if (err || !d->kind || d->kind > KT_IO_KIND_AFTER || !kt_io_is_call(d->kind))
		return err;
	if (d->kind == KT_IO_KIND_AFTER)
		return went_on(s, ev, &key, start);
	err = over_before(s, ev, d->tid, start);
	if (err)
		return err;
	if (d->kind == KT_IO_KIND_FAULT)
		return made_room(s, &key, start, ev->t_ns);
	waited = kt_io_log_waited(s, r, d->tid, start);
	err = open_call(s, ev, &key, start, &io);
	if (err)
		return err;
	if (!io) {
		if (!(d->flags & (KT_IO_FLAG_DATA | KT_IO_FLAG_SLEPT)) && !d->n_bios)
			return 0;
		err = kt_io_new(s, &key, ev->t_ns, start, &io);
		if (err)
			return err;
	}
	io->key.tgid = d->tgid;
	io->start_ns = start;
	TELL_FILE(io, d, d->op);
	io->flags = d->flags;
	io->dev = d->dev;
	io->result = d->result;
	io->late = d->late;
	io->waited_id = waited;
	lacks_bios(s, io, d->n_bios, ev->t_ns);
	was(s, ev, io->id);
	return kt_io_close(s, io, ev->t_ns, d->tid, KT_STATE_OPEN);
}

/* The write of a log buffer ends; it began before its bios. */
static int on_page_log(void *self, const struct kt_ev *ev)
{
	const struct kt_page_log *d = ev->data;
	struct kt_io_key key = {ev->run, KT_IO_KIND_JOURNAL, d->io, d->tid, d->tgid};
	int64_t start = ev->t_ns - (int64_t)d->dur_ns;
	struct kt_io_state *s = self;
	struct kt_io *io;
	int err = kt_io_expire(s, ev->t_ns);

	if (err || !d->io)
		return err;
	err = open_call(s, ev, &key, start, &io);
	if (!err && !io)
		err = kt_io_new(s, &key, ev->t_ns, start, &io);
	if (err)
		return err;
	io->key.tgid = d->tgid;
	io->start_ns = start;
	io->ino_dev = d->ino_dev;
	io->cgroup = d->cgroup;
	io->op = KT_IO_OP_COMMIT;
	io->result = 0;
	return kt_io_close(s, io, ev->t_ns, d->end_tid, KT_STATE_OPEN);
}

static int on_page_log_wait(void *self, const struct kt_ev *ev)
{
	struct kt_io_run *r = kt_io_run(self, ev->run);

	return r ? kt_io_log_wait(self, r, ev) : -ENOMEM;
}

static int on_io_submit(void *self, const struct kt_ev *ev)
{
	const struct kt_io_submit *d = ev->data;
	struct kt_io_key key = {ev->run, d->kind, d->io, d->tid, d->tgid};
	struct kt_io_state *s = self;
	struct kt_io *io;
	int err = kt_io_expire(s, ev->t_ns);

	if (err || (d->kind != KT_IO_KIND_URING && d->kind != KT_IO_KIND_AIO))
		return err;
	/* Linked requests that post no CQE (CQE_SKIP), and iocbs: this is how their end is found. */
	io = kt_io_find(s, &key);
	if (io)
		err = kt_io_close_quiet(s, io);
	if (!err)
		err = kt_io_new(s, &key, ev->t_ns, ev->t_ns, &io);
	if (err)
		return err;
	TELL_FILE(io, d, d->op);
	io->flags = d->flags;
	io->dev = d->dev;
	if (d->kind == KT_IO_KIND_AIO)
		kt_io_set_quiet(s, io, true, ev->t_ns);
	was(s, ev, io->id);
	return 0;
}

static int on_io_end(void *self, const struct kt_ev *ev)
{
	const struct kt_io_end *d = ev->data;
	struct kt_io_key key = {ev->run, KT_IO_KIND_URING, d->io, d->tid, 0};
	struct kt_io_state *s = self;
	struct kt_io *io;
	int err = kt_io_expire(s, ev->t_ns);

	if (err)
		return err;
	io = kt_io_find(s, &key);
	if (!io)
		err = kt_io_new(s, &key, ev->t_ns, KT_NULL, &io);
	if (err)
		return err;
	io->result = d->result;
	return kt_io_close(s, io, ev->t_ns, d->tid, KT_STATE_OPEN);
}

static int on_io_file(void *self, const struct kt_ev *ev)
{
	const struct kt_io_file *d = ev->data;
	struct kt_io_run *r = kt_io_run(self, ev->run);

	return r ? kt_io_name(r, ev, d) : -ENOMEM;
}

static int on_io_file_part(void *self, const struct kt_ev *ev)
{
	struct kt_io_run *r = kt_io_run(self, ev->run);

	return r ? kt_io_name_part(r, ev->cpu, ev->data) : -ENOMEM;
}

/*
 * A fault has no event at its end: it ends when its task runs again after a sleep in which one of its bios ended, unless there is
 * a sign that it continues before the task next leaves the CPU. One that swaps may pause several times while it reclaims memory: later
 * signs count as well.
 */
static int switch_faults(struct kt_io_state *s, const struct kt_ev *ev)
{
	const struct kt_sched_switch *d = ev->data;
	struct kt_io_key key = {.run = ev->run, .kind = KT_IO_KIND_FAULT, .tid = d->prev_tid};
	struct kt_io *io = d->prev_tid ? kt_io_find(s, &key) : NULL;
	struct kt_wait w;

	if (io && io->maybe_end_ns != KT_NULL && io->op == KT_IO_OP_FAULT) {
		int err = kt_io_close(s, io, io->maybe_end_ns, io->key.tid, KT_STATE_OPEN);

		if (err)
			return err;
	}
	key.tid = d->next_tid;
	io = d->next_tid && s->task.ops ? kt_io_find(s, &key) : NULL;
	if (io && io->last_end_ns != KT_NULL && io->maybe_end_ns == KT_NULL &&
	    !KT_CALL(s->task, last_wait, ev->run, key.tid, io->start_ns, ev->t_ns, &w) &&
	    w.out_ns <= io->last_end_ns && io->last_end_ns <= w.in_ns &&
	    w.in_ns > KT_MAX(io->queued_ns, io->room_ns))
		io->maybe_end_ns = w.in_ns;
	return 0;
}

/* A task that exits is gone. */
static int switch_exit(struct kt_io_state *s, const struct kt_ev *ev)
{
	const struct kt_sched_switch *d = ev->data;
	struct kt_io_key key = {.run = ev->run, .kind = KT_IO_KIND_AFTER, .tid = d->prev_tid};
	struct kt_io *io = d->prev_state == KT_TASK_OTHER ? kt_io_find(s, &key) : NULL;

	return io && io->op == KT_IO_OP_EXIT ? kt_io_close(s, io, ev->t_ns, key.tid, KT_STATE_OPEN)
					     : 0;
}

static int on_sched_switch(void *self, const struct kt_ev *ev)
{
	struct kt_io_state *s = self;
	struct kt_io_run *r = kt_io_run(s, ev->run);

	if (!r)
		return -ENOMEM;
	r->has_sched = true;
	if (kt_unlikely(r->n_after)) {
		int err = switch_exit(s, ev);

		if (err)
			return err;
	}
	return kt_likely(!r->n_faults) ? 0 : switch_faults(s, ev);
}

/* While its sleeps are still known. */
static int on_task_exit(void *self, const struct kt_ev *ev)
{
	const struct kt_task_exit *d = ev->data;
	struct kt_io_key key = {.run = ev->run, .kind = KT_IO_KIND_FAULT, .tid = d->tid};
	struct kt_io *io = kt_io_find(self, &key);
	int err = io && io->maybe_end_ns != KT_NULL ? kt_io_close_quiet(self, io) : 0;

	return err ? err : over_before(self, ev, d->tid, ev->t_ns);
}

static int on_task_comm(void *self, const struct kt_ev *ev)
{
	const struct kt_task_comm *d = ev->data;

	return d->old_tid ? kt_io_renumber(self, ev->run, d->old_tid, d->tid) : 0;
}

static int on_irq(void *self, const struct kt_ev *ev)
{
	struct kt_io_run *r = kt_io_run(self, ev->run);

	if (!r)
		return -ENOMEM;
	r->has_irq = true;
	return 0;
}

/* ------------------------------------------------------------------ the tracker */

static int64_t svc_of_event(void *self, const struct kt_ev *ev)
{
	const struct kt_io_state *s = self;

	return s->event_t_ns == ev->t_ns && s->event_run == ev->run && s->event_cpu == ev->cpu
		       ? s->event_io
		       : KT_NULL;
}

static const struct kt_svc_io service = {.of_event = svc_of_event};

static int init(void *self, struct kt_engine *e)
{
	struct kt_io_state *s = self;
	int err;

	s->e = e;
	s->event_io = KT_NULL;
	s->ios.size = sizeof(struct kt_io);
	s->bios.size = sizeof(struct kt_io_bio);
	s->recent = calloc(KT_IO_N_RECENT, sizeof(*s->recent));
	if (!s->recent)
		return -ENOMEM;
	err = kt_file_load_create(e, &s->file_load);
	if (err)
		return err;
	s->names.ops = kt_service(e, "core", &s->names.self);
	s->bio.ops = kt_service(e, "bio", &s->bio.self);
	s->request.ops = kt_service(e, "request", &s->request.self);
	s->task.ops = kt_service(e, "sched", &s->task.self);
	s->irq.ops = kt_service(e, "irq", &s->irq.self);
	if (!s->names.ops || !s->bio.ops || !s->request.ops)
		return -EINVAL;
	err = kt_service_provide(e, "io", &service, s);
	if (!err)
		err = KT_CALL(s->bio, observe, &observer, s);
	return err;
}

/* Which families were recorded: values of others are not known, rather than zero. */
static int read_probes(struct kt_io_run *r, const void *data, size_t len)
{
	struct kt_tsv t;
	int err = kt_tsv_init(&t, data, len);

	if (err)
		return err;
	while (kt_tsv_next(&t)) {
		const char *family = kt_tsv_get(&t, "family"), *state = kt_tsv_get(&t, "state"),
			   *hook = kt_tsv_get(&t, "hook");

		if (!family || !state)
			continue;
		if (hook && !strcmp(hook, KT_PROBE_SYMBOLS))
			r->no_symbols = !strcmp(state, "missing");
		if (strcmp(state, "attached"))
			continue;
		r->has_sched = r->has_sched || !strcmp(family, "sched");
		r->has_irq = r->has_irq || !strcmp(family, "irq");
	}
	kt_tsv_finish(&t);
	return 0;
}

static int context(void *self, uint32_t run, uint32_t phase, const char *name, const void *data,
		   size_t len)
{
	struct kt_io_run *r = kt_io_run(self, run);

	if (!r)
		return -ENOMEM;
	if (!phase && !strcmp(name, "mounts"))
		return kt_io_mounts(r, data, len);
	return !phase && !strcmp(name, "probes") ? read_probes(r, data, len) : 0;
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	struct kt_io_state *s = self;
	struct kt_io *io, *newer;
	int err = 0;

	(void)end_ns;
	for (io = kt_list_first(&s->by_age, struct kt_io, age); io && !err; io = newer) {
		newer = kt_list_next(io, age);
		if (io->key.run != run)
			continue;
		err = io->quiet || io->maybe_end_ns != KT_NULL || io->room_ns != KT_NULL ||
				      (io->key.kind == KT_IO_KIND_AFTER && !io->n_open)
			      ? kt_io_close_quiet(s, io)
			      : kt_io_close(s, io, KT_NULL, 0, KT_STATE_OPEN_AT_END);
	}
	return err;
}

static int done(void *self)
{
	struct kt_io_state *s = self;
	int err = 0;

	for (uint32_t i = 0; i < s->runs.n && !err; i++)
		if (s->runs.v[i]->n_evicted)
			err = kt_audit(s->e, i, "evicted ios", KT_NULL, s->runs.v[i]->n_evicted, 0,
				       0);
	return err ? err : kt_file_load_write(s->file_load);
}

static void finish(void *self)
{
	struct kt_io_state *s = self;

	for (size_t i = 0; i < s->runs.n; i++)
		kt_io_run_destroy(s->runs.v[i]);
	kt_vec_finish(&s->runs);
	kt_hash_finish(&s->by_id);
	kt_slab_finish(&s->ios);
	kt_slab_finish(&s->bios);
	kt_vec_finish(&s->path.hops);
	kt_vec_finish(&s->path.segs);
	kt_vec_finish(&s->path.blames);
	kt_file_load_destroy(s->file_load);
	for (size_t i = 0; s->recent && i < KT_IO_N_RECENT; i++)
		kt_flush_way_put(s->recent[i].way);
	free(s->recent);
}

static const char *const after[] = {"core", "bio", "request", "sched", "irq", NULL};
static const struct kt_table *const tables[] = {&kt_io_table, &kt_io_wake_table,
						&kt_file_load_table, NULL};
static const struct kt_flow_kind *const flows[] = {&kt_io_flow_kind, NULL};
static const struct kt_handler handlers[] = {
	{KT_EV_io_call, on_io_call},
	{KT_EV_io_call_begin, on_io_call_begin},
	{KT_EV_io_submit, on_io_submit},
	{KT_EV_io_end, on_io_end},
	{KT_EV_io_file, on_io_file},
	{KT_EV_io_file_part, on_io_file_part},
	{KT_EV_page_log, on_page_log},
	{KT_EV_page_log_wait, on_page_log_wait},
	{KT_EV_sched_switch, on_sched_switch},
	{KT_EV_task_comm, on_task_comm},
	{KT_EV_task_exit, on_task_exit},
	{KT_EV_irq_span, on_irq},
	{KT_EV_irq_sum, on_irq},
	{0},
};

const struct kt_tracker kt_tracker_io = {
	.family = "io",
	.after = after,
	.tables = tables,
	.flows = flows,
	.on = handlers,
	.stage_select = kt_io_stage_select,
	.views = kt_io_views_sql,
	.stats_views = kt_io_stats_views,
	.indexes = kt_io_indexes_sql,
	.state_size = sizeof(struct kt_io_state),
	.init = init,
	.context = context,
	.ended = ended,
	.done = done,
	.finish = finish,
};
