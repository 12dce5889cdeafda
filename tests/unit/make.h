/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Shared by the unit tests: made-up events, files in memory. Everything aborts on failure. */
#ifndef KT_TESTS_UNIT_MAKE_H
#define KT_TESTS_UNIT_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/ktr.h"

/* A reproducible random number; seed with make_seed(). */
void make_seed(uint64_t seed);
uint64_t make_random(void);

/* Bytes that grow. Zero is empty. */
struct bytes {
	unsigned char *v;
	size_t n, cap;
};
void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_finish(struct bytes *b);

/* Appends one event of a random compiled type, all its fields random, at ts_ns; strings are strings. */
void make_event(struct bytes *b, uint64_t ts_ns);
/* Appends the four events of a random direct read on a disk, in order; returns the time after the last. */
uint64_t make_read(struct bytes *b, uint64_t ts_ns);

/* A header for a block of these events. */
struct ktr_block_info make_info(const struct bytes *events, enum ktr_kind kind, uint32_t stream);

/* A run with two streams and all its strings set. */
struct ktr_run_info make_run(void);

/* A descriptor of an empty unnamed file. */
int make_file(void);
/* The whole contents of a descriptor's file. */
struct bytes file_bytes(int fd);

/* A reader of memory; step: the most it returns at once (0 = everything); seekable or not. */
struct memory {
	const unsigned char *v;
	size_t n, at, step;
};
int memory_open(struct memory *m, bool seekable, struct ktr_reader **ret);

#endif
