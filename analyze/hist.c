/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Each series (run, flow, stage, device, op) holds two histograms: of the second being counted, which becomes rows when
 * the next begins, and of the whole run. Octaves are allocated when first met: a series spans few.
 */
#include <string.h>

#include "analyze/hist.h"
#include "format/base/array.h"
#include "format/base/bucket.h"
#include "format/base/macros.h"

#define NS_PER_S 1000000000ll

/* ---------------------------------------------------------------- tables */

struct hist_row {
	int64_t run_id;
	const char *flow, *stage;
	int64_t device_id;
	const char *op;
	int64_t second, bucket, n, sum_ns;
};

static const struct kt_col hist_cols[] = {
	KT_COL(hist_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(hist_row, flow, KT_COL_TEXT, "", "kind of flow: request, bio, io, ..."),
	KT_COL(hist_row, stage, KT_COL_TEXT, "", "name of the stage; total = the whole flow"),
	KT_COL(hist_row, device_id, KT_COL_INT, "", "device of the flow"),
	KT_COL(hist_row, op, KT_COL_TEXT, "", "operation of the flow"),
	KT_COL(hist_row, second, KT_COL_INT, "s",
	       "in which the flow ended, since the epoch of the database"),
	KT_COL(hist_row, bucket, KT_COL_INT, "",
	       "durations of one range at most 1 % wide: below 128 ns the duration itself, above "
	       "(e - 6) * 128 + "
	       "(ns >> (e - 7)) - 128 with e = floor(log2 ns)"),
	KT_COL(hist_row, n, KT_COL_INT, "", "flows in it, whole ones only"),
	KT_COL(hist_row, sum_ns, KT_COL_INT, "ns", "sum of their durations"),
};

static const struct kt_table hist_table = {
	.name = "latency_hist",
	.doc = "durations of stages and of whole flows, second by second",
	.cols = hist_cols,
	.n_cols = KT_ARRAY_SIZE(hist_cols),
};

struct stats_row {
	int64_t run_id;
	const char *flow, *stage;
	int64_t device_id;
	const char *op;
	int64_t n, sum_ns, mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
};

static const struct kt_col stats_cols[] = {
	KT_COL(stats_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(stats_row, flow, KT_COL_TEXT, "", "kind of flow"),
	KT_COL(stats_row, stage, KT_COL_TEXT, "", "name of the stage; total = the whole flow"),
	KT_COL(stats_row, device_id, KT_COL_INT, "", "device of the flow"),
	KT_COL(stats_row, op, KT_COL_TEXT, "", "operation of the flow"),
	KT_COL(stats_row, n, KT_COL_INT, "", "flows, whole ones only"),
	KT_COL(stats_row, sum_ns, KT_COL_INT, "ns", "sum of the durations"),
	KT_COL(stats_row, mean_ns, KT_COL_INT, "ns", "mean"),
	KT_COL(stats_row, p50_ns, KT_COL_INT, "ns", "median, within 1 %"),
	KT_COL(stats_row, p90_ns, KT_COL_INT, "ns", "90th percentile, within 1 %"),
	KT_COL(stats_row, p99_ns, KT_COL_INT, "ns", "99th percentile, within 1 %"),
	KT_COL(stats_row, p999_ns, KT_COL_INT, "ns",
	       "99.9th percentile, within 1 %; NULL below 1000 flows"),
	KT_COL(stats_row, max_ns, KT_COL_INT, "ns", "longest, exact"),
};

static const struct kt_table stats_table = {
	.name = "latency_stats",
	.doc = "latency_hist over the whole run, worked out; stage_stats shows it with names",
	.cols = stats_cols,
	.n_cols = KT_ARRAY_SIZE(stats_cols),
};

const struct kt_table *const kt_hist_tables[] = {&hist_table, &stats_table, NULL};

const char kt_hist_views[] =
	"CREATE VIEW stage_stats AS SELECT s.run_id, s.flow, s.stage, d.name AS device, s.op, s.n, "
	"s.mean_ns,"
	" s.p50_ns, s.p90_ns, s.p99_ns, s.p999_ns, s.max_ns, s.sum_ns, s.device_id"
	" FROM latency_stats s LEFT JOIN device d USING(device_id);";

/* ---------------------------------------------------------------- counting */

struct octave {
	uint32_t n[KT_BUCKETS_OCTAVE];
	int64_t sum_ns[KT_BUCKETS_OCTAVE];
};

/* Of the whole run: the sums are not needed by bucket. */
struct long_octave {
	uint64_t n[KT_BUCKETS_OCTAVE];
};

struct series {
	uint32_t run;
	const char *flow, *stage, *op;
	int64_t device_id;
	int64_t second;
	bool any; /* counted in this second */
	struct octave *now[KT_BUCKET_OCTAVES];
	struct long_octave *all[KT_BUCKET_OCTAVES];
	uint64_t n;
	int64_t sum_ns, max_ns;
};

/* What a caller names a series by: pointers. One text may lie at several addresses; each gets its own entry. */
struct key {
	const char *flow, *stage, *op;
	int64_t device_id;
	uint32_t run;
	struct series *series; /* NULL: free */
};

struct kt_hist {
	struct kt_engine *e;
	struct key *keys; /* open addressing, at most half full */
	size_t n_keys, mask;
	KT_VEC(struct series *) series; /* in order of birth */
};

int kt_hist_create(struct kt_engine *e, struct kt_hist **ret)
{
	struct kt_hist *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->e = e;
	*ret = h;
	return 0;
}

void kt_hist_destroy(struct kt_hist *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->series.n; i++) {
		struct series *s = h->series.v[i];

		for (size_t o = 0; o < KT_BUCKET_OCTAVES; o++) {
			free(s->now[o]);
			free(s->all[o]);
		}
		free(s);
	}
	kt_vec_finish(&h->series);
	free(h->keys);
	free(h);
}

static struct key *find_key(const struct kt_hist *h, const struct key *k)
{
	uint64_t x = (uintptr_t)k->flow ^ (uintptr_t)k->stage * 3 ^ (uintptr_t)k->op * 5;
	size_t i;

	x ^= ((uint64_t)k->device_id << 32) ^ k->run;
	x *= 0x9e3779b97f4a7c15ull;
	for (i = (x >> 32) & h->mask; h->keys[i].series; i = (i + 1) & h->mask) {
		const struct key *c = &h->keys[i];

		if (c->stage == k->stage && c->device_id == k->device_id && c->op == k->op &&
		    c->flow == k->flow && c->run == k->run)
			break;
	}
	return &h->keys[i];
}

static int grow_keys(struct kt_hist *h)
{
	size_t slots = h->keys ? (h->mask + 1) * 2 : 256;
	struct kt_hist bigger = {.keys = calloc(slots, sizeof(*h->keys)), .mask = slots - 1};

	if (!bigger.keys)
		return -ENOMEM;
	for (size_t i = 0; h->keys && i <= h->mask; i++)
		if (h->keys[i].series)
			*find_key(&bigger, &h->keys[i]) = h->keys[i];
	free(h->keys);
	h->keys = bigger.keys;
	h->mask = bigger.mask;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The rare way: by text, made if there is none. */
static struct series *get_series(struct kt_hist *h, const struct key *k)
{
	struct series *s;

	for (size_t i = 0; i < h->series.n; i++) {
		s = h->series.v[i];
		if (s->run == k->run && s->device_id == k->device_id &&
		    same_text(s->flow, k->flow) && same_text(s->stage, k->stage) &&
		    same_text(s->op, k->op))
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (!s || kt_vec_push(&h->series, s)) {
		free(s);
		return NULL;
	}
	s->run = k->run;
	s->flow = k->flow;
	s->stage = k->stage;
	s->op = k->op;
	s->device_id = k->device_id;
	return s;
}

/* The second is over: its rows. */
static int write_second(struct kt_hist *h, struct series *s)
{
	int err;

	if (!s->any)
		return 0;
	for (unsigned int o = 0; o < KT_BUCKET_OCTAVES; o++) {
		struct octave *oct = s->now[o];

		if (!oct)
			continue;
		for (unsigned int i = 0; i < KT_BUCKETS_OCTAVE; i++) {
			struct hist_row row = {s->run + 1,
					       s->flow,
					       s->stage,
					       s->device_id,
					       s->op,
					       s->second,
					       o * KT_BUCKETS_OCTAVE + i,
					       oct->n[i],
					       oct->sum_ns[i]};

			if (!oct->n[i])
				continue;
			err = kt_insert(h->e, &hist_table, &row);
			if (err)
				return err;
		}
		memset(oct, 0, sizeof(*oct));
	}
	s->any = false;
	return 0;
}

int kt_hist_count(struct kt_hist *h, uint32_t run, const char *flow, const char *stage,
		  int64_t device_id, const char *op, int64_t end_ns, int64_t dur_ns)
{
	struct key k = {flow, stage, op, device_id, run, NULL}, *slot;
	int64_t second = end_ns / NS_PER_S - (end_ns % NS_PER_S < 0);
	unsigned int b, o, i;
	struct series *s;

	if (dur_ns < 0)
		return 0;
	if (kt_unlikely(!h->keys || h->n_keys * 2 > h->mask)) {
		int err = grow_keys(h);

		if (err)
			return err;
	}
	slot = find_key(h, &k);
	if (kt_unlikely(!slot->series)) {
		k.series = get_series(h, &k);
		if (!k.series)
			return -ENOMEM;
		*slot = k;
		h->n_keys++;
	}
	s = slot->series;
	if (kt_unlikely(second != s->second)) {
		int err = write_second(h, s);

		if (err)
			return err;
		s->second = second;
	}
	b = kt_bucket_of(dur_ns);
	o = b / KT_BUCKETS_OCTAVE;
	i = b % KT_BUCKETS_OCTAVE;
	if (kt_unlikely(!s->now[o])) {
		s->now[o] = calloc(1, sizeof(*s->now[o]));
		s->all[o] = calloc(1, sizeof(*s->all[o]));
		if (!s->now[o] || !s->all[o])
			return -ENOMEM;
	}
	s->now[o]->n[i]++;
	s->now[o]->sum_ns[i] += dur_ns;
	s->all[o]->n[i]++;
	s->any = true;
	s->n++;
	s->sum_ns += dur_ns;
	s->max_ns = KT_MAX(s->max_ns, dur_ns);
	return 0;
}

/* ---------------------------------------------------------------- the end */

/* Nearest rank: the smallest bucket that at least per_mille of all are in or below, by its middle. */
static int64_t percentile(const struct series *s, unsigned int per_mille)
{
	uint64_t rank = (s->n / 1000) * per_mille + ((s->n % 1000) * per_mille + 999) / 1000,
		 seen = 0;

	for (unsigned int o = 0; o < KT_BUCKET_OCTAVES; o++) {
		for (unsigned int i = 0; s->all[o] && i < KT_BUCKETS_OCTAVE; i++) {
			unsigned int b = o * KT_BUCKETS_OCTAVE + i;
			int64_t mid = kt_bucket_start(b) + kt_bucket_width(b) / 2;

			seen += s->all[o]->n[i];
			if (seen >= rank)
				return KT_MIN(mid, s->max_ns);
		}
	}
	return s->max_ns;
}

int kt_hist_write(struct kt_hist *h)
{
	for (size_t i = 0; i < h->series.n; i++) {
		struct series *s = h->series.v[i];
		struct stats_row row = {
			.run_id = s->run + 1,
			.flow = s->flow,
			.stage = s->stage,
			.device_id = s->device_id,
			.op = s->op,
			.n = s->n,
			.sum_ns = s->sum_ns,
			.max_ns = s->max_ns,
		};
		int err = write_second(h, s);

		if (!err && s->n) {
			row.mean_ns = (s->sum_ns + (int64_t)(s->n / 2)) / (int64_t)s->n;
			row.p50_ns = percentile(s, 500);
			row.p90_ns = percentile(s, 900);
			row.p99_ns = percentile(s, 990);
			row.p999_ns = s->n >= KT_P999_MIN_N ? percentile(s, 999) : KT_NULL;
			err = kt_insert(h->e, &stats_table, &row);
		}
		if (err)
			return err;
	}
	return 0;
}
