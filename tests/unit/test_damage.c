/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Files that differ from what was written. Whatever happened to the bytes: every event that comes out is
 * an original one and comes once, and every original one that does not come out lies in a lost interval.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "format/crc32c.h"
#include "tests/unit/make.h"

#define N_EVENTS 96 /* in the file; even ones in stream 0 */
#define WINDOWS 4   /* blocks of each stream */
#define FIRST_NS 1000
#define STEP_NS 10

static struct bytes file;	      /* whole and true */
static struct bytes events[N_EVENTS]; /* event i is at FIRST_NS + i * STEP_NS */
static uint64_t block_offsets[64];    /* of all blocks, then of the tail */
static struct ktr_block_info infos[64];
static struct bytes raws[64]; /* what the original blocks decode to */
static unsigned int n_blocks;

/* Two streams whose blocks overlap in time, with the watermarks of a recorder. */
static void make_true_file(void)
{
	struct ktr_run_info run = make_run();
	struct ktr_clocks clocks = {500, 2, 3, 4, 5};
	struct ktr_writer *w = NULL;
	struct memory m;
	struct ktr_reader *r = NULL;
	struct ktr_block block;
	int fd = make_file();
	struct bytes b = {0};

	make_seed(42);
	assert_int_equal(ktr_writer_create(fd, &run, NULL, &w), 0);
	assert_int_equal(ktr_writer_clock(w, 0, &clocks), 0);
	assert_int_equal(ktr_writer_context(w, 0, "the start", 9), 0);
	for (int win = 0; win < WINDOWS; win++) {
		int per = N_EVENTS / WINDOWS, first = win * per;

		for (int i = first; i < first + per; i++)
			make_event(&events[i], FIRST_NS + i * STEP_NS);
		for (int stream = 0; stream < 2; stream++) {
			struct ktr_block_info info;

			b.n = 0;
			for (int i = first + stream; i < first + per; i += 2)
				bytes_add(&b, events[i].v, events[i].n);
			info = make_info(&b, KTR_EVENTS, stream);
			info.watermark_ns = FIRST_NS + (stream ? first + per : first + 1) * STEP_NS;
			info.cut_ns = FIRST_NS + (first + per) * STEP_NS - 1;
			assert_int_equal(ktr_writer_block(w, &info, b.v), 0);
		}
	}
	assert_int_equal(ktr_writer_close(w), 0);
	file = file_bytes(fd);
	close(fd);

	m = (struct memory){file.v, file.n};
	assert_int_equal(memory_open(&m, true, &r), 0);
	while (ktr_reader_next(r, &block) == 1) {
		b.n = 0;
		b.v = realloc(b.v, KTR_RAW_MAX);
		assert_int_equal(ktr_block_decode(&block.info, block.comp,
						  ktr_reader_schema(r, block.info.schema_crc), b.v),
				 0);
		bytes_add(&raws[n_blocks], b.v, block.info.raw_len);
		infos[n_blocks] = block.info;
		block_offsets[n_blocks++] = block.offset;
	}
	bytes_finish(&b);
	assert_true(ktr_reader_complete(r));
	block_offsets[n_blocks] = file.n - KTR_TAIL_FRAME;
	ktr_reader_close(r);
}

/* Decodes, unless it is an original block: most are, and decoding takes the time. */
static const unsigned char *decode(const struct ktr_block *b, const struct kt_schema *s)
{
	static unsigned char raw[KTR_RAW_MAX];
	uint64_t i = b->info.file_seq;

	if (i < n_blocks && !memcmp(&b->info, &infos[i], sizeof(infos[i])) &&
	    !memcmp(b->comp, file.v + block_offsets[i] + KTR_BLOCK_FRAME, b->info.comp_len))
		return raws[i].v;
	return ktr_block_decode(&b->info, b->comp, s, raw) ? NULL : raw;
}

struct outcome {
	int opened; /* 0 or -errno */
	unsigned int blocks, events, damages, contexts, clocks;
	bool complete;
	struct ktr_damage last;
};

/* Reads bytes and checks what must hold. */
static struct outcome check(const unsigned char *v, size_t n, bool seekable, const char *what,
			    size_t where)
{
	struct outcome o = {0};
	bool seen[N_EVENTS] = {false};
	struct ktr_damage damages[64];
	struct memory m = {v, n};
	struct ktr_reader *r = NULL;
	struct ktr_block b;
	int ret;

	o.opened = memory_open(&m, seekable, &r);
	if (o.opened)
		return o;
	while ((ret = ktr_reader_next(r, &b)) == 1) {
		const unsigned char *raw;

		o.blocks++;
		raw = decode(&b, ktr_reader_schema(r, b.info.schema_crc));
		if (!raw)
			fail_msg("%s %zu: a block that was returned does not decode", what, where);
		o.clocks += b.info.kind == KTR_CLOCK;
		if (b.info.kind == KTR_CONTEXT) {
			assert_int_equal(b.info.raw_len, 9);
			assert_memory_equal(raw, "the start", 9);
			o.contexts++;
		}
		if (b.info.kind != KTR_EVENTS)
			continue;
		for (size_t at = 0; at < b.info.raw_len;) {
			const struct kt_event *ev = (const void *)(raw + at);
			uint64_t i = (ev->ts_ns - FIRST_NS) / STEP_NS;

			if (i >= N_EVENTS || i % 2 != b.info.stream || ev->len != events[i].n ||
			    memcmp(ev, events[i].v, ev->len))
				fail_msg("%s %zu: an event that never was", what, where);
			if (seen[i])
				fail_msg("%s %zu: an event comes twice", what, where);
			seen[i] = true;
			o.events++;
			at += ev->len;
		}
	}
	assert_int_equal(ret, 0);
	while (ktr_reader_damage(r, &o.last)) {
		assert_true(o.damages < KT_ARRAY_SIZE(damages));
		assert_true(o.last.start_ns <= o.last.end_ns);
		assert_true(o.last.offset + o.last.len <= n);
		assert_true(o.last.what[0]);
		damages[o.damages++] = o.last;
	}
	for (int i = 0; i < N_EVENTS; i++) {
		uint64_t ts_ns = FIRST_NS + i * STEP_NS;
		bool told = seen[i];

		for (unsigned int j = 0; j < o.damages && !told; j++)
			told = ts_ns >= damages[j].start_ns && ts_ns <= damages[j].end_ns &&
			       (damages[j].stream == KTR_NO_STREAM || damages[j].stream == i % 2u);
		if (!told)
			fail_msg("%s %zu: event %d is missing and nothing says so", what, where, i);
	}
	o.complete = ktr_reader_complete(r);
	ktr_reader_close(r);
	return o;
}

static void whole_file(void **state)
{
	struct outcome o = check(file.v, file.n, true, "whole", 0);

	assert_int_equal(o.opened, 0);
	assert_int_equal(o.events, N_EVENTS);
	assert_int_equal(o.damages, 0);
	assert_true(o.complete);
	assert_int_equal(o.blocks, n_blocks);
}

static void every_byte_flipped(void **state)
{
	unsigned char *copy = malloc(file.n);

	memcpy(copy, file.v, file.n);
	for (size_t i = 0; i < file.n; i++) {
		unsigned int per_block = N_EVENTS / WINDOWS / 2;
		struct outcome o;

		copy[i] = file.v[i] ^ 1 << i % 8;
		o = check(copy, file.n, i % 2, "flip at", i);
		copy[i] = file.v[i];
		/* One byte costs at most one block, and is never unnoticed. */
		if (o.opened || o.blocks + 1 < n_blocks || o.events + per_block < N_EVENTS ||
		    !o.damages || o.damages > 1)
			fail_msg("flip at %zu: opened %d, %u of %u blocks, %u events, %u "
				 "damages",
				 i, o.opened, o.blocks, n_blocks, o.events, o.damages);
		/* Context and clocks occur twice. */
		assert_true(o.contexts >= 1 && o.clocks >= 1);
	}
	free(copy);
}

static void every_length(void **state)
{
	for (size_t n = 0; n < file.n; n++) {
		/* A copy of the exact size, so that a sanitizer sees reads past its end. */
		unsigned char *copy = malloc(n + 1);
		struct outcome o;
		unsigned int whole = 0;

		memcpy(copy, file.v, n);
		o = check(copy, n, n % 2, "cut at", n);
		free(copy);
		if (n < block_offsets[0]) {
			assert_int_equal(o.opened, -EBADMSG);
			continue;
		}
		while (whole < n_blocks && block_offsets[whole + 1] <= n)
			whole++;
		assert_int_equal(o.opened, 0);
		assert_int_equal(o.blocks, whole);
		assert_false(o.complete);
		assert_int_equal(o.damages, 1);
		assert_int_equal(o.last.cause, KT_LOSS_TRUNCATED);
		assert_true(o.last.end_ns == UINT64_MAX);
	}
}

/* Bytes taken out or put in anywhere: a copying error, a disk's bad sector, two writers. */
static void pieces_out_and_in(void **state)
{
	unsigned char *copy = malloc(2 * file.n);

	make_seed(7);
	for (int i = 0; i < 1000; i++) {
		size_t at = make_random() % file.n;
		size_t len = make_random() % (i % 3 ? 40 : file.n - at) + 1;
		size_t from = make_random() % file.n;

		memcpy(copy, file.v, at);
		if (i % 2) {
			len = KT_MIN(len, file.n - at);
			memcpy(copy + at, file.v + at + len, file.n - at - len);
			check(copy, file.n - len, i % 5, "taken out at", at);
		} else {
			len = KT_MIN(len, file.n - from);
			memcpy(copy + at, file.v + from, len);
			memcpy(copy + at + len, file.v + at, file.n - at);
			check(copy, file.n + len, i % 5, "put in at", at);
		}
	}
	free(copy);
}

static void stretches_overwritten(void **state)
{
	unsigned char *copy = malloc(file.n);

	make_seed(8);
	for (int i = 0; i < 1000; i++) {
		memcpy(copy, file.v, file.n);
		for (int k = make_random() % 4; k >= 0; k--) {
			size_t at = make_random() % file.n;
			size_t len = make_random() % 600 + 1;

			len = KT_MIN(len, file.n - at); /* the macro evaluates it twice */
			for (size_t j = 0; j < len; j++)
				copy[at + j] = i % 2 ? 0 : make_random();
		}
		check(copy, file.n, i % 3, "overwritten", i);
	}
	free(copy);
}

static void whole_blocks_moved(void **state)
{
	unsigned char *copy = malloc(2 * file.n);

	make_seed(9);
	for (int i = 0; i < 500; i++) {
		unsigned int a = make_random() % n_blocks, b = make_random() % n_blocks;
		size_t n = block_offsets[0];

		/* Block a missing (even) or again after b (odd). */
		memcpy(copy, file.v, n);
		for (unsigned int k = 0; k < n_blocks; k++) {
			if (i % 2 || k != a) {
				size_t len = block_offsets[k + 1] - block_offsets[k];

				memcpy(copy + n, file.v + block_offsets[k], len);
				n += len;
			}
			if (i % 2 && k == b) {
				size_t len = block_offsets[a + 1] - block_offsets[a];

				memcpy(copy + n, file.v + block_offsets[a], len);
				n += len;
			}
		}
		memcpy(copy + n, file.v + block_offsets[n_blocks], KTR_TAIL_FRAME);
		n += KTR_TAIL_FRAME;
		if (!check(copy, n, true, "moved", i).damages)
			fail_msg("a block that was moved is not noticed: %u %u", a, b);
	}
	free(copy);
}

static void bytes_after_the_end(void **state)
{
	unsigned char *copy = malloc(2 * file.n);
	struct outcome o;

	memcpy(copy, file.v, file.n);
	memcpy(copy + file.n, file.v, file.n);
	for (size_t n = 1; n < file.n; n = n * 3 + 1) {
		o = check(copy, file.n + n, true, "after the end", n);
		assert_int_equal(o.events, N_EVENTS);
		assert_int_equal(o.damages, 1);
		assert_true(o.complete);
	}
	free(copy);
}

static void not_a_recording(void **state)
{
	unsigned char *copy = calloc(1, 5 << 20);
	struct outcome o;

	assert_int_equal(check((const unsigned char *)"", 0, true, "empty", 0).opened, -EBADMSG);
	assert_int_equal(check((const unsigned char *)"hello\n", 6, true, "text", 0).opened,
			 -EBADMSG);
	assert_int_equal(check(copy, 5 << 20, true, "zeros", 0).opened, -EBADMSG);
	/* But one after other bytes is found. */
	memcpy(copy + (4 << 20), file.v, file.n);
	o = check(copy, (4 << 20) + file.n, true, "behind zeros", 0);
	assert_int_equal(o.opened, 0);
	assert_int_equal(o.events, N_EVENTS);
	assert_int_equal(o.damages, 1);
	free(copy);
}

static void newer_version(void **state)
{
	unsigned char *copy = malloc(file.n);
	struct ktr_disk_file *d = (void *)(copy + KTR_FRAME_BYTES);
	size_t len = block_offsets[0] - KTR_CRC_BYTES;
	struct memory m = {copy, file.n};
	struct ktr_reader *r = NULL;
	uint32_t crc;

	memcpy(copy, file.v, file.n);
	d->incompat = 1;
	crc = kt_crc32c(0, copy, len);
	memcpy(copy + len, &crc, sizeof(crc));
	assert_int_equal(memory_open(&m, true, &r), -EPROTONOSUPPORT);
	d->incompat = 0;
	d->compat = 0xffffffff;
	d->version = 77;
	crc = kt_crc32c(0, copy, len);
	memcpy(copy + len, &crc, sizeof(crc));
	assert_int_equal(memory_open(&m, true, &r), 0);
	ktr_reader_close(r);
	free(copy);
}

static int64_t failing_read(void *arg, void *buf, size_t len)
{
	size_t *left = arg;
	size_t n = KT_MIN(len, KT_MIN(*left, 500u));

	if (!n)
		return -EIO;
	memcpy(buf, file.v + file.n / 2 - *left, n);
	*left -= n;
	return n;
}

static void read_errors_are_told(void **state)
{
	size_t left = file.n / 2;
	struct ktr_reader *r = NULL;
	struct ktr_block b;
	int ret, n = 0;

	assert_int_equal(ktr_reader_open_cb(failing_read, NULL, &left, &r), 0);
	while ((ret = ktr_reader_next(r, &b)) == 1)
		n++;
	assert_int_equal(ret, -EIO);
	assert_true(n > 3);
	ktr_reader_close(r);
	left = 0;
	assert_int_equal(ktr_reader_open_cb(failing_read, NULL, &left, &r), -EIO);
	assert_int_equal(ktr_reader_open("/nonexistent/x.ktr", &r), -ENOENT);
	assert_int_equal(ktr_reader_open("/", &r), -EISDIR);
	ktr_reader_close(NULL);
}

/* ---------------------------------------------------------------- a schema that is not the compiled one */

static void add_block(struct bytes *f, struct ktr_block_info info, const void *raw, size_t len)
{
	unsigned char frame[KTR_BLOCK_FRAME], comp[4096];
	struct ktr_run_info run = make_run();
	static uint64_t file_seq;
	size_t n;

	if (info.kind == KTR_SCHEMA && !info.cut_ns)
		file_seq = 0;
	n = ZSTD_compress(comp, sizeof(comp), raw, len, 1);
	assert_false(ZSTD_isError(n));
	memcpy(info.uuid, run.uuid, sizeof(info.uuid));
	info.file_seq = file_seq++;
	info.raw_len = len;
	info.comp_len = n;
	info.comp_crc = kt_crc32c(0, comp, n);
	ktr_block_put(&info, frame);
	bytes_add(f, frame, sizeof(frame));
	bytes_add(f, comp, n);
}

/* The first copy of the schema is damaged: a later one is used if the file can be searched. */
static void later_schema_serves(void **state)
{
	static const char text[] = "ktrace-schema 1\nevent 0x0201 rq_get 24 request\n"
				   "field u32 other 12 1 COUNT\nfield u64 bio 16 1 PTR\n";
	struct ktr_run_info run = make_run();
	uint32_t crc = kt_crc32c(0, text, strlen(text));
	struct kt_rq_get ev = {10, KT_EV_rq_get, sizeof(ev), 1, 2};
	struct ktr_block_info schema = {.kind = KTR_SCHEMA, .stream = KTR_NO_STREAM};
	struct ktr_block_info info = {
		.kind = KTR_EVENTS,
		.schema_crc = crc,
		.ts_min_ns = 10,
		.ts_max_ns = 10,
		.cut_ns = 11,
		.n_events = 1,
	};
	struct bytes f = {0};
	size_t len, first;
	void *head = NULL;

	assert_int_equal(ktr_file_put(&run, &head, &len), 0);
	bytes_add(&f, head, len);
	free(head);
	first = f.n;
	add_block(&f, schema, text, strlen(text));
	for (int i = 0; i < 3; i++)
		add_block(&f, info, &ev, sizeof(ev));
	schema.cut_ns = 20;
	add_block(&f, schema, text, strlen(text));
	for (int seekable = 0; seekable < 2; seekable++)
		for (int damaged = 0; damaged < 2; damaged++) {
			struct memory m = {f.v, f.n, .step = 100};
			struct ktr_reader *r = NULL;
			struct ktr_block b;
			int n = 0;

			f.v[first + KTR_BLOCK_FRAME + 5] ^= damaged;
			assert_int_equal(memory_open(&m, seekable, &r), 0);
			while (ktr_reader_next(r, &b) == 1) {
				const struct kt_schema *s;

				if (b.info.kind != KTR_EVENTS)
					continue;
				n++;
				s = ktr_reader_schema(r, crc);
				assert_int_equal(!!s, seekable || !damaged);
				if (s)
					assert_non_null(
						kt_event_field(kt_schema_event(s, 0x201), "other"));
				assert_null(ktr_reader_schema(r, crc + 1));
			}
			assert_int_equal(n, 3);
			f.v[first + KTR_BLOCK_FRAME + 5] ^= damaged;
			ktr_reader_close(r);
		}
	bytes_finish(&f);
}

/* Blocks with valid checksums and invalid content. */
static void hostile_payloads(void **state)
{
	struct kt_rq_get ev[2] = {{10, KT_EV_rq_get, sizeof(ev[0]), 1, 2},
				  {12, KT_EV_rq_get, sizeof(ev[0]), 1, 2}};
	struct ktr_block_info good = {
		.kind = KTR_EVENTS,
		.ts_min_ns = 10,
		.ts_max_ns = 12,
		.n_events = 2,
		.raw_len = sizeof(ev),
	};
	const struct kt_schema *s = kt_schema_compiled();
	unsigned char comp[4096], raw[sizeof(ev)];
	struct ktr_block_info b;

	good.comp_len = ZSTD_compress(comp, sizeof(comp), ev, sizeof(ev), 1);
	assert_int_equal(ktr_block_decode(&good, comp, s, raw), 0);
	assert_int_equal(ktr_block_decode(&good, comp, NULL, raw), -EBADMSG);
	b = good;
	b.ts_min_ns = 11;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b = good;
	b.ts_max_ns = 11;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b = good;
	b.n_events = 1;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b = good;
	b.raw_len -= 8;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b = good;
	b.comp_len--;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b = good;
	b.codec = 1;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EPROTONOSUPPORT);
	b = good;
	b.codec = KTR_COLUMNS;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b.kind = KTR_CONTEXT;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	b = good;
	b.raw_len = KTR_RAW_MAX + 1;
	assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	ev[0].ts_ns = 12;
	ev[1].ts_ns = 11;
	ZSTD_compress(comp, sizeof(comp), ev, sizeof(ev), 1);
	assert_int_equal(ktr_block_decode(&good, comp, s, raw), -EBADMSG);
	ev[0].ts_ns = 10;
	for (int len = 0; len < 64; len++) {
		size_t n;

		if (len == sizeof(ev[0]))
			continue;
		ev[0].len = len;
		n = ZSTD_compress(comp, sizeof(comp), ev, sizeof(ev), 1);
		b = good;
		b.comp_len = n;
		assert_int_equal(ktr_block_decode(&b, comp, s, raw), -EBADMSG);
	}
}

static int set_up(void **state)
{
	make_true_file();
	return 0;
}

static int tear_down(void **state)
{
	bytes_finish(&file);
	for (int i = 0; i < N_EVENTS; i++)
		bytes_finish(&events[i]);
	for (unsigned int i = 0; i < n_blocks; i++)
		bytes_finish(&raws[i]);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file),
		cmocka_unit_test(every_byte_flipped),
		cmocka_unit_test(every_length),
		cmocka_unit_test(pieces_out_and_in),
		cmocka_unit_test(stretches_overwritten),
		cmocka_unit_test(whole_blocks_moved),
		cmocka_unit_test(bytes_after_the_end),
		cmocka_unit_test(not_a_recording),
		cmocka_unit_test(newer_version),
		cmocka_unit_test(read_errors_are_told),
		cmocka_unit_test(later_schema_serves),
		cmocka_unit_test(hostile_payloads),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
