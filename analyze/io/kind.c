// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Operations as flows. */
#include "analyze/io/io_internal.h"

static const struct kt_flow_word words[] = {
	{"kind", "syscall", "system call", "system calls", "waits"},
	{"kind", "io_uring", "io_uring request", "io_uring requests", "waits"},
	{"kind", "aio", "iocb", "iocbs", "waits"},
	{"kind", "fault", "page fault", "page faults", "waits"},
	{"kind", "writeback", "writeback", "writebacks", "apart"},
	{"kind", "journal", "journal commit", "journal commits", "apart"},
	{"kind", "swap", "swap-out", "swap-outs", "apart"},
	{"op", "read", "read", "reads", NULL},
	{"op", "write", "write", "writes", NULL},
	{"op", "commit", "journal commit", "journal commits", NULL},
	{"op", "writeback", "writeback", "writebacks", NULL},
	{"op", "fault", "page fault", "page faults", NULL},
	{"op", "swapin", "swap-in", "swap-ins", NULL},
	{"op", "swapout", "swap-out", "swap-outs", NULL},
	{"via", "disk", "from a disk", "from a disk", NULL},
	{"via", "cache", "from the page cache", "from the page cache", "apart"},
	{"via", "asleep", "asleep for something else", "asleep for something else", "apart"},
	{"via", "failed", "that failed", "that failed", "not"},
	{"via", "empty", "that moved nothing", "that moved nothing", "not"},
	{0},
};

const struct kt_flow_kind kt_io_flow_kind = {
	.name = "io",
	.letter = 'i',
	.one = "operation",
	.many = "operations",
	.waits_for = "disks",
	.object_tbl = "device",
	.object_word = "disk",
	.table = &kt_io_table,
	.stages = kt_io_stages,
	.n_stages = KT_IO_N_STAGES,
	.by_task = true,
	.words = words,
	.select = "io_id, +run_id, +kind, +op, +device_id, +utid, +ucgid, +path, +moved_bytes, "
		  "+start_ns, +dur_ns, +state",
	.links = "SELECT 'io', io_id, 'bio', +bio_id, +link FROM bio WHERE io_id IS NOT NULL\n"
		 "UNION ALL SELECT 'io', io_id, 'io', +parent_io_id, 'waited for' FROM io WHERE "
		 "parent_io_id IS NOT NULL",
};
