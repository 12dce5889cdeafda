/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Whole operations (flow io) summed up while they end, so that a report need not read millions of rows:
 *
 *	io_load    by kind, operation, device, task and cgroup, cached ones apart: number, bytes, each stage
 *	io_hist    whole ones by the same, in the buckets of latency_hist
 *	io_hist_all the same over the whole run
 *	file_load  whole ones by file
 *
 * An io belongs to the second in which it ended. The same key may have several rows: sum them up. Memory is that of one
 * second's keys.
 */
#ifndef KT_ANALYZE_IOLOAD_H
#define KT_ANALYZE_IOLOAD_H

#include "analyze/flow.h"

struct kt_io_load;

extern const struct kt_table *const kt_io_load_tables[]; /* NULL-terminated */

/* e: rows go there. */
int kt_io_load_create(struct kt_engine *e, struct kt_io_load **ret);
void kt_io_load_destroy(struct kt_io_load *l); /* NULL is fine */

/* As kt_io_load_add() in flow.h, but for the tables of load.h and hist.h. */
int kt_io_load_count(struct kt_io_load *l, const struct kt_io_flow *f);

/* Writes what is not written yet. Once, at the end. */
int kt_io_load_write(struct kt_io_load *l);

#endif
