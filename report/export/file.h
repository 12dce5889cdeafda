/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The file that an exporter writes: it appears under its name when it is whole, or not at all. */
#ifndef KT_REPORT_EXPORT_FILE_H
#define KT_REPORT_EXPORT_FILE_H

#include <stdio.h>

struct kt_export_file {
	FILE *f;
	const char *path; /* borrowed */
	char *tmp; /* its name until then; NULL: written as it comes (stdout, a pipe, a device) */
	char *err; /* borrowed: a line, where a function fails */
	size_t err_size;
};

/* path "-": stdout. Zeroes *x. 0 or -errno. kt_export_file_finish() also after an error. */
int kt_export_file_open(struct kt_export_file *x, const char *path, char *err, size_t err_size);
/* Writes out what is left and gives the file its name. 0 or -errno. */
int kt_export_file_commit(struct kt_export_file *x);
/* Without a commit nothing is left of it. */
void kt_export_file_finish(struct kt_export_file *x);

#endif
