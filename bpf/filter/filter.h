/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Filters follow objects: whether a bio is wanted is decided once, when it is queued and its owner is known. From then on the bio,
 * and the request that carries it, are known by their addresses, in whatever context they proceed. Without filters nothing of this
 * is left in a program: kt_filter is a constant to the verifier.
 */
#ifndef KT_BPF_FILTER_FILTER_H
#define KT_BPF_FILTER_FILTER_H

#include "bpf/base/ktrace.bpf.h"

#define KT_FILTER_OF_TASK (KT_FILTER_PID | KT_FILTER_TID | KT_FILTER_COMM | KT_FILTER_CGROUP)
#define KT_FILTER_OF_FILE (KT_FILTER_FILE | KT_FILTER_DIR)
/* Not a filter: only the bios of an operation will tell on which disk it is. */
#define KT_FILTER_ANY_DISK (1u << 31)
_Static_assert(KT_FILTER_END <= KT_FILTER_ANY_DISK,
	       "the kinds of filters reach KT_FILTER_ANY_DISK");

/* Defined in core.bpf.c. */
extern const volatile struct kt_filter kt_filter;

/* Do these kinds satisfy all filters? */
static __always_inline bool kt_filter_all(u32 has)
{
	return (has & kt_filter.kinds) == kt_filter.kinds;
}

#endif
