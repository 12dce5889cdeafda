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

struct io_where {
	s64 offset;
	u64 size;
	u8 flags;
};

/* is_32: pointers and sizes in the caller's memory are of one word. */
static __always_inline void read_where(u8 shape, u8 words, bool is_32, const struct kt_args *a,
				       u64 file, struct io_where *w)
{
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
}

#endif
