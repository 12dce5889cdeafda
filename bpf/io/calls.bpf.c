// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* io: system calls, and what a task does after one or as it exits. */
#include "bpf/filter/files.h"
#include "bpf/filter/operations.h"
#include "bpf/io/after.h"
#include "bpf/io/aio.h"
#include "bpf/io/call.h"
#include "bpf/io/file_name.h"
#include "bpf/io/syscalls.h"
#include "bpf/io/where.h"

/* A larger write into the page cache has an event at its begin, too. */
#define BEGIN_BYTES (64 << 10)

/* Its pages may reach the disk before the call ends, which is when its own event comes. */
static __always_inline void emit_call_begin(struct kt_hit *hit, struct kt_task *k,
					    struct task_struct *t)
{
	struct kt_io_call_begin *e = KT_RESERVE_MORE(hit, io_call_begin);

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

/* A call that writes to one file what it reads from another. */
static __always_inline bool has_target(u8 shape)
{
	return shape == KT_CALL_SENDFILE || shape == KT_CALL_SPLICE || shape == KT_CALL_COPY;
}

static __always_inline u64 target_of(struct task_struct *t, u8 shape, const struct kt_args *a)
{
	return kt_fd_file(t, shape == KT_CALL_SENDFILE ? a->a[0] : a->a[2]);
}

/* Filters that the target of a copy satisfies. Out of line: the stack of its caller is full. */
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

static __always_inline void open_call(struct task_struct *t, struct kt_task *k,
				      const volatile struct kt_call_desc *d,
				      const struct kt_file *f, const struct io_where *w, u32 has)
{
	kt_call_open(k, KT_IO_KIND_SYSCALL, d->op);
	if (d->op == KT_IO_OP_EXECVE)
		k->exec_tid = t->pid;
	k->call_nvcsw = t->nvcsw;
	k->call_inode = f->inode;
	k->call_ino = f->ino;
	k->call_offset = w->flags & KT_IO_FLAG_APPEND ? -1 : w->offset;
	k->call_size = w->size;
	k->call_flags = w->flags;
	k->call_ino_dev = f->ino_dev;
	k->call_dev = f->dev;
	if (kt_filter.kinds) {
		k->call_has = has;
		k->tracked = kt_filter_all(has);
	}
}

KT_PROG(io, sys_enter, sys_enter, struct pt_regs *regs, long nr)
{
	const volatile struct kt_call_desc *d;
	struct io_where w = {.offset = -1};
	struct kt_file f = {};
	struct task_struct *t;
	struct kt_args a;
	struct kt_task *k;
	struct kt_hit hit;
	u32 has = 0;
	u8 shape;

	if (!kt_hit_begin(&hit, KT_HOOK_io__sys_enter))
		return 0;
	t = bpf_get_current_task_btf();
	d = kt_call_find(t, nr);
	if (!d)
		return 0;
	shape = d->shape;
	if (!shape)
		return 0;
	if (kt_filter.kinds) {
		has = kt_filter_current();
		if (kt_cannot_match_task(has))
			return 0;
		if (kt_filter_by_task())
			kt_follow(t, kt_task_get(t));
	}
	kt_args_read(t, regs, d->words, &a);
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
		kt_where_read(shape, d->words | (kt_call_is_32(t) ? KT_CALL_IS_32 : 0), &a, f.file,
			      &w);
	/* An fsync of a directory is one as well. */
	if (d->data && (f.data || shape == KT_CALL_PATH || shape == KT_CALL_FD))
		w.flags |= KT_IO_FLAG_DATA;
	k = kt_task_get(t);
	if (!k)
		return 0;
	open_call(t, k, d, &f, &w, has);
	if (shape == KT_CALL_AIO)
		aio_submit(a.a[0], a.a[1], a.a[2], k->call_ns);
	if (kt_filter.kinds && !k->tracked)
		return 0;
	if (w.flags & KT_IO_FLAG_DATA && f.inode) {
		kt_file_name(k, &f, k->call_ns);
		/* The target shows in the writeback that follows. */
		if (has_target(shape))
			kt_name_check(target_of(t, shape, &a), 0, k->call_ns);
	}
	if (d->op == KT_IO_OP_WRITE && w.size > BEGIN_BYTES && w.size != KT_IO_SIZE_UNKNOWN &&
	    !f.dev && !(w.flags & KT_IO_FLAG_DIRECT))
		emit_call_begin(&hit, k, t);
	return 0;
}

/* Where an appending call has written: the file's position lies behind it. -1: it writes without one, or the file is another by now. */
static __always_inline s64 appended_at(struct pt_regs *regs, u8 shape, u8 words,
				       struct task_struct *t, const struct kt_task *k, u64 result)
{
	struct kt_args a;
	struct file *file;
	u64 address;

	kt_args_read(t, regs, words, &a);
	if (shape == KT_CALL_RW_AT || shape == KT_CALL_VEC_AT ||
	    (shape == KT_CALL_VEC_RWF && a.a[3] != (u64)-1))
		return -1;
	address = kt_fd_file(t, a.a[0]);
	file = KT_PTR(file, address);
	if (!address || (u64)KT_LOAD(file, f_inode) != k->call_inode)
		return -1;
	return KT_LOAD(file, f_pos) - result;
}

/* As a task exits it closes what it left open. */
KT_PROG(io, sched_process_exit, sched_process_exit, struct task_struct *task)
{
	struct task_struct *t;
	struct kt_task *k;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_io__sched_process_exit))
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

	kt_args_read(t, regs, KT_WORDS_NONE, &a);
	kt_file_read(kt_fd_file(t, shape == KT_CALL_SENDFILE ? a.a[1] : a.a[0]), false, &f);
	if (f.inode == k->call_inode && f.ino == k->call_ino)
		kt_file_name(k, &f, k->call_ns);
}

KT_PROG(io, sys_exit, sys_exit, struct pt_regs *regs, long result)
{
	const volatile struct kt_call_desc *d;
	struct kt_io_call *e;
	struct task_struct *t;
	struct kt_task *k;
	struct kt_hit hit;
	u64 nr;
	u8 shape;

	if (!kt_hit_begin(&hit, KT_HOOK_io__sys_exit))
		return 0;
	nr = kt_call_nr(regs);
	t = bpf_get_current_task_btf();
	d = kt_call_find(t, nr);
	if (!d)
		goto nothing;
	shape = d->shape;
	if (!shape)
		goto nothing;
	if (shape == KT_CALL_PATH)
		kt_name_changed(d->op, result);
	k = kt_task_find(t);
	if (!k || !k->call_ns)
		goto nothing;
	k->uring_req = 0;
	if (t->task_works && kt_at_work(k) && leaves_work(t))
		kt_after_open(k, k->call_op, nr);
	if (!k->call_bios && !(k->call_flags & KT_IO_FLAG_DATA) && may_have_waited(k, t))
		k->call_flags |= KT_IO_FLAG_SLEPT;
	if ((!k->call_bios && !(k->call_flags & (KT_IO_FLAG_DATA | KT_IO_FLAG_SLEPT))) ||
	    !kt_at_work(k)) {
		k->call_ns = 0;
		goto nothing;
	}
	/* What could not be read is at least what was moved. */
	if (result > 0 && k->call_size == KT_IO_SIZE_UNKNOWN && (k->call_flags & KT_IO_FLAG_DATA))
		k->call_size = result;
	if ((k->call_flags & KT_IO_FLAG_APPEND) && result > 0)
		k->call_offset = appended_at(regs, shape, d->words, t, k, result);
	/* Only now is it known that it is an operation. */
	if (k->call_inode && (kt_filter.kinds || !(k->call_flags & KT_IO_FLAG_DATA)))
		name_late(regs, shape, t, k);
	e = kt_call_close(&hit, k, t);
	if (e) {
		e->result = result;
		KT_SUBMIT(e);
	}
	return 0;
nothing:
	kt_hit_filtered(&hit);
	return 0;
}
