/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Doubly linked lists whose links lie in the objects: they need no memory, and an object is taken
 * out without a walk. It may be in several lists, with a struct kt_link for each:
 *
 *	struct kt_bio {
 *		...
 *		struct kt_link age;
 *	};
 *
 *	kt_list_append(&s->bios, &b->age);
 *	for (b = kt_list_first(&s->bios, struct kt_bio, age); b; b = kt_list_next(b, age))
 *		...
 *
 * Zero is an empty list. The ends are NULL, so that a list may be moved. A link does not know
 * whether it is in a list, and in which: the caller does.
 */
#ifndef KT_BASE_LIST_H
#define KT_BASE_LIST_H

#include <stddef.h>

struct kt_link {
	struct kt_link *prev, *next;
};

struct kt_list {
	struct kt_link *first, *last;
};

static inline void *kt_list_object_(const struct kt_link *k, size_t offset)
{
	return k ? (char *)k - offset : NULL;
}

/* The object at an end, of the given type; NULL: the list is empty. */
#define kt_list_first(list, type, member) \
	((type *)kt_list_object_((list)->first, offsetof(type, member)))
#define kt_list_last(list, type, member) \
	((type *)kt_list_object_((list)->last, offsetof(type, member)))

/* The object's neighbour; NULL: there is none. Ask before it is taken out. */
#define kt_list_next(object, member)                                \
	((__typeof__(object))kt_list_object_((object)->member.next, \
					     offsetof(__typeof__(*(object)), member)))
#define kt_list_prev(object, member)                                \
	((__typeof__(object))kt_list_object_((object)->member.prev, \
					     offsetof(__typeof__(*(object)), member)))

static inline void kt_list_append(struct kt_list *l, struct kt_link *k)
{
	k->prev = l->last;
	k->next = NULL;
	*(l->last ? &l->last->next : &l->first) = k;
	l->last = k;
}

/* It must be in this list. */
static inline void kt_list_remove(struct kt_list *l, struct kt_link *k)
{
	*(k->prev ? &k->prev->next : &l->first) = k->next;
	*(k->next ? &k->next->prev : &l->last) = k->prev;
	k->prev = k->next = NULL;
}

#endif
