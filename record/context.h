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
 * adds what is known after attaching; now adds the counters of the very moment, right before recording is switched on, on right after.
 */
struct kt_gather;
int kt_context_begin(const struct kt_context_run *run, const struct kt_session *s,
		     struct kt_gather **ret);
int kt_context_ready(struct kt_gather *g, const struct kt_session *s);
int kt_context_now(struct kt_gather *g, struct ktr_context **ret);
int kt_context_on(struct ktr_context *c);
void kt_context_cancel(struct kt_gather *g);

/*
 * Phase 2: off, right before recording is switched off, makes it; end_now reads the counters of the very moment, right after; end adds
 * the rest.
 */
int kt_context_off(struct ktr_context **ret);
int kt_context_end_now(struct ktr_context *c);
int kt_context_end(struct ktr_context *c, const struct kt_session *s);

#endif
