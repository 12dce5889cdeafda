/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The slowest flows of each second, by object and operation (table slowest): where lists of slow flows start. */
#ifndef KT_ANALYZE_STATS_SLOWEST_H
#define KT_ANALYZE_STATS_SLOWEST_H

#include "analyze/db/table.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/tracker.h"

struct kt_db;
struct kt_slowest;

extern const struct kt_table *const kt_slowest_tables[]; /* NULL-terminated */

/* db: where rows go; must outlive this. */
int kt_slowest_create(struct kt_db *db, struct kt_slowest **ret);
void kt_slowest_destroy(struct kt_slowest *l); /* NULL is fine */

/* Counts a flow, if it is whole. flow: its kind; static. -ENOMEM, or an error of writing rows. */
int kt_slowest_count(struct kt_slowest *l, const char *flow, const struct kt_flow *f);

/* Writes everything not yet written. Once, at the end. */
int kt_slowest_write(struct kt_slowest *l);

#endif
