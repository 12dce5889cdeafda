/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A batch of rows of one table, and the virtual table through which SQLite reads it: INSERT INTO t SELECT * FROM
 * kt_rows_t loads about 1.5 times as fast as a bound statement for each row.
 *
 * A cell is an int64_t: the value, or for text (offset << 32 | length) in the batch's own text; KT_NULL is NULL.
 */
#ifndef KT_ANALYZE_DB_DB_ROWS_H
#define KT_ANALYZE_DB_DB_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "analyze/db/table.h"
#include "format/base/array.h"

#define KT_ROWS_MAX 4096	    /* rows of a batch */
#define KT_ROWS_TEXT_MAX (1u << 20) /* bytes of text after which a batch is full as well */

struct kt_rows {
	const struct kt_table *table;
	size_t n_rows;
	int64_t *cells;	 /* KT_ROWS_MAX × n_cols */
	uint16_t *texts; /* the numbers of the text columns */
	size_t n_texts;
	KT_VEC(char) text;
};

int kt_rows_create(const struct kt_table *t, struct kt_rows **ret);
void kt_rows_destroy(struct kt_rows *r);
void kt_rows_clear(struct kt_rows *r);
/* Copies a row struct of the table. -ENOMEM; -EFBIG: a text of 2 GiB. */
int kt_rows_add(struct kt_rows *r, const void *row);

static inline bool kt_rows_full(const struct kt_rows *r)
{
	return r->n_rows == KT_ROWS_MAX || r->text.n >= KT_ROWS_TEXT_MAX;
}

/* What the virtual table reads from: the current batch. */
struct kt_rows_source {
	const struct kt_table *table;
	const struct kt_rows *rows;
};

/* Creates the virtual table kt_rows_<table>. src must outlive the connection. Returns an SQLite code. */
int kt_rows_register(sqlite3 *db, struct kt_rows_source *src);

#endif
