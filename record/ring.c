// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "format/event.h"
#include "record/ring.h"

/* A long batch gives its room back in between, so that a full ring does not lose more while it is read. */
#define GIVE_BACK (256u << 10)

int kt_ring_init(struct kt_ring *r, int fd, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *consumer, *producer;
	int err;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, page);
	if (producer == MAP_FAILED) {
		err = -errno;
		munmap(consumer, page);
		return err;
	}
	*r = (struct kt_ring){
		.consumer_pos = consumer,
		.producer_pos = producer,
		.data = (const uint8_t *)producer + page,
		.size = size,
		.page = page,
	};
	return 0;
}

void kt_ring_finish(struct kt_ring *r)
{
	if (!r->data)
		return;
	munmap(r->consumer_pos, r->page);
	munmap((void *)r->producer_pos, r->page + 2 * r->size);
	r->data = NULL;
}

uint64_t kt_ring_producer(const struct kt_ring *r)
{
	return __atomic_load_n(r->producer_pos, __ATOMIC_ACQUIRE);
}

uint64_t kt_ring_consumer(const struct kt_ring *r)
{
	return *r->consumer_pos;
}

/* Sizes are multiples of 8 and small: whole 16 bytes at a time beat a call of memcpy. */
static inline void copy_event(uint8_t *dst, const uint8_t *src, size_t len)
{
	for (size_t i = 0; i < len; i += 16)
		__builtin_memcpy(dst + i, src + i, 16);
}

void kt_ring_copy(struct kt_ring *r, uint64_t end, uint8_t *dst, size_t cap,
		  struct kt_ring_batch *b)
{
	uint64_t pos = *r->consumer_pos, stored = pos;
	uint64_t max = b->max_ns;
	size_t out = 0;

	b->n = 0;
	b->busy = b->full = b->unsorted = false;
	while (pos < end) {
		const uint8_t *rec = r->data + (pos & (r->size - 1));
		uint32_t hdr = __atomic_load_n((const uint32_t *)rec, __ATOMIC_ACQUIRE);
		uint32_t len = hdr & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const struct kt_event *ev = (const void *)(rec + BPF_RINGBUF_HDR_SZ);

		if (kt_unlikely(hdr & BPF_RINGBUF_BUSY_BIT)) {
			b->busy = true;
			break;
		}
		if (kt_likely(!(hdr & BPF_RINGBUF_DISCARD_BIT))) {
			assert(ev->len == len);
			if (kt_unlikely(out + len > cap)) {
				b->full = true;
				break;
			}
			if (kt_unlikely(ev->ts_ns < max))
				b->unsorted = true;
			else
				max = ev->ts_ns;
			copy_event(dst + out, (const uint8_t *)ev, len);
			out += len;
			b->n++;
		}
		pos += KT_ALIGN_UP(len + BPF_RINGBUF_HDR_SZ, 8);
		if (kt_unlikely(pos - stored >= GIVE_BACK)) {
			__atomic_store_n(r->consumer_pos, pos, __ATOMIC_RELEASE);
			stored = pos;
		}
	}
	__atomic_store_n(r->consumer_pos, pos, __ATOMIC_RELEASE);
	b->bytes = out;
	b->max_ns = max;
}
