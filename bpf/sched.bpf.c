// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* sched: switches and wake-ups. */
#include "bpf/ktrace.bpf.h"
