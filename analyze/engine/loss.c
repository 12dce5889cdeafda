/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "analyze/engine/loss.h"
#include "format/base/macros.h"

int kt_loss_add(struct kt_loss_set *s, int64_t start_ns, int64_t end_ns)
{
	struct kt_loss_span x = {start_ns, KT_MAX(start_ns, end_ns), 0};
	size_t at;

	if (kt_vec_push(&s->spans, x))
		return -ENOMEM;
	for (at = s->spans.n - 1; at && s->spans.v[at - 1].start_ns > start_ns; at--)
		s->spans.v[at] = s->spans.v[at - 1];
	s->spans.v[at] = x;
	for (; at < s->spans.n; at++) {
		struct kt_loss_span *p = &s->spans.v[at];

		p->max_end_ns = at ? KT_MAX(p->end_ns, p[-1].max_end_ns) : p->end_ns;
	}
	return 0;
}

bool kt_loss_overlaps(const struct kt_loss_set *s, int64_t start_ns, int64_t end_ns)
{
	size_t lo = 0, hi = s->spans.n; /* number that begin at or before the end */

	/* The usual case: nothing was lost, or nothing that late. */
	if (!hi || s->spans.v[hi - 1].max_end_ns < start_ns)
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->spans.v[mid].start_ns <= end_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && s->spans.v[lo - 1].max_end_ns >= start_ns;
}

void kt_loss_finish(struct kt_loss_set *s)
{
	kt_vec_finish(&s->spans);
}
