/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A map from u64 to a pointer: open addressing, linear probing, backward-shift deletion (no tombstones), at most
 * 3/4 full. Zero is empty. Values are not owned and never NULL.
 */
#ifndef KT_BASE_HASH_H
#define KT_BASE_HASH_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct kt_hash_slot {
	uint64_t key;
	void *value; /* NULL: free */
};

struct kt_hash {
	struct kt_hash_slot *slots;
	size_t n;
	size_t mask; /* slots - 1; 0 while empty */
};

static inline uint64_t kt_hash_u64(uint64_t k)
{
	k *= 0x9e3779b97f4a7c15ull;
	return k ^ (k >> 32);
}

/* A key for a text (FNV-1a): two may share one. seed: tells texts of several kinds apart. */
static inline uint64_t kt_hash_text(uint64_t seed, const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull + seed;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

static inline struct kt_hash_slot *kt_hash_slot_(const struct kt_hash *h, uint64_t key)
{
	size_t i = kt_hash_u64(key) & h->mask;

	while (h->slots[i].value && h->slots[i].key != key)
		i = (i + 1) & h->mask;
	return &h->slots[i];
}

/* NULL: no such key. */
static inline void *kt_hash_get(const struct kt_hash *h, uint64_t key)
{
	return h->slots ? kt_hash_slot_(h, key)->value : NULL;
}

static inline int kt_hash_grow_(struct kt_hash *h)
{
	size_t slots = h->slots ? (h->mask + 1) * 2 : 64;
	struct kt_hash bigger = {calloc(slots, sizeof(*h->slots)), h->n, slots - 1};

	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; h->slots && i <= h->mask; i++)
		if (h->slots[i].value)
			*kt_hash_slot_(&bigger, h->slots[i].key) = h->slots[i];
	free(h->slots);
	*h = bigger;
	return 0;
}

/* Sets or replaces. 0 or -ENOMEM. */
static inline int kt_hash_put(struct kt_hash *h, uint64_t key, void *value)
{
	struct kt_hash_slot *s;

	if (!h->slots || h->n * 4 >= (h->mask + 1) * 3) {
		int err = kt_hash_grow_(h);

		if (err)
			return err;
	}
	s = kt_hash_slot_(h, key);
	if (!s->value)
		h->n++;
	s->key = key;
	s->value = value;
	return 0;
}

/* Removes the key and returns its value; NULL: no such key. */
static inline void *kt_hash_del(struct kt_hash *h, uint64_t key)
{
	struct kt_hash_slot *s;
	void *value;
	size_t i, j;

	if (!h->slots)
		return NULL;
	s = kt_hash_slot_(h, key);
	value = s->value;
	if (!value)
		return NULL;
	h->n--;
	i = s - h->slots;
	for (j = (i + 1) & h->mask; h->slots[j].value; j = (j + 1) & h->mask) {
		size_t home = kt_hash_u64(h->slots[j].key) & h->mask;

		if (((j - home) & h->mask) >= ((j - i) & h->mask)) {
			h->slots[i] = h->slots[j];
			i = j;
		}
	}
	h->slots[i].value = NULL;
	return value;
}

static inline void kt_hash_finish(struct kt_hash *h)
{
	free(h->slots);
	*h = (struct kt_hash){0};
}

#endif
