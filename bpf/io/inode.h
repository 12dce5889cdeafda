/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which file an inode is. */
#ifndef KT_BPF_IO_INODE_H
#define KT_BPF_IO_INODE_H

#include "bpf/base/ktrace.bpf.h"

/* The subvolume's device; 0 = not known. Out of line and verified once. */
__noinline __attribute__((weak)) int kt_btrfs_dev(u64 inode)
{
	struct btrfs_inode *b = NULL;
	struct btrfs_root *root = NULL;

	if (!bpf_core_field_exists(b->vfs_inode) || !bpf_core_field_exists(root->anon_dev))
		return 0;
	b = (void *)(inode - bpf_core_field_offset(struct btrfs_inode, vfs_inode));
	return BPF_CORE_READ(b, root, anon_dev);
}

/*
 * The device that, with the inode number, names a file: s_dev; on btrfs, whose subvolumes count their inodes each for
 * itself, the subvolume's, which is what stat() shows.
 */
static __always_inline u32 kt_inode_dev(u64 inode, struct super_block *sb, u64 magic)
{
	u32 dev = magic == KT_BTRFS_MAGIC ? kt_btrfs_dev(inode) : 0;

	return dev ? dev : KT_LOAD(sb, s_dev);
}

#endif
