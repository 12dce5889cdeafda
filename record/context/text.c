// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/context/text.h"

int kt_text_open(struct kt_text *t)
{
	*t = (struct kt_text){0};
	t->f = open_memstream(&t->data, &t->len);
	return t->f ? 0 : -ENOMEM;
}

int kt_text_add(struct kt_text *t, struct ktr_context *c, const char *name)
{
	int err = fclose(t->f) ? -ENOMEM : 0;

	if (!err)
		err = ktr_context_add(c, name, t->data, t->len);
	free(t->data);
	return err;
}

void kt_text_value(FILE *f, const char *value)
{
	if (!value || !*value) {
		fputc('-', f);
		return;
	}
	if (!strcmp(value, "-"))
		fputc('\\', f);
	for (; *value; value++) {
		if (*value == '\t')
			fputs("\\t", f);
		else if (*value == '\n')
			fputs("\\n", f);
		else if (*value == '\\')
			fputs("\\\\", f);
		else
			fputc(*value, f);
	}
}

int kt_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return len;
}

char *kt_read_value(char *buf, size_t size, const char *fmt, ...)
{
	char path[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (kt_read_file(path, buf, size) < 0)
		*buf = '\0';
	return buf;
}

int kt_context_copy(struct ktr_context *c, const char *name, const char *path)
{
	FILE *in = fopen(path, "re");
	struct kt_text t;
	char buf[16384];
	size_t n;
	int err;

	if (!in)
		return 0;
	err = kt_text_open(&t);
	if (!err) {
		while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
			fwrite(buf, 1, n, t.f);
		err = kt_text_add(&t, c, name);
	}
	fclose(in);
	return err;
}
