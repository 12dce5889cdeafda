/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The trackers: which there are, their order, their tables and views, and what they may ask of the engine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/engine.h"
#include "kt_families.h"

#define KT_TRACKER_DECLARE(name) extern const struct kt_tracker kt_tracker_##name;
KT_FAMILIES(KT_TRACKER_DECLARE)
#define KT_TRACKER_REF(name) &kt_tracker_##name,
static const struct kt_tracker *const all[] = {KT_FAMILIES(KT_TRACKER_REF)};

static bool is_placed(const struct kt_engine *e, const char *family)
{
	for (size_t i = 0; i < e->n_trackers; i++)
		if (!strcmp(e->trackers[i].t->family, family))
			return true;
	return false;
}

static bool is_built(const char *family)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->family, family))
			return true;
	return false;
}

/* May it come next: is all that it wants to follow there? */
static bool is_ready(const struct kt_engine *e, const struct kt_tracker *t)
{
	for (const char *const *a = t->after; a && *a; a++)
		if (is_built(*a) && !is_placed(e, *a))
			return false;
	return !is_placed(e, t->family);
}

static int add_handler(struct kt_handlers *h, const struct kt_handler_ref *ref)
{
	struct kt_handler_ref *v = realloc(h->v, (h->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	v[h->n++] = *ref;
	h->v = v;
	return 0;
}

static int add_tracker(struct kt_engine *e, const struct kt_tracker *t)
{
	struct kt_tracker_state *s = &e->trackers[e->n_trackers];

	s->t = t;
	s->self = calloc(1, t->state_size + 1);
	if (!s->self)
		return -ENOMEM;
	e->n_trackers++;
	for (const struct kt_handler *h = t->on; h && h->id; h++) {
		struct kt_handler_ref ref = {h->fn, s->self};
		int err;

		err = add_handler(&e->handlers[h->id], &ref);
		if (err)
			return err;
	}
	return 0;
}

int kt_trackers_create(struct kt_engine *e)
{
	e->trackers = calloc(KT_ARRAY_SIZE(all), sizeof(*e->trackers));
	e->handlers = calloc(UINT16_MAX + 1, sizeof(*e->handlers));
	if (!e->trackers || !e->handlers)
		return -ENOMEM;
	while (e->n_trackers < KT_ARRAY_SIZE(all)) {
		size_t before = e->n_trackers;

		for (size_t i = 0; i < KT_ARRAY_SIZE(all); i++) {
			int err = is_ready(e, all[i]) ? add_tracker(e, all[i]) : 0;

			if (err)
				return err;
		}
		if (e->n_trackers == before) /* two trackers that each want to follow the other */
			return -ELOOP;
	}
	return 0;
}

int kt_trackers_init(struct kt_engine *e)
{
	for (size_t i = 0; i < e->n_trackers; i++) {
		const struct kt_tracker *t = e->trackers[i].t;
		int err = t->init ? t->init(e->trackers[i].self, e) : 0;

		if (err)
			return err;
	}
	return 0;
}

void kt_trackers_destroy(struct kt_engine *e)
{
	for (size_t i = e->n_trackers; i-- > 0;) {
		if (e->trackers[i].t->finish)
			e->trackers[i].t->finish(e->trackers[i].self);
		free(e->trackers[i].self);
	}
	free(e->trackers);
	for (size_t i = 0; e->handlers && i <= UINT16_MAX; i++)
		free(e->handlers[i].v);
	free(e->handlers);
	kt_vec_finish(&e->services);
}

/* ---------------------------------------------------------------- tables and views */

int kt_trackers_tables(struct kt_engine *e)
{
	for (size_t i = 0; i < e->n_trackers; i++) {
		const struct kt_table *const *t = e->trackers[i].t->tables;

		for (; t && *t; t++) {
			int err = kt_db_add_table(e->db, *t);

			if (err)
				return err;
		}
	}
	return 0;
}

static int make_stage_view(struct kt_engine *e)
{
	kt_auto_free char *sql = NULL;
	size_t size;
	FILE *f = open_memstream(&sql, &size);
	bool any = false;

	if (!f)
		return -ENOMEM;
	fputs("CREATE VIEW stage(flow, flow_id, seq, name, start_ns, dur_ns, runq_ns, irq_ns, "
	      "softirq_ns) AS ",
	      f);
	for (size_t i = 0; i < e->n_trackers; i++) {
		if (!e->trackers[i].t->stage_select)
			continue;
		fprintf(f, "%s%s", any ? " UNION ALL " : "", e->trackers[i].t->stage_select);
		any = true;
	}
	if (!any)
		fputs("SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE 0", f);
	if (fclose(f))
		return -ENOMEM;
	return kt_db_exec(e->db, sql);
}

int kt_trackers_views(struct kt_engine *e)
{
	int err = make_stage_view(e);

	for (size_t i = 0; !err && i < e->n_trackers; i++)
		if (e->trackers[i].t->views)
			err = kt_db_exec(e->db, e->trackers[i].t->views);
	return err;
}

int kt_trackers_indexes(struct kt_engine *e)
{
	int err = 0;

	for (size_t i = 0; !err && i < e->n_trackers; i++)
		if (e->trackers[i].t->indexes)
			err = kt_db_exec(e->db, e->trackers[i].t->indexes);
	return err;
}

/* ---------------------------------------------------------------- flow.h */

int kt_insert(struct kt_engine *e, const struct kt_table *t, const void *row)
{
	return kt_db_insert(e->db, t, row);
}

int64_t kt_next_id(struct kt_engine *e, const struct kt_table *t)
{
	return kt_db_next_id(e->db, t);
}

const char *kt_flow_state(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns)
{
	const struct kt_run *r = e->runs.v[run];
	bool seen = start_ns != KT_NULL && end_ns != KT_NULL;

	if (start_ns == KT_NULL)
		start_ns = r->start_ns;
	if (end_ns == KT_NULL)
		end_ns = r->last_ns == KT_NULL ? r->start_ns : r->last_ns;
	if (!seen && kt_holes_hide(&r->holes, start_ns, end_ns, KT_ANY_CPU, 0))
		return "lossy";
	return kt_loss_overlaps(&r->loss, start_ns, end_ns) ? "lossy" : "whole";
}

bool kt_hidden(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns, uint32_t cpu,
	       uint32_t tid)
{
	return kt_holes_hide(&e->runs.v[run]->holes, start_ns, end_ns, cpu, tid);
}

int kt_missed(struct kt_engine *e, uint32_t run, uint32_t cpu, int64_t start_ns, int64_t end_ns)
{
	struct kt_loss_found l = {run, cpu, start_ns, end_ns, 1, KT_LOSS_MISSED};

	/* Only the flow it was found by is in doubt: the others' state stays. */
	e->runs.v[run]->lost++;
	return kt_write_lost(e, &l);
}

int kt_hist_add(struct kt_engine *e, uint32_t run, const char *flow, const char *stage,
		int64_t device_id, const char *op, int64_t end_ns, int64_t dur_ns)
{
	return kt_hist_count(e->hist, run, flow, stage, device_id, op, end_ns, dur_ns);
}

int kt_load_add(struct kt_engine *e, const struct kt_load_flow *f)
{
	return kt_load_count(e->load, f);
}

int kt_io_load_add(struct kt_engine *e, const struct kt_io_flow *f)
{
	static const char *const stages[KT_IO_N_STAGES] = {
		"submit", "throttle", "alloc",	"plug",	   "queue",  "device", "complete",
		"endio",  "wakeup",   "return", "between", "cached", "blocked"};
	const struct kt_load_flow flow = {
		.run = f->run,
		.flow = "io",
		.op = f->op,
		.state = f->state,
		.id = f->id,
		.device_id = f->device_id,
		.part_device_id = KT_NULL,
		.end_ns = f->end_ns,
		.dur_ns = f->dur_ns,
		.size_bytes = f->size_bytes,
		.issue_ns = KT_NULL,
		.device_ns = f->stage_ns[KT_IO_DEVICE],
		.n_bios = f->n_bios,
		.utid = KT_NULL, /* task_load is of bios */
		.ucgid = KT_NULL,
		.is_error = f->error != KT_NULL,
	};
	int err = kt_load_count(e->load, &flow);

	err = err ? err : kt_io_load_count(e->io_load, f);
	if (err || f->state[0] != 'w' || f->end_ns == KT_NULL || f->dur_ns == KT_NULL ||
	    !kt_io_did_something(f))
		return err;
	if (f->async)
		err = kt_load_in_flight(e->load, f->run, f->tgid, f->end_ns - f->dur_ns, f->end_ns);
	for (int i = 0; i < KT_IO_N_STAGES && !err; i++)
		if (f->stage_ns[i] != KT_NULL)
			err = kt_hist_count(e->hist, f->run, "io", stages[i], f->device_id, f->op,
					    f->end_ns, f->stage_ns[i]);
	return err ? err
		   : kt_hist_count(e->hist, f->run, "io", "total", f->device_id, f->op, f->end_ns,
				   f->dur_ns);
}

const struct kt_const_table *kt_run_consts(struct kt_engine *e, uint32_t run)
{
	return e->runs.v[run]->consts;
}

int64_t kt_run_start(struct kt_engine *e, uint32_t run)
{
	return e->runs.v[run]->start_ns;
}

bool kt_run_has(struct kt_engine *e, uint32_t run, uint16_t event_id)
{
	return kt_input_has(e->runs.v[run]->in, event_id);
}

bool kt_run_filtered(struct kt_engine *e, uint32_t run)
{
	return e->runs.v[run]->in->info->filters[0];
}

/* Is word one of those that commas part? */
static bool is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

bool kt_run_hooked(struct kt_engine *e, uint32_t run, const char *family, const char *hook)
{
	const struct kt_run *r = e->runs.v[run];
	const char *kinds = r->in->info->kinds;

	if (kinds && *kinds && !is_listed(kinds, family))
		return false;
	for (size_t i = 0; i < r->hooks.n; i++)
		if (!strcmp(r->hooks.v[i].name, hook))
			return r->hooks.v[i].attached;
	return true;
}

const void *kt_service(struct kt_engine *e, const char *family, void **ret_self)
{
	for (size_t i = 0; i < e->services.n; i++) {
		if (!strcmp(e->services.v[i].family, family)) {
			*ret_self = e->services.v[i].self;
			return e->services.v[i].svc;
		}
	}
	return NULL;
}

void kt_service_provide(struct kt_engine *e, const char *family, const void *svc, void *self)
{
	struct kt_service s = {family, svc, self};

	if (kt_vec_push(&e->services, s))
		abort(); /* a few bytes, before anything is read */
}
