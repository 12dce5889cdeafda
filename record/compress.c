// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "record/compress.h"

#define SYNC_SECONDS 5
#define KEEP_BYTES \
	(2u << 20) /* of a buffer; what a burst touched beyond is given back to the system */

/* Room kept on the disk for the file's end: tail, and index by block; what a block may need. */
#define TAIL_BYTES (64u << 10)
#define INDEX_BYTES 24
#define BLOCK_EXTRA 4096 /* beyond a quarter of its raw bytes; rarely is it a tenth */

/* Events of a stream that were not written any more. */
struct dropped {
	uint32_t stream;
	uint64_t n, first_ns;
	uint64_t emitted; /* before them */
	uint64_t lost[KT_N_LOSS];
};

struct kt_compress {
	struct ktr_writer *writer;
	struct kt_output *output;
	uint64_t tail_bytes;	 /* room that the file's end will need, so far */
	struct dropped *dropped; /* n_streams */
	uint32_t n_streams;

	pthread_mutex_t lock;
	pthread_cond_t filled; /* the queue has an item, or ends */
	pthread_cond_t freed;  /* a buffer or a place in the queue is free */
	pthread_cond_t ended;
	struct kt_item *queue;
	size_t size, head, n; /* places; oldest; used */
	struct kt_buf *free_bufs;
	bool end;

	uint64_t bytes;
	int error;
	pthread_t writing, syncing;
	bool has_writing, has_syncing;

	uint8_t *memory;
	size_t memory_len;
	struct kt_buf bufs[];
};

static void drop(struct kt_compress *c, const struct kt_item *it)
{
	struct dropped *d;

	if (it->info.kind != KTR_EVENTS)
		return;
	d = &c->dropped[it->info.stream];
	if (!d->n) {
		d->first_ns = it->info.ts_min_ns;
		d->emitted = it->info.emitted - it->info.n_events;
	}
	d->n += it->info.n_events;
	memcpy(d->lost, it->info.lost, sizeof(d->lost));
}

static void write_item(struct kt_compress *c, const struct kt_item *it)
{
	int err;

	err = __atomic_load_n(&c->error, __ATOMIC_RELAXED);
	if (!err) {
		c->tail_bytes += INDEX_BYTES;
		err = kt_output_reserve(c->output, ktr_writer_bytes(c->writer) +
							   it->info.raw_len / 4 + BLOCK_EXTRA +
							   c->tail_bytes);
		if (!err)
			err = ktr_writer_block(c->writer, &it->info,
					       it->data ? it->data : it->small);
		if (err)
			__atomic_store_n(&c->error, err, __ATOMIC_RELEASE);
	}
	if (err)
		drop(c, it);
	__atomic_store_n(&c->bytes, ktr_writer_bytes(c->writer), __ATOMIC_RELAXED);
}

static void *write_thread(void *arg)
{
	struct kt_compress *c = arg;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct kt_item *it = &c->queue[c->head];
		struct kt_buf *buf;

		if (!c->n) {
			if (c->end)
				break;
			pthread_cond_wait(&c->filled, &c->lock);
			continue;
		}
		/* The place stays taken while it is written: nobody else touches it. */
		pthread_mutex_unlock(&c->lock);
		write_item(c, it);
		buf = it->release;
		if (buf && buf->used > KEEP_BYTES) {
			madvise(buf->data + KEEP_BYTES, buf->cap - KEEP_BYTES, MADV_DONTNEED);
			buf->used = KEEP_BYTES;
		}
		pthread_mutex_lock(&c->lock);
		if (buf) {
			/* Last in, first out: it is warm. */
			buf->next = c->free_bufs;
			c->free_bufs = buf;
		}
		c->head = (c->head + 1) % c->size;
		c->n--;
		pthread_cond_signal(&c->freed);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* In a thread of its own: a slow disk must not keep the compressor from emptying the queue. */
static void *sync_thread(void *arg)
{
	struct kt_compress *c = arg;
	uint64_t synced = 0;

	pthread_mutex_lock(&c->lock);
	while (!c->end) {
		uint64_t bytes = __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
		struct timespec t;

		if (bytes != synced) {
			pthread_mutex_unlock(&c->lock);
			/* Pipes and the like cannot be synced: nothing to do about it. */
			if (fdatasync(c->output->fd) && errno != EINVAL && errno != EROFS &&
			    errno != ENOTSUP)
				__atomic_store_n(&c->error, -errno, __ATOMIC_RELEASE);
			synced = bytes;
			pthread_mutex_lock(&c->lock);
			if (c->end)
				break;
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_sec += SYNC_SECONDS;
		pthread_cond_timedwait(&c->ended, &c->lock, &t);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int init_locks(struct kt_compress *c)
{
	pthread_condattr_t attr;

	if (pthread_mutex_init(&c->lock, NULL) || pthread_condattr_init(&attr))
		return -ENOMEM;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->filled, NULL);
	pthread_cond_init(&c->freed, NULL);
	pthread_cond_init(&c->ended, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

int kt_compress_create(struct ktr_writer *w, struct kt_output *o, uint32_t n_streams, size_t n_bufs,
		       size_t buf_cap, struct kt_compress **ret)
{
	struct kt_compress *c = calloc(1, sizeof(*c) + n_bufs * sizeof(c->bufs[0]));
	int err;

	if (!c)
		return -ENOMEM;
	c->writer = w;
	c->output = o;
	c->n_streams = n_streams;
	c->bytes = ktr_writer_bytes(w);
	/* What has been written until now will be repeated at the end, with the context of the end. */
	c->tail_bytes = TAIL_BYTES + 2 * c->bytes;
	buf_cap = KT_ALIGN_UP(buf_cap, (size_t)sysconf(_SC_PAGESIZE));
	c->memory_len = n_bufs * buf_cap;
	c->memory = mmap(NULL, c->memory_len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->memory == MAP_FAILED) {
		free(c);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_bufs; i++) {
		c->bufs[i] = (struct kt_buf){c->memory + i * buf_cap, buf_cap, 0, c->free_bufs};
		c->free_bufs = &c->bufs[i];
	}
	/* A burst is several blocks of one buffer: more places than buffers. */
	c->size = 2 * n_bufs + 16;
	c->queue = calloc(c->size, sizeof(*c->queue));
	c->dropped = calloc(n_streams, sizeof(*c->dropped));
	for (uint32_t i = 0; c->dropped && i < n_streams; i++)
		c->dropped[i].stream = i;
	err = c->queue && c->dropped ? init_locks(c) : -ENOMEM;
	if (!err)
		err = -pthread_create(&c->writing, NULL, write_thread, c);
	c->has_writing = !err;
	if (!err)
		err = -pthread_create(&c->syncing, NULL, sync_thread, c);
	c->has_syncing = !err;
	if (err) {
		kt_compress_finish(c, 0, NULL);
		return err;
	}
	*ret = c;
	return 0;
}

struct kt_buf *kt_compress_buf(struct kt_compress *c)
{
	struct kt_buf *b;

	pthread_mutex_lock(&c->lock);
	while (!c->free_bufs)
		pthread_cond_wait(&c->freed, &c->lock);
	b = c->free_bufs;
	c->free_bufs = b->next;
	pthread_mutex_unlock(&c->lock);
	return b;
}

void kt_compress_put(struct kt_compress *c, const struct kt_item *item)
{
	pthread_mutex_lock(&c->lock);
	while (c->n == c->size)
		pthread_cond_wait(&c->freed, &c->lock);
	c->queue[(c->head + c->n) % c->size] = *item;
	c->n++;
	pthread_cond_signal(&c->filled);
	pthread_mutex_unlock(&c->lock);
}

uint64_t kt_compress_bytes(const struct kt_compress *c)
{
	return __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
}

int kt_compress_error(const struct kt_compress *c)
{
	return __atomic_load_n(&c->error, __ATOMIC_ACQUIRE);
}

static int by_first(const void *a, const void *b)
{
	const struct dropped *d = a, *e = b;

	return (d->first_ns > e->first_ns) - (d->first_ns < e->first_ns);
}

/* The disk was full: says in the file what did not get into it. */
static void write_dropped(struct kt_compress *c, uint64_t end_ns)
{
	qsort(c->dropped, c->n_streams, sizeof(*c->dropped), by_first);
	for (uint32_t i = 0; i < c->n_streams; i++) {
		const struct dropped *d = &c->dropped[i];
		struct kt_lost ev = {
			.ts_ns = d->first_ns,
			.id = KT_EV_lost,
			.len = sizeof(ev),
			.cause = KT_LOSS_TRUNCATED,
			.end_ns = end_ns,
			.n = d->n,
		};
		struct ktr_block_info info = {
			.kind = KTR_EVENTS,
			.stream = d->stream,
			.ts_min_ns = ev.ts_ns,
			.ts_max_ns = ev.ts_ns,
			.watermark_ns = ev.ts_ns,
			.cut_ns = end_ns,
			.n_events = 1,
			.raw_len = sizeof(ev),
			.emitted = d->emitted + 1,
		};

		memcpy(info.lost, d->lost, sizeof(info.lost));
		info.lost[KT_LOSS_TRUNCATED] = d->n;

		/* If even this fails, the file has no tail and its reader says so. */
		if (d->n && ktr_writer_block(c->writer, &info, &ev))
			return;
	}
}

int kt_compress_finish(struct kt_compress *c, uint64_t end_ns, uint64_t *ret_dropped)
{
	uint64_t dropped = 0;
	int err;

	if (!c)
		return 0;
	if (c->has_writing) {
		pthread_mutex_lock(&c->lock);
		c->end = true;
		pthread_cond_signal(&c->filled);
		pthread_cond_signal(&c->ended);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->writing, NULL);
	}
	if (c->has_syncing)
		pthread_join(c->syncing, NULL);
	err = c->error;
	for (uint32_t i = 0; c->dropped && i < c->n_streams; i++)
		dropped += c->dropped[i].n;
	if (err == -ENOSPC)
		write_dropped(c, end_ns);
	if (ret_dropped)
		*ret_dropped = dropped;
	munmap(c->memory, c->memory_len);
	free(c->queue);
	free(c->dropped);
	free(c);
	return err;
}
