/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/ioload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/keyed.h"
#include "format/base/bucket.h"
#include "format/base/macros.h"

#define NS_PER_S 1000000000ll
#define MAX_KEYS 65536 /* of a table; when full, its rows are written early */

/* ---------------------------------------------------------------- tables */

struct io_load_row {
	int64_t run_id, second;
	const char *kind, *op;
	int64_t device_id, utid, ucgid, is_cached;
	const char *state;
	int64_t n, size_bytes, n_bios, dur_ns, max_ns;
	int64_t submit_ns, throttle_ns, alloc_ns, plug_ns, queue_ns, device_ns, complete_ns,
		endio_ns, wakeup_ns, return_ns, between_ns, cached_ns, blocked_ns;
	int64_t runq_ns, irq_ns, softirq_ns, slept_ns, min_id, max_id;
	const char *via;
	int64_t error, n_runq;
};

/* clang-format off */
#define STAGE(name) \
	KT_COL(io_load_row, name##_ns, KT_COL_INT, "ns", "sum of their stage " #name "; NULL: none of them had it")
/* clang-format on */

static const struct kt_col io_load_cols[] = {
	KT_COL(io_load_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(io_load_row, second, KT_COL_INT, "s",
	       "in which they ended, since the epoch of the database"),
	KT_COL(io_load_row, kind, KT_COL_TEXT, "", "as io.kind"),
	KT_COL(io_load_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(io_load_row, device_id, KT_COL_INT, "", "device of the file"),
	KT_COL(io_load_row, utid, KT_COL_INT, "", "the task"),
	KT_COL(io_load_row, ucgid, KT_COL_INT, "", "its cgroup"),
	KT_COL(io_load_row, is_cached, KT_COL_INT, "",
	       "1: they caused no bio and waited for none (stage cached)"),
	KT_COL(io_load_row, state, KT_COL_TEXT, "",
	       "whole open_at_start open_at_end lossy evicted"),
	KT_COL(io_load_row, n, KT_COL_INT, "", "operations"),
	KT_COL(io_load_row, size_bytes, KT_COL_INT, "bytes", "what they moved, where known"),
	KT_COL(io_load_row, n_bios, KT_COL_INT, "", "bios they caused"),
	KT_COL(io_load_row, dur_ns, KT_COL_INT, "ns", "sum of their durations, where known"),
	KT_COL(io_load_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
	STAGE(submit),
	STAGE(throttle),
	STAGE(alloc),
	STAGE(plug),
	STAGE(queue),
	STAGE(device),
	STAGE(complete),
	STAGE(endio),
	STAGE(wakeup),
	STAGE(return ),
	STAGE(between),
	STAGE(cached),
	STAGE(blocked),
	KT_COL(io_load_row, runq_ns, KT_COL_INT, "ns",
	       "of that the tasks were ready but another ran; NULL: not known of any"),
	KT_COL(io_load_row, irq_ns, KT_COL_INT, "ns", "of that interrupts took from them"),
	KT_COL(io_load_row, softirq_ns, KT_COL_INT, "ns", "of that soft interrupts took from them"),
	KT_COL(io_load_row, slept_ns, KT_COL_INT, "ns",
	       "of that the tasks were asleep; NULL: not known of any, or they are asynchronous"),
	KT_COL(io_load_row, min_id, KT_COL_INT, "", "smallest io_id among them"),
	KT_COL(io_load_row, max_id, KT_COL_INT, "", "largest"),
	KT_COL(io_load_row, via, KT_COL_TEXT, "", "as io.via"),
	KT_COL(io_load_row, error, KT_COL_INT, "", "as io.error"),
	KT_COL(io_load_row, n_runq, KT_COL_INT, "",
	       "of how many runq_ns is known: if of fewer than n, it is at least that"),
};

static const struct kt_table io_load_table = {
	.name = "io_load",
	.doc = "operations by task, second by second; several rows of one key add up",
	.cols = io_load_cols,
	.n_cols = KT_ARRAY_SIZE(io_load_cols),
};

struct io_hist_row {
	int64_t run_id, second;
	const char *kind, *op;
	int64_t device_id, utid, ucgid, is_cached, bucket, n, sum_ns, max_ns;
	const char *via;
};

static const struct kt_col io_hist_cols[] = {
	KT_COL(io_hist_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(io_hist_row, second, KT_COL_INT, "s",
	       "in which they ended, since the epoch of the database"),
	KT_COL(io_hist_row, kind, KT_COL_TEXT, "", "as io.kind"),
	KT_COL(io_hist_row, op, KT_COL_TEXT, "", "operation"),
	KT_COL(io_hist_row, device_id, KT_COL_INT, "", "device of the file"),
	KT_COL(io_hist_row, utid, KT_COL_INT, "", "the task"),
	KT_COL(io_hist_row, ucgid, KT_COL_INT, "", "its cgroup"),
	KT_COL(io_hist_row, is_cached, KT_COL_INT, "", "1: stage cached is all they had"),
	KT_COL(io_hist_row, bucket, KT_COL_INT, "", "durations of one range, as in latency_hist"),
	KT_COL(io_hist_row, n, KT_COL_INT, "", "operations, whole ones"),
	KT_COL(io_hist_row, sum_ns, KT_COL_INT, "ns", "sum of their durations"),
	KT_COL(io_hist_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
	KT_COL(io_hist_row, via, KT_COL_TEXT, "", "as io.via; none that failed, or were empty"),
};

static const struct kt_table io_hist_table = {
	.name = "io_hist",
	.doc = "durations of operations by task, second by second; several rows of one key add up",
	.cols = io_hist_cols,
	.n_cols = KT_ARRAY_SIZE(io_hist_cols),
};

static const struct kt_table io_hist_all_table = {
	.name = "io_hist_all",
	.doc = "io_hist over the whole run (second is NULL); several rows of one key add up",
	.cols = io_hist_cols,
	.n_cols = KT_ARRAY_SIZE(io_hist_cols),
};

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
	KT_COL(file_load_row, is_cached, KT_COL_INT, "", "1: stage cached is all they had"),
	KT_COL(file_load_row, n, KT_COL_INT, "", "operations, whole ones"),
	KT_COL(file_load_row, size_bytes, KT_COL_INT, "bytes", "what they moved, where known"),
	KT_COL(file_load_row, dur_ns, KT_COL_INT, "ns", "sum of their durations"),
	KT_COL(file_load_row, max_ns, KT_COL_INT, "ns", "the longest of them"),
	KT_COL(file_load_row, via, KT_COL_TEXT, "", "as io.via; none that failed, or were empty"),
};

static const struct kt_table file_load_table = {
	.name = "file_load",
	.doc = "operations by file, second by second; several rows of one key add up",
	.cols = file_load_cols,
	.n_cols = KT_ARRAY_SIZE(file_load_cols),
};

const struct kt_table *const kt_io_load_tables[] = {&io_load_table, &io_hist_table,
						    &io_hist_all_table, &file_load_table, NULL};

/* ---------------------------------------------------------------- keys */

/* Texts are static while the analysis runs: their addresses are keys. Two addresses of one text make two rows. */
struct load_key {
	int64_t run, device_id, utid, ucgid, error;
	const char *kind, *op, *state, *via;
};

struct load_entry {
	struct load_key k;
	int64_t n, size_bytes, n_bios, dur_ns, max_ns;
	int64_t stage_ns[KT_IO_N_STAGES]; /* KT_NULL as long as none had it */
	int64_t runq_ns, irq_ns, softirq_ns, slept_ns, n_runq, min_id, max_id;
};

struct hist_key {
	int64_t run, device_id, utid, ucgid, bucket;
	const char *kind, *op, *via;
};

struct hist_entry {
	struct hist_key k;
	int64_t n, sum_ns, max_ns;
};

/* A number is another file's later, and a file has another name: both are told apart. */
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

struct kt_io_load {
	struct kt_engine *e;
	int64_t second; /* that is being counted */
	struct kt_keyed loads, hists, files;
	struct kt_keyed all; /* as hists, of the whole run */
};

int kt_io_load_create(struct kt_engine *e, struct kt_io_load **ret)
{
	struct kt_io_load *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->e = e;
	l->second = INT64_MIN;
	kt_keyed_init(&l->loads, sizeof(struct load_key), sizeof(struct load_entry));
	kt_keyed_init(&l->hists, sizeof(struct hist_key), sizeof(struct hist_entry));
	kt_keyed_init(&l->all, sizeof(struct hist_key), sizeof(struct hist_entry));
	kt_keyed_init(&l->files, sizeof(struct file_key), sizeof(struct file_entry));
	*ret = l;
	return 0;
}

static void clear_files(struct kt_io_load *l)
{
	for (size_t i = 0; i < l->files.n; i++)
		free(((struct file_entry *)kt_keyed_at(&l->files, i))->path);
	kt_keyed_clear(&l->files);
}

void kt_io_load_destroy(struct kt_io_load *l)
{
	if (!l)
		return;
	clear_files(l);
	kt_keyed_finish(&l->loads);
	kt_keyed_finish(&l->hists);
	kt_keyed_finish(&l->all);
	kt_keyed_finish(&l->files);
	free(l);
}

/* ---------------------------------------------------------------- rows */

static bool is_cached(const char *via)
{
	return via[0] == 'c';
}

static int write_loads(struct kt_io_load *l)
{
	int err = 0;

	for (size_t i = 0; i < l->loads.n && !err; i++) {
		const struct load_entry *x = kt_keyed_at(&l->loads, i);
		const int64_t *s = x->stage_ns;
		struct io_load_row row = {
			.run_id = x->k.run + 1,
			.second = l->second,
			.kind = x->k.kind,
			.op = x->k.op,
			.device_id = x->k.device_id,
			.utid = x->k.utid,
			.ucgid = x->k.ucgid,
			.is_cached = is_cached(x->k.via),
			.state = x->k.state,
			.n = x->n,
			.size_bytes = x->size_bytes,
			.n_bios = x->n_bios,
			.dur_ns = x->dur_ns,
			.max_ns = x->max_ns,
			.submit_ns = s[KT_IO_SUBMIT],
			.throttle_ns = s[KT_IO_THROTTLE],
			.alloc_ns = s[KT_IO_ALLOC],
			.plug_ns = s[KT_IO_PLUG],
			.queue_ns = s[KT_IO_QUEUE],
			.device_ns = s[KT_IO_DEVICE],
			.complete_ns = s[KT_IO_COMPLETE],
			.endio_ns = s[KT_IO_ENDIO],
			.wakeup_ns = s[KT_IO_WAKEUP],
			.return_ns = s[KT_IO_RETURN],
			.between_ns = s[KT_IO_BETWEEN],
			.cached_ns = s[KT_IO_CACHED],
			.blocked_ns = s[KT_IO_BLOCKED],
			.runq_ns = x->runq_ns,
			.irq_ns = x->irq_ns,
			.softirq_ns = x->softirq_ns,
			.slept_ns = x->slept_ns,
			.min_id = x->min_id,
			.max_id = x->max_id,
			.via = x->k.via,
			.error = x->k.error,
			.n_runq = x->n_runq,
		};

		err = kt_insert(l->e, &io_load_table, &row);
	}
	kt_keyed_clear(&l->loads);
	return err;
}

static int write_hists(struct kt_io_load *l, struct kt_keyed *hists, const struct kt_table *t,
		       int64_t second)
{
	int err = 0;

	for (size_t i = 0; i < hists->n && !err; i++) {
		const struct hist_entry *x = kt_keyed_at(hists, i);
		struct io_hist_row row = {
			x->k.run + 1,	second,	   x->k.kind,  x->k.op,
			x->k.device_id, x->k.utid, x->k.ucgid, is_cached(x->k.via),
			x->k.bucket,	x->n,	   x->sum_ns,  x->max_ns,
			x->k.via};

		err = kt_insert(l->e, t, &row);
	}
	kt_keyed_clear(hists);
	return err;
}

static int write_files(struct kt_io_load *l)
{
	int err = 0;

	for (size_t i = 0; i < l->files.n && !err; i++) {
		const struct file_entry *x = kt_keyed_at(&l->files, i);
		struct file_load_row row = {x->k.run + 1, l->second,	 x->k.device_id,
					    x->k.ino,	  x->path,	 x->k.op,
					    x->k.utid,	  x->k.ucgid,	 is_cached(x->k.via),
					    x->n,	  x->size_bytes, x->dur_ns,
					    x->max_ns,	  x->k.via};

		err = kt_insert(l->e, &file_load_table, &row);
	}
	clear_files(l);
	return err;
}

static int next_second(struct kt_io_load *l, int64_t second)
{
	int err = write_loads(l);

	err = err ? err : write_hists(l, &l->hists, &io_hist_table, l->second);
	err = err ? err : write_files(l);
	l->second = second;
	return err;
}

int kt_io_load_write(struct kt_io_load *l)
{
	int err = next_second(l, l->second);

	return err ? err : write_hists(l, &l->all, &io_hist_all_table, KT_NULL);
}

/* ---------------------------------------------------------------- counting */

/* NULL stays NULL as long as nothing is known. */
static void add(int64_t *sum, int64_t ns)
{
	if (ns != KT_NULL)
		*sum = *sum == KT_NULL ? ns : *sum + ns;
}

static int count_load(struct kt_io_load *l, const struct kt_io_flow *f)
{
	struct load_key k = {f->run,  f->device_id, f->utid,  f->ucgid, f->error,
			     f->kind, f->op,	    f->state, f->via};
	int err = l->loads.n >= MAX_KEYS ? write_loads(l) : 0;
	struct load_entry *x;

	if (err)
		return err;
	x = kt_keyed_get(&l->loads, &k);
	if (!x)
		return -ENOMEM;
	if (!x->n) {
		for (int i = 0; i < KT_IO_N_STAGES; i++)
			x->stage_ns[i] = KT_NULL;
		x->runq_ns = x->irq_ns = x->softirq_ns = x->slept_ns = KT_NULL;
		x->min_id = f->id;
	}
	x->min_id = KT_MIN(x->min_id, f->id);
	x->max_id = KT_MAX(x->max_id, f->id);
	x->n++;
	x->size_bytes += f->size_bytes != KT_NULL ? f->size_bytes : 0;
	x->n_bios += f->n_bios != KT_NULL ? f->n_bios : 0;
	if (f->dur_ns != KT_NULL) {
		x->dur_ns += f->dur_ns;
		x->max_ns = KT_MAX(x->max_ns, f->dur_ns);
	}
	for (int i = 0; i < KT_IO_N_STAGES; i++)
		add(&x->stage_ns[i], f->stage_ns[i]);
	add(&x->runq_ns, f->runq_ns);
	x->n_runq += f->runq_ns != KT_NULL;
	add(&x->irq_ns, f->irq_ns);
	add(&x->softirq_ns, f->softirq_ns);
	add(&x->slept_ns, f->slept_ns);
	return 0;
}

static int add_hist(struct kt_keyed *hists, const struct hist_key *k, int64_t dur_ns)
{
	struct hist_entry *x = kt_keyed_get(hists, k);

	if (!x)
		return -ENOMEM;
	x->n++;
	x->sum_ns += dur_ns;
	x->max_ns = KT_MAX(x->max_ns, dur_ns);
	return 0;
}

static int count_hist(struct kt_io_load *l, const struct kt_io_flow *f)
{
	struct hist_key k = {f->run,  f->device_id, f->utid, f->ucgid, kt_bucket_of(f->dur_ns),
			     f->kind, f->op,	    f->via};
	int err = 0;

	if (l->hists.n >= MAX_KEYS)
		err = write_hists(l, &l->hists, &io_hist_table, l->second);
	if (!err && l->all.n >= MAX_KEYS)
		err = write_hists(l, &l->all, &io_hist_all_table, KT_NULL);
	err = err ? err : add_hist(&l->hists, &k, f->dur_ns);
	return err ? err : add_hist(&l->all, &k, f->dur_ns);
}

static int count_file(struct kt_io_load *l, const struct kt_io_flow *f)
{
	struct file_key k = {f->run,   f->device_id, f->ino, f->utid,
			     f->ucgid, f->name_id,   f->op,  f->via};
	int err = l->files.n >= MAX_KEYS ? write_files(l) : 0;
	struct file_entry *x;

	if (err)
		return err;
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

int kt_io_load_count(struct kt_io_load *l, const struct kt_io_flow *f)
{
	int err = 0;

	if (f->end_ns != KT_NULL) {
		int64_t second = f->end_ns / NS_PER_S - (f->end_ns % NS_PER_S < 0);

		if (kt_unlikely(second != l->second))
			err = next_second(l, second);
	} else if (l->second == INT64_MIN) {
		l->second = 0;
	}
	err = err ? err : count_load(l, f);
	if (err || f->state[0] != 'w' || f->dur_ns == KT_NULL || f->dur_ns < 0 ||
	    !kt_io_did_something(f))
		return err;
	err = count_hist(l, f);
	if (!err && f->ino != KT_NULL)
		err = count_file(l, f);
	return err;
}
