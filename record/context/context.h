/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What was true at the start and at the end of a run: the files of format/context.md. */
#ifndef KT_RECORD_CONTEXT_CONTEXT_H
#define KT_RECORD_CONTEXT_CONTEXT_H

#include <stdbool.h>

#include "format/ktr.h"
#include "record/session.h"

/* What the file `recorder` says; all borrowed. */
struct kt_context_recorder {
	const char *families, *filters, *command;
	bool no_cmdline;
};

/* Phase 0, what was true at the start: the calls in their order. All return 0 or -errno. */
struct kt_gather;
/* Before s is loaded: a thread gathers what takes time, while programs are loaded. recorder is copied, its texts are borrowed. */
int kt_context_start(const struct kt_context_recorder *recorder, const struct kt_session *s,
		     struct kt_gather **ret);
/* Waits for the thread, and adds probes, tasks and disks: what comes later is in events. */
int kt_context_after_attach(struct kt_gather *g, const struct kt_session *s);
/* Right before recording is switched on: adds the counters of that moment. Frees g, the context is the caller's. */
int kt_context_before_on(struct kt_gather *g, struct ktr_context **ret);
/* Right after: interrupts once more, so that those in between are known. */
int kt_context_after_on(struct ktr_context *c);
/* Instead of kt_context_before_on(), where the run does not begin. g may be NULL. */
void kt_context_cancel(struct kt_gather *g);

/* Phase 2, at the end. Right before recording is switched off: makes the context, with the interrupts. */
int kt_context_before_off(struct ktr_context **ret);
/* Right after: the counters of that moment. */
int kt_context_after_off(struct ktr_context *c);
/* All that may take its time. */
int kt_context_finish(struct ktr_context *c, const struct kt_session *s);

#endif
