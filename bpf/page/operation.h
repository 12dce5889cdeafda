/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The kernel's own operations: what a task, mostly one of the kernel's, does for a while besides system calls. */
#ifndef KT_BPF_PAGE_OPERATION_H
#define KT_BPF_PAGE_OPERATION_H

#include "bpf/filter/operations.h"
#include "bpf/io/call.h"

/*
 * Opens an operation of the current task; nothing happens while one is open: the writing that a system call does is that
 * call's. key tells close_call() which one it was.
 */
static __always_inline void open_call(u64 key, u8 kind, u16 op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t = kt_task_get(task);

	if (!t || t->call_ns)
		return;
	kt_call_open(t, kind, op);
	t->call_inode = key;
	/* By its bios: those of files that were written to. */
	if (kt_filter.kinds) {
		t->call_has = kt_filter_current();
		if (kind == KT_IO_KIND_SWAP)
			t->call_has |= kt_filter_op(op);
	}
}

/* Of what open_call() opened: an event with room for what only the caller knows; NULL: none, or it queued no bio. */
static __always_inline struct kt_io_call *close_call(struct kt_hit *hit, u64 key, u8 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t = kt_task_find(task);

	if (!t || !t->call_ns || t->call_kind != kind || t->call_inode != key)
		goto none;
	if (t->call_bios && (!kt_filter.kinds || t->tracked))
		return kt_call_close(hit, t, task);
	t->call_ns = 0;
none:
	kt_hit_filtered(hit);
	return NULL;
}

#endif
