/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Holes: intervals in which the kernel ran no BPF program on one CPU. No counter covers them, but the trace proves each one:
 * the task that leaves the CPU is not the one last switched to, so a switch is missing. The hole lies between the last sign of the
 * one and the first sign of the other: a switch, or an event that says which task had the CPU.
 *
 * A hole hides what the task that had the CPU did, and interrupts on top of it. Other tasks are known to be off that CPU or
 * running on another.
 */
#ifndef KT_ANALYZE_ENGINE_BLIND_H
#define KT_ANALYZE_ENGINE_BLIND_H

#include "analyze/engine/tracker.h"
#include "analyze/engine/merge.h"

struct kt_hole {
	int64_t start_ns, end_ns;
	int64_t max_end_ns; /* latest end up to and including this one */
	uint32_t cpu;
	uint32_t tid;	   /* the task last switched to */
	uint32_t next_tid; /* the task that had the CPU afterwards; the switch to it was not seen */
};

/* Of one run, by start. Zero is empty. */
struct kt_holes {
	KT_VEC(struct kt_hole) v;
};

int kt_holes_add(struct kt_holes *s, const struct kt_hole *h);
/*
 * Does a hole share a moment with [start, end], on that CPU (KT_ANY_CPU: on any), with a switch of that task (tid 0: of any)
 * missing in it?
 */
bool kt_holes_hide(const struct kt_holes *s, int64_t start_ns, int64_t end_ns, uint32_t cpu,
		   uint32_t tid);
void kt_holes_finish(struct kt_holes *s);

/*
 * Searches a block for holes before its events are handed out, so that they are known when a flow ends in it. Blocks of one
 * stream come in order. fn gets each hole, with times on the common timeline; it may return an error.
 */
int kt_holes_scan(struct kt_stream *s, const struct kt_item *item,
		  int (*fn)(void *arg, const struct kt_hole *h), void *arg);

#endif
