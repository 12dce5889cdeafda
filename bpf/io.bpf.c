// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* io: what applications asked for. */
#include "bpf/after.h"
#include "bpf/call.h"
#include "bpf/file_name.h"
#include "bpf/filter_call.h"
#include "bpf/syscalls.h"
#include "bpf/uring.h"
#include "bpf/uring_ops.h"
#include "bpf/vec.h"
#include "bpf/where.h"

#include <linux/aio_abi.h>

#define BEGIN_BYTES \
	(64 << 10) /* a larger write into the page cache has an event at its begin, too */

/* Its pages may reach the disk before the call has ended and can be told. */
static __always_inline void begin(struct kt_run *r, struct kt_task *k, struct task_struct *t)
{
	struct kt_io_call_begin *e = KT_RESERVE_MORE(r, io_call_begin);

	if (!e)
		return;
	e->tid = t->pid;
	e->ino = k->call_ino;
	e->offset = k->call_offset;
	e->size = k->call_size;
	e->cgroup = t->cgroups->dfl_cgrp->kn->id;
	e->tgid = t->tgid;
	e->ino_dev = k->call_ino_dev;
	KT_SUBMIT(e);
}

/* ------------------------------------------------------------------ libaio: the kernel has no tracepoints for it */

/* Judges an asynchronous request. An io_uring request is told by its address from now on. */
static __always_inline bool wants_submit(struct kt_run *r, struct task_struct *t,
					 const struct kt_file *f, u64 io, u16 op, u8 kind, u8 flags)
{
	u32 has = kt_filter_current() | kt_filter_file(f) | kt_filter_op(op);

	kt_filter_written(has, op, flags, f);
	if (kt_filter_all(has))
		return kind != KT_IO_URING || kt_track(r, (void *)io, KT_OBJECT_URING);
	/* One that posted no completion lived at this address. */
	if (kind == KT_IO_URING) {
		kt_untrack(r, (void *)io, KT_OBJECT_URING);
		kt_run_filtered(r);
	}
	return false;
}

/* False: it is none of ours, or there is no room. */
static __always_inline bool tell_submit(struct kt_run *r, struct task_struct *t,
					const struct kt_file *f, const struct io_where *w, u64 io,
					u64 user_data, u16 op, u8 kind)
{
	struct kt_io_submit *e;

	if (kt_filter.kinds && !wants_submit(r, t, f, io, op, kind, w->flags))
		return false;
	if (f->inode && kind == KT_IO_URING)
		kt_name_check(f->file, f->inode, 0);
	e = KT_RESERVE(r, io_submit);
	if (!e)
		return false;
	e->tid = t->pid;
	e->io = io;
	e->user_data = user_data;
	e->ino = f->ino;
	e->offset = w->flags & KT_IO_APPEND ? -1 : w->offset;
	e->size = w->size;
	e->cgroup = t->cgroups->dfl_cgrp->kn->id;
	e->tgid = t->tgid;
	e->ino_dev = f->ino_dev;
	e->dev = f->dev;
	e->op = op;
	e->kind = kind;
	e->flags = w->flags;
	KT_SUBMIT(e);
	return true;
}

/* Off the stack. */
struct aio_scratch {
	struct iocb iocb;
	u64 addresses; /* of the call: where those of its iocbs are */
	u64 since_ns;  /* when it began */
	u64 named;     /* the file whose name was asked for last in it; an address */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct aio_scratch);
} kt_iocbs SEC(".maps");

/* Set by the recorder: more iocbs than a context may hold. */
const volatile __u64 kt_aio_max = 1;

/* One iocb in the caller's memory. Its file, if it was told. Out of line and verified once: it is called in a loop. */
__noinline __attribute__((weak)) u64 kt_aio_one(u64 address)
{
	u32 zero = 0;
	struct aio_scratch *scratch = bpf_map_lookup_elem(&kt_iocbs, &zero);
	struct io_where w = {.flags = KT_IO_DATA};
	struct task_struct *t = bpf_get_current_task_btf();
	struct kt_file f = {};
	struct iocb *iocb;
	struct kt_run r;
	u16 op;

	if (!scratch || !kt_run_again(&r, KT_HOOK_io__sys_enter))
		return 0;
	iocb = &scratch->iocb;
	if (bpf_probe_read_user(iocb, sizeof(*iocb), (void *)address))
		return 0;
	kt_file_read(kt_fd_file(t, iocb->aio_fildes), true, &f);
	if (!f.inode)
		return 0;
	w.offset = iocb->aio_offset;
	w.size = iocb->aio_nbytes;
	switch (iocb->aio_lio_opcode) {
	case IOCB_CMD_PREADV:
		w.size = kt_vec_bytes(iocb->aio_buf, iocb->aio_nbytes);
		op = KT_IO_OP_READ;
		break;
	case IOCB_CMD_PREAD:
		op = KT_IO_OP_READ;
		break;
	case IOCB_CMD_PWRITEV:
		w.size = kt_vec_bytes(iocb->aio_buf, iocb->aio_nbytes);
		op = KT_IO_OP_WRITE;
		break;
	case IOCB_CMD_PWRITE:
		op = KT_IO_OP_WRITE;
		break;
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		op = iocb->aio_lio_opcode == IOCB_CMD_FSYNC ? KT_IO_OP_FSYNC : KT_IO_OP_FDATASYNC;
		w.offset = -1;
		w.size = 0;
		break;
	default:
		return 0;
	}
	w.flags |= kt_file_io_flags(&f, op, iocb->aio_rw_flags);
	return tell_submit(&r, t, &f, &w, address, iocb->aio_data, op, KT_IO_AIO) ? f.file : 0;
}

/* The iocb of that number. Returns whether it is over: the kernel, too, stops at what it cannot read. */
static long aio_next(u32 i, void *unused)
{
	u32 zero = 0;
	struct aio_scratch *scratch = bpf_map_lookup_elem(&kt_iocbs, &zero);
	u64 address, file;

	if (!scratch ||
	    bpf_probe_read_user(&address, sizeof(address), (void *)(scratch->addresses + i * 8ull)))
		return 1;
	file = kt_aio_one(address);
	if (file && file != scratch->named) {
		kt_name_check(file, 0, scratch->since_ns);
		scratch->named = file;
	}
	return 0;
}

/* struct aio_ring, which a context's number is the address of: the kernel takes no more than it has room for. */
#define AIO_RING_NR 4

static __always_inline void aio_submit(u64 context, s64 n, u64 addresses, u64 since_ns)
{
	u32 zero = 0, room;
	struct aio_scratch *scratch = bpf_map_lookup_elem(&kt_iocbs, &zero);

	if (!scratch || n <= 0)
		return;
	/* Not there before the program has looked at it; and it may have written there. */
	if (!bpf_probe_read_user(&room, sizeof(room), (void *)(context + AIO_RING_NR)) && n > room)
		n = room;
	if ((u64)n > kt_aio_max)
		n = kt_aio_max;
	scratch->addresses = addresses;
	scratch->since_ns = since_ns;
	scratch->named = 0;
	bpf_loop(n, aio_next, NULL, 0);
}

/* ------------------------------------------------------------------ system calls */

/* A call that writes to one file what it reads from another. */
static __always_inline bool has_target(u8 shape)
{
	return shape == KT_CALL_SENDFILE || shape == KT_CALL_SPLICE || shape == KT_CALL_COPY;
}

static __always_inline u64 target_of(struct task_struct *t, u8 shape, const struct kt_args *a)
{
	return kt_fd_file(t, shape == KT_CALL_SENDFILE ? a->a[0] : a->a[2]);
}

/* The kinds by the file that a call writes to what it reads from another. Out of line: the stack of its caller is full. */
__noinline __attribute__((weak)) int kt_judge_target(u64 file, u32 has)
{
	struct kt_file to = {};

	kt_file_read(file, true, &to);
	if (!to.inode)
		return 0;
	has |= kt_filter_file(&to);
	kt_filter_written(has, KT_IO_OP_WRITE, kt_file_io_flags(&to, KT_IO_OP_WRITE, 0), &to);
	return has;
}

/* The kinds that a call satisfies besides those of its task, has. Where there are two files, either will do. */
static __always_inline u32 judge_files(struct task_struct *t, u8 shape, const struct kt_args *a,
				       const struct kt_file *f, u32 has, u16 op, u8 flags)
{
	has |= kt_filter_file(f) | kt_filter_op(op);
	if (has_target(shape))
		return has | kt_judge_target(target_of(t, shape, a), has);
	kt_filter_written(has, op, flags, f);
	return has;
}

KT_PROG(io, sys_enter, sys_enter, struct pt_regs *regs, long nr)
{
	const volatile struct kt_call_desc *d;
	struct io_where w = {.offset = -1};
	struct kt_file f = {};
	struct task_struct *t;
	struct kt_args a;
	struct kt_task *k;
	struct kt_run r;
	u32 has = 0;
	u8 shape;

	if (!kt_run_begin(&r, KT_HOOK_io__sys_enter))
		return 0;
	if ((u64)nr >= KT_N_CALLS)
		return 0;
	d = &kt_calls[nr & (KT_N_CALLS - 1)];
	shape = d->shape;
	if (!shape)
		return 0;
	t = bpf_get_current_task_btf();
	if (kt_filter.kinds) {
		has = kt_filter_current();
		if (kt_task_is_out(has))
			return 0;
	}
	if (kt_call_foreign(t))
		return 0;
	kt_args_read(regs, &a);
	if (shape != KT_CALL_PATH && shape != KT_CALL_AIO) {
		kt_file_read(kt_fd_file(t, shape == KT_CALL_SENDFILE ? a.a[1] : a.a[0]),
			     shape != KT_CALL_FD, &f);
		if (shape == KT_CALL_SPLICE && !f.inode) {
			a.a[1] = a.a[3];
			kt_file_read(kt_fd_file(t, a.a[2]), true, &f);
		}
		if (!f.inode)
			return 0;
		w.flags = kt_file_io_flags(&f, d->op, shape == KT_CALL_VEC_RWF ? a.a[5] : 0);
	}
	if (kt_filter.kinds) {
		has |= judge_files(t, shape, &a, &f, has, d->op, w.flags);
		if (shape != KT_CALL_AIO && !kt_may_match(has))
			return 0;
	}
	if (f.inode)
		read_where(shape, &a, f.file, &w);
	/* An fsync of a directory is one as well. */
	if (d->data && (f.data || shape == KT_CALL_PATH || shape == KT_CALL_FD))
		w.flags |= KT_IO_DATA;
	k = kt_task_get(t);
	if (!k)
		return 0;
	kt_call_open(k, KT_IO_SYSCALL, d->op);
	k->call_nvcsw = t->nvcsw;
	k->call_inode = f.inode;
	k->call_ino = f.ino;
	k->call_offset = w.flags & KT_IO_APPEND ? -1 : w.offset;
	k->call_size = w.size;
	k->call_flags = w.flags;
	k->call_ino_dev = f.ino_dev;
	k->call_dev = f.dev;
	if (kt_filter.kinds) {
		k->call_has = has;
		k->tracked = kt_filter_all(has);
	}
	if (shape == KT_CALL_AIO)
		aio_submit(a.a[0], a.a[1], a.a[2], k->call_ns);
	if (kt_filter.kinds && !k->tracked)
		return 0;
	if (w.flags & KT_IO_DATA && f.inode) {
		kt_file_name(k, &f, k->call_ns);
		/* The target shows in the writeback that follows. */
		if (has_target(shape))
			kt_name_check(target_of(t, shape, &a), 0, k->call_ns);
	}
	if (d->op == KT_IO_OP_WRITE && w.size > BEGIN_BYTES && w.size != KT_IO_SIZE_UNKNOWN &&
	    !f.dev && !(w.flags & KT_IO_DIRECT))
		begin(&r, k, t);
	return 0;
}

/* Where an appending call has written: the file's position lies behind it. -1: it writes without one, or the file is another by now. */
static __always_inline s64 appended_at(struct pt_regs *regs, u8 shape, struct task_struct *t,
				       const struct kt_task *k, u64 result)
{
	struct kt_args a;
	struct file *file;
	u64 address;

	kt_args_read(regs, &a);
	if (shape == KT_CALL_RW_AT || shape == KT_CALL_VEC_AT ||
	    (shape == KT_CALL_VEC_RWF && a.a[3] != (u64)-1))
		return -1;
	address = kt_fd_file(t, a.a[0]);
	file = KT_AT(file, address);
	if (!address || (u64)KT_GET(file, f_inode) != k->call_inode)
		return -1;
	return KT_GET(file, f_pos) - result;
}

/* As a task exits it closes what it left open. */
KT_PROG(io, sched_process_exit, sched_process_exit, struct task_struct *task)
{
	struct task_struct *t;
	struct kt_task *k;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_io__sched_process_exit))
		return 0;
	t = bpf_get_current_task_btf();
	if (kt_filter.kinds && !kt_filter_all(kt_filter_current() | kt_filter_op(KT_IO_OP_EXIT)))
		return 0;
	k = kt_task_get(t);
	if (!k)
		return 0;
	k->call_ns = 0;
	kt_after_open(k, KT_IO_OP_EXIT, -1);
	return 0;
}

/* The name of the call's file, if its descriptor is of that file still. */
static __always_inline void name_late(struct pt_regs *regs, u8 shape, struct task_struct *t,
				      struct kt_task *k)
{
	struct kt_file f = {};
	struct kt_args a;

	kt_args_read(regs, &a);
	kt_file_read(kt_fd_file(t, shape == KT_CALL_SENDFILE ? a.a[1] : a.a[0]), false, &f);
	if (f.inode == k->call_inode && f.ino == k->call_ino)
		kt_file_name(k, &f, k->call_ns);
}

KT_PROG(io, sys_exit, sys_exit, struct pt_regs *regs, long result)
{
	struct kt_io_call *e;
	struct task_struct *t;
	struct kt_task *k;
	struct kt_run r;
	u64 nr;
	u8 shape;

	if (!kt_run_begin(&r, KT_HOOK_io__sys_exit))
		return 0;
	nr = kt_call_nr(regs);
	if (nr >= KT_N_CALLS)
		goto nothing;
	shape = kt_calls[nr & (KT_N_CALLS - 1)].shape;
	if (!shape)
		goto nothing;
	if (shape == KT_CALL_PATH)
		kt_name_changed(kt_calls[nr & (KT_N_CALLS - 1)].op, result);
	t = bpf_get_current_task_btf();
	k = kt_task_find(t);
	if (!k || !k->call_ns)
		goto nothing;
	k->uring_req = 0;
	if (t->task_works && kt_at_work(k) && leaves_work(t))
		kt_after_open(k, k->call_op, nr);
	if (!k->call_bios && !(k->call_flags & KT_IO_DATA) && may_have_waited(k, t))
		k->call_flags |= KT_IO_SLEPT;
	if ((!k->call_bios && !(k->call_flags & (KT_IO_DATA | KT_IO_SLEPT))) || !kt_at_work(k)) {
		k->call_ns = 0;
		goto nothing;
	}
	/* What could not be read is at least what was moved. */
	if (result > 0 && k->call_size == KT_IO_SIZE_UNKNOWN && (k->call_flags & KT_IO_DATA))
		k->call_size = result;
	if ((k->call_flags & KT_IO_APPEND) && result > 0)
		k->call_offset = appended_at(regs, shape, t, k, result);
	/* Only now is it known that it is an operation. */
	if (k->call_inode && (kt_filter.kinds || !(k->call_flags & KT_IO_DATA)))
		name_late(regs, shape, t, k);
	e = kt_call_close(&r, k, t);
	if (e) {
		e->result = result;
		KT_SUBMIT(e);
	}
	return 0;
nothing:
	kt_run_filtered(&r);
	return 0;
}

/* Of the current task, for what it does in a page fault; NULL: nothing that it does can match, or no memory. */
static __always_inline struct kt_task *faulting(struct task_struct *t)
{
	if (kt_filter.kinds && kt_task_is_out(kt_filter_current()))
		return NULL;
	return kt_task_get(t);
}

/*
 * Remembered only: whether it has to read is known when a bio is queued.
 */
KT_PROG(io, page_fault_user, page_fault_user, unsigned long address)
{
	struct kt_task *k;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_io__page_fault_user))
		return 0;
	k = faulting(bpf_get_current_task_btf());
	if (!k)
		return 0;
	k->after = 0;
	k->fault_address = address;
	k->fault_ns = bpf_ktime_get_ns();
	k->kernel_fault_ns = 0;
	k->fault_made_room = 0;
	return 0;
}

/* In a system call that is no operation: one that waits in poll() may find its memory swapped out. */
KT_PROG(io, page_fault_kernel, page_fault_kernel, unsigned long address)
{
	struct task_struct *t;
	struct kt_task *k;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_io__page_fault_kernel))
		return 0;
	t = bpf_get_current_task_btf();
	k = kt_task_find(t);
	if (k && k->call_ns)
		return 0;
	k = faulting(t);
	if (k)
		k->kernel_fault_ns = bpf_ktime_get_ns();
	return 0;
}

/* ------------------------------------------------------------------ io_uring */

static __always_inline int submit(struct io_kiocb *req, u32 hook)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct io_where w = {.offset = -1};
	const volatile struct kt_uring_desc *d;
	struct kt_file f = {};
	struct kt_task *k;
	struct kt_run r;
	u32 fd, rwf = 0;
	u16 io_op;
	u8 op;

	if (!kt_run_begin(&r, hook))
		return 0;
	if (kt_filter.kinds && kt_task_is_out(kt_filter_current())) {
		kt_untrack(&r, req, KT_OBJECT_URING);
		goto nothing;
	}
	/* Of a chain the head is carried out when the chain is complete: io_uring_file_get tells. */
	k = kt_task_get(t);
	if (k)
		k->uring_req = (req->flags & KT_URING_LINKS) || req->ctx->submit_state.link.head
				       ? 0
				       : (u64)req;
	op = req->opcode;
	d = &uring_ops[op & (KT_N_URING_OPS - 1)];
	if (op >= KT_N_URING_OPS || !d->shape)
		goto nothing;
	io_op = d->op;
	if (d->shape != KT_URING_PATH) {
		fd = req->cqe.fd;
		kt_file_read(req->flags & KT_URING_FIXED_FILE ? fixed_file(req, fd)
							      : kt_fd_file(t, fd),
			     d->data, &f);
		if (!f.inode)
			goto nothing;
	}
	if (d->shape == KT_URING_RW || d->shape == KT_URING_VEC) {
		struct io_rw *rw = (void *)req;

		rwf = BPF_CORE_READ(rw, flags);
		w.offset = BPF_CORE_READ(rw, kiocb.ki_pos);
		if (w.offset == -1)
			w.offset = kt_file_pos(f.file);
		w.size = BPF_CORE_READ(rw, len);
		if (d->shape == KT_URING_VEC)
			w.size = kt_vec_bytes(BPF_CORE_READ(rw, addr), w.size);
	} else if (d->shape == KT_URING_SYNC) {
		struct io_sync *s = (void *)req;

		w.offset = BPF_CORE_READ(s, off);
		w.size = BPF_CORE_READ(s, len);
	} else if (d->shape == KT_URING_CMD && f.dev) {
		io_op = read_command(req, &w);
	}
	w.flags = d->flags | kt_file_io_flags(&f, io_op, rwf);
	if (d->data)
		w.flags |= KT_IO_DATA;
	if (req->ctx->flags & KT_URING_SQPOLL)
		w.flags |= KT_IO_SQPOLL;
	tell_submit(&r, t, &f, &w, (u64)req, req->cqe.user_data, io_op, KT_IO_URING);
	return 0;
nothing:
	kt_run_filtered(&r);
	return 0;
}

KT_PROG(io, io_uring_submit_req, io_uring_submit_req, struct io_kiocb *req)
{
	return submit(req, KT_HOOK_io__io_uring_submit_req);
}

KT_PROG(io, io_uring_submit_req___61, io_uring_submit_sqe, struct io_kiocb *req)
{
	return submit(req, KT_HOOK_io__io_uring_submit_req___61);
}

/* A request looks its descriptor up right before it is carried out. */
KT_PROG(io, io_uring_file_get, io_uring_file_get, struct io_kiocb *req)
{
	struct task_struct *t;
	struct kt_task *k;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_io__io_uring_file_get))
		return 0;
	t = bpf_get_current_task_btf();
	k = kt_task_find(t);
	if (k && !kt_uring_work(t))
		k->uring_req = (u64)req;
	return 0;
}

/* The current task is done with that request, if it is the one that it carries out. */
static __always_inline void uring_leave(u64 req)
{
	struct kt_task *k = kt_task_find(bpf_get_current_task_btf());

	if (k && k->uring_req == req)
		k->uring_req = 0;
}

KT_PROG(io, io_uring_queue_async_work, io_uring_queue_async_work, struct io_kiocb *req)
{
	struct kt_run r;

	if (kt_run_begin(&r, KT_HOOK_io__io_uring_queue_async_work))
		uring_leave((u64)req);
	return 0;
}

/* Only what was told: what does I/O, and on a file. */
static __always_inline int complete(u64 address, s64 result, u32 hook)
{
	struct io_kiocb *req = (void *)address;
	const volatile struct kt_uring_desc *d;
	struct kt_io_end *e;
	struct kt_file f;
	struct kt_run r;
	u8 op;

	if (!kt_run_begin(&r, hook))
		return 0;
	/* Not every entry is a request's. */
	if (!address)
		goto nothing;
	uring_leave(address);
	op = BPF_CORE_READ(req, opcode);
	d = &uring_ops[op & (KT_N_URING_OPS - 1)];
	if (op < KT_N_URING_OPS && d->shape == KT_URING_PATH)
		kt_name_changed(d->op, result);
	if (kt_filter.kinds && !kt_untrack(&r, req, KT_OBJECT_URING))
		goto nothing;
	if (op >= KT_N_URING_OPS || !d->shape)
		goto nothing;
	if (d->shape != KT_URING_PATH) {
		u64 file = (u64)BPF_CORE_READ(req, file);

		/* Cancelled before it was looked up: not known, so told. */
		if (file) {
			kt_file_read(file, d->data, &f);
			if (!f.inode)
				goto nothing;
		}
	}
	e = KT_RESERVE(&r, io_end);
	if (!e)
		return 0;
	e->tid = bpf_get_current_task_btf()->pid;
	e->io = address;
	e->result = result;
	KT_SUBMIT(e);
	return 0;
nothing:
	kt_run_filtered(&r);
	return 0;
}

KT_PROG(io, io_uring_complete, io_uring_complete, void *ctx_, void *req,
	struct io_uring_cqe___kt *cqe)
{
	return complete((u64)req, BPF_CORE_READ(cqe, res), KT_HOOK_io__io_uring_complete);
}

KT_PROG(io, io_uring_complete___61, io_uring_complete, void *ctx_, void *req, u64 user_data,
	int res)
{
	return complete((u64)req, res, KT_HOOK_io__io_uring_complete___61);
}
