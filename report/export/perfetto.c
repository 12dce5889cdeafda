/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A trace for ui.perfetto.dev and trace_processor. Flows that programs wait for are slices on the track of their task, others on that of their
 * object; their stages are slices within. Flows are read in the order of their start and written as they come: what is held in memory is what
 * was open at once, and the names.
 *
 * An open flow (state open_at_end) is a slice without an end; one whose end is not known otherwise is an instant. One whose beginning is not known has
 * no place in time: it is counted, and said.
 */
#include "report/export/perfetto.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "report/export/export.h"
#include "report/output/out_file.h"

enum rank { RANK_RECORDING, RANK_OBJECT, RANK_TASKS, RANK_CPUS };

bool kt_pf_time(const struct kt_pf *p, int64_t ns, int64_t *ret_ts)
{
	return !__builtin_add_overflow(p->base_ns, ns, ret_ts) && *ret_ts >= 0 &&
	       *ret_ts < INT64_MAX;
}

/* ---- tracks */

/* What a run's other tracks are below; 0: nothing. */
static uint64_t above(struct kt_pf *p, int64_t run_id)
{
	char name[64];
	struct kt_track *t;
	bool is_new;

	if (!p->several_runs)
		return 0;
	t = kt_tracks_get(&p->tracks, &is_new, "run %lld", (long long)run_id);
	snprintf(name, sizeof(name), "Run %lld", (long long)run_id);
	if (is_new && t)
		t->id = kt_trace_track(&p->trace, 0, name, (int)run_id);
	return t ? t->id : 0;
}

static struct kt_track *top(struct kt_pf *p, int64_t run_id, const char *name, int rank)
{
	bool is_new;
	uint64_t parent = above(p, run_id);
	struct kt_track *t =
		kt_tracks_get(&p->tracks, &is_new, "top %lld %s", (long long)run_id, name);

	if (is_new && t)
		t->id = kt_trace_track(&p->trace, parent, name, rank);
	return t;
}

struct kt_track *kt_pf_recording(struct kt_pf *p, int64_t run_id)
{
	return top(p, run_id, "Recording", RANK_RECORDING);
}

struct kt_track *kt_pf_lanes(struct kt_pf *p, const struct kt_track *parent, const char *name,
			     int rank)
{
	bool is_new;
	struct kt_track *t = kt_tracks_get(&p->tracks, &is_new, "lanes %llu %s",
					   (unsigned long long)parent->id, name);

	if (!is_new || !t)
		return t;
	t->id = parent->id;
	t->rank = rank;
	t->name = strdup(name);
	return t->name ? t : NULL;
}

struct kt_track *kt_pf_cpu(struct kt_pf *p, int64_t run_id, int64_t cpu)
{
	struct kt_track *cpus = top(p, run_id, "CPUs", RANK_CPUS), *t;
	char name[32];
	bool is_new;

	if (!cpus)
		return NULL;
	t = kt_tracks_get(&p->tracks, &is_new, "cpu %lld %lld", (long long)run_id, (long long)cpu);
	snprintf(name, sizeof(name), "CPU %lld", (long long)cpu);
	if (is_new && t)
		t->id = kt_trace_track(&p->trace, cpus->id, name,
				       cpu < 0 ? 0 : (int)(cpu & 0xffff));
	return t;
}

/* The name of an object. *st: as kt_pf_object(). malloc'ed; NULL: no memory. */
static char *object_name(struct kt_pf *p, const struct kt_src_kind *k, sqlite3_stmt *st, int col)
{
	char *name = NULL;
	int n;

	if (sqlite3_column_type(st, col) == SQLITE_NULL)
		return asprintf(&name, "%s not known", k->object_word) < 0 ? NULL : name;
	sqlite3_bind_text(p->object, 1, k->object_tbl, -1, SQLITE_STATIC);
	sqlite3_bind_value(p->object, 2, sqlite3_column_value(st, col));
	n = asprintf(&name, "%s %s", k->object_word,
		     sqlite3_step(p->object) == SQLITE_ROW ? kt_src_text(p->object, 0)
							   : kt_src_text(st, col));
	sqlite3_reset(p->object);
	return n < 0 ? NULL : name;
}

struct kt_track *kt_pf_object(struct kt_pf *p, int64_t run_id, const struct kt_src_kind *k,
			      sqlite3_stmt *st, int col)
{
	bool is_new, known = sqlite3_column_type(st, col) != SQLITE_NULL;
	struct kt_track *t =
		kt_tracks_get(&p->tracks, &is_new, "object %lld %s %s%s", (long long)run_id,
			      k->object_tbl, known ? "=" : "", known ? kt_src_text(st, col) : "");
	char *name kt_auto_free = NULL;

	if (!is_new || !t)
		return t;
	name = object_name(p, k, st, col);
	if (!name)
		return NULL;
	t->id = kt_trace_track(&p->trace, above(p, run_id), name, RANK_OBJECT);
	return t;
}

/* "fio [146]"; "?": there is none. */
static void task_name(struct kt_pf *p, int64_t utid, char *buf, size_t size)
{
	sqlite3_bind_int64(p->task, 1, utid);
	snprintf(buf, size, "%s",
		 sqlite3_step(p->task) == SQLITE_ROW ? kt_src_text(p->task, 0) : "?");
	sqlite3_reset(p->task);
}

static struct kt_track *task_track(struct kt_pf *p, int64_t run_id, int64_t utid)
{
	struct kt_track *tasks = top(p, run_id, "Tasks", RANK_TASKS), *t;
	char name[128];
	bool is_new;

	if (!tasks)
		return NULL;
	t = kt_tracks_get(&p->tracks, &is_new, "task %lld", (long long)utid);
	if (is_new && t) {
		task_name(p, utid, name, sizeof(name));
		t->id = kt_trace_track(&p->trace, tasks->id, *name ? name : "task not known", 0);
	}
	return t;
}

static struct kt_track *in_flight(struct kt_pf *p, const struct kt_track *object,
				  const struct kt_src_kind *k)
{
	bool is_new;
	struct kt_track *t = kt_tracks_get(&p->tracks, &is_new, "in flight %llu %s",
					   (unsigned long long)object->id, k->flow);
	char *name kt_auto_free = NULL;

	if (!is_new || !t)
		return t;
	if (kt_vec_push(&p->counters, t) ||
	    asprintf(&name, "%s in flight%s", k->many, p->filtered ? ", of those shown" : "") < 0)
		return NULL;
	t->id = kt_trace_counter_track(&p->trace, object->id, name, 1, KT_TRACE_UNIT_COUNT, NULL);
	return t;
}

/* ---- flows */

/* One end of an arrow. */
struct link {
	int64_t seq, id;
	int64_t waker; /* utid; 0: the other end is a flow's */
};

/* A flow about to be drawn; st: its row. */
struct flow {
	sqlite3_stmt *st;
	const struct kt_src_kind *kind;
	int64_t id, run_id, start, end; /* end INT64_MAX: open */
	bool has_end;			/* or is open */
	KT_VEC(struct link) links;	/* by seq; 0: of the flow itself */
};

static int load_links(struct kt_pf *p, struct flow *f)
{
	int rc = SQLITE_DONE, err = 0;

	f->links.n = 0;
	kt_src_bind_flow(p->links, f->kind, f->id);
	while (!err && (rc = sqlite3_step(p->links)) == SQLITE_ROW) {
		struct link l = {sqlite3_column_int64(p->links, 0),
				 sqlite3_column_int64(p->links, 1),
				 sqlite3_column_int64(p->links, 2)};

		if (kt_vec_push(&f->links, l))
			err = kt_src_no_memory(p->run);
	}
	err = err ? err : kt_src_done(p->run, rc);
	sqlite3_reset(p->links);
	return err;
}

static void put_arrows(struct kt_pf *p, const struct flow *f, int64_t seq)
{
	for (size_t i = 0; i < f->links.n; i++)
		if (f->links.v[i].seq == seq)
			kt_trace_arrow(&p->trace, f->links.v[i].id);
}

static void put_int(struct kt_pf *p, const char *key, sqlite3_stmt *st, int col)
{
	if (kt_src_is_int(st, col))
		kt_trace_int(&p->trace, key, sqlite3_column_int64(st, col));
}

static void put_word(struct kt_pf *p, const char *key, sqlite3_stmt *st, int col)
{
	if (sqlite3_column_type(st, col) != SQLITE_NULL)
		kt_trace_word(&p->trace, key, kt_src_text(st, col));
}

/* Of what cannot be told from the track. */
static int describe(struct kt_pf *p, const struct flow *f, bool of_task)
{
	char *object kt_auto_free = NULL;
	char buf[128];

	snprintf(buf, sizeof(buf), "%s%lld", f->kind->letter, (long long)f->id);
	kt_trace_text(&p->trace, "id", buf);
	if (sqlite3_column_type(f->st, KT_SRC_WHAT) != SQLITE_NULL)
		kt_trace_text(&p->trace, "what", kt_src_text(f->st, KT_SRC_WHAT));
	put_int(p, "size_bytes", f->st, KT_SRC_SIZE_BYTES);
	put_word(p, "kind", f->st, KT_SRC_KIND);
	if (of_task && sqlite3_column_type(f->st, KT_SRC_OBJECT_ID) != SQLITE_NULL) {
		object = object_name(p, f->kind, f->st, KT_SRC_OBJECT_ID);
		if (!object)
			return kt_src_no_memory(p->run);
		kt_trace_word(&p->trace, "object", object);
	} else if (!of_task && kt_src_is_int(f->st, KT_SRC_UTID)) {
		task_name(p, sqlite3_column_int64(f->st, KT_SRC_UTID), buf, sizeof(buf));
		kt_trace_word(&p->trace, "task", buf);
	}
	if (kt_src_is_int(f->st, KT_SRC_UCGID)) {
		sqlite3_bind_int64(p->cgroup, 1, sqlite3_column_int64(f->st, KT_SRC_UCGID));
		if (sqlite3_step(p->cgroup) == SQLITE_ROW)
			put_word(p, "cgroup", p->cgroup, 0);
		sqlite3_reset(p->cgroup);
	}
	if (strcmp(kt_src_text(f->st, KT_SRC_STATE), "whole") != 0)
		put_word(p, "state", f->st, KT_SRC_STATE);
	return 0;
}

/* Tasks that ended the wait: on the track of each an instant, with the same arrow. */
static int draw_wakers(struct kt_pf *p, const struct flow *f, int64_t seq, int64_t at)
{
	for (size_t i = 0; i < f->links.n; i++) {
		const struct link *l = &f->links.v[i];
		struct kt_track *task, *t;
		bool is_new;

		if (!l->waker || l->seq != seq)
			continue;
		task = task_track(p, f->run_id, l->waker);
		t = task ? kt_tracks_get(&p->tracks, &is_new, "wakes %llu",
					 (unsigned long long)task->id)
			 : NULL;
		if (!t)
			return kt_src_no_memory(p->run);
		if (is_new)
			t->id = kt_trace_track(&p->trace, task->id, "wakes others", 3);
		kt_trace_open(&p->trace, KT_TRACE_INSTANT, t->id, at, "wake", "wakes");
		kt_trace_arrow(&p->trace, l->id);
		kt_trace_close(&p->trace);
	}
	return 0;
}

/* Stages follow one another: one that does not is not drawn, for it would close others. */
static int draw_stages(struct kt_pf *p, const struct flow *f, uint64_t lane)
{
	int64_t at = f->start, start, end;
	const char *class;
	int rc = SQLITE_DONE, err = 0;

	kt_src_bind_flow(p->stage, f->kind, f->id);
	while (!err && (rc = sqlite3_step(p->stage)) == SQLITE_ROW) {
		if (!kt_src_is_int(p->stage, 2) || !kt_src_is_int(p->stage, 3) ||
		    !kt_pf_time(p, sqlite3_column_int64(p->stage, 2), &start) ||
		    __builtin_add_overflow(start, sqlite3_column_int64(p->stage, 3), &end) ||
		    start < at || end < start || (f->has_end && end > f->end)) {
			p->n_stages++;
			continue;
		}
		at = end;
		err = draw_wakers(p, f, sqlite3_column_int64(p->stage, 0), start);
		kt_trace_open(&p->trace, KT_TRACE_BEGIN, lane, start, "stage",
			      kt_src_text(p->stage, 1));
		put_arrows(p, f, sqlite3_column_int64(p->stage, 0));
		class = kt_src_class(&p->kinds, f->kind, kt_src_text(p->stage, 1));
		if (class)
			kt_trace_word(&p->trace, "class", class);
		put_int(p, "runq_ns", p->stage, 4);
		put_int(p, "irq_ns", p->stage, 5);
		put_int(p, "softirq_ns", p->stage, 6);
		kt_trace_close(&p->trace);
		kt_trace_end(&p->trace, lane, end);
	}
	sqlite3_reset(p->stage);
	return err ? err : kt_src_done(p->run, rc);
}

/* What kept its task from running, from when on, and for how long in all. */
static int draw_disturbances(struct kt_pf *p, const struct flow *f, const struct kt_track *parent)
{
	int64_t start, end;
	char by[128];
	int rc = SQLITE_DONE, err = 0;

	if (!p->disturbance)
		return 0;
	kt_src_bind_flow(p->disturbance, f->kind, f->id);
	while (!err && (rc = sqlite3_step(p->disturbance)) == SQLITE_ROW) {
		sqlite3_stmt *st = p->disturbance;
		struct kt_track *t = kt_pf_lanes(p, parent, "waits for the CPU", 2);
		uint64_t lane;

		if (!kt_src_is_int(st, 1) || !kt_src_is_int(st, 2) ||
		    !kt_pf_time(p, sqlite3_column_int64(st, 1), &start) ||
		    __builtin_add_overflow(start, sqlite3_column_int64(st, 2), &end) || end < start)
			continue;
		lane = t ? kt_tracks_lane(&p->tracks, t, start, end) : 0;
		if (!lane) {
			err = kt_src_no_memory(p->run);
			break;
		}
		kt_trace_open(&p->trace, KT_TRACE_BEGIN, lane, start, "sched", kt_src_text(st, 0));
		if (kt_src_is_int(st, 3)) {
			task_name(p, sqlite3_column_int64(st, 3), by, sizeof(by));
			kt_trace_word(&p->trace, "by", by);
		}
		put_word(p, "by_irq", st, 4);
		kt_trace_close(&p->trace);
		kt_trace_end(&p->trace, lane, end);
	}
	err = err ? err : kt_src_done(p->run, rc);
	sqlite3_reset(p->disturbance);
	return err;
}

/* Where an instant's stages end: until then its lane is taken. */
static int stages_until(struct kt_pf *p, struct flow *f)
{
	int rc;

	f->end = f->start;
	kt_src_bind_flow(p->stage_end, f->kind, f->id);
	rc = sqlite3_step(p->stage_end);
	if (rc == SQLITE_ROW && kt_src_is_int(p->stage_end, 0) &&
	    (!kt_pf_time(p, sqlite3_column_int64(p->stage_end, 0), &f->end) || f->end < f->start))
		f->end = f->start;
	sqlite3_reset(p->stage_end);
	return rc == SQLITE_ROW ? 0 : kt_src_done(p->run, rc);
}

/* Its start and end in the trace; 1: it has no place there. */
static int place(struct kt_pf *p, struct flow *f)
{
	bool dur = kt_src_is_int(f->st, KT_SRC_DUR_NS);

	if (!kt_src_is_int(f->st, KT_SRC_START_NS)) {
		p->n_no_start++;
		return 1;
	}
	if (!kt_pf_time(p, sqlite3_column_int64(f->st, KT_SRC_START_NS), &f->start) ||
	    (dur && (sqlite3_column_int64(f->st, KT_SRC_DUR_NS) < 0 ||
		     __builtin_add_overflow(f->start, sqlite3_column_int64(f->st, KT_SRC_DUR_NS),
					    &f->end)))) {
		p->n_impossible++;
		return 1;
	}
	f->has_end = dur || !strcmp(kt_src_text(f->st, KT_SRC_STATE), "open_at_end");
	if (!dur && f->has_end)
		f->end = INT64_MAX;
	return f->has_end ? 0 : stages_until(p, f);
}

static int draw_flow(struct kt_pf *p, struct flow *f)
{
	struct kt_track *object, *parent, *t;
	bool of_task = f->kind->waits && kt_src_is_int(f->st, KT_SRC_UTID);
	uint64_t lane;
	int err = place(p, f);

	if (err)
		return err > 0 ? 0 : err;
	err = load_links(p, f);
	if (err)
		return err;
	object = kt_pf_object(p, f->run_id, f->kind, f->st, KT_SRC_OBJECT_ID);
	parent = of_task ? task_track(p, f->run_id, sqlite3_column_int64(f->st, KT_SRC_UTID))
			 : object;
	t = parent ? kt_pf_lanes(p, parent, f->kind->many, 1) : NULL;
	lane = t && object ? kt_tracks_lane(&p->tracks, t, f->start, f->end) : 0;
	if (!lane)
		return kt_src_no_memory(p->run);
	kt_trace_open(&p->trace, f->has_end ? KT_TRACE_BEGIN : KT_TRACE_INSTANT, lane, f->start,
		      "flow",
		      sqlite3_column_type(f->st, KT_SRC_OP) == SQLITE_NULL
			      ? f->kind->one
			      : kt_src_text(f->st, KT_SRC_OP));
	put_arrows(p, f, 0);
	err = describe(p, f, of_task);
	kt_trace_close(&p->trace);
	err = err ? err : draw_stages(p, f, lane);
	if (f->has_end && f->end != INT64_MAX)
		kt_trace_end(&p->trace, lane, f->end);
	err = err ? err : draw_disturbances(p, f, parent);
	if (!err && f->has_end) {
		t = in_flight(p, object, f->kind);
		if (!t || kt_tracks_count(&p->tracks, t, f->start, f->end))
			return kt_src_no_memory(p->run);
	}
	return err;
}

static int draw_flows(struct kt_pf *p)
{
	struct flow f = {0};
	int err = kt_src_prepare(p->run, &f.st,
				 "SELECT " KT_SRC_FLOW_COLUMNS
				 " FROM temp.drawn ORDER BY start_ns, flow, flow_id");
	int rc = SQLITE_DONE;

	while (!err && (rc = sqlite3_step(f.st)) == SQLITE_ROW) {
		f.kind = kt_src_kind(&p->kinds, kt_src_text(f.st, KT_SRC_FLOW));
		f.id = sqlite3_column_int64(f.st, KT_SRC_FLOW_ID);
		f.run_id = sqlite3_column_int64(f.st, KT_SRC_RUN_ID);
		err = f.kind ? draw_flow(p, &f) : 0;
		if (ferror(p->trace.f))
			break;
	}
	sqlite3_finalize(f.st);
	kt_vec_finish(&f.links);
	if (!err && rc != SQLITE_ROW)
		err = kt_src_done(p->run, rc);
	for (size_t i = 0; i < p->counters.n; i++)
		kt_tracks_count_end(&p->tracks, p->counters.v[i]);
	return err;
}

/* ---- the whole */

static const struct kt_src_statement statements[] = {
	{offsetof(struct kt_pf, object), NULL,
	 "SELECT name FROM temp.object_name WHERE tbl = ?1 AND object_id = ?2 AND name IS NOT "
	 "NULL"},
	{offsetof(struct kt_pf, task), NULL,
	 "SELECT coalesce(comm, '?') || ' [' || coalesce(tid, '?') || ']' FROM task WHERE utid = "
	 "?1"},
	{offsetof(struct kt_pf, cgroup), NULL, "SELECT path FROM cgroup WHERE ucgid = ?1"},
	{offsetof(struct kt_pf, stage), NULL,
	 "SELECT g.seq, g.name, g.start_ns, g.dur_ns, g.runq_ns, g.irq_ns, g.softirq_ns "
	 "FROM stage g WHERE g.flow = ?1 AND g.flow_id = ?2 ORDER BY g.seq"},
	{offsetof(struct kt_pf, stage_end), NULL,
	 "SELECT max(start_ns + dur_ns) FROM stage WHERE flow = ?1 AND flow_id = ?2"},
	{offsetof(struct kt_pf, links), NULL,
	 "SELECT seq, link_id, NULL FROM temp.link_end WHERE flow = ?1 AND flow_id = ?2 "
	 "UNION ALL SELECT seq, waking_id, utid FROM temp.waking WHERE flow = ?1 AND flow_id = ?2"},
	{offsetof(struct kt_pf, disturbance), "disturbance",
	 "SELECT cause, start_ns, dur_ns, by_utid, by_irq FROM disturbance WHERE flow = ?1 AND "
	 "flow_id = ?2 ORDER BY start_ns"},
};

static void finish(struct kt_pf *p)
{
	kt_src_finalize_all(p, statements, KT_ARRAY_SIZE(statements));
	kt_src_kinds_finish(&p->kinds);
	kt_vec_finish(&p->counters);
	kt_tracks_finish(&p->tracks);
	kt_trace_finish(&p->trace);
}

static void say_what_is_missing(const struct kt_pf *p)
{
	if (p->n_no_start)
		kt_warn("%lld flow(s) are not in the trace: when they began is not known",
			(long long)p->n_no_start);
	if (p->n_impossible)
		kt_warn("%lld flow(s) are not in the trace: their times are none",
			(long long)p->n_impossible);
	if (p->n_stages)
		kt_warn("%lld stage(s) are not in the trace: they do not follow one another",
			(long long)p->n_stages);
}

int kt_export_perfetto(struct kt_run *run, const char *path)
{
	struct kt_pf p = {.run = run, .db = run->db, .base_ns = kt_run_epoch(run)};
	struct kt_out_file file;
	int err;

	if (!strcmp(path, "-") && isatty(STDOUT_FILENO)) {
		snprintf(run->err, sizeof(run->err),
			 "a trace is not for a terminal: name a file, or send it to a program");
		return -EINVAL;
	}
	err = kt_out_file_open(&file, path, &kt_trace_what, run->err, sizeof(run->err));
	err = err ? err : kt_export_select(run, file.f, NULL);
	if (!err) {
		p.several_runs = kt_src_number(run, "SELECT count(*) FROM run") > 1;
		p.filtered = kt_src_number(
			run, "SELECT filtered OR EXISTS (SELECT 1 FROM temp.rows_from) "
			     "FROM temp.\"window\"");
		kt_trace_init(&p.trace, file.f, p.base_ns > 0, p.base_ns);
		p.tracks.trace = &p.trace;
		err = kt_src_kinds_load(run, &p.kinds);
		err = err ? err : kt_pf_choose(&p);
		err = err ? err
			  : kt_src_prepare_all(run, &p, statements, KT_ARRAY_SIZE(statements));
		err = err ? err : draw_flows(&p);
		err = err ? err : kt_pf_draw_run(&p);
		if (!err && kt_trace_error(&p.trace))
			err = kt_src_no_memory(run);
	}
	err = err ? err : kt_out_file_commit(&file);
	if (!err)
		say_what_is_missing(&p);
	kt_out_file_finish(&file);
	finish(&p);
	return err;
}
