/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The parts of a context, one function a file of it, and what they share. */
#ifndef KT_RECORD_CONTEXT_PARTS_H
#define KT_RECORD_CONTEXT_PARTS_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format/ktr.h"

/* A text being written to memory; write to f. */
struct kt_text {
	FILE *f;
	char *data;
	size_t len;
};

int kt_text_open(struct kt_text *t);
/* Closes it and adds it to the context under that name. Closes in every case. */
int kt_text_add(struct kt_text *t, struct ktr_context *c, const char *name);
/* A value of a table: `-` where NULL or empty, `\-` where it is one; tab, newline and backslash escaped. */
void kt_text_value(FILE *f, const char *value);

/* A small file into buf, NUL-terminated, trailing newline off. Returns its length or -errno. */
int kt_read_file(const char *path, char *buf, size_t size);
/* The same with a path made like printf does; "" where it cannot be read. Returns buf. */
char *kt_read_value(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A file as it is. What cannot be read is left out: 0. */
int kt_context_copy(struct ktr_context *c, const char *name, const char *path);

/* Each adds its file. 0 or -errno. */
int kt_context_uname(struct ktr_context *c);
int kt_context_constants(struct ktr_context *c, const struct btf *btf);
int kt_context_cpus(struct ktr_context *c);
int kt_context_disks(struct ktr_context *c);
int kt_context_cgroups(struct ktr_context *c);
int kt_context_tasks(struct ktr_context *c, bool no_cmdline);

/* Where a cgroup hierarchy is mounted: "" = it is not. kind: `v2`, or a v1 controller such as `blkio`. */
void kt_cgroup_mount(const char *kind, char *buf, size_t size);

#endif
