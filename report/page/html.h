/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* A report as a piece of an HTML page: headings, paragraphs and tables that read without style and script. */
#ifndef KT_REPORT_PAGE_HTML_H
#define KT_REPORT_PAGE_HTML_H

#include "report/output/output.h"

/* How; all of it borrowed. */
struct kt_html {
	int level;	   /* of its headings: 3 is <h3> */
	int64_t epoch_ns;  /* as in kt_output_text() */
	const char *title; /* names a table without a heading */
	FILE *answer;	   /* takes the lines before the first heading or table; NULL: they stay */
	FILE *stack; /* takes one bar of all stages, from the first table that has their shares; NULL: none */
	/* What is behind a row whose first column is an id, below it; it has the row's time line, if any. NULL: nothing. */
	int (*detail)(void *arg, FILE *f, const char *id, const char *line);
	/* Has that id a place in the page (#flow-ID)? NULL: none has. */
	bool (*has)(void *arg, const char *id);
	void *arg;
};

/* NULL: no memory. Free with ops->destroy(). */
struct kt_output *kt_output_html(FILE *f, const struct kt_html *how);

#endif
