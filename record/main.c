// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* ktrace-record: from the kernel into a .ktr file. */
#include "format/base/log.h"
#include "record/options.h"
#include "record/run.h"

int main(int argc, char **argv)
{
	struct kt_options o;
	int status;

	kt_log_init("ktrace-record");
	if (kt_options_parse(argc, argv, &o))
		return 1;
	status = o.list ? kt_run_list(&o) : kt_run(&o);
	kt_options_finish(&o);
	return status;
}
