// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/block/request_life.h"
#include "analyze/block/request_service.h"

#include <errno.h>

#include "analyze/engine/flow.h"
#include "format/base/macros.h"

#define MAX_OPEN (1u << 16) /* upper bound on open requests, all runs; the oldest is evicted */

/* ------------------------------------------------------------------ the table */

#define COL(c, type, unit, doc) KT_COL(kt_rq_row, c, KT_COL_##type, unit, doc)
/* clang-format off */
#define STAGE(id, name, doc) {#name "_ns", KT_COL_INT, offsetof(struct kt_rq_row, stage_ns[KT_IO_STAGE_##id]), "ns", doc}
/* clang-format on */
static const struct kt_col rq_cols[] = {
	COL(request_id, ID, "",
	    "one life of a request, in the order in which they were first seen"),
	COL(run_id, INT, "", "run"),
	COL(device_id, INT, "", "disk"),
	COL(part_device_id, INT, "", "partition or disk that the kernel charges"),
	COL(op, TEXT, "", "REQ_OP_* in lower case; flush: also a PREFLUSH without data"),
	COL(flags, TEXT, "", "REQ_* flags at the first issue, as sync|fua"),
	COL(sector, INT, "sectors", "first 512-byte sector at the first issue"),
	COL(size_bytes, INT, "bytes", "at the first issue"),
	COL(start_ns, INT, "ns",
	    "when it was allocated; if that was not seen, its first insert or issue"),
	COL(dur_ns, INT, "ns", "until all of it is complete"),
	STAGE(PLUG, plug,
	      "until inserted, or issued if it never was: in the submitter's plug list"),
	STAGE(QUEUE, queue, "until issued for the last time: scheduler, dispatch list, requeues"),
	STAGE(DEVICE, device,
	      "until the completion interrupt if that was seen, else until complete"),
	STAGE(COMPLETE, complete,
	      "from the completion interrupt on; NULL: none was seen (a loop disk, another CPU, "
	      "irq not recorded)"),
	COL(issue_cpu, INT, "", "CPU of the last issue"),
	COL(complete_cpu, INT, "", "CPU of the final completion"),
	COL(n_bios, INT, "", "bios it carried"),
	COL(n_issues, INT, "", "times it was issued to the driver"),
	COL(error, INT, "", "negative errno; 0 = none"),
	COL(state, TEXT, "", "whole | open_at_start | open_at_end | lossy | evicted | duplicate"),
	STAGE(WORKER, worker,
	      "waiting for a kernel worker to issue the flush it needed, or its data after that. "
	      "Its stages are then in stage_extra, and the columns here are sums; device_ns "
	      "includes the flushes that served it. NULL: it needed none, or which one served it "
	      "is not known and that time is in `plug` and `device`"),
	STAGE(FLUSH, flush,
	      "waiting for a flush in flight for others, or for others' data between their "
	      "flushes"),
};
#undef STAGE
#undef COL

const struct kt_table kt_rq_table = {
	.name = "request",
	.doc = "one row per request: what went to a disk's driver",
	.cols = rq_cols,
	.n_cols = KT_ARRAY_SIZE(rq_cols),
};

/* ------------------------------------------------------------------ runs */

struct kt_rq_run *kt_rq_find_run(struct kt_rq_state *s, uint32_t run)
{
	return kt_vec_zeroed(&s->runs, run);
}

/* The run of an event: its constants are known by now. */
struct kt_rq_run *kt_rq_run(struct kt_rq_state *s, uint32_t run)
{
	struct kt_rq_run *r = kt_likely(run < s->runs.n) ? s->runs.v[run] : kt_rq_find_run(s, run);

	if (kt_likely(r && r->ready))
		return r;
	if (!r || kt_blk_ops_init(&r->ops, kt_run_consts(s->e, run), &s->op_names))
		return NULL;
	r->flushes.partial = kt_run_filtered(s->e, run);
	r->ready = true;
	return r;
}

/* ------------------------------------------------------------------ the row */

/*
 * The stages that have ended: end KT_NULL = the last one has not. Also what its bios need to
 * know.
 */
struct kt_bio_carrier kt_rq_stages(const struct kt_rq *q, int64_t end)
{
	struct kt_bio_carrier c = {q->start_ns, KT_NULL, KT_NULL, KT_NULL, KT_NULL, false, NULL};
	/* A request that was taken back and not issued again ends in the queue. */
	bool at_driver = q->issue_ns != KT_NULL && !q->requeued;
	int64_t opened = q->queue_ns, issued = at_driver ? q->issue_ns : KT_NULL;

	if (q->start_ns == KT_NULL)
		return c;
	/* An issue other than the last belongs to the stage in which it happened. */
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
	/* An interrupt from before the issue completed something else. */
	if (c.device_ns != KT_NULL && q->irq_ns > issued && q->irq_ns <= end) {
		c.device_ns = q->irq_ns - issued;
		c.complete_ns = end - q->irq_ns;
	}
	return c;
}

void kt_rq_set_device(const struct kt_rq_state *s, struct kt_rq *q)
{
	q->device_id = KT_CALL(s->names, device, q->run, q->dev);
	q->part_device_id = q->part_dev ? KT_CALL(s->names, device, q->run, q->part_dev) : KT_NULL;
}

static int write_way(struct kt_rq_state *s, const struct kt_rq *q, const struct kt_flush_way *w)
{
	int err = 0;

	for (uint32_t i = 0; i < w->n_parts && !err; i++) {
		const struct kt_flush_part *p = &w->parts[i];
		bool is_own =
			q->seq && p->start_ns >= q->seq->left_ns && p->start_ns < q->seq->data_ns;
		struct kt_stage_row row = {
			.flow = "request",
			.flow_id = q->id,
			.seq = (int64_t)i + 1,
			.name = kt_io_stage_name(p->stage),
			.start_ns = p->start_ns,
			.dur_ns = p->end_ns - p->start_ns,
			.bio_id = is_own ? s->bio.ops->last_id(&q->bios) : KT_NULL,
		};

		err = kt_flow_insert(s->e, &kt_request_kind, q->id, &kt_stage_table, &row);
	}
	return err;
}

/* A flush that it waited for has a row of its own. */
static int64_t own_device_ns(const struct kt_rq *q, const struct kt_bio_carrier *c)
{
	if (!c->way)
		return c->device_ns;
	return q->seq ? kt_flush_way_sum(c->way, KT_IO_STAGE_DEVICE, q->issue_ns, q->seq->data_ns)
		      : KT_NULL;
}

static int count(struct kt_rq_state *s, const struct kt_rq *q, const struct kt_bio_carrier *c,
		 const struct kt_rq_row *row, int64_t end)
{
	struct kt_flow f;

	kt_flow_init(&f, q->run, q->id);
	f.state = row->how;
	f.op = row->op;
	f.object_id = row->device_id;
	f.part_id = row->part_device_id;
	f.error = row->error != 0 ? row->error : KT_NULL;
	f.end_ns = end;
	f.dur_ns = row->dur_ns;
	f.size_bytes = row->size_bytes;
	f.n_lower = row->n_bios;
	memcpy(f.stage_ns, row->stage_ns, sizeof(row->stage_ns));
	f.served_ns = own_device_ns(q, c);
	f.served_from_ns = f.served_ns != KT_NULL ? q->issue_ns : KT_NULL;
	return kt_flow_end(s->e, &kt_request_kind, &f, NULL);
}

/* op NULL if neither an issue nor a completion was seen. */
int kt_rq_write(struct kt_rq_state *s, struct kt_rq *q, const struct kt_bio_carrier *c,
		struct kt_rq_row *row, int64_t end)
{
	int err;

	row->request_id = q->id;
	row->run_id = q->run + 1;
	row->state = kt_state_name(row->how);
	if (!q->n_issues)
		kt_rq_set_device(s, q);
	row->device_id = q->device_id;
	row->part_device_id = q->part_device_id;
	row->start_ns = c->start_ns;
	row->dur_ns = c->start_ns != KT_NULL && end != KT_NULL ? end - c->start_ns : KT_NULL;
	for (int i = 0; i < KT_IO_N_STAGES; i++)
		row->stage_ns[i] = KT_NULL;
	row->stage_ns[KT_IO_STAGE_PLUG] = c->plug_ns;
	row->stage_ns[KT_IO_STAGE_QUEUE] = c->queue_ns;
	row->stage_ns[KT_IO_STAGE_DEVICE] = c->device_ns;
	row->stage_ns[KT_IO_STAGE_COMPLETE] = c->complete_ns;
	for (int i = KT_IO_STAGE_WORKER; c->way && i <= KT_IO_STAGE_FLUSH; i++)
		row->stage_ns[i] = kt_flush_way_sum(c->way, i, c->start_ns, end);
	row->issue_cpu = q->n_issues ? (int64_t)q->issue_cpu : KT_NULL;
	err = kt_flow_insert(s->e, &kt_request_kind, q->id, &kt_rq_table, row);
	if (!err && row->stage_ns[KT_IO_STAGE_WORKER] != KT_NULL)
		err = write_way(s, q, c->way);
	return err ? err : count(s, q, c, row, end);
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
	kt_list_remove(&s->by_age, &q->age);
	s->n_open--;
	if (q->seq)
		kt_slab_put(&s->seqs, q->seq);
	q->seq = NULL;
}

/* Ends a request whose end was not seen. KT_STATE_OPEN: it was lost. */
int kt_rq_close(struct kt_rq_state *s, struct kt_rq *q, enum kt_state state)
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
	};
	int err = 0;

	if (q->n_issues) {
		row.sector = kt_rq_sector(q);
		row.size_bytes = q->bytes;
		row.n_bios = q->n_bios;
		err = kt_rq_name_op(r, &row, q->opf,
				    kt_blk_is_empty_flush(&r->ops, q->opf, q->bytes));
	}
	row.how = kt_flow_final_state(
		s->e, q->run, "request", q->start_ns, KT_NULL,
		state != KT_STATE_EVICTED && (state == KT_STATE_OPEN || q->bios.missed || q->lossy),
		state);
	c = kt_rq_stages(q, KT_NULL);
	if (!err)
		err = kt_rq_write(s, q, &c, &row, KT_NULL);
	if (!err)
		err = KT_CALL(s->bio, drop, &q->bios,
			      state != KT_STATE_OPEN ? KT_BIO_DROP_OPEN : KT_BIO_DROP_LOST, &c);
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
		q = kt_list_first(&s->by_age, struct kt_rq, age);
		s->runs.v[q->run]->n_evicted++;
		err = kt_rq_close(s, q, KT_STATE_EVICTED);
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
	err = kt_flow_begin(s->e, &kt_request_kind, q->id, ev->t_ns, true);
	if (err)
		return err;
	q->run = ev->run;
	q->dev = dev;
	q->birth_ns = q->start_ns = ev->t_ns;
	q->queue_ns = q->issue_ns = q->irq_ns = KT_NULL;
	kt_list_append(&s->by_age, &q->age);
	s->n_open++;
	*ret = q;
	return 0;
}

/* ------------------------------------------------------------------ those that ended last */

int kt_rq_remember(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		   int64_t request_id, int64_t bio_id)
{
	struct kt_rq_recent *c;

	while (r->recent.n <= ev->cpu && ev->cpu < KT_RQ_MAX_CPUS)
		if (kt_vec_push(&r->recent, NULL))
			return -ENOMEM;
	if (ev->cpu >= r->recent.n)
		return 0;
	c = r->recent.v[ev->cpu];
	if (!c)
		c = r->recent.v[ev->cpu] = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	kt_flow_hold(s->e, &kt_request_kind, request_id);
	if (c->n >= KT_RQ_N_RECENT)
		kt_flow_release(s->e, &kt_request_kind, c->v[c->n % KT_RQ_N_RECENT].request_id);
	c->v[c->n++ % KT_RQ_N_RECENT] = (struct kt_rq_ended){ev->t_ns, request_id, bio_id};
	return 0;
}

void kt_rq_release_recent(struct kt_rq_state *s, struct kt_rq_run *r)
{
	for (size_t i = 0; i < r->recent.n; i++) {
		struct kt_rq_recent *c = r->recent.v[i];

		for (uint64_t j = 0; c && j < KT_MIN(c->n, KT_RQ_N_RECENT); j++)
			kt_flow_release(s->e, &kt_request_kind, c->v[j].request_id);
	}
}

/* ------------------------------------------------------------------ flush sequences */

uint32_t kt_rq_worker(struct kt_rq_state *s, const struct kt_ev *ev)
{
	uint32_t tid;

	if (!s->task.ops) /* that family's tracker is created after this one */
		s->task.ops = kt_service(s->e, "sched", &s->task.self);
	tid = s->task.ops ? KT_CALL(s->task, current, ev->run, ev->cpu) : 0;
	return tid && KT_CALL(s->names, is_worker, ev->run, tid) ? tid : 0;
}

int kt_rq_seq_issued(struct kt_rq_state *s, struct kt_rq_run *r, const struct kt_ev *ev,
		     struct kt_rq *q)
{
	const struct kt_rq_issue *d = ev->data;
	uint32_t bytes, opf, dev;

	if (q->queue_ns == KT_NULL)
		q->worker_tid = kt_rq_worker(s, ev);
	if (KT_BLK_OP(d->opf) == r->ops.flush)
		return kt_flush_issued(&r->flushes, d->dev, d->rq);
	q->seq = kt_slab_get(&s->seqs);
	if (!q->seq)
		return -ENOMEM;
	q->seq->left_ns = q->queue_ns != KT_NULL ? q->queue_ns : ev->t_ns;
	q->seq->data_ns = q->seq->data_irq_ns = KT_NULL;
	/* The kernel removes PREFLUSH from the request: its bio still has it. */
	q->seq->preflush = d->bio && !KT_CALL(s->bio, look, ev->run, d->bio, &bytes, &opf, &dev) &&
			   (opf & r->ops.preflush);
	kt_flush_left(&r->flushes, d->dev, q->seq, q->start_ns);
	return 0;
}

int kt_rq_seq_data(struct kt_rq_run *r, const struct kt_ev *ev, struct kt_rq *q)
{
	const struct kt_rq_complete *d = ev->data;

	if (!q->seq)
		return kt_flush_doubt(&r->flushes, d->dev, ev->t_ns);
	if (q->seq->data_ns != KT_NULL)
		return 0;
	q->seq->data_ns = ev->t_ns;
	if (d->irq_age_ns)
		q->seq->data_irq_ns = ev->t_ns - d->irq_age_ns;
	return kt_flush_data(&r->flushes, q->dev, q->seq, q->start_ns);
}

int kt_rq_seq_ended(struct kt_rq_run *r, const struct kt_ev *ev, const struct kt_rq *q,
		    bool empty_flush, bool whole, struct kt_bio_carrier *c)
{
	const struct kt_rq_complete *d = ev->data;
	struct kt_flush_end end;
	int err;

	if (KT_BLK_OP(d->opf) == r->ops.flush) {
		const struct kt_flush_cycle cycle = {q->birth_ns, q->issue_ns,	 q->irq_ns,
						     ev->t_ns,	  q->worker_tid, ev->cpu};

		return q->n_issues ? kt_flush_ended(&r->flushes, d->dev, d->rq, &cycle)
				   : kt_flush_doubt(&r->flushes, d->dev, ev->t_ns);
	}
	if (!whole || q->requeued || (q->n_issues ? !q->seq : !empty_flush))
		return 0;
	end = (struct kt_flush_end){
		.seq = q->seq,
		.start_ns = q->start_ns,
		.queue_ns = q->queue_ns,
		.issue_ns = q->issue_ns,
		.end_ns = ev->t_ns,
		.got = q->got,
		.worker_tid = q->worker_tid,
		.dev = d->dev,
		.cpu = ev->cpu,
	};
	err = kt_flush_way(&r->flushes, &end, &c->way);
	if (err || !c->way)
		return err;
	c->plug_ns = kt_flush_way_sum(c->way, KT_IO_STAGE_PLUG, q->start_ns, ev->t_ns);
	c->queue_ns = kt_flush_way_sum(c->way, KT_IO_STAGE_QUEUE, q->start_ns, ev->t_ns);
	c->device_ns = kt_flush_way_sum(c->way, KT_IO_STAGE_DEVICE, q->start_ns, ev->t_ns);
	c->complete_ns = kt_flush_way_sum(c->way, KT_IO_STAGE_COMPLETE, q->start_ns, ev->t_ns);
	return 0;
}
