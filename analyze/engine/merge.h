/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The k-way merge: streams of several runs, each in time order, as one sequence in time order. At equal times
 * losses come first, so that a flow that ends at that instant counts as open in it; then by run, then by stream.
 *
 * A stream is a queue of decoded blocks. The heap holds the streams that have a current event. Whether the first
 * event may be taken yet is for the caller to decide, by the watermark.
 */
#ifndef KT_ANALYZE_ENGINE_MERGE_H
#define KT_ANALYZE_ENGINE_MERGE_H

#include "analyze/engine/input.h"

/* Which task has a CPU, by the events of its blocks read so far: see blind.h. Zero: not known. */
struct kt_sight {
	bool known, other;
	uint32_t tid;		/* last switched to */
	uint32_t renamed;	/* a process that was renamed since */
	uint64_t came_ns;	/* when it was switched to; times are the file's */
	uint64_t seen_ns;	/* the last sign of it */
	uint64_t other_ns;	/* if other: the first sign of another task */
	uint64_t lost_until_ns; /* the ring lost events up to then */
	uint64_t next_seq;	/* of the next block */
};

/* One stream of one run. */
struct kt_stream {
	uint32_t run, stream;
	/* Timeline of the run: common time = ts_ns - mono_ns + start_ns. */
	uint64_t mono_ns;
	int64_t start_ns;

	struct kt_item *item; /* being read; later ones follow by next. NULL: none */
	struct kt_item **tail;
	size_t at;    /* offset of the current event in item->raw */
	int64_t t_ns; /* its time on the common timeline */
	bool is_loss;

	struct kt_sight sight;

	/* The caller's. */
	int64_t last_ns; /* of the previous event */
	uint64_t lost_told[KT_N_LOSS],
		lost_counted[KT_N_LOSS]; /* by `lost` events; by block headers */
};

struct kt_merge {
	KT_VEC(struct kt_stream *) heap; /* the earliest is heap.v[0] */
	uint64_t held_bytes;		 /* decoded and not yet consumed */
};

/* A time of the file on the common timeline. Unsigned: those of a hostile file may wrap, which is no worse than any other. */
static inline int64_t kt_stream_line(const struct kt_stream *s, uint64_t ts_ns)
{
	return (int64_t)(ts_ns - s->mono_ns + (uint64_t)s->start_ns);
}

static inline const struct kt_event *kt_stream_event(const struct kt_stream *s)
{
	return (const struct kt_event *)(s->item->raw + s->at);
}

/* Zero is empty. Streams are not owned; blocks are, once added. */
void kt_merge_finish(struct kt_merge *m);

/* Takes ownership of a block (raw not NULL, at least one event), also on failure. -ENOMEM. */
int kt_merge_add(struct kt_merge *m, struct kt_stream *s, struct kt_item *item);

/* The stream with the earliest event; NULL: there is none. */
static inline struct kt_stream *kt_merge_first(const struct kt_merge *m)
{
	return m->heap.n ? m->heap.v[0] : NULL;
}

/* Steps over the first stream's event. */
void kt_merge_step(struct kt_merge *m);

#endif
