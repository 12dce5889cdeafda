/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Each cell that shows a number has the number itself as data-v, as in JSON: <td data-v="37102000">37.1 ms</td>. A head
 * has its column's name as data-c.
 */
#include "report/page/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "report/output/cell.h"
#include "report/page/svg.h"

#define LONG_TEXT 28 /* bytes */

struct cell {
	enum kt_cell_type type;
	char *text; /* owned; of what is drawn: how */
	char *raw;  /* owned; of a number: itself */
	struct kt_heat heat;
};

struct col {
	const struct kt_column *c;
	bool hidden, drawn, number;
	bool is_long; /* has a text that may be wrapped */
};

struct html_output {
	struct kt_output o;
	const struct kt_html *how;
	const struct kt_table_head *head;
	struct col *cols;
	size_t n_shown;
	KT_VEC(struct cell) cells;
	uint64_t heat_max;
	bool behind; /* the answer is over */
	bool drew;   /* the last table has a line of pieces */
	bool stacked;
};

static struct html_output *html_of(struct kt_output *o)
{
	return (struct html_output *)o;
}

static int put(FILE *f, const char *before, const char *text, const char *after)
{
	int err;

	fputs(before, f);
	err = kt_html_text(f, text);
	fputs(after, f);
	return err;
}

/* A sentence. Between a figure and its unit no line ends. */
static int put_sentence(FILE *f, const char *before, const char *text, const char *after)
{
	char *kept kt_auto_free = malloc(2 * strlen(text) + 1), *to = kept;

	if (!kept)
		return -ENOMEM;
	while (*text) {
		for (size_t n = kt_word_len(text); n; n--, text++)
			to = *text == ' ' ? stpcpy(to, "\u00a0") : mempcpy(to, text, 1);
		while (*text == ' ')
			*to++ = *text++;
	}
	*to = '\0';
	return put(f, before, kept, after);
}

static int html_begin(struct kt_output *o, const struct kt_report *r)
{
	return 0;
}

static int html_section(struct kt_output *o, const char *heading)
{
	struct html_output *h = html_of(o);
	int err;

	h->behind = true;
	fprintf(o->f, "<h%d>", h->how->level);
	err = kt_html_text(o->f, heading);
	fprintf(o->f, "</h%d>\n", h->how->level);
	return err;
}

static int html_line(struct kt_output *o, enum kt_block_kind kind, const char *text)
{
	struct html_output *h = html_of(o);
	FILE *f = h->how->answer && !h->behind ? h->how->answer : o->f;

	if (kind == KT_BLOCK_LEGEND)
		return h->drew ? kt_svg_legend(o->f, text) : 0;
	return put_sentence(f, kind == KT_BLOCK_WARN ? "<p class=\"warn\"><b>Note:</b> " : "<p>",
			    text, "</p>\n");
}

static int html_table_begin(struct kt_output *o, const struct kt_table_head *head)
{
	struct html_output *h = html_of(o);

	h->behind = true;
	h->drew = false;
	h->heat_max = 0;
	h->head = head;
	h->cols = calloc(head->n_columns, sizeof(*h->cols));
	return h->cols ? 0 : -ENOMEM;
}

static bool is_drawn(enum kt_cell_format format)
{
	return format == KT_FMT_BAR || format == KT_FMT_SPAN || format == KT_FMT_HEAT;
}

static int fill(struct html_output *h, struct cell *cell, const struct kt_cell *c,
		enum kt_cell_format format)
{
	char buf[KT_NUMBER_SIZE];
	const char *number = kt_cell_number(c, buf, sizeof(buf));

	cell->type = c->type;
	cell->raw = number ? strdup(number) : NULL;
	if (is_drawn(format))
		cell->text = strdup(c->type == KT_CELL_TEXT ? c->text : cell->raw ? cell->raw : "");
	else if (format == KT_FMT_TIME && h->how->epoch_ns && c->type == KT_CELL_INT)
		cell->text = kt_cell_clock(c->i, h->how->epoch_ns);
	else
		cell->text =
			c->type == KT_CELL_TEXT ? strdup(c->text) : kt_cell_text(c, format, true);
	if (!cell->text || (number && !cell->raw))
		return -ENOMEM;
	if (format != KT_FMT_HEAT)
		return 0;
	if (kt_heat_parse(&cell->heat, cell->text))
		return -ENOMEM;
	for (unsigned int i = 0; i < cell->heat.n; i++)
		h->heat_max = KT_MAX(h->heat_max, cell->heat.v[i]);
	return 0;
}

static int html_row(struct kt_output *o, const struct kt_cell *cells)
{
	struct html_output *h = html_of(o);

	for (size_t c = 0; c < h->head->n_columns; c++) {
		struct cell cell = {0};
		int err = fill(h, &cell, &cells[c], h->head->columns[c].format);

		/* Whoever frees the cells frees this one as well. */
		if (kt_vec_push(&h->cells, cell)) {
			free(cell.text);
			free(cell.raw);
			free(cell.heat.v);
			err = -ENOMEM;
		}
		if (err)
			return err;
	}
	return 0;
}

/* ---------------------------------------------------------------- a table */

static const struct cell *cell_at(const struct html_output *h, size_t row, size_t col)
{
	return &h->cells.v[row * h->head->n_columns + col];
}

static size_t n_rows(const struct html_output *h)
{
	return h->cells.n / h->head->n_columns;
}

/* A time line goes below its row, over the whole width, if something is behind that. */
static bool has_details(const struct html_output *h)
{
	return h->how->detail && !strcmp(h->head->columns[0].name, "id");
}

static void choose_columns(struct html_output *h)
{
	h->n_shown = 0;
	for (size_t c = 0; c < h->head->n_columns; c++) {
		const struct kt_column *column = &h->head->columns[c];
		struct col *col = &h->cols[c];
		bool any = false;

		col->number = column->format != KT_FMT_TEXT;
		for (size_t r = 0; r < n_rows(h); r++) {
			const struct cell *cell = cell_at(h, r, c);

			any = any || cell->type != KT_CELL_NULL;
			col->number = col->number && cell->type != KT_CELL_TEXT;
			col->is_long = col->is_long || strlen(cell->text) > LONG_TEXT;
		}
		col->c = column;
		col->drawn = is_drawn(column->format);
		col->hidden = (column->flags & KT_COLUMN_DATA) ||
			      (!any && (column->flags & KT_COLUMN_OPTIONAL)) ||
			      (column->format == KT_FMT_SPAN && has_details(h));
		h->n_shown += !col->hidden;
	}
}

/* n: a number, l: a long text, t: a text, b: a bar, d: drawn over a length; w: not where it is narrow. */
static const char *class_of(const struct col *col)
{
	bool wide = col->c->flags & KT_COLUMN_WIDE;

	if (col->drawn)
		return col->c->format == KT_FMT_BAR ? "b" : "d";
	if (col->number)
		return wide ? "n w" : "n";
	return col->is_long ? wide ? "l w" : "l" : wide ? "t w" : "t";
}

static int put_head(struct html_output *h, FILE *f)
{
	int err = 0;

	fputs("<thead><tr>", f);
	for (size_t c = 0; !err && c < h->head->n_columns; c++) {
		const struct col *col = &h->cols[c];
		char *label kt_auto_free =
			col->c->label ? strdup(col->c->label) : kt_label_of_name(col->c->name);

		if (col->hidden)
			continue;
		if (!label)
			return -ENOMEM;
		fprintf(f, "<th scope=\"col\" class=\"%s\" data-c=\"", class_of(col));
		err = kt_html_text(f, col->c->name);
		fputs("\">", f);
		if (*label)
			err = err ? err : kt_html_text(f, label);
		else
			fputs("<span class=\"vh\">drawn</span>", f);
		fputs("</th>", f);
	}
	fputs("</tr></thead>\n<tbody>\n", f);
	return err;
}

static int put_cell(struct html_output *h, FILE *f, const struct col *col, const struct cell *cell,
		    bool repeated)
{
	bool linked =
		!strcmp(col->c->name, "id") && h->how->has && h->how->has(h->how->arg, cell->text);
	int err = 0;

	fprintf(f, "<td class=\"%s\"", class_of(col));
	if (cell->raw && !col->drawn)
		fprintf(f, " data-v=\"%s\"", cell->raw);
	fputc('>', f);
	if (linked)
		err = put(f, "<a href=\"#flow-", cell->text, "\">");
	if (col->c->format == KT_FMT_BAR)
		err = kt_svg_bar(f, cell->text);
	else if (col->c->format == KT_FMT_SPAN)
		err = kt_svg_span(f, cell->text, NULL);
	else if (col->c->format == KT_FMT_HEAT)
		err = kt_svg_heat(f, &cell->heat, h->heat_max);
	else if (repeated)
		err = put(f, "<span class=\"vh\">", cell->text, "</span>");
	else
		err = err ? err : kt_html_text(f, cell->text);
	fputs(linked ? "</a></td>" : "</td>", f);
	return err;
}

static int put_detail(struct html_output *h, FILE *f, size_t row)
{
	const char *line = NULL, *id = cell_at(h, row, 0)->text;
	int err;

	for (size_t c = 0; c < h->head->n_columns; c++)
		if (h->cols[c].c->format == KT_FMT_SPAN && cell_at(h, row, c)->text[0])
			line = cell_at(h, row, c)->text;
	h->drew = h->drew || line;
	fprintf(f, "<tr class=\"more\"><td colspan=\"%zu\">", h->n_shown);
	err = h->how->detail(h->how->arg, f, id, line);
	fputs("</td></tr>\n", f);
	return err;
}

/* Does another group begin with this row? */
static bool begins_group(const struct html_output *h, size_t row)
{
	for (size_t c = 0; row && c < h->head->n_columns; c++)
		if ((h->cols[c].c->flags & KT_COLUMN_GROUP) &&
		    strcmp(cell_at(h, row - 1, c)->text, cell_at(h, row, c)->text) != 0)
			return true;
	return false;
}

static int put_row(struct html_output *h, FILE *f, size_t row)
{
	bool same = row > 0, details = has_details(h);
	int err = 0;

	if (details)
		err = put(f, "<tr id=\"flow-", cell_at(h, row, 0)->text, "\">");
	else
		fputs(begins_group(h, row) ? "<tr class=\"g\">" : "<tr>", f);
	for (size_t c = 0; !err && c < h->head->n_columns; c++) {
		const struct col *col = &h->cols[c];
		const struct cell *cell = cell_at(h, row, c);
		bool group = col->c->flags & KT_COLUMN_GROUP;

		if (group)
			same = same && !strcmp(cell_at(h, row - 1, c)->text, cell->text);
		if (col->hidden)
			continue;
		h->drew = h->drew || col->c->format == KT_FMT_SPAN ||
			  (col->c->format == KT_FMT_BAR && strchr(cell->text, ' '));
		err = put_cell(h, f, col, cell, group && same);
	}
	fputs("</tr>\n", f);
	return err || !details ? err : put_detail(h, f, row);
}

/* From when to when the columns of a heat are, if the rows say it. */
static void put_axis(struct html_output *h, FILE *f)
{
	int64_t start = 0, slot = 0;
	unsigned int n = 0;

	for (size_t c = 0; c < h->head->n_columns; c++) {
		const struct cell *cell = cell_at(h, 0, c);

		if (h->cols[c].c->format == KT_FMT_HEAT)
			n = cell->heat.n;
		else if (cell->raw && !strcmp(h->cols[c].c->name, "start_ns"))
			start = strtoll(cell->raw, NULL, 10);
		else if (cell->raw && !strcmp(h->cols[c].c->name, "slot_ns"))
			slot = strtoll(cell->raw, NULL, 10);
	}
	if (!n || !slot)
		return;
	fprintf(f, "<tfoot><tr><td colspan=\"%zu\"></td><td class=\"d\"><div class=\"axis\">",
		h->n_shown - 1);
	for (int i = 0; i <= 4; i++)
		fprintf(f, "<span>%.3g s</span>", ((double)start + (double)slot * n * i / 4) / 1e9);
	fputs("</div></td></tr></tfoot>\n", f);
}

static bool is_heat(const struct html_output *h)
{
	for (size_t c = 0; c < h->head->n_columns; c++)
		if (h->head->columns[c].format == KT_FMT_HEAT)
			return true;
	return false;
}

static int put_table(struct html_output *h, FILE *f)
{
	int err = put(f, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"",
		      h->head->heading ? h->head->heading : h->how->title, "\">");

	fputs(is_heat(h) ? "<table class=\"heats\" data-t=\"" : "<table data-t=\"", f);
	err = err ? err : put(f, "", h->head->name, "\">\n");
	err = err ? err : put_head(h, f);
	for (size_t r = 0; !err && r < n_rows(h); r++)
		err = put_row(h, f, r);
	fputs("</tbody>\n", f);
	if (is_heat(h))
		put_axis(h, f);
	fputs("</table></div>\n", f);
	return err;
}

/* ---------------------------------------------------------------- the bar of all stages */

static size_t column_of(const struct html_output *h, const char *name)
{
	size_t c = 0;

	while (c < h->head->n_columns && strcmp(h->head->columns[c].name, name) != 0)
		c++;
	return c;
}

/* The first rows, which are about the same. */
static size_t n_first(const struct html_output *h)
{
	size_t n = 1;

	while (n < n_rows(h) && !begins_group(h, n))
		n++;
	return n;
}

/* What they are about. */
static int put_about(struct html_output *h, FILE *f)
{
	const char *sep = "<p>Of ";
	int err = 0;

	for (size_t c = 0; !err && c < h->head->n_columns; c++)
		if (!h->cols[c].hidden && (h->cols[c].c->flags & KT_COLUMN_GROUP)) {
			err = put(f, sep, cell_at(h, 0, c)->text, "");
			sep = ", ";
		}
	fputs(*sep == ',' ? ":</p>\n" : "", f);
	return err;
}

static const char *class_of_bar(const struct cell *c)
{
	const char *class = strchr(c->text, ' ');

	return class ? class + 1 : "";
}

/* Each row's share of a line, in the look of its bar. */
static char *stack_spec(struct html_output *h, size_t n, size_t share, size_t bar)
{
	char *spec = NULL;
	size_t size;
	FILE *s = open_memstream(&spec, &size);
	double at = 0;

	if (!s)
		return NULL;
	for (size_t r = 0; r < n; r++) {
		const char *raw = cell_at(h, r, share)->raw;
		double len = raw ? strtod(raw, NULL) : 0;

		fprintf(s, "%s%.6f %.6f %s", r ? ";" : "", at, len,
			class_of_bar(cell_at(h, r, bar)));
		at += len;
	}
	if (!fclose(s))
		return spec;
	free(spec);
	return NULL;
}

static int put_stack(struct html_output *h, FILE *f)
{
	size_t stage = column_of(h, "stage"), share = column_of(h, "share"),
	       bar = column_of(h, "bar"), n_columns = h->head->n_columns, n;
	char *spec kt_auto_free = NULL;
	int err;

	if (h->stacked || KT_MAX(KT_MAX(stage, share), bar) == n_columns || !n_rows(h))
		return 0;
	h->stacked = true;
	n = n_first(h);
	spec = stack_spec(h, n, share, bar);
	if (!spec)
		return -ENOMEM;
	err = put_about(h, f);
	err = err ? err : kt_svg_span(f, spec, "All stages, in the order of the list that follows");
	fputs("<ul class=\"legend\">", f);
	for (size_t r = 0; !err && r < n; r++) {
		const char *class = class_of_bar(cell_at(h, r, bar));
		const struct cell *c = cell_at(h, r, share);

		fprintf(f, "<li><i class=\"f-%s\"></i> ",
			kt_look_word(kt_mark_of(class, strlen(class)).look));
		err = put(f, "", cell_at(h, r, stage)->text, "");
		fprintf(f, " <b data-v=\"%s\">", c->raw ? c->raw : "");
		err = err ? err : put(f, "", c->text, "</b></li>");
	}
	fputs("</ul>\n", f);
	return err;
}

/* ---------------------------------------------------------------- */

static void drop_table(struct html_output *h)
{
	for (size_t i = 0; i < h->cells.n; i++) {
		free(h->cells.v[i].text);
		free(h->cells.v[i].raw);
		free(h->cells.v[i].heat.v);
	}
	h->cells.n = 0;
	free(h->cols);
	h->cols = NULL;
	h->head = NULL;
}

static int html_table_end(struct kt_output *o)
{
	struct html_output *h = html_of(o);
	int err = 0;

	choose_columns(h);
	if ((n_rows(h) || h->head->empty) && h->head->heading)
		err = html_section(o, h->head->heading);
	if (!err && n_rows(h) && h->n_shown)
		err = put_table(h, o->f);
	else if (!err && h->head->empty)
		err = put(o->f, "<p>", h->head->empty, "</p>\n");
	if (!err && h->how->stack)
		err = put_stack(h, h->how->stack);
	drop_table(h);
	return err;
}

static int html_end(struct kt_output *o)
{
	return 0;
}

static void html_destroy(struct kt_output *o)
{
	struct html_output *h = html_of(o);

	if (!h)
		return;
	drop_table(h);
	kt_vec_finish(&h->cells);
	free(h);
}

struct kt_output *kt_output_html(FILE *f, const struct kt_html *how)
{
	static const struct kt_output_ops ops = {
		.begin = html_begin,
		.section = html_section,
		.line = html_line,
		.table_begin = html_table_begin,
		.row = html_row,
		.table_end = html_table_end,
		.end = html_end,
		.destroy = html_destroy,
	};
	struct html_output *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->o.ops = &ops;
	h->o.f = f;
	h->how = how;
	return &h->o;
}
