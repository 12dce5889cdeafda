// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* page: dirty pages and who writes them. */
#include "bpf/ktrace.bpf.h"
