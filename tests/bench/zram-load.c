/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * zram-load DEVICE BATCHES READS: preads of 4 KiB, O_DIRECT, pinned to CPU 0; prints the 25th percentile over the
 * batches of the ns per read. zram queues and completes in the caller's context, so nothing else varies: what a
 * tracer adds to the block hooks shows directly.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/macros.h"

#define READ_BYTES 4096

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

int main(int argc, char **argv)
{
	int batches, reads, fd;
	double *ns kt_auto_free = NULL;
	void *buf kt_auto_free = NULL;
	cpu_set_t cpus;
	off_t blocks;

	if (argc != 4) {
		fprintf(stderr, "usage: zram-load DEVICE BATCHES READS\n");
		return 2;
	}
	batches = atoi(argv[2]);
	reads = atoi(argv[3]);
	fd = open(argv[1], O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || batches < 4 || reads < 1) {
		fprintf(stderr, "zram-load: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	blocks = lseek(fd, 0, SEEK_END) / READ_BYTES;
	ns = calloc(batches, sizeof(*ns));
	if (blocks <= 0 || !ns || posix_memalign(&buf, READ_BYTES, READ_BYTES))
		return 1;
	srandom(1);
	for (int b = 0; b < batches; b++) {
		double t = now_ns();

		for (int i = 0; i < reads; i++) {
			off_t at = random() % blocks * READ_BYTES;

			if (pread(fd, buf, READ_BYTES, at) != READ_BYTES) {
				perror("zram-load: pread");
				return 1;
			}
		}
		ns[b] = (now_ns() - t) / reads;
	}
	qsort(ns, batches, sizeof(*ns), by_value);
	printf("%.1f\n", ns[batches / 4]);
	close(fd);
	return 0;
}
