/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * compare_hist(side, disk, flow, op, stage, run, second, bucket, n, sum_ns, same_clock): an SQL aggregate that says whether
 * the durations of two recordings differ by more than noise, for each disk, flow, operation and stage in it. side is 0 for
 * the recording before, 1 for the one after; same_clock is 1 if both count their seconds from the same epoch; the rest is a
 * row of latency_hist.
 *
 * I/Os that are close in time are alike: a thousand slow ones in one second are one piece of evidence, not a thousand. So
 * what is compared are blocks: runs of whole seconds with at least 20 I/Os (200 for the tail), at most 120 of them. A
 * block's value is the mean of the logarithms of its durations, or the logarithm of its 99th percentile: both move by the
 * same for a stage that got 5 % longer, and neither is ruled by a few huge values. The blocks of both sides go through
 * Welch's t-test, with each side's number of blocks lowered to n (1 - r) / (1 + r), where r is the correlation of a block
 * with the next: neighbours that still resemble each other count for less.
 *
 * Where both cover the same time (parts of one recording, or one that was altered), windows in which both have enough are
 * compared in pairs: what wanders with time is in both, and drops out.
 *
 * The result is a JSON array of objects: disk, flow, op, stage, n0, n1, sum0, sum1, blocks0, blocks1, and where there are at least 8 blocks on each side change (the
 * ratio after to before, less 1), low, high (its 95 % interval) and p; likewise tail_change, tail_low, tail_high, tail_p; paired is 1
 * where pairs were compared.
 * Correcting p for the number of comparisons is the caller's.
 */
#ifndef KT_REPORT_COMPARE_H
#define KT_REPORT_COMPARE_H

#include <sqlite3.h>

/* An SQLite code. */
int kt_compare_register(sqlite3 *db);

#endif
