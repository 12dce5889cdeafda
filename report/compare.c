/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/compare.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"
#include "format/base/bucket.h"
#include "format/base/macros.h"

#define MIN_PER_BLOCK 20
#define MIN_PER_TAIL_BLOCK 200
#define MAX_BLOCKS 120
#define MIN_BLOCKS 8

#define N_KEYS 4

struct row {
	int64_t second;
	uint32_t run, bucket, n;
};

struct side {
	KT_VEC(struct row) rows;
	int64_t n;
	double sum_ns;
};

struct series {
	char *key[N_KEYS]; /* owned: disk, flow, op, stage */
	struct side side[2];
};

struct compare {
	KT_VEC(struct series *) series;
	struct series *last;
	bool pairs, failed;
};

/* ---------------------------------------------------------------- Student's t */

/* The continued fraction of the incomplete beta function, by Lentz (Press et al., Numerical Recipes, 6.4). */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), h;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	h = d;
	for (int m = 1; m <= 500; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 + even * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + even / c;
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;
		d = 1 + odd * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + odd / c;
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-12)
			break;
	}
	return h;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta_share(double a, double b, double x)
{
	double front;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* How likely a |t| as large as this is by chance. */
static double t_two_sided(double t, double df)
{
	return beta_share(df / 2, 0.5, df / (df + t * t));
}

/* The t that 95 % stay below on both sides. */
static double t_of_95(double df)
{
	double low = 1.9, high = 13; /* of infinitely many and of 1 degree of freedom */

	for (int i = 0; i < 60; i++) {
		double mid = (low + high) / 2;

		if (t_two_sided(mid, df) > 0.05)
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* ---------------------------------------------------------------- blocks */

static double log_of_bucket(int64_t bucket)
{
	int64_t ns = kt_bucket_start(bucket) + kt_bucket_width(bucket) / 2;

	return log((double)KT_MAX(ns, 1));
}

static double mean_log(const struct row *rows, size_t n_rows)
{
	double sum = 0, n = 0;

	for (size_t i = 0; i < n_rows; i++) {
		sum += (double)rows[i].n * log_of_bucket(rows[i].bucket);
		n += (double)rows[i].n;
	}
	return sum / n;
}

static int by_bucket(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* Sorts the rows of the block. */
static double log_p99(struct row *rows, size_t n_rows)
{
	int64_t n = 0, seen = 0, rank;
	size_t i = 0;

	for (size_t k = 0; k < n_rows; k++)
		n += rows[k].n;
	rank = n - n / 100;
	if (n_rows)
		qsort(rows, n_rows, sizeof(*rows), by_bucket);
	while (i + 1 < n_rows && seen + rows[i].n < rank)
		seen += rows[i++].n;
	return log_of_bucket(rows[i].bucket);
}

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	return (x->second > y->second) - (x->second < y->second);
}

/* Values of the side's blocks; returns how many. values has room for one a row. */
static size_t make_blocks(struct side *s, int64_t least, bool tail, double *values)
{
	size_t n = 0, begin = 0;
	int64_t in_block = 0;

	/* Enough to a block that there are no more than MAX_BLOCKS. */
	least = KT_MAX(least, s->n / MAX_BLOCKS + 1);
	if (s->rows.n)
		qsort(s->rows.v, s->rows.n, sizeof(*s->rows.v), by_time);
	for (size_t i = 0; i < s->rows.n; i++) {
		struct row next = i + 1 < s->rows.n ? s->rows.v[i + 1] : (struct row){0};
		bool last = i + 1 == s->rows.n;

		in_block += s->rows.v[i].n;
		if (!last && next.run == s->rows.v[i].run && next.second == s->rows.v[i].second)
			continue;
		/* What is left at the end is too little for a block of its own. */
		if (in_block < least)
			continue;
		values[n++] = tail ? log_p99(s->rows.v + begin, i + 1 - begin)
				   : mean_log(s->rows.v + begin, i + 1 - begin);
		begin = i + 1;
		in_block = 0;
	}
	return n;
}

/* The end of the second that begins at row i. */
static size_t second_end(const struct side *s, size_t i, int64_t *n)
{
	size_t from = i;

	for (; i < s->rows.n && s->rows.v[i].run == s->rows.v[from].run &&
	       s->rows.v[i].second == s->rows.v[from].second;
	     i++)
		*n += s->rows.v[i].n;
	return i;
}

/*
 * Both sides cover the same time: windows of whole seconds in which both have enough, and in each the difference of the
 * two values. What wanders with time is the same on both sides then. Returns how many; few where the two do not overlap.
 */
static size_t make_pairs(struct side s[2], int64_t least, bool tail, double *values)
{
	size_t n = 0, begin[2] = {0}, at[2] = {0};
	int64_t in[2] = {0};

	least = KT_MAX(least, KT_MAX(s[0].n, s[1].n) / MAX_BLOCKS + 1);
	for (int i = 0; i < 2; i++)
		if (s[i].rows.n)
			qsort(s[i].rows.v, s[i].rows.n, sizeof(*s[i].rows.v), by_time);
	while (at[0] < s[0].rows.n || at[1] < s[1].rows.n) {
		double v[2];
		int i;

		/* The side whose next second is the earlier. */
		if (at[0] == s[0].rows.n || at[1] == s[1].rows.n)
			i = at[0] == s[0].rows.n;
		else
			i = by_time(&s[0].rows.v[at[0]], &s[1].rows.v[at[1]]) > 0;
		at[i] = second_end(&s[i], at[i], &in[i]);
		if (in[0] < least || in[1] < least)
			continue;
		/* The same second of the other side belongs to the window as well. */
		if (at[!i] < s[!i].rows.n &&
		    !by_time(&s[i].rows.v[at[i] - 1], &s[!i].rows.v[at[!i]]))
			at[!i] = second_end(&s[!i], at[!i], &in[!i]);
		for (int k = 0; k < 2; k++) {
			v[k] = tail ? log_p99(s[k].rows.v + begin[k], at[k] - begin[k])
				    : mean_log(s[k].rows.v + begin[k], at[k] - begin[k]);
			begin[k] = at[k];
			in[k] = 0;
		}
		values[n++] = v[1] - v[0];
	}
	return n;
}

struct sample {
	double mean, variance; /* of the mean */
	double n;	       /* as good as so many independent blocks */
};

static struct sample summarize(const double *v, size_t n)
{
	double mean = 0, square = 0, next = 0, r;
	struct sample s;

	for (size_t i = 0; i < n; i++)
		mean += v[i] / (double)n;
	for (size_t i = 0; i < n; i++) {
		square += (v[i] - mean) * (v[i] - mean);
		if (i)
			next += (v[i] - mean) * (v[i - 1] - mean);
	}
	/* The estimate of r is about 1 / n too small. */
	r = square > 0 ? next / square + 1 / (double)n : 0;
	r = KT_MIN(KT_MAX(r, 0), 0.95);
	s.mean = mean;
	s.n = KT_MAX((double)n * (1 - r) / (1 + r), 2);
	s.variance = square / (double)(n - 1) / s.n;
	return s;
}

/* Appends ,"<name>change": …, low, high, p. */
static void test(struct series *c, bool pairs, int64_t least, bool tail, double *values,
		 const char *name, sqlite3_str *out, size_t blocks[2])
{
	struct sample s[2] = {{.n = 2}, {.n = 2}};
	double diff, error, df, p, reach;

	blocks[0] = blocks[1] = pairs ? make_pairs(c->side, least, tail, values) : 0;
	pairs = blocks[0] >= MIN_BLOCKS;
	if (pairs)
		s[1] = summarize(values, blocks[0]);
	for (int i = 0; i < 2 && !pairs; i++) {
		blocks[i] = make_blocks(&c->side[i], least, tail, values);
		if (blocks[i] < MIN_BLOCKS)
			return;
		s[i] = summarize(values, blocks[i]);
	}
	diff = s[1].mean - s[0].mean;
	error = s[0].variance + s[1].variance;
	/* Durations that never change: any difference is one. The buckets' width is what can be told apart. */
	error = KT_MAX(error, 1e-8);
	df = error * error /
	     (s[0].variance * s[0].variance / (s[0].n - 1) +
	      s[1].variance * s[1].variance / (s[1].n - 1) + 1e-18);
	df = KT_MIN(KT_MAX(df, 1), 1e4);
	p = t_two_sided(diff / sqrt(error), df);
	reach = t_of_95(df) * sqrt(error);
	sqlite3_str_appendf(out, ",\"%schange\":%.6g,\"%slow\":%.6g,\"%shigh\":%.6g,\"%sp\":%.6g",
			    name, expm1(diff), name, expm1(diff - reach), name, expm1(diff + reach),
			    name, p);
	if (pairs && !*name)
		sqlite3_str_appendall(out, ",\"paired\":1");
}

/* ---------------------------------------------------------------- the aggregate */

static const char *text_of(sqlite3_value *v)
{
	const char *s = (const char *)sqlite3_value_text(v);

	return s ? s : "";
}

static bool is_series(const struct series *s, sqlite3_value **argv)
{
	for (int i = 0; i < N_KEYS; i++)
		if (strcmp(s->key[i], text_of(argv[1 + i])) != 0)
			return false;
	return true;
}

/* Rows of one series follow each other in long stretches. NULL: no memory. */
static struct series *find_series(struct compare *c, sqlite3_value **argv)
{
	struct series *s;

	if (c->last && is_series(c->last, argv))
		return c->last;
	for (size_t i = 0; i < c->series.n; i++)
		if (is_series(c->series.v[i], argv))
			return c->last = c->series.v[i];
	s = calloc(1, sizeof(*s));
	if (!s || kt_vec_push(&c->series, s)) {
		free(s);
		return NULL;
	}
	for (int i = 0; i < N_KEYS; i++) {
		s->key[i] = strdup(text_of(argv[1 + i]));
		if (!s->key[i])
			return NULL;
	}
	return c->last = s;
}

static void compare_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct compare *c = sqlite3_aggregate_context(ctx, sizeof(*c));
	int64_t bucket = sqlite3_value_int64(argv[7]), n = sqlite3_value_int64(argv[8]);
	struct row r = {sqlite3_value_int64(argv[6]), sqlite3_value_int64(argv[5]), bucket, n};
	struct series *series;
	struct side *s;

	/* A hostile database: no such bucket, no such number. */
	if (bucket < 0 || bucket >= KT_N_BUCKETS || n <= 0 || n > UINT32_MAX)
		return;
	series = c && !c->failed ? find_series(c, argv) : NULL;
	if (!series) {
		if (c)
			c->failed = true;
		sqlite3_result_error_nomem(ctx);
		return;
	}
	c->pairs = sqlite3_value_int64(argv[10]);
	s = &series->side[!!sqlite3_value_int64(argv[0])];
	s->n += n;
	s->sum_ns += (double)sqlite3_value_int64(argv[9]);
	if (kt_vec_push(&s->rows, r))
		sqlite3_result_error_nomem(ctx);
}

static void append_string(sqlite3_str *out, const char *s)
{
	sqlite3_str_appendchar(out, 1, '"');
	for (; *s; s++)
		if (*s == '"' || *s == '\\' || (unsigned char)*s < 0x20)
			sqlite3_str_appendf(out, "\\u%04x", (unsigned char)*s);
		else
			sqlite3_str_appendchar(out, 1, *s);
	sqlite3_str_appendchar(out, 1, '"');
}

static int append_series(const struct compare *c, struct series *s, sqlite3_str *out)
{
	static const char *const names[N_KEYS] = {"disk", "flow", "op", "stage"};
	size_t blocks[2] = {0}, tails[2], n = s->side[0].rows.n + s->side[1].rows.n;
	double *values kt_auto_free = calloc(n + 1, sizeof(*values));

	if (!values)
		return -ENOMEM;
	sqlite3_str_appendf(out, "{\"n0\":%lld,\"n1\":%lld,\"sum0\":%.17g,\"sum1\":%.17g",
			    (long long)s->side[0].n, (long long)s->side[1].n, s->side[0].sum_ns,
			    s->side[1].sum_ns);
	for (int i = 0; i < N_KEYS; i++) {
		sqlite3_str_appendf(out, ",\"%s\":", names[i]);
		append_string(out, s->key[i]);
	}
	test(s, c->pairs, MIN_PER_BLOCK, false, values, "", out, blocks);
	test(s, c->pairs, MIN_PER_TAIL_BLOCK, true, values, "tail_", out, tails);
	sqlite3_str_appendf(out, ",\"blocks0\":%d,\"blocks1\":%d}", (int)blocks[0], (int)blocks[1]);
	return 0;
}

static void compare_final(sqlite3_context *ctx)
{
	struct compare *c = sqlite3_aggregate_context(ctx, 0);
	sqlite3_str *out;
	char *text;
	int err = 0;

	if (!c)
		return;
	out = sqlite3_str_new(NULL);
	sqlite3_str_appendchar(out, 1, '[');
	for (size_t i = 0; i < c->series.n; i++) {
		struct series *s = c->series.v[i];

		if (i)
			sqlite3_str_appendchar(out, 1, ',');
		if (!err && !c->failed)
			err = append_series(c, s, out);
		for (int k = 0; k < 2; k++)
			kt_vec_finish(&s->side[k].rows);
		for (int k = 0; k < N_KEYS; k++)
			free(s->key[k]);
		free(s);
	}
	kt_vec_finish(&c->series);
	sqlite3_str_appendchar(out, 1, ']');
	text = sqlite3_str_finish(out);
	if (text && !err && !c->failed) {
		sqlite3_result_text(ctx, text, -1, sqlite3_free);
	} else {
		sqlite3_free(text);
		sqlite3_result_error_nomem(ctx);
	}
}

int kt_compare_register(sqlite3 *db)
{
	return sqlite3_create_function(db, "compare_hist", 11,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
				       NULL, compare_step, compare_final);
}
