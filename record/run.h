/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One run of the recorder, from its options to its exit status. */
#ifndef KT_RECORD_RUN_H
#define KT_RECORD_RUN_H

#include "record/options.h"

/* Records. Returns the exit status; errors were reported. */
int kt_record(const struct kt_options *o);
/* Prints the probe manifest of this kernel. */
int kt_list_probes(const struct kt_options *o);

#endif
