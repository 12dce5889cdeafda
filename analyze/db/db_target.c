/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/db/db_target.h"
#include "format/base/macros.h"
#include "format/base/version.h"

/* https://www.sqlite.org/fileformat.html#the_database_header */
#define HEADER_BYTES 100
#define APPLICATION_ID_AT 68
static const char magic[16] = "SQLite format 3";

/* Logs still to be written back or rolled back: SQLite takes both from these names when it opens the database. */
static const char *const beside[] = {"-wal", "-journal"};

enum content { CONTENT_NONE, CONTENT_OURS, CONTENT_FOREIGN_DB, CONTENT_FOREIGN };

static kt_printf_like(4, 5) int say(char *err, size_t size, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, size, fmt, ap);
	va_end(ap);
	return ret;
}

/* Is there a table of this name with contents that only ours have? SQLite must not touch anything: not even a log next to it. */
static bool has_our_tables(const char *path)
{
	static const char sql[] =
		"SELECT (SELECT count(*) FROM meta WHERE key IN ('epoch_realtime_ns',"
		" 'schema_version', 'tool_version')) = 3 AND (SELECT count(*) FROM sqlite_master"
		" WHERE name IN ('run', 'device', 'task', 'column_doc', 'lost_interval')) = 5";
	kt_auto_free char *uri = malloc(3 * strlen(path) + sizeof("file:?immutable=1"));
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	bool ours = false;
	char *p;

	if (!uri)
		return false;
	p = stpcpy(uri, "file:");
	for (const unsigned char *s = (const unsigned char *)path; *s; s++)
		p += sprintf(p, isalnum(*s) || *s == '/' ? "%c" : "%%%02X", *s);
	strcpy(p, "?immutable=1");
	if (!sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) &&
	    !sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		ours = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) == 1;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return ours;
}

static int look_into(const char *path, enum content *ret)
{
	unsigned char head[HEADER_BYTES];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, head, sizeof(head));
	close(fd);
	if (n < 0)
		return -errno;
	if (!n) {
		*ret = CONTENT_NONE;
	} else if (n < (ssize_t)sizeof(magic) || memcmp(head, magic, sizeof(magic)) != 0) {
		*ret = CONTENT_FOREIGN;
	} else {
		const unsigned char *id = head + APPLICATION_ID_AT;

		*ret = CONTENT_FOREIGN_DB;
		if (n == HEADER_BYTES &&
		    ((uint32_t)id[0] << 24 | id[1] << 16 | id[2] << 8 | id[3]) == KT_APPLICATION_ID)
			*ret = CONTENT_OURS;
		else if (has_our_tables(path))
			*ret = CONTENT_OURS;
	}
	return 0;
}

/* A log with contents, of a database that is missing or empty: somebody's only data may be in it. */
static int check_beside(const char *path, char *err, size_t err_size)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(beside); i++) {
		kt_auto_free char *name = NULL;
		struct stat st;

		if (asprintf(&name, "%s%s", path, beside[i]) < 0) {
			name = NULL;
			return say(err, err_size, -ENOMEM, "out of memory");
		}
		if (!lstat(name, &st) && (st.st_size || !S_ISREG(st.st_mode)))
			return say(err, err_size, -EEXIST,
				   "%s exists: SQLite would take it for part of %s; name another "
				   "with -o, or remove it with -f",
				   name, path);
	}
	return 0;
}

int kt_db_target_check(const char *path, bool force, char *err, size_t err_size)
{
	enum content content = CONTENT_NONE;
	struct stat st;
	int ret;

	if (lstat(path, &st)) {
		if (errno != ENOENT)
			return say(err, err_size, -errno, "%s: %s", path, strerror(errno));
		return force ? 0 : check_beside(path, err, err_size);
	}
	if (S_ISDIR(st.st_mode))
		return say(err, err_size, -EISDIR, "%s: is a directory; name a file with -o", path);
	if (!S_ISREG(st.st_mode))
		return say(err, err_size, -EEXIST,
			   "%s: exists and is not a regular file; name another with -o", path);
	if (force)
		return 0;
	ret = look_into(path, &content);
	if (ret)
		return say(err, err_size, ret, "%s: %s", path, strerror(-ret));
	switch (content) {
	case CONTENT_NONE:
		return check_beside(path, err, err_size);
	case CONTENT_OURS:
		return 0;
	case CONTENT_FOREIGN_DB:
		return say(err, err_size, -EEXIST,
			   "%s: exists and is a database that ktrace-analyze did not make: not "
			   "replaced; name another with -o, or replace it with -f",
			   path);
	case CONTENT_FOREIGN:
		break;
	}
	return say(err, err_size, -EEXIST,
		   "%s: exists and is no database: not replaced; name another with -o, or replace "
		   "it with -f",
		   path);
}

int kt_db_target_clear(const char *path, char *err, size_t err_size)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(beside); i++) {
		kt_auto_free char *name = NULL;

		if (asprintf(&name, "%s%s", path, beside[i]) < 0) {
			name = NULL;
			return say(err, err_size, -ENOMEM, "out of memory");
		}
		if (unlink(name) && errno != ENOENT)
			return say(err, err_size, -errno, "%s: cannot be removed: %s", name,
				   strerror(errno));
	}
	return 0;
}
