/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* io_uring. See bpf/base/kernel.h. */
#ifndef KT_BPF_BASE_KERNEL_URING_H
#define KT_BPF_BASE_KERNEL_URING_H

#include <linux/types.h>

#include "bpf/base/kernel/fs.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct io_rsrc_node {
	unsigned long file_ptr;
};

struct io_rsrc_data {
	struct io_rsrc_node **nodes;
};

struct io_file_table {
	struct io_rsrc_data data;
};

struct io_fixed_file {
	unsigned long file_ptr;
};

/* Up to 6.12 */
struct io_file_table___612 {
	struct io_fixed_file *files;
};

struct io_submit_link {
	struct io_kiocb *head;
};

struct io_submit_state {
	struct io_submit_link link;
};

struct io_ring_ctx {
	unsigned int flags;
	unsigned int compat : 1; /* made by a 32-bit call */
	struct io_file_table file_table;
	struct io_submit_state submit_state;
};

struct io_cqe {
	__u64 user_data;
	int res;
	int fd;
};

struct io_wq_work {
	int cancel_seq;
};

struct io_kiocb {
	struct file *file;
	__u8 opcode;
	unsigned int flags; /* 64 bits in newer kernels: the lower ones */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	struct io_wq_work work;
};

struct io_worker {
	struct io_wq_work *cur_work;
};

struct io_uring_cqe___kt {
	int res;
};

/* Requests that read and write; the others of io_uring have something else behind their file. */
struct io_rw {
	struct kiocb kiocb;
	__u64 addr;
	unsigned int len;
	int flags; /* RWF_* */
};

struct io_sync {
	long long len;
	long long off;
};

struct io_uring_sqe___kt {
	__u64 addr;
	__u64 addr3;
};

/* A request of the file's own kind. */
struct io_uring_cmd {
	struct io_uring_sqe___kt *sqe;
	__u32 cmd_op;
};

#pragma clang attribute pop

#endif
