/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/pb.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };
enum { MAX_VARINT = 10 };

static uint8_t *room(struct kt_pb *pb, size_t n)
{
	pb->oom = pb->oom || kt_vec_reserve(pb, pb->n + n);
	return pb->oom ? NULL : pb->v + pb->n;
}

static size_t put_varint(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = v | 0x80;
		v >>= 7;
	}
	p[n++] = v;
	return n;
}

static void put(struct kt_pb *pb, uint64_t v)
{
	uint8_t *p = room(pb, MAX_VARINT);

	if (p)
		pb->n += put_varint(p, v);
}

static void tag(struct kt_pb *pb, unsigned int field, unsigned int wire)
{
	put(pb, (uint64_t)field << 3 | wire);
}

void kt_pb_finish(struct kt_pb *pb)
{
	free(pb->v);
	*pb = (struct kt_pb){0};
}

void kt_pb_varint(struct kt_pb *pb, unsigned int field, uint64_t v)
{
	tag(pb, field, WIRE_VARINT);
	put(pb, v);
}

void kt_pb_fixed64(struct kt_pb *pb, unsigned int field, uint64_t v)
{
	uint8_t *p;

	tag(pb, field, WIRE_FIXED64);
	p = room(pb, 8);
	for (int i = 0; p && i < 8; i++)
		p[i] = v >> (8 * i);
	pb->n += p ? 8 : 0;
}

void kt_pb_raw(struct kt_pb *pb, const void *from, size_t n)
{
	uint8_t *p = room(pb, n);

	if (p && n)
		memcpy(p, from, n);
	pb->n += p ? n : 0;
}

void kt_pb_packed(struct kt_pb *pb, uint64_t v)
{
	put(pb, v);
}

void kt_pb_bytes(struct kt_pb *pb, unsigned int field, const void *from, size_t n)
{
	tag(pb, field, WIRE_BYTES);
	put(pb, n);
	kt_pb_raw(pb, from, n);
}

void kt_pb_string(struct kt_pb *pb, unsigned int field, const char *s)
{
	kt_pb_bytes(pb, field, s, strlen(s));
}

size_t kt_pb_begin(struct kt_pb *pb, unsigned int field)
{
	tag(pb, field, WIRE_BYTES);
	return pb->n;
}

/* The length comes before what was written: most messages are short enough for one byte. */
void kt_pb_end(struct kt_pb *pb, size_t begin)
{
	uint8_t length[MAX_VARINT];
	size_t n = pb->n - begin, n_length = put_varint(length, n);

	if (!room(pb, n_length))
		return;
	memmove(pb->v + begin + n_length, pb->v + begin, n);
	memcpy(pb->v + begin, length, n_length);
	pb->n += n_length;
}
