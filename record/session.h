/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The kernel side of a run: programs, rings and counters, from loading to detaching. */
#ifndef KT_RECORD_SESSION_H
#define KT_RECORD_SESSION_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/base/shared.h"
#include "record/filter.h"
#include "record/options.h"
#include "record/probes.h"

struct ktrace_bpf;

struct kt_session {
	struct ktrace_bpf *skel;
	struct btf *btf;   /* of the running kernel; gone once loaded */
	uint64_t families; /* mask, see choose.h */
	struct kt_filters filters;
	struct kt_probe probes[KT_N_HOOKS];
	struct bpf_program *progs[KT_N_HOOKS]; /* NULL: not loaded */
	struct bpf_link *links[KT_N_HOOKS];    /* NULL: not attached */
	struct bpf_program *flushes[64];       /* by family; NULL: it accumulates nothing */
	uint64_t flush_refused;		       /* mask of families */
	/* What this recorder is not allowed to know, in words, for the manifest; "": nothing. */
	char no_symbols[192], no_tasks[192];
	uint32_t self;		   /* its own process, as the kernel numbers it */
	uint32_t n_cpus;	   /* possible ones: CPU i has ring i */
	size_t ring_bytes;	   /* of one ring */
	int rings_fd;		   /* 0: none yet */
	void *rings;		   /* see kt_session_ring() */
	struct kt_cpu_stat *stats; /* n_cpus of them, shared with the programs */
	struct {
		uint64_t runs, misses; /* when last checked */
	} refused[KT_N_HOOKS];
	uint64_t refused_ns; /* when all were last checked */
};

/* Privileges, kernel types, families: everything that can be checked before anything is created. Says what is wrong; -EINVAL: the options. */
int kt_session_init(struct kt_session *s, const struct kt_options *o);
/* Loads the programs that the kernel supports; refused ones are marked and left out. Says what is wrong. */
int kt_session_load(struct kt_session *s);
/* Attaches each program separately. -ENOENT, after saying so, if none could be attached. */
int kt_session_attach(struct kt_session *s);
void kt_session_set_on(struct kt_session *s, bool on);
/* Of one CPU. */
struct kt_ring *kt_session_ring(const struct kt_session *s, uint32_t cpu);
/* Makes the programs write what they accumulated (KT_FLUSH in bpf/base/ktrace.bpf.h) to the rings. */
void kt_session_flush(struct kt_session *s);
void kt_session_detach(struct kt_session *s);
/*
 * Runs that the kernel refused since the last call, because a program recursed on one CPU, become pending losses; now_ns: a time
 * before the call. The CPU is not known; they are counted for the first.
 */
void kt_session_take_refused(struct kt_session *s, uint64_t now_ns);
/* Programs time their runs from now on, or no longer. */
void kt_session_measure(struct kt_session *s, bool on);
/* For one hook, on all CPUs, since the start: time and number of the timed runs. */
void kt_session_measured(const struct kt_session *s, int hook, uint64_t *ret_ns,
			 uint64_t *ret_runs);
/* Adds up the counters of all CPUs into the probes. */
void kt_session_count(struct kt_session *s);
void kt_session_finish(struct kt_session *s);

#endif
