/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Reports as one HTML page that needs nothing else: no network, no script to be read. Whatever figure it shows is the
 * JSON of the same report, which it carries too.
 */
#ifndef KT_REPORT_PAGE_PAGE_H
#define KT_REPORT_PAGE_PAGE_H

#include <stddef.h>

#include "report/options.h"

/*
 * Writes o->html ("-": stdout): all reports, or the one that was named. A file appears whole or not at all. 0 or -errno, -EINVAL is a
 * mistake in the command line; then err is one line.
 */
int kt_page_write(const struct kt_options *o, char *err, size_t err_size);

#endif
