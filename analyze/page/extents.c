// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/page/extents.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "format/base/macros.h"

struct kt_page_region {
	struct kt_page_file file;
	uint64_t index; /* in regions */
	uint64_t key;
	struct kt_page_region *next; /* of the same key */
	struct kt_link use;
	struct kt_page_list list;
	KT_VEC(struct kt_page_bio *) bios;
};

static struct kt_page_region *oldest_of(const struct kt_page_map *m)
{
	return kt_list_first(&m->by_use, struct kt_page_region, use);
}

void kt_page_map_init(struct kt_page_map *m, size_t max_extents, size_t max_list)
{
	*m = (struct kt_page_map){.max_extents = max_extents, .max_list = max_list};
	m->region_slab.size = sizeof(struct kt_page_region);
	m->writer_slab.size = sizeof(struct kt_page_writer);
}

void kt_page_map_finish(struct kt_page_map *m)
{
	for (struct kt_page_region *r = oldest_of(m); r; r = kt_list_next(r, use)) {
		kt_vec_finish(&r->list.e);
		kt_vec_finish(&r->bios);
	}
	kt_hash_finish(&m->regions);
	kt_slab_finish(&m->region_slab);
	kt_slab_finish(&m->writer_slab);
	m->by_use = (struct kt_list){0};
}

/* ------------------------------------------------------------------ writers */

struct kt_page_writer *kt_page_writer_new(struct kt_page_map *m)
{
	struct kt_page_writer *w = kt_slab_get(&m->writer_slab);

	if (w) {
		w->refs = 1;
		w->n_writes = 1;
		w->utid = w->ucgid = w->io_id = w->first_ns = w->end_ns = KT_NULL;
	}
	return w;
}

void kt_page_writer_put(struct kt_page_map *m, struct kt_page_writer *w)
{
	if (w && !--w->refs)
		kt_slab_put(&m->writer_slab, w);
}

/* ------------------------------------------------------------------ lists */

size_t kt_page_find(const struct kt_page_list *l, uint64_t pos)
{
	size_t lo = 0, hi = l->e.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->e.v[mid].end > pos)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Appends a part of e to the pieces, or extends the last one. */
static void piece(struct kt_page_list *out, uint64_t start, uint64_t end, struct kt_page_writer *w,
		  int64_t written_ns)
{
	struct kt_page_extent *last = out->e.n ? &out->e.v[out->e.n - 1] : NULL;

	if (start >= end)
		return;
	if (last && last->writer == w && last->end == start && last->written_ns == written_ns) {
		last->end = end;
		return;
	}
	out->e.v[out->e.n++] = (struct kt_page_extent){start, end, w, written_ns};
	w->refs++;
}

/* Replaces the extents [i, j) by the pieces and drops the references of the former. */
static int replace(struct kt_page_map *m, struct kt_page_list *l, size_t i, size_t j,
		   const struct kt_page_list *pieces)
{
	size_t n = l->e.n - (j - i) + pieces->e.n;

	if (kt_vec_reserve(&l->e, n))
		return -ENOMEM;
	for (size_t k = i; k < j; k++)
		kt_page_writer_put(m, l->e.v[k].writer);
	memmove(l->e.v + i + pieces->e.n, l->e.v + j, (l->e.n - j) * sizeof(*l->e.v));
	if (pieces->e.n)
		memcpy(l->e.v + i, pieces->e.v, pieces->e.n * sizeof(*l->e.v));
	l->e.n = n;
	return 0;
}

/* Reserves room for any result of a change to the extents [i, j). */
static int pieces_init(struct kt_page_list *p, size_t i, size_t j)
{
	*p = (struct kt_page_list){0};
	return kt_vec_reserve(&p->e, (j - i) * 3 + 2) ? -ENOMEM : 0;
}

/* The extents that [start, end) overlaps, and the one that ends at start: it may grow. */
static void touched(const struct kt_page_list *l, uint64_t start, uint64_t end, size_t *ret_i,
		    size_t *ret_j)
{
	size_t i = kt_page_find(l, start), j = i;

	if (i && l->e.v[i - 1].end == start)
		i--;
	while (j < l->e.n && l->e.v[j].start < end)
		j++;
	*ret_i = i;
	*ret_j = j;
}

int kt_page_overlay(struct kt_page_map *m, struct kt_page_list *l, uint64_t start, uint64_t end,
		    struct kt_page_writer *w, int64_t written_ns, int64_t keep_after)
{
	struct kt_page_list p;
	uint64_t pos = start;
	size_t i, j;
	int err;

	if (start >= end)
		return 0;
	touched(l, start, end, &i, &j);
	err = pieces_init(&p, i, j);
	for (size_t k = i; k < j && !err; k++) {
		struct kt_page_extent *e = &l->e.v[k];

		piece(&p, e->start, KT_MIN(e->end, start), e->writer, e->written_ns);
		if (e->end > start && e->written_ns == KT_NULL &&
		    e->writer->first_ns > keep_after) {
			uint64_t a = KT_MAX(e->start, start), b = KT_MIN(e->end, end);

			piece(&p, pos, a, w, written_ns);
			piece(&p, a, b, e->writer, e->written_ns);
			pos = b;
		}
		if (e->end > end) {
			piece(&p, pos, end, w, written_ns);
			pos = end;
			piece(&p, end, e->end, e->writer, e->written_ns);
		}
	}
	if (!err) {
		piece(&p, pos, end, w, written_ns);
		err = replace(m, l, i, j, &p);
	}
	kt_vec_finish(&p.e);
	return err;
}

void kt_page_list_finish(struct kt_page_map *m, struct kt_page_list *l)
{
	for (size_t i = 0; i < l->e.n; i++)
		kt_page_writer_put(m, l->e.v[i].writer);
	kt_vec_finish(&l->e);
}

uint64_t kt_page_covered(const struct kt_page_list *l, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;

	for (size_t i = kt_page_find(l, start); i < l->e.n && l->e.v[i].start < end; i++)
		sum += KT_MIN(l->e.v[i].end, end) - KT_MAX(l->e.v[i].start, start);
	return sum;
}

/* What happens to the part of an extent within a range. */
enum fate { DROP, WRITTEN, RECLAIM };

static bool is_meant(const struct kt_page_extent *e, const struct kt_page_writer *w, enum fate fate)
{
	const struct kt_page_writer *o = e->writer;

	if (e->written_ns != KT_NULL)
		return false;
	if (fate == RECLAIM)
		return o != w && o->end_ns != KT_NULL && o->first_ns > w->first_ns;
	return !w || o == w;
}

/* Changes the dirty extents within [start, end) that are w's, or, to be reclaimed, not w's; w NULL: all dirty ones. */
static int change(struct kt_page_map *m, struct kt_page_list *l, uint64_t start, uint64_t end,
		  struct kt_page_writer *w, enum fate fate, int64_t t_ns)
{
	struct kt_page_list p;
	size_t i, j;
	int err;

	touched(l, start, end, &i, &j);
	if (i == j)
		return 0;
	err = pieces_init(&p, i, j);
	for (size_t k = i; k < j && !err; k++) {
		struct kt_page_extent *e = &l->e.v[k];
		uint64_t a = KT_MAX(e->start, start), b = KT_MIN(e->end, end);

		if (a >= b || !is_meant(e, w, fate)) {
			piece(&p, e->start, e->end, e->writer, e->written_ns);
			continue;
		}
		piece(&p, e->start, a, e->writer, e->written_ns);
		if (fate == WRITTEN)
			piece(&p, a, b, e->writer, t_ns);
		else if (fate == RECLAIM)
			piece(&p, a, b, w, KT_NULL);
		piece(&p, b, e->end, e->writer, e->written_ns);
	}
	if (!err)
		err = replace(m, l, i, j, &p);
	kt_vec_finish(&p.e);
	return err;
}

/* ------------------------------------------------------------------ regions */

static uint64_t key_of(const struct kt_page_file *f, uint64_t index)
{
	uint64_t k = kt_hash_u64(f->ino ^ ((uint64_t)f->dev << 32));

	return kt_hash_u64(k ^ index ^ ((uint64_t)f->run << 48));
}

static bool is_it(const struct kt_page_region *r, const struct kt_page_file *f, uint64_t index)
{
	return r->index == index && r->file.ino == f->ino && r->file.dev == f->dev &&
	       r->file.run == f->run;
}

static struct kt_page_region *find(struct kt_page_map *m, const struct kt_page_file *f,
				   uint64_t index)
{
	struct kt_page_region *r = kt_hash_get(&m->regions, key_of(f, index));

	while (r && !is_it(r, f, index))
		r = r->next;
	return r;
}

static struct kt_page_region *find_or_make(struct kt_page_map *m, const struct kt_page_file *f,
					   uint64_t index)
{
	struct kt_page_region *r = find(m, f, index);

	if (r) {
		kt_list_remove(&m->by_use, &r->use);
		kt_list_append(&m->by_use, &r->use);
		return r;
	}
	r = kt_slab_get(&m->region_slab);
	if (!r)
		return NULL;
	r->file = *f;
	r->index = index;
	r->key = key_of(f, index);
	r->next = kt_hash_get(&m->regions, r->key);
	if (kt_hash_put(&m->regions, r->key, r)) {
		kt_slab_put(&m->region_slab, r);
		return NULL;
	}
	kt_list_append(&m->by_use, &r->use);
	return r;
}

static void forget_if_empty(struct kt_page_map *m, struct kt_page_region *r)
{
	struct kt_page_region *p;

	if (r->list.e.n || r->bios.n)
		return;
	p = kt_hash_get(&m->regions, r->key);
	if (p == r) {
		kt_hash_del(&m->regions, r->key);
		/* Never fails: its place has just become free. */
		if (r->next)
			kt_hash_put(&m->regions, r->key, r->next);
	} else {
		while (p->next != r)
			p = p->next;
		p->next = r->next;
	}
	kt_list_remove(&m->by_use, &r->use);
	kt_vec_finish(&r->list.e);
	kt_vec_finish(&r->bios);
	kt_slab_put(&m->region_slab, r);
}

static void drop_list(struct kt_page_map *m, struct kt_page_region *r)
{
	for (size_t i = 0; i < r->list.e.n; i++)
		m->n_evicted += r->list.e.v[i].written_ns == KT_NULL;
	m->n_extents -= r->list.e.n;
	kt_page_list_finish(m, &r->list);
}

/* The oldest one; written ones before dirty ones. */
static void drop_oldest_of(struct kt_page_map *m, struct kt_page_list *l)
{
	size_t worst = 0;

	for (size_t i = 1; i < l->e.n; i++) {
		const struct kt_page_extent *a = &l->e.v[i], *b = &l->e.v[worst];
		bool a_done = a->written_ns != KT_NULL, b_done = b->written_ns != KT_NULL;

		if (a_done != b_done ? a_done : a->writer->first_ns < b->writer->first_ns)
			worst = i;
	}
	m->n_evicted += l->e.v[worst].written_ns == KT_NULL;
	kt_page_writer_put(m, l->e.v[worst].writer);
	l->e.n--;
	memmove(l->e.v + worst, l->e.v + worst + 1, (l->e.n - worst) * sizeof(*l->e.v));
}

/* After a change to r's list, which had `before` extents. */
static void settle(struct kt_page_map *m, struct kt_page_region *r, size_t before)
{
	while (r->list.e.n > m->max_list)
		drop_oldest_of(m, &r->list);
	m->n_extents += r->list.e.n;
	m->n_extents -= before;
	for (struct kt_page_region *o = oldest_of(m), *next; o && m->n_extents > m->max_extents;
	     o = next) {
		next = kt_list_next(o, use);
		if (o == r)
			continue;
		drop_list(m, o);
		forget_if_empty(m, o);
	}
	forget_if_empty(m, r);
}

/* ------------------------------------------------------------------ the map */

/* For each region that [start, end) overlaps: its index, and the part within it. */
#define FOR_REGIONS(index, a, b, start, end)                           \
	for (uint64_t index = (start) / KT_PAGE_REGION, a = (start),   \
		      b = KT_MIN((end), (index + 1) * KT_PAGE_REGION); \
	     a < (end);                                                \
	     index++, a = index * KT_PAGE_REGION, b = KT_MIN((end), a + KT_PAGE_REGION))

int kt_page_dirty(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start, uint64_t end,
		  struct kt_page_writer *w, int64_t keep_after)
{
	int err = 0;

	FOR_REGIONS(index, a, b, start, end)
	{
		struct kt_page_region *r = find_or_make(m, f, index);
		size_t before;

		if (!r)
			return -ENOMEM;
		before = r->list.e.n;
		err = kt_page_overlay(m, &r->list, a, b, w, KT_NULL, keep_after);
		settle(m, r, before);
		if (err)
			break;
	}
	return err;
}

static int change_all(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		      uint64_t end, struct kt_page_writer *w, enum fate fate, int64_t t_ns)
{
	int err = 0;

	FOR_REGIONS(index, a, b, start, end)
	{
		struct kt_page_region *r = find(m, f, index);
		size_t before;

		if (!r)
			continue;
		before = r->list.e.n;
		err = change(m, &r->list, a, b, w, fate, t_ns);
		settle(m, r, before);
		if (err)
			break;
	}
	return err;
}

int kt_page_written(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		    uint64_t end, struct kt_page_writer *w, int64_t t_ns)
{
	return change_all(m, f, start, end, w, WRITTEN, t_ns);
}

int kt_page_reclaim(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		    uint64_t end, struct kt_page_writer *w)
{
	return change_all(m, f, start, end, w, RECLAIM, 0);
}

int kt_page_undo(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start, uint64_t end,
		 struct kt_page_writer *w)
{
	return change_all(m, f, start, end, w, DROP, 0);
}

static bool is_dirty(const struct kt_page_list *l, uint64_t start, uint64_t end)
{
	for (size_t i = kt_page_find(l, start); i < l->e.n && l->e.v[i].start < end; i++)
		if (l->e.v[i].written_ns == KT_NULL)
			return true;
	return false;
}

static int take_again(struct kt_page_map *m, const struct kt_page_list *l,
		      const struct kt_page_extent *e, uint64_t start, uint64_t end,
		      struct kt_page_list *ret)
{
	int err = 0;

	for (uint64_t page = start - start % KT_PAGE_BYTES; page < end && !err;
	     page += KT_PAGE_BYTES)
		if (!is_dirty(l, page, page + KT_PAGE_BYTES))
			err = kt_page_overlay(m, ret, KT_MAX(start, page),
					      KT_MIN(end, page + KT_PAGE_BYTES), e->writer,
					      e->written_ns, INT64_MIN);
	return err;
}

static int take(struct kt_page_map *m, struct kt_page_list *l, uint64_t start, uint64_t end,
		int64_t after_ns, struct kt_page_list *ret)
{
	int err = 0;

	for (size_t i = kt_page_find(l, start); i < l->e.n && l->e.v[i].start < end && !err; i++) {
		struct kt_page_extent *e = &l->e.v[i];
		uint64_t a = KT_MAX(e->start, start), b = KT_MIN(e->end, end);

		if (e->written_ns == KT_NULL)
			err = kt_page_overlay(m, ret, a, b, e->writer, KT_NULL, INT64_MIN);
		else if (e->written_ns >= after_ns)
			err = take_again(m, l, e, a, b, ret);
	}
	return err;
}

static void forget_written(struct kt_page_map *m, struct kt_page_list *l, int64_t before_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < l->e.n; i++) {
		const struct kt_page_extent *e = &l->e.v[i];

		if (e->written_ns != KT_NULL && e->written_ns < before_ns)
			kt_page_writer_put(m, e->writer);
		else
			l->e.v[n++] = *e;
	}
	l->e.n = n;
}

int kt_page_take(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start, uint64_t end,
		 int64_t t_ns, int64_t keep_ns, struct kt_page_list *ret)
{
	int err = 0;

	FOR_REGIONS(index, a, b, start, end)
	{
		struct kt_page_region *r = find(m, f, index);
		size_t before;

		if (!r)
			continue;
		before = r->list.e.n;
		err = take(m, &r->list, a, b, t_ns - keep_ns, ret);
		if (!err)
			err = change(m, &r->list, a, b, NULL, WRITTEN, t_ns);
		forget_written(m, &r->list, t_ns - keep_ns);
		settle(m, r, before);
		if (err)
			break;
	}
	return err;
}

/* ------------------------------------------------------------------ bios */

int kt_page_bio_add(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		    uint64_t end, struct kt_page_bio *b)
{
	for (uint64_t index = start / KT_PAGE_REGION; index * KT_PAGE_REGION < end; index++) {
		struct kt_page_region *r = find_or_make(m, f, index);

		if (!r)
			return -ENOMEM;
		if (kt_vec_push(&r->bios, b)) {
			forget_if_empty(m, r);
			return -ENOMEM;
		}
	}
	return 0;
}

void kt_page_bio_del(struct kt_page_map *m, const struct kt_page_file *f, uint64_t start,
		     uint64_t end, struct kt_page_bio *b)
{
	for (uint64_t index = start / KT_PAGE_REGION; index * KT_PAGE_REGION < end; index++) {
		struct kt_page_region *r = find(m, f, index);
		size_t i = 0;

		while (r && i < r->bios.n && r->bios.v[i] != b)
			i++;
		if (!r || i == r->bios.n)
			continue;
		r->bios.n--;
		memmove(r->bios.v + i, r->bios.v + i + 1, (r->bios.n - i) * sizeof(*r->bios.v));
		forget_if_empty(m, r);
	}
}

struct kt_page_bio *const *kt_page_bios(struct kt_page_map *m, const struct kt_page_file *f,
					uint64_t pos, size_t *ret_n)
{
	struct kt_page_region *r = find(m, f, pos / KT_PAGE_REGION);

	*ret_n = r ? r->bios.n : 0;
	return r ? r->bios.v : NULL;
}
