/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The texts of a context, and small files of the kernel that go into them. */
#ifndef KT_RECORD_CONTEXT_TEXT_H
#define KT_RECORD_CONTEXT_TEXT_H

#include <stddef.h>
#include <stdio.h>

#include "format/ktr.h"

/* A text that is written to memory; write to f. */
struct kt_text {
	FILE *f;
	char *data;
	size_t len;
};

int kt_text_open(struct kt_text *t);
/* Closes it and adds it to the context under that name. Closes it in any case. */
int kt_text_add(struct kt_text *t, struct ktr_context *c, const char *name);
/* A value of a table: `-` if NULL or empty, `\-` for a dash; tab, newline and backslash escaped. */
void kt_text_value(FILE *f, const char *value);

/* Reads a small file into buf, NUL-terminated, without trailing newline. Returns its length or -errno. */
int kt_read_file(const char *path, char *buf, size_t size);
/* The same with a printf-style path; "" if it cannot be read. Returns buf. */
char *kt_read_value(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds a file unchanged. One that cannot be read is left out: 0. */
int kt_context_copy(struct ktr_context *c, const char *name, const char *path);

#endif
