/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What is said on stderr during the run and at its end. */
#ifndef KT_RECORD_SUMMARY_H
#define KT_RECORD_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "record/cost.h"
#include "record/drain.h"

/* One line that is overwritten, only on a terminal. */
struct kt_status_line {
	bool on;
	uint64_t start_ns, last_ns, events;
};

void kt_status_line_init(struct kt_status_line *p, uint64_t start_ns);
void kt_status_line_show(struct kt_status_line *p, uint64_t now_ns, const struct kt_drain_stats *st,
			 uint64_t bytes);
void kt_status_line_end(struct kt_status_line *p);

struct kt_summary {
	const char *path;
	uint64_t start_ns, end_ns; /* of recording, CLOCK_MONOTONIC */
	uint64_t bytes;		   /* of the file */
	uint64_t dropped;	   /* events missing from the file: disk full, or pipe closed */
	uint64_t cpu_ns;	   /* of our threads, from start_ns until everything was written */
	const char *priority;	   /* kt_priority_text(), may be NULL */
	uint64_t peak_bytes;
	const struct kt_drain_stats *drain;
	const struct kt_meter *meter;
};

void kt_summary_print(const struct kt_summary *s);

#endif
