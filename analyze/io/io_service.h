/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What other families may ask of io. */
#ifndef KT_ANALYZE_IO_IO_SERVICE_H
#define KT_ANALYZE_IO_IO_SERVICE_H

#include "analyze/engine/tracker.h"

struct kt_svc_io {
	/* The io of the current io_call, io_call_begin or io_submit; KT_NULL = it is not an io. For trackers after io. */
	int64_t (*of_event)(void *self, const struct kt_ev *ev);
};

struct kt_ios {
	const struct kt_svc_io *ops;
	void *self;
};

#endif
