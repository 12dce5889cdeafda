/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A flow's key, with its group, is looked up once; the key knows the index of its sums in the current second. Only buckets of
 * a key's durations, and who was in the way, are looked up again. The sums over the whole run are updated from each second's sums when
 * the second ends.
 */
#include "analyze/stats/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/base/keyed.h"
#include "analyze/db/db.h"
#include "analyze/stats/flow_tables.h"
#include "analyze/stats/hist.h"
#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/base/time.h"

#define MAX_KEYS 65536	/* of a second's table; when full, its rows are written early */
#define MAX_SUMS 262144 /* of a table over the whole run: likewise */
#define NO_CELL UINT32_MAX

/* Texts are static while the analysis runs: their addresses are keys. Two addresses of one text make two groups. */
struct group_key {
	int64_t run, object_id, part_id, error, is_own;
	const struct kt_flow_kind *flow;
	const char *kind, *op, *via;
};

struct group {
	struct group_key k;
	struct kt_hist *hists[KT_FLOW_MAX_STAGES +
			      1]; /* by stage number; 0: the whole flow; NULL: none yet */
};

struct flow_key {
	struct group_key group;
	int64_t utid, ucgid;
};

struct key {
	struct flow_key k;
	uint32_t group; /* place in groups */
	uint32_t cell;	/* of whole flows in this second; NO_CELL: none yet */
};

struct cell_key {
	int64_t key, state; /* place in keys; enum kt_state */
};

struct cell {
	struct cell_key k;
	struct kt_flow_sums v;
};

struct bucket_key {
	int64_t key, bucket;
};

struct bucket {
	struct bucket_key k;
	struct kt_hist_bucket v;
};

struct disturb_key {
	int64_t key, by_utid;
	const char *cause, *by_irq;
};

struct disturb {
	struct disturb_key k;
	int64_t n, ns, n_flows, last_id; /* last_id: of the last flow counted in n_flows */
};

struct kt_flows {
	struct kt_db *db;
	int64_t second; /* being counted */
	struct kt_keyed groups, keys;
	struct kt_keyed cells, buckets, wides, disturbs;      /* of this second */
	struct kt_keyed cell_sums, bucket_sums, disturb_sums; /* of earlier seconds */
	int64_t groups_written, keys_written;		      /* their rows */
	int64_t fine_left; /* rows of seconds that may still have fine buckets */
	bool wide;	   /* this second has wide ones */
};

int kt_flows_create(struct kt_db *db, int64_t fine_rows, struct kt_flows **ret)
{
	struct kt_flows *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->db = db;
	s->second = INT64_MIN;
	s->fine_left = fine_rows;
	s->wide = fine_rows <= 0;
	kt_keyed_init(&s->groups, sizeof(struct group_key), sizeof(struct group));
	kt_keyed_init(&s->keys, sizeof(struct flow_key), sizeof(struct key));
	kt_keyed_init(&s->cells, sizeof(struct cell_key), sizeof(struct cell));
	kt_keyed_init(&s->cell_sums, sizeof(struct cell_key), sizeof(struct cell));
	kt_keyed_init(&s->buckets, sizeof(struct bucket_key), sizeof(struct bucket));
	kt_keyed_init(&s->wides, sizeof(struct bucket_key), sizeof(struct bucket));
	kt_keyed_init(&s->bucket_sums, sizeof(struct bucket_key), sizeof(struct bucket));
	kt_keyed_init(&s->disturbs, sizeof(struct disturb_key), sizeof(struct disturb));
	kt_keyed_init(&s->disturb_sums, sizeof(struct disturb_key), sizeof(struct disturb));
	*ret = s;
	return 0;
}

void kt_flows_destroy(struct kt_flows *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->groups.n; i++) {
		struct group *g = kt_keyed_at(&s->groups, i);

		for (size_t j = 0; j < KT_ARRAY_SIZE(g->hists); j++) {
			if (g->hists[j])
				kt_hist_finish(g->hists[j]);
			free(g->hists[j]);
		}
	}
	kt_keyed_finish(&s->groups);
	kt_keyed_finish(&s->keys);
	kt_keyed_finish(&s->cells);
	kt_keyed_finish(&s->cell_sums);
	kt_keyed_finish(&s->buckets);
	kt_keyed_finish(&s->wides);
	kt_keyed_finish(&s->bucket_sums);
	kt_keyed_finish(&s->disturbs);
	kt_keyed_finish(&s->disturb_sums);
	free(s);
}

/* ---------------------------------------------------------------- rows */

static int write_cell(struct kt_flows *s, const struct kt_table *t, const struct cell *c,
		      int64_t second)
{
	struct kt_flow_load_row row = {
		.key_id = c->k.key + 1,
		.second = second,
		.state = kt_state_name(c->k.state),
		.v = c->v,
	};

	return kt_db_insert(s->db, t, &row);
}

static int write_cell_sums(struct kt_flows *s)
{
	int err = 0;

	for (size_t i = 0; i < s->cell_sums.n && !err; i++)
		err = write_cell(s, &kt_flow_sum_table, kt_keyed_at(&s->cell_sums, i), KT_NULL);
	kt_keyed_clear(&s->cell_sums);
	return err;
}

/* NULL stays NULL until something is known. */
static void add(int64_t *sum, int64_t ns)
{
	if (ns != KT_NULL)
		*sum = *sum == KT_NULL ? ns : *sum + ns;
}

static void sums_begin(struct kt_flow_sums *v)
{
	for (size_t i = 0; i < KT_FLOW_MAX_STAGES; i++)
		v->stage_ns[i] = KT_NULL;
	v->runq_ns = v->irq_ns = v->softirq_ns = v->slept_ns = v->min_id = v->max_id = KT_NULL;
}

static void sums_add(struct kt_flow_sums *to, const struct kt_flow_sums *v)
{
	to->n += v->n;
	to->size_bytes += v->size_bytes;
	to->dur_ns += v->dur_ns;
	to->max_ns = KT_MAX(to->max_ns, v->max_ns);
	to->n_lower += v->n_lower;
	to->n_with_lower += v->n_with_lower;
	to->served_ns += v->served_ns;
	to->n_runq += v->n_runq;
	add(&to->runq_ns, v->runq_ns);
	add(&to->irq_ns, v->irq_ns);
	add(&to->softirq_ns, v->softirq_ns);
	add(&to->slept_ns, v->slept_ns);
	if (v->min_id != KT_NULL && (to->min_id == KT_NULL || v->min_id < to->min_id))
		to->min_id = v->min_id;
	to->max_id = KT_MAX(to->max_id, v->max_id);
	for (size_t i = 0; i < KT_FLOW_MAX_STAGES; i++)
		add(&to->stage_ns[i], v->stage_ns[i]);
}

static int write_cells(struct kt_flows *s)
{
	int err = s->cell_sums.n >= MAX_SUMS ? write_cell_sums(s) : 0;

	for (size_t i = 0; i < s->cells.n && !err; i++) {
		const struct cell *c = kt_keyed_at(&s->cells, i);
		size_t n = s->cell_sums.n;
		struct cell *sum = kt_keyed_get(&s->cell_sums, &c->k);

		if (!sum)
			return -ENOMEM;
		if (s->cell_sums.n > n)
			sums_begin(&sum->v);
		sums_add(&sum->v, &c->v);
		((struct key *)kt_keyed_at(&s->keys, c->k.key))->cell = NO_CELL;
		err = write_cell(s, &kt_flow_load_table, c, s->second);
	}
	kt_keyed_clear(&s->cells);
	return err;
}

static int write_bucket(struct kt_flows *s, const struct kt_table *t, const struct bucket *b,
			int64_t second)
{
	struct kt_flow_hist_row row = {b->k.key + 1, second,  b->k.bucket,
				       b->v.n,	     b->v.ns, b->v.max_ns};

	return kt_db_insert(s->db, t, &row);
}

static int write_bucket_sums(struct kt_flows *s)
{
	int err = 0;

	for (size_t i = 0; i < s->bucket_sums.n && !err; i++)
		err = write_bucket(s, &kt_flow_hist_sum_table, kt_keyed_at(&s->bucket_sums, i),
				   KT_NULL);
	kt_keyed_clear(&s->bucket_sums);
	return err;
}

/* Adds b to what `to` has at that bucket of its key. */
static int add_bucket(struct kt_keyed *to, const struct bucket *b, int64_t bucket)
{
	const struct bucket_key k = {b->k.key, bucket};
	struct bucket *sum = kt_keyed_get(to, &k);

	if (!sum)
		return -ENOMEM;
	kt_hist_bucket_add(&sum->v, &b->v);
	return 0;
}

static int write_wides(struct kt_flows *s)
{
	int err = 0;

	for (size_t i = 0; i < s->wides.n && !err; i++) {
		struct bucket b = *(const struct bucket *)kt_keyed_at(&s->wides, i);

		b.k.bucket = kt_bucket_of(b.v.ns / (int64_t)b.v.n);
		err = write_bucket(s, &kt_flow_hist_table, &b, s->second);
	}
	kt_keyed_clear(&s->wides);
	return err;
}

static int write_buckets(struct kt_flows *s)
{
	int err = s->bucket_sums.n >= MAX_SUMS ? write_bucket_sums(s) : 0;

	for (size_t i = 0; i < s->buckets.n && !err; i++) {
		const struct bucket *b = kt_keyed_at(&s->buckets, i);

		err = add_bucket(&s->bucket_sums, b, b->k.bucket);
		if (err)
			break;
		err = s->wide ? add_bucket(&s->wides, b, kt_bucket_wide(b->k.bucket))
			      : write_bucket(s, &kt_flow_hist_table, b, s->second);
		s->fine_left--;
	}
	kt_keyed_clear(&s->buckets);
	return err ? err : write_wides(s);
}

static int write_disturb(struct kt_flows *s, const struct kt_table *t, const struct disturb *d,
			 int64_t second)
{
	struct kt_disturb_load_row row = {d->k.key + 1, second, d->k.cause, d->k.by_utid,
					  d->k.by_irq,	d->n,	d->ns,	    d->n_flows};

	return kt_db_insert(s->db, t, &row);
}

static int write_disturb_sums(struct kt_flows *s)
{
	int err = 0;

	for (size_t i = 0; i < s->disturb_sums.n && !err; i++)
		err = write_disturb(s, &kt_disturb_sum_table, kt_keyed_at(&s->disturb_sums, i),
				    KT_NULL);
	kt_keyed_clear(&s->disturb_sums);
	return err;
}

static int write_disturbs(struct kt_flows *s)
{
	int err = s->disturb_sums.n >= MAX_SUMS ? write_disturb_sums(s) : 0;

	for (size_t i = 0; i < s->disturbs.n && !err; i++) {
		const struct disturb *d = kt_keyed_at(&s->disturbs, i);
		struct disturb *sum = kt_keyed_get(&s->disturb_sums, &d->k);

		if (!sum)
			return -ENOMEM;
		sum->n += d->n;
		sum->ns += d->ns;
		sum->n_flows += d->n_flows;
		err = write_disturb(s, &kt_disturb_load_table, d, s->second);
	}
	kt_keyed_clear(&s->disturbs);
	return err;
}

/* One histogram of a group, as it is written. */
struct group_hist {
	struct kt_flows *s;
	const struct kt_table *table;
	struct kt_group_hist_row row;
};

static int write_group_bucket(void *arg, unsigned int bucket, const struct kt_hist_bucket *b)
{
	struct group_hist *h = arg;

	h->row.bucket = bucket;
	h->row.n = b->n;
	h->row.ns = b->ns;
	h->row.max_ns = b->max_ns;
	h->s->fine_left--;
	return kt_db_insert(h->s->db, h->table, &h->row);
}

static int write_group_hists(struct kt_flows *s)
{
	struct group_hist h = {s, &kt_group_hist_table, {.second = s->second}};
	int err = 0;

	for (size_t i = 0; i < s->groups.n && !err; i++) {
		struct group *g = kt_keyed_at(&s->groups, i);

		h.row.group_id = (int64_t)i + 1;
		for (size_t j = 0; j < KT_ARRAY_SIZE(g->hists) && !err; j++) {
			h.row.stage = (int64_t)j;
			if (g->hists[j])
				err = kt_hist_take_second(g->hists[j], s->wide, write_group_bucket,
							  &h);
		}
	}
	return err;
}

static int write_groups(struct kt_flows *s)
{
	int err = 0;

	for (; s->groups_written < (int64_t)s->groups.n && !err; s->groups_written++) {
		const struct group *g = kt_keyed_at(&s->groups, s->groups_written);
		struct kt_flow_group_row row = {
			.group_id = s->groups_written + 1,
			.run_id = g->k.run + 1,
			.flow = g->k.flow->name,
			.kind = g->k.kind,
			.op = g->k.op,
			.object_id = g->k.object_id,
			.part_id = g->k.part_id,
			.via = g->k.via,
			.error = g->k.error,
			.is_own = g->k.is_own,
		};

		err = kt_db_insert(s->db, &kt_flow_group_table, &row);
	}
	for (; s->keys_written < (int64_t)s->keys.n && !err; s->keys_written++) {
		const struct key *k = kt_keyed_at(&s->keys, s->keys_written);
		struct kt_flow_key_row row = {s->keys_written + 1, (int64_t)k->group + 1, k->k.utid,
					      k->k.ucgid};

		err = kt_db_insert(s->db, &kt_flow_key_table, &row);
	}
	return err;
}

static int next_second(struct kt_flows *s, int64_t second)
{
	int err = write_groups(s);

	err = err ? err : write_cells(s);
	err = err ? err : write_buckets(s);
	err = err ? err : write_group_hists(s);
	err = err ? err : write_disturbs(s);
	s->second = second;
	s->wide = s->fine_left <= 0;
	return err;
}

static int turn(struct kt_flows *s, int64_t end_ns)
{
	int64_t second = end_ns != KT_NULL ? kt_second_of(end_ns) : s->second;

	if (second == INT64_MIN)
		second = 0;
	return kt_unlikely(second != s->second) ? next_second(s, second) : 0;
}

/* ---------------------------------------------------------------- counting */

static struct key *key_of(struct kt_flows *s, const struct flow_key *k)
{
	size_t n = s->keys.n;
	struct key *key = kt_keyed_get(&s->keys, k);
	struct group *g;

	if (kt_unlikely(key && s->keys.n > n)) {
		g = kt_keyed_get(&s->groups, &k->group);
		if (!g)
			return NULL;
		key->group = (uint32_t)(g - (struct group *)kt_keyed_at(&s->groups, 0));
		key->cell = NO_CELL;
	}
	return key;
}

static struct cell *cell_of(struct kt_flows *s, uint32_t key, enum kt_state state)
{
	struct cell_key k = {key, state};
	struct key *x = kt_keyed_at(&s->keys, key);
	struct cell *c;
	size_t n;

	if (kt_likely(state == KT_STATE_WHOLE && x->cell != NO_CELL))
		return kt_keyed_at(&s->cells, x->cell);
	n = s->cells.n;
	c = kt_keyed_get(&s->cells, &k);
	if (c && s->cells.n > n)
		sums_begin(&c->v);
	if (c && state == KT_STATE_WHOLE)
		x->cell = (uint32_t)(c - (struct cell *)kt_keyed_at(&s->cells, 0));
	return c;
}

static void count_cell(struct kt_flow_sums *v, const struct kt_flow *f)
{
	if (v->min_id == KT_NULL || f->id < v->min_id)
		v->min_id = f->id;
	v->max_id = KT_MAX(v->max_id, f->id);
	v->n++;
	v->size_bytes += f->size_bytes != KT_NULL ? f->size_bytes : 0;
	v->n_lower += f->n_lower != KT_NULL ? f->n_lower : 0;
	v->n_with_lower += f->n_lower != KT_NULL && f->n_lower > 0;
	v->served_ns += f->served_ns != KT_NULL ? f->served_ns : 0;
	if (f->dur_ns != KT_NULL) {
		v->dur_ns += f->dur_ns;
		v->max_ns = KT_MAX(v->max_ns, f->dur_ns);
	}
	for (int i = 0; i < KT_FLOW_MAX_STAGES; i++)
		add(&v->stage_ns[i], f->stage_ns[i]);
	add(&v->runq_ns, f->runq_ns);
	v->n_runq += f->runq_ns != KT_NULL;
	add(&v->irq_ns, f->irq_ns);
	add(&v->softirq_ns, f->softirq_ns);
	add(&v->slept_ns, f->slept_ns);
}

static int count_bucket(struct kt_flows *s, uint32_t key, int64_t dur_ns)
{
	struct bucket_key k = {key, kt_bucket_of(dur_ns)};
	int err = s->buckets.n >= MAX_KEYS ? write_buckets(s) : 0;
	struct bucket *b = err ? NULL : kt_keyed_get(&s->buckets, &k);

	if (!b)
		return err ? err : -ENOMEM;
	b->v.n++;
	b->v.ns += dur_ns;
	b->v.max_ns = KT_MAX(b->v.max_ns, dur_ns);
	return 0;
}

static int count_hist(struct group *g, size_t stage, int64_t dur_ns)
{
	struct kt_hist **h = &g->hists[stage];

	if (dur_ns == KT_NULL || dur_ns < 0)
		return 0;
	if (kt_unlikely(!*h))
		*h = calloc(1, sizeof(**h));
	return *h ? kt_hist_count(*h, dur_ns) : -ENOMEM;
}

int kt_flows_count(struct kt_flows *s, const struct kt_flow_kind *k, const struct kt_flow *f,
		   int64_t is_own, kt_flow_ref *ret_ref)
{
	const struct flow_key key = {
		{f->run, f->object_id, f->part_id, f->error, is_own, k, f->kind, f->op, f->via},
		f->utid,
		f->ucgid,
	};
	int err = turn(s, f->end_ns);
	struct group *g;
	struct key *x;
	struct cell *c;
	uint32_t ref;

	if (!err && s->cells.n >= MAX_KEYS)
		err = write_cells(s);
	x = err ? NULL : key_of(s, &key);
	if (!x)
		return err ? err : -ENOMEM;
	ref = (uint32_t)(x - (struct key *)kt_keyed_at(&s->keys, 0));
	if (ret_ref)
		*ret_ref = ref;
	c = cell_of(s, ref, f->state);
	if (!c)
		return -ENOMEM;
	count_cell(&c->v, f);
	if (f->state != KT_STATE_WHOLE || f->dur_ns == KT_NULL || f->dur_ns < 0)
		return 0;
	g = kt_keyed_at(&s->groups, x->group);
	err = k->by_task ? count_bucket(s, ref, f->dur_ns) : 0;
	err = err ? err : count_hist(g, 0, f->dur_ns);
	for (unsigned int i = 0; i < k->n_stages && !err; i++)
		err = count_hist(g, i + 1, f->stage_ns[i]);
	return err;
}

int kt_flows_stages(struct kt_flows *s, kt_flow_ref ref, int64_t end_ns, const int64_t *ns)
{
	int err = turn(s, end_ns);
	const struct key *x = kt_keyed_at(&s->keys, ref);
	struct group *g = kt_keyed_at(&s->groups, x->group);
	struct cell *c = err ? NULL : cell_of(s, ref, KT_STATE_WHOLE);

	if (!c)
		return err ? err : -ENOMEM;
	for (unsigned int i = 0; i < x->k.group.flow->n_stages && !err; i++) {
		add(&c->v.stage_ns[i], ns[i]);
		err = count_hist(g, i + 1, ns[i]);
	}
	return err;
}

int kt_flows_disturbed(struct kt_flows *s, kt_flow_ref ref, int64_t end_ns, int64_t id,
		       const char *cause, int64_t by_utid, const char *by_irq, int64_t dur_ns)
{
	struct disturb_key k = {ref, by_utid, cause, by_irq};
	int err = turn(s, end_ns);
	struct disturb *d;

	if (!err && s->disturbs.n >= MAX_KEYS)
		err = write_disturbs(s);
	d = err ? NULL : kt_keyed_get(&s->disturbs, &k);
	if (!d)
		return err ? err : -ENOMEM;
	d->n++;
	d->ns += dur_ns;
	d->n_flows += d->last_id != id;
	d->last_id = id;
	return 0;
}

/* ---------------------------------------------------------------- the end */

/* Is the time of the group's flows meaningful for its object? */
static bool says_something(const struct group_key *k)
{
	const struct kt_flow_word *w = k->flow->words;

	if (k->error != KT_NULL)
		return false;
	for (; w && w->col; w++)
		if (k->via && !strcmp(w->col, "via") && !strcmp(w->value, k->via))
			return !w->counts || strcmp(w->counts, "not") != 0;
	return true;
}

static bool same_series(const struct group_key *a, const struct group_key *b)
{
	return a->run == b->run && a->flow == b->flow && a->object_id == b->object_id &&
	       (a->op == b->op || (a->op && b->op && !strcmp(a->op, b->op)));
}

static int write_stats(struct kt_flows *s, const struct group_key *k, size_t stage,
		       const struct kt_hist *h)
{
	struct kt_latency_stats_row row = {
		.run_id = k->run + 1,
		.flow = k->flow->name,
		.stage = stage ? k->flow->stages[stage - 1].name : "total",
		.object_id = k->object_id,
		.op = k->op,
		.n = (int64_t)h->n,
		.sum_ns = h->sum_ns,
		.mean_ns = (h->sum_ns + (int64_t)(h->n / 2)) / (int64_t)h->n,
		.p50_ns = kt_hist_percentile(h, 500000),
		.p90_ns = kt_hist_percentile(h, 900000),
		.p99_ns = kt_hist_percentile(h, 990000),
		.p999_ns = h->n >= KT_P999_MIN_N ? kt_hist_percentile(h, 999000) : KT_NULL,
		.max_ns = h->max_ns,
	};

	return kt_db_insert(s->db, &kt_latency_stats_table, &row);
}

/* The statistics of the groups of one object and operation. */
static int write_series(struct kt_flows *s, const size_t *groups, size_t n)
{
	const struct group_key *k = &((struct group *)kt_keyed_at(&s->groups, groups[0]))->k;
	int err = 0;

	for (size_t stage = 0; stage <= k->flow->n_stages && !err; stage++) {
		struct kt_hist all = {0};

		for (size_t i = 0; i < n && !err; i++) {
			const struct group *g = kt_keyed_at(&s->groups, groups[i]);

			if (g->hists[stage])
				err = kt_hist_add(&all, g->hists[stage]);
		}
		if (!err && all.n)
			err = write_stats(s, k, stage, &all);
		kt_hist_finish(&all);
	}
	return err;
}

static int write_all_stats(struct kt_flows *s)
{
	bool *done = calloc(s->groups.n + 1, sizeof(*done));
	KT_VEC(size_t) same = {0};
	int err = done ? 0 : -ENOMEM;

	for (size_t i = 0; i < s->groups.n && !err; i++) {
		const struct group *g = kt_keyed_at(&s->groups, i);

		if (done[i] || !says_something(&g->k))
			continue;
		same.n = 0;
		for (size_t j = i; j < s->groups.n && !err; j++) {
			const struct group *x = kt_keyed_at(&s->groups, j);

			if (done[j] || !same_series(&g->k, &x->k) || !says_something(&x->k))
				continue;
			done[j] = true;
			err = kt_vec_push(&same, j);
		}
		err = err ? err : write_series(s, same.v, same.n);
	}
	kt_vec_finish(&same);
	free(done);
	return err;
}

static int write_group_sums(struct kt_flows *s)
{
	struct group_hist h = {s, &kt_group_hist_sum_table, {.second = KT_NULL}};
	int err = 0;

	for (size_t i = 0; i < s->groups.n && !err; i++) {
		const struct group *g = kt_keyed_at(&s->groups, i);

		h.row.group_id = (int64_t)i + 1;
		for (size_t j = 0; j < KT_ARRAY_SIZE(g->hists) && !err; j++) {
			h.row.stage = (int64_t)j;
			if (g->hists[j])
				err = kt_hist_each(g->hists[j], write_group_bucket, &h);
		}
	}
	return err;
}

int kt_flows_write(struct kt_flows *s)
{
	int err = next_second(s, s->second);

	err = err ? err : write_cell_sums(s);
	err = err ? err : write_bucket_sums(s);
	err = err ? err : write_disturb_sums(s);
	err = err ? err : write_group_sums(s);
	return err ? err : write_all_stats(s);
}
