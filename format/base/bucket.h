/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Buckets of durations, log-linear: 128 to an octave, so that one is at most 1/128 of its value wide. A bucket's number:
 * v itself below 128; above, with e = floor(log2 v), (e - 6) * 128 + (v >> (e - 7)) - 128.
 */
#ifndef KT_BASE_BUCKET_H
#define KT_BASE_BUCKET_H

#include <stdint.h>

#define KT_BUCKET_BITS 7
#define KT_BUCKETS_OCTAVE (1 << KT_BUCKET_BITS)
#define KT_BUCKET_OCTAVES (63 - KT_BUCKET_BITS + 1) /* all values of an int64_t */
#define KT_N_BUCKETS (KT_BUCKET_OCTAVES * KT_BUCKETS_OCTAVE)
/* Fewer values have no 99.9th percentile: it would be the maximum under another name. */
#define KT_P999_MIN_N 1000

/* Of a value >= 0. */
static inline unsigned int kt_bucket_of(int64_t v)
{
	unsigned int e;

	if (v < KT_BUCKETS_OCTAVE)
		return v;
	e = 63 - __builtin_clzll(v);
	return (e - KT_BUCKET_BITS + 1) * KT_BUCKETS_OCTAVE + (v >> (e - KT_BUCKET_BITS)) -
	       KT_BUCKETS_OCTAVE;
}

/* How many values it holds, and the smallest; of a bucket < KT_N_BUCKETS. */
static inline int64_t kt_bucket_width(unsigned int bucket)
{
	return bucket < KT_BUCKETS_OCTAVE ? 1 : 1ll << (bucket / KT_BUCKETS_OCTAVE - 1);
}

static inline int64_t kt_bucket_start(unsigned int bucket)
{
	if (bucket < KT_BUCKETS_OCTAVE)
		return bucket;
	return (int64_t)(KT_BUCKETS_OCTAVE + bucket % KT_BUCKETS_OCTAVE) * kt_bucket_width(bucket);
}

#endif
