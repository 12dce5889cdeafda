/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Where a signal of OTLP goes, and how: from the command line and the environment, as opentelemetry.io/docs/specs/otel/protocol/exporter says.
 * The variables of one signal (OTEL_EXPORTER_OTLP_TRACES_...) come before those of all.
 */
#ifndef KT_REPORT_EXPORT_OTLP_TARGET_H
#define KT_REPORT_EXPORT_OTLP_TARGET_H

#include <stdint.h>

#include "format/base/array.h"
#include "report/query/run.h"

enum kt_otlp_signal { KT_OTLP_TRACES, KT_OTLP_METRICS, KT_OTLP_N_SIGNALS };

struct kt_otlp_target {
	char *url;
	KT_VEC(char *) headers; /* "NAME: VALUE" */
	bool json, gzip;
	int64_t timeout_ms;	     /* of a request with its repetitions */
	const char *ca, *cert, *key; /* files; NULL: as the system has it; of the environment */
};

/* url: of the command line; "env": that of the environment. 0; -EINVAL with run->err. Finish it also after an error. */
int kt_otlp_target_init(struct kt_otlp_target *t, struct kt_run *run, const char *url,
			enum kt_otlp_signal signal);
void kt_otlp_target_finish(struct kt_otlp_target *t);

#endif
