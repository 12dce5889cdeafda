/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The consumer's side of one BPF ring buffer, mapped by ourselves: records are copied out in batches, the consumer
 * position is stored once a batch. No function is called per event.
 */
#ifndef KT_RECORD_RING_H
#define KT_RECORD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_ring {
	unsigned long *consumer_pos;
	const unsigned long *producer_pos;
	const uint8_t *data; /* the ring, mapped twice in a row: records never wrap */
	size_t size;	     /* bytes, a power of two */
	size_t page;
};

/* What one copy did. */
struct kt_ring_batch {
	size_t bytes;	 /* of events, written to dst */
	uint32_t n;	 /* events */
	bool busy;	 /* stopped at a record that is still being written */
	bool full;	 /* stopped because dst had no more room */
	bool unsorted;	 /* an event is earlier than one before it */
	uint64_t max_ns; /* in: latest time stamp so far; out: the same, these included */
};

/* Bytes beyond what is asked for that a copy may write behind the last event. */
#define KT_RING_SLACK 16

/* Maps the ring of a map's file descriptor. */
int kt_ring_init(struct kt_ring *r, int fd, size_t size);
void kt_ring_finish(struct kt_ring *r);

/* Position up to which records have been reserved. Records before it may be busy still. */
uint64_t kt_ring_producer(const struct kt_ring *r);
uint64_t kt_ring_consumer(const struct kt_ring *r);

/*
 * Copies the events between the consumer's position and the position `end` (of kt_ring_producer()) to dst, back
 * to back, and gives their room in the ring back. dst has cap + KT_RING_SLACK bytes.
 */
void kt_ring_copy(struct kt_ring *r, uint64_t end, uint8_t *dst, size_t cap,
		  struct kt_ring_batch *b);

#endif
