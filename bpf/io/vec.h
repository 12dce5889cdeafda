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

/* What is being added up. Off the stack, which the callers have filled. */
struct kt_vec_walk {
	struct kt_iovec v[KT_VEC_BATCH];
	u64 address, n, bytes; /* of the rest; so far */
	u32 item;	       /* size of one */
	u32 bad;	       /* they cannot be read */
};

struct kt_vecs_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_vec_walk);
};

/* Defined in core.bpf.c. */
extern struct kt_vecs_map kt_vecs SEC(".maps");

static __always_inline struct kt_vec_walk *kt_vec_walk(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&kt_vecs, &zero);
}

static long kt_vec_step(u32 i, void *ctx)
{
	struct kt_vec_walk *w = kt_vec_walk();
	u64 some, bytes;
	u32 *words;

	if (!w || !w->n)
		return 1;
	some = w->n < KT_VEC_BATCH ? w->n : KT_VEC_BATCH;
	bytes = some * w->item;
	if (some < KT_VEC_BATCH)
		__builtin_memset(w->v, 0, sizeof(w->v));
	/* For the verifier, which the compiler would leave without it. */
	barrier_var(bytes);
	if (bytes > sizeof(w->v) || bpf_probe_read_user(w->v, bytes, (void *)w->address)) {
		w->bad = 1;
		return 1;
	}
	words = (u32 *)w->v;
#pragma clang loop unroll(full)
	for (int j = 0; j < KT_VEC_BATCH; j++)
		w->bytes += w->item == sizeof(w->v[0]) ? w->v[j].len : words[2 * j + 1];
	w->address += bytes;
	w->n -= some;
	return 0;
}

/* Bytes in n iovecs of item bytes each of the caller's memory; KT_IO_SIZE_UNKNOWN: they cannot be read. */
__noinline __attribute__((weak)) u64 kt_vec_many(u64 address, u64 n, u32 item)
{
	struct kt_vec_walk *w = kt_vec_walk();

	/* The kernel refuses more. */
	if (!w || n > KT_VEC_MAX)
		return KT_IO_SIZE_UNKNOWN;
	w->address = address;
	w->n = n;
	w->bytes = 0;
	w->item = item;
	w->bad = 0;
	bpf_loop(KT_VEC_MAX / KT_VEC_BATCH, kt_vec_step, NULL, 0);
	return w->bad ? KT_IO_SIZE_UNKNOWN : w->bytes;
}

/* The same of at most KT_VEC_FEW, as nearly all have. */
__noinline __attribute__((weak)) u64 kt_vec_few(u64 address, u64 n)
{
	struct kt_iovec v[KT_VEC_FEW] = {};
	u64 sum = 0, bytes = n * sizeof(v[0]);

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

/* is_32: of a 32-bit program, whose iovecs are two words: base, length. */
static __always_inline u64 kt_vec_sum(bool is_32, u64 address, u64 n)
{
	if (!is_32 && n <= KT_VEC_FEW)
		return kt_vec_few(address, n);
	return kt_vec_many(address, n, is_32 ? 2 * sizeof(u32) : sizeof(struct kt_iovec));
}

#endif
