// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The tracker parcel: a family of flows as a newcomer would write it, from the rules of tests/reference/README.md. */
#include <errno.h>
#include <string.h>

#include "analyze/block/bio_service.h"
#include "analyze/core/core_service.h"
#include "analyze/engine/disturb.h"
#include "analyze/engine/flow.h"
#include "analyze/engine/tracker.h"
#include "analyze/irq/irq_service.h"
#include "analyze/sched/sched_service.h"
#include "format/base/hash.h"
#include "format/base/list.h"
#include "format/base/macros.h"
#include "format/base/slab.h"
#include "format/event.h"

#define MAX_OPEN 1024 /* parcels; of more the oldest is given up */
#define NOT_WEIGHED UINT64_MAX

/* X(ID, name, must_run, class, words, doc) */
#define STAGES(X)                                                                          \
	X(WRAP, wrap, true, WORK, "being wrapped", "handed in -> in the letter box")       \
	X(BOX, box, false, QUEUE, "in the letter box", "in the box -> loaded, or customs") \
	X(CUSTOMS, customs, false, WAIT, "held by customs", "customs had it -> loaded")    \
	X(VAN, van, false, DEVICE, "on the road", "loaded -> at the door")                 \
	X(BELL, bell, true, WAKE, "waiting for the door to open", "at the door -> taken")

enum stage {
#define ID(id, ...) id,
	STAGES(ID)
#undef ID
		N_STAGES
};

static const struct kt_stage_def stages[N_STAGES] = {
#define DEF(id, name, must_run, class, words, doc) KT_STAGE_DEF(name, must_run, class, words),
	STAGES(DEF)
#undef DEF
};

/* ------------------------------------------------------------------ tables */

struct parcel_row {
	int64_t parcel_id, run_id;
	const char *kind, *op, *via, *label;
	int64_t route_id, in_parcel_id, utid, ucgid, size_bytes, start_ns, dur_ns;
	int64_t stage_ns[N_STAGES];
	int64_t runq_ns, irq_ns, softirq_ns, n_bios, error;
	const char *state;
};

#define COL(c, type, unit, doc) KT_COL(parcel_row, c, KT_COL_##type, unit, doc)
static const struct kt_col parcel_cols[] = {
	COL(parcel_id, ID, "", "the parcel; in the order in which they became known"),
	COL(run_id, INT, "", "the run"),
	COL(kind, TEXT, "", "letter | advert; NULL: not seen, as all that is told at its birth"),
	COL(op, TEXT, "", "send | fetch"),
	COL(via, TEXT, "", "home | refused; NULL: its end was not seen"),
	COL(label, TEXT, "", "where it goes"),
	COL(route_id, INT, "", "its route"),
	COL(in_parcel_id, INT, "", "the parcel that it lies in"),
	COL(utid, INT, "", "the task that waits for it"),
	COL(ucgid, INT, "", "v2 cgroup of that task"),
	COL(size_bytes, INT, "bytes", "its size; NULL: not weighed"),
	COL(start_ns, INT, "ns", "it was handed in"),
	COL(dur_ns, INT, "ns", "until it was taken or refused"),
#define STAGE_COL(id, name, must_run, class, words, doc) \
	{#name "_ns", KT_COL_INT, offsetof(struct parcel_row, stage_ns[id]), "ns", doc},
	STAGES(STAGE_COL)
#undef STAGE_COL
		COL(runq_ns, INT, "ns",
		    "of the stages in which its task must run: another task ran"),
	COL(irq_ns, INT, "ns", "of these: hard interrupts took it"),
	COL(softirq_ns, INT, "ns", "of these: soft interrupts took it"),
	COL(n_bios, INT, "", "bios that moved it; which: parcel_bio"),
	COL(error, INT, "", "negative errno of one that was refused"),
	COL(state, TEXT, "", "whole | open_at_start | open_at_end | lossy | evicted | duplicate"),
};
#undef COL

static const struct kt_table parcel_table = {
	.name = "parcel",
	.doc = "one row a parcel",
	.cols = parcel_cols,
	.n_cols = KT_ARRAY_SIZE(parcel_cols),
};

struct bio_row {
	int64_t parcel_id, bio_id;
};

static const struct kt_col bio_cols[] = {
	KT_COL(bio_row, parcel_id, KT_COL_INT, "", "the parcel"),
	KT_COL(bio_row, bio_id, KT_COL_INT, "", "a bio that moved it"),
};

static const struct kt_table bio_table = {
	.name = "parcel_bio",
	.doc = "the bios that moved parcels",
	.cols = bio_cols,
	.n_cols = KT_ARRAY_SIZE(bio_cols),
};

struct route_row {
	int64_t route_id, run_id, number;
	const char *name;
};

static const struct kt_col route_cols[] = {
	KT_COL(route_row, route_id, KT_COL_ID, "", "the route"),
	KT_COL(route_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(route_row, number, KT_COL_INT, "", "its number"),
	KT_COL(route_row, name, KT_COL_TEXT, "", "its name; NULL: not told"),
};

static const struct kt_table route_table = {
	.name = "parcel_route",
	.doc = "the routes of parcels",
	.cols = route_cols,
	.n_cols = KT_ARRAY_SIZE(route_cols),
};

static const struct kt_table *const tables[] = {&parcel_table, &bio_table, &route_table, NULL};

/* ------------------------------------------------------------------ the kind */

static const struct kt_flow_word words[] = {
	{"kind", "letter", "letter", "letters", "waits"},
	{"kind", "advert", "advertisement", "advertisements", "apart"},
	{"op", "send", "parcel sent", "parcels sent", NULL},
	{"op", "fetch", "parcel fetched", "parcels fetched", NULL},
	{"via", "home", "that was taken", "that were taken", NULL},
	{"via", "refused", "that was refused", "that were refused", "not"},
	{0},
};

static const struct kt_flow_kind parcel_kind = {
	.name = "parcel",
	.letter = 'p',
	.one = "parcel",
	.many = "parcels",
	.waits_for = "the post",
	.object_tbl = "parcel_route",
	.object_word = "route",
	.table = &parcel_table,
	.stages = stages,
	.n_stages = N_STAGES,
	.by_task = true,
	.words = words,
	.select = "parcel_id, +run_id, +kind, +op, +route_id, +utid, +ucgid, +label, +size_bytes, "
		  "+start_ns, +dur_ns, +state",
	.links = "SELECT 'parcel', in_parcel_id, 'parcel', +parcel_id, 'holds' FROM parcel WHERE "
		 "in_parcel_id IS NOT NULL\n"
		 "UNION ALL SELECT 'parcel', parcel_id, 'bio', +bio_id, 'moved by' FROM parcel_bio",
};

static const struct kt_flow_kind *const flows[] = {&parcel_kind, NULL};

/* ------------------------------------------------------------------ state */

struct parcel {
	uint64_t addr;
	int64_t id, in_id, utid, ucgid, route_id, n_bios;
	int64_t start_ns; /* KT_NULL: not seen; then nothing of its birth is known */
	int64_t mark_ns[N_STAGES];
	uint64_t size;
	uint32_t run, tid, carrier; /* 0: not known */
	uint16_t op, kind;
	char label[sizeof(((struct kt_parcel_post *)0)->label) + 1];
	struct kt_link age; /* in all that are open, by birth */
};

struct route {
	int64_t id;
	uint32_t run, number;
	char name[sizeof(((struct kt_parcel_route *)0)->name) + 1]; /* "": not told */
};

struct run {
	struct kt_hash open;	 /* address -> struct parcel */
	struct kt_hash carriers; /* tid -> the parcel that it moves */
	struct kt_hash routes;	 /* number -> struct route */
	int64_t n_evicted;
};

struct state {
	struct kt_engine *e;
	struct kt_names names;
	struct kt_bios bio;
	struct kt_tasks task; /* ops NULL: no family sched */
	struct kt_irqs irq;
	KT_VEC(struct run *) runs;
	KT_VEC(struct route *) routes; /* by id - 1 */
	struct kt_slab parcels;
	struct kt_list by_age;
	size_t n_open;
	struct kt_blames blames;
};

/* NULL: no memory. */
static struct route *route_of(struct state *s, uint32_t run, uint32_t number)
{
	struct run *r = kt_vec_zeroed(&s->runs, run);
	struct route *x = r ? kt_hash_get(&r->routes, number) : NULL;

	if (x || !r)
		return x;
	x = calloc(1, sizeof(*x));
	if (!x || kt_vec_push(&s->routes, x)) {
		free(x);
		return NULL;
	}
	x->id = (int64_t)s->routes.n;
	x->run = run;
	x->number = number;
	return kt_hash_put(&r->routes, number, x) ? NULL : x;
}

/* ------------------------------------------------------------------ stages, and what disturbed them */

/* Each from its mark to the next that was observed; a mark that was not leaves its time to the stage before. */
static void set_stages(const struct parcel *p, int64_t end_ns, int64_t *stage_ns)
{
	int64_t next = end_ns;

	for (int i = N_STAGES; i-- > 0;) {
		bool known = p->start_ns != KT_NULL && p->mark_ns[i] != KT_NULL;

		stage_ns[i] = known && next != KT_NULL ? next - p->mark_ns[i] : KT_NULL;
		if (known)
			next = p->mark_ns[i];
	}
}

struct finding {
	struct state *s;
	struct parcel_row *row;
	uint32_t run;
	enum stage stage;
};

static int on_disturbed(void *arg, const struct kt_disturb *d)
{
	struct finding *x = arg;
	int64_t *const sums[] = {&x->row->runq_ns, &x->row->irq_ns, &x->row->softirq_ns};

	*sums[d->cause] += d->dur_ns;
	return kt_blame_add(&x->s->blames, x->stage, d->cause,
			    d->cause == KT_DISTURB_RUNQ ? d->by_tid : d->irq, d->start_ns,
			    d->start_ns + d->dur_ns);
}

static bool name_blame(void *arg, const struct kt_blame *b, struct kt_disturb_row *row)
{
	struct finding *x = arg;
	bool is_irq = b->cause != KT_DISTURB_RUNQ;

	row->seq = (int64_t)b->seg + 1;
	if (is_irq && x->s->irq.ops && b->by != KT_BLAME_VARIOUS)
		row->by_irq =
			KT_CALL(x->s->irq, name, x->run, b->cause == KT_DISTURB_SOFTIRQ, b->by);
	else if (!is_irq && b->by && b->by != KT_BLAME_VARIOUS)
		row->by_utid = KT_CALL(x->s->names, utid, x->run, b->by, 0);
	return !is_irq || x->row->irq_ns != KT_NULL;
}

static int find_disturbed(struct finding *x, const struct parcel *p)
{
	struct parcel_row *row = x->row;
	bool known = x->s->task.ops && p->tid;
	int64_t at = p->start_ns;
	int err = 0;

	x->s->blames.n = 0;
	row->runq_ns = row->irq_ns = row->softirq_ns = 0;
	for (int i = 0; i < N_STAGES && known && !err; i++) {
		int64_t end = row->stage_ns[i] != KT_NULL ? at + row->stage_ns[i] : at;

		x->stage = i;
		if (stages[i].must_run && end > at)
			err = KT_CALL(x->s->task, disturbances, p->run, p->tid, at, end, false,
				      on_disturbed, x);
		known = err != -ENOENT;
		at = end;
	}
	if (!known) {
		x->s->blames.n = 0;
		row->runq_ns = row->irq_ns = row->softirq_ns = KT_NULL;
		return 0;
	}
	if (!kt_run_hooked(x->s->e, p->run, "irq", "irq_handler_exit"))
		row->irq_ns = row->softirq_ns = KT_NULL;
	return err;
}

/* ------------------------------------------------------------------ the end of a parcel */

static void leave_carrier(struct run *r, const struct parcel *p)
{
	if (p->carrier && kt_hash_get(&r->carriers, p->carrier) == p)
		kt_hash_del(&r->carriers, p->carrier);
}

static void unlink_parcel(struct state *s, struct parcel *p)
{
	struct run *r = s->runs.v[p->run];

	kt_hash_del(&r->open, p->addr);
	leave_carrier(r, p);
	kt_list_remove(&s->by_age, &p->age);
	s->n_open--;
}

static int count(struct state *s, const struct parcel *p, const struct parcel_row *row,
		 enum kt_state state, int64_t end_ns, kt_flow_ref *ret_ref)
{
	struct kt_flow f;

	kt_flow_init(&f, p->run, p->id);
	f.state = state;
	f.kind = row->kind;
	f.op = row->op;
	f.via = row->via;
	f.object_id = row->route_id;
	f.utid = row->utid;
	f.ucgid = row->ucgid;
	f.error = row->error;
	f.end_ns = end_ns;
	f.dur_ns = row->dur_ns;
	f.size_bytes = row->size_bytes;
	f.n_lower = row->n_bios;
	memcpy(f.stage_ns, row->stage_ns, sizeof(row->stage_ns));
	f.runq_ns = row->runq_ns;
	f.irq_ns = row->irq_ns;
	f.softirq_ns = row->softirq_ns;
	f.served_ns = row->stage_ns[VAN];
	f.served_from_ns = f.served_ns != KT_NULL ? p->mark_ns[VAN] : KT_NULL;
	return kt_flow_end(s->e, &parcel_kind, &f, ret_ref);
}

/* Writes its row and forgets it. end_ns KT_NULL: not seen, then how says why; KT_STATE_OPEN: it was lost. */
static int end_parcel(struct state *s, struct parcel *p, int64_t end_ns, int32_t result,
		      enum kt_state how)
{
	static const char *const ops[] = {"send", "fetch"}, *const kinds[] = {"letter", "advert"};
	bool born = p->start_ns != KT_NULL, ended = end_ns != KT_NULL;
	enum kt_state state = kt_flow_final_state(s->e, p->run, "parcel", p->start_ns, end_ns,
						  !ended && how == KT_STATE_OPEN, how);
	struct parcel_row row = {
		.parcel_id = p->id,
		.run_id = p->run + 1,
		.kind = born && p->kind < KT_ARRAY_SIZE(kinds) ? kinds[p->kind] : NULL,
		.op = born && p->op < KT_ARRAY_SIZE(ops) ? ops[p->op] : NULL,
		.via = !ended	    ? NULL
		       : result < 0 ? "refused"
				    : "home",
		.label = p->label[0] ? p->label : NULL,
		.route_id = p->route_id,
		.in_parcel_id = p->in_id,
		.utid = p->utid,
		.ucgid = p->ucgid,
		.size_bytes = born && p->size != NOT_WEIGHED ? (int64_t)p->size : KT_NULL,
		.start_ns = p->start_ns,
		.dur_ns = born && ended ? end_ns - p->start_ns : KT_NULL,
		.runq_ns = KT_NULL,
		.irq_ns = KT_NULL,
		.softirq_ns = KT_NULL,
		.n_bios = born ? p->n_bios : KT_NULL,
		.error = ended && result < 0 ? result : KT_NULL,
		.state = kt_state_name(state),
	};
	struct finding finding = {s, &row, p->run, 0};
	bool counts = state == KT_STATE_WHOLE && row.error == KT_NULL;
	kt_flow_ref ref = 0;
	int err = 0;

	set_stages(p, end_ns, row.stage_ns);
	s->blames.n = 0;
	if (row.dur_ns != KT_NULL)
		err = find_disturbed(&finding, p);
	if (!err)
		err = kt_flow_insert(s->e, &parcel_kind, p->id, &parcel_table, &row);
	if (!err)
		err = count(s, p, &row, state, end_ns, &ref);
	if (!err)
		err = kt_blames_write(s->e, &parcel_kind, p->id, end_ns, counts ? &ref : NULL,
				      &s->blames, name_blame, &finding);
	unlink_parcel(s, p);
	kt_slab_put(&s->parcels, p);
	return err;
}

/* ------------------------------------------------------------------ events */

static int new_parcel(struct state *s, const struct kt_ev *ev, uint64_t addr, int64_t start_ns,
		      struct parcel **ret)
{
	struct run *r = kt_vec_zeroed(&s->runs, ev->run);
	struct parcel *p;
	int err = 0;

	if (s->n_open >= MAX_OPEN) {
		p = kt_list_first(&s->by_age, struct parcel, age);
		s->runs.v[p->run]->n_evicted++;
		err = end_parcel(s, p, KT_NULL, 0, KT_STATE_EVICTED);
	}
	p = !err && r ? kt_slab_get(&s->parcels) : NULL;
	if (!p)
		return err ? err : -ENOMEM;
	err = kt_hash_put(&r->open, addr, p);
	if (err) {
		kt_slab_put(&s->parcels, p);
		return err;
	}
	kt_list_append(&s->by_age, &p->age);
	s->n_open++;
	p->addr = addr;
	p->run = ev->run;
	p->id = kt_next_id(s->e, &parcel_table);
	p->in_id = p->utid = p->ucgid = p->route_id = KT_NULL;
	p->start_ns = start_ns;
	for (int i = 0; i < N_STAGES; i++)
		p->mark_ns[i] = KT_NULL;
	*ret = p;
	return kt_flow_begin(s->e, &parcel_kind, p->id, start_ns, true);
}

static struct parcel *find(struct state *s, uint32_t run, uint64_t addr)
{
	return run < s->runs.n ? kt_hash_get(&s->runs.v[run]->open, addr) : NULL;
}

static int64_t last_mark(const struct parcel *p)
{
	int64_t last = p->start_ns;

	for (int i = 0; i < N_STAGES; i++)
		last = KT_MAX(last, p->mark_ns[i]); /* KT_NULL is smaller than any time */
	return last;
}

static int on_post(void *self, const struct kt_ev *ev)
{
	const struct kt_parcel_post *d = ev->data;
	struct state *s = self;
	struct route *route = route_of(s, ev->run, d->route);
	struct parcel *p = find(s, ev->run, d->parcel), *in;
	int err = route ? 0 : -ENOMEM;

	if (p && !err)
		err = kt_missed(s->e, ev->run, ev->cpu, last_mark(p), ev->t_ns);
	if (p && !err)
		err = end_parcel(s, p, KT_NULL, 0, KT_STATE_OPEN);
	if (!err)
		err = new_parcel(s, ev, d->parcel, ev->t_ns, &p);
	if (err)
		return err;
	p->mark_ns[WRAP] = ev->t_ns;
	p->route_id = route->id;
	p->tid = d->tid;
	p->utid = KT_CALL(s->names, utid, ev->run, d->tid, d->tgid);
	p->ucgid = KT_CALL(s->names, ucgid, ev->run, KT_CGROUP_V2, d->cgroup);
	p->size = d->size;
	p->op = d->op;
	p->kind = d->kind;
	memcpy(p->label, d->label, sizeof(d->label));
	in = d->in ? find(s, ev->run, d->in) : NULL;
	if (!in || in == p)
		return 0;
	p->in_id = in->id;
	return kt_flow_link(s->e, &parcel_kind, in->id, &parcel_kind, p->id);
}

/* A mark of a parcel whose birth was not seen says nothing: it has no row before its end. */
static int on_box(void *self, const struct kt_ev *ev)
{
	const struct kt_parcel_box *d = ev->data;
	struct state *s = self;
	struct parcel *p = find(s, ev->run, d->parcel);

	if (!p)
		return 0;
	p->mark_ns[BOX] = ev->t_ns;
	leave_carrier(s->runs.v[ev->run], p);
	p->carrier = d->tid;
	return d->tid ? kt_hash_put(&s->runs.v[ev->run]->carriers, d->tid, p) : 0;
}

static int on_load(void *self, const struct kt_ev *ev)
{
	const struct kt_parcel_load *d = ev->data;
	struct parcel *p = find(self, ev->run, d->parcel);

	if (!p)
		return 0;
	if (d->held_ns)
		p->mark_ns[CUSTOMS] = KT_MAX(last_mark(p), ev->t_ns - (int64_t)d->held_ns);
	p->mark_ns[VAN] = ev->t_ns;
	return 0;
}

static int on_ring(void *self, const struct kt_ev *ev)
{
	const struct kt_parcel_ring *d = ev->data;
	struct parcel *p = find(self, ev->run, d->parcel);

	if (p)
		p->mark_ns[BELL] = ev->t_ns;
	return 0;
}

static int on_take(void *self, const struct kt_ev *ev)
{
	const struct kt_parcel_take *d = ev->data;
	struct state *s = self;
	struct parcel *p = find(s, ev->run, d->parcel);
	int err = 0;

	if (!p && kt_run_filtered(s->e, ev->run)) /* somebody else's */
		return 0;
	if (!p)
		err = new_parcel(s, ev, d->parcel, KT_NULL, &p);
	return err ? err : end_parcel(s, p, ev->t_ns, d->result, KT_STATE_OPEN);
}

static int on_route(void *self, const struct kt_ev *ev)
{
	const struct kt_parcel_route *d = ev->data;
	struct route *x = route_of(self, ev->run, d->route);

	if (!x)
		return -ENOMEM;
	memcpy(x->name, d->name, sizeof(d->name));
	return 0;
}

/* A bio was queued: by a task that moves a parcel? */
static int on_bio(void *arg, const struct kt_ev *ev, const struct kt_bio_queue *d, int64_t bio_id,
		  int64_t parent_bio_id, struct kt_bio_cause *c)
{
	struct state *s = arg;
	struct parcel *p =
		ev->run < s->runs.n ? kt_hash_get(&s->runs.v[ev->run]->carriers, d->tid) : NULL;
	int err;

	if (!p || parent_bio_id != KT_NULL)
		return 0;
	p->n_bios++;
	err = kt_flow_link(s->e, &parcel_kind, p->id, &kt_bio_kind, bio_id);
	return err ? err
		   : kt_flow_insert(s->e, &parcel_kind, p->id, &bio_table,
				    &(struct bio_row){p->id, bio_id});
}

static const struct kt_bio_observer observer = {.queued = on_bio};

static const struct kt_handler handlers[] = {
	{KT_EV_parcel_post, on_post},
	{KT_EV_parcel_box, on_box},
	{KT_EV_parcel_load, on_load},
	{KT_EV_parcel_ring, on_ring},
	{KT_EV_parcel_take, on_take},
	{KT_EV_parcel_route, on_route},
	{0},
};

/* ------------------------------------------------------------------ the tracker */

static int init(void *self, struct kt_engine *e)
{
	struct state *s = self;

	s->e = e;
	s->parcels.size = sizeof(struct parcel);
	s->names.ops = kt_service(e, "core", &s->names.self);
	s->bio.ops = kt_service(e, "bio", &s->bio.self);
	s->task.ops = kt_service(e, "sched", &s->task.self);
	s->irq.ops = kt_service(e, "irq", &s->irq.self);
	if (!s->names.ops || !s->bio.ops)
		return -EINVAL;
	return KT_CALL(s->bio, observe, &observer, s);
}

static int ended(void *self, uint32_t run, int64_t end_ns)
{
	struct state *s = self;
	struct parcel *p, *next;
	int err = 0;

	(void)end_ns;
	for (p = kt_list_first(&s->by_age, struct parcel, age); p && !err; p = next) {
		next = kt_list_next(p, age);
		if (p->run == run)
			err = end_parcel(s, p, KT_NULL, 0, KT_STATE_OPEN_AT_END);
	}
	return err;
}

static int done(void *self)
{
	struct state *s = self;
	int err = 0;

	for (size_t i = 0; i < s->routes.n && !err; i++) {
		const struct route *x = s->routes.v[i];
		struct route_row row = {x->id, x->run + 1, x->number, x->name[0] ? x->name : NULL};

		err = kt_insert(s->e, &route_table, &row);
	}
	for (uint32_t i = 0; i < s->runs.n && !err; i++)
		if (s->runs.v[i]->n_evicted)
			err = kt_audit(s->e, i, "evicted parcels", KT_NULL, s->runs.v[i]->n_evicted,
				       0, 0);
	return err;
}

static void finish(void *self)
{
	struct state *s = self;

	for (size_t i = 0; i < s->runs.n; i++) {
		kt_hash_finish(&s->runs.v[i]->open);
		kt_hash_finish(&s->runs.v[i]->carriers);
		kt_hash_finish(&s->runs.v[i]->routes);
		free(s->runs.v[i]);
	}
	for (size_t i = 0; i < s->routes.n; i++)
		free(s->routes.v[i]);
	kt_vec_finish(&s->runs);
	kt_vec_finish(&s->routes);
	kt_vec_finish(&s->blames);
	kt_slab_finish(&s->parcels);
}

static const char *const after[] = {"core", "bio", "sched", "irq", NULL};

const struct kt_tracker kt_tracker_parcel = {
	.family = "parcel",
	.after = after,
	.tables = tables,
	.flows = flows,
	.objects = "SELECT 'parcel_route', route_id, +run_id, ifnull(name, '#' || number), "
		   "NULL, NULL FROM parcel_route",
	.on = handlers,
	.indexes =
		"CREATE INDEX parcel_in ON parcel(in_parcel_id) WHERE in_parcel_id IS NOT NULL;\n"
		"CREATE INDEX parcel_bio_parcel ON parcel_bio(parcel_id);\n",
	.state_size = sizeof(struct state),
	.init = init,
	.ended = ended,
	.done = done,
	.finish = finish,
};
