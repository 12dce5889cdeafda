// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/engine/stage.h"

#include "analyze/db/table.h"
#include "format/base/macros.h"

static const struct kt_col stage_cols[] = {
	KT_COL(kt_stage_row, flow, KT_COL_TEXT, "", "kind of flow, as in flow_kind"),
	KT_COL(kt_stage_row, flow_id, KT_COL_INT, "", "its id"),
	KT_COL(kt_stage_row, seq, KT_COL_INT, "", "1, 2, … in time order"),
	KT_COL(kt_stage_row, name, KT_COL_TEXT, "", "stage"),
	KT_COL(kt_stage_row, start_ns, KT_COL_INT, "ns", "when it began"),
	KT_COL(kt_stage_row, dur_ns, KT_COL_INT, "ns", "how long it lasted"),
	KT_COL(kt_stage_row, bio_id, KT_COL_INT, "",
	       "the bio it belongs to; of a request: that of its own data, NULL for a flush"),
};

const struct kt_table kt_stage_table = {
	.name = "stage_extra",
	.doc = "all stages of operations whose path has several bios or a flush, and of requests "
	       "that a flush held back; view stage derives those of all others from their row",
	.cols = stage_cols,
	.n_cols = KT_ARRAY_SIZE(stage_cols),
};

void kt_stage_start(FILE *f, const char *x, const struct kt_stage_def *stages, int n)
{
	fprintf(f, "%s%s.start_ns", n ? "" : "+", x);
	for (int i = 0; i < n; i++)
		fprintf(f, " + ifnull(%s.%s_ns, 0)", x, stages[i].name);
}

void kt_stage_disturbed(FILE *f, const char *flow, const char *seq, const char *cause)
{
	/* clang-format off */
	fprintf(f,
"CASE WHEN x.%s_ns IS NOT NULL THEN ifnull((SELECT sum(d.dur_ns) FROM disturbance d\n"
"    WHERE d.flow_id = x.%s_id AND d.flow = '%s' AND d.seq = %s AND d.cause = '%s'), 0) END",
		cause, flow, flow, seq, cause);
	/* clang-format on */
}

static void put_disturbances(FILE *f, const char *flow, int seq)
{
	static const char *const causes[] = {"runq", "irq", "softirq"};
	char nr[16];

	snprintf(nr, sizeof(nr), "%d", seq);
	for (size_t i = 0; i < KT_ARRAY_SIZE(causes); i++) {
		fputs(i ? ",\n  " : "  ", f);
		kt_stage_disturbed(f, flow, nr, causes[i]);
	}
}

void kt_stage_selects(FILE *f, const struct kt_stage_rows *r)
{
	for (int i = 0; i < r->n; i++) {
		const struct kt_stage_def *g = &r->stages[i];

		fprintf(f, "%sSELECT '%s', x.%s_id, %d, '%s', ", i ? "UNION ALL " : "", r->flow,
			r->flow, r->seq + i, g->name);
		kt_stage_start(f, "x", r->stages, i);
		fprintf(f, ", +x.%s_ns,\n", g->name);
		if (r->disturbed && g->must_run)
			put_disturbances(f, r->flow, r->seq + i);
		else
			fputs("  NULL, NULL, NULL", f);
		fprintf(f, "\n  FROM %s x WHERE x.%s_ns IS NOT NULL%s%s\n", r->flow, g->name,
			r->where ? " AND " : "", r->where ? r->where : "");
	}
}
