/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* While recording is on: drains on a timer until a signal, the duration or the command ends it. */
#ifndef KT_RECORD_LOOP_H
#define KT_RECORD_LOOP_H

#include <stdint.h>

#include "record/child.h"
#include "record/compress.h"
#include "record/cost.h"
#include "record/drain.h"

struct kt_loop {
	struct kt_session *session;
	struct kt_drain *drain;
	struct kt_compress *compress;
	struct kt_meter *meter;
	struct kt_child *child;
	int signal_fd;
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC; end UINT64_MAX = open */
};

/*
 * Blocks the signals that end a run, and SIGCHLD, for all threads created later; ignores those that writing may raise. A signal that is
 * already ignored, and is not meant for this process alone, stays ignored: nohup. Returns a signalfd or -errno.
 */
int kt_loop_signals(void);

/* While on, termination signals end the process at once: for operations that may wait forever, such as writing to a pipe. */
void kt_loop_let_kill(bool on);

/* Waits for ns, or until a signal asks to end: then it returns true. */
bool kt_loop_wait(int signal_fd, uint64_t ns);

/* Returns at the end of the run, whatever ended it: see kt_compress_error() and child. */
void kt_loop_run(struct kt_loop *l);

#endif
