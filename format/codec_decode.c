/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Decoder of codec 2; the layout is in codec.h. Input is hostile: memory is bounded by the raw length. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "format/codec.h"

struct type {
	const struct kt_event_desc *desc;
	uint32_t count;
	uint32_t *rows;
};

struct dict {
	uint64_t *values;
	uint32_t n, cap;
};

struct decoder {
	const unsigned char *src, *end;
	unsigned char *raw;
	size_t len;
	struct type types[KTR_TYPES_MAX];
	unsigned int n_types;
	uint32_t n_rows;
	uint32_t *rows;
	uint64_t *values, *symbols, *literals;
	struct dict dicts[KTR_N_CLASSES];
	uint32_t n_dict;
	void *mem;
};

/* ---------------------------------------------------------------- input */

static const unsigned char *take(struct decoder *d, size_t n)
{
	const unsigned char *p = d->src;

	if ((size_t)(d->end - p) < n)
		return NULL;
	d->src = p + n;
	return p;
}

static int get(struct decoder *d, size_t n, uint64_t *ret)
{
	const unsigned char *p = take(d, n);

	if (!p)
		return -EBADMSG;
	*ret = ktr_load(p, n);
	return 0;
}

static void add_plane(uint64_t *restrict v, const unsigned char *restrict in, size_t n, int shift)
{
	for (size_t i = 0; i < n; i++)
		v[i] |= (uint64_t)in[i] << shift;
}

static int get_plain(struct decoder *d, uint64_t *v, size_t n, unsigned int size)
{
	uint64_t mask, same = 0, byte;

	if (get(d, 1, &mask) || mask >> size)
		return -EBADMSG;
	for (unsigned int p = 0; p < size; p++) {
		if (mask >> p & 1)
			continue;
		if (get(d, 1, &byte))
			return -EBADMSG;
		same |= byte << 8 * p;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = same;
	for (unsigned int p = 0; p < size; p++) {
		const unsigned char *in;

		if (!(mask >> p & 1))
			continue;
		in = take(d, n);
		if (!in)
			return -EBADMSG;
		add_plane(v, in, n, 8 * p);
	}
	return 0;
}

/* u32 n, plain column of n values: at most as many as the column has elements. */
static int get_literals(struct decoder *d, size_t max, unsigned int size, size_t *ret_n)
{
	uint64_t n;
	int err;

	if (get(d, 4, &n) || n > max)
		return -EBADMSG;
	err = get_plain(d, d->literals, n, size);
	if (!err)
		*ret_n = n;
	return err;
}

/* ---------------------------------------------------------------- transforms */

static int get_delta(struct decoder *d, size_t n)
{
	uint64_t v;

	if (get(d, 8, &v) || get_plain(d, d->values, n, 8))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		d->values[i] = v += ktr_unzigzag(d->values[i]);
	return 0;
}

static int get_time(struct decoder *d, const struct type *t)
{
	if (get_plain(d, d->values, t->count, 8))
		return -EBADMSG;
	for (size_t i = 0; i < t->count; i++)
		d->values[i] = ktr_load(d->raw + t->rows[i], 8) - ktr_unzigzag(d->values[i]);
	return 0;
}

static int dict_add(struct decoder *d, struct dict *dict, uint64_t v)
{
	if (d->n_dict >= KTR_DICT_MAX)
		return -EBADMSG;
	if (dict->n == dict->cap) {
		uint32_t cap = dict->cap ? 2 * dict->cap : 64;
		uint64_t *p = realloc(dict->values, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		dict->values = p;
		dict->cap = cap;
	}
	dict->values[dict->n++] = v;
	d->n_dict++;
	return 0;
}

static int get_dict(struct decoder *d, size_t n, const struct ktr_col *col)
{
	struct dict *dict = &d->dicts[col->class];
	size_t n_literals, used = 0;

	if (get_plain(d, d->symbols, n, 2) || get_literals(d, n, col->size, &n_literals))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		uint64_t code = d->symbols[i];

		if (!code) {
			int err = used < n_literals ? dict_add(d, dict, d->literals[used++])
						    : -EBADMSG;

			if (err)
				return err;
			code = dict->n;
		}
		if (code > dict->n)
			return -EBADMSG;
		d->values[i] = dict->values[code - 1];
	}
	return used == n_literals ? 0 : -EBADMSG;
}

/* Bytes of a type's rows decoded so far: those before this column. */
static int get_source(struct decoder *d, unsigned int type_no, const struct ktr_col *col,
		      const struct type **ret_type, uint64_t *ret_offset, uint64_t *ret_size)
{
	uint64_t type, offset, size;

	if (get(d, 2, &type) || get(d, 2, &offset) || get(d, 1, &size))
		return -EBADMSG;
	if (type > type_no || !size || size > 8 ||
	    offset + size > (type == type_no ? col->offset : d->types[type].desc->len))
		return -EBADMSG;
	*ret_type = &d->types[type];
	*ret_offset = offset;
	*ret_size = size;
	return 0;
}

static int get_ref(struct decoder *d, unsigned int type_no, const struct ktr_col *col)
{
	size_t n = d->types[type_no].count, n_literals, used = 0;
	uint64_t offset, size, next = 0;
	const struct type *from;

	if (get_source(d, type_no, col, &from, &offset, &size) || get_plain(d, d->symbols, n, 4) ||
	    get_literals(d, n, col->size, &n_literals))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		if (d->symbols[i] == 1) {
			if (used == n_literals)
				return -EBADMSG;
			d->values[i] = d->literals[used++];
			continue;
		}
		if (d->symbols[i])
			next += ktr_unzigzag(d->symbols[i] - 1);
		if (next >= from->count)
			return -EBADMSG;
		d->values[i] = ktr_load(d->raw + from->rows[next++] + offset, size);
	}
	return used == n_literals ? 0 : -EBADMSG;
}

static int get_column(struct decoder *d, unsigned int type_no, const struct ktr_col *col)
{
	const struct type *t = &d->types[type_no];
	uint64_t transform;
	int err;

	if (get(d, 1, &transform))
		return -EBADMSG;
	switch (transform) {
	case KTR_T_PLAIN:
		err = get_plain(d, d->values, t->count, col->size);
		break;
	case KTR_T_DELTA:
		err = get_delta(d, t->count);
		break;
	case KTR_T_TIME:
		err = get_time(d, t);
		break;
	case KTR_T_DICT:
		err = get_dict(d, t->count, col);
		break;
	case KTR_T_REF:
		err = get_ref(d, type_no, col);
		break;
	default:
		err = -EBADMSG;
		break;
	}
	if (err)
		return err;
	if (col->size == 8)
		for (size_t i = 0; i < t->count; i++)
			ktr_store(d->raw + t->rows[i] + col->offset, 8, d->values[i]);
	else if (col->size == 4)
		for (size_t i = 0; i < t->count; i++)
			ktr_store(d->raw + t->rows[i] + col->offset, 4, d->values[i]);
	else
		for (size_t i = 0; i < t->count; i++)
			ktr_store(d->raw + t->rows[i] + col->offset, col->size, d->values[i]);
	return 0;
}

/* ---------------------------------------------------------------- rows */

static int get_types(struct decoder *d, const struct kt_schema *s)
{
	uint64_t n_rows, n_types, id, count, rows = 0, bytes = 0;

	if (get(d, 4, &n_rows) || get(d, 2, &n_types) || n_types > KTR_TYPES_MAX)
		return -EBADMSG;
	for (unsigned int i = 0; i < n_types; i++) {
		struct type *t = &d->types[i];

		if (get(d, 2, &id) || get(d, 4, &count) || !count || count > UINT32_MAX)
			return -EBADMSG;
		t->desc = kt_schema_event(s, id);
		if (!t->desc || (i && id <= t[-1].desc->id))
			return -EBADMSG;
		t->count = count;
		rows += count;
		bytes += count * t->desc->len;
	}
	if (rows != n_rows || bytes != d->len)
		return -EBADMSG;
	d->n_types = n_types;
	d->n_rows = n_rows;
	return 0;
}

/* Places the rows and writes what precedes their fields. */
static int get_rows(struct decoder *d)
{
	const unsigned char *seq = d->n_types > 1 ? take(d, d->n_rows) : NULL;
	uint32_t n[KTR_TYPES_MAX] = {0}, at = 0, *rows = d->rows;
	uint64_t ts_ns;

	if ((!seq && d->n_types > 1) || get(d, 8, &ts_ns) || get_plain(d, d->values, d->n_rows, 8))
		return -EBADMSG;
	for (unsigned int i = 0; i < d->n_types; i++) {
		d->types[i].rows = rows;
		rows += d->types[i].count;
	}
	for (uint32_t i = 0; i < d->n_rows; i++) {
		unsigned int p = seq ? seq[i] : 0;
		struct kt_event ev;
		struct type *t;

		if (p >= d->n_types || n[p] == d->types[p].count)
			return -EBADMSG;
		t = &d->types[p];
		t->rows[n[p]++] = at;
		ts_ns += d->values[i];
		ev.ts_ns = ts_ns;
		ev.id = t->desc->id;
		ev.len = t->desc->len;
		memcpy(d->raw + at, &ev, KT_EVENT_HDR);
		at += t->desc->len;
	}
	return 0;
}

static int decode(struct decoder *d, const struct kt_schema *s)
{
	int err = get_types(d, s);

	if (err)
		return err;
	d->mem = malloc((d->n_rows + 1) * (3 * sizeof(uint64_t) + sizeof(uint32_t)));
	if (!d->mem)
		return -ENOMEM;
	d->values = d->mem;
	d->symbols = d->values + d->n_rows;
	d->literals = d->symbols + d->n_rows;
	d->rows = (uint32_t *)(d->literals + d->n_rows);
	err = get_rows(d);
	for (unsigned int i = 0; !err && i < d->n_types; i++) {
		unsigned int field = 0, elem = 0;
		struct ktr_col col;

		while (!err && ktr_col_next(d->types[i].desc, &field, &elem, &col))
			err = get_column(d, i, &col);
	}
	if (!err && d->src != d->end)
		err = -EBADMSG;
	return err;
}

int ktr_columns_decode(const struct kt_schema *s, const void *src, size_t src_len, void *raw,
		       size_t raw_len)
{
	struct decoder d = {
		.src = src,
		.end = (const unsigned char *)src + src_len,
		.raw = raw,
		.len = raw_len,
	};
	int err = decode(&d, s);

	for (int i = 0; i < KTR_N_CLASSES; i++)
		free(d.dicts[i].values);
	free(d.mem);
	return err;
}
