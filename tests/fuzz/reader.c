/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * libFuzzer target: everything that reads foreign data. The first byte of an input chooses the part that gets the
 * rest (enum part; the seeds are made accordingly). Violations call abort().
 */
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "tests/fuzz/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *null_file;
static unsigned char raw[KTR_RAW_MAX];

#define MUST(x)                                                                                \
	do {                                                                                   \
		if (!(x)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* ---------------------------------------------------------------- events */

/* Walks decoded events as the analysis does. */
static void use_events(const struct kt_schema *s, const struct ktr_block_info *info)
{
	struct kt_map *m;
	unsigned int n = 0;

	if (kt_map_create(s, &m))
		return;
	for (size_t at = 0; at < info->raw_len; n++) {
		const struct kt_event *ev = (const void *)(raw + at), *ours;

		MUST(ev->len >= sizeof(*ev) && ev->len % 8 == 0 && ev->len <= info->raw_len - at);
		MUST(info->kind == KTR_INDEX ||
		     (ev->ts_ns >= info->ts_min_ns && ev->ts_ns <= info->ts_max_ns));
		ours = kt_map_event(m, ev);
		if (ours) {
			const struct kt_event_desc *d =
				kt_schema_event(kt_schema_compiled(), ours->id);

			MUST(d && d->len == ours->len && ours->ts_ns == ev->ts_ns);
		}
		if (n < 50)
			kt_text_print(null_file, s, NULL, ev, info->stream, info->ts_min_ns);
		at += ev->len;
	}
	MUST(n == info->n_events);
	for (size_t i = 0; i < kt_n_events; i++) {
		bool any = false;

		for (size_t j = 0; j < kt_events[i].n_fields; j++)
			any |= kt_map_has(m, kt_events[i].id, kt_events[i].fields[j].name);
		MUST(!any || kt_map_has(m, kt_events[i].id, NULL));
	}
	kt_map_destroy(m);
	kt_map_destroy(NULL);
}

/* Decoded data can be encoded again, and is the same afterwards. */
static void round_trip(const struct kt_schema *s, size_t len)
{
	size_t cap = ktr_columns_bound(len);
	unsigned char *enc = malloc(cap), *back = malloc(len + 1);
	int64_t n = ktr_columns_encode(s, raw, len, enc, cap);

	if (n >= 0) {
		MUST(!ktr_columns_decode(s, enc, n, back, len));
		MUST(!memcmp(back, raw, len));
		if (n)
			MUST(ktr_columns_encode(s, raw, len, enc, n - 1) == -ENOSPC);
	}
	free(enc);
	free(back);
}

/* ---------------------------------------------------------------- files */

struct memory {
	const uint8_t *v;
	size_t n, at, step;
	unsigned int calls, fail; /* the call that fails, 0 = none */
};

static int64_t memory_read(void *arg, void *buf, size_t len)
{
	struct memory *m = arg;
	size_t n = KT_MIN(KT_MIN(len, m->n - m->at), m->step);

	if (++m->calls == m->fail)
		return m->fail % 2 ? -EINTR : -EIO;
	memcpy(buf, m->v + m->at, n);
	m->at += n;
	return n;
}

static int memory_seek(void *arg, uint64_t offset)
{
	struct memory *m = arg;

	MUST(offset <= m->n);
	m->at = offset;
	return 0;
}

static void use_reader(struct ktr_reader *r, size_t size, bool may_fail)
{
	struct ktr_damage d;
	struct ktr_block b;
	uint64_t last = 0;
	int ret;

	MUST(ktr_reader_info(r)->kinds && ktr_reader_info(r)->command);
	while ((ret = ktr_reader_next(r, &b)) == 1) {
		const struct kt_schema *s = ktr_reader_schema(r, b.info.schema_crc);

		MUST(b.offset >= last && b.offset + b.info.comp_len <= size);
		last = b.offset;
		if (!ktr_block_decode(&b.info, b.comp, s, raw) &&
		    ktr_kind_has_events(b.info.kind)) {
			use_events(s, &b.info);
			round_trip(s, b.info.raw_len);
		}
		while (b.info.file_seq % 2 && ktr_reader_damage(r, &d))
			MUST(d.start_ns <= d.end_ns && d.offset + d.len <= size && d.what[0]);
	}
	MUST(ret == 0 || may_fail);
	while (ktr_reader_damage(r, &d))
		MUST(d.start_ns <= d.end_ns && d.offset + d.len <= size && d.what[0]);
	MUST(ktr_reader_offset(r) <= size);
	MUST(ret || ktr_reader_next(r, &b) == 0);
	ktr_reader_complete(r);
	ktr_reader_close(r);
}

static void read_file(const uint8_t *data, size_t size, bool seekable, size_t step,
		      unsigned int fail)
{
	struct memory m = {data, size, 0, step, 0, fail};
	struct ktr_reader *r;

	if (!ktr_reader_open_cb(memory_read, seekable ? memory_seek : NULL, &m, &r))
		use_reader(r, size, fail);
}

/* The same as a named file. */
static void read_path(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct ktr_reader *r;
	char path[64];

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!ktr_reader_open(path, &r))
		use_reader(r, size, false);
	close(fd);
}

/* A whole file around a made-up schema and columns: u16 length of the schema's text, u8 kind, u8 codec, u8 events. */
static void wrapped(const uint8_t *data, size_t size)
{
	struct ktr_run_info run = {.n_streams = 1, .kinds = "x", .filters = NULL, .command = "y"};
	struct ktr_block_info schema = {.kind = KTR_SCHEMA, .stream = KTR_NO_STREAM}, events;
	struct ktr_tail_info tail = {.n_blocks = 2};
	struct kt_schema *s = NULL;
	size_t text_len, head_len, n;
	unsigned char *file, *p;
	void *head;

	if (size < 5)
		return;
	text_len = KT_MIN((size_t)(data[0] | data[1] << 8), size - 5);
	events = (struct ktr_block_info){
		.kind = data[2],
		.codec = data[3],
		.n_events = data[4],
		.ts_max_ns = UINT64_MAX,
		.file_seq = 1,
		.raw_len = 65536,
	};
	data += 5;
	size -= 5;
	if (!kt_schema_parse((const char *)data, text_len, &s)) {
		events.schema_crc = kt_schema_crc(s);
		kt_schema_destroy(s);
	}
	if (ktr_file_put(&run, &head, &head_len))
		return;
	p = file = malloc(head_len + 3 * KTR_BLOCK_FRAME + 2 * ZSTD_compressBound(size));
	memcpy(p, head, head_len);
	p += head_len;
	free(head);
	schema.raw_len = text_len;
	n = ZSTD_compress(p + KTR_BLOCK_FRAME, ZSTD_compressBound(text_len), data, text_len, 1);
	schema.comp_len = n;
	schema.comp_crc = 1;
	ktr_block_put(&schema, p);
	p += KTR_BLOCK_FRAME + n;
	n = ZSTD_compress(p + KTR_BLOCK_FRAME, ZSTD_compressBound(size - text_len), data + text_len,
			  size - text_len, 1);
	events.comp_len = n;
	events.comp_crc = 1;
	/* The raw length of columns is the sum over their types: set if possible. */
	if (events.codec == KTR_RAW)
		events.raw_len = size - text_len;
	else if (size - text_len >= 2)
		events.raw_len = data[size - 1] * 8u;
	events.n_events = KT_MIN(events.n_events, events.raw_len / 16);
	ktr_block_put(&events, p);
	p += KTR_BLOCK_FRAME + n;
	ktr_tail_put(&tail, p);
	p += KTR_TAIL_FRAME;
	read_file(file, p - file, true, SIZE_MAX, 0);
	free(file);
}

/* Plain columns, for the compiled schema: u16 raw length in units of 8. */
static void columns(const uint8_t *data, size_t size)
{
	size_t len;

	if (size < 2)
		return;
	len = (data[0] | data[1] << 8) * 8u;
	if (!ktr_columns_decode(kt_schema_compiled(), data + 2, size - 2, raw, len))
		round_trip(kt_schema_compiled(), len);
}

/* Invalid rows: what a bug in a recorder could pass to the encoder. */
static void rows(const uint8_t *data, size_t size)
{
	size_t cap = ktr_columns_bound(size);
	unsigned char *enc = malloc(cap), *copy = malloc(size + 1);
	int64_t n;

	memcpy(copy, data, size);
	n = ktr_columns_encode(kt_schema_compiled(), copy, size, enc, cap);
	if (n >= 0) {
		MUST(!ktr_columns_decode(kt_schema_compiled(), enc, n, raw, size));
		MUST(!memcmp(raw, data, size));
	}
	free(enc);
	free(copy);
}

/* ---------------------------------------------------------------- texts and tars */

static void schema_text(const uint8_t *data, size_t size)
{
	struct kt_schema *s;
	size_t len;

	if (kt_schema_parse((const char *)data, size, &s))
		return;
	kt_schema_text(s, &len);
	MUST(len == size);
	for (unsigned int id = 0; id < 65536; id += 257) {
		const struct kt_event_desc *d = kt_schema_event(s, id);

		MUST(!d || (d->id == id && kt_schema_event_by_name(s, d->name) == d));
	}
	kt_schema_destroy(s);
}

static void constants(const uint8_t *data, size_t size)
{
	struct kt_const_table *t;
	char buf[100];

	if (kt_const_table_parse((const char *)data, size, &t))
		return;
	kt_opf_print(t, size ? data[0] * 0x1010101u : 0, KT_OPF_ALL, buf, sizeof(buf));
	kt_const_get(t, "req_op", "WRITE");
	kt_const_table_destroy(t);
}

static void text_line(const uint8_t *data, size_t size)
{
	_Alignas(8) unsigned char ev[KT_EVENT_MAX], back[KT_EVENT_MAX];
	char *line = strndup((const char *)data, size), err[80];
	uint32_t stream, stream2;
	int len = kt_text_parse(line, 1000, ev, &stream, err, sizeof(err));

	if (len > 0) {
		char *text = NULL;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		MUST(!kt_text_print(f, kt_schema_compiled(), NULL, (void *)ev, stream, 1000));
		fclose(f);
		MUST(kt_text_parse(text, 1000, back, &stream2, err, sizeof(err)) == len);
		MUST(stream == stream2);
		free(text);
	}
	free(line);
}

static int use_file(void *arg, const char *name, const void *data, size_t len)
{
	ktr_context_add(arg, name, data, len);
	MUST(name[0] && name[0] != '/' && !strstr(name, "/../"));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void context(const uint8_t *data, size_t size, bool extract)
{
	char dir[] = "/dev/shm/ktr-fuzz-XXXXXX", inner[64];
	struct ktr_context *c;
	const void *tar;
	size_t len;

	if (ktr_context_create(&c))
		return;
	ktr_context_each(data, size, use_file, c);
	if (size % 8 && !ktr_context_finish(c, &tar, &len))
		MUST(!ktr_context_each(tar, len, use_file, c));
	ktr_context_destroy(c);
	ktr_context_destroy(NULL);
	/* A place where nothing can be unpacked. */
	MUST(ktr_context_extract(data, size, "/dev/null") < 0);
	MUST(ktr_context_extract(data, size, "/dev/null/x") < 0);
	if (!extract || !mkdtemp(dir))
		return;
	snprintf(inner, sizeof(inner), "%s/inner", dir);
	ktr_context_extract(data, size, inner);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A thread that ends frees its decoder state. */
static void *decode_once(void *arg)
{
	struct ktr_block_info info = {.kind = KTR_SCHEMA, .raw_len = 1};

	MUST(ktr_block_decode(&info, "", NULL, raw) == -EBADMSG);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!null_file) {
		pthread_t thread;

		null_file = fopen("/dev/null", "w");
		MUST(null_file && !pthread_create(&thread, NULL, decode_once, NULL));
		pthread_join(thread, NULL);
	}
	if (!size)
		return 0;
	data++;
	size--;
	switch ((enum part)data[-1]) {
	case PART_FILE:
		if (size % 2)
			read_path(data, size);
		else
			read_file(data, size, true, SIZE_MAX, 0);
		break;
	case PART_PIPE:
		read_file(data, size, false, 1 + size % 1000, size % 50);
		break;
	case PART_WRAPPED:
		wrapped(data, size);
		break;
	case PART_COLUMNS:
		columns(data, size);
		break;
	case PART_ROWS:
		rows(data, size);
		break;
	case PART_SCHEMA:
		schema_text(data, size);
		break;
	case PART_CONSTANTS:
		constants(data, size);
		break;
	case PART_TEXT:
		text_line(data, size);
		break;
	case PART_CONTEXT:
		context(data, size, false);
		break;
	case PART_EXTRACT:
		context(data, size, true);
		break;
	}
	return 0;
}
