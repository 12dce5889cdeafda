/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The rings that events travel in, one a CPU: what they look like, and the producer's side of one; the consumer's is record/ring.h. Not
 * the kernel's ring buffer: an event costs some 45 ns here where it costs 130 ns there (its time stamp alone is 40 of them), since
 * there is neither a lock nor a helper to call.
 */
#ifndef KT_BPF_BASE_RING_LAYOUT_H
#define KT_BPF_BASE_RING_LAYOUT_H

#include <linux/types.h>

/*
 * A record is 8 bytes, KT_RECORD() with its position and, once it is whole, KT_RECORD_WHOLE; then the event. Positions count bytes
 * and never go back; a position's place is data[position & (size - 1)]. A record does not wrap: it goes on behind the size,
 * where there is room for one, and the next begins where it would have without. Positions begin at a random number, so that
 * what was left of the round before is not taken for a record.
 */
struct kt_ring {
	__u64 reserved; /* by programs: up to here */
	__u64 pad[15];
	__u64 taken; /* by the recorder, which alone writes it */
	__u64 pad2[15];
	__u8 data[]; /* of the size, a power of two, and KT_RING_TAIL */
};

#define KT_RING_TAIL (4096 - sizeof(struct kt_ring)) /* all together is whole pages */
#define KT_RECORD_HDR 8
#define KT_RECORD_WHOLE 1ull
#define KT_RECORD_LEN 0xfff8ull
#define KT_RECORD(position, len) ((__u64)(position) << 16 | (len))

#define KT_RING_NONE (~0ull) /* no position has its lowest bit set */
#define KT_RING_TRIES 16     /* so often another may come in between before an event is lost */

/*
 * Room for a record of bytes, its header included: its position; KT_RING_NONE: there is none. Whatever comes in between on this CPU (an
 * interrupt, another task) has room of its own.
 */
static inline __attribute__((always_inline)) __u64 kt_ring_take(struct kt_ring *r, __u64 size,
								__u64 bytes)
{
	__u64 at = *(volatile __u64 *)&r->reserved, seen;

#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < KT_RING_TRIES; i++) {
		/* Signed: more may have been taken since `at` was read, which is too old then, and will be refused below. */
		if ((__s64)(at + bytes - *(volatile __u64 *)&r->taken) > (__s64)size)
			break;
		seen = __sync_val_compare_and_swap(&r->reserved, at, at + bytes);
		if (seen == at)
			return at;
		at = seen;
	}
	return KT_RING_NONE;
}

#ifdef __bpf__
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct kt_rings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct kt_ring));
};

/* Defined in core.bpf.c. */
extern struct kt_rings_map kt_rings SEC(".maps");
extern const volatile __u64 kt_ring_bytes, kt_ring_mask;

/* len bytes, a multiple of 8, in this CPU's ring; NULL: no room. */
static __always_inline void *kt_ring_reserve(__u64 len)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct kt_ring *r = bpf_map_lookup_elem(&kt_rings, &cpu);
	__u64 at, *record;

	if (!r)
		return NULL;
	at = kt_ring_take(r, kt_ring_bytes, KT_RECORD_HDR + len);
	if (at == KT_RING_NONE)
		return NULL;
	record = (void *)r->data + (at & kt_ring_mask);
	*record = KT_RECORD(at, len);
	return record + 1;
}

/* The record is whole: all that was written to it before is there for whoever sees that it is. */
static __always_inline void kt_ring_submit(void *data)
{
	volatile __u64 *record = (__u64 *)data - 1;

#if defined(__TARGET_ARCH_x86)
	/* Stores are seen in their order. */
	barrier();
	*record |= KT_RECORD_WHOLE;
#else
	__sync_lock_test_and_set(record, *record | KT_RECORD_WHOLE);
#endif
}
#endif

#endif
