/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A report is an SQL file: statements, and directives in comments that start with "--:".
 *
 *	--: title Stages                       of the file, before its first statement
 *	--: about each stage of the requests   one line, for the list of reports
 *	--: needs request bio                  tables it requires
 *	--: other                              it compares two databases; the second is the schema `other`
 *	--: flows request bio                  the kinds of flows it is about; also in a part. Others are shown by sql/flow
 *	--: use stat [if|unless TABLE]         runs the part stat.sql (of any folder lib) first
 *
 *	--: table NAME heading words           the next statement's rows are a table (the default)
 *	--: text heading words                 its rows are sentences, one a row, first column
 *	--: warn                               the same, as warnings
 *	--: refuse                             its row is an error with which the report ends
 *	--: legend                             its row says what the pieces of a span mean: "CLASS words;..."
 *	--: setup                              it prepares (temporary tables): its rows are not shown
 *	--: if TABLE                           skip it where that table is absent or empty
 *	--: unless TABLE                       skip it where it is not
 *	--: empty words                        said instead of a table without rows
 *	--: required words                     an error with this text if it has no rows
 *	--: column NAME FORMAT [FLAG…] ["label"]
 *
 * Formats: text id count number duration time bytes percent bar span heat; without one, a name decides: *start_ns and
 * *end_ns are times, other *_ns durations, *_bytes bytes, *share percent. Raw values, always, in JSON and CSV (bar and
 * span are left out there). percent takes a fraction; bar one, or the text "FRACTION CLASS"; span the text "START LENGTH
 * CLASS LABEL;...", a piece each, start and length fractions, class and label as draw.h says; heat the text "N N N ...", counts over time, in JSON an array.
 * Flags: group (blank where it repeats the row above), optional (not shown where all NULL), wide (not shown where
 * the terminal is narrow), data (in JSON and CSV only).
 *
 * Parameters a statement may use: see enum kt_param. A filter that no statement of the report uses is refused.
 */
#ifndef KT_REPORT_QUERY_REPORT_H
#define KT_REPORT_QUERY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/array.h"

enum kt_cell_format {
	KT_FMT_AUTO,
	KT_FMT_TEXT,
	KT_FMT_ID, /* a number without thousands separators */
	KT_FMT_COUNT,
	KT_FMT_NUMBER,	 /* three significant digits */
	KT_FMT_DURATION, /* ns */
	KT_FMT_TIME,	 /* ns since the start, shown as seconds */
	KT_FMT_BYTES,
	KT_FMT_PERCENT, /* a fraction */
	KT_FMT_CHANGE,	/* a fraction, with its sign */
	KT_FMT_BAR,	/* a fraction */
	KT_FMT_SPAN,	/* "start length", fractions */
	KT_FMT_HEAT,	/* "n n n ...": counts over time */
};

enum kt_column_flags {
	KT_COLUMN_GROUP = 1 << 0,
	KT_COLUMN_OPTIONAL = 1 << 1,
	KT_COLUMN_WIDE = 1 << 2,
	KT_COLUMN_DATA = 1 << 3,
};

struct kt_column {
	const char *name;  /* as the statement calls it */
	const char *label; /* NULL: from the name */
	enum kt_cell_format format;
	unsigned int flags; /* enum kt_column_flags */
};

enum kt_block_kind {
	KT_BLOCK_TABLE,
	KT_BLOCK_TEXT,
	KT_BLOCK_WARN,
	KT_BLOCK_REFUSE,
	KT_BLOCK_LEGEND,
	KT_BLOCK_SETUP
};

/* One statement of a report. Strings live in the report's text. */
struct kt_block {
	enum kt_block_kind kind;
	const char *name;    /* of a table; never NULL there */
	const char *heading; /* NULL: none */
	const char *only_if; /* a table; NULL: always */
	bool unless;	     /* negates only_if */
	const char *empty;
	const char *required;
	const char *sql;		  /* NUL-terminated, one statement */
	const char *source;		  /* the report's name, or that of the part it came from */
	int line;			  /* where it starts there, from 1 */
	KT_VEC(struct kt_column) columns; /* those with a directive */
};

/* Parameters of a report. */
enum kt_param {
	KT_PARAM_TOP,	   /* :top rows */
	KT_PARAM_OVER,	   /* :over_ns minimum duration */
	KT_PARAM_SINCE,	   /* :since_ns started then or later */
	KT_PARAM_UNTIL,	   /* :until_ns started before */
	KT_PARAM_DISK,	   /* :disk name or major:minor */
	KT_PARAM_TASK,	   /* :task name or tid of a submitter */
	KT_PARAM_CGROUP,   /* :cgroup path of a submitter: that or below */
	KT_PARAM_OP,	   /* :op */
	KT_PARAM_RECORDER, /* :recorder 1: show the recorder's own I/O as well */
	KT_PARAM_ID,	   /* :id of a flow */
	KT_PARAM_FLOW,	   /* :flow of :id, or to look at: flow_kind.flow */
	KT_PARAM_BY,	   /* :by what to group: op kind disk task cgroup */
	KT_PARAM_LIMIT,	   /* :limit at most so much is exported */
	KT_PARAM_SAMPLE,   /* :sample one in N */
	KT_N_PARAMS
};

extern const char *const kt_param_names[KT_N_PARAMS]; /* with the colon */

/* An SQL file that is part of the program; made by the build from report/sql. */
struct kt_sql_file {
	const char *name; /* "loss", "lib/flow", "flow/stages", "io/stages", "io/lib/stat" */
	const char *text;
};

struct kt_report {
	char *text; /* owned; the strings below point into it, or into a part */
	KT_VEC(const struct kt_sql_file *) used; /* parts: each once */
	KT_VEC(char *) parts;			 /* owned: texts it uses, names that were made */
	const char *name;
	const char *title;
	const char *about;
	const char *needs; /* space-separated tables; NULL: none */
	const char
		*flows; /* space-separated kinds of flows that it is about; NULL: it does not say */
	bool is_general;     /* it knows no kind of flow: of sql/flow, sql/export */
	bool other;	     /* it reads a second database, as schema `other` */
	unsigned int params; /* 1 << enum kt_param */
	KT_VEC(struct kt_block) blocks;
};

extern const struct kt_sql_file kt_sql_files[];
extern const size_t kt_n_sql_files;

/* Its name without folders. */
const char *kt_sql_report_name(const struct kt_sql_file *f);

/*
 * The report of that name: in no folder or in that of a family (any but lib and flow, which says what only that can say of its flows),
 * else in flow. NULL: none.
 */
const struct kt_sql_file *kt_sql_find_report(const char *name);

/* True if it is found by its name. */
bool kt_sql_is_report(const struct kt_sql_file *f);

/*
 * The report of that name, the installed query (queries.h), or the file where name ends in ".sql". Zero *r first; kt_report_finish() also after an
 * error. -ENOENT: no report of that name, or no such file; -errno of reading it; -EBADMSG: a mistake in it, and err
 * says which, with the line.
 */
int kt_report_load(struct kt_report *r, const char *name, char *err, size_t err_size);
/* The same for flows of kinds that the report of that name does not know: sql/flow. -ENOENT: there is none. */
int kt_report_load_general(struct kt_report *r, const char *name, char *err, size_t err_size);
/* What an exporter chooses from the database: sql/export. -ENOENT: there is none. */
int kt_report_load_export(struct kt_report *r, const char *name, char *err, size_t err_size);
void kt_report_finish(struct kt_report *r);

#endif
