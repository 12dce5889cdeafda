/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/page/svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"

#define LENGTH 1000 /* of a whole line, in units of its own */
#define MAX_PIECES 512

int kt_html_text(FILE *f, const char *s)
{
	char *safe kt_auto_free = kt_safe_text(s, true);

	if (!safe)
		return -ENOMEM;
	for (const char *p = safe; *p; p++)
		switch (*p) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*p, f);
		}
	return 0;
}

static int text_of(FILE *f, const char *s, size_t len)
{
	char *copy kt_auto_free = strndup(s, len);

	return copy ? kt_html_text(f, copy) : -ENOMEM;
}

int kt_svg_bar(FILE *f, const char *spec)
{
	char *class;
	double fraction = strtod(spec, &class);

	if (!(fraction > 0))
		return 0;
	class += strspn(class, " ");
	fprintf(f,
		"<svg class=\"bar\" viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\"><rect class=\"f-%s\" width=\"%.1f\" height=\"10\"/></svg>",
		LENGTH, kt_look_word(kt_mark_of(class, strcspn(class, " ")).look),
		KT_MAX(KT_MIN(fraction, 1.0) * LENGTH, 2.0));
	return 0;
}

/* What disturbs lies over what it disturbs, and a frame under all. */
static int rank(const char *word)
{
	return !strcmp(word, "frame") ? 0 : strcmp(word, "over") != 0 ? 1 : 2;
}

static int put_piece(FILE *f, const struct kt_piece *p, const char *word)
{
	int err;

	fprintf(f, "<rect class=\"f-%s\" x=\"%.2f\" width=\"%.2f\" height=\"10\"", word,
		p->start * LENGTH, KT_MAX(p->len * LENGTH, 1.0));
	if (!p->label_len) {
		fputs("/>", f);
		return 0;
	}
	fputs("><title>", f);
	err = text_of(f, p->label, p->label_len);
	fputs("</title></rect>", f);
	return err;
}

int kt_svg_span(FILE *f, const char *spec, const char *label)
{
	int err = 0;

	fprintf(f, "<svg class=\"span\" viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\"",
		LENGTH);
	if (label) {
		fputs(" role=\"img\" aria-label=\"", f);
		err = kt_html_text(f, label);
		fputs("\">", f);
	} else {
		fputs(" aria-hidden=\"true\">", f);
	}
	for (int r = 0; r < 3; r++) {
		const char *s = spec;
		struct kt_piece p;

		for (int i = 0; !err && i < MAX_PIECES && kt_piece_next(&s, &p); i++) {
			const char *word = kt_look_word(p.mark.look);

			if (strcmp(word, "text") != 0 && rank(word) == r)
				err = put_piece(f, &p, word);
		}
	}
	fputs("</svg>", f);
	return err;
}

int kt_svg_heat(FILE *f, const struct kt_heat *h, uint64_t max)
{
	fprintf(f,
		"<svg class=\"heat\" viewBox=\"0 0 %u 10\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">",
		KT_MAX(h->n, 1u));
	for (unsigned int i = 0, n; i < h->n; i += n) {
		unsigned int level = kt_heat_level(h->v[i], max);

		for (n = 1; i + n < h->n && kt_heat_level(h->v[i + n], max) == level;)
			n++;
		if (level)
			fprintf(f, "<rect class=\"h%u\" x=\"%u\" width=\"%u\" height=\"10\"/>",
				level, i, n);
	}
	fputs("</svg>", f);
	return 0;
}

int kt_svg_legend(FILE *f, const char *spec)
{
	int err = 0;

	fputs("<ul class=\"legend\">", f);
	while (!err && *spec) {
		size_t len = strcspn(spec, ";"), class = strcspn(spec, " ;");

		/* Only where letters tell classes apart. */
		if (*spec != '!') {
			size_t blank = class < len;

			fprintf(f, "<li><i class=\"f-%s\"></i> ",
				kt_look_word(kt_mark_of(spec, class).look));
			err = text_of(f, spec + class + blank, len - class - blank);
			fputs("</li>", f);
		}
		spec += len + (spec[len] == ';');
	}
	fputs("</ul>\n", f);
	return err;
}
