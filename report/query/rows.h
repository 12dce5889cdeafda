/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A database that holds rows of some flows only (ktrace-analyze --keep). The program's own reports know (sql/lib/rows_from.sql); a
 * query of somebody else that reads such rows gets a warning.
 */
#ifndef KT_REPORT_QUERY_ROWS_H
#define KT_REPORT_QUERY_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>

struct kt_rows {
	sqlite3 *db;  /* borrowed; NULL: nothing is watched */
	char *tables; /* owned: ",io,bio,"; NULL: not known yet */
	bool are_read;
};

/* From now on notes whether statements that are prepared read tables of flows. 0 or -errno. */
int kt_rows_watch(struct kt_rows *r, sqlite3 *db);
/* The warning; NULL: it needs none. Free with sqlite3_free(). */
char *kt_rows_warning(const struct kt_rows *r);
void kt_rows_finish(struct kt_rows *r);

#endif
