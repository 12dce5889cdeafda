/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One table with a line of names, as RFC 4180 but for the line ends; raw values, NULL empty. */
#include <stdlib.h>
#include <string.h>

#include "report/cell.h"
#include "report/output.h"

struct csv_output {
	struct kt_output o;
	const struct kt_table_head *head;
};

static struct csv_output *csv_of(struct kt_output *o)
{
	return (struct csv_output *)o;
}

static void print_field(FILE *f, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, f);
		return;
	}
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"')
			fputc('"', f);
		fputc(*s, f);
	}
	fputc('"', f);
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

	csv_of(o)->head = h;
	for (size_t i = 0; i < h->n_columns; i++) {
		if (is_drawn(&h->columns[i]))
			continue;
		fputs(sep, o->f);
		print_field(o->f, h->columns[i].name);
		sep = ",";
	}
	fputc('\n', o->f);
	return 0;
}

static int csv_row(struct kt_output *o, const struct kt_cell *cells)
{
	const struct kt_table_head *h = csv_of(o)->head;
	char buf[KT_NUMBER_SIZE];
	const char *sep = "";

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
			print_field(o->f, cells[i].text);
	}
	fputc('\n', o->f);
	return 0;
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
