/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Tables of the database, as families declare them: DDL, documentation and binders in one. */
#ifndef KT_ANALYZE_DB_TABLE_H
#define KT_ANALYZE_DB_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* In a row struct: a value that was not observed, SQL's NULL. */
#define KT_NULL INT64_MIN

enum kt_col_type {
	KT_COL_INT,  /* int64_t in the row struct; KT_NULL = NULL */
	KT_COL_TEXT, /* const char * in the row struct, borrowed during kt_insert(); NULL = NULL */
	KT_COL_ID,   /* int64_t, INTEGER PRIMARY KEY */
};

struct kt_col {
	const char *name;
	enum kt_col_type type;
	size_t offset;	  /* in the row struct */
	const char *unit; /* "ns", "bytes", "sectors", "" … goes to column_doc */
	const char *doc;  /* goes to column_doc and, as a comment, into CREATE TABLE */
};

struct kt_table {
	const char *name;
	const char *doc;
	const struct kt_col *cols;
	size_t n_cols;
	/* Appended inside CREATE TABLE after the columns, e.g. "PRIMARY KEY(a, b)"; NULL = none. */
	const char *constraints;
	const char *suffix; /* "WITHOUT ROWID"; NULL = none */
};

/* Column c of row struct s, named like the member. */
/* clang-format off */
#define KT_COL(s, c, type, unit, doc) {#c, type, offsetof(struct s, c), unit, doc}
/* clang-format on */

/* SQL: a time of the database, an expression, as date and time of day (UTC) for people. NULL stays NULL. */
#define KT_SQL_UTC(ns)                                                                 \
	"strftime('%Y-%m-%d %H:%M:%S', (" ns " + (SELECT value FROM meta WHERE key = " \
	"'epoch_realtime_ns')) / 1000000000, 'unixepoch') || printf('.%06d', (" ns     \
	" + (SELECT value FROM meta WHERE key = 'epoch_realtime_ns')) % 1000000000 / 1000)"

#endif
