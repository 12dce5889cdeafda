// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The tracker irq: time taken by interrupts, by CPU and number, second by second; their names; and whether the kernel counted as
 * many. What single interrupts took from a working task is handled by sched.
 */
#include "analyze/engine/tracker.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/base/keyed.h"
#include "analyze/irq/irq_service.h"
#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/base/time.h"
#include "format/event.h"

#define MAX_NR 65536 /* events have 16 bits for it */
#define N_VECTORS 10

/* Of every kernel since 2.6.30; used if the context has none. */
static const char *const vectors[N_VECTORS] = {"HI",	   "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
					       "IRQ_POLL", "TASKLET", "SCHED",	"HRTIMER", "RCU"};

/* ------------------------------------------------------------------ table */

struct load_row {
	int64_t run_id, second, cpu;
	const char *kind;
	int64_t nr;
	const char *name;
	int64_t n, time_ns, max_ns;
};

static const struct kt_col load_cols[] = {
	KT_COL(load_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(load_row, second, KT_COL_INT, "s",
	       "since the epoch of the database; when the sum ends: it covers about the second "
	       "before that"),
	KT_COL(load_row, cpu, KT_COL_INT, "", "the CPU"),
	KT_COL(load_row, kind, KT_COL_TEXT, "", "hard | soft"),
	KT_COL(load_row, nr, KT_COL_INT, "",
	       "number of the hard interrupt, vector of the soft one"),
	KT_COL(load_row, name, KT_COL_TEXT, "", "as in /proc/interrupts and /proc/softirqs"),
	KT_COL(load_row, n, KT_COL_INT, "", "how often it ran"),
	KT_COL(load_row, time_ns, KT_COL_INT, "ns",
	       "how long its handlers ran, without nested interrupts"),
	KT_COL(load_row, max_ns, KT_COL_INT, "ns", "the longest"),
};

static const struct kt_table load_table = {
	.name = "irq_load",
	.doc = "interrupts second by second; several rows of one key add up",
	.cols = load_cols,
	.n_cols = KT_ARRAY_SIZE(load_cols),
};

/* ------------------------------------------------------------------ state */

/* The current sums; the first three members are the key. */
struct load {
	uint64_t cpu, soft, nr;
	int64_t second, n, time_ns, max_ns;
};

/* When the kernel's counters were read: before and after recording was switched on, and off. */
enum reading {
	AT_START,
	AT_END,
	WHEN_ON,  /* right after recording was switched on */
	WHEN_OFF, /* right before it was switched off */
	N_READINGS,
};

/* What the kernel counted, all CPUs; the first two members are the key. */
struct line {
	uint64_t soft, nr;
	char *name;
	int64_t kernel[N_READINGS];
	int64_t traced;
	int64_t most;  /* the most on one CPU in one second */
	char text[24]; /* if there is no name */
};

struct run {
	struct kt_keyed loads;
	KT_VEC(struct line *) lines[2]; /* hard, soft; by number */
	bool has[2][N_READINGS];	/* of interrupts, of softirqs */
	int64_t edges_ns; /* both together: time between reading these and the switch */
};

struct state {
	struct kt_engine *e;
	KT_VEC(struct run *) runs;
};

static struct run *get_run(struct state *s, uint32_t run)
{
	struct run *r = kt_vec_zeroed(&s->runs, run);

	if (kt_unlikely(r && !r->loads.key_size))
		kt_keyed_init(&r->loads, offsetof(struct load, second), sizeof(struct load));
	return r;
}

static struct line *get_line(struct run *r, bool soft, uint32_t nr)
{
	struct line *l;

	if (nr >= MAX_NR)
		return NULL;
	while (r->lines[soft].n <= nr)
		if (kt_vec_push(&r->lines[soft], NULL))
			return NULL;
	l = r->lines[soft].v[nr];
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->soft = soft;
	l->nr = nr;
	snprintf(l->text, sizeof(l->text), "%s %u", soft ? "softirq" : "irq", nr);
	return r->lines[soft].v[nr] = l;
}

static const char *name_of(const struct line *l)
{
	if (l->name)
		return l->name;
	return l->soft && l->nr < N_VECTORS ? vectors[l->nr] : l->text;
}

/* ------------------------------------------------------------------ events */

static int write_load(struct state *s, struct run *r, uint32_t run, struct load *x)
{
	struct line *l = get_line(r, x->soft, x->nr);
	struct load_row row = {
		.run_id = run + 1,
		.second = x->second,
		.cpu = x->cpu,
		.kind = x->soft ? "soft" : "hard",
		.nr = x->nr,
		.name = l ? name_of(l) : NULL,
		.n = x->n,
		.time_ns = x->time_ns,
		.max_ns = x->max_ns,
	};
	int err = 0;

	if (x->n || x->time_ns)
		err = kt_insert(s->e, &load_table, &row);
	x->n = x->time_ns = x->max_ns = 0;
	return err;
}

static int on_irq_sum(void *self, const struct kt_ev *ev)
{
	const struct kt_irq_sum *d = ev->data;
	const uint64_t key[] = {ev->cpu, !!d->kind, d->nr};
	struct state *s = self;
	struct run *r = get_run(s, ev->run);
	int64_t second = kt_second_of(ev->t_ns);
	struct load *x;
	struct line *l;
	int err = 0;

	if (!r)
		return -ENOMEM;
	if (d->nr >= MAX_NR)
		return 0;
	x = kt_keyed_get(&r->loads, key);
	l = get_line(r, d->kind, d->nr);
	if (!x || !l)
		return -ENOMEM;
	if (x->second != second)
		err = write_load(s, r, ev->run, x);
	x->second = second;
	x->n += d->n;
	l->most = KT_MAX(l->most, x->n);
	x->time_ns += d->time_ns;
	x->max_ns = KT_MAX(x->max_ns, (int64_t)d->max_ns);
	l->traced += d->n;
	return err;
}

/* ------------------------------------------------------------------ context */

/* Cuts off the next line of the text; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text, *end = line + strcspn(line, "\n");

	if (!*line)
		return NULL;
	*text = *end ? end + 1 : end;
	*end = '\0';
	return line;
}

static char *skip_blanks(char *s)
{
	return s + strspn(s, " ");
}

/*
 * Takes the counts of up to n CPUs off a line and adds them up. A line that is not counted per CPU has fewer, and no name that
 * begins with a digit.
 */
static int64_t take_counts(char **s, unsigned int n)
{
	int64_t sum = 0;

	for (unsigned int i = 0; i < n; i++) {
		char *p = skip_blanks(*s);

		if (!isdigit((unsigned char)*p))
			break;
		sum += strtoull(p, s, 10);
	}
	return sum;
}

/* "PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0": what follows the last gap; "a, b" where devices share it. */
static char *last_part(char *s)
{
	char *end = s + strlen(s), *gap;

	while (end > s && end[-1] == ' ')
		*--end = '\0';
	while ((gap = strstr(s, "  ")))
		s = skip_blanks(gap);
	return skip_blanks(s);
}

/* One of the two files: lines `name: count of each CPU … text`. */
static int read_counts(struct run *r, bool soft, enum reading when, char *text)
{
	char *head = next_line(&text), *s;
	unsigned int n_cpus = 0, row = 0;

	for (s = head; s && (s = strstr(s, "CPU")); s += 3)
		n_cpus++;
	while ((s = next_line(&text))) {
		char *name = skip_blanks(s), *colon = strchr(name, ':'), *stop;
		struct line *l;
		uint32_t nr = row++;
		int64_t n;

		if (!colon)
			continue;
		*colon = '\0';
		if (!soft) {
			nr = strtoul(name, &stop, 10);
			if (*stop || stop == name)
				continue; /* not an interrupt line: NMI, LOC, … */
		}
		if (nr >= MAX_NR)
			continue;
		l = get_line(r, soft, nr);
		if (!l)
			return -ENOMEM;
		s = colon + 1;
		n = take_counts(&s, n_cpus);
		l->kernel[when] = n;
		name = soft ? name : last_part(s);
		if (*name && !l->name) {
			l->name = strdup(name);
			if (!l->name)
				return -ENOMEM;
		}
	}
	r->has[soft][when] = true;
	return 0;
}

static void read_edges(struct run *r, char *text)
{
	char *line;

	r->edges_ns = 0;
	while ((line = next_line(&text))) {
		const char *tab = strchr(line, '\t');

		if (tab)
			r->edges_ns += strtoull(tab, NULL, 10);
	}
}

static int context(void *self, uint32_t run, uint32_t phase, const char *name, const void *data,
		   size_t len)
{
	static const struct {
		const char *name;
		uint32_t phase;
		bool soft;
		enum reading when;
	} files[] = {
		{"counters/interrupts", 0, false, AT_START},
		{"counters/interrupts.on", 0, false, WHEN_ON},
		{"counters/interrupts.off", 2, false, WHEN_OFF},
		{"counters/interrupts", 2, false, AT_END},
		{"counters/softirqs", 0, true, AT_START},
		{"counters/softirqs.on", 0, true, WHEN_ON},
		{"counters/softirqs.off", 2, true, WHEN_OFF},
		{"counters/softirqs", 2, true, AT_END},
	};
	bool edges = !strcmp(name, "counters/edges");
	size_t i = 0;
	struct run *r;
	char *text;
	int err = 0;

	while (i < KT_ARRAY_SIZE(files) && (files[i].phase != phase || strcmp(files[i].name, name)))
		i++;
	if (!edges && i == KT_ARRAY_SIZE(files))
		return 0;
	r = get_run(self, run);
	text = strndup(data, len);
	if (!r || !text)
		err = -ENOMEM;
	else if (edges)
		read_edges(r, text);
	else
		err = read_counts(r, files[i].soft, files[i].when, text);
	free(text);
	return err;
}

/* ------------------------------------------------------------------ the end */

/* Interrupts between the readings on either side of the switch. Older recordings have only one reading: estimated at the run's own rate. */
static int64_t edge_of(const struct run *r, bool soft, const struct line *l, int64_t kernel,
		       int64_t dur_ns)
{
	if (r->has[soft][WHEN_ON] && r->has[soft][WHEN_OFF])
		return l->kernel[WHEN_ON] - l->kernel[AT_START] + l->kernel[AT_END] -
		       l->kernel[WHEN_OFF];
	return dur_ns > 0 ? (int64_t)((double)kernel * r->edges_ns / dur_ns) : 0;
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	static const char *const hooks[] = {"irq_handler_exit", "softirq_exit"};
	struct state *s = self;
	struct run *r = get_run(s, run);
	int64_t dur = end_ns - kt_run_start(s->e, run);
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; !err && i < r->loads.n; i++)
		err = write_load(s, r, run, kt_keyed_at(&r->loads, i));
	if (!r->loads.n) /* not recorded: every run has some */
		return err;
	for (unsigned int soft = 0; soft < 2; soft++) {
		if (!r->has[soft][AT_START] || !r->has[soft][AT_END])
			continue;
		for (size_t i = 0; !err && i < r->lines[soft].n; i++) {
			const struct line *l = r->lines[soft].v[i];
			int64_t kernel, edge, traced;
			char text[128];

			if (!l || (!l->traced && l->kernel[AT_END] == l->kernel[AT_START]))
				continue;
			kernel = l->kernel[AT_END] - l->kernel[AT_START];
			edge = edge_of(r, soft, l, kernel, dur);
			if (soft)
				snprintf(text, sizeof(text), "softirqs %.100s", name_of(l));
			else
				snprintf(text, sizeof(text), "interrupts %u %.100s",
					 (unsigned int)l->nr, name_of(l));
			traced = kt_run_hooked(s->e, run, "irq", hooks[soft]) ? l->traced : KT_NULL;
			err = kt_audit(s->e, run, text, kernel, traced, 2 + edge,
				       kt_audit_hidden(s->e, run, l->most / 1e9));
		}
	}
	return err;
}

static const char *svc_name(void *self, uint32_t run, bool soft, uint32_t nr)
{
	struct run *r = get_run(self, run);
	struct line *l = r ? get_line(r, soft, nr) : NULL;

	return l ? name_of(l) : soft ? "softirq" : "irq";
}

static const struct kt_svc_irq service = {.name = svc_name};

static int init(void *self, struct kt_engine *e)
{
	struct state *s = self;

	s->e = e;
	return kt_service_provide(e, "irq", &service, self);
}

static void finish(void *self)
{
	struct state *s = self;

	for (size_t k = 0; k < s->runs.n; k++) {
		struct run *r = s->runs.v[k];

		for (unsigned int soft = 0; soft < 2; soft++) {
			for (size_t i = 0; i < r->lines[soft].n; i++) {
				if (r->lines[soft].v[i])
					free(r->lines[soft].v[i]->name);
				free(r->lines[soft].v[i]);
			}
			kt_vec_finish(&r->lines[soft]);
		}
		kt_keyed_finish(&r->loads);
		free(r);
	}
	kt_vec_finish(&s->runs);
}

static const char *const after[] = {"core", NULL};
static const struct kt_table *const tables[] = {&load_table, NULL};
static const struct kt_handler handlers[] = {{KT_EV_irq_sum, on_irq_sum}, {0}};

const struct kt_tracker kt_tracker_irq = {
	.family = "irq",
	.after = after,
	.tables = tables,
	.on = handlers,
	.state_size = sizeof(struct state),
	.init = init,
	.context = context,
	.ended = ended,
	.finish = finish,
};
