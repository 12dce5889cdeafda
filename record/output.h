/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Where the trace goes. Nothing is overwritten before the run begins, nothing is left behind if it never does. */
#ifndef KT_RECORD_OUTPUT_H
#define KT_RECORD_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct kt_file_out {
	const char *path; /* borrowed; "-" = standard output */
	int fd;
	bool created; /* by us: to be removed again */
	bool regular;
	bool begun;
	uint64_t reserved;   /* the disk has room for the file up to this byte */
	bool cannot_reserve; /* its filesystem does not know how */
};

/*
 * Before anything is opened: standard files that are closed become /dev/null, lest one of ours take their number and get what is
 * written to them.
 */
int kt_file_out_std(void);
/*
 * Opens or makes it; an existing file needs force. Says what is wrong. With "-" stdout becomes stderr for all else. A FIFO waits for its
 * reader, until stop, called again and again, has waited for a moment and says so (-EINTR).
 */
int kt_file_out_open(struct kt_file_out *o, const char *path, bool force, bool (*stop)(void *arg),
		     void *arg);
/* For messages. */
const char *kt_file_out_name(const struct kt_file_out *o);
/* The run begins: an old content goes now. */
int kt_file_out_begin(struct kt_file_out *o);
/*
 * Makes sure that the file can grow to `bytes`; takes more, so that this is not asked of the filesystem each time. -ENOSPC,
 * -EDQUOT, -EFBIG (kt_file_out_full()): it cannot, while what has been made sure of before stays. Files that cannot be reserved: 0.
 */
int kt_file_out_reserve(struct kt_file_out *o, uint64_t bytes);
/* An error that leaves room for the file's end, where room was made sure of. */
bool kt_file_out_full(int err);
/* Gives back what was reserved beyond the file's end. */
void kt_file_out_trim(struct kt_file_out *o);
/* Nothing whole was written: as if it had not begun. */
void kt_file_out_discard(struct kt_file_out *o);
/* Closes; removes a file that was made for a run that never began. */
void kt_file_out_finish(struct kt_file_out *o);

#endif
