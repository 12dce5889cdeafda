// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* page: writeback of a file, and commits of a journal. */
#include "bpf/io/file_name.h"
#include "bpf/io/pages.h"
#include "bpf/page/operation.h"

KT_PROG(page, writeback_single_inode_start, writeback_single_inode_start, struct inode *inode)
{
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__writeback_single_inode_start))
		return 0;
	open_call((u64)inode, KT_IO_KIND_WRITEBACK, KT_IO_OP_WRITEBACK);
	kt_hit_filtered(&hit);
	return 0;
}

/* What the current task writes back, if it queued bios that are wanted: no call may have told its name. */
static __always_inline void name_written(u64 inode)
{
	struct kt_task *t = kt_task_find(bpf_get_current_task_btf());

	if (t && t->call_ns && t->call_bios && t->call_kind == KT_IO_KIND_WRITEBACK &&
	    t->call_inode == inode && (!kt_filter.kinds || t->tracked))
		kt_name_check(0, inode, t->call_ns);
}

/* to_write: the pages that it was told to write at most; wbc has what is left of them. */
KT_PROG(page, writeback_single_inode, writeback_single_inode, struct inode *inode,
	struct writeback_control *wbc, unsigned long to_write)
{
	struct super_block *sb;
	struct kt_io_call *e;
	struct kt_hit hit;
	u64 address;
	s64 pages;

	if (!kt_hit_begin(&hit, KT_HOOK_page__writeback_single_inode))
		return 0;
	address = kt_as_number(inode, &hit.stat->hook[hit.hook].scratch);
	sb = inode->i_sb;
	if (sb->s_magic != KT_BDEVFS_MAGIC)
		name_written(address);
	e = close_call(&hit, (u64)inode, KT_IO_KIND_WRITEBACK);
	if (!e)
		return 0;
	if (sb->s_magic == KT_BDEVFS_MAGIC) {
		e->dev = inode->i_rdev;
	} else {
		e->ino = inode->i_ino;
		e->ino_dev = kt_inode_dev(address, sb, sb->s_magic);
	}
	pages = (s64)to_write - BPF_CORE_READ(wbc, nr_to_write);
	e->size = pages > 0 ? pages * KT_PAGE_BYTES : 0;
	e->result = e->size;
	KT_SUBMIT(e);
	return 0;
}

/* Was it a wanted operation that asked for the commit that begins, or does one wait for it already? */
static __always_inline void judge_commit(u64 journal)
{
	struct kt_task *t = kt_task_find(bpf_get_current_task_btf());

	/* Read back: the verifier takes the argument for no number. */
	if (t && t->call_kind == KT_IO_KIND_JOURNAL && t->call_inode == journal &&
	    (t->asked || kt_journal_is_waited(*(volatile u64 *)&t->call_inode, false)))
		t->tracked = 1;
}

/*
 * A commit is over. What woke the thread in the middle of it asked for nothing. But who waits for the next one has asked for that: it
 * is about to be woken, and the next may have queued all of its bios before it runs and waits again.
 */
static __always_inline void judge_next_commit(u64 journal)
{
	struct kt_task *t = kt_task_find(bpf_get_current_task_btf());

	if (t)
		t->asked = t->call_kind == KT_IO_KIND_JOURNAL && t->call_inode == journal &&
			   kt_journal_is_waited(*(volatile u64 *)&t->call_inode, true);
}

KT_PROG(page, jbd2_start_commit, jbd2_start_commit, struct journal_s *journal)
{
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__jbd2_start_commit))
		return 0;
	open_call((u64)journal, KT_IO_KIND_JOURNAL, KT_IO_OP_COMMIT);
	if (kt_filter.kinds)
		judge_commit((u64)journal);
	kt_hit_filtered(&hit);
	return 0;
}

KT_PROG(page, jbd2_end_commit, jbd2_end_commit, struct journal_s *journal)
{
	struct kt_io_call *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__jbd2_end_commit))
		return 0;
	if (kt_filter.kinds)
		judge_next_commit((u64)journal);
	e = close_call(&hit, (u64)journal, KT_IO_KIND_JOURNAL);
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
	struct kt_hit hit;

	if (!info || !kt_hit_begin(&hit, KT_HOOK_page__btrfs_transaction_commit))
		return 0;
	e = close_call(&hit, 0, KT_IO_KIND_JOURNAL);
	if (!e)
		return 0;
	e->ino_dev = BPF_CORE_READ(info, sb, s_dev);
	KT_SUBMIT(e);
	return 0;
}

/* For filters only: from here on it may wait for a commit. */
KT_PROG(page, ext4_sync_file_enter, ext4_sync_file_enter, struct file *file, int datasync)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_hit hit;
	u64 inode;

	if (!kt_hit_begin(&hit, KT_HOOK_page__ext4_sync_file_enter))
		return 0;
	inode = kt_as_number(file->f_inode, &hit.stat->hook[hit.hook].scratch);
	if (kt_filter.kinds && kt_works_for_wanted(task))
		kt_try_track_with(&hit, task, KT_OBJECT_SYNC, inode + !!datasync);
	kt_hit_filtered(&hit);
	return 0;
}

KT_PROG(page, ext4_sync_file_exit, ext4_sync_file_exit, struct inode *inode)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_page__ext4_sync_file_exit))
		return 0;
	if (kt_filter.kinds)
		kt_untrack(&hit, task, KT_OBJECT_SYNC);
	kt_hit_filtered(&hit);
	return 0;
}
