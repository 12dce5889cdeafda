/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The compressor: a thread of its own that takes blocks from a bounded queue and writes them, in order, through a
 * struct ktr_writer. It owns the block buffers: a fixed number, reserved at the start, touched as they are used.
 * Between kt_compress_create() and kt_compress_finish() nobody else may use the writer.
 */
#ifndef KT_RECORD_COMPRESS_H
#define KT_RECORD_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "format/ktr.h"

struct kt_compress;

struct kt_buf {
	uint8_t *data; /* cap bytes */
	size_t cap;
	size_t used; /* highest byte touched since it was taken: to give memory back after a burst */
	struct kt_buf *next;
};

/* A block to be written. */
struct kt_item {
	struct ktr_block_info info;
	const void *data;	/* info.raw_len bytes, in release or in small */
	struct kt_buf *release; /* goes back to the pool once the block is written; NULL = none */
	uint8_t small[80];	/* a block of one event, where data is NULL */
};

/* fd: what w writes to, for fdatasync every few seconds. Both stay the caller's. */
int kt_compress_create(struct ktr_writer *w, int fd, size_t n_bufs, size_t buf_cap,
		       struct kt_compress **ret);

/* A free buffer; waits until there is one. */
struct kt_buf *kt_compress_buf(struct kt_compress *c);

/* Queues a block; waits while the queue is full. After an error blocks are dropped. */
void kt_compress_put(struct kt_compress *c, const struct kt_item *item);

/* Bytes of the file so far; the first error of writing, 0 = none. Any thread, no lock. */
uint64_t kt_compress_bytes(const struct kt_compress *c);
int kt_compress_error(const struct kt_compress *c);

/* Writes what is queued, ends the threads, frees. Returns the first error. c may be NULL. */
int kt_compress_finish(struct kt_compress *c);

#endif
