/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The consumer side of a ring (bpf/base/ring_layout.h): records are copied out in batches, and their room is returned
 * once per batch. No function is called per event.
 */
#ifndef KT_RECORD_RING_H
#define KT_RECORD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/base/ring_layout.h"

/* What one copy did. */
struct kt_ring_batch {
	size_t bytes;	 /* of events, written to dst */
	uint32_t n;	 /* events */
	bool busy;	 /* stopped at a record that is still being written */
	bool full;	 /* stopped because dst had no more room */
	bool unsorted;	 /* an event is earlier than one before it */
	uint64_t max_ns; /* in: latest time stamp so far; out: the same, these included */
};

/* Extra bytes that a copy may write after the last event. */
#define KT_RING_SLACK 16

/* Memory of a ring of size bytes, a power of two: whole pages. */
static inline size_t kt_ring_memory(size_t size)
{
	return sizeof(struct kt_ring) + size + KT_RING_TAIL;
}

/* Before a program sees it. */
int kt_ring_init(struct kt_ring *r);

/* Position up to which room has been reserved. Records before it may still be busy. */
uint64_t kt_ring_reserved(const struct kt_ring *r);

/*
 * Copies the events between the position taken so far and the position `end` (of kt_ring_reserved()) to dst, back
 * to back, and returns their room in the ring. dst has cap + KT_RING_SLACK bytes.
 */
void kt_ring_copy(struct kt_ring *r, size_t size, uint64_t end, uint8_t *dst, size_t cap,
		  struct kt_ring_batch *b);

#endif
