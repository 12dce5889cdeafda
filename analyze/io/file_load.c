/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/io/file_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/base/keyed.h"
#include "format/base/macros.h"
#include "format/base/time.h"

#define MAX_KEYS 65536 /* when full, its rows are written early */

struct file_load_row {
	int64_t run_id, second, device_id, ino;
	const char *path, *op;
	int64_t utid, ucgid, is_cached, n, size_bytes, dur_ns, max_ns;
	const char *via;
};

static const struct kt_col file_load_cols[] = {
	KT_COL(file_load_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(file_load_row, second, KT_COL_INT, "s",
	       "in which they ended, since the epoch of the database"),
	KT_COL(file_load_row, device_id, KT_COL_INT, "", "device of the file"),
	KT_COL(file_load_row, ino, KT_COL_INT, "", "its inode"),
	KT_COL(file_load_row, path, KT_COL_TEXT, "", "as io.path"),
	KT_COL(file_load_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(file_load_row, utid, KT_COL_INT, "", "the task"),
	KT_COL(file_load_row, ucgid, KT_COL_INT, "", "its cgroup"),
	KT_COL(file_load_row, is_cached, KT_COL_INT, "", "1: they had no stage but cached"),
	KT_COL(file_load_row, n, KT_COL_INT, "", "whole operations"),
	KT_COL(file_load_row, size_bytes, KT_COL_INT, "bytes", "moved by them, where known"),
	KT_COL(file_load_row, dur_ns, KT_COL_INT, "ns", "sum of their durations"),
	KT_COL(file_load_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
	KT_COL(file_load_row, via, KT_COL_TEXT, "",
	       "as io.via; without those that failed or were empty"),
};

const struct kt_table kt_file_load_table = {
	.name = "file_load",
	.doc = "operations by file, second by second; several rows of one key add up",
	.cols = file_load_cols,
	.n_cols = KT_ARRAY_SIZE(file_load_cols),
};

/* An inode number may be reused and a file renamed: each combination has its own row. */
struct file_key {
	int64_t run, device_id, ino, utid, ucgid;
	int64_t name_id; /* of the path; 0 = not known */
	const char *op, *via;
};

struct file_entry {
	struct file_key k;
	char *path; /* owned; NULL: not known yet */
	int64_t n, size_bytes, dur_ns, max_ns;
};

struct kt_file_load {
	struct kt_engine *e;
	int64_t second; /* being counted */
	struct kt_keyed files;
};

int kt_file_load_create(struct kt_engine *e, struct kt_file_load **ret)
{
	struct kt_file_load *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->e = e;
	l->second = INT64_MIN;
	kt_keyed_init(&l->files, sizeof(struct file_key), sizeof(struct file_entry));
	*ret = l;
	return 0;
}

static void clear_files(struct kt_file_load *l)
{
	for (size_t i = 0; i < l->files.n; i++)
		free(((struct file_entry *)kt_keyed_at(&l->files, i))->path);
	kt_keyed_clear(&l->files);
}

void kt_file_load_destroy(struct kt_file_load *l)
{
	if (!l)
		return;
	clear_files(l);
	kt_keyed_finish(&l->files);
	free(l);
}

static int write_files(struct kt_file_load *l)
{
	int err = 0;

	for (size_t i = 0; i < l->files.n && !err; i++) {
		const struct file_entry *x = kt_keyed_at(&l->files, i);
		struct file_load_row row = {x->k.run + 1, l->second,	 x->k.device_id,
					    x->k.ino,	  x->path,	 x->k.op,
					    x->k.utid,	  x->k.ucgid,	 x->k.via[0] == 'c',
					    x->n,	  x->size_bytes, x->dur_ns,
					    x->max_ns,	  x->k.via};

		err = kt_insert(l->e, &kt_file_load_table, &row);
	}
	clear_files(l);
	return err;
}

int kt_file_load_count(struct kt_file_load *l, const struct kt_file_flow *f)
{
	struct file_key k = {f->run,   f->device_id, f->ino, f->utid,
			     f->ucgid, f->name_id,   f->op,  f->via};
	int64_t second = kt_second_of(f->end_ns);
	struct file_entry *x;

	if (kt_unlikely(second != l->second || l->files.n >= MAX_KEYS)) {
		int err = write_files(l);

		if (err)
			return err;
		l->second = second;
	}
	x = kt_keyed_get(&l->files, &k);
	if (!x)
		return -ENOMEM;
	if (!x->path && f->path) {
		x->path = strdup(f->path);
		if (!x->path)
			return -ENOMEM;
	}
	x->n++;
	x->size_bytes += f->size_bytes != KT_NULL ? f->size_bytes : 0;
	x->dur_ns += f->dur_ns;
	x->max_ns = KT_MAX(x->max_ns, f->dur_ns);
	return 0;
}

int kt_file_load_write(struct kt_file_load *l)
{
	return write_files(l);
}
