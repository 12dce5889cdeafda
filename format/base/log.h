/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Messages of the tools, on stderr, each one line "NAME: text". The libraries (format/) never call these. log.c is part of
 * the static library all tools link.
 */
#ifndef KT_BASE_LOG_H
#define KT_BASE_LOG_H

#include "format/base/macros.h"

enum kt_log_level { KT_LOG_ERROR, KT_LOG_WARN, KT_LOG_INFO, KT_LOG_DEBUG };

extern enum kt_log_level kt_log_level; /* messages up to this level are printed; default INFO */

/* tool: static string, the program's name. */
void kt_log_init(const char *tool);
void kt_log(enum kt_log_level level, const char *fmt, ...) kt_printf_like(2, 3);

#define kt_error(...) kt_log(KT_LOG_ERROR, __VA_ARGS__)
#define kt_warn(...) kt_log(KT_LOG_WARN, __VA_ARGS__)
#define kt_info(...) kt_log(KT_LOG_INFO, __VA_ARGS__)
#define kt_debug(...) kt_log(KT_LOG_DEBUG, __VA_ARGS__)

#endif
