/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/stats/slowest.h"

#include <errno.h>
#include <stdlib.h>

#include "analyze/base/keyed.h"
#include "analyze/db/db.h"
#include "format/base/macros.h"
#include "format/base/time.h"

#define MAX_SLOWEST 32 /* of a second, object and operation */

struct slowest_row {
	int64_t run_id, second;
	const char *flow;
	int64_t device_id, part_device_id;
	const char *op;
	int64_t flow_id, dur_ns;
};

static const struct kt_col slowest_cols[] = {
	KT_COL(slowest_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(slowest_row, second, KT_COL_INT, "s",
	       "in which the flow ended, since the epoch of the database"),
	KT_COL(slowest_row, flow, KT_COL_TEXT, "", "request, bio or io"),
	KT_COL(slowest_row, device_id, KT_COL_INT, "", "device of the flow"),
	KT_COL(slowest_row, part_device_id, KT_COL_INT, "",
	       "the partition that a request is charged to"),
	KT_COL(slowest_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(slowest_row, flow_id, KT_COL_INT, "", "request_id, bio_id or io_id"),
	KT_COL(slowest_row, dur_ns, KT_COL_INT, "ns", "its duration"),
};

static const struct kt_table slowest_table = {
	.name = "slowest",
	.doc = "the 32 slowest whole flows of each second, device and operation",
	.cols = slowest_cols,
	.n_cols = KT_ARRAY_SIZE(slowest_cols),
};

const struct kt_table *const kt_slowest_tables[] = {&slowest_table, NULL};

struct slow_key {
	int64_t run, device_id, part_device_id;
	const char *flow, *op;
};

struct slow_entry {
	struct slow_key k;
	unsigned int n;
	struct {
		int64_t dur_ns, id;
	} heap[MAX_SLOWEST]; /* the shortest at the top */
};

struct kt_slowest {
	struct kt_db *db;
	int64_t second; /* being counted */
	struct kt_keyed slow;
};

int kt_slowest_create(struct kt_db *db, struct kt_slowest **ret)
{
	struct kt_slowest *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->db = db;
	l->second = INT64_MIN;
	kt_keyed_init(&l->slow, sizeof(struct slow_key), sizeof(struct slow_entry));
	*ret = l;
	return 0;
}

void kt_slowest_destroy(struct kt_slowest *l)
{
	if (!l)
		return;
	kt_keyed_finish(&l->slow);
	free(l);
}

static int write_slow(struct kt_slowest *l)
{
	int err = 0;

	for (size_t i = 0; i < l->slow.n && !err; i++) {
		struct slow_entry *x = kt_keyed_at(&l->slow, i);

		for (unsigned int j = 0; j < x->n && !err; j++) {
			struct slowest_row row = {x->k.run + 1,	  l->second,	       x->k.flow,
						  x->k.device_id, x->k.part_device_id, x->k.op,
						  x->heap[j].id,  x->heap[j].dur_ns};

			err = kt_db_insert(l->db, &slowest_table, &row);
		}
		x->n = 0;
	}
	return err;
}

static int count_slow(struct kt_slowest *l, const char *flow, const struct kt_flow *f)
{
	struct slow_key k = {f->run, f->object_id, f->part_id, flow, f->op};
	struct slow_entry *x = kt_keyed_get(&l->slow, &k);
	unsigned int i, child;

	if (!x)
		return -ENOMEM;
	if (x->n < MAX_SLOWEST) {
		for (i = x->n++; i && x->heap[(i - 1) / 2].dur_ns > f->dur_ns; i = (i - 1) / 2)
			x->heap[i] = x->heap[(i - 1) / 2];
	} else {
		if (f->dur_ns <= x->heap[0].dur_ns)
			return 0;
		for (i = 0; (child = 2 * i + 1) < x->n; i = child) {
			if (child + 1 < x->n && x->heap[child + 1].dur_ns < x->heap[child].dur_ns)
				child++;
			if (x->heap[child].dur_ns >= f->dur_ns)
				break;
			x->heap[i] = x->heap[child];
		}
	}
	x->heap[i].dur_ns = f->dur_ns;
	x->heap[i].id = f->id;
	return 0;
}

int kt_slowest_count(struct kt_slowest *l, const char *flow, const struct kt_flow *f)
{
	int64_t second;
	int err = 0;

	if (f->state != KT_STATE_WHOLE || f->dur_ns == KT_NULL || f->dur_ns < 0)
		return 0;
	second = f->end_ns != KT_NULL ? kt_second_of(f->end_ns) : KT_MAX(l->second, 0);
	if (kt_unlikely(second != l->second)) {
		err = write_slow(l);
		l->second = second;
	}
	return err ? err : count_slow(l, flow, f);
}

int kt_slowest_write(struct kt_slowest *l)
{
	return write_slow(l);
}
