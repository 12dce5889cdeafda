/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Histograms: buckets, percentiles against sorted values; and the statistics of flows: rows of seconds, groups, sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/db/db.h"
#include "analyze/stats/flows.h"
#include "analyze/stats/hist.h"
#include "format/base/array.h"
#include "format/base/bucket.h"

/* Rows as the tables describe them: what the engine would get. */
struct row {
	const struct kt_table *table;
	int64_t cells[40];
};

static KT_VEC(struct row) rows;

int kt_db_insert(struct kt_db *db, const struct kt_table *t, const void *data)
{
	struct row r = {t, {0}};

	assert_true(t->n_cols <= 40);
	for (size_t i = 0; i < t->n_cols; i++)
		memcpy(&r.cells[i], (const char *)data + t->cols[i].offset, 8);
	return kt_vec_push(&rows, r);
}

const char *kt_state_name(enum kt_state state)
{
	return state == KT_STATE_WHOLE ? "whole" : "lossy";
}

static int64_t get(const struct row *r, const char *col)
{
	for (size_t i = 0; i < r->table->n_cols; i++)
		if (!strcmp(r->table->cols[i].name, col))
			return r->cells[i];
	fail_msg("no column %s", col);
	return 0;
}

/* Row n of a table, from 0; NULL: it has no more. */
static const struct row *row_of(const char *table, size_t nth)
{
	for (size_t i = 0; i < rows.n; i++)
		if (!strcmp(rows.v[i].table->name, table) && !nth--)
			return &rows.v[i];
	return NULL;
}

static size_t n_rows(const char *table)
{
	size_t n = 0;

	while (row_of(table, n))
		n++;
	return n;
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

/* The value that a share of all values does not exceed. */
static int64_t exact(const int64_t *sorted, int n, int per_mille)
{
	int rank = ((int64_t)n * per_mille + 999) / 1000;

	return sorted[rank - 1];
}

static void within_1_percent(int64_t have, int64_t want)
{
	assert_true(llabs(have - want) * 100 <= want);
}

static int no_bucket(void *arg, unsigned int bucket, const struct kt_hist_bucket *b)
{
	return 0;
}

static void check_percentiles(int n)
{
	int64_t *v = malloc(n * sizeof(*v)), sum = 0;
	struct kt_hist h = {0};

	for (int i = 0; i < n; i++) {
		v[i] = 200 + (int64_t)(rnd() % 1000) * (1ll << (rnd() % 20)); /* over six decades */
		sum += v[i];
		assert_int_equal(kt_hist_count(&h, v[i]), 0);
	}
	qsort(v, n, sizeof(*v), by_value);
	rows.n = 0;
	assert_int_equal(kt_hist_take_second(&h, false, no_bucket, NULL), 0);
	assert_int_equal(h.n, n);
	assert_int_equal(h.sum_ns, sum);
	assert_int_equal(h.max_ns, v[n - 1]);
	within_1_percent(kt_hist_percentile(&h, 500000), exact(v, n, 500));
	within_1_percent(kt_hist_percentile(&h, 900000), exact(v, n, 900));
	within_1_percent(kt_hist_percentile(&h, 990000), exact(v, n, 990));
	within_1_percent(kt_hist_percentile(&h, 999000), exact(v, n, 999));
	kt_hist_finish(&h);
	free(v);
}

static void percentiles(void **state)
{
	static const int sizes[] = {1, 2, 3, 10, 99, 999, 1000, 1001, 100000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_percentiles(sizes[i]);
}

static const struct kt_stage_def stages[] = {{.name = "wait"}, {.name = "work"}};
static const struct kt_flow_word words[] = {{"via", "empty", "", "", "not"}, {0}};
static const struct kt_flow_kind kind = {.name = "job",
					 .stages = stages,
					 .n_stages = 2,
					 .has_stages = 3,
					 .by_task = true,
					 .words = words};

static struct kt_flow flow(const char *op, int64_t end_ns, int64_t dur_ns)
{
	struct kt_flow f = {.state = KT_STATE_WHOLE,
			    .op = op,
			    .object_id = 7,
			    .end_ns = end_ns,
			    .dur_ns = dur_ns};

	f.id = f.part_id = f.utid = f.ucgid = f.error = f.size_bytes = f.n_lower = KT_NULL;
	f.runq_ns = f.irq_ns = f.softirq_ns = f.slept_ns = f.served_from_ns = f.served_ns = KT_NULL;
	for (int i = 0; i < KT_FLOW_MAX_STAGES; i++)
		f.stage_ns[i] = KT_NULL;
	return f;
}

static void count(struct kt_flows *s, struct kt_flow f)
{
	assert_int_equal(kt_flows_count(s, &kind, &f, KT_NULL, NULL), 0);
}

/* Each second has its rows; the sums of the run are those of its seconds; no second has values that no flow had. */
static void seconds(void **state)
{
	struct kt_flows *s;

	rows.n = 0;
	assert_int_equal(kt_flows_create(NULL, KT_FINE_ROWS, &s), 0);
	count(s, flow("read", -1, 50));
	count(s, flow("read", 0, 100));
	count(s, flow("read", 999999999, 100));
	count(s, flow("read", 1000000000, 100));
	count(s, flow("read", 1000000000, KT_NULL)); /* no duration */
	assert_int_equal(kt_flows_write(s), 0);
	assert_int_equal(n_rows("flow_group"), 1);
	assert_int_equal(n_rows("flow_key"), 1);
	assert_int_equal(n_rows("flow_load"), 3);
	assert_int_equal(n_rows("group_hist"), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct row *load = row_of("flow_load", i), *h = row_of("group_hist", i);

		assert_int_equal(get(load, "second"), (int64_t)i - 1);
		assert_int_equal(get(load, "n"), i ? 2 : 1);
		assert_true(get(load, "s1_ns") == KT_NULL && get(load, "runq_ns") == KT_NULL);
		assert_int_equal(get(h, "second"), (int64_t)i - 1);
		assert_int_equal(get(h, "stage"), 0);
		assert_int_equal(get(h, "n"), i == 1 ? 2 : 1);
		assert_int_equal(get(h, "bucket"), i == 0 ? 50 : 100);
		assert_int_equal(get(h, "ns"), get(h, "bucket") * get(h, "n"));
		assert_int_equal(get(h, "max_ns"), get(h, "bucket"));
	}
	assert_int_equal(n_rows("flow_sum"), 1);
	assert_int_equal(get(row_of("flow_sum", 0), "n"), 5);
	assert_int_equal(get(row_of("flow_sum", 0), "dur_ns"), 350);
	assert_int_equal(get(row_of("flow_sum", 0), "max_ns"), 100);
	assert_int_equal(n_rows("group_hist_sum"), 2); /* 50 and 100 */
	assert_int_equal(n_rows("flow_hist_sum"), 2);
	assert_int_equal(n_rows("latency_stats"), 1);
	assert_int_equal(get(row_of("latency_stats", 0), "n"), 4);
	assert_int_equal(get(row_of("latency_stats", 0), "p50_ns"), 100);
	assert_true(get(row_of("latency_stats", 0), "p999_ns") == KT_NULL);
	kt_flows_destroy(s);
}

/* Flows that differ in anything distinguished are different groups; by task, keys; statistics are by object and operation. */
static void apart(void **state)
{
	static char other_read[] = {'r', 'e', 'a', 'd', 0};
	struct kt_flow f = flow("read", 5, 10);
	struct kt_flows *s;

	rows.n = 0;
	assert_int_equal(kt_flows_create(NULL, KT_FINE_ROWS, &s), 0);
	count(s, f);
	f.kind = "syscall";
	count(s, f);
	f.via = "empty"; /* its time is meaningless */
	count(s, f);
	f.via = NULL;
	f.error = -5; /* as is that of a failed one */
	count(s, f);
	f.error = KT_NULL;
	f.utid = 3;
	count(s, f);
	f.op = other_read;
	f.dur_ns = 30;
	count(s, f);
	f.state = KT_STATE_LOSSY;
	count(s, f);
	for (int i = 0; i < 400; i++) {
		struct kt_flow x = flow("write", 5, i);

		x.object_id = 100 + i;
		count(s, x);
	}
	assert_int_equal(kt_flows_write(s), 0);
	assert_int_equal(n_rows("flow_group"), 405);
	assert_int_equal(n_rows("flow_key"), 406);
	assert_int_equal(n_rows("flow_load"), 407);
	assert_int_equal(n_rows("latency_stats"), 401);
	assert_int_equal(get(row_of("latency_stats", 0), "n"), 4);
	assert_int_equal(get(row_of("latency_stats", 0), "sum_ns"), 60);
	assert_int_equal(get(row_of("latency_stats", 0), "max_ns"), 30);
	kt_flows_destroy(s);
}

/* Stages reported later belong to the flow and do not count it again, even in another second. */
static void late_stages(void **state)
{
	struct kt_flow f = flow("read", 5, 100);
	int64_t ns[KT_FLOW_MAX_STAGES];
	const struct row *sum;
	struct kt_flows *s;
	kt_flow_ref ref;

	rows.n = 0;
	for (int i = 0; i < KT_FLOW_MAX_STAGES; i++)
		ns[i] = KT_NULL;
	assert_int_equal(kt_flows_create(NULL, KT_FINE_ROWS, &s), 0);
	f.stage_ns[0] = 40;
	assert_int_equal(kt_flows_count(s, &kind, &f, KT_NULL, &ref), 0);
	count(s, flow("write", 2000000000, 1));
	ns[1] = 60;
	assert_int_equal(kt_flows_stages(s, ref, 5, ns), 0);
	assert_int_equal(kt_flows_disturbed(s, ref, 5, 9, "runq", 4, NULL, 10), 0);
	assert_int_equal(kt_flows_disturbed(s, ref, 5, 9, "runq", 4, NULL, 20), 0);
	assert_int_equal(kt_flows_write(s), 0);
	sum = row_of("flow_sum", 0);
	assert_int_equal(get(sum, "n"), 1);
	assert_int_equal(get(sum, "dur_ns"), 100);
	assert_int_equal(get(sum, "s1_ns"), 40);
	assert_int_equal(get(sum, "s2_ns"), 60);
	for (size_t i = 0; i < n_rows("group_hist"); i++)
		assert_int_equal(get(row_of("group_hist", i), "second"),
				 get(row_of("group_hist", i), "group_id") == 1 ? 0 : 2);
	assert_int_equal(n_rows("disturb_load"), 1);
	assert_int_equal(get(row_of("disturb_load", 0), "n"), 2);
	assert_int_equal(get(row_of("disturb_load", 0), "ns"), 30);
	assert_int_equal(get(row_of("disturb_load", 0), "n_flows"), 1);
	kt_flows_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets), cmocka_unit_test(percentiles), cmocka_unit_test(seconds),
		cmocka_unit_test(apart),   cmocka_unit_test(late_stages),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	kt_vec_finish(&rows);
	return failed;
}
