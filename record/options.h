/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The command line of ktrace-record. */
#ifndef KT_RECORD_OPTIONS_H
#define KT_RECORD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* One filter as given, such as -p PID. */
struct kt_filter_arg {
	uint32_t kind;	   /* enum kt_filter_kind */
	const char *value; /* in argv */
};

#define KT_FILTER_ARGS 128 /* filter options, at most */

struct kt_options {
	const char *output;    /* path, or "-" = stdout; NULL only with list */
	char *events;	       /* as given to -e, several joined by commas; owned */
	int64_t duration_ns;   /* 0 = no limit */
	uint64_t buffer_bytes; /* all rings together; 0 = default */
	struct kt_filter_arg filters[KT_FILTER_ARGS];
	uint32_t n_filters;
	uint32_t filter_room; /* 0 = default */
	bool force;
	bool no_cmdline;
	bool no_priority;
	bool list;
	char **command; /* NULL-terminated, in argv; NULL = none */
};

/* 0, or -EINVAL after saying why. Ends the process for --help, --version and unknown options. */
int kt_options_parse(int argc, char **argv, struct kt_options *ret);
void kt_options_finish(struct kt_options *o);

#endif
