/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The state of the machine at the start and at the end of a run: the files of format/context.md. */
#ifndef KT_RECORD_CONTEXT_CONTEXT_H
#define KT_RECORD_CONTEXT_CONTEXT_H

#include <stdbool.h>

#include "format/ktr.h"
#include "record/session.h"

/* Contents of the file `recorder`; all borrowed. */
struct kt_context_recorder {
	const char *families, *filters, *command;
	bool no_cmdline;
};

/* Phase 0, the start: call these in order. All return 0 or -errno. */
struct kt_gather;
/* Before s is loaded: a thread collects what takes time while programs are loaded. recorder is copied, its texts are borrowed. */
int kt_context_start(const struct kt_context_recorder *recorder, const struct kt_session *s,
		     struct kt_gather **ret);
/* Waits for the thread, and adds probes, tasks and disks: later ones are in events. */
int kt_context_after_attach(struct kt_gather *g, const struct kt_session *s);
/* Right before recording is switched on: adds the counters of that moment. Frees g; the caller owns the context. */
int kt_context_before_on(struct kt_gather *g, struct ktr_context **ret);
/* Right after: interrupts once more, so that those in between are known. */
int kt_context_after_on(struct ktr_context *c);
/* Instead of kt_context_before_on(), if the run does not begin. g may be NULL. */
void kt_context_cancel(struct kt_gather *g);

/* Phase 2, the end. Right before recording is switched off: creates the context, with the interrupts. */
int kt_context_before_off(struct ktr_context **ret);
/* Right after: the counters of that moment. */
int kt_context_after_off(struct ktr_context *c);
/* Everything that may take time. */
int kt_context_finish(struct ktr_context *c, const struct kt_session *s);

#endif
