/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/base/macros.h"
#include "format/base/units.h"

struct unit {
	const char *name;
	double factor;
};

static int parse(const char *s, const struct unit *units, size_t n_units, double max, double *ret)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*s) && *s != '.')
		return -EINVAL;
	v = strtod(s, &end);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < n_units; i++) {
		if (strcasecmp(end, units[i].name))
			continue;
		v *= units[i].factor;
		if (!(v >= 0 && v < max))
			return -EINVAL;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

int kt_parse_duration(const char *s, int64_t *ret_ns)
{
	static const struct unit units[] = {{"", 1e9},	   {"s", 1e9},	  {"ms", 1e6},
					    {"us", 1e3},   {"ns", 1},	  {"m", 60e9},
					    {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
	double v;
	int err = parse(s, units, KT_ARRAY_SIZE(units), 9e18, &v);

	if (!err)
		*ret_ns = llround(v);
	return err;
}

int kt_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{"", 1},	 {"b", 1},	 {"k", 0x1p10},	  {"kb", 0x1p10},  {"kib", 0x1p10},
		{"m", 0x1p20},	 {"mb", 0x1p20}, {"mib", 0x1p20}, {"g", 0x1p30},   {"gb", 0x1p30},
		{"gib", 0x1p30}, {"t", 0x1p40},	 {"tb", 0x1p40},  {"tib", 0x1p40},
	};
	double v;
	int err = parse(s, units, KT_ARRAY_SIZE(units), 0x1p63, &v);

	if (!err)
		*ret_bytes = (uint64_t)v;
	return err;
}

/* Three significant digits; 999.6 must become "1.00" of the next unit, so round before choosing. */
static const char *scaled(double v, double step, const char *const *names, size_t n_names,
			  char *buf, size_t size)
{
	size_t i = 0;

	while (i + 1 < n_names && fabs(v) >= step - 0.5) {
		v /= step;
		i++;
	}
	snprintf(buf, size, "%.*f %s",
		 i == 0 || fabs(v) >= 99.95 ? 0
		 : fabs(v) >= 9.995	    ? 1
					    : 2,
		 v, names[i]);
	return buf;
}

const char *kt_format_ns(int64_t ns, char *buf, size_t size)
{
	static const char *const names[] = {"ns", "us", "ms", "s"};

	return scaled((double)ns, 1000, names, KT_ARRAY_SIZE(names), buf, size);
}

const char *kt_format_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

	return scaled((double)bytes, 1024, names, KT_ARRAY_SIZE(names), buf, size);
}

const char *kt_format_count(uint64_t n, char *buf, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	size_t out = 0;

	for (int i = 0; i < len && out + 1 < size; i++) {
		if (i && (len - i) % 3 == 0 && out + 2 < size)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	if (size)
		buf[out] = '\0';
	return buf;
}
