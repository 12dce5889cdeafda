/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * How the codecs perform on real recordings: codec FILE.ktr…
 *
 * For each way to write the event blocks of the files: bytes and ns per event (encoding and zstd-1; the best of
 * several passes), bytes per issued request, and the cost of reading a block back. Then, for the columns, where the
 * bytes before zstd are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/block.h"

#define PASSES 5

struct raw_block {
	struct ktr_block_info info;
	unsigned char *raw;
};

static KT_VEC(struct raw_block) blocks;
static uint64_t n_events, n_issued, n_raw;
static size_t counts[65536];
static ZSTD_CCtx *zstd;
static struct ktr_scratch scratch;
static unsigned char *columns, *out, *back;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int load(const char *path)
{
	struct ktr_reader *r;
	struct ktr_block b;
	int err = ktr_reader_open(path, &r);

	if (err)
		return err;
	while (ktr_reader_next(r, &b) == 1) {
		struct raw_block rb = {b.info, NULL};

		if (b.info.kind != KTR_EVENTS)
			continue;
		rb.raw = malloc(b.info.raw_len + 8);
		if (!rb.raw)
			return -ENOMEM;
		err = ktr_block_decode(&b.info, b.comp, ktr_reader_schema(r, b.info.schema_crc),
				       rb.raw);
		if (err || kt_vec_push(&blocks, rb))
			break;
		n_events += b.info.n_events;
		n_raw += b.info.raw_len;
		for (size_t at = 0; at < b.info.raw_len;) {
			const struct kt_event *ev = (const void *)(rb.raw + at);

			counts[ev->id]++;
			at += ev->len;
		}
	}
	ktr_reader_close(r);
	return err;
}

static size_t encode_raw(const struct raw_block *b, const void **ret)
{
	*ret = b->raw;
	return b->info.raw_len;
}

static size_t encode_columns(const struct raw_block *b, const void **ret)
{
	int64_t n = ktr_columns_encode_with(&scratch, kt_schema_compiled(), b->raw, b->info.raw_len,
					    columns, ktr_columns_bound(KTR_RAW_MAX));

	*ret = columns;
	if (n >= 0)
		return n;
	return encode_raw(b, ret);
}

static void measure(const char *name, size_t (*encode)(const struct raw_block *, const void **),
		    int level)
{
	double best = 1e30, best_encode = 1e30, best_decode = 1e30;
	size_t bytes = 0;

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	for (int pass = 0; pass < PASSES; pass++) {
		double encode_ns = 0, zstd_ns = 0, decode_ns = 0;

		bytes = 0;
		for (size_t i = 0; i < blocks.n; i++) {
			struct ktr_block_info info = blocks.v[i].info;
			const void *payload;
			double t0 = now_ns(), t1, t2;
			size_t len = encode(&blocks.v[i], &payload), n;

			t1 = now_ns();
			n = ZSTD_compress2(zstd, out, ktr_comp_max(), payload, len);
			t2 = now_ns();
			encode_ns += t1 - t0;
			zstd_ns += t2 - t1;
			bytes += n + KTR_BLOCK_FRAME;
			info.codec = payload == columns ? KTR_COLUMNS : KTR_RAW;
			info.comp_len = n;
			if (ktr_block_decode(&info, out, kt_schema_compiled(), back) ||
			    memcmp(back, blocks.v[i].raw, info.raw_len)) {
				printf("%s: a block does not come back\n", name);
				exit(1);
			}
			decode_ns += now_ns() - t2;
		}
		best_encode = KT_MIN(best_encode, encode_ns);
		best = KT_MIN(best, encode_ns + zstd_ns);
		best_decode = KT_MIN(best_decode, decode_ns);
	}
	printf("%-12s %6.2f B/event %7.2f B/issued %6.1f ns/event (encoding %4.1f) %6.1f ns/event "
	       "back\n",
	       name, (double)bytes / n_events, n_issued ? (double)bytes / n_issued : 0,
	       best / n_events, best_encode / n_events, best_decode / n_events);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = load(argv[i]);

		if (err) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	n_issued = counts[KT_EV_rq_issue];
	if (!n_events) {
		fprintf(stderr, "usage: bench-codec FILE.ktr…; the files must hold events\n");
		return 1;
	}
	zstd = ZSTD_createCCtx();
	columns = malloc(ktr_columns_bound(KTR_RAW_MAX));
	out = malloc(ktr_comp_max());
	back = malloc(KTR_RAW_MAX);
	if (!zstd || !columns || !out || !back)
		return 1;
	printf("%llu events of %.1f B in %zu blocks, %llu requests issued\n",
	       (unsigned long long)n_events, (double)n_raw / n_events, blocks.n,
	       (unsigned long long)n_issued);
	for (size_t i = 0; i < kt_n_events; i++)
		if (counts[kt_events[i].id])
			printf("    %-12s %zu\n", kt_events[i].name, counts[kt_events[i].id]);
	measure("raw", encode_raw, 1);
	measure("columns", encode_columns, 1);
	measure("columns -3", encode_columns, 3);
	for (size_t i = 0; i < blocks.n; i++)
		free(blocks.v[i].raw);
	kt_vec_finish(&blocks);
	ktr_scratch_finish(&scratch);
	ZSTD_freeCCtx(zstd);
	free(columns);
	free(out);
	free(back);
	return 0;
}
