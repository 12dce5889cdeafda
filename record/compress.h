/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The compressor: a thread that takes blocks from a bounded queue and writes them, in order, through a
 * struct ktr_writer. It owns the block buffers: a fixed number, reserved at the start, touched as needed. While more than half of
 * them are waiting, blocks are written uncompressed: the file grows, but that takes less time and is better than loss.
 * Between kt_compress_create() and kt_compress_close() nobody else may use the writer.
 */
#ifndef KT_RECORD_COMPRESS_H
#define KT_RECORD_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/ktr.h"
#include "record/output.h"
#include "record/priority.h"

/* Raw bytes: a buffer is cut into blocks of at least this size, except the last. */
#define KT_COMPRESS_BLOCK (1u << 20)

struct kt_compress;

struct kt_buf {
	uint8_t *data; /* cap bytes */
	size_t cap;
	size_t used; /* highest byte touched since it was taken, for returning memory after a burst */
	struct kt_buf *next;
};

/* A block to write. */
struct kt_block_out {
	struct ktr_block_info info;
	const void *data;	/* info.raw_len bytes, in release or in small */
	struct kt_buf *release; /* returned to the pool once the block is written; NULL = none */
	uint8_t small[80];	/* a block of one event, if data is NULL */
};

/*
 * o: what w writes to; it is synced every few seconds, and room on its disk is reserved before each block. p: priority of the new
 * threads. The caller keeps ownership. When the disk is full, blocks are dropped from then on; room is kept for the end of the file.
 */
int kt_compress_create(struct ktr_writer *w, struct kt_file_out *o, const struct kt_priority *p,
		       uint32_t n_streams, size_t n_bufs, size_t buf_cap, struct kt_compress **ret);

/* A free buffer; NULL = none at the moment. */
struct kt_buf *kt_compress_buf(struct kt_compress *c);
/* Are most buffers waiting to be written? */
bool kt_compress_behind(struct kt_compress *c);

/*
 * Waits until there is a free buffer. False: give_up, called ten times a second while kt_compress_wait() or kt_compress_close() waits,
 * said that there will be none: the output no longer accepts data.
 */
bool kt_compress_wait(struct kt_compress *c);
void kt_compress_on_wait(struct kt_compress *c, bool (*give_up)(void *arg), void *arg);

/* Is there a place for a block without a buffer? There always is one for a block with a buffer. */
bool kt_compress_room(struct kt_compress *c);
/* Queues a block. After an error blocks are dropped, and counted by stream. */
void kt_compress_put(struct kt_compress *c, const struct kt_block_out *item);

/* Bytes of the file so far; the first error of writing, 0 = none. Any thread, no lock. */
uint64_t kt_compress_bytes(const struct kt_compress *c);
int kt_compress_error(const struct kt_compress *c);

/*
 * Writes what is queued, ends the threads, frees. Returns the first error. If there was no more room (kt_file_out_full()), the writer can
 * still write the end of the file, where the events dropped until end_ns appear as lost. *ret_dropped (may be NULL): how many,
 * whatever the error. -ETIMEDOUT: gave up, a thread is still writing; the writer must not be used any more. c may be NULL.
 */
int kt_compress_close(struct kt_compress *c, uint64_t end_ns, uint64_t *ret_dropped);

#endif
