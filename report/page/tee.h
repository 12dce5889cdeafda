/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One report to two outputs. */
#ifndef KT_REPORT_PAGE_TEE_H
#define KT_REPORT_PAGE_TEE_H

#include "report/output/output.h"

/* Owned from now on, also without memory (NULL); either may be NULL, which is no memory as well. Free with ops->destroy(). */
struct kt_output *kt_output_tee(struct kt_output *a, struct kt_output *b);

#endif
