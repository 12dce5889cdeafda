/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Numbers of devices, as the kernel keeps them and events carry them: 12 bits of major, 20 of minor. 0 = none. */
#ifndef KT_BASE_DEV_H
#define KT_BASE_DEV_H

#include <stdint.h>

#define KT_DEV_MINOR_BITS 20
#define KT_DEV_MAX_MAJOR ((1u << 12) - 1)
#define KT_DEV_MAX_MINOR ((1u << KT_DEV_MINOR_BITS) - 1)

static inline uint32_t kt_dev_of(uint32_t major, uint32_t minor)
{
	return major << KT_DEV_MINOR_BITS | minor;
}

static inline uint32_t kt_dev_major(uint32_t dev)
{
	return dev >> KT_DEV_MINOR_BITS;
}

static inline uint32_t kt_dev_minor(uint32_t dev)
{
	return dev & KT_DEV_MAX_MINOR;
}

#endif
