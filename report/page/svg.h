/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Bars, time lines and heat rows (draw.h) as SVG that stretches to its cell, and text as HTML. Colours are classes, in
 * page.css: f-device f-queue f-wait f-wake f-work f-over, h1 to h4. Errors of writing stay in the FILE.
 */
#ifndef KT_REPORT_PAGE_SVG_H
#define KT_REPORT_PAGE_SVG_H

#include <stdio.h>

#include "report/output/draw.h"

/* As kt_safe_text(), and what means something to HTML escaped. 0 or -ENOMEM. */
int kt_html_text(FILE *f, const char *s);

/* Specs as in report.h. label: what is said instead to those who do not see it; NULL: it only repeats a figure. */
int kt_svg_bar(FILE *f, const char *spec);
int kt_svg_span(FILE *f, const char *spec, const char *label);
int kt_svg_heat(FILE *f, const struct kt_heat *h, uint64_t max);

/* "CLASS words;…" as a list. */
int kt_svg_legend(FILE *f, const char *spec);

#endif
