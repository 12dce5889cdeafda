// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* page: who makes pages dirty besides write calls, and the kernel's own writing: writeback, journal commits, swap. */
#include "bpf/call.h"
#include "bpf/fault.h"
#include "bpf/file_name.h"
#include "bpf/filter_call.h"

#define PAGE_BYTES 4096ull /* what a folio's index counts */
#define MAX_RUN_NS 100000000ull
#define N_RUNS 4 /* that one CPU gathers at a time; a power of two */

/* Since 5.12: the workers of io_uring, and its polling thread. */
#define PF_IO_WORKER 0x10

KT_KERNEL_ENUM(PG_head, 16);
KT_KERNEL_ENUM(XLOG_STATE_ACTIVE, 0);
KT_KERNEL_ENUM(XLOG_STATE_WANT_SYNC, 1);
KT_KERNEL_ENUM(XLOG_STATE_DIRTY, 5);

/* A run of pages that one task made dirty one after the other. */
struct run {
	u64 inode;	      /* address; 0 = none */
	u64 ino, first, next; /* pages: [first, next) */
	u64 first_ns, last_ns;
	u64 cgroup;
	u32 tid, tgid, ino_dev, pad;
};

struct runs {
	struct run run[N_RUNS];
};

/* Of this CPU. The hook runs with interrupts off (it is under the mapping's xa_lock): nothing comes in between. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct runs);
} kt_dirty SEC(".maps");

static __always_inline void run_end(struct kt_run *r, struct run *d)
{
	struct kt_page_dirty *e = KT_RESERVE_MORE(r, page_dirty);

	if (e) {
		e->tid = d->tid;
		e->tgid = d->tgid;
		e->ino = d->ino;
		e->ino_dev = d->ino_dev;
		e->offset = d->first * PAGE_BYTES;
		e->size = (d->next - d->first) * PAGE_BYTES;
		e->age_ns = e->ts_ns - d->first_ns;
		e->idle_ns = e->ts_ns - d->last_ns;
		e->cgroup = d->cgroup;
		KT_SUBMIT(e);
	}
	d->inode = 0;
}

static __always_inline u64 folio_pages(struct folio *folio)
{
	struct folio___618 *new = (void *)folio;
	struct folio___611 *old = (void *)folio;
	u64 flags = bpf_core_field_exists(new->flags.f) ? new->flags.f : folio->flags;

	if (!(flags & (1ull << (kt_enum_PG_head & 63))))
		return 1;
	if (bpf_core_field_exists(folio->_nr_pages))
		return folio->_nr_pages;
	return bpf_core_field_exists(old->_folio_nr_pages) ? old->_folio_nr_pages : 1;
}

/*
 * A write call says itself which pages it makes dirty, and so do the requests of io_uring and libaio. What is left: page
 * faults, and the file systems' own pages.
 */
static __always_inline bool is_told(const struct kt_task *t, const struct task_struct *task,
				    const struct inode *inode)
{
	if (t && t->call_ns) {
		/* A block device is written to through its node: another inode. */
		if (t->call_op == KT_IO_OP_WRITE && !(t->call_flags & KT_IO_DIRECT) &&
		    (t->call_inode == (u64)inode || (t->call_dev && t->call_dev == inode->i_rdev)))
			return true;
		if (t->call_op == KT_IO_OP_IO_SUBMIT || t->call_op == KT_IO_OP_IO_URING_ENTER)
			return true;
	}
	return task->flags & PF_IO_WORKER;
}

/* Not by a write call: a write through a mapping, or a file system's own. What it was written to is written back. */
static __always_inline bool is_wanted(struct kt_run *r, struct task_struct *task,
				      struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	u32 has = kt_filter_current(), dev;
	u64 ino = inode->i_ino, address;

	if (kt_task_is_out(has))
		return false;
	address = kt_as_number(inode, &r->stat->hook[r->hook].scratch);
	dev = kt_inode_dev(address, sb, sb->s_magic);
	has |= kt_filter_op(KT_IO_OP_WRITE) | kt_filter_op(KT_IO_OP_FAULT);
	if ((kt_filter.kinds & KT_FILTER_FILE) && kt_file_is(ino, dev, address))
		has |= KT_FILTER_FILE;
	if ((kt_filter.kinds & KT_FILTER_DIR) && kt_inode_below_dir(address))
		has |= KT_FILTER_DIR;
	if (!kt_filter_all(has | KT_FILTER_DISK))
		return false;
	if (sb->s_magic != KT_BDEVFS_MAGIC)
		kt_inode_written(ino, dev, address);
	return true;
}

KT_PROG(page, writeback_dirty_folio, writeback_dirty_folio, struct folio *folio,
	struct address_space *mapping)
{
	struct task_struct *task;
	struct super_block *sb;
	struct inode *inode;
	u64 first, pages, now;
	struct runs *runs;
	struct kt_run r;
	struct run *d;
	u32 zero = 0;

	if (!kt_run_begin(&r, KT_HOOK_page__writeback_dirty_folio))
		return 0;
	task = bpf_get_current_task_btf();
	inode = mapping ? mapping->host : NULL;
	/* Most runs end here: one look into the task's storage is all that a buffered write pays. */
	if (!inode || is_told(kt_task_find(task), task, inode))
		goto out;
	if (kt_filter.kinds && !is_wanted(&r, task, inode))
		goto out;
	runs = bpf_map_lookup_elem(&kt_dirty, &zero);
	if (!runs)
		goto out;
	/* A file and the metadata that a fault in it needs come by turns: do not let one end the other's run. */
	d = &runs->run[inode->i_ino & (N_RUNS - 1)];
	first = folio->index;
	pages = folio_pages(folio);
	now = bpf_ktime_get_ns();
	if (d->inode == (u64)inode && d->tid == (u32)task->pid && d->next == first &&
	    now - d->first_ns < MAX_RUN_NS) {
		d->next += pages;
		d->last_ns = now;
		goto out;
	}
	if (d->inode)
		run_end(&r, d);
	sb = inode->i_sb;
	d->ino_dev = kt_inode_dev(kt_as_number(inode, &d->ino), sb, sb->s_magic);
	d->ino = inode->i_ino;
	if (sb->s_magic == KT_BDEVFS_MAGIC) {
		d->ino = 0;
		d->ino_dev = inode->i_rdev;
	}
	d->first = first;
	d->next = first + pages;
	d->first_ns = d->last_ns = now;
	d->tid = task->pid;
	d->tgid = task->tgid;
	d->cgroup = task->cgroups->dfl_cgrp->kn->id;
	d->inode = (u64)inode;
out:
	kt_run_filtered(&r);
	return 0;
}

KT_FLUSH(page)
{
	struct runs *runs;
	struct kt_run r;
	u32 zero = 0;

	if (!kt_flush_begin(&r))
		return 0;
	runs = bpf_map_lookup_elem(&kt_dirty, &zero);
	for (int i = 0; runs && i < N_RUNS; i++)
		if (runs->run[i].inode)
			run_end(&r, &runs->run[i]);
	return 0;
}

/* ------------------------------------------------------------------ the kernel's own operations */

/*
 * Opens an operation of the current task; nothing happens while one is open: the writing that a system call does is that
 * call's. key tells close_call() which one it was.
 */
static __always_inline void open_call(u64 key, u8 kind, u16 op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t = kt_task_get(task);

	if (!t || t->call_ns)
		return;
	kt_call_open(t, kind, op);
	t->call_inode = key;
	/* By its bios: those of files that were written to. */
	if (kt_filter.kinds) {
		t->call_has = kt_filter_current();
		if (kind == KT_IO_SWAP)
			t->call_has |= kt_filter_op(op);
	}
}

/* Of what open_call() opened: an event with room for what only the caller knows; NULL: none, or it queued no bio. */
static __always_inline struct kt_io_call *close_call(struct kt_run *r, u64 key, u8 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t = kt_task_find(task);

	if (!t || !t->call_ns || t->call_kind != kind || t->call_inode != key)
		goto none;
	if (t->call_bios && (!kt_filter.kinds || t->tracked))
		return kt_call_close(r, t, task);
	t->call_ns = 0;
none:
	kt_run_filtered(r);
	return NULL;
}

KT_PROG(page, writeback_single_inode_start, writeback_single_inode_start, struct inode *inode)
{
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__writeback_single_inode_start))
		return 0;
	open_call((u64)inode, KT_IO_WRITEBACK, KT_IO_OP_WRITEBACK);
	kt_run_filtered(&r);
	return 0;
}

/* What the current task writes back, if it queued bios that are wanted: no call may have told its name. */
static __always_inline void name_written(u64 inode)
{
	struct kt_task *t = kt_task_find(bpf_get_current_task_btf());

	if (t && t->call_ns && t->call_bios && t->call_kind == KT_IO_WRITEBACK &&
	    t->call_inode == inode && (!kt_filter.kinds || t->tracked))
		kt_name_check(0, inode, t->call_ns);
}

/* to_write: the pages that it was told to write at most; wbc has what is left of them. */
KT_PROG(page, writeback_single_inode, writeback_single_inode, struct inode *inode,
	struct writeback_control *wbc, unsigned long to_write)
{
	struct super_block *sb;
	struct kt_io_call *e;
	struct kt_run r;
	u64 address;
	s64 pages;

	if (!kt_run_begin(&r, KT_HOOK_page__writeback_single_inode))
		return 0;
	address = kt_as_number(inode, &r.stat->hook[r.hook].scratch);
	sb = inode->i_sb;
	if (sb->s_magic != KT_BDEVFS_MAGIC)
		name_written(address);
	e = close_call(&r, (u64)inode, KT_IO_WRITEBACK);
	if (!e)
		return 0;
	if (sb->s_magic == KT_BDEVFS_MAGIC) {
		e->dev = inode->i_rdev;
	} else {
		e->ino = inode->i_ino;
		e->ino_dev = kt_inode_dev(address, sb, sb->s_magic);
	}
	pages = (s64)to_write - BPF_CORE_READ(wbc, nr_to_write);
	e->size = pages > 0 ? pages * PAGE_BYTES : 0;
	e->result = e->size;
	KT_SUBMIT(e);
	return 0;
}

/* Was it a wanted operation that asked for the commit that begins, or does one wait for it already? */
static __always_inline void judge_commit(u64 journal)
{
	struct kt_task *t = kt_task_find(bpf_get_current_task_btf());

	/* Read back: the verifier takes the argument for no number. */
	if (t && t->call_kind == KT_IO_JOURNAL && t->call_inode == journal &&
	    (t->asked || kt_journal_is_waited(*(volatile u64 *)&t->call_inode)))
		t->tracked = 1;
}

/* What wakes the thread in the middle of a commit asks for nothing. */
static __always_inline void forget_asked(void)
{
	struct kt_task *t = kt_task_find(bpf_get_current_task_btf());

	if (t)
		t->asked = 0;
}

KT_PROG(page, jbd2_start_commit, jbd2_start_commit, struct journal_s *journal)
{
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__jbd2_start_commit))
		return 0;
	open_call((u64)journal, KT_IO_JOURNAL, KT_IO_OP_COMMIT);
	if (kt_filter.kinds)
		judge_commit((u64)journal);
	kt_run_filtered(&r);
	return 0;
}

KT_PROG(page, jbd2_end_commit, jbd2_end_commit, struct journal_s *journal)
{
	struct kt_io_call *e;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__jbd2_end_commit))
		return 0;
	if (kt_filter.kinds)
		forget_asked();
	e = close_call(&r, (u64)journal, KT_IO_JOURNAL);
	if (!e)
		return 0;
	e->ino_dev = BPF_CORE_READ(journal, j_fs_dev, bd_dev);
	KT_SUBMIT(e);
	return 0;
}

/* What its own thread does; that opened with its first write. What a call commits is that call's. */
KT_PROG(page, btrfs_transaction_commit, btrfs_transaction_commit, struct btrfs_fs_info *info)
{
	struct kt_io_call *e;
	struct kt_run r;

	if (!info || !kt_run_begin(&r, KT_HOOK_page__btrfs_transaction_commit))
		return 0;
	e = close_call(&r, 0, KT_IO_JOURNAL);
	if (!e)
		return 0;
	e->ino_dev = BPF_CORE_READ(info, sb, s_dev);
	KT_SUBMIT(e);
	return 0;
}

/* For filters only: from here on it may wait for a commit. */
KT_PROG(page, ext4_sync_file_enter, ext4_sync_file_enter, struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__ext4_sync_file_enter))
		return 0;
	if (kt_filter.kinds && kt_works_for_wanted(task))
		kt_track(&r, task, KT_OBJECT_SYNC);
	kt_run_filtered(&r);
	return 0;
}

KT_PROG(page, ext4_sync_file_exit, ext4_sync_file_exit, struct inode *inode)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__ext4_sync_file_exit))
		return 0;
	if (kt_filter.kinds)
		kt_untrack(&r, task, KT_OBJECT_SYNC);
	kt_run_filtered(&r);
	return 0;
}

/* ------------------------------------------------------------------ the log of xfs */

KT_PROG(page, xlog_iclog_syncing, xlog_iclog_syncing, struct xlog_in_core *iclog)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_log l = {};
	u64 key = (u64)iclog;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__xlog_iclog_syncing))
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
	bpf_map_update_elem(&kt_logs, &key, &l, BPF_ANY);
out:
	kt_run_filtered(&r);
	return 0;
}

KT_PROG(page, xlog_iclog_sync_done, xlog_iclog_sync_done, struct xlog_in_core *iclog)
{
	struct kt_page_log *e;
	struct kt_log *l;
	struct kt_run r;
	u64 key = (u64)iclog;

	/* 6.12 takes what a module's tracepoint passes for a pointer that may be NULL: here, and below. */
	if (!iclog || !kt_run_begin(&r, KT_HOOK_page__xlog_iclog_sync_done))
		return 0;
	l = kt_log_find(key);
	if (!l || !l->n_bios || (kt_filter.kinds && !l->tracked)) {
		kt_run_filtered(&r);
		goto out;
	}
	e = KT_RESERVE(&r, page_log);
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
	struct kt_run r;
	u32 state;

	if (!iclog || !kt_run_begin(&r, KT_HOOK_page__xlog_iclog_wait_on))
		return 0;
	state = BPF_CORE_READ(iclog, ic_state);
	/* It is on disk: the kernel does not wait. */
	if (state == kt_enum_XLOG_STATE_ACTIVE || state == kt_enum_XLOG_STATE_DIRTY ||
	    !kt_at_work(kt_task_find(task))) {
		kt_run_filtered(&r);
		return 0;
	}
	e = KT_RESERVE(&r, page_log_wait);
	if (!e)
		return 0;
	e->tid = task->pid;
	e->io = (u64)iclog;
	e->tgid = task->tgid;
	e->writing = state != kt_enum_XLOG_STATE_WANT_SYNC;
	KT_SUBMIT(e);
	return 0;
}

/* ------------------------------------------------------------------ who makes room */

/* What call_inode is then: no address. */
#define BY_TASK 1ull
#define BY_KSWAPD 2ull

/* What a task does in a page fault is the fault's. */
static __always_inline int task_reclaim_begin(u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t;
	bool sure = true;
	struct kt_run r;

	if (!kt_run_begin(&r, hook))
		return 0;
	t = kt_task_find(task);
	if (!t || (task->flags & KT_PF_KTHREAD) || !kt_in_user_fault(task, t, &sure))
		open_call(BY_TASK, KT_IO_SWAP, KT_IO_OP_SWAPOUT);
	kt_run_filtered(&r);
	return 0;
}

static __always_inline int reclaim_end(struct kt_run *r, u64 key)
{
	struct kt_io_call *e = close_call(r, key, KT_IO_SWAP);

	if (!e)
		return 0;
	e->result = e->size;
	KT_SUBMIT(e);
	return 0;
}

/* A fault has no end that could be seen: this is the last that is known of one that only had to make room. */
static __always_inline int fault_room(struct kt_run *r, struct task_struct *task, struct kt_task *t)
{
	struct kt_io_call *e;

	t->fault_made_room = 0;
	kt_call_open(t, KT_IO_FAULT, KT_IO_OP_SWAPOUT);
	t->call_ns = t->fault_ns;
	e = kt_call_close(r, t, task);
	if (e)
		KT_SUBMIT(e);
	return 0;
}

static __always_inline int task_reclaim_end(u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_task *t;
	struct kt_run r;

	if (!kt_run_begin(&r, hook))
		return 0;
	t = kt_task_find(task);
	if (t && t->fault_made_room && !t->call_ns)
		return fault_room(&r, task, t);
	return reclaim_end(&r, BY_TASK);
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
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__mm_vmscan_kswapd_wake))
		return 0;
	reclaim_end(&r, BY_KSWAPD);
	open_call(BY_KSWAPD, KT_IO_SWAP, KT_IO_OP_SWAPOUT);
	return 0;
}

KT_PROG(page, mm_vmscan_lru_shrink_inactive, mm_vmscan_lru_shrink_inactive, int node)
{
	struct kt_task *t;
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__mm_vmscan_lru_shrink_inactive))
		return 0;
	t = kt_task_find(bpf_get_current_task_btf());
	if (!t || !t->call_ns || t->call_kind != KT_IO_SWAP || t->call_inode != BY_KSWAPD) {
		kt_run_filtered(&r);
		return 0;
	}
	reclaim_end(&r, BY_KSWAPD);
	open_call(BY_KSWAPD, KT_IO_SWAP, KT_IO_OP_SWAPOUT);
	return 0;
}

KT_PROG(page, mm_vmscan_kswapd_sleep, mm_vmscan_kswapd_sleep, int node)
{
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_page__mm_vmscan_kswapd_sleep))
		return 0;
	return reclaim_end(&r, BY_KSWAPD);
}
