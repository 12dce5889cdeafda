// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sched: switches and wake-ups. What a waking knows waits in the woken task's storage and rides on the switch that
 * lets it run: these programs run at every switch of the machine, and one event less is what they cost least with.
 */
#include "bpf/filter_call.h"

#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_NOLOAD 0x400 /* with UNINTERRUPTIBLE: a kernel thread that has nothing to do */

static __always_inline bool is_asleep(struct task_struct *t)
{
	if (!t->on_rq)
		return true;
	return bpf_core_field_exists(t->se.sched_delayed) && t->se.sched_delayed;
}

/*
 * Filters: a kernel thread is woken. If that is for a task at work on what is wanted, what it is asked for is wanted, too: a journal's
 * commit.
 */
static __always_inline struct kt_task *ask(struct task_struct *t, struct kt_task *s)
{
	bool asked;

	if ((t->flags & (KT_PF_KTHREAD | KT_PF_WQ_WORKER)) != KT_PF_KTHREAD)
		return s;
	asked = !kt_in_interrupt() && kt_works_for_wanted(bpf_get_current_task_btf());
	if (asked && !s)
		s = kt_task_get(t);
	if (s)
		s->asked = asked;
	return s;
}

/* t becomes runnable, by whoever is current. */
static __always_inline void runnable(struct task_struct *t)
{
	struct kt_task *s;
	struct kt_cpu *c;
	u32 zero = 0;
	u8 flags = KT_SWITCH_WOKEN;

	s = bpf_task_storage_get(&kt_tasks, t, NULL,
				 kt_filter.kinds ? 0 : BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (kt_filter.kinds)
		s = ask(t, s);
	if (kt_filter.kinds && !kt_at_work(s))
		return;
	c = bpf_map_lookup_elem(&kt_cpus, &zero);
	if (!s || !c)
		return;
	if (c->hard_ns)
		flags |= KT_SWITCH_BY_IRQ;
	else if (c->soft_ns)
		flags |= KT_SWITCH_BY_SOFTIRQ;
	s->waker_tid = bpf_get_current_task_btf()->pid;
	s->wake_cpu = bpf_get_smp_processor_id();
	s->wait_flags = flags;
	s->wait_ns = bpf_ktime_get_ns();
}

/* Also called for a task that only was about to sleep, or runs: it goes on, and waits for nothing new. */
KT_PROG(sched, sched_waking, sched_waking, struct task_struct *t)
{
	struct kt_run r;

	if (!kt_run_begin(&r, KT_HOOK_sched__sched_waking))
		return 0;
	if (is_asleep(t))
		runnable(t);
	return 0;
}

KT_PROG(sched, sched_wakeup_new, sched_wakeup_new, struct task_struct *t)
{
	struct kt_run r;

	if (kt_run_begin(&r, KT_HOOK_sched__sched_wakeup_new))
		runnable(t);
	return 0;
}

static __always_inline u8 how_it_left(bool preempt, struct task_struct *prev, u32 state)
{
	if (!prev->pid)
		return KT_TASK_OTHER;
	if (preempt || !state)
		return KT_TASK_RUNNABLE;
	if (state & TASK_INTERRUPTIBLE)
		return KT_TASK_SLEEP;
	if ((state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE)
		return KT_TASK_DISK;
	return KT_TASK_OTHER;
}

/* What interrupts took of this CPU since a time, as far as the last few spans tell. */
static __always_inline void interrupts_since(struct kt_cpu *c, u64 since_ns,
					     struct kt_sched_switch *e)
{
	u32 n = c->n_spans;
	u64 most[2] = {0, 0};

	for (u32 i = 0; i < KT_CPU_SPANS; i++) {
		struct kt_cpu_span *p = &c->spans[--n % KT_CPU_SPANS];
		u64 ns;

		if (p->end_ns <= since_ns)
			break;
		ns = p->end_ns - (p->start_ns > since_ns ? p->start_ns : since_ns);
		if (p->soft) {
			e->softirq_ns += ns;
			if (ns > most[1]) {
				most[1] = ns;
				e->softirq = p->nr;
			}
		} else {
			e->irq_ns += ns;
			if (ns > most[0]) {
				most[0] = ns;
				e->irq = p->nr;
			}
		}
	}
}

/* It slept on its way back from a call, or as it exits: how far that has come. */
static __always_inline void tell_after(struct kt_run *r, struct task_struct *t, struct kt_task *k)
{
	struct kt_io_call *e = KT_RESERVE_MORE(r, io_call);

	if (!e)
		return;
	e->tid = t->pid;
	e->dur_ns = e->ts_ns - k->after_ns;
	e->ino = 0;
	e->offset = -1;
	e->size = 0;
	e->result = 0;
	e->cgroup = t->cgroups->dfl_cgrp->kn->id;
	e->tgid = t->tgid;
	e->ino_dev = 0;
	e->dev = 0;
	e->op = k->after_op;
	e->kind = KT_IO_AFTER;
	e->flags = 0;
	e->n_bios = 0;
	e->reserved = 0;
	KT_SUBMIT(e);
}

KT_PROG(sched, sched_switch, sched_switch, bool preempt, struct task_struct *prev,
	struct task_struct *next, unsigned int prev_state)
{
	u32 zero = 0, cpu = bpf_get_smp_processor_id();
	struct kt_task *ns = NULL, *ps = NULL;
	u8 left = how_it_left(preempt, prev, prev_state);
	u64 now, since = 0;
	struct kt_sched_switch *e;
	struct kt_run r;
	struct kt_cpu *c;

	if (!kt_run_begin(&r, KT_HOOK_sched__sched_switch))
		return 0;
	c = bpf_map_lookup_elem(&kt_cpus, &zero);
	if (!c)
		return 0;
	if (next->pid)
		ns = bpf_task_storage_get(&kt_tasks, next, NULL, 0);
	if (kt_filter.kinds) {
		/* Only who is at work on what is wanted: in its way, and out of it. */
		ps = prev->pid ? bpf_task_storage_get(&kt_tasks, prev, NULL, 0) : NULL;
		if (!kt_at_work(ns) && !kt_at_work(ps) && !(ns && ns->after) &&
		    !(ps && ps->after)) {
			kt_run_filtered(&r);
			goto clear;
		}
		if (left != KT_TASK_RUNNABLE)
			ps = NULL;
	} else if (left == KT_TASK_RUNNABLE) {
		ps = bpf_task_storage_get(&kt_tasks, prev, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	}
	e = KT_RESERVE(&r, sched_switch);
	now = e ? e->ts_ns : bpf_ktime_get_ns();
	if (ps) {
		ps->wait_ns = now;
		ps->wait_flags = KT_SWITCH_PREEMPTED;
		ps->waker_tid = 0;
		ps->wake_cpu = cpu;
	}
	if (e) {
		e->prev_tid = prev->pid;
		e->next_tid = next->pid;
		e->wait_ns = 0;
		e->waker_tid = 0;
		e->irq_ns = e->softirq_ns = 0;
		e->wake_cpu = cpu;
		e->prev_state = left;
		e->flags = 0;
		e->irq = e->softirq = 0;
	}
	if (ns) {
		since = ns->wait_ns;
		if (e && since) {
			/* A waking is not ordered with this CPU's clock to the last nanosecond. */
			e->wait_ns = now > since ? now - since : 1;
			e->waker_tid = ns->waker_tid;
			e->wake_cpu = ns->wake_cpu;
			e->flags = ns->wait_flags;
			if (c->n_spans)
				interrupts_since(c, since, e);
		}
		if (e && ns->last_cpu && ns->last_cpu != cpu + 1)
			e->flags |= KT_SWITCH_MIGRATED;
		ns->last_cpu = cpu + 1;
		ns->wait_ns = 0;
	}
	if (e)
		KT_SUBMIT(e);
	if (ns && ns->after) {
		if (!kt_after_is_on(ns, next))
			ns->after = 0;
		else if (since && (ns->wait_flags & KT_SWITCH_WOKEN))
			tell_after(&r, next, ns);
	}
clear:
	/*
	 * No interrupt is left open across a switch: what seems so is one whose end was not seen, since programs are
	 * attached one after the other.
	 */
	if (c->hard_ns)
		c->hard_ns = 0;
	if (c->soft_ns)
		c->soft_ns = 0;
	return 0;
}
