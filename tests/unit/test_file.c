/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Intact files: what is written is read. And what the writer does when it cannot write. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "tests/unit/make.h"

static struct ktr_writer *start(int fd, enum ktr_codec codec)
{
	struct ktr_run_info run = make_run();
	struct ktr_writer_options opts = {.codec = codec};
	struct ktr_writer *w = NULL;

	assert_int_equal(ktr_writer_create(fd, &run, &opts, &w), 0);
	return w;
}

/* n blocks, alternating over two streams, of random events; all raw bytes of stream i are appended to all[i]. */
static void write_blocks(struct ktr_writer *w, int n, int events, struct bytes all[2])
{
	static uint64_t ts_ns;
	struct bytes b = {0};

	ts_ns = 1000000;
	for (int i = 0; i < n; i++) {
		struct ktr_block_info info;

		b.n = 0;
		for (int j = 0; j < events; j++)
			make_event(&b, ts_ns += make_random() % 1000);
		info = make_info(&b, KTR_EVENTS, i % 2);
		info.watermark_ns = info.ts_min_ns;
		info.emitted = i + 1;
		info.lost[KT_LOSS_RING_FULL] = i;
		assert_int_equal(ktr_writer_block(w, &info, b.v), 0);
		bytes_add(&all[i % 2], b.v, b.n);
	}
	bytes_finish(&b);
}

struct seen {
	struct bytes all[2];
	struct bytes context;
	unsigned int n[KTR_INDEX + 1];
	unsigned int contexts, damage;
	bool complete;
};

static void read_all(struct ktr_reader *r, struct seen *seen)
{
	unsigned char *raw = malloc(KTR_RAW_MAX);
	uint64_t file_seq = 0, stream_seq[2] = {0}, cut_ns = 0, watermark_ns = 0;
	struct ktr_damage d;
	struct ktr_block b;
	int ret;

	while ((ret = ktr_reader_next(r, &b)) == 1) {
		const struct kt_schema *s = ktr_reader_schema(r, b.info.schema_crc);

		assert_int_equal(ktr_block_decode(&b.info, b.comp, s, raw), 0);
		assert_int_equal(b.info.file_seq, file_seq++);
		assert_true(b.info.cut_ns >= cut_ns && b.info.watermark_ns >= watermark_ns);
		cut_ns = b.info.cut_ns;
		watermark_ns = b.info.watermark_ns;
		seen->n[b.info.kind]++;
		if (b.info.kind == KTR_EVENTS) {
			assert_int_equal(b.info.stream_seq, stream_seq[b.info.stream]++);
			assert_int_equal(b.info.lost[KT_LOSS_RING_FULL] + 1, b.info.emitted);
			bytes_add(&seen->all[b.info.stream], raw, b.info.raw_len);
		}
		if (b.info.kind == KTR_CONTEXT) {
			if (b.info.part == 0)
				seen->contexts++;
			if (seen->contexts == 1)
				bytes_add(&seen->context, raw, b.info.raw_len);
		}
	}
	assert_int_equal(ret, 0);
	assert_int_equal(ktr_reader_next(r, &b), 0);
	while (ktr_reader_damage(r, &d))
		seen->damage++;
	seen->complete = ktr_reader_complete(r);
	free(raw);
}

static void seen_finish(struct seen *seen)
{
	for (int i = 0; i < 2; i++)
		bytes_finish(&seen->all[i]);
	bytes_finish(&seen->context);
}

static void compare(const struct seen *seen, const struct bytes all[2])
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen->all[i].n, all[i].n);
		assert_memory_equal(seen->all[i].v, all[i].v, all[i].n);
	}
}

/* A complete small file with everything in it. */
static int write_file(enum ktr_codec codec, struct bytes all[2])
{
	struct ktr_clocks clocks = {1000000, 2, 3, 4, 5};
	static unsigned char tar[3 << 20];
	int fd = make_file();
	struct ktr_writer *w = start(fd, codec);

	for (size_t i = 0; i < sizeof(tar); i++)
		tar[i] = i * i >> 8;
	assert_int_equal(ktr_writer_clock(w, 0, &clocks), 0);
	assert_int_equal(ktr_writer_context(w, 0, tar, sizeof(tar)), 0);
	write_blocks(w, 20, 300, all);
	clocks.mono_ns += 1000;
	assert_int_equal(ktr_writer_clock(w, 2, &clocks), 0);
	assert_int_equal(ktr_writer_context(w, 2, "x", 1), 0);
	assert_int_equal(ktr_writer_sync(w), 0);
	assert_int_equal(ktr_writer_close(w), 0);
	return fd;
}

static void comes_back(void **state)
{
	for (int codec = 0; codec <= KTR_COLUMNS; codec += KTR_COLUMNS) {
		struct bytes all[2] = {0}, file;
		struct seen seen = {0};
		struct memory m = {0};
		struct ktr_reader *r = NULL;
		const struct ktr_run_info *info;
		int fd = write_file(codec, all);

		file = file_bytes(fd);
		m.v = file.v;
		m.n = file.n;
		m.step = codec ? 0 : 977;
		assert_int_equal(memory_open(&m, true, &r), 0);
		info = ktr_reader_info(r);
		assert_string_equal(info->host, "example");
		assert_string_equal(info->boot_id, "01234567-89ab-cdef-0123-456789abcdef");
		assert_string_equal(info->kinds, "core,bio,request");
		assert_string_equal(info->filters, "-p 1");
		assert_string_equal(info->command, "fio --name=x");
		assert_string_equal(info->tool_version, "0.1.0");
		assert_int_equal(info->clocks.tai_ns, 1700000037000000000);
		assert_int_equal(info->clocks.error_ns, 50);
		assert_int_equal(info->n_streams, 2);
		read_all(r, &seen);
		assert_int_equal(ktr_reader_offset(r), file.n);
		compare(&seen, all);
		assert_true(seen.complete);
		assert_int_equal(seen.damage, 0);
		assert_int_equal(seen.n[KTR_SCHEMA], 2);
		assert_int_equal(seen.n[KTR_CLOCK], 3);
		assert_int_equal(seen.n[KTR_CONTEXT], 7);
		assert_int_equal(seen.n[KTR_INDEX], 1);
		assert_int_equal(seen.context.n, 3 << 20);
		ktr_reader_close(r);
		seen_finish(&seen);
		for (int i = 0; i < 2; i++)
			bytes_finish(&all[i]);
		bytes_finish(&file);
		close(fd);
	}
}

/* What `zstd -t` and `zstd -dc` do: every frame, checksums included. */
static void is_a_zstd_stream(void **state)
{
	struct bytes all[2] = {0}, file;
	int fd = write_file(KTR_COLUMNS, all);
	ZSTD_DStream *z = ZSTD_createDStream();
	static char out[1 << 16];
	bool schema = false;
	ZSTD_inBuffer in;
	size_t left = 1;

	file = file_bytes(fd);
	in = (ZSTD_inBuffer){file.v, file.n, 0};
	while (in.pos < in.size) {
		ZSTD_outBuffer o = {out, sizeof(out), 0};

		left = ZSTD_decompressStream(z, &o, &in);
		assert_false(ZSTD_isError(left));
		schema |= memmem(out, o.pos, "event 0x0101 bio_queue", 22) != NULL;
	}
	assert_int_equal(left, 0);
	assert_true(schema);
	ZSTD_freeDStream(z);
	bytes_finish(&file);
	for (int i = 0; i < 2; i++)
		bytes_finish(&all[i]);
	close(fd);
}

/* The program itself, if installed. */
static void zstd_tests_it(void **state)
{
	struct bytes all[2] = {0};
	int fd = write_file(KTR_COLUMNS, all);
	char command[128];

	for (int i = 0; i < 2; i++)
		bytes_finish(&all[i]);
	if (system("command -v zstd >/dev/null")) {
		close(fd);
		skip();
	}
	snprintf(command, sizeof(command), "zstd -qt < /proc/%d/fd/%d", getpid(), fd);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command),
		 "zstd -dc < /proc/%d/fd/%d | grep -qa 'event 0x0101 bio_queue'", getpid(), fd);
	assert_int_equal(system(command), 0);
	close(fd);
}

struct pipe_reader {
	int fd;
	struct seen seen;
};

static int64_t pipe_read(void *arg, void *buf, size_t len)
{
	ssize_t n = read(*(int *)arg, buf, len);

	return n < 0 ? -errno : n;
}

static void *read_pipe(void *arg)
{
	struct pipe_reader *p = arg;
	struct ktr_reader *r = NULL;

	assert_int_equal(ktr_reader_open_cb(pipe_read, NULL, &p->fd, &r), 0);
	read_all(r, &p->seen);
	ktr_reader_close(r);
	return NULL;
}

static void through_a_pipe(void **state)
{
	struct pipe_reader p = {0};
	struct bytes all[2] = {0};
	struct ktr_writer *w;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	p.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, read_pipe, &p), 0);
	w = start(fds[1], KTR_COLUMNS);
	write_blocks(w, 30, 500, all);
	assert_int_equal(ktr_writer_sync(w), 0);
	assert_int_equal(ktr_writer_close(w), 0);
	close(fds[1]);
	pthread_join(thread, NULL);
	compare(&p.seen, all);
	assert_true(p.seen.complete);
	assert_int_equal(p.seen.damage, 0);
	seen_finish(&p.seen);
	for (int i = 0; i < 2; i++)
		bytes_finish(&all[i]);
	close(fds[0]);
}

/* After 64 MiB, schema, clocks and context are in the file again. */
static void repeats(void **state)
{
	struct ktr_clocks clocks = {1000000, 2, 3, 4, 5};
	int fd = make_file();
	struct ktr_writer *w = start(fd, KTR_RAW);
	struct bytes b = {0}, file;
	struct seen seen = {0};
	struct memory m = {0};
	struct ktr_reader *r = NULL;
	struct ktr_block_info info;

	assert_int_equal(ktr_writer_clock(w, 0, &clocks), 0);
	assert_int_equal(ktr_writer_context(w, 0, "tar", 3), 0);
	while (b.n < 2 << 20) {
		struct kt_rq_get get = {7, KT_EV_rq_get, sizeof(get), 0, make_random()};

		bytes_add(&b, &get, sizeof(get));
	}
	info = make_info(&b, KTR_EVENTS, 0);
	info.emitted = 1;
	while (ktr_writer_bytes(w) < 2 * KTR_REPEAT_BYTES + KTR_REPEAT_BYTES / 4)
		assert_int_equal(ktr_writer_block(w, &info, b.v), 0);
	assert_int_equal(ktr_writer_close(w), 0);
	file = file_bytes(fd);
	m.v = file.v;
	m.n = file.n;
	assert_int_equal(memory_open(&m, true, &r), 0);
	read_all(r, &seen);
	assert_int_equal(seen.n[KTR_SCHEMA], 4);
	assert_int_equal(seen.n[KTR_CLOCK], 4);
	assert_int_equal(seen.contexts, 4);
	assert_int_equal(seen.damage, 0);
	ktr_reader_close(r);
	seen_finish(&seen);
	bytes_finish(&b);
	bytes_finish(&file);
	close(fd);
}

/* The tail points to the index, which lists each block. */
static void index_and_tail(void **state)
{
	struct bytes all[2] = {0}, file;
	int fd = write_file(KTR_COLUMNS, all);
	static unsigned char raw[KTR_RAW_MAX];
	struct memory m = {0};
	struct ktr_reader *r = NULL;
	struct ktr_tail_info tail;
	struct ktr_block b;
	struct kt_block_index entries[64];
	size_t n = 0;

	file = file_bytes(fd);
	m.v = file.v;
	m.n = file.n;
	assert_int_equal(ktr_tail_get(file.v + file.n - KTR_TAIL_FRAME, KTR_TAIL_FRAME, &tail), 0);
	assert_int_equal(memory_open(&m, true, &r), 0);
	while (ktr_reader_next(r, &b) == 1) {
		if (b.info.kind == KTR_INDEX) {
			assert_int_equal(b.offset, tail.index_offset);
			assert_int_equal(ktr_block_decode(&b.info, b.comp,
							  ktr_reader_schema(r, b.info.schema_crc),
							  raw),
					 0);
			assert_int_equal(b.info.n_events, n);
			assert_int_equal(tail.n_blocks, n + 1);
			for (size_t i = 0; i < n; i++)
				assert_memory_equal(raw + i * sizeof(entries[0]), &entries[i],
						    sizeof(entries[0]));
			n = 0;
			break;
		}
		entries[n++] = (struct kt_block_index){
			b.info.ts_min_ns, KT_EV_block_index, sizeof(entries[0]), b.info.kind,
			b.offset,	  b.info.ts_max_ns,  b.info.stream,	 b.info.n_events};
	}
	assert_int_equal(n, 0);
	ktr_reader_close(r);
	bytes_finish(&file);
	for (int i = 0; i < 2; i++)
		bytes_finish(&all[i]);
	close(fd);
}

/* No room for a block: it is cut off, the file ends after complete blocks; nothing more can be written. */
static void no_room(void **state)
{
	struct rlimit old, small;
	struct bytes all[2] = {0}, file, b = {0};
	struct seen seen = {0};
	struct memory m = {0};
	struct ktr_reader *r = NULL;
	struct ktr_block_info info;
	int fd = make_file(), err;
	struct ktr_writer *w = start(fd, KTR_COLUMNS);
	uint64_t whole;

	write_blocks(w, 4, 200, all);
	whole = ktr_writer_bytes(w);
	for (int j = 0; j < 200; j++)
		make_event(&b, j);
	info = make_info(&b, KTR_EVENTS, 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = whole + 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	err = ktr_writer_block(w, &info, b.v);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(ktr_writer_block(w, &info, b.v), -EFBIG);
	assert_int_equal(ktr_writer_bytes(w), whole);
	assert_int_equal(ktr_writer_close(w), -EFBIG);
	file = file_bytes(fd);
	assert_int_equal(file.n, whole);
	m.v = file.v;
	m.n = file.n;
	assert_int_equal(memory_open(&m, true, &r), 0);
	read_all(r, &seen);
	compare(&seen, all);
	assert_false(seen.complete);
	assert_int_equal(seen.damage, 1);
	ktr_reader_close(r);
	seen_finish(&seen);
	bytes_finish(&file);
	bytes_finish(&b);
	for (int i = 0; i < 2; i++)
		bytes_finish(&all[i]);
	close(fd);
}

static void closed_pipe(void **state)
{
	struct ktr_run_info run = make_run();
	struct ktr_writer *w = NULL;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(ktr_writer_create(fds[1], &run, NULL, &w), 0);
	close(fds[0]);
	assert_int_equal(ktr_writer_context(w, 0, "x", 1), -EPIPE);
	assert_int_equal(ktr_writer_close(w), -EPIPE);
	assert_int_equal(ktr_writer_create(fds[1], &run, NULL, &w), -EPIPE);
	close(fds[1]);
	assert_int_equal(ktr_writer_close(NULL), 0);
}

static void refuses_nonsense(void **state)
{
	struct ktr_writer_options opts = {.codec = 1};
	struct ktr_run_info run = make_run();
	struct ktr_block_info info = {.kind = KTR_EVENTS, .stream = 2};
	struct ktr_clocks clocks = {0};
	int fd = make_file();
	struct ktr_writer *w = NULL;

	assert_int_equal(ktr_writer_create(fd, &run, &opts, &w), -EINVAL);
	w = start(fd, KTR_COLUMNS);
	assert_int_equal(ktr_writer_block(w, &info, ""), -EINVAL);
	info.stream = 0;
	info.raw_len = KTR_RAW_MAX + 1;
	assert_int_equal(ktr_writer_block(w, &info, ""), -EINVAL);
	info.raw_len = 0;
	info.ts_min_ns = 1;
	assert_int_equal(ktr_writer_block(w, &info, ""), -EINVAL);
	assert_int_equal(ktr_writer_clock(w, 3, &clocks), -EINVAL);
	info.ts_min_ns = 0;
	assert_int_equal(ktr_writer_block(w, &info, ""), 0);
	assert_int_equal(ktr_writer_close(w), 0);
	close(fd);
}

/* Events that the columns cannot hold are still kept. */
static void stranger_is_kept_raw(void **state)
{
	struct kt_event stranger = {5, 0x7777, 16, 42};
	unsigned char raw[16];
	struct ktr_block_info info;
	struct bytes b = {0}, file;
	struct memory m = {0};
	struct ktr_reader *r = NULL;
	struct ktr_block block;
	int fd = make_file(), found = 0;
	struct ktr_writer *w = start(fd, KTR_COLUMNS);

	bytes_add(&b, &stranger, sizeof(stranger));
	info = make_info(&b, KTR_EVENTS, 0);
	assert_int_equal(ktr_writer_block(w, &info, b.v), 0);
	assert_int_equal(ktr_writer_close(w), 0);
	file = file_bytes(fd);
	m.v = file.v;
	m.n = file.n;
	assert_int_equal(memory_open(&m, false, &r), 0);
	while (ktr_reader_next(r, &block) == 1) {
		if (block.info.kind != KTR_EVENTS)
			continue;
		assert_int_equal(block.info.codec, KTR_RAW);
		assert_int_equal(
			ktr_block_decode(&block.info, block.comp, kt_schema_compiled(), raw), 0);
		assert_memory_equal(raw, &stranger, sizeof(stranger));
		found++;
	}
	assert_int_equal(found, 1);
	ktr_reader_close(r);
	bytes_finish(&b);
	bytes_finish(&file);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),	    cmocka_unit_test(is_a_zstd_stream),
		cmocka_unit_test(zstd_tests_it),    cmocka_unit_test(through_a_pipe),
		cmocka_unit_test(repeats),	    cmocka_unit_test(index_and_tail),
		cmocka_unit_test(no_room),	    cmocka_unit_test(closed_pipe),
		cmocka_unit_test(refuses_nonsense), cmocka_unit_test(stranger_is_kept_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
