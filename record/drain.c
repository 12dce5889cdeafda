// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/macros.h"
#include "record/clocks.h"
#include "record/drain.h"
#include "record/order.h"
#include "record/ring.h"

#define SLACK (KT_RING_SLACK + KT_N_LOSS * sizeof(struct kt_lost)) /* of a buffer, for losses */
#define SLICE_BYTES \
	(KT_BLOCK_BYTES + KT_BLOCK_BYTES / 2) /* a burst is cut into blocks of at most this */
#define END_TRIES \
	100 /* of 10 ms: how long a record may stay busy after recording was switched off */

struct stream {
	struct kt_ring *ring; /* the session's */
	struct kt_cpu_stat *stat;
	uint64_t target_pos, target_ns; /* done to target_ns once all before target_pos is taken */
	uint64_t done_ns;
	uint64_t loss_taken_ns; /* a time before losses were last taken over */

	struct kt_buf *buf; /* NULL: nothing pending */
	size_t len;	    /* bytes of events in buf */
	size_t safe;	    /* of them, from the start: sorted and before W */
	uint64_t safe_ns;   /* time stamp of the last safe event */
	uint64_t max_ns;    /* latest time stamp in buf */
	uint32_t n, n_safe; /* events in buf; safe ones */
	bool unsorted;	    /* behind safe */

	uint64_t seq, emitted;
	uint64_t lost[KT_N_LOSS];
};

struct kt_drain {
	struct kt_compress *compress;
	struct kt_order order;
	struct kt_drain_stats stats;
	uint64_t w_ns;	     /* W of the last cycle */
	uint64_t end_ns;     /* of recording; UINT64_MAX while it is on */
	uint64_t written_ns; /* greatest watermark given out */
	size_t ring_bytes;   /* of one ring */
	uint32_t n_streams;
	struct stream streams[];
};

size_t kt_drain_bufs(const struct kt_session *s)
{
	/* One being filled by each stream, as many on their way, one to move into. */
	return 2 * s->n_cpus + 4;
}

/*
 * All that a ring may hold fits behind a block: so a target can be reached whatever waits for W, and W never waits for
 * room.
 */
size_t kt_drain_buf_bytes(const struct kt_session *s)
{
	return 2 * KT_BLOCK_BYTES + s->ring_bytes;
}

int kt_drain_create(struct kt_session *s, struct kt_drain **ret)
{
	struct kt_drain *d = calloc(1, sizeof(*d) + s->n_cpus * sizeof(d->streams[0]));
	int err;

	if (!d)
		return -ENOMEM;
	d->n_streams = s->n_cpus;
	d->ring_bytes = s->ring_bytes;
	for (uint32_t i = 0; i < s->n_cpus; i++) {
		d->streams[i].ring = kt_session_ring(s, i);
		d->streams[i].stat = &s->stats[i];
	}
	err = kt_order_init(&d->order, kt_drain_buf_bytes(s) + SLACK);
	if (err) {
		kt_drain_destroy(d);
		return err;
	}
	*ret = d;
	return 0;
}

void kt_drain_destroy(struct kt_drain *d)
{
	if (!d)
		return;
	kt_order_finish(&d->order);
	free(d);
}

void kt_drain_start(struct kt_drain *d, struct kt_compress *c, uint64_t start_ns)
{
	d->compress = c;
	d->end_ns = UINT64_MAX;
	d->w_ns = start_ns;
	for (uint32_t i = 0; i < d->n_streams; i++)
		d->streams[i].done_ns = d->streams[i].loss_taken_ns = start_ns;
}

const struct kt_drain_stats *kt_drain_stats(const struct kt_drain *d)
{
	return &d->stats;
}

uint64_t kt_drain_watermark(const struct kt_drain *d)
{
	return d->written_ns;
}

static uint64_t first_ns(const struct stream *s)
{
	return ((const struct kt_event *)s->buf->data)->ts_ns;
}

static void ensure_buf(struct kt_drain *d, struct stream *s)
{
	if (!s->buf)
		s->buf = kt_compress_buf(d->compress);
}

/* Takes what is there up to the target. False: not all of it. */
static bool take(struct kt_drain *d, struct stream *s)
{
	struct kt_ring_batch b = {.max_ns = s->max_ns};

	if (s->ring->taken == s->target_pos)
		return true;
	ensure_buf(d, s);
	kt_ring_copy(s->ring, d->ring_bytes, s->target_pos, s->buf->data + s->len,
		     s->buf->cap - s->len - SLACK, &b);
	s->len += b.bytes;
	s->buf->used = KT_MAX(s->buf->used, s->len);
	s->n += b.n;
	s->max_ns = b.max_ns;
	s->unsorted |= b.unsorted;
	d->stats.events += b.n;
	return !b.busy && !b.full;
}

/* True: more can be taken at once. */
static bool take_ring(struct kt_drain *d, struct stream *s, uint64_t now_ns, unsigned int *fill)
{
	uint64_t backlog = kt_ring_reserved(s->ring) - s->ring->taken;

	*fill = KT_MAX(*fill, (unsigned int)(backlog * 1024 / d->ring_bytes));
	/* An unfinished target comes first: what lies behind it might not fit. */
	if (!take(d, s))
		return s->buf->cap - s->len < KT_BLOCK_BYTES;
	s->done_ns = KT_MAX(s->done_ns, s->target_ns);
	s->target_ns = now_ns;
	s->target_pos = kt_ring_reserved(s->ring);
	if (!take(d, s))
		return s->buf->cap - s->len < KT_BLOCK_BYTES;
	s->done_ns = now_ns;
	return false;
}

static void add_lost(struct kt_drain *d, struct stream *s, uint32_t cause, uint64_t n,
		     uint64_t begin_ns, uint64_t end_ns)
{
	struct kt_lost ev = {
		.ts_ns = begin_ns,
		.id = KT_EV_lost,
		.len = sizeof(ev),
		.cause = cause,
		.end_ns = end_ns,
		.n = n,
	};
	bool first = true;

	ensure_buf(d, s);
	memcpy(s->buf->data + s->len, &ev, sizeof(ev));
	s->len += sizeof(ev);
	s->n++;
	s->unsorted |= begin_ns <= s->max_ns;
	s->max_ns = KT_MAX(s->max_ns, begin_ns);
	d->stats.events++;

	for (int i = 0; i < KT_N_LOSS; i++)
		first &= !s->lost[i];
	d->stats.lost_cpus += first;
	s->lost[cause] += n;
	d->stats.lost[cause] += n;
	if (!d->stats.lost_first_ns || begin_ns < d->stats.lost_first_ns)
		d->stats.lost_first_ns = begin_ns;
	d->stats.lost_last_ns = KT_MAX(d->stats.lost_last_ns, end_ns);
}

/*
 * The interval begins with the first loss where the program left its time, at the latest taking-over where not,
 * never before W: what is before W may be written already.
 */
static void take_losses(struct kt_drain *d, struct stream *s, uint64_t now_ns)
{
	uint64_t n[KT_N_LOSS] = {0}, begin, end, any = 0;

	for (int i = 1; i < KT_N_LOSS; i++)
		if (__atomic_load_n(&s->stat->pending_n[i], __ATOMIC_RELAXED))
			any |= n[i] =
				__atomic_exchange_n(&s->stat->pending_n[i], 0, __ATOMIC_SEQ_CST);
	if (any) {
		begin = __atomic_exchange_n(&s->stat->first_ns, 0, __ATOMIC_SEQ_CST);
		begin = KT_MAX(begin ? begin : s->loss_taken_ns, d->w_ns);
		end = KT_MAX(begin, KT_MIN(kt_now_ns(), d->end_ns));
		for (int i = 1; i < KT_N_LOSS; i++)
			if (n[i])
				add_lost(d, s, i, n[i], begin, end);
	}
	s->loss_taken_ns = now_ns;
}

/* Sorts what came and moves `safe` up to W. */
static void settle(struct kt_drain *d, struct stream *s)
{
	size_t off = s->safe;

	if (s->unsorted)
		kt_order_sort(&d->order, s->buf->data + off, s->len - off);
	s->unsorted = false;
	while (off < s->len) {
		const struct kt_event *ev = (const void *)(s->buf->data + off);

		if (ev->ts_ns >= d->w_ns)
			break;
		s->safe_ns = ev->ts_ns;
		s->n_safe++;
		off += ev->len;
	}
	s->safe = off;
}

/* No event before this is still to be written, but for those of stream s. */
static uint64_t others_watermark(const struct kt_drain *d, const struct stream *s)
{
	uint64_t w = d->w_ns;

	for (uint32_t i = 0; i < d->n_streams; i++)
		if (&d->streams[i] != s && d->streams[i].buf && d->streams[i].len)
			w = KT_MIN(w, first_ns(&d->streams[i]));
	return w;
}

/* Hands over bytes [off, off + len) of buf, next_ns: the first event of this stream behind them. */
static void put_block(struct kt_drain *d, struct stream *s, struct kt_buf *buf, size_t off,
		      size_t len, uint32_t n, uint64_t max_ns, uint64_t watermark_ns, bool last)
{
	struct kt_item it = {
		.info =
			{
				.kind = KTR_EVENTS,
				.stream = s - d->streams,
				.stream_seq = s->seq++,
				.ts_min_ns = ((const struct kt_event *)(buf->data + off))->ts_ns,
				.ts_max_ns = max_ns,
				.watermark_ns = watermark_ns,
				.cut_ns = kt_now_ns(),
				.n_events = n,
				.raw_len = len,
			},
		.data = buf->data + off,
		.release = last ? buf : NULL,
	};

	s->emitted += n;
	it.info.emitted = s->emitted;
	memcpy(it.info.lost, s->lost, sizeof(s->lost));
	assert(it.info.ts_min_ns >= d->written_ns);
	assert(watermark_ns >= d->written_ns);
	d->written_ns = watermark_ns;
	kt_compress_put(d->compress, &it);
}

/* Makes blocks of the safe events of a stream; what is held back moves to another buffer. */
static void cut(struct kt_drain *d, struct stream *s)
{
	struct kt_buf *buf = s->buf;
	size_t end = s->safe, tail = s->len - end, off = 0;
	uint64_t others = others_watermark(d, s), next;

	if (!end)
		return;
	s->buf = NULL;
	if (tail) {
		s->buf = kt_compress_buf(d->compress);
		memcpy(s->buf->data, buf->data + end, tail);
		s->buf->used = KT_MAX(s->buf->used, tail);
	}
	next = tail ? first_ns(s) : d->w_ns;
	while (end - off > SLICE_BYTES) {
		size_t from = off;
		const struct kt_event *ev;
		uint64_t max_ns = 0;
		uint32_t n = 0;

		for (; off - from < KT_BLOCK_BYTES; off += ev->len, n++) {
			ev = (const void *)(buf->data + off);
			max_ns = ev->ts_ns;
		}
		ev = (const void *)(buf->data + off);
		put_block(d, s, buf, from, off - from, n, max_ns, KT_MIN(others, ev->ts_ns), false);
		s->n -= n;
		s->n_safe -= n;
	}
	put_block(d, s, buf, off, end - off, s->n_safe, s->safe_ns, KT_MIN(others, next), true);
	s->n -= s->n_safe;
	s->n_safe = 0;
	s->len = tail;
	s->safe = 0;
	if (!tail)
		s->max_ns = 0;
}

unsigned int kt_drain_cycle(struct kt_drain *d)
{
	uint64_t now_ns = kt_now_ns(), w = UINT64_MAX;
	unsigned int fill = 0;
	bool more = false;

	for (uint32_t i = 0; i < d->n_streams; i++) {
		struct stream *s = &d->streams[i];

		more |= take_ring(d, s, now_ns, &fill);
		take_losses(d, s, now_ns);
		w = KT_MIN(w, s->done_ns);
	}
	d->w_ns = w;
	for (uint32_t i = 0; i < d->n_streams; i++)
		if (d->streams[i].buf)
			settle(d, &d->streams[i]);
	for (uint32_t i = 0; i < d->n_streams; i++) {
		struct stream *s = &d->streams[i];

		if (s->safe >= KT_BLOCK_BYTES || (s->safe && first_ns(s) + KT_BLOCK_NS <= now_ns))
			cut(d, s);
	}
	return more ? 1024 : fill;
}

void kt_drain_end(struct kt_drain *d, uint64_t end_ns)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	bool empty = false;

	d->end_ns = end_ns;
	/* Programs that had begun may still be writing: another CPU needs a moment to see the switch. */
	for (int i = 0; i < END_TRIES && !empty; i++) {
		nanosleep(&pause, NULL);
		kt_drain_cycle(d);
		empty = true;
		for (uint32_t k = 0; k < d->n_streams; k++) {
			const struct kt_ring *r = d->streams[k].ring;

			empty &= kt_ring_reserved(r) == r->taken;
		}
	}
	d->w_ns = kt_now_ns();
	for (uint32_t i = 0; i < d->n_streams; i++)
		if (d->streams[i].buf)
			settle(d, &d->streams[i]);
	for (uint32_t i = 0; i < d->n_streams; i++)
		cut(d, &d->streams[i]);
}
