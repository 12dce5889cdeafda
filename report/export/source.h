/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What exporters need to read a database besides sql/export: statements, the kinds of flows, names of objects. Functions that give int: 0 or
 * -errno, with the reason in run->err.
 */
#ifndef KT_REPORT_EXPORT_SOURCE_H
#define KT_REPORT_EXPORT_SOURCE_H

#include <sqlite3.h>

#include "format/base/array.h"
#include "report/query/run.h"

int kt_src_prepare(struct kt_run *run, sqlite3_stmt **ret, const char *sql);
/* After the last step of a statement: was that its end? */
int kt_src_done(struct kt_run *run, int rc);
int kt_src_exec(struct kt_run *run, const char *sql);
int kt_src_no_memory(struct kt_run *run);

/* A column that is a number at all. */
bool kt_src_is_int(sqlite3_stmt *st, int col);
/* "" for NULL. Until the next step. */
const char *kt_src_text(sqlite3_stmt *st, int col);
/* One number; 0 where there is none. */
int64_t kt_src_number(struct kt_run *run, const char *sql);

/* Statements that are run for many rows, as fields of a struct. table: not there without its rows; NULL: always. */
struct kt_src_statement {
	size_t at; /* of the sqlite3_stmt * in the struct */
	const char *table, *sql;
};
int kt_src_prepare_all(struct kt_run *run, void *of, const struct kt_src_statement *list, size_t n);
void kt_src_finalize_all(void *of, const struct kt_src_statement *list, size_t n);

/* The columns of view `flow`. */
enum kt_src_flow_column {
	KT_SRC_FLOW,
	KT_SRC_FLOW_ID,
	KT_SRC_RUN_ID,
	KT_SRC_KIND,
	KT_SRC_OP,
	KT_SRC_OBJECT_ID,
	KT_SRC_UTID,
	KT_SRC_UCGID,
	KT_SRC_WHAT,
	KT_SRC_SIZE_BYTES,
	KT_SRC_START_NS,
	KT_SRC_DUR_NS,
	KT_SRC_STATE
};
#define KT_SRC_FLOW_COLUMNS                                                                     \
	"flow, flow_id, run_id, kind, op, object_id, utid, ucgid, what, size_bytes, start_ns, " \
	"dur_ns, state"

/* A kind of flow; strings owned. */
struct kt_src_kind {
	char *flow, *letter, *one, *many, *object_tbl, *object_word;
	bool waits; /* programs wait for it */
};

/* Strings owned. */
struct kt_src_stage {
	char *flow, *stage, *class;
};

struct kt_src_kinds {
	KT_VEC(struct kt_src_kind) all;
	KT_VEC(struct kt_src_stage) stages;
};

/* Those of the temporary table shown_kind, and flow_stage. kt_src_kinds_finish() also after an error. */
int kt_src_kinds_load(struct kt_run *run, struct kt_src_kinds *kinds);
void kt_src_kinds_finish(struct kt_src_kinds *kinds);
/* NULL: it is none of them. */
const struct kt_src_kind *kt_src_kind(const struct kt_src_kinds *kinds, const char *flow);

/* ?1 and ?2 of a statement about a flow. */
void kt_src_bind_flow(sqlite3_stmt *st, const struct kt_src_kind *k, int64_t id);

/* The class of a stage (flow_stage.class); NULL: not known. */
const char *kt_src_class(const struct kt_src_kinds *kinds, const struct kt_src_kind *k,
			 const char *stage);

#endif
