/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/stats/busy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/base/keyed.h"
#include "analyze/db/db.h"
#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/base/time.h"

#define MAX_INTERVALS 65536 /* disjoint ones of a device and operation */
#define MAX_SECONDS 100000  /* seconds of one interval that get a row each */

struct busy_row {
	int64_t run_id, second;
	const char *flow;
	int64_t device_id;
	const char *op;
	int64_t busy_ns;
};

static const struct kt_col busy_cols[] = {
	KT_COL(busy_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(busy_row, second, KT_COL_INT, "s", "since the epoch of the database"),
	KT_COL(busy_row, flow, KT_COL_TEXT, "", "request or bio"),
	KT_COL(busy_row, device_id, KT_COL_INT, "", "device of the flows"),
	KT_COL(busy_row, op, KT_COL_TEXT, "", "operation; NULL: any"),
	KT_COL(busy_row, busy_ns, KT_COL_INT, "ns",
	       "with at least one whole flow in its stage device. Too small if one stays at the "
	       "device while 65536 others come and go one by one"),
};

static const struct kt_table busy_table = {
	.name = "busy",
	.doc = "how long devices were busy, second by second; several rows of one key add up",
	.cols = busy_cols,
	.n_cols = KT_ARRAY_SIZE(busy_cols),
};

struct flight_row {
	int64_t run_id, second, tgid, busy_ns;
};

static const struct kt_col flight_cols[] = {
	KT_COL(flight_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(flight_row, second, KT_COL_INT, "s", "since the epoch of the database"),
	KT_COL(flight_row, tgid, KT_COL_INT, "", "process that submitted them; NULL: any process"),
	KT_COL(flight_row, busy_ns, KT_COL_INT, "ns",
	       "for how long at least one of its asynchronous operations was in flight; whole "
	       "operations only"),
};

static const struct kt_table flight_table = {
	.name = "io_in_flight",
	.doc = "when asynchronous operations (io_uring, aio) were in flight, second by second; "
	       "several rows of one key add up",
	.cols = flight_cols,
	.n_cols = KT_ARRAY_SIZE(flight_cols),
};

const struct kt_table *const kt_busy_tables[] = {&busy_table, &flight_table, NULL};

struct busy_key {
	int64_t run, device_id, tgid;
	const char *flow, *op; /* flow NULL: table io_in_flight, by tgid; op NULL: any */
};

struct interval {
	int64_t start_ns, end_ns;
};

struct busy_entry {
	struct busy_key k;
	KT_VEC(struct interval) v; /* disjoint, by time */
	int64_t floor_ns;	   /* everything before it has been written */
	bool written;
};

struct kt_busy {
	struct kt_db *db;
	struct kt_keyed busy;
};

int kt_busy_create(struct kt_db *db, struct kt_busy **ret)
{
	struct kt_busy *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->db = db;
	kt_keyed_init(&l->busy, sizeof(struct busy_key), sizeof(struct busy_entry));
	*ret = l;
	return 0;
}

void kt_busy_destroy(struct kt_busy *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->busy.n; i++)
		kt_vec_finish(&((struct busy_entry *)kt_keyed_at(&l->busy, i))->v);
	kt_keyed_finish(&l->busy);
	free(l);
}

static int insert_busy(struct kt_busy *l, const struct busy_entry *b, const struct busy_row *row)
{
	struct flight_row flight = {row->run_id, row->second, b->k.tgid, row->busy_ns};

	return b->k.flow ? kt_db_insert(l->db, &busy_table, row)
			 : kt_db_insert(l->db, &flight_table, &flight);
}

/* The first n intervals of a device. */
static int write_busy(struct kt_busy *l, struct busy_entry *b, size_t n)
{
	struct busy_row row = {b->k.run + 1, 0, b->k.flow, b->k.device_id, b->k.op, 0};
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		int64_t at = b->v.v[i].start_ns, end = b->v.v[i].end_ns;

		for (int pieces = 0; at < end && !err; pieces++) {
			int64_t second = kt_second_of(at), next = (second + 1) * KT_NS_PER_S;

			if (pieces == MAX_SECONDS || next > end || next < at)
				next = end;
			if (row.busy_ns && row.second != second) {
				err = insert_busy(l, b, &row);
				row.busy_ns = 0;
			}
			row.second = second;
			row.busy_ns += next - at;
			at = next;
		}
	}
	if (!err && row.busy_ns)
		err = insert_busy(l, b, &row);
	if (!n)
		return err;
	b->floor_ns = b->v.v[n - 1].end_ns;
	b->written = true;
	memmove(b->v.v, b->v.v + n, (b->v.n - n) * sizeof(*b->v.v));
	b->v.n -= n;
	return err;
}

static int count_busy(struct kt_busy *l, const struct busy_key *k, struct interval i)
{
	struct busy_entry *b = kt_keyed_get(&l->busy, k);
	size_t from, to;

	if (!b)
		return -ENOMEM;
	if (b->written)
		i.start_ns = KT_MAX(i.start_ns, b->floor_ns);
	if (i.end_ns <= i.start_ns)
		return 0;
	/* Flows come nearly in the order of their ends: overlapping intervals are at the back. */
	for (to = b->v.n; to && b->v.v[to - 1].start_ns > i.end_ns; to--)
		;
	for (from = to; from && b->v.v[from - 1].end_ns >= i.start_ns; from--) {
		i.start_ns = KT_MIN(i.start_ns, b->v.v[from - 1].start_ns);
		i.end_ns = KT_MAX(i.end_ns, b->v.v[from - 1].end_ns);
	}
	if (from < to) {
		b->v.v[from] = i;
		memmove(b->v.v + from + 1, b->v.v + to, (b->v.n - to) * sizeof(i));
		b->v.n -= to - from - 1;
		return 0;
	}
	if (kt_vec_push(&b->v, i))
		return -ENOMEM;
	memmove(b->v.v + to + 1, b->v.v + to, (b->v.n - 1 - to) * sizeof(i));
	b->v.v[to] = i;
	return b->v.n >= MAX_INTERVALS ? write_busy(l, b, MAX_INTERVALS / 2) : 0;
}

int kt_busy_count(struct kt_busy *l, uint32_t run, const char *flow, int64_t object_id,
		  const char *op, int64_t start_ns, int64_t end_ns)
{
	struct busy_key any = {run, object_id, KT_NULL, flow, NULL};
	struct busy_key one = {run, object_id, KT_NULL, flow, op};
	struct interval i = {start_ns, end_ns};
	int err = count_busy(l, &any, i);

	return err ? err : count_busy(l, &one, i);
}

int kt_busy_in_flight(struct kt_busy *l, uint32_t run, int64_t tgid, int64_t start_ns,
		      int64_t end_ns)
{
	struct interval i = {start_ns, end_ns};
	struct busy_key any = {run, KT_NULL, KT_NULL, NULL, NULL};
	struct busy_key its = {run, KT_NULL, tgid, NULL, NULL};
	int err = count_busy(l, &any, i);

	if (!err && tgid != KT_NULL)
		err = count_busy(l, &its, i);
	return err;
}

int kt_busy_write(struct kt_busy *l)
{
	int err = 0;

	for (size_t i = 0; i < l->busy.n && !err; i++) {
		struct busy_entry *b = kt_keyed_at(&l->busy, i);

		err = write_busy(l, b, b->v.n);
	}
	return err;
}
