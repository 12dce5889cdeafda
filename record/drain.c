// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "record/clocks.h"
#include "record/drain.h"
#include "record/order.h"
#include "record/ring.h"

/*
 * Part of a buffer not used for copied events: room for losses, those of one step of W and those of the end, and for what a copy may
 * write past its end.
 */
#define LOSSES (KT_N_LOSS * sizeof(struct kt_lost))
#define SLACK (2 * LOSSES + KT_RING_SLACK)
/* A burst is cut into blocks of at most this size. */
#define SLICE_BYTES (KT_BLOCK_BYTES + KT_BLOCK_BYTES / 2)
/* Times 10 ms: how long a record may stay busy after recording was switched off. */
#define END_TRIES 100
/*
 * A target is used only if its position was read this soon after its time. Events written in between are later than the
 * target and must wait in the buffer: a thread that loses its CPU right there would find a ring full of them.
 */
#define TARGET_NS 100000ull
#define TARGET_TRIES 8

struct stream {
	struct kt_ring *ring; /* the session's */
	struct kt_cpu_stat *stat;
	uint64_t target_pos, target_ns; /* done to target_ns once all before target_pos was taken */
	uint64_t done_ns;
	uint64_t loss_taken_ns; /* a time before losses were last taken over */
	/*
	 * Losses that begin at or after W, one per cause (n 0: none): they become events once W has passed their
	 * beginning. Not in buf: while W does not move they add up here and need no room.
	 */
	struct kt_lost held[KT_N_LOSS];

	struct kt_buf *buf; /* from the start to the end */
	size_t len;	    /* bytes of events in buf */
	size_t safe;	    /* of these, from the start: sorted and before W */
	uint64_t safe_ns;   /* time stamp of the last safe event */
	uint64_t max_ns;    /* latest time stamp in buf */
	uint32_t n, n_safe; /* events in buf; safe ones */
	bool unsorted;	    /* behind safe */
	bool full;	    /* the target was not reached: no room */

	uint64_t seq, emitted;
	uint64_t lost[KT_N_LOSS];
};

struct kt_drain {
	struct kt_session *session;
	struct kt_compress *compress;
	struct kt_order order;
	struct kt_drain_stats stats;
	uint64_t w_ns;	     /* W of the last cycle */
	uint64_t end_ns;     /* of recording; UINT64_MAX while it is on */
	uint64_t written_ns; /* greatest watermark written */
	size_t ring_bytes;   /* of one ring */
	uint32_t n_streams;
	struct stream streams[];
};

size_t kt_drain_bufs(const struct kt_session *s)
{
	/* One being filled by each stream, as many in flight, and one to move to. */
	return 2 * s->n_cpus + 4;
}

/*
 * Everything in a ring fits after a block: so a target can be reached whatever waits for W, and W never waits for
 * room.
 */
size_t kt_drain_buf_bytes(const struct kt_session *s)
{
	return KT_ALIGN_UP(2 * KT_BLOCK_BYTES + SLACK + s->ring_bytes,
			   (size_t)sysconf(_SC_PAGESIZE));
}

int kt_drain_create(struct kt_session *s, struct kt_drain **ret)
{
	struct kt_drain *d = calloc(1, sizeof(*d) + s->n_cpus * sizeof(d->streams[0]));
	int err;

	if (!d)
		return -ENOMEM;
	d->session = s;
	d->n_streams = s->n_cpus;
	d->ring_bytes = s->ring_bytes;
	for (uint32_t i = 0; i < s->n_cpus; i++) {
		d->streams[i].ring = kt_session_ring(s, i);
		d->streams[i].stat = &s->stats[i];
	}
	err = kt_order_init(&d->order, kt_drain_buf_bytes(s));
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
	for (uint32_t i = 0; i < d->n_streams; i++) {
		d->streams[i].done_ns = d->streams[i].loss_taken_ns = start_ns;
		d->streams[i].target_ns = start_ns;
		d->streams[i].target_pos = d->streams[i].ring->taken;
		d->streams[i].buf = kt_compress_buf(c);
		assert(d->streams[i].buf); /* kt_drain_bufs() is more than the number of streams */
	}
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

/* Bytes of events that still fit in buf. */
static size_t room_left(const struct stream *s)
{
	size_t used = s->len + SLACK;

	return s->buf->cap > used ? s->buf->cap - used : 0;
}

/* Takes everything up to the target. False: not all of it. */
static bool take_records(struct kt_drain *d, struct stream *s)
{
	struct kt_ring_batch b = {.max_ns = s->max_ns};

	if (s->ring->taken == s->target_pos)
		return true;
	kt_ring_copy(s->ring, d->ring_bytes, s->target_pos, s->buf->data + s->len, room_left(s),
		     &b);
	s->len += b.bytes;
	s->buf->used = KT_MAX(s->buf->used, s->len);
	s->n += b.n;
	s->max_ns = b.max_ns;
	s->unsorted |= b.unsorted;
	d->stats.events += b.n;
	s->full = b.full;
	return !b.busy && !b.full;
}

static bool set_target(struct stream *s)
{
	for (int i = 0; i < TARGET_TRIES; i++) {
		uint64_t before = kt_now_ns(), pos = kt_ring_reserved(s->ring);

		if (kt_now_ns() - before > TARGET_NS)
			continue;
		s->target_ns = before;
		s->target_pos = pos;
		return true;
	}
	return false;
}

/* True: more can be taken at once. */
static bool take_ring(struct kt_drain *d, struct stream *s, unsigned int *fill)
{
	uint64_t backlog = kt_ring_reserved(s->ring) - s->ring->taken;

	*fill = KT_MAX(*fill, (unsigned int)(backlog * 1024 / d->ring_bytes));
	/* Losses may have taken all room: while done_ns does not move, no more events become safe. */
	if (s->len + SLACK > s->buf->cap)
		return true;
	/* An unfinished target comes first: what is after it might not fit. */
	if (take_records(d, s)) {
		s->done_ns = KT_MAX(s->done_ns, s->target_ns);
		if (!set_target(s))
			return true;
		if (take_records(d, s)) {
			s->done_ns = s->target_ns;
			return false;
		}
	}
	return room_left(s) < KT_BLOCK_BYTES;
}

static void count_lost(struct kt_drain *d, struct stream *s, uint32_t cause, uint64_t n,
		       uint64_t begin_ns, uint64_t end_ns)
{
	bool first = true;

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
 * The interval begins at the first loss if the program stored its time, otherwise at the last collection,
 * but never before W: what is before W may already be written.
 */
static void take_losses(struct kt_drain *d, struct stream *s)
{
	uint64_t n[KT_N_LOSS] = {0}, begin, end, any = 0, now_ns = kt_now_ns();

	for (int i = 1; i < KT_N_LOSS; i++)
		if (__atomic_load_n(&s->stat->pending_n[i], __ATOMIC_RELAXED))
			any |= n[i] =
				__atomic_exchange_n(&s->stat->pending_n[i], 0, __ATOMIC_SEQ_CST);
	if (any) {
		begin = __atomic_exchange_n(&s->stat->first_ns, 0, __ATOMIC_SEQ_CST);
		begin = KT_MAX(begin ? begin : s->loss_taken_ns, d->w_ns);
		end = KT_MAX(begin, KT_MIN(kt_now_ns(), d->end_ns));
		for (int i = 1; i < KT_N_LOSS; i++) {
			struct kt_lost *h = &s->held[i];

			if (!n[i])
				continue;
			h->ts_ns = h->n ? KT_MIN(h->ts_ns, begin) : begin;
			h->end_ns = KT_MAX(h->end_ns, end);
			h->n += n[i];
			count_lost(d, s, i, n[i], begin, end);
		}
	}
	s->loss_taken_ns = now_ns;
}

/* Losses that W has passed become events. Room for them is reserved; if it were not enough, they would begin later. */
static void add_losses(struct kt_drain *d, struct stream *s, size_t keep)
{
	for (int i = 1; i < KT_N_LOSS; i++) {
		struct kt_lost *h = &s->held[i];

		if (!h->n || h->ts_ns >= d->w_ns)
			continue;
		if (s->len + sizeof(*h) + keep > s->buf->cap) {
			h->ts_ns = d->w_ns;
			h->end_ns = KT_MAX(h->end_ns, d->w_ns);
			continue;
		}
		h->id = KT_EV_lost;
		h->len = sizeof(*h);
		h->cause = i;
		memcpy(s->buf->data + s->len, h, sizeof(*h));
		s->len += sizeof(*h);
		s->buf->used = KT_MAX(s->buf->used, s->len);
		s->n++;
		s->unsorted |= h->ts_ns <= s->max_ns;
		s->max_ns = KT_MAX(s->max_ns, h->ts_ns);
		d->stats.events++;
		*h = (struct kt_lost){0};
	}
}

/* Sorts new events and moves `safe` up to W. Leaves room for losses: keep. */
static void sort_and_settle(struct kt_drain *d, struct stream *s, size_t keep)
{
	size_t off = s->safe;

	add_losses(d, s, keep);

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

/* No event before this is still to be written, except those of stream s. */
static uint64_t others_watermark(const struct kt_drain *d, const struct stream *s)
{
	uint64_t w = d->w_ns;

	for (uint32_t i = 0; i < d->n_streams; i++)
		if (&d->streams[i] != s && d->streams[i].len)
			w = KT_MIN(w, first_ns(&d->streams[i]));
	return w;
}

/* Hands over bytes [off, off + len) of buf; next_ns: the first event of this stream after them. */
static void put_block(struct kt_drain *d, struct stream *s, struct kt_buf *buf, size_t off,
		      size_t len, uint32_t n, uint64_t max_ns, uint64_t watermark_ns, bool last)
{
	struct kt_block_out it = {
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

/* Makes blocks of the safe events of a stream; held-back events move to buffer `to`: NULL at the end, if there are none. */
static void cut_blocks(struct kt_drain *d, struct stream *s, struct kt_buf *to)
{
	struct kt_buf *buf = s->buf;
	size_t end = s->safe, tail = s->len - end, off = 0;
	uint64_t others = others_watermark(d, s), next;

	s->buf = to;
	if (tail) {
		memcpy(to->data, buf->data + end, tail);
		to->used = KT_MAX(to->used, tail);
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

/* While the compressor is behind, buffers are filled before they are handed over: there are only a few. */
static bool is_due(const struct kt_drain *d, const struct stream *s, uint64_t now_ns)
{
	if (!s->safe)
		return false;
	if (room_left(s) < KT_BLOCK_BYTES)
		return true;
	if (kt_compress_behind(d->compress))
		return false;
	return s->safe >= KT_BLOCK_BYTES || first_ns(s) + KT_BLOCK_NS <= now_ns;
}

unsigned int kt_drain_cycle(struct kt_drain *d)
{
	/* Refused program runs are known up to here: W may not pass unknown ones. */
	uint64_t now_ns = kt_now_ns(), w = now_ns;
	unsigned int fill = 0;
	bool more = false;

	kt_session_take_refused(d->session, now_ns);
	for (uint32_t i = 0; i < d->n_streams; i++) {
		struct stream *s = &d->streams[i];

		more |= take_ring(d, s, &fill);
		take_losses(d, s);
		w = KT_MIN(w, s->done_ns);
	}
	d->w_ns = KT_MAX(d->w_ns, w);
	for (uint32_t i = 0; i < d->n_streams; i++)
		sort_and_settle(d, &d->streams[i], LOSSES);
	for (uint32_t i = 0; i < d->n_streams; i++) {
		struct stream *s = &d->streams[i];
		struct kt_buf *to;

		/* None free: the buffer keeps filling, then the ring. This thread never waits. */
		if (is_due(d, s, now_ns) && (to = kt_compress_buf(d->compress)))
			cut_blocks(d, s, to);
	}
	return more ? 1024 : fill;
}

/* Is there more to take? *ret_full: because of lack of room. */
static bool has_more(const struct kt_drain *d, bool *ret_full)
{
	bool more = false;

	*ret_full = false;
	for (uint32_t i = 0; i < d->n_streams; i++) {
		const struct stream *s = &d->streams[i];

		if (kt_ring_reserved(s->ring) == s->ring->taken)
			continue;
		more = true;
		*ret_full |= s->full || s->len + SLACK > s->buf->cap;
	}
	return more;
}

void kt_drain_end(struct kt_drain *d, uint64_t end_ns)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	bool full = false;
	int tries = 0;

	d->end_ns = end_ns;
	/*
	 * Programs that had started may still be writing: another CPU needs a moment to see the switch. And if the compressor is
	 * behind, the contents of the rings wait for it.
	 */
	do {
		if (!full) {
			nanosleep(&pause, NULL);
			tries++;
		} else if (!kt_compress_wait(d->compress)) {
			break;
		}
		kt_drain_cycle(d);
	} while (has_more(d, &full) && (full || tries < END_TRIES));
	d->w_ns = kt_now_ns();
	for (uint32_t i = 0; i < d->n_streams; i++)
		sort_and_settle(d, &d->streams[i], 0);
	for (uint32_t i = 0; i < d->n_streams; i++)
		if (d->streams[i].safe)
			cut_blocks(d, &d->streams[i], NULL);
}
