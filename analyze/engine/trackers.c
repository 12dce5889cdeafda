/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The list of trackers, their order, their tables and views. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/engine/engine.h"
#include "analyze/engine/flow.h"
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

/* Have all trackers that it must follow been placed? */
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
		if (e->n_trackers == before) /* two trackers that must each follow the other */
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

static bool has_column(const struct kt_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_cols; i++)
		if (!strcmp(t->cols[i].name, name))
			return true;
	return false;
}

/* Kinds whose rows tell all of their stages. */
static void select_stages(FILE *f, const struct kt_flow_kind *const *kinds)
{
	for (const struct kt_flow_kind *const *k = kinds; *k; k++) {
		const struct kt_stage_rows rows = {
			.flow = (*k)->name,
			.stages = (*k)->stages,
			.n = (*k)->n_stages,
			.seq = 1,
			.disturbed = has_column((*k)->table, "runq_ns"),
		};

		fputs(k != kinds ? "UNION ALL " : "", f);
		kt_stage_selects(f, &rows);
	}
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
		const struct kt_tracker *t = e->trackers[i].t;

		if (!t->stage_select && !t->flows)
			continue;
		fputs(any ? " UNION ALL " : "", f);
		if (t->stage_select)
			t->stage_select(f);
		else
			select_stages(f, t->flows);
		any = true;
	}
	if (!any)
		fputs("SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE 0", f);
	if (fclose(f))
		return -ENOMEM;
	return kt_db_exec(e->db, sql);
}

static int make_views(struct kt_engine *e, void (*write)(FILE *f))
{
	kt_auto_free char *sql = NULL;
	size_t size;
	FILE *f = open_memstream(&sql, &size);

	if (!f)
		return -ENOMEM;
	write(f);
	if (fclose(f))
		return -ENOMEM;
	return kt_db_exec(e->db, sql);
}

int kt_trackers_views(struct kt_engine *e)
{
	int err = make_stage_view(e);

	for (size_t i = 0; !err && i < e->n_trackers; i++) {
		const struct kt_tracker *t = e->trackers[i].t;

		err = t->views ? kt_db_exec(e->db, t->views) : 0;
		if (!err && t->stats_views)
			err = make_views(e, t->stats_views);
	}
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
