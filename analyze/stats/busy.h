/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * How long, second by second, something had at least one flow: an object (table busy), or a process with asynchronous operations
 * (io_in_flight). Memory is that of disjoint intervals, up to a bound.
 */
#ifndef KT_ANALYZE_STATS_BUSY_H
#define KT_ANALYZE_STATS_BUSY_H

#include "analyze/db/table.h"
#include "analyze/engine/tracker.h"

struct kt_db;
struct kt_busy;

extern const struct kt_table *const kt_busy_tables[]; /* NULL-terminated */

/* db: where rows go; must outlive this. */
int kt_busy_create(struct kt_db *db, struct kt_busy **ret);
void kt_busy_destroy(struct kt_busy *l); /* NULL is fine */

/* A whole flow was at the device; counts for its operation and for any. flow, op: static. -ENOMEM, or an error of writing rows. */
int kt_busy_count(struct kt_busy *l, uint32_t run, const char *flow, int64_t object_id,
		  const char *op, int64_t start_ns, int64_t end_ns);

/* A whole asynchronous operation, for io_in_flight. tgid: its process; KT_NULL: not known. */
int kt_busy_in_flight(struct kt_busy *l, uint32_t run, int64_t tgid, int64_t start_ns,
		      int64_t end_ns);

/* Writes everything not yet written. Once, at the end. */
int kt_busy_write(struct kt_busy *l);

#endif
