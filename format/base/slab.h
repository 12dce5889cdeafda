/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Zeroed objects of one size, taken and given back in any order. Memory grows to the peak number
 * in use and is kept until kt_slab_finish(). Zero with size set is empty.
 */
#ifndef KT_BASE_SLAB_H
#define KT_BASE_SLAB_H

#include <stddef.h>

#include "format/base/array.h"

struct kt_slab {
	size_t size; /* of one object, at least a pointer's */
	void *free;  /* each holds the address of the next */
	KT_VEC(void *) chunks;
};

/* NULL: no memory. */
void *kt_slab_get(struct kt_slab *s);
/* Overwrites the first bytes, a pointer's worth; the others keep their values until the next get. */
void kt_slab_put(struct kt_slab *s, void *p);
void kt_slab_finish(struct kt_slab *s);

#endif
