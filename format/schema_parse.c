/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* A file's schema from its text (schema.h). Input is hostile: everything is checked, nothing is quadratic without a bound. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/crc32c.h"
#include "format/schema_internal.h"

struct parser {
	KT_VEC(struct kt_event_desc) events;
	KT_VEC(struct kt_field) fields; /* of all events, in order: pointers are set at the end */
	size_t next_offset; /* in the current event: fields must follow each other without gaps */
};

/* Cuts the next blank-separated word off *p. NULL: none left. */
static char *word(char **p)
{
	char *w = *p + strspn(*p, " ");
	size_t n = strcspn(w, " ");

	if (!n)
		return NULL;
	*p = w + n;
	if (**p)
		*(*p)++ = '\0';
	return w;
}

static bool name_ok(const char *w)
{
	size_t n = w ? strlen(w) : 0;

	return n && n < 64 && strspn(w, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* strtoul accepts signs and blanks, a schema does not. */
static bool number(const char *w, unsigned long max, unsigned long *ret)
{
	char *end;

	if (!w || *w < '0' || *w > '9' || strlen(w) > 10)
		return false;
	*ret = strtoul(w, &end, 0);
	return !*end && *ret <= max;
}

static const char *quoted(char *p)
{
	char *start = strchr(p, '"');
	char *end = start ? strrchr(p, '"') : NULL;

	if (!start || start == end)
		return "";
	*end = '\0';
	return start + 1;
}

static int index_of(const char *w, const char *const *names, int n)
{
	for (int i = 0; w && i < n; i++)
		if (!strcmp(w, names[i]))
			return i;
	return -1;
}

/* Is the current event complete? */
static bool event_done(const struct parser *p)
{
	return !p->events.n || p->next_offset == p->events.v[p->events.n - 1].len;
}

static int parse_event(struct parser *p, char *line)
{
	struct kt_event_desc d = {0};
	unsigned long id, len;

	if (!event_done(p) || p->events.n >= KT_SCHEMA_EVENTS_MAX)
		return -EBADMSG;
	if (!number(word(&line), UINT16_MAX, &id) || !id)
		return -EBADMSG;
	d.name = word(&line);
	if (!name_ok(d.name) || !number(word(&line), KT_EVENT_MAX, &len))
		return -EBADMSG;
	if (len < sizeof(struct kt_event) || len % 8)
		return -EBADMSG;
	d.family = word(&line);
	if (!name_ok(d.family))
		return -EBADMSG;
	d.doc = quoted(line);
	d.id = id;
	d.len = len;
	for (size_t i = 0; i < p->events.n; i++)
		if (!strcmp(p->events.v[i].name, d.name))
			return -EBADMSG;
	p->next_offset = KT_EVENT_HDR;
	return kt_vec_push(&p->events, d);
}

static int parse_field(struct parser *p, char *line)
{
	struct kt_event_desc *d = p->events.n ? &p->events.v[p->events.n - 1] : NULL;
	struct kt_field f = {0};
	unsigned long offset, count;
	int type, kind;

	if (!d || d->n_fields >= KT_SCHEMA_FIELDS_MAX)
		return -EBADMSG;
	type = index_of(word(&line), kt_type_names, KT_N_TYPES);
	f.name = word(&line);
	if (type < 0 || !name_ok(f.name) || !number(word(&line), d->len, &offset) ||
	    !number(word(&line), d->len, &count) || !count)
		return -EBADMSG;
	/* Without gaps, the columns contain the whole event. */
	if (offset != p->next_offset || count * kt_type_sizes[type] > d->len - offset)
		return -EBADMSG;
	kind = index_of(word(&line), kt_kind_names, KT_N_KINDS);
	f.doc = quoted(line);
	f.offset = offset;
	f.count = count;
	f.type = type;
	f.kind = kind < 0 ? KT_KIND_COUNT : kind;
	/* Printing follows the kind: only characters are a string. */
	if (f.kind == KT_KIND_STR && f.type != KT_char)
		f.kind = KT_KIND_COUNT;
	f.size = kt_type_sizes[type];
	for (size_t i = p->fields.n - d->n_fields; i < p->fields.n; i++)
		if (!strcmp(p->fields.v[i].name, f.name))
			return -EBADMSG;
	p->next_offset = offset + count * f.size;
	d->n_fields++;
	return kt_vec_push(&p->fields, f);
}

static int parse_lines(struct parser *p, char *text)
{
	char *line = strsep(&text, "\n");
	int err = 0;

	if (strcmp(line, KT_SCHEMA_HEAD))
		return -EBADMSG;
	while (!err && (line = strsep(&text, "\n"))) {
		char *w = word(&line);

		if (!w)
			continue;
		if (!strcmp(w, "event"))
			err = parse_event(p, line);
		else if (!strcmp(w, "field"))
			err = parse_field(p, line);
	}
	if (!err && !event_done(p))
		err = -EBADMSG;
	return err;
}

static int fill(struct kt_schema *s, struct parser *p)
{
	struct kt_field *f;
	uint32_t slots = 64;

	/* The schema takes over the arrays of p even on errors: kt_schema_destroy() frees them. */
	s->own_events = p->events.v;
	s->own_fields = f = p->fields.v;
	s->events = p->events.v;
	s->n_events = p->events.n;
	while (slots < 2 * s->n_events)
		slots *= 2;
	s->slots = calloc(slots, sizeof(*s->slots));
	if (!s->slots)
		return -ENOMEM;
	s->mask = slots - 1;
	for (size_t i = 0; i < s->n_events; i++) {
		s->own_events[i].fields = f;
		if (s->own_events[i].n_fields) /* otherwise there may be no fields at all */
			f += s->own_events[i].n_fields;
		if (kt_schema_index(s, i))
			return -EBADMSG;
	}
	return 0;
}

int kt_schema_parse(const char *text, size_t len, struct kt_schema **ret)
{
	struct kt_schema *s;
	struct parser p = {0};
	int err, err2;

	if (len > KT_SCHEMA_TEXT_MAX || memchr(text, '\0', len))
		return -EBADMSG;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->own_text = malloc(len + 1);
	s->own_strings = malloc(len + 1);
	if (!s->own_text || !s->own_strings) {
		kt_schema_destroy(s);
		return -ENOMEM;
	}
	memcpy(s->own_text, text, len);
	s->own_text[len] = '\0';
	memcpy(s->own_strings, s->own_text, len + 1);
	s->text = s->own_text;
	s->text_len = len;
	s->crc = kt_crc32c(0, text, len);
	err = parse_lines(&p, s->own_strings);
	err2 = fill(s, &p);
	if (err || err2) {
		kt_schema_destroy(s);
		return err ? err : err2;
	}
	*ret = s;
	return 0;
}

void kt_schema_destroy(struct kt_schema *s)
{
	if (!s)
		return;
	free(s->slots);
	free(s->own_events);
	free(s->own_fields);
	free(s->own_strings);
	free(s->own_text);
	free(s);
}
