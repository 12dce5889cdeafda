/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The recent past of one task: when it did not run, and why. Between two stops it ran. Each stop has the sums of all
 * stops before it, so that the sums of any time span cost two binary searches.
 *
 * A stop is a time off the CPU, or an interrupt on top of the running task. A time off the CPU consists of, in this order: sleep,
 * hard interrupts, soft interrupts, waiting. When in the wait the interrupts came is not known; the one that woke the task
 * usually comes first.
 */
#ifndef KT_ANALYZE_SCHED_HISTORY_H
#define KT_ANALYZE_SCHED_HISTORY_H

#include "analyze/engine/tracker.h"
#include "analyze/sched/sched_service.h"

struct kt_stop {
	int64_t out_ns;	     /* it ran until here */
	int64_t ready_ns;    /* runnable from here on; KT_NULL: not seen, all of it is sleep */
	int64_t in_ns;	     /* it runs again */
	struct kt_sums sums; /* of the whole history up to in_ns */
	uint32_t irq_ns, softirq_ns;
	uint32_t by_tid, waker_tid;
	uint16_t wake_cpu, in_cpu, irq, softirq;
	bool slept, disk, by_irq, by_softirq;
};

static inline void kt_sums_add(struct kt_sums *to, const struct kt_sums *s)
{
	to->run_ns += s->run_ns;
	to->runq_ns += s->runq_ns;
	to->irq_ns += s->irq_ns;
	to->softirq_ns += s->softirq_ns;
	to->sleep_ns += s->sleep_ns;
}

/* Limits the memory of all histories together; shared by them. */
struct kt_stop_budget {
	size_t used, max; /* stops */
};

/* Zero is empty. */
struct kt_task_hist {
	struct kt_stop *ring;
	uint32_t cap;	/* a power of two, or 0 */
	uint32_t n;	/* stops held */
	uint64_t end;	/* stops so far: the last is ring[(end - 1) & (cap - 1)] */
	uint64_t since; /* from this stop on all are known; before it there are gaps */
	/* What the task does since the last stop. */
	bool off;	/* it is off the CPU */
	bool waits;	/* while off: runnable */
	int64_t out_ns; /* while off: since when */
};

void kt_task_hist_finish(struct kt_task_hist *h, struct kt_stop_budget *b);

/* There is a gap: what was before no longer counts, except for kt_task_hist_last_wait(). The task runs at t_ns. -ENOMEM. */
int kt_task_hist_restart(struct kt_task_hist *h, struct kt_stop_budget *b, int64_t t_ns);

/* The same, but what the task does from now on is not known. */
static inline void kt_task_hist_break(struct kt_task_hist *h)
{
	h->since = h->end;
	h->off = false;
}

/* Is anything known without a gap up to now? */
static inline bool kt_task_hist_known(const struct kt_task_hist *h)
{
	return h->end > h->since;
}

static inline const struct kt_stop *kt_task_hist_last(const struct kt_task_hist *h)
{
	return &h->ring[(h->end - 1) & (h->cap - 1)];
}

/* Adds a stop that has ended. Computes s->sums and clips its times to follow the previous stop. -ENOMEM. */
int kt_task_hist_add(struct kt_task_hist *h, struct kt_stop_budget *b, const struct kt_stop *s);

/*
 * The same if a filter may have left out what came before: the time between the two means nothing, and only
 * *_in_call() and kt_task_hist_last_wait() may be called.
 */
int kt_task_hist_add_apart(struct kt_task_hist *h, struct kt_stop_budget *b,
			   const struct kt_stop *s);

/* As the functions of struct kt_svc_task. */
int kt_task_hist_sums(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
		      struct kt_sums *ret);
int kt_task_hist_disturbances(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			      int (*fn)(void *arg, const struct kt_disturb *d), void *arg);
int kt_task_hist_last_wait(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			   struct kt_wait *ret);

/*
 * The same for a time in which all stops of the task are known and at the beginning of which it ran, whatever is known before that: one
 * operation of the task. An empty history: it ran all the time.
 */
int kt_task_hist_sums_in_call(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
			      struct kt_sums *ret);
int kt_task_hist_disturbances_in_call(const struct kt_task_hist *h, int64_t from_ns, int64_t to_ns,
				      int (*fn)(void *arg, const struct kt_disturb *d), void *arg);

/* Sums since the restart up to t_ns, which is not before the last stop. */
struct kt_sums kt_task_hist_total(const struct kt_task_hist *h, int64_t t_ns);

#endif
