/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory that the BPF programs and the recorder share.
 *
 * Map kt_stats: BPF_MAP_TYPE_ARRAY, mmapable, one struct kt_cpu_stat per possible CPU, indexed by CPU.
 * Map kt_rings: the same of struct kt_ring (bpf/base/ring_layout.h), which the recorder makes, of its size.
 */
#ifndef KT_BPF_BASE_SHARED_H
#define KT_BPF_BASE_SHARED_H

#include "format/event.h"

/*
 * Filters: what the recorder was told to record, in .rodata, so that without one their code is dead to the verifier. All given
 * kinds must match; several values of one kind: any of them.
 */
enum kt_filter_kind {
	KT_FILTER_PID = 1 << 0,
	KT_FILTER_TID = 1 << 1,
	KT_FILTER_COMM = 1 << 2,
	KT_FILTER_CGROUP = 1 << 3, /* this v2 cgroup and those below it */
	KT_FILTER_DISK = 1 << 4,   /* a disk with its partitions, or a partition */
	KT_FILTER_FILE = 1 << 5,
	KT_FILTER_DIR = 1 << 6, /* all files below it */
	KT_FILTER_OP = 1 << 7,
	KT_FILTER_END = 1 << 8, /* no kind: the first bit that is free */
};
#define KT_FILTER_MAX 16 /* values of one kind */

struct kt_filter_file {
	__u64 ino;
	__u32 dev;	  /* see kt_inode_dev() */
	__u32 generation; /* of the inode, which tells it from a later one of that number; 0 = not known */
};

_Static_assert(KT_N_IO_OPS <= 64, "kt_filter.io_ops has a bit for each");

struct kt_filter {
	__u32 kinds; /* enum kt_filter_kind: those given; 0 = none, all is recorded */
	__u32 n_pids, n_tids, n_comms, n_cgroups, n_disks, n_files, n_dirs;
	__u32 io_on_v2; /* the io controller is on the v2 tree: bi_blkg names cgroups of it */
	__u32 pad;
	__u64 io_ops;		       /* bit = enum kt_io_op */
	__u64 rq_ops;		       /* bit = REQ_OP_* of the running kernel */
	__u64 comms[KT_FILTER_MAX][2]; /* padded by 0 */
	__u64 cgroups[KT_FILTER_MAX];
	struct kt_filter_file files[KT_FILTER_MAX], dirs[KT_FILTER_MAX];
	__u32 pids[KT_FILTER_MAX]; /* their children are in map kt_filter_pids */
	__u32 tids[KT_FILTER_MAX];
	__u32 disks[KT_FILTER_MAX]; /* major << 20 | minor */
};

/*
 * Written by its own CPU only. Per hook: runs = recorded + lost + filtered, where recorded are the
 * events of the hook's kind in the file (kt_hooks[].event). Counted only while kt_on is set. A hook cannot interrupt itself
 * on one CPU (the kernel refuses the inner run: recursion_misses of the program), so plain increments are exact.
 */
struct kt_cpu_stat {
	struct kt_hook_stat {
		__u64 runs, lost, filtered;
		__u64 scratch; /* of the hook's program */
		/* While kt_measure is set: time and number of runs; and when the one under way began, 0 = it is not measured. */
		__u64 measured_ns, measured;
		__u64 begun_ns;
	} hook[KT_N_HOOKS];

	/*
	 * Events lost since the recorder last took these over, by enum kt_loss, all hooks together (and
	 * further batches of one run, which lost does not count). BPF adds and stores; the recorder takes n by an
	 * atomic exchange with 0, then first_ns likewise. last_ns is not reset. first_ns 0: not known.
	 */
	__u64 pending_n[KT_N_LOSS];
	__u64 first_ns;
	__u64 last_ns;
} __attribute__((aligned(128)));

#endif
