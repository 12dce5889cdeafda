/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What the parts of the Perfetto exporter share: perfetto_choose.c says which flows, perfetto.c draws them, perfetto_run.c what a recording has besides. */
#ifndef KT_REPORT_EXPORT_PERFETTO_H
#define KT_REPORT_EXPORT_PERFETTO_H

#include <sqlite3.h>

#include "report/export/source.h"
#include "report/export/tracks.h"

struct kt_pf {
	struct kt_run *run; /* borrowed */
	sqlite3 *db;	    /* the run's */
	struct kt_trace trace;
	struct kt_tracks tracks;
	int64_t base_ns;   /* of the trace's clock, at time 0 of the database */
	bool several_runs; /* then each has a track of its own above its others */
	bool filtered;	   /* not all flows are drawn */
	struct kt_src_kinds kinds;
	KT_VEC(struct kt_track *) counters; /* of what is open */
	sqlite3_stmt *object, *task, *cgroup, *stage, *stage_end, *links, *disturbance;
	int64_t n_no_start, n_impossible, n_stages;
};

/* A time of the database in the trace; false: there it would be none. */
bool kt_pf_time(const struct kt_pf *p, int64_t ns, int64_t *ret_ts);
/* Tracks; NULL: no memory. */
struct kt_track *kt_pf_recording(struct kt_pf *p, int64_t run_id);
struct kt_track *kt_pf_object(struct kt_pf *p, int64_t run_id, const struct kt_src_kind *k,
			      sqlite3_stmt *st, int col);
struct kt_track *kt_pf_cpu(struct kt_pf *p, int64_t run_id, int64_t cpu);
/* Lanes of that name below a track. */
struct kt_track *kt_pf_lanes(struct kt_pf *p, const struct kt_track *parent, const char *name,
			     int rank);

/* perfetto_choose.c: fills the temporary tables drawn (flows) and link_end (arrows by flow and stage). 0 or -errno. */
int kt_pf_choose(struct kt_pf *p);

/* perfetto_run.c: runs, loss, throughput, what is counted by CPU. 0 or -errno. */
int kt_pf_draw_run(struct kt_pf *p);

#endif
