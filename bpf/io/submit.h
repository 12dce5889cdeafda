/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An asynchronous request, of libaio or io_uring, is submitted: whether it is wanted, and its event. */
#ifndef KT_BPF_IO_SUBMIT_H
#define KT_BPF_IO_SUBMIT_H

#include "bpf/filter/files.h"
#include "bpf/filter/iocbs.h"
#include "bpf/filter/operations.h"
#include "bpf/io/file_name.h"
#include "bpf/io/where.h"

/* Judges an asynchronous request. An io_uring request is told by its address from now on. */
static __always_inline bool wants_submit(struct kt_hit *hit, struct task_struct *t,
					 const struct kt_file *f, const struct io_where *w, u64 io,
					 u16 op, u8 kind)
{
	u32 has = kt_filter_current() | kt_filter_file(f) | kt_filter_op(op);

	kt_filter_written(has, op, w->flags, f);
	if (kt_filter_all(has)) {
		if (kind == KT_IO_KIND_URING)
			return kt_track(hit, (void *)io, KT_OBJECT_URING);
		kt_iocb_remember(io, kt_iocb_file(f->dev, f->dev ? 0 : f->ino, f->ino_dev),
				 w->offset, w->size);
		return true;
	}
	/* One that posted no completion lived at this address. */
	if (kind == KT_IO_KIND_URING) {
		kt_untrack(hit, (void *)io, KT_OBJECT_URING);
		kt_hit_filtered(hit);
	}
	return false;
}

/* False: it is none of ours, or there is no room. */
static __always_inline bool tell_submit(struct kt_hit *hit, struct task_struct *t,
					const struct kt_file *f, const struct io_where *w, u64 io,
					u64 user_data, u16 op, u8 kind)
{
	struct kt_io_submit *e;

	if (kt_filter.kinds && !wants_submit(hit, t, f, w, io, op, kind))
		return false;
	if (f->inode && kind == KT_IO_KIND_URING)
		kt_name_check(f->file, f->inode, 0);
	e = KT_RESERVE(hit, io_submit);
	if (!e)
		return false;
	e->tid = t->pid;
	e->io = io;
	e->user_data = user_data;
	e->ino = f->ino;
	e->offset = w->flags & KT_IO_FLAG_APPEND ? -1 : w->offset;
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

#endif
