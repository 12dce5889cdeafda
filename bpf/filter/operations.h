/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Filters by operation: judged by its task, its file and what it does, once, when it begins. What a task works on, and what is asked
 * of the journal's thread, follows from that.
 */
#ifndef KT_BPF_FILTER_OPERATIONS_H
#define KT_BPF_FILTER_OPERATIONS_H

#include "bpf/filter/objects.h"
#include "bpf/filter/tasks.h"
#include "bpf/io/uring.h"

#define KT_JOURNAL_WAITERS 4096 /* tasks waiting for one commit that are looked at */

static __always_inline u32 kt_filter_op(u16 op)
{
	return kt_filter.io_ops >> (op & 63) & 1 ? KT_FILTER_OP : 0;
}

/* Can nothing that this task does match? */
static __always_inline bool kt_cannot_match_task(u32 has)
{
	return (kt_filter.kinds & KT_FILTER_OF_TASK & ~has);
}

/* Can it match, with its bios, if it satisfies these kinds? */
static __always_inline bool kt_may_match(u32 has)
{
	return kt_filter_all(has & KT_FILTER_ANY_DISK ? has | KT_FILTER_DISK : has);
}

/* Is the task at work on an operation that is wanted? */
static __always_inline bool kt_at_work(const struct kt_task *k)
{
	return k && k->call_ns && (!kt_filter.kinds || k->tracked);
}

/* Does the current task do something for what is wanted, with filters: in a call, or for an io_uring request? */
static __always_inline bool kt_works_for_wanted(struct task_struct *t)
{
	u64 req = kt_uring_work(t);

	return req ? kt_is_tracked_at(req, KT_OBJECT_URING) : kt_at_work(kt_task_find(t));
}

/*
 * Where filters are by task alone, all of a wanted task's switches are recorded, also while it is at work on nothing: from the
 * first time on that it is seen to match, in a program that runs as that task.
 */
static __always_inline bool kt_filter_by_task(void)
{
	return kt_filter.kinds && !(kt_filter.kinds & ~KT_FILTER_OF_TASK);
}

static __always_inline void kt_follow(struct task_struct *t, struct kt_task *k)
{
	if (!kt_filter_by_task() || !k || k->followed)
		return;
	k->followed_cgroup = t->cgroups->dfl_cgrp->kn->id;
	k->followed = 1;
}

/* Names and cgroups change: one that no longer matches is not followed until it is seen to match again. */
static __always_inline bool kt_is_followed(struct task_struct *t, struct kt_task *k)
{
	if (!kt_filter_by_task() || !k || !k->followed)
		return false;
	if ((kt_filter.kinds & KT_FILTER_CGROUP) &&
	    t->cgroups->dfl_cgrp->kn->id != k->followed_cgroup)
		k->followed = 0;
	if ((kt_filter.kinds & KT_FILTER_COMM) && !kt_comm_matches(t) &&
	    !kt_comm_matches(t->group_leader))
		k->followed = 0;
	return k->followed;
}

/* A walk over those that wait for a commit. */
struct kt_waiter_walk {
	u64 node, head; /* addresses */
	u32 committed;	/* the last transaction that is on disk */
	bool of_next;	/* only those that need a later one count */
	bool found;
	u16 pad;
};

/* Does that fsync need a later transaction than this? So it may seem if another task writes to its file meanwhile. */
static __always_inline bool kt_sync_needs_next(u64 sync, u32 committed)
{
	struct ext4_inode_info *i = (void *)(sync & ~1ull);
	u32 tid;

	if (!bpf_core_field_exists(i->i_datasync_tid))
		return false;
	i = (void *)i - bpf_core_field_offset(struct ext4_inode_info, vfs_inode);
	tid = sync & 1 ? BPF_CORE_READ(i, i_datasync_tid) : BPF_CORE_READ(i, i_sync_tid);
	return (s32)(tid - committed) > 0; /* as the kernel's tid_gt() */
}

static __attribute__((unused)) long kt_waiter_next(u32 i, struct kt_waiter_walk *w)
{
	struct wait_queue_entry *e;
	u64 *sync;

	if (!w->node || w->node == w->head)
		return 1;
	e = (void *)(w->node - bpf_core_field_offset(struct wait_queue_entry, entry));
	sync = kt_tracked_at((u64)BPF_CORE_READ(e, private), KT_OBJECT_SYNC);
	if (sync && (!w->of_next || kt_sync_needs_next(*sync, w->committed))) {
		w->found = true;
		return 1;
	}
	w->node = (u64)BPF_CORE_READ(e, entry.next);
	return 0;
}

/*
 * Does a wanted operation wait for the commit of that journal, with filters? Only once it sleeps: see kt_task.asked. of_next: when
 * one ends, for the next one.
 */
__noinline __attribute__((weak)) int kt_journal_is_waited(u64 address, bool of_next)
{
	struct journal_s *journal = (void *)address;
	struct kt_waiter_walk w = {.of_next = of_next};

	if (!address || !bpf_core_field_exists(journal->j_wait_done_commit))
		return 0;
	w.head = address + bpf_core_field_offset(journal->j_wait_done_commit.head);
	w.node = (u64)BPF_CORE_READ(journal, j_wait_done_commit.head.next);
	w.committed = BPF_CORE_READ(journal, j_commit_sequence);
	/* Nothing holds the list: one that leaves it may lead astray. */
	bpf_loop(KT_JOURNAL_WAITERS, kt_waiter_next, &w, 0);
	return w.found;
}

#endif
