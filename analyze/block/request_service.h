/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What other families may ask of request. */
#ifndef KT_ANALYZE_BLOCK_REQUEST_SERVICE_H
#define KT_ANALYZE_BLOCK_REQUEST_SERVICE_H

#include <stdint.h>

extern const struct kt_flow_kind kt_request_kind;

struct kt_svc_request {
	/*
	 * The request last completed, or partly, on that CPU at or before t_ns, if it is among the last few that are
	 * remembered: what an interrupt that wakes a task at t_ns has just completed. -ENOENT. *ret_bio_id: its last bio,
	 * KT_NULL = none; *ret_end_ns: when.
	 */
	int (*completed)(void *self, uint32_t run, uint32_t cpu, int64_t t_ns,
			 int64_t *ret_request_id, int64_t *ret_bio_id, int64_t *ret_end_ns);
	/* The live request at that address: the id of its future row, and the io of its first bio, KT_NULL = not known. -ENOENT. */
	int (*live)(void *self, uint32_t run, uint64_t rq, int64_t *ret_request_id,
		    int64_t *ret_io_id);
};

struct kt_requests {
	const struct kt_svc_request *ops;
	void *self;
};

#endif
