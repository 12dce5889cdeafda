/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* COMMAND: forked before the run begins and stopped until then; its end ends the run. */
#ifndef KT_RECORD_CHILD_H
#define KT_RECORD_CHILD_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "record/priority.h"

struct kt_child {
	pid_t pid;    /* 0: there is none, or it has ended */
	int go_fd;    /* written to start it; -1 = started */
	int error_fd; /* its errno, if exec fails; -1 = none */
	bool ended;
	void (*on_pipe)(int), (*on_size)(int); /* SIGPIPE and SIGXFSZ as inherited */
	struct rlimit files;		       /* RLIMIT_NOFILE, likewise */
	int status; /* for our own exit status: its status, or 128 + signal */
};

/* Can it be run? 0, or the exit status 126 or 127 after saying why not. */
int kt_child_check(char *const argv[]);
/* Before kt_loop_signals(): saves what the child must get back. */
void kt_child_init(struct kt_child *c);
/* Forks; the child waits, then runs at the recorder's original priority, from p. argv NULL: no command, does nothing. */
int kt_child_prepare(struct kt_child *c, char *const argv[], const struct kt_priority *p);
/* Starts it. Says so if it cannot be executed; it then counts as ended with 126 or 127. */
void kt_child_start(struct kt_child *c, char *const argv[]);
/* Has it ended? */
bool kt_child_poll(struct kt_child *c);
/* Asks it to end (SIGTERM) if it still runs, and waits. A signal to us ends the wait. */
void kt_child_stop(struct kt_child *c, int signal_fd);

#endif
