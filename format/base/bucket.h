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
/* Buckets in a row that may stand together as one that is at most 1/16 of its value wide; below 128 they stay alone. */
#define KT_WIDE_BUCKET 8
#define KT_N_BUCKETS (KT_BUCKET_OCTAVES * KT_BUCKETS_OCTAVE)
/* With fewer values the 99.9th percentile would just be the maximum. */
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

/* The first of those that a wide bucket holds: the same for all of them. */
static inline unsigned int kt_bucket_wide(unsigned int bucket)
{
	return bucket < KT_BUCKETS_OCTAVE ? bucket : bucket & ~(KT_WIDE_BUCKET - 1u);
}

/* Representative value of a bucket. */
static inline int64_t kt_bucket_middle(unsigned int bucket)
{
	return kt_bucket_start(bucket) + kt_bucket_width(bucket) / 2;
}

/*
 * Percentiles by nearest rank: the smallest value with at least that part of n values at or below it. Its rank, from 1, where part
 * is in millionths: 990000 is the 99th percentile. n > 0. In integers: 0.99 * 100 is a little more than 99 in binary.
 */
static inline uint64_t kt_percentile_rank(uint64_t n, uint32_t part)
{
	uint64_t rank = n / 1000000 * part + (n % 1000000 * part + 999999) / 1000000;

	return rank ? rank : 1;
}

#endif
