// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
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
#define STEP_MS 100    /* between two checks whether to keep waiting */
#define SMALL_ITEMS 64 /* places for blocks that come without a buffer */
/* Kept per buffer; memory that a burst touched beyond this is returned to the system. */
#define KEEP_BYTES (2u << 20)

/* Room kept on the disk for the end of the file: tail, and index per block; and what a block may need. */
#define TAIL_BYTES (64u << 10)
#define INDEX_BYTES 24
#define BLOCK_EXTRA 4096 /* on top of a quarter of its raw bytes; it rarely needs a tenth */

/* Events of a stream that could no longer be written. */
struct dropped {
	uint32_t stream;
	uint64_t n, first_ns;
	uint64_t emitted; /* before them */
	uint64_t lost[KT_N_LOSS];
};

struct kt_compress {
	struct ktr_writer *writer;
	struct kt_file_out *output;
	uint64_t tail_bytes;	 /* room that the end of the file will need, so far */
	struct dropped *dropped; /* n_streams */
	uint32_t n_streams;

	pthread_mutex_t lock;
	pthread_cond_t filled; /* the queue has an item, or has ended */
	pthread_cond_t freed;  /* a buffer is free, or the writing thread has ended */
	pthread_cond_t ended;
	struct kt_block_out *queue;
	size_t size, head, n; /* places; oldest; used */
	size_t n_small;	      /* used ones without a buffer */
	struct kt_buf *free_bufs;
	size_t n_free, n_idle;	     /* free buffers; when nothing is queued */
	size_t raw_bytes, raw_limit; /* queued; limit above which compressing takes too long */
	bool end, written, abandoned;
	bool (*give_up)(void *arg);
	void *give_up_arg;
	const struct kt_priority *priority;

	uint64_t bytes;
	int error;
	pthread_t writing, syncing;
	bool has_writing, has_syncing;

	uint8_t *memory;
	size_t memory_len;
	struct kt_buf bufs[];
};

static void drop_block(struct kt_compress *c, const struct kt_block_out *it)
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

static void write_item(struct kt_compress *c, const struct kt_block_out *it, bool fast)
{
	int err;

	err = __atomic_load_n(&c->error, __ATOMIC_RELAXED);
	if (!err) {
		c->tail_bytes += INDEX_BYTES;
		err = kt_file_out_reserve(c->output, ktr_writer_bytes(c->writer) +
							     it->info.raw_len / (fast ? 1 : 4) +
							     BLOCK_EXTRA + c->tail_bytes);
		ktr_writer_set_fast(c->writer, fast);
		if (!err)
			err = ktr_writer_block(c->writer, &it->info,
					       it->data ? it->data : it->small);
		if (err)
			__atomic_store_n(&c->error, err, __ATOMIC_RELEASE);
	}
	if (err)
		drop_block(c, it);
	__atomic_store_n(&c->bytes, ktr_writer_bytes(c->writer), __ATOMIC_RELAXED);
}

static void *write_thread(void *arg)
{
	struct kt_compress *c = arg;

	kt_priority_compress(c->priority);
	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct kt_block_out *it = &c->queue[c->head];
		struct kt_buf *buf;
		bool behind;

		if (!c->n) {
			if (c->end)
				break;
			pthread_cond_wait(&c->filled, &c->lock);
			continue;
		}
		behind = c->raw_bytes > c->raw_limit;
		/* The place stays in use while it is written: nobody else touches it. */
		pthread_mutex_unlock(&c->lock);
		write_item(c, it, behind);
		buf = it->release;
		if (buf && buf->used > KEEP_BYTES) {
			madvise(buf->data + KEEP_BYTES, buf->cap - KEEP_BYTES, MADV_DONTNEED);
			buf->used = KEEP_BYTES;
		}
		pthread_mutex_lock(&c->lock);
		if (buf) {
			/* Last in, first out: it is warm in the cache. */
			buf->next = c->free_bufs;
			c->free_bufs = buf;
			c->n_free++;
		}
		c->raw_bytes -= it->info.raw_len;
		c->n_small -= !it->data;
		c->head = (c->head + 1) % c->size;
		c->n--;
		pthread_cond_signal(&c->freed);
	}
	c->written = true;
	pthread_cond_signal(&c->freed);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* In a separate thread: a slow disk must not keep the compressor from emptying the queue. */
static void *sync_thread(void *arg)
{
	struct kt_compress *c = arg;
	uint64_t synced = 0;

	kt_priority_background(c->priority);
	pthread_mutex_lock(&c->lock);
	while (!c->end) {
		uint64_t bytes = __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
		struct timespec t;

		if (bytes != synced) {
			pthread_mutex_unlock(&c->lock);
			/* Pipes cannot be synced: ignore that. */
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
	pthread_mutexattr_t mutex;
	pthread_condattr_t attr;
	int err;

	/* Priority inheritance: a compressor without a CPU must not stop the drain. */
	if (pthread_mutexattr_init(&mutex))
		return -ENOMEM;
	pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT);
	err = pthread_mutex_init(&c->lock, &mutex);
	pthread_mutexattr_destroy(&mutex);
	if (err || pthread_condattr_init(&attr))
		return -ENOMEM;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->filled, NULL);
	pthread_cond_init(&c->freed, &attr);
	pthread_cond_init(&c->ended, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

int kt_compress_create(struct ktr_writer *w, struct kt_file_out *o, const struct kt_priority *p,
		       uint32_t n_streams, size_t n_bufs, size_t buf_cap, struct kt_compress **ret)
{
	struct kt_compress *c = calloc(1, sizeof(*c) + n_bufs * sizeof(c->bufs[0]));
	int err;

	if (!c)
		return -ENOMEM;
	c->writer = w;
	c->output = o;
	c->priority = p;
	c->n_streams = n_streams;
	c->bytes = ktr_writer_bytes(w);
	/* What has been written so far will be repeated at the end, with the context of the end. */
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
	c->n_free = n_bufs;
	c->n_idle = n_bufs - KT_MIN(n_bufs, n_streams);
	c->raw_limit = c->n_idle * buf_cap / 2;
	/* There is a place for all buffers at once, each cut into blocks. */
	c->size = n_bufs * (buf_cap / KT_COMPRESS_BLOCK + 1) + SMALL_ITEMS;
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
		kt_compress_close(c, 0, NULL);
		return err;
	}
	*ret = c;
	return 0;
}

struct kt_buf *kt_compress_buf(struct kt_compress *c)
{
	struct kt_buf *b;

	pthread_mutex_lock(&c->lock);
	b = c->free_bufs;
	if (b) {
		c->free_bufs = b->next;
		c->n_free--;
	}
	pthread_mutex_unlock(&c->lock);
	return b;
}

bool kt_compress_behind(struct kt_compress *c)
{
	bool behind;

	pthread_mutex_lock(&c->lock);
	behind = c->n_free <= c->n_idle / 2;
	pthread_mutex_unlock(&c->lock);
	return behind;
}

/* With the lock held: waits until the compressor makes progress, or for a while. False: it never will. */
static bool wait_a_step(struct kt_compress *c)
{
	struct timespec t;

	if (!c->abandoned && c->give_up && c->give_up(c->give_up_arg))
		c->abandoned = true;
	if (c->abandoned)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += STEP_MS * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&c->freed, &c->lock, &t);
	return true;
}

void kt_compress_on_wait(struct kt_compress *c, bool (*give_up)(void *arg), void *arg)
{
	c->give_up = give_up;
	c->give_up_arg = arg;
}

bool kt_compress_wait(struct kt_compress *c)
{
	bool ok = true;

	pthread_mutex_lock(&c->lock);
	while (ok && !c->free_bufs)
		ok = wait_a_step(c);
	pthread_mutex_unlock(&c->lock);
	return ok;
}

bool kt_compress_room(struct kt_compress *c)
{
	bool has;

	pthread_mutex_lock(&c->lock);
	has = c->n_small < SMALL_ITEMS;
	pthread_mutex_unlock(&c->lock);
	return has;
}

void kt_compress_put(struct kt_compress *c, const struct kt_block_out *item)
{
	pthread_mutex_lock(&c->lock);
	assert(c->n < c->size);
	c->queue[(c->head + c->n) % c->size] = *item;
	c->n++;
	c->n_small += !item->data;
	c->raw_bytes += item->info.raw_len;
	pthread_cond_signal(&c->filled);
	pthread_mutex_unlock(&c->lock);
}

uint64_t kt_compress_bytes(const struct kt_compress *c)
{
	return ktr_writer_bytes(c->writer);
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

/* The disk was full: records in the file what is missing. */
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

		/* If even this fails, the file has no tail, which readers report. */
		if (d->n && ktr_writer_block(c->writer, &info, &ev))
			return;
	}
}

int kt_compress_close(struct kt_compress *c, uint64_t end_ns, uint64_t *ret_dropped)
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
		while (!c->written && wait_a_step(c))
			;
		if (!c->written) {
			/* It may still be writing: nothing is freed, the process is about to end. */
			for (size_t i = 0; i < c->n; i++)
				drop_block(c, &c->queue[(c->head + i) % c->size]);
			for (uint32_t i = 0; i < c->n_streams; i++)
				dropped += c->dropped[i].n;
			if (ret_dropped)
				*ret_dropped = dropped;
			pthread_mutex_unlock(&c->lock);
			return -ETIMEDOUT;
		}
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->writing, NULL);
	}
	if (c->has_syncing)
		pthread_join(c->syncing, NULL);
	err = c->error;
	for (uint32_t i = 0; c->dropped && i < c->n_streams; i++)
		dropped += c->dropped[i].n;
	if (kt_file_out_full(err))
		write_dropped(c, end_ns);
	if (ret_dropped)
		*ret_dropped = dropped;
	munmap(c->memory, c->memory_len);
	free(c->queue);
	free(c->dropped);
	free(c);
	return err;
}
