/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Reads the tables among the context files (format/context.md): tab-separated, one header line, columns found by name,
 * `-` = not known.
 */
#ifndef KT_ANALYZE_ENGINE_TSV_H
#define KT_ANALYZE_ENGINE_TSV_H

#include <stddef.h>
#include <stdint.h>

#define KT_TSV_COLS 64 /* further columns are ignored */

struct kt_tsv {
	char *text, *end, *next; /* own copy, its end, the next line to read */
	char *head[KT_TSV_COLS], *value[KT_TSV_COLS];
	size_t n_head, n_value;
};

/* Copies the text and reads the header line. -ENOMEM. */
int kt_tsv_init(struct kt_tsv *t, const void *data, size_t len);
/* The same for a file without header line: columns only by number. */
int kt_tsv_init_plain(struct kt_tsv *t, const void *data, size_t len);
void kt_tsv_finish(struct kt_tsv *t);

/* The next line: 1, or 0 at the end. */
int kt_tsv_next(struct kt_tsv *t);

/* Of the current line: NULL if there is no such column, or it is not known. Valid until kt_tsv_finish(). */
const char *kt_tsv_get(const struct kt_tsv *t, const char *column);
const char *kt_tsv_at(const struct kt_tsv *t, size_t i);
/* KT_NULL (table.h) if not known or not a decimal number. */
int64_t kt_tsv_int(const struct kt_tsv *t, const char *column);

#endif
