// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* ktrace-record: from the kernel into a .ktr file. */
#include <errno.h>
#include <sysexits.h>

#include "format/base/log.h"
#include "record/options.h"
#include "record/output.h"
#include "record/run.h"

int main(int argc, char **argv)
{
	struct kt_options o;
	int err, status;

	kt_log_init("ktrace-record");
	if (kt_file_out_std())
		return 1;
	err = kt_options_parse(argc, argv, &o);
	if (err)
		return err == -EINVAL ? EX_USAGE : 1;
	status = o.list ? kt_list_probes(&o) : kt_record(&o);
	kt_options_finish(&o);
	return status;
}
