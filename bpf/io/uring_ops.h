/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* io_uring: what an opcode is, and what must be read to tell what its request asks of which file. */
#ifndef KT_BPF_IO_URING_OPS_H
#define KT_BPF_IO_URING_OPS_H

#include "bpf/io/uring.h"
#include "bpf/io/where.h"

#include <linux/io_uring.h>

#define DATA_REQ(name, op_, shape_, flags_) \
	[IORING_OP_##name] = {KT_IO_OP_##op_, KT_URING_##shape_, 1, flags_}
#define REQ(name, op_, shape_) [IORING_OP_##name] = {KT_IO_OP_##op_, KT_URING_##shape_, 0, 0}
static const volatile struct kt_uring_desc uring_ops[KT_N_URING_OPS] = {
	DATA_REQ(READ, READ, RW, 0),
	DATA_REQ(READ_FIXED, READ, RW, KT_IO_FLAG_FIXED),
	DATA_REQ(READV, READ, VEC, 0),
	DATA_REQ(WRITE, WRITE, RW, 0),
	DATA_REQ(WRITE_FIXED, WRITE, RW, KT_IO_FLAG_FIXED),
	DATA_REQ(WRITEV, WRITE, VEC, 0),
	DATA_REQ(FSYNC, FSYNC, SYNC, 0),
	DATA_REQ(SYNC_FILE_RANGE, SYNC_FILE_RANGE, SYNC, 0),
	DATA_REQ(FALLOCATE, FALLOCATE, SYNC, 0),
	REQ(FADVISE, FADVISE, FILE),
	REQ(SPLICE, SPLICE, PATH),
	REQ(MADVISE, MADVISE, PATH),
	REQ(OPENAT, OPEN, PATH),
	REQ(OPENAT2, OPEN, PATH),
	REQ(CLOSE, CLOSE, PATH),
	REQ(STATX, STAT, PATH),
	REQ(RENAMEAT, RENAME, PATH),
	REQ(UNLINKAT, UNLINK, PATH),
	REQ(MKDIRAT, MKDIR, PATH),
	REQ(SYMLINKAT, SYMLINK, PATH),
	REQ(LINKAT, LINK, PATH),
	REQ(FSETXATTR, XATTR, FILE),
	REQ(SETXATTR, XATTR, PATH),
	REQ(FGETXATTR, XATTR, FILE),
	REQ(GETXATTR, XATTR, PATH),
	DATA_REQ(URING_CMD, IOCTL, CMD, 0),
	/* Newer than the headers may be. */
	[55] = {KT_IO_OP_TRUNCATE, KT_URING_FILE, 0, 0},
	[60] = {KT_IO_OP_READ, KT_URING_VEC, 1, KT_IO_FLAG_FIXED},
	[61] = {KT_IO_OP_WRITE, KT_URING_VEC, 1, KT_IO_FLAG_FIXED},
};
#undef DATA_REQ
#undef REQ

/* The file of a registered descriptor: its pointer's low bits are flags. */
static __always_inline u64 fixed_file(struct io_kiocb *req, u32 fd)
{
	struct io_ring_ctx *ctx = req->ctx;
	struct io_file_table___612 *old = (void *)&ctx->file_table;
	u64 p = 0;

	if (bpf_core_field_exists(ctx->file_table.data)) {
		struct io_rsrc_node *node = NULL;

		bpf_probe_read_kernel(&node, sizeof(node),
				      BPF_CORE_READ(ctx, file_table.data.nodes) + fd);
		p = BPF_CORE_READ(node, file_ptr);
	} else if (bpf_core_field_exists(old->files)) {
		bpf_probe_read_kernel(&p, sizeof(p), BPF_CORE_READ(old, files) + fd);
	}
	return p & ~7ull;
}

#define CMD_DISCARD 0x1200 /* BLOCK_URING_CMD_DISCARD of linux/blkdev.h: (offset, size) */

/* What a command asks of a block device. */
static __always_inline u16 read_command(struct io_kiocb *req, struct io_where *w)
{
	struct io_uring_cmd *cmd = (void *)req;
	struct io_uring_sqe___kt *sqe;

	if (!bpf_core_field_exists(cmd->sqe) || BPF_CORE_READ(cmd, cmd_op) != CMD_DISCARD)
		return KT_IO_OP_IOCTL;
	sqe = BPF_CORE_READ(cmd, sqe);
	w->offset = BPF_CORE_READ(sqe, addr);
	w->size = BPF_CORE_READ(sqe, addr3);
	return KT_IO_OP_DISCARD;
}

#endif
