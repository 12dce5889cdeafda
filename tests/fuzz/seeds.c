/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* seeds DIR: the fuzzer's first inputs: small intact files of every kind, and each sort of damage once. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "tests/fuzz/parts.h"

static const char *dir;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void seed(enum part part, const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%c-%s", dir, part, name);
	f = fopen(path, "w");
	if (!f || putc(part, f) == EOF || fwrite(data, 1, len, f) != len || fclose(f))
		die(path);
}

/* ---------------------------------------------------------------- events */

static unsigned char events[16384];
static size_t events_len;
static uint32_t n_events;

static void add(const void *ev, size_t len)
{
	memcpy(events + events_len, ev, len);
	events_len += len;
	n_events++;
}

/* A few I/Os with reused addresses, in order and not; a loss, a task, a split. */
static void make_events(void)
{
	uint64_t ts_ns = 1000;

	for (uint64_t i = 0; i < 12; i++) {
		uint64_t bio = 0xffff888000010000 + i * 7 % 5 * 256, sector = i * 1234567 % 100000;
		uint64_t rq = 0xffff888000020000 + i * 3 % 4 * 384;
		struct kt_bio_queue queue = {ts_ns += 10, KT_EV_bio_queue, sizeof(queue), 7,
					     bio,	  sector};
		struct kt_rq_get get = {ts_ns += 5, KT_EV_rq_get, sizeof(get), 7 << 20, bio};
		struct kt_rq_issue issue = {ts_ns += 5, KT_EV_rq_issue, sizeof(issue), 1,
					    rq,		sector};
		struct kt_rq_complete end = {ts_ns += 50, KT_EV_rq_complete, sizeof(end), 4096, rq};

		issue.bio = i % 4 ? bio : i * 0x12345;
		queue.ino = i % 3 * 1000000007;
		queue.bytes = i * 4096;
		add(&queue, sizeof(queue));
		add(&get, sizeof(get));
		add(&issue, sizeof(issue));
		add(&end, sizeof(end));
	}
	for (uint64_t i = 0; i < 3; i++) {
		struct kt_lost lost = {ts_ns += 10, KT_EV_lost,	      sizeof(lost),
				       i,	    ts_ns - 1000 * i, i};
		struct kt_task_comm comm = {ts_ns += 10, KT_EV_task_comm, sizeof(comm), i, i, 0,
					    "fio"};
		struct kt_rq_bios bios = {ts_ns += 10, KT_EV_rq_bios, sizeof(bios), 1,
					  5,	       {1, 2, 3 * i}};

		add(&lost, sizeof(lost));
		add(&comm, sizeof(comm));
		add(&bios, sizeof(bios));
	}
}

/* Few values, far apart and mixed: a dictionary. */
static void add_few_values(void)
{
	for (uint64_t i = 0; i < 48; i++) {
		uint64_t v = i * i * 7 % 3;
		struct kt_cgroup_new new = {
			.ts_ns = 4000 + i,
			.id = KT_EV_cgroup_new,
			.len = sizeof(new),
			.hierarchy = v * 0x12345,
			.cgroup = v * 0x123456789,
		};

		add(&new, sizeof(new));
	}
}

/* ---------------------------------------------------------------- files */

static unsigned char *file;
static size_t file_len;
static uint64_t offsets[32]; /* of the blocks, then of the tail */
static int n_blocks;

static void make_file(enum ktr_codec codec)
{
	struct ktr_writer_options opts = {.codec = codec};
	struct ktr_run_info run = {
		.uuid = "0123456789abcde",
		.n_cpus = 2,
		.n_streams = 2,
		.kinds = "bio",
		.filters = "",
		.command = "x",
	};
	struct ktr_clocks clocks = {900, 1, 2, 3, 4};
	int fd = memfd_create("seed", 0);
	struct ktr_reader *r;
	struct ktr_writer *w;
	struct ktr_block b;
	char path[64];
	struct stat st;

	if (fd < 0 || ktr_writer_create(fd, &run, &opts, &w) || ktr_writer_clock(w, 0, &clocks) ||
	    ktr_writer_context(w, 0, "tar", 3))
		die("writer");
	for (int i = 0; i < 3; i++) {
		struct ktr_block_info info = {
			.kind = KTR_EVENTS,
			.stream = i % 2,
			.raw_len = events_len,
			.n_events = n_events,
			.ts_min_ns = 1000,
			.ts_max_ns = 5000,
			.watermark_ns = 1000 + i,
			.cut_ns = 6000 + i,
		};

		if (ktr_writer_block(w, &info, events))
			die("writer");
	}
	if (ktr_writer_close(w) || fstat(fd, &st))
		die("writer");
	file_len = st.st_size;
	file = malloc(file_len);
	if (!file || pread(fd, file, file_len, 0) != (ssize_t)file_len)
		die("read");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ktr_reader_open(path, &r))
		die("reader");
	for (n_blocks = 0; ktr_reader_next(r, &b) == 1;)
		offsets[n_blocks++] = b.offset;
	offsets[n_blocks] = file_len - KTR_TAIL_FRAME;
	ktr_reader_close(r);
	close(fd);
}

static void seed_file(const char *name, const void *data, size_t len)
{
	seed(PART_FILE, name, data, len);
	seed(PART_PIPE, name, data, len);
}

/* The file without bytes from..to or, if to < from, with to..from repeated. */
static void seed_spliced(const char *name, size_t from, size_t to)
{
	unsigned char *copy = malloc(2 * file_len);

	memcpy(copy, file, from);
	memcpy(copy + from, file + to, file_len - to);
	seed_file(name, copy, from + file_len - to);
	free(copy);
}

/* With n bytes at `at` set. */
static void seed_set(const char *name, size_t at, int value, size_t n)
{
	unsigned char *copy = malloc(file_len);

	memcpy(copy, file, file_len);
	memset(copy + at, value, n);
	seed_file(name, copy, file_len);
	free(copy);
}

static void seed_files(void)
{
	size_t crc = KTR_FRAME_BYTES + offsetof(struct ktr_disk_block, comp_crc);
	size_t incompat = KTR_FRAME_BYTES + offsetof(struct ktr_disk_file, incompat);
	unsigned char *twice = malloc(2 * file_len);

	seed_file("whole", file, file_len);
	memcpy(twice, file, file_len);
	memcpy(twice + file_len, file, file_len);
	seed_file("twice", twice, 2 * file_len);
	seed_file("no-tail", file, offsets[n_blocks]);
	seed_file("torn", file, offsets[4] + 250);
	seed_file("torn-header", file, offsets[4] + 20);
	seed_file("only-header", file, offsets[0]);
	seed_spliced("no-header", 0, offsets[0]);
	seed_spliced("block-missing", offsets[4], offsets[5]);
	seed_spliced("block-again", offsets[6], offsets[5]);
	seed_spliced("bytes-missing", offsets[4] + 300, offsets[4] + 350);
	seed_spliced("bytes-again", offsets[4] + 350, offsets[4] + 300);
	seed_spliced("last-missing", offsets[n_blocks - 1], offsets[n_blocks]);
	seed_set("payload-bad", offsets[4] + crc, 0, 4);
	seed_set("last-payload-bad", offsets[n_blocks - 1] + crc, 0, 4);
	seed_set("schema-bad", offsets[0] + crc, 0, 4);
	seed_set("schema-other", offsets[0] + KTR_BLOCK_FRAME + 40, 'x', 3);
	seed_set("magic-bad", offsets[5], 0, 1);
	seed_set("stretch-bad", offsets[3] + 9, 7, offsets[5] - offsets[3]);
	seed_set("newer", incompat, 1, 1);
	seed_set("codec-unknown", offsets[4] + KTR_FRAME_BYTES + 7, 9, 1);
	seed_set("other-run", offsets[5] + KTR_FRAME_BYTES + 8, 9, 16);
	seed_set("not-one", 0, 'x', file_len);
	free(twice);
}

/* ---------------------------------------------------------------- the rest */

static void seed_columns(void)
{
	unsigned char enc[32768];
	int64_t n = ktr_columns_encode(kt_schema_compiled(), events, events_len, enc + 2,
				       sizeof(enc) - 2);

	if (n < 0)
		die("columns");
	enc[0] = events_len / 8;
	enc[1] = events_len / 8 >> 8;
	seed(PART_COLUMNS, "all", enc, n + 2);
	seed(PART_ROWS, "all", events, events_len);
	seed(PART_ROWS, "torn", events, events_len - 8);
	seed(PART_ROWS, "short", events, 8);
}

static void seed_wrapped(void)
{
	static const char text[] = "ktrace-schema 1\n"
				   "event 0x0201 rq_get 40 request \"text\"\n"
				   "field u16 dev 12 1 DEV\n"
				   "field char name 14 10 STR\n"
				   "field u64 bio 24 1 PTR\n"
				   "field s32 when 32 1 TIME\n"
				   "field u8 rest 36 4 COUNT\n"
				   "event 0x0202 rq_insert 32 request\n"
				   "field u32 dev 12 1 DEV\n"
				   "field u64 renamed 16 1 PTR\n"
				   "field u64 bio 24 1 PTR\n"
				   "event 7 other 24 x\n"
				   "field u32 a 12 1 INO\n"
				   "field u64 bio 16 1 PTR\n";
	struct kt_schema *s;
	unsigned char buf[4096], rows[248], enc[2048];
	size_t at = 0, n = sizeof(text) - 1;
	int64_t len;

	if (kt_schema_parse(text, n, &s))
		die("schema");
	for (uint64_t i = 0; at < sizeof(rows); i++) {
		struct kt_event head = {i * 3, i % 3 == 2 ? 7 : 0x0201, i % 3 == 2 ? 24 : 40, i};
		uint64_t bio = 0xffff888000000000 + i / 3 * 256;

		if (at + head.len > sizeof(rows))
			break;
		memset(rows + at, i % 2, head.len);
		memcpy(rows + at, &head, sizeof(head));
		memcpy(rows + at + head.len - 8 - (head.id == 7 ? 0 : 8), &bio, 8);
		at += head.len;
	}
	buf[0] = n;
	buf[1] = n >> 8;
	buf[2] = KTR_EVENTS;
	buf[3] = KTR_RAW;
	buf[4] = 7;
	memcpy(buf + 5, text, n);
	memcpy(buf + 5 + n, rows, at);
	seed(PART_WRAPPED, "raw", buf, 5 + n + at);
	len = ktr_columns_encode(s, rows, at, enc, sizeof(enc));
	if (len < 0)
		die("columns");
	buf[3] = KTR_COLUMNS;
	memcpy(buf + 5 + n, enc, len);
	seed(PART_WRAPPED, "columns", buf, 5 + n + len);
	kt_schema_destroy(s);
}

static void seed_texts(void)
{
	static const char *const lines[] = {
		"500 3 bio_queue tid=42 bio=0xffff888000001000 dev=254:1 opf=write|sync|0x40000000",
		"-100 0 lost cause=recursion end_ns=100 n=7",
		"0 0 task_new tid=1 comm=\"a \\x22b\"",
		"0 0 rq_bios first=1 rq=0x10 bio=0x20,0x0,0x40",
		"0 0 clock realtime_ns=-5",
		"# nothing",
		"1 0 rq_get foo=1",
		"1 0 lost cause=3",
		"1 0 rq_get bio=1,2",
	};
	static const char constants[] = "req_op WRITE 1\nreq_flag SYNC 11\n# x\nother X 0x10\n";
	static const char small[] =
		"ktrace-schema 1\nevent 5 a 16 f \"x\"\nfield u16 b 12 2 HEX \"y\"\nz\n";
	static const char *const bad[] = {
		"ktrace-schema 2\n",
		"ktrace-schema 1\nevent 5 a 16 f\nfield u32 b 12 1 X\nevent 5 c 16 f\nfield u32 b "
		"12 1 X\n",
		"ktrace-schema 1\nevent 5 a 16 f\nfield u16 b 12 1 X\nfield u16 b 14 1 X\n",
		"ktrace-schema 1\nevent 5 a 16 f\nfield u32 b 12 1 X\nevent 6 a 16 f\nfield u32 b "
		"12 1 X\n",
		"ktrace-schema 1\nevent 5 a 20 f\nfield u64 b 12 1 STR\n",
		"ktrace-schema 1\nfield u64 b 12 1 STR\n",
		"ktrace-schema 1\nevent 5 a 16 f\nfield u64 b 16 1 STR\n",
		"ktrace-schema 1\nevent 5 a 16 f\nfield u3 b 12 1 STR\n",
	};
	char name[16];
	size_t len;
	const char *text = kt_schema_text(kt_schema_compiled(), &len);

	seed(PART_SCHEMA, "compiled", text, len);
	seed(PART_SCHEMA, "small", small, strlen(small));
	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		snprintf(name, sizeof(name), "bad%zu", i);
		seed(PART_SCHEMA, name, bad[i], strlen(bad[i]));
	}
	seed(PART_CONSTANTS, "some", constants, strlen(constants));
	for (size_t i = 0; i < KT_ARRAY_SIZE(lines); i++) {
		snprintf(name, sizeof(name), "%zu", i);
		seed(PART_TEXT, name, lines[i], strlen(lines[i]));
	}
}

static void seed_tar(const char *name, const char *path, unsigned int type)
{
	static unsigned char buf[65536];
	struct archive *a = archive_write_new();
	size_t used;

	archive_write_set_format_ustar(a);
	archive_write_set_bytes_per_block(a, 512);
	if (archive_write_open_memory(a, buf, sizeof(buf), &used) != ARCHIVE_OK)
		die("tar");
	for (int i = 0; i < 2; i++) {
		struct archive_entry *e = archive_entry_new();

		archive_entry_set_pathname(e, i ? "kernel/cmdline" : path);
		archive_entry_set_filetype(e, i ? AE_IFREG : type);
		archive_entry_set_perm(e, 0644);
		if (!i && type == AE_IFLNK)
			archive_entry_set_symlink(e, "elsewhere");
		if (i || type == AE_IFREG)
			archive_entry_set_size(e, 5);
		if (archive_write_header(a, e) != ARCHIVE_OK)
			die("tar");
		if (i || type == AE_IFREG)
			archive_write_data(a, "hello", 5);
		archive_entry_free(e);
	}
	archive_write_close(a);
	archive_write_free(a);
	seed(PART_CONTEXT, name, buf, used);
	seed(PART_EXTRACT, name, buf, used);
	seed(PART_CONTEXT, "torn", buf, 514);
}

/* An entry that claims to be larger than the whole tar. */
static void seed_large_entry(void)
{
	static unsigned char buf[65536];
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t used;

	archive_write_set_format_ustar(a);
	archive_write_set_bytes_per_block(a, 512);
	archive_entry_set_pathname(e, "large");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_size(e, 40000);
	if (archive_write_open_memory(a, buf, sizeof(buf), &used) != ARCHIVE_OK ||
	    archive_write_header(a, e) != ARCHIVE_OK)
		die("tar");
	archive_entry_free(e);
	archive_write_close(a);
	archive_write_free(a);
	seed(PART_CONTEXT, "large", buf, 1024);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz-seeds DIR\n");
		return 1;
	}
	dir = argv[1];
	make_events();
	add_few_values();
	make_file(KTR_RAW);
	seed_file("raw", file, file_len);
	free(file);
	make_file(KTR_COLUMNS);
	seed_files();
	free(file);
	seed_columns();
	seed_wrapped();
	seed_texts();
	seed_large_entry();
	seed_tar("plain", "uname", AE_IFREG);
	seed_tar("dir", "kernel/", AE_IFDIR);
	seed_tar("link", "link", AE_IFLNK);
	seed_tar("up", "../up", AE_IFREG);
	seed_tar("file-is-dir", "kernel", AE_IFREG);
	seed_tar("dir-is-file", "kernel/cmdline/", AE_IFDIR);
	seed_tar("empty-part", "a//b", AE_IFREG);
	seed_tar("root", "/root-file", AE_IFREG);
	return 0;
}
