/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Entries found by a key of several words: each entry is a struct that begins with its key, a struct of 8-byte members
 * without padding. Entries are contiguous, in the order in which they were made; they move when the table grows.
 */
#ifndef KT_ANALYZE_BASE_KEYED_H
#define KT_ANALYZE_BASE_KEYED_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct kt_keyed {
	size_t key_size, entry_size;
	char *entries;
	size_t n, cap;
	uint32_t *index; /* number of an entry + 1; 0: free; at most half full */
	size_t mask;
};

static inline void kt_keyed_init(struct kt_keyed *t, size_t key_size, size_t entry_size)
{
	assert(key_size % 8 == 0);
	*t = (struct kt_keyed){.key_size = key_size, .entry_size = entry_size};
}

static inline void kt_keyed_finish(struct kt_keyed *t)
{
	free(t->entries);
	free(t->index);
	*t = (struct kt_keyed){0};
}

static inline void *kt_keyed_at(const struct kt_keyed *t, size_t i)
{
	return t->entries + i * t->entry_size;
}

/* Empties it and keeps its memory. */
static inline void kt_keyed_clear(struct kt_keyed *t)
{
	if (t->n)
		memset(t->index, 0, (t->mask + 1) * sizeof(*t->index));
	t->n = 0;
}

/* Keys are a few words: calling memcmp() would cost more. */
static inline bool kt_keyed_same_(const struct kt_keyed *t, const char *a, const char *b)
{
	for (size_t at = 0; at < t->key_size; at += 8) {
		uint64_t x, y;

		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		if (x != y)
			return false;
	}
	return true;
}

static inline uint32_t *kt_keyed_slot_(const struct kt_keyed *t, const void *key)
{
	uint64_t h = 0, word;
	size_t i;

	for (size_t at = 0; at < t->key_size; at += 8) {
		memcpy(&word, (const char *)key + at, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	}
	h ^= h >> 32;
	for (i = h & t->mask; t->index[i]; i = (i + 1) & t->mask)
		if (kt_keyed_same_(t, kt_keyed_at(t, t->index[i] - 1), key))
			break;
	return &t->index[i];
}

static inline int kt_keyed_grow_(struct kt_keyed *t)
{
	size_t cap = t->cap ? t->cap * 2 : 32;
	char *entries = cap < UINT32_MAX / 4 ? realloc(t->entries, cap * t->entry_size) : NULL;
	uint32_t *index;

	if (!entries)
		return -1;
	t->entries = entries;
	index = calloc(cap * 2, sizeof(*index));
	if (!index)
		return -1;
	free(t->index);
	t->index = index;
	t->cap = cap;
	t->mask = cap * 2 - 1;
	for (size_t i = 0; i < t->n; i++)
		*kt_keyed_slot_(t, kt_keyed_at(t, i)) = i + 1;
	return 0;
}

/* The entry of that key; created, with zeroes after the key, if there was none. NULL: no memory. */
static inline void *kt_keyed_get(struct kt_keyed *t, const void *key)
{
	uint32_t *slot = t->index ? kt_keyed_slot_(t, key) : NULL;
	char *x;

	if (slot && *slot)
		return kt_keyed_at(t, *slot - 1);
	if (t->n == t->cap) {
		if (kt_keyed_grow_(t))
			return NULL;
		slot = kt_keyed_slot_(t, key);
	}
	x = kt_keyed_at(t, t->n);
	memcpy(x, key, t->key_size);
	memset(x + t->key_size, 0, t->entry_size - t->key_size);
	*slot = ++t->n;
	return x;
}

#endif
