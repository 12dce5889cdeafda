/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Table file_load: whole operations by file, second by second; memory is that of one second's files. */
#ifndef KT_ANALYZE_IO_FILE_LOAD_H
#define KT_ANALYZE_IO_FILE_LOAD_H

#include "analyze/db/table.h"
#include "analyze/engine/tracker.h"

struct kt_file_load;

extern const struct kt_table kt_file_load_table;

/* A whole operation on a file that moved something. KT_NULL: not known. Texts: static, except path. */
struct kt_file_flow {
	uint32_t run;
	int64_t device_id, ino, utid, ucgid;
	const char *path; /* borrowed during the call; NULL = not known */
	int64_t name_id;  /* unique per path in the run; 0 = not known */
	const char *op, *via;
	int64_t end_ns, dur_ns, size_bytes;
};

int kt_file_load_create(struct kt_engine *e, struct kt_file_load **ret);
void kt_file_load_destroy(struct kt_file_load *l); /* NULL is fine */
int kt_file_load_count(struct kt_file_load *l, const struct kt_file_flow *f);
/* Writes everything not yet written. Once, at the end. */
int kt_file_load_write(struct kt_file_load *l);

#endif
