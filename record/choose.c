// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "record/choose.h"

/* Is the word of that length in the list? */
static bool has_word(const char *list, const char *word, size_t len)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		if (n == len && !memcmp(list, word, len))
			return true;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

static uint64_t mask_of(const char *word, size_t len)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < kt_n_families; i++)
		if ((strlen(kt_families[i].name) == len &&
		     !memcmp(kt_families[i].name, word, len)) ||
		    has_word(kt_families[i].presets, word, len))
			mask |= 1ull << i;
	return mask;
}

static void say_unknown(const char *word, size_t len)
{
	char *text = NULL, *families = kt_choice_text(~0ull, " ");
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f) {
		for (size_t i = 0; i < kt_n_families; i++) {
			const char *p = kt_families[i].presets;

			while (*p) {
				size_t n = strcspn(p, " ");
				bool known = false;

				for (size_t k = 0; k < i && !known; k++)
					known = has_word(kt_families[k].presets, p, n);
				if (!known)
					fprintf(f, " %.*s", (int)n, p);
				p += n;
				p += strspn(p, " ");
			}
		}
		fclose(f);
	}
	kt_error("unknown family or preset '%.*s'; families: %s; presets:%s", (int)len, word,
		 families ? families : "", text ? text : "");
	free(families);
	free(text);
}

int kt_choose(const char *names, uint64_t *ret_mask)
{
	uint64_t mask = mask_of("core", 4), before;

	assert(kt_n_families <= 64);
	if (!names)
		names = "storage";
	do {
		size_t len = strcspn(names, ",");
		uint64_t m = mask_of(names, len);

		if (!m) {
			say_unknown(names, len);
			return -EINVAL;
		}
		mask |= m;
		names += len;
	} while (*names++);
	do {
		before = mask;
		for (size_t i = 0; i < kt_n_families; i++)
			for (size_t k = 0; (mask >> i & 1) && k < kt_n_families; k++)
				if (has_word(kt_families[i].wants, kt_families[k].name,
					     strlen(kt_families[k].name)))
					mask |= 1ull << k;
	} while (mask != before);
	*ret_mask = mask;
	return 0;
}

bool kt_chosen(uint64_t mask, const char *family)
{
	for (size_t i = 0; i < kt_n_families; i++)
		if (!strcmp(kt_families[i].name, family))
			return mask >> i & 1;
	return false;
}

char *kt_choice_text(uint64_t mask, const char *sep)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *s = "";

	if (!f)
		return NULL;
	for (size_t i = 0; i < kt_n_families; i++) {
		if (!(mask >> i & 1))
			continue;
		fprintf(f, "%s%s", s, kt_families[i].name);
		s = sep;
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
