/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What kept a flow's task from running: by whom, stage by stage, as rows of table disturbance and in the statistics. */
#ifndef KT_ANALYZE_ENGINE_DISTURB_H
#define KT_ANALYZE_ENGINE_DISTURB_H

#include "analyze/engine/flow.h"
#include "format/base/array.h"

/* X(ID, name) */
#define KT_DISTURB_CAUSES(X)                               \
	X(RUNQ, runq)	    /* another task had its CPU */ \
	X(IRQ, irq)	    /* a hard interrupt */         \
	X(SOFTIRQ, softirq) /* a soft one */               \
	X(WORKER, worker)   /* as RUNQ, of the worker it waits for */

enum kt_disturb_cause {
#define CAUSE(id, name) KT_DISTURB_##id,
	KT_DISTURB_CAUSES(CAUSE)
#undef CAUSE
};

#define KT_BLAME_VARIOUS UINT32_MAX

/* Who was in the way in one stage. */
struct kt_blame {
	size_t seg; /* which stage: the caller's number */
	enum kt_disturb_cause cause;
	uint32_t by; /* task or interrupt; 0: not known, if it is a task; KT_BLAME_VARIOUS */
	int64_t start_ns, dur_ns; /* start: of several the first */
};

/* Of one flow, stage by stage; a KT_VEC. */
struct kt_blames {
	struct kt_blame *v;
	size_t n, cap;
};

struct kt_disturb_row {
	const char *flow;
	int64_t flow_id, seq;
	const char *cause;
	int64_t start_ns, dur_ns, by_utid;
	const char *by_irq;
};

extern const struct kt_table kt_disturb_table;

/* Adds [from, to] of one stage. After those of earlier stages. 0 or -ENOMEM. */
int kt_blame_add(struct kt_blames *b, size_t seg, enum kt_disturb_cause cause, uint32_t by,
		 int64_t from, int64_t to);

/*
 * Fills in seq, as in view `stage`, and, unless b->by is KT_BLAME_VARIOUS, by_utid or by_irq (static). False:
 * there is to be no row of it.
 */
typedef bool kt_blame_name_fn(void *arg, const struct kt_blame *b, struct kt_disturb_row *row);

/* Rows of all that lasted for 1 us and more. ref: where the flow counts; NULL: it does not. end_ns: its end. */
int kt_blames_write(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id, int64_t end_ns,
		    const kt_flow_ref *ref, const struct kt_blames *b, kt_blame_name_fn *name,
		    void *arg);

#endif
