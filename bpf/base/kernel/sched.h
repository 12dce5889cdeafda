/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tasks, cgroups, interrupts, registers. See bpf/base/kernel.h. */
#ifndef KT_BPF_BASE_KERNEL_SCHED_H
#define KT_BPF_BASE_KERNEL_SCHED_H

#include <linux/types.h>

#include "bpf/base/kernel/common.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct sched_entity {
	unsigned char sched_delayed; /* since 6.12: it sleeps, but its dequeueing is delayed */
};

struct thread_info {
	__u32 status; /* x86 */
	unsigned long flags;
};

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	unsigned int flags;
	void *stack;
	void *worker_private;
	struct files_struct *files;
	int on_rq;
	struct sched_entity se;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	char comm[16];
	struct css_set *cgroups;
	unsigned long nvcsw; /* voluntary switches so far */
	struct callback_head *task_works;
	unsigned int in_user_fault : 1; /* with memory cgroups (since 6.12: of version 1) */
};

struct irqaction {
	struct irqaction *next; /* the same line's next handler */
};

/* What worker_private of a kernel thread is. */
struct kthread {
	void *threadfn; /* a function */
};

struct pt_regs___x86 {
	unsigned long r10, r9, r8, bp, bx, cx, dx, si, di, orig_ax;
};

struct pt_regs___arm64 {
	__u64 regs[31];
	int syscallno;
};

#pragma clang attribute pop

#define KT_PF_IO_WORKER 0x10 /* since 5.12: workers of io_uring, and its polling thread */
#define KT_PF_WQ_WORKER 0x20
#define KT_PF_KTHREAD 0x00200000
#define KT_THREAD_SIZE (32 << 10) /* at least */
#define KT_TS_COMPAT 2		  /* x86: thread_info.status: the system call is a 32-bit one */
#define KT_TIF_32BIT (1ul << 22)  /* arm64: thread_info.flags: so is the program */

#endif
