/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* A file that appears whole or not at all. */
#ifndef KT_REPORT_PAGE_SAVE_H
#define KT_REPORT_PAGE_SAVE_H

#include <stddef.h>

/*
 * Can path be written? It replaces only what begins with the line that head is, or what is no regular file (/dev/null). 0 or -errno, with one
 * line in err.
 */
int kt_save_check(const char *path, const char *head, char *err, size_t err_size);

/* Writes it under another name in the same folder and renames that; "-" is stdout. 0 or -errno, with one line in err. */
int kt_save(const char *path, const char *text, size_t len, char *err, size_t err_size);

#endif
