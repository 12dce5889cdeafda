/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How much a call asks for in many pieces. */
#ifndef KT_BPF_IO_VEC_H
#define KT_BPF_IO_VEC_H

#include "bpf/base/ktrace.bpf.h"

#define KT_VEC_FEW 4 /* iovecs read onto the stack: all callers together have 512 bytes of it */
#define KT_VEC_BATCH 16
#define KT_VEC_MAX 1024 /* UIO_MAXIOV: the kernel refuses more */

struct kt_iovec {
	u64 base, len;
};

/* Off the stack. */
struct kt_vec_batch {
	struct kt_iovec v[KT_VEC_BATCH];
};

struct kt_vecs_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_vec_batch);
};

/* Defined in core.bpf.c. */
extern struct kt_vecs_map kt_vecs SEC(".maps");

/* Bytes in n iovecs of the caller's memory; KT_IO_SIZE_UNKNOWN: it cannot be read. Verified once. */
__noinline __attribute__((weak)) u64 kt_vec_many(u64 address, u64 n)
{
	u32 zero = 0;
	struct kt_vec_batch *b = bpf_map_lookup_elem(&kt_vecs, &zero);
	u64 sum = 0;

	if (!b)
		return KT_IO_SIZE_UNKNOWN;
	for (int batch = 0; batch < KT_VEC_MAX / KT_VEC_BATCH && n; batch++) {
		u64 some = n < KT_VEC_BATCH ? n : KT_VEC_BATCH, bytes = some * sizeof(b->v[0]);

		if (some < KT_VEC_BATCH)
			__builtin_memset(b, 0, sizeof(*b));
		/* For the verifier, which the compiler would leave without it. */
		barrier_var(bytes);
		if (bytes > sizeof(*b) || bpf_probe_read_user(b, bytes, (void *)address))
			return KT_IO_SIZE_UNKNOWN;
#pragma clang loop unroll(full)
		for (int i = 0; i < KT_VEC_BATCH; i++)
			sum += b->v[i].len;
		address += sizeof(*b);
		n -= some;
	}
	return sum;
}

/* The same: nearly all have few. The kernel refuses more than KT_VEC_MAX. */
__noinline __attribute__((weak)) u64 kt_vec_bytes(u64 address, u64 n)
{
	struct kt_iovec v[KT_VEC_FEW] = {};
	u64 sum = 0, bytes = n * sizeof(v[0]);

	if (n > KT_VEC_MAX)
		return KT_IO_SIZE_UNKNOWN;
	if (n > KT_VEC_FEW)
		return kt_vec_many(address, n);
	barrier_var(bytes);
	if (bytes > sizeof(v))
		return KT_IO_SIZE_UNKNOWN;
	if (bytes && bpf_probe_read_user(v, bytes, (void *)address))
		return KT_IO_SIZE_UNKNOWN;
#pragma clang loop unroll(full)
	for (int i = 0; i < KT_VEC_FEW; i++)
		sum += v[i].len;
	return sum;
}

/* The same of a 32-bit program, whose iovecs are two words: base, length. */
__noinline __attribute__((weak)) u64 kt_vec_bytes_32(u64 address, u64 n)
{
	u32 zero = 0;
	struct kt_vec_batch *b = bpf_map_lookup_elem(&kt_vecs, &zero);
	u64 sum = 0;

	if (!b || n > KT_VEC_MAX)
		return KT_IO_SIZE_UNKNOWN;
	for (int batch = 0; batch < KT_VEC_MAX / KT_VEC_BATCH && n; batch++) {
		u64 some = n < KT_VEC_BATCH ? n : KT_VEC_BATCH, bytes = some * 2 * sizeof(u32);
		u32 *words = (u32 *)b;

		if (some < KT_VEC_BATCH)
			__builtin_memset(b, 0, sizeof(*b));
		barrier_var(bytes);
		if (bytes > KT_VEC_BATCH * 2 * sizeof(u32) ||
		    bpf_probe_read_user(b, bytes, (void *)address))
			return KT_IO_SIZE_UNKNOWN;
#pragma clang loop unroll(full)
		for (int i = 0; i < KT_VEC_BATCH; i++)
			sum += words[2 * i + 1];
		address += KT_VEC_BATCH * 2 * sizeof(u32);
		n -= some;
	}
	return sum;
}

static __always_inline u64 kt_vec_sum(bool is_32, u64 address, u64 n)
{
	return is_32 ? kt_vec_bytes_32(address, n) : kt_vec_bytes(address, n);
}

#endif
