/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Codec 2, KTR_COLUMNS: events as columns. Internal to format/: codec.c encodes, codec_decode.c decodes.
 *
 *	u32 rows, u16 types
 *	per type, in order of ids: u16 id, u32 count	(its len is the schema's)
 *	sequence: per row one byte, the index of its type in that list	(absent with one type)
 *	u64 ts_ns of the first row; plain column of 8-byte elements: ts_ns minus that of the previous row (the first: 0)
 *	per type, per column of its fields: u8 enum ktr_transform, then what that defines
 *
 * An array is one column per element; characters are packed eight to a column. Element i of a type's column belongs to its
 * i-th row. A plain column of n elements of k bytes:
 *
 *	u8 mask			bit p: byte p is not the same in all elements
 *	u8 for each other byte	its value in all of them
 *	n bytes for each bit of mask, from the lowest byte up
 */
#ifndef KTR_CODEC_H
#define KTR_CODEC_H

#include "format/schema.h"

#define KTR_TYPES_MAX 255 /* in one block */

enum ktr_transform {
	KTR_T_PLAIN = 0, /* plain column */
	KTR_T_DELTA =
		1, /* u64 base; plain column of 8-byte zigzag(value - previous value, initially base) */
	KTR_T_TIME = 2, /* plain column of 8-byte zigzag(ts_ns of the row - value) */
	/*
	 * plain column of 2-byte codes, u32 n, plain column of n values: 0 = the next of those values, which gets the
	 * next code; k = the value with code k. Codes are assigned per class, across all columns so far.
	 */
	KTR_T_DICT = 3,
	/*
	 * u16 type, u16 offset, u8 size of an earlier column. Plain column of 4-byte symbols, u32 n, plain
	 * column of n values: 0 = the value after the one found last in that column; 1 = the next of those n values; otherwise it is
	 * zigzag(symbol - 1) further along than with 0.
	 */
	KTR_T_REF = 4,
	KTR_N_TRANSFORMS
};

/* One column of a type. */
struct ktr_col {
	uint16_t offset; /* in the event */
	uint8_t size;
	uint8_t kind;
	bool first;    /* of its field */
	uint8_t class; /* hash of the field name: columns that probably share values */
};
#define KTR_N_CLASSES 64
#define KTR_DICT_MAX 8192 /* values, all classes together */

/* Next column of d: *field and *elem are the cursor, both initially 0. */
static inline bool ktr_col_next(const struct kt_event_desc *d, unsigned int *field,
				unsigned int *elem, struct ktr_col *ret)
{
	const struct kt_field *f;
	unsigned int step, class = 0;

	if (*field >= d->n_fields)
		return false;
	f = &d->fields[*field];
	step = f->type == KT_char ? 8 : 1;
	for (const char *p = f->name; *p; p++)
		class = class * 31 + (unsigned char)*p;
	ret->offset = f->offset + *elem * f->size;
	ret->size = f->type != KT_char ? f->size : f->count - *elem < 8 ? f->count - *elem : 8;
	ret->kind = f->kind;
	ret->first = !*elem;
	ret->class = (class ^ class >> 6) % KTR_N_CLASSES;
	*elem += step;
	if (*elem >= f->count) {
		*elem = 0;
		(*field)++;
	}
	return true;
}

static inline uint64_t ktr_zigzag(uint64_t v)
{
	return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

static inline uint64_t ktr_unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

/* Little-endian element of 1 to 8 bytes. */
static inline uint64_t ktr_load(const unsigned char *p, unsigned int size)
{
	uint64_t v = 0;

	switch (size) {
	case 8:
		__builtin_memcpy(&v, p, 8);
		return v;
	case 4:
		__builtin_memcpy(&v, p, 4);
		return v;
	case 2:
		__builtin_memcpy(&v, p, 2);
		return v;
	case 1:
		return *p;
	default:
		__builtin_memcpy(&v, p, size);
		return v;
	}
}

static inline void ktr_store(unsigned char *p, unsigned int size, uint64_t v)
{
	switch (size) {
	case 8:
		__builtin_memcpy(p, &v, 8);
		return;
	case 4:
		__builtin_memcpy(p, &v, 4);
		return;
	case 2:
		__builtin_memcpy(p, &v, 2);
		return;
	case 1:
		*p = v;
		return;
	default:
		__builtin_memcpy(p, &v, size);
		return;
	}
}

#endif
