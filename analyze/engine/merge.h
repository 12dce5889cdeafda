/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The k-way merge: streams of several runs, each in time order, as one sequence in the order of time. At equal times
 * losses come first, so that what ends in that instant is known to have been open in it; then by run, then by stream.
 *
 * A stream is a queue of decoded blocks. The heap holds the streams that have an event at hand. Whether the first
 * event may be taken already is the caller's to say: by the watermark.
 */
#ifndef KT_ANALYZE_ENGINE_MERGE_H
#define KT_ANALYZE_ENGINE_MERGE_H

#include "analyze/engine/input.h"

/* Which task has a CPU, as far as the events of its blocks that were read tell: see blind.h. Zero: not known. */
struct kt_sight {
	bool known, other;
	uint32_t tid;		/* that came with the last switch */
	uint32_t renamed;	/* a process that got a new name since */
	uint64_t came_ns;	/* when it came: times are the file's */
	uint64_t seen_ns;	/* the last sign of it */
	uint64_t other_ns;	/* if other: the first sign of another task */
	uint64_t lost_until_ns; /* the ring lost events up to then */
	uint64_t next_seq;	/* of the block to come */
};

/* One stream of one run. */
struct kt_stream {
	uint32_t run, stream;
	/* Timeline of the run: time on the line = ts_ns - mono_ns + start_ns. */
	uint64_t mono_ns;
	int64_t start_ns;

	struct kt_item *item; /* being read; later ones follow it by next. NULL: none at hand */
	struct kt_item **tail;
	size_t at;    /* of the event at hand, in item->raw */
	int64_t t_ns; /* its time on the line */
	bool is_loss;

	struct kt_sight sight;

	/* The caller's. */
	int64_t last_ns; /* of the event before */
	uint64_t lost_told[KT_N_LOSS],
		lost_counted[KT_N_LOSS]; /* by `lost` events; by block headers */
};

struct kt_merge {
	KT_VEC(struct kt_stream *) heap; /* the earliest is heap.v[0] */
	uint64_t held_bytes;		 /* decoded and not yet used up */
};

/* A time of the file on the line. Unsigned: those of a hostile file may wrap, which is no worse than any other time of it. */
static inline int64_t kt_stream_line(const struct kt_stream *s, uint64_t ts_ns)
{
	return (int64_t)(ts_ns - s->mono_ns + (uint64_t)s->start_ns);
}

static inline const struct kt_event *kt_stream_event(const struct kt_stream *s)
{
	return (const struct kt_event *)(s->item->raw + s->at);
}

/* Zero is empty. Streams are not owned; their blocks are, once given. */
void kt_merge_finish(struct kt_merge *m);

/* Takes a block over (raw not NULL, at least one event), also on failure. -ENOMEM. */
int kt_merge_add(struct kt_merge *m, struct kt_stream *s, struct kt_item *item);

/* The stream whose event is the earliest; NULL: there is none. */
static inline struct kt_stream *kt_merge_first(const struct kt_merge *m)
{
	return m->heap.n ? m->heap.v[0] : NULL;
}

/* Steps over the first stream's event. */
void kt_merge_step(struct kt_merge *m);

#endif
