// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * `empty OUT.db`: a database without any recording: every table and view with its documentation, for the man page
 * ktrace-db(5). Runs at build time; never installed.
 */
#include <stdio.h>
#include <string.h>

#include "analyze/engine/engine.h"

volatile sig_atomic_t kt_stop;

int main(int argc, char **argv)
{
	struct kt_engine_options opts = {.threads = 1};
	struct kt_engine *e = NULL;
	int err;

	if (argc != 2) {
		fputs("usage: empty OUT.db\n", stderr);
		return 2;
	}
	err = kt_engine_create(&opts, &e);
	if (!err)
		err = kt_engine_run(e, argv[1]);
	if (err)
		fprintf(stderr, "empty: %s: %s\n", strerror(-err), e ? kt_engine_error(e) : "");
	kt_engine_destroy(e);
	return err ? 1 : 0;
}
