/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * One table with a line of names, as RFC 4180 but for the line ends; raw values, NULL empty. Text is made safe (format/base/safe.h);
 * what a spreadsheet would take for a formula gets a ' before it, as OWASP recommends against CSV injection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"
#include "report/output/cell.h"
#include "report/output/output.h"

struct csv_output {
	struct kt_output o;
	const struct kt_table_head *head;
};

static struct csv_output *csv_of(struct kt_output *o)
{
	return (struct csv_output *)o;
}

/* Is it a plain number? What else begins with a sign is a formula. */
static bool is_number(const char *s)
{
	char *end;

	strtod(s, &end);
	return end != s && !*end && !s[strspn(s, "+-.0123456789eE")];
}

/* Does a spreadsheet take it for a formula? Tab and line end, which some skip, are escaped. The wide forms of the signs count. */
static bool is_formula(const char *s)
{
	uint32_t c = 0;

	kt_utf8_next(s, &c);
	if (c > 0xff00 && c < 0xff5f)
		c -= 0xfee0;
	return c && c < 0x80 && strchr("=+-@", c) && !is_number(s);
}

static int print_field(FILE *f, const char *s)
{
	char *safe kt_auto_free = kt_safe_text(s, true);
	bool formula;

	if (!safe)
		return -ENOMEM;
	formula = is_formula(safe);
	/* ; separates cells where the comma is the decimal point. */
	if (!formula && !strpbrk(safe, ",;\"")) {
		fputs(safe, f);
		return 0;
	}
	fputs(formula ? "\"'" : "\"", f);
	for (const char *p = safe; *p; p++) {
		if (*p == '"')
			fputc('"', f);
		fputc(*p, f);
	}
	fputc('"', f);
	return 0;
}

static bool is_drawn(const struct kt_column *c)
{
	return c->format == KT_FMT_BAR || c->format == KT_FMT_SPAN;
}

static int csv_nothing(struct kt_output *o)
{
	return 0;
}

static int csv_begin(struct kt_output *o, const struct kt_report *r)
{
	return 0;
}

/* Sentences have no place in a table. */
static int csv_line(struct kt_output *o, enum kt_block_kind kind, const char *text)
{
	return 0;
}

static int csv_table_begin(struct kt_output *o, const struct kt_table_head *h)
{
	const char *sep = "";
	int err = 0;

	csv_of(o)->head = h;
	for (size_t i = 0; i < h->n_columns; i++) {
		if (is_drawn(&h->columns[i]))
			continue;
		fputs(sep, o->f);
		err = err ? err : print_field(o->f, h->columns[i].name);
		sep = ",";
	}
	fputc('\n', o->f);
	return err;
}

static int csv_row(struct kt_output *o, const struct kt_cell *cells)
{
	const struct kt_table_head *h = csv_of(o)->head;
	char buf[KT_NUMBER_SIZE];
	const char *sep = "";
	int err = 0;

	for (size_t i = 0; i < h->n_columns; i++) {
		if (is_drawn(&h->columns[i]))
			continue;
		fputs(sep, o->f);
		sep = ",";
		if (cells[i].type == KT_CELL_INT)
			fprintf(o->f, "%lld", (long long)cells[i].i);
		else if (cells[i].type == KT_CELL_REAL)
			fputs(kt_format_real(cells[i].f, buf, sizeof(buf)), o->f);
		else if (cells[i].type == KT_CELL_TEXT)
			err = err ? err : print_field(o->f, cells[i].text);
	}
	fputc('\n', o->f);
	return err;
}

static void csv_destroy(struct kt_output *o)
{
	free(o);
}

struct kt_output *kt_output_csv(FILE *f)
{
	static const struct kt_output_ops ops = {
		.begin = csv_begin,
		.line = csv_line,
		.table_begin = csv_table_begin,
		.row = csv_row,
		.table_end = csv_nothing,
		.end = csv_nothing,
		.destroy = csv_destroy,
	};
	struct csv_output *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->o.ops = &ops;
	c->o.f = f;
	return &c->o;
}
