// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* io: what applications asked for. */
#include "bpf/call.h"
#include "bpf/file.h"
#include "bpf/syscalls.h"

#define BEGIN_BYTES \
	(64 << 10) /* a larger write into the page cache has an event at its begin, too */
#define VEC_BATCH 8
#define VEC_BATCHES \
	8 /* so many iovecs are added up at most; of more the result tells how much it was */
#define RWF_DSYNC 2
#define RWF_SYNC 4

struct iovec64 {
	u64 base, len;
};

/* Bytes in n iovecs of the caller's memory, as far as they are added up. */
static __always_inline u64 vec_bytes(u64 address, u64 n)
{
	struct iovec64 v[VEC_BATCH];
	u64 sum = 0;

	for (int batch = 0; batch < VEC_BATCHES && n; batch++) {
		u64 some = n < VEC_BATCH ? n : VEC_BATCH;

		__builtin_memset(v, 0, sizeof(v));
		if (bpf_probe_read_user(v, (some & 15) * sizeof(v[0]), (void *)address))
			break;
#pragma clang loop unroll(full)
		for (int i = 0; i < VEC_BATCH; i++)
			sum += v[i].len;
		address += sizeof(v);
		n -= some;
	}
	return sum;
}

/* An offset in the caller's memory; without one it is the file's position. */
static __always_inline s64 offset_at(u64 address, u64 file)
{
	s64 offset = -1;

	if (!address)
		return kt_file_pos(file);
	if (bpf_probe_read_user(&offset, sizeof(offset), (void *)address))
		return -1;
	return offset;
}

struct io_where {
	s64 offset;
	u64 size;
	u8 flags;
};

static __always_inline void read_where(u8 shape, const struct kt_args *a, u64 file,
				       struct io_where *w)
{
	switch (shape) {
	case KT_CALL_RW:
		w->size = a->a[2];
		w->offset = kt_file_pos(file);
		break;
	case KT_CALL_RW_AT:
		w->size = a->a[2];
		w->offset = a->a[3];
		break;
	case KT_CALL_VEC:
		w->size = vec_bytes(a->a[1], a->a[2]);
		w->offset = kt_file_pos(file);
		break;
	case KT_CALL_VEC_AT:
		w->size = vec_bytes(a->a[1], a->a[2]);
		w->offset = a->a[3] == (u64)-1 ? kt_file_pos(file) : (s64)a->a[3];
		if (a->a[5] & (RWF_DSYNC | RWF_SYNC))
			w->flags |= KT_IO_SYNC;
		break;
	case KT_CALL_RANGE:
		w->offset = a->a[1];
		w->size = a->a[2];
		break;
	case KT_CALL_MODE_RANGE:
		w->offset = a->a[2];
		w->size = a->a[3];
		break;
	case KT_CALL_SENDFILE:
		w->offset = offset_at(a->a[2], file);
		w->size = a->a[3];
		break;
	case KT_CALL_SPLICE:
	case KT_CALL_COPY:
		w->offset = offset_at(a->a[1], file);
		w->size = a->a[4];
		break;
	}
}

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

KT_PROG(io, sys_enter, sys_enter, struct pt_regs *regs, long nr)
{
	const volatile struct kt_call_desc *d;
	struct io_where w = {.offset = -1};
	struct kt_file f = {};
	struct task_struct *t;
	struct kt_args a;
	struct kt_task *k;
	struct kt_run r;
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
		w.flags = kt_file_io_flags(&f);
		read_where(shape, &a, f.file, &w);
	}
	if (d->data && (f.data || shape == KT_CALL_PATH))
		w.flags |= KT_IO_DATA;
	k = kt_task_get(t);
	if (!k)
		return 0;
	kt_call_open(k, KT_IO_SYSCALL, d->op);
	k->call_inode = f.inode;
	k->call_ino = f.ino;
	k->call_offset = w.offset;
	k->call_size = w.size;
	k->call_flags = w.flags;
	k->call_ino_dev = f.ino_dev;
	k->call_dev = f.dev;
	if (d->op == KT_IO_OP_WRITE && w.size > BEGIN_BYTES && !f.dev && !(w.flags & KT_IO_DIRECT))
		begin(&r, k, t);
	return 0;
}

KT_PROG(io, sys_exit, sys_exit, struct pt_regs *regs, long result)
{
	struct task_struct *t;
	struct kt_task *k;
	struct kt_run r;
	u64 nr;

	if (!kt_run_begin(&r, KT_HOOK_io__sys_exit))
		return 0;
	nr = kt_call_nr(regs);
	if (nr >= KT_N_CALLS || !kt_calls[nr & (KT_N_CALLS - 1)].shape)
		goto nothing;
	t = bpf_get_current_task_btf();
	k = kt_task_find(t);
	if (!k || !k->call_ns)
		goto nothing;
	if (!k->call_bios && !(k->call_flags & KT_IO_DATA)) {
		k->call_ns = 0;
		goto nothing;
	}
	/* Of a long vector only a part was added up. */
	if (result > 0 && k->call_size < (u64)result && (k->call_flags & KT_IO_DATA))
		k->call_size = result;
	kt_call_end(&r, k, t, result);
	return 0;
nothing:
	kt_run_filtered(&r);
	return 0;
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
	k = kt_task_get(bpf_get_current_task_btf());
	if (!k)
		return 0;
	k->fault_address = address;
	k->fault_ns = bpf_ktime_get_ns();
	return 0;
}
