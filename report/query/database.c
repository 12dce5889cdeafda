/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Opens a database of ktrace-analyze, and says what a file is if it is none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "format/base/macros.h"
#include "format/base/version.h"
#include "report/query/func.h"
#include "report/query/run.h"

/* A .ktr begins with a skippable frame of zstd (format/ktr.h), little-endian. */
static const unsigned char ktr_magic[4] = {0x50, 0x2a, 0x4d, 0x18};

static int check_file(const char *path, char *err, size_t err_size)
{
	unsigned char head[4] = {0};
	struct stat st;
	FILE *f;
	size_t n;

	if (stat(path, &st) || !(f = fopen(path, "re"))) {
		int e = errno;

		snprintf(err, err_size, "%s: %s%s", path, strerror(e),
			 e == ENOENT ? "; make it with: ktrace-analyze run.ktr -o run.db" : "");
		return -e;
	}
	n = fread(head, 1, sizeof(head), f);
	fclose(f);
	if (S_ISDIR(st.st_mode)) {
		snprintf(err, err_size, "%s: this is a directory; name a database in it", path);
		return -EISDIR;
	}
	if (n == sizeof(head) && !memcmp(head, ktr_magic, sizeof(head))) {
		snprintf(err, err_size,
			 "%s: this is a recording, not a database; first run: ktrace-analyze %s",
			 path, path);
		return -EBADMSG;
	}
	return 0;
}

/* One number of the database; -1 where there is none. */
static int64_t query_int(sqlite3 *db, const char *sql, int *ret_rc)
{
	sqlite3_stmt *st = NULL;
	int64_t v = -1;

	*ret_rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (!*ret_rc) {
		*ret_rc = sqlite3_step(st);
		if (*ret_rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
			v = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	return v;
}

int kt_database_open(const char *path, sqlite3 **ret, char *err, size_t err_size)
{
	int64_t version;
	sqlite3 *db = NULL;
	int rc, e = check_file(path, err, err_size);

	if (e)
		return e;
	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (!rc)
		rc = kt_func_register(db);
	if (rc) {
		snprintf(err, err_size, "%s: cannot open the database: %s", path,
			 db ? sqlite3_errmsg(db) : "no memory");
		sqlite3_close(db);
		return rc == SQLITE_NOMEM ? -ENOMEM : -EIO;
	}
	/* The file may come from anyone: its views get no function that does more than compute. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* SQLite's own 2 MiB hold 120 of our pages: a look-up by row would read each of them again and again. */
	sqlite3_exec(db, "PRAGMA cache_size = -65536; PRAGMA temp.cache_size = -32768", NULL, NULL,
		     NULL);

	if (query_int(db, "SELECT count(*) FROM sqlite_master WHERE name IN ('meta', 'run')",
		      &rc) != 2) {
		if (rc == SQLITE_NOTADB)
			snprintf(err, err_size,
				 "%s: this is not a database; make one with: ktrace-analyze "
				 "run.ktr -o run.db",
				 path);
		else if (rc == SQLITE_ROW)
			snprintf(err, err_size,
				 "%s: this database was not made by ktrace-analyze; make one with: "
				 "ktrace-analyze run.ktr -o run.db",
				 path);
		else
			snprintf(err, err_size,
				 "%s: the database is damaged (%s); make it again with "
				 "ktrace-analyze",
				 path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return -EBADMSG;
	}
	version = query_int(db, "SELECT value FROM meta WHERE key = 'schema_version'", &rc);
	if (version < 1 || version > KT_SCHEMA_VERSION) {
		if (version < 1)
			snprintf(err, err_size,
				 "%s: the database has no version; make it again with "
				 "ktrace-analyze",
				 path);
		else
			snprintf(err, err_size,
				 "%s: the database has version %lld, this program supports up to "
				 "%d; "
				 "use a newer ktrace-report, "
				 "or make the database again with the ktrace-analyze next to this "
				 "one",
				 path, (long long)version, KT_SCHEMA_VERSION);
		sqlite3_close(db);
		return -EPROTONOSUPPORT;
	}
	if (kt_func_register_runs(db, query_int(db, "SELECT count(*) FROM run", &rc) > 1)) {
		snprintf(err, err_size, "no memory");
		sqlite3_close(db);
		return -ENOMEM;
	}
	*ret = db;
	return 0;
}

int kt_database_attach(sqlite3 *db, const char *path, char *err, size_t err_size)
{
	sqlite3 *alone = NULL;
	char *sql;
	int rc, e = kt_database_open(path, &alone, err, err_size);

	/* Opened by itself first: that tells what is wrong with it. */
	sqlite3_close(alone);
	if (e)
		return e;
	sql = sqlite3_mprintf("ATTACH %Q AS other", path);
	if (!sql) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	if (rc) {
		snprintf(err, err_size, "%s: cannot open the database: %s", path,
			 sqlite3_errmsg(db));
		return -EIO;
	}
	return 0;
}

bool kt_database_has(sqlite3 *db, const char *table, bool with_rows)
{
	char *sql = sqlite3_mprintf(with_rows ? "SELECT EXISTS (SELECT 1 FROM \"%w\")"
					      : "SELECT count(*) FROM \"%w\" WHERE 0",
				    table);
	int rc;
	int64_t v;

	if (!sql)
		return false;
	v = query_int(db, sql, &rc);
	sqlite3_free(sql);
	return with_rows ? v == 1 : v == 0;
}
