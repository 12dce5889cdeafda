// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* page: who makes pages dirty besides write calls. */
#include "bpf/filter/files.h"
#include "bpf/filter/operations.h"
#include "bpf/io/pages.h"

#define DIRTY_RUN_NS 100000000ull
#define DIRTY_RUNS 4 /* that one CPU gathers at a time; a power of two */

KT_KERNEL_ENUM(PG_head, 16);

/* A run of pages that one task made dirty one after the other. */
struct dirty_run {
	u64 inode;	      /* address; 0 = none */
	u64 ino, first, next; /* pages: [first, next) */
	u64 first_ns, last_ns;
	u64 cgroup;
	u32 tid, tgid, ino_dev, pad;
};

struct dirty_runs {
	struct dirty_run run[DIRTY_RUNS];
};

/* Of this CPU. The hook runs with interrupts off (it is under the mapping's xa_lock): nothing comes in between. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct dirty_runs);
} kt_dirty SEC(".maps");

static __always_inline void dirty_run_end(struct kt_hit *hit, struct dirty_run *d)
{
	struct kt_page_dirty *e = KT_RESERVE_MORE(hit, page_dirty);

	if (e) {
		e->tid = d->tid;
		e->tgid = d->tgid;
		e->ino = d->ino;
		e->ino_dev = d->ino_dev;
		e->offset = d->first * KT_PAGE_BYTES;
		e->size = (d->next - d->first) * KT_PAGE_BYTES;
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
		if (t->call_op == KT_IO_OP_WRITE && !(t->call_flags & KT_IO_FLAG_DIRECT) &&
		    (t->call_inode == (u64)inode || (t->call_dev && t->call_dev == inode->i_rdev)))
			return true;
		if (t->call_op == KT_IO_OP_IO_SUBMIT || t->call_op == KT_IO_OP_IO_URING_ENTER)
			return true;
	}
	return task->flags & KT_PF_IO_WORKER;
}

/* Not by a write call: a write through a mapping, or a file system's own. What it was written to is written back. */
static __always_inline bool is_wanted(struct kt_hit *hit, struct task_struct *task,
				      struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	u32 has = kt_filter_current(), dev;
	u64 ino = inode->i_ino, address;

	if (kt_cannot_match_task(has))
		return false;
	address = kt_as_number(inode, &hit->stat->hook[hit->hook].scratch);
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
	struct dirty_runs *runs;
	struct kt_hit hit;
	struct dirty_run *d;
	u32 zero = 0;

	if (!kt_hit_begin(&hit, KT_HOOK_page__writeback_dirty_folio))
		return 0;
	task = bpf_get_current_task_btf();
	inode = mapping ? mapping->host : NULL;
	/* Most runs end here: one look into the task's storage is all that a buffered write pays. */
	if (!inode || is_told(kt_task_find(task), task, inode))
		goto out;
	if (kt_filter.kinds && !is_wanted(&hit, task, inode))
		goto out;
	runs = bpf_map_lookup_elem(&kt_dirty, &zero);
	if (!runs)
		goto out;
	/* A file and the metadata that a fault in it needs come by turns: do not let one end the other's run. */
	d = &runs->run[inode->i_ino & (DIRTY_RUNS - 1)];
	first = folio->index;
	pages = folio_pages(folio);
	now = bpf_ktime_get_ns();
	if (d->inode == (u64)inode && d->tid == (u32)task->pid && d->next == first &&
	    now - d->first_ns < DIRTY_RUN_NS) {
		d->next += pages;
		d->last_ns = now;
		goto out;
	}
	if (d->inode)
		dirty_run_end(&hit, d);
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
	kt_hit_filtered(&hit);
	return 0;
}

KT_FLUSH(page)
{
	struct dirty_runs *runs;
	struct kt_hit hit;
	u32 zero = 0;

	if (!kt_flush_begin(&hit))
		return 0;
	runs = bpf_map_lookup_elem(&kt_dirty, &zero);
	for (int i = 0; runs && i < DIRTY_RUNS; i++)
		if (runs->run[i].inode)
			dirty_run_end(&hit, &runs->run[i]);
	return 0;
}
