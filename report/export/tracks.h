/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Tracks of a trace by key, and lanes: what overlaps lies side by side, each lane a track of its own under one name. In each lane slices
 * follow one another.
 */
#ifndef KT_REPORT_EXPORT_TRACKS_H
#define KT_REPORT_EXPORT_TRACKS_H

#include "format/base/macros.h"
#include "report/export/trace.h"

/* Ends, the earliest on top. */
struct kt_lane {
	int64_t end_ns;
	uint64_t track;
};
struct kt_lane_heap {
	KT_VEC(struct kt_lane) v;
};

struct kt_track {
	struct kt_track *next; /* of the same hash */
	uint64_t id;	       /* in the trace; of lanes: that of their parent */
	char *name;	       /* of lanes; owned */
	int rank;
	struct kt_lane_heap
		lanes; /* in use, by end; also of a counter of what is open: when each ends */
	int64_t n_open, pending_ns;
	bool pending;
	char key[];
};

struct kt_tracks {
	struct kt_trace *trace; /* borrowed */
	struct kt_hash by_key;
	KT_VEC(struct kt_track *) all;
};

void kt_tracks_finish(struct kt_tracks *ts);
/* The track of that key, made if it is new, and then *ret_new; NULL: no memory. Its id is for the caller to set. */
struct kt_track *kt_tracks_get(struct kt_tracks *ts, bool *ret_new, const char *fmt, ...)
	kt_printf_like(3, 4);
/* A lane that is free from start_ns to end_ns; starts must not decrease. 0: no memory. */
uint64_t kt_tracks_lane(struct kt_tracks *ts, struct kt_track *t, int64_t start_ns, int64_t end_ns);
/* A counter of what is open: one more from start_ns to end_ns. Starts must not decrease. Writes what was before. 0 or -ENOMEM. */
int kt_tracks_count(struct kt_tracks *ts, struct kt_track *t, int64_t start_ns, int64_t end_ns);
/* Writes what is still to be written of it; ends at INT64_MAX are not. */
void kt_tracks_count_end(struct kt_tracks *ts, struct kt_track *t);

#endif
