/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A histogram of durations in the buckets of format/base/bucket.h, of a second and of all seconds at once. Memory is allocated for
 * ranges of buckets when first met: durations of one kind span few.
 */
#ifndef KT_ANALYZE_STATS_HIST_H
#define KT_ANALYZE_STATS_HIST_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/bucket.h"

struct kt_hist_bucket {
	uint64_t n;
	int64_t ns, max_ns;
};

static inline void kt_hist_bucket_add(struct kt_hist_bucket *to, const struct kt_hist_bucket *b)
{
	to->n += b->n;
	to->ns += b->ns;
	to->max_ns = b->max_ns > to->max_ns ? b->max_ns : to->max_ns;
}

struct kt_hist_octave;

/* Zeroed: empty. */
struct kt_hist {
	struct kt_hist_octave *octaves[KT_BUCKET_OCTAVES];
	uint64_t n; /* over all seconds */
	int64_t sum_ns, max_ns;
	bool any; /* in this second */
};

void kt_hist_finish(struct kt_hist *h);

/* Counts a duration >= 0. 0 or -ENOMEM. */
int kt_hist_count(struct kt_hist *h, int64_t dur_ns);

typedef int kt_hist_fn(void *arg, unsigned int bucket, const struct kt_hist_bucket *b);

/*
 * Calls fn for each non-empty bucket of the second, from the smallest; empties the second. Stops at fn's first error. wide: those of a
 * wide bucket together, as the bucket of their mean.
 */
int kt_hist_take_second(struct kt_hist *h, bool wide, kt_hist_fn *fn, void *arg);

/* Calls fn for each non-empty bucket over all seconds. */
int kt_hist_each(const struct kt_hist *h, kt_hist_fn *fn, void *arg);

/* Adds the contents of another, over all seconds. 0 or -ENOMEM. */
int kt_hist_add(struct kt_hist *h, const struct kt_hist *other);

/* By nearest rank over all seconds, within 1 %; part in millionths. n > 0. */
int64_t kt_hist_percentile(const struct kt_hist *h, uint32_t part);

#endif
