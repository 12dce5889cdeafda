/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"

/* Field numbers: trace.proto, trace_packet.proto, clock_snapshot.proto, track_event.proto, debug_annotation.proto, … */
enum { TRACE_PACKET = 1 };
enum {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_EVENT = 11,
	PACKET_INTERNED = 12,
	PACKET_FLAGS = 13,
	PACKET_DEFAULTS = 59,
	PACKET_TRACK = 60,
};
enum { FLAG_CLEARED = 1, FLAG_NEEDED = 2 };
enum { DEFAULTS_CLOCK = 58 };
enum { SNAPSHOT_CLOCK = 1, SNAPSHOT_PRIMARY = 2, CLOCK_ID = 1, CLOCK_TIMESTAMP = 2 };
enum { CLOCK_REAL = 1, CLOCK_BOOT = 6 };
enum {
	EVENT_CATEGORY_IID = 3,
	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK = 11,
	EVENT_CATEGORY = 22,
	EVENT_NAME = 23,
	EVENT_VALUE = 30,
	EVENT_FLOW = 47,
};
enum {
	ANNOTATION_KEY_IID = 1,
	ANNOTATION_INT = 4,
	ANNOTATION_STRING = 6,
	ANNOTATION_KEY = 10,
	ANNOTATION_STRING_IID = 17,
};
enum {
	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
	TRACK_CHILD_ORDERING = 11,
	TRACK_RANK = 12,
	TRACK_DESCRIPTION = 14,
};
enum { ORDERING_EXPLICIT = 3, COUNTER_UNIT = 3 };
enum { INTERNED_ID = 1, INTERNED_TEXT = 2 };
static const unsigned int interned_field[KT_TRACE_N_NAMES] = {
	[KT_TRACE_CATEGORY] = 1,
	[KT_TRACE_NAME] = 2,
	[KT_TRACE_KEY] = 3,
	[KT_TRACE_VALUE] = 29,
};

/* A database may have any number of names, and of any length. */
enum { MAX_NAMES = 1 << 14, MAX_NAME_BYTES = 256, MAX_TEXT_BYTES = 1 << 14 };

struct name {
	uint64_t iid;
	struct name *next; /* of the same hash */
	enum kt_trace_names type;
	char text[];
};

/* The number of a name; 0: it is written where it stands. */
static uint64_t intern(struct kt_trace *t, enum kt_trace_names type, const char *s)
{
	uint64_t key = kt_hash_text(type, s);
	struct name *first = kt_hash_get(&t->names, key), *n = first;
	char *safe kt_auto_free = NULL;
	size_t len, at;

	while (n && (n->type != type || strcmp(n->text, s) != 0))
		n = n->next;
	if (n)
		return n->iid;
	len = strlen(s);
	if (t->all_names.n >= MAX_NAMES || len > MAX_NAME_BYTES)
		return 0;
	safe = kt_safe_text(s, true);
	n = safe ? malloc(sizeof(*n) + len + 1) : NULL;
	if (!n || kt_vec_push(&t->all_names, n)) {
		free(n);
		t->oom = true;
		return 0;
	}
	n->iid = t->all_names.n;
	n->next = first;
	n->type = type;
	memcpy(n->text, s, len + 1);
	if (kt_hash_put(&t->names, key, n))
		t->oom = true;
	at = kt_pb_begin(&t->interned, interned_field[type]);
	kt_pb_varint(&t->interned, INTERNED_ID, n->iid);
	kt_pb_string(&t->interned, INTERNED_TEXT, safe);
	kt_pb_end(&t->interned, at);
	return n->iid;
}

static void put_text(struct kt_trace *t, unsigned int field, const char *s)
{
	char *cut kt_auto_free = strndup(s, MAX_TEXT_BYTES);
	char *safe kt_auto_free = cut ? kt_safe_text(cut, true) : NULL;

	if (safe)
		kt_pb_string(&t->packet, field, safe);
	else
		t->oom = true;
}

static void packet_begin(struct kt_trace *t, uint64_t flags)
{
	t->packet.n = t->interned.n = 0;
	kt_pb_varint(&t->packet, PACKET_SEQUENCE, 1);
	kt_pb_varint(&t->packet, PACKET_FLAGS, flags);
}

static void packet_end(struct kt_trace *t)
{
	uint8_t head[16];
	struct kt_pb pb = {.v = head, .cap = sizeof(head)};

	if (t->interned.n)
		kt_pb_bytes(&t->packet, PACKET_INTERNED, t->interned.v, t->interned.n);
	if (t->packet.oom || t->interned.oom) {
		t->oom = true;
		return;
	}
	/* A message that ends as far away: its head alone. */
	kt_pb_varint(&pb, TRACE_PACKET, t->packet.n);
	head[0] = TRACE_PACKET << 3 | 2;
	fwrite(head, 1, pb.n, t->f);
	fwrite(t->packet.v, 1, t->packet.n, t->f);
}

/* What kt_trace_init() writes first, but for the clock. */
#define HEAD "\x0a\x0a\x50\x01\x68\x01\xda\x03\x03"

const struct kt_out_what kt_trace_what = {"trace", HEAD, sizeof(HEAD) - 1};

void kt_trace_init(struct kt_trace *t, FILE *f, bool realtime, int64_t first_ns)
{
	size_t at, clock;

	*t = (struct kt_trace){.f = f, .realtime = realtime};
	packet_begin(t, FLAG_CLEARED);
	at = kt_pb_begin(&t->packet, PACKET_DEFAULTS);
	kt_pb_varint(&t->packet, DEFAULTS_CLOCK, realtime ? CLOCK_REAL : CLOCK_BOOT);
	kt_pb_end(&t->packet, at);
	packet_end(t);
	if (!realtime)
		return;
	packet_begin(t, FLAG_NEEDED);
	at = kt_pb_begin(&t->packet, PACKET_CLOCK_SNAPSHOT);
	clock = kt_pb_begin(&t->packet, SNAPSHOT_CLOCK);
	kt_pb_varint(&t->packet, CLOCK_ID, CLOCK_REAL);
	kt_pb_varint(&t->packet, CLOCK_TIMESTAMP, first_ns);
	kt_pb_end(&t->packet, clock);
	kt_pb_varint(&t->packet, SNAPSHOT_PRIMARY, CLOCK_REAL);
	kt_pb_end(&t->packet, at);
	packet_end(t);
}

void kt_trace_finish(struct kt_trace *t)
{
	for (size_t i = 0; i < t->all_names.n; i++)
		free(t->all_names.v[i]);
	kt_vec_finish(&t->all_names);
	kt_hash_finish(&t->names);
	kt_pb_finish(&t->packet);
	kt_pb_finish(&t->interned);
}

int kt_trace_error(const struct kt_trace *t)
{
	return t->oom || t->packet.oom || t->interned.oom ? -ENOMEM : 0;
}

static size_t track_begin(struct kt_trace *t, uint64_t parent, const char *name, int rank)
{
	size_t at;

	packet_begin(t, FLAG_NEEDED);
	at = kt_pb_begin(&t->packet, PACKET_TRACK);
	kt_pb_varint(&t->packet, TRACK_UUID, ++t->last_uuid);
	put_text(t, TRACK_NAME, name);
	if (parent)
		kt_pb_varint(&t->packet, TRACK_PARENT, parent);
	kt_pb_varint(&t->packet, TRACK_CHILD_ORDERING, ORDERING_EXPLICIT);
	kt_pb_varint(&t->packet, TRACK_RANK, rank);
	return at;
}

uint64_t kt_trace_track(struct kt_trace *t, uint64_t parent, const char *name, int rank)
{
	kt_pb_end(&t->packet, track_begin(t, parent, name, rank));
	packet_end(t);
	return t->last_uuid;
}

uint64_t kt_trace_counter_track(struct kt_trace *t, uint64_t parent, const char *name, int rank,
				enum kt_trace_unit unit, const char *words)
{
	size_t at = track_begin(t, parent, name, rank), counter;

	counter = kt_pb_begin(&t->packet, TRACK_COUNTER);
	kt_pb_varint(&t->packet, COUNTER_UNIT, unit);
	kt_pb_end(&t->packet, counter);
	if (words)
		put_text(t, TRACK_DESCRIPTION, words);
	kt_pb_end(&t->packet, at);
	packet_end(t);
	return t->last_uuid;
}

static void event_begin(struct kt_trace *t, enum kt_trace_type type, uint64_t track, int64_t ts_ns)
{
	packet_begin(t, FLAG_NEEDED);
	kt_pb_varint(&t->packet, PACKET_TIMESTAMP, ts_ns);
	t->event = kt_pb_begin(&t->packet, PACKET_EVENT);
	kt_pb_varint(&t->packet, EVENT_TYPE, type);
	kt_pb_varint(&t->packet, EVENT_TRACK, track);
}

void kt_trace_close(struct kt_trace *t)
{
	kt_pb_end(&t->packet, t->event);
	packet_end(t);
}

void kt_trace_value(struct kt_trace *t, uint64_t track, int64_t ts_ns, int64_t value)
{
	event_begin(t, KT_TRACE_COUNTER, track, ts_ns);
	kt_pb_varint(&t->packet, EVENT_VALUE, value);
	kt_trace_close(t);
}

void kt_trace_end(struct kt_trace *t, uint64_t track, int64_t ts_ns)
{
	event_begin(t, KT_TRACE_END, track, ts_ns);
	kt_trace_close(t);
}

static void put_name(struct kt_trace *t, enum kt_trace_names type, unsigned int by_iid,
		     unsigned int by_text, const char *s)
{
	uint64_t iid = intern(t, type, s);

	if (iid)
		kt_pb_varint(&t->packet, by_iid, iid);
	else
		put_text(t, by_text, s);
}

void kt_trace_open(struct kt_trace *t, enum kt_trace_type type, uint64_t track, int64_t ts_ns,
		   const char *category, const char *name)
{
	event_begin(t, type, track, ts_ns);
	put_name(t, KT_TRACE_CATEGORY, EVENT_CATEGORY_IID, EVENT_CATEGORY, category);
	put_name(t, KT_TRACE_NAME, EVENT_NAME_IID, EVENT_NAME, name);
}

void kt_trace_arrow(struct kt_trace *t, uint64_t id)
{
	kt_pb_fixed64(&t->packet, EVENT_FLOW, id);
}

static size_t annotation_begin(struct kt_trace *t, const char *key)
{
	size_t at = kt_pb_begin(&t->packet, EVENT_ANNOTATION);

	put_name(t, KT_TRACE_KEY, ANNOTATION_KEY_IID, ANNOTATION_KEY, key);
	return at;
}

void kt_trace_int(struct kt_trace *t, const char *key, int64_t value)
{
	size_t at = annotation_begin(t, key);

	kt_pb_varint(&t->packet, ANNOTATION_INT, value);
	kt_pb_end(&t->packet, at);
}

void kt_trace_text(struct kt_trace *t, const char *key, const char *value)
{
	size_t at = annotation_begin(t, key);

	put_text(t, ANNOTATION_STRING, value);
	kt_pb_end(&t->packet, at);
}

void kt_trace_word(struct kt_trace *t, const char *key, const char *value)
{
	size_t at = annotation_begin(t, key);

	put_name(t, KT_TRACE_VALUE, ANNOTATION_STRING_IID, ANNOTATION_STRING, value);
	kt_pb_end(&t->packet, at);
}
