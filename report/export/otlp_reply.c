/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/otlp_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/base/macros.h"
#include "format/base/safe.h"

/* The first line, as far as it goes. */
static void set_message(struct kt_otlp_reply *r, const char *s, size_t n)
{
	char *copy kt_auto_free = strndup(s, n), *safe kt_auto_free = NULL, *line = copy;

	if (!copy)
		return;
	line += strspn(line, " \t\r\n");
	line[strcspn(line, "\r\n")] = 0;
	safe = kt_safe_text(line, true);
	if (safe)
		snprintf(r->message, sizeof(r->message), "%s", safe);
}

/* A message of protobuf. */
struct span {
	const uint8_t *p, *end;
};

static bool get_varint(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (int shift = 0; s->p < s->end && shift < 64; shift += 7) {
		uint8_t b = *s->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* The next field: a number, or bytes (then *ret_in). */
static bool next_field(struct span *s, uint64_t *ret_tag, uint64_t *ret_v, struct span *ret_in)
{
	if (!get_varint(s, ret_tag))
		return false;
	switch (*ret_tag & 7) {
	case 0:
		return get_varint(s, ret_v);
	case 1:
	case 5:
		*ret_v = *ret_tag & 4 ? 4 : 8;
		break;
	case 2:
		if (!get_varint(s, ret_v))
			return false;
		break;
	default:
		return false;
	}
	if (*ret_v > (uint64_t)(s->end - s->p))
		return false;
	*ret_in = (struct span){s->p, s->p + *ret_v};
	s->p += *ret_v;
	return true;
}

/*
 * Export…ServiceResponse: 1 partial_success {1 rejected, 2 error_message}. google.rpc.Status: 1 code, 2 message. The first field tells
 * them apart by its type.
 */
static void read_protobuf(struct kt_otlp_reply *r, struct span s, bool outermost)
{
	struct span in;
	uint64_t tag, v;

	while (next_field(&s, &tag, &v, &in)) {
		if (tag == (1 << 3 | 2) && outermost)
			read_protobuf(r, in, false);
		else if (tag == (1 << 3 | 0))
			r->n_rejected = v;
		else if (tag == (2 << 3 | 2))
			set_message(r, (const char *)in.p, in.end - in.p);
	}
}

static void read_json(struct kt_otlp_reply *r, sqlite3 *db, const char *body, size_t n)
{
	static const char sql[] =
		"SELECT coalesce(json_extract(?1, '$.partialSuccess.rejectedSpans'), "
		"json_extract(?1, '$.partialSuccess.rejectedDataPoints'), 0), "
		"coalesce(json_extract(?1, '$.partialSuccess.errorMessage'), "
		"json_extract(?1, '$.message'), '') WHERE json_valid(?1)";
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		return;
	sqlite3_bind_text(st, 1, body, (int)n, SQLITE_STATIC);
	r->is_message = sqlite3_step(st) == SQLITE_ROW;
	if (r->is_message) {
		const char *text = (const char *)sqlite3_column_text(st, 1);
		int64_t rejected = sqlite3_column_int64(st, 0);

		r->n_rejected = rejected > 0 ? rejected : 0;
		if (text)
			set_message(r, text, strlen(text));
	} else {
		set_message(r, body, n);
	}
	sqlite3_finalize(st);
}

void kt_otlp_reply_read(struct kt_otlp_reply *r, sqlite3 *db, const char *type, const char *body,
			size_t n)
{
	*r = (struct kt_otlp_reply){0};
	if (!n)
		return;
	r->is_message = type && !strncasecmp(type, "application/x-protobuf", 22);
	if (r->is_message)
		read_protobuf(r, (struct span){(const uint8_t *)body, (const uint8_t *)body + n},
			      true);
	else if (type && !strncasecmp(type, "application/json", 16))
		read_json(r, db, body, n);
	else if (*body != '<') /* a page says nothing in its first line */
		set_message(r, body, n);
}
