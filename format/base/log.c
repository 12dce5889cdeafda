/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/log.h"
#include "format/base/safe.h"

enum kt_log_level kt_log_level = KT_LOG_INFO;
static const char *tool_name = "ktrace";

void kt_log_init(const char *tool)
{
	tool_name = tool;
}

void kt_log(enum kt_log_level level, const char *fmt, ...)
{
	char *text, *safe = NULL;
	va_list ap;

	if (level > kt_log_level)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	/* Messages hold names of files and tasks. */
	if (text)
		safe = kt_safe_text(text, true);
	fprintf(stderr, "%s: %s%s\n", tool_name, level == KT_LOG_WARN ? "warning: " : "",
		safe ? safe : "out of memory");
	free(text);
	free(safe);
}
