/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Times are int64_t ns; seconds are counted from the same zero, so that those before it are negative. */
#ifndef KT_BASE_TIME_H
#define KT_BASE_TIME_H

#include <stdint.h>

#define KT_NS_PER_S 1000000000ll

/* The second that holds ns: rounded down, also below zero. */
static inline int64_t kt_second_of(int64_t ns)
{
	return ns / KT_NS_PER_S - (ns % KT_NS_PER_S < 0);
}

#endif
