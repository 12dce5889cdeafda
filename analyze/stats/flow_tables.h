/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Rows of the tables of the statistics. */
#ifndef KT_ANALYZE_STATS_FLOW_TABLES_H
#define KT_ANALYZE_STATS_FLOW_TABLES_H

#include "analyze/db/table.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/tracker.h"

struct kt_flow_group_row {
	int64_t group_id, run_id;
	const char *flow, *kind, *op;
	int64_t object_id, part_id;
	const char *via;
	int64_t error, is_own;
};

struct kt_flow_key_row {
	int64_t key_id, group_id, utid, ucgid;
};

/* Sums of flows of one key. */
struct kt_flow_sums {
	int64_t n, size_bytes, dur_ns, max_ns, n_lower, n_with_lower, served_ns;
	int64_t runq_ns, irq_ns, softirq_ns,
		slept_ns; /* KT_NULL until a flow has it, like the stages */
	int64_t n_runq, min_id, max_id;
	int64_t stage_ns[KT_FLOW_MAX_STAGES];
};

struct kt_flow_load_row {
	int64_t key_id, second;
	const char *state;
	struct kt_flow_sums v;
};

struct kt_flow_hist_row {
	int64_t key_id, second, bucket, n, ns, max_ns;
};

struct kt_group_hist_row {
	int64_t group_id, second, stage, bucket, n, ns, max_ns;
};

struct kt_disturb_load_row {
	int64_t key_id, second;
	const char *cause;
	int64_t by_utid;
	const char *by_irq;
	int64_t n, ns, n_flows;
};

struct kt_latency_stats_row {
	int64_t run_id;
	const char *flow, *stage;
	int64_t object_id;
	const char *op;
	int64_t n, sum_ns, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
};

extern const struct kt_table kt_flow_group_table, kt_flow_key_table, kt_flow_load_table,
	kt_flow_sum_table, kt_flow_hist_table, kt_flow_hist_sum_table, kt_group_hist_table,
	kt_group_hist_sum_table, kt_disturb_load_table, kt_disturb_sum_table,
	kt_latency_stats_table;

#endif
