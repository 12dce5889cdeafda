// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/engine/disturb.h"

#include "format/base/macros.h"

#define MIN_NS 1000    /* that a disturbance must last in all to get a row */
#define MAX_OF_STAGE 4 /* culprits named per stage and cause */

static const struct kt_col cols[] = {
	KT_COL(kt_disturb_row, flow, KT_COL_TEXT, "", "kind of flow, as in flow_kind"),
	KT_COL(kt_disturb_row, flow_id, KT_COL_INT, "", "its id"),
	KT_COL(kt_disturb_row, seq, KT_COL_INT, "", "stage, as in view stage"),
	KT_COL(kt_disturb_row, cause, KT_COL_TEXT, "",
	       "runq | irq | softirq; worker: as runq, but of the kernel worker that the stage "
	       "waits for"),
	KT_COL(kt_disturb_row, start_ns, KT_COL_INT, "ns", "when it began; the first of several"),
	KT_COL(kt_disturb_row, dur_ns, KT_COL_INT, "ns", "total in that stage"),
	KT_COL(kt_disturb_row, by_utid, KT_COL_INT, "",
	       "runq, worker: the task that ran instead; NULL: not known, or several"),
	KT_COL(kt_disturb_row, by_irq, KT_COL_TEXT, "", "irq, softirq: its name; NULL: several"),
};

const struct kt_table kt_disturb_table = {
	.name = "disturbance",
	.doc = "what kept a flow's task from running: one row per stage and culprit, of 1 us or "
	       "more",
	.cols = cols,
	.n_cols = KT_ARRAY_SIZE(cols),
};

/* The culprit: one already seen in this stage, or a new one; beyond the limit they are merged. */
int kt_blame_add(struct kt_blames *b, size_t seg, enum kt_disturb_cause cause, uint32_t by,
		 int64_t from, int64_t to)
{
	struct kt_blame more = {seg, cause, by, from, to - from};
	unsigned int n = 0;

	for (size_t i = b->n; i-- > 0 && b->v[i].seg == seg;) {
		struct kt_blame *x = &b->v[i];

		if (x->cause != cause)
			continue;
		n++;
		if (x->by == by || x->by == KT_BLAME_VARIOUS) {
			x->dur_ns += to - from;
			return 0;
		}
	}
	if (n >= MAX_OF_STAGE)
		more.by = KT_BLAME_VARIOUS;
	return kt_vec_push(b, more);
}

int kt_blames_write(struct kt_engine *e, const struct kt_flow_kind *k, int64_t id, int64_t end_ns,
		    const kt_flow_ref *ref, const struct kt_blames *b, kt_blame_name_fn *name,
		    void *arg)
{
	static const char *const causes[] = {
#define CAUSE(id, name) [KT_DISTURB_##id] = #name,
		KT_DISTURB_CAUSES(CAUSE)
#undef CAUSE
	};
	int err = 0;

	for (size_t i = 0; i < b->n && !err; i++) {
		const struct kt_blame *x = &b->v[i];
		struct kt_disturb_row row = {k->name,	  id,	     KT_NULL, causes[x->cause],
					     x->start_ns, x->dur_ns, KT_NULL, NULL};

		if (x->dur_ns < MIN_NS || !name(arg, x, &row))
			continue;
		err = kt_flow_insert(e, k, id, &kt_disturb_table, &row);
		if (!err && ref)
			err = kt_flow_disturbed(e, *ref, end_ns, id, row.cause, row.by_utid,
						row.by_irq, row.dur_ns);
	}
	return err;
}
