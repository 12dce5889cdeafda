/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Where the rows of a report go: text for people, JSON, CSV. */
#ifndef KT_REPORT_OUTPUT_OUTPUT_H
#define KT_REPORT_OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/query/report.h"

enum kt_cell_type { KT_CELL_NULL, KT_CELL_INT, KT_CELL_REAL, KT_CELL_TEXT };

/* One value of a row. text is borrowed for the call; it comes from the database and may hold anything but NUL. */
struct kt_cell {
	enum kt_cell_type type;
	int64_t i;
	double f;
	const char *text;
};

/* A table about to be written. Borrowed until its end. */
struct kt_table_head {
	const char *name;
	const char *heading; /* NULL: none */
	const char *empty;   /* said if there is no row; NULL: nothing */
	const struct kt_column
		*columns; /* all resolved: no KT_FMT_AUTO except where values decide */
	size_t n_columns;
};

struct kt_output;

/* A kind of output. Functions return 0 or -ENOMEM; errors of writing stay in the FILE. */
struct kt_output_ops {
	int (*begin)(struct kt_output *o, const struct kt_report *r);
	int (*section)(struct kt_output *o,
		       const char *heading); /* before the lines it heads; NULL: not shown */
	int (*line)(struct kt_output *o, enum kt_block_kind kind, const char *text);
	int (*table_begin)(struct kt_output *o, const struct kt_table_head *h);
	int (*row)(struct kt_output *o, const struct kt_cell *cells);
	int (*table_end)(struct kt_output *o);
	int (*end)(struct kt_output *o);
	void (*destroy)(struct kt_output *o);
};

struct kt_output {
	const struct kt_output_ops *ops;
	FILE *f;
};

struct kt_term;

/*
 * NULL: no memory. f and term are borrowed. Free with ops->destroy(). epoch_ns: the realtime of the database's time
 * 0, to write times as times of day; 0: as seconds.
 */
struct kt_output *kt_output_text(FILE *f, const struct kt_term *term, int64_t epoch_ns);
struct kt_output *kt_output_json(FILE *f);
struct kt_output *kt_output_csv(FILE *f);

#endif
