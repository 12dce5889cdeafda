// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The drain against a model. The test controls time: whenever the drain reads the clock it may lose its CPU, as on a busy machine, and programs
 * run until a ring is full and beyond. Programs are interrupted between reserving a record, reading the clock and submitting it, sometimes for
 * long, so that W stops; the compressor is slow or stops. Checked against the input: every event comes out once, in
 * order and not before a watermark; every loss is counted and lies in an interval of its cause; nothing is written past the end of a buffer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/base/macros.h"
#include "record/clocks.h"
#include "record/drain.h"
#include "record/ring.h"

#define CPUS 3
#define NEST 3		 /* records open on one CPU: task, softirq, interrupt */
#define LOSSES_MAX 65536 /* per CPU, checked one by one */
#define EVENT_ID 0x7777

struct record {
	struct kt_event ev; /* first: the CPU */
	uint64_t n, check[5];
};

/* A program run that has reserved and not yet submitted. */
struct open {
	uint64_t *hdr;
	uint64_t n;
	bool timed;
};

struct cpu {
	struct open open[NEST];
	int depth;
	uint64_t put, lost[KT_N_LOSS];
	uint8_t *seen; /* by number of the event */
	uint64_t cap;
	struct {
		uint64_t ns;
		uint32_t cause;
	} losses[LOSSES_MAX];
	struct {
		uint64_t begin_ns, end_ns;
		uint32_t cause;
	} told[LOSSES_MAX];
	uint32_t n_losses, n_told;
	uint64_t got_lost[KT_N_LOSS];
	uint64_t emitted, stream_seq;
};

struct kt_compress {
	struct kt_buf *bufs, *free;
	size_t n_bufs, n_free, n_idle;
	struct kt_buf *queued[64]; /* released in order, at some time */
	size_t head, n_queued;
};

static struct kt_session session;
static struct kt_compress compress;
static struct cpu cpus[CPUS];
static uint64_t now = 1000000000, seed, watermark, got;
static bool recording;
static uint32_t stuck;	    /* CPU whose open records stay open; CPUS = none */
static bool compressor_off; /* for now */
static uint64_t bursts, fulls;
static uint64_t refused, refused_ns; /* runs that the kernel refused, since then */

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

struct kt_ring *kt_session_ring(const struct kt_session *s, uint32_t cpu)
{
	return (void *)((uint8_t *)s->rings + cpu * kt_ring_memory(s->ring_bytes));
}

/* ---------------------------------------------------------------- programs */

static void note_loss(struct cpu *c, uint32_t cause, uint64_t n, uint64_t ns)
{
	c->lost[cause] += n;
	if (c->n_losses < LOSSES_MAX) {
		c->losses[c->n_losses].ns = ns;
		c->losses[c->n_losses++].cause = cause;
	}
}

/* Like kt_lose() in bpf/base/ktrace.bpf.h. */
static void lose(uint32_t cpu)
{
	struct kt_cpu_stat *st = &session.stats[cpu];

	if (!st->first_ns || now < st->first_ns)
		st->first_ns = now;
	st->pending_n[KT_LOSS_RING_FULL]++;
	note_loss(&cpus[cpu], KT_LOSS_RING_FULL, 1, now);
	fulls++;
}

static void reserve(uint32_t cpu)
{
	struct cpu *c = &cpus[cpu];
	struct kt_ring *r = kt_session_ring(&session, cpu);
	uint64_t len = sizeof(struct kt_event) + 8 + rnd(6) * 8, at;
	struct record *rec;

	at = kt_ring_take(r, session.ring_bytes, KT_RECORD_HDR + len);
	if (at == KT_RING_NONE) {
		lose(cpu);
		return;
	}
	if (c->put == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 1 << 16;
		c->seen = realloc(c->seen, c->cap);
		assert_non_null(c->seen);
	}
	c->seen[c->put] = 0;
	c->open[c->depth].hdr = (uint64_t *)(r->data + (at & (session.ring_bytes - 1)));
	c->open[c->depth].n = c->put++;
	c->open[c->depth].timed = false;
	*c->open[c->depth].hdr = KT_RECORD(at, len);
	rec = (struct record *)(c->open[c->depth].hdr + 1);
	rec->ev = (struct kt_event){.id = EVENT_ID, .len = len, .first = cpu};
	rec->n = c->open[c->depth++].n;
	for (size_t i = 0; i < (len - sizeof(rec->ev)) / 8 - 1; i++)
		rec->check[i] = rec->n * 31 + i;
}

/* The innermost program run continues. */
static void go_on(uint32_t cpu)
{
	struct open *o = &cpus[cpu].open[cpus[cpu].depth - 1];

	if (!o->timed) {
		((struct record *)(o->hdr + 1))->ev.ts_ns = now;
		o->timed = true;
		return;
	}
	*o->hdr |= KT_RECORD_WHOLE;
	cpus[cpu].depth--;
}

void kt_session_take_refused(struct kt_session *s, uint64_t now_ns)
{
	struct kt_cpu_stat *st = &s->stats[0];

	if (refused) {
		st->pending_n[KT_LOSS_RECURSION] += refused;
		if (!st->first_ns || st->first_ns > refused_ns)
			st->first_ns = refused_ns;
	}
	refused = 0;
	refused_ns = now_ns;
}

static void step_programs(void)
{
	uint32_t cpu = rnd(CPUS);

	now += rnd(400);
	if (!recording && !cpus[cpu].depth)
		return;
	if (cpus[cpu].depth == NEST || (cpus[cpu].depth && rnd(4))) {
		/* The outermost does not continue; those that interrupt it do. */
		if (cpu != stuck || cpus[cpu].depth > 1)
			go_on(cpu);
	} else if (recording) {
		reserve(cpu);
	}
	if (recording && !rnd(5000)) {
		refused++;
		note_loss(&cpus[0], KT_LOSS_RECURSION, 1, now);
	}
}

uint64_t kt_now_ns(void)
{
	if (!rnd(100)) {
		/* The drain lost its CPU: for as long as it takes to fill a ring, and longer. */
		uint64_t n = rnd(4) * session.ring_bytes / 16;

		bursts++;
		for (uint64_t i = 0; i < n; i++)
			step_programs();
		now += rnd(3) * 1000000;
	}
	for (uint64_t i = rnd(4); i; i--)
		step_programs();
	return now += 20;
}

/* ---------------------------------------------------------------- the compressor */

struct kt_buf *kt_compress_buf(struct kt_compress *c)
{
	struct kt_buf *b = c->free;

	if (b) {
		c->free = b->next;
		c->n_free--;
		b->used = 0;
	}
	return b;
}

bool kt_compress_behind(struct kt_compress *c)
{
	return c->n_free <= c->n_idle / 2;
}

static void release(void)
{
	struct kt_compress *c = &compress;
	struct kt_buf *b;

	if (!c->n_queued)
		return;
	b = c->queued[c->head];
	c->head = (c->head + 1) % KT_ARRAY_SIZE(c->queued);
	c->n_queued--;
	memset(b->data, 0xee, b->used);
	b->next = c->free;
	c->free = b;
	c->n_free++;
}

bool kt_compress_wait(struct kt_compress *c)
{
	release();
	return c->free;
}

static void check_lost(struct cpu *c, const struct kt_lost *ev)
{
	assert_true(ev->cause < KT_N_LOSS && ev->n && ev->end_ns >= ev->ts_ns);
	c->got_lost[ev->cause] += ev->n;
	if (c->n_told < LOSSES_MAX) {
		c->told[c->n_told].begin_ns = ev->ts_ns;
		c->told[c->n_told].end_ns = ev->end_ns;
		c->told[c->n_told++].cause = ev->cause;
	}
}

static void check_event(struct cpu *c, uint32_t cpu, const struct record *rec)
{
	assert_int_equal(rec->ev.id, EVENT_ID);
	assert_int_equal(rec->ev.first, cpu);
	assert_true(rec->n < c->put);
	assert_int_equal(c->seen[rec->n], 0);
	c->seen[rec->n] = 1;
	for (size_t i = 0; i < (rec->ev.len - sizeof(rec->ev)) / 8 - 1; i++)
		assert_int_equal(rec->check[i], rec->n * 31 + i);
	got++;
}

void kt_compress_put(struct kt_compress *c, const struct kt_block_out *it)
{
	const uint8_t *p = it->data, *end = p + it->info.raw_len;
	uint64_t last = 0;
	uint32_t n = 0;
	struct cpu *cpu = &cpus[it->info.stream];

	assert_true(it->info.stream < CPUS && it->info.raw_len && it->info.raw_len < KTR_RAW_MAX);
	assert_int_equal(it->info.stream_seq, cpu->stream_seq++);
	assert_true(it->info.ts_min_ns >= watermark);
	assert_true(it->info.watermark_ns >= watermark);
	for (; p < end; n++) {
		const struct kt_event *ev = (const void *)p;

		assert_true(ev->ts_ns >= last && ev->ts_ns >= watermark);
		last = ev->ts_ns;
		if (!n)
			assert_int_equal(ev->ts_ns, it->info.ts_min_ns);
		if (ev->id == KT_EV_lost)
			check_lost(cpu, (const void *)p);
		else
			check_event(cpu, it->info.stream, (const void *)p);
		p += ev->len;
	}
	assert_ptr_equal(p, end);
	assert_int_equal(last, it->info.ts_max_ns);
	assert_int_equal(n, it->info.n_events);
	cpu->emitted += n;
	assert_int_equal(it->info.emitted, cpu->emitted);
	watermark = it->info.watermark_ns;
	if (it->release) {
		c->queued[(c->head + c->n_queued++) % KT_ARRAY_SIZE(c->queued)] = it->release;
		assert_true(c->n_queued <= c->n_bufs);
	}
}

/* ---------------------------------------------------------------- the test */

static void setup(size_t ring_bytes)
{
	size_t page = sysconf(_SC_PAGESIZE), cap;

	session = (struct kt_session){.n_cpus = CPUS, .ring_bytes = ring_bytes};
	session.rings = calloc(CPUS, kt_ring_memory(ring_bytes));
	session.stats = calloc(CPUS, sizeof(*session.stats));
	assert_non_null(session.rings);
	assert_non_null(session.stats);
	for (uint32_t i = 0; i < CPUS; i++)
		assert_int_equal(kt_ring_init(kt_session_ring(&session, i)), 0);
	memset(cpus, 0, sizeof(cpus));
	cap = KT_ALIGN_UP(kt_drain_buf_bytes(&session), page);
	compress = (struct kt_compress){.n_bufs = kt_drain_bufs(&session)};
	compress.bufs = calloc(compress.n_bufs, sizeof(*compress.bufs));
	compress.n_free = compress.n_bufs;
	compress.n_idle = compress.n_bufs - CPUS;
	for (size_t i = 0; i < compress.n_bufs; i++) {
		/* One byte past the end is a fault. */
		uint8_t *p = mmap(NULL, cap + page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(p != MAP_FAILED);
		assert_int_equal(mprotect(p + cap, page, PROT_NONE), 0);
		compress.bufs[i] = (struct kt_buf){p, cap, 0, compress.free};
		compress.free = &compress.bufs[i];
	}
	refused = 0;
	refused_ns = now;
	watermark = got = bursts = fulls = 0;
	stuck = CPUS;
	compressor_off = false;
}

static void check_losses(const struct cpu *c)
{
	for (int i = 0; i < KT_N_LOSS; i++)
		assert_int_equal(c->got_lost[i], c->lost[i]);
	if (c->n_losses == LOSSES_MAX || c->n_told == LOSSES_MAX)
		return;
	for (uint32_t i = 0, k; i < c->n_losses; i++) {
		for (k = 0; k < c->n_told; k++)
			if (c->told[k].cause == c->losses[i].cause &&
			    c->told[k].begin_ns <= c->losses[i].ns &&
			    c->told[k].end_ns >= c->losses[i].ns)
				break;
		if (k == c->n_told)
			fail_msg("loss at %lu in no interval", (unsigned long)c->losses[i].ns);
	}
}

static void finish(void)
{
	for (size_t i = 0; i < compress.n_bufs; i++)
		munmap(compress.bufs[i].data, compress.bufs[i].cap + sysconf(_SC_PAGESIZE));
	free(compress.bufs);
	for (uint32_t i = 0; i < CPUS; i++)
		free(cpus[i].seen);
	free(session.stats);
	free(session.rings);
}

/* One run of that many cycles; ret: how full memory and rings became, for the caller. */
static void run(size_t ring_bytes, unsigned int cycles)
{
	uint64_t put = 0, lost = 0;
	struct kt_drain *d;

	setup(ring_bytes);
	assert_int_equal(kt_drain_create(&session, &d), 0);
	recording = true;
	kt_drain_start(d, &compress, now);
	for (unsigned int i = 0; i < cycles; i++) {
		uint64_t between = rnd(KT_MIN(ring_bytes / 16, 16384ul));

		if (!rnd(60))
			stuck = rnd(CPUS + 1);
		if (!rnd(40))
			compressor_off = rnd(2);
		while (between--)
			step_programs();
		kt_drain_cycle(d);
		if (!compressor_off && rnd(2))
			release();
	}
	recording = false;
	stuck = CPUS;
	for (int i = 0; i < 200; i++)
		step_programs();
	kt_session_take_refused(&session, now);
	kt_drain_end(d, now);
	for (uint32_t i = 0; i < CPUS; i++) {
		put += cpus[i].put;
		lost += cpus[i].lost[KT_LOSS_RING_FULL];
		check_losses(&cpus[i]);
		assert_int_equal(cpus[i].depth, 0);
	}
	assert_int_equal(got, put);
	assert_int_equal(kt_drain_stats(d)->lost[KT_LOSS_RING_FULL], lost);
	if (!bursts || (fulls && !lost))
		fail_msg("the drain was never kept from its CPU");
	printf("ring %8zu: %9lu events, %9lu lost, %5lu bursts\n", ring_bytes, (unsigned long)put,
	       (unsigned long)lost, (unsigned long)bursts);
	kt_drain_destroy(d);
	finish();
}

static void start(void)
{
	const char *text = getenv("KT_SEED");

	seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) << 20 ^ getpid();
	seed |= 1;
	printf("KT_SEED=%lu\n", (unsigned long)seed);
}

static void test_all_sizes(void **state)
{
	(void)state;
	start();
	for (size_t size = 4096; size <= 4 << 20; size *= 4)
		run(size, size < 1 << 18 ? 2000 : 300);
}

/* A crash of the past: a full buffer, losses that take the room kept for them, and W does not move. */
static void test_full_and_losing(void **state)
{
	struct kt_drain *d;
	uint64_t lost = 0;

	(void)state;
	start();
	setup(1 << 16);
	assert_int_equal(kt_drain_create(&session, &d), 0);
	recording = true;
	kt_drain_start(d, &compress, now);
	reserve(1); /* and does not submit it */
	stuck = 1;
	for (int i = 0; i < 20000; i++) {
		for (int k = 0; k < 300; k++)
			step_programs();
		kt_drain_cycle(d);
	}
	for (uint32_t i = 0; i < CPUS; i++)
		lost += cpus[i].lost[KT_LOSS_RING_FULL];
	assert_true(lost > 100000);
	recording = false;
	stuck = CPUS;
	for (int i = 0; i < 200; i++)
		step_programs();
	kt_session_take_refused(&session, now);
	kt_drain_end(d, now);
	for (uint32_t i = 0; i < CPUS; i++)
		check_losses(&cpus[i]);
	kt_drain_destroy(d);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_sizes),
		cmocka_unit_test(test_full_and_losing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
