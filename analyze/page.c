// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The tracker page: dirty pages and who writes them. */
#include "analyze/flow.h"

static const char *const after[] = {"core", "bio", "request", NULL};

const struct kt_tracker kt_tracker_page = {
	.family = "page",
	.after = after,
};
