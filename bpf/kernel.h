/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The few kernel structures that the programs read, and of those only the fields they read. CO-RE moves
 * the offsets to the running kernel's at load time, so no vmlinux.h and no BTF is needed to build. Where a kernel
 * names or nests a field differently it gets a flavour (struct name___NN) here, and the choice is made with
 * bpf_core_field_exists() where it is read.
 */
#ifndef KT_BPF_KERNEL_H
#define KT_BPF_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct sched_entity {
	unsigned char sched_delayed; /* since 6.12: it sleeps, but its dequeueing is delayed */
};

struct task_struct {
	int pid;
	int tgid;
	int on_rq;
	struct sched_entity se;
	unsigned int flags;
	struct task_struct *real_parent;
	char comm[16];
	struct css_set *cgroups;
};

struct irqaction {
	struct irqaction *next; /* the same line's next handler */
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct address_space;

struct inode {
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	__u32 i_rdev;
};

struct address_space {
	struct inode *host;
};

struct page {
	struct address_space *mapping;
	unsigned long compound_head;
};

struct bio_vec {
	struct page *bv_page;
};

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
	void *mq_ops; /* NULL: the disk takes bios itself */
};

struct block_device {
	__u32 bd_dev;
	struct request_queue *bd_queue;
};

/* Packed in the kernel; not here, so that the fields are read whole. CO-RE has the offsets. */
struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	__u32 bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	void *bi_private;
	struct blkcg_gq *bi_blkg;
	struct bio_vec *bi_io_vec;
};

/* page */

/* Before 6.18 the flags are a number. */
struct kt_memdesc_flags {
	unsigned long f;
};

struct folio {
	unsigned long flags;
	unsigned long index;
	unsigned int _nr_pages;
};

struct folio___618 {
	struct kt_memdesc_flags flags;
};

/* Up to 6.11 */
struct folio___611 {
	unsigned int _folio_nr_pages;
};

struct writeback_control {
	long nr_to_write;
};

struct journal_s {
	struct task_struct *j_task;
	struct block_device *j_fs_dev;
};

struct transaction_s {
	unsigned int t_tid;
};

struct request {
	struct request_queue *q;
	__u32 cmd_flags;
	__u32 rq_flags;
	unsigned int __data_len;
	__u64 __sector;
	struct bio *bio;
	struct block_device *part;
	unsigned short nr_phys_segments;
};

#pragma clang attribute pop

#define KT_MKDEV(major, minor) (((__u32)(major) << 20) | (__u32)(minor))

#define KT_BDEVFS_MAGIC 0x62646576
#define KT_PAGE_MAPPING_FLAGS 3ul /* low bits of page->mapping: anonymous, movable */

#endif
