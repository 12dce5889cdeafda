/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The raw tables of --raw: raw_<event> for every event of the files' own schemas, also those this program knows nothing
 * of. Columns run_id, time_ns, cpu, then the fields; an array as text a,b,c without trailing zeros.
 */
#ifndef KT_ANALYZE_ENGINE_RAW_H
#define KT_ANALYZE_ENGINE_RAW_H

#include "analyze/db/table.h"
#include "format/schema.h"

struct kt_engine;
struct kt_raw;

/* Makes the tables: the fields of one event are those of all runs together. On failure *ret may be set. */
int kt_raw_create(struct kt_engine *e, struct kt_raw **ret);
/* After the database's end: that reads the tables' descriptions. NULL is fine. */
void kt_raw_destroy(struct kt_raw *raw);

/* One event in its file's layout. */
int kt_raw_insert(struct kt_raw *raw, uint32_t run, const struct kt_schema *s, int64_t t_ns,
		  uint32_t stream, const struct kt_event *ev);

#endif
