/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/otlp_msg.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"

void kt_msg_clear(struct kt_msg *m)
{
	m->pb.n = 0;
	m->depth = 0;
}

void kt_msg_finish(struct kt_msg *m)
{
	kt_pb_finish(&m->pb);
}

static void put(struct kt_msg *m, const char *s)
{
	kt_pb_raw(&m->pb, s, strlen(s));
}

/* What stands before a value of JSON. */
static void put_name(struct kt_msg *m, const char *name)
{
	char last = m->pb.n ? m->pb.v[m->pb.n - 1] : '{';

	if (last != '{' && last != '[')
		put(m, ",");
	if (!name)
		return;
	put(m, "\"");
	put(m, name);
	put(m, "\":");
}

void kt_msg_begin(struct kt_msg *m, unsigned int field, const char *name)
{
	assert(m->depth < KT_MSG_DEPTH);
	if (m->json) {
		if (field)
			put_name(m, name);
		put(m, "{");
	} else if (field) {
		m->begin[m->depth] = kt_pb_begin(&m->pb, field);
	}
	m->depth++;
}

void kt_msg_end(struct kt_msg *m)
{
	m->depth--;
	if (m->json)
		put(m, "}");
	else if (m->depth)
		kt_pb_end(&m->pb, m->begin[m->depth]);
}

void kt_msg_list(struct kt_msg *m, const char *name)
{
	if (!m->json)
		return;
	put_name(m, name);
	put(m, "[");
}

void kt_msg_list_end(struct kt_msg *m)
{
	if (m->json)
		put(m, "]");
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
			return false;
	return true;
}

/* Of safe text only quotes and backslashes are anything to JSON. */
static void put_quoted(struct kt_msg *m, const char *s)
{
	put(m, "\"");
	while (*s) {
		size_t n = strcspn(s, "\"\\");

		kt_pb_raw(&m->pb, s, n);
		s += n;
		if (*s) {
			put(m, "\\");
			kt_pb_raw(&m->pb, s++, 1);
		}
	}
	put(m, "\"");
}

void kt_msg_text(struct kt_msg *m, unsigned int field, const char *name, const char *text)
{
	char *safe kt_auto_free = is_plain(text) ? NULL : kt_safe_text(text, true);

	if (!safe && !is_plain(text))
		m->pb.oom = true;
	if (safe)
		text = safe;
	if (!m->json) {
		kt_pb_string(&m->pb, field, text);
		return;
	}
	put_name(m, name);
	put_quoted(m, text);
}

void kt_msg_id(struct kt_msg *m, unsigned int field, const char *name, const uint64_t *halves,
	       size_t n)
{
	uint8_t bytes[16];
	char hex[40];

	if (m->json) {
		put_name(m, name);
		put(m, "\"");
	}
	for (size_t i = 0; i < n; i++) {
		for (int b = 0; b < 8; b++)
			bytes[i * 8 + b] = halves[i] >> (56 - 8 * b);
		if (m->json) {
			snprintf(hex, sizeof(hex), "%016" PRIx64, halves[i]);
			put(m, hex);
		}
	}
	if (m->json)
		put(m, "\"");
	else
		kt_pb_bytes(&m->pb, field, bytes, 8 * n);
}

static kt_printf_like(3, 4) void put_number(struct kt_msg *m, const char *name, const char *fmt,
					    ...)
{
	char buf[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	put_name(m, name);
	put(m, buf);
}

void kt_msg_fixed64(struct kt_msg *m, unsigned int field, const char *name, uint64_t v)
{
	if (m->json)
		put_number(m, name, "\"%" PRIu64 "\"", v);
	else
		kt_pb_fixed64(&m->pb, field, v);
}

void kt_msg_enum(struct kt_msg *m, unsigned int field, const char *name, unsigned int v)
{
	if (m->json)
		put_number(m, name, "%u", v);
	else
		kt_pb_varint(&m->pb, field, v);
}

void kt_msg_sint32(struct kt_msg *m, unsigned int field, const char *name, int32_t v)
{
	if (m->json)
		put_number(m, name, "%" PRId32, v);
	else
		kt_pb_varint(&m->pb, field, (uint32_t)v << 1 ^ (uint32_t)(v >> 31));
}

void kt_msg_double(struct kt_msg *m, unsigned int field, const char *name, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	if (m->json)
		put_number(m, name, "%.17g", v);
	else
		kt_pb_fixed64(&m->pb, field, bits);
}

void kt_msg_counts(struct kt_msg *m, unsigned int field, const char *name, const uint64_t *v,
		   size_t n)
{
	size_t begin;

	if (m->json) {
		kt_msg_list(m, name);
		for (size_t i = 0; i < n; i++)
			put_number(m, NULL, "\"%" PRIu64 "\"", v[i]);
		kt_msg_list_end(m);
		return;
	}
	begin = kt_pb_begin(&m->pb, field);
	for (size_t i = 0; i < n; i++)
		kt_pb_packed(&m->pb, v[i]);
	kt_pb_end(&m->pb, begin);
}

/* One of ours, plain as it is. */
static void put_key(struct kt_msg *m, const char *key)
{
	if (m->json) {
		put(m, "\"key\":\"");
		put(m, key);
		put(m, "\"");
	} else {
		kt_pb_string(&m->pb, 1, key);
	}
}

/* AnyValue: 1 stringValue, 3 intValue. */
void kt_msg_attr(struct kt_msg *m, unsigned int field, const char *key, const char *text)
{
	if (!text)
		return;
	kt_msg_begin(m, field, NULL);
	put_key(m, key);
	kt_msg_begin(m, 2, "value");
	kt_msg_text(m, 1, "stringValue", text);
	kt_msg_end(m);
	kt_msg_end(m);
}

void kt_msg_attr_int(struct kt_msg *m, unsigned int field, const char *key, int64_t v)
{
	kt_msg_begin(m, field, NULL);
	put_key(m, key);
	kt_msg_begin(m, 2, "value");
	if (m->json)
		put_number(m, "intValue", "\"%" PRId64 "\"", v);
	else
		kt_pb_varint(&m->pb, 3, (uint64_t)v);
	kt_msg_end(m);
	kt_msg_end(m);
}
