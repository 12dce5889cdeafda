/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Which families are recorded: bit i of a mask is kt_families[i]. */
#ifndef KT_RECORD_CHOOSE_H
#define KT_RECORD_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/schema.h"

/*
 * names: families and presets, comma-separated; NULL = the preset storage. Adds the families that they need, and core.
 * -EINVAL after saying which name is unknown and which are valid.
 */
int kt_choose(const char *names, uint64_t *ret_mask);

bool kt_chosen(uint64_t mask, const char *family);

/* The families of the mask with sep between them; malloc'ed, NULL = no memory. */
char *kt_choice_text(uint64_t mask, const char *sep);

#endif
