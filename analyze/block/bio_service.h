/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What other families may ask of bio: request, which carries bios; io and page, which link them to their causes and to files and
 * are told of each.
 */
#ifndef KT_ANALYZE_BLOCK_BIO_SERVICE_H
#define KT_ANALYZE_BLOCK_BIO_SERVICE_H

#include "analyze/block/stages.h"
#include "analyze/engine/tracker.h"
#include "format/base/list.h"

struct kt_bio;

extern const struct kt_flow_kind kt_bio_kind;

/*
 * The way of a request that was taken through a flush sequence (flush.h), and of the bio it carries: its stages, each from where the one
 * before ends; some come several times. From the last KT_IO_STAGE_WORKER on they are in the order of their enum, each once.
 */
struct kt_flush_part {
	int64_t start_ns, end_ns;
	uint32_t worker_tid; /* KT_IO_STAGE_WORKER: whom it waited for; 0 = not known */
	uint8_t stage;	     /* enum kt_io_stage */
};

/* Shared: freed with its last holder. */
struct kt_flush_way {
	uint32_t n_refs, n_parts;
	struct kt_flush_part parts[];
};

/* Of the way: for one more who holds it; NULL is fine. */
struct kt_flush_way *kt_flush_way_get(struct kt_flush_way *w);
void kt_flush_way_put(struct kt_flush_way *w);

/* The time of one stage within [from, to]; KT_NULL: it is not there. */
int64_t kt_flush_way_sum(const struct kt_flush_way *w, enum kt_io_stage stage, int64_t from_ns,
			 int64_t to_ns);

/* The bios that a request carries, in their order on the disk. Zero = none. In the owner's memory; do not copy it. */
struct kt_bio_list {
	struct kt_list bios;
	struct kt_bio *next; /* the first that is not complete yet */
	bool partly; /* some of its bytes are complete: no carrier in that state is absorbed by another */
	bool foreign; /* it carries bios that are not known: no filter let them in */
	bool missed; /* a bio of it was found to have ended unseen: the carrier has, and the loss is counted */
};

/* The carrier's stages, as in its row: KT_NULL = none, or not over yet. start_ns KT_NULL: not seen. */
struct kt_bio_carrier {
	int64_t start_ns;
	int64_t plug_ns, queue_ns, device_ns, complete_ns;
	bool lossy;		  /* so are the bios that end with it */
	struct kt_flush_way *way; /* its stages, if it has one: the above are sums. NULL = none */
};

enum kt_bio_drop {
	KT_BIO_DROP_OPEN, /* the carrier ended unseen, at the run's end or because it was evicted */
	KT_BIO_DROP_LOST, /* its end was lost: the bios' too */
	KT_BIO_DROP_MERGED, /* it became a part of its neighbour and has no row */
};

struct kt_bio_observer;

/* Bios go by address and run; a struct kt_bio is alive as long as its list holds it. */
struct kt_svc_bio {
	/* The bio got a carrier of its own. One whose birth was not seen is alive from here on. */
	int (*got)(void *self, const struct kt_ev *ev, uint64_t bio, uint32_t dev);
	/* The bio came over to a neighbour with all the others of its carrier. */
	int (*moved)(void *self, const struct kt_ev *ev, uint64_t bio);
	/* When it got a carrier of its own, unless it moved since; KT_NULL: did not, or is not known. */
	int64_t (*got_ns)(void *self, uint32_t run, uint64_t bio);
	/*
	 * The carrier request_id holds this bio from now on: appended to list unless it is in it. adopt: one whose birth was
	 * not seen counts, too. *ret_got_ns as got_ns(). Returns 1 if it was appended, 0 if not, -errno.
	 */
	int (*carry)(void *self, const struct kt_ev *ev, uint64_t bio, int64_t request_id,
		     struct kt_bio_list *list, bool adopt, int64_t *ret_got_ns);
	/* To be called after carry(), once the carrier's first marks are known: no bio joined before start_ns. */
	void (*settle)(void *self, struct kt_bio_list *list, int64_t start_ns, int64_t queue_ns,
		       int64_t issue_ns);
	/* The next bytes of the list are complete: ends the bios that this covers. c: so far. */
	int (*part)(void *self, const struct kt_ev *ev, struct kt_bio_list *list, uint64_t bytes,
		    uint32_t status, const struct kt_bio_carrier *c);
	/* All are complete. The list is empty afterwards. */
	int (*complete)(void *self, const struct kt_ev *ev, struct kt_bio_list *list,
			uint32_t status, const struct kt_bio_carrier *c);
	/* The carrier is gone and no completion was seen; the bios live on. The list is empty afterwards. */
	int (*drop)(void *self, struct kt_bio_list *list, enum kt_bio_drop how,
		    const struct kt_bio_carrier *c);
	/* Of a live bio: its size and flags as queued (-ENOENT: not known), and its device as submitted. */
	int (*look)(void *self, uint32_t run, uint64_t bio, uint32_t *ret_bytes, uint32_t *ret_opf,
		    uint32_t *ret_dev);
	/* Is one of its bios lossy, if it ends now? */
	bool (*lossy)(void *self, const struct kt_ev *ev, const struct kt_bio_list *list);
	/* The row of the last bio in a list; the io of the first; KT_NULL: it is empty, or not known. */
	int64_t (*last_id)(const struct kt_bio_list *list);
	int64_t (*first_io)(const struct kt_bio_list *list);
	/* To be called in init(); o: static. Observers are told in the order in which they asked. -ENOMEM. */
	int (*observe)(void *self, const struct kt_bio_observer *o, void *arg);
};

struct kt_bios {
	const struct kt_svc_bio *ops;
	void *self;
};

/*
 * What observers are told: all bios of a run, in order of time. Times are
 * KT_NULL where they are not known. Stages follow each other: see struct kt_bio_done.
 */
struct kt_bio_queue;
struct kt_bio_done;

/* What a bio's row says of its cause. KT_NULL, NULL: not known. */
struct kt_bio_cause {
	int64_t io_id, parent_request_id;
	const char *link; /* "exact", "inferred"; static */
};

struct kt_bio_observer {
	/*
	 * A bio was queued: d is its event, bio_id its row to be. *c goes into its row: whoever knows its cause fills it in.
	 * It holds what observers before this one said and, of a clone, what its parent has. parent_bio_id: of a
	 * clone. A split's front is not queued: it has its parent's cause. NULL = not wanted.
	 */
	int (*queued)(void *arg, const struct kt_ev *ev, const struct kt_bio_queue *d,
		      int64_t bio_id, int64_t parent_bio_id, struct kt_bio_cause *c);
	/*
	 * Its row is written. One that was complete before its request was (partial completion) is told of at its own
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

/* A bio that ended. The stages of one that was split are those of the part that ended last. */
struct kt_bio_done {
	uint32_t run;
	int64_t bio_id, io_id, request_id, parent_bio_id, parent_request_id, device_id;
	int64_t start_ns, end_ns; /* KT_NULL: not seen */
	/*
	 * `alloc` lasts from start_ns to the first mark there is; each stage from its mark to the next one that is not
	 * KT_NULL, the last to end_ns. On a disk that takes bios itself there is no `alloc`: mark DEVICE is start_ns.
	 */
	int64_t mark_ns[KT_BIO_N_MARKS];
	const char *op; /* as in its row */
	uint64_t ino, sector;
	uint32_t ino_dev, bytes;
	int64_t offset;	     /* in the file; KT_NULL = not known */
	uint32_t tid, tgid;  /* that queued it; 0 = not known */
	enum kt_state state; /* as in its row */
	bool swapout;	     /* writes to swap: who queues it does not wait for it, as a rule */
	struct kt_flush_way *way; /* instead of the marks but the last; NULL = none */
};

#endif
