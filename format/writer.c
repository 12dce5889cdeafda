/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* struct ktr_writer: blocks into a file or a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/block.h"
#include "format/crc32c.h"

#define CONTEXT_PART (1u << 20) /* raw bytes of one context block */
#define PIPE_BYTES ((size_t)64 << 10)
#define FAST_LEVEL -100	    /* of zstd: hardly more than copying */
#define INDEX_ENTRIES 16384 /* an index block is written when this many are waiting */

/* A block to repeat: its original frame (header and payload), and its header. */
struct kept {
	struct ktr_block_info info;
	void *comp;
};

struct ktr_writer {
	int fd;
	bool regular; /* a partial block can be cut off */
	int error;    /* the first one: nothing more is written after it */
	uint8_t uuid[16];
	enum ktr_codec codec;
	int level;
	bool fast;
	uint32_t n_streams;
	uint64_t *stream_seqs;
	uint64_t bytes, repeat_at;
	uint64_t file_seq;
	uint64_t watermark_ns, cut_ns;
	ZSTD_CCtx *zstd;
	struct ktr_scratch scratch;
	unsigned char *columns;	     /* encoded */
	unsigned char *frame;	     /* header and payload, written at once */
	struct kt_clock clocks[3];   /* the latest of each phase; ts_ns 0 = none */
	KT_VEC(struct kept) context; /* phase 0 */
	KT_VEC(struct kt_block_index) index;
	uint64_t index_offset; /* of the last index block */
};

/* ---------------------------------------------------------------- bytes */

static int write_all(struct ktr_writer *w, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t done = 0;
	int err = 0;

	while (done < len) {
		/* Into a pipe in small pieces, which shows whether its reader reads. */
		ssize_t n = write(w->fd, p + done,
				  w->regular ? len - done : KT_MIN(len - done, PIPE_BYTES));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : -EIO;
			break;
		}
		done += n;
		__atomic_store_n(&w->bytes, w->bytes + n, __ATOMIC_RELAXED);
	}
	if (!err)
		return 0;
	__atomic_store_n(&w->bytes, w->bytes - done, __ATOMIC_RELAXED);
	w->error = err;
	if (w->regular && done) {
		/* Where the file ends for us: queried, because it may be open for appending. */
		off_t end = lseek(w->fd, 0, SEEK_CUR);

		if (end >= (off_t)done && !ftruncate(w->fd, end - done))
			lseek(w->fd, end - done, SEEK_SET);
	}
	return err;
}

static int put_frame(struct ktr_writer *w, struct ktr_block_info *info, uint64_t *ret_offset)
{
	struct kt_block_index entry = {
		.ts_ns = info->ts_min_ns,
		.id = KT_EV_block_index,
		.len = sizeof(entry),
		.kind = info->kind,
		.offset = w->bytes,
		.ts_max_ns = info->ts_max_ns,
		.stream = info->stream,
		.n_events = info->n_events,
	};
	int err;

	info->file_seq = w->file_seq;
	*ret_offset = w->bytes;
	ktr_block_put(info, w->frame);
	err = write_all(w, w->frame, KTR_BLOCK_FRAME + info->comp_len);
	if (err)
		return err;
	w->file_seq++;
	err = kt_vec_push(&w->index, entry);
	if (err)
		w->error = err;
	return err;
}

/* ---------------------------------------------------------------- blocks */

static int compress(struct ktr_writer *w, struct ktr_block_info *info, const void *raw)
{
	const void *payload = raw;
	size_t len = info->raw_len, n;

	info->codec = KTR_RAW;
	if (w->codec == KTR_COLUMNS && !w->fast && ktr_kind_has_events(info->kind)) {
		int64_t c = ktr_columns_encode_with(&w->scratch, kt_schema_compiled(), raw,
						    info->raw_len, w->columns,
						    ktr_columns_bound(KTR_RAW_MAX));

		if (c == -ENOMEM)
			return c;
		if (c >= 0) {
			info->codec = KTR_COLUMNS;
			payload = w->columns;
			len = c;
		}
	}
	n = ZSTD_compress2(w->zstd, w->frame + KTR_BLOCK_FRAME, ktr_comp_max(), payload, len);
	if (ZSTD_isError(n))
		return -EIO; /* none is expected: the buffer is large enough */
	info->comp_len = n;
	info->comp_crc = kt_crc32c(0, w->frame + KTR_BLOCK_FRAME, n);
	return 0;
}

/* Without repeats. */
static int put_block(struct ktr_writer *w, struct ktr_block_info *info, const void *raw,
		     uint64_t *ret_offset)
{
	uint64_t offset;
	int err;

	/* The guarantees on order also hold for blocks that the writer adds. */
	w->watermark_ns = info->watermark_ns = KT_MAX(info->watermark_ns, w->watermark_ns);
	w->cut_ns = info->cut_ns = KT_MAX(info->cut_ns, w->cut_ns);
	memcpy(info->uuid, w->uuid, sizeof(info->uuid));
	info->schema_crc =
		ktr_kind_has_events(info->kind) ? kt_schema_crc(kt_schema_compiled()) : 0;
	err = compress(w, info, raw);
	if (!err)
		err = put_frame(w, info, &offset);
	if (err)
		w->error = err;
	else if (ret_offset)
		*ret_offset = offset;
	return err;
}

static int put_schema(struct ktr_writer *w)
{
	struct ktr_block_info info = {.kind = KTR_SCHEMA, .stream = KTR_NO_STREAM};
	size_t len;
	const char *text = kt_schema_text(kt_schema_compiled(), &len);

	info.raw_len = len;
	return put_block(w, &info, text, NULL);
}

static int put_clocks(struct ktr_writer *w)
{
	struct ktr_block_info info = {.kind = KTR_CLOCK, .stream = KTR_NO_STREAM};
	struct kt_clock sorted[3];

	for (int i = 0; i < 3; i++) {
		if (!w->clocks[i].ts_ns)
			continue;
		sorted[info.n_events] = w->clocks[i];
		for (int j = info.n_events++; j > 0 && sorted[j].ts_ns < sorted[j - 1].ts_ns; j--) {
			struct kt_clock c = sorted[j];

			sorted[j] = sorted[j - 1];
			sorted[j - 1] = c;
		}
	}
	if (!info.n_events)
		return 0;
	info.ts_min_ns = sorted[0].ts_ns;
	info.ts_max_ns = sorted[info.n_events - 1].ts_ns;
	info.raw_len = info.n_events * sizeof(sorted[0]);
	return put_block(w, &info, sorted, NULL);
}

static int put_index(struct ktr_writer *w)
{
	struct ktr_block_info info = {.kind = KTR_INDEX, .stream = KTR_NO_STREAM};
	int err;

	/* In file order, not in time order; ts_min_ns and ts_max_ns 0. */
	info.n_events = w->index.n;
	info.raw_len = w->index.n * sizeof(w->index.v[0]);
	w->index.n =
		0; /* but the memory is kept: the entry of this block becomes the first of the next one */
	err = put_block(w, &info, w->index.v, &w->index_offset);
	return err;
}

static int repeat(struct ktr_writer *w)
{
	int err;

	err = put_schema(w);
	if (!err)
		err = put_clocks(w);
	for (size_t i = 0; !err && i < w->context.n; i++) {
		struct kept *k = &w->context.v[i];
		uint64_t offset;

		memcpy(w->frame + KTR_BLOCK_FRAME, k->comp, k->info.comp_len);
		k->info.watermark_ns = w->watermark_ns;
		k->info.cut_ns = w->cut_ns;
		err = put_frame(w, &k->info, &offset);
	}
	w->repeat_at = w->bytes + KTR_REPEAT_BYTES;
	return err;
}

int ktr_writer_block(struct ktr_writer *w, const struct ktr_block_info *b, const void *raw)
{
	struct ktr_block_info info = *b;
	int err;

	if (w->error)
		return w->error;
	if (info.raw_len > KTR_RAW_MAX || info.ts_min_ns > info.ts_max_ns ||
	    (info.kind == KTR_EVENTS && info.stream >= w->n_streams))
		return -EINVAL;
	if (w->bytes >= w->repeat_at) {
		err = repeat(w);
		if (err)
			return err;
	}
	if (w->index.n >= INDEX_ENTRIES) {
		err = put_index(w);
		if (err)
			return err;
	}
	info.stream_seq = info.kind == KTR_EVENTS ? w->stream_seqs[info.stream]++ : 0;
	return put_block(w, &info, raw, NULL);
}

int ktr_writer_context(struct ktr_writer *w, uint32_t phase, const void *tar, size_t len)
{
	size_t at = 0;
	uint32_t part = 0;

	if (w->error)
		return w->error;
	do {
		size_t n = KT_MIN(len - at, CONTEXT_PART);
		struct ktr_block_info info = {
			.kind = KTR_CONTEXT,
			.stream = KTR_NO_STREAM,
			.raw_len = n,
			.part = part++,
			.last_part = at + n == len,
			.phase = phase,
		};
		int err = put_block(w, &info, (const unsigned char *)tar + at, NULL);

		if (err)
			return err;
		if (phase == 0) {
			struct kept k = {info, malloc(info.comp_len)};

			if (!k.comp || kt_vec_push(&w->context, k)) {
				free(k.comp);
				return w->error = -ENOMEM;
			}
			memcpy(k.comp, w->frame + KTR_BLOCK_FRAME, info.comp_len);
		}
		at += n;
	} while (at < len);
	return 0;
}

int ktr_writer_clock(struct ktr_writer *w, uint32_t phase, const struct ktr_clocks *c)
{
	struct kt_clock ev = {
		.ts_ns = c->mono_ns,
		.id = KT_EV_clock,
		.len = sizeof(ev),
		.phase = phase,
		.realtime_ns = c->realtime_ns,
		.boottime_ns = c->boottime_ns,
		.tai_ns = c->tai_ns,
		.error_ns = c->error_ns,
		.wall_error_ns = c->wall_error_ns,
	};
	struct ktr_block_info info = {
		.kind = KTR_CLOCK,
		.stream = KTR_NO_STREAM,
		.phase = phase,
		.ts_min_ns = ev.ts_ns,
		.ts_max_ns = ev.ts_ns,
		.n_events = 1,
		.raw_len = sizeof(ev),
	};

	if (w->error)
		return w->error;
	if (phase >= KT_ARRAY_SIZE(w->clocks))
		return -EINVAL;
	w->clocks[phase] = ev;
	return put_block(w, &info, &ev, NULL);
}

int ktr_writer_sync(struct ktr_writer *w)
{
	if (w->error)
		return w->error;
	if (w->regular && fdatasync(w->fd) < 0)
		return w->error = -errno;
	return 0;
}

void ktr_writer_set_fast(struct ktr_writer *w, bool fast)
{
	if (w->fast == fast)
		return;
	w->fast = fast;
	/* The level was accepted before, or every zstd accepts it: levels are clamped. */
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, fast ? FAST_LEVEL : w->level);
}

uint64_t ktr_writer_bytes(const struct ktr_writer *w)
{
	return __atomic_load_n(&w->bytes, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------------- begin and end */

static void destroy(struct ktr_writer *w)
{
	for (size_t i = 0; i < w->context.n; i++)
		free(w->context.v[i].comp);
	kt_vec_finish(&w->context);
	kt_vec_finish(&w->index);
	ZSTD_freeCCtx(w->zstd);
	ktr_scratch_finish(&w->scratch);
	free(w->stream_seqs);
	free(w->columns);
	free(w->frame);
	free(w);
}

static int init(struct ktr_writer *w, const struct ktr_run_info *info,
		const struct ktr_writer_options *opts)
{
	kt_auto_free void *head = NULL;
	struct stat st;
	size_t len;
	int err;

	w->level = opts && opts->level ? opts->level : 1;
	w->codec = opts ? opts->codec : KTR_COLUMNS;
	if (w->codec != KTR_RAW && w->codec != KTR_COLUMNS)
		return -EINVAL;
	memcpy(w->uuid, info->uuid, sizeof(w->uuid));
	w->n_streams = info->n_streams;
	w->cut_ns = info->clocks.mono_ns;
	w->regular = !fstat(w->fd, &st) && S_ISREG(st.st_mode);
	w->stream_seqs = calloc(w->n_streams + 1, sizeof(*w->stream_seqs));
	w->columns = malloc(ktr_columns_bound(KTR_RAW_MAX));
	w->frame = malloc(KTR_BLOCK_FRAME + ktr_comp_max());
	w->zstd = ZSTD_createCCtx();
	if (!w->stream_seqs || !w->columns || !w->frame || !w->zstd)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, w->level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1)))
		return -EINVAL;
	err = ktr_file_put(info, &head, &len);
	if (err)
		return err;
	err = write_all(w, head, len);
	if (err)
		return err;
	err = put_schema(w);
	w->repeat_at = w->bytes + KTR_REPEAT_BYTES;
	return err;
}

int ktr_writer_create(int fd, const struct ktr_run_info *info,
		      const struct ktr_writer_options *opts, struct ktr_writer **ret)
{
	struct ktr_writer *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->fd = fd;
	err = init(w, info, opts);
	if (err) {
		destroy(w);
		return err;
	}
	*ret = w;
	return 0;
}

int ktr_writer_close(struct ktr_writer *w)
{
	unsigned char tail[KTR_TAIL_FRAME];
	int err;

	if (!w)
		return 0;
	/* After an error the file gets no tail: readers then know that its end is missing. */
	err = w->error;
	if (!err)
		err = repeat(w);
	if (!err)
		err = put_index(w);
	if (!err) {
		struct ktr_tail_info t = {
			.index_offset = w->index_offset,
			.n_blocks = w->file_seq,
			.cut_ns = w->cut_ns,
		};

		memcpy(t.uuid, w->uuid, sizeof(t.uuid));
		ktr_tail_put(&t, tail);
		err = write_all(w, tail, sizeof(tail));
	}
	if (!err)
		err = ktr_writer_sync(w);
	destroy(w);
	return err;
}
