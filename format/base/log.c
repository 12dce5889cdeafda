/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "format/base/log.h"

enum kt_log_level kt_log_level = KT_LOG_INFO;
static const char *tool_name = "ktrace";

void kt_log_init(const char *tool)
{
	tool_name = tool;
}

void kt_log(enum kt_log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > kt_log_level)
		return;
	flockfile(stderr);
	fprintf(stderr, "%s: %s", tool_name, level == KT_LOG_WARN ? "warning: " : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	funlockfile(stderr);
}
