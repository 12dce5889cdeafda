/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The compiled descriptors, and look-up in any schema. schema_parse.c creates those of files. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/crc32c.h"
#include "format/schema_internal.h"

const char *const kt_type_names[KT_N_TYPES] = {"u8", "u16", "u32", "u64", "s32", "s64", "char"};
const uint8_t kt_type_sizes[KT_N_TYPES] = {1, 2, 4, 8, 4, 8, 1};
const char *const kt_kind_names[KT_N_KINDS] = {"COUNT",	 "HEX",	  "PTR",    "TIME", "NS",
					       "SECTOR", "BYTES", "DEV",    "OPF",  "TID",
					       "CGROUP", "INO",	  "STATUS", "LOSS", "STR"};

/* ---------------------------------------------------------------- families and hooks */

#define KT_HOOK(family, name, tp, sig, event, doc)
#define KT_EVENT(name, id, doc)
#define KT_FIELD(type, name, kind, doc)
#define KT_ARRAY(type, name, n, kind, doc)
#define KT_END(name)

#define KT_FAMILY(name, base, presets, wants, doc) {#name, base, presets, wants, doc},
const struct kt_family_desc kt_families[] = {
#include "kt_families.def"
};
#undef KT_FAMILY
#define KT_FAMILY(name, base, presets, wants, doc)
const size_t kt_n_families = KT_ARRAY_SIZE(kt_families);

#undef KT_HOOK
#define KT_HOOK(family, name, tp, sig, event, doc) {#family, #name, #tp, sig, #event, doc},
const struct kt_hook_desc kt_hooks[KT_N_HOOKS] = {
#include "kt_families.def"
};
#undef KT_HOOK
#define KT_HOOK(family, name, tp, sig, event, doc)

/* ---------------------------------------------------------------- events */

#undef KT_EVENT
#undef KT_FIELD
#undef KT_ARRAY
#undef KT_END

/*
 * A KT_FIELD does not know its event, so it cannot use offsetof(); the offsets are computed when the program
 * starts (event.h asserts that there is no padding), hence no const.
 */
#define KT_EVENT(name, id, doc) static struct kt_field fields_##name[] = {
#define KT_FIELD(type, name, kind, doc) \
	{#name, doc, 0, 1, KT_##type, KT_KIND_##kind, sizeof(KT_C_##type)},
#define KT_ARRAY(type, name, n, kind, doc) \
	{#name, doc, 0, n, KT_##type, KT_KIND_##kind, sizeof(KT_C_##type)},
#define KT_END(name) \
	}            \
	;
#include "kt_families.def"
#undef KT_FAMILY
#undef KT_EVENT
#undef KT_FIELD
#undef KT_ARRAY
#undef KT_END

#define KT_FAMILY(name, base, presets, wants, doc)
#define FAMILY_STR_(x) #x
#define FAMILY_STR(x) FAMILY_STR_(x)
#define KT_EVENT(name, id, doc)                                                  \
	{#name,	       FAMILY_STR(KT_THIS_FAMILY), doc,                          \
	 id,	       sizeof(struct kt_##name),   KT_ARRAY_SIZE(fields_##name), \
	 fields_##name},
#define KT_FIELD(type, name, kind, doc)
#define KT_ARRAY(type, name, n, kind, doc)
#define KT_END(name)
const struct kt_event_desc kt_events[] = {
#include "kt_families.def"
};
#undef KT_EVENT
const size_t kt_n_events = KT_ARRAY_SIZE(kt_events);

#define KT_EVENT(name, id, doc) fields_##name,
static struct kt_field *const event_fields[] = {
#include "kt_families.def"
};
#undef KT_EVENT

#define N_SLOTS 1024
_Static_assert(KT_ARRAY_SIZE(kt_events) * 2 <= N_SLOTS, "N_SLOTS is too small");

static uint16_t compiled_slots[N_SLOTS];
static char compiled_text[128 << 10];
static struct kt_schema compiled = {
	.events = kt_events,
	.n_events = KT_ARRAY_SIZE(kt_events),
	.slots = compiled_slots,
	.mask = N_SLOTS - 1,
	.text = compiled_text,
};

__attribute__((constructor)) static void sum_offsets(void)
{
	for (size_t i = 0; i < KT_ARRAY_SIZE(kt_events); i++) {
		size_t offset = KT_EVENT_HDR;

		for (size_t j = 0; j < kt_events[i].n_fields; j++) {
			event_fields[i][j].offset = offset;
			offset += event_fields[i][j].count * event_fields[i][j].size;
		}
		assert(offset == kt_events[i].len);
	}
}

/* ---------------------------------------------------------------- the compiled schema */

static void add_text(const char *fmt, ...) kt_printf_like(1, 2);
static void add_text(const char *fmt, ...)
{
	size_t room = sizeof(compiled_text) - compiled.text_len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(compiled_text + compiled.text_len, room, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < room);
	compiled.text_len += n;
}

static void make_compiled(void)
{
	add_text("%s\n", KT_SCHEMA_HEAD);
	for (size_t i = 0; i < kt_n_events; i++) {
		const struct kt_event_desc *d = &kt_events[i];
		int err = kt_schema_index(&compiled, i);

		assert(!err); /* otherwise two events have the same id */
		(void)err;
		add_text("event 0x%04x %s %u %s \"%s\"\n", d->id, d->name, d->len, d->family,
			 d->doc);
		for (unsigned int j = 0; j < d->n_fields; j++) {
			const struct kt_field *f = &d->fields[j];

			add_text("field %s %s %u %u %s \"%s\"\n", kt_type_names[f->type], f->name,
				 f->offset, f->count, kt_kind_names[f->kind], f->doc);
		}
	}
	compiled.crc = kt_crc32c(0, compiled.text, compiled.text_len);
}

const struct kt_schema *kt_schema_compiled(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_compiled);
	return &compiled;
}

/* ---------------------------------------------------------------- look-up in any schema */

static uint32_t slot_of(const struct kt_schema *s, uint16_t id)
{
	return (id * 0x9e3779b1u >> 8) & s->mask;
}

int kt_schema_index(struct kt_schema *s, size_t i)
{
	uint32_t at = slot_of(s, s->events[i].id);

	for (; s->slots[at]; at = (at + 1) & s->mask)
		if (s->events[s->slots[at] - 1].id == s->events[i].id)
			return -EEXIST;
	s->slots[at] = i + 1;
	return 0;
}

const struct kt_event_desc *kt_schema_event(const struct kt_schema *s, uint16_t id)
{
	for (uint32_t at = slot_of(s, id); s->slots[at]; at = (at + 1) & s->mask)
		if (s->events[s->slots[at] - 1].id == id)
			return &s->events[s->slots[at] - 1];
	return NULL;
}

const struct kt_event_desc *kt_schema_event_by_name(const struct kt_schema *s, const char *name)
{
	for (size_t i = 0; i < s->n_events; i++)
		if (!strcmp(s->events[i].name, name))
			return &s->events[i];
	return NULL;
}

const struct kt_field *kt_event_field(const struct kt_event_desc *d, const char *name)
{
	for (size_t i = 0; i < d->n_fields; i++)
		if (!strcmp(d->fields[i].name, name))
			return &d->fields[i];
	return NULL;
}

const char *kt_schema_text(const struct kt_schema *s, size_t *ret_len)
{
	*ret_len = s->text_len;
	return s->text;
}

uint32_t kt_schema_crc(const struct kt_schema *s)
{
	return s->crc;
}

uint64_t kt_field_value(const struct kt_field *f, const void *ev, unsigned int i)
{
	const unsigned char *p = (const unsigned char *)ev + f->offset + (size_t)i * f->size;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (f->size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		return f->type == KT_s32 ? (uint64_t)(int64_t)(int32_t)v32 : v32;
	default:
		memcpy(&v64, p, sizeof(v64));
		return v64;
	}
}
