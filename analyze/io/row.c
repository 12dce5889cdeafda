// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Rows of operations. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/io/io_internal.h"
#include "format/base/dev.h"
#include "format/base/macros.h"

/* ------------------------------------------------------------------ the tables */

struct io_row {
	int64_t io_id, run_id;
	const char *kind, *op, *flags;
	int64_t parent_io_id, start_ns, dur_ns, utid, ucgid, device_id, part_device_id, ino;
	const char *path;
	int64_t name_id; /* no column */
	int64_t offset_bytes, size_bytes, moved_bytes, result, n_bios, path_bio_id;
	int64_t stage_ns[KT_IO_N_STAGES];
	int64_t disturbed_ns[3];
	int64_t slept_ns;
	int64_t n_forgotten;
	const char *via;
	int64_t error;
	const char *state;
};

#define COL(c, type, unit, doc) KT_COL(io_row, c, KT_COL_##type, unit, doc)
#define DISTURBED(name, nr, doc)                                                                  \
	{                                                                                         \
		name "_ns", KT_COL_INT,                                                           \
			offsetof(struct io_row, disturbed_ns) + (nr) * sizeof(int64_t), "ns", doc \
	}
static const struct kt_col io_cols[] = {
	COL(io_id, ID, "", "one operation, in the order in which they were first seen"),
	COL(run_id, INT, "", "run"),
	COL(kind, TEXT, "",
	    "syscall | io_uring | aio | fault | readahead | writeback | journal | swap"),
	COL(op, TEXT, "",
	    "read, write, fsync, …: variants of a system call count as one; NULL: not seen"),
	COL(flags, TEXT, "", "direct|sync|append|fixed|sqpoll|worker"),
	COL(parent_io_id, INT, "",
	    "the operation whose bio it waited for; if it waited for a log buffer (xfs), the one "
	    "that wrote that"),
	COL(start_ns, INT, "ns", "when the call began or the request was submitted"),
	COL(dur_ns, INT, "ns",
	    "until the call returned or the completion was posted; aio: until its last bio ended; "
	    "a fault: until its task ran again, or had freed memory by swapping out; NULL: no "
	    "event shows its end, see state"),
	COL(utid, INT, "", "task"),
	COL(ucgid, INT, "", "v2 cgroup of that task"),
	COL(device_id, INT, "", "disk of the first bio on its path, else the disk its file is on"),
	COL(part_device_id, INT, "",
	    "partition of that disk that it went to; NULL: it went to the disk itself"),
	COL(ino, INT, "", "inode number; another file may have it later"),
	COL(path, TEXT, "",
	    "path of the file when the operation began, as the recorder's mount namespace has it; "
	    "mnt:[N]/…: as mount namespace N has it, if it is visible only there; ?/…: within a "
	    "file system that is not mounted, or it is not known where; .../…: its beginning was "
	    "too long or was lost; (deleted): already deleted by then. Bytes that are not UTF-8 "
	    "are shown as \\xNN"),
	COL(offset_bytes, INT, "bytes",
	    "in the file; of an append, where it wrote, NULL if that is not known (libaio, "
	    "io_uring, pwrite)"),
	COL(size_bytes, INT, "bytes",
	    "requested, at most what a call can move (2 GiB less a page); of faults and kind swap: "
	    "moved from or to swap"),
	COL(result, INT, "", "as the call returned it: bytes, or a negative errno"),
	COL(moved_bytes, INT, "bytes",
	    "moved, which is what reports add up: the result of a read or write, 0 if it failed; "
	    "of libaio, whose results no event shows, the size requested; NULL: it moves no data, "
	    "or its end was not seen"),
	COL(n_bios, INT, "",
	    "bios it caused before its end, without parts split off, clones, and those below a "
	    "loop disk"),
	COL(path_bio_id, INT, "",
	    "the only bio on its path; NULL: none, or several, which stage_extra has"),
#define KT_STAGE(id, name, must_run, class, words, doc) \
	{#name "_ns", KT_COL_INT, offsetof(struct io_row, stage_ns[KT_IO_STAGE_##id]), "ns", doc},
#include "format/iostages.def"
#undef KT_STAGE
	DISTURBED("runq", 0,
		  "run-queue delay in the stages in which a task must run, `cached` included"),
	DISTURBED("irq", 1, "taken by hard interrupts in these stages"),
	DISTURBED("softirq", 2, "taken by soft interrupts in these stages"),
	COL(slept_ns, INT, "ns",
	    "of dur_ns, its task was asleep; NULL: not known, or asynchronous"),
	COL(n_forgotten, INT, "",
	    "ended bios that were too many to keep: the path may lack them, and its beginning is "
	    "then in submit"),
	COL(via, TEXT, "",
	    "how it was served: disk: by a bio; cache: no bio, no sleep; asleep: no known bio, but "
	    "it slept; empty: it moved nothing (end of file); failed. The last two are not in the "
	    "latency statistics"),
	COL(error, INT, "", "negative errno if it failed; NULL: it did not"),
	COL(state, TEXT, "", "whole | open_at_start | open_at_end | lossy | evicted | duplicate"),
};
#undef COL

const struct kt_table kt_io_table = {
	.name = "io",
	.doc = "one row per operation: what an application, or the kernel itself, asked for. Each "
	       "call that reads, writes, syncs, copies or allocates a regular file or block "
	       "device; any other call if it queues a bio",
	.cols = io_cols,
	.n_cols = KT_ARRAY_SIZE(io_cols),
};

struct wake_row {
	const char *flow;
	int64_t flow_id, seq, waker_utid, request_id;
};

static const struct kt_col wake_cols[] = {
	KT_COL(wake_row, flow, KT_COL_TEXT, "", "io"),
	KT_COL(wake_row, flow_id, KT_COL_INT, "", "io_id"),
	KT_COL(wake_row, seq, KT_COL_INT, "", "its stage wakeup, as in view stage"),
	KT_COL(wake_row, waker_utid, KT_COL_INT, "", "the task that woke it; NULL: an interrupt"),
	KT_COL(wake_row, request_id, KT_COL_INT, "", "the request whose completion was the reason"),
};

const struct kt_table kt_io_wake_table = {
	.name = "wake",
	.doc = "who ended the last wait of a flow, and because of which completion",
	.cols = wake_cols,
	.n_cols = KT_ARRAY_SIZE(wake_cols),
};

/* ------------------------------------------------------------------ names */

static const char *kind_name(uint8_t kind)
{
	static const char *const names[] = {
		[KT_IO_KIND_SYSCALL] = "syscall",
		[KT_IO_KIND_URING] = "io_uring",
		[KT_IO_KIND_AIO] = "aio",
		[KT_IO_KIND_FAULT] = "fault",
		[KT_IO_KIND_WRITEBACK] = "writeback",
		[KT_IO_KIND_JOURNAL] = "journal",
		[KT_IO_KIND_READAHEAD] = "readahead",
		[KT_IO_KIND_SWAP] = "swap",
		[KT_IO_KIND_AFTER] = "syscall",
	};

	return kind < KT_ARRAY_SIZE(names) ? names[kind] : NULL;
}

static const char *op_name(uint16_t op)
{
	static const char *const names[] = {
#define KT_IO_OP(name, nr, text) [nr] = text,
#include "format/ioops.def"
#undef KT_IO_OP
	};

	return op < KT_ARRAY_SIZE(names) ? names[op] : NULL;
}

static const char *flag_names(uint8_t flags, char *buf, size_t size)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {
		{KT_IO_FLAG_DIRECT, "direct"}, {KT_IO_FLAG_SYNC, "sync"},
		{KT_IO_FLAG_APPEND, "append"}, {KT_IO_FLAG_FIXED, "fixed"},
		{KT_IO_FLAG_SQPOLL, "sqpoll"}, {KT_IO_FLAG_WORKER, "worker"},
	};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "|" : "",
					      names[i].name);
	return buf;
}

/* ------------------------------------------------------------------ rows */

static bool has_rounds(const struct kt_io_path *p)
{
	return p->hops.n > 1 || p->is_blocked || p->is_flush;
}

/* Its number in view `stage`. */
static int64_t seq_of(const struct kt_io_path *p, size_t seg)
{
	return has_rounds(p) ? (int64_t)seg + 1 : (int64_t)p->segs.v[seg].stage + 1;
}

static int write_stages(struct kt_io_state *s, const struct kt_io *io)
{
	const struct kt_io_path *p = &s->path;
	int err = 0;

	for (size_t i = 0; i < p->segs.n && !err; i++) {
		const struct kt_io_seg *g = &p->segs.v[i];
		struct kt_stage_row row = {"io",	   io->id,
					   (int64_t)i + 1, kt_io_stage_name(g->stage),
					   g->start_ns,	   g->end_ns - g->start_ns,
					   g->bio_id};

		err = kt_flow_insert(s->e, &kt_io_flow_kind, io->id, &kt_stage_table, &row);
	}
	return err;
}

struct naming {
	struct kt_io_state *s;
	uint32_t run;
};

static bool name_blame(void *arg, const struct kt_blame *b, struct kt_disturb_row *row)
{
	const struct naming *x = arg;
	const struct kt_io_path *p = &x->s->path;
	bool is_irq = b->cause == KT_DISTURB_IRQ || b->cause == KT_DISTURB_SOFTIRQ;

	row->seq = seq_of(p, b->seg);
	if (b->by == KT_BLAME_VARIOUS)
		; /* no name */
	else if (!is_irq && b->by)
		row->by_utid = KT_CALL(x->s->names, utid, x->run, b->by, 0);
	else if (is_irq && x->s->irq.ops)
		row->by_irq =
			KT_CALL(x->s->irq, name, x->run, b->cause == KT_DISTURB_SOFTIRQ, b->by);
	return !is_irq || p->irq_known;
}

static int write_wake(struct kt_io_state *s, const struct kt_io *io)
{
	const struct kt_io_path *p = &s->path;
	struct wake_row row = {"io", io->id, KT_NULL, KT_NULL, p->wake_request_id};

	if (p->wakeup_seg < 0)
		return 0;
	row.seq = seq_of(p, (size_t)p->wakeup_seg);
	/* In an interrupt, the task that was running has nothing to do with it. */
	if (!p->wake.by_irq && !p->wake.by_softirq && p->wake.waker_tid)
		row.waker_utid = KT_CALL(s->names, utid, io->key.run, p->wake.waker_tid, 0);
	return kt_flow_insert(s->e, &kt_io_flow_kind, io->id, &kt_io_wake_table, &row);
}

/* Other flows named in its rows: bios on its path, with their operations and requests, and what woke it. */
static int need_others(struct kt_io_state *s, const struct kt_io *io)
{
	const struct kt_io_path *p = &s->path;
	int err = 0;

	for (size_t i = 0; i < p->hops.n && !err; i++)
		if (p->hops.v[i].foreign)
			err = kt_flow_needs(s->e, &kt_io_flow_kind, io->id, &kt_bio_kind,
					    p->hops.v[i].bio->bio_id);
	if (!err && p->wakeup_seg >= 0 && p->wake_request_id != KT_NULL &&
	    (!p->hops.n || p->wake_request_id != p->hops.v[0].bio->request_id))
		err = kt_flow_needs(s->e, &kt_io_flow_kind, io->id, &kt_request_kind,
				    p->wake_request_id);
	if (!err && io->waited_id != KT_NULL && io->waited_id != io->id)
		err = kt_flow_needs(s->e, &kt_io_flow_kind, io->id, &kt_io_flow_kind,
				    io->waited_id);
	return err;
}

/* The disk or partition it went to. */
static int64_t device_of(const struct kt_io_state *s, const struct kt_io *io, bool with_path)
{
	const struct kt_io_path *p = &s->path;
	const struct kt_io_bio *first = kt_list_first(&io->kept, struct kt_io_bio, age);
	int64_t of_bio = KT_NULL;
	uint32_t dev = io->dev;

	if (with_path && p->hops.n)
		of_bio = p->hops.v[p->hops.n - 1].bio->device_id;
	else if (first)
		of_bio = first->device_id;
	if (of_bio != KT_NULL)
		return of_bio;
	/* Major number 0 is not a disk: the file system has several, or none. */
	if (!dev && kt_dev_major(io->ino_dev))
		dev = io->ino_dev;
	return KT_CALL(s->names, device, io->key.run, dev);
}

static void set_device(struct kt_io_state *s, const struct kt_io *io, bool with_path,
		       struct io_row *row)
{
	int64_t device = device_of(s, io, with_path);

	row->part_device_id = KT_NULL;
	row->device_id = KT_CALL(s->names, disk, device);
	if (row->device_id != device)
		row->part_device_id = device;
}

static void sum_stages(struct io_row *row, const struct kt_io_path *p)
{
	for (int i = 0; i < 3; i++)
		if (i ? p->irq_known : p->runq_known)
			row->disturbed_ns[i] = p->disturbed_ns[i];
	for (size_t i = 0; i < p->segs.n; i++) {
		const struct kt_io_seg *g = &p->segs.v[i];
		int64_t *sum = &row->stage_ns[g->stage];

		*sum = (*sum == KT_NULL ? 0 : *sum) + (g->end_ns - g->start_ns);
	}
}

/*
 * A call that moves data returns how much. What an iocb, or a request without a CQE, moved is not visible: use the
 * size requested. The kernel's own operations and faults: their size.
 */
static int64_t moved_bytes(const struct kt_io *io)
{
	switch (io->key.kind) {
	case KT_IO_KIND_SYSCALL:
	case KT_IO_KIND_URING:
	case KT_IO_KIND_AIO:
		if (!kt_io_moves(io->op))
			return KT_NULL;
		if (io->result == KT_NULL)
			return io->key.kind == KT_IO_KIND_SYSCALL ? KT_NULL : io->size;
		return KT_MIN(KT_MAX(io->result, 0), KT_IO_MAX_RW);
	default:
		return io->size;
	}
}

static const char *via_of(const struct kt_io_state *s, const struct kt_io *io,
			  const struct io_row *row, bool with_path)
{
	bool has_path = with_path && s->path.hops.n;

	if (kt_io_failed(io))
		return "failed";
	if (kt_io_empty(io) && !has_path && row->stage_ns[KT_IO_STAGE_BLOCKED] == KT_NULL)
		return "empty";
	if (row->stage_ns[KT_IO_STAGE_CACHED] != KT_NULL)
		return "cache";
	return !has_path && !io->n_bios && row->stage_ns[KT_IO_STAGE_BLOCKED] != KT_NULL ? "asleep"
											 : "disk";
}

/* Neither failed nor empty: its duration is meaningful. */
static bool did_something(const struct io_row *row)
{
	return row->via[0] != 'f' && row->via[0] != 'e';
}

static int count_file(struct kt_io_state *s, const struct kt_io *io, const struct io_row *row,
		      int64_t end_ns)
{
	const struct kt_file_flow f = {
		.run = io->key.run,
		.device_id = row->device_id,
		.ino = row->ino,
		.utid = row->utid,
		.ucgid = row->ucgid,
		.path = row->path,
		.name_id = row->name_id,
		.op = row->op,
		.via = row->via,
		.end_ns = end_ns,
		.dur_ns = row->dur_ns,
		.size_bytes = row->moved_bytes,
	};

	return kt_file_load_count(s->file_load, &f);
}

static int count(struct kt_io_state *s, const struct kt_io *io, const struct io_row *row,
		 int64_t end_ns, enum kt_state state, kt_flow_ref *ret_ref)
{
	struct kt_flow f;
	int err;

	kt_flow_init(&f, io->key.run, io->id);
	f.state = state;
	f.kind = row->kind;
	f.op = row->op;
	f.via = row->via;
	f.object_id = row->device_id;
	f.part_id = row->part_device_id;
	f.utid = row->utid;
	f.ucgid = row->ucgid;
	f.error = row->error;
	f.end_ns = end_ns;
	f.dur_ns = row->dur_ns;
	f.size_bytes = row->moved_bytes;
	f.n_lower = row->n_bios;
	memcpy(f.stage_ns, row->stage_ns, sizeof(row->stage_ns));
	f.runq_ns = row->disturbed_ns[0];
	f.irq_ns = row->disturbed_ns[1];
	f.softirq_ns = row->disturbed_ns[2];
	f.slept_ns = row->slept_ns;
	f.served_ns = row->stage_ns[KT_IO_STAGE_DEVICE];
	err = kt_flow_end(s->e, &kt_io_flow_kind, &f, ret_ref);
	if (err || state != KT_STATE_WHOLE || end_ns == KT_NULL || row->dur_ns == KT_NULL ||
	    row->dur_ns < 0 || !did_something(row))
		return err;
	if (!kt_io_is_call(io->key.kind))
		err = kt_flow_in_flight(s->e, io->key.run,
					io->key.tgid ? (int64_t)io->key.tgid : KT_NULL,
					end_ns - row->dur_ns, end_ns);
	return err || row->ino == KT_NULL ? err : count_file(s, io, row, end_ns);
}

int kt_io_write(struct kt_io_state *s, const struct kt_io *io, int64_t end_ns, enum kt_state state,
		bool with_path)
{
	const struct kt_io_path *p = &s->path;
	const struct kt_io_named *name =
		kt_io_name_of(s->runs.v[io->key.run], io->ino_dev, io->ino,
			      io->start_ns != KT_NULL ? io->start_ns : io->born_ns);
	char flags[64];
	struct naming naming = {s, io->key.run};
	kt_flow_ref ref = 0;
	bool counts;
	struct io_row row = {
		.io_id = io->id,
		.run_id = io->key.run + 1,
		.kind = kind_name(io->key.kind),
		.op = op_name(io->op),
		.flags = flag_names(io->flags, flags, sizeof(flags)),
		.parent_io_id = KT_NULL,
		.start_ns = io->start_ns,
		.dur_ns = with_path ? end_ns - io->start_ns : KT_NULL,
		.utid = KT_NULL,
		.ucgid = KT_CALL(s->names, ucgid, io->key.run, KT_CGROUP_V2, io->cgroup),
		.ino = io->ino ? (int64_t)io->ino : KT_NULL,
		.path = name ? name->path : NULL,
		.name_id = name ? name->id : 0,
		.offset_bytes = io->offset,
		.size_bytes = io->size,
		.moved_bytes = moved_bytes(io),
		.result = io->result,
		.n_bios = io->n_bios,
		.path_bio_id = KT_NULL,
		.slept_ns = with_path ? p->slept_ns : KT_NULL,
		.n_forgotten = io->n_forgotten,
		.error = kt_io_failed(io) ? io->result : KT_NULL,
		.state = kt_state_name(state),
	};
	int err;

	set_device(s, io, with_path, &row);
	if (io->key.tid)
		row.utid = KT_CALL(s->names, utid, io->key.run, io->key.tid, io->key.tgid);
	for (int i = 0; i < KT_IO_N_STAGES; i++)
		row.stage_ns[i] = KT_NULL;
	for (int i = 0; i < 3; i++)
		row.disturbed_ns[i] = KT_NULL;
	if (with_path) {
		sum_stages(&row, p);
		if (p->hops.n == 1)
			row.path_bio_id = p->hops.v[0].bio->bio_id;
		if (io->waited_id != io->id)
			row.parent_io_id = io->waited_id;
		for (size_t i = 0; i < p->hops.n && row.parent_io_id == KT_NULL; i++)
			if (p->hops.v[i].foreign)
				row.parent_io_id = p->hops.v[i].bio->io_id;
	}
	row.via = via_of(s, io, &row, with_path);
	counts = state == KT_STATE_WHOLE && did_something(&row);
	err = kt_flow_insert(s->e, &kt_io_flow_kind, io->id, &kt_io_table, &row);
	if (!err && with_path)
		err = need_others(s, io);
	if (!err)
		err = count(s, io, &row, end_ns, state, &ref);
	if (err || !with_path)
		return err;
	if (has_rounds(p))
		err = write_stages(s, io);
	if (!err)
		err = kt_blames_write(s->e, &kt_io_flow_kind, io->id, end_ns, counts ? &ref : NULL,
				      &p->blames, name_blame, &naming);
	return err ? err : write_wake(s, io);
}
