/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Folded stacks: a line a stack, frames from the outermost one, separated by ';', then a space and a count, here ns. The format of
 * flamegraph.pl, which inferno and speedscope read as well.
 */
#include <errno.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"
#include "report/export/export.h"
#include "report/output/out_file.h"

/* Of a name, the one character that would end its frame. */
static int print_frame(FILE *f, const char *name)
{
	char *safe kt_auto_free = kt_safe_text(*name ? name : "?", true);

	if (!safe)
		return -ENOMEM;
	for (char *p = safe; (p = strchr(p, ';')); p++)
		*p = ':';
	fputs(safe, f);
	return 0;
}

/* The frames, NULL where there is none, and the count. */
static int print_stack(FILE *f, const struct kt_cell *cells, size_t n)
{
	const char *sep = "";

	for (size_t i = 0; i + 1 < n; i++) {
		int err;

		if (cells[i].type != KT_CELL_TEXT)
			continue;
		fputs(sep, f);
		sep = ";";
		err = print_frame(f, cells[i].text);
		if (err)
			return err;
	}
	fprintf(f, " %lld\n", (long long)cells[n - 1].i);
	return 0;
}

int kt_export_folded(struct kt_run *run, const char *file)
{
	static const struct kt_out_what what = {.word = "stacks"};
	struct kt_out_file out;
	int err = kt_out_file_open(&out, "-", &what, run->err, sizeof(run->err));

	err = err ? err : kt_export_select(run, out.f, print_stack);
	err = err ? err : kt_out_file_commit(&out);
	kt_out_file_finish(&out);
	return err;
}
