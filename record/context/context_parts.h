/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The parts of a context, one function per file. */
#ifndef KT_RECORD_CONTEXT_CONTEXT_PARTS_H
#define KT_RECORD_CONTEXT_CONTEXT_PARTS_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

#include "format/ktr.h"

/* Each adds its file. 0 or -errno. */
int kt_context_uname(struct ktr_context *c);
int kt_context_constants(struct ktr_context *c, const struct btf *btf);
int kt_context_cpus(struct ktr_context *c);
int kt_context_disks(struct ktr_context *c);
int kt_context_cgroups(struct ktr_context *c);
int kt_context_tasks(struct ktr_context *c, bool no_cmdline);

/* Where a cgroup hierarchy is mounted: "" = it is not. kind: `v2`, or a v1 controller such as `blkio`. */
void kt_cgroup_mount(const char *kind, char *buf, size_t size);

#endif
