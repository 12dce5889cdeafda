/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Numbers as people write and read them. */
#ifndef KT_BASE_UNITS_H
#define KT_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* "10ms", "1.5s", "250us", "7ns", "2m", "1h"; a bare number is seconds. -EINVAL. */
int kt_parse_duration(const char *s, int64_t *ret_ns);
/* "64M", "4KiB", "1g", "4096": powers of 1024. -EINVAL. */
int kt_parse_size(const char *s, uint64_t *ret_bytes);

/* Into buf (32 bytes are enough); returns buf. Three significant digits: "1.92 ms", "873 ns", "12.4 s". */
const char *kt_format_ns(int64_t ns, char *buf, size_t size);
/* "4.00 KiB", "512 B", "1.25 GiB". */
const char *kt_format_bytes(uint64_t bytes, char *buf, size_t size);
/* "12,431". */
const char *kt_format_count(uint64_t n, char *buf, size_t size);

#endif
