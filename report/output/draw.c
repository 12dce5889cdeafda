/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/output/draw.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"

#define MAX_PIECES 512
#define SGR_OFF "\033[0m"
#define SGR_BOLD "\033[1m"
/*
 * Colours of the 256, whose values are the same everywhere, unlike those of the first 16: each is read on black and on white
 * (its contrast is 3 and more with either; tests/unit/report_term.c works it out).
 */
#define SGR_DEVICE "\033[38;5;31m"
#define SGR_QUEUE "\033[38;5;166m"
#define SGR_WAIT "\033[38;5;133m"
#define SGR_WAKE "\033[38;5;33m"
#define SGR_WORK "\033[38;5;64m"
#define SGR_IN_WAY "\033[38;5;160m"

/* What a class looks like. Waiting is shaded, work is low, the device is solid, what disturbs is red. */
struct kt_look {
	const char *class, *glyph, *ascii, *sgr;
	bool over; /* seen before what it lies in */
};

static const struct kt_look looks[] = {
	{"", "█", "#", SGR_DEVICE, false}, /* without a class */
	/* Classes of stages: flow_stage.class. */
	{"device", "█", "#", SGR_DEVICE, false},
	{"queue", "▓", "q", SGR_QUEUE, false},
	{"wait", "▒", "h", SGR_WAIT, false},
	{"work", "▄", "o", SGR_WORK, false},
	{"wake", "▂", "w", SGR_WAKE, false},
	{"away", "▒", "y", SGR_WAIT, false},
	/* What reports show besides. */
	{"behind", "▚", "k", SGR_QUEUE, false}, /* waiting for another thread to do it */
	{"lower", "▓", "+", SGR_WAKE, false},	/* what lies below does it */
	{"runq", "░", "R", SGR_IN_WAY, true},
	{"irq", "╳", "!", SGR_BOLD SGR_IN_WAY, true},
	{"softirq", "╳", "!", SGR_BOLD SGR_IN_WAY, true},
	{"frame", "─", "-", "\033[2m", false},
	{"text", " ", " ", "\033[2m", false},
};

struct kt_mark kt_mark_of(const char *word, size_t len)
{
	const char *slash = memchr(word, '/', len);
	size_t n = slash ? (size_t)(slash - word) : len;
	struct kt_mark m = {.look = &looks[0]};

	for (size_t i = 0; i < KT_ARRAY_SIZE(looks); i++)
		if (strlen(looks[i].class) == n && !memcmp(looks[i].class, word, n))
			m.look = &looks[i];
	if (n + 2 == len && slash[1] > ' ' && slash[1] <= '~')
		m.letter = slash[1];
	return m;
}

const char *kt_look_word(const struct kt_look *look)
{
	static const struct {
		const char *sgr, *word;
	} words[] = {
		{SGR_DEVICE, "device"}, {SGR_QUEUE, "queue"}, {SGR_WAIT, "wait"},
		{SGR_WAKE, "wake"},	{SGR_WORK, "work"},
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(words); i++)
		if (!strcmp(look->sgr, words[i].sgr))
			return words[i].word;
	return look->over ? "over" : look->class;
}

static void put_mark(FILE *f, struct kt_mark m, bool utf8)
{
	if (!utf8 && m.letter)
		fputc(m.letter, f);
	else
		fputs(utf8 ? m.look->glyph : m.look->ascii, f);
}

/* ---------------------------------------------------------------- bars */

/* Of eighths of a character, or of whole ones in ASCII. */
char *kt_draw_bar(const char *spec, unsigned int width, const struct kt_term *term,
		  unsigned int *ret_columns)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	char *end, *text = NULL;
	double fraction = strtod(spec, &end);
	const struct kt_look *look;
	unsigned int n, whole, columns = 0;
	size_t size;
	FILE *f;

	end += strspn(end, " ");
	look = kt_mark_of(end, strcspn(end, " ")).look;
	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	if (fraction > 0) {
		fraction = KT_MIN(fraction, 1.0);
		if (term->color)
			fputs(look->sgr, f);
		if (term->utf8) {
			n = (unsigned int)(fraction * width * 8 + 0.5);
			n = KT_MAX(n, 1u);
			whole = n / 8;
			for (unsigned int i = 0; i < whole; i++)
				fputs("█", f);
			fputs(eighths[n % 8], f);
			columns = whole + (n % 8 != 0);
		} else {
			n = (unsigned int)(fraction * width + 0.5);
			for (unsigned int i = 0; i < n; i++)
				fputc('#', f);
			if (!n)
				fputc('.', f); /* there is something */
			columns = KT_MAX(n, 1u);
		}
		if (term->color)
			fputs(SGR_OFF, f);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	*ret_columns = columns;
	return text;
}

/* ---------------------------------------------------------------- time lines */

struct slot {
	struct kt_mark mark; /* look NULL: nothing */
	double cover;
	char letter;	  /* of a label; 0: the mark */
	bool left, right; /* an end of a frame */
	bool tick;
};

bool kt_piece_next(const char **s, struct kt_piece *ret)
{
	const char *p = *s, *word;
	size_t len = strcspn(p, ";");
	char *end;

	if (!*p)
		return false;
	*s = p + len + (p[len] == ';');
	ret->start = strtod(p, &end);
	ret->len = strtod(end, &end);
	ret->start = ret->start > 0 ? KT_MIN(ret->start, 1.0) : 0;
	ret->len = ret->len > 0 ? KT_MIN(ret->len, 1.0 - ret->start) : 0;
	word = end + strspn(end, " ");
	if (word > p + len)
		word = p + len;
	ret->mark = kt_mark_of(word, KT_MIN(strcspn(word, " ;"), (size_t)(p + len - word)));
	word += KT_MIN(strcspn(word, " ;"), (size_t)(p + len - word));
	word += strspn(word, " ");
	if (word > p + len)
		word = p + len;
	ret->label = word;
	ret->label_len = p + len - word;
	return true;
}

static void place(struct slot *slots, unsigned int width, const struct kt_piece *p, bool alone)
{
	double at = p->start * width, until = (p->start + p->len) * width;
	unsigned int from = KT_MIN((unsigned int)at, width - 1), to;
	bool frame = !strcmp(p->mark.look->class, "frame");

	if (alone || p->mark.look->over) {
		/* Nothing that matters is out of sight. */
		to = (unsigned int)(until + 0.5);
		to = KT_MIN(KT_MAX(to, from + 1), width);
	} else {
		to = KT_MIN((unsigned int)ceil(until), width);
	}
	for (unsigned int i = from; i < to; i++) {
		double cover = KT_MIN(until, i + 1.0) - KT_MAX(at, (double)i);

		if (slots[i].mark.look && slots[i].mark.look->over && !p->mark.look->over)
			continue;
		if (!p->mark.look->over && slots[i].mark.look && cover <= slots[i].cover)
			continue;
		slots[i] = (struct slot){.mark = p->mark,
					 .cover = cover,
					 .left = frame && i == from,
					 .right = frame && i + 1 == to};
	}
}

/* Only where it fits, and over no other label. A text begins with a tick, where it belongs. */
static void write_label(struct slot *slots, unsigned int width, const struct kt_piece *p)
{
	unsigned int from = KT_MIN((unsigned int)(p->start * width), width - 1), room;
	bool text = !strcmp(p->mark.look->class, "text");

	room = text ? width - from : (unsigned int)((p->start + p->len) * width + 0.5) - from;
	if (!p->label_len || p->label_len + 2 > room)
		return;
	for (unsigned int i = from; i < from + p->label_len + 1; i++)
		if (slots[i].letter || slots[i].tick)
			return;
	if (text)
		slots[from] = (struct slot){.mark = p->mark, .tick = true};
	for (unsigned int i = 0; i < p->label_len; i++)
		if (p->label[i] >= ' ' && p->label[i] <= '~')
			slots[from + 1 + i] = (struct slot){.mark = p->mark, .letter = p->label[i]};
}

static void print_slot(FILE *f, const struct slot *s, bool utf8)
{
	if (!s->mark.look)
		fputc(' ', f);
	else if (s->letter)
		fputc(s->letter, f);
	else if (s->tick)
		fputs(utf8 ? "┬" : "+", f);
	else if (s->left && s->right)
		fputc('|', f);
	else if (s->left)
		fputs(utf8 ? "├" : "|", f);
	else if (s->right)
		fputs(utf8 ? "┤" : "|", f);
	else
		put_mark(f, s->mark, utf8);
}

static unsigned int print_slots(FILE *f, const struct slot *slots, unsigned int width,
				const struct kt_term *term)
{
	const char *sgr = NULL;

	while (width && !slots[width - 1].mark.look)
		width--;
	for (unsigned int i = 0; i < width; i++) {
		const char *want = slots[i].mark.look ? slots[i].mark.look->sgr : NULL;

		if (term->color && want != sgr) {
			if (sgr)
				fputs(SGR_OFF, f);
			if (want)
				fputs(want, f);
			sgr = want;
		}
		print_slot(f, &slots[i], term->utf8);
	}
	if (sgr)
		fputs(SGR_OFF, f);
	return width;
}

char *kt_draw_span(const char *spec, unsigned int width, const struct kt_term *term,
		   unsigned int *ret_columns)
{
	struct slot *slots kt_auto_free = calloc(KT_MAX(width, 1u), sizeof(*slots));
	bool alone = !strchr(spec, ';');
	const char *s = spec;
	struct kt_piece p;
	char *text = NULL;
	size_t size;
	FILE *f = slots ? open_memstream(&text, &size) : NULL;

	if (!f)
		return NULL;
	for (unsigned int i = 0; width && i < MAX_PIECES && kt_piece_next(&s, &p); i++)
		if (strcmp(p.mark.look->class, "text") != 0)
			place(slots, width, &p, alone);
	s = spec;
	for (unsigned int i = 0; width && i < MAX_PIECES && kt_piece_next(&s, &p); i++)
		write_label(slots, width, &p);
	*ret_columns = print_slots(f, slots, width, term);
	/* A label may be blank. */
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

char *kt_draw_legend(const char *spec, unsigned int width, const struct kt_term *term)
{
	unsigned int column = 0;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	while (*spec) {
		bool ascii_only = *spec == '!';
		struct kt_mark mark;
		unsigned int columns;
		size_t len, class;

		spec += ascii_only;
		len = strcspn(spec, ";");
		class = strcspn(spec, " ;");
		if (ascii_only && term->utf8) {
			spec += len + (spec[len] == ';');
			continue;
		}
		mark = kt_mark_of(spec, class);
		columns = (unsigned int)(len - class) + 1;
		if (column && width && column + 2 + columns > width) {
			fputs("\n", f);
			column = 0;
		} else if (column) {
			fputs("  ", f);
			column += 2;
		}
		fputs(term->color ? mark.look->sgr : "", f);
		put_mark(f, mark, term->utf8);
		fprintf(f, "%s%.*s", term->color ? SGR_OFF : "", (int)(len - class), spec + class);
		column += columns;
		spec += len + (spec[len] == ';');
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---------------------------------------------------------------- heats */

int kt_heat_parse(struct kt_heat *h, const char *s)
{
	size_t n = 0;

	for (const char *p = s; *p; n++) {
		p += strspn(p, " ");
		p += strcspn(p, " ");
	}
	h->n = 0;
	h->v = calloc(n + 1, sizeof(*h->v));
	if (!h->v)
		return -ENOMEM;
	for (char *end; *s && h->n < n; s = end) {
		uint64_t v = strtoull(s, &end, 10);

		if (end == s)
			break;
		h->v[h->n++] = v;
	}
	return 0;
}

unsigned int kt_heat_step(unsigned int n, unsigned int width)
{
	return n > width ? (n + width - 1) / width : 1;
}

static uint64_t heat_at(const struct kt_heat *h, unsigned int i, unsigned int step)
{
	uint64_t sum = 0;

	for (unsigned int j = i * step; j < h->n && j < (i + 1) * step; j++)
		sum += h->v[j];
	return sum;
}

uint64_t kt_heat_max(const struct kt_heat *h, unsigned int width)
{
	unsigned int step = kt_heat_step(h->n, width);
	uint64_t max = 0;

	for (unsigned int i = 0; i * step < h->n; i++)
		max = KT_MAX(max, heat_at(h, i, step));
	return max;
}

unsigned int kt_heat_level(uint64_t v, uint64_t max)
{
	double level = v ? 1 + log((double)v) / log((double)max + 1) * 4 : 0;

	return KT_MIN((unsigned int)level, 4u);
}

char *kt_draw_heat(const struct kt_heat *h, uint64_t max, unsigned int width,
		   const struct kt_term *term, unsigned int *ret_columns)
{
	static const char *const blocks[] = {" ", "░", "▒", "▓", "█"};
	static const char *const ascii[] = {" ", ".", ":", "*", "#"};
	unsigned int step = kt_heat_step(h->n, width), n = 0;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	while (n < width && n * step < h->n)
		n++;
	while (n && !heat_at(h, n - 1, step))
		n--; /* none at the end of a line */
	if (term->color && n)
		fputs(looks[0].sgr, f);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t v = heat_at(h, i, step);
		unsigned int level = kt_heat_level(v, max);

		fputs(term->utf8 ? blocks[level] : ascii[level], f);
	}
	if (term->color && n)
		fputs(SGR_OFF, f);
	*ret_columns = n;
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
