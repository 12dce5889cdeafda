/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What other families may ask of sched: what a task did. */
#ifndef KT_ANALYZE_SCHED_SCHED_SERVICE_H
#define KT_ANALYZE_SCHED_SCHED_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/engine/disturb.h"

/* What a task did in an interval. Each nanosecond is in at most one of the five. */
struct kt_sums {
	int64_t run_ns, runq_ns, irq_ns, softirq_ns, sleep_ns;
};

/* Something that kept a runnable task from running. */
struct kt_disturb {
	enum kt_disturb_cause cause; /* not WORKER */
	int64_t start_ns, dur_ns;
	uint32_t by_tid; /* runq: the task that ran longest instead; 0 = not known, or none */
	uint32_t irq;	 /* irq, softirq: its number */
};

/* A sleep of a task: off the CPU, woken, on it again. */
struct kt_wait {
	int64_t out_ns, waking_ns, in_ns; /* waking_ns KT_NULL: it was not seen */
	uint32_t waker_tid;		  /* in an interrupt, the task it interrupted */
	uint32_t wake_cpu, in_cpu;
	bool by_irq, by_softirq; /* woken from an interrupt on wake_cpu */
	bool disk;		 /* the sleep was uninterruptible */
};

/*
 * Each task's recent past, as far back as a bounded history goes. -ENOENT if a time is not
 * covered (before the first switch seen of that task, or too long ago).
 */
struct kt_svc_task {
	/*
	 * in_call: the task worked on one of its own operations all that time, so that not even a filter left out a switch.
	 * For any other time nothing is known in a recording with a filter: -ENOENT.
	 */
	int (*sums)(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
		    bool in_call, struct kt_sums *ret);
	/* Calls fn for each disturbance in [from, to], clipped to it, in time order. */
	int (*disturbances)(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			    bool in_call, int (*fn)(void *arg, const struct kt_disturb *d),
			    void *arg);
	/* The newest sleep whose in_ns is at or before to_ns (and, if from_ns is not KT_NULL, whose out_ns is at or after it). */
	int (*last_wait)(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			 struct kt_wait *ret);
	/* Which task has that CPU now; 0 = not known, or none. */
	uint32_t (*current)(void *self, uint32_t run, uint32_t cpu);
};

struct kt_tasks {
	const struct kt_svc_task *ops;
	void *self;
};

#endif
