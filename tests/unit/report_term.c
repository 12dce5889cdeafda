/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What a terminal shows: colours that are readable on black and on white, names that are shortened but still distinct. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/base/macros.h"
#include "report/output/draw.h"
#include "report/output/term.h"

/* Relative luminance of colour n of the 256: of the 6 × 6 × 6 cube, the formula of WCAG 2. */
static double luminance(int n)
{
	static const int levels[] = {0, 95, 135, 175, 215, 255};
	static const double weight[] = {0.2126, 0.7152, 0.0722};
	const int rgb[] = {(n - 16) / 36, (n - 16) / 6 % 6, (n - 16) % 6};
	double sum = 0;

	assert_in_range(n, 16, 231);
	for (int i = 0; i < 3; i++) {
		double c = levels[rgb[i]] / 255.0;

		sum += weight[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
	}
	return sum;
}

static void readable(const char *text)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, "\033[")); p += 2) {
		double l;
		int colour;

		if (!strncmp(p, "\033[0m", 4) || !strncmp(p, "\033[1m", 4) ||
		    !strncmp(p, "\033[2m", 4))
			continue;
		/* Every terminal has its own values for the first 16. */
		assert_int_equal(sscanf(p, "\033[38;5;%dm", &colour), 1);
		l = luminance(colour);
		assert_true((l + 0.05) / 0.05 >= 3);
		assert_true(1.05 / (l + 0.05) >= 3);
		n++;
	}
	assert_true(n);
}

static void colours(void **state)
{
	static const char *const classes[] = {"device", "queue", "wait", "work", "wake",   "away",
					      "behind", "lower", "runq", "irq",	 "softirq"};
	const struct kt_term term = {.width = 80, .color = true, .utf8 = true};
	unsigned int columns;
	char spec[64], *text;

	for (size_t i = 0; i < KT_ARRAY_SIZE(classes); i++) {
		snprintf(spec, sizeof(spec), "0.5 %s", classes[i]);
		text = kt_draw_bar(spec, 10, &term, &columns);
		readable(text);
		free(text);
		snprintf(spec, sizeof(spec), "0 1 %s", classes[i]);
		text = kt_draw_span(spec, 10, &term, &columns);
		readable(text);
		free(text);
	}
}

static void drawn(const char *span, bool utf8, const char *want)
{
	const struct kt_term term = {.width = 80, .utf8 = utf8};
	unsigned int columns;
	char *text = kt_draw_span(span, 6, &term, &columns);

	assert_string_equal(text, want);
	free(text);
}

/* Pieces of one class look alike in shades, and have letters of their own in ASCII. */
static void letters(void **state)
{
	char *text;

	drawn("0 0.5 queue/p;0.5 0.5 queue", true, "▓▓▓▓▓▓");
	drawn("0 0.5 queue/p;0.5 0.5 queue", false, "pppqqq");
	/* Not a letter: two, none, a blank, a control character. And no such class. */
	drawn("0 0.5 queue/pp;0.5 0.5 queue/", false, "qqqqqq");
	drawn("0 0.5 queue/\177;0.5 0.5 queue/\033", false, "qqqqqq");
	drawn("0 0.5 nothing/p;0.5 0.5 /", false, "ppp###");
	text = kt_draw_legend("queue/p plugged;!work/c completing", 0,
			      &(struct kt_term){.utf8 = true});
	assert_string_equal(text, "▓ plugged");
	free(text);
	text = kt_draw_legend("queue/p plugged;!work/c completing", 0, &(struct kt_term){0});
	assert_string_equal(text, "p plugged  c completing");
	free(text);
}

static void cut(const char *name, unsigned int columns, const char *want)
{
	char buf[256];

	snprintf(buf, sizeof(buf), "%s", name);
	kt_term_cut_middle(buf, sizeof(buf), columns, true);
	assert_string_equal(buf, want);
	assert_true(kt_term_columns(buf) <= columns);
}

static void middle(void **state)
{
	/* A third of what is left goes to the front. */
	cut("/var/lib/postgresql/15/main/base/5/16384", 16, "/var/…se/5/16384");
	cut("/var/lib/postgresql/15/main/base/5/16385", 16, "/var/…se/5/16385");
	cut("short", 16, "short");
	cut("exactly sixteen.", 16, "exactly sixteen.");
	cut("abcdefghijkl", 5, "abcd…");
	/* 日 takes two columns: what does not fit whole is left out. */
	cut("日日日日日日日日日日", 12, "日…日日日日");
	cut("", 16, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colours),
		cmocka_unit_test(letters),
		cmocka_unit_test(middle),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
