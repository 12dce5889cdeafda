/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What recording costs. Timing one program run itself costs some 50 ns, so runs are timed only in short windows; the estimate is
 * a program's time per run there, times all its runs. The programs time themselves (KT_PROG): the kernel's own run-time
 * statistics do the same, but switching those on patches code on every CPU, which stops the CPUs for milliseconds in some VMs.
 */
#ifndef KT_RECORD_COST_H
#define KT_RECORD_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "record/compress.h"
#include "record/drain.h"
#include "record/session.h"

struct kt_meter_prog {
	uint64_t window_ns, window_runs; /* measured when the last window closed */
	double ns, n;			 /* run time and runs in windows; old ones may count less */
	uint64_t runs;			 /* our own counter when the cost was last computed */
};

struct kt_meter {
	struct kt_session *session;
	bool is_open;		 /* a window is */
	bool known;		 /* some run times were seen */
	uint64_t window_edge_ns; /* when it closes, or the next one opens */
	uint64_t next_ns;	 /* when the next cost event is due */

	uint64_t since_ns, cpu_ns, events, bytes, lost; /* at the last cost event */
	uint64_t start_ns, start_cpu_ns;		/* at the run's start */
	double bpf_ns;					/* since the run's start */
	struct kt_meter_prog progs[KT_N_HOOKS];
};

/* s is borrowed and must outlive it. */
void kt_meter_init(struct kt_meter *c, struct kt_session *s);
/* The run begins. */
void kt_meter_start(struct kt_meter *c, uint64_t now_ns);
/* When to call kt_meter_tick() next, CLOCK_MONOTONIC. */
uint64_t kt_meter_due(const struct kt_meter *c);
/* Opens and closes windows, writes a cost event when one is due. */
void kt_meter_tick(struct kt_meter *c, uint64_t now_ns, const struct kt_drain *d,
		   struct kt_compress *to);
/* Closes a window that is open. */
void kt_meter_close_window(struct kt_meter *c);
/* Writes the last cost event. */
void kt_meter_write_last(struct kt_meter *c, uint64_t now_ns, const struct kt_drain *d,
			 struct kt_compress *to);

/* Resident memory now and at most so far, the rings included. */
uint64_t kt_meter_rss_bytes(void);
uint64_t kt_meter_peak_bytes(void);

#endif
