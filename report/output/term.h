/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What the reader's terminal can do, and text that is safe to put on it. */
#ifndef KT_REPORT_OUTPUT_TERM_H
#define KT_REPORT_OUTPUT_TERM_H

#include <stdbool.h>
#include <stddef.h>

struct kt_term {
	unsigned int width; /* columns; 0: unlimited */
	bool color;
	bool utf8;
	int pager; /* pid; 0 = none */
};

/* Sets the user's locale; true: its character set is UTF-8. */
bool kt_term_locale(void);

/*
 * Looks at stdout, COLUMNS, NO_COLOR, TERM and the locale; starts $PAGER (less) behind stdout if that is a terminal and
 * pager is true.
 */
void kt_term_init(struct kt_term *t, bool pager);

/* Waits for the pager. stdout must have been flushed and is closed here if there is one. */
void kt_term_finish(struct kt_term *t);

/* Width of a safe string in columns. */
unsigned int kt_term_columns(const char *s);

/* Truncates a safe string to that many columns, with an ellipsis, in place (it never gets longer in bytes than it was + 3). */
void kt_term_cut(char *s, size_t size, unsigned int columns, bool utf8);

/* The same with the ellipsis in the middle: names differ at the end as often as at the beginning. */
void kt_term_cut_middle(char *s, size_t size, unsigned int columns, bool utf8);

#endif
