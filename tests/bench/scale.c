// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Makes a long recording out of a real one: scale IN.ktr OUT.ktr EVENTS
 *
 * The events of IN are replayed until OUT holds EVENTS of them or a little more. Each replay begins where the previous
 * one ended, with new times and addresses, so that flows of different replays do not meet. Blocks, streams,
 * watermarks and loss counters continue as in one run. The kernel's counters at the end are left out: they
 * cover only one replay. A recording of another version becomes one of this version. Prints the number of events.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/ktr.h"

#define GAP_NS 1000000	 /* between two replays */
#define ADDRESS_SHIFT 36 /* distance between the addresses of successive replays */
#define STREAMS_MAX 4096

struct block {
	struct ktr_block_info info;
	unsigned char *raw; /* owned */
};

struct tar {
	KT_VEC(char) data;
};

struct scale {
	struct ktr_reader *in;
	KT_VEC(struct block) blocks;
	struct tar context[2]; /* at the start, at the end */
	struct ktr_clocks end;
	uint64_t n_events, min_ns, max_ns;
	struct stream {
		uint64_t emitted, lost[KT_N_LOSS]; /* of one replay */
	} streams[STREAMS_MAX];
};

static void __attribute__((noreturn)) kt_printf_like(1, 2) fail(const char *fmt, ...)
{
	va_list ap;

	fputs("scale: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void check(int err, const char *what)
{
	if (err < 0)
		fail("%s: %s", what, strerror(-err));
}

static void add_events(struct scale *s, const struct block *b)
{
	const struct ktr_block_info *i = &b->info;
	struct stream *st;

	check(kt_vec_push(&s->blocks, *b), "events");
	s->min_ns = KT_MIN(s->min_ns, i->ts_min_ns);
	s->max_ns = KT_MAX(s->max_ns, i->ts_max_ns);
	s->max_ns = KT_MAX(s->max_ns, KT_MAX(i->cut_ns, i->watermark_ns));
	if (i->kind != KTR_EVENTS)
		return;
	if (i->stream >= STREAMS_MAX)
		fail("stream %u: at most %d are supported", i->stream, STREAMS_MAX);
	s->n_events += i->n_events;
	st = &s->streams[i->stream];
	st->emitted = i->emitted;
	memcpy(st->lost, i->lost, sizeof(st->lost));
}

/* Of the clocks only the last one is needed: the writer repeats those of the start. */
static void note_clock(struct scale *s, const struct block *b)
{
	for (size_t at = 0; at < b->info.raw_len;) {
		const struct kt_clock *c = (const void *)(b->raw + at);

		if (c->phase == 2)
			s->end = (struct ktr_clocks){c->ts_ns,	c->realtime_ns, c->boottime_ns,
						     c->tai_ns, c->error_ns,	c->wall_error_ns};
		at += c->len;
	}
}

/* The first copy of a part is used. */
static void add_context(struct scale *s, const struct block *b, uint32_t *next)
{
	unsigned int phase = b->info.phase == 2;
	struct tar *t = &s->context[phase];

	if (b->info.part != next[phase])
		return;
	check(kt_vec_reserve(&t->data, t->data.n + b->info.raw_len), "context");
	memcpy(t->data.v + t->data.n, b->raw, b->info.raw_len);
	t->data.n += b->info.raw_len;
	next[phase] = b->info.last_part ? UINT32_MAX : next[phase] + 1;
}

/* The events of a block in the layout of this version; unknown ones are left out. */
static void convert(struct block *b, const struct kt_schema *schema)
{
	struct ktr_block_info *i = &b->info;
	unsigned char *raw = malloc(KTR_RAW_MAX);
	struct kt_map *map;
	size_t len = 0;

	check(raw ? kt_map_create(schema, &map) : -ENOMEM, "converting");
	i->n_events = 0;
	for (size_t at = 0; at < i->raw_len;) {
		const struct kt_event *ev = (void *)(b->raw + at);
		const struct kt_event *ours = kt_map_event(map, ev);

		at += ev->len;
		if (!ours)
			continue;
		check(len + ours->len > KTR_RAW_MAX ? -E2BIG : 0, "converting");
		memcpy(raw + len, ours, ours->len);
		len += ours->len;
		i->n_events++;
	}
	kt_map_destroy(map);
	free(b->raw);
	b->raw = realloc(raw, len + 8);
	check(b->raw ? 0 : -ENOMEM, "converting");
	i->raw_len = len;
	i->schema_crc = kt_schema_crc(kt_schema_compiled());
}

static void load(struct scale *s, const char *path)
{
	uint32_t next[2] = {0, 0};
	struct ktr_damage d;
	struct ktr_block in;

	check(ktr_reader_open(path, &s->in), path);
	s->min_ns = UINT64_MAX;
	while (ktr_reader_next(s->in, &in) == 1) {
		struct block b = {.info = in.info};
		const struct kt_schema *schema = ktr_reader_schema(s->in, in.info.schema_crc);

		if (in.info.kind == KTR_SCHEMA || in.info.kind == KTR_INDEX)
			continue;
		b.raw = malloc(in.info.raw_len + 8);
		if (!b.raw)
			fail("out of memory");
		check(ktr_block_decode(&in.info, in.comp, schema, b.raw), path);
		if (in.info.kind != KTR_CONTEXT &&
		    in.info.schema_crc != kt_schema_crc(kt_schema_compiled()))
			convert(&b, schema);
		if (b.info.kind == KTR_EVENTS || b.info.kind == KTR_COST) {
			add_events(s, &b);
			continue;
		}
		if (in.info.kind == KTR_CLOCK)
			note_clock(s, &b);
		else if (in.info.kind == KTR_CONTEXT)
			add_context(s, &b, next);
		free(b.raw);
	}
	if (ktr_reader_damage(s->in, &d) == 1)
		fail("%s: damaged: %s", path, d.what);
	if (!s->n_events)
		fail("%s: holds no events", path);
}

/* One event of replay k: times continue, addresses differ. */
static void rename_event(struct kt_event *ev, uint64_t k, uint64_t shift_ns)
{
	const struct kt_event_desc *d = kt_schema_event(kt_schema_compiled(), ev->id);

	ev->ts_ns += shift_ns;
	for (size_t i = 0; i < d->n_fields; i++) {
		const struct kt_field *f = &d->fields[i];
		uint64_t by = f->kind == KT_KIND_PTR	? k << ADDRESS_SHIFT
			      : f->kind == KT_KIND_TIME ? shift_ns
							: 0;

		for (unsigned int j = 0; by && f->size == 8 && j < f->count; j++) {
			char *at = (char *)ev + f->offset + 8 * j;
			uint64_t v;

			memcpy(&v, at, 8);
			v += v ? by : 0; /* 0 is neither an address nor a time */
			memcpy(at, &v, 8);
		}
	}
}

static void replay(const struct scale *s, struct ktr_writer *w, uint64_t k, uint64_t shift_ns,
		   void *buf)
{
	for (size_t n = 0; n < s->blocks.n; n++) {
		struct ktr_block_info b = s->blocks.v[n].info;

		memcpy(buf, s->blocks.v[n].raw, b.raw_len);
		for (size_t at = 0; at < b.raw_len;) {
			struct kt_event *ev = (void *)((char *)buf + at);

			rename_event(ev, k, shift_ns);
			at += ev->len;
		}
		b.ts_min_ns += b.n_events ? shift_ns : 0;
		b.ts_max_ns += b.n_events ? shift_ns : 0;
		b.watermark_ns += b.watermark_ns ? shift_ns : 0;
		b.cut_ns += b.cut_ns ? shift_ns : 0;
		if (b.kind == KTR_EVENTS) {
			const struct stream *st = &s->streams[b.stream];

			b.emitted += k * st->emitted;
			for (size_t i = 0; i < KT_N_LOSS; i++)
				b.lost[i] += k * st->lost[i];
		}
		check(ktr_writer_block(w, &b, buf), "writing");
	}
}

/* Counters of the whole run would cover only one replay. */
static int keep_file(void *arg, const char *name, const void *data, size_t len)
{
	if (!strncmp(name, "counters/", 9) || !strcmp(name, "probes"))
		return 0;
	return ktr_context_add(arg, name, data, len);
}

static void write_end_context(const struct scale *s, struct ktr_writer *w)
{
	const struct tar *t = &s->context[1];
	struct ktr_context *c;
	const void *tar;
	size_t len;

	if (!t->data.n)
		return;
	check(ktr_context_create(&c), "context");
	check(ktr_context_each(t->data.v, t->data.n, keep_file, c), "context");
	check(ktr_context_finish(c, &tar, &len), "context");
	check(ktr_writer_context(w, 2, tar, len), "context");
	ktr_context_destroy(c);
}

static void write_all(struct scale *s, const char *path, uint64_t events)
{
	uint64_t span_ns = s->max_ns - s->min_ns + GAP_NS, copies = (events - 1) / s->n_events + 1;
	const struct ktr_run_info *info = ktr_reader_info(s->in);
	int64_t end_ns = (copies - 1) * span_ns;
	struct ktr_clocks end = s->end;
	void *buf = malloc(KTR_RAW_MAX);
	struct ktr_writer *w;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || !buf)
		fail("%s: %s", path, strerror(errno));
	check(ktr_writer_create(fd, info, NULL, &w), path);
	check(ktr_writer_clock(w, 0, &info->clocks), path);
	if (s->context[0].data.n)
		check(ktr_writer_context(w, 0, s->context[0].data.v, s->context[0].data.n), path);
	for (uint64_t k = 0; k < copies; k++)
		replay(s, w, k, k * span_ns, buf);
	end.mono_ns += end_ns;
	end.realtime_ns += end_ns;
	end.boottime_ns += end_ns;
	end.tai_ns += end_ns;
	if (s->end.mono_ns)
		check(ktr_writer_clock(w, 2, &end), path);
	write_end_context(s, w);
	check(ktr_writer_close(w), path);
	if (close(fd))
		fail("%s: %s", path, strerror(errno));
	free(buf);
	printf("%" PRIu64 "\n", copies * s->n_events);
}

int main(int argc, char **argv)
{
	static struct scale s;
	unsigned long long events = 0;
	char *end = NULL;

	if (argc == 4)
		events = strtoull(argv[3], &end, 10);
	if (!end || *end || !events) {
		fprintf(stderr, "usage: scale IN.ktr OUT.ktr EVENTS\n");
		return 2;
	}
	load(&s, argv[1]);
	write_all(&s, argv[2], events);
	for (size_t i = 0; i < s.blocks.n; i++)
		free(s.blocks.v[i].raw);
	kt_vec_finish(&s.blocks);
	kt_vec_finish(&s.context[0].data);
	kt_vec_finish(&s.context[1].data);
	ktr_reader_close(s.in);
	return 0;
}
