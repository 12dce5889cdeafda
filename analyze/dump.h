/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Events as text, one per line, in time order; times since the official start of their run. */
#ifndef KT_ANALYZE_DUMP_H
#define KT_ANALYZE_DUMP_H

#include "analyze/engine/engine.h"

/* To stdout. With several runs there is a line "# run N: file" wherever the run changes. */
int kt_dump(struct kt_engine *e);

#endif
