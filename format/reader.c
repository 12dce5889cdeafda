/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * struct ktr_reader: blocks from a file, a pipe or a function, past any damage.
 *
 * It reads forwards only, from header to header. Where there is no header, it searches for the next one by magic,
 * uuid of the run and checksum. A readable header is trusted (it has its own checksum), so the
 * interval of a bad payload is that of its header; the interval of unreadable blocks lies between the watermark of the header
 * before and the cut of the one after.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "format/crc32c.h"
#include "format/reader_internal.h"

#define OPEN_SCAN_MAX \
	(128ull << 20) /* how far to search a file without header before saying it is not a .ktr */

/* ---------------------------------------------------------------- schemas */

static int keep_schema(struct ktr_reader *r, const struct ktr_block *b)
{
	kt_auto_free char *text = malloc(b->info.raw_len + 1);
	struct kt_schema *s;
	int err;

	if (!text)
		return -ENOMEM;
	/* An unreadable one is treated as missing: there may be a later copy. */
	if (ktr_block_decode(&b->info, b->comp, NULL, text))
		return 0;
	err = kt_schema_parse(text, b->info.raw_len, &s);
	if (err)
		return err == -ENOMEM ? err : 0;
	for (size_t i = 0; i < r->schemas.n; i++)
		if (kt_schema_crc(r->schemas.v[i]) == kt_schema_crc(s)) {
			kt_schema_destroy(s);
			return 0;
		}
	err = kt_vec_push(&r->schemas, s);
	if (err)
		kt_schema_destroy(s);
	return err;
}

static const struct kt_schema *find_schema(const struct ktr_reader *r, uint32_t crc)
{
	for (size_t i = 0; i < r->schemas.n; i++)
		if (kt_schema_crc(r->schemas.v[i]) == crc)
			return r->schemas.v[i];
	if (crc == kt_schema_crc(kt_schema_compiled()))
		return kt_schema_compiled();
	return NULL;
}

/* Reads the whole file once more with a second reader, and takes over its schemas. */
static void search_schemas(struct ktr_reader *r)
{
	struct ktr_reader *other;
	struct ktr_block b;
	struct ktr_damage d;

	r->searched = true;
	if (r->seek(r->arg, 0))
		return;
	if (!ktr_reader_open_cb(r->read, NULL, r->arg, &other)) {
		while (ktr_reader_next(other, &b) == 1)
			while (ktr_reader_damage(other, &d))
				;
		for (size_t i = 0; i < other->schemas.n; i++) {
			struct kt_schema *s = other->schemas.v[i];

			if (find_schema(r, kt_schema_crc(s)) || kt_vec_push(&r->schemas, s))
				continue;
			other->schemas.v[i] = NULL;
		}
		ktr_reader_close(other);
	}
	/* Seek back; if that fails, what was read so far is still valid and the next read reports it. */
	if (r->seek(r->arg, r->base + r->len))
		r->eof = true;
}

const struct kt_schema *ktr_reader_schema(struct ktr_reader *r, uint32_t schema_crc)
{
	const struct kt_schema *s = find_schema(r, schema_crc);

	if (s || !r->seek || r->searched)
		return s;
	search_schemas(r);
	return find_schema(r, schema_crc);
}

/* ---------------------------------------------------------------- the next block */

static int end_at_tail(struct ktr_reader *r, const struct ktr_frame *f, bool gap)
{
	uint64_t end;
	int err = 0;

	if (f->tail.n_blocks > r->next_seq && !gap)
		err = ktr_reader_add_gap(r, ktr_reader_at(r), f->tail.n_blocks - r->next_seq,
					 f->tail.cut_ns);
	r->pos += f->len;
	end = ktr_reader_at(r);
	r->ended = r->complete = true;
	if (!err && ktr_reader_fill(r, 1) == 1) {
		struct ktr_damage d = {
			.cause = KT_LOSS_DAMAGED_BLOCK,
			.stream = KTR_NO_STREAM,
			.start_ns = f->tail.cut_ns,
			.end_ns = f->tail.cut_ns,
			.offset = end,
			.len = r->len - r->pos,
		};

		err = ktr_reader_add_damage(r, d, "bytes after the end of the recording: not read");
	}
	return err;
}

/* After a payload that does not match its header: finds the next header, by its length or by searching. */
static int go_on(struct ktr_reader *r, const struct ktr_frame *bad, bool there)
{
	uint64_t from = ktr_reader_at(r);
	struct ktr_frame f;
	int err;

	if (there) {
		size_t hop = bad->len + bad->block.comp_len;
		/* Enough that ktr_reader_look() does not move the window: this may have to go back. */
		int ok = ktr_reader_fill(r, hop + KTR_FRAME_BYTES + KTR_HDR_MAX);

		if (ok < 0)
			return ok;
		r->pos += hop;
		ok = ktr_reader_look(r, &f);
		if (ok < 0)
			return ok;
		if (f.kind != KTR_AT_NONE || !ktr_reader_fill(r, 1))
			return ktr_reader_add_bad_block(
				r, &bad->block, from, hop,
				"the checksum of a block's payload is wrong");
		r->pos -= hop; /* bytes are missing or too many */
	}
	r->pos += bad->len - 1;
	err = ktr_reader_find_header(r, UINT64_MAX, &f);
	if (err < 0)
		return err;
	if (f.kind == KTR_AT_NONE)
		return ktr_reader_add_truncated(r, from);
	return ktr_reader_add_bad_block(
		r, &bad->block, from, ktr_reader_at(r) - from,
		"a block's payload has not the length that its header says");
}

static int take_block(struct ktr_reader *r, const struct ktr_frame *f, struct ktr_block *ret)
{
	int there = ktr_reader_fill(r, f->len + f->block.comp_len);
	const unsigned char *comp = r->buf + r->pos + f->len;

	if (there < 0)
		return there;
	if (!there || !ktr_crc_ok(kt_crc32c(0, comp, f->block.comp_len), f->block.comp_crc)) {
		uint64_t watermark_ns = r->watermark_ns;
		int err = go_on(r, f, there);

		/* If the file ends here, blocks after this one may be missing too: use what was known before. */
		if (!r->ended)
			r->watermark_ns = KT_MAX(watermark_ns, f->block.watermark_ns);
		r->next_seq = f->block.file_seq + 1;
		r->cut_ns = f->block.cut_ns;
		return err;
	}
	r->next_seq = f->block.file_seq + 1;
	r->watermark_ns = f->block.watermark_ns;
	r->cut_ns = f->block.cut_ns;
	ret->info = f->block;
	ret->offset = ktr_reader_at(r);
	ret->comp = comp;
	r->skip = f->len + f->block.comp_len;
	if (ret->info.kind == KTR_SCHEMA) {
		int err = keep_schema(r, ret);

		if (err)
			return err;
	}
	return 1;
}

int ktr_reader_next(struct ktr_reader *r, struct ktr_block *ret)
{
	r->pos += r->skip;
	r->skip = 0;
	while (!r->ended) {
		uint64_t from = ktr_reader_at(r);
		bool gap = false;
		struct ktr_frame f;
		int err = ktr_reader_look(r, &f);

		if (!err && f.kind == KTR_AT_NONE) {
			err = ktr_reader_fill(r, 1) ? ktr_reader_find_header(r, UINT64_MAX, &f) : 0;
			if (err < 0)
				return err;
			if (f.kind == KTR_AT_NONE)
				return ktr_reader_add_truncated(r, from);
			gap = true;
		}
		if (err < 0)
			return err;
		if (f.kind == KTR_AT_TAIL) {
			if (gap)
				err = ktr_reader_add_gap(
					r, from,
					f.tail.n_blocks - KT_MIN(f.tail.n_blocks, r->next_seq),
					f.tail.cut_ns);
			return err ? err : end_at_tail(r, &f, gap);
		}
		/* A copy of an earlier block: its events must not count twice. */
		if (f.block.file_seq < r->next_seq) {
			r->pos += f.len - 1;
			err = ktr_reader_find_header(r, UINT64_MAX, &f);
			if (!err)
				err = f.kind == KTR_AT_NONE
					      ? ktr_reader_add_truncated(r, from)
					      : ktr_reader_add_gap(r, from, 0, r->cut_ns);
			if (err)
				return err;
			continue;
		}
		if (gap || f.block.file_seq > r->next_seq) {
			err = ktr_reader_add_gap(r, from, f.block.file_seq - r->next_seq,
						 f.block.cut_ns);
			if (err)
				return err;
		}
		err = take_block(r, &f, ret);
		if (err)
			return err;
	}
	return 0;
}

/* ---------------------------------------------------------------- open and close */

static int open_header(struct ktr_reader *r)
{
	uint32_t magic, size;
	struct ktr_frame f;
	int err = ktr_reader_fill(r, KTR_FRAME_BYTES);

	if (err <= 0)
		return err ? err : -EBADMSG;
	memcpy(&magic, r->buf, 4);
	memcpy(&size, r->buf + 4, 4);
	if (magic == KTR_FRAME_FILE && size <= KTR_FILE_HDR_MAX) {
		err = ktr_reader_fill(r, KTR_FRAME_BYTES + size);
		if (err < 0)
			return err;
		err = err ? ktr_file_get(r->buf, KTR_FRAME_BYTES + size, &r->info) : -EBADMSG;
		if (!err) {
			r->pos = KTR_FRAME_BYTES + size;
			memcpy(r->uuid, r->info.uuid, sizeof(r->uuid));
			r->have_uuid = true;
			return 0;
		}
		if (err != -EBADMSG)
			return err;
	}
	/* Any block of any run may be the first; the file may even start with one. */
	err = ktr_reader_look(r, &f);
	if (!err && f.kind != KTR_AT_BLOCK)
		err = ktr_reader_find_header(r, OPEN_SCAN_MAX, &f);
	if (err < 0)
		return err;
	if (f.kind != KTR_AT_BLOCK)
		return -EBADMSG;
	memcpy(r->uuid, f.block.uuid, sizeof(r->uuid));
	memcpy(r->info.uuid, f.block.uuid, sizeof(r->uuid));
	r->have_uuid = true;
	err = ktr_reader_add_gap(r, 0, f.block.file_seq, f.block.cut_ns);
	r->next_seq = f.block.file_seq;
	return err;
}

int ktr_reader_open_cb(ktr_read_cb read, ktr_seek_cb seek, void *arg, struct ktr_reader **ret)
{
	struct ktr_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->read = read;
	r->seek = seek;
	r->arg = arg;
	r->fd = -1;
	err = open_header(r);
	if (!err && !r->info.kinds)
		r->info.kinds = strdup("");
	if (!err && !r->info.filters)
		r->info.filters = strdup("");
	if (!err && !r->info.command)
		r->info.command = strdup("");
	if (!err && (!r->info.kinds || !r->info.filters || !r->info.command))
		err = -ENOMEM;
	if (err) {
		ktr_reader_close(r);
		return err;
	}
	*ret = r;
	return 0;
}

static int64_t read_fd(void *arg, void *buf, size_t len)
{
	ssize_t n = read((int)(intptr_t)arg, buf, KT_MIN(len, (size_t)INT_MAX));

	return n < 0 ? -errno : n;
}

static int seek_fd(void *arg, uint64_t to)
{
	return to > INT64_MAX || lseek((int)(intptr_t)arg, to, SEEK_SET) < 0 ? -EIO : 0;
}

int ktr_reader_open(const char *path, struct ktr_reader **ret)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	/* stdin may be a file opened at an offset other than 0. */
	bool seekable = !is_stdin && fd >= 0 && lseek(fd, 0, SEEK_CUR) == 0;
	int err;

	if (fd < 0)
		return -errno;
	err = ktr_reader_open_cb(read_fd, seekable ? seek_fd : NULL, (void *)(intptr_t)fd, ret);
	if (is_stdin)
		return err;
	if (err)
		close(fd);
	else
		(*ret)->fd = fd;
	return err;
}

void ktr_reader_close(struct ktr_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	for (size_t i = 0; i < r->schemas.n; i++)
		kt_schema_destroy(r->schemas.v[i]);
	kt_vec_finish(&r->schemas);
	kt_vec_finish(&r->damage);
	ktr_info_finish(&r->info);
	free(r->buf);
	free(r);
}

const struct ktr_run_info *ktr_reader_info(const struct ktr_reader *r)
{
	return &r->info;
}

bool ktr_reader_complete(const struct ktr_reader *r)
{
	return r->complete;
}

uint64_t ktr_reader_offset(const struct ktr_reader *r)
{
	return ktr_reader_at(r) + r->skip;
}
