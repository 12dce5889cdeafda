/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Files, file systems and their journals. See bpf/base/kernel.h. */
#ifndef KT_BPF_BASE_KERNEL_FS_H
#define KT_BPF_BASE_KERNEL_FS_H

#include <linux/types.h>

#include "bpf/base/kernel/common.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;  /* NULL or an error where it is in none */
	struct mount *mnt_next_for_sb; /* of the same file system */
};

/* Up to 6.16 */
struct mount___616 {
	struct list_head mnt_instance;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_flags;
	struct inode *f_inode;
	struct path f_path;
	struct address_space *f_mapping;
	long long f_pos;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct qstr {
	__u32 hash; /* of the name and its directory */
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct hlist_bl_node d_hash; /* pprev NULL: no path leads to it, it was deleted */
	struct dentry *d_parent;
	struct inode *d_inode;
	union {
		struct hlist_node d_alias;
	} d_u;
	struct qstr d_name;
};

struct super_block {
	__u32 s_dev;
	struct block_device *s_bdev;
	unsigned long s_magic;
	struct dentry *s_root;
	struct mount *s_mounts; /* through mnt_next_for_sb */
};

/* Up to 6.16 */
struct super_block___616 {
	struct list_head s_mounts; /* through mnt_instance */
};

struct address_space;

struct inode {
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	unsigned short i_mode;
	__u32 i_rdev;
	__u32 i_generation;
	struct hlist_head i_dentry;
};

struct address_space {
	struct inode *host;
};

struct writeback_control {
	long nr_to_write;
};

struct journal_s {
	struct wait_queue_head j_wait_done_commit;
	unsigned int j_commit_sequence; /* the last transaction that is on disk */
	struct task_struct *j_task;
	struct block_device *j_fs_dev;
};

struct transaction_s {
	unsigned int t_tid;
};

struct ext4_inode_info {
	struct inode vfs_inode;
	/* The last transaction that an fsync, or fdatasync, of it needs. */
	unsigned int i_sync_tid, i_datasync_tid;
};

/* A subvolume: inode numbers are its own, and so is the device number that programs see. */
struct btrfs_root {
	__u32 anon_dev;
};

struct btrfs_inode {
	struct btrfs_root *root;
	struct inode vfs_inode;
};

struct btrfs_fs_info {
	struct super_block *sb;
};

/* A log of xfs: what it is a buffer of. */
struct xfs_mount {
	struct super_block *m_super;
};

struct xlog {
	struct xfs_mount *l_mp;
};

/* Its values: KT_KERNEL_ENUM(). */
enum xlog_iclog_state { KT_XLOG_STATE };

struct xlog_in_core {
	struct xlog *ic_log;
	enum xlog_iclog_state ic_state;
};

struct kiocb {
	struct file *ki_filp;
	long long ki_pos;
	void *ki_complete; /* a function; NULL = synchronous */
	int ki_flags;
};

/* Flavours, because the kernel's headers for programs have structures of these names. */
struct io_event___kt {
	__u64 obj;
};

struct aio_kiocb {
	struct kiocb rw;
	struct io_event___kt ki_res;
};

#pragma clang attribute pop

#define KT_S_IFMT 0170000
#define KT_S_IFREG 0100000
#define KT_S_IFBLK 0060000
#define KT_S_IFDIR 0040000

#define KT_BTRFS_MAGIC 0x9123683e
#define KT_BDEVFS_MAGIC 0x62646576

#endif
