// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Log buffers (xfs): who wrote one, and who waited for it. A call that needs what another's bio carries waits for the buffer,
 * which identifies the other, no matter which task does the wake-up.
 */
#include <errno.h>
#include <stdlib.h>

#include "analyze/io/io_internal.h"

/* The entry of that key, created if there is none; NULL: no memory. */
static void *entry(struct kt_hash *h, uint64_t key, size_t size)
{
	void *e = kt_hash_get(h, key);

	if (e)
		return e;
	e = calloc(1, size);
	if (e && kt_hash_put(h, key, e)) {
		free(e);
		return NULL;
	}
	return e;
}

int kt_io_log_written(struct kt_io_state *s, struct kt_io_run *r, uint64_t addr, int64_t io_id)
{
	struct kt_io_log *log = entry(&r->logs, addr, sizeof(*log));

	if (!log)
		return -ENOMEM;
	/* A buffer that wraps around has two bios. */
	if (!log->n || log->io_id != io_id) {
		kt_flow_hold(s->e, &kt_io_flow_kind, io_id);
		if (log->n)
			kt_flow_release(s->e, &kt_io_flow_kind, log->io_id);
		log->io_id = io_id;
		log->n++;
	}
	return 0;
}

static void forget_writer(struct kt_io_state *s, const struct kt_io_log_wait *w)
{
	if (w->log && w->io_id != KT_NULL)
		kt_flow_release(s->e, &kt_io_flow_kind, w->io_id);
}

int kt_io_log_wait(struct kt_io_state *s, struct kt_io_run *r, const struct kt_ev *ev)
{
	const struct kt_page_log_wait *d = ev->data;
	struct kt_io_log *log = entry(&r->logs, d->io, sizeof(*log));
	struct kt_io_log_wait *w = log ? entry(&r->waits, d->tid, sizeof(*w)) : NULL;

	if (!w)
		return -ENOMEM;
	forget_writer(s, w);
	*w = (struct kt_io_log_wait){log, ev->t_ns, KT_NULL, log->n};
	/* The last known one may be older and have ended. */
	if (d->writing && log->n && kt_hash_get(&s->by_id, log->io_id))
		w->io_id = log->io_id;
	if (w->io_id != KT_NULL)
		kt_flow_hold(s->e, &kt_io_flow_kind, w->io_id);
	return 0;
}

int64_t kt_io_log_waited(struct kt_io_state *s, struct kt_io_run *r, uint32_t tid, int64_t start_ns)
{
	struct kt_io_log_wait *w = kt_hash_get(&r->waits, tid);
	int64_t io_id = KT_NULL;

	if (!w)
		return KT_NULL;
	if (w->since_ns >= start_ns) {
		io_id = w->io_id;
		if (io_id == KT_NULL && w->log->n == w->n + 1)
			io_id = w->log->io_id;
	}
	forget_writer(s, w);
	kt_hash_del(&r->waits, tid);
	free(w);
	return io_id;
}

void kt_io_logs_destroy(struct kt_io_run *r)
{
	struct kt_hash *const all[] = {&r->logs, &r->waits};

	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; all[i]->slots && j <= all[i]->mask; j++)
			free(all[i]->slots[j].value);
		kt_hash_finish(all[i]);
	}
}
