/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What the trackers bio and request have in common. They share no state through it.
 */
#ifndef KT_ANALYZE_BLOCK_BLOCK_H
#define KT_ANALYZE_BLOCK_BLOCK_H

#include "analyze/block/stages.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/tracker.h"
#include "format/base/array.h"

/* ------------------------------------------------------------------ operations */

/*
 * Names of operations: each text once, at one address, until kt_blk_names_finish().
 * Zero is empty.
 */
struct kt_blk_names {
	KT_VEC(char *) names;
};

void kt_blk_names_finish(struct kt_blk_names *n);

#define KT_BLK_FLAGS_TEXT 112

struct kt_blk_opf {
	uint32_t opf;
	const char *op;		       /* "write"; owned by the names */
	char flags[KT_BLK_FLAGS_TEXT]; /* "sync|fua"; "" = none */
};

#define KT_BLK_OPF_CACHE 128 /* of 2 */

/* The meaning of REQ_* numbers on the kernel of one run. */
struct kt_blk_ops {
	const struct kt_const_table *consts;
	struct kt_blk_names *names;
	const char *flush_name;			  /* "flush" */
	uint32_t flush, discard, drv_in, drv_out; /* operations; UINT32_MAX = not there */
	uint32_t preflush;			  /* a mask; 0 = not there */
	struct kt_blk_opf *cache[KT_BLK_OPF_CACHE];
};

#define KT_BLK_OP(opf) ((opf)&0xff) /* REQ_OP_MASK, 6.1 to 6.18 */

/* consts: those of the run; NULL = those of kconst.def. -ENOMEM. */
int kt_blk_ops_init(struct kt_blk_ops *o, const struct kt_const_table *consts,
		    struct kt_blk_names *n);
void kt_blk_ops_finish(struct kt_blk_ops *o);

/* The texts of an opf; valid until the next call. NULL: no memory. */
const struct kt_blk_opf *kt_blk_opf(struct kt_blk_ops *o, uint32_t opf);

/* A flush without data: the operation is called `flush`, whatever its REQ_OP_*. */
static inline bool kt_blk_is_empty_flush(const struct kt_blk_ops *o, uint32_t opf, uint32_t bytes)
{
	return !bytes && (opf & o->preflush);
}

/* Passthrough: commands that do not come from a file system or block device. */
static inline bool kt_blk_is_passthrough(const struct kt_blk_ops *o, uint32_t opf)
{
	return KT_BLK_OP(opf) == o->drv_in || KT_BLK_OP(opf) == o->drv_out;
}

/* blk_status_t to a negative errno; 0 is 0. As block/blk-core.c blk_errors[]. */
int kt_blk_errno(uint32_t status);

/* ------------------------------------------------------------------ /proc/diskstats */

enum kt_blk_group { KT_BLK_READ, KT_BLK_WRITE, KT_BLK_DISCARD, KT_BLK_FLUSH, KT_BLK_N_GROUPS };

/* Like the kernel's op_stat_group(), plus flushes. */
static inline enum kt_blk_group kt_blk_group(const struct kt_blk_ops *o, uint32_t opf)
{
	uint32_t op = KT_BLK_OP(opf);

	if (op == o->discard)
		return KT_BLK_DISCARD;
	if (op == o->flush)
		return KT_BLK_FLUSH;
	return op & 1 ? KT_BLK_WRITE : KT_BLK_READ;
}

/* A disk or partition: what the kernel counted, and what the trace has. */
struct kt_blk_disk {
	uint32_t dev; /* (major << 20) | minor */
	uint64_t
		node; /* which device with that number the kernel's counters mean: bpf/block/disk.h; 0 = not known */
	bool gone;	 /* another device has the number by now */
	uint32_t parent; /* of a partition, its disk; 0 = it is a disk, or not known */
	int bio_based;	 /* -1 = not known */
	char name[40];	 /* "" = not known */
	bool seen[2];	 /* in the counters of the start, of the end */
	int64_t kernel_ios[2][KT_BLK_N_GROUPS];
	int64_t kernel_sectors[2][KT_BLK_N_GROUPS];
	int64_t kernel_in_flight[2];
	int64_t ios[KT_BLK_N_GROUPS], sectors[KT_BLK_N_GROUPS];
	int64_t max_sectors;		       /* of one completion */
	int64_t window, n_window, most_window; /* I/Os that ended in the last 0.1 s, and in any */
	int64_t open_start, open_end;	       /* seen to be in flight at the start, at the end */
};

/* The disks of one run. Zero is empty. */
struct kt_blk_stats {
	KT_VEC(struct kt_blk_disk *) disks;
	struct kt_blk_disk *recent[64]; /* by hash of dev */
	bool have[2];			/* counters of the start, of the end */
};

void kt_blk_stats_finish(struct kt_blk_stats *s);

/* Takes the context files `disks` and `counters/diskstats`; others are ignored. */
int kt_blk_stats_context(struct kt_blk_stats *s, uint32_t phase, const char *name, const void *data,
			 size_t len);

/* A number may stand for another device from now on. -ENOMEM. */
struct kt_device;
int kt_blk_stats_device(struct kt_blk_stats *s, const struct kt_device *ev);

/* The device that has the number now: found or created. NULL: dev is 0, no memory, or more disks than any machine has. */
struct kt_blk_disk *kt_blk_stats_disk(struct kt_blk_stats *s, uint32_t dev);

/* The disk that a partition is on; dev itself if it is not a partition. */
uint32_t kt_blk_stats_whole(struct kt_blk_stats *s, uint32_t dev);

/* Counts I/Os and bytes of a group for dev and for the disk it is on; they ended at t_ns. */
void kt_blk_stats_count(struct kt_blk_stats *s, uint32_t dev, enum kt_blk_group g, int64_t ios,
			uint64_t bytes, int64_t t_ns);

/*
 * Audit lines `diskstats NAME reads`, `… read_sectors`, the same for write and discard, and `flushes`, for all
 * disks, with or without requests, on which anything happened. Disks that take bios directly have
 * no discards and flushes of their own; the kernel counts flushes for whole disks only. A disk that was idle (nothing in
 * flight) at both ends must agree exactly; one that disappeared during the run, with its counters, is n/a; otherwise counts may differ by what
 * was in flight at both ends together: the larger of diskstats' own figure and of the flows that
 * were open there; sectors by that many of the largest completion. If the trace has less, what holes may have hidden is allowed
 * for: at the rate of the busiest 0.1 s, at the mean size. n/a if the hook that sees their ends was not attached.
 */
int kt_blk_stats_audit(struct kt_blk_stats *s, struct kt_engine *e, uint32_t run, bool bio_based);

/* ------------------------------------------------------------------ SQL */

/* As stage_select of struct kt_tracker. */
void kt_blk_bio_stages(FILE *f);
void kt_blk_request_stages(FILE *f);

extern const char kt_blk_bio_views[];
/* Over the statistics of all flows. */
void kt_blk_stats_views(FILE *f);
extern const char kt_blk_request_views[];

#endif
