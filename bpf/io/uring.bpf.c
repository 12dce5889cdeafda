// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* io: io_uring, from the submission of a request to its completion. */
#include "bpf/filter/operations.h"
#include "bpf/io/file_name.h"
#include "bpf/io/submit.h"
#include "bpf/io/syscalls.h"
#include "bpf/io/uring.h"
#include "bpf/io/uring_ops.h"
#include "bpf/io/where.h"

static __always_inline int on_uring_submit(struct io_kiocb *req, u32 hook)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct io_where w = {.offset = -1};
	const volatile struct kt_uring_desc *d;
	struct kt_file f = {};
	struct kt_task *k;
	struct kt_hit hit;
	u32 fd, rwf = 0;
	u16 io_op;
	u8 op;

	if (!kt_hit_begin(&hit, hook))
		return 0;
	if (kt_filter.kinds && kt_cannot_match_task(kt_filter_current())) {
		kt_untrack(&hit, req, KT_OBJECT_URING);
		goto nothing;
	}
	/* Of a chain the head is carried out when the chain is complete: io_uring_file_get tells. */
	k = kt_task_get(t);
	kt_follow(t, k);
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
			w.size = kt_vec_sum(BPF_CORE_READ_BITFIELD_PROBED(req->ctx, compat),
					    BPF_CORE_READ(rw, addr), w.size);
	} else if (d->shape == KT_URING_SYNC) {
		struct io_sync *s = (void *)req;

		w.offset = BPF_CORE_READ(s, off);
		w.size = BPF_CORE_READ(s, len);
	} else if (d->shape == KT_URING_CMD && f.dev) {
		io_op = read_command(req, &w);
	}
	w.flags = d->flags | kt_file_io_flags(&f, io_op, rwf);
	if (d->data)
		w.flags |= KT_IO_FLAG_DATA;
	if (req->ctx->flags & KT_URING_SQPOLL)
		w.flags |= KT_IO_FLAG_SQPOLL;
	tell_submit(&hit, t, &f, &w, (u64)req, req->cqe.user_data, io_op, KT_IO_KIND_URING);
	return 0;
nothing:
	kt_hit_filtered(&hit);
	return 0;
}

KT_PROG(io, io_uring_submit_req, io_uring_submit_req, struct io_kiocb *req)
{
	return on_uring_submit(req, KT_HOOK_io__io_uring_submit_req);
}

KT_PROG(io, io_uring_submit_req___61, io_uring_submit_sqe, struct io_kiocb *req)
{
	return on_uring_submit(req, KT_HOOK_io__io_uring_submit_req___61);
}

/* A request looks its descriptor up right before it is carried out. */
KT_PROG(io, io_uring_file_get, io_uring_file_get, struct io_kiocb *req)
{
	struct task_struct *t;
	struct kt_task *k;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_io__io_uring_file_get))
		return 0;
	t = bpf_get_current_task_btf();
	k = kt_task_find(t);
	if (k && !kt_uring_work(t))
		k->uring_req = (u64)req;
	/* A worker thread makes no calls. */
	if (kt_filter_by_task() && (t->flags & KT_PF_IO_WORKER) &&
	    !kt_cannot_match_task(kt_filter_current()))
		kt_follow(t, kt_task_get(t));
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
	struct kt_hit hit;

	if (kt_hit_begin(&hit, KT_HOOK_io__io_uring_queue_async_work))
		uring_leave((u64)req);
	return 0;
}

/* Only what was told: what does I/O, and on a file. */
static __always_inline int on_uring_complete(u64 address, s64 result, u32 hook)
{
	struct io_kiocb *req = (void *)address;
	const volatile struct kt_uring_desc *d;
	struct kt_io_end *e;
	struct kt_file f;
	struct kt_hit hit;
	u8 op;

	if (!kt_hit_begin(&hit, hook))
		return 0;
	/* Not every entry is a request's. */
	if (!address)
		goto nothing;
	uring_leave(address);
	op = BPF_CORE_READ(req, opcode);
	d = &uring_ops[op & (KT_N_URING_OPS - 1)];
	if (op < KT_N_URING_OPS && d->shape == KT_URING_PATH)
		kt_name_changed(d->op, result);
	if (kt_filter.kinds && !kt_untrack(&hit, req, KT_OBJECT_URING))
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
	e = KT_RESERVE(&hit, io_end);
	if (!e)
		return 0;
	e->tid = bpf_get_current_task_btf()->pid;
	e->io = address;
	e->result = result;
	KT_SUBMIT(e);
	return 0;
nothing:
	kt_hit_filtered(&hit);
	return 0;
}

KT_PROG(io, io_uring_complete, io_uring_complete, void *ctx_, void *req,
	struct io_uring_cqe___kt *cqe)
{
	return on_uring_complete((u64)req, BPF_CORE_READ(cqe, res), KT_HOOK_io__io_uring_complete);
}

KT_PROG(io, io_uring_complete___61, io_uring_complete, void *ctx_, void *req, u64 user_data,
	int res)
{
	return on_uring_complete((u64)req, res, KT_HOOK_io__io_uring_complete___61);
}
