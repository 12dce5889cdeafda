/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Dirty pages as extents: who dirtied which bytes of a file, until they are written.
 *
 * A list holds sorted, disjoint extents. A map holds a list for each MiB of a file that has any (a region): this bounds the work
 * for one extent, however large the file. Memory is bounded by the number of extents in total and per list; beyond that the oldest
 * are dropped and counted. Ranges are at most KT_PAGE_MAX bytes long and end before 2^63; the caller ensures that.
 *
 * Written extents are kept for a while, marked: a page may have been dirtied again while it was being added to the bio, and
 * then nobody else is known when it is written a second time.
 */
#ifndef KT_ANALYZE_PAGE_EXTENTS_H
#define KT_ANALYZE_PAGE_EXTENTS_H

#include "analyze/engine/tracker.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/slab.h"

#define KT_PAGE_REGION (1u << 20)
#define KT_PAGE_BYTES 4096u
#define KT_PAGE_MAX (1ull << 31) /* more than a write call can write */

/* An operation that dirtied pages, or several of one task that followed each other in time and place. */
struct kt_page_writer {
	uint32_t refs;
	uint32_t n_writes;
	int64_t utid, ucgid;
	int64_t io_id; /* of the first; KT_NULL = not known */
	int64_t first_ns;
	int64_t end_ns; /* of its last call; KT_NULL = not ended yet, or not a call */
	bool inferred;
};

struct kt_page_extent {
	uint64_t start, end; /* bytes in the file */
	struct kt_page_writer *writer;
	int64_t written_ns; /* when a bio with it was queued; KT_NULL = it is dirty */
};

/* Zero is empty. */
struct kt_page_list {
	KT_VEC(struct kt_page_extent) e;
};

struct kt_page_bio; /* the map's user's */

struct kt_page_file {
	uint32_t run;
	uint32_t dev; /* of the file system; of a block device, itself, with ino 0 */
	uint64_t ino;
};

struct kt_page_map {
	size_t max_extents; /* in all */
	size_t max_list;    /* in one list */
	struct kt_hash regions;
	struct kt_list by_use; /* regions, by last use */
	struct kt_slab region_slab, writer_slab;
	size_t n_extents;
	int64_t n_evicted; /* extents that were dirty */
};

void kt_page_map_init(struct kt_page_map *m, size_t max_extents, size_t max_list);
void kt_page_map_finish(struct kt_page_map *m);

/* The caller gets one reference. NULL: no memory. */
struct kt_page_writer *kt_page_writer_new(struct kt_page_map *m);
void kt_page_writer_put(struct kt_page_map *m, struct kt_page_writer *w);

/* ------------------------------------------------------------------ lists; lists of bios are their user's */

/*
 * Gives [start, end) to w. Dirty extents whose first_ns is after keep_after stay: INT64_MIN keeps all (only gaps are filled),
 * INT64_MAX none. written_ns goes into the new ones. -ENOMEM.
 */
int kt_page_overlay(struct kt_page_map *m, struct kt_page_list *l, uint64_t start, uint64_t end,
		    struct kt_page_writer *w, int64_t written_ns, int64_t keep_after);
/* Index of the first extent that ends after pos; l->e.n: none. */
size_t kt_page_find(const struct kt_page_list *l, uint64_t pos);
/* Drops the references of a list and frees it. */
void kt_page_list_finish(struct kt_page_map *m, struct kt_page_list *l);
/* Bytes of [start, end) that extents cover. */
uint64_t kt_page_covered(const struct kt_page_list *l, uint64_t start, uint64_t end);

/* ------------------------------------------------------------------ the map */

/* w dirtied [start, end); keep_after: as above. */
int kt_page_dirty(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start, uint64_t end,
		  struct kt_page_writer *w, int64_t keep_after);
/* It has been written meanwhile, at t_ns: w's dirty extents there become written. */
int kt_page_written(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		    uint64_t end, struct kt_page_writer *w, int64_t t_ns);
/* w did not dirty it after all. */
int kt_page_undo(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start, uint64_t end,
		 struct kt_page_writer *w);
/*
 * The call w, which was reported when it began, has ended. Writes to a file are serialised: calls that began later and ended before it
 * went first, so what is dirty of them there is now w's.
 */
int kt_page_reclaim(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		    uint64_t end, struct kt_page_writer *w);
/*
 * A bio with these bytes was queued at t_ns: dirty extents there go into ret and are marked as written; for pages that nobody has
 * dirtied, what was written within keep_ns before goes into ret, marked as written.
 */
int kt_page_take(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start, uint64_t end,
		 int64_t t_ns, int64_t keep_ns, struct kt_page_list *ret);

/* ------------------------------------------------------------------ bios, by region: newest last */

/* The bio is in the list of each region that its bytes lie in. */
int kt_page_bio_add(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		    uint64_t end, struct kt_page_bio *b);
void kt_page_bio_del(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		     uint64_t end, struct kt_page_bio *b);
/* The waiting bios of the region that contains pos, in order of arrival. Valid until the next call of another function. */
struct kt_page_bio *const *kt_page_bios(struct kt_page_map *m, const struct kt_page_file *f,
					uint64_t pos, size_t *ret_n);

#endif
