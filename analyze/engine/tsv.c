/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/db/table.h"
#include "analyze/engine/tsv.h"

/* In place: it only gets shorter. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			*to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* Cuts the next line into cells; -1 at the end. */
static int cut_line(struct kt_tsv *t, char **cells)
{
	char *line = t->next, *tab;
	int n = 0;

	if (line >= t->end)
		return -1;
	t->next = memchr(line, '\n', t->end - line);
	if (t->next)
		*t->next++ = '\0';
	else
		t->next = t->end;
	while (n < KT_TSV_COLS) {
		tab = strchr(line, '\t');
		if (tab)
			*tab = '\0';
		/* Not known. A name that is just a dash is written "\\-". */
		cells[n] = strcmp(line, "-") ? line : NULL;
		unescape(line);
		n++;
		if (!tab)
			break;
		line = tab + 1;
	}
	return n;
}

int kt_tsv_init_plain(struct kt_tsv *t, const void *data, size_t len)
{
	memset(t, 0, sizeof(*t));
	t->text = malloc(len + 1);
	if (!t->text)
		return -ENOMEM;
	memcpy(t->text, data, len);
	t->text[len] = '\0';
	t->next = t->text;
	t->end = t->text + len;
	return 0;
}

int kt_tsv_init(struct kt_tsv *t, const void *data, size_t len)
{
	int n = kt_tsv_init_plain(t, data, len);

	if (n)
		return n;
	n = cut_line(t, t->head);
	t->n_head = n < 0 ? 0 : n;
	return 0;
}

void kt_tsv_finish(struct kt_tsv *t)
{
	free(t->text);
	memset(t, 0, sizeof(*t));
}

int kt_tsv_next(struct kt_tsv *t)
{
	int n = cut_line(t, t->value);

	if (n < 0)
		return 0;
	t->n_value = n;
	return 1;
}

const char *kt_tsv_at(const struct kt_tsv *t, size_t i)
{
	return i < t->n_value ? t->value[i] : NULL;
}

const char *kt_tsv_get(const struct kt_tsv *t, const char *column)
{
	for (size_t i = 0; i < t->n_head; i++)
		if (t->head[i] && !strcmp(t->head[i], column))
			return kt_tsv_at(t, i);
	return NULL;
}

int64_t kt_tsv_int(const struct kt_tsv *t, const char *column)
{
	const char *s = kt_tsv_get(t, column);
	char *end;
	int64_t v;

	if (!s || !*s)
		return KT_NULL;
	errno = 0;
	v = strtoll(s, &end, 10);
	return *end || errno ? KT_NULL : v;
}
