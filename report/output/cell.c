/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/macros.h"
#include "format/base/units.h"
#include "format/base/safe.h"
#include "report/output/cell.h"
#include "report/output/term.h"

const char *kt_format_share(double f, char *buf, size_t size)
{
	double a = fabs(f) * 100;
	const char *sign = f < 0 ? "-" : "";

	if (!isfinite(f))
		snprintf(buf, size, "-");
	else if (a == 0)
		snprintf(buf, size, "0 %%");
	else if (a < 0.1)
		snprintf(buf, size, "%s<0.1 %%", sign);
	else if (a < 9.95)
		snprintf(buf, size, "%s%.1f %%", sign, a);
	else if (a >= 99.5 && a < 100)
		/* Cut, not rounded: 99.97 % is not all of it. */
		snprintf(buf, size, "%s%.1f %%", sign, floor(a * 10) / 10);
	else
		snprintf(buf, size, "%s%.0f %%", sign, a);
	return buf;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

size_t kt_word_len(const char *s)
{
	static const char *const units[] = {"%", "ns",	"us",  "ms",  "s",
					    "B", "KiB", "MiB", "GiB", "TiB"};
	size_t len = strcspn(s, " ");

	if (!len || s[len] != ' ' || s[len - 1] < '0' || s[len - 1] > '9')
		return len;
	for (size_t i = 0; i < KT_ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i]);

		if (!strncmp(s + len + 1, units[i], n) && !isalnum((unsigned char)s[len + 1 + n]))
			return len + 1 + strcspn(s + len + 1, " ");
	}
	return len;
}

enum kt_cell_format kt_format_of_name(const char *name)
{
	if (ends_with(name, "start_ns") || ends_with(name, "end_ns"))
		return KT_FMT_TIME;
	if (ends_with(name, "_ns"))
		return KT_FMT_DURATION;
	if (ends_with(name, "_bytes"))
		return KT_FMT_BYTES;
	if (ends_with(name, "share"))
		return KT_FMT_PERCENT;
	if (ends_with(name, "_id"))
		return KT_FMT_ID;
	return KT_FMT_AUTO;
}

char *kt_label_of_name(const char *name)
{
	static const char *const units[] = {"_ns", "_bytes"};
	char *s = strdup(name);

	if (!s)
		return NULL;
	for (size_t i = 0; i < KT_ARRAY_SIZE(units); i++)
		if (ends_with(s, units[i]) && strlen(s) > strlen(units[i]))
			s[strlen(s) - strlen(units[i])] = '\0';
	for (char *p = s; *p; p++)
		if (*p == '_')
			*p = ' ';
	return s;
}

const char *kt_format_real(double v, char *buf, size_t size)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, size, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	return buf;
}

const char *kt_cell_number(const struct kt_cell *c, char *buf, size_t size)
{
	if (c->type == KT_CELL_REAL && isfinite(c->f))
		return kt_format_real(c->f, buf, size);
	if (c->type != KT_CELL_INT)
		return NULL;
	snprintf(buf, size, "%lld", (long long)c->i);
	return buf;
}

double kt_cell_real(const struct kt_cell *c)
{
	return c->type == KT_CELL_INT ? (double)c->i : c->type == KT_CELL_REAL ? c->f : 0;
}

/* llround() of what may be out of range is undefined. */
static int64_t to_int(const struct kt_cell *c)
{
	if (c->type == KT_CELL_INT)
		return c->i;
	if (!(c->f > -9.2e18 && c->f < 9.2e18))
		return c->f > 0 ? INT64_MAX : INT64_MIN;
	return llround(c->f);
}

static void format_number(const struct kt_cell *c, enum kt_cell_format format, char *buf,
			  size_t size)
{
	int64_t v = to_int(c);
	uint64_t abs = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char *p = buf;

	switch (format) {
	case KT_FMT_COUNT:
	case KT_FMT_BYTES:
		if (v < 0) {
			*p++ = '-';
			size--;
		}
		if (format == KT_FMT_COUNT)
			kt_format_count(abs, p, size);
		else
			kt_format_bytes(abs, p, size);
		break;
	case KT_FMT_DURATION:
		kt_format_ns(v, buf, size);
		break;
	case KT_FMT_TIME:
		snprintf(buf, size, "%.6f s", (double)v / 1e9);
		break;
	case KT_FMT_PERCENT:
		kt_format_share(kt_cell_real(c), buf, size);
		break;
	case KT_FMT_CHANGE:
		if (kt_cell_real(c) > 0 && size > 1) {
			*buf++ = '+';
			size--;
		}
		kt_format_share(kt_cell_real(c), buf, size);
		break;
	case KT_FMT_NUMBER: {
		double f = kt_cell_real(c), a = fabs(f);
		char digits[KT_NUMBER_SIZE - 2];

		if (a >= 999.5)
			snprintf(buf, size, "%s%s", f < 0 ? "-" : "",
				 kt_format_count(abs, digits, sizeof(digits)));
		else if (a > 0 && a < 0.001)
			snprintf(buf, size, "%s<0.001", f < 0 ? "-" : "");
		else if (a > 0 && a < 0.0995)
			snprintf(buf, size, "%.3f", f);
		else
			snprintf(buf, size, "%.*f",
				 a == 0 || a >= 99.95 ? 0
				 : a >= 9.995	      ? 1
						      : 2,
				 f);
		break;
	}
	default:
		if (c->type == KT_CELL_INT)
			snprintf(buf, size, "%lld", (long long)v);
		else
			snprintf(buf, size, "%.6g", c->f);
	}
}

char *kt_cell_clock(int64_t ns, int64_t epoch_ns)
{
	char buf[KT_NUMBER_SIZE];
	struct tm tm;
	int64_t at;
	time_t s;

	if (__builtin_add_overflow(ns, epoch_ns, &at))
		return strdup("-");
	s = at / 1000000000 - (at % 1000000000 < 0);
	if (!localtime_r(&s, &tm))
		return strdup("-");
	snprintf(buf, sizeof(buf), "%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (int)((at - (int64_t)s * 1000000000) / 1000));
	return strdup(buf);
}

char *kt_cell_text(const struct kt_cell *c, enum kt_cell_format format, bool utf8)
{
	char buf[KT_NUMBER_SIZE];

	if (format == KT_FMT_BAR || format == KT_FMT_SPAN || format == KT_FMT_HEAT)
		return strdup("");
	if (c->type == KT_CELL_NULL)
		return strdup("-");
	if (c->type == KT_CELL_TEXT)
		return kt_safe_text(c->text, utf8);
	format_number(c, format, buf, sizeof(buf));
	return strdup(buf);
}
