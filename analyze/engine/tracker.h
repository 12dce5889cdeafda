/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The tracker's interface: what a family, analyze/NAME/NAME.c, gives to the engine, and what it may ask of it.
 *
 * A tracker gets the events it subscribed to, in time order over all streams of all runs, keeps what is open, and
 * writes a row when a flow ends. Families meet only through services (NAME_service.h), NULL when the family was not
 * recorded.
 *
 * Times are int64_t ns since meta.epoch_realtime_ns, the same line for all runs. A value that was not
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
	const struct kt_table *const *tables; /* NULL-terminated; made even when empty */
	/* The kinds of its flows (flow.h); NULL-terminated, or NULL: it has none. */
	const struct kt_flow_kind *const *flows;
	/* A branch of the view `flow_object`: names of what the object ids of flows point to; NULL = none. flow.h says how. */
	const char *objects;
	const struct kt_handler *on;
	/*
	 * Writes one branch of the view `stage`: SELECTs that give flow, flow_id, seq, name, start_ns, dur_ns, runq_ns, irq_ns,
	 * softirq_ns of the stages of this family's flows (stage.h); joined by UNION ALL. NULL = none. Nothing but flow_id may be a bare
	 * column (`+start_ns` is none): SQLite looks single flows up only if all branches give columns the same affinity.
	 * No SELECT more than it takes: of all branches together, expanded, SQLite takes some 500 before it reads the whole view instead.
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
	/* A run's last event was seen: close what it left open (open_at_end). */
	int (*ended)(void *self, uint32_t run, int64_t end_ns);
	/* All runs ended: write what remains (names). */
	int (*done)(void *self);
	void (*finish)(void *self); /* free; also after a failed init */
};

/* ------------------------------------------------------------------ what a tracker may ask of the engine */

/* Writes a row. */
int kt_insert(struct kt_engine *e, const struct kt_table *t, const void *row);

/* The next free id of a table: 1, 2, … in the order of asking. Give a flow its id at birth. */
int64_t kt_next_id(struct kt_engine *e, const struct kt_table *t);

/*
 * What is known of a flow. A state that is passed on to what ends a flow is the one that it has if nothing worse is known;
 * KT_STATE_OPEN there: decide.
 */
enum kt_state {
	KT_STATE_OPEN, /* not decided */
	KT_STATE_WHOLE,
	KT_STATE_OPEN_AT_START, /* it began before the run */
	KT_STATE_OPEN_AT_END,	/* nothing tells of its end */
	KT_STATE_LOSSY,		/* something that was lost may belong to it */
	KT_STATE_EVICTED,	/* too many were open */
	KT_STATE_DUPLICATE,	/* another recording, made at the same time, has it as well */
};

/* As in the column `state`; static, one address a state. */
const char *kt_state_name(enum kt_state state);

/*
 * KT_STATE_WHOLE or KT_STATE_LOSSY for a flow open in [start, end] of that run: lossy if a lost interval of any CPU overlaps. Right
 * at the moment the flow ends, and for good: losses arrive in the order in which they began.
 * start KT_NULL: from the run's start; end KT_NULL: to now. Then a hole (below) counts as well: it may have hidden what was not seen.
 */
enum kt_state kt_flow_state(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns);

/*
 * The state in a flow's row, asked once, when it is written. lossy: its tracker knows that something of it was lost. how: see enum
 * kt_state. A flow that was open while something was lost is lossy, whatever else it is; an evicted one says so. One that is whole, but
 * that another recording made at the same time holds as well, is a duplicate, and counted.
 */
enum kt_state kt_flow_final_state(struct kt_engine *e, uint32_t run, const char *family,
				  int64_t start_ns, int64_t end_ns, bool lossy, enum kt_state how);

/*
 * Holes (cause `blind`): the kernel ran no program on one CPU, while one task had it. They come every few 10 ms on some machines,
 * so that hardly a flow of that length is without one: lossy is not what was open across one, but what lacks a mark that it may have
 * hidden. Whoever misses a mark asks: is there a hole in [start, end] on that CPU (KT_ANY_CPU), of that task (0: of any)?
 */
#define KT_ANY_CPU UINT32_MAX
bool kt_hidden(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns, uint32_t cpu,
	       uint32_t tid);

/*
 * Counted loss found by a tracker: a birth at an address still alive. Becomes a lost_interval row with cause `missed`. It puts only
 * the flow in doubt that it was found by: kt_flow_state() does not look at it.
 */
int kt_missed(struct kt_engine *e, uint32_t run, uint32_t cpu, int64_t start_ns, int64_t end_ns);

/* Constants of the kernel that run came from; the start of the run; whether the file has this event at all. */
const struct kt_const_table *kt_run_consts(struct kt_engine *e, uint32_t run);
int64_t kt_run_start(struct kt_engine *e, uint32_t run);
bool kt_run_has(struct kt_engine *e, uint32_t run, uint16_t event_id);
/* Recorded with a filter: what is not known need not have been missed. */
bool kt_run_filtered(struct kt_engine *e, uint32_t run);

/* Were there objects in [start, end] that filters had no room to follow? They are missing; all others are not touched. */
bool kt_no_room(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns);

/* Was that hook at work in that run? A recording that does not list its hooks: was its family recorded? */
bool kt_run_hooked(struct kt_engine *e, uint32_t run, const char *family, const char *hook);

/*
 * One line of the audit: what the kernel counted and what the trace holds. tolerance: how far they may differ for a
 * stated reason; hidden: by how much less the trace may hold, for holes. verdict is ok, off, or n/a (one is KT_NULL, or the run has
 * filters).
 */
int kt_audit(struct kt_engine *e, uint32_t run, const char *counter, int64_t kernel, int64_t traced,
	     int64_t tolerance, int64_t hidden);
/* What holes may have hidden of what came at that rate where it was busiest: as much, and one more in each. */
int64_t kt_audit_hidden(struct kt_engine *e, uint32_t run, double per_ns);

/* ------------------------------------------------------------------ services */

/* The service of a family, or NULL: it was not recorded. *ret_self is the first argument of its functions. */
const void *kt_service(struct kt_engine *e, const char *family, void **ret_self);

/* Calls a function of a service. h: the struct { ops, self } that each NAME_service.h has for who keeps one. */
#define KT_CALL(h, fn, ...) ((h).ops->fn((h).self, __VA_ARGS__))

/* To be called in init. svc: static. -ENOMEM. */
int kt_service_provide(struct kt_engine *e, const char *family, const void *svc, void *self);

#endif
