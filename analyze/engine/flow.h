/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Flows: a tracker declares once each kind of flow that it writes rows of, and hands over each flow when it ends. The declaration
 * gives the rows of flow_kind, flow_stage and flow_word and a branch of the views `flow` and `flow_link`; the flows give the statistics
 * (analyze/stats/flows.h). Nothing else counts flows.
 */
#ifndef KT_ANALYZE_ENGINE_FLOW_H
#define KT_ANALYZE_ENGINE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/engine/stage.h"
#include "analyze/engine/tracker.h"

#define KT_FLOW_MAX_STAGES 16

/* One value of a kind's column kind, op or via in words. Texts: static; NULL = none. */
struct kt_flow_word {
	const char *col, *value;
	const char *one, *many; /* "page fault", "page faults" */
	const char *
		counts; /* of kind: "waits": a program waits for it; "apart": the kernel's own. Of via: "not": its time means nothing */
};

struct kt_flow_kind {
	const char *name; /* "io": of --flow and of the columns called flow */
	char letter;	  /* 'i': i12 */
	const char *one, *many;
	const char
		*waits_for; /* "disks"; NULL: no program waits for it: it is below another flow */
	const char *object_tbl,
		*object_word; /* table that object_id refers to ("device"), and the word for an object ("disk") */
	const struct kt_table
		*table; /* table of its rows, of that name; the first column, NAME_id, is the id */
	const struct kt_stage_def *stages; /* by number, from 1: column sN_ns */
	unsigned int n_stages;		   /* <= KT_FLOW_MAX_STAGES */
	uint16_t has_stages;		   /* bit N - 1: it can have stage N; 0: all of them */
	bool by_task;			  /* its flows have a task: durations are counted by task */
	const struct kt_flow_word *words; /* ends with col NULL; NULL = none */
	/*
	 * SQL: its table's columns as those of view `flow` from flow_id to state. Here and in links only flow_id may be a bare
	 * column (`+run_id` is none), and in kt_tracker.objects only object_id: where branches of a view give a column another affinity,
	 * SQLite computes the whole view to look up one row.
	 */
	const char *select;
	/* SELECTs, joined by UNION ALL, of what is below its flows, for view `flow_link`; NULL = none. */
	const char *links;
};

/* A flow that ended, or was still open at the end. KT_NULL: not known, or none. Texts: static, one address per value. */
struct kt_flow {
	uint32_t run;
	enum kt_state state;
	const char *kind, *op, *via;
	int64_t id, object_id, part_id, utid, ucgid;
	int64_t error; /* negative errno if it failed */
	int64_t end_ns, dur_ns, size_bytes;
	int64_t n_lower;		      /* flows below it */
	int64_t stage_ns[KT_FLOW_MAX_STAGES]; /* by number, less 1 */
	int64_t runq_ns, irq_ns, softirq_ns;  /* of its duration, what kept its task from a CPU */
	int64_t slept_ns;
	int64_t served_from_ns, served_ns; /* when its object began to serve it, and for how long */
};

/*
 * Everything up to kt_flow_init() is for --keep, which does not store the rows of all flows (keep.h), and costs nothing without
 * it. A tracker reports the birth of each flow and what it is linked to, and writes its rows with kt_flow_insert(). Linked flows
 * are stored together or not at all.
 *
 * until_told: its end is reported when it ends, so that its duration is at least the time passed so far; otherwise it may turn out later that
 * it had ended before. start_ns KT_NULL: now.
 */
int kt_flow_begin(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id, int64_t start_ns,
		  bool until_told);

/* A row of a flow: its own, or one of a table with details. Until the next event after its end; later while it is watched. */
int kt_flow_insert(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id,
		   const struct kt_table *t, const void *row);

/* One caused, carried or contains the other. As soon as that is known, and before either has ended. */
int kt_flow_link(struct kt_engine *e, const struct kt_flow_kind *a, int64_t a_id,
		 const struct kt_flow_kind *b, int64_t b_id);

/* A row of the first flow names the other, which it waited for; if that one has ended, it is held. */
int kt_flow_needs(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id,
		  const struct kt_flow_kind *of, int64_t of_id);

/* Start and stop remembering it beyond its end, because others may have waited for it. */
void kt_flow_hold(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id);
void kt_flow_release(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id);

/* Rows of it may come after its end; no more will come. The decision about it does not wait for that. */
void kt_flow_watch(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id);
void kt_flow_unwatch(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id);

/* It was not a flow after all, and has no row: instead of kt_flow_end(). */
void kt_flow_forget(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id);

/* Sets everything to KT_NULL, NULL or none. */
void kt_flow_init(struct kt_flow *f, uint32_t run, int64_t id);

/* Is the task the recorder's own? From now on its flows are counted apart, or not. 0 or -errno. */
int kt_flow_own(struct kt_engine *e, int64_t utid, bool own);

/* Refers to the statistics that a flow was counted in; while the analysis runs. */
typedef uint32_t kt_flow_ref;

/* A flow has ended: counts it. ret_ref: for the functions below, or NULL. 0 or -errno. */
int kt_flow_end(struct kt_engine *e, const struct kt_flow_kind *k, const struct kt_flow *f,
		kt_flow_ref *ret_ref);

/* Stages of a whole flow that became known only now: those of ns that are not KT_NULL. */
int kt_flow_stages(struct kt_engine *e, kt_flow_ref ref, int64_t end_ns,
		   const int64_t ns[KT_FLOW_MAX_STAGES]);

/* Somebody kept a whole flow waiting. cause, by_irq: static. */
int kt_flow_disturbed(struct kt_engine *e, kt_flow_ref ref, int64_t end_ns, int64_t id,
		      const char *cause, int64_t by_utid, const char *by_irq, int64_t dur_ns);

/* A whole flow that its task did not wait for was in flight. tgid: the process that submitted it. */
int kt_flow_in_flight(struct kt_engine *e, uint32_t run, int64_t tgid, int64_t start_ns,
		      int64_t end_ns);

#endif
