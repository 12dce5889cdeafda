// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "format/base/macros.h"
#include "format/event.h"
#include "record/ring.h"

/* A long batch returns room in between, so that a full ring does not lose more while it is read. */
#define GIVE_BACK (256u << 10)

int kt_ring_init(struct kt_ring *r)
{
	uint64_t at;

	if (getrandom(&at, sizeof(at), 0) != sizeof(at))
		return -errno;
	/* Far from overflowing. */
	at = at >> 8 & ~7ull;
	r->taken = r->reserved = at;
	return 0;
}

uint64_t kt_ring_reserved(const struct kt_ring *r)
{
	return __atomic_load_n(&r->reserved, __ATOMIC_ACQUIRE);
}

/* Sizes are multiples of 8 and small: whole 16 bytes at a time beat a call of memcpy. */
static inline void copy_event(uint8_t *dst, const uint8_t *src, size_t len)
{
	for (size_t i = 0; i < len; i += 16)
		__builtin_memcpy(dst + i, src + i, 16);
}

void kt_ring_copy(struct kt_ring *r, size_t size, uint64_t end, uint8_t *dst, size_t cap,
		  struct kt_ring_batch *b)
{
	uint64_t pos = r->taken, stored = pos;
	uint64_t max = b->max_ns;
	size_t out = 0;

	b->n = 0;
	b->busy = b->full = b->unsorted = false;
	while (pos < end) {
		const uint8_t *rec = r->data + (pos & (size - 1));
		uint64_t hdr = __atomic_load_n((const uint64_t *)rec, __ATOMIC_ACQUIRE);
		size_t len = hdr & KT_RECORD_LEN;
		const struct kt_event *ev = (const void *)(rec + KT_RECORD_HDR);

		if (kt_unlikely(hdr != (KT_RECORD(pos, len) | KT_RECORD_WHOLE))) {
			b->busy = true;
			break;
		}
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
		pos += KT_RECORD_HDR + len;
		if (kt_unlikely(pos - stored >= GIVE_BACK)) {
			__atomic_store_n(&r->taken, pos, __ATOMIC_RELEASE);
			stored = pos;
		}
	}
	__atomic_store_n(&r->taken, pos, __ATOMIC_RELEASE);
	b->bytes = out;
	b->max_ns = max;
}
