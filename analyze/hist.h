/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Latency histograms: per run, flow, stage, device, op and second, in the buckets of format/base/bucket.h (table
 * latency_hist); and over the whole run, with percentiles worked out (table latency_stats, view stage_stats).
 */
#ifndef KT_ANALYZE_HIST_H
#define KT_ANALYZE_HIST_H

#include "analyze/flow.h"

struct kt_hist;

/* Tables NULL-terminated; SQL of the view stage_stats, which needs table device. */
extern const struct kt_table *const kt_hist_tables[];
extern const char kt_hist_views[];

/* e: rows go there. */
int kt_hist_create(struct kt_engine *e, struct kt_hist **ret);
void kt_hist_destroy(struct kt_hist *h);

/* As kt_hist_add() in flow.h. A negative duration is left out. */
int kt_hist_count(struct kt_hist *h, uint32_t run, const char *flow, const char *stage,
		  int64_t device_id, const char *op, int64_t end_ns, int64_t dur_ns);

/* Writes what is not written yet, and latency_stats. Once, at the end. */
int kt_hist_write(struct kt_hist *h);

#endif
