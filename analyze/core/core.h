/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Inside the core tracker: what it knows of each run. core.c has the tracker, runs.c its state per run; tasks.c,
 * cgroups.c and devices.c have one kind of name each, with its table.
 */
#ifndef KT_ANALYZE_CORE_CORE_H
#define KT_ANALYZE_CORE_CORE_H

#include "analyze/core/core_service.h"
#include "analyze/engine/tracker.h"
#include "analyze/engine/tsv.h"
#include "format/base/array.h"
#include "format/base/hash.h"

struct kt_core_run {
	uint32_t run;

	/* tasks.c */
	struct kt_hash tasks;  /* tid → its current or last life */
	int64_t recorder_tgid; /* 0: not known */
	uint64_t n_births;

	/* cgroups.c */
	KT_VEC(struct kt_hierarchy *) hierarchies;
	char *io_hierarchy; /* NULL: not known */

	/* devices.c */
	struct kt_hash devices; /* dev → what it stands for now */
	bool devices_read;	/* the context of the start was read */

	char *probes; /* the context file, the latest */
	size_t probes_len;
};

struct device;

struct kt_core {
	struct kt_engine *e;
	KT_VEC(struct kt_core_run *) runs;
	KT_VEC(struct device *) devices; /* by device_id - 1 */
};

/* runs.c: created on first use. NULL: no memory. */
struct kt_core_run *kt_core_run(struct kt_core *c, uint32_t run);

/* What struct kt_svc_names offers. */
int64_t kt_core_utid(void *self, uint32_t run, uint32_t tid, uint32_t tgid);
int64_t kt_core_ucgid(void *self, uint32_t run, enum kt_cgroup_hierarchy h, uint64_t cgroup);
int64_t kt_core_device(void *self, uint32_t run, uint32_t dev);
int64_t kt_core_disk(void *self, int64_t device_id);
int kt_core_is_partition(void *self, uint32_t run, uint32_t dev);
bool kt_core_is_worker(void *self, uint32_t run, uint32_t tid);

/* tasks.c */
extern const struct kt_table kt_task_table, kt_task_name_table;
int kt_task_born(struct kt_core *c, struct kt_core_run *r, const struct kt_ev *ev);
int kt_task_renamed(struct kt_core *c, struct kt_core_run *r, const struct kt_ev *ev);
void kt_task_gone(struct kt_core_run *r, uint32_t tid);
int kt_tasks_recorder(struct kt_core_run *r, struct kt_tsv *t);
int kt_tasks_context(struct kt_core_run *r, struct kt_tsv *t);
int kt_tasks_write(struct kt_core *c, struct kt_core_run *r);
void kt_tasks_finish(struct kt_core_run *r);

/* cgroups.c */
extern const struct kt_table kt_cgroup_table;
int kt_cgroup_named(struct kt_core_run *r, const char *hierarchy, uint64_t id, const char *path);
int kt_cgroups_io(struct kt_core_run *r, struct kt_tsv *t);
int kt_cgroups_context(struct kt_core_run *r, struct kt_tsv *t);
int kt_cgroups_write(struct kt_core *c, struct kt_core_run *r);
void kt_cgroups_finish(struct kt_core_run *r);

/* devices.c */
extern const struct kt_table kt_device_table;
int kt_device_told(struct kt_core_run *r, const struct kt_device *ev, int64_t t_ns);
int kt_devices_context(struct kt_core_run *r, struct kt_tsv *t);
int kt_devices_write(struct kt_core *c, struct kt_core_run *r);
void kt_devices_finish(struct kt_core_run *r);

#endif
