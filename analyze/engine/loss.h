/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The lost intervals of one run: was anything lost while a flow was open?
 *
 * An interval is closed at both ends; INT64_MAX as its end = never ends. They are sorted by start, each with
 * the latest end of all up to it, so that a lookup is one binary search.
 */
#ifndef KT_ANALYZE_ENGINE_LOSS_H
#define KT_ANALYZE_ENGINE_LOSS_H

#include <stdbool.h>

#include "format/base/array.h"

struct kt_loss_span {
	int64_t start_ns;
	int64_t end_ns;
	int64_t max_end_ns; /* latest end up to and including this span */
};

/* Zero is empty. */
struct kt_loss_set {
	KT_VEC(struct kt_loss_span) spans;
};

/* Cheap in order of start; correct in any order. end before start: taken as start. -ENOMEM. */
int kt_loss_add(struct kt_loss_set *s, int64_t start_ns, int64_t end_ns);
/* Does any interval share a moment with [start_ns, end_ns]? */
bool kt_loss_overlaps(const struct kt_loss_set *s, int64_t start_ns, int64_t end_ns);
void kt_loss_finish(struct kt_loss_set *s);

#endif
