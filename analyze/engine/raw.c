/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "analyze/engine/engine.h"
#include "analyze/engine/raw.h"
#include "format/base/hash.h"

#define COLS_MAX 1500 /* SQLite takes 2000 */
#define OWN_COLS 3    /* before the fields */

/* A row: n_cols cells of 8 bytes, an int64_t or a const char *. */
union cell {
	int64_t number;
	const char *text;
};

struct raw_table {
	struct kt_table def;
	char *name;		    /* raw_<event> */
	KT_VEC(struct kt_col) cols; /* names and docs: owned */
	union cell *row;
};

/* Where the columns of a table find their values in the events of one schema. */
struct binding {
	struct raw_table *table;
	const struct kt_field
		*fields[]; /* by column, after the first OWN_COLS; NULL: that schema has none */
};

struct kt_raw {
	struct kt_engine *e;
	KT_VEC(struct raw_table *) tables;
	struct kt_hash bindings; /* const struct kt_event_desc * → struct binding * */
	char text[4 * KT_EVENT_MAX *
		  6]; /* of the row being made: 21 characters for 8 bytes at most */
};

static bool is_text(const struct kt_field *f)
{
	return f->kind == KT_KIND_STR || f->count > 1;
}

static const char *unit_of(const struct kt_field *f)
{
	switch (f->kind) {
	case KT_KIND_TIME:
	case KT_KIND_NS:
		return "ns";
	case KT_KIND_SECTOR:
		return "sectors";
	case KT_KIND_BYTES:
		return "bytes";
	default:
		return "";
	}
}

static struct kt_col *find_col(struct raw_table *t, const char *name)
{
	for (size_t i = 0; i < t->cols.n; i++)
		if (!strcasecmp(t->cols.v[i].name, name))
			return &t->cols.v[i];
	return NULL;
}

static const char *const own_names[OWN_COLS] = {"run_id", "time_ns", "cpu"};

/*
 * Is that name taken by one of our own columns, or by a field other than f? SQLite ignores case; of two fields
 * that differ only in case the first keeps its name.
 */
static bool is_taken(const struct kt_event_desc *d, const struct kt_field *f, const char *name)
{
	for (size_t i = 0; i < OWN_COLS; i++)
		if (!strcasecmp(name, own_names[i]))
			return true;
	for (size_t i = 0; i < d->n_fields; i++)
		if (&d->fields[i] != f && !strcasecmp(name, d->fields[i].name) &&
		    (&d->fields[i] < f || strcasecmp(name, f->name)))
			return true;
	return false;
}

/* The name of a field's column: with as many _ appended as it takes to be unique. */
static void col_name(const struct kt_event_desc *d, const struct kt_field *f, char *buf,
		     size_t size)
{
	size_t len = snprintf(buf, size, "%s", f->name);

	while (is_taken(d, f, buf) && len + 1 < size) {
		buf[len++] = '_';
		buf[len] = '\0';
	}
}

static int add_col(struct raw_table *t, const char *name, enum kt_col_type type, const char *unit,
		   const char *doc)
{
	struct kt_col c = {strdup(name), type, t->cols.n * sizeof(union cell), unit, strdup(doc)};

	if (!c.name || !c.doc || kt_vec_push(&t->cols, c)) {
		free((char *)c.name);
		free((char *)c.doc);
		return -ENOMEM;
	}
	return 0;
}

static int make_table(struct kt_raw *raw, const char *event, struct raw_table **ret)
{
	struct raw_table *t = calloc(1, sizeof(*t));
	int err;

	if (!t || kt_vec_push(&raw->tables, t)) {
		free(t);
		return -ENOMEM;
	}
	if (asprintf(&t->name, "raw_%s", event) < 0) {
		t->name = NULL;
		return -ENOMEM;
	}
	err = add_col(t, "run_id", KT_COL_INT, "", "the run");
	if (!err)
		err = add_col(t, "time_ns", KT_COL_INT, "ns", "since the epoch of the database");
	if (!err)
		err = add_col(t, "cpu", KT_COL_INT, "", "the stream");
	*ret = t;
	return err;
}

static int add_event(struct kt_raw *raw, const struct kt_event_desc *d)
{
	struct raw_table *t = NULL;
	char name[256];
	int err = 0;

	for (size_t i = 0; i < raw->tables.n && !t; i++)
		if (!strcasecmp(raw->tables.v[i]->name + strlen("raw_"), d->name))
			t = raw->tables.v[i];
	if (!t)
		err = make_table(raw, d->name, &t);
	if (!err && !t->def.doc)
		t->def.doc = d->doc;
	for (size_t i = 0; !err && i < d->n_fields && t->cols.n < COLS_MAX; i++) {
		const struct kt_field *f = &d->fields[i];

		col_name(d, f, name, sizeof(name));
		if (!find_col(t, name))
			err = add_col(t, name, is_text(f) ? KT_COL_TEXT : KT_COL_INT, unit_of(f),
				      f->doc);
	}
	return err;
}

static int bind_event(struct kt_raw *raw, const struct kt_event_desc *d, struct binding **ret)
{
	struct raw_table *t = NULL;
	struct binding *b;
	char name[256];

	for (size_t i = 0; i < raw->tables.n && !t; i++)
		if (!strcasecmp(raw->tables.v[i]->name + strlen("raw_"), d->name))
			t = raw->tables.v[i];
	b = calloc(1, sizeof(*b) + (t ? t->cols.n : 0) * sizeof(b->fields[0]));
	if (!b || kt_hash_put(&raw->bindings, (uintptr_t)d, b)) {
		free(b);
		return -ENOMEM;
	}
	b->table = t; /* NULL: a schema that was found after the tables had been created */
	for (size_t i = 0; t && i < d->n_fields; i++) {
		const struct kt_field *f = &d->fields[i];
		const struct kt_col *c;

		col_name(d, f, name, sizeof(name));
		c = find_col(t, name);
		if (c && c->type == (is_text(f) ? KT_COL_TEXT : KT_COL_INT))
			b->fields[c - t->cols.v - OWN_COLS] = f;
	}
	*ret = b;
	return 0;
}

static int make_tables(struct kt_raw *raw)
{
	for (size_t i = 0; i < raw->tables.n; i++) {
		struct raw_table *t = raw->tables.v[i];
		int err;

		t->row = calloc(t->cols.n, sizeof(*t->row));
		if (!t->row)
			return -ENOMEM;
		t->def.name = t->name;
		t->def.cols = t->cols.v;
		t->def.n_cols = t->cols.n;
		err = kt_db_add_table(raw->e->db, &t->def);
		if (err)
			return err;
	}
	return 0;
}

int kt_raw_create(struct kt_engine *e, struct kt_raw **ret)
{
	struct kt_raw *raw = calloc(1, sizeof(*raw));

	if (!raw)
		return -ENOMEM;
	raw->e = e;
	*ret = raw;
	for (size_t i = 0; i < e->runs.n; i++) {
		const struct kt_input *in = e->runs.v[i]->in;

		for (size_t j = 0; j < in->schemas.n; j++) {
			for (unsigned int id = 0; id <= UINT16_MAX; id++) {
				const struct kt_event_desc *d =
					kt_schema_event(in->schemas.v[j].schema, id);
				int err = d ? add_event(raw, d) : 0;

				if (err)
					return err;
			}
		}
	}
	return make_tables(raw);
}

void kt_raw_destroy(struct kt_raw *raw)
{
	if (!raw)
		return;
	for (size_t i = 0; i < raw->tables.n; i++) {
		struct raw_table *t = raw->tables.v[i];

		for (size_t j = 0; j < t->cols.n; j++) {
			free((char *)t->cols.v[j].name);
			free((char *)t->cols.v[j].doc);
		}
		kt_vec_finish(&t->cols);
		free(t->row);
		free(t->name);
		free(t);
	}
	kt_vec_finish(&raw->tables);
	for (size_t i = 0; raw->bindings.slots && i <= raw->bindings.mask; i++)
		free(raw->bindings.slots[i].value);
	kt_hash_finish(&raw->bindings);
	free(raw);
}

/* Appends to raw->text at *at; the text's start. */
static const char *field_text(struct kt_raw *raw, const struct kt_field *f, const void *ev,
			      size_t *at)
{
	char *start = raw->text + *at;
	unsigned int n = f->count;

	if (f->kind == KT_KIND_STR) {
		size_t len = strnlen((const char *)ev + f->offset, f->count);

		memcpy(start, (const char *)ev + f->offset, len);
		start[len] = '\0';
		*at += len + 1;
		return start;
	}
	while (n && !kt_field_value(f, ev, n - 1))
		n--;
	start[0] = '\0';
	for (unsigned int i = 0; i < n; i++)
		*at += snprintf(raw->text + *at, sizeof(raw->text) - *at,
				i ? ",%" PRId64 : "%" PRId64, (int64_t)kt_field_value(f, ev, i));
	*at += 1;
	return start;
}

int kt_raw_insert(struct kt_raw *raw, uint32_t run, const struct kt_schema *s, int64_t t_ns,
		  uint32_t stream, const struct kt_event *ev)
{
	const struct kt_event_desc *d = kt_schema_event(s, ev->id);
	struct binding *b = kt_hash_get(&raw->bindings, (uintptr_t)d);
	size_t at = 0;
	int err = 0;

	if (!d)
		return 0;
	if (!b)
		err = bind_event(raw, d, &b);
	if (err || !b->table)
		return err;
	b->table->row[0].number = run + 1;
	b->table->row[1].number = t_ns;
	b->table->row[2].number = stream == KTR_NO_STREAM ? KT_NULL : stream;
	for (size_t i = OWN_COLS; i < b->table->cols.n; i++) {
		const struct kt_field *f = b->fields[i - OWN_COLS];
		union cell *c = &b->table->row[i];

		if (b->table->cols.v[i].type == KT_COL_TEXT)
			c->text = f ? field_text(raw, f, ev, &at) : NULL;
		else if (!f)
			c->number = KT_NULL;
		else if (f->kind == KT_KIND_TIME) /* to the same line */
			c->number =
				(int64_t)(kt_field_value(f, ev, 0) - ev->ts_ns + (uint64_t)t_ns);
		else
			c->number = (int64_t)kt_field_value(f, ev, 0);
	}
	return kt_db_insert(raw->e->db, &b->table->def, b->table->row);
}
