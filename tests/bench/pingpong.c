/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * pingpong BATCHES TRIPS: a byte goes to another process and comes back, both on CPU 0: two wake-ups and two switches per
 * trip. Prints the 25th percentile over the batches of the ns per trip.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "format/base/macros.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void answer(int in, int out)
{
	char c;

	while (read(in, &c, 1) == 1 && write(out, &c, 1) == 1)
		;
	_exit(0);
}

int main(int argc, char **argv)
{
	double *ns kt_auto_free = NULL;
	int batches, trips, to[2], back[2];
	cpu_set_t cpus;
	char c = 0;

	if (argc != 3) {
		fputs("usage: pingpong BATCHES TRIPS\n", stderr);
		return 2;
	}
	batches = atoi(argv[1]);
	trips = atoi(argv[2]);
	ns = calloc(batches > 0 ? batches : 1, sizeof(*ns));
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (!ns || batches < 1 || trips < 1 || sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    pipe(to) || pipe(back)) {
		perror("pingpong");
		return 1;
	}
	if (!fork()) {
		close(to[1]);
		answer(to[0], back[1]);
	}
	for (int i = 0; i < batches; i++) {
		double start = now_ns();

		for (int k = 0; k < trips; k++)
			if (write(to[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
				return 1;
		ns[i] = (now_ns() - start) / trips;
	}
	qsort(ns, batches, sizeof(*ns), by_value);
	printf("%.1f\n", ns[batches / 4]);
	return 0;
}
