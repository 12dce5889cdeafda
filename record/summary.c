// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format/base/units.h"
#include "record/summary.h"

#define UNIT 32 /* room for a number with its unit */

static const char *const loss_names[] = {
#define KT_LOSS(name, nr, text, summary, meaning) [nr] = summary,
#include "format/losses.def"
#undef KT_LOSS
};

static uint64_t lost_in_all(const struct kt_drain_stats *st)
{
	uint64_t n = 0;

	for (int i = 0; i < KT_N_LOSS; i++)
		n += st->lost[i];
	return n;
}

void kt_status_line_init(struct kt_status_line *p, uint64_t start_ns)
{
	*p = (struct kt_status_line){isatty(STDERR_FILENO), start_ns, start_ns, 0};
}

void kt_status_line_show(struct kt_status_line *p, uint64_t now_ns, const struct kt_drain_stats *st,
			 uint64_t bytes)
{
	char rate[UNIT], size[UNIT], lost[UNIT];
	uint64_t span = now_ns - p->last_ns;

	kt_format_count(span ? (st->events - p->events) * 1000000000ull / span : 0, rate,
			sizeof(rate));
	kt_format_bytes(bytes, size, sizeof(size));
	kt_format_count(lost_in_all(st), lost, sizeof(lost));
	fprintf(stderr, "\r\033[K%7.1f s  %s events/s  %s  lost %s ", (now_ns - p->start_ns) / 1e9,
		rate, size, lost);
	fflush(stderr);
	p->last_ns = now_ns;
	p->events = st->events;
}

void kt_status_line_end(struct kt_status_line *p)
{
	if (p->on)
		fputs("\r\033[K", stderr);
	p->on = false;
}

/* What to do about losses, if anything can be done. */
static void print_advice(const struct kt_drain_stats *st)
{
	const char *sep = ": ";

	if (st->lost[KT_LOSS_RING_FULL]) {
		fprintf(stderr, "%sa larger --buffer may help", sep);
		sep = ", ";
	}
	if (st->lost[KT_LOSS_NO_ROOM])
		fprintf(stderr, "%sa larger --filter-room, or narrower filters", sep);
	fputc('\n', stderr);
}

static void print_lost(const struct kt_summary *s)
{
	const struct kt_drain_stats *st = s->drain;
	uint64_t lost = lost_in_all(st);
	char n[UNIT];
	const char *sep = "";

	if (s->dropped)
		fprintf(stderr, "  lost      %s events that could not be written\n",
			kt_format_count(s->dropped, n, sizeof(n)));
	if (s->dropped && !lost)
		return;

	if (!lost) {
		fputs("  lost      0\n", stderr);
		return;
	}
	fprintf(stderr, "  lost      %s events (", kt_format_count(lost, n, sizeof(n)));
	for (int i = 0; i < KT_N_LOSS; i++) {
		if (!st->lost[i])
			continue;
		fprintf(stderr, "%s%s %s", sep, loss_names[i],
			kt_format_count(st->lost[i], n, sizeof(n)));
		sep = ", ";
	}
	fprintf(stderr, ") on %u CPU%s, from %.3f s to %.3f s", st->lost_cpus,
		st->lost_cpus == 1 ? "" : "s",
		((double)st->lost_first_ns - (double)s->start_ns) / 1e9,
		((double)st->lost_last_ns - (double)s->start_ns) / 1e9);
	print_advice(st);
}

static void print_cost(const char *name, double ns, const struct kt_summary *s, bool known)
{
	double span = (double)(s->end_ns - s->start_ns);
	char unit[UNIT];

	if (!known || span <= 0) {
		fprintf(stderr, "  %-9s not measured\n", name);
		return;
	}
	fprintf(stderr, "  %-9s %.2f %% of one CPU", name, 100 * ns / span);
	if (s->drain->events)
		fprintf(stderr, ", %s an event",
			kt_format_ns((int64_t)(ns / s->drain->events + 0.5), unit, sizeof(unit)));
	fputc('\n', stderr);
}

void kt_summary_print(const struct kt_summary *s)
{
	uint64_t events = s->drain->events - s->dropped;
	char n[UNIT], span[UNIT], size[UNIT];

	fprintf(stderr, "%s: %s events in %s, %s", s->path, kt_format_count(events, n, sizeof(n)),
		kt_format_ns(s->end_ns - s->start_ns, span, sizeof(span)),
		kt_format_bytes(s->bytes, size, sizeof(size)));
	if (events)
		fprintf(stderr, ", %.1f bytes an event", (double)s->bytes / events);
	fputc('\n', stderr);
	print_lost(s);
	print_cost("in BPF", s->meter->bpf_ns, s, s->meter->known);
	print_cost("recorder", (double)s->cpu_ns, s, true);
	fprintf(stderr, "  memory    %s at most\n",
		kt_format_bytes(s->peak_bytes, size, sizeof(size)));
	if (s->priority)
		fprintf(stderr, "  priority  %s\n", s->priority);
}
