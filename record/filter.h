/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Filters: turns the words of the command line into what the programs compare. */
#ifndef KT_RECORD_FILTER_H
#define KT_RECORD_FILTER_H

#include <bpf/btf.h>

#include "bpf/base/shared.h"
#include "record/options.h"

struct kt_filters {
	struct kt_filter f;
	char *text; /* for people: -p 12 --disk sda; "" = none; owned */
	uint32_t
		room; /* for matching objects in flight at once, and files written to; 0 = default */
};

/*
 * 0, or a negative errno after one line that says which value is wrong and why. kernel: its types, for the numbers of
 * operations.
 */
int kt_filters_resolve(const struct kt_options *o, const struct btf *kernel,
		       struct kt_filters *ret);
void kt_filters_finish(struct kt_filters *f);

/* filter_path.c: objects found by name in the file system. They say what is wrong. */
bool kt_filter_io_on_v2(void);
int kt_filter_find_cgroup(const char *path, uint64_t *ret_id);
int kt_filter_find_disk(const char *name, uint32_t *ret_dev);
int kt_filter_find_file(const char *path, bool dir, struct kt_filter_file *ret);

#endif
