// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "record/filter.h"

#define COMM_MAX 15 /* the kernel truncates task names to this */

/* A task's number: threads have a directory below /proc too. */
static int parse_task(const char *value, bool process, uint32_t *ret)
{
	const char *what = process ? "process" : "thread";
	char path[64], line[128], *end;
	unsigned long id = 0, tgid = 0;
	FILE *f;

	errno = 0;
	if (isdigit((unsigned char)*value))
		id = strtoul(value, &end, 10);
	if (!id || *end || errno || id > INT32_MAX) {
		kt_error("bad %s number '%s': expected a number above zero, as ps shows it", what,
			 value);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "/proc/%lu/status", id);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %lu", &tgid) == 1)
			break;
	if (f)
		fclose(f);
	if (!tgid) {
		kt_error("no such %s: %lu", what, id);
		return -ESRCH;
	}
	if (process && tgid != id) {
		kt_error("%lu is a thread of process %lu: use -t %lu or -p %lu", id, tgid, id,
			 tgid);
		return -ESRCH;
	}
	*ret = id;
	return 0;
}

static int parse_name(const char *value, uint64_t ret[2])
{
	size_t len = strlen(value);

	if (!len || len > COMM_MAX) {
		kt_error("bad name '%s' for -c: task names have 1 to %d characters, see ps -eLo "
			 "comm",
			 value, COMM_MAX);
		return -EINVAL;
	}
	ret[0] = ret[1] = 0;
	memcpy(ret, value, len);
	return 0;
}

/* The value of REQ_OP_<NAME> in the running kernel; -ENOENT = it does not exist. */
static int find_rq_op(const struct btf *kernel, const char *word, size_t len)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "REQ_OP_%.*s", (int)len, word);

	if (n < 0 || (size_t)n >= sizeof(name))
		return -ENOENT;
	for (char *p = name; *p; p++)
		*p = toupper((unsigned char)*p);
	for (uint32_t id = 1; kernel && id < btf__type_cnt(kernel); id++) {
		const struct btf_type *t = btf__type_by_id(kernel, id);
		const struct btf_enum *e;

		if (!btf_is_enum(t))
			continue;
		e = btf_enum(t);
		for (int i = 0; i < btf_vlen(t); i++, e++)
			if (!strcmp(btf__name_by_offset(kernel, e->name_off), name))
				return e->val;
	}
	return -ENOENT;
}

static int find_io_op(const char *word, size_t len)
{
	static const struct {
		const char *text;
		int nr;
	} ops[] = {
#define KT_IO_OP(name, nr, text) {text, nr},
#include "format/ioops.def"
#undef KT_IO_OP
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(ops); i++)
		if (strlen(ops[i].text) == len && !memcmp(ops[i].text, word, len))
			return ops[i].nr;
	return -ENOENT;
}

/* An operation of an application, of a disk, or of both: `read` is both. */
static int parse_ops(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	do {
		size_t len = strcspn(value, ",");
		int io = find_io_op(value, len);
		int rq = find_rq_op(kernel, value, len);

		if (io < 0 && (rq < 0 || rq > 63)) {
			kt_error("unknown operation '%.*s' for --op (valid: read, write, fsync, "
				 "flush, discard, ...)",
				 (int)len, value);
			return -EINVAL;
		}
		if (io >= 0)
			f->io_ops |= 1ull << io;
		if (rq >= 0 && rq <= 63)
			f->rq_ops |= 1ull << rq;
		value += len;
	} while (*value++);
	return 0;
}

/* ---------------------------------------------------------------- the filters */

/* Each parses a value of its filter; i: number of values so far. They say what is wrong. */

static int parse_pid(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	return parse_task(value, true, &f->pids[i]);
}

static int parse_tid(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	return parse_task(value, false, &f->tids[i]);
}

static int parse_comm(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	return parse_name(value, (uint64_t *)f->comms[i]);
}

static int parse_cgroup(struct kt_filter *f, uint32_t i, const char *value,
			const struct btf *kernel)
{
	return kt_filter_find_cgroup(value, (uint64_t *)&f->cgroups[i]);
}

static int parse_disk(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	return kt_filter_find_disk(value, &f->disks[i]);
}

static int parse_file(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	return kt_filter_find_file(value, false, &f->files[i]);
}

static int parse_dir(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel)
{
	return kt_filter_find_file(value, true, &f->dirs[i]);
}

struct filter_option {
	uint32_t kind;
	char letter;
	const char *name;
	size_t counter; /* offset in struct kt_filter; that of `kinds`: it has none */
	int (*parse)(struct kt_filter *f, uint32_t i, const char *value, const struct btf *kernel);
};

static const struct filter_option filter_options[] = {
#define KT_FILTER_OPTION(bit, name, letter, value, help, counter, parser) \
	{KT_FILTER_##bit, letter, name, offsetof(struct kt_filter, counter), parser},
#include "record/filters.def"
#undef KT_FILTER_OPTION
};

/* Every bit has its line, and no line has more than one bit. */
#define KT_FILTER_OPTION(bit, name, letter, value, help, counter, parser)                        \
	_Static_assert(KT_FILTER_##bit != 0 && (KT_FILTER_##bit & (KT_FILTER_##bit - 1)) == 0 && \
			       KT_FILTER_##bit < KT_FILTER_END,                                  \
		       "one bit below KT_FILTER_END");
#include "record/filters.def"
#undef KT_FILTER_OPTION
_Static_assert(KT_FILTER_END == 1 << KT_ARRAY_SIZE(filter_options), "a filter without an option");

static const struct filter_option *option_of(uint32_t kind)
{
	const struct filter_option *o = filter_options;

	while (o->kind != kind)
		o++;
	return o;
}

/* As users write it: -p, --disk. */
static const char *option_name(const struct filter_option *o, char buf[32])
{
	if (o->letter)
		snprintf(buf, 32, "-%c", o->letter);
	else
		snprintf(buf, 32, "--%s", o->name);
	return buf;
}

static int add_one(struct kt_filters *fs, const struct kt_filter_arg *a, const struct btf *kernel)
{
	const struct filter_option *o = option_of(a->kind);
	bool counted = o->counter != offsetof(struct kt_filter, kinds);
	uint32_t *n = (uint32_t *)((char *)&fs->f + o->counter);
	char name[32];
	int err;

	if (counted && *n >= KT_FILTER_MAX) {
		kt_error("too many values for %s: at most %d", option_name(o, name), KT_FILTER_MAX);
		return -EINVAL;
	}
	err = o->parse(&fs->f, counted ? *n : 0, a->value, kernel);
	if (err)
		return err;
	if (counted)
		++*n;
	fs->f.kinds |= a->kind;
	return 0;
}

static char *filters_text(const struct kt_options *o)
{
	char *text = NULL, name[32];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (uint32_t i = 0; i < o->n_filters; i++)
		fprintf(f, "%s%s %s", i ? " " : "",
			option_name(option_of(o->filters[i].kind), name), o->filters[i].value);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

int kt_filters_resolve(const struct kt_options *o, const struct btf *kernel, struct kt_filters *ret)
{
	struct kt_filters fs = {0};
	int err = 0;

	for (uint32_t i = 0; i < o->n_filters && !err; i++)
		err = add_one(&fs, &o->filters[i], kernel);
	if (err)
		return err;
	fs.room = o->filter_room;
	fs.f.io_on_v2 = fs.f.n_cgroups && kt_filter_io_on_v2();
	fs.text = filters_text(o);
	if (!fs.text)
		return -ENOMEM;
	*ret = fs;
	return 0;
}

void kt_filters_finish(struct kt_filters *f)
{
	free(f->text);
	*f = (struct kt_filters){0};
}
