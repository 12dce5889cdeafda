/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Filters by file: which one it is, below which directory, on which disk; and files that a wanted operation has written to. */
#ifndef KT_BPF_FILTER_FILES_H
#define KT_BPF_FILTER_FILES_H

#include "bpf/filter/bios.h"
#include "bpf/io/file.h"

#define KT_DIR_DEPTH 64 /* directories and mounts above a file that are looked at */

/*
 * Files that wanted operations have written to. When the map is full, the one used least recently makes room: it has been written
 * back by then, or its writeback is not recorded.
 */
struct kt_filter_inodes_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct kt_filter_file);
	__type(value, u8);
};

/* Defined in core.bpf.c. */
extern struct kt_filter_inodes_map kt_filter_inodes SEC(".maps");
extern volatile __u32 kt_filter_wrote;	    /* files that came into kt_filter_inodes so far */
extern const volatile __u32 kt_filter_room; /* for so many */

static __always_inline u32 kt_inode_generation(u64 address)
{
	struct inode *inode = KT_PTR(inode, address);

	return KT_LOAD(inode, i_generation);
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
	struct dentry *d = KT_PTR(dentry, dentry), *parent;
	struct mount *m = NULL, *up;
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);

	if (!head)
		return 0;
	if (vfsmount)
		m = KT_PTR(mount, vfsmount - bpf_core_field_offset(struct mount, mnt));
	for (int depth = 0; depth < KT_DIR_DEPTH; depth++) {
		struct inode *inode = KT_LOAD(d, d_inode);
		struct super_block *sb = KT_LOAD(inode, i_sb);
		u64 ino = KT_LOAD(inode, i_ino);
		u32 dev =
			kt_inode_dev(kt_as_number(inode, &head->scratch), sb, KT_LOAD(sb, s_magic));

		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_dirs; i++)
			if (ino == kt_filter.dirs[i].ino && dev == kt_filter.dirs[i].dev)
				return 1;
		parent = KT_LOAD(d, d_parent);
		if (m && d == KT_LOAD(m, mnt.mnt_root)) {
			up = KT_LOAD(m, mnt_parent);
			parent = KT_LOAD(m, mnt_mountpoint);
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
	alias = kt_as_number(KT_LOAD(KT_PTR(inode, inode), i_dentry.first), &head->scratch);
	return alias && kt_below_dir(alias - bpf_core_field_offset(struct dentry, d_u.d_alias), 0);
}

/* Of an open file, as far as its inode tells: the disk below a file system, or the one it is. btrfs does not tell. */
static __always_inline u32 kt_file_on_disk(const struct kt_file *f)
{
	struct file *file = KT_PTR(file, f->file);
	struct inode *inode = KT_PTR(inode, f->inode);
	struct block_device *bdev;
	struct super_block *sb;
	struct gendisk *disk;

	if (f->dev) {
		struct address_space *mapping = KT_LOAD(file, f_mapping);
		u32 zero = 0;
		struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);
		u64 host;

		if (kt_dev_matches(f->dev))
			return KT_FILTER_DISK;
		if (!head)
			return 0;
		host = kt_as_number(KT_LOAD(mapping, host), &head->scratch);
		bdev = KT_PTR(block_device,
			      host - bpf_core_field_offset(struct bdev_inode, vfs_inode) +
				      bpf_core_field_offset(struct bdev_inode, bdev));
	} else {
		sb = KT_LOAD(inode, i_sb);
		bdev = KT_LOAD(sb, s_bdev);
		if (!bdev)
			return KT_FILTER_ANY_DISK;
		if (kt_dev_matches(KT_LOAD(bdev, bd_dev)))
			return KT_FILTER_DISK;
	}
	disk = KT_LOAD(bdev, bd_disk);
	if (disk && kt_dev_matches(KT_MKDEV(KT_LOAD(disk, major), KT_LOAD(disk, first_minor))))
		return KT_FILTER_DISK;
	return 0;
}

/* Of an open file. The way up is long, and most calls are on the file of the task's last call. */
static __always_inline bool kt_file_below_dir(const struct kt_file *f)
{
	struct kt_task *k = kt_task_try(bpf_get_current_task_btf());
	struct file *file = KT_PTR(file, f->file);
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);
	bool below;

	if (!head)
		return false;
	if (k && k->dir_dentry == head->dentry && k->dir_generation == head->generation &&
	    k->dir_changes == kt_name_changes)
		return k->dir_below;
	below = kt_below_dir(head->dentry, kt_as_number(KT_LOAD(file, f_path.mnt), &head->scratch));
	if (k) {
		k->dir_dentry = head->dentry;
		k->dir_generation = head->generation;
		k->dir_changes = kt_name_changes;
		k->dir_below = below;
	}
	return below;
}

/* Filters that this file satisfies. inode 0: the operation has no file. */
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
	if (__sync_fetch_and_add(&kt_filter_wrote, 1) >= kt_filter_room)
		kt_no_room();
	bpf_map_update_elem(&kt_filter_inodes, &key, &yes, BPF_ANY);
}

/* What satisfies these kinds writes to a file, through the page cache. On which disk that is the bios tell. */
static __always_inline void kt_filter_written(u32 has, u16 op, u8 flags, const struct kt_file *f)
{
	if (kt_filter_all(has | KT_FILTER_DISK) && f->inode && !f->dev &&
	    !(flags & KT_IO_FLAG_DIRECT) &&
	    (op == KT_IO_OP_WRITE || op == KT_IO_OP_SPLICE || op == KT_IO_OP_COPY_FILE_RANGE ||
	     op == KT_IO_OP_FALLOCATE || op == KT_IO_OP_SENDFILE))
		kt_inode_written(f->ino, f->ino_dev, f->inode);
}

#endif
