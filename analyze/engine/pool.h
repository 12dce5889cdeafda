/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A few threads that work off jobs. Jobs begin in the order they came; whoever gave one waits for that one. The caller
 * bounds how many are under way.
 */
#ifndef KT_ANALYZE_ENGINE_POOL_H
#define KT_ANALYZE_ENGINE_POOL_H

#include <stdbool.h>

struct kt_pool;

/* Embedded in what is to be worked on, which stays in place until kt_pool_wait() returned. */
struct kt_job {
	void (*fn)(struct kt_job *job);
	struct kt_job *next;
	bool done;
};

/* n_threads >= 1. -EAGAIN, -ENOMEM. */
int kt_pool_create(unsigned int n_threads, struct kt_pool **ret);
/* Jobs not begun are dropped; those under way are finished. NULL is fine. */
void kt_pool_destroy(struct kt_pool *p);

/* p NULL: does it at once, here. */
void kt_pool_submit(struct kt_pool *p, struct kt_job *job);
void kt_pool_wait(struct kt_pool *p, struct kt_job *job);

#endif
