/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Bars, time lines and heat rows, as strings of a given width. Each piece of a time line has a class, usually that of a
 * stage, which selects colour and character, so that it looks the same in every report. Pieces of one class are told apart in
 * ASCII by a letter behind it, "queue/p".
 */
#ifndef KT_REPORT_OUTPUT_DRAW_H
#define KT_REPORT_OUTPUT_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/output/term.h"

/* What a class looks like. */
struct kt_look;

/* A class, and perhaps a letter of its own where there are no shades: "queue/p". */
struct kt_mark {
	const struct kt_look *look;
	char letter; /* 0: the look's */
};

struct kt_mark kt_mark_of(const char *word, size_t len);
/* In a word, for what draws otherwise: device queue wait wake work over frame text. */
const char *kt_look_word(const struct kt_look *look);

/* A piece of a time line; start and len are fractions of it. */
struct kt_piece {
	double start, len;
	struct kt_mark mark;
	const char *label; /* in the spec */
	unsigned int label_len;
};

/* The piece at *s, which moves behind it; false: there is none. */
bool kt_piece_next(const char **s, struct kt_piece *ret);

/*
 * A fraction and perhaps a class: "0.25 device". *ret_columns: how many it takes, at most width; 0 for nothing, then the
 * string is empty. free() it. NULL: no memory.
 */
char *kt_draw_bar(const char *spec, unsigned int width, const struct kt_term *term,
		  unsigned int *ret_columns);

/*
 * Pieces of a line: "START LENGTH [CLASS [LABEL]];...", fractions. If several fall into one character, the longest is drawn,
 * but disturbances (runq, irq, softirq) take precedence. A lone piece is at least one character. Class frame is a
 * line with ends, text only its label. As kt_draw_bar() otherwise.
 */
char *kt_draw_span(const char *spec, unsigned int width, const struct kt_term *term,
		   unsigned int *ret_columns);

/* "CLASS words;!CLASS words": each (! where letters tell classes apart, shades do not) with its character, in at most width columns a line (0: any). free() it. */
char *kt_draw_legend(const char *spec, unsigned int width, const struct kt_term *term);

/* Counts over time. */
struct kt_heat {
	uint64_t *v; /* owned */
	unsigned int n;
};

/* "N N N ...". 0 or -ENOMEM. */
int kt_heat_parse(struct kt_heat *h, const char *spec);

/* Slots per character for n slots in width columns; character i begins at slot i times that. */
unsigned int kt_heat_step(unsigned int n, unsigned int width);

/* The greatest character's count at that width. */
uint64_t kt_heat_max(const struct kt_heat *h, unsigned int width);

/* How dark a cell is, 0 (nothing) to 4, by the logarithm: one I/O is to be seen beside thousands. */
unsigned int kt_heat_level(uint64_t v, uint64_t max);

/* As kt_draw_bar(); max is the count of the fullest cell. */
char *kt_draw_heat(const struct kt_heat *h, uint64_t max, unsigned int width,
		   const struct kt_term *term, unsigned int *ret_columns);

#endif
