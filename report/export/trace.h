/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Writes packets of a Perfetto trace (protos/perfetto/trace of github.com/google/perfetto): tracks, slices, counters. Times are ns of the
 * trace's clock. Names are interned while they are few. Errors are kept: kt_trace_error() at the end.
 */
#ifndef KT_REPORT_EXPORT_TRACE_H
#define KT_REPORT_EXPORT_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "format/base/array.h"
#include "format/base/hash.h"
#include "report/export/pb.h"
#include "report/output/out_file.h"

enum kt_trace_type {
	KT_TRACE_BEGIN = 1,
	KT_TRACE_END = 2,
	KT_TRACE_INSTANT = 3,
	KT_TRACE_COUNTER = 4
};
enum kt_trace_unit { KT_TRACE_UNIT_NS = 1, KT_TRACE_UNIT_COUNT = 2, KT_TRACE_UNIT_BYTES = 3 };
enum kt_trace_names {
	KT_TRACE_CATEGORY,
	KT_TRACE_NAME,
	KT_TRACE_KEY,
	KT_TRACE_VALUE,
	KT_TRACE_N_NAMES
};

struct kt_trace {
	FILE *f;
	bool realtime;		  /* times are ns since 1970 */
	struct kt_pb packet;	  /* in the making */
	struct kt_pb interned;	  /* names that it is the first to use */
	size_t event;		  /* begin of its event */
	struct kt_hash names;	  /* to struct name */
	KT_VEC(void *) all_names; /* owned */
	uint64_t last_uuid;
	bool oom;
};

/* Its file: each begins with the same packet. */
extern const struct kt_out_what kt_trace_what;

/* f is borrowed. realtime: times are CLOCK_REALTIME, first_ns one of them; else they have no known relation to it. */
void kt_trace_init(struct kt_trace *t, FILE *f, bool realtime, int64_t first_ns);
void kt_trace_finish(struct kt_trace *t);
/* 0 or -ENOMEM. Errors of writing are the FILE's. */
int kt_trace_error(const struct kt_trace *t);

/* A new track; siblings of one name are shown as one. parent 0: none. rank: order among its siblings. Gives its id. */
uint64_t kt_trace_track(struct kt_trace *t, uint64_t parent, const char *name, int rank);
/* A counter's track. words: what it counts; NULL: nothing to say. */
uint64_t kt_trace_counter_track(struct kt_trace *t, uint64_t parent, const char *name, int rank,
				enum kt_trace_unit unit, const char *words);

void kt_trace_value(struct kt_trace *t, uint64_t track, int64_t ts_ns, int64_t value);
void kt_trace_end(struct kt_trace *t, uint64_t track, int64_t ts_ns);
/* Begin of a slice, or an instant: then what is to be said of it, then kt_trace_close(). */
void kt_trace_open(struct kt_trace *t, enum kt_trace_type type, uint64_t track, int64_t ts_ns,
		   const char *category, const char *name);
/* One end of an arrow: two slices have the same id. */
void kt_trace_arrow(struct kt_trace *t, uint64_t id);
void kt_trace_int(struct kt_trace *t, const char *key, int64_t value);
void kt_trace_text(struct kt_trace *t, const char *key, const char *value);
/* The same of one of few values. */
void kt_trace_word(struct kt_trace *t, const char *key, const char *value);
void kt_trace_close(struct kt_trace *t);

#endif
