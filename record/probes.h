/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The probe manifest: every hook that this program knows, and its state on this kernel. */
#ifndef KT_RECORD_PROBES_H
#define KT_RECORD_PROBES_H

#include <bpf/btf.h>
#include <stdint.h>
#include <stdio.h>

#include "format/event.h"

enum kt_probe_state {
	KT_PROBE_OFF,	  /* its family was not requested, or its module is not loaded */
	KT_PROBE_MISSING, /* this kernel lacks the tracepoint, or passes other arguments */
	KT_PROBE_REFUSED, /* the kernel refused to load or attach the program */
	KT_PROBE_READY,	  /* to be loaded and attached */
	KT_PROBE_ATTACHED,
};

struct kt_probe {
	enum kt_probe_state state;
	char reason[160];	       /* why it is not attached; "" = nothing to say */
	uint64_t runs, lost, filtered; /* of the run, once it has ended */
};

/* Sets off, missing or ready by the mask of families and the kernel's types. */
void kt_probes_check(struct kt_probe probes[KT_N_HOOKS], uint64_t families, const struct btf *btf);

/* Warns of the missing and refused ones, all in one line. Returns how many are attached. */
unsigned int kt_probes_warn(const struct kt_probe probes[KT_N_HOOKS]);

/* The table `probes` of format/context.md. counted: with runs, lost and filtered, else `-`. */
int kt_probes_write(FILE *f, const struct kt_probe probes[KT_N_HOOKS], bool counted);
/* The same for something else that the recorder cannot know, and why. */
void kt_probes_write_unknown(FILE *f, const char *family, const char *what, const char *why);

/* The same for users. */
void kt_probes_print(FILE *f, const struct kt_probe probes[KT_N_HOOKS]);

#endif
