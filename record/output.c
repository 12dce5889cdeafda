// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/log.h"
#include "record/output.h"

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

void kt_output_finish(struct kt_output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->created && !o->begun)
		unlink(o->path);
	o->fd = -1;
	o->created = false;
}
