/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * SQL functions for reports, in addition to SQLite's own. NULL in, NULL out.
 *
 *	fmt_ns(x) fmt_bytes(x) fmt_count(x) fmt_num(x) fmt_share(x)   as the tables write it, for sentences
 *	fmt_change(x) fmt_interval(low, high)        of a change: "+25 %"; of its interval
 *	errno_name(x)                                -5 as EIO
 *	plural(n, word) plural(n, word, words)       "1 event", "1,234 events"
 *	shown_run(id)                                the id, or NULL where the database has one run only
 *	fmt_time(x)                                  ns since the start as "12.345 s"
 *	percentile_ns(x, p)                          aggregate: nearest rank, within 1 %, as in stage_stats; p in (0, 1]
 *	stats_ns(x)                                  aggregate: JSON with n sum p50 p90 p99 p999 max; p999 null below 1000
 *	hist_stats(bucket, n, ns[, max])             aggregate: the same of rows of a histogram
 *	bucket_of(ns) bucket_ns(bucket) step_ns(ns)  a duration's bucket; the middle of one; the step 1, 2, 5, 10, ... below it
 *	compare_hist(...)                            aggregate of two histograms: compare.h
 *	clip_ns(start, dur, from, to)                what of the interval lies within from..to; NULL: nothing
 *	stages_of(flow, id)                          JSON: the rows of view stage of one flow, seq name start_ns dur_ns, by seq
 *	loss_meaning(cause)                          of lost_interval.cause, in words
 *	union_ns(start, end)                         aggregate: time covered by at least one of the intervals
 *	sum(x) abs(x)                                as SQLite's, but no "integer overflow" ends a report
 */
#ifndef KT_REPORT_QUERY_FUNC_H
#define KT_REPORT_QUERY_FUNC_H

#include <sqlite3.h>
#include <stdbool.h>

/* SQLITE_OK or an SQLite error. */
int kt_func_register(sqlite3 *db);
/* Registers shown_run() for that database. several: it has more than one run. */
int kt_func_register_runs(sqlite3 *db, bool several);
/* sum.c: the functions that replace SQLite's own. */
int kt_sum_register(sqlite3 *db);

#endif
