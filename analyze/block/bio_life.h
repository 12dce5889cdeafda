/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The lives of bios, as the tracker bio (bio.c) keeps them: births, ends, rows. Internal to
 * that tracker.
 *
 * A bio is identified by its address while it lives. It is in `live` until its row is written; it
 * may stay in the list of the request that carried it until that request's last mark is known, and
 * with it the bio's share of the request's stages.
 */
#ifndef KT_ANALYZE_BLOCK_BIO_LIFE_H
#define KT_ANALYZE_BLOCK_BIO_LIFE_H

#include "analyze/block/bio_service.h"
#include "analyze/block/block.h"
#include "analyze/core/core_service.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/slab.h"

#define KT_BIO_N_SHARES KT_BIO_MARK_ENDIO /* the stages of its carrier, by their marks */

struct kt_bio {
	uint64_t addr;
	int64_t id;
	int64_t start_ns;		   /* KT_NULL: birth not seen */
	int64_t got_ns;			   /* its own rq_get */
	int64_t join_ns;		   /* the last of rq_get, bio_merge, rq_merge */
	int64_t own_end_ns;		   /* its own bytes are complete */
	int64_t child_end_ns;		   /* the last split child's end so far */
	int64_t share_ns[KT_BIO_N_SHARES]; /* of its carrier's stages; valid with `shared` */
	int64_t mark_ns[KT_BIO_N_SHARES];  /* where these begin; KT_NULL: it has no such stage */
	int64_t child_mark_ns[KT_BIO_N_SHARES]; /* those of the child that ended at child_end_ns */
	int64_t parent_id, request_id, device_id, utid, ucgid, blkcg_ucgid, ino;
	int64_t offset; /* in its file */
	struct kt_bio_cause cause;
	uint64_t sector;
	struct kt_flush_way *way, *child_way; /* replaces the marks, likewise; NULL: none */
	struct kt_bio *parent;	  /* of a split; still the same bio while parent->id == parent_id */
	struct kt_link age;	  /* in the list of live bios, by birth */
	struct kt_link based_age; /* in the run's list of bios on bio-based disks */
	struct kt_link in_list;	  /* in list */
	struct kt_bio_list *list; /* of the carrier; NULL = none, or it ended */
	uint32_t run;
	uint32_t dev; /* as submitted; 0 = not known */
	uint32_t opf;
	uint32_t bytes; /* as queued */
	uint32_t rest;	/* of these, not split off */
	uint32_t left;	/* of these, not complete */
	uint32_t status;
	uint32_t tid, tgid, ino_dev;
	uint32_t n_children; /* live split children */
	uint32_t n_cuts;     /* by dm, which submits the rest as a further I/O */
	bool sized : 1;	     /* bytes, sector and opf are known */
	bool opf_known : 1;
	bool based : 1; /* its disk takes bios directly */
	bool swapout : 1;
	bool clone : 1; /* the parent was inferred */
	bool moved : 1; /* moved here by rq_merge */
	bool carried : 1;
	bool settled : 1;
	bool lossy : 1; /* an event of its life is known to be missing */
	bool shared : 1;
	bool written : 1; /* its row was; it is no longer alive */
	bool counts : 1;  /* whole: its stages count, in ref */
	kt_flow_ref ref;
};

struct kt_bio_remap_to {
	uint32_t from_dev;
	uint64_t from_sector;
};

struct kt_bio_run {
	struct kt_hash live;   /* address → struct kt_bio */
	struct kt_hash remaps; /* address → struct kt_bio_remap_to */
	struct kt_list based;  /* those on bio-based disks */
	struct kt_blk_ops ops;
	struct kt_blk_stats stats;
	int64_t n_evicted;
	bool ready, filtered; /* ops */
};

struct kt_bio_watch {
	const struct kt_bio_observer *o;
	void *arg;
};

struct kt_bio_state {
	struct kt_engine *e;
	struct kt_names names;
	KT_VEC(struct kt_bio_run *) runs;
	struct kt_slab bios, remaps;
	struct kt_list by_age;
	size_t n_open;
	struct kt_blk_names op_names;
	KT_VEC(struct kt_bio_watch) watches;
};

struct kt_bio_extra_row {
	int64_t bio_id, request_id;
};

extern const struct kt_table kt_bio_table, kt_bio_extra_table;

/*
 * The run of an event, created on first use: its kernel's constants are known by then. NULL: no
 * memory.
 */
struct kt_bio_run *kt_bio_run(struct kt_bio_state *s, uint32_t run);
/* The same for its context, which may come before the constants. */
struct kt_bio_run *kt_bio_find_run(struct kt_bio_state *s, uint32_t run);

/* A bio at an address where none is alive; nothing of it is known. May evict the oldest. */
int kt_bio_new(struct kt_bio_state *s, struct kt_bio_run *r, uint32_t run, uint64_t addr,
	       struct kt_bio **ret);
/* A birth: a bio still alive at that address has ended, and the event was missed. */
int kt_bio_birth(struct kt_bio_state *s, struct kt_bio_run *r, const struct kt_ev *ev,
		 uint64_t addr, struct kt_bio **ret);
/* Its disk takes bios directly. */
void kt_bio_set_based(struct kt_bio_run *r, struct kt_bio *b);

void kt_bio_list_append(struct kt_bio_list *l, struct kt_bio *b);
void kt_bio_list_remove(struct kt_bio *b);

/*
 * Computes the shares of its carrier's stages, if the bio's own end is known.
 */
void kt_bio_share(struct kt_bio *b, const struct kt_bio_carrier *c);

/*
 * Ends. All of these write rows and free what is no longer needed: b is invalid afterwards, and so
 * may be its parents. own_end: its own bytes are complete, it may wait for its children. end: at
 * end_ns. close: no end was seen; state NULL = it was lost, open_at_end, evicted. forget: a bio
 * whose row is written and which is in no list any more.
 */
int kt_bio_own_end(struct kt_bio_state *s, struct kt_bio *b, int64_t t_ns, uint32_t status);
int kt_bio_end(struct kt_bio_state *s, struct kt_bio *b, int64_t end_ns, enum kt_state state);
int kt_bio_close(struct kt_bio_state *s, struct kt_bio *b, enum kt_state state);
int kt_bio_forget(struct kt_bio_state *s, struct kt_bio *b);

#endif
