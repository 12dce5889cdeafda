/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What held back the requests that went through the kernel's flush sequence (block/blk-flush.c).
 *
 * Each hardware queue has one flush request, always at the same address. A request that needs a flush waits in a list until
 * the flush in flight, if there is one, has ended, and until no other request of a sequence has data at the device; then the
 * flush request is passed to a worker (kblockd), which issues it. When it ends, a request without data ends as well; one with
 * data is passed to a worker, which inserts and issues it. After its data it may need another flush.
 *
 * None of this has an event; it follows from the issues and ends of the flush requests, and from when the data was complete.
 * A request was served by the last flush that was issued and completed while it was held.
 */
#ifndef KT_ANALYZE_BLOCK_FLUSH_H
#define KT_ANALYZE_BLOCK_FLUSH_H

#include "analyze/block/bio_service.h"
#include "analyze/block/block.h"

#define KT_FLUSH_N_CYCLES 16 /* remembered per flush request; a power of two */
#define KT_FLUSH_N_BUSY 32
#define KT_FLUSH_MAX_PARTS 20 /* two holds of 6 each, and the data's own */

/* One life of a flush request. */
struct kt_flush_cycle {
	int64_t first_ns; /* its first issue */
	int64_t issue_ns; /* the last one */
	int64_t irq_ns;	  /* the interrupt that completed it; KT_NULL: not known, or none */
	int64_t end_ns;
	uint32_t worker_tid; /* that issued it first; 0: not known */
	uint32_t end_cpu;
};

/* When data of sequences was at the device: disjoint, the newest last. */
struct kt_flush_busy {
	struct {
		int64_t from_ns, until_ns;
	} v[KT_FLUSH_N_BUSY];
	unsigned int n;
};

/* A flush request. */
struct kt_flush_queue {
	uint64_t addr;
	uint64_t n; /* cycles so far; the last is at (n - 1) % KT_FLUSH_N_CYCLES */
	struct kt_flush_cycle cycles[KT_FLUSH_N_CYCLES];
	struct kt_flush_busy busy;
};

struct kt_flush_disk {
	uint32_t dev;
	int64_t doubt_ns; /* something was missed up to here */
	KT_VEC(struct kt_flush_queue *) queues;
	struct kt_flush_busy stray; /* data whose queue is not known */
};

/* Of one run. Zero is empty. */
struct kt_flushes {
	KT_VEC(struct kt_flush_disk *) disks;
	bool partial; /* a filter leaves out the flushes of others */
};

/* Parts of a way being built. */
struct kt_flush_parts {
	unsigned int n; /* 0: unresolved */
	struct kt_flush_part v[KT_FLUSH_MAX_PARTS];
};

/* A request in a sequence that carries data. */
struct kt_flush_seq {
	int64_t left_ns;	      /* when it was inserted, or issued if it never was */
	int64_t data_ns;	      /* when its data was complete; KT_NULL: not yet */
	int64_t data_irq_ns;	      /* the interrupt that completed it; KT_NULL as above */
	int64_t served_ns;	      /* when the flush before it was complete; valid if before.n */
	struct kt_flush_queue *queue; /* of that */
	bool preflush;
	struct kt_flush_parts before; /* what held it back before its data */
};

void kt_flushes_finish(struct kt_flushes *f);

/* A flush request was issued for the first time since its last end. -ENOMEM. */
int kt_flush_issued(struct kt_flushes *f, uint32_t dev, uint64_t addr);
/* It ended. -ENOMEM. */
int kt_flush_ended(struct kt_flushes *f, uint32_t dev, uint64_t addr,
		   const struct kt_flush_cycle *c);
/* A flush, or data of a sequence, of that disk was only partly seen: nothing is known up to t_ns. */
int kt_flush_doubt(struct kt_flushes *f, uint32_t dev, int64_t t_ns);

/* The request left the first hold: q, not issued before, was held back since start_ns. */
void kt_flush_left(struct kt_flushes *f, uint32_t dev, struct kt_flush_seq *q, int64_t start_ns);
/* Its data was complete at q->data_ns. -ENOMEM. */
int kt_flush_data(struct kt_flushes *f, uint32_t dev, const struct kt_flush_seq *q,
		  int64_t start_ns);

/* A request that ends now. */
struct kt_flush_end {
	const struct kt_flush_seq *seq;		      /* NULL: one without data */
	int64_t start_ns, queue_ns, issue_ns, end_ns; /* as in struct kt_rq */
	bool got;
	uint32_t worker_tid; /* that inserted it; 0: not known */
	uint32_t dev, cpu;
};

/*
 * The way it took. *ret NULL: what held it back is not known; otherwise the caller owns it and releases it with
 * kt_flush_way_put(). -ENOMEM.
 */
int kt_flush_way(struct kt_flushes *f, const struct kt_flush_end *e, struct kt_flush_way **ret);

#endif
