/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Tasks. A tid is used again: each life has a utid of its own. */
#include <errno.h>
#include <string.h>

#include "analyze/core.h"
#include "format/base/macros.h"

struct task_row {
	int64_t utid, run_id, tid, tgid;
	const char *comm, *cmdline;
	int64_t ucgid, is_recorder;
};

static const struct kt_col task_cols[] = {
	KT_COL(task_row, utid, KT_COL_ID, "", "one life of a tid"),
	KT_COL(task_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(task_row, tid, KT_COL_INT, "", "thread id; 0 = the CPUs' idle tasks"),
	KT_COL(task_row, tgid, KT_COL_INT, "", "process id"),
	KT_COL(task_row, comm, KT_COL_TEXT, "", "name, the last it had"),
	KT_COL(task_row, cmdline, KT_COL_TEXT, "", "arguments; of a process' first thread only"),
	KT_COL(task_row, ucgid, KT_COL_INT, "", "its v2 cgroup, the first seen"),
	KT_COL(task_row, is_recorder, KT_COL_INT, "",
	       "1: a thread of the recorder; NULL = not known"),
};

const struct kt_table kt_task_table = {
	.name = "task",
	.doc = "tasks that something was done by",
	.cols = task_cols,
	.n_cols = KT_ARRAY_SIZE(task_cols),
};

#define COMM_SIZE 16

struct task {
	int64_t utid;		  /* 0: nobody asked */
	uint32_t tid, tgid;	  /* tgid 0: not known */
	uint64_t cgroup;	  /* 0: not known */
	char comm[COMM_SIZE + 1]; /* "": not known */
	bool exited; /* its last words may follow: files are closed after the exit event */
	char *cmdline;
};

/* 0 is a tid, and a fine key. */
static struct task *get(const struct kt_core_run *r, uint32_t tid)
{
	return kt_hash_get(&r->tasks, tid);
}

static struct task *add(struct kt_core_run *r, uint32_t tid, uint32_t tgid)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t || kt_hash_put(&r->tasks, tid, t)) {
		free(t);
		return NULL;
	}
	t->tid = tid;
	t->tgid = tgid;
	if (!tid)
		strcpy(t->comm, "swapper");
	return t;
}

static void destroy(struct task *t)
{
	free(t->cmdline);
	free(t);
}

static void set_comm(struct task *t, const char *comm)
{
	size_t len = strnlen(comm, COMM_SIZE);

	memcpy(t->comm, comm, len);
	t->comm[len] = '\0';
}

static int write_task(struct kt_core *c, const struct kt_core_run *r, const struct task *t)
{
	struct task_row row = {
		.utid = t->utid,
		.run_id = r->run + 1,
		.tid = t->tid,
		.tgid = t->tgid || !t->tid ? t->tgid : KT_NULL,
		.comm = t->comm[0] ? t->comm : NULL,
		.cmdline = t->cmdline,
		.ucgid = kt_core_ucgid(c, r->run, KT_CGROUP_V2, t->cgroup),
		.is_recorder = !r->recorder_tgid || (!t->tgid && t->tid)
				       ? KT_NULL
				       : t->tgid == r->recorder_tgid,
	};

	return t->utid ? kt_insert(c->e, &kt_task_table, &row) : 0;
}

int64_t kt_core_utid(void *self, uint32_t run, uint32_t tid, uint32_t tgid)
{
	struct kt_core *c = self;
	struct kt_core_run *r = kt_core_run(c, run);
	struct task *t = r ? get(r, tid) : NULL;

	if (r && !t)
		t = add(r, tid, tgid);
	if (!t)
		return KT_NULL;
	if (!t->tgid)
		t->tgid = tgid;
	if (!t->utid)
		t->utid = kt_next_id(c->e, &kt_task_table);
	return t->utid;
}

/* ---------------------------------------------------------------- events */

int kt_task_born(struct kt_core *c, struct kt_core_run *r, uint32_t tid, uint32_t tgid,
		 uint64_t cgroup, const char comm[16])
{
	struct task *t = get(r, tid);

	if (t) { /* the one before is over, seen or not */
		int err = write_task(c, r, t);

		kt_hash_del(&r->tasks, tid);
		destroy(t);
		if (err)
			return err;
	}
	t = add(r, tid, tgid);
	if (!t)
		return -ENOMEM;
	t->cgroup = cgroup;
	set_comm(t, comm);
	return 0;
}

int kt_task_renamed(struct kt_core *c, struct kt_core_run *r, uint32_t tid, uint32_t tgid,
		    const char comm[16])
{
	struct task *t = get(r, tid);

	if (!t)
		t = add(r, tid, tgid);
	if (!t)
		return -ENOMEM;
	if (!t->tgid)
		t->tgid = tgid;
	set_comm(t, comm);
	return 0;
}

void kt_task_gone(struct kt_core_run *r, uint32_t tid)
{
	struct task *t = get(r, tid);

	if (t)
		t->exited = true;
}

/* ---------------------------------------------------------------- context */

int kt_tasks_recorder(struct kt_core_run *r, struct kt_tsv *t)
{
	while (kt_tsv_next(t)) {
		const char *key = kt_tsv_at(t, 0), *value = kt_tsv_at(t, 1);

		if (key && value && !strcmp(key, "pid"))
			r->recorder_tgid = atoll(value);
	}
	return 0;
}

static uint64_t u64_or_0(const struct kt_tsv *t, const char *column)
{
	const char *s = kt_tsv_get(t, column);

	return s ? strtoull(s, NULL, 10) : 0;
}

int kt_tasks_context(struct kt_core_run *r, struct kt_tsv *tsv)
{
	while (kt_tsv_next(tsv)) {
		int64_t tid = kt_tsv_int(tsv, "tid");
		const char *comm = kt_tsv_get(tsv, "comm"), *cmdline = kt_tsv_get(tsv, "cmdline");
		struct task *t;

		if (tid <= 0 || tid > UINT32_MAX)
			continue;
		t = get(r, tid);
		if (!t)
			t = add(r, tid, 0);
		if (!t)
			return -ENOMEM;
		if (t->exited) /* another task of that tid, which nobody asked about */
			continue;
		if (!t->tgid)
			t->tgid = u64_or_0(tsv, "tgid");
		if (!t->cgroup)
			t->cgroup = u64_or_0(tsv, "cgroup");
		if (comm)
			set_comm(t, comm);
		if (cmdline) {
			free(t->cmdline);
			t->cmdline = strdup(cmdline);
			if (!t->cmdline)
				return -ENOMEM;
		}
	}
	return 0;
}

/* ---------------------------------------------------------------- the end */

int kt_tasks_write(struct kt_core *c, struct kt_core_run *r)
{
	for (size_t i = 0; r->tasks.slots && i <= r->tasks.mask; i++) {
		const struct task *t = r->tasks.slots[i].value;
		int err = t ? write_task(c, r, t) : 0;

		if (err)
			return err;
	}
	return 0;
}

void kt_tasks_finish(struct kt_core_run *r)
{
	for (size_t i = 0; r->tasks.slots && i <= r->tasks.mask; i++)
		if (r->tasks.slots[i].value)
			destroy(r->tasks.slots[i].value);
	kt_hash_finish(&r->tasks);
}
