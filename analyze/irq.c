// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The tracker irq: hard and soft interrupts. */
#include "analyze/flow.h"

static const char *const after[] = {"core", "bio", "request", NULL};

const struct kt_tracker kt_tracker_irq = {
	.family = "irq",
	.after = after,
};
