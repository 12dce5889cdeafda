/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Where the trace goes. Nothing is overwritten before the run begins, and nothing is left behind if it never does. */
#ifndef KT_RECORD_OUTPUT_H
#define KT_RECORD_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct kt_file_out {
	const char *path; /* borrowed; "-" = standard output */
	int fd;
	bool created; /* by us: to be removed on failure */
	bool regular;
	bool begun;
	uint64_t reserved;   /* the disk has room for the file up to this byte */
	bool cannot_reserve; /* its file system does not support it */
};

/*
 * Before anything is opened: standard files that are closed become /dev/null, so that none of our files takes their number and receives
 * what is written to them.
 */
int kt_file_out_std(void);
/*
 * Opens or creates it; an existing file needs force. Says what is wrong. With "-", stdout becomes stderr for everything else. For a FIFO,
 * waits for its reader until stop, which is called repeatedly and waits a moment, says so (-EINTR).
 */
int kt_file_out_open(struct kt_file_out *o, const char *path, bool force, bool (*stop)(void *arg),
		     void *arg);
/* For messages. */
const char *kt_file_out_name(const struct kt_file_out *o);
/* The run begins: removes any old content. */
int kt_file_out_begin(struct kt_file_out *o);
/*
 * Ensures that the file can grow to `bytes`; reserves more, so as not to call the file system each time. -ENOSPC,
 * -EDQUOT, -EFBIG (kt_file_out_full()): it cannot grow, but earlier reservations stay. If the file does not support it: 0.
 */
int kt_file_out_reserve(struct kt_file_out *o, uint64_t bytes);
/* Is it an error that leaves room for the end of the file, if room was reserved? */
bool kt_file_out_full(int err);
/* Releases what was reserved beyond the end of the file. */
void kt_file_out_trim(struct kt_file_out *o);
/* Nothing complete was written: as if the run had not begun. */
void kt_file_out_discard(struct kt_file_out *o);
/* Closes; removes a file created for a run that never began. */
void kt_file_out_finish(struct kt_file_out *o);

#endif
