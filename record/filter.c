// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "record/filter.h"

#define COMM_MAX 15 /* the kernel keeps no more of a task's name */

static const char *const option_names[] = {"-p",     "-t",     "-c",	"--cgroup",
					   "--disk", "--file", "--dir", "--op"};

static const char *option_name(uint32_t kind)
{
	return option_names[__builtin_ctz(kind)];
}

/* A task's number: its directory below /proc is there for threads, too. */
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
		kt_error("bad %s number '%s': give a number above zero, as ps shows it", what,
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
		kt_error("%lu is a thread of process %lu: give -t %lu or -p %lu", id, tgid, id,
			 tgid);
		return -ESRCH;
	}
	*ret = id;
	return 0;
}

static int parse_comm(const char *value, uint64_t ret[2])
{
	size_t len = strlen(value);

	if (!len || len > COMM_MAX) {
		kt_error("bad name '%s' for -c: the kernel's names of tasks have 1 to %d "
			 "characters, see "
			 "ps -eLo comm",
			 value, COMM_MAX);
		return -EINVAL;
	}
	ret[0] = ret[1] = 0;
	memcpy(ret, value, len);
	return 0;
}

/* The value of REQ_OP_<NAME> in the running kernel; -ENOENT = it has none. */
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
static int parse_ops(const char *value, const struct btf *kernel, struct kt_filter *f)
{
	do {
		size_t len = strcspn(value, ",");
		int io = find_io_op(value, len);
		int rq = find_rq_op(kernel, value, len);

		if (io < 0 && (rq < 0 || rq > 63)) {
			kt_error("unknown operation '%.*s' for --op: such as read, write, fsync, "
				 "flush, "
				 "discard",
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

static int room(uint32_t n, uint32_t kind)
{
	if (n < KT_FILTER_MAX)
		return 0;
	kt_error("too many values for %s: %d at most", option_name(kind), KT_FILTER_MAX);
	return -EINVAL;
}

static int add_one(struct kt_filters *fs, const struct kt_filter_arg *a, const struct btf *kernel)
{
	struct kt_filter *f = &fs->f;
	uint32_t *n = NULL;
	int err = 0;

	switch (a->kind) {
	case KT_FILTER_PID:
		n = &f->n_pids;
		break;
	case KT_FILTER_TID:
		n = &f->n_tids;
		break;
	case KT_FILTER_COMM:
		n = &f->n_comms;
		break;
	case KT_FILTER_CGROUP:
		n = &f->n_cgroups;
		break;
	case KT_FILTER_DISK:
		n = &f->n_disks;
		break;
	case KT_FILTER_FILE:
		n = &f->n_files;
		break;
	case KT_FILTER_DIR:
		n = &f->n_dirs;
		break;
	}
	if (n)
		err = room(*n, a->kind);
	if (err)
		return err;
	switch (a->kind) {
	case KT_FILTER_PID:
		err = parse_task(a->value, true, &f->pids[*n]);
		break;
	case KT_FILTER_TID:
		err = parse_task(a->value, false, &f->tids[*n]);
		break;
	case KT_FILTER_COMM:
		err = parse_comm(a->value, (uint64_t *)f->comms[*n]);
		break;
	case KT_FILTER_CGROUP:
		err = kt_filter_find_cgroup(a->value, (uint64_t *)&f->cgroups[*n]);
		break;
	case KT_FILTER_DISK:
		err = kt_filter_find_disk(a->value, &f->disks[*n]);
		break;
	case KT_FILTER_FILE:
		err = kt_filter_find_file(a->value, false, &f->files[*n]);
		break;
	case KT_FILTER_DIR:
		err = kt_filter_find_file(a->value, true, &f->dirs[*n]);
		break;
	case KT_FILTER_OP:
		err = parse_ops(a->value, kernel, f);
		break;
	}
	if (err)
		return err;
	if (n)
		++*n;
	f->kinds |= a->kind;
	return 0;
}

static char *filters_text(const struct kt_options *o)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (uint32_t i = 0; i < o->n_filters; i++)
		fprintf(f, "%s%s %s", i ? " " : "", option_name(o->filters[i].kind),
			o->filters[i].value);
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
