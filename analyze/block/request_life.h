/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The lives of requests, as the tracker request (request.c) keeps them: births, stages, rows.
 * Internal to that tracker.
 */
#ifndef KT_ANALYZE_BLOCK_REQUEST_LIFE_H
#define KT_ANALYZE_BLOCK_REQUEST_LIFE_H

#include "analyze/block/flush.h"
#include "analyze/core/core_service.h"
#include "analyze/sched/sched_service.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/slab.h"

/*
 * Walks still waiting for their issue or merge: more than the CPUs can have open unless events
 * are lost.
 */
#define KT_RQ_MAX_WALKS 64

struct kt_rq {
	uint64_t addr;
	int64_t id;
	int64_t birth_ns; /* first insert or issue; KT_NULL: neither was seen */
	int64_t start_ns; /* rq_get of the bio it was allocated for, else birth_ns */
	int64_t queue_ns; /* first insert or requeue; KT_NULL: none */
	int64_t issue_ns; /* the last one; KT_NULL: none */
	int64_t irq_ns; /* when the interrupt that completed it began; KT_NULL: not known, or none */
	int64_t device_id, part_device_id; /* at the first issue */
	uint64_t sector;
	struct kt_bio_list bios;
	struct kt_link age; /* in the list of live requests, by birth */
	uint32_t run;
	uint32_t dev, part_dev; /* 0 = not known */
	uint32_t opf, bytes;	/* at the first issue */
	uint32_t n_bios, n_issues;
	uint32_t left;	    /* bytes not complete yet, since the last issue */
	uint64_t first_bio; /* at the last issue; 0: none, or bios ended since */
	uint32_t issue_cpu;
	uint32_t
		worker_tid; /* that inserted it, or issued it if it never was inserted; 0: not known, or none */
	struct kt_flush_seq *seq; /* for a request with data in a flush sequence; else NULL */
	bool got : 1;		  /* start_ns is an rq_get */
	bool requeued : 1;    /* taken back from the driver, or inserted, since the last issue */
	bool in_sequence : 1; /* its data is complete, its flush sequence continues */
	bool truncated : 1;   /* it has more bios than were recorded */
	bool lossy : 1;	      /* an event of its life is known to be missing */
};

/* The bios of a request after the first, collected from rq_bios until its rq_issue or rq_merge. */
struct kt_rq_walk {
	uint64_t rq;
	KT_VEC(uint64_t) bios;
};

/* The last completions on one CPU: what an interrupt there had just completed. */
#define KT_RQ_N_RECENT 4096
#define KT_RQ_MAX_CPUS 65536

struct kt_rq_ended {
	int64_t end_ns, request_id, bio_id;
};

struct kt_rq_recent {
	uint64_t n; /* so far; the last is at (n - 1) % KT_RQ_N_RECENT */
	struct kt_rq_ended v[KT_RQ_N_RECENT];
};

struct kt_rq_run {
	struct kt_hash live; /* address → struct kt_rq */
	struct kt_rq_walk walks[KT_RQ_MAX_WALKS];
	unsigned int n_walks;
	struct kt_blk_ops ops;
	struct kt_blk_stats stats;
	struct kt_flushes flushes;
	int64_t n_evicted;
	KT_VEC(struct kt_rq_recent *) recent; /* by CPU; NULL: no completions there */
	bool ready;			      /* ops */
};

struct kt_rq_state {
	struct kt_engine *e;
	struct kt_names names;
	struct kt_bios bio;
	struct kt_tasks task; /* unset: there is none, or not asked for yet */
	KT_VEC(struct kt_rq_run *) runs;
	struct kt_slab rqs, seqs;
	struct kt_list by_age;
	size_t n_open;
	struct kt_blk_names op_names;
};

struct kt_rq_row {
	int64_t request_id, run_id, device_id, part_device_id;
	const char *op, *flags;
	int64_t sector, size_bytes, start_ns, dur_ns, stage_ns[KT_IO_N_STAGES];
	int64_t issue_cpu, complete_cpu, n_bios, n_issues, error;
	const char *state; /* of how; set by kt_rq_write() */
	enum kt_state how; /* no column */
};

extern const struct kt_table kt_rq_table;

/*
 * The run of an event, created on first use: its kernel's constants are known by then. NULL: no
 * memory.
 */
struct kt_rq_run *kt_rq_run(struct kt_rq_state *s, uint32_t run);
/* The same for its context, which may come before the constants. */
struct kt_rq_run *kt_rq_find_run(struct kt_rq_state *s, uint32_t run);

/* A request at an address where none is alive, born now. May evict the oldest. */
int kt_rq_new(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev, uint64_t addr,
	      uint32_t dev, struct kt_rq **ret);

/* A request without a sector, such as a flush, has -1 there. */
static inline int64_t kt_rq_sector(const struct kt_rq *q)
{
	return q->sector == UINT64_MAX ? KT_NULL : (int64_t)q->sector;
}

/* From the current dev and part_dev. */
void kt_rq_set_device(const struct kt_rq_state *s, struct kt_rq *q);

/* The last event of it that was seen. */
int64_t kt_rq_last_seen(const struct kt_rq *q);

/*
 * The stages that have ended: end KT_NULL = the last one has not. Also what its bios need to
 * know.
 */
struct kt_bio_carrier kt_rq_stages(const struct kt_rq *q, int64_t end);

/* Fills op and flags. */
int kt_rq_name_op(struct kt_rq_run *r, struct kt_rq_row *row, uint32_t opf, bool empty_flush);

/*
 * Fills what follows from q and c, writes the row, and counts the stages of a whole one. end
 * KT_NULL: not seen.
 */
int kt_rq_write(struct kt_rq_state *s, struct kt_rq *q, const struct kt_bio_carrier *c,
		struct kt_rq_row *row, int64_t end);

/* Part of it was completed on that CPU: for kt_svc_request.completed(). */
int kt_rq_remember(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		   int64_t request_id, int64_t bio_id);
/* The run has ended: nothing waits for these any more. */
void kt_rq_release_recent(struct kt_rq_state *s, struct kt_rq_run *r);

/* No longer alive; the caller frees the memory. */
void kt_rq_unlink(struct kt_rq_state *s, struct kt_rq_run *r, struct kt_rq *q);

/* Ends and frees a request whose end was not seen. state NULL: it was lost; else open_at_end or evicted. */
int kt_rq_close(struct kt_rq_state *s, struct kt_rq *q, enum kt_state state);

/* The kernel worker that handles this event. 0: not known, or it is another task. */
uint32_t kt_rq_worker(struct kt_rq_state *s, const struct kt_ev *ev);

/* The first issue of a request of a flush sequence, or of a flush. */
int kt_rq_seq_issued(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		     struct kt_rq *q);
/* Data of a flush sequence is complete, which is not the request's end. */
int kt_rq_seq_data(struct kt_rq_run *r, const struct kt_ev *ev, struct kt_rq *q);
/* The end of a flush, or of a request that one may have held back: if whole, its way goes into *c, for the caller to put. */
int kt_rq_seq_ended(struct kt_rq_run *r, const struct kt_ev *ev, const struct kt_rq *q,
		    bool empty_flush, bool whole, struct kt_bio_carrier *c);

#endif
