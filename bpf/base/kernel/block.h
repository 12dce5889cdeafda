/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Bios, requests, disks; and what stands behind the bios of direct I/O. See bpf/base/kernel.h. */
#ifndef KT_BPF_BASE_KERNEL_BLOCK_H
#define KT_BPF_BASE_KERNEL_BLOCK_H

#include <linux/types.h>

#include "bpf/base/kernel/common.h"
#include "bpf/base/kernel/fs.h"
#include "bpf/base/kernel/sched.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_offset;
};

struct gendisk {
	int major;
	int first_minor;
	struct block_device *part0;
	__u64 diskseq; /* since 5.15 */
};

/* Which of the two lists the flush under way is for. */
struct blk_flush_queue {
	unsigned int flush_running_idx : 1;
	struct list_head flush_queue[2];
};

struct blk_mq_hw_ctx {
	struct blk_flush_queue *fq;
};

struct elevator_type {
	const char *elevator_name;
};

struct elevator_queue {
	struct elevator_type *type;
};

struct queue_limits {
	__u32 features; /* since 6.11 */
};

struct request_queue {
	struct gendisk *disk;
	void *mq_ops; /* NULL: the disk takes bios itself */
	struct elevator_queue *elevator;
	struct queue_limits limits;
	unsigned long queue_flags;
	unsigned int nr_hw_queues;
};

struct block_device {
	__u64 bd_start_sect;
	__u64 bd_nr_sectors;
	__u32 bd_dev;
	struct gendisk *bd_disk;
	struct request_queue *bd_queue;
	struct device bd_device;
};

/* The inode that stands for a block device. */
struct bdev_inode {
	struct block_device bdev;
	struct inode vfs_inode;
};

/* Packed in the kernel; not here, so that the fields are read whole. CO-RE has the offsets. */
struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
	unsigned int bi_idx;
	unsigned int bi_bvec_done;
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	__u32 bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	void *bi_end_io; /* a function */
	void *bi_private;
	struct blkcg_gq *bi_blkg;
	struct bio_vec *bi_io_vec;
};

/* What may be behind bi_private: see bpf/io/owner.h. */
struct iomap_dio {
	struct kiocb *iocb;
	unsigned long size; /* submitted so far */
	struct {
		struct task_struct *waiter;
	} submit;
};

struct blkdev_dio {
	union {
		struct kiocb *iocb;
		struct task_struct *waiter;
	};
	unsigned int flags;
	struct bio bio;
};

struct btrfs_bio {
	__u64 file_offset;
	void *end_io; /* a function */
	void *private;
	struct bio bio;
};

/* Up to 6.2: what the private of its direct I/O is. */
struct btrfs_dio_private {
	struct bio bio;
};

struct loop_cmd {
	struct kiocb iocb;
};

struct request {
	struct request_queue *q;
	struct blk_mq_hw_ctx *mq_hctx;
	struct list_head queuelist; /* of one that waits for a flush: in its list */
	__u32 cmd_flags;
	__u32 rq_flags;
	unsigned int __data_len;
	__u64 __sector;
	struct bio *bio;
	struct block_device *part;
	unsigned short nr_phys_segments;
};

/* Up to 6.5 a list of its own. */
struct request___flush {
	struct {
		struct list_head list;
	} flush;
};

#pragma clang attribute pop

#define KT_MKDEV(major, minor) (((__u32)(major) << 20) | (__u32)(minor))
#define KT_DISK_DEV(disk) KT_MKDEV((disk)->major, (disk)->first_minor)

#endif
