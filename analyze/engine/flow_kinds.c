/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The kinds of flows, as rows and views. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/db/db.h"
#include "analyze/db/table.h"
#include "analyze/engine/disturb.h"
#include "analyze/engine/engine.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/keep.h"
#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/units.h"

struct kind_row {
	const char *flow, *letter, *one, *many, *waits_for, *tbl, *id_col, *object_tbl,
		*object_word;
	int64_t ord;
};

static const struct kt_col kind_cols[] = {
	KT_COL(kind_row, flow, KT_COL_TEXT, "", "name of the kind, as in every column called flow"),
	KT_COL(kind_row, letter, KT_COL_TEXT, "", "letter in front of an id: i12"),
	KT_COL(kind_row, one, KT_COL_TEXT, "", "what one is called"),
	KT_COL(kind_row, many, KT_COL_TEXT, "", "what several are called"),
	KT_COL(kind_row, waits_for, KT_COL_TEXT, "",
	       "what a program waits for in them; NULL: they are below another flow"),
	KT_COL(kind_row, tbl, KT_COL_TEXT, "", "table of their rows"),
	KT_COL(kind_row, id_col, KT_COL_TEXT, "", "its id"),
	KT_COL(kind_row, object_tbl, KT_COL_TEXT, "", "table that object_id points into"),
	KT_COL(kind_row, object_word, KT_COL_TEXT, "", "what an object is called"),
	KT_COL(kind_row, ord, KT_COL_INT, "", "order in lists"),
};

static const struct kt_table kind_table = {
	.name = "flow_kind",
	.doc = "the kinds of flows in this database",
	.cols = kind_cols,
	.n_cols = KT_ARRAY_SIZE(kind_cols),
	.constraints = "PRIMARY KEY(flow)",
	.suffix = "WITHOUT ROWID",
};

struct flow_stage_row {
	const char *flow;
	int64_t ord;
	const char *stage, *class, *words;
	int64_t must_run;
};

static const struct kt_col stage_cols[] = {
	KT_COL(flow_stage_row, flow, KT_COL_TEXT, "", "kind of flow"),
	KT_COL(flow_stage_row, ord, KT_COL_INT, "", "its number: sN_ns in flow_load"),
	KT_COL(flow_stage_row, stage, KT_COL_TEXT, "", "name of the stage"),
	KT_COL(flow_stage_row, class, KT_COL_TEXT, "",
	       "what kind of time it is: work wait queue device wake away"),
	KT_COL(flow_stage_row, words, KT_COL_TEXT, "", "the stage in a sentence"),
	KT_COL(flow_stage_row, must_run, KT_COL_INT, "", "1: a task must be running in it"),
};

static const struct kt_table flow_stage_table = {
	.name = "flow_stage",
	.doc = "the stages that flows of a kind can have",
	.cols = stage_cols,
	.n_cols = KT_ARRAY_SIZE(stage_cols),
	.constraints = "PRIMARY KEY(flow, ord)",
	.suffix = "WITHOUT ROWID",
};

struct word_row {
	const char *flow, *col, *value, *one, *many, *counts;
};

static const struct kt_col word_cols[] = {
	KT_COL(word_row, flow, KT_COL_TEXT, "", "kind of flow"),
	KT_COL(word_row, col, KT_COL_TEXT, "", "kind, op or via"),
	KT_COL(word_row, value, KT_COL_TEXT, "", "value of that column"),
	KT_COL(word_row, one, KT_COL_TEXT, "", "words for one"),
	KT_COL(word_row, many, KT_COL_TEXT, "", "words for several"),
	KT_COL(word_row, counts, KT_COL_TEXT, "",
	       "waits: a program waits for it; apart: shown apart from these; not: its time means "
	       "nothing"),
};

static const struct kt_table word_table = {
	.name = "flow_word",
	.doc = "values of flow_group's columns kind, op and via in words",
	.cols = word_cols,
	.n_cols = KT_ARRAY_SIZE(word_cols),
	.constraints = "PRIMARY KEY(flow, col, value)",
	.suffix = "WITHOUT ROWID",
};

const struct kt_table *const kt_flow_tables[] = {
	&kind_table, &flow_stage_table, &word_table, &kt_stage_table, &kt_disturb_table, NULL,
};

static int write_kind(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord)
{
	static const char *const classes[] = {
#define CLASS(id, name) [KT_STAGE_##id] = #name,
		KT_STAGE_CLASSES(CLASS)
#undef CLASS
	};
	const char letter[] = {k->letter, '\0'};
	struct kind_row row = {k->name,
			       k->letter ? letter : NULL,
			       k->one,
			       k->many,
			       k->waits_for,
			       k->table->name,
			       k->table->cols[0].name,
			       k->object_tbl,
			       k->object_word,
			       ord};
	int err = kt_db_insert(e->db, &kind_table, &row);

	for (unsigned int i = 0; i < k->n_stages && !err; i++) {
		const struct kt_stage_def *s = &k->stages[i];
		struct flow_stage_row stage = {k->name,		  i + 1,    s->name,
					       classes[s->class], s->words, s->must_run};

		if (!k->has_stages || k->has_stages & 1u << i)
			err = kt_db_insert(e->db, &flow_stage_table, &stage);
	}
	for (const struct kt_flow_word *w = k->words; w && w->col && !err; w++) {
		struct word_row word = {k->name, w->col, w->value, w->one, w->many, w->counts};

		err = kt_db_insert(e->db, &word_table, &word);
	}
	return err;
}

typedef int kind_fn(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord, void *arg);

/* Calls fn for each kind of each tracker, in their order. */
static int each_kind(struct kt_engine *e, kind_fn *fn, void *arg)
{
	int64_t ord = 0;
	int err = 0;

	for (size_t i = 0; i < e->n_trackers; i++)
		for (const struct kt_flow_kind *const *k = e->trackers[i].t->flows; k && *k && !err;
		     k++)
			err = fn(e, *k, ++ord, arg);
	return err;
}

static int write_one(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord, void *arg)
{
	(void)arg;
	return write_kind(e, k, ord);
}

static int keep_one(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord, void *arg)
{
	(void)ord;
	(void)arg;
	return kt_keep_add_kind(e->keep, k);
}

int kt_flow_keep_create(struct kt_engine *e)
{
	int err;

	if (!e->opts.keep)
		return 0;
	err = kt_keep_create(e->db, e->opts.keep_ns, e->opts.sample, &e->keep);
	return err ? err : each_kind(e, keep_one, NULL);
}

static int say_one(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord, void *arg)
{
	uint64_t all, stored;
	char a[32], b[32];

	(void)ord;
	kt_keep_counts(e->keep, k, &all, &stored);
	if (all)
		fprintf(arg, "%s%s of %s %s", ftell(arg) ? ", " : "",
			kt_format_count(stored, a, sizeof(a)), kt_format_count(all, b, sizeof(b)),
			all == 1 && k->one ? k->one
			: k->many	   ? k->many
					   : k->name);
	return 0;
}

void kt_flow_say_kept(struct kt_engine *e)
{
	kt_auto_free char *text = NULL;
	size_t size;
	FILE *f = e->keep ? open_memstream(&text, &size) : NULL;
	char n[32];

	if (!f)
		return;
	each_kind(e, say_one, f);
	if (fclose(f))
		return;
	kt_info("rows stored: %s", text[0] ? text : "none, there are no flows");
	if (kt_keep_missed(e->keep))
		kt_warn("--keep: %s links came too late, so that rows may name others that are not "
			"stored; please report this",
			kt_format_count(kt_keep_missed(e->keep), n, sizeof(n)));
}

int kt_flow_kinds_write(struct kt_engine *e)
{
	return each_kind(e, write_one, NULL);
}

static int add_select(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord, void *arg)
{
	(void)e;
	(void)ord;
	fprintf(arg, "UNION ALL SELECT '%s', %s FROM %s\n", k->name, k->select, k->table->name);
	return 0;
}

static int add_links(struct kt_engine *e, const struct kt_flow_kind *k, int64_t ord, void *arg)
{
	(void)e;
	(void)ord;
	if (k->links)
		fprintf(arg, "UNION ALL %s\n", k->links);
	return 0;
}

/* The first branch names the columns and gives no row. It has a FROM: SQLite does not look up single rows in a view with a branch without one. */
#define NO_ROW(nulls) "SELECT " nulls " FROM flow_kind WHERE 0\n"

int kt_flow_views(struct kt_engine *e)
{
	kt_auto_free char *sql = NULL;
	size_t size;
	FILE *f = open_memstream(&sql, &size);

	if (!f)
		return -ENOMEM;
	fputs("CREATE VIEW flow(flow, flow_id, run_id, kind, op, object_id, utid, ucgid, what, "
	      "size_bytes, start_ns, dur_ns, state) AS\n" NO_ROW(
		      "NULL, CAST(NULL AS INTEGER), NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
		      "NULL, "
		      "NULL, NULL, NULL"),
	      f);
	each_kind(e, add_select, f);
	fputs(";\nCREATE VIEW flow_link(flow, flow_id, lower, lower_id, link) AS\n" NO_ROW(
		      "NULL, CAST(NULL AS INTEGER), NULL, NULL, NULL"),
	      f);
	each_kind(e, add_links, f);
	fputs(";\nCREATE VIEW flow_object(tbl, object_id, run_id, name, parent_id, dev) "
	      "AS\n" NO_ROW("NULL, CAST(NULL AS INTEGER), NULL, NULL, NULL, NULL"),
	      f);
	for (size_t i = 0; i < e->n_trackers; i++)
		if (e->trackers[i].t->objects)
			fprintf(f, "UNION ALL %s\n", e->trackers[i].t->objects);
	fputs(";\n", f);
	if (fclose(f))
		return -ENOMEM;
	return kt_db_exec(e->db, sql);
}

/* What view `stage` and the report `show` look up for single flows. */
int kt_flow_indexes(struct kt_engine *e)
{
	return kt_db_exec(e->db, "CREATE INDEX stage_extra_flow ON stage_extra(flow_id);\n"
				 "CREATE INDEX disturbance_flow ON disturbance(flow_id);\n");
}
