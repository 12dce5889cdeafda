/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Unpacks the context of recordings: --context. */
#ifndef KT_ANALYZE_UNPACK_H
#define KT_ANALYZE_UNPACK_H

#include "analyze/inputs.h"

/*
 * To dir/start and dir/end; with several recordings, to dir/1/start and so on. Errors were logged. -ENODATA: there is
 * no context at all; -EEXIST: one of those is not empty, and force is not set.
 */
int kt_unpack(const char *dir, const struct kt_opened *opened, size_t n, bool force);

#endif
