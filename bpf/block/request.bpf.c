// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* request: from getting it to its completion, and the bios it carries. */
#include "bpf/base/task.h"
#include "bpf/block/disk.h"
#include "bpf/filter/requests.h"

#define WALK_BATCH 15 /* bios in one rq_bios event */
/*
 * 1 + 4369 * 15 = 65536 bios: what is as many segments at most (a u16), or several in one segment where their pages lie side by side.
 */
#define WALK_BATCHES 4369

_Static_assert(sizeof(((struct kt_rq_bios *)0)->bio) == WALK_BATCH * 8, "rq_bios holds one batch");

static __always_inline u32 disk_dev(struct request *rq)
{
	struct gendisk *disk = rq->q->disk;

	/* The queue of a controller without a disk (nvme's admin queue) has none. */
	return disk ? KT_DISK_DEV(disk) : 0;
}

static __always_inline void disk_used(struct kt_hit *hit, struct request *rq)
{
	struct gendisk *disk = rq->q->disk;

	if (disk)
		kt_disk_used(hit, disk->part0);
}

/* Bit numbers in rq_flags: macros up to 6.10, an enum since then, at first an anonymous one. */
#define RQF_IO_STAT_MACRO 13
KT_KERNEL_ENUM(__RQF_FLUSH_SEQ, 4);
KT_KERNEL_ENUM(__RQF_IO_STAT, RQF_IO_STAT_MACRO);

static __always_inline u32 rq_flags(struct request *rq)
{
	u32 raw = rq->rq_flags, flags = 0;

	if (raw & (1u << (kt_enum___RQF_FLUSH_SEQ & 31)))
		flags |= KT_RQ_FLUSH_SEQ;
	/* Older kernels set it for passthrough too, which they do not count. */
	if ((raw & (1u << (kt_enum___RQF_IO_STAT & 31))) &&
	    (kt_enum___RQF_IO_STAT != RQF_IO_STAT_MACRO ||
	     (rq->cmd_flags & KT_OP_MASK) < kt_enum_REQ_OP_DRV_IN))
		flags |= KT_RQ_IO_STAT;
	return flags;
}

struct bio_batches {
	struct kt_hit hit;
	struct request *rq;
	struct bio *bio; /* where it goes on */
	u32 n;		 /* bios so far */
};

/* The next ones. Returns whether it is over. */
static long emit_batch(u32 batch, struct bio_batches *w)
{
	struct bio *bio = w->bio;
	struct kt_rq_bios *e;

	if (!bio)
		return 1;
	e = KT_RESERVE_MORE(&w->hit, rq_bios);
	if (!e)
		return 1;
	e->first = w->n;
	e->rq = (u64)w->rq;
#pragma clang loop unroll(full)
	for (int i = 0; i < WALK_BATCH; i++) {
		e->bio[i] = (u64)bio;
		if (bio) {
			w->n++;
			bio = bio->bi_next;
		}
	}
	KT_SUBMIT(e);
	w->bio = bio;
	return !bio;
}

/*
 * Emits the bios after the first in batches. Returns how many the request carries, as far as they were
 * visited; if there are more, or a batch found no room, *flags gets KT_RQ_TRUNCATED.
 */
static __always_inline u32 emit_bios(struct kt_hit *hit, struct request *rq, struct bio *bio,
				     u32 *flags)
{
	struct bio_batches w = {*hit, rq, NULL, 1};

	if (!bio)
		return 0;
	w.bio = bio->bi_next;
	if (!w.bio)
		return 1;
	/* A loop would be verified batch by batch, which takes long. */
	bpf_loop(WALK_BATCHES, emit_batch, &w, 0);
	if (w.bio)
		*flags |= KT_RQ_TRUNCATED;
	return w.n;
}

KT_PROG(request, block_getrq, block_getrq, struct bio *bio)
{
	struct kt_rq_get *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_request__block_getrq) || !kt_wants_bio(&hit, bio))
		return 0;
	e = KT_RESERVE(&hit, rq_get);
	if (!e)
		return 0;
	e->dev = bio->bi_bdev->bd_dev;
	e->bio = (u64)bio;
	KT_SUBMIT(e);
	return 0;
}

KT_PROG(request, block_rq_insert, block_rq_insert, struct request *rq)
{
	struct kt_rq_insert *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_request__block_rq_insert) || !kt_wants_request(&hit, rq))
		return 0;
	e = KT_RESERVE(&hit, rq_insert);
	if (!e)
		return 0;
	e->dev = disk_dev(rq);
	e->rq = (u64)rq;
	e->bio = (u64)rq->bio;
	KT_SUBMIT(e);
	return 0;
}

KT_PROG(request, block_rq_issue, block_rq_issue, struct request *rq)
{
	struct block_device *part;
	struct kt_rq_issue *e;
	struct kt_hit hit;
	struct bio *bio;
	u32 flags, n;

	if (!kt_hit_begin(&hit, KT_HOOK_request__block_rq_issue) || !kt_wants_request(&hit, rq))
		return 0;
	bio = rq->bio;
	/* No bio was queued that told of the disk. */
	if (!bio || (rq->cmd_flags & KT_OP_MASK) >= kt_enum_REQ_OP_DRV_IN)
		disk_used(&hit, rq);
	flags = rq_flags(rq);
	n = emit_bios(&hit, rq, bio, &flags);
	e = KT_RESERVE(&hit, rq_issue);
	if (!e)
		return 0;
	part = rq->part;
	e->part_dev = part ? part->bd_dev : 0;
	e->rq = (u64)rq;
	e->sector = rq->__sector;
	e->bytes = rq->__data_len;
	e->opf = rq->cmd_flags;
	e->dev = disk_dev(rq);
	e->flags = flags;
	e->bio = (u64)bio;
	e->n_bios = n;
	e->segments = rq->nr_phys_segments;
	KT_SUBMIT(e);
	return 0;
}

KT_PROG(request, block_rq_requeue, block_rq_requeue, struct request *rq)
{
	struct kt_rq_requeue *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_request__block_rq_requeue) || !kt_wants_request(&hit, rq))
		return 0;
	e = KT_RESERVE(&hit, rq_requeue);
	if (!e)
		return 0;
	e->dev = disk_dev(rq);
	e->rq = (u64)rq;
	KT_SUBMIT(e);
	return 0;
}

/* rq is the one that ends. Its neighbour has taken over its bios: the chain from rq->bio is still its own. */
KT_PROG(request, block_rq_merge, block_rq_merge, struct request *rq)
{
	struct kt_rq_merge *e;
	struct kt_hit hit;
	struct bio *bio;
	u32 flags, n;

	if (!kt_hit_begin(&hit, KT_HOOK_request__block_rq_merge) || !kt_wants_request(&hit, rq))
		return 0;
	if (kt_filter.kinds)
		kt_untrack(&hit, rq, KT_OBJECT_REQUEST);
	bio = rq->bio;
	flags = rq_flags(rq);
	n = emit_bios(&hit, rq, bio, &flags);
	e = KT_RESERVE(&hit, rq_merge);
	if (!e)
		return 0;
	e->dev = disk_dev(rq);
	e->rq = (u64)rq;
	e->bio = (u64)bio;
	e->n_bios = n;
	e->flags = flags;
	KT_SUBMIT(e);
	return 0;
}

/*
 * The hard interrupt that brought this completion: the one that runs, or the one that raised the soft one that runs. It is not
 * known of what completes in a task, or after an inter-processor interrupt.
 */
static __always_inline void fill_irq(struct kt_rq_complete *e)
{
	struct kt_cpu *c = kt_cpu_here();
	u64 since = 0, age;

	e->irq_age_ns = e->irq = 0;
	if (!c)
		return;
	if (c->hard_ns) {
		since = c->hard_ns;
		e->irq = c->hard_nr;
	} else if (c->soft_ns && c->cause_ns) {
		since = c->cause_ns;
		e->irq = c->cause_nr;
	}
	if (!since)
		return;
	age = e->ts_ns > since ? e->ts_ns - since : 1;
	e->irq_age_ns = age < 0xffffffff ? age : 0;
}

/*
 * Fires before the kernel takes the bytes off __data_len: a part is smaller than what is left. The data of a flush
 * sequence completes as a whole and yet the request goes on; its end is a second completion, of 0 bytes. The kernel's own
 * flush request, which carries the same flag, ends at its first.
 */
KT_PROG(request, block_rq_complete, block_rq_complete, struct request *rq, u8 status,
	unsigned int bytes)
{
	struct kt_rq_complete *e;
	struct kt_hit hit;
	u32 flags;

	if (!kt_hit_begin(&hit, KT_HOOK_request__block_rq_complete))
		return 0;
	flags = rq_flags(rq);
	if (bytes >= rq->__data_len &&
	    (!(flags & KT_RQ_FLUSH_SEQ) || (rq->cmd_flags & KT_OP_MASK) == kt_enum_REQ_OP_FLUSH))
		flags |= KT_RQ_FINAL;
	if (!kt_wants_end(&hit, rq, !bytes))
		return 0;
	if (kt_filter.kinds)
		kt_forget_complete(&hit, rq, bytes, flags & KT_RQ_FINAL);
	e = KT_RESERVE(&hit, rq_complete);
	if (!e)
		return 0;
	e->bytes = bytes;
	e->rq = (u64)rq;
	e->bio = (u64)rq->bio;
	e->status = status;
	fill_irq(e);
	e->flags = flags;
	e->opf = rq->cmd_flags;
	e->dev = disk_dev(rq);
	KT_SUBMIT(e);
	return 0;
}
