/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * sum() and abs() that never fail: SQLite's own end the whole report with "integer overflow" at one absurd number, and a
 * database may come from anyone. They take these names, so that every report, every view and a user's own SQL has them.
 */
#include <stddef.h>
#include <stdint.h>

#include "report/query/func.h"

/* 2^63 integers of 64 bits have room in 128. SQLite's memory is aligned to 8 bytes, no more. */
struct sum {
	__int128 whole __attribute__((packed, aligned(8)));
	double real;
	int64_t n, n_real;
};
_Static_assert(_Alignof(struct sum) == 8, "sqlite3_aggregate_context() gives no more");

static void sum_add(sqlite3_context *ctx, sqlite3_value *v, int sign)
{
	struct sum *s = sqlite3_aggregate_context(ctx, sizeof(*s));
	int type = sqlite3_value_numeric_type(v);

	if (!s || type == SQLITE_NULL)
		return;
	s->n += sign;
	if (type == SQLITE_INTEGER) {
		s->whole += sign * (__int128)sqlite3_value_int64(v);
	} else {
		s->real += sign * sqlite3_value_double(v);
		s->n_real += sign;
	}
}

static void sum_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	sum_add(ctx, argv[0], 1);
}

static void sum_inverse(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	sum_add(ctx, argv[0], -1);
}

/* An integer where all were and it is one of 64 bits, as SQLite's; else a number that is near enough. */
static void sum_value(sqlite3_context *ctx)
{
	const struct sum *s = sqlite3_aggregate_context(ctx, 0);

	if (!s || !s->n)
		return;
	if (s->n_real)
		sqlite3_result_double(ctx, s->real + (double)s->whole);
	else if (s->whole >= INT64_MIN && s->whole <= INT64_MAX)
		sqlite3_result_int64(ctx, (int64_t)s->whole);
	else
		sqlite3_result_double(ctx, (double)s->whole);
}

static void abs_func(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	int64_t i;
	double d;

	switch (sqlite3_value_type(argv[0])) {
	case SQLITE_NULL:
		return;
	case SQLITE_INTEGER:
		i = sqlite3_value_int64(argv[0]);
		if (i != INT64_MIN) {
			sqlite3_result_int64(ctx, i < 0 ? -i : i);
			return;
		}
	}
	d = sqlite3_value_double(argv[0]);
	sqlite3_result_double(ctx, d < 0 ? -d : d);
}

int kt_sum_register(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = sqlite3_create_window_function(db, "sum", 1, flags, NULL, sum_step, sum_value,
						sum_value, sum_inverse, NULL);

	return rc ? rc : sqlite3_create_function(db, "abs", 1, flags, NULL, abs_func, NULL, NULL);
}
