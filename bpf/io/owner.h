/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which operation caused a bio, at the moment it is queued. bi_end_io tells what bi_private is, and from there the way leads to
 * the kiocb or to the task that waits: an object that names the operation, whoever queues the bio. Where there is none
 * (page cache, metadata), the bio is queued by the task on whose behalf it is, from within its operation.
 * A bio without a provable owner stays unlinked.
 */
#ifndef KT_BPF_IO_OWNER_H
#define KT_BPF_IO_OWNER_H

#include "bpf/base/task.h"
#include "bpf/filter/bios.h"
#include "bpf/io/call.h"
#include "bpf/io/fault.h"
#include "bpf/io/pages.h"
#include "bpf/io/syscalls.h"
#include "bpf/io/uring.h"

KT_WITH(io);
KT_KERNEL_SYM(submit_bio_wait_endio);
KT_KERNEL_SYM(blkdev_bio_end_io);
KT_KERNEL_SYM(blkdev_bio_end_io_async);
KT_KERNEL_SYM(iomap_dio_bio_end_io);
KT_KERNEL_SYM(btrfs_simple_end_io);
KT_KERNEL_SYM(btrfs_orig_write_end_io);
KT_KERNEL_SYM(btrfs_dio_end_io);
KT_KERNEL_SYM(btrfs_end_dio_bio);
KT_KERNEL_SYM(io_complete_rw);
KT_KERNEL_SYM(io_complete_rw_iopoll);
KT_KERNEL_SYM(aio_complete_rw);
KT_KERNEL_SYM(lo_rw_aio_complete);
KT_KERNEL_SYM(end_swap_bio_read);
KT_KERNEL_ENUM(PG_swapbacked, 17);
KT_KERNEL_SYM(xlog_bio_end_io);
KT_KERNEL_SYM(bio_chain_endio);
KT_KERNEL_SYM(transaction_kthread);

/* Set by the recorder: the kernel hides all of these from it. */
const volatile __u32 kt_syms_hidden = 0;

#define DIO_IS_SYNC 2 /* blkdev_dio.flags */

/* What bi_end_io and bi_private led to. Addresses; 0 = none. */
struct kt_dio {
	u64 iocb;
	u64 waiter; /* the task that waits for the whole operation */
	s64 offset; /* byte in the file, where place is set */
	bool place;
	bool pages; /* it may carry page cache */
	bool disk;  /* on a block device: the place in the file is the sector's */
};

static __always_inline bool kt_is_sym(u64 address, u64 sym)
{
	return sym && address == sym;
}

static __always_inline void kt_iomap_dio(u64 dio, u32 bytes, struct kt_dio *d)
{
	struct iomap_dio *p = KT_PTR(iomap_dio, dio);
	struct kiocb *iocb = KT_LOAD(p, iocb);

	d->iocb = (u64)iocb;
	d->waiter = (u64)KT_LOAD(p, submit.waiter);
	/* It counts a bio's bytes before it submits the bio. */
	d->offset = KT_LOAD(iocb, ki_pos) + KT_LOAD(p, size) - bytes;
	d->place = true;
}

/*
 * btrfs sends on what iomap gives it, in pieces: a piece has no end_io of its own and names the whole one. Before 6.3 a bio of
 * iomap's lies at the end of what it names.
 */
static __always_inline bool kt_btrfs_dio(u64 bio, u32 bytes, struct kt_dio *d)
{
	struct btrfs_bio *b = (void *)(bio - bpf_core_field_offset(struct btrfs_bio, bio));
	s64 offset = BPF_CORE_READ(b, file_offset);
	u64 end_io = (u64)BPF_CORE_READ(b, end_io), private;

	if (!end_io) {
		b = BPF_CORE_READ(b, private);
		end_io = (u64)BPF_CORE_READ(b, end_io);
	}
	private = (u64)BPF_CORE_READ(b, private);
	if (kt_is_sym(end_io, kt_sym_btrfs_end_dio_bio)) {
		struct btrfs_dio_private *dip = (void *)private;

		if (!bpf_core_field_exists(dip->bio))
			return false;
		private = (u64)BPF_CORE_READ(dip, bio.bi_private);
	} else if (!kt_is_sym(end_io, kt_sym_btrfs_dio_end_io)) {
		return false;
	}
	kt_iomap_dio(private, bytes, d);
	d->offset = offset;
	return true;
}

/* Of a completion that somebody may be waiting for already, the task; 0 = nobody is yet. */
static __always_inline u64 kt_completion_waiter(u64 completion)
{
	struct completion *c = (void *)completion;
	u64 head = completion + bpf_core_field_offset(c->wait.task_list);
	u64 first = (u64)BPF_CORE_READ(c, wait.task_list.next);

	if (!first || first == head)
		return 0;
	return (u64)BPF_CORE_READ(
		(struct swait_queue *)(first -
				       bpf_core_field_offset(struct swait_queue, task_list)),
		task);
}

/* False: it is no direct I/O. */
static __always_inline bool kt_dio_read(u64 bio, u64 end_io, u64 priv, u32 bytes,
					struct task_struct *t, struct kt_dio *d)
{
	if (kt_is_sym(end_io, kt_sym_iomap_dio_bio_end_io)) {
		kt_iomap_dio(priv, bytes, d);
		return true;
	}
	if (kt_is_sym(end_io, kt_sym_submit_bio_wait_endio)) {
		/* bi_private is a completion on the stack of the task that waits. */
		if (priv - (u64)t->stack < KT_THREAD_SIZE)
			d->waiter = (u64)t;
		else
			d->waiter = kt_completion_waiter(priv);
		d->pages = true;
		return true;
	}
	if (kt_is_sym(end_io, kt_sym_blkdev_bio_end_io_async)) {
		struct blkdev_dio *p =
			(void *)(bio - bpf_core_field_offset(struct blkdev_dio, bio));

		d->iocb = (u64)BPF_CORE_READ(p, iocb);
		d->disk = true;
		return true;
	}
	if (kt_is_sym(end_io, kt_sym_blkdev_bio_end_io)) {
		struct blkdev_dio *p = KT_PTR(blkdev_dio, priv);

		if (KT_LOAD(p, flags) & DIO_IS_SYNC)
			d->waiter = (u64)KT_LOAD(p, waiter);
		else
			d->iocb = (u64)KT_LOAD(p, iocb);
		d->disk = true;
		return true;
	}
	if (kt_is_sym(end_io, kt_sym_btrfs_simple_end_io) ||
	    kt_is_sym(end_io, kt_sym_btrfs_orig_write_end_io))
		return kt_btrfs_dio(bio, bytes, d);
	return false;
}

/* The bio is the open operation's of that task. place: its byte on its device. */
static __always_inline void kt_owner_by_call(struct kt_task *k, u32 tid, s64 place,
					     struct kt_bio_queue *e)
{
	/* Who makes room may have other things to write, too: that is not what the operation is called after. */
	if (k->call_kind == KT_IO_KIND_SWAP) {
		if (!kt_opf_is_swap(e->opf))
			return;
		k->call_size += e->bytes;
		k->call_dev = e->dev;
	}
	/* Small direct I/O on a disk: its bio has no kiocb to ask. */
	if (k->call_dev == e->dev && (k->call_flags & KT_IO_FLAG_DIRECT) && e->offset == -1)
		e->offset = place;
	e->io_kind = k->call_kind;
	e->io_tid = tid;
	e->io_age_ns = e->ts_ns - k->call_ns;
	k->call_bios++;
}

struct kt_vma_look {
	u64 inode;
	bool found;
};

static __attribute__((unused)) long kt_vma_look(struct task_struct *t, struct vm_area_struct *vma,
						struct kt_vma_look *look)
{
	struct file *file = vma->vm_file;

	look->found = (u64)BPF_CORE_READ(file, f_inode) == look->inode;
	return 0;
}

/* No operation is open: a page fault in user mode, if the task is in one and the file is the one that is mapped there. */
static __always_inline void kt_owner_by_fault(struct task_struct *t, struct kt_task *k, u64 inode,
					      struct kt_bio_queue *e)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(t);
	struct kt_vma_look look = {.inode = inode};

	if (!k->fault_ns || kt_call_nr(regs) != -1 || !inode)
		return;
	if (bpf_find_vma(t, k->fault_address, kt_vma_look, &look, 0))
		e->io_flags |= KT_LINK_INFERRED; /* the mappings are being changed */
	else if (!look.found)
		return;
	e->io_kind = KT_IO_KIND_FAULT;
	e->io_tid = t->pid;
	e->io_age_ns = e->ts_ns - k->fault_ns;
}

/* A bio of swap without an operation: a page fault's, which reads the page, or makes room for it first. */
static __always_inline void kt_owner_by_swap(struct task_struct *t, struct kt_task *k,
					     struct kt_bio_queue *e)
{
	bool sure = true;
	u64 since = 0;

	if (t->flags & KT_PF_KTHREAD)
		return;
	if (kt_in_user_fault(t, k, &sure)) {
		since = k->fault_ns;
		k->fault_made_room |= e->opf & 1;
		/* On the way back it may still make room, but reads nothing. */
		sure |= !(e->opf & 1);
	} else if (!(e->opf & 1)) {
		/* The kernel may have looked at the memory without a fault since. */
		since = k->kernel_fault_ns;
		sure = false;
	}
	if (!since)
		return;
	e->io_kind = KT_IO_KIND_FAULT;
	e->io_tid = t->pid;
	e->io_age_ns = e->ts_ns - since;
	if (!sure)
		e->io_flags |= KT_LINK_INFERRED;
}

/*
 * The bio is an operation's of the current task. inode: whose page cache it carries; 0 = none's. Where a thread submits many
 * io_uring requests in one call, the one that runs is the bio's only if it is of the same file and place.
 */
static __always_inline void kt_owner_by_context(struct task_struct *t, u64 inode, s64 place,
						struct kt_bio_queue *e)
{
	bool inferred = false;
	struct kt_task *k;
	u64 req;

	if (kt_in_interrupt())
		return;
	req = kt_uring_work(t);
	if (req) {
		e->io_kind = KT_IO_KIND_URING;
		e->io = req;
		return;
	}
	k = kt_task_find(t);
	if (!k)
		return;
	if (k->uring_req &&
	    (inode ? kt_uring_fits(k->uring_req, inode, e->offset, e->bytes, &inferred)
		   : kt_uring_is_command(k->uring_req))) {
		e->io_kind = KT_IO_KIND_URING;
		e->io = k->uring_req;
		if (inferred)
			e->io_flags |= KT_LINK_INFERRED;
	} else if (k->call_ns) {
		kt_owner_by_call(k, t->pid, place, e);
	} else if (k->after && kt_after_is_on(k, t)) {
		e->io_kind = KT_IO_KIND_AFTER;
		e->io = k->after_op;
		e->io_tid = t->pid;
		e->io_age_ns = e->ts_ns - k->after_ns;
	} else if (kt_opf_is_swap(e->opf)) {
		kt_owner_by_swap(t, k, e);
	} else {
		kt_owner_by_fault(t, k, inode, e);
	}
}

/* Of a synchronous operation: the task that waits for it, which need not be the one that queues the bio. */
static __always_inline void kt_owner_by_waiter(u64 waiter, struct task_struct *t, s64 place,
					       struct kt_bio_queue *e)
{
	if (waiter == (u64)t) {
		kt_owner_by_context(t, 0, place, e);
	} else if (waiter && !kt_opf_is_swap(e->opf)) {
		/* Its call is the one that is open now. */
		e->io_kind = KT_IO_KIND_SYSCALL;
		e->io_tid = BPF_CORE_READ((struct task_struct *)waiter, pid);
	}
	if (e->io_kind)
		e->io_flags |= KT_LINK_WAITED;
}

static __always_inline u64 kt_owner_by_iocb(struct kt_dio *d, struct task_struct *t,
					    struct kt_bio_queue *e)
{
	struct kiocb *iocb = KT_PTR(kiocb, d->iocb);
	u64 done = (u64)KT_LOAD(iocb, ki_complete);
	struct file *file;
	struct super_block *sb;
	struct inode *inode = NULL;

	if (!d->disk) {
		file = KT_LOAD(iocb, ki_filp);
		inode = KT_LOAD(file, f_inode);
		sb = KT_LOAD(inode, i_sb);
		e->ino_dev = kt_inode_dev(kt_as_number(inode, &e->ino), sb, KT_LOAD(sb, s_magic));
		e->ino = KT_LOAD(inode, i_ino);
		/* Behind a throttle another task queues it, and the dio is further on by now. */
		if (d->place && d->waiter == (u64)t)
			e->offset = d->offset;
	}
	if (!done) {
		kt_owner_by_waiter(d->waiter, t, -1, e);
	} else if (kt_is_sym(done, kt_sym_io_complete_rw) ||
		   kt_is_sym(done, kt_sym_io_complete_rw_iopoll)) {
		/* The kiocb is the first member of the request's command, which is the first of the request. */
		e->io_kind = KT_IO_KIND_URING;
		e->io = d->iocb;
	} else if (kt_is_sym(done, kt_sym_aio_complete_rw)) {
		struct kt_task *k = kt_in_interrupt() ? NULL : kt_task_find(t);
		struct aio_kiocb *aio = KT_PTR(aio_kiocb, d->iocb);

		e->io_kind = KT_IO_KIND_AIO;
		e->io = KT_LOAD(aio, ki_res.obj);
		/* An address of the process that submits it: useless without. */
		if (k && k->call_ns && k->call_op == KT_IO_OP_IO_SUBMIT)
			e->io_tid = t->pid;
	} else if (kt_is_sym(done, kt_sym_lo_rw_aio_complete)) {
		/* The command lies right behind its request. */
		e->io_kind = KT_IO_KIND_LOOP;
		e->io = d->iocb - bpf_core_field_offset(struct loop_cmd, iocb) -
			bpf_core_type_size(struct request);
	}
	return (u64)inode;
}

/* A bio of xfs's log names the buffer that it writes; where that is no call's, it is an operation of its own. */
static __always_inline void kt_owner_by_log(struct bio *bio, struct kt_bio_queue *e)
{
	u64 end_io = (u64)bio->bi_end_io, log = (u64)bio->bi_private;
	struct kt_log *l;

	/* At the log's end a buffer is cut in two: the front tells the rest when it is done. */
	if (kt_is_sym(end_io, kt_sym_bio_chain_endio)) {
		struct bio *rest = (void *)log;

		end_io = (u64)BPF_CORE_READ(rest, bi_end_io);
		log = (u64)BPF_CORE_READ(rest, bi_private);
	}
	if (!kt_is_sym(end_io, kt_sym_xlog_bio_end_io))
		return;
	if (!e->io_kind) {
		l = kt_log_find(log);
		if (!l)
			return;
		e->io_kind = KT_IO_KIND_JOURNAL;
		e->io_tid = l->tid;
		e->io_age_ns = e->ts_ns - l->start_ns;
		l->n_bios++;
	}
	if (e->io_kind != KT_IO_KIND_URING)
		e->io = log;
}

/*
 * btrfs tells when a commit ends (family page), not when it begins. Its thread for that does nothing else: the commit begins with its
 * first write. What it reads before that may be for nothing, when another task commits.
 */
static __always_inline void kt_owner_by_commit(struct task_struct *t, struct kt_bio_queue *e)
{
	struct kthread *thread = t->worker_private;
	struct kt_task *k;

	if (!kt_sym_transaction_kthread || !(e->opf & 1) || kt_in_interrupt() ||
	    !kt_is_sym((u64)BPF_CORE_READ(thread, threadfn), kt_sym_transaction_kthread))
		return;
	k = kt_task_get(t);
	if (!k)
		return;
	kt_call_open(k, KT_IO_KIND_JOURNAL, KT_IO_OP_COMMIT);
	if (kt_filter.kinds)
		k->call_has = kt_filter_current();
	/* Before the bio, by the least: an age of 0 is none. */
	if (e->ts_ns)
		k->call_ns = e->ts_ns;
	k->call_ns--;
	kt_owner_by_call(k, t->pid, -1, e);
}

/*
 * With filters: it is of a call that the task itself waits for, by direct I/O, so that no page cache can make it wanted; and that
 * call is not open here: it was judged when it began, and cannot match.
 */
static __always_inline bool kt_cannot_match_call(struct bio *bio, struct task_struct *t)
{
	struct kt_dio d = {};
	struct kiocb *iocb;
	struct kt_task *k;

	if ((t->flags & (KT_PF_KTHREAD | KT_PF_WQ_WORKER | KT_PF_IO_WORKER)) || kt_in_interrupt())
		return false;
	k = kt_task_find(t);
	if ((k && (k->call_ns || k->uring_req)) ||
	    kt_filter_all(kt_filter_current() | kt_filter_bio(bio)))
		return false;
	if (!kt_dio_read((u64)bio, (u64)bio->bi_end_io, (u64)bio->bi_private, bio->bi_iter.bi_size,
			 t, &d) ||
	    d.pages || d.waiter != (u64)t)
		return false;
	iocb = KT_PTR(kiocb, d.iocb);
	return !d.iocb || !KT_LOAD(iocb, ki_complete);
}

/*
 * Where no function is known by its address, nothing names the operation: the call that the task is in is likely the one, unless
 * all that it does is to submit others.
 */
static __always_inline void kt_owner_doubt(struct task_struct *t, u64 inode, struct kt_bio_queue *e)
{
	struct kt_task *k = kt_task_find(t);

	if (!e->io_kind)
		return;
	e->io_flags |= KT_LINK_INFERRED;
	if (!k || inode || e->io_kind != KT_IO_KIND_SYSCALL ||
	    (k->call_op != KT_IO_OP_IO_SUBMIT && k->call_op != KT_IO_OP_IO_URING_ENTER))
		return;
	e->io_kind = KT_IO_KIND_NONE;
	e->io_flags = 0;
	e->io_tid = 0;
	e->io_age_ns = 0;
	k->call_bios--;
}

/*
 * The folio that a read is waited for is new and to be filled from swap: no mapping has it yet. (Pages of direct I/O are
 * mapped.) Of a disk that is as fast as memory the kernel waits for each such read, and has no other mark for it.
 */
static __always_inline bool kt_is_swapped(u64 folio)
{
	struct folio___618 *new = (void *)folio;
	struct folio *old = (void *)folio;
	u64 flags;

	if (bpf_core_field_exists(new->flags.f))
		flags = BPF_CORE_READ(new, flags.f);
	else
		flags = BPF_CORE_READ(old, flags);
	return flags & (1ull << (kt_enum_PG_swapbacked & 63));
}

/*
 * Fills io_kind, io, io_age_ns, io_tid, io_flags, and ino, ino_dev and offset, and marks swap in opf. Returns the inode of its file; 0 = not known.
 * *ret_waiter: the task that waits for it, if that is known.
 */
static __always_inline u64 kt_owner_find(struct bio *bio, struct task_struct *t,
					 struct kt_bio_queue *e, u64 *ret_waiter)
{
	s64 place = (e->sector - bio->bi_bdev->bd_start_sect) << 9;
	struct kt_dio d = {};
	u64 loose = 0;

	if (!kt_dio_read((u64)bio, (u64)bio->bi_end_io, (u64)bio->bi_private, e->bytes, t, &d)) {
		u64 inode = 0;

		if (kt_is_sym((u64)bio->bi_end_io, kt_sym_end_swap_bio_read))
			e->opf |= 1u << (kt_enum___REQ_SWAP & 31);
		if (!kt_opf_is_swap(e->opf))
			inode = kt_pages(bio, e, &loose);
		kt_owner_by_context(t, inode, -1, e);
		if (kt_syms_hidden)
			kt_owner_doubt(t, inode, e);
		if (!inode)
			kt_owner_by_log(bio, e);
		if (!e->io_kind && (t->flags & (KT_PF_KTHREAD | KT_PF_WQ_WORKER)) == KT_PF_KTHREAD)
			kt_owner_by_commit(t, e);
		return inode;
	}
	if (d.pages && kt_pages(bio, e, &loose) && e->ino_dev != e->dev) {
		/* A mapping of some file is the buffer of direct I/O. */
		e->ino = 0;
		e->ino_dev = 0;
		e->offset = -1;
	}
	if (loose && !(e->opf & 1) && kt_is_swapped(loose))
		e->opf |= 1u << (kt_enum___REQ_SWAP & 31);
	if (kt_opf_is_swap(e->opf))
		place = -1;
	if (d.disk)
		e->offset = place;
	if (kt_filter.kinds) {
		*ret_waiter = kt_as_number((void *)d.waiter, &e->io);
		e->io = 0;
	}
	if (d.iocb)
		return kt_owner_by_iocb(&d, t, e);
	kt_owner_by_waiter(d.waiter, t, place, e);
	return 0;
}

#endif
