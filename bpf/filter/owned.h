/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Filters where family io knows the operation of a bio. The operation is judged once, when it begins, by its task, its file and what
 * it does (operations.h, files.h). Its bios are wanted because it is; or it becomes wanted because one of its bios is, since the disk below
 * a file is certain only then. Writeback is judged by the file: a wanted operation has written to it. A journal's commit is wanted if
 * a wanted operation asked for it or waits for it.
 */
#ifndef KT_BPF_FILTER_OWNED_H
#define KT_BPF_FILTER_OWNED_H

#include "bpf/filter/files.h"
#include "bpf/filter/iocbs.h"
#include "bpf/filter/operations.h"
#include "bpf/io/call.h"

/* Scratch memory for a bio's event while its owner is looked for: nothing is reserved in the ring before that. */
struct kt_filter_scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_bio_queue);
};

/* Defined in core.bpf.c. */
extern struct kt_filter_scratch_map kt_filter_scratch SEC(".maps");

/* kt_filter_current() of another task of which only the address is known. Rare, so out of line. */
__noinline __attribute__((weak)) int kt_filter_waiter(u64 address)
{
	struct task_struct *t = (void *)address, *leader = BPF_CORE_READ(t, group_leader);
	struct cgroup *cgrp = BPF_CORE_READ(t, cgroups, dfl_cgrp);
	u32 tid = BPF_CORE_READ(t, pid), has = 0;
	u64 comm[2] = {0, 0}, name[2] = {0, 0};

	if (!address)
		return 0;
	if ((kt_filter.kinds & KT_FILTER_PID) && kt_pid_matches(BPF_CORE_READ(t, tgid)))
		has |= KT_FILTER_PID;
	BPF_CORE_READ_INTO(&comm, t, comm);
	BPF_CORE_READ_INTO(&name, leader, comm);
	for (u32 i = 0; i < KT_FILTER_MAX; i++) {
		if (i < kt_filter.n_tids && tid == kt_filter.tids[i])
			has |= KT_FILTER_TID;
		if (i < kt_filter.n_comms &&
		    ((comm[0] == kt_filter.comms[i][0] && comm[1] == kt_filter.comms[i][1]) ||
		     (name[0] == kt_filter.comms[i][0] && name[1] == kt_filter.comms[i][1])))
			has |= KT_FILTER_COMM;
	}
	for (u32 depth = 0; depth < KT_CGROUP_DEPTH && cgrp && kt_filter.n_cgroups; depth++) {
		u64 id = BPF_CORE_READ(cgrp, kn, id);

		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_cgroups; i++)
			if (id == kt_filter.cgroups[i])
				has |= KT_FILTER_CGROUP;
		cgrp = BPF_CORE_READ(cgrp, self.parent, cgroup);
	}
	return has;
}

/* No operation that is recorded is behind it. */
static __always_inline void kt_unlink(struct kt_bio_queue *e)
{
	e->io = 0;
	e->io_age_ns = 0;
	e->io_tid = 0;
	e->io_kind = KT_IO_KIND_NONE;
	e->io_flags = 0;
}

/* Kinds by the page cache that it carries. */
static __always_inline u32 kt_filter_pages(const struct kt_bio_queue *e, u64 inode, bool write)
{
	u32 has = 0;

	if (!e->ino || !inode)
		return 0;
	if ((kt_filter.kinds & KT_FILTER_FILE) && kt_file_is(e->ino, e->ino_dev, inode))
		has |= KT_FILTER_FILE;
	if (write && kt_inode_is_written(e->ino, e->ino_dev, inode))
		has |= KT_FILTER_OF_TASK | KT_FILTER_OF_FILE | KT_FILTER_OP;
	return has;
}

/*
 * Most bios that do not match are recognised by task and disk alone, before their owner is looked for. Not so where a task queues
 * bios of another, or bios that belong to none of its own calls.
 */
static __always_inline bool kt_cannot_match_bio(struct bio *bio, struct task_struct *t)
{
	bool no_task = kt_cannot_match_task(kt_filter_current()), no_disk = false;
	struct kt_task *k;

	if (kt_filter.kinds & KT_FILTER_DISK)
		no_disk = !kt_bdev_matches(bio->bi_bdev);
	if (!no_task && !no_disk)
		return false;
	if ((t->flags & (KT_PF_KTHREAD | KT_PF_WQ_WORKER | KT_PF_IO_WORKER)) || kt_in_interrupt())
		return false;
	/* On a disk that does not match there may be what an operation that matches has there. */
	if (no_disk && !no_task) {
		k = kt_task_find(t);
		return !k || !(k->tracked || k->uring_req);
	}
	/* The kernel charges it to a cgroup; it is another's page cache. */
	if ((kt_filter.kinds & KT_FILTER_CGROUP) && kt_filter.io_on_v2 && kt_blkg_matches(bio))
		return false;
	return !(bio->bi_opf & 1) || !kt_filter_wrote;
}

/* The kinds that the bio satisfies besides those of its owner, has. */
static __always_inline u32 kt_filter_owned(struct bio *bio, u64 inode, bool write,
					   const struct kt_bio_queue *e, u32 has)
{
	/* In an interrupt the task is a bystander. */
	if (!kt_in_interrupt())
		has |= kt_filter_current();
	has |= kt_filter_pages(e, inode, write) | kt_filter_bio(bio);
	if ((kt_filter.kinds & KT_FILTER_DIR) && inode && !(has & KT_FILTER_DIR) &&
	    kt_inode_below_dir(inode))
		has |= KT_FILTER_DIR;
	return has;
}

/* It is not wanted: its operation has a bio less. */
static __always_inline void kt_disown(struct kt_task *k, struct kt_log *l,
				      const struct kt_bio_queue *e)
{
	if (k && k->call_bios) {
		k->call_bios--;
		if (k->call_kind == KT_IO_KIND_SWAP)
			k->call_size -= e->bytes;
	}
	if (l && l->n_bios)
		l->n_bios--;
}

/*
 * Is this bio wanted, whose owner is in e? As kt_wants_new_bio(): it has counted the run if not. What is not wanted of the owner
 * is taken out of e.
 */
static __always_inline bool kt_wants_owned(struct kt_hit *hit, struct bio *bio,
					   struct task_struct *t, u64 inode, u64 waiter,
					   struct kt_bio_queue *e)
{
	bool write = e->opf & 1; /* as the kernel's op_is_write() */
	bool linked = false, wanted = false;
	struct kt_task *k = NULL;
	struct kt_log *l = NULL;
	u32 has = 0;

	switch (e->io_kind) {
	case KT_IO_KIND_URING:
		linked = wanted = kt_is_tracked(hit, (void *)e->io, KT_OBJECT_URING);
		break;
	case KT_IO_KIND_LOOP:
		linked = wanted = kt_is_tracked(hit, (void *)e->io, KT_OBJECT_REQUEST);
		break;
	case KT_IO_KIND_AIO:
		has = kt_filter_op(write ? KT_IO_OP_WRITE : KT_IO_OP_READ);
		linked = true;
		if (!e->io_tid)
			wanted = kt_iocb_is_wanted(e->io, kt_iocb_file(e->dev, e->ino, e->ino_dev),
						   e->offset);
		break;
	case KT_IO_KIND_FAULT:
		has = kt_filter_op(!kt_opf_is_swap(e->opf) ? KT_IO_OP_FAULT
				   : write		   ? KT_IO_OP_SWAPOUT
							   : KT_IO_OP_SWAPIN);
		linked = true;
		break;
	case KT_IO_KIND_AFTER:
		has = kt_filter_op(e->io);
		linked = true;
		break;
	case KT_IO_KIND_SYSCALL:
	case KT_IO_KIND_WRITEBACK:
	case KT_IO_KIND_JOURNAL:
	case KT_IO_KIND_SWAP:
		linked = true;
		if (e->io_kind == KT_IO_KIND_JOURNAL && e->io) {
			l = kt_log_find(e->io);
			if (l) {
				wanted = l->tracked;
				has = l->has;
			}
			break;
		}
		if (e->io_tid != (u32)t->pid) {
			/* The block layer held it back: a kernel thread queues it. */
			has = kt_filter_waiter(waiter);
			break;
		}
		k = kt_task_find(t);
		if (k) {
			wanted = k->tracked;
			has = k->call_has;
			/* Who waits may have come after it began. */
			if (!wanted && e->io_kind == KT_IO_KIND_JOURNAL)
				wanted = kt_journal_is_waited(k->call_inode, false);
		}
		break;
	}
	if (!wanted) {
		has = kt_filter_owned(bio, inode, write, e, has);
		wanted = kt_filter_all(has);
	}
	if (wanted) {
		if (!kt_track(hit, bio, KT_OBJECT_BIO))
			return false;
		if (!linked)
			kt_unlink(e);
		else if (k && !k->tracked)
			k->tracked = k->call_late = 1;
		else if (l)
			l->tracked = 1;
		return true;
	}
	kt_disown(k, l, e);
	kt_skip_bio(hit, bio);
	return false;
}

#endif
