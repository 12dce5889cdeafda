/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/output/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/macros.h"

enum { BUFFER_BYTES = 1 << 20 };

static int fail(struct kt_out_file *x, int e)
{
	if (strcmp(x->path, "-") != 0)
		snprintf(x->err, x->err_size, "cannot write %s: %s", x->path, strerror(e));
	else
		snprintf(x->err, x->err_size, "cannot write the %s: %s", x->what->word,
			 strerror(e));
	return -e;
}

/* An empty file may be replaced as well. */
static bool begins_with(int fd, const struct kt_out_what *what)
{
	char buf[64];
	size_t len = KT_MIN(what->head_len, sizeof(buf));
	ssize_t n = read(fd, buf, len);

	return n == 0 || (n == (ssize_t)len && !memcmp(buf, what->head, len));
}

static int check_replaced(struct kt_out_file *x)
{
	int fd = open(x->path, O_RDONLY | O_CLOEXEC);
	bool ours;

	if (fd < 0)
		return fail(x, errno);
	ours = begins_with(fd, x->what);
	close(fd);
	if (ours)
		return 0;
	snprintf(x->err, x->err_size,
		 "%s: there is a file of that name, and it is no %s; name another", x->path,
		 x->what->word);
	return -EEXIST;
}

static int make_tmp(struct kt_out_file *x)
{
	if (asprintf(&x->tmp, "%s.%ld.tmp", x->target, (long)getpid()) >= 0)
		return 0;
	x->tmp = NULL;
	errno = ENOMEM;
	return -1;
}

/* Without a name until it is whole, where the file system can; else beside what it will be. */
static int open_unnamed(struct kt_out_file *x)
{
	char *copy kt_auto_free = strdup(x->target);
	int fd = copy ? open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;

	if (fd >= 0 || make_tmp(x))
		return fd;
	return open(x->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static int open_new(struct kt_out_file *x)
{
	int fd;

	x->target = realpath(x->path, NULL);
	if (!x->target)
		x->target = strdup(x->path);
	if (!x->target)
		return fail(x, ENOMEM);
	fd = open_unnamed(x);
	if (fd < 0) {
		int e = errno;

		free(x->tmp);
		x->tmp = NULL;
		return fail(x, e);
	}
	x->f = fdopen(fd, "w");
	if (x->f)
		return 0;
	close(fd);
	return fail(x, errno);
}

static int open_path(struct kt_out_file *x)
{
	struct stat st;
	int err = 0;

	if (stat(x->path, &st)) {
		if (errno != ENOENT)
			return fail(x, errno);
	} else if (S_ISDIR(st.st_mode)) {
		return fail(x, EISDIR);
	} else if (S_ISREG(st.st_mode)) {
		err = check_replaced(x);
	} else {
		x->f = fopen(x->path, "we");
		return x->f ? 0 : fail(x, errno);
	}
	return err ? err : open_new(x);
}

int kt_out_file_open(struct kt_out_file *x, const char *path, const struct kt_out_what *what,
		     char *err, size_t err_size)
{
	int ret = 0;

	*x = (struct kt_out_file){.path = path, .what = what, .err = err, .err_size = err_size};
	if (!strcmp(path, "-"))
		x->f = stdout;
	else
		ret = open_path(x);
	if (!ret)
		setvbuf(x->f, NULL, _IOFBF, BUFFER_BYTES);
	return ret;
}

/* A file without a name gets one. */
static int name_it(struct kt_out_file *x)
{
	char fd[64];

	if (x->tmp)
		return 0;
	if (make_tmp(x))
		return -1;
	snprintf(fd, sizeof(fd), "/proc/self/fd/%d", fileno(x->f));
	if (!linkat(AT_FDCWD, fd, AT_FDCWD, x->tmp, AT_SYMLINK_FOLLOW))
		return 0;
	free(x->tmp);
	x->tmp = NULL;
	return -1;
}

/* A write failed some time ago, and nobody kept errno. What is there is of no use any more: one more byte fails alike. */
static int why_failed(struct kt_out_file *x)
{
	return write(fileno(x->f), "\n", 1) < 0 ? errno : EIO;
}

int kt_out_file_commit(struct kt_out_file *x)
{
	if (ferror(x->f))
		return fail(x, why_failed(x));
	if (fflush(x->f))
		return fail(x, errno);
	if (!x->target)
		return 0;
	if (fsync(fileno(x->f)) || name_it(x) || rename(x->tmp, x->target))
		return fail(x, errno);
	free(x->tmp);
	x->tmp = NULL;
	return 0;
}

void kt_out_file_finish(struct kt_out_file *x)
{
	if (x->f && x->f != stdout)
		fclose(x->f);
	if (x->tmp)
		unlink(x->tmp);
	free(x->tmp);
	free(x->target);
	*x = (struct kt_out_file){0};
}
