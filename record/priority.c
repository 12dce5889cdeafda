// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <sched.h>
#include <sys/resource.h>

#include "record/priority.h"

/* Above all ordinary tasks, below every configured real-time task and threaded interrupts. */
#define DRAIN_FIFO 1

/* who 0 of PRIO_PROCESS is the calling thread on Linux. */
static bool set_policy(int policy, int fifo, int nice)
{
	struct sched_param sp = {.sched_priority = fifo};

	if (sched_setscheduler(0, policy, &sp))
		return false;
	return policy != SCHED_OTHER || !setpriority(PRIO_PROCESS, 0, nice);
}

void kt_priority_start(struct kt_priority *p, bool wanted)
{
	*p = (struct kt_priority){
		.policy = sched_getscheduler(0),
		.nice = getpriority(PRIO_PROCESS, 0),
	};
	/* A policy that somebody gave to the recorder is respected. */
	p->on = wanted && p->policy == SCHED_OTHER;
	if (!p->on)
		return;
	p->got =
		setpriority(PRIO_PROCESS, 0, KT_NICE_START) ? KT_PRIORITY_DENIED : KT_PRIORITY_NICE;
}

void kt_priority_drain(struct kt_priority *p)
{
	if (p->on && set_policy(SCHED_FIFO, DRAIN_FIFO, 0))
		p->got = KT_PRIORITY_REAL_TIME;
}

void kt_priority_compress(const struct kt_priority *p)
{
	if (p->on && !set_policy(SCHED_OTHER, 0, KT_NICE_COMPRESS))
		kt_priority_background(p);
}

void kt_priority_background(const struct kt_priority *p)
{
	if (p->on)
		set_policy(SCHED_OTHER, 0, p->nice);
}

void kt_priority_end(const struct kt_priority *p)
{
	if (p->got == KT_PRIORITY_REAL_TIME && !set_policy(SCHED_OTHER, 0, KT_NICE_START))
		set_policy(SCHED_OTHER, 0, p->nice);
}

void kt_priority_restore(const struct kt_priority *p)
{
	kt_priority_background(p);
}

const char *kt_priority_text(const struct kt_priority *p)
{
	switch (p->got) {
	case KT_PRIORITY_NICE:
		return "nice -20: the kernel denied real-time priority here";
	case KT_PRIORITY_DENIED:
		return "ordinary, without CAP_SYS_NICE: a load on all CPUs can make it lose events";
	default:
		return NULL;
	}
}
