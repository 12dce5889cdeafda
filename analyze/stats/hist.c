/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/stats/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"

#define BLOCK 16 /* buckets that are allocated together */
#define BLOCKS (KT_BUCKETS_OCTAVE / BLOCK)

struct block {
	bool any; /* in this second */
	struct kt_hist_bucket now[BLOCK], all[BLOCK];
};

struct kt_hist_octave {
	struct block *blocks[BLOCKS];
};

void kt_hist_finish(struct kt_hist *h)
{
	for (size_t o = 0; o < KT_BUCKET_OCTAVES; o++) {
		for (size_t i = 0; h->octaves[o] && i < BLOCKS; i++)
			free(h->octaves[o]->blocks[i]);
		free(h->octaves[o]);
	}
	*h = (struct kt_hist){0};
}

static struct block *block_of(struct kt_hist *h, unsigned int bucket)
{
	struct kt_hist_octave **o = &h->octaves[bucket / KT_BUCKETS_OCTAVE];
	struct block **b;

	if (kt_unlikely(!*o))
		*o = calloc(1, sizeof(**o));
	if (kt_unlikely(!*o))
		return NULL;
	b = &(*o)->blocks[bucket % KT_BUCKETS_OCTAVE / BLOCK];
	if (kt_unlikely(!*b))
		*b = calloc(1, sizeof(**b));
	return *b;
}

int kt_hist_count(struct kt_hist *h, int64_t dur_ns)
{
	const struct kt_hist_bucket one = {1, dur_ns, dur_ns};
	unsigned int bucket = kt_bucket_of(dur_ns);
	struct block *b = block_of(h, bucket);

	if (!b)
		return -ENOMEM;
	kt_hist_bucket_add(&b->now[bucket % BLOCK], &one);
	b->any = h->any = true;
	h->n++;
	h->sum_ns += dur_ns;
	h->max_ns = KT_MAX(h->max_ns, dur_ns);
	return 0;
}

static int each(const struct kt_hist *h, bool second, kt_hist_fn *fn, void *arg)
{
	int err = 0;

	for (unsigned int o = 0; o < KT_BUCKET_OCTAVES; o++) {
		for (unsigned int i = 0; h->octaves[o] && i < BLOCKS; i++) {
			struct block *b = h->octaves[o]->blocks[i];

			if (!b || (second && !b->any))
				continue;
			for (unsigned int j = 0; j < BLOCK && !err; j++) {
				const struct kt_hist_bucket *x = second ? &b->now[j] : &b->all[j];

				if (x->n)
					err = fn(arg, o * KT_BUCKETS_OCTAVE + i * BLOCK + j, x);
			}
			if (err)
				return err;
		}
	}
	return 0;
}

/* A wide bucket being filled. */
struct wide {
	kt_hist_fn *fn;
	void *arg;
	unsigned int first;
	struct kt_hist_bucket sum;
};

static int end_wide(struct wide *w)
{
	int err =
		w->sum.n ? w->fn(w->arg, kt_bucket_of(w->sum.ns / (int64_t)w->sum.n), &w->sum) : 0;

	w->sum = (struct kt_hist_bucket){0};
	return err;
}

static int add_to_wide(void *arg, unsigned int bucket, const struct kt_hist_bucket *b)
{
	struct wide *w = arg;
	int err = w->first != kt_bucket_wide(bucket) ? end_wide(w) : 0;

	w->first = kt_bucket_wide(bucket);
	kt_hist_bucket_add(&w->sum, b);
	return err;
}

static int each_of_second(const struct kt_hist *h, bool wide, kt_hist_fn *fn, void *arg)
{
	struct wide w = {.fn = fn, .arg = arg};
	int err = wide ? each(h, true, add_to_wide, &w) : each(h, true, fn, arg);

	return err ? err : end_wide(&w);
}

int kt_hist_take_second(struct kt_hist *h, bool wide, kt_hist_fn *fn, void *arg)
{
	int err = h->any ? each_of_second(h, wide, fn, arg) : 0;

	for (unsigned int o = 0; h->any && o < KT_BUCKET_OCTAVES; o++) {
		for (unsigned int i = 0; h->octaves[o] && i < BLOCKS; i++) {
			struct block *b = h->octaves[o]->blocks[i];

			if (!b || !b->any)
				continue;
			for (unsigned int j = 0; j < BLOCK; j++)
				kt_hist_bucket_add(&b->all[j], &b->now[j]);
			memset(b->now, 0, sizeof(b->now));
			b->any = false;
		}
	}
	h->any = false;
	return err;
}

int kt_hist_each(const struct kt_hist *h, kt_hist_fn *fn, void *arg)
{
	return each(h, false, fn, arg);
}

static int add_bucket(void *arg, unsigned int bucket, const struct kt_hist_bucket *x)
{
	struct block *b = block_of(arg, bucket);

	if (!b)
		return -ENOMEM;
	kt_hist_bucket_add(&b->all[bucket % BLOCK], x);
	return 0;
}

int kt_hist_add(struct kt_hist *h, const struct kt_hist *other)
{
	h->n += other->n;
	h->sum_ns += other->sum_ns;
	h->max_ns = KT_MAX(h->max_ns, other->max_ns);
	return each(other, false, add_bucket, h);
}

struct rank {
	uint64_t left;
	unsigned int bucket;
};

static int down_to_rank(void *arg, unsigned int bucket, const struct kt_hist_bucket *b)
{
	struct rank *r = arg;

	r->bucket = bucket;
	if (b->n >= r->left)
		return 1;
	r->left -= b->n;
	return 0;
}

int64_t kt_hist_percentile(const struct kt_hist *h, uint32_t part)
{
	struct rank r = {kt_percentile_rank(h->n, part), 0};

	return each(h, false, down_to_rank, &r) ? KT_MIN(kt_bucket_middle(r.bucket), h->max_ns)
						: h->max_ns;
}
