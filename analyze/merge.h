/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The k-way merge: streams of several runs, each in time order, as one sequence in the order of time. At equal times
 * losses come first, so that what ends in that instant is known to have been open in it; then by run, then by stream.
 *
 * A stream is a queue of decoded blocks. The heap holds the streams that have an event at hand. Whether the first
 * event may be taken already is the caller's to say: by the watermark.
 */
#ifndef KT_ANALYZE_MERGE_H
#define KT_ANALYZE_MERGE_H

#include "analyze/input.h"

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

	/* The caller's. */
	int64_t last_ns; /* of the event before */
	uint64_t lost_told[KT_N_LOSS],
		lost_counted[KT_N_LOSS]; /* by `lost` events; by block headers */
};

struct kt_merge {
	KT_VEC(struct kt_stream *) heap; /* the earliest is heap.v[0] */
	uint64_t held_bytes;		 /* decoded and not yet used up */
};

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
