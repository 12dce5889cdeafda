/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The bulk writer of the database.
 *
 * Rows are collected in batches, one per table, and written by a separate thread (none with threads = false).
 * Everything goes to a temporary file next to the target, which is renamed to the target in kt_db_commit() and only there:
 * kt_db_destroy() without it leaves nothing behind.
 *
 * Functions return 0 or -errno; kt_db_error() then says what went wrong. Call them from one thread.
 */
#ifndef KT_ANALYZE_DB_DB_H
#define KT_ANALYZE_DB_DB_H

#include <stdbool.h>

#include "analyze/db/table.h"

struct kt_db;

/*
 * The target is not touched before kt_db_commit(). -EEXIST: something is there that must not be replaced (db_target.h). On
 * failure *ret may be set, for kt_db_error(); destroy it then.
 */
int kt_db_create(const char *path, bool threads, bool force, struct kt_db **ret);
/* NULL is fine. */
void kt_db_destroy(struct kt_db *db);

/* Never NULL; "" while nothing failed. Owned by db. */
const char *kt_db_error(const struct kt_db *db);

/* CREATE TABLE with the columns' docs as comments, and its rows in column_doc. t must outlive db. */
int kt_db_add_table(struct kt_db *db, const struct kt_table *t);

/* A row of a table added before; strings are copied. Errors of the writing thread are returned with later rows. */
int kt_db_insert(struct kt_db *db, const struct kt_table *t, const void *row);

/* 1, 2, … for each table. */
int64_t kt_db_next_id(struct kt_db *db, const struct kt_table *t);

/* Writes all rows, then runs the SQL (views, indexes). */
int kt_db_exec(struct kt_db *db, const char *sql);

/* Writes all rows, runs ANALYZE, sets user_version and application_id, and gives the file its name. */
int kt_db_commit(struct kt_db *db, int schema_version);

#endif
