// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Makes a .ktr from a golden case: `text-to-ktr CASE OUT.ktr`.
 *
 * Of the sections of a case (tests/golden/README.md) it reads @events and @context. The run starts at
 * EPOCH_MONO_NS; times in the text are relative to that. It uses only the public writer, so that a
 * case takes the same path as a real recording.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/ktr.h"

#define EPOCH_MONO_NS 1000000000000ll
#define EPOCH_REAL_NS 1700000000000000000ll
#define MAX_STREAMS 64
#define MAX_CUTS 256
#define MAX_FILES 32

struct event {
	struct kt_event *ev; /* owned */
	uint32_t stream;
	unsigned int group; /* number of @cut lines before it */
};

struct context_file {
	char name[128];
	uint32_t phase;
	char *text; /* owned */
	size_t len;
};

struct golden {
	KT_VEC(struct event) events;
	struct context_file files[MAX_FILES];
	unsigned int n_files;
	bool damaged[MAX_CUTS]; /* by group */
	unsigned int n_groups;
	char kinds[128], filters[128];
	uint32_t n_streams;
	uint64_t last_ns; /* per stream, its latest event */
	uint64_t end_ns;
	uint64_t emitted[MAX_STREAMS];
	uint64_t lost[MAX_STREAMS][KT_N_LOSS];
};

struct span {
	uint64_t start, end; /* bytes of the file */
};

static const char *case_path;
static unsigned int line_nr;

static void __attribute__((noreturn)) kt_printf_like(1, 2) fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "text-to-ktr: %s:%u: ", case_path, line_nr);
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

/* ------------------------------------------------------------------ the text */

static void add_event(struct golden *g, const char *line)
{
	uint64_t buf[KT_EVENT_MAX / 8];
	const struct kt_event *ev = (const void *)buf;
	struct event e = {.group = g->n_groups};
	char err[256] = "";
	int len;

	len = kt_text_parse(line, EPOCH_MONO_NS, buf, &e.stream, err, sizeof(err));
	if (len < 0)
		fail("%s: `%s`", err[0] ? err : strerror(-len), line);
	if (!len)
		return;
	if (e.stream >= MAX_STREAMS)
		fail("stream %u: at most %d are supported", e.stream, MAX_STREAMS);
	for (size_t i = g->events.n; i-- > 0;) {
		if (g->events.v[i].stream != e.stream)
			continue;
		if (g->events.v[i].ev->ts_ns > ev->ts_ns)
			fail("event is earlier than the one before it in stream %u", e.stream);
		break;
	}
	e.ev = malloc(len);
	if (!e.ev)
		fail("out of memory");
	memcpy(e.ev, buf, len);
	if (kt_vec_push(&g->events, e))
		fail("out of memory");
	g->n_streams = KT_MAX(g->n_streams, e.stream + 1);
	g->last_ns = KT_MAX(g->last_ns, e.ev->ts_ns);
}

static void event_line(struct golden *g, const char *line)
{
	long long end;

	if (!strcmp(line, "@cut") || !strcmp(line, "@cut damaged")) {
		g->damaged[g->n_groups] = line[4];
		if (++g->n_groups >= MAX_CUTS)
			fail("more than %d cuts", MAX_CUTS);
	} else if (sscanf(line, "@end %lld", &end) == 1) {
		g->end_ns = EPOCH_MONO_NS + end;
	} else {
		add_event(g, line);
	}
}

static void context_line(struct context_file *f, const char *line)
{
	size_t n = strlen(line);
	char *text = realloc(f->text, f->len + n + 2);

	if (!text)
		fail("out of memory");
	f->text = text;
	memcpy(text + f->len, line, n);
	text[f->len + n] = '\n';
	f->len += n + 1;
}

/* Every family that there is. */
static void all_kinds(char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < kt_n_families; i++) {
		n += snprintf(buf + n, size - n, "%s%s", i ? "," : "", kt_families[i].name);
		if (n >= size)
			fail("more families than there is room for");
	}
}

static void read_case(struct golden *g, const char *path)
{
	char *line kt_auto_free = NULL;
	bool in_events = false;
	struct context_file *file = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *in = fopen(path, "r");

	if (!in)
		fail("%s", strerror(errno));
	while ((n = getline(&line, &cap, in)) > 0) {
		line_nr++;
		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		if (line[0] == '@' &&
		    !(in_events && (!strncmp(line, "@cut", 4) || !strncmp(line, "@end ", 5)))) {
			in_events = !strcmp(line, "@events");
			file = NULL;
			if (sscanf(line, "@kinds %127s", g->kinds) == 1 ||
			    sscanf(line, "@filters %127[^\n]", g->filters) == 1)
				continue;
			if (!strncmp(line, "@context ", 9)) {
				if (g->n_files == MAX_FILES)
					fail("more than %d context files", MAX_FILES);
				file = &g->files[g->n_files++];
				if (sscanf(line, "@context %u %127s", &file->phase, file->name) !=
				    2)
					fail("write `@context PHASE NAME`");
			}
		} else if (in_events) {
			event_line(g, line);
		} else if (file && line[0]) {
			context_line(file, line);
		}
	}
	fclose(in);
	if (!g->events.n)
		fail("no events");
	g->n_groups++;
	if (!g->end_ns)
		g->end_ns = g->last_ns;
	if (!g->kinds[0])
		all_kinds(g->kinds, sizeof(g->kinds));
}

/* ------------------------------------------------------------------ the file */

/* No later block of any stream holds an earlier event: the first one not written once this block is. */
static uint64_t watermark(const struct golden *g, unsigned int group, uint32_t stream)
{
	uint64_t w = UINT64_MAX;

	for (size_t i = 0; i < g->events.n; i++) {
		const struct event *e = &g->events.v[i];

		if (e->group > group || (e->group == group && e->stream > stream))
			w = KT_MIN(w, e->ev->ts_ns);
	}
	return w == UINT64_MAX ? g->end_ns : w;
}

static void write_block(struct golden *g, struct ktr_writer *w, unsigned int group, uint32_t stream)
{
	struct ktr_block_info b = {.kind = KTR_EVENTS, .codec = KTR_COLUMNS, .stream = stream};
	char *raw kt_auto_free = NULL;

	for (size_t i = 0; i < g->events.n; i++) {
		const struct event *e = &g->events.v[i];
		char *bigger;

		if (e->group != group || e->stream != stream)
			continue;
		bigger = realloc(raw, b.raw_len + e->ev->len);
		if (!bigger)
			fail("out of memory");
		raw = bigger;
		memcpy(raw + b.raw_len, e->ev, e->ev->len);
		b.raw_len += e->ev->len;
		if (!b.n_events++)
			b.ts_min_ns = e->ev->ts_ns;
		b.ts_max_ns = e->ev->ts_ns;
		g->emitted[stream]++;
		if (e->ev->id == KT_EV_lost) {
			const struct kt_lost *lost = (const void *)e->ev;

			if (lost->cause < KT_N_LOSS)
				g->lost[stream][lost->cause] += lost->n;
		}
	}
	if (!b.n_events)
		return;
	b.watermark_ns = watermark(g, group, stream);
	b.cut_ns = KT_MAX(b.ts_max_ns, b.watermark_ns);
	b.emitted = g->emitted[stream];
	memcpy(b.lost, g->lost[stream], sizeof(b.lost));
	check(ktr_writer_block(w, &b, raw), "event block");
}

static void write_context(const struct golden *g, struct ktr_writer *w, uint32_t phase)
{
	struct ktr_context *c;
	const void *tar;
	size_t len;
	int n = 0;

	check(ktr_context_create(&c), "context");
	for (unsigned int i = 0; i < g->n_files; i++) {
		if (g->files[i].phase != phase)
			continue;
		n++;
		check(ktr_context_add(c, g->files[i].name, g->files[i].text, g->files[i].len),
		      g->files[i].name);
	}
	if (n) {
		check(ktr_context_finish(c, &tar, &len), "context");
		check(ktr_writer_context(w, phase, tar, len), "context");
	}
	ktr_context_destroy(c);
}

static void write_clock(struct ktr_writer *w, uint32_t phase, int64_t after_ns)
{
	struct ktr_clocks c = {
		.mono_ns = EPOCH_MONO_NS + after_ns,
		.realtime_ns = EPOCH_REAL_NS + after_ns,
		.boottime_ns = EPOCH_MONO_NS + after_ns,
		.tai_ns = EPOCH_REAL_NS + after_ns,
	};
	const char *end_error = getenv("GOLDEN_WALL_ERROR_END"), *step = getenv("GOLDEN_WALL_STEP");

	/* For tests of several runs. */
	if (phase == 2 && end_error)
		c.wall_error_ns = strtoll(end_error, NULL, 10);
	if (phase == 2 && step)
		c.realtime_ns += strtoll(step, NULL, 10);
	check(ktr_writer_clock(w, phase, &c), "clock");
}

/* Inverts the last byte of a block, which is in the zstd frame's own checksum. */
static void damage(int fd, struct span where)
{
	uint8_t byte;

	if (pread(fd, &byte, 1, where.end - 1) != 1)
		fail("cannot read back: %s", strerror(errno));
	byte = ~byte;
	if (pwrite(fd, &byte, 1, where.end - 1) != 1)
		fail("cannot damage: %s", strerror(errno));
}

static void write_file(struct golden *g, int fd)
{
	struct ktr_run_info info = {
		.uuid = "golden case 0001",
		.boot_id = "00000000-0000-0000-0000-000000000001",
		.host = "golden",
		.clocks = {EPOCH_MONO_NS, EPOCH_REAL_NS, EPOCH_MONO_NS, EPOCH_REAL_NS, 0},
		.n_cpus = g->n_streams,
		.n_streams = g->n_streams,
		.tool_version = "golden",
		.kinds = g->kinds,
		.filters = g->filters,
		.command = "",
	};
	const char *uuid = getenv("GOLDEN_UUID"), *boot = getenv("GOLDEN_BOOT"),
		   *wall = getenv("GOLDEN_WALL_ERROR"), *late = getenv("GOLDEN_START");
	int64_t start_ns = late ? strtoll(late, NULL, 10) : 0;
	struct span *spans kt_auto_free = calloc(g->n_groups * MAX_STREAMS, sizeof(*spans));
	struct ktr_writer *w;
	unsigned int n = 0;

	/* For tests of several runs: their last digits. */
	if (uuid)
		info.uuid[15] = *uuid;
	if (boot)
		info.boot_id[35] = *boot;
	if (wall)
		info.wall_error_ns = strtoull(wall, NULL, 10);
	info.clocks.mono_ns += start_ns;
	info.clocks.realtime_ns += start_ns;
	if (!spans)
		fail("out of memory");
	check(ktr_writer_create(fd, &info, NULL, &w), "writer");
	write_clock(w, 0, start_ns);
	write_context(g, w, 0);
	for (unsigned int group = 0; group < g->n_groups; group++) {
		for (uint32_t stream = 0; stream < g->n_streams; stream++) {
			uint64_t start = ktr_writer_bytes(w);

			write_block(g, w, group, stream);
			if (g->damaged[group] && ktr_writer_bytes(w) > start)
				spans[n++] = (struct span){start, ktr_writer_bytes(w)};
		}
	}
	write_clock(w, 2, g->end_ns - EPOCH_MONO_NS);
	write_context(g, w, 2);
	check(ktr_writer_close(w), "closing");
	while (n)
		damage(fd, spans[--n]);
}

int main(int argc, char **argv)
{
	struct golden g = {0};
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: text-to-ktr CASE OUT.ktr\n");
		return 2;
	}
	case_path = argv[1];
	read_case(&g, argv[1]);
	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		fail("%s: %s", argv[2], strerror(errno));
	write_file(&g, fd);
	if (close(fd))
		fail("%s: %s", argv[2], strerror(errno));
	for (size_t i = 0; i < g.events.n; i++)
		free(g.events.v[i].ev);
	kt_vec_finish(&g.events);
	for (unsigned int i = 0; i < g.n_files; i++)
		free(g.files[i].text);
	return 0;
}
