/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/query/compare.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"
#include "format/base/bucket.h"
#include "format/base/macros.h"
#include "report/query/student.h"

#define MIN_BLOCKS 3
#define MIN_RUNS 3 /* to tell by how much runs of the same differ */
#define MAX_BLOCKS 120
#define MIN_PER_BLOCK 5
#define MIN_FOR_TAIL 100
#define TAIL 0.99
#define SURE_MEAN 0.99	/* of the intervals */
#define SURE_TAIL 0.999 /* a percentile has no p beside it */

#define N_KEYS 3
#define MAX_STAGES 32
#define TOTAL 0 /* index of the stage `total` */

/* A row of latency_hist. */
struct row {
	int64_t second;
	double sum_ns;
	uint32_t run, bucket, n, stage;
};

struct side {
	KT_VEC(struct row) rows;    /* by time, once all have come */
	size_t end[MAX_BLOCKS + 1]; /* of each block: the row after its last one */
	double n[MAX_BLOCKS + 1];   /* flows in it */
	size_t n_blocks;
	double n_all; /* flows */
};

struct group {
	char *key[N_KEYS]; /* owned: disk, flow, op */
	struct side side[2];
	bool paired, repeated;
};

struct compare {
	KT_VEC(struct group *) groups;
	struct group *last;
	char *stages[MAX_STAGES]; /* owned; the first is `total` */
	bool same_clock, failed;
};

/* What is known of a difference: its interval, infinite where it has no bound. */
struct interval {
	double low, high;
};

/* A difference of means, its standard error, and the degrees of freedom of that. */
struct estimate {
	double d, error, df;
};

/* ---------------------------------------------------------------- blocks */

static int64_t bucket_middle(int64_t bucket)
{
	return kt_bucket_start(bucket) + kt_bucket_width(bucket) / 2;
}

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	return (x->second > y->second) - (x->second < y->second);
}

/* The end of the second that begins at row i; adds its flows to *n. */
static size_t second_end(const struct side *s, size_t i, double *n)
{
	size_t from = i;

	for (; i < s->rows.n && !by_time(&s->rows.v[from], &s->rows.v[i]); i++)
		if (s->rows.v[i].stage == TOTAL)
			*n += s->rows.v[i].n;
	return i;
}

static void end_block(struct side *s, size_t end, double *n)
{
	s->end[s->n_blocks] = end;
	s->n[s->n_blocks++] = *n;
	*n = 0;
}

/* What is left behind the last block is too little for one of its own. */
static void end_blocks(struct side *s, double n)
{
	if (!s->n_blocks)
		return;
	s->end[s->n_blocks - 1] = s->rows.n;
	s->n[s->n_blocks - 1] += n;
}

static void cut(struct side *s, double least)
{
	double n = 0;

	s->n_blocks = 0;
	for (size_t i = 0; i < s->rows.n;) {
		i = second_end(s, i, &n);
		if (n >= least && s->n_blocks < MAX_BLOCKS)
			end_block(s, i, &n);
	}
	end_blocks(s, n);
}

/* A block is a run, or several with few flows. */
static void cut_runs(struct side *s)
{
	double n = 0;

	s->n_blocks = 0;
	for (size_t i = 0; i < s->rows.n;) {
		uint32_t run = s->rows.v[i].run;

		for (; i < s->rows.n && s->rows.v[i].run == run; i++)
			if (s->rows.v[i].stage == TOTAL)
				n += s->rows.v[i].n;
		if (n >= MIN_PER_BLOCK && s->n_blocks < MAX_BLOCKS)
			end_block(s, i, &n);
	}
	end_blocks(s, n);
}

/* Blocks of the same time on both sides. Few where the two do not overlap. */
static void cut_pairs(struct side s[2], double least)
{
	size_t at[2] = {0};
	double n[2] = {0};

	s[0].n_blocks = s[1].n_blocks = 0;
	while (at[0] < s[0].rows.n || at[1] < s[1].rows.n) {
		int i;

		/* The side whose next second is the earlier. */
		if (at[0] == s[0].rows.n || at[1] == s[1].rows.n)
			i = at[0] == s[0].rows.n;
		else
			i = by_time(&s[0].rows.v[at[0]], &s[1].rows.v[at[1]]) > 0;
		at[i] = second_end(&s[i], at[i], &n[i]);
		if (n[0] < least || n[1] < least || s[0].n_blocks == MAX_BLOCKS)
			continue;
		/* The same second of the other side belongs to it as well. */
		if (at[!i] < s[!i].rows.n &&
		    !by_time(&s[i].rows.v[at[i] - 1], &s[!i].rows.v[at[!i]]))
			at[!i] = second_end(&s[!i], at[!i], &n[!i]);
		end_block(&s[0], at[0], &n[0]);
		end_block(&s[1], at[1], &n[1]);
	}
	end_blocks(&s[0], n[0]);
	end_blocks(&s[1], n[1]);
}

static void make_blocks(struct group *g, bool same_clock)
{
	double least[2];

	for (int i = 0; i < 2; i++) {
		struct side *s = &g->side[i];

		if (s->rows.n)
			qsort(s->rows.v, s->rows.n, sizeof(*s->rows.v), by_time);
		least[i] = KT_MAX(MIN_PER_BLOCK, s->n_all / MAX_BLOCKS);
	}
	g->paired = false;
	if (same_clock) {
		cut_pairs(g->side, KT_MAX(least[0], least[1]));
		g->paired = g->side[0].n_blocks >= MIN_BLOCKS;
	}
	if (g->paired)
		return;
	g->repeated = true;
	for (int i = 0; i < 2; i++) {
		cut_runs(&g->side[i]);
		g->repeated &= g->side[i].n_blocks >= MIN_RUNS;
	}
	for (int i = 0; i < 2 && !g->repeated; i++)
		cut(&g->side[i], least[i]);
}

static bool has_blocks(const struct group *g)
{
	return g->side[0].n_blocks >= MIN_BLOCKS && g->side[1].n_blocks >= MIN_BLOCKS;
}

/* ---------------------------------------------------------------- what a side says of a stage */

struct part {
	double block[MAX_BLOCKS + 1]; /* sum of each block [ns] */
	double n, sum, square;	      /* of the side; n: of the flows that had it */
};

static void sum_up(const struct side *s, uint32_t stage, struct part *ret)
{
	size_t b = 0;

	ret->n = ret->sum = ret->square = 0;
	memset(ret->block, 0, sizeof(ret->block));
	for (size_t i = 0; i < s->rows.n; i++) {
		const struct row *r = &s->rows.v[i];
		double ns;

		while (b + 1 < s->n_blocks && i >= s->end[b])
			b++;
		if (r->stage != stage)
			continue;
		ns = (double)bucket_middle(r->bucket);
		ret->n += r->n;
		ret->sum += r->sum_ns;
		ret->square += ns * ns * r->n;
		ret->block[b] += r->sum_ns;
	}
}

/* The variance of what is the sum of e, neighbours that resemble each other considered; *ret_df: what it is worth. */
static double variance(const double *e, size_t n, double *ret_df)
{
	double square = 0, next = 0, r;

	for (size_t i = 0; i < n; i++) {
		square += e[i] * e[i];
		if (i)
			next += e[i] * e[i - 1];
	}
	/* The estimate of r is about 1 / n too small. More than makes two blocks of them it cannot tell of so few. */
	r = square > 0 ? next / square + 1 / (double)n : 0;
	r = KT_MIN(KT_MAX(r, 0), KT_MAX((double)n - 2, 0) / ((double)n + 2));
	*ret_df = (double)n - 1;
	return square * (double)n / (double)(n - 1) * (1 + r) / (1 - r);
}

/*
 * How sure a difference d is. e: what each block of a side adds to it beyond its share; least: the side's variance if its
 * flows had nothing to do with each other, which few blocks may be below by chance.
 */
static struct estimate judge(const struct group *g, double d, double e[2][MAX_BLOCKS + 1],
			     const double least[2])
{
	double v[2], df[2], sum, all;

	if (g->paired) {
		for (size_t b = 0; b < g->side[0].n_blocks; b++)
			e[0][b] += e[1][b];
		sum = variance(e[0], g->side[0].n_blocks, &all);
	} else {
		for (int i = 0; i < 2; i++)
			v[i] = KT_MAX(variance(e[i], g->side[i].n_blocks, &df[i]), least[i]);
		sum = v[0] + v[1];
		/* Welch and Satterthwaite */
		all = sum * sum / (v[0] * v[0] / df[0] + v[1] * v[1] / df[1] + 1e-30);
		all = KT_MIN(KT_MAX(all, 1), 1e4);
	}
	return (struct estimate){d, sqrt(sum), all};
}

static struct interval interval_of(const struct estimate *x)
{
	double reach = kt_t_within(x->df, SURE_MEAN) * x->error;

	return (struct interval){x->d - reach, x->d + reach};
}

/* How likely a difference as large is by chance. */
static double chance_of(const struct estimate *x)
{
	if (!x->error)
		return !x->d;
	return kt_t_two_sided(x->d / x->error, x->df);
}

/* ---------------------------------------------------------------- means */

/* The whole flow: its logarithm, so that twice as long and half as long are equally far. */
static struct estimate judge_total(const struct group *g, const struct part total[2])
{
	double e[2][MAX_BLOCKS + 1], least[2], mean[2];

	for (int i = 0; i < 2; i++) {
		const struct side *s = &g->side[i];
		double sign = i ? 1 : -1;

		mean[i] = total[i].sum / s->n_all;
		for (size_t b = 0; b < s->n_blocks; b++)
			e[i][b] = sign * (total[i].block[b] - mean[i] * s->n[b]) / total[i].sum;
		least[i] = (total[i].square / s->n_all / (mean[i] * mean[i]) - 1) / s->n_all;
	}
	return judge(g, log(mean[1] / mean[0]), e, least);
}

/* A stage: by what it adds to the mean of the whole, as a share of what that was before. */
static struct estimate judge_stage(const struct group *g, const struct part total[2],
				   const struct part part[2])
{
	double whole = total[0].sum / g->side[0].n_all, e[2][MAX_BLOCKS + 1], least[2], mean[2], d;

	for (int i = 0; i < 2; i++)
		mean[i] = part[i].sum / g->side[i].n_all;
	d = (mean[1] - mean[0]) / whole;
	for (int i = 0; i < 2; i++) {
		const struct side *s = &g->side[i];

		for (size_t b = 0; b < s->n_blocks; b++) {
			e[i][b] = (part[i].block[b] - mean[i] * s->n[b]) / s->n_all / whole;
			if (!i)
				e[i][b] = -e[i][b] - d * (total[i].block[b] - whole * s->n[b]) /
							     s->n_all / whole;
		}
		least[i] = (part[i].square / s->n_all - mean[i] * mean[i]) / s->n_all /
			   (whole * whole);
	}
	return judge(g, d, e, least);
}

/* ---------------------------------------------------------------- percentiles */

/* The logarithm of the value that a share p of the flows does not exceed; infinite where all do. */
static double log_quantile(const int64_t *hist, double n, double p)
{
	double rank = ceil(p * n - 1e-6), seen = 0;

	if (rank > n)
		return INFINITY;
	for (int64_t b = 0; b < KT_N_BUCKETS; b++) {
		seen += (double)hist[b];
		if (seen && seen >= rank)
			return log((double)KT_MAX(bucket_middle(b), 1));
	}
	return INFINITY;
}

static void fill(const struct side *s, uint32_t stage, int64_t *hist)
{
	memset(hist, 0, KT_N_BUCKETS * sizeof(*hist));
	for (size_t i = 0; i < s->rows.n; i++)
		if (s->rows.v[i].stage == stage)
			hist[s->rows.v[i].bucket] += s->rows.v[i].n;
}

/* What each block adds to the share of flows that take up to exp(at), beyond its part of it. */
static void tail_blocks(const struct side *s, double at, double *e)
{
	double below[MAX_BLOCKS + 1] = {0}, all = 0;
	size_t b = 0;

	for (size_t i = 0; i < s->rows.n; i++) {
		const struct row *r = &s->rows.v[i];

		while (b + 1 < s->n_blocks && i >= s->end[b])
			b++;
		if (r->stage != TOTAL || log((double)KT_MAX(bucket_middle(r->bucket), 1)) > at)
			continue;
		below[b] += r->n;
		all += r->n;
	}
	for (b = 0; b < s->n_blocks; b++)
		e[b] = (below[b] - all / s->n_all * s->n[b]) / s->n_all;
}

/* How far the percentile may be off if the share of flows below it is off by `reach` (Woodruff): in logarithms, both >= 0. */
static struct interval tail_reach(const struct side *s, const int64_t *hist, double at,
				  double reach)
{
	return (struct interval){at - log_quantile(hist, s->n_all, KT_MAX(TAIL - reach, 0)),
				 log_quantile(hist, s->n_all, TAIL + reach) - at};
}

static struct interval tail_interval(const struct group *g, int64_t *const hist[2],
				     const double at[2])
{
	double e[2][MAX_BLOCKS + 1], d = at[1] - at[0], df, v;
	struct interval of[2];

	for (int i = 0; i < 2; i++)
		tail_blocks(&g->side[i], at[i], e[i]);
	if (g->paired) {
		for (size_t b = 0; b < g->side[0].n_blocks; b++)
			e[1][b] -= e[0][b];
		v = variance(e[1], g->side[1].n_blocks, &df);
		of[1] = tail_reach(&g->side[1], hist[1], at[1],
				   kt_t_within(df, SURE_TAIL) * sqrt(v));
		return (struct interval){expm1(d - of[1].low), expm1(d + of[1].high)};
	}
	for (int i = 0; i < 2; i++) {
		const struct side *s = &g->side[i];

		v = KT_MAX(variance(e[i], s->n_blocks, &df), TAIL * (1 - TAIL) / s->n_all);
		of[i] = tail_reach(s, hist[i], at[i], kt_t_within(df, SURE_TAIL) * sqrt(v));
	}
	/* The interval of a difference from those of its sides (Zou and Donner). */
	return (struct interval){expm1(d - hypot(of[1].low, of[0].high)),
				 expm1(d + hypot(of[1].high, of[0].low))};
}

/* ---------------------------------------------------------------- the aggregate */

static const char *text_of(sqlite3_value *v)
{
	const char *s = (const char *)sqlite3_value_text(v);

	return s ? s : "";
}

static bool is_group(const struct group *g, sqlite3_value **argv)
{
	for (int i = 0; i < N_KEYS; i++)
		if (strcmp(g->key[i], text_of(argv[1 + i])) != 0)
			return false;
	return true;
}

/* Rows of one group follow each other in long stretches. NULL: no memory. */
static struct group *find_group(struct compare *c, sqlite3_value **argv)
{
	struct group *g;

	if (c->last && is_group(c->last, argv))
		return c->last;
	for (size_t i = 0; i < c->groups.n; i++)
		if (is_group(c->groups.v[i], argv))
			return c->last = c->groups.v[i];
	g = calloc(1, sizeof(*g));
	if (!g || kt_vec_push(&c->groups, g)) {
		free(g);
		return NULL;
	}
	for (int i = 0; i < N_KEYS; i++) {
		g->key[i] = strdup(text_of(argv[1 + i]));
		if (!g->key[i])
			return NULL;
	}
	return c->last = g;
}

/* -1: no memory; MAX_STAGES: a hostile database has more than there can be. */
static int find_stage(struct compare *c, const char *name)
{
	for (int i = 0; i < MAX_STAGES; i++) {
		if (!c->stages[i])
			c->stages[i] = strdup(i == TOTAL ? "total" : name);
		if (!c->stages[i])
			return -1;
		if (!strcmp(c->stages[i], name))
			return i;
	}
	return MAX_STAGES;
}

static int add_row(struct compare *c, sqlite3_value **argv)
{
	int64_t bucket = sqlite3_value_int64(argv[7]), n = sqlite3_value_int64(argv[8]);
	struct row r = {.second = sqlite3_value_int64(argv[6]),
			.sum_ns = (double)sqlite3_value_int64(argv[9]),
			.run = sqlite3_value_int64(argv[5]),
			.bucket = bucket,
			.n = n};
	struct group *g;
	struct side *s;
	int stage;

	/* A hostile database: no such bucket, no such number. */
	if (bucket < 0 || bucket >= KT_N_BUCKETS || n <= 0 || n > UINT32_MAX || r.sum_ns < 0)
		return 0;
	g = find_group(c, argv);
	stage = find_stage(c, text_of(argv[4]));
	if (!g || stage < 0)
		return -ENOMEM;
	if (stage == MAX_STAGES)
		return 0;
	r.stage = stage;
	s = &g->side[!!sqlite3_value_int64(argv[0])];
	if (stage == TOTAL)
		s->n_all += (double)n;
	return kt_vec_push(&s->rows, r);
}

static void compare_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct compare *c = sqlite3_aggregate_context(ctx, sizeof(*c));

	if (!c || c->failed)
		return;
	c->same_clock = sqlite3_value_int64(argv[10]);
	c->failed = add_row(c, argv);
	if (c->failed)
		sqlite3_result_error_nomem(ctx);
}

static void append_string(sqlite3_str *out, const char *s)
{
	sqlite3_str_appendchar(out, 1, '"');
	for (; *s; s++)
		if (*s == '"' || *s == '\\' || (unsigned char)*s < 0x20)
			sqlite3_str_appendf(out, "\\u%04x", (unsigned char)*s);
		else
			sqlite3_str_appendchar(out, 1, *s);
	sqlite3_str_appendchar(out, 1, '"');
}

/* What has no bound is left out: NULL. */
static void append_change(sqlite3_str *out, const char *name, double change, struct interval x)
{
	sqlite3_str_appendf(out, ",\"%schange\":%.6g", name, change);
	if (isfinite(x.low))
		sqlite3_str_appendf(out, ",\"%slow\":%.6g", name, x.low);
	if (isfinite(x.high))
		sqlite3_str_appendf(out, ",\"%shigh\":%.6g", name, x.high);
}

static int append_tail(struct group *g, uint32_t stage, sqlite3_str *out)
{
	int64_t *hists kt_auto_free = calloc(2 * KT_N_BUCKETS, sizeof(*hists));
	int64_t *const hist[2] = {hists, hists + KT_N_BUCKETS};
	double at[2];

	if (!hists)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		double n = 0;

		fill(&g->side[i], stage, hist[i]);
		for (int64_t b = 0; b < KT_N_BUCKETS; b++)
			n += (double)hist[i][b];
		if (n < MIN_FOR_TAIL)
			return 0;
		at[i] = log_quantile(hist[i], n, TAIL);
	}
	sqlite3_str_appendf(out, ",\"tail0\":%.0f,\"tail1\":%.0f", exp(at[0]), exp(at[1]));
	if (stage == TOTAL && has_blocks(g))
		append_change(out, "tail_", expm1(at[1] - at[0]), tail_interval(g, hist, at));
	return 0;
}

static int append_stage(const struct compare *c, struct group *g, uint32_t stage,
			struct part total[2], sqlite3_str *out)
{
	static const char *const names[N_KEYS] = {"disk", "flow", "op"};
	struct part part[2];
	double mean[2];

	for (int i = 0; i < 2; i++) {
		sum_up(&g->side[i], stage, &part[i]);
		if (stage == TOTAL)
			total[i] = part[i];
		mean[i] = g->side[i].n_all ? part[i].sum / g->side[i].n_all : 0;
	}
	if (!part[0].n && !part[1].n)
		return 0;
	sqlite3_str_appendf(out, "%s{\"n0\":%.0f,\"n1\":%.0f,\"sum0\":%.0f,\"sum1\":%.0f",
			    sqlite3_str_length(out) > 1 ? "," : "", part[0].n, part[1].n,
			    part[0].sum, part[1].sum);
	for (int i = 0; i < N_KEYS; i++) {
		sqlite3_str_appendf(out, ",\"%s\":", names[i]);
		append_string(out, g->key[i]);
	}
	sqlite3_str_appendall(out, ",\"stage\":");
	append_string(out, c->stages[stage]);
	for (int i = 0; i < 2; i++)
		if (g->side[i].n_all)
			sqlite3_str_appendf(out, ",\"mean%d\":%.17g", i, mean[i]);
	sqlite3_str_appendf(out, ",\"blocks0\":%d,\"blocks1\":%d", (int)g->side[0].n_blocks,
			    (int)g->side[1].n_blocks);
	if (g->paired)
		sqlite3_str_appendall(out, ",\"paired\":1");
	if (g->repeated)
		sqlite3_str_appendall(out, ",\"repeated\":1");
	if (total[0].sum > 0 && total[1].sum > 0) {
		double change = (mean[1] - mean[0]) * g->side[0].n_all / total[0].sum;
		struct interval x = {-INFINITY, INFINITY};

		if (has_blocks(g)) {
			struct estimate est = stage == TOTAL ? judge_total(g, total)
							     : judge_stage(g, total, part);

			x = interval_of(&est);
			if (stage == TOTAL)
				x = (struct interval){expm1(x.low), expm1(x.high)};
			sqlite3_str_appendf(out, ",\"p\":%.6g", chance_of(&est));
		}
		append_change(out, "", change, x);
	}
	if (append_tail(g, stage, out))
		return -ENOMEM;
	sqlite3_str_appendchar(out, 1, '}');
	return 0;
}

static int append_group(const struct compare *c, struct group *g, sqlite3_str *out)
{
	struct part total[2];
	int err = 0;

	make_blocks(g, c->same_clock);
	for (uint32_t i = 0; i < MAX_STAGES && c->stages[i] && !err; i++)
		err = append_stage(c, g, i, total, out);
	return err;
}

static void compare_final(sqlite3_context *ctx)
{
	struct compare *c = sqlite3_aggregate_context(ctx, 0);
	sqlite3_str *out;
	char *text;
	int err = 0;

	if (!c)
		return;
	out = sqlite3_str_new(NULL);
	sqlite3_str_appendchar(out, 1, '[');
	for (size_t i = 0; i < c->groups.n; i++) {
		struct group *g = c->groups.v[i];

		if (!err && !c->failed)
			err = append_group(c, g, out);
		for (int k = 0; k < 2; k++)
			kt_vec_finish(&g->side[k].rows);
		for (int k = 0; k < N_KEYS; k++)
			free(g->key[k]);
		free(g);
	}
	kt_vec_finish(&c->groups);
	for (int i = 0; i < MAX_STAGES; i++)
		free(c->stages[i]);
	sqlite3_str_appendchar(out, 1, ']');
	text = sqlite3_str_finish(out);
	if (text && !err && !c->failed) {
		sqlite3_result_text(ctx, text, -1, sqlite3_free);
	} else {
		sqlite3_free(text);
		sqlite3_result_error_nomem(ctx);
	}
}

int kt_compare_register(sqlite3 *db)
{
	return sqlite3_create_function(db, "compare_hist", 11,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
				       NULL, compare_step, compare_final);
}
