/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Statistics of all flows, summed up as they end, so that a report neither reads millions of rows nor needs them to be stored:
 *
 *	flow_group, flow_key   what is distinguished: kind of flow, kind, operation, object, …; and task and cgroup
 *	flow_load              by key, second and state: number, bytes, times, each stage
 *	flow_hist              durations of whole flows by key and second, in the buckets of format/base/bucket.h, in long recordings wide ones
 *	group_hist             the same by group, also for each stage (0: the whole flow)
 *	disturb_load           who kept whole flows waiting, by key and second
 *	*_sum                  the same over the whole run
 *	latency_stats          mean and percentiles of group_hist_sum by object and operation
 *
 * A flow belongs to the second in which it ended. The same key and second may have several rows: they add up. Memory is that of the
 * keys, and of one second's rows.
 */
#ifndef KT_ANALYZE_STATS_FLOWS_H
#define KT_ANALYZE_STATS_FLOWS_H

#include "analyze/db/table.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/tracker.h"

struct kt_db;
struct kt_flows;

extern const struct kt_table *const kt_flows_tables[]; /* NULL-terminated */

/* Some 25 MB: about half a minute of a busy machine. */
#define KT_FINE_ROWS 1000000

/*
 * db: where rows go; must outlive this. fine_rows: that many rows of flow_hist and group_hist, and the rest of the second, have
 * fine buckets; later ones have wide buckets, so that an hour of many operations stays small. Those over the whole run are fine.
 */
int kt_flows_create(struct kt_db *db, int64_t fine_rows, struct kt_flows **ret);
void kt_flows_destroy(struct kt_flows *s); /* NULL is fine */

/* As those of analyze/engine/flow.h. is_own: as in flow_group. */
int kt_flows_count(struct kt_flows *s, const struct kt_flow_kind *k, const struct kt_flow *f,
		   int64_t is_own, kt_flow_ref *ret_ref);
int kt_flows_stages(struct kt_flows *s, kt_flow_ref ref, int64_t end_ns, const int64_t *ns);
int kt_flows_disturbed(struct kt_flows *s, kt_flow_ref ref, int64_t end_ns, int64_t id,
		       const char *cause, int64_t by_utid, const char *by_irq, int64_t dur_ns);

/* Writes everything not yet written. Once, at the end. */
int kt_flows_write(struct kt_flows *s);

#endif
