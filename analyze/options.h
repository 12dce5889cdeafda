/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The command line of ktrace-analyze. */
#ifndef KT_ANALYZE_OPTIONS_H
#define KT_ANALYZE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_options {
	char **files; /* of argv */
	size_t n_files;
	char *output; /* owned; derived from the first file's name without -o. NULL: no database is wanted */
	const char *context_dir; /* NULL: not wanted */
	bool dump;
	bool raw;
	bool force;
	bool keep;	 /* do not store the rows of all flows, */
	int64_t keep_ns; /* only of those that take at least this long */
	uint64_t sample; /* 0: not given */
	unsigned int threads;
};

/* Exits with one line on stderr if the command line is wrong, as argp does; -ENOMEM. */
int kt_options_parse(struct kt_options *o, int argc, char **argv);
void kt_options_finish(struct kt_options *o);

#endif
