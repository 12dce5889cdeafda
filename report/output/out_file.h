/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* A file that appears under its name when it is whole, or not at all. */
#ifndef KT_REPORT_OUTPUT_OUT_FILE_H
#define KT_REPORT_OUTPUT_OUT_FILE_H

#include <stddef.h>
#include <stdio.h>

/* What is written. Only a file that begins like one is replaced: nobody's database is, because its name was given twice. */
struct kt_out_what {
	const char *word; /* "page" */
	const char *head; /* the first bytes of each; at most 64 */
	size_t head_len;
};

struct kt_out_file {
	FILE *f;
	const char *path;		/* borrowed */
	const struct kt_out_what *what; /* borrowed */
	char *target; /* owned: where it will be; NULL: written as it comes (stdout, a pipe, a device) */
	char *tmp; /* owned: its name until then; NULL: it has none */
	char *err; /* borrowed: one line, where a function fails */
	size_t err_size;
};

/* path "-": stdout; a link stays one. Zeroes *x. 0 or -errno. kt_out_file_finish() also after an error. */
int kt_out_file_open(struct kt_out_file *x, const char *path, const struct kt_out_what *what,
		     char *err, size_t err_size);
/* Writes out what is left and gives the file its name. 0 or -errno. */
int kt_out_file_commit(struct kt_out_file *x);
/* Without a commit nothing is left of it. */
void kt_out_file_finish(struct kt_out_file *x);

#endif
