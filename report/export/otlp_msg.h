/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Writes messages of OTLP in either of its encodings, protobuf or JSON (opentelemetry.io/docs/specs/otlp): each field is given by its number and its
 * name. Of JSON, 64-bit integers are text, ids hex, enums numbers. Text from the database is made fit to print.
 */
#ifndef KT_REPORT_EXPORT_OTLP_MSG_H
#define KT_REPORT_EXPORT_OTLP_MSG_H

#include "report/export/pb.h"

enum { KT_MSG_DEPTH = 16 };

struct kt_msg {
	struct kt_pb pb; /* what was written */
	bool json;
	size_t begin[KT_MSG_DEPTH]; /* of the messages that are open */
	unsigned int depth;
};

/* Zero is empty, in protobuf. Keeps its memory. */
void kt_msg_clear(struct kt_msg *m);
void kt_msg_finish(struct kt_msg *m);

/* A message within the one that is open, or as an element of a list; of JSON also the outermost (then the number is 0). */
void kt_msg_begin(struct kt_msg *m, unsigned int field, const char *name);
void kt_msg_end(struct kt_msg *m);
/* Around repeated messages, which are then begun without a name. */
void kt_msg_list(struct kt_msg *m, const char *name);
void kt_msg_list_end(struct kt_msg *m);

void kt_msg_text(struct kt_msg *m, unsigned int field, const char *name, const char *text);
void kt_msg_id(struct kt_msg *m, unsigned int field, const char *name, const uint64_t *halves,
	       size_t n);
void kt_msg_fixed64(struct kt_msg *m, unsigned int field, const char *name, uint64_t v);
void kt_msg_enum(struct kt_msg *m, unsigned int field, const char *name, unsigned int v);
void kt_msg_sint32(struct kt_msg *m, unsigned int field, const char *name, int32_t v);
void kt_msg_double(struct kt_msg *m, unsigned int field, const char *name, double v);
/* Repeated uint64. */
void kt_msg_counts(struct kt_msg *m, unsigned int field, const char *name, const uint64_t *v,
		   size_t n);

/* KeyValues, within their list. Text NULL: there is nothing to say. */
void kt_msg_attr(struct kt_msg *m, unsigned int field, const char *key, const char *text);
void kt_msg_attr_int(struct kt_msg *m, unsigned int field, const char *key, int64_t v);

#endif
