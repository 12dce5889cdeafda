// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* page: who makes room in memory, and so writes to swap. */
#include "bpf/io/fault.h"
#include "bpf/page/operation.h"

/* What call_inode is then: no address. */
#define BY_TASK 1ull
#define BY_KSWAPD 2ull

/* What a task does in a page fault is the fault's. */
static __always_inline int task_reclaim_begin(u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t;
	bool sure = true;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, hook))
		return 0;
	t = kt_task_find(task);
	if (!t || (task->flags & KT_PF_KTHREAD) || !kt_in_user_fault(task, t, &sure))
		open_call(BY_TASK, KT_IO_KIND_SWAP, KT_IO_OP_SWAPOUT);
	kt_hit_filtered(&hit);
	return 0;
}

static __always_inline int reclaim_end(struct kt_hit *hit, u64 key)
{
	struct kt_io_call *e = close_call(hit, key, KT_IO_KIND_SWAP);

	if (!e)
		return 0;
	e->result = e->size;
	KT_SUBMIT(e);
	return 0;
}

/* A fault has no end that could be seen: this is the last that is known of one that only had to make room. */
static __always_inline int fault_room(struct kt_hit *hit, struct task_struct *task,
				      struct kt_task *t)
{
	struct kt_io_call *e;

	t->fault_made_room = 0;
	kt_call_open(t, KT_IO_KIND_FAULT, KT_IO_OP_SWAPOUT);
	t->call_ns = t->fault_ns;
	e = kt_call_close(hit, t, task);
	if (e)
		KT_SUBMIT(e);
	return 0;
}

static __always_inline int task_reclaim_end(u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, hook))
		return 0;
	t = kt_task_find(task);
	if (t && t->fault_made_room && !t->call_ns)
		return fault_room(&hit, task, t);
	return reclaim_end(&hit, BY_TASK);
}

#define RECLAIM(which)                                                                             \
	KT_PROG(page, mm_vmscan_##which##_reclaim_begin, mm_vmscan_##which##_reclaim_begin, int n) \
	{                                                                                          \
		return task_reclaim_begin(KT_HOOK_page__mm_vmscan_##which##_reclaim_begin);        \
	}                                                                                          \
	KT_PROG(page, mm_vmscan_##which##_reclaim_end, mm_vmscan_##which##_reclaim_end, long n)    \
	{                                                                                          \
		return task_reclaim_end(KT_HOOK_page__mm_vmscan_##which##_reclaim_end);            \
	}

RECLAIM(direct)
RECLAIM(memcg)
RECLAIM(node)

/*
 * kswapd rests for a while before it tells that it sleeps. So its operations are batches, each from the end of the one before;
 * after the last comes one without bios, which is not told.
 */
KT_PROG(page, mm_vmscan_kswapd_wake, mm_vmscan_kswapd_wake, int node)
{
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__mm_vmscan_kswapd_wake))
		return 0;
	reclaim_end(&hit, BY_KSWAPD);
	open_call(BY_KSWAPD, KT_IO_KIND_SWAP, KT_IO_OP_SWAPOUT);
	return 0;
}

KT_PROG(page, mm_vmscan_lru_shrink_inactive, mm_vmscan_lru_shrink_inactive, int node)
{
	struct kt_task *t;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__mm_vmscan_lru_shrink_inactive))
		return 0;
	t = kt_task_find(bpf_get_current_task_btf());
	if (!t || !t->call_ns || t->call_kind != KT_IO_KIND_SWAP || t->call_inode != BY_KSWAPD) {
		kt_hit_filtered(&hit);
		return 0;
	}
	reclaim_end(&hit, BY_KSWAPD);
	open_call(BY_KSWAPD, KT_IO_KIND_SWAP, KT_IO_OP_SWAPOUT);
	return 0;
}

KT_PROG(page, mm_vmscan_kswapd_sleep, mm_vmscan_kswapd_sleep, int node)
{
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__mm_vmscan_kswapd_sleep))
		return 0;
	return reclaim_end(&hit, BY_KSWAPD);
}
