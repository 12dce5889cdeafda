/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Tasks. Tids are reused: each life has its own utid. */
#include <errno.h>
#include <string.h>

#include "analyze/core/core.h"
#include "analyze/engine/flow.h"
#include "format/base/macros.h"
#include "format/event.h"

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
	KT_COL(task_row, tid, KT_COL_INT, "",
	       "thread id, the last it had: a thread that calls exec takes over that of its "
	       "process; 0: the CPUs' idle tasks"),
	KT_COL(task_row, tgid, KT_COL_INT, "", "process id"),
	KT_COL(task_row, comm, KT_COL_TEXT, "", "name, the last it had; task_name has all of them"),
	KT_COL(task_row, cmdline, KT_COL_TEXT, "",
	       "command line; only of the first thread of a process"),
	KT_COL(task_row, ucgid, KT_COL_INT, "", "its v2 cgroup, the first seen"),
	KT_COL(task_row, is_recorder, KT_COL_INT, "",
	       "1: a thread of the recorder; NULL: not known"),
	KT_COL(task_row, program, KT_COL_TEXT, "",
	       "program it belongs to: name of the first thread of its process (of a kernel "
	       "worker: kworker); its own name if that is not known"),
	KT_COL(task_row, parent_tgid, KT_COL_INT, "",
	       "the process that started its process; NULL: not known"),
	KT_COL(task_row, is_command, KT_COL_INT, "",
	       "1: belongs to the command that ktrace-record started, or to a process that the "
	       "command started; NULL: not known"),
};

const struct kt_table kt_task_table = {
	.name = "task",
	.doc = "tasks that the rows of other tables refer to",
	.cols = task_cols,
	.n_cols = KT_ARRAY_SIZE(task_cols),
};

struct name_row {
	int64_t run_id, utid, tid;
	const char *comm;
	int64_t start_ns, end_ns, is_inherited;
};

static const struct kt_col name_cols[] = {
	KT_COL(name_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(name_row, utid, KT_COL_INT, "", "the task"),
	KT_COL(name_row, tid, KT_COL_INT, "", "its thread id at that time"),
	KT_COL(name_row, comm, KT_COL_TEXT, "", "its name"),
	KT_COL(name_row, start_ns, KT_COL_INT, "ns",
	       "since when; NULL: since before the run, or not known"),
	KT_COL(name_row, end_ns, KT_COL_INT, "ns",
	       "until when; NULL: until the task or the run ended, or not known"),
	KT_COL(name_row, is_inherited, KT_COL_INT, "",
	       "1: inherited from the task that created it, and kept only until it ran a program; "
	       "NULL: not known"),
};

const struct kt_table kt_task_name_table = {
	.name = "task_name",
	.doc = "the names that each task in table task had, and when; if there were very many, the "
	       "last ones",
	.cols = name_cols,
	.n_cols = KT_ARRAY_SIZE(name_cols),
};

#define COMM_SIZE 16
#define MAX_NAMES 64 /* past names kept per task: a thread may report its progress in its name */

/* A name that a task had before. */
struct name {
	int64_t start_ns, end_ns; /* KT_NULL: not known */
	uint32_t tid;
	int8_t inherited; /* 1 yes, 0 no, -1 not known */
	char comm[COMM_SIZE + 1];
};

struct task {
	int64_t utid;		  /* 0: nobody asked */
	uint32_t tid, tgid;	  /* tgid 0: not known */
	uint64_t cgroup;	  /* 0: not known */
	char comm[COMM_SIZE + 1]; /* "": not known */
	int64_t comm_ns;	  /* since when; KT_NULL: not known */
	struct name *names;	  /* past names, the oldest first; NULL: none */
	uint32_t n_names;
	char leader
		[COMM_SIZE +
		 1]; /* name of its process's first thread, if that is gone; "": ask the thread */
	uint32_t parent; /* tgid; 0: not known */
	bool judged;	 /* whether it is the recorder's has been told to the statistics */
	int8_t command;	 /* of the recorder's command: 1 yes, 0 no, -1 not known yet */
	uint64_t birth;	 /* counts births seen; 0: it was there before the run */
	bool exited;	 /* more events may follow: files are closed after the exit event */
	char *cmdline;
};

/* 0 is a valid tid and key. */
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
	t->comm_ns = KT_NULL;
	if (!tid)
		strcpy(t->comm, "swapper");
	return t;
}

static void destroy(struct task *t)
{
	free(t->cmdline);
	free(t->names);
	free(t);
}

static void set_comm(struct task *t, const char *comm)
{
	size_t len = strnlen(comm, COMM_SIZE);

	memcpy(t->comm, comm, len);
	t->comm[len] = '\0';
}

/* Keeps the current name of t, which ends now, with the current tid. */
static int keep_name(struct task *t, int64_t end_ns, int8_t inherited)
{
	struct name *names = t->names;

	if (!t->comm[0])
		return 0;
	if (t->n_names == MAX_NAMES) {
		memmove(names, names + 1, (MAX_NAMES - 1) * sizeof(*names));
		t->n_names--;
	}
	/* Grows by doubling, from one. */
	if (!(t->n_names & (t->n_names - 1)) && t->n_names < MAX_NAMES) {
		names = realloc(names, (t->n_names ? 2 * t->n_names : 1) * sizeof(*names));
		if (!names)
			return -ENOMEM;
		t->names = names;
	}
	names[t->n_names] = (struct name){t->comm_ns, end_ns, t->tid, inherited, ""};
	memcpy(names[t->n_names++].comm, t->comm, sizeof(t->comm));
	return 0;
}

/* The first thread of its process, or the task itself. NULL: not known, or another task has its tid by now. */
static const struct task *leader_of(const struct kt_core_run *r, const struct task *t)
{
	const struct task *l = t->tgid ? get(r, t->tgid) : NULL;

	return l && l->tid == l->tgid && l->birth <= t->birth ? l : NULL;
}

static bool is_worker(const char *comm)
{
	return !strncmp(comm, "kworker/", 8);
}

static const char *program_of(const struct kt_core_run *r, const struct task *t)
{
	const struct task *l = leader_of(r, t);
	const char *name = l && l->comm[0] ? l->comm : t->leader[0] ? t->leader : t->comm;

	/* Which worker it is means nothing: any of them takes the next work. */
	return is_worker(name) ? "kworker" : name[0] ? name : NULL;
}

#define MAX_ANCESTORS 64

/* Does it descend from the recorder, without being part of it? -1: not known. */
static int is_command(const struct kt_core_run *r, const struct task *t)
{
	for (int i = 0; t && i < MAX_ANCESTORS; i++) {
		const struct task *l = leader_of(r, t);
		uint32_t parent = l && l->parent ? l->parent : t->parent;

		if (t->command >= 0)
			return t->command;
		/* init, kthreadd and the idle tasks belong to no program. */
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

static int write_names(struct kt_core *c, const struct kt_core_run *r, const struct task *t)
{
	struct name_row row = {.run_id = r->run + 1, .utid = t->utid};
	int err = 0;

	for (uint32_t i = 0; i < t->n_names && !err; i++) {
		const struct name *n = &t->names[i];

		row.tid = n->tid;
		row.comm = n->comm;
		row.start_ns = n->start_ns;
		row.end_ns = n->end_ns;
		row.is_inherited = n->inherited < 0 ? KT_NULL : n->inherited;
		err = kt_insert(c->e, &kt_task_name_table, &row);
	}
	if (err || !t->comm[0])
		return err;
	row.tid = t->tid;
	row.comm = t->comm;
	row.start_ns = t->comm_ns;
	row.end_ns = KT_NULL;
	row.is_inherited = false;
	return kt_insert(c->e, &kt_task_name_table, &row);
}

static int64_t is_recorder(const struct kt_core_run *r, const struct task *t)
{
	return !r->recorder_tgid || (!t->tgid && t->tid) ? KT_NULL : t->tgid == r->recorder_tgid;
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
		.is_recorder = is_recorder(r, t),
		.program = program_of(r, t),
		.parent_tgid = t->parent ? t->parent : KT_NULL,
		.is_command = KT_NULL,
	};
	int command = r->recorder_tgid ? is_command(r, t) : -1, err;

	if (!t->utid)
		return 0;
	if (command >= 0)
		row.is_command = command;
	err = kt_insert(c->e, &kt_task_table, &row);
	return err ? err : write_names(c, r, t);
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
	if (kt_unlikely(!t->judged) && is_recorder(r, t) != KT_NULL) {
		t->judged = true;
		if (kt_flow_own(c->e, t->utid, is_recorder(r, t)))
			return KT_NULL;
	}
	return t->utid;
}

bool kt_core_is_worker(void *self, uint32_t run, uint32_t tid)
{
	struct kt_core_run *r = kt_core_run(self, run);
	const struct task *t = r ? get(r, tid) : NULL;

	return t && is_worker(t->comm);
}

/* ---------------------------------------------------------------- events */

/* The task with that number has ended, seen or not. */
static int over(struct kt_core *c, struct kt_core_run *r, uint32_t tid)
{
	struct task *t = get(r, tid);
	int err = t ? write_task(c, r, t) : 0;

	if (t) {
		kt_hash_del(&r->tasks, tid);
		destroy(t);
	}
	return err;
}

int kt_task_born(struct kt_core *c, struct kt_core_run *r, const struct kt_ev *ev)
{
	const struct kt_task_new *d = ev->data;
	const struct task *parent;
	int err = over(c, r, d->tid);
	struct task *t = err ? NULL : add(r, d->tid, d->tgid);

	if (!t)
		return err ? err : -ENOMEM;
	t->cgroup = d->cgroup;
	t->birth = ++r->n_births;
	set_comm(t, d->comm);
	t->comm_ns = ev->t_ns;
	parent = get(r, d->parent_tid);
	if (!parent)
		return 0;
	/* A thread has the parent of its process. Tids are reused, so it is kept now. */
	t->parent = d->tid != d->tgid ? parent->parent : parent->tgid;
	if (d->tid != d->tgid)
		set_leader(t, leader_of(r, t));
	if (r->recorder_tgid && d->tgid != r->recorder_tgid)
		t->command = parent->tgid == r->recorder_tgid ? 1 : is_command(r, parent);
	return 0;
}

/* A thread that called exec continues alone, with the number of its process, whose first thread has ended. */
static int becomes_first(struct kt_core *c, struct kt_core_run *r, struct task *t, uint32_t tid)
{
	int err = over(c, r, tid);

	if (err)
		return err;
	kt_hash_del(&r->tasks, t->tid);
	if (kt_hash_put(&r->tasks, tid, t)) {
		destroy(t);
		return -ENOMEM;
	}
	t->tid = tid;
	t->leader[0] = '\0';
	return 0;
}

/* An exec ends the name inherited from the creator, if the task had it from birth. */
static int8_t is_inherited(const struct task *t, uint32_t flags)
{
	if (!t->birth || t->n_names || t->tid != t->tgid)
		return false;
	return flags ? !!(flags & KT_COMM_EXEC) : -1;
}

int kt_task_renamed(struct kt_core *c, struct kt_core_run *r, const struct kt_ev *ev)
{
	const struct kt_task_comm *d = ev->data;
	struct task *t = d->old_tid ? get(r, d->old_tid) : NULL, *first = get(r, d->tid);
	bool changes = t;
	int err;

	if (!t)
		t = first ? first : add(r, d->tid, d->tgid);
	if (!t)
		return -ENOMEM;
	if (!t->tgid)
		t->tgid = d->tgid;
	if (!changes && !strncmp(t->comm, d->comm, COMM_SIZE))
		return 0;
	err = keep_name(t, ev->t_ns, is_inherited(t, d->flags));
	if (!err && changes)
		err = becomes_first(c, r, t, d->tid);
	if (err)
		return err;
	set_comm(t, d->comm);
	t->comm_ns = ev->t_ns;
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
		if (t->exited) /* another task with that tid, which nobody asked about */
			continue;
		if (!t->tgid)
			t->tgid = u64_or_0(tsv, "tgid");
		if (!t->parent)
			t->parent = u64_or_0(tsv, "ppid");
		if (!t->cgroup)
			t->cgroup = u64_or_0(tsv, "cgroup");
		/* Not the name known so far: when it changed is not known. */
		if (comm && strncmp(t->comm, comm, COMM_SIZE)) {
			if (keep_name(t, KT_NULL, false))
				return -ENOMEM;
			set_comm(t, comm);
			t->comm_ns = KT_NULL;
		}
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
