// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* bio: from its queueing to its end. */
#include "bpf/block/disk.h"
#include "bpf/filter/owned.h"
#include "bpf/io/file_name.h"
#include "bpf/io/owner.h"

/* With filters the owner has to be known before there is an event. Times count from 0 until there is one. */
static __always_inline struct kt_bio_queue *scratch_event(void)
{
	u32 zero = 0;
	struct kt_bio_queue *e = bpf_map_lookup_elem(&kt_filter_scratch, &zero);

	if (e)
		e->ts_ns = 0;
	return e;
}

/* What plays no part in whose it is. */
static __always_inline void fill_rest(struct bio *bio, struct task_struct *t,
				      struct kt_bio_queue *e)
{
	e->tid = t->pid;
	e->tgid = t->tgid;
	e->bio = (u64)bio;
	e->cgroup = t->cgroups->dfl_cgrp->kn->id;
	e->blkcg = bio->bi_blkg->blkcg->css.cgroup->kn->id;
	e->flags = bio->bi_bdev->bd_queue->mq_ops ? 0 : KT_BIO_BASED;
	if (kt_opf_is_swap(e->opf))
		e->flags |= KT_BIO_SWAP;
}

static __always_inline void submit_judged(struct kt_hit *hit, struct bio *bio,
					  struct task_struct *t, const struct kt_bio_queue *judged)
{
	struct kt_bio_queue *e = KT_RESERVE(hit, bio_queue);

	if (!e)
		return;
	__builtin_memcpy((void *)e + KT_EVENT_HDR, (void *)judged + KT_EVENT_HDR,
			 sizeof(*e) - KT_EVENT_HDR);
	if (e->io_age_ns)
		e->io_age_ns += e->ts_ns;
	fill_rest(bio, t, e);
	KT_SUBMIT(e);
}

/* No call has told the name of a file that is only mapped. */
static __always_inline void name_mapped(struct task_struct *t, u64 inode)
{
	struct kt_task *k = kt_task_find(t);

	if (k)
		kt_name_check(0, inode, k->fault_ns);
}

KT_PROG(bio, block_bio_queue, block_bio_queue, struct bio *bio)
{
	struct kt_bio_queue *e;
	struct task_struct *t;
	struct kt_hit hit;
	u64 inode, waiter = 0;
	bool mapped;

	if (!kt_hit_begin(&hit, KT_HOOK_bio__block_bio_queue))
		return 0;
	kt_disk_used(&hit, bio->bi_bdev);
	t = bpf_get_current_task_btf();
	if (kt_filter.kinds &&
	    (kt_cannot_match_bio(bio, t) || (kt_with_io && kt_cannot_match_call(bio, t)))) {
		kt_skip_bio(&hit, bio);
		return 0;
	}
	if (kt_filter.kinds)
		e = scratch_event();
	else
		e = KT_RESERVE(&hit, bio_queue);
	if (!e)
		return 0;
	e->sector = bio->bi_iter.bi_sector;
	e->bytes = bio->bi_iter.bi_size;
	e->dev = bio->bi_bdev->bd_dev;
	e->opf = bio->bi_opf;
	e->ino = 0;
	e->ino_dev = 0;
	e->offset = -1;
	e->io = 0;
	e->io_age_ns = 0;
	e->io_tid = 0;
	e->io_kind = 0;
	e->io_flags = 0;
	if (kt_with_io)
		inode = kt_owner_find(bio, t, e, &waiter);
	else
		inode = kt_pages(bio, e, NULL);
	mapped = kt_with_io && inode && e->io_kind == KT_IO_KIND_FAULT;
	if (!kt_filter.kinds) {
		fill_rest(bio, t, e);
		KT_SUBMIT(e);
	} else if (kt_wants_owned(&hit, bio, t, inode, waiter, e)) {
		submit_judged(&hit, bio, t, e);
	} else {
		return 0;
	}
	if (mapped)
		name_mapped(t, kt_as_number((void *)inode, &hit.stat->hook[hit.hook].scratch));
	return 0;
}

/* bio is the front half, a clone with a fresh address; the parent, which keeps the rest, is its bi_private. */
KT_PROG(bio, block_split, block_split, struct bio *bio)
{
	struct kt_bio_split *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_bio__block_split) ||
	    !kt_wants_part(&hit, bio, bio->bi_private))
		return 0;
	e = KT_RESERVE(&hit, bio_split);
	if (!e)
		return 0;
	e->bytes = bio->bi_iter.bi_size;
	e->bio = (u64)bio;
	e->parent = (u64)bio->bi_private;
	e->sector = bio->bi_iter.bi_sector;
	e->dev = bio->bi_bdev->bd_dev;
	e->opf = bio->bi_opf;
	KT_SUBMIT(e);
	return 0;
}

/* What a filter knows of a bio that comes from the device above. */
static __always_inline u32 kinds_of_remapped(struct kt_hit *hit, struct bio *bio, u32 from_dev)
{
	u32 has = kt_filter_current();

	if ((kt_filter.kinds & KT_FILTER_DISK) && kt_dev_matches(from_dev))
		has |= KT_FILTER_DISK;
	if (kt_is_tracked(hit, bio, KT_OBJECT_BIO))
		has |= ~0u;
	return has;
}

/*
 * A partition's remap only adds the partition's offset: the bio keeps its device, and bio_queue, which follows, has the
 * sector on the disk. It tells nothing, so it is left out.
 */
KT_PROG(bio, block_bio_remap, block_bio_remap, struct bio *bio, u32 from_dev, u64 from_sector)
{
	u32 dev = bio->bi_bdev->bd_dev;
	struct kt_bio_remap *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_bio__block_bio_remap))
		return 0;
	if (dev == from_dev) {
		kt_hit_filtered(&hit);
		return 0;
	}
	kt_disk_used(&hit, bio->bi_bdev);
	if (kt_filter.kinds && !kt_wants_new_bio(&hit, bio, kinds_of_remapped(&hit, bio, from_dev)))
		return 0;
	e = KT_RESERVE(&hit, bio_remap);
	if (!e)
		return 0;
	e->from_dev = from_dev;
	e->bio = (u64)bio;
	e->from_sector = from_sector;
	e->sector = bio->bi_iter.bi_sector;
	e->dev = dev;
	e->bytes = bio->bi_iter.bi_size;
	KT_SUBMIT(e);
	return 0;
}

static __always_inline int on_merge(struct bio *bio, u32 hook, u32 front)
{
	struct kt_bio_merge *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, hook) || !kt_wants_bio(&hit, bio))
		return 0;
	e = KT_RESERVE(&hit, bio_merge);
	if (!e)
		return 0;
	e->dev = bio->bi_bdev->bd_dev;
	e->bio = (u64)bio;
	e->front = front;
	e->bytes = bio->bi_iter.bi_size;
	KT_SUBMIT(e);
	return 0;
}

KT_PROG(bio, block_bio_backmerge, block_bio_backmerge, struct bio *bio)
{
	return on_merge(bio, KT_HOOK_bio__block_bio_backmerge, 0);
}

KT_PROG(bio, block_bio_frontmerge, block_bio_frontmerge, struct bio *bio)
{
	return on_merge(bio, KT_HOOK_bio__block_bio_frontmerge, 1);
}

KT_PROG(bio, block_bio_complete, block_bio_complete, struct request_queue *q, struct bio *bio)
{
	struct kt_bio_complete *e;
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_bio__block_bio_complete) || !kt_wants_bio(&hit, bio))
		return 0;
	if (kt_filter.kinds)
		kt_untrack(&hit, bio, KT_OBJECT_BIO);
	e = KT_RESERVE(&hit, bio_complete);
	if (!e)
		return 0;
	e->status = bio->bi_status;
	e->bio = (u64)bio;
	e->dev = bio->bi_bdev->bd_dev;
	e->opf = bio->bi_opf;
	KT_SUBMIT(e);
	return 0;
}
