/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The recorder's place among the tasks that it watches. A load that takes every CPU takes them from the recorder too, and a ring that is
 * not drained in time loses events: so the thread that drains comes before ordinary tasks, for the little that it does, and the
 * compressor gets a larger share than they do. Needs CAP_SYS_NICE, or RLIMIT_RTPRIO and RLIMIT_NICE; without them all goes on as
 * it was started.
 */
#ifndef KT_RECORD_PRIORITY_H
#define KT_RECORD_PRIORITY_H

#include <stdbool.h>

#define KT_NICE_START -20 /* until the run begins, and after its end */
#define KT_NICE_COMPRESS -10

enum kt_priority_got {
	KT_PRIORITY_OFF,    /* not asked for, or a real-time or idle policy was there before */
	KT_PRIORITY_DENIED, /* the kernel would not */
	KT_PRIORITY_NICE,
	KT_PRIORITY_REAL_TIME,
};

struct kt_priority {
	bool on;
	int policy, nice; /* as the recorder was started */
	enum kt_priority_got got;
};

/* Of the calling thread, and of threads that it makes. */
void kt_priority_start(struct kt_priority *p, bool wanted);
/* Of the calling thread, which is to drain. */
void kt_priority_drain(struct kt_priority *p);
/* Of the calling thread, made by one that drains: to compress, and to do what has time. */
void kt_priority_compress(const struct kt_priority *p);
void kt_priority_background(const struct kt_priority *p);
/* The calling thread drains no more. */
void kt_priority_end(const struct kt_priority *p);
/* Of the calling process, a child's: what the recorder was started with. */
void kt_priority_restore(const struct kt_priority *p);

/* For people: what else than asked for; NULL = as asked for. */
const char *kt_priority_text(const struct kt_priority *p);

#endif
