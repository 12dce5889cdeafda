// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker sched: who ran on each CPU, who waited for it, and who ran instead. It has no flows of its own: other families
 * ask what a task did while theirs was open (struct kt_svc_task), reports read its sums.
 *
 * Memory: a bounded history a task, all together within MAX_STOPS; tasks are forgotten when they end.
 */
#include "analyze/flow.h"

#include <errno.h>
#include <stdlib.h>

#include "analyze/keyed.h"
#include "analyze/sched_cpu.h"
#include "analyze/sched_hist.h"
#include "format/base/array.h"
#include "format/base/hash.h"
#include "format/base/macros.h"
#include "format/event.h"

#define MAX_STOPS (256u << 10)
#define MAX_TASKS (32u << 10) /* of one run; more of them live only when ends were lost */
#define MAX_CPUS 65536
#define MAX_DELAYS (16u << 10) /* pairs of tasks; what is beyond becomes rows early */

/* ------------------------------------------------------------------ tables */

struct task_row {
	int64_t run_id, utid;
	int64_t run_ns, runq_ns, irq_ns, softirq_ns, sleep_ns;
	int64_t n_switches, n_preempted, n_wakeups, n_migrated;
	int64_t max_runq_ns, max_runq_at_ns, max_runq_by_utid;
};

static const struct kt_col task_cols[] = {
	KT_COL(task_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(task_row, utid, KT_COL_INT, "", "the task"),
	KT_COL(task_row, run_ns, KT_COL_INT, "ns",
	       "it ran; interrupts on top of it included, but for irq_ns and softirq_ns"),
	KT_COL(task_row, runq_ns, KT_COL_INT, "ns", "it could have run, and others did"),
	KT_COL(task_row, irq_ns, KT_COL_INT, "ns",
	       "hard interrupts had its CPU while it could have run, or was at work on an "
	       "operation"),
	KT_COL(task_row, softirq_ns, KT_COL_INT, "ns", "the same, soft interrupts"),
	KT_COL(task_row, sleep_ns, KT_COL_INT, "ns",
	       "it slept, or was stopped; the five add up to the time it was under observation"),
	KT_COL(task_row, n_switches, KT_COL_INT, "", "times it left the CPU"),
	KT_COL(task_row, n_preempted, KT_COL_INT, "", "of these, though it could have gone on"),
	KT_COL(task_row, n_wakeups, KT_COL_INT, "", "times it ran after it was woken"),
	KT_COL(task_row, n_migrated, KT_COL_INT, "", "times it went on on another CPU"),
	KT_COL(task_row, max_runq_ns, KT_COL_INT, "ns", "the longest wait that is in runq_ns"),
	KT_COL(task_row, max_runq_at_ns, KT_COL_INT, "ns",
	       "when that ended, since the epoch of the database"),
	KT_COL(task_row, max_runq_by_utid, KT_COL_INT, "",
	       "the task that ran the longest in that wait; NULL = not known, or none"),
};

static const struct kt_table task_table = {
	.name = "sched_task",
	.doc = "what each task did with its time; several rows of one task add up",
	.cols = task_cols,
	.n_cols = KT_ARRAY_SIZE(task_cols),
};

struct delay_row {
	int64_t run_id, utid, by_utid, n, runq_ns, max_runq_ns;
};

static const struct kt_col delay_cols[] = {
	KT_COL(delay_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(delay_row, utid, KT_COL_INT, "", "the task that waited for a CPU"),
	KT_COL(delay_row, by_utid, KT_COL_INT, "",
	       "the task that ran the longest in these waits; NULL = not known, the CPU was idle, "
	       "or one of the many that did so little"),
	KT_COL(delay_row, n, KT_COL_INT, "", "waits"),
	KT_COL(delay_row, runq_ns, KT_COL_INT, "ns",
	       "how long they were, as in sched_task.runq_ns"),
	KT_COL(delay_row, max_runq_ns, KT_COL_INT, "ns", "the longest"),
};

static const struct kt_table delay_table = {
	.name = "sched_delay",
	.doc = "who ran while a task waited for a CPU; several rows of one pair add up",
	.cols = delay_cols,
	.n_cols = KT_ARRAY_SIZE(delay_cols),
};

/* ------------------------------------------------------------------ state */

/* The first two are its key. */
struct delay {
	int64_t utid, by_utid, n, runq_ns, max_runq_ns;
};

struct task {
	struct kt_task_hist hist;
	struct kt_sums past; /* of histories that broke off */
	int64_t seen_ns;     /* its last event */
	uint32_t tid;
	uint32_t cpu; /* on which it was last seen to run */
	bool exits;
	uint8_t left; /* enum kt_task_state, while it is off the CPU */
	struct task_row row;
};

struct run {
	struct kt_hash tasks; /* tid */
	struct task
		*gone; /* left for good last: trackers after this one may still ask; NULL = none */
	struct kt_keyed delays;
	KT_VEC(struct kt_sched_cpu *) cpus;
};

struct state {
	struct kt_engine *e;
	const struct kt_svc_names *names;
	void *names_self;
	struct kt_stop_budget budget;
	KT_VEC(struct run *) runs;
};

static struct run *get_run(struct state *s, uint32_t run)
{
	struct run *r = kt_vec_zeroed(&s->runs, run);

	if (kt_unlikely(r && !r->delays.key_size))
		kt_keyed_init(&r->delays, offsetof(struct delay, n), sizeof(struct delay));
	return r;
}

static struct kt_sched_cpu *get_cpu(struct state *s, struct run *r, const struct kt_ev *ev)
{
	struct kt_sched_cpu *c;

	while (r->cpus.n <= ev->cpu)
		if (kt_vec_push(&r->cpus, NULL))
			return NULL;
	c = r->cpus.v[ev->cpu];
	if (!c) {
		c = r->cpus.v[ev->cpu] = malloc(sizeof(*c));
		if (c)
			kt_sched_cpu_init(c, ev->run, ev->cpu, kt_run_start(s->e, ev->run));
	}
	return c;
}

/* ------------------------------------------------------------------ tasks */

static void add_sums(struct kt_sums *to, const struct kt_sums *s)
{
	to->run_ns += s->run_ns;
	to->runq_ns += s->runq_ns;
	to->irq_ns += s->irq_ns;
	to->softirq_ns += s->softirq_ns;
	to->sleep_ns += s->sleep_ns;
}

/* The table is full, or the run over. */
static int write_delays(struct state *s, struct run *r, uint32_t run)
{
	int err = 0;

	for (size_t i = 0; i < r->delays.n && !err; i++) {
		const struct delay *d = kt_keyed_at(&r->delays, i);
		struct delay_row row = {
			.run_id = run + 1,
			.utid = d->utid,
			.by_utid = d->by_utid,
			.n = d->n,
			.runq_ns = d->runq_ns,
			.max_runq_ns = d->max_runq_ns,
		};

		err = kt_insert(s->e, &delay_table, &row);
	}
	kt_keyed_clear(&r->delays);
	return err;
}

/* Its rows; then it is forgotten. end_ns KT_NULL: it did nothing since it was last seen. */
static int forget(struct state *s, struct run *r, struct task *t, int64_t end_ns)
{
	struct task_row *row = &t->row;
	struct kt_sums sums = t->past;
	int err;

	if (kt_task_hist_known(&t->hist)) {
		struct kt_sums last =
			kt_task_hist_total(&t->hist, end_ns == KT_NULL ? t->seen_ns : end_ns);

		add_sums(&sums, &last);
	}
	row->run_ns = sums.run_ns;
	row->runq_ns = sums.runq_ns;
	row->irq_ns = sums.irq_ns;
	row->softirq_ns = sums.softirq_ns;
	row->sleep_ns = sums.sleep_ns;
	if (r->gone == t)
		r->gone = NULL;
	err = kt_insert(s->e, &task_table, row);
	kt_hash_del(&r->tasks, t->tid);
	kt_task_hist_finish(&t->hist, &s->budget);
	free(t);
	return err;
}

/* Too many: of a few of them the one that was seen least lately. */
static int forget_one(struct state *s, struct run *r)
{
	struct task *oldest = NULL;
	size_t seen = 0;

	for (size_t i = r->tasks.n * 2654435761u & r->tasks.mask; seen < 64;
	     i = (i + 1) & r->tasks.mask) {
		struct task *t = r->tasks.slots[i].value;

		if (!t)
			continue;
		seen++;
		if (!oldest || t->seen_ns < oldest->seen_ns)
			oldest = t;
	}
	return forget(s, r, oldest, KT_NULL);
}

static int get_task(struct state *s, struct run *r, const struct kt_ev *ev, uint32_t tid,
		    struct task **ret)
{
	struct task *t = kt_hash_get(&r->tasks, tid);
	int err = 0;

	/* Its number is another's by now. */
	if (t && t == r->gone) {
		err = forget(s, r, t, KT_NULL);
		if (err)
			return err;
		t = NULL;
	}
	if (t) {
		*ret = t;
		return 0;
	}
	if (r->tasks.n >= MAX_TASKS)
		err = forget_one(s, r);
	if (err)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t || kt_hash_put(&r->tasks, tid, t)) {
		free(t);
		return -ENOMEM;
	}
	t->tid = tid;
	t->row.run_id = ev->run + 1;
	t->row.utid = s->names->utid(s->names_self, ev->run, tid, 0);
	t->row.max_runq_at_ns = t->row.max_runq_by_utid = KT_NULL;
	*ret = t;
	return 0;
}

/* What it did since it was last seen is not known, nor what it does. */
static void break_off(struct task *t)
{
	if (kt_task_hist_known(&t->hist)) {
		struct kt_sums sums = kt_task_hist_total(&t->hist, t->seen_ns);

		add_sums(&t->past, &sums);
	}
	kt_task_hist_break(&t->hist);
}

/* The same, but it has run since t_ns. */
static int restart(struct state *s, struct task *t, int64_t t_ns)
{
	break_off(t);
	t->seen_ns = t_ns;
	return kt_task_hist_restart(&t->hist, &s->budget, t_ns);
}

/* Somebody else leaves a CPU than the one that came last: when that one left was not seen. It may run elsewhere by now. */
static void lose_sight(struct run *r, uint32_t tid, uint32_t cpu)
{
	struct task *t = kt_hash_get(&r->tasks, tid);

	if (t && t->cpu == cpu && !t->hist.off)
		break_off(t);
}

/* A wait is over: who ran instead? */
static int add_delay(struct state *s, struct run *r, struct task *t, uint32_t run, uint32_t by_tid,
		     int64_t ns, int64_t end_ns)
{
	int64_t by = by_tid ? s->names->utid(s->names_self, run, by_tid, 0) : KT_NULL;
	const int64_t key[] = {t->row.utid, by};
	struct delay *d;
	int err = r->delays.n < MAX_DELAYS ? 0 : write_delays(s, r, run);

	if (err)
		return err;
	d = kt_keyed_get(&r->delays, key);
	if (!d)
		return -ENOMEM;
	d->n++;
	d->runq_ns += ns;
	d->max_runq_ns = KT_MAX(d->max_runq_ns, ns);
	if (ns > t->row.max_runq_ns) {
		t->row.max_runq_ns = ns;
		t->row.max_runq_at_ns = end_ns;
		t->row.max_runq_by_utid = by;
	}
	return 0;
}

/* ------------------------------------------------------------------ events */

static int goes(struct state *s, struct run *r, const struct kt_ev *ev, struct kt_sched_cpu *c)
{
	const struct kt_sched_switch *d = ev->data;
	struct task *t;
	int err = get_task(s, r, ev, d->prev_tid, &t);

	if (err)
		return err;
	/* It runs since the start, unless something is amiss: then it is only known to run now. */
	if (!c->is_known && !kt_task_hist_known(&t->hist))
		err = restart(s, t, c->since_ns);
	else if (!kt_task_hist_known(&t->hist) || t->hist.off || c->tid != d->prev_tid)
		err = restart(s, t, ev->t_ns);
	if (err)
		return err;
	t->cpu = ev->cpu;
	t->hist.off = true;
	t->hist.out_ns = t->seen_ns = ev->t_ns;
	t->hist.waits = d->prev_state == KT_TASK_RUNNABLE;
	t->left = d->prev_state;
	t->row.n_switches++;
	t->row.n_preempted += t->hist.waits;
	if (t->exits && d->prev_state == KT_TASK_OTHER) {
		err = r->gone ? forget(s, r, r->gone, KT_NULL) : 0;
		r->gone = t;
	}
	return err;
}

static int comes(struct state *s, struct run *r, const struct kt_ev *ev, struct kt_sched_cpu *c)
{
	const struct kt_sched_switch *d = ev->data;
	const struct kt_stop *last;
	struct kt_stop stop;
	struct task *t;
	int64_t ns;
	int err = get_task(s, r, ev, d->next_tid, &t);

	if (err)
		return err;
	t->cpu = ev->cpu;
	t->row.n_wakeups += !!(d->flags & KT_SWITCH_WOKEN);
	t->row.n_migrated += !!(d->flags & KT_SWITCH_MIGRATED);
	if (!t->hist.off)
		return restart(s, t, ev->t_ns);
	stop = (struct kt_stop){
		.out_ns = t->hist.out_ns,
		.ready_ns = KT_NULL,
		.in_ns = ev->t_ns,
		.irq_ns = d->irq_ns,
		.softirq_ns = d->softirq_ns,
		.irq = d->irq,
		.softirq = d->softirq,
		.waker_tid = d->waker_tid,
		.wake_cpu = d->wake_cpu,
		.in_cpu = ev->cpu,
		.slept = !t->hist.waits,
		.disk = t->left == KT_TASK_DISK,
		.by_irq = d->flags & KT_SWITCH_BY_IRQ,
		.by_softirq = d->flags & KT_SWITCH_BY_SOFTIRQ,
	};
	if (t->hist.waits)
		stop.ready_ns = stop.out_ns;
	else if (d->wait_ns && d->flags & KT_SWITCH_WOKEN)
		stop.ready_ns = KT_MAX(ev->t_ns - (int64_t)d->wait_ns, stop.out_ns);
	if (stop.ready_ns != KT_NULL)
		stop.by_tid = kt_sched_cpu_who(c, stop.ready_ns, ev->t_ns);
	t->seen_ns = ev->t_ns;
	err = kt_task_hist_add(&t->hist, &s->budget, &stop);
	if (err || stop.ready_ns == KT_NULL)
		return err;
	last = kt_task_hist_last(&t->hist);
	ns = last->in_ns - last->ready_ns - last->irq_ns - last->softirq_ns;
	kt_sched_cpu_waited(c, ns);
	return add_delay(s, r, t, ev->run, stop.by_tid, ns, ev->t_ns);
}

static int on_switch(void *self, const struct kt_ev *ev)
{
	const struct kt_sched_switch *d = ev->data;
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	struct kt_sched_cpu *c = r && ev->cpu < MAX_CPUS ? get_cpu(s, r, ev) : NULL;
	int err = 0;

	if (!c)
		return r && ev->cpu >= MAX_CPUS ? 0 : -ENOMEM;
	if (c->is_known && c->tid && c->tid != d->prev_tid)
		lose_sight(r, c->tid, ev->cpu);
	if (d->prev_tid)
		err = goes(s, r, ev, c);
	if (!err)
		err = kt_sched_cpu_switch(c, s->e, ev->t_ns, d->prev_tid, d->next_tid);
	if (!err && d->next_tid)
		err = comes(s, r, ev, c);
	return err;
}

/* An interrupt on top of a task that runs. */
static int on_irq_span(void *self, const struct kt_ev *ev)
{
	const struct kt_irq_span *d = ev->data;
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	struct task *t = r ? kt_hash_get(&r->tasks, d->tid) : NULL;
	int64_t start = ev->t_ns - d->dur_ns;
	struct kt_stop stop = {
		.out_ns = start,
		.ready_ns = start,
		.in_ns = ev->t_ns,
		.in_cpu = ev->cpu,
	};

	if (!r)
		return -ENOMEM;
	if (!t || t->hist.off || !kt_task_hist_known(&t->hist))
		return 0;
	if (d->kind) {
		stop.softirq_ns = d->dur_ns;
		stop.softirq = d->nr;
	} else {
		stop.irq_ns = d->dur_ns;
		stop.irq = d->nr;
	}
	return kt_task_hist_add(&t->hist, &s->budget, &stop);
}

/* The tid has a new owner: the end of the one before was not seen. */
static int on_task_new(void *self, const struct kt_ev *ev)
{
	const struct kt_task_new *d = ev->data;
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	struct task *t = r ? kt_hash_get(&r->tasks, d->tid) : NULL;

	if (!r)
		return -ENOMEM;
	return t ? forget(s, r, t, KT_NULL) : 0;
}

static int on_task_exit(void *self, const struct kt_ev *ev)
{
	const struct kt_task_exit *d = ev->data;
	struct run *r = get_run(self, ev->run);
	struct task *t = r ? kt_hash_get(&r->tasks, d->tid) : NULL;

	if (!r)
		return -ENOMEM;
	if (t)
		t->exits = true;
	return 0;
}

/* ------------------------------------------------------------------ the service */

static const struct kt_task_hist *history(struct state *s, uint32_t run, uint32_t tid)
{
	const struct task *t = run < s->runs.n ? kt_hash_get(&s->runs.v[run]->tasks, tid) : NULL;

	return t && t->hist.n ? &t->hist : NULL;
}

static int svc_sums(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
		    struct kt_sums *ret)
{
	const struct kt_task_hist *h = history(self, run, tid);

	return h ? kt_task_hist_sums(h, from_ns, to_ns, ret) : -ENOENT;
}

static int svc_disturbances(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			    int (*fn)(void *arg, const struct kt_disturb *d), void *arg)
{
	const struct kt_task_hist *h = history(self, run, tid);

	return h ? kt_task_hist_disturbances(h, from_ns, to_ns, fn, arg) : -ENOENT;
}

static int svc_last_wait(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			 struct kt_wait *ret)
{
	const struct kt_task_hist *h = history(self, run, tid);

	return h ? kt_task_hist_last_wait(h, from_ns, to_ns, ret) : -ENOENT;
}

static const struct kt_svc_task service = {
	.sums = svc_sums,
	.disturbances = svc_disturbances,
	.last_wait = svc_last_wait,
};

/* ------------------------------------------------------------------ the tracker */

static int init(void *self, struct kt_engine *e)
{
	struct state *s = self;

	s->e = e;
	s->budget.max = MAX_STOPS;
	s->names = kt_service(e, "core", &s->names_self);
	if (!s->names)
		return -EINVAL;
	kt_service_provide(e, "sched", &service, self);
	return 0;
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	struct state *s = self;
	struct run *r = get_run(s, run);
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < r->cpus.n && !err; i++)
		if (r->cpus.v[i])
			err = kt_sched_cpu_end(r->cpus.v[i], s->e, end_ns);
	if (!err)
		err = write_delays(s, r, run);
	/* Taking one out moves others: look at the same slot again. */
	if (!err && r->gone)
		err = forget(s, r, r->gone, KT_NULL);
	for (size_t i = 0; r->tasks.slots && i <= r->tasks.mask && !err;) {
		struct task *t = r->tasks.slots[i].value;

		if (t)
			err = forget(s, r, t, end_ns);
		else
			i++;
	}
	return err;
}

static void finish(void *self)
{
	struct state *s = self;

	for (size_t k = 0; k < s->runs.n; k++) {
		struct run *r = s->runs.v[k];

		for (size_t i = 0; r->tasks.slots && i <= r->tasks.mask; i++) {
			struct task *t = r->tasks.slots[i].value;

			if (t)
				kt_task_hist_finish(&t->hist, &s->budget);
			free(t);
		}
		kt_hash_finish(&r->tasks);
		kt_keyed_finish(&r->delays);
		for (size_t i = 0; i < r->cpus.n; i++)
			free(r->cpus.v[i]);
		kt_vec_finish(&r->cpus);
		free(r);
	}
	kt_vec_finish(&s->runs);
}

static const char *const after[] = {"core", "bio", "request", NULL};
static const struct kt_table *const tables[] = {&task_table, &delay_table, &kt_sched_cpu_table,
						NULL};
static const struct kt_handler handlers[] = {
	{KT_EV_sched_switch, on_switch},
	{KT_EV_irq_span, on_irq_span},
	{KT_EV_task_new, on_task_new},
	{KT_EV_task_exit, on_task_exit},
	{0},
};

const struct kt_tracker kt_tracker_sched = {
	.family = "sched",
	.after = after,
	.tables = tables,
	.on = handlers,
	.state_size = sizeof(struct state),
	.init = init,
	.ended = ended,
	.finish = finish,
};
