/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The history of a task against a plain list of what it did, nanosecond by nanosecond; and its bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/sched/history.h"
#include "format/base/macros.h"

#define END 4000

enum { RUN, RUNQ, IRQ, SOFTIRQ, SLEEP, N };

/* What the task did in each nanosecond. */
static uint8_t did[END];
static struct kt_task_hist hist;
static struct kt_stop_budget budget;

static void fill(int64_t from, int64_t to, int what)
{
	memset(did + from, what, to - from);
}

/* A random life, reported to both. apart: as with a filter. */
static void live(unsigned int seed, size_t max, bool apart)
{
	int64_t t = 0;

	srandom(seed);
	budget = (struct kt_stop_budget){.max = max};
	fill(0, END, RUN);
	if (!apart)
		assert_int_equal(kt_task_hist_restart(&hist, &budget, 0), 0);
	for (;;) {
		struct kt_stop s = {.out_ns = t + random() % 30};
		bool off = random() % 4;

		s.slept = off && random() % 3;
		s.ready_ns = s.out_ns + (s.slept ? random() % 20 : 0);
		s.irq_ns = random() % 3 ? 0 : random() % 9;
		s.softirq_ns = random() % 3 ? 0 : random() % 9;
		s.in_ns = s.ready_ns + s.irq_ns + s.softirq_ns + (off ? random() % 15 : 0);
		if (s.slept && random() % 5 == 0) { /* no wake-up was seen */
			s.irq_ns = s.softirq_ns = 0;
			s.ready_ns = s.in_ns;
		}
		if (s.in_ns >= END)
			break;
		t = s.ready_ns;
		fill(s.out_ns, t, SLEEP);
		fill(t, t + s.irq_ns, IRQ);
		t += s.irq_ns;
		fill(t, t + s.softirq_ns, SOFTIRQ);
		t += s.softirq_ns;
		fill(t, s.in_ns, RUNQ);
		if (s.slept && s.ready_ns == s.in_ns)
			s.ready_ns = KT_NULL;
		t = s.in_ns;
		assert_int_equal(
			(apart ? kt_task_hist_add_apart : kt_task_hist_add)(&hist, &budget, &s), 0);
		if (apart)
			kt_task_hist_break(&hist);
	}
	if (random() % 2) {
		hist.off = true;
		hist.waits = random() % 2;
		hist.out_ns = t + random() % (END - t);
		fill(hist.out_ns, END, hist.waits ? RUNQ : SLEEP);
	}
}

struct told {
	int64_t last_ns, sum[N];
};

static int add(void *arg, const struct kt_disturb *d)
{
	int what = d->cause == KT_DISTURB_RUNQ ? RUNQ : d->cause == KT_DISTURB_IRQ ? IRQ : SOFTIRQ;
	struct told *t = arg;

	assert_true(d->start_ns >= t->last_ns && d->dur_ns > 0);
	t->last_ns = d->start_ns + d->dur_ns;
	t->sum[what] += d->dur_ns;
	for (int64_t i = d->start_ns; i < t->last_ns; i++)
		assert_int_equal(did[i], what);
	return 0;
}

static void sums_of_any_time(void **state)
{
	for (unsigned int seed = 1; seed <= 200; seed++) {
		live(seed, 1u << 20, false);
		for (int k = 0; k < 200; k++) {
			int64_t from = random() % END, to = from + random() % (END - from);
			int64_t sum[N] = {0};
			struct told told = {.last_ns = from};
			struct kt_sums s;

			for (int64_t i = from; i < to; i++)
				sum[did[i]]++;
			assert_int_equal(kt_task_hist_sums(&hist, from, to, &s), 0);
			assert_int_equal(s.run_ns, sum[RUN]);
			assert_int_equal(s.runq_ns, sum[RUNQ]);
			assert_int_equal(s.irq_ns, sum[IRQ]);
			assert_int_equal(s.softirq_ns, sum[SOFTIRQ]);
			assert_int_equal(s.sleep_ns, sum[SLEEP]);
			assert_int_equal(kt_task_hist_disturbances(&hist, from, to, add, &told), 0);
			assert_true(told.last_ns <= to || told.last_ns == from);
			for (int i = RUNQ; i <= SOFTIRQ; i++)
				assert_int_equal(told.sum[i], sum[i]);
		}
		kt_task_hist_finish(&hist, &budget);
		assert_int_equal(budget.used, 0);
	}
}

/* For a time that begins and ends while it runs, even if there are gaps before it. */
static void sums_in_call(void **state)
{
	for (unsigned int seed = 1; seed <= 200; seed++) {
		live(seed, 1u << 20, seed % 2);
		for (int k = 0; k < 200; k++) {
			int64_t from = random() % END, to = from + random() % (END - from);
			int64_t sum[N] = {0};
			struct told told = {.last_ns = from};
			struct kt_sums s;

			if (did[from] != RUN || did[to] != RUN)
				continue;
			for (int64_t i = from; i < to; i++)
				sum[did[i]]++;
			assert_int_equal(kt_task_hist_sums_in_call(&hist, from, to, &s), 0);
			assert_int_equal(s.run_ns, sum[RUN]);
			assert_int_equal(s.runq_ns, sum[RUNQ]);
			assert_int_equal(s.irq_ns, sum[IRQ]);
			assert_int_equal(s.softirq_ns, sum[SOFTIRQ]);
			assert_int_equal(s.sleep_ns, sum[SLEEP]);
			assert_int_equal(
				kt_task_hist_disturbances_in_call(&hist, from, to, add, &told), 0);
			for (int i = RUNQ; i <= SOFTIRQ; i++)
				assert_int_equal(told.sum[i], sum[i]);
		}
		kt_task_hist_finish(&hist, &budget);
	}
}

/* It does not hold for a time that a stop spans, nor if stops were dropped. */
static void not_in_call(void **state)
{
	const struct kt_stop stop = {.out_ns = 100, .ready_ns = 120, .in_ns = 150, .slept = true};
	struct kt_task_hist none = {0};
	struct kt_sums s;

	budget = (struct kt_stop_budget){.max = 32};
	assert_int_equal(kt_task_hist_sums_in_call(&none, 10, 30, &s), 0);
	assert_int_equal(s.run_ns, 20);
	assert_int_equal(kt_task_hist_add_apart(&hist, &budget, &stop), 0);
	assert_int_equal(kt_task_hist_sums_in_call(&hist, 110, 200, &s), -ENOENT);
	assert_int_equal(kt_task_hist_sums_in_call(&hist, 50, 140, &s), -ENOENT);
	assert_int_equal(kt_task_hist_sums_in_call(&hist, 100, 150, &s), 0);
	assert_int_equal(s.sleep_ns, 20);
	assert_int_equal(s.runq_ns, 30);
	kt_task_hist_finish(&hist, &budget);
	live(1, 32, true);
	assert_int_equal(kt_task_hist_sums_in_call(&hist, 0, END, &s), -ENOENT);
	kt_task_hist_finish(&hist, &budget);
}

/* What no longer fits is dropped from the oldest end and reported as unknown. */
static void bounded(void **state)
{
	struct kt_sums s;

	for (unsigned int seed = 1; seed <= 50; seed++) {
		live(seed, 32, false);
		assert_true(hist.cap <= 32 && budget.used <= 32);
		assert_int_equal(hist.n, 32);
		assert_int_equal(kt_task_hist_sums(&hist, 0, END, &s), -ENOENT);
		assert_int_equal(kt_task_hist_sums(&hist, END - 200, END, &s), 0);
		assert_int_equal(s.run_ns + s.runq_ns + s.irq_ns + s.softirq_ns + s.sleep_ns, 200);
		kt_task_hist_finish(&hist, &budget);
	}
}

static void last_wait(void **state)
{
	const struct kt_stop stops[] = {
		{.out_ns = 10, .ready_ns = 15, .in_ns = 20, .slept = true, .waker_tid = 1},
		{.out_ns = 30, .ready_ns = 30, .in_ns = 40, .waker_tid = 2}, /* preempted */
		{.out_ns = 50, .ready_ns = KT_NULL, .in_ns = 60, .slept = true, .disk = true},
		{.out_ns = 65, .ready_ns = 65, .in_ns = 70, .irq_ns = 5}, /* an interrupt */
	};
	struct kt_wait w;

	budget = (struct kt_stop_budget){.max = 64};
	assert_int_equal(kt_task_hist_restart(&hist, &budget, 0), 0);
	for (size_t i = 0; i < KT_ARRAY_SIZE(stops); i++)
		assert_int_equal(kt_task_hist_add(&hist, &budget, &stops[i]), 0);
	assert_int_equal(kt_task_hist_last_wait(&hist, KT_NULL, 19, &w), -ENOENT);
	assert_int_equal(kt_task_hist_last_wait(&hist, KT_NULL, 20, &w), 0);
	assert_int_equal(w.waking_ns, 15);
	assert_int_equal(w.waker_tid, 1);
	assert_int_equal(kt_task_hist_last_wait(&hist, KT_NULL, 59, &w), 0);
	assert_int_equal(w.in_ns, 20);
	assert_int_equal(kt_task_hist_last_wait(&hist, 11, 59, &w), -ENOENT);
	assert_int_equal(kt_task_hist_last_wait(&hist, 50, 100, &w), 0);
	assert_true(w.waking_ns == KT_NULL && w.disk && w.in_ns == 60);
	kt_task_hist_finish(&hist, &budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_of_any_time), cmocka_unit_test(sums_in_call),
		cmocka_unit_test(not_in_call),	    cmocka_unit_test(bounded),
		cmocka_unit_test(last_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
