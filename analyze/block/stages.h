/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The stages of operations, bios and requests: format/iostages.def. */
#ifndef KT_ANALYZE_BLOCK_STAGES_H
#define KT_ANALYZE_BLOCK_STAGES_H

#include "analyze/engine/stage.h"

enum kt_io_stage {
#define KT_STAGE(id, ...) KT_IO_STAGE_##id,
#include "format/iostages.def"
#undef KT_STAGE
	KT_IO_N_STAGES
};

extern const struct kt_stage_def kt_io_stages[KT_IO_N_STAGES];

static inline const char *kt_io_stage_name(enum kt_io_stage stage)
{
	return kt_io_stages[stage].name;
}

#endif
