/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A few threads that run jobs. Jobs begin in the order in which they were submitted; the submitter waits for its own job. The caller
 * limits how many are in flight.
 */
#ifndef KT_ANALYZE_ENGINE_POOL_H
#define KT_ANALYZE_ENGINE_POOL_H

#include <stdbool.h>

struct kt_pool;

/* Embedded in the object to work on, which must stay in place until kt_pool_wait() has returned. */
struct kt_job {
	void (*fn)(struct kt_job *job);
	struct kt_job *next;
	bool done;
};

/* n_threads >= 1. -EAGAIN, -ENOMEM. */
int kt_pool_create(unsigned int n_threads, struct kt_pool **ret);
/* Jobs not yet started are dropped; running ones are finished. NULL is fine. */
void kt_pool_destroy(struct kt_pool *p);

/* p NULL: runs it at once, in this thread. */
void kt_pool_submit(struct kt_pool *p, struct kt_job *job);
void kt_pool_wait(struct kt_pool *p, struct kt_job *job);

#endif
