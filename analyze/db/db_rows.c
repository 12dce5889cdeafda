/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Batches of rows, and how SQLite reads them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/db/db_rows.h"
#include "analyze/db/utf8.h"
#include "format/base/macros.h"

int kt_rows_create(const struct kt_table *t, struct kt_rows **ret)
{
	struct kt_rows *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->table = t;
	r->cells = malloc(sizeof(*r->cells) * KT_ROWS_MAX * t->n_cols);
	r->texts = malloc(sizeof(*r->texts) * t->n_cols);
	if (!r->cells || !r->texts) {
		kt_rows_destroy(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n_cols; i++)
		if (t->cols[i].type == KT_COL_TEXT)
			r->texts[r->n_texts++] = i;
	*ret = r;
	return 0;
}

void kt_rows_destroy(struct kt_rows *r)
{
	if (!r)
		return;
	free(r->cells);
	free(r->texts);
	kt_vec_finish(&r->text);
	free(r);
}

void kt_rows_clear(struct kt_rows *r)
{
	r->n_rows = 0;
	r->text.n = 0;
}

static inline int64_t cell(size_t offset, size_t len)
{
	return (int64_t)((uint64_t)offset << 32 | len);
}

static int add_text(struct kt_rows *r, size_t col, const char *s, int64_t *ret)
{
	size_t len, room, n_cols = r->table->n_cols;
	bool good;

	if (!s) {
		*ret = KT_NULL;
		return 0;
	}
	len = strlen(s);
	/* Most texts are words that the previous row had too. */
	if (r->n_rows) {
		int64_t last = r->cells[(r->n_rows - 1) * n_cols + col];

		if (last != KT_NULL && (uint32_t)last == len &&
		    !memcmp(r->text.v + (last >> 32), s, len)) {
			*ret = last;
			return 0;
		}
	}
	good = kt_utf8_good(s, len) == len;
	room = good ? len : len * KT_UTF8_ESCAPED;
	if (len > INT32_MAX / KT_UTF8_ESCAPED || r->text.n + room > INT32_MAX)
		return -EFBIG;
	if (kt_vec_reserve(&r->text, r->text.n + room + 1))
		return -ENOMEM;
	if (good)
		memcpy(r->text.v + r->text.n, s, len);
	else
		len = kt_utf8_escape(s, len, r->text.v + r->text.n);
	*ret = cell(r->text.n, len);
	r->text.n += len;
	return 0;
}

int kt_rows_add(struct kt_rows *r, const void *row)
{
	const struct kt_table *t = r->table;
	int64_t *c = r->cells + r->n_rows * t->n_cols;

	for (size_t i = 0; i < t->n_cols; i++)
		memcpy(&c[i], (const char *)row + t->cols[i].offset, sizeof(c[i]));
	for (size_t i = 0; i < r->n_texts; i++) {
		size_t col = r->texts[i];
		const char *s;
		int err;

		memcpy(&s, &c[col], sizeof(s));
		err = add_text(r, col, s, &c[col]);
		if (err)
			return err;
	}
	r->n_rows++;
	return 0;
}

/* ---------------------------------------------------------------- the virtual table */

struct rows_vtab {
	sqlite3_vtab base;
	struct kt_rows_source *src;
};

struct rows_cursor {
	sqlite3_vtab_cursor base;
	const struct kt_rows *rows;
	const struct kt_col *cols;
	const int64_t *cells; /* of the row */
	size_t row;
};

static int rows_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
			sqlite3_vtab **ret, char **err)
{
	struct kt_rows_source *src = aux;
	sqlite3_str *sql = sqlite3_str_new(db);
	struct rows_vtab *v;
	char *text;
	int rc;

	sqlite3_str_appendall(sql, "CREATE TABLE x(");
	for (size_t i = 0; i < src->table->n_cols; i++)
		sqlite3_str_appendf(sql, "%sc%d", i ? "," : "", (int)i);
	sqlite3_str_appendall(sql, ")");
	text = sqlite3_str_finish(sql);
	if (!text)
		return SQLITE_NOMEM;
	rc = sqlite3_declare_vtab(db, text);
	sqlite3_free(text);
	if (rc)
		return rc;
	v = sqlite3_malloc(sizeof(*v));
	if (!v)
		return SQLITE_NOMEM;
	memset(v, 0, sizeof(*v));
	v->src = src;
	*ret = &v->base;
	return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *v)
{
	sqlite3_free(v);
	return SQLITE_OK;
}

static int rows_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	info->estimatedCost = KT_ROWS_MAX;
	info->estimatedRows = KT_ROWS_MAX;
	return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
	struct rows_cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	*ret = &c->base;
	return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cur)
{
	sqlite3_free(cur);
	return SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *cur, int idx, const char *str, int argc,
		       sqlite3_value **argv)
{
	struct rows_cursor *c = (struct rows_cursor *)cur;

	c->rows = ((struct rows_vtab *)cur->pVtab)->src->rows;
	c->row = 0;
	c->cells = c->rows ? c->rows->cells : NULL;
	c->cols = c->rows ? c->rows->table->cols : NULL;
	return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *cur)
{
	struct rows_cursor *c = (struct rows_cursor *)cur;

	c->row++;
	c->cells += c->rows->table->n_cols;
	return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *cur)
{
	struct rows_cursor *c = (struct rows_cursor *)cur;

	return !c->rows || c->row >= c->rows->n_rows;
}

static int rows_column(sqlite3_vtab_cursor *cur, sqlite3_context *ctx, int i)
{
	const struct rows_cursor *c = (struct rows_cursor *)cur;
	int64_t v = c->cells[i];

	if (v == KT_NULL)
		sqlite3_result_null(ctx);
	else if (c->cols[i].type == KT_COL_TEXT)
		sqlite3_result_text(ctx, c->rows->text.v + (v >> 32), (uint32_t)v, SQLITE_STATIC);
	else
		sqlite3_result_int64(ctx, v);
	return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *cur, sqlite3_int64 *ret)
{
	*ret = ((struct rows_cursor *)cur)->row;
	return SQLITE_OK;
}

/* No xCreate: the table exists without CREATE VIRTUAL TABLE and leaves no trace in the file. */
static const sqlite3_module rows_module = {
	.xConnect = rows_connect,
	.xBestIndex = rows_best_index,
	.xDisconnect = rows_disconnect,
	.xOpen = rows_open,
	.xClose = rows_close,
	.xFilter = rows_filter,
	.xNext = rows_next,
	.xEof = rows_eof,
	.xColumn = rows_column,
	.xRowid = rows_rowid,
};

int kt_rows_register(sqlite3 *db, struct kt_rows_source *src)
{
	char *name = sqlite3_mprintf("kt_rows_%s", src->table->name);
	int rc;

	if (!name)
		return SQLITE_NOMEM;
	rc = sqlite3_create_module_v2(db, name, &rows_module, src, NULL);
	sqlite3_free(name);
	return rc;
}
