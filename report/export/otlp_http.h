/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Sends requests of OTLP over HTTP (opentelemetry.io/docs/specs/otlp, OTLP/HTTP). A request is repeated, with pauses that grow and differ, after 429,
 * 502, 503, 504 and a connection that broke, until the time of its target is up; after nothing else. A server that says when to come
 * back (Retry-After) is obeyed. Redirects are not followed: headers may be secrets.
 */
#ifndef KT_REPORT_EXPORT_OTLP_HTTP_H
#define KT_REPORT_EXPORT_OTLP_HTTP_H

#include "report/export/otlp_target.h"

struct kt_otlp_http;

/* A program built without libcurl gives -EINVAL, and says so. 0, -errno with run->err. */
int kt_otlp_http_open(struct kt_otlp_http **ret, struct kt_run *run, const char *url);
/* Of that signal's encoding. */
bool kt_otlp_http_json(const struct kt_otlp_http *h, enum kt_otlp_signal signal);
/* A request of n_items spans or data points. 0, -errno with run->err. */
int kt_otlp_http_send(struct kt_otlp_http *h, enum kt_otlp_signal signal, const void *body,
		      size_t size, uint64_t n_items);
/* What was sent, but not taken (partial success): -EBADMSG with run->err. */
int kt_otlp_http_rejected(struct kt_otlp_http *h);
void kt_otlp_http_close(struct kt_otlp_http *h);

#endif
