// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <sys/timex.h>
#include <time.h>

#include "record/clocks.h"

static int64_t read_ns(clockid_t id)
{
	struct timespec t = {0};

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

uint64_t kt_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t kt_cpu_ns(void)
{
	return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int64_t wall_error_ns(void)
{
	struct timex t = {0};

	if (adjtimex(&t) < 0 || (t.status & STA_UNSYNC) || t.maxerror < 0)
		return -1;
	return t.maxerror * 1000ll + 1;
}

void kt_clocks_read(struct ktr_clocks *ret)
{
	int64_t best = INT64_MAX;

	/* An interrupt in between spoils one try, not all of them. */
	for (int i = 0; i < 8; i++) {
		int64_t before = read_ns(CLOCK_MONOTONIC);
		int64_t realtime = read_ns(CLOCK_REALTIME);
		int64_t boottime = read_ns(CLOCK_BOOTTIME);
		int64_t tai = read_ns(CLOCK_TAI);
		int64_t after = read_ns(CLOCK_MONOTONIC);

		if (after - before >= best)
			continue;
		best = after - before;
		*ret = (struct ktr_clocks){
			.mono_ns = before + best / 2,
			.realtime_ns = realtime,
			.boottime_ns = boottime,
			.tai_ns = tai,
			.error_ns = (best + 1) / 2,
		};
	}
	ret->wall_error_ns = wall_error_ns();
}
