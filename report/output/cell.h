/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One value, written for a person. */
#ifndef KT_REPORT_OUTPUT_CELL_H
#define KT_REPORT_OUTPUT_CELL_H

#include "report/output/output.h"

/* Longest text of a number, with its NUL. */
#define KT_NUMBER_SIZE 48

/* A fraction as a share: "91 %", "6.2 %", "<0.1 %"; never "100 %" or "0 %" unless it is exactly that. */
const char *kt_format_share(double fraction, char *buf, size_t size);

/* Bytes to the end of the word at s; a number and its unit are one, with a space within. */
size_t kt_word_len(const char *s);

/* Format of a column without a directive, from its name. */
enum kt_cell_format kt_format_of_name(const char *name);

/* The name without its unit, with spaces: "start_ns" → "start". free() it. NULL: no memory. */
char *kt_label_of_name(const char *name);

/*
 * The value as text, for a terminal (safe) or a plain file; "-" for NULL. free() it. NULL: no memory. bar and span give "":
 * they are drawn when the width is known.
 */
char *kt_cell_text(const struct kt_cell *c, enum kt_cell_format format, bool utf8);

/* A time of day, in the local zone: "14:05:09.123456". free() it. NULL: no memory. */
char *kt_cell_clock(int64_t ns, int64_t epoch_ns);

/* For machines: the shortest decimal that reads back as the same number. */
const char *kt_format_real(double v, char *buf, size_t size);

/* The same of a cell, in JSON; buf holds KT_NUMBER_SIZE. NULL: it is no number, which infinite ones are not there either. */
const char *kt_cell_number(const struct kt_cell *c, char *buf, size_t size);

/* The value as a number; 0 for NULL and text. */
double kt_cell_real(const struct kt_cell *c);

#endif
