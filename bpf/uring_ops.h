/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* io_uring: what an opcode is, and what must be read to tell what its request asks of which file. */
#ifndef KT_BPF_URING_OPS_H
#define KT_BPF_URING_OPS_H

#include "bpf/uring.h"
#include "bpf/where.h"

#include <linux/io_uring.h>

#define R(name, op_, shape_, flags_) \
	[IORING_OP_##name] = {KT_IO_OP_##op_, KT_URING_##shape_, 1, flags_}
#define C(name, op_, shape_) [IORING_OP_##name] = {KT_IO_OP_##op_, KT_URING_##shape_, 0, 0}
static const volatile struct kt_uring_desc uring_ops[KT_N_URING_OPS] = {
	R(READ, READ, RW, 0),
	R(READ_FIXED, READ, RW, KT_IO_FIXED),
	R(READV, READ, VEC, 0),
	R(WRITE, WRITE, RW, 0),
	R(WRITE_FIXED, WRITE, RW, KT_IO_FIXED),
	R(WRITEV, WRITE, VEC, 0),
	R(FSYNC, FSYNC, SYNC, 0),
	R(SYNC_FILE_RANGE, SYNC_FILE_RANGE, SYNC, 0),
	R(FALLOCATE, FALLOCATE, SYNC, 0),
	C(FADVISE, FADVISE, FILE),
	C(SPLICE, SPLICE, PATH),
	C(MADVISE, MADVISE, PATH),
	C(OPENAT, OPEN, PATH),
	C(OPENAT2, OPEN, PATH),
	C(CLOSE, CLOSE, PATH),
	C(STATX, STAT, PATH),
	C(RENAMEAT, RENAME, PATH),
	C(UNLINKAT, UNLINK, PATH),
	C(MKDIRAT, MKDIR, PATH),
	C(SYMLINKAT, SYMLINK, PATH),
	C(LINKAT, LINK, PATH),
	C(FSETXATTR, XATTR, FILE),
	C(SETXATTR, XATTR, PATH),
	C(FGETXATTR, XATTR, FILE),
	C(GETXATTR, XATTR, PATH),
	R(URING_CMD, IOCTL, CMD, 0),
	/* Newer than the headers may be. */
	[55] = {KT_IO_OP_TRUNCATE, KT_URING_FILE, 0, 0},
	[60] = {KT_IO_OP_READ, KT_URING_VEC, 1, KT_IO_FIXED},
	[61] = {KT_IO_OP_WRITE, KT_URING_VEC, 1, KT_IO_FIXED},
};
#undef R
#undef C

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
