/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * One .ktr being read: its blocks in file order, decoded ahead by the pool; what it says about
 * the run (clocks, context) is collected on the way.
 */
#ifndef KT_ANALYZE_ENGINE_INPUT_H
#define KT_ANALYZE_ENGINE_INPUT_H

#include "analyze/engine/pool.h"
#include "format/base/array.h"
#include "format/ktr.h"

#define KT_WALL_ERROR_MAX (1ll << 60) /* ns: more is none */
#define KT_WALL_UNKNOWN INT64_MAX

/* The tar of one phase, assembled from its blocks. */
struct kt_tar {
	KT_VEC(struct kt_tar_part) parts; /* by number; data NULL: not seen yet */
	uint32_t n_parts;		  /* 0: not known yet */
	char *data;			  /* NULL until all parts are there */
	size_t len;
	bool used; /* data was used and freed: copies are ignored */
};

struct kt_tar_part {
	void *data;
	size_t len;
};

/* The next thing in the file. */
struct kt_item {
	struct kt_job job;
	struct kt_item *next;
	bool is_damage;
	struct ktr_damage damage; /* if is_damage; else: */
	struct ktr_block_info info;
	uint64_t offset;
	void *comp;			/* until it is decoded */
	const struct kt_schema *schema; /* owned by the reader */
	struct kt_map *map;		/* owned by the input */
	unsigned char *raw; /* info.raw_len bytes of events; NULL: it holds none, or err */
	int err;	    /* of decoding */
};

struct kt_input {
	char *name;		   /* as people know it */
	struct ktr_reader *reader; /* the caller's */
	const struct ktr_run_info *info;
	struct kt_pool *pool; /* the caller's; NULL = decode here */
	bool have_clocks;
	struct ktr_clocks clocks; /* at the official start; once kt_input_prepare() is done */
	bool have_end;
	struct ktr_clocks end_clocks; /* at the end */
	/* How far CLOCK_REALTIME was off at the start, by all readings so far; KT_WALL_UNKNOWN: nothing synchronised it. */
	int64_t wall_error_ns;
	struct kt_tar context[2]; /* at the start, at the end */
	bool context_only;	  /* set by the caller: skip events */
	uint64_t n_good;	  /* blocks of use */

	/* Private. */
	struct kt_item *head, **tail; /* read, not yet handed out */
	size_t n_ahead, max_ahead;
	uint64_t ahead_bytes;
	uint64_t watermark_ns;
	bool eof;
	KT_VEC(struct kt_input_schema) schemas;
};

struct kt_input_schema {
	uint32_t crc;
	const struct kt_schema *schema;
	struct kt_map *map;
};

/* r is open and stays the caller's. n_threads: of the pool. */
int kt_input_create(const char *name, struct ktr_reader *r, struct kt_pool *pool,
		    unsigned int n_threads, struct kt_input **ret);
void kt_input_destroy(struct kt_input *in);

/*
 * Reads ahead until it has clocks and the first context. If they are damaged, a second reader of path looks for later
 * copies (NULL: it cannot be read twice). It is not an error if there are none.
 */
int kt_input_prepare(struct kt_input *in, const char *path);

/* CLOCK_MONOTONIC of the first event, if it is not too far ahead; UINT64_MAX: none found. After kt_input_prepare(). */
int kt_input_first_ns(struct kt_input *in, uint64_t *ret_ns);

/* The next block of events, or damage: 1 and *ret, to be freed by the caller; 0 at the end; -errno for our own errors, not the file's. */
int kt_input_next(struct kt_input *in, struct kt_item **ret);
void kt_item_destroy(struct kt_item *item);

#endif
