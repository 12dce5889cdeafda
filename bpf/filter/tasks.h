/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Filters by task: its process, number, name and cgroup. */
#ifndef KT_BPF_FILTER_TASKS_H
#define KT_BPF_FILTER_TASKS_H

#include "bpf/filter/filter.h"

#define KT_CGROUP_DEPTH 32 /* cgroups nested deeper do not match what is above */

/* The children of the processes asked for: a bit for each number that a process can have. */
struct kt_filter_pids_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
};

/* Defined in core.bpf.c. */
extern volatile __u32 kt_filter_children; /* there has been one in kt_filter_pids */
extern struct kt_filter_pids_map kt_filter_pids SEC(".maps");

static __always_inline bool kt_comm_matches(struct task_struct *t)
{
	u64 comm[2];

	if (bpf_probe_read_kernel(comm, sizeof(comm), t->comm))
		return false;
	for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_comms; i++)
		if (comm[0] == kt_filter.comms[i][0] && comm[1] == kt_filter.comms[i][1])
			return true;
	return false;
}

/* A cgroup of the v2 tree. Its ancestors are asked, so one that is made later needs no care. */
static __always_inline bool kt_cgroup_matches(struct cgroup *cgrp)
{
	for (u32 depth = 0; depth < KT_CGROUP_DEPTH && cgrp; depth++) {
		struct cgroup_subsys_state *parent;
		u64 id = cgrp->kn->id;

		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_cgroups; i++)
			if (id == kt_filter.cgroups[i])
				return true;
		parent = cgrp->self.parent;
		if (!parent)
			break;
		cgrp = parent->cgroup;
	}
	return false;
}

/* NULL: no process has such a number. */
static __always_inline u64 *kt_child_bits(u32 tgid)
{
	u32 i = tgid / 64;

	return bpf_map_lookup_elem(&kt_filter_pids, &i);
}

static __always_inline bool kt_is_child(u32 tgid)
{
	u64 *bits = kt_child_bits(tgid);

	return bits && (*(volatile u64 *)bits >> (tgid & 63) & 1);
}

static __always_inline bool kt_pid_matches(u32 tgid)
{
	for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_pids; i++)
		if (tgid == kt_filter.pids[i])
			return true;
	return kt_filter_children && kt_is_child(tgid);
}

/* The kinds of filters that the current task satisfies. Out of line: verified once in a program, however often it is asked. */
__noinline __attribute__((weak)) int kt_filter_current(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 has = 0;

	if ((kt_filter.kinds & KT_FILTER_PID) && kt_pid_matches(t->tgid))
		has |= KT_FILTER_PID;
	if (kt_filter.kinds & KT_FILTER_TID)
		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_tids; i++)
			if ((u32)t->pid == kt_filter.tids[i])
				has |= KT_FILTER_TID;
	/* The name of its process, too: io_uring's threads have names of their own. */
	if ((kt_filter.kinds & KT_FILTER_COMM) &&
	    (kt_comm_matches(t) || kt_comm_matches(t->group_leader)))
		has |= KT_FILTER_COMM;
	if ((kt_filter.kinds & KT_FILTER_CGROUP) && kt_cgroup_matches(t->cgroups->dfl_cgrp))
		has |= KT_FILTER_CGROUP;
	return has;
}

#endif
