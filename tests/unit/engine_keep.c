// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* What --keep stores: long flows, flows linked to them, and what they waited for, however late that becomes known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "analyze/db/db.h"
#include "analyze/engine/keep.h"
#include "format/base/macros.h"

struct flow_row {
	int64_t id;
	const char *name;
};

static const struct kt_col cols[] = {
	KT_COL(flow_row, id, KT_COL_ID, "", "its number"),
	KT_COL(flow_row, name, KT_COL_TEXT, "", "a text"),
};
static const struct kt_table table = {"flow", "flows", cols, KT_ARRAY_SIZE(cols), NULL, NULL};
static const struct kt_flow_kind kind = {.name = "flow", .table = &table};

struct fixture {
	char path[64];
	struct kt_db *db;
	struct kt_keep *s;
	int64_t now_ns;
};

static void begin_db(struct fixture *f, uint64_t sample)
{
	*f = (struct fixture){0};
	snprintf(f->path, sizeof(f->path), "engine-keep-%d.db", (int)getpid());
	assert_false(kt_db_create(f->path, false, false, &f->db));
	assert_false(kt_db_add_table(f->db, &table));
	assert_false(kt_keep_create(f->db, 100, sample, &f->s));
	assert_false(kt_keep_add_kind(f->s, &kind));
}

/* The stored ids, in order, as text. */
static void end_db(struct fixture *f, char *buf, size_t size)
{
	size_t n = 0;
	sqlite3_stmt *ids;
	sqlite3 *db;

	assert_false(kt_keep_finish(f->s));
	assert_int_equal(kt_keep_missed(f->s), 0);
	kt_keep_destroy(f->s);
	assert_false(kt_db_commit(f->db, 1));
	kt_db_destroy(f->db);
	assert_false(sqlite3_open(f->path, &db));
	assert_false(
		sqlite3_prepare_v2(db, "SELECT id || name FROM flow ORDER BY id", -1, &ids, NULL));
	buf[0] = '\0';
	while (sqlite3_step(ids) == SQLITE_ROW)
		n += snprintf(buf + n, size - n, "%s ", sqlite3_column_text(ids, 0));
	sqlite3_finalize(ids);
	sqlite3_close(db);
	unlink(f->path);
}

static void step(struct fixture *f, int64_t ns)
{
	f->now_ns += ns;
	assert_false(kt_keep_tick(f->s, f->now_ns));
}

static void begin(struct fixture *f, int64_t id, bool until_told)
{
	assert_false(kt_keep_begin(f->s, &kind, id, KT_NULL, until_told));
}

static void end(struct fixture *f, int64_t id, int64_t dur_ns)
{
	char name[] = "x"; /* gone when it is written */
	struct flow_row row = {id, name};

	assert_false(kt_keep_insert(f->s, &kind, id, &table, &row));
	name[0] = '?';
	assert_false(kt_keep_ended(f->s, &kind, id, dur_ns));
}

static void needs(struct fixture *f, int64_t id, int64_t of)
{
	assert_false(kt_keep_needs(f->s, &kind, id, &kind, of));
}

/* So many short flows that need each other that all ended ones are swept. */
static void many_needed(struct fixture *f)
{
	for (int64_t id = 1000; id < 5000; id += 2) {
		begin(f, id, true);
		begin(f, id + 1, true);
		end(f, id, 1);
		needs(f, id, id + 1);
		needs(f, id + 1, id);
		end(f, id + 1, 1);
		step(f, 1);
	}
}

static void test_long_and_linked(void **state)
{
	struct fixture f;
	char ids[256];

	(void)state;
	begin_db(&f, 0);
	step(&f, 1);
	for (int64_t id = 1; id <= 8; id++)
		begin(&f, id, id != 7);
	end(&f, 1, 99);
	end(&f, 2, 100);
	end(&f, 3, KT_NULL);
	/* 4 is linked to 5, which is long; 6 lasts. When 7 is over, it was so before. */
	assert_false(kt_keep_link(f.s, &kind, 4, &kind, 5));
	end(&f, 4, 1);
	step(&f, 50);
	end(&f, 5, 100);
	step(&f, 50);
	end(&f, 6, 100);
	end(&f, 7, 99);
	kt_keep_forget(f.s, &kind, 8);
	end_db(&f, ids, sizeof(ids));
	assert_string_equal(ids, "2x 3x 4x 5x 6x ");
}

/* 1 needs 2, which needs 3; all are over, but 1 is linked to 4, which lasts. 5 needs 6, and both are short. */
static void test_needed(void **state)
{
	struct fixture f;
	char ids[256];

	(void)state;
	begin_db(&f, 0);
	for (int64_t id = 1; id <= 6; id++) {
		begin(&f, id, false);
		kt_keep_hold(f.s, &kind, id, true);
	}
	assert_false(kt_keep_link(f.s, &kind, 1, &kind, 4));
	end(&f, 3, 1);
	end(&f, 2, 1);
	needs(&f, 2, 3);
	end(&f, 1, 1);
	needs(&f, 1, 2);
	end(&f, 6, 1);
	end(&f, 5, 1);
	needs(&f, 5, 6);
	for (int64_t id = 1; id <= 6; id++)
		kt_keep_hold(f.s, &kind, id, false);
	many_needed(&f);
	end(&f, 4, 5000);
	end_db(&f, ids, sizeof(ids));
	assert_string_equal(ids, "1x 2x 3x 4x ");
}

/* One in one of the short flows means all of them. */
static void test_sampled(void **state)
{
	static char ids[1 << 16];
	struct fixture f;

	(void)state;
	begin_db(&f, 1);
	many_needed(&f);
	end_db(&f, ids, sizeof(ids));
	assert_memory_equal(ids, "1000x 1001x 1002x ", 18);
	assert_int_equal(strlen(ids), 4000 * 6);
}

/* A watched flow takes rows after the decision. */
static void test_watched(void **state)
{
	struct flow_row row = {KT_NULL, "late"};
	struct fixture f;
	char ids[256];

	(void)state;
	begin_db(&f, 0);
	for (int64_t id = 1; id <= 2; id++) {
		begin(&f, id, true);
		kt_keep_watch(f.s, &kind, id, true);
		end(&f, id, id * 50);
	}
	for (int i = 0; i < 3; i++)
		step(&f, 1000);
	for (int64_t id = 1; id <= 2; id++) {
		row.id = id + 10;
		assert_false(kt_keep_insert(f.s, &kind, id, &table, &row));
		kt_keep_watch(f.s, &kind, id, false);
	}
	end_db(&f, ids, sizeof(ids));
	assert_string_equal(ids, "2x 12late ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_and_linked),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
