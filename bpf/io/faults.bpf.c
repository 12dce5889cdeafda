// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* io: page faults, remembered for the bios that they cause. */
#include "bpf/base/task.h"
#include "bpf/filter/operations.h"

/* Of the current task, for what it does in a page fault; NULL: nothing that it does can match, or no memory. */
static __always_inline struct kt_task *faulting_task(struct task_struct *t)
{
	struct kt_task *k;

	if (kt_filter.kinds && kt_cannot_match_task(kt_filter_current()))
		return NULL;
	k = kt_task_get(t);
	kt_follow(t, k);
	return k;
}

/*
 * Remembered only: whether it has to read is known when a bio is queued.
 */
KT_PROG(io, page_fault_user, page_fault_user, unsigned long address)
{
	struct kt_task *k;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_io__page_fault_user))
		return 0;
	k = faulting_task(bpf_get_current_task_btf());
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
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_io__page_fault_kernel))
		return 0;
	t = bpf_get_current_task_btf();
	k = kt_task_find(t);
	if (k && k->call_ns)
		return 0;
	k = faulting_task(t);
	if (k)
		k->kernel_fault_ns = bpf_ktime_get_ns();
	return 0;
}
