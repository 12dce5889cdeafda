/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * {"report": …, "tables": {NAME: [{COLUMN: value, …}, …], …}, "text": […], "warnings": […]}
 * Values are raw: ns, bytes, fractions; null where nothing was observed.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/safe.h"
#include "report/output/cell.h"
#include "report/output/output.h"

struct json_output {
	struct kt_output o;
	const struct kt_table_head *head;
	bool any_table, any_row;
	KT_VEC(char *) lines; /* "text", owned; printed at the end */
	KT_VEC(char *) warnings;
};

static struct json_output *json_of(struct kt_output *o)
{
	return (struct json_output *)o;
}

static void print_string(FILE *f, const char *s)
{
	fputc('"', f);
	while (*s) {
		uint32_t c = 0;
		size_t n = kt_utf8_next(s, &c);

		if (!n)
			fputs("\\ufffd", f);
		else if (c == '"' || c == '\\')
			fprintf(f, "\\%c", *s);
		else if (kt_char_is_unsafe(c) && c > 0xffff)
			fprintf(f, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
		else if (kt_char_is_unsafe(c))
			fprintf(f, "\\u%04x", c);
		else
			fwrite(s, 1, n, f);
		s += n ? n : 1;
	}
	fputc('"', f);
}

/* "1 2 3" as an array; anything else as it is. */
static void print_numbers(FILE *f, const char *s)
{
	if (!*s || s[strspn(s, "0123456789 ")]) {
		print_string(f, s);
		return;
	}
	fputc('[', f);
	for (const char *p = s; *p; p++)
		if (*p != ' ')
			fputc(*p, f);
		else if (p[1] && p[1] != ' ')
			fputs(", ", f);
	fputc(']', f);
}

static int json_begin(struct kt_output *o, const struct kt_report *r)
{
	fputs("{\"report\": ", o->f);
	print_string(o->f, r->name);
	if (r->title) {
		fputs(", \"title\": ", o->f);
		print_string(o->f, r->title);
	}
	fputs(",\n \"tables\": {", o->f);
	return 0;
}

static int json_line(struct kt_output *o, enum kt_block_kind kind, const char *text)
{
	struct json_output *j = json_of(o);
	char *copy;

	if (kind == KT_BLOCK_LEGEND)
		return 0;
	copy = strdup(text);
	if (!copy || (kind == KT_BLOCK_WARN ? kt_vec_push(&j->warnings, copy)
					    : kt_vec_push(&j->lines, copy))) {
		free(copy);
		return -ENOMEM;
	}
	return 0;
}

static int json_table_begin(struct kt_output *o, const struct kt_table_head *h)
{
	struct json_output *j = json_of(o);

	j->head = h;
	fputs(j->any_table ? ",\n  " : "\n  ", o->f);
	print_string(o->f, h->name);
	fputs(": [", o->f);
	j->any_table = true;
	j->any_row = false;
	return 0;
}

static int json_row(struct kt_output *o, const struct kt_cell *cells)
{
	struct json_output *j = json_of(o);
	char buf[KT_NUMBER_SIZE];
	bool any = false;

	fputs(j->any_row ? ",\n   {" : "\n   {", o->f);
	j->any_row = true;
	for (size_t i = 0; i < j->head->n_columns; i++) {
		const struct kt_cell *c = &cells[i];
		const char *number;

		if (j->head->columns[i].format == KT_FMT_BAR ||
		    j->head->columns[i].format == KT_FMT_SPAN)
			continue;
		if (any)
			fputs(", ", o->f);
		any = true;
		print_string(o->f, j->head->columns[i].name);
		fputs(": ", o->f);
		number = kt_cell_number(c, buf, sizeof(buf));
		if (number)
			fputs(number, o->f);
		else if (c->type == KT_CELL_TEXT && j->head->columns[i].format == KT_FMT_HEAT)
			print_numbers(o->f, c->text);
		else if (c->type == KT_CELL_TEXT)
			print_string(o->f, c->text);
		else
			fputs("null", o->f);
	}
	fputc('}', o->f);
	return 0;
}

static int json_table_end(struct kt_output *o)
{
	fputs(json_of(o)->any_row ? "\n  ]" : "]", o->f);
	return 0;
}

static void print_strings(FILE *f, const char *key, char **v, size_t n)
{
	fprintf(f, ",\n \"%s\": [", key);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ",\n  " : "\n  ", f);
		print_string(f, v[i]);
	}
	fputs(n ? "\n ]" : "]", f);
}

static int json_end(struct kt_output *o)
{
	struct json_output *j = json_of(o);

	fputs(j->any_table ? "\n }" : "}", o->f);
	print_strings(o->f, "text", j->lines.v, j->lines.n);
	print_strings(o->f, "warnings", j->warnings.v, j->warnings.n);
	fputs("}\n", o->f);
	return 0;
}

static void json_destroy(struct kt_output *o)
{
	struct json_output *j = json_of(o);

	if (!j)
		return;
	for (size_t i = 0; i < j->lines.n; i++)
		free(j->lines.v[i]);
	for (size_t i = 0; i < j->warnings.n; i++)
		free(j->warnings.v[i]);
	kt_vec_finish(&j->lines);
	kt_vec_finish(&j->warnings);
	free(j);
}

struct kt_output *kt_output_json(FILE *f)
{
	static const struct kt_output_ops ops = {
		.begin = json_begin,
		.line = json_line,
		.table_begin = json_table_begin,
		.row = json_row,
		.table_end = json_table_end,
		.end = json_end,
		.destroy = json_destroy,
	};
	struct json_output *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->o.ops = &ops;
	j->o.f = f;
	return &j->o;
}
