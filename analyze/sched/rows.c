// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/sched/rows.h"

#include "format/base/macros.h"

static const struct kt_col task_cols[] = {
	KT_COL(kt_sched_task_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(kt_sched_task_row, utid, KT_COL_INT, "", "the task"),
	KT_COL(kt_sched_task_row, run_ns, KT_COL_INT, "ns",
	       "running, including interrupts on top of it other than irq_ns and softirq_ns. NULL: "
	       "a filter left out what it did between its operations; the other columns then cover "
	       "its operations only"),
	KT_COL(kt_sched_task_row, runq_ns, KT_COL_INT, "ns",
	       "run-queue delay: it was runnable, and others ran"),
	KT_COL(kt_sched_task_row, irq_ns, KT_COL_INT, "ns",
	       "hard interrupts had its CPU while it was runnable, or working on an operation"),
	KT_COL(kt_sched_task_row, softirq_ns, KT_COL_INT, "ns", "the same for soft interrupts"),
	KT_COL(kt_sched_task_row, sleep_ns, KT_COL_INT, "ns",
	       "asleep or stopped; the five add up to the time it was observed"),
	KT_COL(kt_sched_task_row, n_switches, KT_COL_INT, "", "times it left the CPU"),
	KT_COL(kt_sched_task_row, n_preempted, KT_COL_INT, "", "of these, while still runnable"),
	KT_COL(kt_sched_task_row, n_wakeups, KT_COL_INT, "", "times it ran after a wake-up"),
	KT_COL(kt_sched_task_row, n_migrated, KT_COL_INT, "", "times it continued on another CPU"),
	KT_COL(kt_sched_task_row, max_runq_ns, KT_COL_INT, "ns",
	       "the longest single wait in runq_ns"),
	KT_COL(kt_sched_task_row, max_runq_at_ns, KT_COL_INT, "ns",
	       "when that ended, since the epoch of the database"),
	KT_COL(kt_sched_task_row, max_runq_by_utid, KT_COL_INT, "",
	       "the task that ran longest during that wait; NULL: not known, or none"),
};

const struct kt_table kt_sched_task_table = {
	.name = "sched_task",
	.doc = "how each task spent its time, as far as filters show it; several rows of one task "
	       "add up",
	.cols = task_cols,
	.n_cols = KT_ARRAY_SIZE(task_cols),
};

static const struct kt_col delay_cols[] = {
	KT_COL(kt_sched_delay_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(kt_sched_delay_row, utid, KT_COL_INT, "", "the task that waited for a CPU"),
	KT_COL(kt_sched_delay_row, by_utid, KT_COL_INT, "",
	       "the task that ran longest during these waits; NULL: not known, the CPU was idle, "
	       "or one of the many that did so only briefly"),
	KT_COL(kt_sched_delay_row, n, KT_COL_INT, "", "waits"),
	KT_COL(kt_sched_delay_row, runq_ns, KT_COL_INT, "ns",
	       "their sum, as in sched_task.runq_ns"),
	KT_COL(kt_sched_delay_row, max_runq_ns, KT_COL_INT, "ns", "the longest"),
};

const struct kt_table kt_sched_delay_table = {
	.name = "sched_delay",
	.doc = "who ran while a task waited for a CPU; several rows of one pair add up",
	.cols = delay_cols,
	.n_cols = KT_ARRAY_SIZE(delay_cols),
};

int kt_sched_write_delays(struct kt_engine *e, struct kt_keyed *delays, uint32_t run)
{
	int err = 0;

	for (size_t i = 0; i < delays->n && !err; i++) {
		const struct kt_sched_delay *d = kt_keyed_at(delays, i);
		struct kt_sched_delay_row row = {
			.run_id = run + 1,
			.utid = d->utid,
			.by_utid = d->by_utid,
			.n = d->n,
			.runq_ns = d->runq_ns,
			.max_runq_ns = d->max_runq_ns,
		};

		err = kt_insert(e, &kt_sched_delay_table, &row);
	}
	kt_keyed_clear(delays);
	return err;
}
