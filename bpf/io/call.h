/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An operation that a task has open: a system call, or what a kernel thread does for a while (family page). */
#ifndef KT_BPF_IO_CALL_H
#define KT_BPF_IO_CALL_H

#include "bpf/filter/filter.h"
#include "bpf/io/syscalls.h"
#include "bpf/base/task.h"

/*
 * Opens one in k, which is the task's that runs. What is known of the file is filled in by the caller: everything about it
 * is none after this, and its beginning is now.
 */
static __always_inline void kt_call_open(struct kt_task *k, u8 kind, u16 op)
{
	k->call_inode = k->call_ino = 0;
	k->call_offset = -1;
	k->call_size = 0;
	k->call_bios = 0;
	k->call_op = op;
	k->call_kind = kind;
	k->call_flags = 0;
	k->call_ino_dev = k->call_dev = 0;
	if (kt_filter.kinds) {
		k->call_has = 0;
		k->tracked = 0;
		k->call_late = 0;
	}
	k->after = 0;
	k->call_ns = bpf_ktime_get_ns();
}

/* From now on the task does what the call left, or exits. */
static __always_inline void kt_after_open(struct kt_task *k, u16 op, s64 nr)
{
	k->after_ns = bpf_ktime_get_ns();
	k->after_op = op;
	k->after_nr = nr;
	k->after = 1;
}

/*
 * Is it still at that? Another call, or an interrupt of user mode, has put its own number into the registers; of one that
 * exits nothing comes after.
 */
static __always_inline bool kt_after_is_on(struct kt_task *k, struct task_struct *t)
{
	return k->after && (k->after_op == KT_IO_OP_EXIT ||
			    kt_call_nr((void *)bpf_task_pt_regs(t)) == k->after_nr);
}

/*
 * Closes it. Its event, the run's own, with all that k knows, for what only the caller does: to be submitted. NULL: no room.
 */
static __always_inline struct kt_io_call *kt_call_close(struct kt_hit *hit, struct kt_task *k,
							struct task_struct *t)
{
	struct kt_io_call *e = KT_RESERVE(hit, io_call);

	if (e) {
		e->tid = t->pid;
		e->dur_ns = e->ts_ns - k->call_ns;
		e->ino = k->call_ino;
		e->offset = k->call_offset;
		e->size = k->call_size;
		e->result = 0;
		e->cgroup = t->cgroups->dfl_cgrp->kn->id;
		e->tgid = t->tgid;
		e->ino_dev = k->call_ino_dev;
		e->dev = k->call_dev;
		e->op = k->call_op;
		e->kind = k->call_kind;
		e->flags = k->call_flags;
		e->n_bios = k->call_bios;
		e->late = kt_filter.kinds ? k->call_late : 0;
	}
	k->call_ns = 0;
	return e;
}

/*
 * The writing of a log buffer (xfs) that is no call's: one task begins it, another ends it, and meanwhile the first may begin the
 * next. So it is known by the buffer's address. Written by the buffer's one writer.
 */
struct kt_log {
	u64 start_ns;
	u64 cgroup;
	u32 tid, tgid; /* who began it */
	u32 n_bios;
	u32 has;     /* filters: the kinds that it satisfies */
	u64 tracked; /* filters: it matches */
};

/* Buffers that are being written; a log has 8, so those of 512 file systems at once. */
struct kt_logs_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct kt_log);
};

/* Defined in core.bpf.c. */
extern struct kt_logs_map kt_logs SEC(".maps");

/* NULL: it is a call's, or not being written. */
static __always_inline struct kt_log *kt_log_find(u64 log)
{
	return bpf_map_lookup_elem(&kt_logs, &log);
}

#endif
