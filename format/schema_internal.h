/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Shared by the parts of the schema code: the inside of struct kt_schema. */
#ifndef KT_FORMAT_SCHEMA_INTERNAL_H
#define KT_FORMAT_SCHEMA_INTERNAL_H

#include "format/schema.h"

/* Limits on a file's schema: generous, but they keep hostile ones cheap. */
#define KT_SCHEMA_TEXT_MAX (1u << 20)
#define KT_SCHEMA_EVENTS_MAX 4096
#define KT_SCHEMA_FIELDS_MAX 512 /* of one event */

#define KT_SCHEMA_HEAD "ktrace-schema 1"

struct kt_schema {
	const struct kt_event_desc *events;
	size_t n_events;
	/* Open addressing by id: index into events + 1, 0 = free; at most half full. */
	uint16_t *slots;
	uint32_t mask;
	const char *text;
	size_t text_len;
	uint32_t crc;
	/* Owned by a parsed schema; NULL in the compiled one. */
	struct kt_event_desc *own_events;
	struct kt_field *own_fields;
	char *own_strings;
	char *own_text;
};

/* Enters events[i] in the slots. -EEXIST: its id is already there. */
int kt_schema_index(struct kt_schema *s, size_t i);

/* Words of the text form, by enum. */
extern const char *const kt_type_names[KT_N_TYPES];
extern const uint8_t kt_type_sizes[KT_N_TYPES];
extern const char *const kt_kind_names[KT_N_KINDS];

#endif
