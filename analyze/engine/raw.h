/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The raw tables of --raw: raw_<event> for every event of the files' own schemas, including those this program does not
 * know. Columns run_id, time_ns, cpu, then the fields; an array as text a,b,c without trailing zeros.
 */
#ifndef KT_ANALYZE_ENGINE_RAW_H
#define KT_ANALYZE_ENGINE_RAW_H

#include "analyze/db/table.h"
#include "format/schema.h"

struct kt_engine;
struct kt_raw;

/* Creates the tables: an event has the fields of all runs together. On failure *ret may be set. */
int kt_raw_create(struct kt_engine *e, struct kt_raw **ret);
/* After the database was finished: it reads the descriptions of the tables. NULL is fine. */
void kt_raw_destroy(struct kt_raw *raw);

/* One event in the layout of its file. */
int kt_raw_insert(struct kt_raw *raw, uint32_t run, const struct kt_schema *s, int64_t t_ns,
		  uint32_t stream, const struct kt_event *ev);

#endif
