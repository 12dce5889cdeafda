/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Passes on flows: rows to the database or to --keep, the flow itself to the statistics. */
#include "analyze/engine/flow.h"

#include "analyze/db/db.h"
#include "analyze/engine/engine.h"
#include "analyze/engine/keep.h"
#include "analyze/stats/busy.h"
#include "analyze/stats/flows.h"
#include "analyze/stats/slowest.h"
#include "format/base/macros.h"

/* ---------------------------------------------------------------- which rows are stored */

int kt_flow_begin(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id, int64_t start_ns,
		  bool until_told)
{
	return kt_likely(!e->keep) ? 0 : kt_keep_begin(e->keep, k, id, start_ns, until_told);
}

int kt_flow_insert(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id,
		   const struct kt_table *t, const void *row)
{
	return kt_likely(!e->keep) ? kt_db_insert(e->db, t, row)
				   : kt_keep_insert(e->keep, k, id, t, row);
}

int kt_flow_link(struct kt_engine *e, const struct kt_flow_kind *a, int64_t a_id,
		 const struct kt_flow_kind *b, int64_t b_id)
{
	return kt_likely(!e->keep) ? 0 : kt_keep_link(e->keep, a, a_id, b, b_id);
}

int kt_flow_needs(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id,
		  const struct kt_flow_kind *of, int64_t of_id)
{
	return kt_likely(!e->keep) ? 0 : kt_keep_needs(e->keep, k, id, of, of_id);
}

void kt_flow_hold(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id)
{
	if (kt_unlikely(e->keep))
		kt_keep_hold(e->keep, k, id, true);
}

void kt_flow_release(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id)
{
	if (kt_unlikely(e->keep))
		kt_keep_hold(e->keep, k, id, false);
}

void kt_flow_watch(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id)
{
	if (kt_unlikely(e->keep))
		kt_keep_watch(e->keep, k, id, true);
}

void kt_flow_unwatch(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id)
{
	if (kt_unlikely(e->keep))
		kt_keep_watch(e->keep, k, id, false);
}

void kt_flow_forget(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id)
{
	if (kt_unlikely(e->keep))
		kt_keep_forget(e->keep, k, id);
}

/* ---------------------------------------------------------------- flows */

void kt_flow_init(struct kt_flow *f, uint32_t run, int64_t id)
{
	*f = (struct kt_flow){
		.run = run,
		.id = id,
		.object_id = KT_NULL,
		.part_id = KT_NULL,
		.utid = KT_NULL,
		.ucgid = KT_NULL,
		.error = KT_NULL,
		.end_ns = KT_NULL,
		.dur_ns = KT_NULL,
		.size_bytes = KT_NULL,
		.n_lower = KT_NULL,
		.runq_ns = KT_NULL,
		.irq_ns = KT_NULL,
		.softirq_ns = KT_NULL,
		.slept_ns = KT_NULL,
		.served_from_ns = KT_NULL,
		.served_ns = KT_NULL,
	};
	for (int i = 0; i < KT_FLOW_MAX_STAGES; i++)
		f->stage_ns[i] = KT_NULL;
}

int kt_flow_own(struct kt_engine *e, int64_t utid, bool own)
{
	while (e->own.n <= (size_t)utid) {
		int err = kt_vec_push(&e->own, -1);

		if (err)
			return err;
	}
	e->own.v[utid] = own;
	return 0;
}

static int64_t is_own(const struct kt_engine *e, int64_t utid)
{
	if (utid == KT_NULL || (size_t)utid >= e->own.n || e->own.v[utid] < 0)
		return KT_NULL;
	return e->own.v[utid];
}

int kt_flow_end(struct kt_engine *e, const struct kt_flow_kind *k, const struct kt_flow *f,
		kt_flow_ref *ret_ref)
{
	int err = kt_flows_count(e->flows, k, f, is_own(e, f->utid), ret_ref);

	err = err ? err : kt_slowest_count(e->slowest, k->name, f);
	if (kt_unlikely(e->keep) && !err)
		err = kt_keep_ended(e->keep, k, f->id, f->dur_ns);
	if (err || f->state != KT_STATE_WHOLE || f->dur_ns == KT_NULL || f->dur_ns < 0 ||
	    f->served_ns == KT_NULL || f->served_from_ns == KT_NULL)
		return err;
	return kt_busy_count(e->busy, f->run, k->name, f->object_id, f->op, f->served_from_ns,
			     f->served_from_ns + f->served_ns);
}

int kt_flow_stages(struct kt_engine *e, kt_flow_ref ref, int64_t end_ns,
		   const int64_t ns[KT_FLOW_MAX_STAGES])
{
	return kt_flows_stages(e->flows, ref, end_ns, ns);
}

int kt_flow_disturbed(struct kt_engine *e, kt_flow_ref ref, int64_t end_ns, int64_t id,
		      const char *cause, int64_t by_utid, const char *by_irq, int64_t dur_ns)
{
	return kt_flows_disturbed(e->flows, ref, end_ns, id, cause, by_utid, by_irq, dur_ns);
}

int kt_flow_in_flight(struct kt_engine *e, uint32_t run, int64_t tgid, int64_t start_ns,
		      int64_t end_ns)
{
	return kt_busy_in_flight(e->busy, run, tgid, start_ns, end_ns);
}
