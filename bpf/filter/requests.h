/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whether a request is wanted: by the bios that it carries, or those that wait for it. */
#ifndef KT_BPF_FILTER_REQUESTS_H
#define KT_BPF_FILTER_REQUESTS_H

#include "bpf/filter/bios.h"

#define KT_FILTER_BIOS 65536 /* bios of one request that are looked at */
/* Of these, as nearly all have no more, without calling out for each. */
#define KT_FILTER_BIOS_FEW 16
#define KT_FILTER_FLUSHES 10240 /* requests waiting for one flush: BLK_MQ_MAX_DEPTH */

/* Defined in core.bpf.c. */
extern const volatile __u32 kt_enum_REQ_OP_DRV_IN;
extern volatile __u32
	kt_filter_full; /* a request was not told from others: kt_filter_objects had no room */

/* A walk over the bios of a request. */
struct kt_bio_walk {
	struct kt_hit hit;
	struct bio *bio; /* where it goes on */
	u32 bytes;	 /* kt_forget_next(): so many are complete, and all if */
	u32 final;
	u32 found;
};

static __attribute__((unused)) long kt_carries_next(u32 i, struct kt_bio_walk *w)
{
	struct bio *bio = w->bio;

	if (!bio)
		return 1;
	w->found = kt_is_tracked(&w->hit, bio, KT_OBJECT_BIO);
	w->bio = bio->bi_next;
	return w->found;
}

static __always_inline bool kt_carries_tracked(struct kt_hit *hit, struct bio *bio)
{
	struct kt_bio_walk w = {.hit = *hit};

	for (int i = 0; i < KT_FILTER_BIOS_FEW && bio; i++, bio = bio->bi_next)
		if (kt_is_tracked(hit, bio, KT_OBJECT_BIO))
			return true;
	if (!bio)
		return false;
	w.bio = bio;
	bpf_loop(KT_FILTER_BIOS, kt_carries_next, &w, 0);
	return w.found;
}

/* Of the requests that wait for a flush. */
struct kt_flush_walk {
	u64 node, head; /* addresses */
	u32 found, pad;
};

static __attribute__((unused)) long kt_flush_next(u32 i, struct kt_flush_walk *w)
{
	struct list_head *node = (void *)w->node;
	struct request *waits;
	u64 at = w->node;

	if (!at || at == w->head)
		return 1;
	if (bpf_core_field_exists(((struct request___flush *)0)->flush.list))
		at -= bpf_core_field_offset(struct request___flush, flush.list);
	else
		at -= bpf_core_field_offset(struct request, queuelist);
	waits = (struct request *)at;
	w->found = kt_is_tracked_at(at, KT_OBJECT_REQUEST) ||
		   kt_is_tracked_at((u64)BPF_CORE_READ(waits, bio), KT_OBJECT_BIO);
	w->node = (u64)BPF_CORE_READ(node, next);
	return w->found;
}

/* A flush carries no bio: it is for those that wait for it. */
static __always_inline bool kt_flush_is_wanted(struct kt_hit *hit, struct request *rq)
{
	struct blk_flush_queue *fq = rq->mq_hctx->fq;
	struct kt_flush_walk w = {};
	struct list_head *head;
	u32 running;

	if ((rq->cmd_flags & KT_OP_MASK) != kt_enum_REQ_OP_FLUSH || !fq)
		return false;
	running = BPF_CORE_READ_BITFIELD_PROBED(fq, flush_running_idx);
	head = running ? &fq->flush_queue[1] : &fq->flush_queue[0];
	w.head = kt_as_number(head, &hit->stat->hook[hit->hook].scratch);
	w.node = (u64)BPF_CORE_READ(head, next);
	bpf_loop(KT_FILTER_FLUSHES, kt_flush_next, &w, 0);
	return w.found;
}

/* The device and the operation of what no bio was queued for: a flush, a command passed through. */
static __always_inline bool kt_bare_is_wanted(struct request *rq)
{
	struct gendisk *disk = rq->q->disk;
	u32 op = rq->cmd_flags & KT_OP_MASK;

	if (kt_filter.kinds & ~(KT_FILTER_DISK | KT_FILTER_OP))
		return false;
	if ((kt_filter.kinds & KT_FILTER_DISK) && !(disk && kt_dev_matches(KT_DISK_DEV(disk))))
		return false;
	return !(kt_filter.kinds & KT_FILTER_OP) ||
	       (op < 64 && (kt_filter.rq_ops >> (op & 63) & 1));
}

static __always_inline bool kt_request_is_wanted(struct kt_hit *hit, struct request *rq)
{
	if (!rq->bio || (rq->cmd_flags & KT_OP_MASK) >= kt_enum_REQ_OP_DRV_IN)
		return kt_bare_is_wanted(rq) || kt_flush_is_wanted(hit, rq);
	return kt_carries_tracked(hit, rq->bio);
}

/* One that goes on: it is wanted once it carries a bio that is. */
static __always_inline bool kt_wants_request(struct kt_hit *hit, struct request *rq)
{
	if (!kt_filter.kinds || kt_is_tracked(hit, rq, KT_OBJECT_REQUEST))
		return true;
	if (kt_request_is_wanted(hit, rq)) {
		/* Without room it is told from others by its bios, each time. */
		if (!kt_try_track(hit, rq, KT_OBJECT_REQUEST))
			kt_filter_full = 1;
		return true;
	}
	kt_hit_filtered(hit);
	return false;
}

/* One that is complete, or gone into another. An empty flush was seen nowhere before: its bio was. */
static __always_inline bool kt_wants_end(struct kt_hit *hit, struct request *rq, bool unseen)
{
	if (!kt_filter.kinds || kt_is_tracked(hit, rq, KT_OBJECT_REQUEST) ||
	    ((unseen || kt_filter_full) && kt_carries_tracked(hit, rq->bio)))
		return true;
	kt_hit_filtered(hit);
	return false;
}

/* The next bio of the walk is complete, or it is over. */
static __always_inline long kt_forget_next(u32 i, struct kt_bio_walk *w)
{
	struct bio *bio = w->bio;
	u32 size;

	if (!bio)
		return 1;
	size = bio->bi_iter.bi_size;
	if (!w->final && size > w->bytes)
		return 1;
	w->bytes = size > w->bytes ? 0 : w->bytes - size;
	kt_untrack(&w->hit, bio, KT_OBJECT_BIO);
	w->bio = bio->bi_next;
	return 0;
}

static __attribute__((unused)) long kt_forget_more(u32 i, struct kt_bio_walk *w)
{
	return kt_forget_next(i, w);
}

/* Its bios that are complete, bytes of them, are gone; and it, too, if that is its end. */
static __always_inline void kt_forget_complete(struct kt_hit *hit, struct request *rq, u32 bytes,
					       bool final)
{
	struct kt_bio_walk w = {.hit = *hit, .bytes = bytes, .final = final};
	long over = 0;

	w.bio = rq->bio;
	for (int i = 0; i < KT_FILTER_BIOS_FEW && !over; i++)
		over = kt_forget_next(i, &w);
	if (!over)
		bpf_loop(KT_FILTER_BIOS, kt_forget_more, &w, 0);
	if (final)
		kt_untrack(hit, rq, KT_OBJECT_REQUEST);
}

#endif
