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
	const char *program;
	int64_t parent_tgid, is_command;
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
	KT_COL(task_row, program, KT_COL_TEXT, "",
	       "what it is a part of: name of its process' first thread (of a kernel worker: "
	       "kworker); its own where that is not known"),
	KT_COL(task_row, parent_tgid, KT_COL_INT, "",
	       "the process that started its process; NULL = not known"),
	KT_COL(task_row, is_command, KT_COL_INT, "",
	       "1: of the command that ktrace-record started, or of what that started; NULL = not "
	       "known"),
};

const struct kt_table kt_task_table = {
	.name = "task",
	.doc = "tasks that something was done by",
	.cols = task_cols,
	.n_cols = KT_ARRAY_SIZE(task_cols),
};

#define COMM_SIZE 16

struct task {
	int64_t utid;		    /* 0: nobody asked */
	uint32_t tid, tgid;	    /* tgid 0: not known */
	uint64_t cgroup;	    /* 0: not known */
	char comm[COMM_SIZE + 1];   /* "": not known */
	char leader[COMM_SIZE + 1]; /* its first thread's, if that is gone; "": look there */
	uint32_t parent;	    /* tgid; 0: not known */
	int8_t command;		    /* of the recorder's command: 1 yes, 0 no, -1 not known yet */
	uint64_t birth;		    /* counts births seen; 0: it was there before */
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
	t->command = -1;
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

/* The first thread of its process; itself, if it is that. NULL: not known, or its tid is another's by now. */
static const struct task *leader_of(const struct kt_core_run *r, const struct task *t)
{
	const struct task *l = t->tgid ? get(r, t->tgid) : NULL;

	return l && l->tid == l->tgid && l->birth <= t->birth ? l : NULL;
}

static const char *program_of(const struct kt_core_run *r, const struct task *t)
{
	const struct task *l = leader_of(r, t);
	const char *name = l && l->comm[0] ? l->comm : t->leader[0] ? t->leader : t->comm;

	/* Which of the workers it is says nothing: any of them takes what comes. */
	return !strncmp(name, "kworker/", 8) ? "kworker" : name[0] ? name : NULL;
}

#define MAX_ANCESTORS 64

/* Does it descend from the recorder, without being a part of it? -1: not known. */
static int is_command(const struct kt_core_run *r, const struct task *t)
{
	for (int i = 0; t && i < MAX_ANCESTORS; i++) {
		const struct task *l = leader_of(r, t);
		uint32_t parent = l && l->parent ? l->parent : t->parent;

		if (t->command >= 0)
			return t->command;
		/* init, kthreadd and the idle tasks are nobody's. */
		if (t->tid <= 2 || parent == 1 || parent == 2 || t->tgid == r->recorder_tgid)
			return false;
		if (parent && parent == r->recorder_tgid)
			return true;
		t = parent ? get(r, parent) : NULL;
	}
	return -1;
}

static void set_leader(struct task *t, const struct task *leader)
{
	if (leader)
		memcpy(t->leader, leader->comm, sizeof(t->leader));
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
		.program = program_of(r, t),
		.parent_tgid = t->parent ? t->parent : KT_NULL,
		.is_command = KT_NULL,
	};
	int command = r->recorder_tgid ? is_command(r, t) : -1;

	if (command >= 0)
		row.is_command = command;

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
		 uint32_t parent_tid, uint64_t cgroup, const char comm[16])
{
	const struct task *parent;
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
	t->birth = ++r->n_births;
	set_comm(t, comm);
	parent = get(r, parent_tid);
	if (!parent)
		return 0;
	/* A thread has the parent of its process; tids are used again, so what is known now is kept. */
	t->parent = tid != tgid ? parent->parent : parent->tgid;
	if (tid != tgid)
		set_leader(t, leader_of(r, t));
	if (r->recorder_tgid && tgid != r->recorder_tgid)
		t->command = parent->tgid == r->recorder_tgid ? 1 : is_command(r, parent);
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
		if (!t->parent)
			t->parent = u64_or_0(tsv, "ppid");
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
