// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/core/core.h"

#include <stdlib.h>

struct kt_core_run *kt_core_run(struct kt_core *c, uint32_t run)
{
	while (c->runs.n <= run) {
		struct kt_core_run *r = calloc(1, sizeof(*r));

		if (!r || kt_vec_push(&c->runs, r)) {
			free(r);
			return NULL;
		}
		r->run = c->runs.n - 1;
	}
	return c->runs.v[run];
}
