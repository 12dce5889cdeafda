/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What a database may replace: a mistyped -o, or a default name that is taken, must not cost anybody a file. */
#ifndef KT_ANALYZE_DB_DB_TARGET_H
#define KT_ANALYZE_DB_DB_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * May path become a database? Yes if there is nothing, an empty file, or a database of ktrace-analyze:
 * one with KT_APPLICATION_ID, or from a version that set none, recognised by its tables. Anything else is replaced only with
 * force, and only if it is a file. What SQLite keeps next to a database (-wal, -journal) counts as part of it.
 * -errno: err has a line that says why and what to do.
 */
int kt_db_target_check(const char *path, bool force, char *err, size_t err_size);

/*
 * Removes what SQLite kept next to the database that is replaced: it would be applied to the new one. Call it
 * right before the new one gets the name. Errors as above.
 */
int kt_db_target_clear(const char *path, char *err, size_t err_size);

#endif
