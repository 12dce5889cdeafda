/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/query/rows.h"

#include <errno.h>
#include <string.h>

#include "report/query/report.h"
#include "report/query/run.h"

/* One text; NULL: there is none. */
static char *ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	char *text = NULL;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW &&
	    sqlite3_column_type(st, 0) != SQLITE_NULL)
		text = sqlite3_mprintf("%s", sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return text;
}

static int on_access(void *arg, int action, const char *table, const char *column,
		     const char *schema, const char *view)
{
	struct kt_rows *r = arg;
	size_t len = table ? strlen(table) : 0;

	for (const char *p = r->tables; action == SQLITE_READ && len && (p = strstr(p, table));
	     p += len)
		r->are_read = r->are_read || (p > r->tables && p[-1] == ',' && p[len] == ',');
	return SQLITE_OK;
}

int kt_rows_watch(struct kt_rows *r, sqlite3 *db)
{
	const struct kt_sql_file *f = kt_sql_files;

	while (f < kt_sql_files + kt_n_sql_files && strcmp(f->name, "lib/rows_from") != 0)
		f++;
	if (f == kt_sql_files + kt_n_sql_files || sqlite3_exec(db, f->text, NULL, NULL, NULL))
		return 0; /* a database without meta: whatever is wrong with it shows in the query */
	if (!kt_database_has(db, "rows_from", true))
		return 0;
	r->tables = ask(db, "SELECT ',' || group_concat(tbl) || ',' FROM flow_kind");
	if (!r->tables)
		return 0;
	r->db = db;
	return sqlite3_set_authorizer(db, on_access, r) ? -EIO : 0;
}

char *kt_rows_warning(const struct kt_rows *r)
{
	if (!r->are_read)
		return NULL;
	return ask(r->db,
		   "SELECT 'This query reads rows of flows, and ' || words || '.' FROM rows_from");
}

void kt_rows_finish(struct kt_rows *r)
{
	if (r->db)
		sqlite3_set_authorizer(r->db, NULL, NULL);
	sqlite3_free(r->tables);
	*r = (struct kt_rows){0};
}
