/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Lost intervals: the result of the binary search against that of checking each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/engine/loss.h"

static uint64_t rnd_state = 88172645463325252ull;

static int64_t rnd(int64_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state % below;
}

static void edges(void **state)
{
	struct kt_loss_set s = {0};

	assert_false(kt_loss_overlaps(&s, INT64_MIN, INT64_MAX));
	assert_int_equal(kt_loss_add(&s, 100, 200), 0);
	assert_false(kt_loss_overlaps(&s, 0, 99));
	assert_true(kt_loss_overlaps(&s, 0, 100));
	assert_true(kt_loss_overlaps(&s, 150, 160));
	assert_true(kt_loss_overlaps(&s, 200, 300));
	assert_false(kt_loss_overlaps(&s, 201, 300));
	/* A later, shorter one does not hide the longer one before it. */
	assert_int_equal(kt_loss_add(&s, 110, 120), 0);
	assert_true(kt_loss_overlaps(&s, 180, 190));
	/* For good. */
	assert_int_equal(kt_loss_add(&s, 1000, INT64_MAX), 0);
	assert_true(kt_loss_overlaps(&s, 5000, 6000));
	assert_false(kt_loss_overlaps(&s, 300, 999));
	/* An end before the start is taken as the start. */
	assert_int_equal(kt_loss_add(&s, 500, 400), 0);
	assert_true(kt_loss_overlaps(&s, 500, 500));
	assert_false(kt_loss_overlaps(&s, 400, 499));
	kt_loss_finish(&s);
}

static void against_all(void **state)
{
	enum { N = 200, SPAN = 5000 };
	int64_t start[N], end[N];

	for (int round = 0; round < 50; round++) {
		struct kt_loss_set s = {0};

		for (int i = 0; i < N; i++) {
			/* Mostly in order, as in practice; sometimes not. */
			start[i] = rnd(8) ? i * SPAN / N : rnd(SPAN);
			end[i] = start[i] + rnd(rnd(10) ? 4 : 300);
			assert_int_equal(kt_loss_add(&s, start[i], end[i]), 0);
			for (int q = 0; q < 20; q++) {
				int64_t a = rnd(SPAN), b = a + rnd(30);
				bool any = false;

				for (int j = 0; j <= i; j++)
					any |= start[j] <= b && end[j] >= a;
				assert_int_equal(kt_loss_overlaps(&s, a, b), any);
			}
		}
		kt_loss_finish(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(against_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
