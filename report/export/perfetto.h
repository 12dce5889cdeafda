/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What the parts of the Perfetto exporter share: perfetto_choose.c says which flows, perfetto.c draws them, perfetto_run.c what a recording has besides. */
#ifndef KT_REPORT_EXPORT_PERFETTO_H
#define KT_REPORT_EXPORT_PERFETTO_H

#include <sqlite3.h>

#include "report/export/tracks.h"
#include "report/query/run.h"

/* A kind of flow; strings owned. */
struct kt_pf_kind {
	char *flow, *letter, *one, *many, *object_tbl, *object_word;
	bool waits; /* programs wait for it: it is drawn with the task */
};

struct kt_pf {
	struct kt_run *run; /* borrowed */
	sqlite3 *db;	    /* the run's */
	struct kt_trace trace;
	struct kt_tracks tracks;
	int64_t base_ns;   /* of the trace's clock, at time 0 of the database */
	bool several_runs; /* then each has a track of its own above its others */
	bool filtered;	   /* not all flows are drawn */
	KT_VEC(struct kt_pf_kind) kinds;
	KT_VEC(struct kt_track *) counters; /* of what is open */
	sqlite3_stmt *object, *task, *cgroup, *stage, *stage_end, *links, *disturbance;
	int64_t n_no_start, n_impossible, n_stages;
};

/* A statement; on an error the reason is in run->err. 0 or -errno. */
int kt_pf_prepare(struct kt_pf *p, sqlite3_stmt **ret, const char *sql);
/* After the last step of a statement: was that its end? 0 or -errno, as above. */
int kt_pf_done(struct kt_pf *p, int rc);
int kt_pf_exec(struct kt_pf *p, const char *sql);
int kt_pf_no_memory(struct kt_pf *p);

/* A time of the database in the trace; false: there it would be none. */
bool kt_pf_time(const struct kt_pf *p, int64_t ns, int64_t *ret_ts);
/* A column that is a number at all. */
bool kt_pf_is_int(sqlite3_stmt *st, int col);
/* "" for NULL. Until the next step. */
const char *kt_pf_text(sqlite3_stmt *st, int col);

/* Tracks; NULL: no memory. */
struct kt_track *kt_pf_recording(struct kt_pf *p, int64_t run_id);
struct kt_track *kt_pf_object(struct kt_pf *p, int64_t run_id, const struct kt_pf_kind *k,
			      sqlite3_stmt *st, int col);
struct kt_track *kt_pf_cpu(struct kt_pf *p, int64_t run_id, int64_t cpu);
/* Lanes of that name below a track. */
struct kt_track *kt_pf_lanes(struct kt_pf *p, const struct kt_track *parent, const char *name,
			     int rank);
const struct kt_pf_kind *kt_pf_kind(const struct kt_pf *p, const char *flow);

/* perfetto_choose.c: fills the temporary tables drawn (flows) and link_end (arrows by flow and stage). 0 or -errno. */
int kt_pf_choose(struct kt_pf *p);

/* perfetto_run.c: runs, loss, throughput, what is counted by CPU. 0 or -errno. */
int kt_pf_draw_run(struct kt_pf *p);

#endif
