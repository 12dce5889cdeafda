// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Owns the maps; tasks and cgroups that come after the start. */
#define KT_NAMES_KSYMS
#include "bpf/block/disk.h"
#include "bpf/filter/owned.h"
#include "bpf/filter/requests.h"
#include "bpf/io/call.h"
#include "bpf/io/file_name.h"
#include "bpf/io/vec.h"

struct kt_heads_map kt_heads SEC(".maps");
struct kt_rings_map kt_rings SEC(".maps");
struct kt_stats_map kt_stats SEC(".maps");
struct kt_tasks_map kt_tasks SEC(".maps");
struct kt_cpus_map kt_cpus SEC(".maps");
struct kt_logs_map kt_logs SEC(".maps");
struct kt_files_map kt_files SEC(".maps");
struct kt_names_map kt_names SEC(".maps");
struct kt_vecs_map kt_vecs SEC(".maps");
struct kt_disks_map kt_disks SEC(".maps");
struct kt_filter_objects_map kt_filter_objects SEC(".maps");
struct kt_filter_pids_map kt_filter_pids SEC(".maps");
struct kt_filter_inodes_map kt_filter_inodes SEC(".maps");
struct kt_filter_iocbs_map kt_filter_iocbs SEC(".maps");
struct kt_filter_scratch_map kt_filter_scratch SEC(".maps");

/* Set by the recorder before it loads. */
const volatile struct kt_filter kt_filter = {};
const volatile __u32 kt_mnt_ns = 0;
const volatile __u64 kt_ring_bytes = 8,
		     kt_ring_mask = 0; /* mask: of a position, which is a multiple of 8 */

volatile __u32 kt_name_changes = 0;
volatile __u64 kt_disk_slots[KT_DISK_SLOTS] = {};
volatile __u32 kt_filter_wrote = 0;
const volatile __u32 kt_filter_room = 1;
volatile __u32 kt_filter_children = 0;
volatile __u32 kt_filter_full = 0;
volatile __u32 kt_filter_slots[KT_FILTER_SLOTS] = {};

KT_KERNEL_FUNC(bpf_rdonly_cast);
KT_KERNEL_ENUM(REQ_OP_FLUSH, 2);
KT_KERNEL_ENUM(REQ_OP_DRV_IN, 34);
KT_KERNEL_ENUM(__REQ_PREFLUSH, 18);
KT_KERNEL_ENUM(__REQ_SWAP, 24);

/* Set by the recorder at the run's official start, cleared at its end. */
volatile __u32 kt_on = 0;
volatile __u32 kt_measure = 0; /* runs are timed: a window of record/cost.h is open */

/* The recorder's task and process, as the kernel numbers them: in a PID namespace it knows itself by another number. */
volatile __u64 kt_self = 0;

SEC("raw_tp")
int kt_tell_self(void *ctx)
{
	kt_self = bpf_get_current_pid_tgid();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A process of -p has a child: also while nothing is recorded yet. Any other may get the number of one that ended. */
static __always_inline void follow_child(struct task_struct *task)
{
	u32 parent = bpf_get_current_pid_tgid() >> 32, child = task->tgid;
	u64 *bits;

	if (!(kt_filter.kinds & KT_FILTER_PID) || child == parent)
		return;
	bits = kt_child_bits(child);
	if (!bits)
		return;
	if (kt_pid_matches(parent)) {
		__sync_fetch_and_or(bits, 1ull << (child & 63));
		kt_filter_children = 1;
	} else if (kt_is_child(child)) {
		__sync_fetch_and_and(bits, ~(1ull << (child & 63)));
	}
}

KT_PROG(core, task_newtask, task_newtask, struct task_struct *task)
{
	struct kt_hit hit;
	struct kt_task_new *e;

	follow_child(task);
	if (!kt_hit_begin(&hit, KT_HOOK_core__task_newtask))
		return 0;
	e = KT_RESERVE(&hit, task_new);
	if (!e)
		return 0;
	e->tid = task->pid;
	e->tgid = task->tgid;
	e->parent_tid = (u32)bpf_get_current_pid_tgid();
	e->cgroup = task->cgroups->dfl_cgrp->kn->id;
	bpf_probe_read_kernel_str(e->comm, sizeof(e->comm), task->comm);
	KT_SUBMIT(e);
	return 0;
}

/* Of a task that is being given a name: does it run another program? */
static __always_inline bool is_exec(struct task_struct *task)
{
	struct task_struct *t = bpf_get_current_task_btf();
	const volatile struct kt_call_desc *d;

	if (t->pid != task->pid || (t->flags & KT_PF_KTHREAD))
		return false;
	d = kt_call_find(t, kt_call_nr((void *)bpf_task_pt_regs(t)));
	return d && d->op == KT_IO_OP_EXECVE;
}

/* Its number before it took over that of its process, in which all other threads are gone by now; 0 = it has the one it had. */
static __always_inline u32 old_tid(u32 tid)
{
	struct kt_task *k = kt_task_find(bpf_get_current_task_btf());
	u32 old = k ? k->exec_tid : 0;

	if (!old || old == tid)
		return 0;
	k->exec_tid = 0;
	return old;
}

KT_PROG(core, task_rename, task_rename, struct task_struct *task, const char *comm)
{
	struct kt_hit hit;
	struct kt_task_comm *e;
	bool exec;

	if (!kt_hit_begin(&hit, KT_HOOK_core__task_rename))
		return 0;
	exec = is_exec(task);
	e = KT_RESERVE(&hit, task_comm);
	if (!e)
		return 0;
	e->tid = task->pid;
	e->tgid = task->tgid;
	e->flags = exec ? KT_COMM_EXEC : KT_COMM_SET;
	e->old_tid = exec ? old_tid(task->pid) : 0;
	e->reserved = 0;
	__builtin_memset(e->comm, 0, sizeof(e->comm));
	bpf_probe_read_kernel_str(e->comm, sizeof(e->comm), comm);
	KT_SUBMIT(e);
	return 0;
}

/* 6.18 passes a bool more than 6.1; only the task is used. */
KT_PROG(core, sched_process_exit, sched_process_exit, struct task_struct *task)
{
	struct kt_hit hit;
	struct kt_task_exit *e;

	if (!kt_hit_begin(&hit, KT_HOOK_core__sched_process_exit))
		return 0;
	e = KT_RESERVE(&hit, task_exit);
	if (!e)
		return 0;
	e->tid = task->pid;
	e->tgid = task->tgid;
	e->flags = 0;
	KT_SUBMIT(e);
	return 0;
}

KT_PROG(core, cgroup_mkdir, cgroup_mkdir, struct cgroup *cgrp, const char *path)
{
	struct kt_hit hit;
	struct kt_cgroup_new *e;

	if (!kt_hit_begin(&hit, KT_HOOK_core__cgroup_mkdir))
		return 0;
	e = KT_RESERVE(&hit, cgroup_new);
	if (!e)
		return 0;
	e->hierarchy = cgrp->root->hierarchy_id;
	e->cgroup = cgrp->kn->id;
	/* Too much for the compiler's memset. */
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < sizeof(e->path); i += sizeof(u64))
		*(volatile u64 *)(e->path + i) = 0;
	bpf_probe_read_kernel_str(e->path, sizeof(e->path), path);
	KT_SUBMIT(e);
	return 0;
}
