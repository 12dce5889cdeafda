/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A task's storage, and whether `current` is to be trusted. */
#ifndef KT_BPF_TASK_H
#define KT_BPF_TASK_H

#include "bpf/ktrace.bpf.h"

/* NULL: nothing is known of it. */
static __always_inline struct kt_task *kt_task_find(struct task_struct *t)
{
	return bpf_task_storage_get(&kt_tasks, t, NULL, 0);
}

/* NULL: no memory. */
static __always_inline struct kt_task *kt_task_get(struct task_struct *t)
{
	return bpf_task_storage_get(&kt_tasks, t, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline struct kt_cpu *kt_cpu_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&kt_cpus, &zero);
}

/* In an interrupt `current` is a bystander. Known only if family irq is recorded, too. */
static __always_inline bool kt_in_interrupt(void)
{
	struct kt_cpu *c = kt_cpu_here();

	return c && (c->hard_ns || c->soft_ns);
}

#endif
