/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory that the BPF programs and the recorder share, besides the rings.
 *
 * Map kt_stats: BPF_MAP_TYPE_ARRAY, mmapable, one struct kt_cpu_stat per possible CPU, indexed by CPU.
 * Map kt_rings: BPF_MAP_TYPE_ARRAY_OF_MAPS of one BPF_MAP_TYPE_RINGBUF per possible CPU. The recorder sizes both
 * before loading and puts the rings in.
 */
#ifndef KT_BPF_SHARED_H
#define KT_BPF_SHARED_H

#include "format/event.h"

/*
 * Written by its own CPU only. Per hook: runs = recorded + lost + filtered, where recorded are the
 * events of the hook's kind in the file (kt_hooks[].event). Counted only while kt_on is set. A hook cannot interrupt itself
 * on one CPU (the kernel refuses the inner run: recursion_misses of the program), so plain increments are exact.
 */
struct kt_cpu_stat {
	__u64 runs[KT_N_HOOKS];
	__u64 lost[KT_N_HOOKS];
	__u64 filtered[KT_N_HOOKS];

	/*
	 * Events lost since the recorder last took these over, by enum kt_loss, all hooks together (and
	 * further batches of one run, which lost[] does not count). BPF adds and stores; the recorder takes n by an
	 * atomic exchange with 0, then first_ns likewise. last_ns is not reset. first_ns 0: not known.
	 */
	__u64 pending_n[KT_N_LOSS];
	__u64 first_ns;
	__u64 last_ns;
} __attribute__((aligned(128)));

#endif
