// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "format/base/macros.h"
#include "format/event.h"
#include "record/order.h"

struct kt_order_entry {
	uint64_t ts_ns;
	uint32_t off;
	uint16_t len;
	bool is_loss;
};

/* Smallest event: its header and one field. */
#define EVENT_MIN 16

static void *map_memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t index_bytes(size_t cap)
{
	return cap / EVENT_MIN * sizeof(struct kt_order_entry);
}

int kt_order_init(struct kt_order *o, size_t cap)
{
	*o = (struct kt_order){map_memory(index_bytes(cap)), map_memory(cap), cap};
	if (o->index && o->copy)
		return 0;
	kt_order_finish(o);
	return -ENOMEM;
}

void kt_order_finish(struct kt_order *o)
{
	if (o->index)
		munmap(o->index, index_bytes(o->cap));
	if (o->copy)
		munmap(o->copy, o->cap);
	*o = (struct kt_order){0};
}

static inline bool is_before(const struct kt_order_entry *a, const struct kt_order_entry *b)
{
	return a->ts_ns < b->ts_ns ||
	       (kt_unlikely(a->ts_ns == b->ts_ns) && a->is_loss && !b->is_loss);
}

void kt_order_sort(struct kt_order *o, uint8_t *buf, size_t len)
{
	struct kt_order_entry *idx = o->index;
	size_t n = 0, lo = SIZE_MAX, hi = 0, out;

	assert(len <= o->cap);
	for (size_t off = 0; off < len;) {
		const struct kt_event *ev = (const void *)(buf + off);
		struct kt_order_entry e = {ev->ts_ns, off, ev->len, ev->id == KT_EV_lost};
		size_t i = n++;

		while (i && is_before(&e, &idx[i - 1])) {
			idx[i] = idx[i - 1];
			i--;
		}
		idx[i] = e;
		if (i != n - 1) {
			lo = KT_MIN(lo, i);
			hi = n;
		}
		off += e.len;
	}
	if (lo >= hi)
		return;
	/* Only [lo, hi) moved; what is before it stays in place. */
	out = 0;
	for (size_t i = lo; i < hi; i++) {
		memcpy(o->copy + out, buf + idx[i].off, idx[i].len);
		out += idx[i].len;
	}
	memcpy(buf + (lo ? idx[lo - 1].off + idx[lo - 1].len : 0), o->copy, out);
}
