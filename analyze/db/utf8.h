/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Text of the kernel's and of users (names of files, tasks, cgroups) is any bytes; text in the database is UTF-8. */
#ifndef KT_ANALYZE_DB_UTF8_H
#define KT_ANALYZE_DB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* How much of it is UTF-8, from its beginning: n if all is. */
size_t kt_utf8_good(const char *s, size_t n);
#define KT_UTF8_ESCAPED 4 /* a byte may take so many */
/*
 * Writes text that is not UTF-8 as C would: bytes that are none as \xNN, a backslash as two. Returns the length; out has
 * room for n * KT_UTF8_ESCAPED bytes.
 */
size_t kt_utf8_escape(const char *s, size_t n, char *out);

#endif
