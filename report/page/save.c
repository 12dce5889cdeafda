/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/page/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/macros.h"

static int fail(char *err, size_t size, const char *path, int e)
{
	snprintf(err, size, "cannot write %s: %s", strcmp(path, "-") != 0 ? path : "the page",
		 strerror(e));
	return -e;
}

static bool begins_with(int fd, const char *head)
{
	char buf[64];
	size_t len = KT_MIN(strlen(head), sizeof(buf));
	ssize_t n = read(fd, buf, len);

	return n == 0 || (n == (ssize_t)len && !memcmp(buf, head, len));
}

int kt_save_check(const char *path, const char *head, char *err, size_t err_size)
{
	struct stat st;
	bool ours;
	int fd;

	if (!strcmp(path, "-"))
		return 0;
	if (stat(path, &st))
		return errno == ENOENT ? 0 : fail(err, err_size, path, errno);
	if (S_ISDIR(st.st_mode))
		return fail(err, err_size, path, EISDIR);
	if (!S_ISREG(st.st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, err_size, path, errno);
	ours = begins_with(fd, head);
	close(fd);
	if (ours)
		return 0;
	snprintf(err, err_size, "%s: there is a file of that name, and it is no page; name another",
		 path);
	return -EEXIST;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What is no file of its own is written as it is. */
static int write_to(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, len);
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

static int replace(const char *path, const char *text, size_t len)
{
	mode_t mask = umask(0);
	char *other = NULL;
	int fd, ret;

	umask(mask);
	if (asprintf(&other, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(other, O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		free(other);
		return ret;
	}
	ret = write_all(fd, text, len);
	if (!ret && (fchmod(fd, 0666 & ~mask) || fsync(fd)))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(other, path))
		ret = -errno;
	if (ret)
		unlink(other);
	free(other);
	return ret;
}

int kt_save(const char *path, const char *text, size_t len, char *err, size_t err_size)
{
	struct stat st;
	char *target kt_auto_free = NULL;
	int ret;

	if (!strcmp(path, "-")) {
		ret = write_all(STDOUT_FILENO, text, len);
	} else if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		ret = write_to(path, text, len);
	} else {
		/* A link stays one. */
		target = realpath(path, NULL);
		ret = replace(target ? target : path, text, len);
	}
	return ret ? fail(err, err_size, path, -ret) : 0;
}
