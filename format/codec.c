/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Encoder of codec 2; the layout is in codec.h.
 *
 * Based on measurements: bytes that do not vary cost zstd time, though no space, so they are left out. Addresses
 * and sectors of one I/O occur in several events: a repeated value refers to the column that had it
 * first (KTR_T_REF), mostly in the same order, and becomes zeros.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "format/codec.h"

#define DICT_SLOTS 16384
#define N_SOURCES 4 /* columns of a class that a later one may refer to */

struct type {
	const struct kt_event_desc *desc;
	uint32_t count;
	uint32_t *rows; /* offsets of its events in raw */
};

struct source {
	const struct type *type;
	uint16_t type_no;
	uint16_t offset;
	uint8_t size;
};

struct dict_slot {
	uint64_t value;
	uint16_t class;
	uint16_t code; /* 0 = free */
};

struct encoder {
	const unsigned char *raw;
	size_t len;
	unsigned char *dst, *end; /* NULL dst: overflowed */
	struct type types[KTR_TYPES_MAX];
	unsigned int n_types;
	uint32_t n_rows;
	/* scratch, n_rows each */
	uint32_t *rows; /* by type */
	uint64_t *values;
	uint64_t *symbols;
	uint64_t *literals;
	unsigned char *seq;
	uint32_t *found; /* value -> row of the source, direct-mapped; found_size slots */
	size_t found_size;
	struct dict_slot *dict; /* cleared on first use only: most blocks are small */
	bool dict_clean;
	uint16_t n_codes[KTR_N_CLASSES];
	uint32_t n_dict;				 /* values of all classes */
	struct source sources[KTR_N_CLASSES][N_SOURCES]; /* [0] the first, the others the latest */
	unsigned int n_sources[KTR_N_CLASSES];
};

size_t ktr_columns_bound(size_t len)
{
	return len + len / 8 + 4096;
}

/* ---------------------------------------------------------------- output */

static void *take(struct encoder *e, size_t n)
{
	unsigned char *p = e->dst;

	if (!p || (size_t)(e->end - p) < n) {
		e->dst = NULL;
		return NULL;
	}
	e->dst = p + n;
	return p;
}

static void put(struct encoder *e, uint64_t v, size_t n)
{
	void *p = take(e, n);

	if (p)
		memcpy(p, &v, n);
}

static void put_plane(unsigned char *restrict out, const uint64_t *restrict v, size_t n, int shift)
{
	for (size_t i = 0; i < n; i++)
		out[i] = v[i] >> shift;
}

static uint8_t plane_mask(uint64_t vary, unsigned int size)
{
	uint8_t mask = 0;

	for (unsigned int p = 0; p < size; p++)
		if (vary >> 8 * p & 0xff)
			mask |= 1u << p;
	return mask;
}

static void put_plain(struct encoder *e, const uint64_t *v, size_t n, unsigned int size,
		      uint64_t vary)
{
	uint8_t mask = plane_mask(vary, size);

	put(e, mask, 1);
	for (unsigned int p = 0; p < size; p++)
		if (!(mask >> p & 1))
			put(e, n ? v[0] >> 8 * p : 0, 1);
	for (unsigned int p = 0; p < size; p++) {
		unsigned char *out;

		if (!(mask >> p & 1))
			continue;
		out = take(e, n);
		if (out)
			put_plane(out, v, n, 8 * p);
	}
}

static uint64_t varying(const uint64_t *v, size_t n)
{
	uint64_t vary = 0;

	for (size_t i = 1; i < n; i++)
		vary |= v[i] ^ v[0];
	return vary;
}

/* ---------------------------------------------------------------- references and dictionaries */

static uint64_t source_value(const struct encoder *e, const struct source *s, uint32_t i)
{
	return ktr_load(e->raw + s->type->rows[i] + s->offset, s->size);
}

struct ref_cost {
	uint32_t literals;
	uint32_t changes; /* symbols that differ from the previous one */
};

/* Symbols and literals of the first n elements of t's column, as references to s. */
static struct ref_cost refer(struct encoder *e, const struct type *t, const struct source *s,
			     size_t n)
{
	struct ref_cost cost = {0};
	uint32_t next = 0, entered = 0;
	size_t mask = 64;
	bool any = false;

	while (mask < 4 * (size_t)s->type->count && mask < e->found_size)
		mask *= 2;
	mask--;
	for (size_t i = 0; i < n; i++) {
		uint64_t v = e->values[i];
		uint32_t *slot, at;

		if (next < s->type->count && source_value(e, s, next) == v) {
			e->symbols[i] = 0;
			next++;
			continue;
		}
		/* Addresses are reused: the latest row before this one counts. */
		if (!any) {
			memset(e->found, 0, (mask + 1) * sizeof(*e->found));
			any = true;
		}
		for (; entered < s->type->count && s->type->rows[entered] < t->rows[i]; entered++) {
			uint64_t h = source_value(e, s, entered) * 0x9e3779b97f4a7c15ull;

			e->found[h >> 40 & mask] = entered + 1;
		}
		slot = &e->found[v * 0x9e3779b97f4a7c15ull >> 40 & mask];
		if (!*slot || source_value(e, s, *slot - 1) != v) {
			e->symbols[i] = 1;
			e->literals[cost.literals++] = v;
			continue;
		}
		at = *slot - 1;
		e->symbols[i] = ktr_zigzag((int64_t)at - (int64_t)next) + 1;
		next = at + 1;
	}
	for (size_t i = 1; i < n; i++)
		cost.changes += e->symbols[i] != e->symbols[i - 1];
	return cost;
}

/* Codes and literals of a column. Returns the number of literals; undone if there are more than max. */
static int64_t look_up(struct encoder *e, unsigned int class, size_t n, size_t max)
{
	uint16_t *n_codes = &e->n_codes[class];
	size_t literals = 0;
	struct dict_slot *d;

	if (!e->dict_clean)
		memset(e->dict, 0, DICT_SLOTS * sizeof(*d));
	e->dict_clean = true;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = (e->values[i] + class) * 0x9e3779b97f4a7c15ull;

		for (d = &e->dict[h >> 50]; d->code;
		     d = d + 1 < e->dict + DICT_SLOTS ? d + 1 : e->dict)
			if (d->value == e->values[i] && d->class == class)
				break;
		if (d->code) {
			e->symbols[i] = d->code;
			continue;
		}
		if (literals >= max || e->n_dict >= KTR_DICT_MAX)
			goto undo;
		*d = (struct dict_slot){e->values[i], class, ++*n_codes};
		e->n_dict++;
		e->symbols[i] = 0;
		e->literals[literals++] = e->values[i];
	}
	return literals;
undo:
	/* Last in, first out: keeps the probe sequences of the others intact. */
	while (literals--) {
		uint64_t h = (e->literals[literals] + class) * 0x9e3779b97f4a7c15ull;

		for (d = &e->dict[h >> 50]; d->value != e->literals[literals] || d->class != class;)
			d = d + 1 < e->dict + DICT_SLOTS ? d + 1 : e->dict;
		*d = (struct dict_slot){0};
		--*n_codes;
		e->n_dict--;
	}
	return -1;
}

/* ---------------------------------------------------------------- columns */

struct stats {
	uint64_t vary;	  /* bits that differ from the first element's */
	uint32_t changes; /* elements that differ from the previous one */
};

#define GATHER(size)                                                            \
	for (size_t i = 0; i < t->count; i++) {                                 \
		uint64_t v = ktr_load(e->raw + t->rows[i] + col->offset, size); \
                                                                                \
		e->values[i] = v;                                               \
		st.vary |= v ^ first;                                           \
		st.changes += v != prev;                                        \
		prev = v;                                                       \
	}

static struct stats gather(struct encoder *e, const struct type *t, const struct ktr_col *col)
{
	uint64_t first = ktr_load(e->raw + t->rows[0] + col->offset, col->size), prev = first;
	struct stats st = {0};

	/* One case per size: a copy of variable length stalls. */
	if (col->size == 8)
		GATHER(8)
	else if (col->size == 4)
		GATHER(4)
	else if (col->size == 2)
		GATHER(2)
	else if (col->size == 1)
		GATHER(1)
	else
		GATHER(col->size)
	return st;
}

/* Zigzag deltas into symbols. The base is chosen so that the first is not an outlier. */
static struct stats deltas(struct encoder *e, size_t n, uint64_t *ret_base)
{
	struct stats st = {0};

	for (size_t i = 1; i < n; i++)
		e->symbols[i] = ktr_zigzag(e->values[i] - e->values[i - 1]);
	e->symbols[0] = n > 1 ? e->symbols[1] : 0;
	*ret_base = e->values[0] - ktr_unzigzag(e->symbols[0]);
	for (size_t i = 1; i < n; i++) {
		st.vary |= e->symbols[i] ^ e->symbols[0];
		st.changes += e->symbols[i] != e->symbols[i - 1];
	}
	return st;
}

static void times(struct encoder *e, const struct type *t)
{
	for (size_t i = 0; i < t->count; i++)
		e->symbols[i] = ktr_zigzag(ktr_load(e->raw + t->rows[i], 8) - e->values[i]);
}

/* Bytes that cost zstd real work: an estimate for choosing. */
static uint64_t cost_of(const struct stats *st, unsigned int size)
{
	return (uint64_t)st->changes * __builtin_popcount(plane_mask(st->vary, size));
}

static void add_source(struct encoder *e, unsigned int type_no, const struct ktr_col *col)
{
	unsigned int *n = &e->n_sources[col->class];
	struct source *s = e->sources[col->class];

	if (*n == N_SOURCES)
		memmove(s + 1, s + 2, (N_SOURCES - 2) * sizeof(*s));
	else
		++*n;
	s[*n - 1] = (struct source){&e->types[type_no], type_no, col->offset, col->size};
}

/* The best source of a column, by its first elements, and what it would cost. NULL: there is none. */
static const struct source *choose_source(struct encoder *e, const struct type *t,
					  const struct ktr_col *col, uint64_t *ret_cost)
{
	const struct source *best = NULL;
	size_t n = KT_MIN(t->count, 512u);

	*ret_cost = UINT64_MAX;
	for (unsigned int i = e->n_sources[col->class]; i-- > 0 && *ret_cost;) {
		const struct source *s = &e->sources[col->class][i];
		struct ref_cost rc = refer(e, t, s, n);
		uint64_t c = (rc.changes + (uint64_t)rc.literals * col->size) * t->count / n;

		if (c < *ret_cost) {
			*ret_cost = c;
			best = s;
		}
	}
	return best;
}

static void put_ref(struct encoder *e, const struct type *t, const struct source *s,
		    unsigned int size)
{
	struct ref_cost rc = refer(e, t, s, t->count);

	put(e, KTR_T_REF, 1);
	put(e, s->type_no, 2);
	put(e, s->offset, 2);
	put(e, s->size, 1);
	put_plain(e, e->symbols, t->count, 4, varying(e->symbols, t->count));
	put(e, rc.literals, 4);
	put_plain(e, e->literals, rc.literals, size, varying(e->literals, rc.literals));
}

static bool put_dict(struct encoder *e, const struct type *t, const struct ktr_col *col)
{
	int64_t n = look_up(e, col->class, t->count, t->count / 8 + 1);

	if (n < 0)
		return false;
	put(e, KTR_T_DICT, 1);
	put_plain(e, e->symbols, t->count, 2, varying(e->symbols, t->count));
	put(e, n, 4);
	put_plain(e, e->literals, n, col->size, varying(e->literals, n));
	return true;
}

static bool put_delta(struct encoder *e, const struct type *t, uint64_t max_cost)
{
	uint64_t base;
	struct stats st = deltas(e, t->count, &base);

	if (cost_of(&st, 8) >= max_cost)
		return false;
	put(e, KTR_T_DELTA, 1);
	put(e, base, 8);
	put_plain(e, e->symbols, t->count, 8, st.vary);
	return true;
}

static void put_column(struct encoder *e, unsigned int type_no, const struct ktr_col *col)
{
	const struct type *t = &e->types[type_no];
	struct stats st = gather(e, t, col);
	uint64_t cost = cost_of(&st, col->size), ref_cost = UINT64_MAX;
	const struct source *best;
	struct source source;

	if (!cost || col->kind == KT_KIND_STR)
		goto plain;
	if (col->kind == KT_KIND_TIME) {
		times(e, t);
		put(e, KTR_T_TIME, 1);
		put_plain(e, e->symbols, t->count, 8, varying(e->symbols, t->count));
		return;
	}
	if (col->kind == KT_KIND_PTR || col->kind == KT_KIND_SECTOR) {
		best = choose_source(e, t, col, &ref_cost);
		if (best) /* a copy: adding this column may move the others */
			source = *best;
		if (col->first)
			add_source(e, type_no, col);
	}
	switch (col->kind) {
	case KT_KIND_SECTOR:
	case KT_KIND_COUNT:
	case KT_KIND_NS:
	case KT_KIND_BYTES:
		if (put_delta(e, t, KT_MIN(cost, ref_cost)))
			return;
		break;
	default: /* few values, often: a code costs one byte each time */
		if (ref_cost > st.changes && cost > st.changes && put_dict(e, t, col))
			return;
		break;
	}
	if (ref_cost < cost) {
		put_ref(e, t, &source, col->size);
		return;
	}
plain:
	put(e, KTR_T_PLAIN, 1);
	put_plain(e, e->values, t->count, col->size, st.vary);
}

/* ---------------------------------------------------------------- events */

static int by_id(const void *a, const void *b)
{
	const struct type *s = a, *t = b;

	return (s->desc->id > t->desc->id) - (s->desc->id < t->desc->id);
}

/* Finds the types and counts their events; seq: indices in order of first appearance. */
static int scan(struct encoder *e, const struct kt_schema *schema)
{
	uint8_t cache[256] = {0}; /* id's low bits -> place + 1 */
	size_t at = 0;

	for (; at < e->len; e->n_rows++) {
		const struct kt_event *ev = (const struct kt_event *)(e->raw + at);
		struct type *t;
		unsigned int i;

		if (e->len - at < sizeof(*ev))
			return -EINVAL;
		i = cache[(ev->id ^ ev->id >> 4) & 0xff];
		if (kt_unlikely(!i || e->types[i - 1].desc->id != ev->id)) {
			for (i = 1; i <= e->n_types && e->types[i - 1].desc->id != ev->id;)
				i++;
			if (i > KTR_TYPES_MAX)
				return -EINVAL;
			if (i > e->n_types) {
				const struct kt_event_desc *d = kt_schema_event(schema, ev->id);

				if (!d)
					return -EINVAL;
				e->types[e->n_types++] = (struct type){.desc = d};
			}
			cache[(ev->id ^ ev->id >> 4) & 0xff] = i;
		}
		t = &e->types[i - 1];
		if (ev->len != t->desc->len || e->len - at < ev->len)
			return -EINVAL;
		t->count++;
		e->seq[e->n_rows] = i - 1;
		at += ev->len;
	}
	return 0;
}

/* Types in order of id, the rows of each, the sequence, the times (in symbols). */
static void sort_rows(struct encoder *e)
{
	uint32_t at = 0, pos[KTR_TYPES_MAX];
	uint32_t *rows = e->rows;
	uint8_t place[KTR_TYPES_MAX];
	uint16_t ids[KTR_TYPES_MAX];
	uint64_t prev = e->len ? ktr_load(e->raw, 8) : 0;

	for (unsigned int i = 0; i < e->n_types; i++)
		ids[i] = e->types[i].desc->id;
	qsort(e->types, e->n_types, sizeof(e->types[0]), by_id);
	for (unsigned int i = 0; i < e->n_types; i++) {
		for (unsigned int j = 0; j < e->n_types; j++)
			if (ids[j] == e->types[i].desc->id)
				place[j] = i;
		e->types[i].rows = rows;
		rows += e->types[i].count;
		pos[i] = 0;
	}
	for (uint32_t i = 0; i < e->n_rows; i++) {
		uint8_t p = place[e->seq[i]];
		struct type *t = &e->types[p];
		uint64_t ts_ns = ktr_load(e->raw + at, 8);

		e->seq[i] = p;
		t->rows[pos[p]++] = at;
		e->symbols[i] = ts_ns - prev;
		prev = ts_ns;
		at += t->desc->len;
	}
}

static int reserve(struct encoder *e, struct ktr_scratch *scratch)
{
	size_t rows = e->len / sizeof(struct kt_event) + 1;
	size_t size, found = 64;
	unsigned char *p;

	while (found < 4 * rows && found < 1u << 18)
		found *= 2;
	size = rows * (3 * sizeof(uint64_t) + sizeof(uint32_t) + 1) + found * sizeof(uint32_t) +
	       DICT_SLOTS * sizeof(struct dict_slot) + 64;
	if (scratch->size < size) {
		p = malloc(size);
		if (!p)
			return -ENOMEM;
		free(scratch->mem);
		scratch->mem = p;
		scratch->size = size;
	}
	p = scratch->mem;
	e->dict = (struct dict_slot *)p;
	p += DICT_SLOTS * sizeof(struct dict_slot);
	e->values = (uint64_t *)p;
	e->symbols = e->values + rows;
	e->literals = e->symbols + rows;
	e->found = (uint32_t *)(e->literals + rows);
	e->found_size = found;
	e->rows = e->found + found;
	e->seq = (unsigned char *)(e->rows + rows);
	return 0;
}

void ktr_scratch_finish(struct ktr_scratch *scratch)
{
	free(scratch->mem);
	*scratch = (struct ktr_scratch){0};
}

int64_t ktr_columns_encode_with(struct ktr_scratch *scratch, const struct kt_schema *s,
				const void *raw, size_t len, void *dst, size_t cap)
{
	struct encoder e = {.raw = raw, .len = len, .dst = dst, .end = (unsigned char *)dst + cap};
	int err = reserve(&e, scratch);

	if (err)
		return err;
	err = scan(&e, s);
	if (err)
		return err;
	sort_rows(&e);
	put(&e, e.n_rows, 4);
	put(&e, e.n_types, 2);
	for (unsigned int i = 0; i < e.n_types; i++) {
		put(&e, e.types[i].desc->id, 2);
		put(&e, e.types[i].count, 4);
	}
	if (e.n_types > 1) {
		void *p = take(&e, e.n_rows);

		if (p)
			memcpy(p, e.seq, e.n_rows);
	}
	put(&e, len ? ktr_load(raw, 8) : 0, 8);
	put_plain(&e, e.symbols, e.n_rows, 8, varying(e.symbols, e.n_rows));
	for (unsigned int i = 0; i < e.n_types; i++) {
		unsigned int field = 0, elem = 0;
		struct ktr_col col;

		while (ktr_col_next(e.types[i].desc, &field, &elem, &col))
			put_column(&e, i, &col);
	}
	return e.dst ? e.dst - (unsigned char *)dst : -ENOSPC;
}

int64_t ktr_columns_encode(const struct kt_schema *s, const void *raw, size_t len, void *dst,
			   size_t cap)
{
	struct ktr_scratch scratch = {0};
	int64_t ret = ktr_columns_encode_with(&scratch, s, raw, len, dst, cap);

	ktr_scratch_finish(&scratch);
	return ret;
}
