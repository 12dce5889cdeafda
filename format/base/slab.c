// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "format/base/slab.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"

#define CHUNK 256 /* objects */

void *kt_slab_get(struct kt_slab *s)
{
	void *p = s->free;

	if (kt_unlikely(!p)) {
		char *chunk = calloc(CHUNK, s->size);

		if (!chunk)
			return NULL;
		if (kt_vec_push(&s->chunks, chunk)) {
			free(chunk);
			return NULL;
		}
		for (size_t i = CHUNK; i-- > 0;)
			kt_slab_put(s, chunk + i * s->size);
		p = s->free;
	}
	memcpy(&s->free, p, sizeof(s->free));
	memset(p, 0, s->size);
	return p;
}

void kt_slab_put(struct kt_slab *s, void *p)
{
	memcpy(p, &s->free, sizeof(s->free));
	s->free = p;
}

void kt_slab_finish(struct kt_slab *s)
{
	for (size_t i = 0; i < s->chunks.n; i++)
		free(s->chunks.v[i]);
	kt_vec_finish(&s->chunks);
	s->free = NULL;
}
