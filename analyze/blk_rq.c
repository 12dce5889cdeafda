// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/blk_rq.h"

#include <errno.h>

#include "format/base/macros.h"

#define MAX_OPEN (1u << 16) /* requests alive at once, over all runs: the oldest makes room */

/* ------------------------------------------------------------------ the table */

#define COL(c, type, unit, doc) KT_COL(kt_rq_row, c, KT_COL_##type, unit, doc)
static const struct kt_col rq_cols[] = {
	COL(request_id, ID, "", "the request's life; in the order in which they became known"),
	COL(run_id, INT, "", "run"),
	COL(device_id, INT, "", "disk"),
	COL(part_device_id, INT, "", "partition or disk that the kernel charges"),
	COL(op, TEXT, "", "REQ_OP_* in lower case; flush: also a PREFLUSH without data"),
	COL(flags, TEXT, "", "REQ_* flags at the first issue, as sync|fua"),
	COL(sector, INT, "sectors", "first 512-byte sector at the first issue"),
	COL(size_bytes, INT, "bytes", "at the first issue"),
	COL(start_ns, INT, "ns", "got; if that is not seen, its first insert or issue"),
	COL(dur_ns, INT, "ns", "until it is complete as a whole"),
	COL(plug_ns, INT, "ns", "until inserted, or issued if it never was: the submitter's plug"),
	COL(queue_ns, INT, "ns",
	    "until issued for the last time: scheduler, dispatch list, requeues"),
	COL(device_ns, INT, "ns",
	    "until the completion interrupt, if that is seen, else until complete"),
	COL(complete_ns, INT, "ns",
	    "from the completion interrupt on; NULL = none was seen: a loop disk, another CPU, irq "
	    "not recorded"),
	COL(issue_cpu, INT, "", "CPU of the last issue"),
	COL(complete_cpu, INT, "", "CPU of the final completion"),
	COL(n_bios, INT, "", "bios it carried"),
	COL(n_issues, INT, "", "times it went to the driver"),
	COL(error, INT, "", "negative errno; 0 = none"),
	COL(state, TEXT, "", "whole | open_at_start | open_at_end | lossy | evicted"),
};
#undef COL

const struct kt_table kt_rq_table = {
	.name = "request",
	.doc = "one row a request: what went to a disk's driver",
	.cols = rq_cols,
	.n_cols = KT_ARRAY_SIZE(rq_cols),
};

/* ------------------------------------------------------------------ runs */

struct kt_rq_run *kt_rq_find_run(struct kt_rq_state *s, uint32_t run)
{
	return kt_vec_zeroed(&s->runs, run);
}

/* The run of an event: its constants are there by now. */
struct kt_rq_run *kt_rq_run(struct kt_rq_state *s, uint32_t run)
{
	struct kt_rq_run *r = kt_likely(run < s->runs.n) ? s->runs.v[run] : kt_rq_find_run(s, run);

	if (kt_likely(r && r->ready))
		return r;
	if (!r || kt_blk_ops_init(&r->ops, kt_run_consts(s->e, run), &s->op_names))
		return NULL;
	r->ready = true;
	return r;
}

/* ------------------------------------------------------------------ the row */

/*
 * The stages as far as they are over: end KT_NULL = the last one is not. Also what the bios need
 * to know.
 */
struct kt_bio_carrier kt_rq_stages(const struct kt_rq *q, int64_t end)
{
	struct kt_bio_carrier c = {q->start_ns, KT_NULL, KT_NULL, KT_NULL, KT_NULL};
	/* One that was taken back and not issued again ends in the queue. */
	bool at_driver = q->issue_ns != KT_NULL && !q->requeued;
	int64_t opened = q->queue_ns, issued = at_driver ? q->issue_ns : KT_NULL;

	if (q->start_ns == KT_NULL)
		return c;
	/* An issue that was not the last belongs to the stage it happened in. */
	if (opened == KT_NULL)
		opened = issued;
	if (opened == KT_NULL)
		opened = end;
	if (opened != KT_NULL && (q->got || opened > q->start_ns))
		c.plug_ns = opened - q->start_ns;
	if (q->queue_ns != KT_NULL && at_driver)
		c.queue_ns = issued - q->queue_ns;
	else if (q->queue_ns != KT_NULL && end != KT_NULL)
		c.queue_ns = end - q->queue_ns;
	if (at_driver && end != KT_NULL)
		c.device_ns = end - issued;
	/* An interrupt from before the issue brought something else. */
	if (c.device_ns != KT_NULL && q->irq_ns > issued && q->irq_ns <= end) {
		c.device_ns = q->irq_ns - issued;
		c.complete_ns = end - q->irq_ns;
	}
	return c;
}

static int count_stage(struct kt_rq_state *s, const struct kt_rq_row *row, const char *stage,
		       int64_t end, int64_t dur)
{
	if (dur == KT_NULL)
		return 0;
	return kt_hist_add(s->e, row->run_id - 1, "request", stage, row->device_id, row->op, end,
			   dur);
}

/* op NULL where no issue and no completion told it. */
int kt_rq_write(struct kt_rq_state *s, const struct kt_rq *q, const struct kt_bio_carrier *c,
		struct kt_rq_row *row, int64_t end)
{
	int err;

	row->request_id = q->id;
	row->run_id = q->run + 1;
	row->device_id = s->names->device(s->names_self, q->run, q->dev);
	row->part_device_id = KT_NULL;
	if (q->part_dev)
		row->part_device_id = s->names->device(s->names_self, q->run, q->part_dev);
	row->start_ns = c->start_ns;
	row->dur_ns = c->start_ns != KT_NULL && end != KT_NULL ? end - c->start_ns : KT_NULL;
	row->plug_ns = c->plug_ns;
	row->queue_ns = c->queue_ns;
	row->device_ns = c->device_ns;
	row->complete_ns = c->complete_ns;
	row->issue_cpu = q->n_issues ? (int64_t)q->issue_cpu : KT_NULL;
	err = kt_insert(s->e, &kt_rq_table, row);
	if (!err) {
		const struct kt_load_flow f = {
			.run = q->run,
			.flow = "request",
			.op = row->op,
			.state = row->state,
			.id = row->request_id,
			.device_id = row->device_id,
			.part_device_id = row->part_device_id,
			.end_ns = end,
			.dur_ns = row->dur_ns,
			.size_bytes = row->size_bytes,
			.issue_ns = row->device_ns != KT_NULL ? q->issue_ns : KT_NULL,
			.device_ns = row->device_ns,
			.n_bios = row->n_bios,
			.utid = KT_NULL,
			.ucgid = KT_NULL,
			.is_error = row->error != KT_NULL && row->error,
		};

		err = kt_load_add(s->e, &f);
	}
	/* How long one took that failed says nothing of the disk. */
	if (err || row->state[0] != 'w' || (row->error != KT_NULL && row->error))
		return err;
	err = count_stage(s, row, "total", end, row->dur_ns);
	if (!err)
		err = count_stage(s, row, "plug", end, row->plug_ns);
	if (!err)
		err = count_stage(s, row, "queue", end, row->queue_ns);
	if (!err)
		err = count_stage(s, row, "device", end, row->device_ns);
	if (!err)
		err = count_stage(s, row, "complete", end, row->complete_ns);
	return err;
}

int kt_rq_name_op(struct kt_rq_run *r, struct kt_rq_row *row, uint32_t opf, bool empty_flush)
{
	const struct kt_blk_opf *o = kt_blk_opf(&r->ops, opf);

	if (!o)
		return -ENOMEM;
	row->op = empty_flush ? r->ops.flush_name : o->op;
	row->flags = o->flags;
	return 0;
}

void kt_rq_unlink(struct kt_rq_state *s, struct kt_rq_run *r, struct kt_rq *q)
{
	kt_hash_del(&r->live, q->addr);
	*(q->older ? &q->older->newer : &s->oldest) = q->newer;
	*(q->newer ? &q->newer->older : &s->newest) = q->older;
	s->n_open--;
}

/* Ends it where no end was seen. state NULL: it was lost. */
int kt_rq_close(struct kt_rq_state *s, struct kt_rq *q, const char *state)
{
	struct kt_rq_run *r = s->runs.v[q->run];
	struct kt_bio_carrier c;
	struct kt_rq_row row = {
		.sector = KT_NULL,
		.size_bytes = KT_NULL,
		.complete_cpu = KT_NULL,
		.n_bios = KT_NULL,
		.n_issues = q->n_issues,
		.error = KT_NULL,
		.state = "lossy",
	};
	int err = 0;

	if (q->n_issues) {
		row.sector = kt_rq_sector(q);
		row.size_bytes = q->bytes;
		row.n_bios = q->n_bios;
		err = kt_rq_name_op(r, &row, q->opf,
				    kt_blk_is_empty_flush(&r->ops, q->opf, q->bytes));
	}
	if (state && state[0] == 'e')
		row.state = state;
	else if (state && !q->bios.missed && !q->lossy &&
		 kt_flow_state(s->e, q->run, q->start_ns, KT_NULL)[0] == 'w')
		row.state = state;
	c = kt_rq_stages(q, KT_NULL);
	if (!err)
		err = kt_rq_write(s, q, &c, &row, KT_NULL);
	if (!err)
		err = s->bio->drop(s->bio_self, &q->bios,
				   state ? KT_BIO_DROP_OPEN : KT_BIO_DROP_LOST, &c);
	kt_rq_unlink(s, r, q);
	kt_slab_put(&s->rqs, q);
	return err;
}

/* ------------------------------------------------------------------ births */

int64_t kt_rq_last_seen(const struct kt_rq *q)
{
	/* KT_NULL is smaller than any time. */
	return KT_MAX(KT_MAX(q->start_ns, q->queue_ns), q->issue_ns);
}

int kt_rq_new(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev, uint64_t addr,
	      uint32_t dev, struct kt_rq **ret)
{
	struct kt_rq *q;
	int err;

	if (kt_unlikely(s->n_open >= MAX_OPEN)) {
		s->runs.v[s->oldest->run]->n_evicted++;
		err = kt_rq_close(s, s->oldest, "evicted");
		if (err)
			return err;
	}
	q = kt_slab_get(&s->rqs);
	if (!q)
		return -ENOMEM;
	err = kt_hash_put(&r->live, addr, q);
	if (err) {
		kt_slab_put(&s->rqs, q);
		return err;
	}
	q->addr = addr;
	q->id = kt_next_id(s->e, &kt_rq_table);
	q->run = ev->run;
	q->dev = dev;
	q->birth_ns = q->start_ns = ev->t_ns;
	q->queue_ns = q->issue_ns = q->irq_ns = KT_NULL;
	q->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = q;
	s->newest = q;
	s->n_open++;
	*ret = q;
	return 0;
}
