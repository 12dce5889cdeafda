/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The stages of flows: how a family declares its own, and the rows of stages that do not follow from the flow's row. */
#ifndef KT_ANALYZE_ENGINE_STAGE_H
#define KT_ANALYZE_ENGINE_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What kind of time it is: X(ID, name). */
#define KT_STAGE_CLASSES(X)                                                    \
	X(WORK, work)	  /* a CPU works on it */                              \
	X(WAIT, wait)	  /* held back by a limit, or for lack of something */ \
	X(QUEUE, queue)	  /* in a queue */                                     \
	X(DEVICE, device) /* at what finally carries it out */                 \
	X(WAKE, wake)	  /* until the task that continues it runs */          \
	X(AWAY, away)	  /* the task that continues it waits for something else */

enum kt_stage_class {
#define CLASS(id, name) KT_STAGE_##id,
	KT_STAGE_CLASSES(CLASS)
#undef CLASS
};

struct kt_stage_def {
	const char *name; /* static, one address per stage: the statistics' key */
	bool must_run;	  /* a task must run in it */
	enum kt_stage_class class;
	const char *words; /* in a sentence */
};

/* From a line of a list of stages, such as format/iostages.def. */
#define KT_STAGE_DEF(name, must_run, class, words)       \
	{                                                \
#name, must_run, KT_STAGE_##class, words \
	}

/* A stage of a flow that does not follow from the flow's row; see the documentation of the columns. */
struct kt_stage_row {
	const char *flow;
	int64_t flow_id, seq;
	const char *name;
	int64_t start_ns, dur_ns, bio_id;
};

extern const struct kt_table kt_stage_table;

/* Flows whose rows have their stages, one after another: what the view `stage` shows of them. */
struct kt_stage_rows {
	const char *flow; /* also its table, which has FLOW_id and start_ns */
	const struct kt_stage_def *stages;
	int n, seq;	   /* seq: of the first */
	bool disturbed;	   /* the table has runq_ns, irq_ns and softirq_ns */
	const char *where; /* for which rows of x this holds; NULL: all */
};

/* SQL: one SELECT per stage, joined by UNION ALL. Each stage begins where those before it end: a NULL stage took no time. */
void kt_stage_selects(FILE *f, const struct kt_stage_rows *r);
/* SQL: when the stage after the first n of these began, for a row called x. */
void kt_stage_start(FILE *f, const char *x, const struct kt_stage_def *stages, int n);
/*
 * SQL: how long that cause disturbed one stage of a row x: the sum of its rows in disturbance, which leave out anything shorter than
 * 1 us. 0: known to be nothing more; NULL: not known.
 */
void kt_stage_disturbed(FILE *f, const char *flow, const char *seq, const char *cause);

#endif
