/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Decodes a block's payload to what was passed to ktr_writer_block(). */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "format/base/macros.h"
#include "format/block.h"

/*
 * Callers walk the events by their lens, so these must lead from one to the next, whatever the checksums say. Ids that
 * the schema lacks are accepted: kt_map_event() does not know them.
 */
static int check_events(const struct ktr_block_info *info, const void *raw)
{
	uint64_t last_ns = info->ts_min_ns;
	uint32_t n = 0;

	for (size_t at = 0; at < info->raw_len; n++) {
		const struct kt_event *ev = (const struct kt_event *)((const char *)raw + at);

		if (info->raw_len - at < sizeof(*ev) || ev->len < sizeof(*ev) || ev->len % 8 ||
		    ev->len > info->raw_len - at)
			return -EBADMSG;
		/* An index is in file order. */
		if (info->kind != KTR_INDEX && (ev->ts_ns < last_ns || ev->ts_ns > info->ts_max_ns))
			return -EBADMSG;
		last_ns = ev->ts_ns;
		at += ev->len;
	}
	return n == info->n_events ? 0 : -EBADMSG;
}

/* A zstd context is large: creating it each time would cost as much as the decompression, so each thread keeps one. */
static pthread_key_t dctx_key;

static void free_dctx(void *z)
{
	ZSTD_freeDCtx(z);
}

static void make_dctx_key(void)
{
	if (pthread_key_create(&dctx_key, free_dctx))
		abort(); /* more than a thousand keys */
}

static ZSTD_DCtx *thread_dctx(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	ZSTD_DCtx *z;

	pthread_once(&once, make_dctx_key);
	z = pthread_getspecific(dctx_key);
	if (z)
		return z;
	z = ZSTD_createDCtx();
	if (!z || pthread_setspecific(dctx_key, z)) {
		ZSTD_freeDCtx(z);
		return NULL;
	}
#ifdef KT_FUZZ
	/* ZSTD_d_forceIgnoreChecksum, by its name in headers without the experimental part. */
	ZSTD_DCtx_setParameter(z, ZSTD_d_experimentalParam3, 1);
#endif
	return z;
}

/* Bytes in dst, or -errno. */
static int64_t decompress(void *dst, size_t cap, const void *comp, size_t len)
{
	ZSTD_DCtx *z = thread_dctx();
	size_t n;

	if (!z)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(z, dst, cap, comp, len);
	return ZSTD_isError(n) ? -EBADMSG : (int64_t)n;
}

static int decode_columns(const struct ktr_block_info *info, const void *comp,
			  const struct kt_schema *s, void *raw)
{
	unsigned long long len = ZSTD_getFrameContentSize(comp, info->comp_len);
	kt_auto_free void *columns = NULL;
	int64_t n;

	/* The two highest values mean errors. */
	if (len > ktr_columns_bound(info->raw_len))
		return -EBADMSG;
	columns = malloc(len + 1);
	if (!columns)
		return -ENOMEM;
	n = decompress(columns, len, comp, info->comp_len);
	if (n < 0)
		return n;
	return ktr_columns_decode(s, columns, n, raw, info->raw_len);
}

int ktr_block_decode(const struct ktr_block_info *info, const void *comp, const struct kt_schema *s,
		     void *raw)
{
	bool events = ktr_kind_has_events(info->kind);
	int64_t n;
	int err;

	if (info->raw_len > KTR_RAW_MAX || (events && !s))
		return -EBADMSG;
	switch (info->codec) {
	case KTR_RAW:
		n = decompress(raw, info->raw_len, comp, info->comp_len);
		err = n < 0 ? n : n != info->raw_len ? -EBADMSG : 0;
		break;
	case KTR_COLUMNS:
		err = events ? decode_columns(info, comp, s, raw) : -EBADMSG;
		break;
	default:
		return -EPROTONOSUPPORT;
	}
	if (!err && events)
		err = check_events(info, raw);
	return err;
}
