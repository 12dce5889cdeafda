// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "record/output.h"

#define RESERVE_STEP (4ull << 20)

int kt_file_out_std(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Gets the lowest free number: this one. Opened so that using it is still an error. */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd)
			return -EBADF;
	}
	return 0;
}

static int open_stdout(struct kt_file_out *o)
{
	int mode = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat st;

	if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY || fstat(STDOUT_FILENO, &st)) {
		kt_error("standard output is closed: redirect it to a file or pipe");
		return -EBADF;
	}
	if (isatty(STDOUT_FILENO)) {
		kt_error("refusing to write a recording to a terminal: redirect to a file or pipe");
		return -EINVAL;
	}
	if (S_ISBLK(st.st_mode)) {
		kt_error("standard output is a disk: it would be overwritten");
		return -EINVAL;
	}
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	/* Anything else written to stdout, above all by the command, must not end up in the trace. */
	if (o->fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		kt_error("cannot write to standard output: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* Targets that cannot be written to, whatever open() says. */
static int check_kind(const char *path, const struct stat *st, bool force)
{
	const char *what = NULL;

	if (S_ISREG(st->st_mode) && !force) {
		kt_error("%s already exists (use -f to overwrite)", path);
		return -EEXIST;
	}
	if (S_ISDIR(st->st_mode))
		what = "a directory: name a file in it";
	else if (S_ISBLK(st->st_mode))
		what = "a disk: it would be overwritten; name a file";
	else if (S_ISSOCK(st->st_mode))
		what = "a socket: name a file or a FIFO, or use -o - and a pipe";
	if (!what)
		return 0;
	kt_error("%s is %s", path, what);
	return -ENOTSUP;
}

/* stat() found nothing: says why, if that is not obvious. */
static void say_cannot_create(const char *path, int err)
{
	const char *slash = strrchr(path, '/');
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n > 0 && err == EEXIST) {
		target[n] = '\0';
		kt_error("%s is a link to %s, which does not exist", path, target);
	} else if (err == ENOENT && slash) {
		kt_error("cannot create %s: there is no directory %.*s", path,
			 (int)KT_MAX(slash - path, 1), path);
	} else {
		kt_error("cannot create %s: %s", path, strerror(err));
	}
}

/* Without O_NONBLOCK open() would wait for a reader, and signals, which are blocked, could not interrupt it. */
static int open_fifo(const char *path, bool (*stop)(void *arg), void *arg)
{
	bool said = false;
	int fd;

	while ((fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)) < 0 && errno == ENXIO) {
		if (!said)
			kt_warn("%s has no reader yet: waiting for one", path);
		said = true;
		if (stop(arg)) {
			kt_error("nobody reads %s: nothing was recorded", path);
			return -EINTR;
		}
	}
	if (fd < 0) {
		int err = -errno;

		kt_error("cannot write %s: %s", path, strerror(-err));
		return err;
	}
	if (fcntl(fd, F_SETFL, 0)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int kt_file_out_open(struct kt_file_out *o, const char *path, bool force, bool (*stop)(void *arg),
		     void *arg)
{
	const int flags = O_WRONLY | O_CLOEXEC;
	struct stat st;
	bool exists;
	int err;

	*o = (struct kt_file_out){.path = path, .fd = -1};
	if (!strcmp(path, "-"))
		return open_stdout(o);
	exists = !stat(path, &st);
	err = exists ? check_kind(path, &st, force) : 0;
	if (err)
		return err;
	o->regular = !exists || S_ISREG(st.st_mode);
	if (exists && S_ISFIFO(st.st_mode)) {
		o->fd = open_fifo(path, stop, arg);
		return o->fd < 0 ? o->fd : 0;
	}
	o->fd = open(path, exists ? flags : flags | O_CREAT | O_EXCL, 0644);
	if (o->fd < 0) {
		err = -errno;
		if (exists)
			kt_error("cannot write %s: %s", path, strerror(-err));
		else
			say_cannot_create(path, -err);
		return err;
	}
	o->created = !exists;
	return 0;
}

bool kt_file_out_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

/* The kernel checks RLIMIT_FSIZE when a file is written, not when room is reserved. */
static bool over_limit(uint64_t bytes)
{
	struct rlimit l;

	return !getrlimit(RLIMIT_FSIZE, &l) && l.rlim_cur != RLIM_INFINITY && bytes > l.rlim_cur;
}

const char *kt_file_out_name(const struct kt_file_out *o)
{
	return strcmp(o->path, "-") ? o->path : "standard output";
}

int kt_file_out_begin(struct kt_file_out *o)
{
	if (o->regular && ftruncate(o->fd, 0)) {
		int err = -errno;

		kt_error("cannot write %s: %s", o->path, strerror(-err));
		return err;
	}
	o->begun = true;
	return 0;
}

int kt_file_out_reserve(struct kt_file_out *o, uint64_t bytes)
{
	uint64_t step = RESERVE_STEP;

	if (!o->regular)
		return 0;
	if (over_limit(bytes))
		return -EFBIG;
	if (o->cannot_reserve || bytes <= o->reserved)
		return 0;
	for (;;) {
		uint64_t end = bytes + step;

		if (!fallocate(o->fd, FALLOC_FL_KEEP_SIZE, o->reserved, end - o->reserved)) {
			o->reserved = end;
			return 0;
		}
		if (errno == EINTR)
			continue;
		/* A full disk, and limits that act like one; write() will report anything else. */
		if (!kt_file_out_full(-errno)) {
			o->cannot_reserve = true;
			return 0;
		}
		if (!step)
			return -errno;
		step = 0;
	}
}

void kt_file_out_trim(struct kt_file_out *o)
{
	struct stat st;

	/* Truncate to its size, which frees what is reserved beyond. If that fails, only room is lost. */
	if (o->regular && o->reserved && !fstat(o->fd, &st) && ftruncate(o->fd, st.st_size))
		o->reserved = 0;
}

void kt_file_out_discard(struct kt_file_out *o)
{
	o->begun = false;
}

void kt_file_out_finish(struct kt_file_out *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->created && !o->begun)
		unlink(o->path);
	o->fd = -1;
	o->created = false;
}
