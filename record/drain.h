/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * From the rings to blocks: takes out events, sorts them, holds back those that an earlier event could still precede, cuts
 * blocks with their watermark, collects losses. One stream is one ring is one CPU.
 *
 * A program reserves its record first and reads the clock after. So if t is read before a ring's position,
 * and all records up to that position have been taken, every event of that ring before t has been taken: the ring
 * is *done* to t. W, the minimum of these over all rings, is what may be written: no event before it is still to come.
 */
#ifndef KT_RECORD_DRAIN_H
#define KT_RECORD_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "record/compress.h"
#include "record/session.h"

#define KT_BLOCK_BYTES KT_COMPRESS_BLOCK /* raw bytes at which a block is cut */
#define KT_BLOCK_NS 250000000ull	 /* or the age of its first event */

struct kt_drain;

struct kt_drain_stats {
	uint64_t events;		      /* taken from the rings, including `lost` events */
	uint64_t lost[KT_N_LOSS];	      /* events, by enum kt_loss */
	uint64_t lost_first_ns, lost_last_ns; /* CLOCK_MONOTONIC; 0 = none */
	uint32_t lost_cpus;		      /* number of CPUs that lost any */
};

/* Number and size of the buffers that kt_compress_create() needs for a session. */
size_t kt_drain_bufs(const struct kt_session *s);
size_t kt_drain_buf_bytes(const struct kt_session *s);

/* s is borrowed and must outlive the drain. */
int kt_drain_create(struct kt_session *s, struct kt_drain **ret);
void kt_drain_destroy(struct kt_drain *d);

/* The run begins: blocks go to c (the caller's). */
void kt_drain_start(struct kt_drain *d, struct kt_compress *c, uint64_t start_ns);

/*
 * One cycle over all rings. Returns how full the fullest ring was, in 1/1024; 1024 also if there
 * is more to take at once. Never waits: while the compressor is behind, buffers fill, then rings.
 */
unsigned int kt_drain_cycle(struct kt_drain *d);

/* After recording was switched off, at end_ns, and the programs detached: takes and writes everything that is left. */
void kt_drain_end(struct kt_drain *d, uint64_t end_ns);

/* The watermark written so far: no later block holds an earlier event. */
uint64_t kt_drain_watermark(const struct kt_drain *d);

const struct kt_drain_stats *kt_drain_stats(const struct kt_drain *d);

#endif
