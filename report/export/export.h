/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Exporters write a database as something that other programs read. They take flows from the views `flow`, `stage`, `flow_link` and
 * `flow_object`, the words for them from `flow_kind`, `flow_stage` and `flow_word`, sums from the statistics, and know no kind of flow: one
 * that comes later is in their output the day it exists.
 *
 * To add one, say `dot`:
 *	exports.def            KT_EXPORT(dot, "dot", "FILE", "what it is"): the option --dot FILE
 *	sql/export/dot.sql     as a report: checks what the database has (needs), chooses by the filters of the command line, whose
 *	                       parameters it names, and leaves temporary tables, or rows for a kt_output. A filter it does not name is refused
 *	export/dot.c           kt_export_dot()
 *	tests/golden/export    a reader of the format that compares what it reads with SQL on the database
 */
#ifndef KT_REPORT_EXPORT_EXPORT_H
#define KT_REPORT_EXPORT_EXPORT_H

#include <stdio.h>

#include "report/query/run.h"

/*
 * Writes what run, which is initialised for sql/export/NAME.sql, has to say. file: as given on the command line; NULL for an option that
 * takes none, which writes to stdout. 0 or -errno, with the reason in run->err; then the file does not exist, or is what it was before.
 */
typedef int (*kt_export_fn)(struct kt_run *run, const char *file);

#define KT_EXPORT(name, option, arg, help) \
	int kt_export_##name(struct kt_run *run, const char *file);
#include "report/export/exports.def"
#undef KT_EXPORT

/* Runs the exporter that the options name. 0 or -errno, as above. */
int kt_export(struct kt_run *run, const char *name, const char *file);

/*
 * Runs the statements of sql/export/NAME.sql, with warnings and sentences to stderr. row: called for each row of its tables, with n cells; NULL:
 * they have none. 0, -errno.
 */
int kt_export_select(struct kt_run *run, FILE *f,
		     int (*row)(FILE *f, const struct kt_cell *cells, size_t n));

#endif
