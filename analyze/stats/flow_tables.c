/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/stats/flow_tables.h"

#include <stddef.h>

#include "analyze/stats/flows.h"
#include "format/base/macros.h"

#define INT(row, member, name, unit, doc)                                 \
	{                                                                 \
		name, KT_COL_INT, offsetof(struct row, member), unit, doc \
	}
#define TABLE(id, table_name, columns, text)      \
	const struct kt_table id = {              \
		.name = table_name,               \
		.doc = text,                      \
		.cols = columns,                  \
		.n_cols = KT_ARRAY_SIZE(columns), \
	}

static const struct kt_col group_cols[] = {
	KT_COL(kt_flow_group_row, group_id, KT_COL_ID, "", "identifies it"),
	KT_COL(kt_flow_group_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(kt_flow_group_row, flow, KT_COL_TEXT, "", "kind of flow, as in flow_kind"),
	KT_COL(kt_flow_group_row, kind, KT_COL_TEXT, "",
	       "as in the flows' rows; of bios, `part`: part of another bio"),
	KT_COL(kt_flow_group_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(kt_flow_group_row, object_id, KT_COL_INT, "",
	       "the object they concern, in table flow_kind.object_tbl"),
	KT_COL(kt_flow_group_row, part_id, KT_COL_INT, "", "a part of that object: the partition"),
	KT_COL(kt_flow_group_row, via, KT_COL_TEXT, "",
	       "as io.via; of bios: as bio.link, NULL if there is no operation"),
	KT_COL(kt_flow_group_row, error, KT_COL_INT, "", "negative errno of those that failed"),
	KT_COL(kt_flow_group_row, is_own, KT_COL_INT, "",
	       "1: of ktrace-record itself; 0: not; NULL: not known, or they have no task"),
};

TABLE(kt_flow_group_table, "flow_group", group_cols,
      "what the statistics distinguish; flow_key adds the task and its cgroup");

static const struct kt_col key_cols[] = {
	KT_COL(kt_flow_key_row, key_id, KT_COL_ID, "", "identifies it"),
	KT_COL(kt_flow_key_row, group_id, KT_COL_INT, "", "its row in flow_group"),
	KT_COL(kt_flow_key_row, utid, KT_COL_INT, "",
	       "the task; NULL: not known, or not kept for that kind"),
	KT_COL(kt_flow_key_row, ucgid, KT_COL_INT, "", "its cgroup"),
};

TABLE(kt_flow_key_table, "flow_key", key_cols, "groups of flows by task and cgroup");

#define SUM(member, unit, doc) INT(kt_flow_load_row, v.member, #member, unit, doc)
#define STAGE(n)                                                     \
	INT(kt_flow_load_row, v.stage_ns[(n)-1], "s" #n "_ns", "ns", \
	    "sum of stage " #n " (flow_stage.ord); NULL: none of them had it")

static const struct kt_col load_cols[] = {
	KT_COL(kt_flow_load_row, key_id, KT_COL_INT, "", "its row in flow_key"),
	KT_COL(kt_flow_load_row, second, KT_COL_INT, "s",
	       "in which the flows ended, since the epoch of the database; NULL in flow_sum"),
	KT_COL(kt_flow_load_row, state, KT_COL_TEXT, "",
	       "whole open_at_start open_at_end lossy evicted duplicate"),
	SUM(n, "", "flows"),
	SUM(size_bytes, "bytes", "sum of their sizes, where known"),
	SUM(dur_ns, "ns", "sum of their durations, where known"),
	SUM(max_ns, "ns", "the longest of them"),
	SUM(n_lower, "", "flows below these: bios of requests and operations"),
	SUM(n_with_lower, "", "flows that have such flows below them"),
	SUM(served_ns, "ns", "sum of the time in which their object served them"),
	SUM(runq_ns, "ns",
	    "of dur_ns, the tasks were runnable but another ran; NULL: not known for any"),
	SUM(irq_ns, "ns", "of dur_ns, hard interrupts took from them"),
	SUM(softirq_ns, "ns", "of dur_ns, soft interrupts took from them"),
	SUM(slept_ns, "ns",
	    "of dur_ns, the tasks were asleep; NULL: not known for any, or they are asynchronous"),
	SUM(n_runq, "", "flows whose runq_ns is known; if fewer than n, runq_ns is a lower bound"),
	SUM(min_id, "", "smallest id among them"),
	SUM(max_id, "", "largest id among them"),
	STAGE(1),
	STAGE(2),
	STAGE(3),
	STAGE(4),
	STAGE(5),
	STAGE(6),
	STAGE(7),
	STAGE(8),
	STAGE(9),
	STAGE(10),
	STAGE(11),
	STAGE(12),
	STAGE(13),
	STAGE(14),
	STAGE(15),
	STAGE(16),
};

_Static_assert(KT_FLOW_MAX_STAGES == 16, "a column each");

TABLE(kt_flow_load_table, "flow_load", load_cols,
      "flows second by second; several rows of one key add up");
TABLE(kt_flow_sum_table, "flow_sum", load_cols,
      "flow_load over the whole run; several rows of one key add up");

static const struct kt_col hist_cols[] = {
	KT_COL(kt_flow_hist_row, key_id, KT_COL_INT, "", "its row in flow_key"),
	KT_COL(kt_flow_hist_row, second, KT_COL_INT, "s", "as in flow_load; NULL in flow_hist_sum"),
	KT_COL(kt_flow_hist_row, bucket, KT_COL_INT, "", "range of durations, as in group_hist"),
	KT_COL(kt_flow_hist_row, n, KT_COL_INT, "", "whole flows in it"),
	KT_COL(kt_flow_hist_row, ns, KT_COL_INT, "ns", "sum of their durations"),
	KT_COL(kt_flow_hist_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
};

TABLE(kt_flow_hist_table, "flow_hist", hist_cols,
      "durations by task, second by second; several rows of one key add up");
TABLE(kt_flow_hist_sum_table, "flow_hist_sum", hist_cols,
      "flow_hist over the whole run; several rows of one key add up");

static const struct kt_col group_hist_cols[] = {
	KT_COL(kt_group_hist_row, group_id, KT_COL_INT, "", "its row in flow_group"),
	KT_COL(kt_group_hist_row, second, KT_COL_INT, "s",
	       "as in flow_load; NULL in group_hist_sum"),
	KT_COL(kt_group_hist_row, stage, KT_COL_INT, "", "flow_stage.ord; 0: the whole flow"),
	KT_COL(kt_group_hist_row, bucket, KT_COL_INT, "",
	       "range of durations, at most 1 % wide: below 128 ns the duration itself, above that "
	       "(e - 6) * 128 + (ns >> (e - 7)) - 128 with e = floor(log2 ns). In group_hist, "
	       "after the first million rows: the range of the mean of 8 such ranges together, at "
	       "most 6 % wide"),
	KT_COL(kt_group_hist_row, n, KT_COL_INT, "", "whole flows in it"),
	KT_COL(kt_group_hist_row, ns, KT_COL_INT, "ns", "sum of their durations in that stage"),
	KT_COL(kt_group_hist_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
};

TABLE(kt_group_hist_table, "group_hist", group_hist_cols,
      "durations of stages and of whole flows, second by second; several rows of one key add up");
TABLE(kt_group_hist_sum_table, "group_hist_sum", group_hist_cols, "group_hist over the whole run");

static const struct kt_col disturb_cols[] = {
	KT_COL(kt_disturb_load_row, key_id, KT_COL_INT, "", "its row in flow_key"),
	KT_COL(kt_disturb_load_row, second, KT_COL_INT, "s",
	       "as in flow_load; NULL in disturb_sum"),
	KT_COL(kt_disturb_load_row, cause, KT_COL_TEXT, "", "as disturbance.cause"),
	KT_COL(kt_disturb_load_row, by_utid, KT_COL_INT, "", "as disturbance.by_utid"),
	KT_COL(kt_disturb_load_row, by_irq, KT_COL_TEXT, "", "as disturbance.by_irq"),
	KT_COL(kt_disturb_load_row, n, KT_COL_INT, "", "how often"),
	KT_COL(kt_disturb_load_row, ns, KT_COL_INT, "ns", "for how long in total"),
	KT_COL(kt_disturb_load_row, n_flows, KT_COL_INT, "", "whole flows that it kept waiting"),
};

TABLE(kt_disturb_load_table, "disturb_load", disturb_cols,
      "table disturbance summed over flows, second by second; several rows of one key add up");
TABLE(kt_disturb_sum_table, "disturb_sum", disturb_cols,
      "disturb_load over the whole run; several rows of one key add up");

static const struct kt_col stats_cols[] = {
	KT_COL(kt_latency_stats_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(kt_latency_stats_row, flow, KT_COL_TEXT, "", "kind of flow"),
	KT_COL(kt_latency_stats_row, stage, KT_COL_TEXT, "",
	       "name of the stage; total: the whole flow"),
	KT_COL(kt_latency_stats_row, object_id, KT_COL_INT, "", "as flow_group.object_id"),
	KT_COL(kt_latency_stats_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(kt_latency_stats_row, n, KT_COL_INT, "",
	       "whole flows that were neither empty nor failed"),
	KT_COL(kt_latency_stats_row, sum_ns, KT_COL_INT, "ns", "sum of the durations"),
	KT_COL(kt_latency_stats_row, mean_ns, KT_COL_INT, "ns", "mean"),
	KT_COL(kt_latency_stats_row, p50_ns, KT_COL_INT, "ns", "median, within 1 %"),
	KT_COL(kt_latency_stats_row, p90_ns, KT_COL_INT, "ns", "90th percentile, within 1 %"),
	KT_COL(kt_latency_stats_row, p99_ns, KT_COL_INT, "ns", "99th percentile, within 1 %"),
	KT_COL(kt_latency_stats_row, p999_ns, KT_COL_INT, "ns",
	       "99.9th percentile, within 1 %; NULL: fewer than 1000 flows"),
	KT_COL(kt_latency_stats_row, max_ns, KT_COL_INT, "ns", "longest, exact"),
};

TABLE(kt_latency_stats_table, "latency_stats", stats_cols,
      "mean and percentiles of group_hist over the whole run, by object and operation; stage_stats "
      "has the names as well");

const struct kt_table *const kt_flows_tables[] = {
	&kt_flow_group_table,  &kt_flow_key_table,	 &kt_flow_load_table,
	&kt_flow_sum_table,    &kt_flow_hist_table,	 &kt_flow_hist_sum_table,
	&kt_group_hist_table,  &kt_group_hist_sum_table, &kt_disturb_load_table,
	&kt_disturb_sum_table, &kt_latency_stats_table,	 NULL,
};
