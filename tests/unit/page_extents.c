// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Extents of dirty pages against a model that remembers each byte; eviction; limits of the arguments. */
#include "analyze/page/extents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "format/base/macros.h"

#define SIZE 3000 /* bytes of the file, across the border of two regions */
#define BASE (KT_PAGE_REGION - 1500)
#define WRITERS 7

static const struct kt_page_file file = {.run = 0, .dev = 8, .ino = 12};

struct byte {
	int writer; /* -1 = none */
	bool written;
	int64_t written_ns;
};

struct model {
	struct byte b[SIZE];
};

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void model_take(struct model *md, uint32_t a, uint32_t b, int64_t t, int64_t keep,
		       struct byte *got)
{
	for (uint32_t i = 0; i < SIZE; i++) {
		uint32_t page = (BASE + i) / KT_PAGE_BYTES;
		bool dirty = false;

		got[i] = (struct byte){.writer = -1};
		if (i < a || i >= b || md->b[i].writer < 0)
			continue;
		if (!md->b[i].written) {
			got[i] = md->b[i];
			continue;
		}
		for (uint32_t k = 0; k < SIZE; k++)
			if ((BASE + k) / KT_PAGE_BYTES == page && md->b[k].writer >= 0 &&
			    !md->b[k].written)
				dirty = true;
		if (!dirty && md->b[i].written_ns >= t - keep)
			got[i] = md->b[i];
	}
	for (uint32_t i = a; i < b; i++)
		if (md->b[i].writer >= 0 && !md->b[i].written) {
			md->b[i].written = true;
			md->b[i].written_ns = t;
		}
}

/* The regions hold the same bytes as the model: takes both at the end. */
static void check(struct kt_page_writer **w, const struct kt_page_list *l, const struct byte *got)
{
	uint64_t pos = BASE;

	for (size_t i = 0; i < l->e.n; i++) {
		const struct kt_page_extent *e = &l->e.v[i];

		assert_true(e->start < e->end && e->start >= pos && e->end <= BASE + SIZE);
		for (; pos < e->start; pos++)
			assert_int_equal(got[pos - BASE].writer, -1);
		for (; pos < e->end; pos++) {
			assert_int_not_equal(got[pos - BASE].writer, -1);
			assert_ptr_equal(w[got[pos - BASE].writer], e->writer);
			assert_int_equal(got[pos - BASE].written, e->written_ns != KT_NULL);
		}
	}
	for (; pos < BASE + SIZE; pos++)
		assert_int_equal(got[pos - BASE].writer, -1);
}

static void random_against_model(void **state)
{
	struct kt_page_writer *w[WRITERS];
	struct kt_page_map m;
	struct byte got[SIZE];

	for (int round = 0; round < 60; round++) {
		struct model md;

		for (int i = 0; i < SIZE; i++)
			md.b[i].writer = -1;
		kt_page_map_init(&m, 1 << 20, 1 << 20);
		for (int i = 0; i < WRITERS; i++) {
			w[i] = kt_page_writer_new(&m);
			w[i]->first_ns = i;
		}
		for (int64_t t = 1000; t < 1200; t++) {
			uint32_t a = rnd(SIZE), b = a + rnd(SIZE - a) + 1, who = rnd(WRITERS);
			struct kt_page_list l = {0};
			int64_t keep_after = rnd(3) ? INT64_MAX : (int64_t)rnd(WRITERS);

			if (rnd(2))
				b = a + rnd(KT_MIN(SIZE - a, 50u)) + 1;
			switch (rnd(6)) {
			case 0:
				model_take(&md, a, b, t, 50, got);
				assert_int_equal(
					kt_page_take(&m, &file, BASE + a, BASE + b, t, 50, &l), 0);
				check(w, &l, got);
				kt_page_list_finish(&m, &l);
				break;
			case 1:
				assert_int_equal(
					kt_page_undo(&m, &file, BASE + a, BASE + b, w[who]), 0);
				for (uint32_t i = a; i < b; i++)
					if (md.b[i].writer == (int)who && !md.b[i].written)
						md.b[i].writer = -1;
				break;
			default:
				assert_int_equal(kt_page_dirty(&m, &file, BASE + a, BASE + b,
							       w[who], keep_after),
						 0);
				for (uint32_t i = a; i < b; i++)
					if (md.b[i].writer < 0 || md.b[i].written ||
					    md.b[i].writer <= keep_after)
						md.b[i] = (struct byte){.writer = who};
			}
		}
		for (int i = 0; i < WRITERS; i++)
			kt_page_writer_put(&m, w[i]);
		assert_int_equal(m.n_evicted, 0);
		kt_page_map_finish(&m);
	}
}

static void oldest_is_evicted(void **state)
{
	struct kt_page_file f = file;
	struct kt_page_writer *w;
	struct kt_page_map m;
	struct kt_page_list l = {0};

	/* Ten extents in total, of files 0 to 19: the first ten are gone. */
	kt_page_map_init(&m, 10, 4);
	for (f.ino = 0; f.ino < 20; f.ino++) {
		w = kt_page_writer_new(&m);
		w->first_ns = f.ino;
		assert_int_equal(kt_page_dirty(&m, &f, 0, 4096, w, INT64_MAX), 0);
		kt_page_writer_put(&m, w);
	}
	assert_int_equal(m.n_evicted, 10);
	assert_int_equal(m.n_extents, 10);
	for (f.ino = 0; f.ino < 20; f.ino++) {
		assert_int_equal(kt_page_take(&m, &f, 0, 4096, 100, 50, &l), 0);
		assert_int_equal(l.e.n, f.ino >= 10);
		kt_page_list_finish(&m, &l);
		l = (struct kt_page_list){0};
	}
	/* Four in one list: written ones are evicted first, then the oldest. */
	f.ino = 50;
	for (int i = 0; i < 7; i++) {
		w = kt_page_writer_new(&m);
		w->first_ns = i == 2 ? 0 : 1 + i;
		assert_int_equal(kt_page_dirty(&m, &f, i * 8192, i * 8192 + 4096, w, INT64_MAX), 0);
		kt_page_writer_put(&m, w);
		if (i == 3)
			assert_int_equal(kt_page_take(&m, &f, 3 * 8192, 4 * 8192, 100, 50, &l), 0);
	}
	assert_int_equal(l.e.n, 1);
	kt_page_list_finish(&m, &l);
	l = (struct kt_page_list){0};
	assert_int_equal(m.n_evicted, 12); /* the third and the first */
	assert_int_equal(kt_page_take(&m, &f, 0, 8 * 8192, 101, 50, &l), 0);
	assert_int_equal(l.e.n, 4);
	assert_int_equal(l.e.v[0].start, 8192);
	kt_page_list_finish(&m, &l);
	kt_page_map_finish(&m);
}

static void largest_ranges(void **state)
{
	struct kt_page_writer *w;
	struct kt_page_map m;
	uint64_t start = INT64_MAX - KT_PAGE_MAX;

	kt_page_map_init(&m, 100, 10);
	w = kt_page_writer_new(&m);
	assert_int_equal(kt_page_dirty(&m, &file, start, start + KT_PAGE_MAX, w, INT64_MAX), 0);
	assert_true(m.n_extents <= 101);
	assert_int_equal(kt_page_undo(&m, &file, start, start + KT_PAGE_MAX, w), 0);
	assert_int_equal(m.n_extents, 0);
	assert_null(m.by_use.first);
	kt_page_writer_put(&m, w);
	kt_page_map_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_model),
		cmocka_unit_test(oldest_is_evicted),
		cmocka_unit_test(largest_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
