/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What the tracker sched writes about tasks: rows and their tables. */
#ifndef KT_ANALYZE_SCHED_ROWS_H
#define KT_ANALYZE_SCHED_ROWS_H

#include "analyze/engine/tracker.h"
#include "analyze/base/keyed.h"

struct kt_sched_task_row {
	int64_t run_id, utid;
	int64_t run_ns, runq_ns, irq_ns, softirq_ns, sleep_ns;
	int64_t n_switches, n_preempted, n_wakeups, n_migrated;
	int64_t max_runq_ns, max_runq_at_ns, max_runq_by_utid;
};

struct kt_sched_delay_row {
	int64_t run_id, utid, by_utid, n, runq_ns, max_runq_ns;
};

/* For a pair of tasks. The first two members are the key in a table. */
struct kt_sched_delay {
	int64_t utid, by_utid, n, runq_ns, max_runq_ns;
};

extern const struct kt_table kt_sched_task_table, kt_sched_delay_table;

/* Writes the rows of a table of struct kt_sched_delay and empties it: when it is full, or the run has ended. */
int kt_sched_write_delays(struct kt_engine *e, struct kt_keyed *delays, uint32_t run);

#endif
