/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The tracker's interface: what analyze/NAME.c of a family gives to the engine, and what it may ask of it.
 *
 * A tracker gets the events it subscribed to, in time order over all streams of all runs, keeps what is open, and
 * writes a row when a flow ends. Families meet only here: through services, looked up by name, NULL when the
 * family was not recorded.
 *
 * Times are int64_t ns since meta.epoch_realtime_ns, the same line for all runs. A value that was not
 * observed is KT_NULL, which becomes SQL NULL; never 0.
 */
#ifndef KT_ANALYZE_FLOW_H
#define KT_ANALYZE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/schema.h"

struct kt_engine;

#define KT_NULL INT64_MIN

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

/* ------------------------------------------------------------------ tables: DDL, docs and binders in one */

enum kt_col_type {
	KT_COL_INT,  /* int64_t in the row struct; KT_NULL = NULL */
	KT_COL_TEXT, /* const char * in the row struct, borrowed during kt_insert(); NULL = NULL */
	KT_COL_ID,   /* int64_t, INTEGER PRIMARY KEY */
};

struct kt_col {
	const char *name;
	enum kt_col_type type;
	size_t offset;	  /* in the row struct */
	const char *unit; /* "ns", "bytes", "sectors", "" … goes to column_doc */
	const char *doc;  /* goes to column_doc and, as a comment, into CREATE TABLE */
};

struct kt_table {
	const char *name;
	const char *doc;
	const struct kt_col *cols;
	size_t n_cols;
	/* Appended inside CREATE TABLE after the columns, e.g. "PRIMARY KEY(a, b)"; NULL = none. */
	const char *constraints;
	const char *suffix; /* "WITHOUT ROWID"; NULL = none */
};

/* Column c of row struct s, named like the member. */
/* clang-format off */
#define KT_COL(s, c, type, unit, doc) {#c, type, offsetof(struct s, c), unit, doc}
/* clang-format on */

/* ------------------------------------------------------------------ the tracker */

struct kt_tracker {
	const char *family;
	/* Families whose trackers see an event before this one; NULL-terminated or NULL. */
	const char *const *after;
	const struct kt_table *const *tables; /* NULL-terminated; made even when empty */
	const struct kt_handler *on;
	/*
	 * One branch of the view `stage`: SELECTs that give flow, flow_id, seq, name, start_ns, dur_ns, runq_ns, irq_ns,
	 * softirq_ns of the stages of this family's flows; joined by UNION ALL. NULL = none. Nothing but flow_id may be a bare
	 * column (`+start_ns` is none): SQLite looks single flows up only if all branches give columns the same affinity.
	 */
	const char *stage_select;
	const char *views;   /* further SQL, run after all tables and `stage` exist; NULL = none */
	const char *indexes; /* SQL, run last; NULL = none */
	size_t state_size;   /* zeroed memory that self points to */
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
 * "whole" or "lossy" for a flow open in [start, end] of that run: lossy if a lost interval of any CPU overlaps. Right
 * at the moment the flow ends, and for good: losses arrive in the order in which they began.
 * start KT_NULL: from the run's start; end KT_NULL: to now. Then a hole (below) counts as well: it may have hidden what was not seen.
 */
const char *kt_flow_state(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns);

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

/* Adds to latency_hist; whole flows only. device_id may be KT_NULL. stage "total" = the whole flow. op, flow and stage: static strings. */
int kt_hist_add(struct kt_engine *e, uint32_t run, const char *flow, const char *stage,
		int64_t device_id, const char *op, int64_t end_ns, int64_t dur_ns);

/* A flow that ended, or was left: what reports need of it without its row. KT_NULL: not known, or none. Texts: static. */
struct kt_load_flow {
	uint32_t run;
	const char *flow, *op, *state;
	int64_t id, device_id, part_device_id;
	int64_t end_ns, dur_ns, size_bytes;
	int64_t issue_ns, device_ns; /* when its stage device began, and how long that was */
	int64_t n_bios;
	int64_t utid, ucgid; /* of a bio */
	int64_t is_split;    /* 1: part of another bio */
	bool is_error;	     /* it failed */
	const char *link;    /* of a bio, as in its row; static; NULL = none */
};

/* Adds it to the tables of load.h: load, task_load, busy, slowest. */
int kt_load_add(struct kt_engine *e, const struct kt_load_flow *f);

/* The stages of an io, in the order of its columns. */
enum kt_io_stage {
	KT_IO_SUBMIT,
	KT_IO_THROTTLE,
	KT_IO_ALLOC,
	KT_IO_PLUG,
	KT_IO_QUEUE,
	KT_IO_DEVICE,
	KT_IO_COMPLETE,
	KT_IO_ENDIO,
	KT_IO_WAKEUP,
	KT_IO_RETURN,
	KT_IO_BETWEEN,
	KT_IO_CACHED,
	KT_IO_BLOCKED,
	KT_IO_N_STAGES
};

/* An io that ended, or was left: as its row. KT_NULL: not known, or none. kind, op, state: static. */
struct kt_io_flow {
	uint32_t run;
	const char *kind, *op, *state;
	const char *path; /* borrowed during the call; NULL = not known */
	int64_t name_id;  /* tells it from other paths of the run; 0 = not known */
	int64_t id, device_id, ino, utid, ucgid;
	int64_t end_ns, dur_ns, size_bytes, n_bios;
	int64_t stage_ns[KT_IO_N_STAGES]; /* per name, summed over rounds */
	int64_t runq_ns, irq_ns, softirq_ns;
	int64_t slept_ns; /* KT_NULL: not known, or it is asynchronous */
	int64_t tgid;	  /* KT_NULL: not known */
	bool async;	  /* its task need not wait for it */
	const char *via;  /* as io.via; static */
	int64_t error;	  /* negative errno of one that failed */
};

/* Neither failed nor was at the end of its file: how long it took says something. */
static inline bool kt_io_did_something(const struct kt_io_flow *f)
{
	return f->via[0] != 'f' && f->via[0] != 'e';
}

/*
 * All that statistics need of an io, once, when its row is written: the tables of ioload.h, load and slowest of load.h,
 * and latency_hist (whole ones that did something, each stage and `total`). Instead of kt_load_add() and kt_hist_add().
 */
int kt_io_load_add(struct kt_engine *e, const struct kt_io_flow *f);

/* SQL: a time of the database, an expression, as date and time of day (UTC) for people. NULL stays NULL. */
#define KT_SQL_UTC(ns)                                                                 \
	"strftime('%Y-%m-%d %H:%M:%S', (" ns " + (SELECT value FROM meta WHERE key = " \
	"'epoch_realtime_ns')) / 1000000000, 'unixepoch') || printf('.%06d', (" ns     \
	" + (SELECT value FROM meta WHERE key = 'epoch_realtime_ns')) % 1000000000 / 1000)"

/* Constants of the kernel that run came from; the start of the run; whether the file has this event at all. */
const struct kt_const_table *kt_run_consts(struct kt_engine *e, uint32_t run);
int64_t kt_run_start(struct kt_engine *e, uint32_t run);
bool kt_run_has(struct kt_engine *e, uint32_t run, uint16_t event_id);
/* Recorded with a filter: what is not known need not have been missed. */
bool kt_run_filtered(struct kt_engine *e, uint32_t run);

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

/* The service of a family, or NULL; *ret_self is the first argument of its functions. */
const void *kt_service(struct kt_engine *e, const char *family, void **ret_self);
/* To be called in init. svc: static. */
void kt_service_provide(struct kt_engine *e, const char *family, const void *svc, void *self);

enum kt_cgroup_hierarchy {
	KT_CGROUP_V2, /* task cgroups */
	KT_CGROUP_IO, /* the hierarchy that the io controller is on: v2, or v1:blkio */
};

/* Provided by core. Ids are made on first use, so that every id used has a row. */
struct kt_svc_names {
	/* tid 0 of a CPU is its idle task. tgid 0 = not known here. */
	int64_t (*utid)(void *self, uint32_t run, uint32_t tid, uint32_t tgid);
	/* cgroup 0 → KT_NULL. */
	int64_t (*ucgid)(void *self, uint32_t run, enum kt_cgroup_hierarchy h, uint64_t cgroup);
	/* dev: (major << 20) | minor; 0 → KT_NULL. */
	int64_t (*device)(void *self, uint32_t run, uint32_t dev);
	/* Of a device whose context was read: 1 yes, 0 no, -1 not known. */
	int (*is_partition)(void *self, uint32_t run, uint32_t dev);
};

/*
 * Provided by bio, for who carries bios: request. Bios go by address and run; a struct kt_bio is alive as long as its
 * list holds it.
 */
struct kt_bio;

/* The bios that a request carries, in their order on the disk. Zero = none. In the owner's memory; do not copy it. */
struct kt_bio_list {
	struct kt_bio *first, *last;
	struct kt_bio *next; /* the first that is not complete yet */
	bool partly; /* some of its bytes are complete: no carrier in that state is absorbed by another */
	bool foreign; /* it carries bios that are not known: no filter let them in */
	bool missed; /* a bio of it was found to have ended unseen: the carrier has, and the loss is counted */
};

/* The carrier's stages, as in its row: KT_NULL = none, or not over yet. start_ns KT_NULL: not seen. */
struct kt_bio_carrier {
	int64_t start_ns;
	int64_t plug_ns, queue_ns, device_ns, complete_ns;
	bool lossy; /* so are the bios that end with it */
};

enum kt_bio_drop {
	KT_BIO_DROP_OPEN, /* the carrier ended unseen, at the run's end or because it was evicted */
	KT_BIO_DROP_LOST, /* its end was lost: the bios' too */
	KT_BIO_DROP_MERGED, /* it became a part of its neighbour and has no row */
};

struct kt_bio_observer;

struct kt_svc_bio {
	/* The bio got a carrier of its own. One whose birth was not seen is alive from here on. */
	int (*got)(void *self, const struct kt_ev *ev, uint64_t bio, uint32_t dev);
	/* The bio came over to a neighbour with all the others of its carrier. */
	int (*moved)(void *self, const struct kt_ev *ev, uint64_t bio);
	/* When it got a carrier of its own, unless it moved since; KT_NULL: did not, or is not known. */
	int64_t (*got_ns)(void *self, uint32_t run, uint64_t bio);
	/*
	 * The carrier request_id holds this bio from now on: appended to list unless it is in it. adopt: one whose birth was
	 * not seen counts, too. *ret_got_ns as got_ns(). Returns 1 if it was appended, 0 if not, -errno.
	 */
	int (*carry)(void *self, const struct kt_ev *ev, uint64_t bio, int64_t request_id,
		     struct kt_bio_list *list, bool adopt, int64_t *ret_got_ns);
	/* To be called after carry(), once the carrier's first marks are known: no bio joined before start_ns. */
	void (*settle)(void *self, struct kt_bio_list *list, int64_t start_ns, int64_t queue_ns,
		       int64_t issue_ns);
	/* The next bytes of the list are complete: ends the bios that this covers. c: so far. */
	int (*part)(void *self, const struct kt_ev *ev, struct kt_bio_list *list, uint64_t bytes,
		    uint32_t status, const struct kt_bio_carrier *c);
	/* All are complete. The list is empty afterwards. */
	int (*complete)(void *self, const struct kt_ev *ev, struct kt_bio_list *list,
			uint32_t status, const struct kt_bio_carrier *c);
	/* The carrier is gone and no completion was seen; the bios live on. The list is empty afterwards. */
	int (*drop)(void *self, struct kt_bio_list *list, enum kt_bio_drop how,
		    const struct kt_bio_carrier *c);
	/* Of a live bio: its size and flags as queued (-ENOENT: not known), and its device as submitted. */
	int (*look)(void *self, uint32_t run, uint64_t bio, uint32_t *ret_bytes, uint32_t *ret_opf,
		    uint32_t *ret_dev);
	/* Is one of its bios lossy, if it ends now? */
	bool (*lossy)(void *self, const struct kt_ev *ev, const struct kt_bio_list *list);
	/* The row of the last bio in a list; the io of the first; KT_NULL: it is empty, or not known. */
	int64_t (*last_id)(const struct kt_bio_list *list);
	int64_t (*first_io)(const struct kt_bio_list *list);
	/* The disk that a partition lies on; dev itself if it is none. */
	uint32_t (*disk)(void *self, uint32_t run, uint32_t dev);
	/* To be called in init(); o: static. Observers are told in the order in which they asked. -ENOMEM. */
	int (*observe)(void *self, const struct kt_bio_observer *o, void *arg);
};

/*
 * Bios for who links them to their causes (io) or to files (page): told by bio. All of a run, in order of time. Times are
 * KT_NULL where they are not known. Stages follow each other: see kt_bio_end.
 */
struct kt_bio_queue;
struct kt_bio_done;

/* What a bio's row says of its cause. KT_NULL, NULL: not known. */
struct kt_bio_cause {
	int64_t io_id, parent_request_id;
	const char *link; /* "exact", "inferred"; static */
};

struct kt_bio_observer {
	/*
	 * A bio was queued: d is its event, bio_id its row to be. *c goes into its row: whoever knows its cause fills it in.
	 * It holds what observers before this one said and, of a clone, what its parent has. parent_bio_id: of a
	 * clone. A split's front is not queued: it has its parent's cause. NULL = not wanted.
	 */
	int (*queued)(void *arg, const struct kt_ev *ev, const struct kt_bio_queue *d,
		      int64_t bio_id, int64_t parent_bio_id, struct kt_bio_cause *c);
	/*
	 * Its row is written. One that was complete before its request was (partial completion) is told of at its own
	 * end, with its request's stages as of then. NULL = not wanted.
	 */
	int (*ended)(void *arg, const struct kt_bio_done *b);
};

enum {
	KT_BIO_MARK_PLUG,
	KT_BIO_MARK_QUEUE,
	KT_BIO_MARK_DEVICE,
	KT_BIO_MARK_COMPLETE,
	KT_BIO_MARK_ENDIO,
	KT_BIO_N_MARKS
};

/* A bio that ended. The stages of one that was split are those of the part that ended last. */
struct kt_bio_done {
	uint32_t run;
	int64_t bio_id, io_id, request_id, parent_bio_id, parent_request_id, device_id;
	int64_t start_ns, end_ns; /* KT_NULL: not seen */
	/*
	 * `alloc` lasts from start_ns to the first mark there is; each stage from its mark to the next one that is not
	 * KT_NULL, the last to end_ns. On a disk that takes bios itself there is no `alloc`: mark DEVICE is start_ns.
	 */
	int64_t mark_ns[KT_BIO_N_MARKS];
	const char *op; /* as in its row */
	uint64_t ino, sector;
	uint32_t ino_dev, bytes, dev;
	int64_t offset;	   /* in the file; KT_NULL = not known */
	uint32_t tid;	   /* that queued it; 0 = not known */
	const char *state; /* as in its row */
	bool swapout;	   /* writes to swap: who queues it does not wait for it, as a rule */
};

/* Provided by request. */
struct kt_svc_request {
	/*
	 * The request of which something was completed last on that CPU at or before t_ns, as far as the last few are
	 * remembered: what an interrupt that wakes somebody at t_ns has just completed. -ENOENT. *ret_bio_id: its last bio,
	 * KT_NULL = none; *ret_end_ns: when.
	 */
	int (*completed)(void *self, uint32_t run, uint32_t cpu, int64_t t_ns,
			 int64_t *ret_request_id, int64_t *ret_bio_id, int64_t *ret_end_ns);
	/* The live request at that address: its row to be and the io of its first bio, KT_NULL = not known. -ENOENT. */
	int (*live)(void *self, uint32_t run, uint64_t rq, int64_t *ret_request_id,
		    int64_t *ret_io_id);
};

/* Provided by io. */
struct kt_svc_io {
	/* The io of the io_call, io_call_begin or io_submit that is being handled; KT_NULL = it is none. For trackers after io. */
	int64_t (*of_event)(void *self, const struct kt_ev *ev);
};

/* Provided by irq. */
struct kt_svc_irq {
	/* "virtio1-req.0", "BLOCK": static or owned by irq; never NULL. soft: nr is a vector. */
	const char *(*name)(void *self, uint32_t run, bool soft, uint32_t nr);
};

/* What a task did in an interval. Each nanosecond is in one of the five at most. */
struct kt_sums {
	int64_t run_ns, runq_ns, irq_ns, softirq_ns, sleep_ns;
};

/* One thing that kept a task from running when it could have. */
struct kt_disturb {
	const char *cause; /* "runq" | "irq" | "softirq" */
	int64_t start_ns, dur_ns;
	uint32_t by_tid; /* runq: who ran instead the longest; 0 = not known, or nobody */
	uint32_t irq;	 /* irq, softirq: its number */
};

/* A sleep of a task: off the CPU, woken, on it again. */
struct kt_wait {
	int64_t out_ns, waking_ns, in_ns; /* waking_ns KT_NULL: it was not seen */
	uint32_t waker_tid;		  /* in an interrupt a bystander */
	uint32_t wake_cpu, in_cpu;
	bool by_irq, by_softirq; /* woken from an interrupt on wake_cpu */
	bool disk;		 /* it slept uninterruptibly */
};

/*
 * Provided by sched. Each task's recent past: as much as a bounded history holds. Times must lie within it: -ENOENT if it is not
 * known (before the first switch seen of that task, or too long ago).
 */
struct kt_svc_task {
	int (*sums)(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
		    struct kt_sums *ret);
	/* Calls fn for each disturbance in [from, to], clipped to it, in order of time. */
	int (*disturbances)(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			    int (*fn)(void *arg, const struct kt_disturb *d), void *arg);
	/* The newest sleep whose in_ns is at or before to_ns (and, if from_ns is not KT_NULL, whose out_ns is at or after it). */
	int (*last_wait)(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			 struct kt_wait *ret);
};

#endif
