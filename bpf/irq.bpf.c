// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* irq: hard and soft interrupts. */
#include "bpf/ktrace.bpf.h"
