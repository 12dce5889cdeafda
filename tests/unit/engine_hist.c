/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Histograms: buckets, percentiles against sorted values, rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/hist.h"
#include "format/base/bucket.h"
#include "format/base/array.h"

/* Rows as the tables describe them: what the engine would be given. */
struct row {
	const struct kt_table *table;
	int64_t cells[16];
};

static KT_VEC(struct row) rows;

int kt_insert(struct kt_engine *e, const struct kt_table *t, const void *data)
{
	struct row r = {t, {0}};

	for (size_t i = 0; i < t->n_cols; i++)
		memcpy(&r.cells[i], (const char *)data + t->cols[i].offset, 8);
	return kt_vec_push(&rows, r);
}

static int64_t get(const struct row *r, const char *col)
{
	for (size_t i = 0; i < r->table->n_cols; i++)
		if (!strcmp(r->table->cols[i].name, col))
			return r->cells[i];
	fail_msg("no column %s", col);
	return 0;
}

static const struct row *stats_row(void)
{
	const struct row *found = NULL;

	for (size_t i = 0; i < rows.n; i++) {
		if (strcmp(rows.v[i].table->name, "latency_stats"))
			continue;
		assert_null(found);
		found = &rows.v[i];
	}
	assert_non_null(found);
	return found;
}

static uint64_t rnd_state = 88172645463325252ull;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static void check_bucket(int64_t v)
{
	unsigned int b = kt_bucket_of(v);
	int64_t start = kt_bucket_start(b), width = kt_bucket_width(b);

	assert_true(start <= v && v - start < width);
	assert_true(width == 1 ||
		    width * KT_BUCKETS_OCTAVE <= start); /* at most 1/128 of any value in it */
	assert_true(b / KT_BUCKETS_OCTAVE < KT_BUCKET_OCTAVES);
}

static void buckets(void **state)
{
	for (int64_t v = 0; v < 100000; v++) {
		check_bucket(v);
		assert_true(v == 0 || kt_bucket_of(v) - kt_bucket_of(v - 1) <= 1);
	}
	for (int e = 17; e < 63; e++)
		for (int64_t d = -1; d <= 1; d++)
			check_bucket((1ll << e) + d);
	check_bucket(INT64_MAX);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The value that a share of all are at or below. */
static int64_t exact(const int64_t *sorted, int n, int per_mille)
{
	int rank = ((int64_t)n * per_mille + 999) / 1000;

	return sorted[rank - 1];
}

static void within_1_percent(int64_t have, int64_t want)
{
	assert_true(llabs(have - want) * 100 <= want);
}

static void check_percentiles(int n)
{
	int64_t *v = malloc(n * sizeof(*v)), sum = 0;
	const struct row *r;
	struct kt_hist *h;

	rows.n = 0;
	assert_int_equal(kt_hist_create(NULL, &h), 0);
	for (int i = 0; i < n; i++) {
		v[i] = 200 + (int64_t)(rnd() % 1000) * (1ll << (rnd() % 20)); /* over six decades */
		sum += v[i];
		assert_int_equal(
			kt_hist_count(h, 0, "request", "total", 1, "read", i * 1000000ll, v[i]), 0);
	}
	qsort(v, n, sizeof(*v), by_value);
	assert_int_equal(kt_hist_write(h), 0);
	r = stats_row();
	assert_int_equal(get(r, "n"), n);
	assert_int_equal(get(r, "sum_ns"), sum);
	assert_true(llabs(get(r, "mean_ns") - sum / n) <= 1);
	assert_int_equal(get(r, "max_ns"), v[n - 1]);
	within_1_percent(get(r, "p50_ns"), exact(v, n, 500));
	within_1_percent(get(r, "p90_ns"), exact(v, n, 900));
	within_1_percent(get(r, "p99_ns"), exact(v, n, 990));
	if (n < 1000)
		assert_true(get(r, "p999_ns") == KT_NULL);
	else
		within_1_percent(get(r, "p999_ns"), exact(v, n, 999));
	kt_hist_destroy(h);
	free(v);
}

static void percentiles(void **state)
{
	static const int sizes[] = {1, 2, 3, 10, 99, 999, 1000, 1001, 100000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_percentiles(sizes[i]);
}

/* Each second its rows; one bucket's sum and count; texts at other addresses are the same series. */
static void seconds(void **state)
{
	char read[] = "read";
	struct kt_hist *h;
	int64_t n = 0;

	rows.n = 0;
	assert_int_equal(kt_hist_create(NULL, &h), 0);
	assert_int_equal(kt_hist_count(h, 0, "bio", "queue", 7, "read", -1, 50), 0);
	assert_int_equal(kt_hist_count(h, 0, "bio", "queue", 7, read, 0, 100), 0);
	assert_int_equal(kt_hist_count(h, 0, "bio", "queue", 7, "read", 999999999, 100), 0);
	assert_int_equal(kt_hist_count(h, 0, "bio", "queue", 7, read, 1000000000, 100), 0);
	assert_int_equal(kt_hist_count(h, 0, "bio", "queue", 7, read, 1000000000, -1),
			 0); /* no duration */
	assert_int_equal(kt_hist_write(h), 0);
	assert_int_equal(rows.n, 4); /* seconds -1, 0, 1, and the statistics */
	for (size_t i = 0; i < 3; i++) {
		const struct row *r = &rows.v[i];

		assert_string_equal(r->table->name, "latency_hist");
		assert_int_equal(get(r, "run_id"), 1);
		assert_int_equal(get(r, "device_id"), 7);
		assert_int_equal(get(r, "second"), (int64_t)i - 1);
		assert_int_equal(get(r, "n"), i == 1 ? 2 : 1);
		assert_int_equal(get(r, "bucket"), i == 0 ? 50 : 100);
		assert_int_equal(get(r, "sum_ns"), get(r, "bucket") * get(r, "n"));
		n += get(r, "n");
	}
	assert_int_equal(get(stats_row(), "n"), n);
	kt_hist_destroy(h);
}

static void apart(void **state)
{
	struct kt_hist *h;

	rows.n = 0;
	assert_int_equal(kt_hist_create(NULL, &h), 0);
	/* One of everything else: 5 series more than enough slots were made for at first. */
	for (int i = 0; i < 400; i++)
		assert_int_equal(kt_hist_count(h, i % 2, "bio", "queue", i / 2, "read", 5, i), 0);
	assert_int_equal(kt_hist_count(h, 0, "bio", "queue", KT_NULL, NULL, 5, 1), 0);
	assert_int_equal(kt_hist_write(h), 0);
	assert_int_equal(rows.n, 2 * 401);
	kt_hist_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(seconds),
		cmocka_unit_test(apart),
	};
	int ret = cmocka_run_group_tests(tests, NULL, NULL);

	kt_vec_finish(&rows);
	return ret;
}
