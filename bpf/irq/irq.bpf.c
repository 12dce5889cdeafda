// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * irq: hard and soft interrupts. All are summed up, by CPU and number, and the sums handed over now and then. An interrupt becomes
 * an event only where it took time from a task that was at work on an operation. The last few spans are left in
 * struct kt_cpu, for the switch that comes after them.
 *
 * Programs of hard interrupts run with interrupts off. Those of soft ones run with them on: a hard interrupt may come in the
 * middle, so what both write is written by atomic operations.
 */
#include "bpf/filter/operations.h"

KT_KERNEL_ENUM(BLOCK_SOFTIRQ, 4);

#define HARD 0
#define SOFT 1
/* A power of two; a CPU serves few lines: two that share a slot cost events, not counts. */
#define HARD_SLOTS 64
#define SOFT_SLOTS 16 /* vectors; there are 10 */

struct sum {
	u64 time_ns, max_ns;
	u32 n, nr;
};

struct sums {
	struct sum hard[HARD_SLOTS], soft[SOFT_SLOTS];
	u64 soft_ns; /* what the soft interrupt that runs took before soft_ns of struct kt_cpu */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sums);
} irq_sums SEC(".maps");

/* Puts it into the ring and empties it. */
static __always_inline void hand_over(struct kt_hit *hit, struct sum *s, u32 kind)
{
	struct kt_irq_sum *e;

	if (!s->n && !s->time_ns)
		return;
	e = KT_RESERVE_MORE(hit, irq_sum);
	if (!e)
		return; /* it stays for the next time: nothing is missing yet */
	e->nr = s->nr;
	e->n = __sync_lock_test_and_set(&s->n, 0);
	e->time_ns = __sync_lock_test_and_set(&s->time_ns, 0);
	e->max_ns = __sync_lock_test_and_set(&s->max_ns, 0);
	e->kind = kind;
	KT_SUBMIT(e);
}

/* The verifier must see the bound where it is used; the compiler would take it out as known. */
static __always_inline struct sum *soft_sum(struct sums *all, u32 vec)
{
	barrier_var(vec);
	return &all->soft[vec % SOFT_SLOTS];
}

static __always_inline bool at_work(struct task_struct *t)
{
	struct kt_task *s = t->pid ? kt_task_find(t) : NULL;

	return kt_at_work(s);
}

/* An interrupt, or a part of one, that began at start_ns ends now. Returns when that is. */
static __always_inline u64 end_span(struct kt_hit *hit, struct kt_cpu *c, u64 start_ns, u32 kind,
				    u32 nr)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct kt_cpu_span *p;
	u64 now;

	if (at_work(t)) {
		struct kt_irq_span *e = KT_RESERVE(hit, irq_span);

		now = e ? e->ts_ns : bpf_ktime_get_ns();
		if (e) {
			e->tid = t->pid;
			e->dur_ns = now - start_ns;
			e->kind = kind;
			e->nr = nr;
			KT_SUBMIT(e);
		}
	} else {
		now = bpf_ktime_get_ns();
		kt_hit_filtered(hit);
	}
	p = &c->spans[__sync_fetch_and_add(&c->n_spans, 1) % KT_CPU_SPANS];
	p->start_ns = start_ns;
	p->end_ns = now;
	p->nr = nr;
	p->soft = kind == SOFT;
	return now;
}

/* A line that several devices share runs each one's handler; the kernel counts it once: so does this, with the last. */
KT_PROG(irq, irq_handler_entry, irq_handler_entry, int nr, struct irqaction *action)
{
	u32 zero = 0;
	struct kt_hit hit;
	struct kt_cpu *c;
	struct sums *all;
	struct sum *s;
	u64 now;

	if (!kt_hit_begin(&hit, KT_HOOK_irq__irq_handler_entry))
		return 0;
	c = kt_cpu_here();
	all = bpf_map_lookup_elem(&irq_sums, &zero);
	if (!c || !all)
		return 0;
	if (c->soft_ns) {
		now = end_span(&hit, c, c->soft_ns, SOFT, c->soft_nr);
		all->soft_ns += now - c->soft_ns;
		c->soft_ns = now;
	} else {
		now = bpf_ktime_get_ns();
		kt_hit_filtered(&hit);
	}
	c->hard_nr = nr;
	c->hard_ns = now;
	s = &all->hard[(u32)nr % HARD_SLOTS];
	if (s->nr != (u32)nr) {
		hand_over(&hit, s, HARD);
		if (s->n || s->time_ns)
			return 0; /* no room: this one is not counted */
		s->nr = nr;
	}
	if (!action->next)
		s->n++;
	return 0;
}

KT_PROG(irq, irq_handler_exit, irq_handler_exit, int nr)
{
	u32 zero = 0;
	struct kt_hit hit;
	struct kt_cpu *c;
	struct sums *all;
	struct sum *s;
	u64 now, ns;

	if (!kt_hit_begin(&hit, KT_HOOK_irq__irq_handler_exit))
		return 0;
	c = kt_cpu_here();
	all = bpf_map_lookup_elem(&irq_sums, &zero);
	if (!c || !all)
		return 0;
	if (!c->hard_ns) {
		kt_hit_filtered(&hit);
		return 0;
	}
	now = end_span(&hit, c, c->hard_ns, HARD, nr);
	ns = now - c->hard_ns;
	c->hard_ns = 0;
	if (c->soft_ns)
		c->soft_ns = now;
	s = &all->hard[(u32)nr % HARD_SLOTS];
	if (s->nr == (u32)nr) {
		s->time_ns += ns;
		if (ns > s->max_ns)
			s->max_ns = ns;
	}
	return 0;
}

/* Which hard interrupt brought the requests that BLOCK_SOFTIRQ will complete? None, where one was not seen. */
KT_PROG(irq, softirq_raise, softirq_raise, unsigned int vec)
{
	struct kt_hit hit;
	struct kt_cpu *c;

	if (!kt_hit_begin(&hit, KT_HOOK_irq__softirq_raise) || vec != kt_enum_BLOCK_SOFTIRQ)
		return 0;
	c = kt_cpu_here();
	if (!c)
		return 0;
	c->raise_ns = c->hard_ns;
	c->raise_nr = c->hard_nr;
	return 0;
}

KT_PROG(irq, softirq_entry, softirq_entry, unsigned int vec)
{
	u32 zero = 0;
	struct kt_hit hit;
	struct kt_cpu *c;
	struct sums *all;
	struct sum *s;

	if (!kt_hit_begin(&hit, KT_HOOK_irq__softirq_entry))
		return 0;
	c = kt_cpu_here();
	all = bpf_map_lookup_elem(&irq_sums, &zero);
	if (!c || !all || vec >= SOFT_SLOTS)
		return 0;
	c->cause_ns = 0;
	if (vec == kt_enum_BLOCK_SOFTIRQ) {
		c->cause_ns = c->raise_ns;
		c->cause_nr = c->raise_nr;
		c->raise_ns = 0;
	}
	s = soft_sum(all, vec);
	__sync_fetch_and_add(&s->n, 1);
	s->nr = vec;
	all->soft_ns = 0;
	c->soft_nr = vec;
	c->soft_ns = bpf_ktime_get_ns();
	return 0;
}

KT_PROG(irq, softirq_exit, softirq_exit, unsigned int vec)
{
	u32 zero = 0;
	struct kt_hit hit;
	struct kt_cpu *c;
	struct sums *all;
	struct sum *s;
	u64 start, ns;

	if (!kt_hit_begin(&hit, KT_HOOK_irq__softirq_exit))
		return 0;
	c = kt_cpu_here();
	all = bpf_map_lookup_elem(&irq_sums, &zero);
	if (!c || !all || vec >= SOFT_SLOTS)
		return 0;
	start = __sync_lock_test_and_set(&c->soft_ns, 0);
	if (!start) {
		kt_hit_filtered(&hit);
		return 0;
	}
	ns = all->soft_ns + end_span(&hit, c, start, SOFT, vec) - start;
	c->cause_ns = 0;
	s = soft_sum(all, vec);
	__sync_fetch_and_add(&s->time_ns, ns);
	if (ns > s->max_ns)
		s->max_ns = ns;
	return 0;
}

/* A function of its own, which the verifier looks at once instead of once a slot. */
__noinline int irq__hand_over_slot(u32 slot)
{
	u32 zero = 0;
	struct sums *all = bpf_map_lookup_elem(&irq_sums, &zero);
	struct kt_hit hit;

	if (!all || !kt_flush_begin(&hit))
		return 0;
	if (slot < HARD_SLOTS)
		hand_over(&hit, &all->hard[slot], HARD);
	else
		hand_over(&hit, soft_sum(all, slot - HARD_SLOTS), SOFT);
	return 0;
}

KT_FLUSH(irq)
{
	for (u32 i = 0; i < HARD_SLOTS + SOFT_SLOTS; i++)
		irq__hand_over_slot(i);
	return 0;
}
