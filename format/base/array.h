/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Growing arrays: KT_VEC(type) declares the struct; zero is empty. kt_vec_push() gives 0 or -ENOMEM. Elements move when
 * the array grows; kt_vec_finish() frees and leaves it empty.
 */
#ifndef KT_BASE_ARRAY_H
#define KT_BASE_ARRAY_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Anonymous struct type with the members v, n (used) and cap (allocated). */
#define KT_VEC(type)           \
	struct {               \
		type *v;       \
		size_t n, cap; \
	}

static inline int kt_vec_grow_(void **v, size_t *cap, size_t need, size_t size)
{
	size_t c = *cap ? *cap : 16;
	void *p;

	while (c < need) {
		if (c > SIZE_MAX / 2)
			return -ENOMEM;
		c *= 2;
	}
	if (c > SIZE_MAX / size)
		return -ENOMEM;
	p = realloc(*v, c * size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = c;
	return 0;
}

/* Room for at least `need` elements in all. */
#define kt_vec_reserve(a, need) \
	((need) <= (a)->cap ? 0 \
			    : kt_vec_grow_((void **)&(a)->v, &(a)->cap, (need), sizeof(*(a)->v)))

#define kt_vec_push(a, x) (kt_vec_reserve(a, (a)->n + 1) ? -ENOMEM : ((a)->v[(a)->n++] = (x), 0))

/* Of a KT_VEC(struct x *): zeroed memory number i; made, with those before it, when it is first asked for. NULL: no memory. */
#define kt_vec_zeroed(a, i)                                          \
	({                                                           \
		while ((a)->n <= (i)) {                              \
			void *kt_new_ = calloc(1, sizeof(**(a)->v)); \
                                                                     \
			if (!kt_new_ || kt_vec_push(a, kt_new_)) {   \
				free(kt_new_);                       \
				break;                               \
			}                                            \
		}                                                    \
		(a)->n > (i) ? (a)->v[i] : NULL;                     \
	})

#define kt_vec_finish(a) (free((a)->v), (a)->v = NULL, (a)->n = 0, (a)->cap = 0)

#endif
