/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Every .ktr in files that people send: the .ktr itself, compressed, or in an archive. */
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
	/* A truncated archive means a truncated file: the reader keeps the complete part and reports that the end is missing. */
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

/* A single file in one compression: libarchive would go on to take our own frames for lz4 or zstd. */
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

/* -ENOEXEC: not an archive. */
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
			/* The last filter is the file itself, the one before it is the outermost compression. */
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
	/* A truncated end after some .ktr was reported by their readers, or did not affect any known .ktr. */
	err = found ? 0 : ok == ARCHIVE_EOF ? -EBADMSG : -ENOEXEC;
out:
	archive_read_free(a);
	return err;
}

/* ---------------------------------------------------------------- recordings one after the other */

/* The range of a file with one of its recordings. */
struct part {
	int fd;
	uint64_t from, to, at;
};

static int64_t read_part(void *arg, void *buf, size_t len)
{
	struct part *p = arg;
	ssize_t n = pread(p->fd, buf, KT_MIN(len, p->to - p->at), p->at);

	if (n < 0)
		return -errno;
	p->at += n;
	return n;
}

static int seek_part(void *arg, uint64_t to)
{
	struct part *p = arg;

	if (to > p->to - p->from)
		return -EIO;
	p->at = p->from + to;
	return 0;
}

/* Is there the header of a recording at `at`? */
static bool starts_at(int fd, uint64_t at)
{
	struct ktr_run_info info = {0};
	unsigned char *frame;
	uint32_t head[2];
	bool is = false;

	if (pread(fd, head, sizeof(head), at) != sizeof(head) || head[0] != KTR_FRAME_FILE ||
	    head[1] > KTR_FILE_HDR_MAX)
		return false;
	frame = malloc(KTR_FRAME_BYTES + head[1]);
	if (frame &&
	    pread(fd, frame, KTR_FRAME_BYTES + head[1], at) == (ssize_t)(KTR_FRAME_BYTES + head[1]))
		is = !ktr_file_get(frame, KTR_FRAME_BYTES + head[1], &info);
	ktr_info_finish(&info);
	free(frame);
	return is;
}

/* The offset after what is at `at`: a header, or a header with its payload. 0: neither, or damaged. */
static uint64_t hop(int fd, uint64_t at)
{
	unsigned char frame[KTR_FRAME_BYTES + KTR_HDR_MAX];
	ssize_t n = pread(fd, frame, sizeof(frame), at);
	struct ktr_block_info b;
	uint32_t head[2];

	if (n < KTR_FRAME_BYTES)
		return 0;
	memcpy(head, frame, sizeof(head));
	if (head[0] == KTR_FRAME_FILE && head[1] <= KTR_FILE_HDR_MAX)
		return at + KTR_FRAME_BYTES + head[1];
	if ((head[0] != KTR_FRAME_BLOCK && head[0] != KTR_FRAME_TAIL) || head[1] > KTR_HDR_MAX ||
	    (size_t)n < KTR_FRAME_BYTES + head[1])
		return 0;
	if (head[0] == KTR_FRAME_TAIL)
		return at + KTR_FRAME_BYTES + head[1];
	if (ktr_block_get(frame, KTR_FRAME_BYTES + head[1], &b))
		return 0;
	return at + KTR_FRAME_BYTES + head[1] + b.comp_len;
}

/* The next recording that begins at `at` or later; UINT64_MAX: none. */
static uint64_t search(int fd, uint64_t at)
{
	const size_t size = 1 << 20, overlap = KTR_FRAME_BYTES + 8;
	unsigned char *buf = malloc(size);
	uint64_t found = UINT64_MAX;
	ssize_t n;

	while (buf && found == UINT64_MAX && (n = pread(fd, buf, size, at)) >= (ssize_t)overlap) {
		for (const unsigned char *p = buf;
		     (p = memmem(p, buf + n - p, KTR_MAGIC, 8)) && found == UINT64_MAX; p++)
			if (p >= buf + KTR_FRAME_BYTES &&
			    starts_at(fd, at + (p - buf) - KTR_FRAME_BYTES))
				found = at + (p - buf) - KTR_FRAME_BYTES;
		at += n - overlap + 1;
	}
	free(buf);
	return found;
}

/* The end of the recording that begins at `from`: the next one, or the end of the file. */
static uint64_t end_of(int fd, uint64_t from, uint64_t size)
{
	uint64_t at = from;

	do {
		uint64_t next = hop(fd, at);

		/* If it was truncated, its last payload ends within the next recording: search after its last valid header. */
		if (!next || next > size || (next < size && !hop(fd, next)))
			next = search(fd, at + 1);
		at = next;
	} while (at < size && !starts_at(fd, at));
	return KT_MIN(at, size);
}

/* Several recordings in one file, as cat(1) makes it: calls fn for each. 0: there is only one, or it is not known; 1: done. */
static int each_part(const char *path, ktr_bundle_cb fn, void *arg, int *ret_fn)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	uint64_t end;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !starts_at(fd, 0) ||
	    (end = end_of(fd, 0, st.st_size)) >= (uint64_t)st.st_size) {
		close(fd);
		return 0;
	}
	*ret_fn = 0;
	for (uint64_t from = 0, n = 1; !err && !*ret_fn && from < (uint64_t)st.st_size; n++) {
		struct part p = {fd, from, end, from};
		kt_auto_free char *name = NULL;
		struct ktr_reader *r;

		if (asprintf(&name, "%s, recording %llu", path, (unsigned long long)n) < 0) {
			name = NULL;
			err = -ENOMEM;
			break;
		}
		err = ktr_reader_open_cb(read_part, seek_part, &p, &r);
		if (err)
			break;
		*ret_fn = fn(arg, name, r);
		ktr_reader_close(r);
		from = end;
		end = end_of(fd, from, st.st_size);
	}
	close(fd);
	return err ? err : 1;
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
	err = strcmp(path, "-") ? each_part(path, fn, arg, &ret) : 0;
	if (err)
		return err < 0 ? err : ret;
	/* It may still be a .ktr whose start is damaged. */
	err = ktr_reader_open(path, &r);
	if (err)
		return err;
	ret = fn(arg, path, r);
	ktr_reader_close(r);
	return ret;
}
