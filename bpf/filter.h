/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Filters follow the object: whether a bio is wanted is decided once, where its owner is known, at its queueing. From then on it is
 * known by its address, and so is the request that carries it, whatever context they go on in. Nothing here is
 * left of a program when there is no filter: kt_filter is constant to the verifier.
 */
#ifndef KT_BPF_FILTER_H
#define KT_BPF_FILTER_H

#include <asm-generic/errno-base.h>

#include "bpf/ktrace.bpf.h"

#define KT_CGROUP_DEPTH 32   /* cgroups nested deeper do not match what is above */
#define KT_FILTER_BIOS 1024  /* bios of one request that are looked at */
#define KT_FILTER_FLUSHES 64 /* requests waiting for one flush that are looked at */
#define KT_FILTER_OF_TASK (KT_FILTER_PID | KT_FILTER_TID | KT_FILTER_COMM | KT_FILTER_CGROUP)

/* What filters keep of objects that match: key = the object's address + enum kt_filter_object. */
enum kt_filter_object {
	KT_OBJECT_BIO = 1,
	KT_OBJECT_REQUEST = 2,
	KT_OBJECT_URING = 3, /* an io_uring request */
	KT_OBJECT_SYNC = 4,  /* a task in an fsync */
};

struct kt_filter_objects_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u8);
};

/* The children of the processes asked for. Of very many the oldest make room: most have ended. */
struct kt_filter_pids_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8);
};

#define KT_OP_MASK 0xff /* of bi_opf and cmd_flags: REQ_OP_* */

/* Defined in core.bpf.c. */
extern const volatile struct kt_filter kt_filter;
extern const volatile __u32 kt_enum_REQ_OP_FLUSH, kt_enum_REQ_OP_DRV_IN, kt_enum___REQ_PREFLUSH,
	kt_enum___REQ_SWAP;
extern volatile __u32 kt_filter_children; /* there has been one in kt_filter_pids */
extern struct kt_filter_objects_map kt_filter_objects SEC(".maps");
extern struct kt_filter_pids_map kt_filter_pids SEC(".maps");

/* ------------------------------------------------------------------ objects */

/* How many tracked objects share a slot: most objects are told from it not to be, without a look into the map. */
#define KT_FILTER_SLOT_BITS 13
#define KT_FILTER_SLOTS (1u << KT_FILTER_SLOT_BITS)

extern volatile __u32 kt_filter_slots[KT_FILTER_SLOTS];

static __always_inline u64 kt_object_key(struct kt_run *r, const void *object, u64 kind)
{
	return kt_as_number(object, &r->stat->hook[r->hook].scratch) + kind;
}

static __always_inline volatile __u32 *kt_filter_slot(u64 key)
{
	return &kt_filter_slots[key * 0x9e3779b97f4a7c15ull >> (64 - KT_FILTER_SLOT_BITS)];
}

/* address: a number, that is not what the verifier knows for a pointer. */
static __always_inline bool kt_is_tracked_at(u64 address, enum kt_filter_object kind)
{
	u64 key = address + kind;

	return *kt_filter_slot(key) && bpf_map_lookup_elem(&kt_filter_objects, &key);
}

static __always_inline bool kt_is_tracked(struct kt_run *r, const void *object,
					  enum kt_filter_object kind)
{
	return kt_is_tracked_at(kt_object_key(r, object, 0), kind);
}

/* False: no room. It is counted as a loss of the run's event. */
static __always_inline bool kt_track(struct kt_run *r, const void *object,
				     enum kt_filter_object kind)
{
	u64 key = kt_object_key(r, object, kind);
	u8 yes = 1;
	long err = bpf_map_update_elem(&kt_filter_objects, &key, &yes, BPF_NOEXIST);

	if (!err)
		__sync_fetch_and_add(kt_filter_slot(key), 1);
	if (!err || err == -EEXIST)
		return true;
	kt_lose(r->stat);
	r->stat->hook[r->hook].lost++;
	return false;
}

/* Was it tracked? */
static __always_inline bool kt_untrack(struct kt_run *r, const void *object,
				       enum kt_filter_object kind)
{
	u64 key = kt_object_key(r, object, kind);

	if (!*kt_filter_slot(key) || bpf_map_delete_elem(&kt_filter_objects, &key))
		return false;
	__sync_fetch_and_sub(kt_filter_slot(key), 1);
	return true;
}

/* ------------------------------------------------------------------ tasks */

static __always_inline bool kt_comm_matches(struct task_struct *t)
{
	u64 comm[2];

	if (bpf_probe_read_kernel(comm, sizeof(comm), t->comm))
		return false;
	for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_comms; i++)
		if (comm[0] == kt_filter.comms[i][0] && comm[1] == kt_filter.comms[i][1])
			return true;
	return false;
}

/* A cgroup of the v2 tree. Its ancestors are asked, so one that is made later needs no care. */
static __always_inline bool kt_cgroup_matches(struct cgroup *cgrp)
{
	for (u32 depth = 0; depth < KT_CGROUP_DEPTH && cgrp; depth++) {
		struct cgroup_subsys_state *parent;
		u64 id = cgrp->kn->id;

		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_cgroups; i++)
			if (id == kt_filter.cgroups[i])
				return true;
		parent = cgrp->self.parent;
		if (!parent)
			break;
		cgrp = parent->cgroup;
	}
	return false;
}

static __always_inline bool kt_pid_matches(u32 tgid)
{
	for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_pids; i++)
		if (tgid == kt_filter.pids[i])
			return true;
	return kt_filter_children && bpf_map_lookup_elem(&kt_filter_pids, &tgid);
}

/* The kinds of filters that the current task satisfies. Out of line: verified once in a program, however often it is asked. */
__noinline __attribute__((weak)) int kt_filter_current(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 has = 0;

	if ((kt_filter.kinds & KT_FILTER_PID) && kt_pid_matches(t->tgid))
		has |= KT_FILTER_PID;
	if (kt_filter.kinds & KT_FILTER_TID)
		for (u32 i = 0; i < KT_FILTER_MAX && i < kt_filter.n_tids; i++)
			if ((u32)t->pid == kt_filter.tids[i])
				has |= KT_FILTER_TID;
	/* The name of its process, too: io_uring's threads have names of their own. */
	if ((kt_filter.kinds & KT_FILTER_COMM) &&
	    (kt_comm_matches(t) || kt_comm_matches(t->group_leader)))
		has |= KT_FILTER_COMM;
	if ((kt_filter.kinds & KT_FILTER_CGROUP) && kt_cgroup_matches(t->cgroups->dfl_cgrp))
		has |= KT_FILTER_CGROUP;
	return has;
}

/* ------------------------------------------------------------------ bios */

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

	return kt_dev_matches(bdev->bd_dev) ||
	       kt_dev_matches(KT_MKDEV(disk->major, disk->first_minor));
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

static __always_inline bool kt_filter_all(u32 has)
{
	return (has & kt_filter.kinds) == kt_filter.kinds;
}

/* A new bio is of no interest. One whose end was missed may have lived at its address. */
static __always_inline void kt_leave_out(struct kt_run *r, struct bio *bio)
{
	kt_untrack(r, bio, KT_OBJECT_BIO);
	kt_run_filtered(r);
}

/*
 * A bio at its birth: the kinds its owner satisfies, and by itself. These three and kt_wants_request() have counted the run
 * if they return false: there is nothing more to do.
 */
static __always_inline bool kt_wants_new_bio(struct kt_run *r, struct bio *bio, u32 has)
{
	if (kt_filter_all(has | kt_filter_bio(bio)))
		return kt_track(r, bio, KT_OBJECT_BIO);
	kt_leave_out(r, bio);
	return false;
}

/* One that is born of another. */
static __always_inline bool kt_wants_part(struct kt_run *r, struct bio *bio, void *parent)
{
	if (!kt_filter.kinds)
		return true;
	if (kt_is_tracked(r, parent, KT_OBJECT_BIO))
		return kt_track(r, bio, KT_OBJECT_BIO);
	kt_run_filtered(r);
	return false;
}

/* One whose birth was judged. */
static __always_inline bool kt_wants_bio(struct kt_run *r, struct bio *bio)
{
	if (!kt_filter.kinds || kt_is_tracked(r, bio, KT_OBJECT_BIO))
		return true;
	kt_run_filtered(r);
	return false;
}

/* ------------------------------------------------------------------ requests */

static __always_inline bool kt_carries_tracked(struct kt_run *r, struct bio *bio)
{
	for (int i = 0; i < KT_FILTER_BIOS && bio; i++, bio = bio->bi_next)
		if (kt_is_tracked(r, bio, KT_OBJECT_BIO))
			return true;
	return false;
}

/* A flush carries no bio: it is for those that wait for it. */
static __always_inline bool kt_flush_is_wanted(struct kt_run *r, struct request *rq)
{
	struct blk_flush_queue *fq = rq->mq_hctx->fq;
	struct list_head *head, *node;
	u32 running;

	if ((rq->cmd_flags & KT_OP_MASK) != kt_enum_REQ_OP_FLUSH || !fq)
		return false;
	running = BPF_CORE_READ_BITFIELD_PROBED(fq, flush_running_idx);
	head = running ? &fq->flush_queue[1] : &fq->flush_queue[0];
	node = BPF_CORE_READ(head, next);
	for (int i = 0; i < KT_FILTER_FLUSHES && node && node != head; i++) {
		struct request *waits;
		u64 at = (u64)node;

		if (bpf_core_field_exists(((struct request___flush *)0)->flush.list))
			at -= bpf_core_field_offset(struct request___flush, flush.list);
		else
			at -= bpf_core_field_offset(struct request, queuelist);
		waits = (struct request *)at;
		if (kt_is_tracked(r, waits, KT_OBJECT_REQUEST) ||
		    kt_is_tracked(r, BPF_CORE_READ(waits, bio), KT_OBJECT_BIO))
			return true;
		node = BPF_CORE_READ(node, next);
	}
	return false;
}

/* The device and the operation of what no bio was queued for: a flush, a command passed through. */
static __always_inline bool kt_bare_is_wanted(struct request *rq)
{
	struct gendisk *disk = rq->q->disk;
	u32 op = rq->cmd_flags & KT_OP_MASK;

	if (kt_filter.kinds & ~(KT_FILTER_DISK | KT_FILTER_OP))
		return false;
	if ((kt_filter.kinds & KT_FILTER_DISK) &&
	    !(disk && kt_dev_matches(KT_MKDEV(disk->major, disk->first_minor))))
		return false;
	return !(kt_filter.kinds & KT_FILTER_OP) ||
	       (op < 64 && (kt_filter.rq_ops >> (op & 63) & 1));
}

static __always_inline bool kt_request_is_wanted(struct kt_run *r, struct request *rq)
{
	if (!rq->bio || (rq->cmd_flags & KT_OP_MASK) >= kt_enum_REQ_OP_DRV_IN)
		return kt_bare_is_wanted(rq) || kt_flush_is_wanted(r, rq);
	return kt_carries_tracked(r, rq->bio);
}

/* One that goes on: it is wanted once it carries a bio that is. */
static __always_inline bool kt_wants_request(struct kt_run *r, struct request *rq)
{
	if (!kt_filter.kinds || kt_is_tracked(r, rq, KT_OBJECT_REQUEST))
		return true;
	if (kt_request_is_wanted(r, rq))
		return kt_track(r, rq, KT_OBJECT_REQUEST);
	kt_run_filtered(r);
	return false;
}

/* One that is complete, or gone into another. An empty flush was seen nowhere before: its bio was. */
static __always_inline bool kt_wants_end(struct kt_run *r, struct request *rq, bool unseen)
{
	if (!kt_filter.kinds || kt_is_tracked(r, rq, KT_OBJECT_REQUEST) ||
	    (unseen && kt_carries_tracked(r, rq->bio)))
		return true;
	kt_run_filtered(r);
	return false;
}

/* Its bios that are complete, bytes of them, are gone; and it, too, if that is its end. */
static __always_inline void kt_forget_complete(struct kt_run *r, struct request *rq, u32 bytes,
					       bool final)
{
	struct bio *bio = rq->bio;

	for (int i = 0; i < KT_FILTER_BIOS && bio; i++, bio = bio->bi_next) {
		u32 size = bio->bi_iter.bi_size;

		if (!final && size > bytes)
			break;
		bytes = size > bytes ? 0 : bytes - size;
		kt_untrack(r, bio, KT_OBJECT_BIO);
	}
	if (final)
		kt_untrack(r, rq, KT_OBJECT_REQUEST);
}

#endif
