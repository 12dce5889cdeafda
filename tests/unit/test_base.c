/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <string.h>

#include "format/base/array.h"
#include "format/base/bucket.h"
#include "format/base/dev.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/macros.h"
#include "format/base/safe.h"
#include "format/base/slab.h"
#include "format/base/time.h"
#include "format/base/units.h"
#include "format/crc32c.h"
#include "tests/unit/make.h"

static void crc32c_known(void **state)
{
	unsigned char zeros[32] = {0}, ones[32];

	memset(ones, 0xff, sizeof(ones));
	/* RFC 3720 B.4 */
	assert_int_equal(kt_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(kt_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(kt_crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(kt_crc32c_table(0, "123456789", 9), 0xe3069283);
}

static void crc32c_portable(void **state)
{
	unsigned char buf[300];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = make_random();
	for (size_t n = 0; n < sizeof(buf); n++) {
		uint32_t crc = kt_crc32c(0, buf, n);

		assert_int_equal(crc, kt_crc32c_table(0, buf, n));
		assert_int_equal(crc, kt_crc32c(kt_crc32c(0, buf, n / 3), buf + n / 3, n - n / 3));
	}
}

static void hash_like_array(void **state)
{
	struct kt_hash h = {0};
	char *want[512] = {0}, values[512];
	size_t n = 0;

	assert_null(kt_hash_get(&h, 1));
	assert_null(kt_hash_del(&h, 1));
	for (int i = 0; i < 100000; i++) {
		uint64_t k = make_random() % 512;
		/* Addresses are multiples of something: their hashes must still be spread. */
		uint64_t key = 0xffff888000000000ull + k * 256;

		if (make_random() % 3) {
			char *v = &values[make_random() % 512];

			n += !want[k];
			want[k] = v;
			assert_int_equal(kt_hash_put(&h, key, v), 0);
		} else {
			n -= !!want[k];
			assert_ptr_equal(kt_hash_del(&h, key), want[k]);
			want[k] = NULL;
		}
		k = make_random() % 512;
		assert_ptr_equal(kt_hash_get(&h, 0xffff888000000000ull + k * 256), want[k]);
		assert_int_equal(h.n, n);
	}
	kt_hash_finish(&h);
	assert_null(kt_hash_get(&h, 1));
}

struct listed {
	int value;
	struct kt_link age, size;
};

static void check_list(const struct kt_list *l, const int *want, size_t n)
{
	const struct listed *o = kt_list_first(l, const struct listed, age);

	for (size_t i = 0; i < n; i++, o = kt_list_next(o, age)) {
		assert_non_null(o);
		assert_int_equal(o->value, want[i]);
	}
	assert_null(o);
	o = kt_list_last(l, const struct listed, age);
	for (size_t i = n; i-- > 0; o = kt_list_prev(o, age)) {
		assert_non_null(o);
		assert_int_equal(o->value, want[i]);
	}
	assert_null(o);
}

static void list_keeps_order(void **state)
{
	struct listed o[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
	struct kt_list by_age = {0}, by_size = {0}, moved;

	check_list(&by_age, NULL, 0);
	for (int i = 0; i < 4; i++)
		kt_list_append(&by_age, &o[i].age);
	kt_list_append(&by_size, &o[2].size); /* through its other link */
	check_list(&by_age, (int[]){0, 1, 2, 3}, 4);
	kt_list_remove(&by_age, &o[2].age); /* from the middle */
	check_list(&by_age, (int[]){0, 1, 3}, 3);
	assert_ptr_equal(kt_list_first(&by_size, struct listed, size), &o[2]);
	kt_list_remove(&by_age, &o[0].age); /* first */
	kt_list_append(&by_age, &o[0].age);
	check_list(&by_age, (int[]){1, 3, 0}, 3);
	kt_list_remove(&by_age, &o[0].age); /* last */
	moved = by_age;
	check_list(&moved, (int[]){1, 3}, 2);
	kt_list_remove(&moved, &o[1].age);
	kt_list_remove(&moved, &o[3].age); /* alone */
	check_list(&moved, NULL, 0);
	kt_list_append(&moved, &o[3].age);
	check_list(&moved, (int[]){3}, 1);
}

static void slab_gives_zeroed(void **state)
{
	struct kt_slab s = {.size = 24};
	unsigned char *p[600], zeros[24] = {0};

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 600; i++) {
			p[i] = kt_slab_get(&s);
			assert_non_null(p[i]);
			assert_memory_equal(p[i], zeros, s.size);
			memset(p[i], i, s.size);
		}
		/* No two objects share memory. */
		for (int i = 0; i < 600; i++)
			for (size_t k = 0; k < s.size; k++)
				assert_int_equal(p[i][k], i & 0xff);
		for (int i = 0; i < 600; i++)
			kt_slab_put(&s, p[i * 7 % 600]);
	}
	/* Freed memory was reused. */
	assert_int_equal(s.chunks.n, 3);
	kt_slab_finish(&s);
}

static void array_grows(void **state)
{
	KT_VEC(uint32_t) a = {0};

	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(kt_vec_push(&a, i * 3), 0);
	assert_int_equal(a.n, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(a.v[i], i * 3);
	assert_int_equal(kt_vec_reserve(&a, SIZE_MAX / 2), -ENOMEM);
	assert_int_equal(a.n, 1000);
	kt_vec_finish(&a);
	assert_null(a.v);
}

static void units_parse(void **state)
{
	static const struct {
		const char *s;
		int64_t ns;
	} durations[] = {{"10ms", 10000000},   {"1.5s", 1500000000},  {"250us", 250000}, {"7ns", 7},
			 {"2m", 120000000000}, {"1h", 3600000000000}, {"3", 3000000000}, {"0", 0}};
	static const struct {
		const char *s;
		uint64_t bytes;
	} sizes[] = {{"64M", 64 << 20}, {"4KiB", 4096}, {"1g", 1 << 30}, {"4096", 4096}};
	static const char *const bad[] = {"", "x", "-1", "1x", "1 s s", "nan", "inf", "1e30h"};
	uint64_t bytes;
	int64_t ns;

	for (size_t i = 0; i < KT_ARRAY_SIZE(durations); i++) {
		assert_int_equal(kt_parse_duration(durations[i].s, &ns), 0);
		assert_int_equal(ns, durations[i].ns);
	}
	for (size_t i = 0; i < KT_ARRAY_SIZE(sizes); i++) {
		assert_int_equal(kt_parse_size(sizes[i].s, &bytes), 0);
		assert_int_equal(bytes, sizes[i].bytes);
	}
	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		assert_int_equal(kt_parse_duration(bad[i], &ns), -EINVAL);
		assert_int_equal(kt_parse_size(bad[i], &bytes), -EINVAL);
	}
}

static void units_format(void **state)
{
	char buf[32], tiny[4];

	assert_string_equal(kt_format_ns(1924000, buf, sizeof(buf)), "1.92 ms");
	assert_string_equal(kt_format_ns(873, buf, sizeof(buf)), "873 ns");
	assert_string_equal(kt_format_ns(12400000000, buf, sizeof(buf)), "12.4 s");
	assert_string_equal(kt_format_ns(999999, buf, sizeof(buf)), "1.00 ms");
	assert_string_equal(kt_format_ns(-1500, buf, sizeof(buf)), "-1.50 us");
	assert_string_equal(kt_format_bytes(4096, buf, sizeof(buf)), "4.00 KiB");
	assert_string_equal(kt_format_bytes(512, buf, sizeof(buf)), "512 B");
	assert_string_equal(kt_format_count(12431, buf, sizeof(buf)), "12,431");
	assert_string_equal(kt_format_count(999, buf, sizeof(buf)), "999");
	assert_string_equal(kt_format_count(1234567, tiny, sizeof(tiny)), "1,2");
}

static void safe_text(void **state)
{
	static const struct {
		const char *text, *utf8, *ascii;
	} cases[] = {
		{"plain", "plain", "plain"},
		{"\x1b[31mred\n", "\\x1b[31mred\\x0a", "\\x1b[31mred\\x0a"},
		{"\x7f", "\\x7f", "\\x7f"},
		{"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f", "gr\\xc3\\xb6\\xc3\\x9f"},
		{"\xc2\x9b"
		 "1m",
		 "\\xc2\\x9b"
		 "1m",
		 "\\xc2\\x9b"
		 "1m"},							/* C1: CSI */
		{"\xe2\x80\xae", "\\xe2\\x80\\xae", "\\xe2\\x80\\xae"}, /* right-to-left override */
		{"\xe2\x80\x8f", "\\xe2\\x80\\x8f", "\\xe2\\x80\\x8f"}, /* right-to-left mark */
		{"\xc3", "\\xc3", "\\xc3"},				/* cut off */
		{"\xc0\xaf\xff", "\\xc0\\xaf\\xff", "\\xc0\\xaf\\xff"}, /* overlong, not UTF-8 */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"", "", ""},
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++) {
		char *utf8 = kt_safe_text(cases[i].text, true);
		char *ascii = kt_safe_text(cases[i].text, false);

		assert_string_equal(utf8, cases[i].utf8);
		assert_string_equal(ascii, cases[i].ascii);
		free(utf8);
		free(ascii);
	}
}

/* By nearest rank: the smallest number of values that is at least that share of all. */
static void percentile_ranks(void **state)
{
	static const struct {
		uint64_t n;
		uint32_t part;
		uint64_t rank;
	} cases[] = {
		{1, 500000, 1},	      {2, 500000, 1},
		{3, 500000, 2},	      {100, 990000, 99},
		{101, 990000, 100},   {1000, 999000, 999},
		{1001, 999000, 1000}, {7, 0, 1},
		{7, 1000000, 7},      {9000000000000000001ull, 990000, 8910000000000000001ull},
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(cases); i++)
		assert_int_equal(kt_percentile_rank(cases[i].n, cases[i].part), cases[i].rank);
}

static void seconds_and_devices(void **state)
{
	assert_int_equal(kt_second_of(0), 0);
	assert_int_equal(kt_second_of(KT_NS_PER_S - 1), 0);
	assert_int_equal(kt_second_of(KT_NS_PER_S), 1);
	assert_int_equal(kt_second_of(-1), -1);
	assert_int_equal(kt_second_of(-KT_NS_PER_S), -1);
	assert_int_equal(kt_second_of(-KT_NS_PER_S - 1), -2);
	assert_int_equal(kt_dev_of(8, 1), 0x800001);
	assert_int_equal(kt_dev_major(0x800001), 8);
	assert_int_equal(kt_dev_minor(0x800001), 1);
	assert_int_equal(kt_dev_of(KT_DEV_MAX_MAJOR, KT_DEV_MAX_MINOR), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_known),	       cmocka_unit_test(crc32c_portable),
		cmocka_unit_test(hash_like_array),     cmocka_unit_test(array_grows),
		cmocka_unit_test(units_parse),	       cmocka_unit_test(units_format),
		cmocka_unit_test(safe_text),	       cmocka_unit_test(percentile_ranks),
		cmocka_unit_test(seconds_and_devices), cmocka_unit_test(list_keeps_order),
		cmocka_unit_test(slab_gives_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
