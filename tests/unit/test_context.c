/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The context's tar, and files that come in archives. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "tests/unit/make.h"

static char dir[64]; /* new for every test */

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.40s/ktr-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static char *in_dir(const char *name)
{
	static char path[2][256];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static bool holds(const char *name, const char *want)
{
	char buf[64] = "";
	FILE *f = fopen(in_dir(name), "r");
	size_t n;

	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	return n == strlen(want) && !memcmp(buf, want, n);
}

struct found {
	unsigned int n;
	char names[8][64];
	size_t lens[8];
};

static int note(void *arg, const char *name, const void *data, size_t len)
{
	struct found *f = arg;

	snprintf(f->names[f->n], sizeof(f->names[0]), "%s", name);
	f->lens[f->n++] = len;
	return f->n == 7 ? 5 : 0;
}

static void tar_comes_back(void **state)
{
	struct ktr_context *c = NULL;
	static char big[200000];
	struct found f = {0};
	const void *tar;
	size_t len;

	assert_int_equal(ktr_context_create(&c), 0);
	assert_int_equal(ktr_context_add(c, "uname", "sysname\tLinux\n", 14), 0);
	assert_int_equal(ktr_context_add(c, "counters/diskstats", big, sizeof(big)), 0);
	assert_int_equal(ktr_context_add(c, "empty", "", 0), 0);
	assert_int_equal(ktr_context_add(c, "/abs", "", 0), -EINVAL);
	assert_int_equal(ktr_context_add(c, "a/../b", "", 0), -EINVAL);
	assert_int_equal(ktr_context_add(c, "", "", 0), -EINVAL);
	assert_int_equal(ktr_context_finish(c, &tar, &len), 0);
	assert_int_equal(ktr_context_add(c, "late", "", 0), -EINVAL);
	assert_int_equal(ktr_context_each(tar, len, note, &f), 0);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.names[1], "counters/diskstats");
	assert_int_equal(f.lens[1], sizeof(big));
	f.n = 6;
	assert_int_equal(ktr_context_each(tar, len, note, &f), 5);
	assert_int_equal(ktr_context_extract(tar, len, in_dir("out")), 0);
	assert_int_equal(ktr_context_extract(tar, len, in_dir("out")), 0); /* again, over it */
	assert_true(holds("out/uname", "sysname\tLinux\n"));
	assert_true(holds("out/empty", ""));
	assert_int_equal(access(in_dir("out/counters/diskstats"), F_OK), 0);
	ktr_context_destroy(c);
	ktr_context_destroy(NULL);
}

/* One valid file, one invalid entry, one more valid file. */
static struct bytes evil_tar(const char *name, int type, const char *link)
{
	static unsigned char buf[65536];
	struct archive *a = archive_write_new();
	struct bytes b = {0};
	size_t used;

	archive_write_set_format_ustar(a);
	assert_int_equal(archive_write_open_memory(a, buf, sizeof(buf), &used), ARCHIVE_OK);
	for (int i = 0; i < 3; i++) {
		struct archive_entry *e = archive_entry_new();

		archive_entry_set_pathname(e, i == 0 ? "before" : i == 1 ? name : "after");
		archive_entry_set_filetype(e, i == 1 && type > 0 ? (unsigned int)type : AE_IFREG);
		archive_entry_set_perm(e, 0644);
		if (i == 1 && type == AE_IFLNK)
			archive_entry_set_symlink(e, link);
		if (i == 1 && type == -1)
			archive_entry_set_hardlink(e, link);
		else if (i != 1 || !type)
			archive_entry_set_size(e, 2);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (i != 1 || !type)
			assert_int_equal(archive_write_data(a, "ok", 2), 2);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	bytes_add(&b, buf, used);
	return b;
}

static void evil_entries_are_refused(void **state)
{
	static const struct {
		const char *name;
		int type; /* 0: a file; -1: a hard link */
		const char *link;
	} evil[] = {
		{"../escaped", 0},
		{"a/../../escaped", 0},
		{"a/..", 0},
		{"..", 0},
		{"/tmp/ktr-escaped", 0},
		{"a//b", 0},
		{"link", AE_IFLNK, "/etc/passwd"},
		{"link", AE_IFLNK, "before"},
		{"hard", -1, "before"},
		{"fifo", AE_IFIFO},
		{"dev", AE_IFCHR},
	};

	for (size_t i = 0; i < KT_ARRAY_SIZE(evil); i++) {
		struct bytes tar = evil_tar(evil[i].name, evil[i].type, evil[i].link);
		struct found f = {0};
		char out[16], file[32];

		snprintf(out, sizeof(out), "out%zu", i);
		assert_int_equal(ktr_context_extract(tar.v, tar.n, in_dir(out)), -EBADMSG);
		snprintf(file, sizeof(file), "%s/before", out);
		assert_true(holds(file, "ok"));
		snprintf(file, sizeof(file), "%s/%.8s", out, evil[i].name);
		if (evil[i].name[0] != '.' && evil[i].name[0] != '/' && evil[i].name[0] != 'a')
			assert_true(access(in_dir(file), F_OK) < 0);
		assert_true(access(in_dir("escaped"), F_OK) < 0);
		assert_true(access("/tmp/ktr-escaped", F_OK) < 0);
		assert_int_equal(ktr_context_each(tar.v, tar.n, note, &f), 0);
		assert_int_equal(f.n, 2);
		bytes_finish(&tar);
	}
}

/* A link already in the directory is not followed. */
static void links_there_are_not_followed(void **state)
{
	struct ktr_context *c = NULL;
	const void *tar;
	size_t len;

	assert_int_equal(mkdir(in_dir("out"), 0755), 0);
	assert_int_equal(mkdir(in_dir("elsewhere"), 0755), 0);
	assert_int_equal(symlink("../elsewhere", in_dir("out/kernel")), 0);
	assert_int_equal(ktr_context_create(&c), 0);
	assert_int_equal(ktr_context_add(c, "kernel/cmdline", "x", 1), 0);
	assert_int_equal(ktr_context_finish(c, &tar, &len), 0);
	assert_true(ktr_context_extract(tar, len, in_dir("out")) < 0);
	assert_true(access(in_dir("elsewhere/cmdline"), F_OK) < 0);
	ktr_context_destroy(c);
}

static void torn_tar(void **state)
{
	struct bytes tar = evil_tar("plain", 0, NULL);
	struct found f;

	for (size_t n = 0; n < tar.n; n += 7) {
		unsigned char *copy = malloc(n + 1);

		memcpy(copy, tar.v, n);
		f = (struct found){0};
		assert_true(ktr_context_each(copy, n, note, &f) <= 0);
		assert_true(f.n <= 3);
		free(copy);
	}
	f = (struct found){0};
	assert_int_equal(
		ktr_context_each("not a tar at all, but long enough to be looked at", 49, note, &f),
		-EBADMSG);
	bytes_finish(&tar);
}

/* ---------------------------------------------------------------- bundles */

static void write_ktr(const char *path, const char *command, int blocks)
{
	struct ktr_run_info run = make_run();
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	struct ktr_writer *w = NULL;
	struct bytes b = {0};
	struct ktr_block_info info;

	assert_true(fd >= 0);
	run.command = command;
	assert_int_equal(ktr_writer_create(fd, &run, NULL, &w), 0);
	while (blocks--) {
		b.n = 0;
		for (uint64_t i = 0, ts_ns = 100; i < 500; i++)
			ts_ns = make_read(&b, ts_ns);
		info = make_info(&b, KTR_EVENTS, 0);
		assert_int_equal(ktr_writer_block(w, &info, b.v), 0);
	}
	assert_int_equal(ktr_writer_close(w), 0);
	bytes_finish(&b);
	close(fd);
}

struct runs {
	unsigned int n;
	char commands[8][16];
	char names[8][128];
	unsigned int complete;
	int stop;
};

static int note_run(void *arg, const char *name, struct ktr_reader *r)
{
	struct runs *runs = arg;
	struct ktr_block b;
	uint64_t events = 0;

	while (ktr_reader_next(r, &b) == 1)
		if (b.info.kind == KTR_EVENTS)
			events += b.info.n_events;
	if (ktr_reader_complete(r))
		assert_int_equal(events, 2000);
	runs->complete += ktr_reader_complete(r);
	snprintf(runs->commands[runs->n], sizeof(runs->commands[0]), "%s",
		 ktr_reader_info(r)->command);
	snprintf(runs->names[runs->n++], sizeof(runs->names[0]), "%s", name);
	return runs->stop;
}

static void pack(const char *name, int format, int filter)
{
	static const char *const members[] = {"one.ktr", "notes.txt", "sub/two.bin"};
	struct archive *a = archive_write_new();

	assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
	assert_true(archive_write_add_filter(a, filter) >= ARCHIVE_WARN);
	assert_int_equal(archive_write_open_filename(a, in_dir(name)), ARCHIVE_OK);
	for (size_t i = 0; i < KT_ARRAY_SIZE(members); i++) {
		struct archive_entry *e = archive_entry_new();
		int fd = open(in_dir(members[i]), O_RDONLY);
		struct bytes b = file_bytes(fd);

		archive_entry_set_pathname(e, members[i]);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_size(e, b.n);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		assert_int_equal(archive_write_data(a, b.v, b.n), b.n);
		archive_entry_free(e);
		bytes_finish(&b);
		close(fd);
		if (format == ARCHIVE_FORMAT_RAW)
			break;
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void write_members(void)
{
	int fd;

	assert_int_equal(mkdir(in_dir("sub"), 0755), 0);
	write_ktr(in_dir("one.ktr"), "first", 1);
	write_ktr(in_dir("sub/two.bin"), "second", 1);
	fd = open(in_dir("notes.txt"), O_CREAT | O_WRONLY, 0644);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	close(fd);
}

static void archives_are_searched(void **state)
{
	static const struct {
		const char *name;
		int format, filter;
	} packs[] = {
		{"b.tar", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE},
		{"b.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP},
		{"b.tar.zst", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD},
		{"b.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE},
	};

	write_members();
	for (size_t i = 0; i < KT_ARRAY_SIZE(packs); i++) {
		struct runs runs = {0};
		char want[128];

		pack(packs[i].name, packs[i].format, packs[i].filter);
		assert_int_equal(ktr_bundle_each(in_dir(packs[i].name), note_run, &runs), 0);
		assert_int_equal(runs.n, 2);
		assert_int_equal(runs.complete, 2);
		assert_string_equal(runs.commands[0], "first");
		assert_string_equal(runs.commands[1], "second");
		snprintf(want, sizeof(want), "%s:sub/two.bin", in_dir(packs[i].name));
		assert_string_equal(runs.names[1], want);
		runs.n = 0;
		runs.stop = 9;
		assert_int_equal(ktr_bundle_each(in_dir(packs[i].name), note_run, &runs), 9);
		assert_int_equal(runs.n, 1);
	}
}

static void single_files(void **state)
{
	struct runs runs = {0};
	int fd;

	write_members();
	assert_int_equal(ktr_bundle_each(in_dir("one.ktr"), note_run, &runs), 0);
	assert_int_equal(runs.n, 1);
	assert_string_equal(runs.names[0], in_dir("one.ktr"));
	/* Compressed once more, as mail programs like to. */
	pack("one.ktr.gz", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP);
	assert_int_equal(ktr_bundle_each(in_dir("one.ktr.gz"), note_run, &runs), 0);
	assert_int_equal(runs.n, 2);
	assert_int_equal(runs.complete, 2);
	assert_int_equal(ktr_bundle_each(in_dir("notes.txt"), note_run, &runs), -EBADMSG);
	assert_int_equal(ktr_bundle_each(in_dir("none"), note_run, &runs), -ENOENT);
	/* The first byte is damaged: still not an archive, still a recording. */
	for (off_t at = 0; at < 24; at++) {
		fd = open(in_dir("one.ktr"), O_RDWR);
		assert_int_equal(pwrite(fd, "\x1f", 1, at), 1);
		runs = (struct runs){0};
		assert_int_equal(ktr_bundle_each(in_dir("one.ktr"), note_run, &runs), 0);
		assert_int_equal(runs.n, 1);
		assert_int_equal(runs.complete, 1);
		close(fd);
		write_ktr(in_dir("one.ktr"), "first", 1);
	}
}

static void torn_archive(void **state)
{
	struct runs runs = {0};
	struct stat st;

	write_members();
	write_ktr(in_dir("one.ktr"), "first", 200);
	pack("b.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP);
	assert_int_equal(stat(in_dir("b.tar.gz"), &st), 0);
	assert_int_equal(truncate(in_dir("b.tar.gz"), st.st_size / 4), 0);
	assert_int_equal(ktr_bundle_each(in_dir("b.tar.gz"), note_run, &runs), 0);
	assert_int_equal(runs.n, 1);
	assert_int_equal(runs.complete, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tar_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(evil_entries_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_there_are_not_followed, set_up, tear_down),
		cmocka_unit_test(torn_tar),
		cmocka_unit_test_setup_teardown(archives_are_searched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(single_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(torn_archive, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
