/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"

int kt_src_no_memory(struct kt_run *run)
{
	snprintf(run->err, sizeof(run->err), "no memory");
	return -ENOMEM;
}

int kt_src_done(struct kt_run *run, int rc)
{
	return rc == SQLITE_DONE || rc == SQLITE_OK ? 0 : kt_run_sql_error(run, rc, NULL, 0);
}

int kt_src_prepare(struct kt_run *run, sqlite3_stmt **ret, const char *sql)
{
	return kt_src_done(run, sqlite3_prepare_v2(run->db, sql, -1, ret, NULL));
}

int kt_src_exec(struct kt_run *run, const char *sql)
{
	return kt_src_done(run, sqlite3_exec(run->db, sql, NULL, NULL, NULL));
}

static sqlite3_stmt **statement(void *of, const struct kt_src_statement *s)
{
	return (sqlite3_stmt **)((char *)of + s->at);
}

int kt_src_prepare_all(struct kt_run *run, void *of, const struct kt_src_statement *list, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		if (!list[i].table || kt_database_has(run->db, list[i].table, true))
			err = kt_src_prepare(run, statement(of, &list[i]), list[i].sql);
	return err;
}

void kt_src_finalize_all(void *of, const struct kt_src_statement *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sqlite3_finalize(*statement(of, &list[i]));
}

void kt_src_bind_flow(sqlite3_stmt *st, const struct kt_src_kind *k, int64_t id)
{
	sqlite3_bind_text(st, 1, k->flow, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, id);
}

bool kt_src_is_int(sqlite3_stmt *st, int col)
{
	return sqlite3_column_type(st, col) == SQLITE_INTEGER;
}

const char *kt_src_text(sqlite3_stmt *st, int col)
{
	const char *s = (const char *)sqlite3_column_text(st, col);

	return s ? s : "";
}

int64_t kt_src_number(struct kt_run *run, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t v = 0;

	if (!sqlite3_prepare_v2(run->db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static char *copy(sqlite3_stmt *st, int col)
{
	return strdup(kt_src_text(st, col));
}

static int load_stages(struct kt_run *run, struct kt_src_kinds *kinds)
{
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE,
	    err = kt_src_prepare(
		    run, &st, "SELECT flow, stage, class FROM flow_stage WHERE class IS NOT NULL");

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct kt_src_stage s = {copy(st, 0), copy(st, 1), copy(st, 2)};

		if (!s.flow || !s.stage || !s.class || kt_vec_push(&kinds->stages, s)) {
			free(s.flow);
			free(s.stage);
			free(s.class);
			err = kt_src_no_memory(run);
		}
	}
	sqlite3_finalize(st);
	return err ? err : kt_src_done(run, rc);
}

int kt_src_kinds_load(struct kt_run *run, struct kt_src_kinds *kinds)
{
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE,
	    err = kt_src_prepare(
		    run, &st,
		    "SELECT flow, letter, one, many, object_tbl, object_word, waits FROM "
		    "temp.shown_kind");

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct kt_src_kind k = {copy(st, 0),
					copy(st, 1),
					copy(st, 2),
					copy(st, 3),
					copy(st, 4),
					copy(st, 5),
					sqlite3_column_int(st, 6)};

		if (!k.flow || !k.letter || !k.one || !k.many || !k.object_tbl || !k.object_word ||
		    kt_vec_push(&kinds->all, k))
			err = kt_src_no_memory(run);
	}
	sqlite3_finalize(st);
	err = err ? err : kt_src_done(run, rc);
	return err ? err : load_stages(run, kinds);
}

void kt_src_kinds_finish(struct kt_src_kinds *kinds)
{
	for (size_t i = 0; i < kinds->all.n; i++) {
		struct kt_src_kind *k = &kinds->all.v[i];
		char *const words[] = {k->flow, k->letter,     k->one,
				       k->many, k->object_tbl, k->object_word};

		for (size_t j = 0; j < KT_ARRAY_SIZE(words); j++)
			free(words[j]);
	}
	kt_vec_finish(&kinds->all);
	for (size_t i = 0; i < kinds->stages.n; i++) {
		free(kinds->stages.v[i].flow);
		free(kinds->stages.v[i].stage);
		free(kinds->stages.v[i].class);
	}
	kt_vec_finish(&kinds->stages);
}

const char *kt_src_class(const struct kt_src_kinds *kinds, const struct kt_src_kind *k,
			 const char *stage)
{
	for (size_t i = 0; i < kinds->stages.n; i++)
		if (!strcmp(kinds->stages.v[i].stage, stage) &&
		    !strcmp(kinds->stages.v[i].flow, k->flow))
			return kinds->stages.v[i].class;
	return NULL;
}

const struct kt_src_kind *kt_src_kind(const struct kt_src_kinds *kinds, const char *flow)
{
	for (size_t i = 0; i < kinds->all.n; i++)
		if (!strcmp(kinds->all.v[i].flow, flow))
			return &kinds->all.v[i];
	return NULL;
}
