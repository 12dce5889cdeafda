// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * sched: switches and wake-ups. What a waking knows waits in the woken task's storage and rides on the switch that
 * lets it run: these programs run at every switch of the machine, and one event less is what they cost least with.
 */
#include "bpf/filter/operations.h"
#include "bpf/io/call.h"

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
static __always_inline struct kt_task *mark_asked(struct task_struct *t, struct kt_task *s)
{
	bool asked;

	if ((t->flags & (KT_PF_KTHREAD | KT_PF_WQ_WORKER)) != KT_PF_KTHREAD)
		return s;
	asked = !kt_in_interrupt() && kt_works_for_wanted(bpf_get_current_task_btf());
	if (asked && !s)
		s = kt_task_try(t);
	if (s)
		s->asked = asked;
	return s;
}

/* t becomes runnable, by whoever is current. */
static __always_inline void on_runnable(struct task_struct *t)
{
	struct kt_task *s;
	struct kt_cpu *c;
	u8 flags = KT_SWITCH_WOKEN;

	s = kt_filter.kinds ? kt_task_find(t) : kt_task_try(t);
	if (kt_filter.kinds)
		s = mark_asked(t, s);
	if (kt_filter.kinds && !kt_at_work(s) && !(s && s->followed))
		return;
	c = kt_cpu_here();
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
	struct kt_hit hit;

	if (!kt_hit_begin(&hit, KT_HOOK_sched__sched_waking))
		return 0;
	if (is_asleep(t))
		on_runnable(t);
	return 0;
}

KT_PROG(sched, sched_wakeup_new, sched_wakeup_new, struct task_struct *t)
{
	struct kt_hit hit;

	if (kt_hit_begin(&hit, KT_HOOK_sched__sched_wakeup_new))
		on_runnable(t);
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

/* With filters: the last tasks that had this CPU, whether or not their switches are recorded. */
#define TURNS 8		 /* a power of two */
#define MIN_TOLD_NS 1000 /* who had it in a shorter wait is not told */

struct turns {
	struct {
		u64 since_ns, tid;
	} turn[TURNS];
	u64 n; /* so far */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct turns);
} kt_turns SEC(".maps");

static __always_inline void note_turn(u32 tid, u64 now)
{
	u32 zero = 0;
	struct turns *t = bpf_map_lookup_elem(&kt_turns, &zero);

	if (!t)
		return;
	t->turn[t->n % TURNS].since_ns = now;
	t->turn[t->n % TURNS].tid = tid;
	t->n++;
}

/* Who had this CPU the longest since then, if that is certain: of all that had it, or for half of the time. */
static __always_inline void tell_who_ran(struct kt_hit *hit, u64 since, u64 now)
{
	u32 zero = 0;
	struct turns *t = bpf_map_lookup_elem(&kt_turns, &zero);
	u64 end = now, longest = 0, tid = 0;
	struct kt_sched_ran *e;
	bool all = false;

	if (!t || now < since + MIN_TOLD_NS)
		return;
	for (u32 i = 1; i <= TURNS && i <= t->n && !all; i++) {
		u64 begin = t->turn[(t->n - i) % TURNS].since_ns;

		all = begin <= since;
		if (all)
			begin = since;
		if (end > begin && end - begin > longest) {
			longest = end - begin;
			tid = t->turn[(t->n - i) % TURNS].tid;
		}
		end = begin;
	}
	if (!all && longest * 2 < now - since)
		return;
	e = KT_RESERVE_MORE(hit, sched_ran);
	if (!e)
		return;
	e->tid = tid;
	e->ran_ns = longest;
	KT_SUBMIT(e);
}

/* It slept on its way back from a call, or as it exits: how far that has come. */
static __always_inline void tell_after(struct kt_hit *hit, struct task_struct *t, struct kt_task *k)
{
	struct kt_io_call *e = KT_RESERVE_MORE(hit, io_call);

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
	e->kind = KT_IO_KIND_AFTER;
	e->flags = 0;
	e->n_bios = 0;
	e->late = 0;
	KT_SUBMIT(e);
}

/* As of a task that did not wait. */
static __always_inline void fill_switch(struct kt_sched_switch *e, struct task_struct *prev,
					struct task_struct *next, u32 cpu, u8 left, u8 flags)
{
	e->prev_tid = prev->pid;
	e->next_tid = next->pid;
	e->wait_ns = 0;
	e->waker_tid = 0;
	e->irq_ns = e->softirq_ns = 0;
	e->wake_cpu = cpu;
	e->prev_state = left;
	e->flags = flags;
	e->irq = e->softirq = 0;
}

/*
 * No interrupt is left open across a switch: what seems so is one whose end was not seen, since programs are
 * attached one after the other.
 */
static __always_inline void close_interrupts(struct kt_cpu *c)
{
	if (c->hard_ns)
		c->hard_ns = 0;
	if (c->soft_ns)
		c->soft_ns = 0;
}

KT_PROG(sched, sched_switch, sched_switch, bool preempt, struct task_struct *prev,
	struct task_struct *next, unsigned int prev_state)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct kt_task *ns = NULL, *ps = NULL;
	u8 left = how_it_left(preempt, prev, prev_state), followed = 0;
	u64 now, since = 0;
	struct kt_sched_switch *e;
	struct kt_hit hit;
	struct kt_cpu *c;

	if (!kt_hit_begin(&hit, KT_HOOK_sched__sched_switch))
		return 0;
	c = kt_cpu_here();
	if (!c)
		return 0;
	if (next->pid)
		ns = kt_task_find(next);
	if (kt_filter.kinds) {
		/* Only who is wanted, or at work on what is: in its way, and out of it. */
		ps = prev->pid ? kt_task_find(prev) : NULL;
		if (kt_is_followed(next, ns))
			followed = KT_SWITCH_NEXT_FOLLOWED;
		if (kt_is_followed(prev, ps))
			followed |= KT_SWITCH_PREV_FOLLOWED;
		if (!followed && !kt_at_work(ns) && !kt_at_work(ps) && !(ns && ns->after) &&
		    !(ps && ps->after)) {
			/* It runs: what is recorded of its next wait did not begin before. */
			if (ns)
				ns->wait_ns = 0;
			note_turn(next->pid, bpf_ktime_get_ns());
			kt_hit_filtered(&hit);
			goto clear;
		}
		if (left != KT_TASK_RUNNABLE)
			ps = NULL;
	} else if (left == KT_TASK_RUNNABLE) {
		ps = kt_task_try(prev);
	}
	if (kt_filter.kinds && ns && ns->wait_ns)
		tell_who_ran(&hit, ns->wait_ns, bpf_ktime_get_ns());
	e = KT_RESERVE(&hit, sched_switch);
	now = e ? e->ts_ns : bpf_ktime_get_ns();
	if (kt_filter.kinds)
		note_turn(next->pid, now);
	if (ps) {
		ps->wait_ns = now;
		ps->wait_flags = KT_SWITCH_PREEMPTED;
		ps->waker_tid = 0;
		ps->wake_cpu = cpu;
	}
	if (e) {
		fill_switch(e, prev, next, cpu, left, followed);
	}
	if (ns) {
		since = ns->wait_ns;
		if (e && since) {
			/* A waking is not ordered with this CPU's clock to the last nanosecond. */
			e->wait_ns = now > since ? now - since : 1;
			e->waker_tid = ns->waker_tid;
			e->wake_cpu = ns->wake_cpu;
			e->flags = ns->wait_flags | followed;
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
			tell_after(&hit, next, ns);
	}
clear:
	close_interrupts(c);
	return 0;
}
