// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker sched: who ran on each CPU, who waited for it, and who ran instead. It has no flows of its own: other families
 * ask what a task did while their flow was open (struct kt_svc_task), reports read its sums.
 *
 * A filter leaves out switches: a task that matches by itself has all of them (`followed`), other tasks only those while they work on
 * something that matches. So for the latter only single waits are known, and the time between them within one operation.
 *
 * Memory: a bounded history per task, MAX_STOPS in total; tasks are forgotten when they end.
 */
#include "analyze/engine/tracker.h"

#include <errno.h>
#include <stdlib.h>

#include "analyze/base/keyed.h"
#include "analyze/core/core_service.h"
#include "analyze/sched/cpu.h"
#include "analyze/sched/history.h"
#include "analyze/sched/rows.h"
#include "analyze/sched/sched_service.h"
#include "format/base/array.h"
#include "format/base/hash.h"
#include "format/base/macros.h"
#include "format/event.h"

#define MAX_STOPS (256u << 10)
#define MAX_TASKS (32u << 10) /* per run; more can be alive only if exits were lost */
#define MAX_CPUS 65536
#define MAX_DELAYS (16u << 10) /* pairs of tasks; beyond that, rows are written early */

/* ------------------------------------------------------------------ state */

struct task {
	struct kt_task_hist hist;
	struct kt_sums past; /* of histories before a gap */
	int64_t seen_ns;     /* its last event */
	uint32_t tid;
	uint32_t cpu; /* where it was last seen running */
	bool exits;
	bool followed; /* with a filter: part of its life is known without gaps; past covers only that */
	bool waited;  /* with a filter: a wait is known */
	uint8_t left; /* enum kt_task_state, while it is off the CPU */
	struct kt_sched_task_row row;
};

struct run {
	struct kt_hash tasks; /* tid */
	struct task *gone;    /* the last to leave for good, kept for later trackers; NULL = none */
	struct kt_keyed delays;
	KT_VEC(struct kt_sched_cpu *) cpus;
	bool filtered;
	int64_t forgot_ns; /* when a task that may continue was forgotten; KT_NULL: never */
};

struct state {
	struct kt_engine *e;
	struct kt_names names;
	struct kt_stop_budget budget;
	KT_VEC(struct run *) runs;
};

static struct run *get_run(struct state *s, uint32_t run)
{
	struct run *r = kt_vec_zeroed(&s->runs, run);

	if (kt_unlikely(r && !r->delays.key_size)) {
		kt_keyed_init(&r->delays, offsetof(struct kt_sched_delay, n),
			      sizeof(struct kt_sched_delay));
		r->filtered = kt_run_filtered(s->e, run);
		r->forgot_ns = KT_NULL;
	}
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
			kt_sched_cpu_init(c, ev->run, ev->cpu, kt_run_start(s->e, ev->run),
					  r->filtered);
	}
	return c;
}

/* ------------------------------------------------------------------ tasks */

/* Writes its rows and forgets it. end_ns KT_NULL: it did nothing since it was last seen. */
static int forget(struct state *s, struct run *r, struct task *t, int64_t end_ns)
{
	struct kt_sched_task_row *row = &t->row;
	struct kt_sums sums = t->past;
	int err;

	if (kt_task_hist_known(&t->hist)) {
		struct kt_sums last =
			kt_task_hist_total(&t->hist, end_ns == KT_NULL ? t->seen_ns : end_ns);

		kt_sums_add(&sums, &last);
	}
	row->run_ns = r->filtered && !t->followed ? KT_NULL : sums.run_ns;
	row->runq_ns = sums.runq_ns;
	row->irq_ns = sums.irq_ns;
	row->softirq_ns = sums.softirq_ns;
	row->sleep_ns = sums.sleep_ns;
	if (r->gone == t)
		r->gone = NULL;
	/* With a filter, most tasks are only known to have had a CPU at some time. */
	err = r->filtered && !t->followed && !t->waited
		      ? 0
		      : kt_insert(s->e, &kt_sched_task_table, row);
	kt_hash_del(&r->tasks, t->tid);
	kt_task_hist_finish(&t->hist, &s->budget);
	free(t);
	return err;
}

/* Too many: of a few, the one not seen for the longest time. */
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
	r->forgot_ns = KT_MAX(r->forgot_ns, oldest->seen_ns);
	return forget(s, r, oldest, KT_NULL);
}

static int get_task(struct state *s, struct run *r, const struct kt_ev *ev, uint32_t tid,
		    struct task **ret)
{
	struct task *t = kt_hash_get(&r->tasks, tid);
	int err = 0;

	/* Its number belongs to another task by now. */
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
	t->row.utid = KT_CALL(s->names, utid, ev->run, tid, 0);
	t->row.max_runq_at_ns = t->row.max_runq_by_utid = KT_NULL;
	*ret = t;
	return 0;
}

/* Neither what it did since it was last seen nor what it does now is known. */
static void break_off(struct task *t)
{
	if (kt_task_hist_known(&t->hist)) {
		struct kt_sums sums = kt_task_hist_total(&t->hist, t->seen_ns);

		kt_sums_add(&t->past, &sums);
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

/* The task that leaves the CPU is not the one last switched to: the latter left unseen, and may run elsewhere by now. */
static void lose_sight(struct run *r, uint32_t tid, uint32_t cpu)
{
	struct task *t = kt_hash_get(&r->tasks, tid);

	if (t && t->cpu == cpu && !t->hist.off)
		break_off(t);
}

/* A wait has ended: who ran instead? */
static int add_delay(struct state *s, struct run *r, struct task *t, uint32_t run, uint32_t by_tid,
		     int64_t ns, int64_t end_ns)
{
	int64_t by = by_tid ? KT_CALL(s->names, utid, run, by_tid, 0) : KT_NULL;
	const int64_t key[] = {t->row.utid, by};
	struct kt_sched_delay *d;
	int err = r->delays.n < MAX_DELAYS ? 0 : kt_sched_write_delays(s->e, &r->delays, run);

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

/* With a filter: is this switch of t in a part of its life that is known without gaps? */
static bool is_followed(struct task *t, const struct kt_sched_switch *d, uint8_t flag)
{
	if (!(d->flags & flag)) {
		break_off(t);
		return false;
	}
	if (!t->followed)
		t->past = (struct kt_sums){0};
	t->followed = true;
	return true;
}

static int goes(struct state *s, struct run *r, const struct kt_ev *ev, struct kt_sched_cpu *c)
{
	const struct kt_sched_switch *d = ev->data;
	struct task *t;
	int err = get_task(s, r, ev, d->prev_tid, &t);

	if (err)
		return err;
	if (r->filtered && !is_followed(t, d, KT_SWITCH_PREV_FOLLOWED))
		; /* what it did before is not known */
	/* It has run since the start; if events are missing, it is only known to run now. */
	else if (!c->is_known && !kt_task_hist_known(&t->hist) && !r->filtered)
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

/* With a filter: a time off the CPU of a task of which nothing else is known. */
static int add_apart(struct state *s, struct task *t, const struct kt_stop *stop)
{
	const struct kt_stop *last;
	int err = kt_task_hist_add_apart(&t->hist, &s->budget, stop);

	if (err)
		return err;
	kt_task_hist_break(&t->hist);
	last = kt_task_hist_last(&t->hist);
	if (t->followed || last->ready_ns == KT_NULL)
		return 0;
	t->waited = true;
	t->past.sleep_ns += last->ready_ns - last->out_ns;
	t->past.irq_ns += last->irq_ns;
	t->past.softirq_ns += last->softirq_ns;
	t->past.runq_ns += last->in_ns - last->ready_ns - last->irq_ns - last->softirq_ns;
	return 0;
}

/*
 * With a filter: when the task that comes left the CPU; KT_NULL: not known. It may have come and left unseen since it was last seen to
 * leave. A wait reported by a switch began while the task was working: it was seen to leave then.
 */
static int64_t left_ns(const struct task *t, const struct kt_sched_switch *d, int64_t t_ns)
{
	int64_t since = t_ns - (int64_t)d->wait_ns;

	if (d->wait_ns && d->flags & KT_SWITCH_PREEMPTED)
		return since;
	if (!t->hist.off || t->hist.waits || (d->wait_ns && since < t->hist.out_ns))
		return KT_NULL;
	return t->hist.out_ns;
}

static int comes(struct state *s, struct run *r, const struct kt_ev *ev, struct kt_sched_cpu *c)
{
	const struct kt_sched_switch *d = ev->data;
	const struct kt_stop *last;
	struct kt_stop stop;
	struct task *t;
	bool apart = false;
	int64_t ns;
	int err = get_task(s, r, ev, d->next_tid, &t);

	if (err)
		return err;
	t->cpu = ev->cpu;
	t->row.n_wakeups += !!(d->flags & KT_SWITCH_WOKEN);
	t->row.n_migrated += !!(d->flags & KT_SWITCH_MIGRATED);
	if (r->filtered) {
		int64_t out = left_ns(t, d, ev->t_ns);
		bool known = t->hist.off && kt_task_hist_known(&t->hist);

		apart = !is_followed(t, d, KT_SWITCH_NEXT_FOLLOWED);
		if (apart) {
			t->seen_ns = ev->t_ns;
			t->hist.off = out != KT_NULL;
			t->hist.out_ns = out;
			t->hist.waits = d->wait_ns && d->flags & KT_SWITCH_PREEMPTED;
			if (!t->hist.off)
				return 0;
		} else if (!known) {
			return restart(s, t, ev->t_ns);
		}
	}
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
	err = apart ? add_apart(s, t, &stop) : kt_task_hist_add(&t->hist, &s->budget, &stop);
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
	c->ran_known = false;
	return err;
}

/* With a filter: about the wait that the next switch of this CPU reports. */
static int on_ran(void *self, const struct kt_ev *ev)
{
	const struct kt_sched_ran *d = ev->data;
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	struct kt_sched_cpu *c = r && ev->cpu < MAX_CPUS ? get_cpu(s, r, ev) : NULL;

	if (!c)
		return r && ev->cpu >= MAX_CPUS ? 0 : -ENOMEM;
	c->ran_known = true;
	c->ran_tid = d->tid;
	return 0;
}

/* An interrupt on top of a running task. */
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
	int err;

	if (!r)
		return -ENOMEM;
	err = r->filtered && !t ? get_task(s, r, ev, d->tid, &t) : 0;
	if (err)
		return err;
	if (!t || (!r->filtered && (t->hist.off || !kt_task_hist_known(&t->hist))))
		return 0;
	if (d->kind) {
		stop.softirq_ns = d->dur_ns;
		stop.softirq = d->nr;
	} else {
		stop.irq_ns = d->dur_ns;
		stop.irq = d->nr;
	}
	if (r->filtered && (t->hist.off || !kt_task_hist_known(&t->hist)))
		return add_apart(s, t, &stop);
	return kt_task_hist_add(&t->hist, &s->budget, &stop);
}

/* A task that ends a call runs, and ran when the call began: the switch to it was not seen. */
static int on_io_call(void *self, const struct kt_ev *ev)
{
	const struct kt_io_call *d = ev->data;
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	struct task *t = r ? kt_hash_get(&r->tasks, d->tid) : NULL;
	int64_t start = ev->t_ns - (int64_t)d->dur_ns;

	if (!r)
		return -ENOMEM;
	if (kt_likely(!t || !t->hist.off || r->filtered))
		return 0;
	t->cpu = ev->cpu;
	return restart(s, t, start > t->hist.out_ns ? start : ev->t_ns);
}

/* The tid has a new owner: the end of the previous one was not seen. */
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

/* A thread that calls exec continues with the number of its process, whose first thread has ended. */
static int on_task_comm(void *self, const struct kt_ev *ev)
{
	const struct kt_task_comm *d = ev->data;
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	struct task *t = r && d->old_tid ? kt_hash_get(&r->tasks, d->old_tid) : NULL, *first;
	struct kt_sched_cpu *c;
	int err = 0;

	if (!r)
		return -ENOMEM;
	if (!t || ev->cpu >= MAX_CPUS)
		return 0;
	c = get_cpu(s, r, ev);
	first = kt_hash_get(&r->tasks, d->tid);
	if (first)
		err = forget(s, r, first, KT_NULL);
	kt_hash_del(&r->tasks, d->old_tid);
	if (err || !c || kt_hash_put(&r->tasks, d->tid, t)) {
		kt_task_hist_finish(&t->hist, &s->budget);
		free(t);
		return err ? err : -ENOMEM;
	}
	t->tid = d->tid;
	if (c->tid == d->old_tid)
		c->tid = d->tid;
	return 0;
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

/* With a filter, for a task in a call: without a history, it was seen to do nothing but run. NULL: not known. */
static const struct kt_task_hist *history_in_call(struct state *s, uint32_t run, uint32_t tid,
						  int64_t from_ns)
{
	static const struct kt_task_hist ran;
	struct run *r = get_run(s, run);
	const struct task *t = r ? kt_hash_get(&r->tasks, tid) : NULL;

	if (!r || !r->filtered)
		return NULL;
	return t ? &t->hist : from_ns > r->forgot_ns ? &ran : NULL;
}

static int svc_sums(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
		    bool in_call, struct kt_sums *ret)
{
	const struct kt_task_hist *h = history(self, run, tid);
	int err = h ? kt_task_hist_sums(h, from_ns, to_ns, ret) : -ENOENT;

	if (err != -ENOENT || !in_call)
		return err;
	h = history_in_call(self, run, tid, from_ns);
	return h ? kt_task_hist_sums_in_call(h, from_ns, to_ns, ret) : -ENOENT;
}

static int svc_disturbances(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			    bool in_call, int (*fn)(void *arg, const struct kt_disturb *d),
			    void *arg)
{
	const struct kt_task_hist *h = history(self, run, tid);
	int err = h ? kt_task_hist_disturbances(h, from_ns, to_ns, fn, arg) : -ENOENT;

	if (err != -ENOENT || !in_call)
		return err;
	h = history_in_call(self, run, tid, from_ns);
	return h ? kt_task_hist_disturbances_in_call(h, from_ns, to_ns, fn, arg) : -ENOENT;
}

static int svc_last_wait(void *self, uint32_t run, uint32_t tid, int64_t from_ns, int64_t to_ns,
			 struct kt_wait *ret)
{
	const struct kt_task_hist *h = history(self, run, tid);

	return h ? kt_task_hist_last_wait(h, from_ns, to_ns, ret) : -ENOENT;
}

static uint32_t svc_current(void *self, uint32_t run, uint32_t cpu)
{
	const struct state *s = self;
	const struct run *r = run < s->runs.n ? s->runs.v[run] : NULL;
	const struct kt_sched_cpu *c = r && cpu < r->cpus.n ? r->cpus.v[cpu] : NULL;

	return c && c->is_known ? c->tid : 0;
}

static const struct kt_svc_task service = {
	.sums = svc_sums,
	.disturbances = svc_disturbances,
	.last_wait = svc_last_wait,
	.current = svc_current,
};

/* ------------------------------------------------------------------ the tracker */

static int init(void *self, struct kt_engine *e)
{
	struct state *s = self;

	s->e = e;
	s->budget.max = MAX_STOPS;
	s->names.ops = kt_service(e, "core", &s->names.self);
	if (!s->names.ops)
		return -EINVAL;
	return kt_service_provide(e, "sched", &service, self);
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
		err = kt_sched_write_delays(s->e, &r->delays, run);
	/* Removing one moves others: check the same slot again. */
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

static const char *const after[] = {"core", NULL};
static const struct kt_table *const tables[] = {&kt_sched_task_table, &kt_sched_delay_table,
						&kt_sched_cpu_table, NULL};
static const struct kt_handler handlers[] = {
	{KT_EV_sched_switch, on_switch}, {KT_EV_sched_ran, on_ran},
	{KT_EV_io_call, on_io_call},	 {KT_EV_irq_span, on_irq_span},
	{KT_EV_task_new, on_task_new},	 {KT_EV_task_comm, on_task_comm},
	{KT_EV_task_exit, on_task_exit}, {0},
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
