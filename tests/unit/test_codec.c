/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "format/codec.h"
#include "tests/unit/make.h"

/* Encodes, decodes, compares; returns the encoded size. */
static size_t round_trip(const struct kt_schema *s, const struct bytes *b)
{
	size_t cap = ktr_columns_bound(b->n);
	unsigned char *enc = malloc(cap), *back = malloc(b->n + 8);
	int64_t n = ktr_columns_encode(s, b->v, b->n, enc, cap);

	assert_true(n >= 0);
	memset(back, 0x5a, b->n + 8);
	assert_int_equal(ktr_columns_decode(s, enc, n, back, b->n), 0);
	if (b->n)
		assert_memory_equal(back, b->v, b->n);
	assert_int_equal(back[b->n], 0x5a);
	free(enc);
	free(back);
	return n;
}

static void empty_and_small(void **state)
{
	struct bytes b = {0};

	bytes_add(&b, "", 0);
	round_trip(kt_schema_compiled(), &b);
	for (int i = 0; i < 50; i++) {
		make_event(&b, make_random());
		round_trip(kt_schema_compiled(), &b);
	}
	bytes_finish(&b);
}

static void random_events(void **state)
{
	struct bytes b = {0};

	for (int n = 0; n < 40; n++) {
		b.n = 0;
		for (int i = 0; i < n * n; i++)
			make_event(&b, make_random());
		round_trip(kt_schema_compiled(), &b);
	}
	bytes_finish(&b);
}

/* A full block of disk events; the figure is a bound for the format, not a benchmark. */
static void reads_become_small(void **state)
{
	struct bytes b = {0};
	uint64_t ts_ns = 1000000000;
	size_t n = 0, enc;

	while (b.n + 400 < 1 << 20) {
		ts_ns = make_read(&b, ts_ns);
		n++;
	}
	enc = round_trip(kt_schema_compiled(), &b);
	assert_true(enc < n * 20);
	bytes_finish(&b);
}

/* The same address again and again, in one type and in several, in order and not. */
static void references(void **state)
{
	struct bytes b = {0};

	for (int mode = 0; mode < 4; mode++) {
		b.n = 0;
		for (uint64_t i = 0; i < 4000; i++) {
			uint64_t bio = 0xffff888000000000 + (make_random() % 500) * 256;
			struct kt_rq_get get = {i, KT_EV_rq_get, sizeof(get), 7 << 20, bio};
			struct kt_rq_insert insert = {i,       KT_EV_rq_insert, sizeof(insert),
						      7 << 20, bio * 3,		bio};
			struct kt_rq_complete end = {i, KT_EV_rq_complete, sizeof(end), 4096,
						     bio * 3};
			struct kt_rq_bios more = {i, KT_EV_rq_bios, sizeof(more),
						  1, bio * 3,	    {bio}};

			bytes_add(&b, &get, sizeof(get));
			if (mode == 1 && i % 3 == 0)
				continue;
			if (mode == 2)
				insert.bio = 0xffff888000000000 + (make_random() % 500) * 256;
			if (mode == 3) {
				insert.bio = make_random();
				more.bio[3] = make_random();
			}
			bytes_add(&b, &insert, sizeof(insert));
			bytes_add(&b, &end, sizeof(end));
			if (i % 7 == 0)
				bytes_add(&b, &more, sizeof(more));
		}
		round_trip(kt_schema_compiled(), &b);
	}
	bytes_finish(&b);
}

/* Many types, odd field sizes, a full dictionary. */
static void made_up_schema(void **state)
{
	static const char *const kinds[] = {"COUNT",  "HEX",	"PTR", "TIME", "NS",
					    "SECTOR", "BYTES",	"DEV", "TID",  "CGROUP",
					    "INO",    "STATUS", "OPF"};
	char text[65536];
	size_t at = snprintf(text, sizeof(text), "ktrace-schema 1\n");
	struct kt_schema *s = NULL;
	struct bytes b = {0};

	for (int i = 1; i <= 255; i++)
		at += snprintf(
			text + at, sizeof(text) - at,
			"event %d e%d 40 f\nfield u8 a 12 1 %s\nfield u8 b 13 3 PTR\n"
			"field u64 value 16 1 %s\nfield u16 c 24 1 %s\nfield char d 26 11 STR\n"
			"field u8 e 37 3 HEX\n",
			i, i, kinds[i % 13], kinds[i % 13], kinds[(i / 13) % 13]);
	assert_int_equal(kt_schema_parse(text, at, &s), 0);
	for (uint64_t i = 0; i < 20000; i++) {
		unsigned char ev[40];
		struct kt_event head = {.ts_ns = i * 10, .id = i % 255 + 1, .len = 40};
		uint64_t value = i % 3 ? make_random() % 60000 : i;

		for (size_t j = 0; j < sizeof(ev); j++)
			ev[j] = make_random() % 3;
		memcpy(ev, &head, KT_EVENT_HDR);
		memcpy(ev + 16, &value, 8);
		bytes_add(&b, ev, sizeof(ev));
	}
	round_trip(s, &b);
	bytes_finish(&b);
	kt_schema_destroy(s);
}

static void what_it_cannot_hold(void **state)
{
	struct kt_rq_get get = {1, KT_EV_rq_get, sizeof(get), 7, 8};
	unsigned char enc[8192];
	struct bytes b = {0};

	bytes_add(&b, &get, sizeof(get));
	assert_true(ktr_columns_encode(kt_schema_compiled(), b.v, b.n, enc, sizeof(enc)) > 0);
	assert_int_equal(ktr_columns_encode(kt_schema_compiled(), b.v, b.n, enc, 10), -ENOSPC);
	assert_int_equal(ktr_columns_encode(kt_schema_compiled(), b.v, b.n - 8, enc, sizeof(enc)),
			 -EINVAL);
	get.id = 0x7777;
	bytes_add(&b, &get, sizeof(get));
	assert_int_equal(ktr_columns_encode(kt_schema_compiled(), b.v, b.n, enc, sizeof(enc)),
			 -EINVAL);
	get.id = KT_EV_rq_get;
	get.len += 8;
	memcpy(b.v, &get, sizeof(get));
	assert_int_equal(ktr_columns_encode(kt_schema_compiled(), b.v, b.n, enc, sizeof(enc)),
			 -EINVAL);
	bytes_finish(&b);
}

/* Any byte changed, any length cut: an error or other events, nothing worse. */
static void hostile_columns(void **state)
{
	struct bytes b = {0};
	unsigned char *enc, *copy, *back;
	size_t cap;
	int64_t n;
	int refused = 0;

	for (int i = 0; i < 40; i++)
		make_event(&b, i);
	for (uint64_t i = 0, ts = 100; i < 30; i++)
		ts = make_read(&b, ts);
	cap = ktr_columns_bound(b.n);
	enc = malloc(cap);
	n = ktr_columns_encode(kt_schema_compiled(), b.v, b.n, enc, cap);
	assert_true(n > 0);
	back = malloc(b.n);
	for (int64_t i = 0; i < n; i++) {
		/* A copy of the exact size, so that a sanitizer sees reads past its end. */
		copy = malloc(n);
		memcpy(copy, enc, n);
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = enc[i] ^ 1 << bit;
			refused += ktr_columns_decode(kt_schema_compiled(), copy, n, back, b.n) < 0;
		}
		copy[i] = enc[i];
		free(copy);
		copy = malloc(i + 1);
		memcpy(copy, enc, i);
		assert_int_equal(ktr_columns_decode(kt_schema_compiled(), copy, i, back, b.n),
				 -EBADMSG);
		free(copy);
	}
	assert_true(refused > 100);
	assert_int_equal(ktr_columns_decode(kt_schema_compiled(), enc, n, back, b.n - 8), -EBADMSG);
	free(enc);
	free(back);
	bytes_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_and_small),    cmocka_unit_test(random_events),
		cmocka_unit_test(reads_become_small), cmocka_unit_test(references),
		cmocka_unit_test(made_up_schema),     cmocka_unit_test(what_it_cannot_hold),
		cmocka_unit_test(hostile_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
