/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Reports for people: wrapped sentences, aligned tables, bars. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"
#include "report/output/cell.h"
#include "report/output/draw.h"
#include "report/output/output.h"
#include "report/output/term.h"

#define BATCH_ROWS 4096 /* rows laid out together; keeps memory bounded however long a table is */
#define GAP 2		/* spaces between columns */
#define BAR_MIN 10
#define BAR_MAX 40
#define SPAN_MAX 120 /* a time line gains by every column */
#define BAR_FREE 30  /* where the width is not limited */
#define TEXT_MIN 12  /* a text column is cut no shorter */
#define WRAP_MAX 100 /* longer lines read badly */

#define SGR_BOLD "\033[1m"
#define SGR_DIM "\033[2m"
#define SGR_WARN "\033[38;5;166m" /* as in draw.c: read on black and on white */
#define SGR_OFF "\033[0m"

struct cell {
	char *text;	     /* owned; of a bar or span: how to draw it */
	struct kt_heat heat; /* owned; of a heat */
	bool null;
	bool numeric;
};

struct col {
	const struct kt_column *c;
	char *label; /* owned */
	unsigned int width;
	bool hidden;
	bool right; /* decided with the first rows */
};

struct text_output {
	struct kt_output o;
	const struct kt_term *term;
	int64_t epoch_ns; /* realtime of the database's time 0, for times of day; 0: seconds since then */
	bool drew;	  /* the last table has a line of pieces: a legend explains something */
	bool any;	  /* something was printed: the next block starts with an empty line */
	bool last_was_line;
	unsigned int pending; /* spaces not printed yet: a line never ends with them */
	/* the table at hand */
	const struct kt_table_head *head;
	struct col *cols;
	KT_VEC(struct cell) cells;
	bool laid_out;
	unsigned int gap;
	uint64_t heat_max; /* the greatest cell of the table's heats, as drawn */
	char **above;	   /* texts of the row above, by column, for KT_COLUMN_GROUP */
};

static struct text_output *text_of(struct kt_output *o)
{
	return (struct text_output *)o;
}

static void sgr(struct text_output *t, const char *code)
{
	if (t->term->color)
		fputs(code, t->o.f);
}

static void pad(struct text_output *t, unsigned int n)
{
	t->pending += n;
}

static void put_pending(struct text_output *t)
{
	while (t->pending) {
		fputc(' ', t->o.f);
		t->pending--;
	}
}

static void put(struct text_output *t, const char *s)
{
	if (!*s)
		return;
	put_pending(t);
	fputs(s, t->o.f);
}

static void end_line(struct text_output *t)
{
	t->pending = 0;
	fputc('\n', t->o.f);
}

static void blank_line(struct text_output *t)
{
	if (t->any)
		fputc('\n', t->o.f);
	t->any = true;
}

/* Words of a sentence, wrapped, further lines indented. */
static void print_wrapped(FILE *f, const char *s, unsigned int width)
{
	unsigned int col = 0;

	while (*s) {
		size_t len = kt_word_len(s);
		char *word = strndup(s, len);
		unsigned int w = word ? kt_term_columns(word) : (unsigned int)len;

		if (col && width && col + 1 + w > width) {
			fputs("\n  ", f);
			col = 2;
		} else if (col) {
			fputc(' ', f);
			col++;
		}
		fwrite(s, 1, len, f);
		col += w;
		s += len;
		s += strspn(s, " ");
		free(word);
	}
	fputc('\n', f);
}

static int text_begin(struct kt_output *o, const struct kt_report *r)
{
	return 0;
}

static int text_section(struct kt_output *o, const char *heading)
{
	struct text_output *t = text_of(o);

	blank_line(t);
	t->last_was_line = true;
	sgr(t, SGR_BOLD);
	put(t, heading);
	sgr(t, SGR_OFF);
	end_line(t);
	return 0;
}

static int text_line(struct kt_output *o, enum kt_block_kind kind, const char *s)
{
	struct text_output *t = text_of(o);
	char *safe = kt_safe_text(s, t->term->utf8);

	if (!safe)
		return -ENOMEM;
	if (kind == KT_BLOCK_LEGEND && !t->drew) {
		free(safe);
		return 0;
	}
	if (kind == KT_BLOCK_LEGEND) {
		char *legend kt_auto_free = kt_draw_legend(safe, t->term->width, t->term);

		free(safe);
		if (!legend)
			return -ENOMEM;
		put(t, legend); /* right below what it explains */
		end_line(t);
		return 0;
	}
	if (!t->last_was_line)
		blank_line(t);
	t->last_was_line = true;
	if (kind == KT_BLOCK_WARN)
		sgr(t, SGR_WARN);
	print_wrapped(o->f, safe, KT_MIN(t->term->width, WRAP_MAX));
	if (kind == KT_BLOCK_WARN)
		sgr(t, SGR_OFF);
	free(safe);
	return 0;
}

static int text_table_begin(struct kt_output *o, const struct kt_table_head *h)
{
	struct text_output *t = text_of(o);

	t->head = h;
	t->laid_out = false;
	t->gap = GAP;
	t->heat_max = 0;
	t->cols = calloc(h->n_columns, sizeof(*t->cols));
	t->above = calloc(h->n_columns, sizeof(*t->above));
	if (!t->cols || !t->above)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_columns; i++) {
		const struct kt_column *c = &h->columns[i];
		char *label = c->label ? strdup(c->label) : kt_label_of_name(c->name);

		t->cols[i].c = c;
		if (!label)
			return -ENOMEM;
		/* A statement may name its columns anything. */
		t->cols[i].label = kt_safe_text(label, t->term->utf8);
		free(label);
		if (!t->cols[i].label)
			return -ENOMEM;
	}
	return 0;
}

static bool is_drawn(const struct col *c)
{
	return c->c->format == KT_FMT_BAR || c->c->format == KT_FMT_SPAN ||
	       c->c->format == KT_FMT_HEAT;
}

static void free_cell(struct cell *c)
{
	free(c->text);
	free(c->heat.v);
}

/* ---------------------------------------------------------------- heats */

static unsigned int most_slots(const struct text_output *t, size_t col)
{
	unsigned int n = 0;

	for (size_t i = col; i < t->cells.n; i += t->head->n_columns)
		n = KT_MAX(n, t->cells.v[i].heat.n);
	return n;
}

/* The fullest cell sets the scale. */
static void measure_heat(struct text_output *t, size_t col)
{
	for (size_t i = col; i < t->cells.n; i += t->head->n_columns) {
		uint64_t max = kt_heat_max(&t->cells.v[i].heat, t->cols[col].width);

		t->heat_max = KT_MAX(t->heat_max, max);
	}
}

/* From the rows at hand: which columns are shown and how wide they want to be. */
static void measure(struct text_output *t)
{
	size_t n_cols = t->head->n_columns, n_rows = t->cells.n / n_cols;

	for (size_t c = 0; c < n_cols; c++) {
		struct col *col = &t->cols[c];
		bool all_null = true, numeric = true;
		unsigned int w = t->laid_out ? col->width : kt_term_columns(col->label);

		for (size_t r = 0; r < n_rows; r++) {
			const struct cell *cell = &t->cells.v[r * n_cols + c];

			if (!is_drawn(col))
				w = KT_MAX(w, kt_term_columns(cell->text));
			all_null = all_null && cell->null;
			numeric = numeric && (cell->null || cell->numeric);
		}
		if (!t->laid_out) {
			col->hidden =
				(all_null && n_rows && (col->c->flags & KT_COLUMN_OPTIONAL)) ||
				(col->c->flags & KT_COLUMN_DATA);
			col->right = !is_drawn(col) && col->c->format != KT_FMT_TEXT &&
				     (all_null ? col->c->format != KT_FMT_AUTO : numeric);
		}
		if (!is_drawn(col))
			col->width = w;
	}
}

static unsigned int total_width(const struct text_output *t, unsigned int bar)
{
	unsigned int w = 0, n = 0;

	for (size_t c = 0; c < t->head->n_columns; c++) {
		const struct col *col = &t->cols[c];

		if (col->hidden)
			continue;
		w += is_drawn(col) ? KT_MAX(bar, kt_term_columns(col->label)) : col->width;
		n++;
	}
	return n ? w + (n - 1) * t->gap : 0;
}

/* Hides the last visible column that matches; false: there is none. */
static bool drop_one(struct text_output *t, bool drawn)
{
	for (size_t c = t->head->n_columns; c--;) {
		struct col *col = &t->cols[c];

		/* A heat is what its table is for. */
		if (col->hidden || col->c->format == KT_FMT_HEAT ||
		    (drawn ? !is_drawn(col) : !(col->c->flags & KT_COLUMN_WIDE)))
			continue;
		col->hidden = true;
		return true;
	}
	return false;
}

/* Shortens the widest text column; false: none can be. */
static bool cut_one(struct text_output *t, unsigned int excess)
{
	struct col *widest = NULL;

	for (size_t c = 0; c < t->head->n_columns; c++) {
		struct col *col = &t->cols[c];

		if (!col->hidden && !col->right && !is_drawn(col) && col->width > TEXT_MIN &&
		    (!widest || col->width > widest->width))
			widest = col;
	}
	if (!widest)
		return false;
	widest->width -= KT_MIN(excess, widest->width - TEXT_MIN);
	return true;
}

/* Fits the table into the terminal: first columns that may go, then bars, then long texts. Numbers are never cut. */
static void fit(struct text_output *t)
{
	unsigned int width = t->term->width, n_bars = 0, bar = BAR_FREE, room = BAR_FREE;

	if (width) {
		while (total_width(t, BAR_MIN) > width && drop_one(t, false))
			;
		while (total_width(t, BAR_MIN) > width && drop_one(t, true))
			;
		if (total_width(t, BAR_MIN) > width)
			t->gap = 1;
		while (total_width(t, BAR_MIN) > width &&
		       cut_one(t, total_width(t, BAR_MIN) - width))
			;
	}
	for (size_t c = 0; c < t->head->n_columns; c++)
		n_bars += !t->cols[c].hidden && is_drawn(&t->cols[c]);
	if (width && n_bars) {
		unsigned int least = total_width(t, BAR_MIN);

		bar = least < width ? BAR_MIN + (width - least) / n_bars : BAR_MIN;
		room = bar;
	}
	for (size_t c = 0; c < t->head->n_columns; c++) {
		struct col *col = &t->cols[c];

		if (!is_drawn(col))
			continue;
		bar = KT_MIN(room, col->c->format == KT_FMT_SPAN ? SPAN_MAX : BAR_MAX);
		if (col->c->format == KT_FMT_HEAT) {
			unsigned int n = most_slots(t, c), most = width ? room : n;

			/* Of whole slots, so that all characters cover the same time. */
			bar = n ? (n + kt_heat_step(n, most) - 1) / kt_heat_step(n, most) : 1;
		}
		col->width = KT_MAX(bar, kt_term_columns(col->label));
		if (col->c->format == KT_FMT_HEAT)
			measure_heat(t, c);
	}
}

static void print_aligned(struct text_output *t, size_t c, const char *text)
{
	const struct col *col = &t->cols[c];
	size_t size = strlen(text) + 4;
	char *cut kt_auto_free = malloc(size);
	unsigned int w;

	if (cut) {
		memcpy(cut, text, strlen(text) + 1);
		/* Of a list the first matter, of a name both ends. */
		if (strstr(text, ", "))
			kt_term_cut(cut, size, col->width, t->term->utf8);
		else
			kt_term_cut_middle(cut, size, col->width, t->term->utf8);
		text = cut;
	}
	w = kt_term_columns(text);
	if (col->right && w < col->width)
		pad(t, col->width - w);
	put(t, text);
	if (!col->right && w < col->width)
		pad(t, col->width - w);
}

static int print_drawn(struct text_output *t, const struct col *col, const struct cell *cell)
{
	unsigned int w = 0;
	char *text kt_auto_free = NULL;

	if (!cell->null) {
		text = col->c->format == KT_FMT_BAR
			       ? kt_draw_bar(cell->text, col->width, t->term, &w)
		       : col->c->format == KT_FMT_HEAT
			       ? kt_draw_heat(&cell->heat, t->heat_max, col->width, t->term, &w)
			       : kt_draw_span(cell->text, col->width, t->term, &w);
		if (!text)
			return -ENOMEM;
		put(t, text);
	}
	if (w < col->width)
		pad(t, col->width - w);
	return 0;
}

static void print_head(struct text_output *t)
{
	bool first = true;

	blank_line(t);
	t->last_was_line = false;
	t->drew = false;
	for (size_t c = 0; c < t->head->n_columns; c++)
		t->drew = t->drew || (!t->cols[c].hidden && t->cols[c].c->format == KT_FMT_SPAN);
	if (t->head->heading) {
		sgr(t, SGR_BOLD);
		put(t, t->head->heading);
		sgr(t, SGR_OFF);
		end_line(t);
	}
	sgr(t, SGR_DIM);
	for (size_t c = 0; c < t->head->n_columns; c++) {
		if (t->cols[c].hidden)
			continue;
		if (!first)
			pad(t, t->gap);
		first = false;
		print_aligned(t, c, t->cols[c].label);
	}
	sgr(t, SGR_OFF);
	end_line(t);
}

static int print_row(struct text_output *t, struct cell *row)
{
	bool first = true, same = true;
	int err = 0;

	for (size_t c = 0; c < t->head->n_columns; c++) {
		const struct col *col = &t->cols[c];
		bool group = col->c->flags & KT_COLUMN_GROUP;

		/* Blank only while all grouping columns before it repeat as well. */
		if (group)
			same = same && t->above[c] && !strcmp(t->above[c], row[c].text);
		if (!col->hidden) {
			if (!first)
				pad(t, t->gap);
			first = false;
			if (is_drawn(col))
				err = err ? err : print_drawn(t, col, &row[c]);
			else
				print_aligned(t, c, group && same ? "" : row[c].text);
		}
		if (group) {
			/* Kept to be compared with the row below. */
			free(t->above[c]);
			t->above[c] = row[c].text;
			row[c].text = NULL;
		}
	}
	end_line(t);
	return err;
}

static int flush_rows(struct text_output *t)
{
	size_t n_cols = t->head->n_columns;
	int err = 0;

	if (!t->cells.n)
		return 0;
	measure(t);
	if (!t->laid_out) {
		fit(t);
		t->laid_out = true;
		print_head(t);
	}
	for (size_t i = 0; i < t->cells.n && !err; i += n_cols)
		err = print_row(t, &t->cells.v[i]);
	for (size_t i = 0; i < t->cells.n; i++)
		free_cell(&t->cells.v[i]);
	t->cells.n = 0;
	return err;
}

/* How a bar or span is to be drawn, as text. */
static char *drawn_text(const struct kt_cell *c)
{
	char buf[KT_NUMBER_SIZE];

	if (c->type == KT_CELL_TEXT)
		return strdup(c->text);
	return strdup(c->type == KT_CELL_NULL ? ""
					      : kt_format_real(kt_cell_real(c), buf, sizeof(buf)));
}

static int text_row(struct kt_output *o, const struct kt_cell *cells)
{
	struct text_output *t = text_of(o);

	for (size_t c = 0; c < t->head->n_columns; c++) {
		enum kt_cell_format format = t->head->columns[c].format;
		bool drawn = format == KT_FMT_BAR || format == KT_FMT_SPAN;
		struct cell cell = {.null = cells[c].type == KT_CELL_NULL,
				    .numeric = cells[c].type == KT_CELL_INT ||
					       cells[c].type == KT_CELL_REAL};

		if (format == KT_FMT_HEAT && cells[c].type == KT_CELL_TEXT &&
		    kt_heat_parse(&cell.heat, cells[c].text))
			return -ENOMEM;
		cell.text = drawn ? drawn_text(&cells[c])
			    : format == KT_FMT_TIME && t->epoch_ns && cells[c].type == KT_CELL_INT
				    ? kt_cell_clock(cells[c].i, t->epoch_ns)
				    : kt_cell_text(&cells[c], format, t->term->utf8);
		if (!cell.text || kt_vec_push(&t->cells, cell)) {
			free_cell(&cell);
			return -ENOMEM;
		}
	}
	if (t->cells.n >= BATCH_ROWS * t->head->n_columns)
		return flush_rows(t);
	return 0;
}

static void drop_table(struct text_output *t)
{
	for (size_t c = 0; t->head && c < t->head->n_columns; c++) {
		if (t->cols)
			free(t->cols[c].label);
		if (t->above)
			free(t->above[c]);
	}
	free(t->cols);
	free(t->above);
	for (size_t i = 0; i < t->cells.n; i++)
		free_cell(&t->cells.v[i]);
	t->cells.n = 0;
	t->cols = NULL;
	t->above = NULL;
	t->head = NULL;
}

static int text_table_end(struct kt_output *o)
{
	struct text_output *t = text_of(o);

	int err = flush_rows(t);

	if (!t->laid_out && t->head->empty) {
		blank_line(t);
		t->last_was_line = false;
		print_wrapped(o->f, t->head->empty, KT_MIN(t->term->width, WRAP_MAX));
	}
	drop_table(t);
	return err;
}

static int text_end(struct kt_output *o)
{
	return 0;
}

static void text_destroy(struct kt_output *o)
{
	struct text_output *t = text_of(o);

	if (!t)
		return;
	drop_table(t);
	kt_vec_finish(&t->cells);
	free(t);
}

struct kt_output *kt_output_text(FILE *f, const struct kt_term *term, int64_t epoch_ns)
{
	static const struct kt_output_ops ops = {
		.begin = text_begin,
		.section = text_section,
		.line = text_line,
		.table_begin = text_table_begin,
		.row = text_row,
		.table_end = text_table_end,
		.end = text_end,
		.destroy = text_destroy,
	};
	struct text_output *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->o.ops = &ops;
	t->o.f = f;
	t->term = term;
	t->epoch_ns = epoch_ns;
	return &t->o;
}
