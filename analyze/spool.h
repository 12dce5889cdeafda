/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Files that can be read once, a pipe or standard input, as files that can be opened as often as it takes: several recordings may
 * follow each other in one, and are read side by side.
 */
#ifndef KT_ANALYZE_SPOOL_H
#define KT_ANALYZE_SPOOL_H

#include <stdbool.h>

struct kt_spool {
	int fd;	       /* -1: it is a file that was named */
	char path[32]; /* of fd */
};

/* Pipes, standard input and the like: what is to be spooled. */
bool kt_spool_wanted(const char *path);

/*
 * Reads path to its end into a file without a name, where SQLite has its own temporary ones; standard input that is a file, at its
 * beginning, is taken as it is. -EINTR: a signal asks to stop; -errno, and one line was logged.
 */
int kt_spool_init(struct kt_spool *s, const char *path);
void kt_spool_finish(struct kt_spool *s);

#endif
