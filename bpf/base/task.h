/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A task's storage, and whether `current` is the task that acts. */
#ifndef KT_BPF_BASE_TASK_H
#define KT_BPF_BASE_TASK_H

#include "bpf/base/ktrace.bpf.h"

/* NULL: nothing is known about it. */
static __always_inline struct kt_task *kt_task_find(struct task_struct *t)
{
	return bpf_task_storage_get(&kt_tasks, t, NULL, 0);
}

/*
 * NULL: no memory; or the program interrupted another one in this very call, where the kernel refuses a second (up to 6.1 also in
 * kt_task_find()): a wake-up from an interrupt is then not recorded.
 */
static __always_inline struct kt_task *kt_task_try(struct task_struct *t)
{
	return bpf_task_storage_get(&kt_tasks, t, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* For programs that run in that task's context. NULL: no memory, which is counted as a loss. */
static __always_inline struct kt_task *kt_task_get(struct task_struct *t)
{
	struct kt_task *k = kt_task_try(t);

	if (!k)
		kt_no_room();
	return k;
}

static __always_inline struct kt_cpu *kt_cpu_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&kt_cpus, &zero);
}

/* In an interrupt `current` is a bystander. Known only if family irq is recorded. */
static __always_inline bool kt_in_interrupt(void)
{
	struct kt_cpu *c = kt_cpu_here();

	return c && (c->hard_ns || c->soft_ns);
}

#endif
