/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Filters by what a bio tells itself: its disk, operation and cgroup; and whether a bio is wanted. */
#ifndef KT_BPF_FILTER_BIOS_H
#define KT_BPF_FILTER_BIOS_H

#include "bpf/filter/objects.h"
#include "bpf/filter/tasks.h"

#define KT_OP_MASK 0xff /* of bi_opf and cmd_flags: REQ_OP_* */

/* Defined in core.bpf.c. */
extern const volatile __u32 kt_enum_REQ_OP_FLUSH, kt_enum___REQ_PREFLUSH, kt_enum___REQ_SWAP;

static __always_inline bool kt_dev_matches(u32 dev)
{
	for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_disks; i++)
		if (dev == kt_filter.disks[i])
			return true;
	return false;
}

static __always_inline bool kt_bdev_matches(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;

	return kt_dev_matches(bdev->bd_dev) || kt_dev_matches(KT_DISK_DEV(disk));
}

static __always_inline bool kt_opf_is_swap(u32 opf)
{
	return opf & (1u << (kt_enum___REQ_SWAP & 31));
}

static __always_inline bool kt_opf_matches(u32 opf, u32 bytes)
{
	u32 op = opf & KT_OP_MASK;

	/* A write of nothing that flushes. */
	if (!bytes && (opf & (1u << (kt_enum___REQ_PREFLUSH & 31))))
		op = kt_enum_REQ_OP_FLUSH;
	return op < 64 && (kt_filter.rq_ops >> (op & 63) & 1);
}

/* The cgroup that the kernel charges. Where io is a v1 controller it is one of another tree, and ids repeat. */
static __always_inline bool kt_blkg_matches(struct bio *bio)
{
	struct cgroup *cgrp = bio->bi_blkg->blkcg->css.cgroup;

	return cgrp && !cgrp->root->hierarchy_id && kt_cgroup_matches(cgrp);
}

/* The kinds of filters that a bio satisfies by itself, whoever owns it. */
static __always_inline u32 kt_filter_bio(struct bio *bio)
{
	u32 has = 0;

	if ((kt_filter.kinds & KT_FILTER_DISK) && kt_bdev_matches(bio->bi_bdev))
		has |= KT_FILTER_DISK;
	if ((kt_filter.kinds & KT_FILTER_OP) && kt_opf_matches(bio->bi_opf, bio->bi_iter.bi_size))
		has |= KT_FILTER_OP;
	if ((kt_filter.kinds & KT_FILTER_CGROUP) && kt_filter.io_on_v2 && kt_blkg_matches(bio))
		has |= KT_FILTER_CGROUP;
	return has;
}

/* A new bio is of no interest. One whose end was missed may have lived at its address. */
static __always_inline void kt_skip_bio(struct kt_hit *hit, struct bio *bio)
{
	kt_untrack(hit, bio, KT_OBJECT_BIO);
	kt_hit_filtered(hit);
}

/*
 * A bio at its birth: the kinds its owner satisfies, and by itself. These three and kt_wants_request() have counted the run
 * if they return false: there is nothing more to do.
 */
static __always_inline bool kt_wants_new_bio(struct kt_hit *hit, struct bio *bio, u32 has)
{
	if (kt_filter_all(has | kt_filter_bio(bio)))
		return kt_track(hit, bio, KT_OBJECT_BIO);
	kt_skip_bio(hit, bio);
	return false;
}

/* One that is born of another. */
static __always_inline bool kt_wants_part(struct kt_hit *hit, struct bio *bio, void *parent)
{
	if (!kt_filter.kinds)
		return true;
	if (kt_is_tracked(hit, parent, KT_OBJECT_BIO)) {
		/* Told in any case: its parent waits for it. */
		kt_try_track(hit, bio, KT_OBJECT_BIO);
		return true;
	}
	kt_hit_filtered(hit);
	return false;
}

/* One whose birth was judged. */
static __always_inline bool kt_wants_bio(struct kt_hit *hit, struct bio *bio)
{
	if (!kt_filter.kinds || kt_is_tracked(hit, bio, KT_OBJECT_BIO))
		return true;
	kt_hit_filtered(hit);
	return false;
}

#endif
