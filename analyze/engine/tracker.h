/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The tracker interface: what a family, analyze/NAME/NAME.c, provides to the engine, and what it may ask of it.
 *
 * A tracker gets the events it subscribed to, in time order over all streams of all runs, keeps the open flows, and
 * writes a row when a flow ends. Families use each other only through services (NAME_service.h), NULL if the family was not
 * recorded.
 *
 * Times are int64_t ns since meta.epoch_realtime_ns, one timeline for all runs. A value that was not
 * observed is KT_NULL, which becomes SQL NULL; never 0.
 */
#ifndef KT_ANALYZE_ENGINE_TRACKER_H
#define KT_ANALYZE_ENGINE_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analyze/db/table.h"
#include "format/schema.h"

struct kt_engine;
struct kt_flow_kind;

/* One event as a tracker sees it. */
struct kt_ev {
	int64_t t_ns;	  /* when */
	uint32_t run;	  /* index of the run, from 0; run_id is run + 1 */
	uint32_t cpu;	  /* stream */
	const void *data; /* struct kt_<event>, compiled layout; valid during the call */
};

struct kt_handler {
	uint16_t id;				       /* enum kt_event_id; 0 ends the list */
	int (*fn)(void *self, const struct kt_ev *ev); /* 0 or -errno, which ends the analysis */
};

/* ------------------------------------------------------------------ the tracker */

struct kt_tracker {
	const char *family;
	/* Families whose trackers see an event before this one; NULL-terminated or NULL. */
	const char *const *after;
	const struct kt_table *const *tables; /* NULL-terminated; created even if empty */
	/* The kinds of its flows (flow.h); NULL-terminated, or NULL: it has none. */
	const struct kt_flow_kind *const *flows;
	/* A branch of the view `flow_object`: names of the objects that flows refer to; NULL = none. See flow.h. */
	const char *objects;
	const struct kt_handler *on;
	/*
	 * Writes one branch of the view `stage`: SELECTs that give flow, flow_id, seq, name, start_ns, dur_ns, runq_ns, irq_ns,
	 * softirq_ns of the stages of this family's flows (stage.h); joined by UNION ALL. NULL: the branch follows from the kinds of its
	 * flows, whose rows have a column NAME_ns for each stage, which begins where those before it end, and, if stages can be disturbed,
	 * runq_ns, irq_ns and softirq_ns. Nothing but flow_id may be a bare column (`+start_ns` is not one): SQLite looks up single flows
	 * only if all branches give columns the same affinity.
	 * Use as few SELECTs as possible: beyond some 500 of all branches together, expanded, SQLite reads the whole view instead.
	 */
	void (*stage_select)(FILE *f);
	const char *views; /* further SQL, run after all tables and `stage` exist; NULL = none */
	void (*stats_views)(FILE *f); /* writes further SQL, over the statistics; NULL = none */
	const char *indexes;	      /* SQL, run last; NULL = none */
	size_t state_size;	      /* zeroed memory that self points to */
	int (*init)(void *self, struct kt_engine *e);
	/* One context file of a run (format/context.md): phase 0 before the run's events, phase 2 after them and
	 * before ended(). NULL = none wanted. */
	int (*context)(void *self, uint32_t run, uint32_t phase, const char *name, const void *data,
		       size_t len);
	/* The last event of a run was seen: close the flows still open (open_at_end). */
	int (*ended)(void *self, uint32_t run, int64_t end_ns);
	/* All runs have ended: write what remains (names). */
	int (*done)(void *self);
	void (*finish)(void *self); /* free; also after a failed init */
};

/* ------------------------------------------------------------------ what a tracker may ask of the engine */

/* Writes a row. */
int kt_insert(struct kt_engine *e, const struct kt_table *t, const void *row);

/* The next free id of a table: 1, 2, … Give a flow its id at birth. */
int64_t kt_next_id(struct kt_engine *e, const struct kt_table *t);

/*
 * How much is known of a flow. The state passed to functions that end a flow is the one it gets if nothing worse is known;
 * KT_STATE_OPEN there means: decide.
 */
enum kt_state {
	KT_STATE_OPEN, /* not decided */
	KT_STATE_WHOLE,
	KT_STATE_OPEN_AT_START, /* it began before the run */
	KT_STATE_OPEN_AT_END,	/* its end was not seen, or is not known */
	KT_STATE_LOSSY,		/* a lost event may belong to it */
	KT_STATE_EVICTED,	/* too many were open */
	KT_STATE_DUPLICATE,	/* another recording of the same time has it too */
};

/* As in the column `state`; static, one address per state. */
const char *kt_state_name(enum kt_state state);

/*
 * KT_STATE_WHOLE or KT_STATE_LOSSY for a flow open in [start, end] of that run: lossy if a lost interval of any CPU overlaps. Correct
 * at the moment the flow ends, and final: losses arrive in the order in which they began.
 * start KT_NULL: from the start of the run; end KT_NULL: up to now. Then a hole (below) counts as well: it may have hidden the missing mark.
 */
enum kt_state kt_flow_state(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns);

/*
 * The state for a flow's row, asked for once, when it is written. lossy: its tracker knows that an event of it was lost. how: see enum
 * kt_state. A flow that was open during a loss is lossy, whatever else it is; an evicted one stays evicted. One that is whole, but
 * that another recording of the same time holds too, is a duplicate, and counted as such.
 */
enum kt_state kt_flow_final_state(struct kt_engine *e, uint32_t run, const char *family,
				  int64_t start_ns, int64_t end_ns, bool lossy, enum kt_state how);

/*
 * Holes (cause `blind`): the kernel ran no BPF program on one CPU, while one task had it. Some machines have one every few tens of ms,
 * so that hardly a flow of that length is without one: a flow is not lossy because it was open across one, but if it lacks a mark that a hole may have
 * hidden. A tracker that misses a mark asks: is there a hole in [start, end] on that CPU (KT_ANY_CPU), of that task (0: any)?
 */
#define KT_ANY_CPU UINT32_MAX
bool kt_hidden(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns, uint32_t cpu,
	       uint32_t tid);

/*
 * A loss found by a tracker: a birth at a live address. It becomes a lost_interval row with cause `missed`. It makes only
 * the flow that revealed it lossy: kt_flow_state() ignores it.
 */
int kt_missed(struct kt_engine *e, uint32_t run, uint32_t cpu, int64_t start_ns, int64_t end_ns);

/* The constants of the run's kernel; the start of the run. */
const struct kt_const_table *kt_run_consts(struct kt_engine *e, uint32_t run);
int64_t kt_run_start(struct kt_engine *e, uint32_t run);
/* Recorded with a filter: an event that is not there need not have been missed. */
bool kt_run_filtered(struct kt_engine *e, uint32_t run);

/* Were there objects in [start, end] that filters had no room to follow? They are missing; no others are affected. */
bool kt_no_room(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns);

/* Was that hook attached in that run? If a recording does not list its hooks: was the family recorded? */
bool kt_run_hooked(struct kt_engine *e, uint32_t run, const char *family, const char *hook);

/*
 * One line of the audit: what the kernel counted and what the trace has. tolerance: how far they may differ for a
 * stated reason; hidden: how much less the trace may have because of holes. verdict is ok, off, or n/a (one is KT_NULL, or the run has
 * filters).
 */
int kt_audit(struct kt_engine *e, uint32_t run, const char *counter, int64_t kernel, int64_t traced,
	     int64_t tolerance, int64_t hidden);
/* What holes may have hidden of something with that peak rate: that many for their length, and one more for each. */
int64_t kt_audit_hidden(struct kt_engine *e, uint32_t run, double per_ns);

/* ------------------------------------------------------------------ services */

/* The service of a family; NULL: no tracker of this program provides it. *ret_self is the first argument of its functions. */
const void *kt_service(struct kt_engine *e, const char *family, void **ret_self);

/* Calls a function of a service. h: the struct { ops, self } that each NAME_service.h has for its users. */
#define KT_CALL(h, fn, ...) ((h).ops->fn((h).self, __VA_ARGS__))

/* Call it in init. svc: static. -ENOMEM. */
int kt_service_provide(struct kt_engine *e, const char *family, const void *svc, void *self);

#endif
