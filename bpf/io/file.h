/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From a descriptor to its file, and what a file is. */
#ifndef KT_BPF_IO_FILE_H
#define KT_BPF_IO_FILE_H

#include "bpf/io/inode.h"
#include "bpf/base/task.h"

#define KT_O_DIRECT 040000 /* x86; other machines differ */
#define KT_O_DSYNC 010000
#define KT_O_APPEND 02000

/* linux/fs.h: what a call asks for besides its file's flags. */
#define KT_RWF_SYNC 6 /* RWF_DSYNC, RWF_SYNC */
#define KT_RWF_APPEND 16
#define KT_RWF_NOAPPEND 32
#if defined(__TARGET_ARCH_arm64)
#undef KT_O_DIRECT
#define KT_O_DIRECT 0200000
#endif

/* File systems whose regular files are none: what is read there is made up by the kernel. */
#define KT_PROC_MAGIC 0x9fa0
#define KT_SYSFS_MAGIC 0x62656572
#define KT_CGROUP_MAGIC 0x27e0eb
#define KT_CGROUP2_MAGIC 0x63677270
#define KT_TRACEFS_MAGIC 0x74726163
#define KT_DEBUGFS_MAGIC 0x64626720

struct kt_file {
	u64 file, inode; /* addresses; 0 = there is none, or nothing that is of interest here */
	u64 ino;
	u32 ino_dev; /* see kt_inode_dev() */
	u32 dev;     /* of a block device; else 0 */
	u32 flags;   /* O_* */
	bool data;   /* a regular file or a block device */
};

static __always_inline bool kt_is_made_up(u64 magic)
{
	return magic == KT_PROC_MAGIC || magic == KT_SYSFS_MAGIC || magic == KT_CGROUP_MAGIC ||
	       magic == KT_CGROUP2_MAGIC || magic == KT_TRACEFS_MAGIC || magic == KT_DEBUGFS_MAGIC;
}

/*
 * Tells a file from a later one with the same inode number. A file system that does not count (overlayfs, NFS) has 0; there it is
 * the hash of the name.
 */
static __always_inline u32 kt_generation(u32 generation, u64 address)
{
	struct dentry *dentry = KT_PTR(dentry, address);

	return generation ? generation : KT_LOAD(dentry, d_name.hash);
}

/* The file that the descriptor is of now; 0 = none. */
static __always_inline u64 kt_fd_file(struct task_struct *t, u32 fd)
{
	struct fdtable *fdt = t->files->fdt;
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);

	if (!head || fd >= fdt->max_fds)
		return 0;
	return kt_as_number(kt_pointer_at((u64)(fdt->fd + fd)), &head->scratch);
}

/*
 * Reads what is of interest. Pipes, sockets, terminals, and what the kernel makes up leave inode 0, and so does a
 * directory where data is wanted.
 */
static __always_inline void kt_file_read(u64 address, bool data, struct kt_file *f)
{
	struct file *file = KT_PTR(file, address);
	struct super_block *sb;
	struct dentry *dentry;
	struct inode *inode;
	u32 type, flags, generation;
	u64 magic;
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);

	f->file = address;
	f->inode = f->ino = 0;
	f->ino_dev = f->dev = f->flags = 0;
	f->data = false;
	if (!address || !head)
		return;
	if (KT_HEAD_READ(head, file))
		return;
	inode = KT_HEAD_FIELD(head, file, f_inode);
	flags = KT_HEAD_FIELD(head, file, f_flags);
	dentry = KT_HEAD_FIELD(head, file, f_path.dentry);
	if (KT_HEAD_READ(head, inode))
		return;
	type = KT_HEAD_FIELD(head, inode, i_mode) & KT_S_IFMT;
	if (type != KT_S_IFREG && type != KT_S_IFBLK && (data || type != KT_S_IFDIR))
		return;
	sb = KT_HEAD_FIELD(head, inode, i_sb);
	f->ino = KT_HEAD_FIELD(head, inode, i_ino);
	if (type == KT_S_IFBLK)
		f->dev = KT_HEAD_FIELD(head, inode, i_rdev);
	magic = KT_LOAD(sb, s_magic);
	if (kt_is_made_up(magic))
		return;
	generation = KT_HEAD_FIELD(head, inode, i_generation);
	f->inode = kt_as_number(inode, &head->scratch);
	head->dentry = kt_as_number(dentry, &head->scratch);
	f->ino_dev = kt_inode_dev(f->inode, sb, magic);
	head->generation = kt_generation(generation, head->dentry);
	f->flags = flags;
	f->data = type != KT_S_IFDIR;
}

/* rwf: RWF_* of the call; 0: it has none. */
static __always_inline u8 kt_file_io_flags(const struct kt_file *f, u16 op, u32 rwf)
{
	u8 flags = 0;

	if (f->flags & KT_O_DIRECT)
		flags |= KT_IO_FLAG_DIRECT;
	/* O_SYNC has that bit, too. */
	if ((f->flags & KT_O_DSYNC) || (rwf & KT_RWF_SYNC))
		flags |= KT_IO_FLAG_SYNC;
	if (op == KT_IO_OP_WRITE && !f->dev &&
	    ((rwf & KT_RWF_APPEND) || ((f->flags & KT_O_APPEND) && !(rwf & KT_RWF_NOAPPEND))))
		flags |= KT_IO_FLAG_APPEND;
	return flags;
}

/* Where the next read or write of that file begins. */
static __always_inline s64 kt_file_pos(u64 file)
{
	struct file *f = KT_PTR(file, file);

	return KT_LOAD(f, f_pos);
}

#endif
