/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Writes protobuf messages (protobuf.dev/programming-guides/encoding) into memory that grows. A message within a message is begun and ended. Zero is empty;
 * once there was no memory, `oom` stays set and nothing more is written.
 */
#ifndef KT_REPORT_EXPORT_PB_H
#define KT_REPORT_EXPORT_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_pb {
	uint8_t *v;
	size_t n, cap;
	bool oom;
};

void kt_pb_finish(struct kt_pb *pb);
void kt_pb_varint(struct kt_pb *pb, unsigned int field, uint64_t v);
void kt_pb_fixed64(struct kt_pb *pb, unsigned int field, uint64_t v);
void kt_pb_bytes(struct kt_pb *pb, unsigned int field, const void *p, size_t n);
/* NUL-terminated. */
void kt_pb_string(struct kt_pb *pb, unsigned int field, const char *s);
/* Bytes without a field: what another encoding writes in the same memory. */
void kt_pb_raw(struct kt_pb *pb, const void *p, size_t n);
/* A value of a packed field, which is begun and ended as a message. */
void kt_pb_packed(struct kt_pb *pb, uint64_t v);
/* Gives what kt_pb_end() takes. */
size_t kt_pb_begin(struct kt_pb *pb, unsigned int field);
void kt_pb_end(struct kt_pb *pb, size_t begin);

#endif
