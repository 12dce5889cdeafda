// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/log.h"
#include "record/output.h"

#define RESERVE_STEP (4ull << 20)

static int open_stdout(struct kt_output *o)
{
	if (isatty(STDOUT_FILENO)) {
		kt_error("a trace is not for a terminal: send standard output to a file or a pipe");
		return -EINVAL;
	}
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	/* What else writes to stdout, the command first of all, must not end up in the trace. */
	if (o->fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		kt_error("cannot write to standard output: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

int kt_output_open(struct kt_output *o, const char *path, bool force)
{
	const int flags = O_WRONLY | O_CLOEXEC;
	struct stat st;
	bool exists;

	*o = (struct kt_output){.path = path, .fd = -1};
	if (!strcmp(path, "-"))
		return open_stdout(o);
	exists = !stat(path, &st);
	if (exists && S_ISREG(st.st_mode) && !force) {
		kt_error("%s exists: -f replaces it", path);
		return -EEXIST;
	}
	o->regular = !exists || S_ISREG(st.st_mode);
	o->fd = open(path, exists ? flags : flags | O_CREAT | O_EXCL, 0644);
	if (o->fd < 0) {
		int err = -errno;

		kt_error("cannot create %s: %s", path, strerror(-err));
		return err;
	}
	o->created = !exists;
	return 0;
}

const char *kt_output_name(const struct kt_output *o)
{
	return strcmp(o->path, "-") ? o->path : "standard output";
}

int kt_output_begin(struct kt_output *o)
{
	if (o->regular && ftruncate(o->fd, 0)) {
		int err = -errno;

		kt_error("cannot write %s: %s", o->path, strerror(-err));
		return err;
	}
	o->begun = true;
	return 0;
}

int kt_output_reserve(struct kt_output *o, uint64_t bytes)
{
	uint64_t step = RESERVE_STEP;

	if (!o->regular || o->cannot_reserve || bytes <= o->reserved)
		return 0;
	for (;;) {
		uint64_t end = bytes + step;

		if (!fallocate(o->fd, FALLOC_FL_KEEP_SIZE, o->reserved, end - o->reserved)) {
			o->reserved = end;
			return 0;
		}
		if (errno == EINTR)
			continue;
		/* A full disk, and limits that act like one; all else will be seen by write(). */
		if (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) {
			o->cannot_reserve = true;
			return 0;
		}
		if (!step)
			return -errno;
		step = 0;
	}
}

void kt_output_trim(struct kt_output *o)
{
	struct stat st;

	/* To the size it has: what lies behind is freed. If that fails it is only room that is lost. */
	if (o->regular && o->reserved && !fstat(o->fd, &st) && ftruncate(o->fd, st.st_size))
		o->reserved = 0;
}

void kt_output_discard(struct kt_output *o)
{
	o->begun = false;
}

void kt_output_finish(struct kt_output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->created && !o->begun)
		unlink(o->path);
	o->fd = -1;
	o->created = false;
}
