/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The engine: from opened .ktr files to a database. Internal; trackers see tracker.h.
 */
#ifndef KT_ANALYZE_ENGINE_ENGINE_H
#define KT_ANALYZE_ENGINE_ENGINE_H

#include <signal.h>

#include "analyze/engine/blind.h"
#include "analyze/db/db.h"
#include "analyze/stats/busy.h"
#include "analyze/stats/flows.h"
#include "analyze/stats/slowest.h"
#include "analyze/engine/loss.h"
#include "analyze/engine/merge.h"
#include "format/base/macros.h"
#include "format/base/version.h"

/* Set by a signal: stop and leave nothing behind. */
extern volatile sig_atomic_t kt_stop;

/* One file of a run that was written in several. */
struct kt_piece {
	struct kt_input *in;
	uint64_t first_ns; /* CLOCK_MONOTONIC of its first event */
};

struct kt_run_hook {
	char *name; /* owned */
	bool attached;
};

/* One run. */
struct kt_run {
	uint32_t index;
	struct kt_input *in;		  /* the piece being read: owned, as are those in pieces */
	KT_VEC(struct kt_piece) pieces;	  /* in time order, of a run in several files; else empty */
	size_t piece;			  /* index of in among pieces */
	const char *path;		  /* for opening it a second time; NULL: it cannot be */
	int64_t start_ns;		  /* on the common timeline */
	struct kt_const_table *consts;	  /* NULL: kconst.def's */
	char *kernel;			  /* uname's release; NULL: not known */
	KT_VEC(struct kt_run_hook) hooks; /* from the manifest; empty: there is none */

	KT_VEC(struct kt_stream *) streams; /* by number; the last has none */
	struct kt_stream *no_stream;	    /* clocks and costs */
	int64_t watermark_ns; /* no event still to come is earlier; INT64_MAX: none will come */
	int64_t last_clock_ns; /* of the latest clock reading seen: one that is not later is a copy */
	bool ended;	       /* and the trackers know */

	struct kt_loss_set loss,
		no_room; /* no_room: those of cause KT_LOSS_NO_ROOM, which are not in loss */
	struct kt_holes holes;
	KT_VEC(const struct kt_run *)
	elders;		 /* recordings of the same time: a flow they also hold counts there */
	int64_t last_ns; /* of all its events; KT_NULL: none yet */
	uint64_t events, unknown, backward, lost;
};

/* A lost interval that was found and not reported yet. */
struct kt_loss_found {
	uint32_t run, stream;	  /* KTR_NO_STREAM: not known */
	int64_t start_ns, end_ns; /* start KT_NULL: it held no events; end INT64_MAX: not known */
	uint64_t n;		  /* 0: not known */
	enum kt_loss cause;
	uint32_t tid, next_tid; /* of a hole: as in struct kt_hole */
};

struct kt_engine_options {
	bool raw;   /* raw tables as well */
	bool force; /* replace the target whatever file it is */
	bool keep;  /* leave out rows of flows shorter than keep_ns: keep.h */
	int64_t keep_ns;
	uint64_t sample;      /* keep one in so many of those; 0 = none */
	const char *disable;  /* events of this name are dropped; NULL = none (tests) */
	int64_t fine_rows;    /* see kt_flows_create(); 0 = KT_FINE_ROWS (tests: -1) */
	unsigned int threads; /* for decoding; 1 = everything in one thread */
};

struct kt_handlers {
	size_t n;
	struct kt_handler_ref {
		int (*fn)(void *self, const struct kt_ev *ev);
		void *self;
	} * v;
};

/* Called for each event instead of the trackers: --dump. */
typedef int (*kt_event_cb)(void *arg, const struct kt_run *run, const struct kt_item *item,
			   const struct kt_event *ev, uint32_t stream);

struct kt_engine {
	struct kt_engine_options opts;
	uint16_t disabled_id; /* of opts.disable; 0 = none */
	KT_VEC(struct kt_run *) runs;
	struct kt_merge merge;
	KT_VEC(struct kt_loss_found) pending; /* by start, the earliest last */
	int64_t epoch_realtime_ns;	      /* KT_NULL: no clock at all */

	/* Damage found, for the one warning. */
	uint64_t damaged_blocks, damaged_events;
	bool damaged_unknown;  /* for some of it, the number of events is not known */
	char damage_what[160]; /* the first */

	kt_event_cb each; /* NULL: trackers and database */
	void *each_arg;

	struct kt_db *db;
	struct kt_flows *flows;
	KT_VEC(signed char) own; /* by utid: is it the recorder's? -1: not known */
	struct kt_busy *busy;
	struct kt_slowest *slowest;
	struct kt_keep *keep; /* NULL: all rows are stored */
	struct kt_raw *raw;
	struct kt_tracker_state {
		const struct kt_tracker *t;
		void *self;
	} * trackers; /* in the order in which they see an event */
	size_t n_trackers;
	struct kt_handlers *handlers; /* by event id */
	KT_VEC(struct kt_service) services;
	char error[512];	      /* what failed, if not the database */
	struct kt_progress *progress; /* NULL: none is shown */
};

struct kt_service {
	const char *family;
	const void *svc;
	void *self;
};

/*
 * 0 or -errno; kt_engine_error() says what failed, "" = use strerror(). On failure *ret may be set, for that; it must then be
 * destroyed. -EINVAL: opts->disable is no event.
 */
int kt_engine_create(const struct kt_engine_options *opts, struct kt_engine **ret);
void kt_engine_destroy(struct kt_engine *e);
const char *kt_engine_error(const struct kt_engine *e);

/* A run, or a piece of one; takes ownership of in. All must be added before anything runs. path as in struct kt_run. */
int kt_engine_add(struct kt_engine *e, struct kt_input *in, const char *path);

/* Reads everything in time order and creates the database target. */
int kt_engine_run(struct kt_engine *e, const char *target);
/* Reads everything in time order and calls fn with each event. */
int kt_engine_each(struct kt_engine *e, kt_event_cb fn, void *arg);

/* pieces.c */
/* Joins runs with the same uuid: pieces, or copies, which are read once and reported. Before anything is read. */
int kt_runs_join(struct kt_engine *e);
/* The current piece was read to its end: continues with the next, true; false: it was the last. */
bool kt_run_next_piece(struct kt_run *r);
/* CLOCK_MONOTONIC at the beginning of the next piece; UINT64_MAX: there is none. */
uint64_t kt_run_seam(const struct kt_run *r);
/* Over all pieces: bytes read, usable blocks. */
uint64_t kt_run_bytes(const struct kt_run *r);
uint64_t kt_run_good(const struct kt_run *r);
void kt_run_destroy(struct kt_run *r); /* with its inputs; NULL is fine */

/* run.c: the timeline; the next block or damage of a run; the rows about runs. */
int kt_runs_align(struct kt_engine *e);
int kt_run_read(struct kt_engine *e, struct kt_run *r);
int kt_run_context(struct kt_engine *e, struct kt_run *r, unsigned int phase);
int64_t kt_run_end(const struct kt_run *r);
bool kt_run_has_events(const struct kt_run *r); /* read, and not handed out yet */
bool kt_run_same_boot(const struct kt_run *a, const struct kt_run *b);
/* How far its clock may be off that of the earliest run, once everything is read; KT_NULL: not known. */
int64_t kt_run_clock_err(const struct kt_engine *e, const struct kt_run *r);
bool kt_run_recorded(const struct kt_run *r, const char *family);
int kt_run_untold(struct kt_engine *e, const struct kt_run *r);

/* overlap.c */
/* After kt_runs_align(). */
int kt_runs_find_elders(struct kt_engine *e);
/* Does another recording of the same time hold this flow of that family too? Then it counts there. Call in time order. */
bool kt_run_is_elsewhere(struct kt_engine *e, uint32_t run, const char *family, int64_t start_ns,
			 int64_t end_ns);
/* One warning for each pair of runs of one boot that overlap. */
void kt_runs_say_overlaps(const struct kt_engine *e);

/* tables.c: tables that do not belong to a tracker. */
extern const struct kt_table *const kt_engine_tables[];

/* flow_kinds.c: tables of the kinds of flows, and of what all kinds may have; their rows, and the views over all flows. */
extern const struct kt_table *const kt_flow_tables[];
int kt_flow_kinds_write(struct kt_engine *e);
int kt_flow_views(struct kt_engine *e);
int kt_flow_indexes(struct kt_engine *e);
int kt_flow_keep_create(struct kt_engine *e); /* after the trackers */
void kt_flow_say_kept(struct kt_engine *e);   /* says how many flows have rows, if not all do */
int kt_write_lost(struct kt_engine *e, const struct kt_loss_found *l);
int kt_write_runs(struct kt_engine *e);
int kt_write_meta(struct kt_engine *e);

/* trackers.c */
int kt_trackers_create(struct kt_engine *e);
int kt_trackers_init(struct kt_engine *e);
void kt_trackers_destroy(struct kt_engine *e);
int kt_trackers_tables(struct kt_engine *e);
int kt_trackers_views(struct kt_engine *e);
int kt_trackers_indexes(struct kt_engine *e);

int kt_printf_like(3, 4) kt_engine_fail(struct kt_engine *e, int err, const char *fmt, ...);

#endif
