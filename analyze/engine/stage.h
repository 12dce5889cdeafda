/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The stages of flows: what a family says of its own, and the rows of those that the flow's row cannot tell. */
#ifndef KT_ANALYZE_ENGINE_STAGE_H
#define KT_ANALYZE_ENGINE_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What kind of time it is: X(ID, name). */
#define KT_STAGE_CLASSES(X)                                                     \
	X(WORK, work)	  /* it is being worked on, on a CPU */                 \
	X(WAIT, wait)	  /* held back: by a limit, or for want of something */ \
	X(QUEUE, queue)	  /* in a queue */                                      \
	X(DEVICE, device) /* at what does it in the end */                      \
	X(WAKE, wake)	  /* until whoever goes on with it runs */              \
	X(AWAY, away)	  /* whoever goes on with it waits for something else */

enum kt_stage_class {
#define CLASS(id, name) KT_STAGE_##id,
	KT_STAGE_CLASSES(CLASS)
#undef CLASS
};

struct kt_stage_def {
	const char *name; /* static, one address a stage: statistics are kept by it */
	bool must_run;	  /* a task must run in it */
	enum kt_stage_class class;
	const char *words; /* in a sentence */
};

/* From a line of a list of stages, such as format/iostages.def. */
#define KT_STAGE_DEF(name, must_run, class, words)       \
	{                                                \
#name, must_run, KT_STAGE_##class, words \
	}

/* A stage of a flow whose row does not tell it; see its columns' documentation. */
struct kt_stage_row {
	const char *flow;
	int64_t flow_id, seq;
	const char *name;
	int64_t start_ns, dur_ns, bio_id;
};

extern const struct kt_table kt_stage_table;

/* Flows whose rows tell their stages, which follow each other: what the view `stage` has of them. */
struct kt_stage_rows {
	const char *flow; /* also its table, which has FLOW_id and start_ns */
	const struct kt_stage_def *stages;
	int n, seq;	   /* seq: of the first */
	bool disturbed;	   /* the table has runq_ns, irq_ns and softirq_ns */
	const char *where; /* of which rows of x that is true */
};

/* SQL: a SELECT a stage, joined by UNION ALL. Each begins where those before it end: a NULL one took no time. */
void kt_stage_selects(FILE *f, const struct kt_stage_rows *r);
/* SQL: when the stage after the first n of these began, of a row that is called x. */
void kt_stage_start(FILE *f, const char *x, const struct kt_stage_def *stages, int n);
/*
 * SQL: what disturbed a single stage of a row x by that cause, the sum of its rows in disturbance, which leave out what is shorter than
 * 1 us. 0 is known to be nothing else; NULL: not known.
 */
void kt_stage_disturbed(FILE *f, const char *flow, const char *seq, const char *cause);

#endif
