/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The bulk writer: DDL, batches to a thread, and the rename at the end. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/db/db.h"
#include "analyze/db/db_rows.h"
#include "analyze/db/db_target.h"
#include "format/base/hash.h"
#include "format/base/macros.h"
#include "format/base/version.h"

#define QUEUE 8 /* batches waiting for the writing thread */

/* No journal: the file has a temporary name until it is complete. */
static const char pragmas[] = "PRAGMA page_size = 16384;"
			      "PRAGMA journal_mode = OFF;"
			      "PRAGMA synchronous = OFF;"
			      "PRAGMA locking_mode = EXCLUSIVE;"
			      "PRAGMA cache_size = -16384;"
			      "PRAGMA encoding = 'UTF-8';"
			      "BEGIN;";

struct column_doc {
	const char *tbl, *col, *unit, *doc;
};

static const struct kt_col doc_cols[] = {
	KT_COL(column_doc, tbl, KT_COL_TEXT, "", "table"),
	KT_COL(column_doc, col, KT_COL_TEXT, "", "column"),
	KT_COL(column_doc, unit, KT_COL_TEXT, "", "unit of its values; empty = none"),
	KT_COL(column_doc, doc, KT_COL_TEXT, "", "what it means"),
};

static const struct kt_table doc_table = {
	.name = "column_doc",
	.doc = "what each column means",
	.cols = doc_cols,
	.n_cols = KT_ARRAY_SIZE(doc_cols),
	.constraints = "PRIMARY KEY(tbl, col)",
	.suffix = "WITHOUT ROWID",
};

struct table {
	const struct kt_table *def;
	struct kt_rows *rows; /* being filled */
	struct kt_rows_source src;
	sqlite3_stmt *insert;
	int64_t last_id;
};

struct kt_db {
	sqlite3 *sql;
	char *path, *tmp; /* tmp NULL: there is no file to remove */
	bool force;
	KT_VEC(struct table *) tables;
	struct kt_hash by_def; /* const struct kt_table * → struct table * */
	char error[512];

	/* The writing thread. lock guards what follows. */
	bool threaded, started;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct kt_rows *queue[QUEUE];
	struct table *queue_table[QUEUE];
	size_t head, n; /* oldest, and how many; an entry stays until it is written */
	KT_VEC(struct kt_rows *) spare;
	bool stop;
	int err; /* of the thread */
};

const char *kt_db_error(const struct kt_db *db)
{
	return db->error;
}

static int kt_printf_like(3, 4) fail(struct kt_db *db, int err, const char *fmt, ...)
{
	va_list ap;

	if (!db->error[0]) {
		va_start(ap, fmt);
		vsnprintf(db->error, sizeof(db->error), fmt, ap);
		va_end(ap);
	}
	return err;
}

/* From SQLite's words to ours. */
static int sql_error(struct kt_db *db, int rc, const char *doing)
{
	int sys = sqlite3_system_errno(db->sql);

	if ((rc & 0xff) == SQLITE_NOMEM)
		return fail(db, -ENOMEM, "out of memory");
	if ((rc & 0xff) == SQLITE_FULL || sys == ENOSPC || sys == EDQUOT)
		return fail(db, -ENOSPC,
			    "%s: no space left on that filesystem; free some, or name another "
			    "file with -o",
			    db->path);
	if (sys == EFBIG)
		return fail(db, -EFBIG,
			    "%s: exceeds the file size limit; name another file with -o", db->path);
	return fail(db, -EIO, "%s: %s: %s%s%s", db->path, doing, sqlite3_errmsg(db->sql),
		    sys ? ": " : "", sys ? strerror(sys) : "");
}

static int run_sql(struct kt_db *db, const char *sql, const char *doing)
{
	int rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);

	return rc ? sql_error(db, rc, doing) : 0;
}

/* ---------------------------------------------------------------- writing batches */

static int write_rows(struct kt_db *db, struct table *t, const struct kt_rows *rows)
{
	int rc;

	t->src.rows = rows;
	sqlite3_step(t->insert);
	rc = sqlite3_reset(t->insert);
	t->src.rows = NULL;
	return rc ? sql_error(db, rc, "writing rows") : 0;
}

static void *writer(void *arg)
{
	struct kt_db *db = arg;

	pthread_mutex_lock(&db->lock);
	for (;;) {
		struct kt_rows *rows;
		struct table *t;
		int err = 0;

		while (!db->n && !db->stop)
			pthread_cond_wait(&db->changed, &db->lock);
		if (!db->n)
			break;
		rows = db->queue[db->head];
		t = db->queue_table[db->head];
		if (!db->err) {
			pthread_mutex_unlock(&db->lock);
			err = write_rows(db, t, rows);
			pthread_mutex_lock(&db->lock);
		}
		if (err)
			db->err = err;
		kt_rows_clear(rows);
		if (kt_vec_push(&db->spare, rows))
			kt_rows_destroy(rows);
		db->head = (db->head + 1) % QUEUE;
		db->n--;
		pthread_cond_broadcast(&db->changed);
	}
	pthread_mutex_unlock(&db->lock);
	return NULL;
}

/* A batch for t that has already been written, if there is one. */
static struct kt_rows *take_spare(struct kt_db *db, const struct kt_table *t)
{
	for (size_t i = 0; i < db->spare.n; i++) {
		struct kt_rows *r = db->spare.v[i];

		if (r->table == t) {
			db->spare.v[i] = db->spare.v[--db->spare.n];
			return r;
		}
	}
	return NULL;
}

/* The table's batch goes to the thread, or to the file at once. */
static int flush(struct kt_db *db, struct table *t)
{
	int err;

	if (!t->rows || !t->rows->n_rows)
		return 0;
	if (!db->threaded) {
		err = write_rows(db, t, t->rows);
		kt_rows_clear(t->rows);
		return err;
	}
	if (!db->started) {
		err = pthread_create(&db->thread, NULL, writer, db);
		if (err)
			return fail(db, -err, "cannot start a thread: %s", strerror(err));
		db->started = true;
	}
	pthread_mutex_lock(&db->lock);
	while (db->n == QUEUE)
		pthread_cond_wait(&db->changed, &db->lock);
	db->queue[(db->head + db->n) % QUEUE] = t->rows;
	db->queue_table[(db->head + db->n) % QUEUE] = t;
	db->n++;
	t->rows = take_spare(db, t->def);
	err = db->err;
	pthread_cond_broadcast(&db->changed);
	pthread_mutex_unlock(&db->lock);
	return err;
}

/* Writes all rows; then the thread is idle and the connection is ours. */
static int flush_all(struct kt_db *db)
{
	int err = 0;

	for (size_t i = 0; i < db->tables.n; i++) {
		int e = flush(db, db->tables.v[i]);

		err = err ? err : e;
	}
	if (db->started) {
		pthread_mutex_lock(&db->lock);
		while (db->n)
			pthread_cond_wait(&db->changed, &db->lock);
		err = err ? err : db->err;
		pthread_mutex_unlock(&db->lock);
	}
	return err;
}

int kt_db_insert(struct kt_db *db, const struct kt_table *def, const void *row)
{
	struct table *t = kt_hash_get(&db->by_def, (uintptr_t)def);
	int err;

	if (!t)
		return fail(db, -EINVAL, "table %s was not declared", def->name);
	if (!t->rows) {
		err = kt_rows_create(def, &t->rows);
		if (err)
			return fail(db, err, "out of memory");
	}
	err = kt_rows_add(t->rows, row);
	if (err)
		return fail(db, err, "%s: a row of %s: %s", db->path, def->name, strerror(-err));
	return kt_rows_full(t->rows) ? flush(db, t) : 0;
}

int64_t kt_db_next_id(struct kt_db *db, const struct kt_table *def)
{
	struct table *t = kt_hash_get(&db->by_def, (uintptr_t)def);

	return t ? ++t->last_id : 0;
}

/* ---------------------------------------------------------------- tables */

/* A comment to the end of the line. Docs of raw tables come from the file: they may contain anything. */
static void append_comment(sqlite3_str *s, const char *doc, const char *unit)
{
	sqlite3_str_appendall(s, " -- ");
	for (; *doc; doc++)
		sqlite3_str_appendchar(s, 1, (unsigned char)*doc < ' ' ? ' ' : *doc);
	if (unit[0])
		sqlite3_str_appendf(s, " [%s]", unit);
	sqlite3_str_appendchar(s, 1, '\n');
}

static const char *const type_names[] = {
	[KT_COL_INT] = "INTEGER",
	[KT_COL_TEXT] = "TEXT",
	[KT_COL_ID] = "INTEGER PRIMARY KEY",
};

/* Plain words are not quoted, so that .schema is easy to read. */
static bool quoted(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] ||
	       (name[0] >= '0' && name[0] <= '9') || sqlite3_keyword_check(name, strlen(name));
}

static char *make_ddl(const struct kt_table *t)
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	sqlite3_str_appendf(s, quoted(t->name) ? "CREATE TABLE \"%w\"(" : "CREATE TABLE %s(",
			    t->name);
	append_comment(s, t->doc, "");
	for (size_t i = 0; i < t->n_cols; i++) {
		const struct kt_col *c = &t->cols[i];
		bool last = i + 1 == t->n_cols && !t->constraints;

		sqlite3_str_appendf(s, quoted(c->name) ? "  \"%w\" %s%s" : "  %s %s%s", c->name,
				    type_names[c->type], last ? "" : ",");
		append_comment(s, c->doc, c->unit);
	}
	if (t->constraints)
		sqlite3_str_appendf(s, "  %s\n", t->constraints);
	sqlite3_str_appendf(s, ")%s%s", t->suffix ? " " : "", t->suffix ? t->suffix : "");
	return sqlite3_str_finish(s);
}

static int prepare_insert(struct kt_db *db, struct table *t)
{
	char *sql = sqlite3_mprintf("INSERT INTO main.\"%w\" SELECT * FROM \"kt_rows_%w\"",
				    t->def->name, t->def->name);
	int rc;

	if (!sql)
		return fail(db, -ENOMEM, "out of memory");
	rc = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &t->insert, NULL);
	sqlite3_free(sql);
	return rc ? sql_error(db, rc, "preparing a table") : 0;
}

int kt_db_add_table(struct kt_db *db, const struct kt_table *def)
{
	struct table *t;
	char *ddl;
	int err, rc;

	if (kt_hash_get(&db->by_def, (uintptr_t)def))
		return fail(db, -EEXIST, "table %s was declared twice", def->name);
	t = calloc(1, sizeof(*t));
	if (!t || kt_vec_push(&db->tables, t)) {
		free(t);
		return fail(db, -ENOMEM, "out of memory");
	}
	t->def = def;
	t->src.table = def;
	if (kt_hash_put(&db->by_def, (uintptr_t)def, t))
		return fail(db, -ENOMEM, "out of memory");
	ddl = make_ddl(def);
	if (!ddl)
		return fail(db, -ENOMEM, "out of memory");
	err = run_sql(db, ddl, "making a table");
	sqlite3_free(ddl);
	if (err)
		return err;
	rc = kt_rows_register(db->sql, &t->src);
	if (rc)
		return sql_error(db, rc, "making a table");
	err = prepare_insert(db, t);
	for (size_t i = 0; !err && i < def->n_cols; i++) {
		const struct kt_col *c = &def->cols[i];
		struct column_doc doc = {def->name, c->name, c->unit, c->doc};

		err = kt_db_insert(db, &doc_table, &doc);
	}
	return err;
}

/* ---------------------------------------------------------------- the file */

static int open_file(struct kt_db *db)
{
	int fd, rc;

	if (asprintf(&db->tmp, "%s.%d.tmp", db->path, (int)getpid()) < 0) {
		db->tmp = NULL;
		return fail(db, -ENOMEM, "out of memory");
	}
	/* SQLite's own message for a directory that is not writable says neither what nor why. */
	fd = open(db->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		int err = -errno;

		free(db->tmp);
		db->tmp = NULL;
		return fail(db, err, "%s: cannot be created: %s; name another file with -o",
			    db->path, strerror(-err));
	}
	close(fd);
	rc = sqlite3_open_v2(db->tmp, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc)
		return db->sql ? sql_error(db, rc, "opening") : fail(db, -ENOMEM, "out of memory");
	sqlite3_extended_result_codes(db->sql, 1);
	return run_sql(db, pragmas, "setting up");
}

int kt_db_create(const char *path, bool threads, bool force, struct kt_db **ret)
{
	struct kt_db *db = calloc(1, sizeof(*db));
	int err;

	if (!db)
		return -ENOMEM;
	*ret = db; /* also on failure: for kt_db_error() */
	db->threaded = threads;
	db->force = force;
	pthread_mutex_init(&db->lock, NULL);
	pthread_cond_init(&db->changed, NULL);
	/* A symbolic link remains: its target is replaced. */
	db->path = force ? realpath(path, NULL) : NULL;
	if (!db->path)
		db->path = strdup(path);
	if (!db->path)
		return fail(db, -ENOMEM, "out of memory");
	err = kt_db_target_check(db->path, force, db->error, sizeof(db->error));
	if (!err)
		err = open_file(db);
	if (!err)
		err = kt_db_add_table(db, &doc_table);
	return err;
}

static void stop_thread(struct kt_db *db)
{
	if (!db->started)
		return;
	pthread_mutex_lock(&db->lock);
	db->stop = true;
	pthread_cond_broadcast(&db->changed);
	pthread_mutex_unlock(&db->lock);
	pthread_join(db->thread, NULL);
	db->started = false;
	db->stop = false;
}

/* 0 or an SQLite code. */
static int close_file(struct kt_db *db)
{
	int rc;

	for (size_t i = 0; i < db->tables.n; i++) {
		sqlite3_finalize(db->tables.v[i]->insert);
		db->tables.v[i]->insert = NULL;
	}
	rc = sqlite3_close(db->sql);
	db->sql = NULL;
	return rc;
}

void kt_db_destroy(struct kt_db *db)
{
	if (!db)
		return;
	if (db->started) {
		/* Discard what is still queued. */
		pthread_mutex_lock(&db->lock);
		db->err = db->err ? db->err : -ECANCELED;
		pthread_mutex_unlock(&db->lock);
		stop_thread(db);
	}
	close_file(db);
	if (db->tmp)
		unlink(db->tmp);
	for (size_t i = 0; i < db->tables.n; i++) {
		kt_rows_destroy(db->tables.v[i]->rows);
		free(db->tables.v[i]);
	}
	for (size_t i = 0; i < db->spare.n; i++)
		kt_rows_destroy(db->spare.v[i]);
	kt_vec_finish(&db->spare);
	kt_vec_finish(&db->tables);
	kt_hash_finish(&db->by_def);
	pthread_mutex_destroy(&db->lock);
	pthread_cond_destroy(&db->changed);
	free(db->path);
	free(db->tmp);
	free(db);
}

int kt_db_exec(struct kt_db *db, const char *sql)
{
	int err = flush_all(db);

	return err ? err : run_sql(db, sql, "running SQL");
}

int kt_db_commit(struct kt_db *db, int schema_version)
{
	char version[128];
	int err;

	snprintf(version, sizeof(version),
		 "PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT; "
		 "PRAGMA analysis_limit = 1000; ANALYZE",
		 schema_version, KT_APPLICATION_ID);
	err = kt_db_exec(db, version);
	if (err)
		return err;
	stop_thread(db);
	if (close_file(db))
		return fail(db, -EIO, "%s: could not be closed", db->path);
	/* Minutes may have passed: may it still be replaced? */
	err = kt_db_target_check(db->path, db->force, db->error, sizeof(db->error));
	if (!err)
		err = kt_db_target_clear(db->path, db->error, sizeof(db->error));
	if (err)
		return err;
	if (rename(db->tmp, db->path))
		return fail(db, -errno, "%s: cannot be renamed into place: %s", db->path,
			    strerror(errno));
	free(db->tmp);
	db->tmp = NULL;
	return 0;
}
