/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What may be replaced by a database: a mistyped -o, or a default name that was taken, costs nobody a file. */
#ifndef KT_ANALYZE_DB_DB_TARGET_H
#define KT_ANALYZE_DB_DB_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * May path become a database? Yes where nothing is, where an empty file is, and where a database of ktrace-analyze is:
 * one with KT_APPLICATION_ID, or of a version that set none, known by its tables. Anything else is replaced only with
 * force, and only if it is a file. What SQLite keeps beside a database (-wal, -journal) counts as part of it.
 * -errno: err has a line that says why and what to do.
 */
int kt_db_target_check(const char *path, bool force, char *err, size_t err_size);

/*
 * Removes what SQLite kept beside the database that is replaced: it would be played back into the new one. To be called
 * right before the new one gets the name. As above.
 */
int kt_db_target_clear(const char *path, char *err, size_t err_size);

#endif
