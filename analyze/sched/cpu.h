/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Which tasks ran on one CPU most recently, and what the CPU did, second by second. */
#ifndef KT_ANALYZE_SCHED_CPU_H
#define KT_ANALYZE_SCHED_CPU_H

#include "analyze/engine/tracker.h"

#define KT_CPU_TURNS 64 /* a power of two */

#define KT_CPU_UNKNOWN UINT32_MAX

struct kt_cpu_turn {
	int64_t start_ns, end_ns;
	uint32_t tid; /* 0: idle; KT_CPU_UNKNOWN: a filter left out switches */
};

/* Row of sched_cpu. */
struct kt_cpu_second {
	int64_t run_id, second, cpu;
	int64_t run_ns, n_switches, n_waits, runq_ns, max_runq_ns;
};

extern const struct kt_table kt_sched_cpu_table;

struct kt_sched_cpu {
	struct kt_cpu_turn turns[KT_CPU_TURNS];
	uint32_t n_turns; /* so far */
	uint32_t tid;	  /* the running task, if is_known */
	bool is_known;
	bool filtered; /* switches are left out: what ran in between is not known */
	bool ran_known;
	uint32_t ran_tid; /* if ran_known: who ran longest while the next task waited; 0: idle */
	int64_t since_ns; /* the last switch, or the start of the run */
	struct kt_cpu_second now;
};

void kt_sched_cpu_init(struct kt_sched_cpu *c, uint32_t run, uint32_t cpu, int64_t start_ns,
		       bool filtered);

/* A switch at t_ns: prev ran until now. Writes the rows of completed seconds. */
int kt_sched_cpu_switch(struct kt_sched_cpu *c, struct kt_engine *e, int64_t t_ns, uint32_t prev,
			uint32_t next);

/* next waited that long for the last switch. */
void kt_sched_cpu_waited(struct kt_sched_cpu *c, int64_t runq_ns);

/*
 * Which task ran longest in [from, to], up to the last switch, which is at to; 0 = not known, or the CPU was idle. With a filter it
 * is known if the recorder said so, or if a task that came and left with nothing in between had the CPU for half of that time.
 */
uint32_t kt_sched_cpu_who(const struct kt_sched_cpu *c, int64_t from_ns, int64_t to_ns);

/* The run ended. */
int kt_sched_cpu_end(struct kt_sched_cpu *c, struct kt_engine *e, int64_t end_ns);

#endif
