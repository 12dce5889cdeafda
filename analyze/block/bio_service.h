/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What other families may ask of bio: request, which carries bios; io and page, which link them to their causes and to files and
 * observe each one.
 */
#ifndef KT_ANALYZE_BLOCK_BIO_SERVICE_H
#define KT_ANALYZE_BLOCK_BIO_SERVICE_H

#include "analyze/block/stages.h"
#include "analyze/engine/tracker.h"
#include "format/base/list.h"

struct kt_bio;

extern const struct kt_flow_kind kt_bio_kind;

/*
 * The way of a request through a flush sequence (flush.h), and of the bio it carries: its stages, each from where the previous
 * one ends; some occur several times. From the last KT_IO_STAGE_WORKER on they are in the order of their enum, each once.
 */
struct kt_flush_part {
	int64_t start_ns, end_ns;
	uint32_t worker_tid; /* KT_IO_STAGE_WORKER: the worker it waited for; 0 = not known */
	uint8_t stage;	     /* enum kt_io_stage */
};

/* Reference-counted. */
struct kt_flush_way {
	uint32_t n_refs, n_parts;
	struct kt_flush_part parts[];
};

/* One more reference to the way; NULL is fine. */
struct kt_flush_way *kt_flush_way_get(struct kt_flush_way *w);
void kt_flush_way_put(struct kt_flush_way *w);

/* The time of one stage within [from, to]; KT_NULL: it has no such stage. */
int64_t kt_flush_way_sum(const struct kt_flush_way *w, enum kt_io_stage stage, int64_t from_ns,
			 int64_t to_ns);

/* The bios that a request carries, in disk order. Zero = none. In the owner's memory; do not copy it. */
struct kt_bio_list {
	struct kt_list bios;
	struct kt_bio *next; /* the first that is not complete yet */
	bool partly; /* some of its bytes are complete: such a carrier cannot be merged into another */
	bool foreign; /* it carries unknown bios: the filter left them out */
	bool missed; /* one of its bios was found to have ended unseen: so has the carrier, and the loss is counted */
};

/* The carrier's stages, as in its row: KT_NULL = none, or still open. start_ns KT_NULL: not seen. */
struct kt_bio_carrier {
	int64_t start_ns;
	int64_t plug_ns, queue_ns, device_ns, complete_ns;
	bool lossy;		  /* as are the bios that end with it */
	struct kt_flush_way *way; /* its stages, if not NULL: the above are then sums */
};

enum kt_bio_drop {
	KT_BIO_DROP_OPEN, /* the carrier ended unseen, at the run's end or because it was evicted */
	KT_BIO_DROP_LOST, /* its end was lost, and that of the bios too */
	KT_BIO_DROP_MERGED, /* it was merged into its neighbour and has no row */
};

struct kt_bio_observer;

/* Bios are identified by address and run; a struct kt_bio is valid as long as its list holds it. */
struct kt_svc_bio {
	/* The bio got its own carrier. If its birth was not seen, it is alive from here on. */
	int (*got)(void *self, const struct kt_ev *ev, uint64_t bio, uint32_t dev);
	/* The bio moved to a neighbour with all the others of its carrier. */
	int (*moved)(void *self, const struct kt_ev *ev, uint64_t bio);
	/* When it got its own carrier, unless it moved since; KT_NULL: it did not, or that is not known. */
	int64_t (*got_ns)(void *self, uint32_t run, uint64_t bio);
	/*
	 * The carrier request_id holds this bio from now on: appended to list unless it is in it. adopt: also a bio whose birth
	 * was not seen. *ret_got_ns as got_ns(). Returns 1 if it was appended, 0 if not, -errno.
	 */
	int (*carry)(void *self, const struct kt_ev *ev, uint64_t bio, int64_t request_id,
		     struct kt_bio_list *list, bool adopt, int64_t *ret_got_ns);
	/* Call it after carry(), once the carrier's first marks are known: no bio joined before start_ns. */
	void (*settle)(void *self, struct kt_bio_list *list, int64_t start_ns, int64_t queue_ns,
		       int64_t issue_ns);
	/* The next bytes of the list are complete: ends the bios that they cover. c: stages so far. */
	int (*part)(void *self, const struct kt_ev *ev, struct kt_bio_list *list, uint64_t bytes,
		    uint32_t status, const struct kt_bio_carrier *c);
	/* All are complete. The list is empty afterwards. */
	int (*complete)(void *self, const struct kt_ev *ev, struct kt_bio_list *list,
			uint32_t status, const struct kt_bio_carrier *c);
	/* The carrier is gone without a completion; the bios live on. The list is empty afterwards. */
	int (*drop)(void *self, struct kt_bio_list *list, enum kt_bio_drop how,
		    const struct kt_bio_carrier *c);
	/* The size and flags of a live bio as queued (-ENOENT: not known), and its device as submitted. */
	int (*look)(void *self, uint32_t run, uint64_t bio, uint32_t *ret_bytes, uint32_t *ret_opf,
		    uint32_t *ret_dev);
	/* Would one of its bios be lossy if it ended now? */
	bool (*lossy)(void *self, const struct kt_ev *ev, const struct kt_bio_list *list);
	/* The row of the last bio in a list; the io of the first; KT_NULL: it is empty, or not known. */
	int64_t (*last_id)(const struct kt_bio_list *list);
	int64_t (*first_io)(const struct kt_bio_list *list);
	/* Call it in init(); o: static. Observers are called in the order in which they registered. -ENOMEM. */
	int (*observe)(void *self, const struct kt_bio_observer *o, void *arg);
};

struct kt_bios {
	const struct kt_svc_bio *ops;
	void *self;
};

/*
 * What observers get: all bios of a run, in time order. Times are
 * KT_NULL if not known. Stages follow each other: see struct kt_bio_done.
 */
struct kt_bio_queue;
struct kt_bio_done;

/* The cause in a bio's row. KT_NULL, NULL: not known. */
struct kt_bio_cause {
	int64_t io_id, parent_request_id;
	const char *link; /* "exact", "inferred"; static */
};

struct kt_bio_observer {
	/*
	 * A bio was queued: d is its event, bio_id the id of its future row. *c goes into that row: an observer that knows the cause
	 * fills it in. On entry it has what earlier observers said or, for a clone, the cause of its parent. parent_bio_id: for a
	 * clone. The front of a split is not queued: it has its parent's cause. NULL = not wanted.
	 */
	int (*queued)(void *arg, const struct kt_ev *ev, const struct kt_bio_queue *d,
		      int64_t bio_id, int64_t parent_bio_id, struct kt_bio_cause *c);
	/*
	 * Its row was written. For a bio that was complete before its request (partial completion), this comes at its own
	 * end, with its request's stages as of then. NULL = not wanted.
	 */
	int (*ended)(void *arg, const struct kt_bio_done *b);
};

enum {
	KT_BIO_MARK_PLUG,
	KT_BIO_MARK_QUEUE,
	KT_BIO_MARK_DEVICE,
	KT_BIO_MARK_COMPLETE,
	KT_BIO_MARK_ENDIO,
	KT_BIO_N_MARKS
};

/* The stage that begins at a mark. */
static inline enum kt_io_stage kt_bio_stage(int mark)
{
	return KT_IO_STAGE_PLUG + mark;
}

_Static_assert(KT_IO_STAGE_PLUG + KT_BIO_MARK_ENDIO == KT_IO_STAGE_ENDIO &&
		       KT_IO_STAGE_PLUG + KT_BIO_MARK_DEVICE == KT_IO_STAGE_DEVICE,
	       "marks and the stages that begin there");

/* A bio that ended. A split bio has the stages of the part that ended last. */
struct kt_bio_done {
	uint32_t run;
	int64_t bio_id, io_id, request_id, parent_bio_id, parent_request_id, device_id;
	int64_t start_ns, end_ns; /* KT_NULL: not seen */
	/*
	 * `alloc` lasts from start_ns to the first mark; each stage from its mark to the next one that is not
	 * KT_NULL, the last to end_ns. On a disk that takes bios directly there is no `alloc`: mark DEVICE is start_ns.
	 */
	int64_t mark_ns[KT_BIO_N_MARKS];
	const char *op; /* as in its row */
	uint64_t ino, sector;
	uint32_t ino_dev, bytes;
	int64_t offset;	     /* in the file; KT_NULL = not known */
	uint32_t tid, tgid;  /* that queued it; 0 = not known */
	enum kt_state state; /* as in its row */
	bool swapout; /* writes to swap: the task that queues it usually does not wait for it */
	struct kt_flush_way *way; /* replaces all marks but the last; NULL = none */
};

#endif
