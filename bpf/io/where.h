/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which part of a file a call is about. */
#ifndef KT_BPF_IO_WHERE_H
#define KT_BPF_IO_WHERE_H

#include "bpf/io/file.h"
#include "bpf/io/syscalls.h"
#include "bpf/io/vec.h"

/* An offset in the caller's memory, of one word or two; without one it is the file's position. */
static __always_inline s64 offset_at(u64 address, u64 file, bool word)
{
	s64 offset = 0;

	if (!address)
		return kt_file_pos(file);
	if (bpf_probe_read_user(&offset, word ? sizeof(s32) : sizeof(s64), (void *)address))
		return -1;
	return offset;
}

#define KT_CALL_IS_32 (1U << 8)

struct io_where {
	s64 offset;
	u64 size;
	u8 flags;
	u8 pad[7]; /* 6.1 hands a function no memory with holes */
};

/*
 * Out of line, so that the verifier goes through what follows once, not once for each shape. words_32: enum kt_call_words, and
 * KT_CALL_IS_32 if pointers and sizes in the caller's memory are of one word.
 */
__noinline __attribute__((weak)) int kt_where_read(u32 shape, u32 words_32, const struct kt_args *a,
						   u64 file, struct io_where *w)
{
	bool is_32 = words_32 & KT_CALL_IS_32;
	u8 words = words_32;

	if (!a || !w)
		return 0;
	switch (shape) {
	case KT_CALL_RW:
		w->size = a->a[2];
		w->offset = kt_file_pos(file);
		break;
	case KT_CALL_RW_AT:
		w->size = a->a[2];
		w->offset = a->a[3];
		break;
	case KT_CALL_VEC:
		w->size = kt_vec_sum(is_32, a->a[1], a->a[2]);
		w->offset = kt_file_pos(file);
		break;
	case KT_CALL_VEC_AT:
	case KT_CALL_VEC_RWF:
		w->size = kt_vec_sum(is_32, a->a[1], a->a[2]);
		w->offset = a->a[3];
		if (w->offset == -1 && shape == KT_CALL_VEC_RWF)
			w->offset = kt_file_pos(file);
		break;
	case KT_CALL_RANGE:
		w->offset = a->a[1];
		w->size = a->a[2];
		break;
	case KT_CALL_MODE_RANGE:
		w->offset = a->a[2];
		w->size = a->a[3];
		break;
	case KT_CALL_SENDFILE:
		w->offset = offset_at(a->a[2], file, words == KT_WORDS_AT_2);
		w->size = a->a[3];
		break;
	case KT_CALL_SPLICE:
	case KT_CALL_COPY:
		w->offset = offset_at(a->a[1], file, false);
		w->size = a->a[4];
		break;
	}
	return 0;
}

#endif
