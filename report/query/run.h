/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One report on one database. */
#ifndef KT_REPORT_QUERY_RUN_H
#define KT_REPORT_QUERY_RUN_H

#include <sqlite3.h>

#include "report/options.h"
#include "report/output/output.h"
#include "report/query/rows.h"

struct kt_value {
	bool set;
	bool is_text;
	int64_t i;
	const char *text; /* borrowed from the options */
};

struct kt_run {
	const struct kt_options *o; /* borrowed */
	struct kt_report report;
	const char *path;  /* of the database */
	const char *other; /* of the second; NULL: there is none */
	sqlite3 *db;
	struct kt_value values[KT_N_PARAMS];
	char *flow;	 /* owned: the kind that --flow or an ID names; NULL: none */
	int n_digits;	 /* with which the ID ends */
	char what[64];	 /* for messages: "report 'slow'", "--folded" */
	bool begun;	 /* something was written */
	bool only_table; /* no sentences */
	struct kt_rows rows;
	char err[1024]; /* what went wrong and what to do about it, one line; set whenever a function fails */
};

/*
 * Loads the report, opens the database, checks them against each other and the filters. Zeroes *run first; kt_run_finish()
 * also after an error. 0 or -errno; -EINVAL is a mistake in the command line and nothing else.
 */
int kt_run_init(struct kt_run *run, const struct kt_options *o);
/* Writes the whole report to out. 0 or -errno. */
int kt_run_print(struct kt_run *run, struct kt_output *out);
void kt_run_finish(struct kt_run *run);
/* SQLite's error rc in a statement on run->db, as a line in run->err, with what to do about it. source: NULL, or where the statement is. -errno. */
int kt_run_sql_error(struct kt_run *run, int rc, const char *source, int line);

/* database.c: read-only, with the functions of func.h. Errors as a line in err. */
int kt_database_open(const char *path, sqlite3 **ret, char *err, size_t err_size);
/* The second one, as schema `other`. */
int kt_database_attach(sqlite3 *db, const char *path, char *err, size_t err_size);
/* Is there a table or view of that name; with_rows: that is not empty? */
bool kt_database_has(sqlite3 *db, const char *table, bool with_rows);

/*
 * kinds.c: which kind of flow the command line asks for, and with that which report is the one to run: its own, or where it does not know that
 * kind, one that knows none (sql/flow). Makes the temporary table report_flow: the kinds that the report is about itself.
 */
int kt_kinds_choose(struct kt_run *run);

/* values.c: parses the filters and checks them against the database. Errors as a line in run->err. */
int kt_values_parse(struct kt_run *run);

/* The realtime (ns since 1970) of the database's time 0; 0: unknown. */
int64_t kt_run_epoch(struct kt_run *run);

#endif
