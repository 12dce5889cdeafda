/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The recorder's priority among the tasks that it watches. A load that takes every CPU takes them from the recorder too, and a ring that is
 * not drained in time loses events: so the draining thread, which does little, runs before ordinary tasks, and the
 * compressor gets a larger share than they do. Needs CAP_SYS_NICE, or RLIMIT_RTPRIO and RLIMIT_NICE; without them the recorder keeps
 * the priority it was started with.
 */
#ifndef KT_RECORD_PRIORITY_H
#define KT_RECORD_PRIORITY_H

#include <stdbool.h>

#define KT_NICE_START -20 /* until the run begins, and after its end */
#define KT_NICE_COMPRESS -10

enum kt_priority_got {
	KT_PRIORITY_OFF,    /* not requested, or there already was a real-time or idle policy */
	KT_PRIORITY_DENIED, /* the kernel refused */
	KT_PRIORITY_NICE,
	KT_PRIORITY_REAL_TIME,
};

struct kt_priority {
	bool on;
	int policy, nice; /* as the recorder was started */
	enum kt_priority_got got;
};

/* For the calling thread and the threads it creates. */
void kt_priority_start(struct kt_priority *p, bool wanted);
/* For the calling thread, which will drain. */
void kt_priority_drain(struct kt_priority *p);
/* For the calling thread, created by a draining one: for compression and anything that is not urgent. */
void kt_priority_compress(const struct kt_priority *p);
void kt_priority_background(const struct kt_priority *p);
/* The calling thread no longer drains. */
void kt_priority_end(const struct kt_priority *p);
/* For the calling process, a child: restores what the recorder was started with. */
void kt_priority_restore(const struct kt_priority *p);

/* For users: what differs from the request; NULL = as requested. */
const char *kt_priority_text(const struct kt_priority *p);

#endif
