// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The tracker io: what applications asked for. */
#include "analyze/flow.h"

static const char *const after[] = {"core", "bio", "request", NULL};

const struct kt_tracker kt_tracker_io = {
	.family = "io",
	.after = after,
};
