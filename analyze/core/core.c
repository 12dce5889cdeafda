/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * core: what all other families refer to: tasks, cgroups, devices; and the cost of recording, and the probes.
 *
 * Names come from the context of the start, from events, and from the context of the end, in that order. A row is
 * written for everything whose id was asked for, once its last name is known.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/core/core.h"
#include "analyze/engine/tracker.h"
#include "analyze/engine/tsv.h"
#include "format/base/macros.h"

/* ---------------------------------------------------------------- tables */

struct cost_row {
	int64_t run_id, start_ns, dur_ns, bpf_ns, user_ns, rss_bytes, events, bytes;
	const char *level;
};

static const struct kt_col cost_cols[] = {
	KT_COL(cost_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(cost_row, start_ns, KT_COL_INT, "ns", "since the epoch of the database"),
	KT_COL(cost_row, dur_ns, KT_COL_INT, "ns", "length of the interval"),
	KT_COL(cost_row, bpf_ns, KT_COL_INT, "ns",
	       "run time of the BPF programs, all CPUs, estimated"),
	KT_COL(cost_row, user_ns, KT_COL_INT, "ns", "CPU time of the recorder"),
	KT_COL(cost_row, rss_bytes, KT_COL_INT, "bytes", "memory of the recorder, rings included"),
	KT_COL(cost_row, events, KT_COL_INT, "", "events recorded"),
	KT_COL(cost_row, bytes, KT_COL_INT, "bytes", "written to the file"),
	KT_COL(cost_row, level, KT_COL_TEXT, "",
	       "detail shed to stay within the budget: none, 1, 2, ..."),
};

static const struct kt_table cost_table = {
	.name = "cost",
	.doc = "what recording cost, interval by interval",
	.cols = cost_cols,
	.n_cols = KT_ARRAY_SIZE(cost_cols),
};

struct probe_row {
	int64_t run_id;
	const char *family, *hook, *variant, *state, *reason;
	int64_t runs, lost, filtered;
};

static const struct kt_col probe_cols[] = {
	KT_COL(probe_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(probe_row, family, KT_COL_TEXT, "", "family of the hook"),
	KT_COL(probe_row, hook, KT_COL_TEXT, "", "place in the kernel"),
	KT_COL(probe_row, variant, KT_COL_TEXT, "",
	       "variant chosen for this kernel; NULL: there is only one"),
	KT_COL(probe_row, state, KT_COL_TEXT, "", "attached missing refused off"),
	KT_COL(probe_row, reason, KT_COL_TEXT, "", "why it is not attached"),
	KT_COL(probe_row, runs, KT_COL_INT, "",
	       "times it ran; NULL: the end of the run was not recorded"),
	KT_COL(probe_row, lost, KT_COL_INT, "", "of these, events lost"),
	KT_COL(probe_row, filtered, KT_COL_INT, "", "of these, left out by a filter"),
};

static const struct kt_table probe_table = {
	.name = "probe",
	.doc = "the hooks of each run, and how often they ran",
	.cols = probe_cols,
	.n_cols = KT_ARRAY_SIZE(probe_cols),
};

static const struct kt_table *const tables[] = {
	&kt_device_table, &kt_cgroup_table, &kt_task_table, &kt_task_name_table,
	&probe_table,	  &cost_table,	    NULL,
};

/* ---------------------------------------------------------------- events */

static int on_task_new(void *self, const struct kt_ev *ev)
{
	struct kt_core_run *r = kt_core_run(self, ev->run);

	return r ? kt_task_born(self, r, ev) : -ENOMEM;
}

static int on_task_comm(void *self, const struct kt_ev *ev)
{
	struct kt_core_run *r = kt_core_run(self, ev->run);

	return r ? kt_task_renamed(self, r, ev) : -ENOMEM;
}

static int on_task_exit(void *self, const struct kt_ev *ev)
{
	const struct kt_task_exit *t = ev->data;
	struct kt_core_run *r = kt_core_run(self, ev->run);

	if (!r)
		return -ENOMEM;
	kt_task_gone(r, t->tid);
	return 0;
}

static int on_cgroup_new(void *self, const struct kt_ev *ev)
{
	const struct kt_cgroup_new *g = ev->data;
	struct kt_core_run *r = kt_core_run(self, ev->run);
	char path[sizeof(g->path) + 4];

	if (!r)
		return -ENOMEM;
	if (g->hierarchy) /* v1: its number does not tell its controllers; the context of the end does */
		return 0;
	memcpy(path, g->path, sizeof(g->path));
	path[sizeof(g->path)] = '\0';
	if (strlen(path) >= sizeof(g->path) - 1)
		strcat(path, "...");
	return kt_cgroup_named(r, "v2", g->cgroup, path);
}

static int on_device(void *self, const struct kt_ev *ev)
{
	struct kt_core_run *r = kt_core_run(self, ev->run);

	return r ? kt_device_told(r, ev->data, ev->t_ns) : -ENOMEM;
}

static int on_cost(void *self, const struct kt_ev *ev)
{
	struct kt_core *c = self;
	const struct kt_cost *x = ev->data;
	char level[16] = "none";
	struct cost_row row = {
		.run_id = ev->run + 1,
		.start_ns = ev->t_ns - (int64_t)x->dur_ns,
		.dur_ns = x->dur_ns,
		.bpf_ns = x->bpf_ns == UINT64_MAX ? KT_NULL : (int64_t)x->bpf_ns,
		.user_ns = x->user_ns,
		.rss_bytes = x->rss_bytes,
		.events = x->events,
		.bytes = x->bytes,
		.level = level,
	};

	if (x->level)
		snprintf(level, sizeof(level), "%u", x->level);
	return kt_insert(c->e, &cost_table, &row);
}

static const struct kt_handler handlers[] = {
	{KT_EV_task_new, on_task_new},
	{KT_EV_task_comm, on_task_comm},
	{KT_EV_task_exit, on_task_exit},
	{KT_EV_cgroup_new, on_cgroup_new},
	{KT_EV_device, on_device},
	{KT_EV_cost, on_cost},
	{0},
};

/* ---------------------------------------------------------------- context */

static int keep_probes(struct kt_core_run *r, const void *data, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	free(r->probes);
	r->probes = copy;
	r->probes_len = len;
	return 0;
}

static int core_context(void *self, uint32_t run, uint32_t phase, const char *name,
			const void *data, size_t len)
{
	static const struct {
		const char *name;
		int (*fn)(struct kt_core_run *r, struct kt_tsv *t);
		bool header;
	} files[] = {
		{"recorder", kt_tasks_recorder, false}, {"tasks", kt_tasks_context, true},
		{"io_cgroups", kt_cgroups_io, false},	{"cgroups", kt_cgroups_context, true},
		{"disks", kt_devices_context, true},
	};
	struct kt_core_run *r = kt_core_run(self, run);

	if (!r)
		return -ENOMEM;
	if (!strcmp(name,
		    "probes")) /* that of the end, which has the counts, replaces that of the start */
		return keep_probes(r, data, len);
	for (size_t i = 0; i < KT_ARRAY_SIZE(files); i++) {
		struct kt_tsv t;
		int err;

		if (strcmp(name, files[i].name))
			continue;
		err = files[i].header ? kt_tsv_init(&t, data, len)
				      : kt_tsv_init_plain(&t, data, len);
		if (!err)
			err = files[i].fn(r, &t);
		kt_tsv_finish(&t);
		return err;
	}
	return 0;
}

/* ---------------------------------------------------------------- the end */

static int write_probes(struct kt_core *c, const struct kt_core_run *r)
{
	struct kt_tsv t;
	int err;

	if (!r->probes)
		return 0;
	err = kt_tsv_init(&t, r->probes, r->probes_len);
	while (!err && kt_tsv_next(&t)) {
		struct probe_row row = {
			.run_id = r->run + 1,
			.family = kt_tsv_get(&t, "family"),
			.hook = kt_tsv_get(&t, "hook"),
			.variant = kt_tsv_get(&t, "variant"),
			.state = kt_tsv_get(&t, "state"),
			.reason = kt_tsv_get(&t, "reason"),
			.runs = kt_tsv_int(&t, "runs"),
			.lost = kt_tsv_int(&t, "lost"),
			.filtered = kt_tsv_int(&t, "filtered"),
		};

		err = kt_insert(c->e, &probe_table, &row);
	}
	kt_tsv_finish(&t);
	return err;
}

static int core_done(void *self)
{
	struct kt_core *c = self;
	int err = 0;

	for (size_t i = 0; !err && i < c->runs.n; i++) {
		struct kt_core_run *r = c->runs.v[i];

		err = write_probes(c, r);
		if (!err)
			err = kt_tasks_write(c, r); /* first: it may ask for cgroups */
		if (!err)
			err = kt_cgroups_write(c, r);
		if (!err)
			err = kt_devices_write(c, r);
	}
	return err;
}

static const struct kt_svc_names names = {
	.utid = kt_core_utid,
	.ucgid = kt_core_ucgid,
	.device = kt_core_device,
	.disk = kt_core_disk,
	.is_partition = kt_core_is_partition,
	.is_worker = kt_core_is_worker,
};

static int core_init(void *self, struct kt_engine *e)
{
	struct kt_core *c = self;

	c->e = e;
	return kt_service_provide(e, "core", &names, self);
}

static void core_finish(void *self)
{
	struct kt_core *c = self;

	for (size_t i = 0; i < c->runs.n; i++) {
		struct kt_core_run *r = c->runs.v[i];

		kt_tasks_finish(r);
		kt_cgroups_finish(r);
		kt_devices_finish(r);
		free(r->probes);
		free(r);
	}
	kt_vec_finish(&c->runs);
	kt_vec_finish(&c->devices);
}

const struct kt_tracker kt_tracker_core = {
	.family = "core",
	.tables = tables,
	.objects = "SELECT 'device', device_id, +run_id, ifnull(name, dev), +parent_id, +dev FROM "
		   "device",
	.on = handlers,
	.state_size = sizeof(struct kt_core),
	.init = core_init,
	.context = core_context,
	.indexes = "CREATE INDEX task_name_utid ON task_name(utid);\n",
	.done = core_done,
	.finish = core_finish,
};
