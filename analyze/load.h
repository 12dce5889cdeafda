/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What was done, second by second, summed up while the flows end, so that a report need not read millions of rows:
 *
 *	load       flows by device, operation and state: number, bytes, times
 *	task_load  whole bios by submitter, in the buckets of latency_hist
 *	busy       for how long a device had at least one flow
 *	io_in_flight  for how long any task, and each process, had an asynchronous operation in flight
 *	slowest    the slowest flows of each second, by device and operation
 *
 * A flow belongs to the second in which it ended. The same key may have several rows: sum them up. Memory is that of
 * one second's keys.
 */
#ifndef KT_ANALYZE_LOAD_H
#define KT_ANALYZE_LOAD_H

#include "analyze/flow.h"

struct kt_load;

extern const struct kt_table *const kt_load_tables[]; /* NULL-terminated */

/* e: rows go there. */
int kt_load_create(struct kt_engine *e, struct kt_load **ret);
void kt_load_destroy(struct kt_load *l); /* NULL is fine */

/* As kt_load_add() in flow.h. */
int kt_load_count(struct kt_load *l, const struct kt_load_flow *f);

/* A whole asynchronous operation, for io_in_flight. tgid: its process; KT_NULL: not known. -ENOMEM, or of writing rows. */
int kt_load_in_flight(struct kt_load *l, uint32_t run, int64_t tgid, int64_t start_ns,
		      int64_t end_ns);

/* Writes what is not written yet. Once, at the end. */
int kt_load_write(struct kt_load *l);

#endif
