/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* In place of otlp_http.c where there is no libcurl. */
#include <errno.h>

#include "report/export/otlp_http.h"

int kt_otlp_http_open(struct kt_otlp_http **ret, struct kt_run *run, const char *url)
{
	snprintf(run->err, sizeof(run->err),
		 "--otlp: this ktrace-report was built without libcurl; use --otlp-file, and a "
		 "collector's otlpjsonfile receiver");
	return -EINVAL;
}

bool kt_otlp_http_json(const struct kt_otlp_http *h, enum kt_otlp_signal signal)
{
	return false;
}

int kt_otlp_http_send(struct kt_otlp_http *h, enum kt_otlp_signal signal, const void *body,
		      size_t size, uint64_t n_items)
{
	return -ENOTSUP;
}

int kt_otlp_http_rejected(struct kt_otlp_http *h)
{
	return 0;
}

void kt_otlp_http_close(struct kt_otlp_http *h)
{
}
