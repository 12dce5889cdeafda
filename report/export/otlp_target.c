/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/otlp_target.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/base/macros.h"
#include "report/export/source.h"

enum { TIMEOUT_MS = 10000 };

/* A variable of the environment, and its name for messages. value NULL: not set, or empty, which is the same. */
struct var {
	char name[64];
	const char *value;
};

static struct var var_of(enum kt_otlp_signal signal, const char *what)
{
	static const char *const signals[] = {"TRACES_", "METRICS_"};
	struct var v;

	snprintf(v.name, sizeof(v.name), "OTEL_EXPORTER_OTLP_%s%s", signals[signal], what);
	v.value = getenv(v.name);
	if (!v.value || !*v.value) {
		snprintf(v.name, sizeof(v.name), "OTEL_EXPORTER_OTLP_%s", what);
		v.value = getenv(v.name);
	}
	if (v.value && !*v.value)
		v.value = NULL;
	return v;
}

static int mistake(struct kt_run *run, const char *name, const char *value, const char *want)
{
	snprintf(run->err, sizeof(run->err), "%s %s: expected %s", name, value, want);
	return -EINVAL;
}

static bool is_url(const char *s)
{
	size_t scheme = !strncasecmp(s, "http://", 7) ? 7 : !strncasecmp(s, "https://", 8) ? 8 : 0;

	return scheme && s[scheme] && s[scheme] != '/' && !strpbrk(s, " \t\r\n#?");
}

static int set_url(struct kt_otlp_target *t, struct kt_run *run, const char *url,
		   enum kt_otlp_signal signal)
{
	static const char *const own[] = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
					  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"};
	static const char *const paths[] = {"/v1/traces", "/v1/metrics"};
	struct var v = {.name = "--otlp", .value = url};
	bool whole = false;
	size_t n;

	if (!strcmp(url, "env")) {
		v = var_of(signal, "ENDPOINT");
		whole = v.value && !strcmp(v.name, own[signal]);
		if (!v.value)
			v.value = "http://localhost:4318";
	}
	if (!is_url(v.value))
		return mistake(run, v.name, v.value,
			       "http://HOST:4318 or https://HOST:4318, or env");
	n = strlen(v.value);
	while (!whole && n && v.value[n - 1] == '/')
		n--;
	if (asprintf(&t->url, "%.*s%s", (int)n, v.value, whole ? "" : paths[signal]) < 0) {
		t->url = NULL;
		return kt_src_no_memory(run);
	}
	return 0;
}

static int unhex(char c)
{
	return c <= '9' ? c - '0' : tolower(c) - 'a' + 10;
}

/* In place. */
static void percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%' && isxdigit(s[1]) && isxdigit(s[2])) {
			*to++ = unhex(s[1]) << 4 | unhex(s[2]);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = 0;
	return s;
}

/* One NAME=VALUE, which is written to; replaces one of that name. from: whose it is, for messages. */
static int add_header(struct kt_otlp_target *t, struct kt_run *run, const char *from, char *s,
		      bool decode)
{
	char *eq = strchr(s, '='), *name, *value, *line;

	if (!eq) {
		snprintf(run->err, sizeof(run->err), "%s: expected NAME=VALUE", from);
		return -EINVAL;
	}
	*eq = 0;
	name = trim(s);
	value = trim(eq + 1);
	if (decode)
		percent_decode(value);
	if (!*name ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "!#$%&'*+-.^_`|~")]) {
		snprintf(run->err, sizeof(run->err), "%s: '%s' is no name of a header", from, name);
		return -EINVAL;
	}
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			snprintf(run->err, sizeof(run->err),
				 "%s: the value of '%s' has a control character", from, name);
			return -EINVAL;
		}
	for (size_t i = 0; i < t->headers.n; i++)
		if (!strncasecmp(t->headers.v[i], name, strlen(name)) &&
		    t->headers.v[i][strlen(name)] == ':') {
			free(t->headers.v[i]);
			t->headers.v[i] = t->headers.v[--t->headers.n];
		}
	/* "NAME;" is how libcurl is told of one without a value. */
	if (asprintf(&line, *value ? "%s: %s" : "%s;", name, value) < 0)
		return kt_src_no_memory(run);
	if (!kt_vec_push(&t->headers, line))
		return 0;
	free(line);
	return kt_src_no_memory(run);
}

static int set_headers(struct kt_otlp_target *t, struct kt_run *run, enum kt_otlp_signal signal)
{
	struct var v = var_of(signal, "HEADERS");
	char *copy kt_auto_free = v.value ? strdup(v.value) : NULL, *rest = copy, *s;
	int err = v.value && !copy ? kt_src_no_memory(run) : 0;

	while (!err && (s = strsep(&rest, ",")))
		if (*trim(s))
			err = add_header(t, run, v.name, s, true);
	for (size_t i = 0; !err && i < run->o->n_otlp_headers; i++) {
		char *one kt_auto_free = strdup(run->o->otlp_headers[i]);

		err = one ? add_header(t, run, "--otlp-header", one, false) : kt_src_no_memory(run);
	}
	return err;
}

static int set_timeout(struct kt_otlp_target *t, struct kt_run *run, enum kt_otlp_signal signal)
{
	struct var v = var_of(signal, "TIMEOUT");
	char *end;

	t->timeout_ms = TIMEOUT_MS;
	if (!v.value)
		return 0;
	errno = 0;
	t->timeout_ms = strtol(v.value, &end, 10);
	if (*end || end == v.value || errno || t->timeout_ms < 1 || t->timeout_ms > INT32_MAX)
		return mistake(run, v.name, v.value, "milliseconds, at least 1");
	return 0;
}

/* One of two words, the first being the default; *ret: it is the second. */
static int set_word(struct kt_run *run, enum kt_otlp_signal signal, const char *what,
		    const char *first, const char *second, const char *want, bool *ret)
{
	struct var v = var_of(signal, what);

	*ret = v.value && !strcmp(v.value, second);
	if (!v.value || *ret || !strcmp(v.value, first))
		return 0;
	return mistake(run, v.name, v.value, want);
}

int kt_otlp_target_init(struct kt_otlp_target *t, struct kt_run *run, const char *url,
			enum kt_otlp_signal signal)
{
	bool none = false;
	int err;

	*t = (struct kt_otlp_target){
		.ca = var_of(signal, "CERTIFICATE").value,
		.cert = var_of(signal, "CLIENT_CERTIFICATE").value,
		.key = var_of(signal, "CLIENT_KEY").value,
	};
	err = set_url(t, run, url, signal);
	err = err ? err
		  : set_word(run, signal, "PROTOCOL", "http/protobuf", "http/json",
			     "http/protobuf or http/json: gRPC is not spoken here, but receivers "
			     "take HTTP too, at port 4318",
			     &t->json);
	err = err ? err
		  : set_word(run, signal, "COMPRESSION", "gzip", "none", "gzip or none", &none);
	t->gzip = !none;
	err = err ? err : set_timeout(t, run, signal);
	return err ? err : set_headers(t, run, signal);
}

void kt_otlp_target_finish(struct kt_otlp_target *t)
{
	free(t->url);
	for (size_t i = 0; i < t->headers.n; i++)
		free(t->headers.v[i]);
	kt_vec_finish(&t->headers);
	*t = (struct kt_otlp_target){0};
}
