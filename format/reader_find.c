/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The reader's window into the file, its damage reports, and the search for headers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/reader_internal.h"

#define WINDOW_MIN (64u << 10) /* it grows, so that small files stay cheap */
#define WINDOW (1u << 20)      /* largest amount read at once */
#define DAMAGE_MAX 4096	       /* reports kept; further ones are merged */

/* ---------------------------------------------------------------- the window */

int ktr_reader_fill(struct ktr_reader *r, size_t need)
{
	if (r->len - r->pos >= need)
		return 1;
	if (r->eof)
		return 0;
	if (r->pos) {
		memmove(r->buf, r->buf + r->pos, r->len - r->pos);
		r->base += r->pos;
		r->len -= r->pos;
		r->pos = 0;
	}
	if (need > r->cap || (r->base >= WINDOW && r->cap < WINDOW)) {
		size_t cap = KT_MAX(need, r->base >= WINDOW ? WINDOW : WINDOW_MIN);
		void *p = realloc(r->buf, cap);

		if (!p)
			return -ENOMEM;
		r->buf = p;
		r->cap = cap;
	}
	while (r->len < need && !r->eof) {
		int64_t n = r->read(r->arg, r->buf + r->len, r->cap - r->len);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		r->eof = !n;
		r->len += n;
	}
	return r->len >= need;
}

/* ---------------------------------------------------------------- damage */

int ktr_reader_add_damage(struct ktr_reader *r, struct ktr_damage d, const char *what)
{
	struct ktr_damage *last = r->damage.n ? &r->damage.v[r->damage.n - 1] : NULL;

	d.end_ns = KT_MAX(d.end_ns, d.start_ns);
	if (last && r->damage.n - r->damage_at >= DAMAGE_MAX) {
		last->start_ns = KT_MIN(last->start_ns, d.start_ns);
		last->end_ns = KT_MAX(last->end_ns, d.end_ns);
		last->stream = KTR_NO_STREAM;
		last->n = 0;
		last->len = d.offset + d.len - last->offset;
		if (d.cause == KT_LOSS_TRUNCATED)
			last->cause = d.cause;
		snprintf(last->what, sizeof(last->what), "much is damaged");
		return 0;
	}
	snprintf(d.what, sizeof(d.what), "%s", what);
	return kt_vec_push(&r->damage, d);
}

int ktr_reader_add_gap(struct ktr_reader *r, uint64_t from, uint64_t n, uint64_t cut_ns)
{
	struct ktr_damage d = {
		.cause = KT_LOSS_DAMAGED_BLOCK,
		.stream = KTR_NO_STREAM,
		.start_ns = n ? r->watermark_ns : cut_ns,
		.end_ns = cut_ns,
		.offset = from,
		.len = ktr_reader_at(r) - from,
	};
	char what[sizeof(d.what)];

	if (!n)
		snprintf(what, sizeof(what),
			 from ? "bytes that belong to no block; no block is missing"
			      : "the file header is damaged; no block is missing");
	else if (!d.len)
		snprintf(what, sizeof(what), "%llu blocks are missing here", (unsigned long long)n);
	else
		snprintf(what, sizeof(what), "unreadable bytes instead of %llu blocks",
			 (unsigned long long)n);
	return ktr_reader_add_damage(r, d, what);
}

int ktr_reader_add_bad_block(struct ktr_reader *r, const struct ktr_block_info *b, uint64_t from,
			     size_t len, const char *what)
{
	struct ktr_damage d = {
		.cause = KT_LOSS_DAMAGED_BLOCK,
		.stream = b->stream,
		.start_ns = b->n_events ? b->ts_min_ns : b->cut_ns,
		.end_ns = b->n_events ? b->ts_max_ns : b->cut_ns,
		.n = b->kind == KTR_EVENTS ? b->n_events : 0,
		.offset = from,
		.len = len,
	};

	return ktr_reader_add_damage(r, d, what);
}

int ktr_reader_add_truncated(struct ktr_reader *r, uint64_t from)
{
	struct ktr_damage d = {
		.cause = KT_LOSS_TRUNCATED,
		.stream = KTR_NO_STREAM,
		.start_ns = r->watermark_ns,
		.end_ns = UINT64_MAX,
		.offset = from,
		.len = r->base + r->len - from,
	};

	r->ended = true;
	return ktr_reader_add_damage(
		r, d,
		d.len ? "the file ends inside a block"
		      : "the file ends without its tail: the recorder did not end it");
}

/* ---------------------------------------------------------------- headers */

int ktr_reader_look(struct ktr_reader *r, struct ktr_frame *ret)
{
	const unsigned char *uuid;
	uint32_t magic, size;
	int ok = ktr_reader_fill(r, KTR_FRAME_BYTES + sizeof(struct ktr_disk_tail) + KTR_CRC_BYTES);

	ret->kind = KTR_AT_NONE;
	if (ok <= 0)
		return ok;
	memcpy(&magic, r->buf + r->pos, 4);
	memcpy(&size, r->buf + r->pos + 4, 4);
	if ((magic != KTR_FRAME_BLOCK && magic != KTR_FRAME_TAIL) || size > KTR_HDR_MAX)
		return 0;
	ok = ktr_reader_fill(r, KTR_FRAME_BYTES + size);
	if (ok <= 0)
		return ok;
	ret->len = KTR_FRAME_BYTES + size;
	if (magic == KTR_FRAME_BLOCK) {
		if (ktr_block_get(r->buf + r->pos, ret->len, &ret->block))
			return 0;
		uuid = ret->block.uuid;
	} else {
		if (ktr_tail_get(r->buf + r->pos, ret->len, &ret->tail))
			return 0;
		uuid = ret->tail.uuid;
	}
	if (r->have_uuid && memcmp(r->uuid, uuid, sizeof(r->uuid)))
		return 0;
	ret->kind = magic == KTR_FRAME_BLOCK ? KTR_AT_BLOCK : KTR_AT_TAIL;
	return 0;
}

int ktr_reader_find_header(struct ktr_reader *r, uint64_t max, struct ktr_frame *ret)
{
	/* The magics differ only in their first byte. */
	static const unsigned char common[3] = {0x2a, 0x4d, 0x18};
	uint64_t end = max > UINT64_MAX - ktr_reader_at(r) ? UINT64_MAX : ktr_reader_at(r) + max;
	int ok;

	_Static_assert(KTR_FRAME_BLOCK >> 8 == 0x184d2a && KTR_FRAME_TAIL >> 8 == 0x184d2a,
		       "magics");
	ret->kind = KTR_AT_NONE;
	for (r->pos++; ktr_reader_at(r) < end;) {
		const unsigned char *from, *hit;

		ok = ktr_reader_fill(r, 4);
		if (ok <= 0) {
			r->pos = r->len;
			return ok;
		}
		from = r->buf + r->pos;
		hit = memmem(from + 1, r->len - r->pos - 1, common, sizeof(common));
		if (!hit) {
			r->pos = r->len - sizeof(common);
			continue;
		}
		r->pos = hit - 1 - r->buf;
		ok = ktr_reader_look(r, ret);
		if (ok < 0 || ret->kind != KTR_AT_NONE)
			return ok;
		r->pos++;
	}
	return 0;
}

int ktr_reader_damage(struct ktr_reader *r, struct ktr_damage *ret)
{
	if (r->damage_at == r->damage.n) {
		r->damage_at = r->damage.n = 0;
		return 0;
	}
	*ret = r->damage.v[r->damage_at++];
	return 1;
}
