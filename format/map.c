/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* A file's events in the compiled layout (struct kt_map, schema.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/schema_internal.h"

/* One field to copy. If sizes differ it is a number: sign-extended, zero-extended or truncated. */
struct move {
	const struct kt_field *from, *to;
};

struct entry {
	const struct kt_event_desc *file, *ours; /* ours NULL: unknown here */
	struct move *moves;			 /* NULL: the layouts are equal */
	size_t n_moves;
};

struct kt_map {
	const struct kt_schema *file;
	struct entry *entries;		      /* as file->events */
	const struct kt_event_desc **by_ours; /* as kt_events: the file's event, or NULL */
	struct entry **by_id;		      /* by the file's ids; NULL: unknown here */
	size_t n_ids;
	_Alignas(8) unsigned char copy[KT_EVENT_MAX];
};

/* Is the field where the file has nothing yet? `reserved` is 0 in every event. */
static bool is_in_reserve(const struct kt_event_desc *file, const struct kt_field *f)
{
	for (size_t i = 0; i < file->n_fields; i++) {
		const struct kt_field *g = &file->fields[i];

		if (!strcmp(g->name, "reserved") && g->offset <= f->offset &&
		    f->offset + f->size * f->count <= g->offset + g->size * g->count)
			return true;
	}
	return false;
}

/* Can the file's event be used unchanged? */
static bool same_layout(const struct kt_event_desc *file, const struct kt_event_desc *ours)
{
	if (file->id != ours->id || file->len != ours->len)
		return false;
	for (size_t i = 0; i < ours->n_fields; i++) {
		const struct kt_field *f = &ours->fields[i], *g = kt_event_field(file, f->name);

		if (g ? f->offset != g->offset || f->count != g->count || f->type != g->type
		      : !is_in_reserve(file, f))
			return false;
	}
	return true;
}

static int make_moves(struct entry *e)
{
	e->moves = calloc(e->ours->n_fields + 1, sizeof(*e->moves));
	if (!e->moves)
		return -ENOMEM;
	for (size_t i = 0; i < e->ours->n_fields; i++) {
		const struct kt_field *to = &e->ours->fields[i];
		const struct kt_field *from = kt_event_field(e->file, to->name);

		if (from && (from->type == KT_char) == (to->type == KT_char))
			e->moves[e->n_moves++] = (struct move){from, to};
	}
	return 0;
}

int kt_map_create(const struct kt_schema *file, struct kt_map **ret)
{
	const struct kt_schema *ours = kt_schema_compiled();
	struct kt_map *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->file = file;
	m->entries = calloc(file->n_events + 1, sizeof(*m->entries));
	m->by_ours = calloc(ours->n_events, sizeof(const struct kt_event_desc *));
	for (size_t i = 0; i < file->n_events; i++)
		m->n_ids = KT_MAX(m->n_ids, file->events[i].id + (size_t)1);
	m->by_id = calloc(m->n_ids + 1, sizeof(struct entry *));
	if (!m->entries || !m->by_ours || !m->by_id)
		goto nomem;
	for (size_t i = 0; i < file->n_events; i++) {
		struct entry *e = &m->entries[i];

		e->file = &file->events[i];
		e->ours = kt_schema_event_by_name(ours, e->file->name);
		if (!e->ours)
			continue;
		m->by_ours[e->ours - ours->events] = e->file;
		m->by_id[e->file->id] = e;
		if (!same_layout(e->file, e->ours) && make_moves(e))
			goto nomem;
	}
	*ret = m;
	return 0;
nomem:
	kt_map_destroy(m);
	return -ENOMEM;
}

void kt_map_destroy(struct kt_map *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->entries && i < m->file->n_events; i++)
		free(m->entries[i].moves);
	free(m->entries);
	free(m->by_ours);
	free(m->by_id);
	free(m);
}

static void move_field(unsigned char *dst, const struct move *mv, const void *ev)
{
	size_t n = KT_MIN(mv->from->count, mv->to->count);
	unsigned char *to = dst + mv->to->offset;

	if (mv->from->size == mv->to->size) {
		memcpy(to, (const unsigned char *)ev + mv->from->offset, n * mv->to->size);
		return;
	}
	for (size_t i = 0; i < n; i++, to += mv->to->size) {
		uint64_t v = kt_field_value(mv->from, ev, i);

		memcpy(to, &v, mv->to->size); /* little-endian */
	}
}

const struct kt_event *kt_map_event(struct kt_map *m, const struct kt_event *ev)
{
	const struct entry *e = ev->id < m->n_ids ? m->by_id[ev->id] : NULL;
	struct kt_event *copy = (struct kt_event *)m->copy;

	if (!e || e->file->len != ev->len)
		return NULL;
	if (!e->moves)
		return ev;
	memset(copy, 0, e->ours->len);
	copy->ts_ns = ev->ts_ns;
	copy->id = e->ours->id;
	copy->len = e->ours->len;
	for (size_t i = 0; i < e->n_moves; i++)
		move_field(m->copy, &e->moves[i], ev);
	return copy;
}

bool kt_map_has(const struct kt_map *m, uint16_t compiled_id, const char *field)
{
	const struct kt_schema *ours = kt_schema_compiled();
	const struct kt_event_desc *d = kt_schema_event(ours, compiled_id);
	const struct kt_event_desc *file = d ? m->by_ours[d - ours->events] : NULL;
	const struct entry *e;

	if (!file)
		return false;
	if (!field)
		return true;
	e = &m->entries[file - m->file->events];
	if (!e->moves)
		return kt_event_field(file, field) != NULL;
	for (size_t i = 0; i < e->n_moves; i++)
		if (!strcmp(e->moves[i].to->name, field))
			return true;
	return false;
}
