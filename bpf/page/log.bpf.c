// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* page: the log of xfs. */
#include "bpf/filter/operations.h"
#include "bpf/io/call.h"

KT_KERNEL_ENUM(XLOG_STATE_ACTIVE, 0);
KT_KERNEL_ENUM(XLOG_STATE_WANT_SYNC, 1);
KT_KERNEL_ENUM(XLOG_STATE_DIRTY, 5);

KT_PROG(page, xlog_iclog_syncing, xlog_iclog_syncing, struct xlog_in_core *iclog)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_log l = {};
	u64 key = (u64)iclog;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__xlog_iclog_syncing))
		return 0;
	/* What a call writes is that call's. */
	if (!(task->flags & KT_PF_KTHREAD))
		goto out;
	l.tid = task->pid;
	l.tgid = task->tgid;
	l.cgroup = task->cgroups->dfl_cgrp->kn->id;
	if (kt_filter.kinds)
		l.has = kt_filter_current();
	l.start_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&kt_logs, &key, &l, BPF_ANY))
		kt_no_room();
out:
	kt_hit_filtered(&hit);
	return 0;
}

KT_PROG(page, xlog_iclog_sync_done, xlog_iclog_sync_done, struct xlog_in_core *iclog)
{
	struct kt_page_log *e;
	struct kt_log *l;
	struct kt_hit hit;
	u64 key = (u64)iclog;

	/* 6.12 takes what a module's tracepoint passes for a pointer that may be NULL: here, and below. */
	if (!iclog || !kt_hit_begin(&hit, KT_HOOK_page__xlog_iclog_sync_done))
		return 0;
	l = kt_log_find(key);
	if (!l || !l->n_bios || (kt_filter.kinds && !l->tracked)) {
		kt_hit_filtered(&hit);
		goto out;
	}
	e = KT_RESERVE(&hit, page_log);
	if (e) {
		e->tid = l->tid;
		e->io = key;
		e->dur_ns = e->ts_ns - l->start_ns;
		e->cgroup = l->cgroup;
		e->tgid = l->tgid;
		e->end_tid = bpf_get_current_task_btf()->pid;
		e->n_bios = l->n_bios;
		e->ino_dev = BPF_CORE_READ(iclog, ic_log, l_mp, m_super, s_dev);
		KT_SUBMIT(e);
	}
out:
	if (l)
		bpf_map_delete_elem(&kt_logs, &key);
	return 0;
}

KT_PROG(page, xlog_iclog_wait_on, xlog_iclog_wait_on, struct xlog_in_core *iclog)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_page_log_wait *e;
	struct kt_hit hit;
	u32 state;

	if (!iclog || !kt_hit_begin(&hit, KT_HOOK_page__xlog_iclog_wait_on))
		return 0;
	state = BPF_CORE_READ(iclog, ic_state);
	/* It is on disk: the kernel does not wait. */
	if (state == kt_enum_XLOG_STATE_ACTIVE || state == kt_enum_XLOG_STATE_DIRTY ||
	    !kt_at_work(kt_task_find(task))) {
		kt_hit_filtered(&hit);
		return 0;
	}
	e = KT_RESERVE(&hit, page_log_wait);
	if (!e)
		return 0;
	e->tid = task->pid;
	e->io = (u64)iclog;
	e->tgid = task->tgid;
	e->writing = state != kt_enum_XLOG_STATE_WANT_SYNC;
	KT_SUBMIT(e);
	return 0;
}
