/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The merge of streams, and the reading of context tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/engine/tracker.h"
#include "analyze/engine/merge.h"
#include "analyze/engine/tsv.h"

static uint64_t rnd_state = 88172645463325252ull;

static uint64_t rnd(uint64_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state % below;
}

/* A block of n events from *ts_ns on; ids count up from *id, so that each can be recognised. */
static struct kt_item *make_block(unsigned int n, uint64_t *ts_ns, uint32_t *number)
{
	struct kt_item *item = calloc(1, sizeof(*item));
	const size_t size = sizeof(struct kt_task_exit);

	assert_non_null(item);
	item->raw = calloc(n, size);
	assert_non_null(item->raw);
	item->info.raw_len = n * size;
	for (unsigned int i = 0; i < n; i++) {
		struct kt_task_exit ev = {
			.ts_ns = *ts_ns, .id = KT_EV_task_exit, .len = size, .tid = ++*number};

		memcpy(item->raw + i * size, &ev, size);
		*ts_ns += rnd(4); /* often none */
	}
	return item;
}

static void merge(void **state)
{
	enum { STREAMS = 13 };
	struct kt_stream s[STREAMS] = {0};
	uint64_t ts_ns[STREAMS];
	uint32_t given[STREAMS] = {0}, taken[STREAMS] = {0};
	struct kt_merge m = {{0}};
	const struct kt_stream *first;
	int64_t last_ns = INT64_MIN;
	uint32_t last_place = 0;

	for (uint32_t i = 0; i < STREAMS; i++) {
		s[i].run = i / 5;
		s[i].stream = i % 5;
		s[i].mono_ns = 1000 * (i / 5 + 1); /* different clocks */
		s[i].start_ns = 10 * (i / 5);
		ts_ns[i] = s[i].mono_ns + rnd(20);
		for (unsigned int b = 0; b < 1 + i; b++)
			assert_int_equal(
				kt_merge_add(&m, &s[i],
					     make_block(1 + rnd(50), &ts_ns[i], &given[i])),
				0);
	}
	while ((first = kt_merge_first(&m))) {
		uint32_t i = first->run * 5 + first->stream;
		const struct kt_task_exit *ev = (const void *)kt_stream_event(first);

		assert_int_equal(first->t_ns,
				 (int64_t)(ev->ts_ns - first->mono_ns) + first->start_ns);
		assert_true(first->t_ns > last_ns || (first->t_ns == last_ns && i >= last_place));
		last_ns = first->t_ns;
		last_place = i;
		assert_int_equal(ev->tid, ++taken[i]); /* none missing, none twice, in order */
		kt_merge_step(&m);
	}
	assert_memory_equal(given, taken, sizeof(given));
	assert_int_equal(m.held_bytes, 0);
	kt_merge_finish(&m);
}

/* A stream that ran empty returns with its next block. */
static void dry(void **state)
{
	struct kt_stream a = {.stream = 0}, b = {.stream = 1};
	struct kt_merge m = {{0}};
	uint64_t ts_ns = 5;
	uint32_t n = 0;

	assert_int_equal(kt_merge_add(&m, &a, make_block(1, &ts_ns, &n)), 0);
	ts_ns = 7;
	assert_int_equal(kt_merge_add(&m, &b, make_block(1, &ts_ns, &n)), 0);
	assert_ptr_equal(kt_merge_first(&m), &a);
	kt_merge_step(&m);
	assert_ptr_equal(kt_merge_first(&m), &b);
	ts_ns = 6;
	assert_int_equal(kt_merge_add(&m, &a, make_block(2, &ts_ns, &n)), 0);
	assert_ptr_equal(kt_merge_first(&m), &a);
	assert_int_equal(a.t_ns, 6);
	assert_true(m.held_bytes > 0);
	kt_merge_finish(&m); /* blocks and all */
}

static void tables(void **state)
{
	static const char text[] = "tid\tcomm\tx\n1\ta\\tb\\\\c\\nd\t-\n\n-2\t\n3";
	struct kt_tsv t;

	assert_int_equal(kt_tsv_init(&t, text, strlen(text)), 0);
	assert_int_equal(kt_tsv_next(&t), 1);
	assert_int_equal(kt_tsv_int(&t, "tid"), 1);
	assert_string_equal(kt_tsv_get(&t, "comm"), "a\tb\\c\nd");
	assert_null(kt_tsv_get(&t, "x"));     /* not known */
	assert_null(kt_tsv_get(&t, "y"));     /* no such column */
	assert_int_equal(kt_tsv_next(&t), 1); /* an empty line is a line */
	assert_int_equal(kt_tsv_int(&t, "tid"), KT_NULL);
	assert_int_equal(kt_tsv_next(&t), 1);
	assert_int_equal(kt_tsv_int(&t, "tid"), -2);
	assert_string_equal(kt_tsv_get(&t, "comm"), "");
	assert_int_equal(kt_tsv_int(&t, "comm"), KT_NULL);
	assert_null(kt_tsv_get(&t, "x"));     /* a short line */
	assert_int_equal(kt_tsv_next(&t), 1); /* no newline at the end */
	assert_int_equal(kt_tsv_int(&t, "tid"), 3);
	assert_int_equal(kt_tsv_next(&t), 0);
	kt_tsv_finish(&t);
	assert_int_equal(kt_tsv_init(&t, "", 0), 0);
	assert_int_equal(kt_tsv_next(&t), 0);
	kt_tsv_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge),
		cmocka_unit_test(dry),
		cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
