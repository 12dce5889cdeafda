// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/sched/cpu.h"

#include "format/base/macros.h"
#include "format/base/time.h"

#define MAX_SECONDS 100000 /* seconds between two switches that get a row each */
#define MAX_WHO 16	   /* tasks distinguished in one wait: those that ran in it */

static const struct kt_col cols[] = {
	KT_COL(kt_cpu_second, run_id, KT_COL_INT, "", "the run"),
	KT_COL(kt_cpu_second, second, KT_COL_INT, "s", "since the epoch of the database"),
	KT_COL(kt_cpu_second, cpu, KT_COL_INT, "", "the CPU"),
	KT_COL(kt_cpu_second, run_ns, KT_COL_INT, "ns",
	       "it ran tasks, interrupts included; for the rest of the second it was idle; NULL: a "
	       "filter left out switches"),
	KT_COL(kt_cpu_second, n_switches, KT_COL_INT, "",
	       "context switches; with a filter, those recorded"),
	KT_COL(kt_cpu_second, n_waits, KT_COL_INT, "",
	       "of these, to a task that had waited for the CPU"),
	KT_COL(kt_cpu_second, runq_ns, KT_COL_INT, "ns",
	       "run-queue delay of those tasks; counted in the second in which they ran"),
	KT_COL(kt_cpu_second, max_runq_ns, KT_COL_INT, "ns", "the longest of these waits"),
};

const struct kt_table kt_sched_cpu_table = {
	.name = "sched_cpu",
	.doc = "what each CPU did, second by second; a second in which nothing changed has no row",
	.cols = cols,
	.n_cols = KT_ARRAY_SIZE(cols),
};

void kt_sched_cpu_init(struct kt_sched_cpu *c, uint32_t run, uint32_t cpu, int64_t start_ns,
		       bool filtered)
{
	*c = (struct kt_sched_cpu){.since_ns = start_ns, .filtered = filtered};
	c->now.run_id = run + 1;
	c->now.cpu = cpu;
	c->now.second = kt_second_of(start_ns);
}

static int write_second(struct kt_sched_cpu *c, struct kt_engine *e, int64_t next)
{
	struct kt_cpu_second *s = &c->now;
	int err = 0;

	if (c->filtered)
		s->run_ns = KT_NULL;
	if (s->n_switches || (s->run_ns && !c->filtered))
		err = kt_insert(e, &kt_sched_cpu_table, s);
	*s = (struct kt_cpu_second){.run_id = s->run_id, .cpu = s->cpu, .second = next};
	return err;
}

/* The task of the last switch ran until t_ns. */
static int account(struct kt_sched_cpu *c, struct kt_engine *e, int64_t t_ns, bool ran)
{
	bool busy = ran && !c->filtered;
	int64_t last = kt_second_of(t_ns), from = c->since_ns;
	int err = 0;

	/* Only a clock that jumped is this late: count all of it in the last second. */
	if (last - c->now.second > MAX_SECONDS)
		err = write_second(c, e, last);
	while (c->now.second < last && !err) {
		int64_t edge = (c->now.second + 1) * KT_NS_PER_S;

		if (busy)
			c->now.run_ns += edge - from;
		from = edge;
		err = write_second(c, e, busy ? c->now.second + 1 : last);
	}
	if (busy && t_ns > from)
		c->now.run_ns += t_ns - from;
	return err;
}

int kt_sched_cpu_switch(struct kt_sched_cpu *c, struct kt_engine *e, int64_t t_ns, uint32_t prev,
			uint32_t next)
{
	int err;

	t_ns = KT_MAX(t_ns, c->since_ns);
	c->turns[c->n_turns++ % KT_CPU_TURNS] = (struct kt_cpu_turn){
		c->since_ns, t_ns,
		c->filtered && (!c->is_known || c->tid != prev) ? KT_CPU_UNKNOWN : prev};
	err = account(c, e, t_ns, prev);
	c->now.n_switches++;
	c->since_ns = t_ns;
	c->tid = next;
	c->is_known = true;
	return err;
}

void kt_sched_cpu_waited(struct kt_sched_cpu *c, int64_t runq_ns)
{
	c->now.n_waits++;
	c->now.runq_ns += runq_ns;
	c->now.max_runq_ns = KT_MAX(c->now.max_runq_ns, runq_ns);
}

uint32_t kt_sched_cpu_who(const struct kt_sched_cpu *c, int64_t from_ns, int64_t to_ns)
{
	struct {
		uint32_t tid;
		int64_t ns;
	} who[MAX_WHO];
	unsigned int n = 0, most = 0, k;
	uint32_t first = c->n_turns > KT_CPU_TURNS ? c->n_turns - KT_CPU_TURNS : 0;

	if (c->ran_known)
		return c->ran_tid;
	for (uint32_t i = c->n_turns; i-- > first;) {
		const struct kt_cpu_turn *t = &c->turns[i % KT_CPU_TURNS];
		int64_t ns = KT_MIN(t->end_ns, to_ns) - KT_MAX(t->start_ns, from_ns);

		if (t->end_ns <= from_ns)
			break;
		if (!t->tid || t->tid == KT_CPU_UNKNOWN || ns <= 0)
			continue;
		for (k = 0; k < n && who[k].tid != t->tid; k++)
			;
		if (k == MAX_WHO)
			continue;
		if (k == n) {
			who[n].tid = t->tid;
			who[n++].ns = 0;
		}
		who[k].ns += ns;
		if (who[k].ns > who[most].ns)
			most = k;
	}
	if (!n || (c->filtered && who[most].ns * 2 < to_ns - from_ns))
		return 0;
	return who[most].tid;
}

int kt_sched_cpu_end(struct kt_sched_cpu *c, struct kt_engine *e, int64_t end_ns)
{
	int err = account(c, e, end_ns, c->is_known && c->tid);

	return err ? err : write_second(c, e, 0);
}
