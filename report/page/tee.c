/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/page/tee.h"

#include <stdlib.h>

struct tee {
	struct kt_output o;
	struct kt_output *to[2];
};

/* To both, the optional ones only to whom has it. */
#define TEE(call, ...)                                                      \
	struct tee *t = (struct tee *)o;                                    \
	int err = 0;                                                        \
                                                                            \
	for (int i = 0; !err && i < 2; i++)                                 \
		if (t->to[i]->ops->call)                                    \
			err = t->to[i]->ops->call(t->to[i], ##__VA_ARGS__); \
	return err

static int tee_begin(struct kt_output *o, const struct kt_report *r)
{
	TEE(begin, r);
}

static int tee_section(struct kt_output *o, const char *heading)
{
	TEE(section, heading);
}

static int tee_line(struct kt_output *o, enum kt_block_kind kind, const char *text)
{
	TEE(line, kind, text);
}

static int tee_table_begin(struct kt_output *o, const struct kt_table_head *h)
{
	TEE(table_begin, h);
}

static int tee_row(struct kt_output *o, const struct kt_cell *cells)
{
	TEE(row, cells);
}

static int tee_table_end(struct kt_output *o)
{
	TEE(table_end);
}

static int tee_end(struct kt_output *o)
{
	TEE(end);
}

static void tee_destroy(struct kt_output *o)
{
	struct tee *t = (struct tee *)o;

	for (int i = 0; t && i < 2; i++)
		t->to[i]->ops->destroy(t->to[i]);
	free(t);
}

struct kt_output *kt_output_tee(struct kt_output *a, struct kt_output *b)
{
	static const struct kt_output_ops ops = {
		.begin = tee_begin,
		.section = tee_section,
		.line = tee_line,
		.table_begin = tee_table_begin,
		.row = tee_row,
		.table_end = tee_table_end,
		.end = tee_end,
		.destroy = tee_destroy,
	};
	struct tee *t = a && b ? calloc(1, sizeof(*t)) : NULL;

	if (!t) {
		if (a)
			a->ops->destroy(a);
		if (b)
			b->ops->destroy(b);
		return NULL;
	}
	t->o.ops = &ops;
	t->o.f = a->f;
	t->to[0] = a;
	t->to[1] = b;
	return &t->o;
}
