/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Kernel constants by name: those of kconst.def, or those of the recorded kernel. */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/schema.h"

#define OP_BITS 8 /* REQ_OP_BITS: the flags are above */
#define N_OPS (1 << OP_BITS)

const struct kt_const kt_consts[] = {
#define KT_CONST(group, name, value) {#group, #name, value},
#include "format/kconst.def"
#undef KT_CONST
};
const size_t kt_n_consts = KT_ARRAY_SIZE(kt_consts);

struct kt_const_table {
	const struct kt_const *consts;
	size_t n;
	char *names[2][N_OPS]; /* [0] ops, [1] flag bits; lower case, owned */
	struct kt_const *own_consts;
	char *own_text;
};

static int name_values(struct kt_const_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		bool flag = !strcmp(t->consts[i].group, "req_flag");
		char *low;

		if (!flag && strcmp(t->consts[i].group, "req_op"))
			continue;
		if (t->consts[i].value >= (flag ? 32 : N_OPS) || t->names[flag][t->consts[i].value])
			continue;
		low = strdup(t->consts[i].name);
		if (!low)
			return -ENOMEM;
		for (char *p = low; *p; p++)
			*p = tolower((unsigned char)*p);
		t->names[flag][t->consts[i].value] = low;
	}
	return 0;
}

static struct kt_const_table default_table;

static void make_default(void)
{
	default_table.consts = kt_consts;
	default_table.n = kt_n_consts;
	if (name_values(&default_table))
		abort(); /* out of memory for 200 bytes */
}

static const struct kt_const_table *table_or_default(const struct kt_const_table *t)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (t)
		return t;
	pthread_once(&once, make_default);
	return &default_table;
}

int kt_const_table_parse(const char *text, size_t len, struct kt_const_table **ret)
{
	struct kt_const_table *t = calloc(1, sizeof(*t));
	KT_VEC(struct kt_const) consts = {0};
	char *line, *rest;
	int err = -ENOMEM;

	if (!t)
		return -ENOMEM;
	t->own_text = rest = strndup(text, len);
	if (!rest)
		goto out;
	while ((line = strsep(&rest, "\n"))) {
		char *save, *group = strtok_r(line, " \t", &save);
		char *name = group ? strtok_r(NULL, " \t", &save) : NULL;
		char *value = name ? strtok_r(NULL, " \t", &save) : NULL, *end;
		unsigned long v;

		if (!group || *group == '#')
			continue;
		v = value ? strtoul(value, &end, 0) : 0;
		if (!value || *end || v > INT32_MAX) {
			err = -EBADMSG;
			goto out;
		}
		err = kt_vec_push(&consts, ((struct kt_const){group, name, v}));
		if (err)
			goto out;
	}
	t->consts = consts.v;
	t->n = consts.n;
	err = name_values(t);
	if (err)
		goto out;
	t->own_consts = consts.v;
	*ret = t;
	return 0;
out:
	kt_vec_finish(&consts);
	kt_const_table_destroy(t);
	return err;
}

void kt_const_table_destroy(struct kt_const_table *t)
{
	if (!t)
		return;
	for (int i = 0; i < 2 * N_OPS; i++)
		free(t->names[i / N_OPS][i % N_OPS]);
	free(t->own_consts);
	free(t->own_text);
	free(t);
}

int kt_const_get(const struct kt_const_table *t, const char *group, const char *name)
{
	t = table_or_default(t);
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->consts[i].group, group) && !strcmp(t->consts[i].name, name))
			return t->consts[i].value;
	return -1;
}

static void append(char *buf, size_t size, size_t *at, const char *sep, const char *word)
{
	int n = snprintf(buf + *at, size - *at, "%s%s", sep, word);

	*at = KT_MIN(*at + n, size - 1);
}

void kt_opf_print(const struct kt_const_table *t, uint32_t opf, enum kt_opf_part part, char *buf,
		  size_t size)
{
	uint32_t op = opf & (N_OPS - 1), unknown = 0;
	char number[16];
	size_t at = 0;

	if (!size)
		return;
	buf[0] = '\0';
	t = table_or_default(t);
	if (part & KT_OPF_OP) {
		if (t->names[0][op])
			append(buf, size, &at, "", t->names[0][op]);
		else
			unknown = op;
	}
	for (int bit = OP_BITS; (part & KT_OPF_FLAGS) && bit < 32; bit++) {
		if (!(opf >> bit & 1))
			continue;
		if (t->names[1][bit])
			append(buf, size, &at, at ? "|" : "", t->names[1][bit]);
		else
			unknown |= 1u << bit;
	}
	if (!unknown)
		return;
	snprintf(number, sizeof(number), "0x%x", unknown);
	append(buf, size, &at, at ? "|" : "", number);
}
