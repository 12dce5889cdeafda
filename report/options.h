/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The command line of ktrace-report. Strings belong to argv. */
#ifndef KT_REPORT_OPTIONS_H
#define KT_REPORT_OPTIONS_H

#include <stdbool.h>

#include "report/query/report.h"

enum { KT_MAX_OTLP_HEADERS = 32 };

enum kt_out_kind { KT_OUT_TEXT, KT_OUT_JSON, KT_OUT_CSV };

struct kt_options {
	const char *report;
	const char *db;
	const char *filter[KT_N_PARAMS]; /* as given; NULL = not given */
	bool is_object;			 /* KT_PARAM_DISK was given as --object */
	const char *table;		 /* only this table; NULL = all (csv: the first) */
	enum kt_out_kind out;
	bool wall;	  /* times as times of day */
	const char *html; /* write a page there, "-" is stdout; NULL: no page */
	bool named;	  /* the report was named on the command line */
	const char *
		export_name; /* write this (export/exports.def) instead of a report; NULL: a report */
	const char *export_file; /* what its option was given; NULL: it takes nothing */
	const char *otlp_headers[KT_MAX_OTLP_HEADERS]; /* NAME=VALUE */
	size_t n_otlp_headers;
	bool no_pager;
	bool list;
};

/* Reads argv; a mistake prints one line and ends the program with EX_USAGE (argp). */
void kt_options_parse(struct kt_options *o, int argc, char **argv);

/* The option that sets a parameter, for messages: "--top". Until the next call. */
const char *kt_param_option(const struct kt_options *o, enum kt_param p);

#endif
