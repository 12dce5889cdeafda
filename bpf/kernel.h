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

struct list_head {
	struct list_head *next, *prev;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct sched_entity {
	unsigned char sched_delayed; /* since 6.12: it sleeps, but its dequeueing is delayed */
};

struct thread_info {
	__u32 status; /* x86 */
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

struct callback_head {
	struct callback_head *next;
	void *func;
};

struct task_struct {
	struct thread_info thread_info;
	int pid;
	int tgid;
	unsigned int flags;
	void *stack;
	void *worker_private;
	struct files_struct *files;
	int on_rq;
	struct sched_entity se;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	char comm[16];
	struct css_set *cgroups;
	unsigned long nvcsw; /* voluntary switches so far */
	struct callback_head *task_works;
	unsigned int in_user_fault : 1; /* with memory cgroups (since 6.12: of version 1) */
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

struct qstr {
	__u32 hash; /* of the name and its directory */
	__u32 len;
	const unsigned char *name;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
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

struct page {
	struct address_space *mapping;
	unsigned long compound_head;
};

struct bio_vec {
	struct page *bv_page;
	unsigned int bv_offset;
};

struct gendisk {
	int major;
	int first_minor;
};

/* Which of the two lists the flush under way is for. */
struct blk_flush_queue {
	unsigned int flush_running_idx : 1;
	struct list_head flush_queue[2];
};

struct blk_mq_hw_ctx {
	struct blk_flush_queue *fq;
};

struct request_queue {
	struct gendisk *disk;
	void *mq_ops; /* NULL: the disk takes bios itself */
};

struct block_device {
	__u64 bd_start_sect;
	__u32 bd_dev;
	struct gendisk *bd_disk;
	struct request_queue *bd_queue;
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

/* page */

/* Before 6.18 the flags are a number. */
struct kt_memdesc_flags {
	unsigned long f;
};

struct folio {
	unsigned long flags;
	struct address_space *mapping;
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

struct wait_queue_head {
	struct list_head head;
};

struct wait_queue_entry {
	void *private; /* the task that waits */
	struct list_head entry;
};

struct journal_s {
	struct wait_queue_head j_wait_done_commit;
	struct task_struct *j_task;
	struct block_device *j_fs_dev;
};

struct transaction_s {
	unsigned int t_tid;
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

/* What worker_private of a kernel thread is. */
struct kthread {
	void *threadfn; /* a function */
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

struct vm_area_struct {
	struct file *vm_file;
};

/* io_uring */

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

/* What may be behind bi_private: see bpf/owner.h. */

struct kiocb {
	struct file *ki_filp;
	long long ki_pos;
	void *ki_complete; /* a function; NULL = synchronous */
	int ki_flags;
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

struct swait_queue_head {
	struct list_head task_list;
};

struct swait_queue {
	struct task_struct *task;
	struct list_head task_list;
};

struct completion {
	struct swait_queue_head wait;
};

/* Flavours, because the kernel's headers for programs have structures of these names. */
struct io_event___kt {
	__u64 obj;
};

struct aio_kiocb {
	struct kiocb rw;
	struct io_event___kt ki_res;
};

struct loop_cmd {
	struct kiocb iocb;
};

struct pt_regs___x86 {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
};

struct pt_regs___arm64 {
	__u64 regs[31];
	int syscallno;
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

#define KT_PF_IO_WORKER 0x10
#define KT_PF_WQ_WORKER 0x20
#define KT_PF_KTHREAD 0x00200000
#define KT_THREAD_SIZE (32 << 10) /* at least */
#define KT_TS_COMPAT 2		  /* thread_info.status: the system call is a 32-bit one */

#define KT_S_IFMT 0170000
#define KT_S_IFREG 0100000
#define KT_S_IFBLK 0060000
#define KT_S_IFDIR 0040000

#define KT_BTRFS_MAGIC 0x9123683e
#define KT_BDEVFS_MAGIC 0x62646576
#define KT_PAGE_MAPPING_FLAGS 3ul /* low bits of page->mapping: anonymous, movable */

#endif
