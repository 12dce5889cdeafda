/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Every .ktr in what people send: the file itself, compressed, or in an archive. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "format/block.h"

#define PEEK 16 /* the frame's 8 bytes and KTR_MAGIC */
#define ARCHIVE_BLOCK (1u << 20)

/* Looks like the start of a .ktr; either half is enough, the other may be damaged. */
static bool is_ktr(const unsigned char *p, size_t len)
{
	uint32_t magic = KTR_FRAME_FILE;

	return len == PEEK && (!memcmp(p, &magic, sizeof(magic)) || !memcmp(p + 8, KTR_MAGIC, 8));
}

static size_t peek_file(const char *path, unsigned char *buf, int *ret_err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*ret_err = fd < 0 ? -errno : 0;
	if (fd < 0)
		return 0;
	n = pread(fd, buf, PEEK, 0);
	/* A pipe cannot be read twice: it can only be a .ktr. */
	*ret_err = n < 0 && errno != ESPIPE ? -errno : 0;
	if (n < 0) {
		uint32_t magic = KTR_FRAME_FILE;

		memcpy(buf, &magic, sizeof(magic));
		n = PEEK;
	}
	close(fd);
	return n;
}

/* ---------------------------------------------------------------- an entry of an archive */

struct entry {
	struct archive *archive;
	unsigned char peeked[PEEK];
	size_t n_peeked, used;
};

static int64_t read_entry(void *arg, void *buf, size_t len)
{
	struct entry *e = arg;
	size_t n = KT_MIN(len, e->n_peeked - e->used);
	la_ssize_t got;

	if (n) {
		memcpy(buf, e->peeked + e->used, n);
		e->used += n;
		return n;
	}
	got = archive_read_data(e->archive, buf, len);
	if (got == ARCHIVE_RETRY)
		return -EINTR;
	/* A torn archive is a torn file: the reader keeps what is whole and says that the end is missing. */
	return KT_MAX(got, 0);
}

static void peek_entry(struct entry *e)
{
	while (e->n_peeked < PEEK) {
		la_ssize_t n =
			archive_read_data(e->archive, e->peeked + e->n_peeked, PEEK - e->n_peeked);

		if (n == ARCHIVE_RETRY)
			continue;
		if (n <= 0)
			return;
		e->n_peeked += n;
	}
}

static bool ends_in_ktr(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && !strcmp(name + n - 4, ".ktr");
}

/* 1: fn was called; 0: no .ktr; else what fn returned, or -errno. */
static int try_entry(struct archive *a, const char *name, ktr_bundle_cb fn, void *arg, int *ret_fn)
{
	struct entry e = {.archive = a};
	struct ktr_reader *r;
	int err;

	peek_entry(&e);
	if (!ends_in_ktr(name) && !is_ktr(e.peeked, e.n_peeked))
		return 0;
	err = ktr_reader_open_cb(read_entry, NULL, &e, &r);
	if (err == -EBADMSG)
		return 0;
	if (err)
		return err;
	*ret_fn = fn(arg, name, r);
	ktr_reader_close(r);
	return 1;
}

/* A single file in one compression: libarchive would go on and take our own frames for lz4 or zstd, too. */
static int each_compressed(const char *path, int filter, ktr_bundle_cb fn, void *arg, int *ret_fn)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int err = -ENOMEM;

	if (!a)
		return err;
	err = -EBADMSG;
	if (archive_read_set_format(a, ARCHIVE_FORMAT_RAW) >= ARCHIVE_WARN &&
	    archive_read_append_filter(a, filter) >= ARCHIVE_WARN &&
	    archive_read_open_filename(a, path, ARCHIVE_BLOCK) >= ARCHIVE_WARN &&
	    archive_read_next_header(a, &entry) >= ARCHIVE_WARN) {
		err = try_entry(a, path, fn, arg, ret_fn);
		err = err > 0 ? 0 : err < 0 ? err : -EBADMSG;
	}
	archive_read_free(a);
	return err;
}

/* -ENOEXEC: no archive. */
static int each_in_archive(const char *path, ktr_bundle_cb fn, void *arg, int *ret_fn)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int err = -ENOMEM, ok, found = 0;

	if (!a)
		return err;
	archive_read_support_filter_all(a);
	archive_read_support_format_all(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_filename(a, path, ARCHIVE_BLOCK) != ARCHIVE_OK) {
		err = -ENOEXEC;
		goto out;
	}
	while ((ok = archive_read_next_header(a, &entry)) == ARCHIVE_OK || ok == ARCHIVE_WARN) {
		kt_auto_free char *name = NULL;
		const char *inner = archive_entry_pathname(entry);

		if (archive_format(a) == ARCHIVE_FORMAT_RAW) {
			/* The last filter is the file itself, the one before what was done to it last. */
			int n = archive_filter_count(a);

			err = n < 2 ? -ENOEXEC
				    : each_compressed(path, archive_filter_code(a, n - 2), fn, arg,
						      ret_fn);
			goto out;
		}
		if (archive_entry_filetype(entry) != AE_IFREG)
			continue;
		err = -ENOMEM;
		if (asprintf(&name, "%s:%s", path, inner ? inner : "?") < 0) {
			name = NULL;
			goto out;
		}
		err = try_entry(a, name, fn, arg, ret_fn);
		if (err < 0 || (err > 0 && *ret_fn))
			goto out;
		found += err;
	}
	/* A torn end after some .ktr has been reported by their readers, or hit nothing of ours that is known. */
	err = found ? 0 : ok == ARCHIVE_EOF ? -EBADMSG : -ENOEXEC;
out:
	archive_read_free(a);
	return err;
}

int ktr_bundle_each(const char *path, ktr_bundle_cb fn, void *arg)
{
	unsigned char head[PEEK];
	struct ktr_reader *r;
	int err = 0, ret = 0;

	if (strcmp(path, "-")) {
		size_t n = peek_file(path, head, &err);

		if (err)
			return err;
		if (!is_ktr(head, n)) {
			err = each_in_archive(path, fn, arg, &ret);
			if (err != -ENOEXEC)
				return err < 0 ? err : ret;
		}
	}
	/* It may still be one whose start is damaged. */
	err = ktr_reader_open(path, &r);
	if (err)
		return err;
	ret = fn(arg, path, r);
	ktr_reader_close(r);
	return ret;
}
