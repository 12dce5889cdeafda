/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "tests/unit/make.h"

static uint64_t state = 1;

void make_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ull + 1;
}

/* xorshift64* */
uint64_t make_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

void bytes_add(struct bytes *b, const void *data, size_t len)
{
	if (b->n + len > b->cap) {
		b->cap = KT_MAX(2 * b->cap, b->n + len);
		b->v = realloc(b->v, b->cap);
		assert_non_null(b->v);
	}
	if (len)
		memcpy(b->v + b->n, data, len);
	b->n += len;
}

void bytes_finish(struct bytes *b)
{
	free(b->v);
	*b = (struct bytes){0};
}

void make_event(struct bytes *b, uint64_t ts_ns)
{
	const struct kt_event_desc *d = &kt_events[make_random() % kt_n_events];
	_Alignas(8) unsigned char buf[KT_EVENT_MAX];
	struct kt_event head = {.ts_ns = ts_ns, .id = d->id, .len = d->len};

	for (size_t i = 0; i < d->len; i++)
		buf[i] = make_random();
	memcpy(buf, &head, KT_EVENT_HDR);
	for (size_t i = 0; i < d->n_fields; i++) {
		const struct kt_field *f = &d->fields[i];
		size_t n;

		if (f->kind == KT_KIND_LOSS) {
			memset(buf + f->offset, 0, f->size);
			buf[f->offset] = make_random() % KT_N_LOSS;
		}
		if (f->kind != KT_KIND_STR)
			continue;
		/* A string is padded with zeros, as by the recorder. */
		n = make_random() % (f->count + 1);
		for (size_t j = 0; j < n; j++)
			if (!buf[f->offset + j])
				buf[f->offset + j] = 'x';
		memset(buf + f->offset + n, 0, f->count - n);
	}
	bytes_add(b, buf, d->len);
}

uint64_t make_read(struct bytes *b, uint64_t ts_ns)
{
	uint64_t bio = 0xffff888100000000ull + make_random() % 32 * 256;
	uint64_t rq = 0xffff888200000000ull + make_random() % 32 * 384;
	uint64_t sector = make_random() % (1 << 21) / 8 * 8;
	uint32_t dev = 7 << 20;
	struct kt_bio_queue queue = {
		.ts_ns = ts_ns += 1000 + make_random() % 2000,
		.id = KT_EV_bio_queue,
		.len = sizeof(queue),
		.tid = 4321,
		.tgid = 4321,
		.bio = bio,
		.sector = sector,
		.bytes = 4096,
		.dev = dev,
		.opf = 1 << 11,
		.cgroup = 77,
	};
	struct kt_rq_get get = {
		.ts_ns = ts_ns += 200 + make_random() % 100,
		.id = KT_EV_rq_get,
		.len = sizeof(get),
		.dev = dev,
		.bio = bio,
	};
	struct kt_rq_issue issue = {
		.ts_ns = ts_ns += 300 + make_random() % 200,
		.id = KT_EV_rq_issue,
		.len = sizeof(issue),
		.rq = rq,
		.sector = sector,
		.bytes = 4096,
		.opf = 1 << 11,
		.dev = dev,
		.part_dev = dev,
		.flags = KT_RQ_IO_STAT,
		.bio = bio,
		.n_bios = 1,
		.segments = 1,
	};
	struct kt_rq_complete complete = {
		.ts_ns = ts_ns += 5000 + make_random() % 4000,
		.id = KT_EV_rq_complete,
		.len = sizeof(complete),
		.bytes = 4096,
		.rq = rq,
		.flags = KT_RQ_FINAL | KT_RQ_IO_STAT,
		.opf = 1 << 11,
		.dev = dev,
	};

	bytes_add(b, &queue, sizeof(queue));
	bytes_add(b, &get, sizeof(get));
	bytes_add(b, &issue, sizeof(issue));
	bytes_add(b, &complete, sizeof(complete));
	return ts_ns;
}

struct ktr_block_info make_info(const struct bytes *events, enum ktr_kind kind, uint32_t stream)
{
	struct ktr_block_info info = {.kind = kind, .stream = stream, .raw_len = events->n};

	for (size_t at = 0; at < events->n; info.n_events++) {
		struct kt_event ev;

		memcpy(&ev, events->v + at, sizeof(ev));
		if (!at)
			info.ts_min_ns = ev.ts_ns;
		info.ts_max_ns = ev.ts_ns;
		at += ev.len;
	}
	info.cut_ns = info.ts_max_ns;
	return info;
}

struct ktr_run_info make_run(void)
{
	return (struct ktr_run_info){
		.uuid = {0x12, 0x34, 0x56, 0x78, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
		.host = "example",
		.clocks = {1000000, 1700000000000000000, 1000100, 1700000037000000000, 50},
		.n_cpus = 2,
		.n_streams = 2,
		.tool_version = "0.1.0",
		.kinds = "core,bio,request",
		.filters = "-p 1",
		.command = "fio --name=x",
	};
}

int make_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct bytes file_bytes(int fd)
{
	struct bytes b = {0};
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	b.v = malloc(st.st_size + 1);
	assert_non_null(b.v);
	b.n = b.cap = st.st_size;
	for (size_t at = 0; at < b.n;) {
		ssize_t n = pread(fd, b.v + at, b.n - at, at);

		assert_true(n > 0);
		at += n;
	}
	return b;
}

static int64_t memory_read(void *arg, void *buf, size_t len)
{
	struct memory *m = arg;
	size_t n = KT_MIN(len, m->n - m->at);

	if (m->step)
		n = KT_MIN(n, m->step);
	memcpy(buf, m->v + m->at, n);
	m->at += n;
	return n;
}

static int memory_seek(void *arg, uint64_t offset)
{
	struct memory *m = arg;

	m->at = KT_MIN(offset, m->n);
	return 0;
}

int memory_open(struct memory *m, bool seekable, struct ktr_reader **ret)
{
	m->at = 0;
	return ktr_reader_open_cb(memory_read, seekable ? memory_seek : NULL, m, ret);
}
