/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What a receiver of OTLP answers: an Export…ServiceResponse, or where it refuses a Status, each in protobuf or JSON; or whatever a proxy says. */
#ifndef KT_REPORT_EXPORT_OTLP_REPLY_H
#define KT_REPORT_EXPORT_OTLP_REPLY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_otlp_reply {
	uint64_t n_rejected; /* spans, data points */
	char message[256];   /* one line, fit to print; "": none */
	bool is_message;     /* not just any text */
};

/* type: of the content; NULL: not told. db takes JSON apart. */
void kt_otlp_reply_read(struct kt_otlp_reply *r, sqlite3 *db, const char *type, const char *body,
			size_t n);

#endif
