/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analyze/progress.h"
#include "format/base/units.h"

#define EVERY_NS 250000000ll

struct kt_progress {
	uint64_t total_bytes;
	int64_t start_ns, last_ns; /* last 0: nothing is shown */
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int kt_progress_create(uint64_t total_bytes, struct kt_progress **ret)
{
	struct kt_progress *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->total_bytes = total_bytes;
	p->start_ns = now_ns();
	*ret = p;
	return 0;
}

void kt_progress_destroy(struct kt_progress *p)
{
	if (p && p->last_ns)
		fputs("\r\033[K", stderr);
	free(p);
}

void kt_progress_update(struct kt_progress *p, uint64_t bytes, uint64_t events)
{
	char count[32], rate[32];
	int64_t now;
	double s;

	if (!p)
		return;
	now = now_ns();
	s = (now - p->start_ns) / 1e9;
	if (now - (p->last_ns ? p->last_ns : p->start_ns) < EVERY_NS)
		return;
	p->last_ns = now;
	kt_format_count(events, count, sizeof(count));
	kt_format_count(events / s, rate, sizeof(rate));
	fprintf(stderr, "\r\033[K%s events, %s/s", count, rate);
	if (p->total_bytes && bytes && bytes <= p->total_bytes)
		fprintf(stderr, ", %.0f %%, %.0f s left", 100.0 * bytes / p->total_bytes,
			s * (p->total_bytes - bytes) / bytes);
	fflush(stderr);
}
