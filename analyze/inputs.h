/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Opens every .ktr in the given files, archives included, all at once: they are read in parallel.
 */
#ifndef KT_ANALYZE_INPUTS_H
#define KT_ANALYZE_INPUTS_H

#include "format/ktr.h"

struct kt_opened {
	const char *name; /* for people */
	const char *path; /* for opening it a second time; NULL: it can be read only once */
	struct ktr_reader *reader;
};

/* Called once with all of them; the readers are closed when it returns. */
typedef int (*kt_inputs_cb)(void *arg, const struct kt_opened *opened, size_t n);

/*
 * Returns what fn returned. If a file cannot be opened: -errno, one line was logged, and fn was not called.
 */
int kt_inputs_open(char *const *files, size_t n_files, kt_inputs_cb fn, void *arg);

#endif
