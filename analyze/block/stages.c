// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/block/stages.h"

const struct kt_stage_def kt_io_stages[KT_IO_N_STAGES] = {
#define KT_STAGE(id, name, must_run, class, words, doc) \
	[KT_IO_STAGE_##id] = KT_STAGE_DEF(name, must_run, class, words),
#include "format/iostages.def"
#undef KT_STAGE
};
