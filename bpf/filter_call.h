/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Filters where family io knows the operation: judged by its task, its file and what it does, once, when it begins. Its bios are wanted
 * because it is; and it is because one of its bios turns out to be (the disk below a file is known for certain only then).
 * What the kernel writes back later is judged by its file: one that a wanted operation has written to. A journal's commit is wanted if
 * a wanted operation asked for it or waits for it.
 */
#ifndef KT_BPF_FILTER_CALL_H
#define KT_BPF_FILTER_CALL_H

#include "bpf/call.h"
#include "bpf/file.h"
#include "bpf/filter.h"
#include "bpf/uring.h"

#define KT_JOURNAL_WAITERS 64 /* tasks waiting for one commit that are looked at */
#define KT_DIR_DEPTH 64	      /* directories and mounts above a file that are looked at */
#define KT_FILTER_OF_FILE (KT_FILTER_FILE | KT_FILTER_DIR)
#define KT_FILTER_ANY_DISK (1 << 8) /* only its bios tell on which disk it is; no kind of filter */

/* Files that were written to by what matches. Of very many the one that waits longest makes room. */
struct kt_filter_inodes_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct kt_filter_file);
	__type(value, u8);
};

/* Room to find out whose a bio is before anything is reserved. */
struct kt_filter_scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_bio_queue);
};

/* Defined in core.bpf.c. */
extern struct kt_filter_inodes_map kt_filter_inodes SEC(".maps");
extern struct kt_filter_scratch_map kt_filter_scratch SEC(".maps");
extern volatile __u32 kt_filter_wrote; /* there is a file in kt_filter_inodes */

/* ------------------------------------------------------------------ files */

static __always_inline u32 kt_inode_generation(u64 address)
{
	struct inode *inode = KT_AT(inode, address);

	return KT_GET(inode, i_generation);
}

static __always_inline bool kt_file_is(u64 ino, u32 dev, u64 inode)
{
	for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_files; i++)
		if (ino == kt_filter.files[i].ino && dev == kt_filter.files[i].dev &&
		    (!kt_filter.files[i].generation ||
		     kt_filter.files[i].generation == kt_inode_generation(inode)))
			return true;
	return false;
}

/* Is what is at that path below a directory that was asked for? Over the borders of mounts, too. Verified once. */
__noinline __attribute__((weak)) int kt_below_dir(u64 dentry, u64 vfsmount)
{
	struct dentry *d = KT_AT(dentry, dentry), *parent;
	struct mount *m = NULL, *up;
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);

	if (!head)
		return 0;
	if (vfsmount)
		m = KT_AT(mount, vfsmount - bpf_core_field_offset(struct mount, mnt));
	for (int depth = 0; depth < KT_DIR_DEPTH; depth++) {
		struct inode *inode = KT_GET(d, d_inode);
		struct super_block *sb = KT_GET(inode, i_sb);
		u64 ino = KT_GET(inode, i_ino);
		u32 dev =
			kt_inode_dev(kt_as_number(inode, &head->scratch), sb, KT_GET(sb, s_magic));

		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_dirs; i++)
			if (ino == kt_filter.dirs[i].ino && dev == kt_filter.dirs[i].dev)
				return 1;
		parent = KT_GET(d, d_parent);
		if (m && d == KT_GET(m, mnt.mnt_root)) {
			up = KT_GET(m, mnt_parent);
			parent = KT_GET(m, mnt_mountpoint);
			if (up == m)
				break;
			m = up;
		} else if (parent == d) {
			break;
		}
		d = parent;
		if (!d)
			break;
	}
	return 0;
}

/* The same where only the inode is known: by a name that it has, within its file system. */
static __always_inline bool kt_inode_below_dir(u64 inode)
{
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);
	u64 alias;

	if (!head)
		return false;
	alias = kt_as_number(KT_GET(KT_AT(inode, inode), i_dentry.first), &head->scratch);
	return alias && kt_below_dir(alias - bpf_core_field_offset(struct dentry, d_u.d_alias), 0);
}

/* Of an open file, as far as its inode tells: the disk below a file system, or the one it is. btrfs does not tell. */
static __always_inline u32 kt_file_on_disk(const struct kt_file *f)
{
	struct file *file = KT_AT(file, f->file);
	struct inode *inode = KT_AT(inode, f->inode);
	struct block_device *bdev;
	struct super_block *sb;
	struct gendisk *disk;

	if (f->dev) {
		struct address_space *mapping = KT_GET(file, f_mapping);
		u32 zero = 0;
		struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);
		u64 host;

		if (kt_dev_matches(f->dev))
			return KT_FILTER_DISK;
		if (!head)
			return 0;
		host = kt_as_number(KT_GET(mapping, host), &head->scratch);
		bdev = KT_AT(block_device,
			     host - bpf_core_field_offset(struct bdev_inode, vfs_inode) +
				     bpf_core_field_offset(struct bdev_inode, bdev));
	} else {
		sb = KT_GET(inode, i_sb);
		bdev = KT_GET(sb, s_bdev);
		if (!bdev)
			return KT_FILTER_ANY_DISK;
		if (kt_dev_matches(KT_GET(bdev, bd_dev)))
			return KT_FILTER_DISK;
	}
	disk = KT_GET(bdev, bd_disk);
	if (disk && kt_dev_matches(KT_MKDEV(KT_GET(disk, major), KT_GET(disk, first_minor))))
		return KT_FILTER_DISK;
	return 0;
}

/* Of an open file. The way up is long, and most calls are on the file of the task's last call. */
static __always_inline bool kt_file_below_dir(const struct kt_file *f)
{
	struct kt_task *k = kt_task_get(bpf_get_current_task_btf());
	struct file *file = KT_AT(file, f->file);
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);
	bool below;

	if (!head)
		return false;
	if (k && k->dir_dentry == head->dentry && k->dir_generation == head->generation &&
	    k->dir_changes == kt_name_changes)
		return k->dir_below;
	below = kt_below_dir(head->dentry, kt_as_number(KT_GET(file, f_path.mnt), &head->scratch));
	if (k) {
		k->dir_dentry = head->dentry;
		k->dir_generation = head->generation;
		k->dir_changes = kt_name_changes;
		k->dir_below = below;
	}
	return below;
}

/* The kinds that an operation on that file satisfies by it; inode 0: it is on none. */
static __always_inline u32 kt_filter_file(const struct kt_file *f)
{
	u32 has = 0;

	if (!f->inode)
		return KT_FILTER_ANY_DISK;
	if ((kt_filter.kinds & KT_FILTER_FILE) && kt_file_is(f->ino, f->ino_dev, f->inode))
		has |= KT_FILTER_FILE;
	if ((kt_filter.kinds & KT_FILTER_DIR) && kt_file_below_dir(f))
		has |= KT_FILTER_DIR;
	if (kt_filter.kinds & KT_FILTER_DISK)
		has |= kt_file_on_disk(f);
	return has;
}

static __always_inline u32 kt_filter_op(u16 op)
{
	return kt_filter.io_ops >> (op & 63) & 1 ? KT_FILTER_OP : 0;
}

/* Can nothing that this task does match? */
static __always_inline bool kt_task_is_out(u32 has)
{
	return (kt_filter.kinds & KT_FILTER_OF_TASK & ~has);
}

/* ------------------------------------------------------------------ written files */

static __always_inline bool kt_inode_is_written(u64 ino, u32 dev, u64 inode)
{
	struct kt_filter_file key = {
		.ino = ino, .dev = dev, .generation = kt_inode_generation(inode)};

	return ino && bpf_map_lookup_elem(&kt_filter_inodes, &key);
}

static __always_inline void kt_inode_written(u64 ino, u32 dev, u64 inode)
{
	struct kt_filter_file key = {
		.ino = ino, .dev = dev, .generation = kt_inode_generation(inode)};
	u8 yes = 1;

	if (!ino || bpf_map_lookup_elem(&kt_filter_inodes, &key))
		return;
	kt_filter_wrote = 1;
	bpf_map_update_elem(&kt_filter_inodes, &key, &yes, BPF_ANY);
}

/* What satisfies these kinds writes to a file, through the page cache. On which disk that is the bios tell. */
static __always_inline void kt_filter_written(u32 has, u16 op, u8 flags, const struct kt_file *f)
{
	if (kt_filter_all(has | KT_FILTER_DISK) && f->inode && !f->dev && !(flags & KT_IO_DIRECT) &&
	    (op == KT_IO_OP_WRITE || op == KT_IO_OP_SPLICE || op == KT_IO_OP_COPY_FILE_RANGE ||
	     op == KT_IO_OP_FALLOCATE || op == KT_IO_OP_SENDFILE))
		kt_inode_written(f->ino, f->ino_dev, f->inode);
}

/* ------------------------------------------------------------------ operations */

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

/* Does a wanted operation wait for the commit of that journal, with filters? Only once it sleeps: see kt_task.asked. */
__noinline __attribute__((weak)) int kt_journal_is_waited(u64 address)
{
	struct journal_s *journal = (void *)address;
	u64 head, node;

	if (!address || !bpf_core_field_exists(journal->j_wait_done_commit))
		return 0;
	head = address + bpf_core_field_offset(journal->j_wait_done_commit.head);
	node = (u64)BPF_CORE_READ(journal, j_wait_done_commit.head.next);
	for (int i = 0; i < KT_JOURNAL_WAITERS && node && node != head; i++) {
		struct wait_queue_entry *w =
			(void *)(node - bpf_core_field_offset(struct wait_queue_entry, entry));

		if (kt_is_tracked_at((u64)BPF_CORE_READ(w, private), KT_OBJECT_SYNC))
			return 1;
		node = (u64)BPF_CORE_READ(w, entry.next);
	}
	return 0;
}

/* ------------------------------------------------------------------ bios and their operations */

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
	e->io_kind = KT_IO_NONE;
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
 * Most bios of others are told from their task and disk alone: before it is known whose they are. Not so where one task queues
 * another's, or what belongs to no call of its own.
 */
static __always_inline bool kt_is_out(struct bio *bio, struct task_struct *t)
{
	bool task_out = kt_task_is_out(kt_filter_current()), disk_out = false;
	struct kt_task *k;

	if (kt_filter.kinds & KT_FILTER_DISK)
		disk_out = !kt_bdev_matches(bio->bi_bdev);
	if (!task_out && !disk_out)
		return false;
	if ((t->flags & (KT_PF_KTHREAD | KT_PF_WQ_WORKER | KT_PF_IO_WORKER)) || kt_in_interrupt())
		return false;
	/* On a disk that does not match there may be what an operation that matches has there. */
	if (disk_out && !task_out) {
		k = kt_task_find(t);
		return !k || !(k->tracked || k->uring_req);
	}
	/* The kernel charges it to a cgroup; it is another's page cache. */
	if ((kt_filter.kinds & KT_FILTER_CGROUP) && kt_filter.io_on_v2 && kt_blkg_matches(bio))
		return false;
	return !(bio->bi_opf & 1) || !kt_filter_wrote;
}

/*
 * Is this bio wanted, whose owner is in e? As kt_wants_new_bio(): it has counted the run if not. What is not wanted of the owner
 * is taken out of e.
 */
static __always_inline bool kt_wants_owned(struct kt_run *r, struct bio *bio, struct task_struct *t,
					   u64 inode, u64 waiter, struct kt_bio_queue *e)
{
	bool write = e->opf & 1; /* as the kernel's op_is_write() */
	bool linked = false, wanted = false;
	struct kt_task *k = NULL;
	struct kt_log *l = NULL;
	u32 has = 0;

	switch (e->io_kind) {
	case KT_IO_URING:
		linked = wanted = kt_is_tracked(r, (void *)e->io, KT_OBJECT_URING);
		break;
	case KT_IO_LOOP:
		linked = wanted = kt_is_tracked(r, (void *)e->io, KT_OBJECT_REQUEST);
		break;
	case KT_IO_AIO:
		has = kt_filter_op(write ? KT_IO_OP_WRITE : KT_IO_OP_READ);
		linked = true;
		break;
	case KT_IO_FAULT:
		has = kt_filter_op(!kt_opf_is_swap(e->opf) ? KT_IO_OP_FAULT
				   : write		   ? KT_IO_OP_SWAPOUT
							   : KT_IO_OP_SWAPIN);
		linked = true;
		break;
	case KT_IO_AFTER:
		has = kt_filter_op(e->io);
		linked = true;
		break;
	case KT_IO_SYSCALL:
	case KT_IO_WRITEBACK:
	case KT_IO_JOURNAL:
	case KT_IO_SWAP:
		linked = true;
		if (e->io_kind == KT_IO_JOURNAL && e->io) {
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
			if (!wanted && e->io_kind == KT_IO_JOURNAL)
				wanted = kt_journal_is_waited(k->call_inode);
		}
		break;
	}
	if (!wanted) {
		/* In an interrupt the task is a bystander. */
		if (!kt_in_interrupt())
			has |= kt_filter_current();
		has |= kt_filter_pages(e, inode, write) | kt_filter_bio(bio);
		if ((kt_filter.kinds & KT_FILTER_DIR) && inode && !(has & KT_FILTER_DIR) &&
		    kt_inode_below_dir(inode))
			has |= KT_FILTER_DIR;
		wanted = kt_filter_all(has);
	}
	if (wanted) {
		if (!kt_track(r, bio, KT_OBJECT_BIO))
			return false;
		if (!linked)
			kt_unlink(e);
		else if (k)
			k->tracked = 1;
		else if (l)
			l->tracked = 1;
		return true;
	}
	if (k && k->call_bios) {
		k->call_bios--;
		if (k->call_kind == KT_IO_SWAP)
			k->call_size -= e->bytes;
	}
	if (l && l->n_bios)
		l->n_bios--;
	kt_leave_out(r, bio);
	return false;
}

#endif
