/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20 };

static int fail(struct kt_export_file *x, const char *what)
{
	int e = errno ? errno : EIO;

	snprintf(x->err, x->err_size, "%s: %s: %s", x->path, what, strerror(e));
	return -e;
}

/* Beside the file, so that it can be renamed. */
static int open_tmp(struct kt_export_file *x)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(&x->tmp, "%s.XXXXXX", x->path) < 0) {
		x->tmp = NULL;
		errno = ENOMEM;
		return fail(x, "cannot be written");
	}
	fd = mkostemp(x->tmp, O_CLOEXEC);
	if (fd < 0) {
		int err = fail(x, "cannot be written");

		free(x->tmp);
		x->tmp = NULL;
		return err;
	}
	x->f = fchmod(fd, 0666 & ~mask) ? NULL : fdopen(fd, "w");
	if (x->f)
		return 0;
	close(fd);
	return fail(x, "cannot be written");
}

int kt_export_file_open(struct kt_export_file *x, const char *path, char *err, size_t err_size)
{
	struct stat st;
	int ret = 0;

	*x = (struct kt_export_file){.path = path, .err = err, .err_size = err_size};
	if (!strcmp(path, "-")) {
		if (isatty(STDOUT_FILENO)) {
			snprintf(
				err, err_size,
				"this is not for a terminal: name a file, or send it to a program");
			return -EINVAL;
		}
		x->f = stdout;
		x->path = "stdout";
	} else if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		x->f = fopen(path, "we");
		ret = x->f ? 0 : fail(x, "cannot be written");
	} else {
		ret = open_tmp(x);
	}
	if (!ret)
		setvbuf(x->f, NULL, _IOFBF, BUFFER_BYTES);
	return ret;
}

int kt_export_file_commit(struct kt_export_file *x)
{
	errno = 0;
	if (fflush(x->f) || ferror(x->f))
		return fail(x, "cannot be written");
	if (!x->tmp)
		return 0;
	if (rename(x->tmp, x->path))
		return fail(x, "cannot be renamed into place");
	free(x->tmp);
	x->tmp = NULL;
	return 0;
}

void kt_export_file_finish(struct kt_export_file *x)
{
	if (x->f && x->f != stdout)
		fclose(x->f);
	if (x->tmp)
		unlink(x->tmp);
	free(x->tmp);
	x->f = NULL;
	x->tmp = NULL;
}
