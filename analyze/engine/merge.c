/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>

#include "analyze/engine/merge.h"
#include "format/base/macros.h"

static inline bool before(const struct kt_stream *a, const struct kt_stream *b)
{
	if (a->t_ns != b->t_ns)
		return a->t_ns < b->t_ns;
	if (kt_unlikely(a->is_loss != b->is_loss))
		return a->is_loss;
	return a->run != b->run ? a->run < b->run : a->stream < b->stream;
}

static void sift_up(struct kt_merge *m, size_t i)
{
	struct kt_stream *s = m->heap.v[i];

	for (; i && before(s, m->heap.v[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap.v[i] = m->heap.v[(i - 1) / 2];
	m->heap.v[i] = s;
}

static void sift_down(struct kt_merge *m)
{
	struct kt_stream **v = m->heap.v, *s = v[0];
	size_t i = 0, n = m->heap.n;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c + 1 < n && before(v[c + 1], v[c]))
			c++;
		if (c >= n || !before(v[c], s))
			break;
		v[i] = v[c];
		i = c;
	}
	v[i] = s;
}

static inline void set_time(struct kt_stream *s)
{
	const struct kt_event *ev = kt_stream_event(s);

	s->t_ns = kt_stream_line(s, ev->ts_ns);
	s->is_loss = ev->id == KT_EV_lost;
}

void kt_merge_finish(struct kt_merge *m)
{
	for (size_t i = 0; i < m->heap.n; i++) {
		struct kt_stream *s = m->heap.v[i];

		while (s->item) {
			struct kt_item *item = s->item;

			s->item = item->next;
			kt_item_destroy(item);
		}
	}
	kt_vec_finish(&m->heap);
}

int kt_merge_add(struct kt_merge *m, struct kt_stream *s, struct kt_item *item)
{
	item->next = NULL;
	if (s->item) {
		*s->tail = item;
	} else {
		if (kt_vec_push(&m->heap, s)) {
			kt_item_destroy(item);
			return -ENOMEM;
		}
		s->item = item;
		s->at = 0;
		set_time(s);
		sift_up(m, m->heap.n - 1);
	}
	s->tail = &item->next;
	m->held_bytes += item->info.raw_len;
	return 0;
}

void kt_merge_step(struct kt_merge *m)
{
	struct kt_stream *s = m->heap.v[0];
	struct kt_item *item = s->item;

	s->at += kt_stream_event(s)->len;
	if (s->at >= item->info.raw_len) {
		s->item = item->next;
		s->at = 0;
		m->held_bytes -= item->info.raw_len;
		kt_item_destroy(item);
		if (!s->item) {
			m->heap.v[0] = m->heap.v[--m->heap.n];
			if (m->heap.n)
				sift_down(m);
			return;
		}
	}
	set_time(s);
	sift_down(m);
}
