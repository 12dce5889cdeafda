// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "record/clocks.h"
#include "record/cost.h"

#define INTERVAL_NS 1000000000ull
#define PERIOD_NS 250000000ull /* from window to window */
#define WINDOW_NS 10000000ull
#define ENOUGH 200 /* runs seen in windows before a time per run is trusted */
#define MANY 20000 /* above this, older windows count less */
#define UNKNOWN UINT64_MAX

static void open_window(struct kt_meter *c, uint64_t now_ns)
{
	kt_session_measure(c->session, true);
	c->is_open = true;
	c->window_edge_ns = now_ns + WINDOW_NS;
}

static void close_window(struct kt_meter *c)
{
	if (!c->is_open)
		return;
	kt_session_measure(c->session, false);
	c->is_open = false;
	c->window_edge_ns += PERIOD_NS - WINDOW_NS;
	for (int i = 0; i < KT_N_HOOKS; i++) {
		struct kt_meter_prog *p = &c->progs[i];
		uint64_t ns, runs;

		kt_session_measured(c->session, i, &ns, &runs);
		if (p->n > MANY) {
			p->ns /= 2;
			p->n /= 2;
		}
		p->ns += (double)(ns - p->window_ns);
		p->n += (double)(runs - p->window_runs);
		p->window_ns = ns;
		p->window_runs = runs;
	}
}

/*
 * Run time since the last call, by our own count of runs. Runs of a program that was hardly seen in a window wait
 * for a better estimate: the first runs are slow, and there are few. last: there will be no better one.
 */
static uint64_t take_bpf_ns(struct kt_meter *c, bool last)
{
	double all = 0, sampled_ns = 0, sampled_n = 0;

	kt_session_count(c->session);
	for (int i = 0; i < KT_N_HOOKS; i++) {
		sampled_ns += c->progs[i].ns;
		sampled_n += c->progs[i].n;
	}
	for (int i = 0; i < KT_N_HOOKS; i++) {
		struct kt_meter_prog *p = &c->progs[i];
		uint64_t runs = c->session->probes[i].runs - p->runs;

		if (p->n < ENOUGH && !last)
			continue;
		p->runs = c->session->probes[i].runs;
		if (p->n >= ENOUGH)
			all += (double)runs * p->ns / p->n;
		else if (sampled_n > 0)
			all += (double)runs * sampled_ns / sampled_n;
	}
	c->bpf_ns += all;
	c->known |= sampled_n > 0;
	return c->known ? (uint64_t)(all + 0.5) : UNKNOWN;
}

void kt_meter_init(struct kt_meter *c, struct kt_session *s)
{
	*c = (struct kt_meter){.session = s};
}

void kt_meter_start(struct kt_meter *c, uint64_t now_ns)
{
	c->start_ns = c->since_ns = now_ns;
	c->start_cpu_ns = c->cpu_ns = kt_cpu_ns();
	c->next_ns = now_ns + INTERVAL_NS;
	open_window(c, now_ns);
}

uint64_t kt_meter_due(const struct kt_meter *c)
{
	return KT_MIN(c->window_edge_ns, c->next_ns);
}

static void write_cost(struct kt_meter *c, uint64_t now_ns, const struct kt_drain *d,
		       struct kt_compress *to, bool last)
{
	const struct kt_drain_stats *st = kt_drain_stats(d);
	uint64_t cpu = kt_cpu_ns(), bytes = kt_compress_bytes(to), lost = 0,
		 bpf_ns = take_bpf_ns(c, last);
	struct kt_block_out it = {
		.info =
			{
				.kind = KTR_COST,
				.stream = KTR_NO_STREAM,
				.ts_min_ns = now_ns,
				.ts_max_ns = now_ns,
				.watermark_ns = kt_drain_watermark(d),
				.cut_ns = now_ns,
				.n_events = 1,
				.raw_len = sizeof(struct kt_cost),
			},
	};
	struct kt_cost ev = {0};

	for (int i = 0; i < KT_N_LOSS; i++)
		lost += st->lost[i];
	ev.ts_ns = now_ns;
	ev.id = KT_EV_cost;
	ev.len = sizeof(ev);
	ev.dur_ns = now_ns - c->since_ns;
	ev.bpf_ns = bpf_ns;
	ev.user_ns = cpu - c->cpu_ns;
	ev.rss_bytes = kt_meter_rss_bytes();
	ev.events = st->events - c->events;
	ev.bytes = bytes - c->bytes;
	ev.lost = lost - c->lost;
	_Static_assert(sizeof(ev) <= sizeof(it.small), "a cost event is a small block");
	memcpy(it.small, &ev, sizeof(ev));
	kt_compress_put(to, &it);

	c->since_ns = now_ns;
	c->cpu_ns = cpu;
	c->events = st->events;
	c->bytes = bytes;
	c->lost = lost;
}

void kt_meter_tick(struct kt_meter *c, uint64_t now_ns, const struct kt_drain *d,
		   struct kt_compress *to)
{
	if (now_ns >= c->window_edge_ns) {
		if (c->is_open)
			close_window(c);
		else
			open_window(c, now_ns);
	}
	if (now_ns >= c->next_ns) {
		/* No room: the next one will cover this interval too. */
		if (kt_compress_room(to))
			write_cost(c, now_ns, d, to, false);
		c->next_ns += INTERVAL_NS;
		/* Do not make up for seconds in which the recorder did not run. */
		if (c->next_ns <= now_ns)
			c->next_ns = now_ns + INTERVAL_NS;
	}
}

void kt_meter_close_window(struct kt_meter *c)
{
	close_window(c);
}

void kt_meter_write_last(struct kt_meter *c, uint64_t now_ns, const struct kt_drain *d,
			 struct kt_compress *to)
{
	if (kt_compress_room(to))
		write_cost(c, now_ns, d, to, true);
}

uint64_t kt_meter_rss_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f) {
		if (fscanf(f, "%*u %llu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * sysconf(_SC_PAGESIZE);
}

uint64_t kt_meter_peak_bytes(void)
{
	struct rusage ru;

	return getrusage(RUSAGE_SELF, &ru) ? 0 : ru.ru_maxrss * 1024ull;
}
