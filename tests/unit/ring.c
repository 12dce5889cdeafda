// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The rings: what goes in comes out, complete and in order, over many rounds; an incomplete record stops the copy; a full ring
 * refuses and nothing is overwritten; producers that interrupt each other, with a concurrent consumer, even if the ring
 * advances between two reads of its state by one producer: that does not make it full.
 */
#include "record/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/event.h"

#define SIZE 4096
#define PRODUCERS 4
#define EVENTS 300000 /* of each producer */
#define CAP (1 << 16)

/* An event as a program would write it: all its words identify it. */
struct record {
	struct kt_event ev;
	uint64_t word[5];
};

static struct kt_ring *new_ring(void)
{
	struct kt_ring *r = calloc(1, kt_ring_memory(SIZE));

	assert_non_null(r);
	assert_int_equal(kt_ring_init(r), 0);
	return r;
}

static size_t length(uint64_t n)
{
	return sizeof(struct kt_event) + n % 6 * 8;
}

/* Like kt_ring_reserve() in the programs. */
static struct record *reserve(struct kt_ring *r, uint64_t len)
{
	uint64_t at = kt_ring_take(r, SIZE, KT_RECORD_HDR + len), *hdr;

	if (at == KT_RING_NONE)
		return NULL;
	hdr = (uint64_t *)(r->data + (at & (SIZE - 1)));
	__atomic_store_n(hdr, KT_RECORD(at, len), __ATOMIC_RELAXED);
	return (struct record *)(hdr + 1);
}

static void fill(struct record *rec, uint32_t who, uint64_t n)
{
	size_t len = length(n);

	rec->ev = (struct kt_event){.ts_ns = n, .id = 1, .len = len, .first = who};
	for (size_t i = 0; i < (len - sizeof(rec->ev)) / 8; i++)
		rec->word[i] = n * 31 + i;
}

static void submit(struct record *rec)
{
	uint64_t *hdr = (uint64_t *)rec - 1;

	__atomic_store_n(hdr, *hdr | KT_RECORD_WHOLE, __ATOMIC_RELEASE);
}

static bool put(struct kt_ring *r, uint32_t who, uint64_t n)
{
	struct record *rec = reserve(r, length(n));

	if (!rec)
		return false;
	fill(rec, who, n);
	submit(rec);
	return true;
}

static size_t check(const uint8_t *p, uint32_t *ret_who, uint64_t *ret_n)
{
	const struct record *rec = (const void *)p;

	*ret_who = rec->ev.first;
	*ret_n = rec->ev.ts_ns;
	assert_int_equal(rec->ev.len, length(*ret_n));
	for (size_t i = 0; i < (rec->ev.len - sizeof(rec->ev)) / 8; i++)
		assert_int_equal(rec->word[i], *ret_n * 31 + i);
	return rec->ev.len;
}

static struct kt_ring_batch copy(struct kt_ring *r, uint8_t *dst, size_t cap)
{
	struct kt_ring_batch b = {0};

	kt_ring_copy(r, SIZE, kt_ring_reserved(r), dst, cap, &b);
	return b;
}

static void test_rounds(void **state)
{
	struct kt_ring *r = new_ring();
	uint8_t buf[SIZE + KT_RING_SLACK];
	uint64_t in = 0, out = 0, n;
	uint32_t who;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct kt_ring_batch b;

		for (int i = 0; i < round % 40 && put(r, 7, in); i++)
			in++;
		b = copy(r, buf, SIZE);
		assert_false(b.busy || b.full || b.unsorted);
		for (size_t at = 0; at < b.bytes; out++) {
			at += check(buf + at, &who, &n);
			assert_int_equal(n, out);
			assert_int_equal(who, 7);
		}
		assert_int_equal(out, in);
	}
	assert_true(in > 10000);
	free(r);
}

static void test_busy(void **state)
{
	struct kt_ring *r = new_ring();
	uint8_t buf[SIZE + KT_RING_SLACK];
	struct kt_ring_batch b;
	struct record *rec;

	(void)state;
	/* Rounds before, so that there is something old where the record lies. */
	for (int i = 0; i < 1000; i++) {
		assert_true(put(r, 0, 5));
		copy(r, buf, SIZE);
	}
	assert_true(put(r, 0, 1));
	rec = reserve(r, length(2));
	fill(rec, 0, 2);
	assert_true(put(r, 0, 3));
	b = copy(r, buf, SIZE);
	assert_int_equal(b.n, 1);
	assert_true(b.busy);
	b = copy(r, buf, SIZE);
	assert_int_equal(b.n, 0);
	submit(rec);
	b = copy(r, buf, SIZE);
	assert_int_equal(b.n, 2);
	assert_false(b.busy);
	free(r);
}

static void test_full(void **state)
{
	struct kt_ring *r = new_ring();
	uint8_t buf[SIZE + KT_RING_SLACK];
	uint64_t in = 0, n, out = 0;
	struct kt_ring_batch b;
	uint32_t who;

	(void)state;
	while (put(r, 0, in))
		in++;
	assert_false(put(r, 0, in));
	/* A small destination: takes two copies. */
	b = copy(r, buf, SIZE / 2);
	assert_true(b.full);
	for (int go = 0; go < 2; go++) {
		for (size_t at = 0; at < b.bytes; out++) {
			at += check(buf + at, &who, &n);
			assert_int_equal(n, out);
		}
		b = copy(r, buf, SIZE);
	}
	assert_int_equal(out, in);
	free(r);
}

struct producer {
	struct kt_ring *r;
	uint32_t who;
	pthread_t thread;
};

static void *produce(void *arg)
{
	struct producer *p = arg;

	for (uint64_t n = 0; n < EVENTS;)
		if (put(p->r, p->who, n))
			n++;
		else
			sched_yield();
	return NULL;
}

/* What the producer read first is older than what it reads next: all of that, and more, has been taken meanwhile. */
static void test_stale(void **state)
{
	struct kt_ring *r = new_ring();
	uint64_t at = r->reserved;

	(void)state;
	r->taken = at + 64;
	assert_int_not_equal(kt_ring_take(r, SIZE, KT_RECORD_HDR + length(0)), KT_RING_NONE);
	free(r);
}

static void test_between(void **state)
{
	static uint8_t buf[CAP + KT_RING_SLACK];
	uint64_t next[PRODUCERS] = {0}, left = PRODUCERS * (uint64_t)EVENTS, n;
	struct producer p[PRODUCERS];
	struct kt_ring *r = new_ring();
	uint32_t who;

	(void)state;
	for (int i = 0; i < PRODUCERS; i++) {
		p[i] = (struct producer){.r = r, .who = i};
		assert_int_equal(pthread_create(&p[i].thread, NULL, produce, &p[i]), 0);
	}
	while (left) {
		struct kt_ring_batch b = copy(r, buf, CAP);

		for (size_t at = 0; at < b.bytes; left--) {
			at += check(buf + at, &who, &n);
			assert_true(who < PRODUCERS);
			assert_int_equal(n, next[who]++);
		}
		if (!b.n)
			sched_yield();
	}
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(p[i].thread, NULL);
	assert_int_equal(kt_ring_reserved(r), r->taken);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),	cmocka_unit_test(test_busy),
		cmocka_unit_test(test_full),	cmocka_unit_test(test_stale),
		cmocka_unit_test(test_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
