/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The one rule for printing untrusted text (names of tasks, files, cgroups, devices): characters that control a terminal or
 * disguise text are never written verbatim. Text and CSV write their bytes as \xNN, as they do for invalid UTF-8; JSON writes
 * \uNNNN.
 */
#ifndef KT_BASE_SAFE_H
#define KT_BASE_SAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that s begins with, and its code; 0: no well-formed UTF-8. s is not empty. */
size_t kt_utf8_next(const char *s, uint32_t *ret_code);

/* Control characters (C0, DEL, C1), bidirectional controls, line separators, invisible characters and noncharacters. */
bool kt_char_is_unsafe(uint32_t code);

/* The string with unsafe characters as \xNN; without utf8, all non-ASCII ones too. free() it. NULL: no memory. */
char *kt_safe_text(const char *s, bool utf8);

#endif
