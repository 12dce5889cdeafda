/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Progress of the analysis: one line on a terminal, updated a few times a second. */
#ifndef KT_ANALYZE_PROGRESS_H
#define KT_ANALYZE_PROGRESS_H

#include <stdint.h>

struct kt_progress;

/* total_bytes: of all files; 0 = not known. -ENOMEM. */
int kt_progress_create(uint64_t total_bytes, struct kt_progress **ret);
/* Removes the line. NULL is fine. */
void kt_progress_destroy(struct kt_progress *p);

/* bytes read and events handed out so far. p NULL: does nothing. */
void kt_progress_update(struct kt_progress *p, uint64_t bytes, uint64_t events);

#endif
