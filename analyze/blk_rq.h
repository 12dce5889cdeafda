/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The lives of requests, as the tracker request (request.c) keeps them: births, stages, rows.
 * Nobody else sees this.
 */
#ifndef KT_ANALYZE_BLK_RQ_H
#define KT_ANALYZE_BLK_RQ_H

#include "analyze/blk.h"
#include "format/base/hash.h"

/*
 * Walks whose issue or merge has not come yet: more than CPUs can leave open, unless events are
 * lost.
 */
#define KT_RQ_MAX_WALKS 64

struct kt_rq {
	uint64_t addr;
	int64_t id;
	int64_t birth_ns; /* first insert or issue; KT_NULL: neither was seen */
	int64_t start_ns; /* rq_get of the bio it was got for, else birth_ns */
	int64_t queue_ns; /* first insert or requeue; KT_NULL: none */
	int64_t issue_ns; /* the last one; KT_NULL: none */
	int64_t irq_ns; /* the interrupt began that completed it; KT_NULL: not known, or none did */
	uint64_t sector;
	struct kt_bio_list bios;
	struct kt_rq *older, *newer; /* all that are alive, by birth */
	uint32_t run;
	uint32_t dev, part_dev; /* 0 = not known */
	uint32_t opf, bytes;	/* at the first issue */
	uint32_t n_bios, n_issues;
	uint32_t left;	    /* bytes that are not complete, since the last issue */
	uint64_t first_bio; /* at the last issue; 0: none, or bios ended since */
	uint32_t issue_cpu;
	bool got : 1;	      /* start_ns is an rq_get */
	bool requeued : 1;    /* taken back from the driver, or inserted, since the last issue */
	bool in_sequence : 1; /* its data is complete, its flush sequence goes on */
	bool truncated : 1;   /* more bios than were told of */
	bool lossy : 1;	      /* an event of its life is known to be missing */
};

/* The bios after the first of a request, gathered from rq_bios until its rq_issue or rq_merge. */
struct kt_rq_walk {
	uint64_t rq;
	KT_VEC(uint64_t) bios;
};

/* Completions on one CPU, for who asks what an interrupt there had just done: the last ones. */
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
	int64_t n_evicted;
	KT_VEC(struct kt_rq_recent *) recent; /* by CPU; NULL: nothing was completed there */
	bool ready;			      /* ops */
};

struct kt_rq_state {
	struct kt_engine *e;
	const struct kt_svc_names *names;
	void *names_self;
	const struct kt_svc_bio *bio;
	void *bio_self;
	KT_VEC(struct kt_rq_run *) runs;
	struct kt_slab rqs;
	struct kt_rq *oldest, *newest;
	size_t n_open;
	struct kt_blk_names op_names;
};

struct kt_rq_row {
	int64_t request_id, run_id, device_id, part_device_id;
	const char *op, *flags;
	int64_t sector, size_bytes, start_ns, dur_ns, plug_ns, queue_ns, device_ns, complete_ns,
		issue_cpu, complete_cpu, n_bios, n_issues, error;
	const char *state;
};

extern const struct kt_table kt_rq_table;

/*
 * The run of an event, made on first use: its kernel's constants are there by then. NULL: no
 * memory.
 */
struct kt_rq_run *kt_rq_run(struct kt_rq_state *s, uint32_t run);
/* The same for its context, which may come before the constants. */
struct kt_rq_run *kt_rq_find_run(struct kt_rq_state *s, uint32_t run);

/* A request at an address where none is alive, born now. May evict the oldest. */
int kt_rq_new(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev, uint64_t addr,
	      uint32_t dev, struct kt_rq **ret);

/* A request without any, as a flush, has -1 there: no sector. */
static inline int64_t kt_rq_sector(const struct kt_rq *q)
{
	return q->sector == UINT64_MAX ? KT_NULL : (int64_t)q->sector;
}

/* The last event of it that was seen. */
int64_t kt_rq_last_seen(const struct kt_rq *q);

/*
 * The stages as far as they are over: end KT_NULL = the last one is not. Also what its bios need
 * to know.
 */
struct kt_bio_carrier kt_rq_stages(const struct kt_rq *q, int64_t end);

/* Fills op and flags. */
int kt_rq_name_op(struct kt_rq_run *r, struct kt_rq_row *row, uint32_t opf, bool empty_flush);

/*
 * Fills what follows from q and c, writes the row, and counts the stages of a whole one. end
 * KT_NULL: not seen.
 */
int kt_rq_write(struct kt_rq_state *s, const struct kt_rq *q, const struct kt_bio_carrier *c,
		struct kt_rq_row *row, int64_t end);

/* Alive no more; the memory is the caller's to give back. */
void kt_rq_unlink(struct kt_rq_state *s, struct kt_rq_run *r, struct kt_rq *q);

/* Ends and frees it where no end was seen. state NULL: it was lost; else open_at_end or evicted. */
int kt_rq_close(struct kt_rq_state *s, struct kt_rq *q, const char *state);

#endif
