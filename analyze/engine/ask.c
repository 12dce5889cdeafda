// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* What trackers may ask: of the engine (tracker.h), and who serves them. */
#include <string.h>

#include "analyze/engine/engine.h"

int kt_insert(struct kt_engine *e, const struct kt_table *t, const void *row)
{
	return kt_db_insert(e->db, t, row);
}

int64_t kt_next_id(struct kt_engine *e, const struct kt_table *t)
{
	return kt_db_next_id(e->db, t);
}

enum kt_state kt_flow_state(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns)
{
	const struct kt_run *r = e->runs.v[run];
	bool seen = start_ns != KT_NULL && end_ns != KT_NULL;

	if (start_ns == KT_NULL)
		start_ns = r->start_ns;
	if (end_ns == KT_NULL)
		end_ns = r->last_ns == KT_NULL ? r->start_ns : r->last_ns;
	if (!seen && kt_holes_hide(&r->holes, start_ns, end_ns, KT_ANY_CPU, 0))
		return KT_STATE_LOSSY;
	return kt_loss_overlaps(&r->loss, start_ns, end_ns) ? KT_STATE_LOSSY : KT_STATE_WHOLE;
}

const char *kt_state_name(enum kt_state state)
{
	static const char *const names[] = {
		[KT_STATE_WHOLE] = "whole",
		[KT_STATE_OPEN_AT_START] = "open_at_start",
		[KT_STATE_OPEN_AT_END] = "open_at_end",
		[KT_STATE_LOSSY] = "lossy",
		[KT_STATE_EVICTED] = "evicted",
		[KT_STATE_DUPLICATE] = "duplicate",
	};

	return names[state];
}

enum kt_state kt_flow_final_state(struct kt_engine *e, uint32_t run, const char *family,
				  int64_t start_ns, int64_t end_ns, bool lossy, enum kt_state how)
{
	if (lossy)
		return KT_STATE_LOSSY;
	if (how == KT_STATE_EVICTED)
		return how;
	if (kt_flow_state(e, run, start_ns, end_ns) != KT_STATE_WHOLE)
		return KT_STATE_LOSSY;
	if (how != KT_STATE_OPEN)
		return how;
	if (start_ns == KT_NULL)
		return KT_STATE_OPEN_AT_START;
	return kt_run_is_elsewhere(e, run, family, start_ns, end_ns) ? KT_STATE_DUPLICATE
								     : KT_STATE_WHOLE;
}

bool kt_hidden(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns, uint32_t cpu,
	       uint32_t tid)
{
	return kt_holes_hide(&e->runs.v[run]->holes, start_ns, end_ns, cpu, tid);
}

int kt_missed(struct kt_engine *e, uint32_t run, uint32_t cpu, int64_t start_ns, int64_t end_ns)
{
	struct kt_loss_found l = {run, cpu, start_ns, end_ns, 1, KT_LOSS_MISSED};

	/* Only the flow that revealed it is in doubt: other flows keep their state. */
	e->runs.v[run]->lost++;
	return kt_write_lost(e, &l);
}

const struct kt_const_table *kt_run_consts(struct kt_engine *e, uint32_t run)
{
	return e->runs.v[run]->consts;
}

int64_t kt_run_start(struct kt_engine *e, uint32_t run)
{
	return e->runs.v[run]->start_ns;
}

bool kt_run_filtered(struct kt_engine *e, uint32_t run)
{
	return e->runs.v[run]->in->info->filters[0];
}

bool kt_no_room(struct kt_engine *e, uint32_t run, int64_t start_ns, int64_t end_ns)
{
	return kt_loss_overlaps(&e->runs.v[run]->no_room, start_ns, end_ns);
}

bool kt_run_hooked(struct kt_engine *e, uint32_t run, const char *family, const char *hook)
{
	const struct kt_run *r = e->runs.v[run];

	if (!kt_run_recorded(r, family))
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

int kt_service_provide(struct kt_engine *e, const char *family, const void *svc, void *self)
{
	struct kt_service s = {family, svc, self};

	return kt_vec_push(&e->services, s);
}
