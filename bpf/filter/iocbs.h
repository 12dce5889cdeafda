/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The iocbs of libaio that match filters. */
#ifndef KT_BPF_FILTER_IOCBS_H
#define KT_BPF_FILTER_IOCBS_H

#include "bpf/filter/filter.h"

/*
 * The iocbs that match, by their address in their process and the file or disk: whose a bio is that a kernel thread queues, behind a
 * cgroup's limit. They have no end; the one that was submitted first makes room.
 */
struct kt_filter_iocb {
	u64 address, file;
};

struct kt_filter_place {
	s64 offset;
	u64 size;
};

struct kt_filter_iocbs_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct kt_filter_iocb);
	__type(value, struct kt_filter_place);
};

/* Defined in core.bpf.c. */
extern struct kt_filter_iocbs_map kt_filter_iocbs SEC(".maps");

/* What a file is called in kt_filter_iocbs: a disk by its number, as a bio is that carries no file. */
static __always_inline u64 kt_iocb_file(u32 dev, u64 ino, u32 ino_dev)
{
	return ino ? ino ^ (u64)ino_dev << 40 : dev;
}

__noinline __attribute__((weak)) int kt_iocb_remember(u64 address, u64 file, s64 offset, u64 size)
{
	struct kt_filter_iocb key = {address, file};
	struct kt_filter_place place = {offset, size};

	return (int)bpf_map_update_elem(&kt_filter_iocbs, &key, &place, BPF_ANY);
}

/* offset: of the bio; -1 = not known. */
__noinline __attribute__((weak)) int kt_iocb_is_wanted(u64 address, u64 file, s64 offset)
{
	struct kt_filter_iocb key = {address, file};
	const struct kt_filter_place *place = bpf_map_lookup_elem(&kt_filter_iocbs, &key);

	return place &&
	       (offset < 0 || place->offset < 0 || (u64)(offset - place->offset) < place->size);
}

#endif
