/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What was true at the start and at the end of a run: the files of format/context.md. */
#ifndef KT_RECORD_CONTEXT_H
#define KT_RECORD_CONTEXT_H

#include <stdbool.h>

#include "format/ktr.h"
#include "record/session.h"

/* What the file `recorder` says; all borrowed. */
struct kt_context_run {
	const char *families, *filters, *command;
	bool no_cmdline;
};

/*
 * Phase 0: begin, before s is loaded, starts a thread that gathers what takes time, while programs are loaded; ready waits for it and
 * adds what is known after attaching; now adds the counters of the very moment, right before recording is switched on.
 */
struct kt_gather;
int kt_context_begin(const struct kt_context_run *run, const struct kt_session *s,
		     struct kt_gather **ret);
int kt_context_ready(struct kt_gather *g, const struct kt_session *s);
int kt_context_now(struct kt_gather *g, struct ktr_context **ret, uint64_t *ret_since_ns);
void kt_context_cancel(struct kt_gather *g);

/* Phase 2: now reads the counters of the very moment, right after recording was switched off; end adds the rest. */
int kt_context_end_now(struct ktr_context **ret, uint64_t *ret_until_ns);
int kt_context_end(struct ktr_context *c, const struct kt_session *s, const uint64_t edge_ns[2]);

#endif
