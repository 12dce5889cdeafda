/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "format/base/macros.h"
#include "tests/unit/make.h"

#define HEAD "ktrace-schema 1\n"

static struct kt_schema *parse(const char *text)
{
	struct kt_schema *s = NULL;

	assert_int_equal(kt_schema_parse(text, strlen(text), &s), 0);
	return s;
}

static void compiled_is_sound(void **state)
{
	const struct kt_schema *s = kt_schema_compiled();

	for (size_t i = 0; i < kt_n_events; i++) {
		const struct kt_event_desc *d = &kt_events[i];
		const struct kt_family_desc *family = NULL;
		size_t offset = KT_EVENT_HDR;

		assert_true(i == 0 || kt_events[i - 1].id < d->id);
		for (size_t j = 0; j < kt_n_families; j++)
			if (!strcmp(kt_families[j].name, d->family))
				family = &kt_families[j];
		assert_non_null(family);
		assert_int_equal(d->id & 0xff00, family->base);
		assert_ptr_equal(kt_schema_event(s, d->id), d);
		assert_ptr_equal(kt_schema_event_by_name(s, d->name), d);
		for (size_t j = 0; j < d->n_fields; j++) {
			assert_int_equal(d->fields[j].offset, offset);
			assert_ptr_equal(kt_event_field(d, d->fields[j].name), &d->fields[j]);
			offset += d->fields[j].size * d->fields[j].count;
		}
		assert_int_equal(offset, d->len);
	}
	assert_null(kt_schema_event(s, 0xffff));
	assert_null(kt_schema_event_by_name(s, "no_such_event"));
	assert_int_equal(kt_event_field(kt_schema_event(s, KT_EV_bio_queue), "bytes")->offset,
			 offsetof(struct kt_bio_queue, bytes));
}

static void hooks_name_events(void **state)
{
	/* none: what the hook learns is recorded with another hook's event. */
	for (size_t i = 0; i < KT_N_HOOKS; i++)
		if (strcmp(kt_hooks[i].event, "none"))
			assert_non_null(
				kt_schema_event_by_name(kt_schema_compiled(), kt_hooks[i].event));
}

static void text_comes_back(void **state)
{
	const struct kt_schema *c = kt_schema_compiled();
	struct kt_schema *s = NULL;
	size_t len, len2;
	const char *text = kt_schema_text(c, &len);

	assert_int_equal(kt_schema_parse(text, len, &s), 0);
	assert_int_equal(kt_schema_crc(s), kt_schema_crc(c));
	assert_memory_equal(kt_schema_text(s, &len2), text, len);
	assert_int_equal(len2, len);
	for (size_t i = 0; i < kt_n_events; i++) {
		const struct kt_event_desc *d = kt_schema_event(s, kt_events[i].id);

		assert_non_null(d);
		assert_string_equal(d->name, kt_events[i].name);
		assert_string_equal(d->family, kt_events[i].family);
		assert_string_equal(d->doc, kt_events[i].doc);
		assert_int_equal(d->len, kt_events[i].len);
		assert_int_equal(d->n_fields, kt_events[i].n_fields);
		for (size_t j = 0; j < d->n_fields; j++) {
			const struct kt_field *f = &d->fields[j], *g = &kt_events[i].fields[j];

			assert_string_equal(f->name, g->name);
			assert_string_equal(f->doc, g->doc);
			assert_int_equal(f->offset, g->offset);
			assert_int_equal(f->count, g->count);
			assert_int_equal(f->type, g->type);
			assert_int_equal(f->kind, g->kind);
			assert_int_equal(f->size, g->size);
		}
	}
	kt_schema_destroy(s);
}

static void unknown_words_are_skipped(void **state)
{
	struct kt_schema *s = parse(HEAD "note x y z\n\nevent 0x9001 later 16 new \"say \"it\"\"\n"
					 "field u32 a 12 1 MILES\n");
	const struct kt_event_desc *d = kt_schema_event(s, 0x9001);

	assert_non_null(d);
	assert_string_equal(d->doc, "say \"it\"");
	assert_int_equal(d->fields[0].kind, KT_KIND_COUNT);
	assert_string_equal(d->fields[0].doc, "");
	kt_schema_destroy(s);
}

static void bad_ones_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"ktrace-schema 2\n",
		HEAD "event\n",
		HEAD "event 0 zero 16 f\nfield u32 a 12 1 COUNT\n",
		HEAD "event 65536 big 16 f\nfield u32 a 12 1 COUNT\n",
		HEAD "event -1 neg 16 f\nfield u32 a 12 1 COUNT\n",
		HEAD "event 5 A 16 f\nfield u32 a 12 1 COUNT\n",
		HEAD "event 5 a 16\nfield u32 a 12 1 COUNT\n",
		HEAD "event 5 a 8 f\n",
		HEAD "event 5 a 12 f\n",
		HEAD "event 5 a 20 f\nfield u64 a 12 1 COUNT\n",
		HEAD "event 5 a 8192 f\nfield char a 12 8180 STR\n",
		HEAD "event 5 a 16 f\n",
		HEAD "event 5 a 16 f\nfield u32 a 16 1 COUNT\n",
		HEAD "event 5 a 16 f\nfield u64 a 12 1 COUNT\n",
		HEAD "event 5 a 16 f\nfield u16 a 12 1 COUNT\n",
		HEAD "event 5 a 16 f\nfield u16 a 12 1 COUNT\nfield u16 a 14 1 COUNT\n",
		HEAD "event 5 a 16 f\nfield u16 a 12 0 COUNT\n",
		HEAD "event 5 a 16 f\nfield f32 a 12 1 COUNT\n",
		HEAD "event 5 a 16 f\nfield u8 a 12 4294967297 COUNT\n",
		HEAD "event 5 a 16 f\nfield u64 a 12 536870913 COUNT\n",
		HEAD "field u32 a 12 1 COUNT\n",
		HEAD
		"event 5 a 16 f\nfield u32 a 12 1 COUNT\nevent 5 b 16 f\nfield u32 a 12 1 COUNT\n",
		HEAD
		"event 5 a 16 f\nfield u32 a 12 1 COUNT\nevent 6 a 16 f\nfield u32 a 12 1 COUNT\n",
		HEAD
		"event 5 a 24 f\nfield u32 a 12 1 COUNT\nevent 6 b 16 f\nfield u32 a 12 1 COUNT\n",
	};
	struct kt_schema *s;

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++)
		if (kt_schema_parse(bad[i], strlen(bad[i]), &s) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(kt_schema_parse(HEAD "\0", sizeof(HEAD), &s), -EBADMSG);
	kt_schema_destroy(NULL);
}

/* A field where the file has a reserve, which is 0, needs no copy; one where the file has something else does. */
static void reserve_is_used_in_place(void **state)
{
	static const char *const names[] = {"reserved", "spare"};
	struct kt_task_exit exit = {101, KT_EV_task_exit, sizeof(exit), 1, 2, 7};

	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		const struct kt_task_exit *e;
		char text[256];
		struct kt_schema *s;
		struct kt_map *m;

		snprintf(text, sizeof(text),
			 HEAD "event 0x0012 task_exit 24 core\n"
			      "field u32 tid 12 1 TID\n"
			      "field u32 tgid 16 1 TID\n"
			      "field u32 %s 20 1 HEX\n",
			 names[i]);
		s = parse(text);
		assert_int_equal(kt_map_create(s, &m), 0);
		e = (const void *)kt_map_event(m, (const void *)&exit);
		assert_non_null(e);
		assert_int_equal(e == &exit, i == 0);
		assert_int_equal(e->tgid, 2);
		assert_int_equal(i ? e->flags : 0, 0);
		assert_false(kt_map_has(m, KT_EV_task_exit, "flags"));
		assert_true(kt_map_has(m, KT_EV_task_exit, "tgid"));
		kt_map_destroy(m);
		kt_schema_destroy(s);
	}
}

/* A file from another version: fields moved, widened, new and missing; an event with another id; an unknown event. */
static void other_layout_is_mapped(void **state)
{
	struct kt_schema *s = parse(HEAD "event 0x7001 bio_complete 40 bio \"other\"\n"
					 "field u32 dev 12 1 DEV\n"
					 "field u64 bio 16 1 PTR\n"
					 "field u8 status 24 1 STATUS\n"
					 "field u8 later 25 7 COUNT\n"
					 "field u64 more 32 1 COUNT\n"
					 "event 0x7002 stranger 16 x\n"
					 "field u32 a 12 1 COUNT\n"
					 "event 0x0012 task_exit 24 core\n"
					 "field u32 tid 12 1 TID\n"
					 "field u32 tgid 16 1 TID\n"
					 "field u32 flags 20 1 HEX\n"
					 "event 0x0003 clock 24 core\n"
					 "field s32 realtime_ns 12 1 NS\n"
					 "field char phase 16 8 STR\n");
	struct {
		uint64_t ts_ns;
		uint16_t id, len;
		uint32_t dev;
		uint64_t bio;
		uint8_t status, later[7];
		uint64_t more;
	} other = {100, 0x7001, 40, 7 << 20, 0xffff888000001234, 9, {1}, 2};
	struct kt_task_exit exit = {101, KT_EV_task_exit, sizeof(exit), 1, 2, 3};
	struct kt_event stranger = {102, 0x7002, 16, 1};
	struct {
		uint64_t ts_ns;
		uint16_t id, len;
		int32_t realtime_ns;
		char phase[8];
	} clock = {103, KT_EV_clock, 24, -5, "nine"};
	const struct kt_bio_complete *c;
	const struct kt_clock *k;
	struct kt_map *m = NULL;

	assert_int_equal(kt_map_create(s, &m), 0);
	c = (const void *)kt_map_event(m, (const void *)&other);
	assert_non_null(c);
	assert_int_equal(c->ts_ns, 100);
	assert_int_equal(c->id, KT_EV_bio_complete);
	assert_int_equal(c->len, sizeof(*c));
	assert_int_equal(c->dev, 7 << 20);
	assert_int_equal(c->bio, 0xffff888000001234);
	assert_int_equal(c->status, 9);
	assert_int_equal(c->opf, 0);
	/* Numbers keep their sign; a string is not a number. */
	k = (const void *)kt_map_event(m, (const void *)&clock);
	assert_int_equal(k->realtime_ns, -5);
	assert_int_equal(k->phase, 0);
	/* Equal layouts are used unchanged. */
	assert_ptr_equal(kt_map_event(m, (const void *)&exit), &exit);
	assert_null(kt_map_event(m, &stranger));
	exit.len = 32;
	assert_null(kt_map_event(m, (const void *)&exit));
	stranger.id = 0x7777;
	assert_null(kt_map_event(m, &stranger));

	assert_true(kt_map_has(m, KT_EV_bio_complete, NULL));
	assert_true(kt_map_has(m, KT_EV_bio_complete, "status"));
	assert_false(kt_map_has(m, KT_EV_bio_complete, "opf"));
	assert_false(kt_map_has(m, KT_EV_clock, "phase"));
	assert_true(kt_map_has(m, KT_EV_task_exit, "tgid"));
	assert_false(kt_map_has(m, KT_EV_task_exit, "nothing"));
	assert_false(kt_map_has(m, KT_EV_bio_queue, NULL));
	assert_false(kt_map_has(m, 0x7002, NULL));
	kt_map_destroy(m);
	kt_map_destroy(NULL);
	kt_schema_destroy(s);
}

static void constants_default(void **state)
{
	char buf[128], tiny[8];

	assert_int_equal(kt_const_get(NULL, "req_op", "WRITE"), 1);
	assert_int_equal(kt_const_get(NULL, "req_flag", "SYNC"), 11);
	assert_int_equal(kt_const_get(NULL, "req_op", "SYNC"), -1);
	kt_opf_print(NULL, 1 | 1 << 11 | 1 << 17, KT_OPF_ALL, buf, sizeof(buf));
	assert_string_equal(buf, "write|sync|fua");
	kt_opf_print(NULL, 1 | 1 << 11, KT_OPF_OP, buf, sizeof(buf));
	assert_string_equal(buf, "write");
	kt_opf_print(NULL, 1 | 1 << 11, KT_OPF_FLAGS, buf, sizeof(buf));
	assert_string_equal(buf, "sync");
	kt_opf_print(NULL, 0, KT_OPF_FLAGS, buf, sizeof(buf));
	assert_string_equal(buf, "");
	kt_opf_print(NULL, 0x80000000 | 1 << 11 | 200, KT_OPF_ALL, buf, sizeof(buf));
	assert_string_equal(buf, "sync|0x800000c8");
	kt_opf_print(NULL, 1 | 1 << 11 | 1 << 17, KT_OPF_ALL, tiny, sizeof(tiny));
	assert_string_equal(tiny, "write|s");
}

static void constants_of_another_kernel(void **state)
{
	static const char text[] =
		"# moved\nreq_op READ 0\nreq_op\tWRITE 7\nreq_flag SYNC 20\n\nother X 5\n";
	static const char *const bad[] = {"req_op", "req_op READ", "req_op READ x",
					  "req_op READ -1"};
	struct kt_const_table *t = NULL;
	char buf[64];

	assert_int_equal(kt_const_table_parse(text, strlen(text), &t), 0);
	assert_int_equal(kt_const_get(t, "req_op", "WRITE"), 7);
	assert_int_equal(kt_const_get(t, "req_flag", "FUA"), -1);
	assert_int_equal(kt_const_get(t, "other", "X"), 5);
	kt_opf_print(t, 7 | 1 << 20 | 1 << 11, KT_OPF_ALL, buf, sizeof(buf));
	assert_string_equal(buf, "write|sync|0x800");
	kt_const_table_destroy(t);
	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++)
		assert_int_equal(kt_const_table_parse(bad[i], strlen(bad[i]), &t), -EBADMSG);
	kt_const_table_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiled_is_sound),
		cmocka_unit_test(hooks_name_events),
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(unknown_words_are_skipped),
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(reserve_is_used_in_place),
		cmocka_unit_test(other_layout_is_mapped),
		cmocka_unit_test(constants_default),
		cmocka_unit_test(constants_of_another_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
