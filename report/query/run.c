/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/safe.h"
#include "report/output/cell.h"
#include "report/output/term.h"
#include "report/query/queries.h"
#include "report/query/run.h"

static kt_printf_like(3, 4) int fail(struct kt_run *run, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(run->err, sizeof(run->err), fmt, ap);
	va_end(ap);
	return err;
}

static int no_such_report(struct kt_run *run)
{
	size_t size = sizeof(run->err), at;
	const char *sep = "";
	char **queries;
	int n;

	at = snprintf(run->err, size, "no report '%s'; available: ", run->o->report);
	for (size_t i = 0; i < kt_n_sql_files && at < size; i++) {
		if (!kt_sql_is_report(&kt_sql_files[i]))
			continue;
		at += snprintf(run->err + at, size - at, "%s%s", sep,
			       kt_sql_report_name(&kt_sql_files[i]));
		sep = " ";
	}
	n = kt_query_names(&queries);
	for (int i = 0; i < n; i++) {
		if (at < size)
			at += snprintf(run->err + at, size - at, "%s%s", sep, queries[i]);
		sep = " ";
		free(queries[i]);
	}
	free(queries);
	return -EINVAL;
}

static int load(struct kt_run *run)
{
	const char *name = run->o->report;
	int err;

	snprintf(run->what, sizeof(run->what), "report '%s'", name);
	if (run->o->export_name) {
		snprintf(run->what, sizeof(run->what), "--%s", run->o->export_name);
		return kt_report_load_export(&run->report, run->o->export_name, run->err,
					     sizeof(run->err));
	}
	err = kt_report_load(&run->report, name, run->err, sizeof(run->err));

	if (!err || err == -EBADMSG)
		return err;
	if (err != -ENOENT || strchr(name, '.'))
		return fail(run, err == -EINVAL ? -EIO : err, "%s: %s", name, strerror(-err));
	return no_such_report(run);
}

static int check_filters(struct kt_run *run)
{
	for (int p = 0; p < KT_N_PARAMS; p++) {
		if (!run->o->filter[p] || (run->report.params & (1u << p)))
			continue;
		if (p == KT_PARAM_ID && run->other)
			continue; /* that was the first database */
		if (p == KT_PARAM_ID)
			return fail(run, -EINVAL, "report '%s' takes no ID ('%s')", run->o->report,
				    run->o->filter[p]);
		return fail(run, -EINVAL, "%s does not support %s", run->what,
			    kt_param_option(run->o, p));
	}
	if ((run->report.params & (1u << KT_PARAM_ID)) && !run->o->filter[KT_PARAM_ID])
		return fail(run, -EINVAL,
			    "report '%s' needs an ID, for example: ktrace-report %s r12 %s ('slow' "
			    "lists IDs)",
			    run->o->report, run->o->report, run->path);
	return 0;
}

/* A report of two databases: the first is where others have an ID. */
static int check_databases(struct kt_run *run)
{
	if (!run->report.other)
		return 0;
	if (!run->o->filter[KT_PARAM_ID])
		return fail(run, -EINVAL,
			    "report '%s' compares two databases: ktrace-report %s A.db B.db",
			    run->o->report, run->o->report);
	run->path = run->o->filter[KT_PARAM_ID];
	run->other = run->o->db;
	return 0;
}

static int check_table(struct kt_run *run)
{
	size_t n;

	if (!run->o->table)
		return 0;
	for (size_t i = 0; i < run->report.blocks.n; i++) {
		const struct kt_block *b = &run->report.blocks.v[i];

		if (b->kind == KT_BLOCK_TABLE && !strcmp(b->name, run->o->table))
			return 0;
	}
	n = snprintf(run->err, sizeof(run->err),
		     "report '%s' has no table '%s'; it has:", run->o->report, run->o->table);
	for (size_t i = 0; i < run->report.blocks.n && n < sizeof(run->err); i++) {
		const struct kt_block *b = &run->report.blocks.v[i];
		size_t before = 0;

		if (b->kind != KT_BLOCK_TABLE)
			continue;
		/* Two that exclude each other share a name. */
		while (before < i && (run->report.blocks.v[before].kind != KT_BLOCK_TABLE ||
				      strcmp(run->report.blocks.v[before].name, b->name) != 0))
			before += 1;
		if (before == i)
			n += snprintf(run->err + n, sizeof(run->err) - n, " %s", b->name);
	}
	return -EINVAL;
}

static int check_needs(struct kt_run *run)
{
	const char *s = run->report.needs;

	while (s && *s) {
		size_t len = strcspn(s, " ");
		char *table kt_auto_free = strndup(s, len);

		if (!table)
			return fail(run, -ENOMEM, "no memory");
		if (!kt_database_has(run->db, table, false))
			return fail(run, -ENODATA,
				    "%s: %s needs table '%s', which was not recorded", run->path,
				    run->what, table);
		s += len;
		s += strspn(s, " ");
	}
	return 0;
}

/* What is named after a report, as far as the program's own say. */
static const char *what_it_takes(const char *name)
{
	struct kt_report r = {0};
	char err[256];
	const char *takes = "run.db";

	if (!kt_report_load(&r, name, err, sizeof(err)))
		takes = r.other				 ? "A.db B.db"
			: r.params & (1u << KT_PARAM_ID) ? "ID run.db"
							 : takes;
	kt_report_finish(&r);
	return takes;
}

/* `ktrace-report stages`: the database was left out. */
static int check_database_name(struct kt_run *run)
{
	char *query kt_auto_free = kt_query_path(run->path);
	bool is_report = query || kt_sql_find_report(run->path);

	if (is_report && access(run->path, F_OK))
		return fail(run, -EINVAL, "name a database: ktrace-report %s %s", run->path,
			    what_it_takes(run->path));
	return 0;
}

int kt_run_init(struct kt_run *run, const struct kt_options *o)
{
	int err;

	memset(run, 0, sizeof(*run));
	run->o = o;
	run->path = o->db;
	err = load(run);
	err = err ? err : check_databases(run);
	err = err ? err : check_database_name(run);
	err = err ? err : kt_database_open(run->path, &run->db, run->err, sizeof(run->err));
	if (!err && run->other)
		err = kt_database_attach(run->db, run->other, run->err, sizeof(run->err));
	err = err ? err : kt_kinds_choose(run);
	err = err ? err : check_filters(run);
	err = err ? err : check_table(run);
	err = err ? err : kt_values_parse(run);
	return err ? err : check_needs(run);
}

void kt_run_finish(struct kt_run *run)
{
	kt_rows_finish(&run->rows);
	sqlite3_close(run->db);
	run->db = NULL;
	free(run->flow);
	run->flow = NULL;
	kt_report_finish(&run->report);
}

static bool is_embedded(const char *source)
{
	for (size_t i = 0; i < kt_n_sql_files; i++)
		if (!strcmp(kt_sql_files[i].name, source))
			return true;
	return false;
}

int kt_run_sql_error(struct kt_run *run, int rc, const char *source, int line)
{
	const char *text = sqlite3_errmsg(run->db);

	if (rc == SQLITE_NOMEM)
		return fail(run, -ENOMEM, "no memory");
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_IOERR)
		return fail(run, -EIO,
			    "%s: the database is damaged (%s); make it again with ktrace-analyze",
			    run->path, text);
	if ((!source || is_embedded(source)) && !strncmp(text, "no such column", 14))
		return fail(run, -EPROTONOSUPPORT,
			    "%s: made by an older ktrace-analyze (%s); make it again with the one "
			    "next to this program",
			    run->path, text);
	if (!source)
		return fail(run, -EBADMSG, "%s: %s", run->path, text);
	return fail(run, -EBADMSG, "%s:%d: %s", source, line, text);
}

/* The same with the line of the file where it can be told. */
static int sql_error(struct kt_run *run, const struct kt_block *b, int rc)
{
	int offset = sqlite3_error_offset(run->db), line = b->line;

	for (const char *p = b->sql; offset > 0 && *p; p++, offset--)
		line += *p == '\n';
	return kt_run_sql_error(run, rc, b->source, line);
}

static int bind(struct kt_run *run, const struct kt_block *b, sqlite3_stmt *st)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
		const char *name = sqlite3_bind_parameter_name(st, i);
		int p = 0, rc;

		while (p < KT_N_PARAMS && (!name || strcmp(name, kt_param_names[p])))
			p++;
		if (p == KT_N_PARAMS)
			return fail(run, -EBADMSG,
				    "%s:%d: unknown parameter %s; the man page lists them",
				    b->source, b->line, name ? name : "?");
		if (!run->values[p].set)
			continue; /* NULL */
		rc = run->values[p].is_text
			     ? sqlite3_bind_text(st, i, run->values[p].text, -1, SQLITE_STATIC)
			     : sqlite3_bind_int64(st, i, run->values[p].i);
		if (rc)
			return sql_error(run, b, rc);
	}
	return 0;
}

static int resolve_columns(struct kt_run *run, const struct kt_block *b, sqlite3_stmt *st,
			   struct kt_column *cols)
{
	int n = sqlite3_column_count(st);

	for (int i = 0; i < n; i++) {
		const char *name = sqlite3_column_name(st, i);

		if (!name)
			return fail(run, -ENOMEM, "no memory");
		cols[i] = (struct kt_column){.name = name, .format = kt_format_of_name(name)};
	}
	for (size_t d = 0; d < b->columns.n; d++) {
		int i = 0;

		while (i < n && strcmp(cols[i].name, b->columns.v[d].name))
			i++;
		if (i == n)
			return fail(run, -EBADMSG, "%s:%d: the statement has no column '%s'",
				    b->source, b->line, b->columns.v[d].name);
		cols[i] = b->columns.v[d];
	}
	return 0;
}

static struct kt_cell cell_of(sqlite3_stmt *st, int i)
{
	struct kt_cell c = {.type = KT_CELL_NULL};

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		c.type = KT_CELL_INT;
		c.i = sqlite3_column_int64(st, i);
		break;
	case SQLITE_FLOAT:
		c.type = KT_CELL_REAL;
		c.f = sqlite3_column_double(st, i);
		break;
	case SQLITE_NULL:
		break;
	default: /* text, and blobs as what text is in them */
		c.text = (const char *)sqlite3_column_text(st, i);
		c.type = c.text ? KT_CELL_TEXT : KT_CELL_NULL;
	}
	return c;
}

/* Not before there is something to write: what refuses leaves nothing behind. */
static int begin(struct kt_run *run, struct kt_output *out)
{
	bool begun = run->begun;

	run->begun = true;
	return begun ? 0 : out->ops->begin(out, &run->report);
}

static int step_table(struct kt_run *run, const struct kt_block *b, sqlite3_stmt *st,
		      struct kt_output *out, bool *ret_any)
{
	int n = sqlite3_column_count(st), rc, err;
	struct kt_column *cols kt_auto_free = calloc(n, sizeof(*cols));
	struct kt_cell *cells kt_auto_free = calloc(n, sizeof(*cells));
	struct kt_table_head head = {
		.name = b->name,
		.heading = b->heading,
		.empty = b->empty,
		.columns = cols,
		.n_columns = n,
	};

	if (!cols || !cells)
		return fail(run, -ENOMEM, "no memory");
	err = resolve_columns(run, b, st, cols);
	if (err)
		return err;
	err = begin(run, out);
	err = err ? err : out->ops->table_begin(out, &head);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (int i = 0; i < n; i++)
			cells[i] = cell_of(st, i);
		*ret_any = true;
		err = out->ops->row(out, cells);
		/* Nobody reads on: a pager that was left, a full disk. The caller looks at the stream. */
		if (ferror(out->f))
			break;
	}
	if (!err && !ferror(out->f) && rc != SQLITE_DONE)
		return sql_error(run, b, rc);
	err = err ? err : out->ops->table_end(out);
	return err ? fail(run, err, "%s", strerror(-err)) : 0;
}

static int write_line(struct kt_run *run, enum kt_block_kind kind, const char *text,
		      struct kt_output *out)
{
	char *safe kt_auto_free = NULL;

	if (!run->only_table || kind != KT_BLOCK_WARN)
		return out->ops->line(out, kind, text);
	safe = kt_safe_text(text, kt_term_locale());
	if (!safe)
		return -ENOMEM;
	kt_warn("%s", safe);
	return 0;
}

static int step_lines(struct kt_run *run, const struct kt_block *b, sqlite3_stmt *st,
		      struct kt_output *out, bool *ret_any)
{
	int rc, err = 0;

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text =
			sqlite3_column_count(st) ? (const char *)sqlite3_column_text(st, 0) : NULL;

		if (text && b->kind == KT_BLOCK_REFUSE)
			return fail(run, -ENODATA, "%s: %s", run->path, text);
		if (text && b->kind != KT_BLOCK_SETUP) {
			err = begin(run, out);
			if (!err && !*ret_any && b->heading && out->ops->section)
				err = out->ops->section(out, b->heading);
			err = err ? err : write_line(run, b->kind, text, out);
		}
		*ret_any = true;
	}
	if (err)
		return fail(run, err, "%s", strerror(-err));
	return rc == SQLITE_DONE ? 0 : sql_error(run, b, rc);
}

static int run_block(struct kt_run *run, const struct kt_block *b, struct kt_output *out)
{
	bool any = false;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(run->db, b->sql, -1, &st, NULL), err;

	if (rc)
		return sql_error(run, b, rc);
	if (!st)
		return 0; /* only a comment */
	err = bind(run, b, st);
	if (!err) {
		if (b->kind == KT_BLOCK_TABLE && sqlite3_column_count(st))
			err = step_table(run, b, st, out, &any);
		else
			err = step_lines(run, b, st, out, &any);
	}
	sqlite3_finalize(st);
	if (!err && b->required && !any)
		return fail(run, -ENOENT, "%s: %s", run->path, b->required);
	return err;
}

/* A table by itself has no place for warnings; of what the database lacks they go to stderr. */
static bool warns_apart(struct kt_run *run, const struct kt_block *b)
{
	return b->kind == KT_BLOCK_WARN && kt_database_has(run->db, "rows_from", true);
}

/* Somebody's own query on a database without all rows. */
static int warn_of_rows(struct kt_run *run, struct kt_output *out)
{
	char *text = kt_rows_warning(&run->rows);
	int err = text ? write_line(run, KT_BLOCK_WARN, text, out) : 0;

	sqlite3_free(text);
	return err;
}

int kt_run_print(struct kt_run *run, struct kt_output *out)
{
	bool csv = run->o->out == KT_OUT_CSV, any_table = false;
	int err;

	run->only_table = csv || run->o->table;
	err = run->o->export_name || kt_sql_find_report(run->o->report)
		      ? 0
		      : kt_rows_watch(&run->rows, run->db);

	for (size_t i = 0; !err && i < run->report.blocks.n; i++) {
		const struct kt_block *b = &run->report.blocks.v[i];

		if (b->only_if && kt_database_has(run->db, b->only_if, true) == b->unless)
			continue;
		if (b->kind == KT_BLOCK_TABLE) {
			if (run->o->table ? strcmp(run->o->table, b->name) != 0 : csv && any_table)
				continue;
			any_table = true;
		} else if (b->kind != KT_BLOCK_SETUP && b->kind != KT_BLOCK_REFUSE &&
			   run->only_table && !b->required && !warns_apart(run, b)) {
			continue;
		}
		err = run_block(run, b, out);
	}
	err = err ? err : begin(run, out);
	err = err ? err : warn_of_rows(run, out);
	if (!err && !any_table && (csv || run->o->table))
		return fail(run, -ENODATA, "%s: report '%s' has no table to show", run->path,
			    run->o->report);
	return err ? err : out->ops->end(out);
}
