/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#ifndef KT_RECORD_CLOCKS_H
#define KT_RECORD_CLOCKS_H

#include <stdint.h>

#include "format/ktr.h"

/* CLOCK_MONOTONIC: the clock of every event. */
uint64_t kt_now_ns(void);
/* CPU time, user and system, of all threads of this process. */
uint64_t kt_cpu_ns(void);

/* All clocks at one instant: the best of a few tries. */
void kt_clocks_read(struct ktr_clocks *ret);

#endif
