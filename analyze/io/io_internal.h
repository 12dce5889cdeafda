/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Operations, as the tracker io keeps them: io.c has the events, life.c births and ends, log.c log buffers, wait.c what was waited
 * for, path.c the path from beginning to end, row.c the rows, views.c the views. Internal to the tracker.
 */
#ifndef KT_ANALYZE_IO_IO_INTERNAL_H
#define KT_ANALYZE_IO_IO_INTERNAL_H

#include "analyze/block/bio_service.h"
#include "analyze/block/request_service.h"
#include "analyze/core/core_service.h"
#include "analyze/engine/disturb.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/tracker.h"
#include "analyze/irq/irq_service.h"
#include "analyze/sched/sched_service.h"
#include "analyze/io/file_load.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/slab.h"
#include "format/event.h"

/* Ended bios kept per io; an fsync may cause that many. Idle ones are dropped first, then the oldest. */
#define KT_IO_MAX_KEPT 65536
#define KT_IO_N_RECENT 16384 /* ended bios remembered, of all ios; a power of two */
#define KT_IO_MAX_WAITS 256  /* sleeps of one io that are examined, the newest first */
#define KT_IO_MAX_FOREIGN 64 /* bios of others that one io waited for */
#define KT_IO_MIN_BLOCKED_NS \
	1000000 /* a call that is otherwise no operation becomes one by an uninterruptible sleep this long: locks are held for less */
#define KT_IO_QUIET_NS \
	100000000 /* without open bios, until an io whose end has no event is taken to have ended */
#define KT_IO_UNBORN_NS \
	10000000000 /* the same for an iocb without a bio so far: its submission may wait for a lock, its bio for a cgroup limit */
#define KT_IO_FAULT_NS \
	1000000000 /* the same for a fault that seems to have ended: it may only pause while it reclaims memory */

/* A bio that ended. */
struct kt_io_bio {
	int64_t bio_id, io_id, request_id;
	int64_t start_ns, end_ns;
	int64_t mark_ns[KT_BIO_MARK_ENDIO]; /* as in struct kt_bio_done */
	int64_t device_id;
	uint32_t run, tid, tgid;
	struct kt_flush_way *way; /* as in struct kt_bio_done; held here as well */
	bool lossy;
	bool swapout; /* on the path only if the task was asleep when it ended */
	bool idle; /* nothing was queued between its end and the next one's: it cannot be on a path of its io's own bios */
	struct kt_link age; /* in the list kept for its io, by end */
};

/* Identifies an io: see kt_io_find(). */
struct kt_io_key {
	uint32_t run;
	uint8_t kind;  /* enum kt_io_kind */
	uint64_t addr; /* of URING, AIO, or a JOURNAL that is a log buffer; else 0 */
	uint32_t tid, tgid;
};

struct kt_io {
	struct kt_io_key key;
	struct kt_io *same;	  /* others with the same hash */
	struct kt_link age;	  /* in the list of open ios, by birth */
	struct kt_link quiet_age; /* while quiet: in the list of quiet ios, by quiet_ns */
	int64_t id;
	int64_t born_ns;	/* its first event */
	int64_t start_ns;	/* KT_NULL: not known */
	int64_t last_end_ns;	/* of its bio that ended last; KT_NULL: none has */
	int64_t maybe_end_ns;	/* a fault: when its task ran again; else KT_NULL */
	int64_t room_ns;	/* a fault: when it had reclaimed memory; else KT_NULL */
	int64_t waited_bio_id;	/* a fault: its last bio, if it waits for it; else KT_NULL */
	int64_t waited_end_ns;	/* which ended then */
	int64_t quiet_ns;	/* in the quiet list: since when */
	int64_t queued_ns;	/* its last bio was */
	int64_t waited_id;	/* the io that it is known to have waited for; KT_NULL */
	struct kt_list kept;	/* its ended bios, by end */
	struct kt_io_bio *last; /* of these, the newest that is not idle */
	uint64_t ino, cgroup;
	int64_t offset, size, result; /* KT_NULL: not known */
	uint32_t ino_dev, dev;
	uint32_t n_bios, n_open, n_kept, n_forgotten;
	uint16_t op;   /* enum kt_io_op; 0 = not known */
	uint8_t flags; /* enum kt_io_flags */
	bool quiet, lossy;
	bool late; /* with a filter: its task's switches are recorded only since its first bio */
};

/* The kernel's MAX_RW_COUNT: no call, request or iocb moves more, whatever it asks for. */
#define KT_IO_MAX_RW 0x7ffff000ll

/* Does the operation move data and return how much? */
bool kt_io_moves(uint16_t op);

/* From an event's size: the size requested, at most what an operation can move; KT_NULL: it has no size. */
int64_t kt_io_asked(uint16_t op, uint64_t size);

struct kt_io_mount {
	uint32_t dev;
	char *root, *point;
};

/* A log buffer that was written. */
struct kt_io_log {
	int64_t io_id; /* last, by whom */
	uint64_t n;    /* how often */
};

/* The log buffer that a task's call waits for. */
struct kt_io_log_wait {
	struct kt_io_log *log;
	int64_t since_ns;
	int64_t io_id; /* the io that writes it; KT_NULL: the next one that does */
	uint64_t n;    /* as the log's then */
};

struct kt_io_run {
	struct kt_hash live;  /* hash of the key → struct kt_io, further ones in `same` */
	struct kt_hash logs;  /* address → struct kt_io_log */
	struct kt_hash waits; /* task → struct kt_io_log_wait */
	struct kt_hash files; /* of (dev, ino) → struct kt_io_named */
	KT_VEC(struct kt_io_mount) mounts;
	KT_VEC(struct kt_io_front *) fronts;
	uint32_t n_names;
	bool has_sched, has_irq; /* the family was recorded */
	bool no_symbols;	 /* the kernel hid its addresses from the recorder */
	uint32_t n_faults;	 /* open ones */
	uint32_t n_after;	 /* open ios of kind KT_IO_KIND_AFTER */
	int64_t n_evicted;
};

/* One part of the path, in order and without gaps. */
struct kt_io_seg {
	enum kt_io_stage stage;
	int64_t start_ns, end_ns;
	int64_t bio_id;	     /* whose stage it is; KT_NULL */
	uint32_t worker_tid; /* KT_IO_STAGE_WORKER: the worker it waited for; 0 = not known */
};

/* A bio on the path. */
struct kt_io_hop {
	const struct kt_io_bio *bio;
	int64_t start_ns;    /* its queueing, or where it is clipped */
	int64_t throttle_ns; /* since when the cgroup limit held it back; KT_NULL */
	bool foreign;
};

/* A bio that the io waited for but did not cause. */
struct kt_io_foreign {
	struct kt_io_bio bio;
	struct kt_wait wait; /* of the io's task */
	int64_t request_id;
};

struct kt_io_path {
	KT_VEC(struct kt_io_hop) hops; /* the last first */
	KT_VEC(struct kt_io_seg) segs;
	struct kt_blames blames;	       /* seg: of segs */
	struct kt_wait waits[KT_IO_MAX_WAITS]; /* newest first */
	size_t n_waits;
	struct kt_io_foreign foreign[KT_IO_MAX_FOREIGN]; /* newest first */
	size_t n_foreign;
	int64_t disturbed_ns[3]; /* runq, irq, softirq; in stages in which a task must run */
	bool runq_known, irq_known;
	bool is_blocked, is_flush; /* it has such stages */
	size_t n_split;		   /* number of the oldest waits, which segs have already passed */
	bool gap;		   /* a hole may have hidden something on the path */
	int wakeup_seg;		   /* the one that begins at a wake-up; -1 = none */
	struct kt_wait wake;
	int64_t wake_request_id; /* KT_NULL: not known */
	int64_t slept_ns;	 /* of its task, if it waits; KT_NULL: not known */
};

struct kt_io_state {
	struct kt_engine *e;
	struct kt_names names;
	struct kt_bios bio;
	struct kt_requests request;
	struct kt_tasks task; /* ops NULL: neither sched nor irq recorded */
	struct kt_irqs irq;
	KT_VEC(struct kt_io_run *) runs;
	struct kt_slab ios, bios;
	struct kt_hash by_id; /* open ones */
	struct kt_list by_age, quiet;
	size_t n_open, n_kept;
	struct kt_io_bio *recent; /* KT_IO_N_RECENT, by bio_id */
	struct kt_io_path path;
	struct kt_file_load *file_load;
	/* The event handled last, for trackers that ask which io it was about. */
	int64_t event_t_ns, event_io;
	uint32_t event_run, event_cpu;
};

/* A name that a file had. */
struct kt_io_named {
	struct kt_io_named
		*same; /* with the same hash; names of the same inode number are sorted by time */
	uint64_t ino;
	int64_t since_ns;
	uint32_t dev, id; /* id: from 1, per run */
	bool has_since;	  /* else since_ns is when it was recorded */
	char path[];
};

/* The beginning of a long name whose rest is still to come. */
struct kt_io_front {
	uint64_t ino;
	uint32_t dev, cpu;
	size_t len;
	char text[];
};

extern const struct kt_table kt_io_table, kt_io_wake_table;
extern const char kt_io_views_sql[], kt_io_indexes_sql[];
void kt_io_stage_select(FILE *f);
void kt_io_stats_views(FILE *f);
extern const struct kt_flow_kind kt_io_flow_kind;

static inline bool kt_io_is_call(uint8_t kind)
{
	return kind != KT_IO_KIND_URING && kind != KT_IO_KIND_AIO;
}

/* Its task sleeps until it ends. */
static inline bool kt_io_is_sync(const struct kt_io *io)
{
	return kt_io_is_call(io->key.kind) && !io->key.addr;
}

static inline bool kt_io_failed(const struct kt_io *io)
{
	return io->result != KT_NULL && io->result < 0 && io->result >= -4095;
}

/* It should move bytes and moved none: usually end of file. */
static inline bool kt_io_empty(const struct kt_io *io)
{
	return !io->result && !io->n_bios && kt_io_moves(io->op);
}

/* All switches of its task during the io are recorded, even if a filter leaves out others of that task. */
static inline bool kt_io_is_watched(const struct kt_io *io)
{
	return kt_io_is_sync(io) && io->key.kind != KT_IO_KIND_FAULT && !io->late;
}

/* An operation only if it waited: it neither moves data nor caused a bio. */
static inline bool kt_io_may_be_nothing(const struct kt_io *io)
{
	return !io->n_bios &&
	       ((io->flags & (KT_IO_FLAG_SLEPT | KT_IO_FLAG_DATA)) == KT_IO_FLAG_SLEPT ||
		io->key.kind == KT_IO_KIND_AFTER);
}

/* ------------------------------------------------------------------ life.c */

/* NULL: no memory. */
struct kt_io_run *kt_io_run(struct kt_io_state *s, uint32_t run);
void kt_io_run_destroy(struct kt_io_run *r);

/*
 * The open io of that key. A task has one call and one fault at a time; an iocb belongs to a process, which any of its tasks
 * identifies as well (tid = the one that submitted it, or tgid).
 */
struct kt_io *kt_io_find(struct kt_io_state *s, const struct kt_io_key *key);
/*
 * The iocb of a bio that a kernel thread queues: the address is known, the process is not. The open one at that address that matches
 * file (or disk) and offset; NULL: none, or several.
 */
struct kt_io *kt_io_find_iocb(struct kt_io_state *s, uint32_t run, const struct kt_bio_queue *d);
/* The task has a new number from now on, in all its open ios of kinds that are identified by their task. */
int kt_io_renumber(struct kt_io_state *s, uint32_t run, uint32_t old_tid, uint32_t tid);
/* A new io; start_ns KT_NULL: not known. May evict the oldest. */
int kt_io_new(struct kt_io_state *s, const struct kt_io_key *key, int64_t now_ns, int64_t start_ns,
	      struct kt_io **ret);
/* An io without open bios may have ended, one with open bios has not. */
void kt_io_set_quiet(struct kt_io_state *s, struct kt_io *io, bool quiet, int64_t now_ns);
/* One of its bios ended. */
int kt_io_keep(struct kt_io_state *s, struct kt_io *io, const struct kt_bio_done *d);
/*
 * Writes its rows and forgets it. end_ns KT_NULL: not known. waiter: the task that last ran for it. state NULL: whole, unless
 * something was lost.
 */
int kt_io_close(struct kt_io_state *s, struct kt_io *io, int64_t end_ns, uint32_t waiter_tid,
		enum kt_state state);
/* An io whose end has no event: ends it at the end of its last bio, if all have ended. */
int kt_io_close_quiet(struct kt_io_state *s, struct kt_io *io);
/* Closes all that have been quiet long enough. */
int kt_io_expire(struct kt_io_state *s, int64_t now_ns);

/* log.c: the io queued a bio of that buffer; 0 or -ENOMEM, as all functions here that return int. */
int kt_io_log_written(struct kt_io_state *s, struct kt_io_run *r, uint64_t addr, int64_t io_id);
/* A task's call waits for that buffer, which is being written or will be. */
int kt_io_log_wait(struct kt_io_state *s, struct kt_io_run *r, const struct kt_ev *ev);
/* The io that the task has waited for since start_ns; KT_NULL: not known. Forgets it. */
int64_t kt_io_log_waited(struct kt_io_state *s, struct kt_io_run *r, uint32_t tid,
			 int64_t start_ns);
void kt_io_logs_destroy(struct kt_io_run *r);

/* files.c: mounts from the context, names from events. NULL: not known. */
int kt_io_mounts(struct kt_io_run *r, const void *data, size_t len);
int kt_io_name(struct kt_io_run *r, const struct kt_ev *ev, const struct kt_io_file *d);
int kt_io_name_part(struct kt_io_run *r, uint32_t cpu, const struct kt_io_file_part *d);
/* The file's name at that time; before the first known name, that one. */
const struct kt_io_named *kt_io_name_of(const struct kt_io_run *r, uint32_t dev, uint64_t ino,
					int64_t t_ns);

/* How long after a completion a task may be woken by it: bio_endio() of a bio with many pages takes time. */
#define KT_IO_MAX_IRQ_NS 1000000

/* wait.c, into s->path: the sleeps of tid in [from, to], the newest first, at most max. from KT_NULL: from the start of the run. */
void kt_io_collect_waits(struct kt_io_state *s, uint32_t run, uint32_t tid, int64_t from,
			 int64_t to, size_t max);

/*
 * The completion that ended w, a sleep of tid. False: not known; then *request_id and *bio_id may have been changed.
 */
bool kt_io_find_cause(struct kt_io_state *s, uint32_t run, uint32_t tid, struct kt_wait w,
		      int64_t *request_id, int64_t *bio_id);

/* For the collected sleeps in which none of its own bios ended: whose bio ended? A hole may have hidden it: path.gap. */
void kt_io_find_foreign(struct kt_io_state *s, const struct kt_io *io);

/* NULL: it has none. */
static inline const struct kt_io_bio *kt_io_newest_bio(const struct kt_io *io)
{
	return kt_list_last(&io->kept, struct kt_io_bio, age);
}

/* path.c: fills s->path for an io from start_ns to end_ns. waiter_tid: the task whose wake-up counts at its end. */
int kt_io_path(struct kt_io_state *s, const struct kt_io *io, int64_t end_ns, uint32_t waiter_tid);

/* s->path: did its io wait for somebody's bio, or long enough in the kernel to matter? */
bool kt_io_waited(const struct kt_io_state *s);

/* row.c. with_path: s->path is of it. */
int kt_io_write(struct kt_io_state *s, const struct kt_io *io, int64_t end_ns, enum kt_state state,
		bool with_path);

#endif
