/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/export.h"

#include <errno.h>
#include <string.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/safe.h"
#include "report/output/term.h"

int kt_export(struct kt_run *run, const char *name, const char *file)
{
	static const struct {
		const char *name;
		kt_export_fn fn;
	} exports[] = {
#define KT_EXPORT(name, option, arg, help) {option, kt_export_##name},
#include "report/export/exports.def"
#undef KT_EXPORT
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(exports); i++)
		if (!strcmp(exports[i].name, name))
			return exports[i].fn(run, file);
	snprintf(run->err, sizeof(run->err), "no export '%s'", name);
	return -EINVAL;
}

/* Rows go to whoever exports, sentences to stderr. */
struct select_output {
	struct kt_output o;
	int (*row)(FILE *f, const struct kt_cell *cells, size_t n);
	const struct kt_table_head *head;
	bool any;
};

static struct select_output *select_of(struct kt_output *o)
{
	return (struct select_output *)o;
}

static int select_begin(struct kt_output *o, const struct kt_report *r)
{
	return 0;
}

static int select_line(struct kt_output *o, enum kt_block_kind kind, const char *text)
{
	char *safe kt_auto_free = kt_safe_text(text, kt_term_locale());

	if (!safe)
		return -ENOMEM;
	kt_warn("%s", safe);
	return 0;
}

static int select_table_begin(struct kt_output *o, const struct kt_table_head *h)
{
	select_of(o)->head = h;
	select_of(o)->any = false;
	return 0;
}

static int select_row(struct kt_output *o, const struct kt_cell *cells)
{
	struct select_output *s = select_of(o);

	s->any = true;
	return s->row ? s->row(o->f, cells, s->head->n_columns) : 0;
}

static int select_table_end(struct kt_output *o)
{
	struct select_output *s = select_of(o);

	if (!s->any && s->head->empty)
		return select_line(o, KT_BLOCK_WARN, s->head->empty);
	return 0;
}

static int select_end(struct kt_output *o)
{
	return 0;
}

int kt_export_select(struct kt_run *run, FILE *f,
		     int (*row)(FILE *f, const struct kt_cell *cells, size_t n))
{
	static const struct kt_output_ops ops = {
		.begin = select_begin,
		.line = select_line,
		.table_begin = select_table_begin,
		.row = select_row,
		.table_end = select_table_end,
		.end = select_end,
	};
	struct select_output s = {.o = {.ops = &ops, .f = f}, .row = row};

	return kt_run_print(run, &s.o);
}
