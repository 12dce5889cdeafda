/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/keyed.h"
#include "format/base/array.h"
#include "format/base/bucket.h"
#include "format/base/macros.h"

#define NS_PER_S 1000000000ll
#define MAX_KEYS 65536	    /* of a table; when full, its rows are written early */
#define MAX_SLOWEST 32	    /* of a second, device and operation */
#define MAX_INTERVALS 65536 /* of a device and operation, apart from each other */
#define MAX_SECONDS 100000  /* of one interval that get a row each */

/* ---------------------------------------------------------------- tables */

struct load_row {
	int64_t run_id, second;
	const char *flow;
	int64_t device_id, part_device_id;
	const char *op, *state;
	int64_t is_split, n, size_bytes, dur_ns, device_ns, n_bios, n_carrying, min_id, max_id;
	const char *link;
	int64_t n_errors;
};

static const struct kt_col load_cols[] = {
	KT_COL(load_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(load_row, second, KT_COL_INT, "s",
	       "in which the flows ended, since the epoch of the database"),
	KT_COL(load_row, flow, KT_COL_TEXT, "", "request, bio or io"),
	KT_COL(load_row, device_id, KT_COL_INT, "", "device of the flows"),
	KT_COL(load_row, part_device_id, KT_COL_INT, "",
	       "the partition that requests are charged to"),
	KT_COL(load_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(load_row, state, KT_COL_TEXT, "", "whole open_at_start open_at_end lossy evicted"),
	KT_COL(load_row, is_split, KT_COL_INT, "",
	       "1: bios that are part of another (parent_bio_id)"),
	KT_COL(load_row, n, KT_COL_INT, "", "flows"),
	KT_COL(load_row, size_bytes, KT_COL_INT, "bytes", "sum of their sizes, where known"),
	KT_COL(load_row, dur_ns, KT_COL_INT, "ns", "sum of their durations, where known"),
	KT_COL(load_row, device_ns, KT_COL_INT, "ns", "sum of their stage device, where known"),
	KT_COL(load_row, n_bios, KT_COL_INT, "", "bios of the requests or operations"),
	KT_COL(load_row, n_carrying, KT_COL_INT, "", "requests or operations that had a bio"),
	KT_COL(load_row, min_id, KT_COL_INT, "", "smallest request_id, bio_id or io_id among them"),
	KT_COL(load_row, max_id, KT_COL_INT, "", "largest"),
	KT_COL(load_row, link, KT_COL_TEXT, "",
	       "of bios: how their operation is known, exact or inferred; NULL: it is not"),
	KT_COL(load_row, n_errors, KT_COL_INT, "", "of these, that ended in error"),
};

static const struct kt_table load_table = {
	.name = "load",
	.doc = "requests, bios and operations second by second; several rows of one key add up",
	.cols = load_cols,
	.n_cols = KT_ARRAY_SIZE(load_cols),
};

struct task_load_row {
	int64_t run_id, second, device_id;
	const char *op;
	int64_t utid, ucgid, bucket, n, sum_ns, max_ns, size_bytes;
};

static const struct kt_col task_load_cols[] = {
	KT_COL(task_load_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(task_load_row, second, KT_COL_INT, "s",
	       "in which the bios ended, since the epoch of the database"),
	KT_COL(task_load_row, device_id, KT_COL_INT, "", "device as submitted"),
	KT_COL(task_load_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(task_load_row, utid, KT_COL_INT, "", "submitting task"),
	KT_COL(task_load_row, ucgid, KT_COL_INT, "", "its cgroup"),
	KT_COL(task_load_row, bucket, KT_COL_INT, "", "durations of one range, as in latency_hist"),
	KT_COL(task_load_row, n, KT_COL_INT, "", "bios, whole ones that are no part of another"),
	KT_COL(task_load_row, sum_ns, KT_COL_INT, "ns", "sum of their durations"),
	KT_COL(task_load_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
	KT_COL(task_load_row, size_bytes, KT_COL_INT, "bytes", "sum of their sizes"),
};

static const struct kt_table task_load_table = {
	.name = "task_load",
	.doc = "bios by submitter, second by second; several rows of one key add up",
	.cols = task_load_cols,
	.n_cols = KT_ARRAY_SIZE(task_load_cols),
};

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
	KT_COL(busy_row, op, KT_COL_TEXT, "", "operation; NULL = any"),
	KT_COL(busy_row, busy_ns, KT_COL_INT, "ns",
	       "with at least one whole flow in its stage device. Too small where one stays on the "
	       "device while 65536 others come and go one by one"),
};

static const struct kt_table busy_table = {
	.name = "busy",
	.doc = "for how long devices had something to do, second by second; several rows of one "
	       "key add up",
	.cols = busy_cols,
	.n_cols = KT_ARRAY_SIZE(busy_cols),
};

struct flight_row {
	int64_t run_id, second, tgid, busy_ns;
};

static const struct kt_col flight_cols[] = {
	KT_COL(flight_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(flight_row, second, KT_COL_INT, "s", "since the epoch of the database"),
	KT_COL(flight_row, tgid, KT_COL_INT, "", "process that submitted them; NULL = any process"),
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

const struct kt_table *const kt_load_tables[] = {&load_table,	&task_load_table, &busy_table,
						 &flight_table, &slowest_table,	  NULL};

/* ---------------------------------------------------------------- keys */

/* Texts are static while the analysis runs: their addresses are keys. Two addresses of one text make two rows. */
struct load_key {
	int64_t run, device_id, part_device_id, is_split;
	const char *flow, *op, *state, *link;
};

struct load_entry {
	struct load_key k;
	int64_t n, size_bytes, dur_ns, device_ns, n_bios, n_carrying, n_errors, min_id, max_id;
};

struct task_key {
	int64_t run, device_id, utid, ucgid, bucket;
	const char *op;
};

struct task_entry {
	struct task_key k;
	int64_t n, sum_ns, max_ns, size_bytes;
};

struct busy_key {
	int64_t run, device_id, tgid;
	const char *flow, *op; /* flow NULL: table io_in_flight, by tgid; op NULL: any */
};

struct interval {
	int64_t start_ns, end_ns;
};

struct busy_entry {
	struct busy_key k;
	KT_VEC(struct interval) v; /* apart from each other, by time */
	int64_t floor_ns;	   /* what is before it is written */
	bool written;
};

struct slow_key {
	int64_t run, device_id, part_device_id;
	const char *flow, *op;
};

struct slow_entry {
	struct slow_key k;
	unsigned int n;
	struct {
		int64_t dur_ns, id;
	} heap[MAX_SLOWEST]; /* the least at the top */
};

struct kt_load {
	struct kt_engine *e;
	int64_t second; /* that is being counted */
	struct kt_keyed loads, tasks, busy, slow;
};

int kt_load_create(struct kt_engine *e, struct kt_load **ret)
{
	struct kt_load *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->e = e;
	l->second = INT64_MIN;
	kt_keyed_init(&l->loads, sizeof(struct load_key), sizeof(struct load_entry));
	kt_keyed_init(&l->tasks, sizeof(struct task_key), sizeof(struct task_entry));
	kt_keyed_init(&l->busy, sizeof(struct busy_key), sizeof(struct busy_entry));
	kt_keyed_init(&l->slow, sizeof(struct slow_key), sizeof(struct slow_entry));
	*ret = l;
	return 0;
}

void kt_load_destroy(struct kt_load *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->busy.n; i++)
		kt_vec_finish(&((struct busy_entry *)kt_keyed_at(&l->busy, i))->v);
	kt_keyed_finish(&l->loads);
	kt_keyed_finish(&l->tasks);
	kt_keyed_finish(&l->busy);
	kt_keyed_finish(&l->slow);
	free(l);
}

/* ---------------------------------------------------------------- rows */

static int write_loads(struct kt_load *l)
{
	int err = 0;

	for (size_t i = 0; i < l->loads.n && !err; i++) {
		const struct load_entry *x = kt_keyed_at(&l->loads, i);
		struct load_row row = {x->k.run + 1,   l->second,	    x->k.flow,
				       x->k.device_id, x->k.part_device_id, x->k.op,
				       x->k.state,     x->k.is_split,	    x->n,
				       x->size_bytes,  x->dur_ns,	    x->device_ns,
				       x->n_bios,      x->n_carrying,	    x->min_id,
				       x->max_id,      x->k.link,	    x->n_errors};

		err = kt_insert(l->e, &load_table, &row);
	}
	kt_keyed_clear(&l->loads);
	return err;
}

static int write_tasks(struct kt_load *l)
{
	int err = 0;

	for (size_t i = 0; i < l->tasks.n && !err; i++) {
		const struct task_entry *x = kt_keyed_at(&l->tasks, i);
		struct task_load_row row = {x->k.run + 1, l->second,  x->k.device_id, x->k.op,
					    x->k.utid,	  x->k.ucgid, x->k.bucket,    x->n,
					    x->sum_ns,	  x->max_ns,  x->size_bytes};

		err = kt_insert(l->e, &task_load_table, &row);
	}
	kt_keyed_clear(&l->tasks);
	return err;
}

static int write_slow(struct kt_load *l)
{
	int err = 0;

	for (size_t i = 0; i < l->slow.n && !err; i++) {
		struct slow_entry *x = kt_keyed_at(&l->slow, i);

		for (unsigned int j = 0; j < x->n && !err; j++) {
			struct slowest_row row = {x->k.run + 1,	  l->second,	       x->k.flow,
						  x->k.device_id, x->k.part_device_id, x->k.op,
						  x->heap[j].id,  x->heap[j].dur_ns};

			err = kt_insert(l->e, &slowest_table, &row);
		}
		x->n = 0;
	}
	return err;
}

static int64_t second_of(int64_t ns)
{
	return ns / NS_PER_S - (ns % NS_PER_S < 0);
}

static int insert_busy(struct kt_load *l, const struct busy_entry *b, const struct busy_row *row)
{
	struct flight_row flight = {row->run_id, row->second, b->k.tgid, row->busy_ns};

	return b->k.flow ? kt_insert(l->e, &busy_table, row)
			 : kt_insert(l->e, &flight_table, &flight);
}

/* The first n intervals of a device. */
static int write_busy(struct kt_load *l, struct busy_entry *b, size_t n)
{
	struct busy_row row = {b->k.run + 1, 0, b->k.flow, b->k.device_id, b->k.op, 0};
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		int64_t at = b->v.v[i].start_ns, end = b->v.v[i].end_ns;

		for (int pieces = 0; at < end && !err; pieces++) {
			int64_t second = second_of(at), next = (second + 1) * NS_PER_S;

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

/* ---------------------------------------------------------------- counting */

static int count_load(struct kt_load *l, const struct kt_load_flow *f)
{
	struct load_key k = {f->run,  f->device_id, f->part_device_id, f->is_split,
			     f->flow, f->op,	    f->state,	       f->link};
	struct load_entry *x;
	int err = l->loads.n >= MAX_KEYS ? write_loads(l) : 0;

	if (err)
		return err;
	x = kt_keyed_get(&l->loads, &k);
	if (!x)
		return -ENOMEM;
	if (!x->n || f->id < x->min_id)
		x->min_id = f->id;
	x->max_id = KT_MAX(x->max_id, f->id);
	x->n++;
	x->size_bytes += f->size_bytes != KT_NULL ? f->size_bytes : 0;
	x->dur_ns += f->dur_ns != KT_NULL ? f->dur_ns : 0;
	x->device_ns += f->device_ns != KT_NULL ? f->device_ns : 0;
	x->n_bios += f->n_bios != KT_NULL ? f->n_bios : 0;
	x->n_carrying += f->n_bios != KT_NULL && f->n_bios > 0;
	x->n_errors += f->is_error;
	return 0;
}

static int count_task(struct kt_load *l, const struct kt_load_flow *f)
{
	struct task_key k = {f->run, f->device_id, f->utid, f->ucgid, kt_bucket_of(f->dur_ns),
			     f->op};
	struct task_entry *x;
	int err = l->tasks.n >= MAX_KEYS ? write_tasks(l) : 0;

	if (err)
		return err;
	x = kt_keyed_get(&l->tasks, &k);
	if (!x)
		return -ENOMEM;
	x->n++;
	x->sum_ns += f->dur_ns;
	x->max_ns = KT_MAX(x->max_ns, f->dur_ns);
	x->size_bytes += f->size_bytes != KT_NULL ? f->size_bytes : 0;
	return 0;
}

static int count_busy(struct kt_load *l, const struct busy_key *k, struct interval i)
{
	struct busy_entry *b = kt_keyed_get(&l->busy, k);
	size_t from, to;

	if (!b)
		return -ENOMEM;
	if (b->written)
		i.start_ns = KT_MAX(i.start_ns, b->floor_ns);
	if (i.end_ns <= i.start_ns)
		return 0;
	/* Flows come in the order of their ends, nearly: what it touches is at the back. */
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

static int count_slow(struct kt_load *l, const struct kt_load_flow *f)
{
	struct slow_key k = {f->run, f->device_id, f->part_device_id, f->flow, f->op};
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

static int count_device(struct kt_load *l, const struct kt_load_flow *f, const char *op)
{
	struct busy_key k = {f->run, f->device_id, KT_NULL, f->flow, op};

	return count_busy(l, &k, (struct interval){f->issue_ns, f->issue_ns + f->device_ns});
}

int kt_load_in_flight(struct kt_load *l, uint32_t run, int64_t tgid, int64_t start_ns,
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

static int next_second(struct kt_load *l, int64_t second)
{
	int err = write_loads(l);

	err = err ? err : write_tasks(l);
	err = err ? err : write_slow(l);
	l->second = second;
	return err;
}

int kt_load_count(struct kt_load *l, const struct kt_load_flow *f)
{
	int64_t second = f->end_ns != KT_NULL ? second_of(f->end_ns) : l->second;
	int err = 0;

	if (l->second == INT64_MIN && second == INT64_MIN)
		second = 0;
	if (kt_unlikely(second != l->second))
		err = next_second(l, second);
	err = err ? err : count_load(l, f);
	if (err || f->state[0] != 'w' || f->dur_ns == KT_NULL || f->dur_ns < 0)
		return err;
	err = count_slow(l, f);
	if (!err && f->utid != KT_NULL && !f->is_split)
		err = count_task(l, f);
	if (err || f->device_ns == KT_NULL || f->issue_ns == KT_NULL)
		return err;
	err = count_device(l, f, NULL);
	return err ? err : count_device(l, f, f->op);
}

int kt_load_write(struct kt_load *l)
{
	int err = next_second(l, l->second);

	for (size_t i = 0; i < l->busy.n && !err; i++) {
		struct busy_entry *b = kt_keyed_at(&l->busy, i);

		err = write_busy(l, b, b->v.n);
	}
	return err;
}
