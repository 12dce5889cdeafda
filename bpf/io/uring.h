/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* io_uring: what a request does, and which one runs. */
#ifndef KT_BPF_IO_URING_H
#define KT_BPF_IO_URING_H

#include "bpf/base/task.h"

/* linux/io_uring.h; these never change. */
#define KT_N_URING_OPS 64
#define KT_URING_OP_CMD 46 /* IORING_OP_URING_CMD */
#define KT_URING_SQPOLL 2  /* IORING_SETUP_SQPOLL */
#define KT_URING_FIXED_FILE 1
#define KT_URING_LINKS (1 << 2 | 1 << 3)

#define KT_IOCB_DIRECT (1 << 17)
#define KT_IOCB_WAITQ (1 << 19) /* a buffered read that is to go on when its pages are there */

enum kt_uring_shape {
	KT_URING_NONE = 0, /* of no interest */
	KT_URING_RW,
	KT_URING_VEC,
	KT_URING_SYNC, /* fallocate, too: a range */
	KT_URING_CMD,  /* a command for the file's driver */
	KT_URING_FILE, /* no range */
	KT_URING_PATH, /* its descriptor, if it has one, is not the file */
};

struct kt_uring_desc {
	u8 op; /* enum kt_io_op */
	u8 shape;
	u8 data; /* see struct kt_call_desc */
	u8 flags;
};

/* Of the current task, if it is a worker thread of io_uring, the request it carries out; 0 = none. */
static __always_inline u64 kt_uring_work(struct task_struct *t)
{
	struct io_worker *w;
	u64 work;

	if (!(t->flags & KT_PF_IO_WORKER))
		return 0;
	/* The polling thread has that flag, too, but is no worker. */
	w = t->worker_private;
	if (!w)
		return 0;
	work = (u64)BPF_CORE_READ(w, cur_work);
	return work ? work - bpf_core_field_offset(struct io_kiocb, work) : 0;
}

/* Is it a command for a driver? */
static __always_inline bool kt_uring_is_command(u64 req)
{
	struct io_kiocb *r = (void *)req;

	return BPF_CORE_READ(r, opcode) == KT_URING_OP_CMD;
}

static __always_inline u64 kt_uring_inode(u64 req)
{
	struct io_kiocb *r = (void *)req;

	return (u64)BPF_CORE_READ(r, file, f_inode);
}

/*
 * May the request that this thread submitted last have queued a bio of page cache of that inode at that offset? *ret_inferred: it was
 * begun before, so that another may be the one.
 */
static __always_inline bool kt_uring_fits(u64 req, u64 inode, s64 offset, u32 bytes,
					  bool *ret_inferred)
{
	struct io_rw *rw = (void *)req;
	u32 flags = BPF_CORE_READ(rw, kiocb.ki_flags);
	s64 pos = BPF_CORE_READ(rw, kiocb.ki_pos);

	if (kt_uring_inode(req) != inode || (flags & KT_IOCB_DIRECT))
		return false;
	*ret_inferred = flags & KT_IOCB_WAITQ;
	/* Readahead goes beyond the request, never before it; the first page may begin before. */
	return offset + (s64)bytes > pos;
}

#endif
