/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The one rule for text that others made (names of tasks, files, cgroups, devices) in whatever is printed: a character that
 * commands a terminal, or makes text look like another, is never passed on as it is. Text and CSV write its bytes as \xNN, and
 * so they write bytes that are no UTF-8; JSON writes \uNNNN.
 */
#ifndef KT_BASE_SAFE_H
#define KT_BASE_SAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that s begins with, and its code; 0: no well-formed UTF-8. s is not empty. */
size_t kt_utf8_next(const char *s, uint32_t *ret_code);

/* Control characters (C0, DEL, C1), those that turn the direction of text, that end a line, that are never seen, and noncharacters. */
bool kt_char_is_unsafe(uint32_t code);

/* The string with all that is unsafe as \xNN; without utf8, all that is not ASCII. free() it. NULL: no memory. */
char *kt_safe_text(const char *s, bool utf8);

#endif
