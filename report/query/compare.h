/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * compare_hist(side, disk, flow, op, stage, run, second, bucket, n, sum_ns, same_clock): an SQL aggregate that tells how much
 * the durations of two recordings differ, and with what confidence, for each disk, flow and operation, and each stage in it. side is
 * 0 for the recording before, 1 for the one after; same_clock is 1 if both count their seconds from the same epoch; the rest is
 * a row of latency_hist. The stage `total` is the whole flow.
 *
 * The total is judged by its arithmetic mean, as the ratio of after to before minus 1: means are what a program's time adds up
 * to. A stage is judged by what it adds to that mean, relative to the total's mean before: so the changes of the stages add up
 * to the change of the total, and a negligible stage has a negligible change. The tail is judged by the 99th percentile of the
 * total.
 *
 * I/Os that are close in time are alike: a thousand slow ones in one second are one piece of evidence, not a thousand. So the
 * uncertainty comes from how blocks differ: whole seconds, or several with at least 5 I/Os, at most 120 blocks. Means are ratios
 * of sums (time to flows), so that a block is weighted by its content; their variance is that of the blocks' residuals, and more
 * where a block resembles the next (autocorrelation r: (1 + r) / (1 - r)). The percentile's comes from the share of flows
 * below it in each block (Woodruff). Neither is taken as smaller than if all flows were independent. Intervals are Student's,
 * at 99 % for means, and at 99.9 % for the percentile, which has no p.
 *
 * Where both cover the same time (parts of one recording, or one that was altered), blocks are of the same time and compared in
 * pairs: drift over time is in both, and cancels out. Otherwise two single recordings of one load differ by more than either
 * shows internally, and by how much is unknown. With at least 3 runs on each side it is measured: blocks are whole runs.
 *
 * The result is a JSON array of objects: disk, flow, op, stage; n0, n1, sum0, sum1 of the stage; mean0, mean1: for each flow
 * of the group, had it that stage or not; change and, where there are at least 3 blocks on each side, low, high and p (of there
 * being no difference; correcting it for the number of comparisons is the caller's); tail0,
 * tail1: the stage's 99th percentile, where it has 100 of both; for the total tail_change, tail_low, tail_high (left out where
 * there is no bound); blocks0, blocks1; paired is 1 where pairs were compared, repeated where runs were.
 */
#ifndef KT_REPORT_QUERY_COMPARE_H
#define KT_REPORT_QUERY_COMPARE_H

#include <sqlite3.h>

/* An SQLite code. */
int kt_compare_register(sqlite3 *db);

#endif
