/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "tests/unit/make.h"

static char *print(const void *ev, uint32_t stream, uint64_t epoch_ns)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(kt_text_print(f, kt_schema_compiled(), NULL, ev, stream, epoch_ns), 0);
	fclose(f);
	return text;
}

static void prints_as_documented(void **state)
{
	struct kt_bio_queue q = {
		.ts_ns = 1500,
		.id = KT_EV_bio_queue,
		.len = sizeof(q),
		.tid = 42,
		.bio = 0xffff888000001000,
		.sector = 2048,
		.bytes = 4096,
		.dev = 254 << 20 | 1,
		.opf = 1 | 1 << 11 | 1 << 30,
		.tgid = 41,
		.flags = KT_BIO_BASED,
	};
	struct kt_lost lost = {900, KT_EV_lost, sizeof(lost), KT_LOSS_RECURSION, 1100, 7};
	struct kt_task_new task = {1000, KT_EV_task_new,       sizeof(task), 1, 2, 3,
				   4,	 "a \"b\"\\\n\xc3\xa4"};
	struct kt_rq_bios bios = {1000, KT_EV_rq_bios, sizeof(bios), 1, 0x10, {0x20, 0, 0x40}};
	char *text;

	text = print(&q, 3, 1000);
	assert_string_equal(
		text,
		"500 3 bio_queue tid=42 bio=0xffff888000001000 sector=2048 bytes=4096 dev=254:1"
		" opf=write|sync|0x40000000 tgid=41 cgroup=0 blkcg=0 ino=0 ino_dev=0:0"
		" flags=0x1 io=0x0 io_age_ns=0 offset=0 io_tid=0 io_kind=0 io_flags=0x0");
	free(text);
	text = print(&lost, 0, 1000);
	assert_string_equal(text, "-100 0 lost cause=recursion end_ns=100 n=7");
	free(text);
	text = print(&task, 0, 1000);
	assert_string_equal(text, "0 0 task_new tid=1 tgid=2 parent_tid=3 cgroup=4"
				  " comm=\"a \\x22b\\x22\\x5c\\x0a\\xc3\\xa4\"");
	free(text);
	text = print(&bios, 0, 1000);
	assert_string_equal(text, "0 0 rq_bios first=1 rq=0x10 bio=0x20,0x0,0x40");
	free(text);
	bios.bio[0] = bios.bio[2] = 0;
	text = print(&bios, 0, 1000);
	assert_string_equal(text, "0 0 rq_bios first=1 rq=0x10 bio=");
	free(text);
}

static void every_event_comes_back(void **state)
{
	_Alignas(8) unsigned char back[KT_EVENT_MAX];
	struct bytes b = {0};
	char err[128];

	for (int i = 0; i < 3000; i++) {
		uint64_t epoch_ns = i % 2 ? 0 : make_random();
		uint32_t stream;
		char *text;
		int len;

		b.n = 0;
		make_event(&b, make_random());
		text = print(b.v, i, epoch_ns);
		len = kt_text_parse(text, epoch_ns, back, &stream, err, sizeof(err));
		if (len < 0)
			fail_msg("%s: %s", err, text);
		assert_int_equal(len, b.n);
		assert_int_equal(stream, i);
		assert_memory_equal(back, b.v, b.n);
		free(text);
	}
	bytes_finish(&b);
}

static void defaults_and_order(void **state)
{
	struct kt_rq_get get;
	_Alignas(8) unsigned char buf[KT_EVENT_MAX];
	uint32_t stream = 9;

	assert_int_equal(kt_text_parse("", 0, buf, &stream, NULL, 0), 0);
	assert_int_equal(kt_text_parse("  # text", 0, buf, &stream, NULL, 0), 0);
	assert_int_equal(
		kt_text_parse(" 10  1\trq_get   bio=16 dev=7:0 \r\n", 5, buf, &stream, NULL, 0),
		sizeof(get));
	memcpy(&get, buf, sizeof(get));
	assert_int_equal(get.ts_ns, 15);
	assert_int_equal(stream, 1);
	assert_int_equal(get.bio, 16);
	assert_int_equal(get.dev, 7 << 20);
	assert_int_equal(kt_text_parse("10 1 rq_get", 0, buf, &stream, NULL, 0), sizeof(get));
	memcpy(&get, buf, sizeof(get));
	assert_int_equal(get.bio, 0);
}

static void bad_lines_say_why(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{"x", "time"},
		{"10", "stream"},
		{"10 x", "stream"},
		{"10 99999999999", "stream"},
		{"10 1", "name of an event"},
		{"10 1 nothing", "no event nothing"},
		{"10 1 rq_get foo=1", "no field foo"},
		{"10 1 rq_get bio", "not a field"},
		{"10 1 rq_get bio=", "value of bio"},
		{"10 1 rq_get bio=1x", "value of bio"},
		{"10 1 rq_get bio=1,2", "more than 1"},
		{"10 1 rq_get dev=7", "value of dev"},
		{"10 1 rq_get dev=9999:0", "value of dev"},
		{"10 1 rq_get dev=0:2000000", "value of dev"},
		{"10 1 bio_merge bytes=4294967296", "does not fit"},
		{"10 1 bio_merge bytes=-1", "does not fit"},
		{"10 1 bio_queue opf=fly", "value of opf"},
		{"10 1 lost cause=bad", "value of cause"},
		{"10 1 task_comm comm=x", "comm"},
		{"10 1 task_comm comm=\"x", "comm"},
		{"10 1 task_comm comm=\"\\y\"", "comm"},
		{"10 1 task_comm comm=\"\\x1\"", "comm"},
		{"10 1 task_comm comm=\"12345678901234567\"", "comm"},
		{"10 1 task_comm comm=\"x\"y", "comm"},
		{"10 1 rq_bios bio=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "more than 15"},
	};
	_Alignas(8) unsigned char buf[KT_EVENT_MAX];
	char err[160];
	uint32_t stream;

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		if (kt_text_parse(bad[i].line, 0, buf, &stream, err, sizeof(err)) != -EBADMSG)
			fail_msg("taken: %s", bad[i].line);
		if (!strstr(err, bad[i].why))
			fail_msg("%s: %s", bad[i].line, err);
	}
}

static void unknown_events_do_not_print(void **state)
{
	struct kt_event ev = {1, 0x7777, 16, 0};

	assert_int_equal(kt_text_print(stdout, kt_schema_compiled(), NULL, &ev, 0, 0), -EBADMSG);
	ev.id = KT_EV_bio_queue;
	assert_int_equal(kt_text_print(stdout, kt_schema_compiled(), NULL, &ev, 0, 0), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_as_documented),
		cmocka_unit_test(every_event_comes_back),
		cmocka_unit_test(defaults_and_order),
		cmocka_unit_test(bad_lines_say_why),
		cmocka_unit_test(unknown_events_do_not_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
