/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Turns files that can be read only once (a pipe, standard input) into files that can be opened repeatedly: several recordings may
 * follow each other in one, and are read in parallel.
 */
#ifndef KT_ANALYZE_SPOOL_H
#define KT_ANALYZE_SPOOL_H

#include <stdbool.h>

struct kt_spool {
	int fd;	       /* -1: a file from the command line */
	char path[32]; /* of fd */
};

/* Must it be spooled? Pipes, standard input and so on. */
bool kt_spool_wanted(const char *path);

/*
 * Reads path to its end into an unnamed file in SQLite's directory for temporary files; standard input that is a file, at its
 * beginning, is used directly. -EINTR: a signal asks to stop; -errno, and one line was logged.
 */
int kt_spool_init(struct kt_spool *s, const char *path);
void kt_spool_finish(struct kt_spool *s);

#endif
