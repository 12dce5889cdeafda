/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The few macros that everything uses. */
#ifndef KT_BASE_MACROS_H
#define KT_BASE_MACROS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define KT_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KT_MIN(a, b) ((a) < (b) ? (a) : (b))
#define KT_MAX(a, b) ((a) > (b) ? (a) : (b))
#define KT_ALIGN_UP(x, a) (((x) + (a)-1) & ~((__typeof__(x))(a)-1))

#define kt_likely(x) __builtin_expect(!!(x), 1)
#define kt_unlikely(x) __builtin_expect(!!(x), 0)

/* A variable whose fn(&variable) runs when it leaves its scope. */
#define kt_cleanup(fn) __attribute__((cleanup(fn)))

/* char *p kt_auto_free = …; any pointer from malloc. */
static inline void kt_free_ptr(void *p)
{
	free(*(void **)p);
}
#define kt_auto_free kt_cleanup(kt_free_ptr)

#define kt_printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
