/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/engine/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/db/db.h"
#include "format/base/array.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/macros.h"
#include "format/base/slab.h"

#define MAX_KINDS 16
#define MAX_ROWS 65536 /* of a waiting group: a larger one is kept in any case */
#define MIN_SWEEP 1024 /* ended groups that may be needed, before they are swept */

struct row {
	struct row *next;
	const struct kt_table *table;
	int64_t cells[]; /* a copy of the row struct, then its texts */
};

struct group;

struct member {
	int64_t id, start_ns;
	struct group *group; /* NULL: decided */
	struct member *next; /* of its group */
	struct kt_link age;  /* in the list of flows that become long if they last, by birth */
	uint32_t holds, watches;
	uint8_t kind;
	bool ages, ended, forgotten, kept, going;
};

/* If the group is kept, that flow's group is kept too. */
struct need {
	struct need *next;
	struct member *of; /* watched */
};

/* The list that an ended group is in. */
enum place { NOWHERE, OVER, NEEDED };

struct group {
	struct member *members, **members_end;
	struct row *rows, **rows_end;
	struct need *needs, **needs_end;
	size_t n_members, n_rows, n_open, n_holds;
	struct kt_link all, needy, place_link;
	enum place place;
	bool is_needed, is_needy, dead, has_first;
	uint8_t first_kind; /* kind of the first flow of the most important kind that has a row */
	int64_t first_id;
	uint64_t mark;
};

struct kind {
	const struct kt_flow_kind *k;
	struct kt_hash members;
	uint64_t n, n_stored;
	unsigned int rank; /* the most important first: programs wait for it */
};

struct kt_keep {
	struct kt_db *db;
	int64_t keep_ns, now_ns;
	uint64_t sample, missed, mark;
	struct kind kinds[MAX_KINDS];
	unsigned int n_kinds;
	struct kt_slab members, groups, needs;
	struct kt_list age, all, needy, over, needed;
	size_t n_needed, sweep_at;
	KT_VEC(struct group *) dead;  /* to be freed at the next tick */
	KT_VEC(struct group *) todo;  /* being kept */
	KT_VEC(struct member *) gone; /* decided, and perhaps no longer asked for */
};

int kt_keep_create(struct kt_db *db, int64_t keep_ns, uint64_t sample, struct kt_keep **ret)
{
	struct kt_keep *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->db = db;
	s->keep_ns = keep_ns;
	s->sample = sample;
	s->now_ns = INT64_MIN;
	s->sweep_at = MIN_SWEEP;
	s->members.size = sizeof(struct member);
	s->groups.size = sizeof(struct group);
	s->needs.size = sizeof(struct need);
	*ret = s;
	return 0;
}

static void free_rows(struct group *g)
{
	struct row *next;

	for (struct row *r = g->rows; r; r = next) {
		next = r->next;
		free(r);
	}
	g->rows = NULL;
}

void kt_keep_destroy(struct kt_keep *s)
{
	if (!s)
		return;
	for (struct group *g = kt_list_first(&s->all, struct group, all); g;
	     g = kt_list_next(g, all))
		free_rows(g);
	for (unsigned int i = 0; i < s->n_kinds; i++)
		kt_hash_finish(&s->kinds[i].members);
	kt_slab_finish(&s->members);
	kt_slab_finish(&s->groups);
	kt_slab_finish(&s->needs);
	kt_vec_finish(&s->dead);
	kt_vec_finish(&s->todo);
	kt_vec_finish(&s->gone);
	free(s);
}

int kt_keep_add_kind(struct kt_keep *s, const struct kt_flow_kind *k)
{
	if (s->n_kinds == MAX_KINDS)
		return -E2BIG;
	s->kinds[s->n_kinds] =
		(struct kind){.k = k, .rank = s->n_kinds + (k->waits_for ? 0 : MAX_KINDS)};
	s->n_kinds++;
	return 0;
}

static struct kind *kind_of(struct kt_keep *s, const struct kt_flow_kind *k)
{
	for (unsigned int i = 0; i < s->n_kinds; i++)
		if (s->kinds[i].k == k)
			return &s->kinds[i];
	return NULL;
}

static struct member *find(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id)
{
	struct kind *kind = kind_of(s, k);

	return kind ? kt_hash_get(&kind->members, id) : NULL;
}

/* ------------------------------------------------------------------ groups */

static void stop_aging(struct kt_keep *s, struct member *m)
{
	if (m->ages)
		kt_list_remove(&s->age, &m->age);
	m->ages = false;
}

/* Perhaps nobody will ask for it any more: checked again at the next tick. */
static int let_go(struct kt_keep *s, struct member *m)
{
	if (m->group || !m->ended || m->holds || m->watches || m->going)
		return 0;
	m->going = true;
	return kt_vec_push(&s->gone, m);
}

static struct kt_list *list_of(struct kt_keep *s, enum place p)
{
	return p == OVER ? &s->over : &s->needed;
}

static void set_place(struct kt_keep *s, struct group *g, enum place p)
{
	if (g->place == p)
		return;
	if (g->place != NOWHERE)
		kt_list_remove(list_of(s, g->place), &g->place_link);
	s->n_needed -= g->place == NEEDED;
	g->place = p;
	if (p != NOWHERE)
		kt_list_append(list_of(s, p), &g->place_link);
	s->n_needed += p == NEEDED;
}

static void place(struct kt_keep *s, struct group *g)
{
	bool goes_on = g->n_open || g->n_holds;

	set_place(s, g, goes_on ? NOWHERE : g->is_needed ? NEEDED : OVER);
}

static void set_needy(struct kt_keep *s, struct group *g, bool needy)
{
	if (g->is_needy == needy)
		return;
	g->is_needy = needy;
	if (needy)
		kt_list_append(&s->needy, &g->needy);
	else
		kt_list_remove(&s->needy, &g->needy);
}

static struct group *new_group(struct kt_keep *s)
{
	struct group *g = kt_slab_get(&s->groups);

	if (!g)
		return NULL;
	g->members_end = &g->members;
	g->rows_end = &g->rows;
	g->needs_end = &g->needs;
	kt_list_append(&s->all, &g->all);
	return g;
}

static int end_group(struct kt_keep *s, struct group *g)
{
	set_place(s, g, NOWHERE);
	set_needy(s, g, false);
	kt_list_remove(&s->all, &g->all);
	g->dead = true;
	return kt_vec_push(&s->dead, g);
}

static void set_first(struct kt_keep *s, struct group *g, uint8_t kind, int64_t id)
{
	unsigned int rank = s->kinds[kind].rank;

	if (g->has_first && (s->kinds[g->first_kind].rank < rank ||
			     (s->kinds[g->first_kind].rank == rank && g->first_id < id)))
		return;
	g->has_first = true;
	g->first_kind = kind;
	g->first_id = id;
}

static int join(struct kt_keep *s, struct group *a, struct group *b)
{
	if (a->n_members < b->n_members) {
		struct group *tmp = a;

		a = b;
		b = tmp;
	}
	for (struct member *m = b->members; m; m = m->next)
		m->group = a;
	*a->members_end = b->members;
	a->members_end = b->members_end;
	if (b->rows) {
		*a->rows_end = b->rows;
		a->rows_end = b->rows_end;
	}
	if (b->needs) {
		*a->needs_end = b->needs;
		a->needs_end = b->needs_end;
	}
	b->rows = NULL;
	b->needs = NULL;
	a->n_members += b->n_members;
	a->n_rows += b->n_rows;
	a->n_open += b->n_open;
	a->n_holds += b->n_holds;
	a->is_needed |= b->is_needed;
	if (b->has_first)
		set_first(s, a, b->first_kind, b->first_id);
	set_needy(s, a, a->needs);
	place(s, a);
	return end_group(s, b);
}

/* ------------------------------------------------------------------ decisions */

static int decide(struct kt_keep *s, struct group *g, bool kept)
{
	struct member *next;
	struct need *next_need;
	int err = 0;

	for (struct member *m = g->members; m && !err; m = next) {
		next = m->next;
		m->group = NULL;
		m->next = NULL;
		m->kept = kept;
		if (kept && m->ended && !m->forgotten)
			s->kinds[m->kind].n_stored++;
		stop_aging(s, m);
		err = let_go(s, m);
	}
	g->members = NULL;
	for (struct need *n = g->needs; n && !err; n = next_need) {
		next_need = n->next;
		if (kept && n->of->group)
			err = kt_vec_push(&s->todo, n->of->group);
		else if (kept && !n->of->kept)
			s->missed++;
		n->of->watches--;
		err = err ? err : let_go(s, n->of);
		kt_slab_put(&s->needs, n);
	}
	g->needs = NULL;
	return err ? err : end_group(s, g);
}

static int write_rows(struct kt_keep *s, struct group *g)
{
	int err = 0;

	for (struct row *r = g->rows; r && !err; r = r->next)
		err = kt_db_insert(s->db, r->table, r->cells);
	free_rows(g);
	return err;
}

static int keep(struct kt_keep *s, struct group *g)
{
	int err = kt_vec_push(&s->todo, g);

	while (s->todo.n && !err) {
		g = s->todo.v[--s->todo.n];
		if (g->dead)
			continue;
		err = write_rows(s, g);
		err = err ? err : decide(s, g, true);
	}
	return err;
}

static int drop(struct kt_keep *s, struct group *g)
{
	free_rows(g);
	return decide(s, g, false);
}

static bool is_sampled(const struct kt_keep *s, const struct group *g)
{
	/* Hashed: ids may follow a pattern in what a program does. */
	return s->sample && g->has_first && (kt_hash_u64(g->first_id) >> 8) % s->sample == 0;
}

/* Groups that live groups may need, and those that they need in turn. */
static int mark_needed(struct kt_keep *s)
{
	struct group *g;

	s->mark++;
	for (g = kt_list_first(&s->needy, struct group, needy); g; g = kt_list_next(g, needy)) {
		if (g->place == NOWHERE && kt_vec_push(&s->todo, g))
			return -ENOMEM;
	}
	while (s->todo.n) {
		g = s->todo.v[--s->todo.n];
		for (struct need *n = g->needs; n; n = n->next) {
			struct group *of = n->of->group;

			if (!of || of->mark == s->mark)
				continue;
			of->mark = s->mark;
			if (of->needs && kt_vec_push(&s->todo, of))
				return -ENOMEM;
		}
	}
	return 0;
}

/* Decides ended groups that no live group needs: all at once, so that groups that need only each other go as well. */
static int sweep(struct kt_keep *s)
{
	KT_VEC(struct group *) over = {0};
	int err = mark_needed(s);

	for (struct group *g = kt_list_first(&s->needed, struct group, place_link); g && !err;
	     g = kt_list_next(g, place_link))
		if (g->mark != s->mark)
			err = kt_vec_push(&over, g);
	for (size_t i = 0; i < over.n && !err; i++)
		if (!over.v[i]->dead && is_sampled(s, over.v[i]))
			err = keep(s, over.v[i]);
	for (size_t i = 0; i < over.n && !err; i++)
		if (!over.v[i]->dead)
			err = drop(s, over.v[i]);
	kt_vec_finish(&over);
	s->sweep_at = KT_MAX(MIN_SWEEP, 2 * s->n_needed);
	return err;
}

static void free_gone(struct kt_keep *s)
{
	for (size_t i = 0; i < s->gone.n; i++) {
		struct member *m = s->gone.v[i];

		m->going = false;
		if (m->holds || m->watches)
			continue;
		kt_hash_del(&s->kinds[m->kind].members, m->id);
		kt_slab_put(&s->members, m);
	}
	s->gone.n = 0;
	for (size_t i = 0; i < s->dead.n; i++)
		kt_slab_put(&s->groups, s->dead.v[i]);
	s->dead.n = 0;
}

int kt_keep_tick(struct kt_keep *s, int64_t now_ns)
{
	struct member *m;
	struct group *g;
	int err = 0;

	s->now_ns = KT_MAX(s->now_ns, now_ns);
	free_gone(s);
	while ((m = kt_list_first(&s->age, struct member, age)) && !err &&
	       s->now_ns - m->start_ns >= s->keep_ns)
		err = keep(s, m->group);
	while ((g = kt_list_first(&s->over, struct group, place_link)) && !err)
		err = is_sampled(s, g) ? keep(s, g) : drop(s, g);
	return err || s->n_needed < s->sweep_at ? err : sweep(s);
}

int kt_keep_finish(struct kt_keep *s)
{
	KT_VEC(struct group *) all = {0};
	int err = 0;

	free_gone(s);
	for (struct group *g = kt_list_first(&s->all, struct group, all); g && !err;
	     g = kt_list_next(g, all))
		err = kt_vec_push(&all, g);
	for (size_t i = 0; i < all.n && !err; i++)
		if (!all.v[i]->dead && is_sampled(s, all.v[i]))
			err = keep(s, all.v[i]);
	for (size_t i = 0; i < all.n && !err; i++)
		if (!all.v[i]->dead)
			err = drop(s, all.v[i]);
	kt_vec_finish(&all);
	return err;
}

/* ------------------------------------------------------------------ flows */

int kt_keep_begin(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, int64_t start_ns,
		  bool until_told)
{
	struct kind *kind = kind_of(s, k);
	struct member *m = kind ? kt_slab_get(&s->members) : NULL;

	if (!m)
		return kind ? -ENOMEM : 0;
	m->id = id;
	m->kind = kind - s->kinds;
	m->start_ns = start_ns == KT_NULL ? s->now_ns : start_ns;
	if (kt_hash_put(&kind->members, id, m))
		return -ENOMEM;
	if (!s->keep_ns) {
		m->kept = true;
		return 0;
	}
	m->group = new_group(s);
	if (!m->group)
		return -ENOMEM;
	m->group->members = m;
	m->group->members_end = &m->next;
	m->group->n_members = m->group->n_open = 1;
	m->ages = until_told;
	if (until_told)
		kt_list_append(&s->age, &m->age);
	return 0;
}

/* The row struct, followed by its texts. */
static struct row *copy_row(const struct kt_table *t, const void *from)
{
	size_t size = 0, room;
	struct row *r;
	char *text;

	for (size_t i = 0; i < t->n_cols; i++)
		size = KT_MAX(size, t->cols[i].offset + sizeof(int64_t));
	room = size;
	for (size_t i = 0; i < t->n_cols; i++) {
		const char *s = NULL;

		if (t->cols[i].type == KT_COL_TEXT)
			memcpy(&s, (const char *)from + t->cols[i].offset, sizeof(s));
		room += s ? strlen(s) + 1 : 0;
	}
	r = malloc(sizeof(*r) + room);
	if (!r)
		return NULL;
	r->next = NULL;
	r->table = t;
	memcpy(r->cells, from, size);
	text = (char *)r->cells + size;
	for (size_t i = 0; i < t->n_cols; i++) {
		char *cell = (char *)r->cells + t->cols[i].offset;
		const char *s = NULL;
		size_t len;

		if (t->cols[i].type == KT_COL_TEXT)
			memcpy(&s, cell, sizeof(s));
		if (!s)
			continue;
		len = strlen(s) + 1;
		memcpy(text, s, len);
		memcpy(cell, &text, sizeof(text));
		text += len;
	}
	return r;
}

int kt_keep_insert(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id,
		   const struct kt_table *t, const void *row)
{
	struct member *m = find(s, k, id);
	struct group *g = m ? m->group : NULL;
	struct row *r;

	s->missed += !m;
	if (!g)
		return !m || m->kept ? kt_db_insert(s->db, t, row) : 0;
	r = copy_row(t, row);
	if (!r)
		return -ENOMEM;
	*g->rows_end = r;
	g->rows_end = &r->next;
	g->n_rows++;
	return g->n_rows > MAX_ROWS ? keep(s, g) : 0;
}

int kt_keep_link(struct kt_keep *s, const struct kt_flow_kind *a, int64_t a_id,
		 const struct kt_flow_kind *b, int64_t b_id)
{
	struct member *x = find(s, a, a_id), *y = find(s, b, b_id);

	if (!x || !y) {
		s->missed++;
		return 0;
	}
	if (x->group && y->group)
		return x->group == y->group ? 0 : join(s, x->group, y->group);
	if (!x->group && !y->group) {
		s->missed += x->kept != y->kept;
		return 0;
	}
	s->missed += !(x->group ? y : x)->kept;
	return keep(s, x->group ? x->group : y->group);
}

int kt_keep_needs(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id,
		  const struct kt_flow_kind *of, int64_t of_id)
{
	struct member *x = find(s, k, id), *y = find(s, of, of_id);
	struct need *n;

	if (!x || !y) {
		s->missed++;
		return 0;
	}
	if (x->group == y->group) {
		s->missed += x->kept && !y->kept;
		return 0;
	}
	if (!x->group)
		return x->kept ? keep(s, y->group) : 0;
	if (!y->group) {
		s->missed += !y->kept;
		return 0;
	}
	n = kt_slab_get(&s->needs);
	if (!n)
		return -ENOMEM;
	n->of = y;
	y->watches++;
	*x->group->needs_end = n;
	x->group->needs_end = &n->next;
	set_needy(s, x->group, true);
	y->group->is_needed = true;
	place(s, y->group);
	return 0;
}

void kt_keep_hold(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, bool hold)
{
	struct member *m = find(s, k, id);

	if (!m) {
		s->missed++;
		return;
	}
	m->holds += hold ? 1 : -1;
	if (m->group) {
		m->group->n_holds += hold ? 1 : -1;
		place(s, m->group);
	} else if (let_go(s, m)) {
		m->going = false; /* it stays until the end */
	}
}

void kt_keep_watch(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, bool watch)
{
	struct member *m = find(s, k, id);

	if (!m) {
		s->missed++;
		return;
	}
	m->watches += watch ? 1 : -1;
	if (let_go(s, m))
		m->going = false;
}

static int over(struct kt_keep *s, struct member *m, bool is_long)
{
	int err = 0;

	m->ended = true;
	stop_aging(s, m);
	if (!m->group) {
		s->kinds[m->kind].n_stored += m->kept && !m->forgotten;
		return let_go(s, m);
	}
	m->group->n_open--;
	if (!m->forgotten)
		set_first(s, m->group, m->kind, m->id);
	place(s, m->group);
	if (is_long)
		err = keep(s, m->group);
	return err;
}

int kt_keep_ended(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, int64_t dur_ns)
{
	struct member *m = find(s, k, id);
	struct kind *kind = kind_of(s, k);

	if (kind)
		kind->n++;
	if (!m || m->ended) {
		s->missed++;
		if (kind)
			kind->n_stored++;
		return 0;
	}
	return over(s, m, dur_ns == KT_NULL || dur_ns >= s->keep_ns);
}

void kt_keep_forget(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id)
{
	struct member *m = find(s, k, id);

	if (!m || m->ended)
		return;
	m->forgotten = true;
	if (over(s, m, false))
		m->going = false;
}

void kt_keep_counts(const struct kt_keep *s, const struct kt_flow_kind *k, uint64_t *ret_all,
		    uint64_t *ret_stored)
{
	*ret_all = *ret_stored = 0;
	for (unsigned int i = 0; i < s->n_kinds; i++) {
		if (s->kinds[i].k != k)
			continue;
		*ret_all = s->kinds[i].n;
		*ret_stored = s->kinds[i].n_stored;
	}
}

uint64_t kt_keep_missed(const struct kt_keep *s)
{
	return s->missed;
}
