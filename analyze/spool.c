/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/engine/engine.h"
#include "analyze/spool.h"
#include "format/base/log.h"

#define SPOOL_BYTES (256u << 10) /* read at once */

bool kt_spool_wanted(const char *path)
{
	struct stat st;

	return !strcmp(path, "-") ||
	       (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* The first writable one of SQLite's directories: https://www.sqlite.org/tempfiles.html */
static int open_temporary(char *dir, size_t size)
{
	const char *const dirs[] = {
		getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp", "/tmp", ".",
	};
	char name[4096];
	int fd = -1;

	for (size_t i = 0; i < KT_ARRAY_SIZE(dirs) && fd < 0; i++) {
		if (!dirs[i] || !*dirs[i])
			continue;
		snprintf(dir, size, "%s", dirs[i]);
		snprintf(name, sizeof(name), "%s/ktrace-XXXXXX", dirs[i]);
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			unlink(name);
	}
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return 0;
}

static int copy(int from, int to, const char *path, const char *dir)
{
	char *buf kt_auto_free = malloc(SPOOL_BYTES);
	int err = buf ? 0 : -ENOMEM;

	while (!err) {
		ssize_t n = read(from, buf, SPOOL_BYTES);

		if (kt_stop)
			return -EINTR;
		if (!n)
			return 0;
		if (n > 0)
			err = write_all(to, buf, n);
		else if (errno != EINTR) {
			kt_error("%s: %s", path, strerror(errno));
			return -errno;
		}
	}
	kt_error("%s: cannot be buffered in %s: %s; set TMPDIR to another directory", path, dir,
		 strerror(-err));
	return err;
}

/* -1: it has to be copied. */
static int take_stdin(const char *path)
{
	struct stat st;

	if (strcmp(path, "-") != 0 || fstat(STDIN_FILENO, &st) || !S_ISREG(st.st_mode) ||
	    lseek(STDIN_FILENO, 0, SEEK_CUR) != 0)
		return -1;
	return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
}

int kt_spool_init(struct kt_spool *s, const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	char dir[256] = "";
	int from, err = 0;

	s->fd = take_stdin(path);
	if (s->fd < 0) {
		from = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
		if (from < 0)
			err = -errno;
		else
			s->fd = open_temporary(dir, sizeof(dir));
		if (from >= 0 && s->fd < 0)
			err = s->fd;
		if (err)
			kt_error("%s: %s", from < 0 ? path : dir, strerror(-err));
		else
			err = copy(from, s->fd, path, dir);
		if (from >= 0 && !is_stdin)
			close(from);
	}
	snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d", s->fd);
	if (err)
		kt_spool_finish(s);
	return err;
}

void kt_spool_finish(struct kt_spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
