/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What other families may ask of core: the ids of tasks, cgroups and devices. */
#ifndef KT_ANALYZE_CORE_CORE_SERVICE_H
#define KT_ANALYZE_CORE_CORE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

enum kt_cgroup_hierarchy {
	KT_CGROUP_V2, /* task cgroups */
	KT_CGROUP_IO, /* the hierarchy that the io controller is on: v2, or v1:blkio */
};

/* Ids are created on first use, so that every id in use has a row. */
struct kt_svc_names {
	/* tid 0 of a CPU is its idle task. tgid 0 = not known here. */
	int64_t (*utid)(void *self, uint32_t run, uint32_t tid, uint32_t tgid);
	/* cgroup 0 → KT_NULL. */
	int64_t (*ucgid)(void *self, uint32_t run, enum kt_cgroup_hierarchy h, uint64_t cgroup);
	/*
	 * dev: (major << 20) | minor; 0 → KT_NULL. What it stands for at the current event: numbers are reused,
	 * so ask while something is in flight on it, not later.
	 */
	int64_t (*device)(void *self, uint32_t run, uint32_t dev);
	/* The disk that a partition is on; device_id itself if it is not a partition. */
	int64_t (*disk)(void *self, int64_t device_id);
	/* For a device in the context: 1 yes, 0 no, -1 not known. */
	int (*is_partition)(void *self, uint32_t run, uint32_t dev);
	/* Is it a kernel worker, as far as its name is known? */
	bool (*is_worker)(void *self, uint32_t run, uint32_t tid);
};

struct kt_names {
	const struct kt_svc_names *ops;
	void *self;
};

#endif
