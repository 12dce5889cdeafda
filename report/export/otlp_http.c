/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include "report/export/otlp_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <zlib.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/units.h"
#include "report/export/otlp_reply.h"
#include "report/export/source.h"

enum { FIRST_PAUSE_MS = 250, MAX_PAUSE_MS = 5000, MAX_REPLY_BYTES = 1 << 16 };
/* Spans repeat themselves so much that a higher level costs more than it saves. */
enum { GZIP_LEVEL = 1, GZIP_WINDOW = 15 + 16 };

/* Of a signal: each may have its own certificates. */
struct way {
	struct kt_otlp_target target;
	CURL *curl;
	struct curl_slist *headers;
	uint64_t n_sent, n_rejected;
	char message[256]; /* of the first that had something to say, though it took the request */
};

struct kt_otlp_http {
	struct kt_run *run; /* borrowed */
	struct way ways[KT_OTLP_N_SIGNALS];
	z_stream zip;
	bool has_zip;
	KT_VEC(uint8_t) zipped;
	KT_VEC(char) reply;
	char curl_err[CURL_ERROR_SIZE];
};

/* What a try came to. reason: of a failure, in run->err's terms. */
enum outcome { SENT, AGAIN, FAILED };

struct attempt {
	enum outcome outcome;
	bool late;	  /* there was no answer in time */
	int64_t pause_ms; /* that the server asks for; -1: it does not */
	char reason[512];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static size_t take_reply(char *p, size_t size, size_t n, void *arg)
{
	struct kt_otlp_http *h = arg;
	size_t room = MAX_REPLY_BYTES - KT_MIN(h->reply.n, (size_t)MAX_REPLY_BYTES);
	size_t take = KT_MIN(n, room);

	if (take && kt_vec_reserve(&h->reply, h->reply.n + take))
		return 0;
	if (take)
		memcpy(h->reply.v + h->reply.n, p, take);
	h->reply.n += take;
	return n; /* more than that says nothing more */
}

static int add_line(struct way *w, const char *line)
{
	struct curl_slist *l = curl_slist_append(w->headers, line);

	if (!l)
		return -ENOMEM;
	w->headers = l;
	return 0;
}

static int open_way(struct kt_otlp_http *h, enum kt_otlp_signal signal, const char *url)
{
	struct way *w = &h->ways[signal];
	int err = kt_otlp_target_init(&w->target, h->run, url, signal);

	if (err)
		return err;
	err = add_line(w, w->target.json ? "Content-Type: application/json"
					 : "Content-Type: application/x-protobuf");
	if (!err && w->target.gzip)
		err = add_line(w, "Content-Encoding: gzip");
	/* Else libcurl asks before it sends a large body, and waits a second for servers that do not answer. */
	err = err ? err : add_line(w, "Expect:");
	for (size_t i = 0; !err && i < w->target.headers.n; i++)
		err = add_line(w, w->target.headers.v[i]);
	w->curl = err ? NULL : curl_easy_init();
	if (!w->curl)
		return kt_src_no_memory(h->run);
	curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, h->curl_err);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(w->curl, CURLOPT_USERAGENT, "ktrace-report/" KT_VERSION);
	curl_easy_setopt(w->curl, CURLOPT_URL, w->target.url);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, w->headers);
	if (w->target.ca)
		curl_easy_setopt(w->curl, CURLOPT_CAINFO, w->target.ca);
	curl_easy_setopt(w->curl, CURLOPT_SSLCERT, w->target.cert);
	curl_easy_setopt(w->curl, CURLOPT_SSLKEY, w->target.key);
	return 0;
}

int kt_otlp_http_open(struct kt_otlp_http **ret, struct kt_run *run, const char *url)
{
	struct kt_otlp_http *h = calloc(1, sizeof(*h));
	int err = h ? 0 : kt_src_no_memory(run);

	if (err)
		return err;
	h->run = run;
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		err = kt_src_no_memory(run);
	for (int s = 0; !err && s < KT_OTLP_N_SIGNALS; s++)
		err = open_way(h, s, url);
	if (!err) {
		h->has_zip = deflateInit2(&h->zip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 9,
					  Z_DEFAULT_STRATEGY) == Z_OK;
		err = h->has_zip ? 0 : kt_src_no_memory(run);
	}
	if (err) {
		kt_otlp_http_close(h);
		return err;
	}
	*ret = h;
	return 0;
}

void kt_otlp_http_close(struct kt_otlp_http *h)
{
	if (!h)
		return;
	for (int s = 0; s < KT_OTLP_N_SIGNALS; s++) {
		curl_easy_cleanup(h->ways[s].curl);
		kt_otlp_target_finish(&h->ways[s].target);
		curl_slist_free_all(h->ways[s].headers);
	}
	if (h->has_zip)
		deflateEnd(&h->zip);
	kt_vec_finish(&h->zipped);
	kt_vec_finish(&h->reply);
	curl_global_cleanup();
	free(h);
}

bool kt_otlp_http_json(const struct kt_otlp_http *h, enum kt_otlp_signal signal)
{
	return h->ways[signal].target.json;
}

static int zip(struct kt_otlp_http *h, const void *body, size_t size)
{
	deflateReset(&h->zip);
	if (kt_vec_reserve(&h->zipped, deflateBound(&h->zip, size)))
		return -ENOMEM;
	h->zip.next_in = (uint8_t *)body;
	h->zip.avail_in = size;
	h->zip.next_out = h->zipped.v;
	h->zip.avail_out = h->zipped.cap;
	if (deflate(&h->zip, Z_FINISH) != Z_STREAM_END)
		return -ENOMEM;
	h->zipped.n = h->zip.total_out;
	return 0;
}

/* A transfer that gave no answer. */
static void broken(struct kt_otlp_http *h, const struct way *w, CURLcode rc, struct attempt *a)
{
	const char *why = *h->curl_err ? h->curl_err : curl_easy_strerror(rc);
	char buf[32];

	a->outcome = FAILED;
	snprintf(a->reason, sizeof(a->reason), "%s", why);
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		a->late = true;
		snprintf(a->reason, sizeof(a->reason),
			 "no answer within %s (OTEL_EXPORTER_OTLP_TIMEOUT)",
			 kt_format_ns(w->target.timeout_ms * 1000000, buf, sizeof(buf)));
		break;
	case CURLE_COULDNT_CONNECT:
		/* Nobody is there; or nobody is any more, which may change. */
		a->outcome = w->n_sent ? AGAIN : FAILED;
		break;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		a->outcome = AGAIN;
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(a->reason, sizeof(a->reason),
			 "%s; a certificate authority of your own is named by "
			 "OTEL_EXPORTER_OTLP_CERTIFICATE",
			 why);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		snprintf(a->reason, sizeof(a->reason),
			 "OTEL_EXPORTER_OTLP_CERTIFICATE: no certificates in %s",
			 w->target.ca ? w->target.ca : "the system's file");
		break;
	default:
		break;
	}
}

static void answered(struct kt_otlp_http *h, struct way *w, const struct kt_otlp_reply *r,
		     struct attempt *a)
{
	const char *to = NULL;
	curl_off_t pause_s = 0;
	long code = 0;

	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(w->curl, CURLINFO_RETRY_AFTER, &pause_s);
	curl_easy_getinfo(w->curl, CURLINFO_REDIRECT_URL, &to);
	if (code >= 200 && code < 300) {
		a->outcome = SENT;
		w->n_rejected += r->n_rejected;
		if (r->is_message && !*w->message)
			snprintf(w->message, sizeof(w->message), "%s", r->message);
		return;
	}
	a->outcome = code == 429 || code == 502 || code == 503 || code == 504 ? AGAIN : FAILED;
	a->pause_ms = pause_s > 0 ? (int64_t)KT_MIN(pause_s, (curl_off_t)1 << 31) * 1000 : -1;
	if (code >= 300 && code < 400)
		snprintf(a->reason, sizeof(a->reason), "HTTP %ld: the receiver is at %s; name that",
			 code, to ? to : "another address");
	else
		snprintf(a->reason, sizeof(a->reason), "HTTP %ld%s%s", code,
			 *r->message ? ": " : "", r->message);
}

static struct attempt try_once(struct kt_otlp_http *h, struct way *w, const void *body, size_t size,
			       int64_t timeout_ms)
{
	struct attempt a = {.outcome = FAILED, .pause_ms = -1};
	struct kt_otlp_reply r = {0};
	const char *type = NULL;
	CURL *c = w->curl;
	CURLcode rc;

	h->reply.n = 0;
	*h->curl_err = 0;
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	rc = curl_easy_perform(c);
	if (rc) {
		broken(h, w, rc, &a);
		return a;
	}
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	kt_otlp_reply_read(&r, h->run->db, type, h->reply.v, h->reply.n);
	answered(h, w, &r, &a);
	return a;
}

/* Between half of it and all: not all who were turned away come back at once. */
static int64_t jitter(int64_t ms)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = now_ms();
	return ms / 2 + r % (ms / 2 + 1);
}

static void sleep_ms(int64_t ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void give_up(const struct way *w, struct attempt *a, int n)
{
	size_t at = strlen(a->reason);
	char buf[32];

	a->outcome = FAILED;
	snprintf(a->reason + at, sizeof(a->reason) - at,
		 "; given up after %d %s and %s (OTEL_EXPORTER_OTLP_TIMEOUT)", n,
		 n == 1 ? "try" : "tries",
		 kt_format_ns(w->target.timeout_ms * 1000000, buf, sizeof(buf)));
}

int kt_otlp_http_send(struct kt_otlp_http *h, enum kt_otlp_signal signal, const void *body,
		      size_t size, uint64_t n_items)
{
	struct way *w = &h->ways[signal];
	int64_t until, pause_ms = FIRST_PAUSE_MS;
	char before[sizeof(((struct attempt *)0)->reason)] = "";
	struct attempt a;

	if (w->target.gzip) {
		if (zip(h, body, size))
			return kt_src_no_memory(h->run);
		body = h->zipped.v;
		size = h->zipped.n;
	}
	until = now_ms() + w->target.timeout_ms;
	for (int n = 1;; n++) {
		int64_t left = until - now_ms(), pause;

		a = try_once(h, w, body, size, KT_MAX(left, (int64_t)1));
		if (a.late && *before) {
			/* What it said before is more than that there was no time for this. */
			snprintf(a.reason, sizeof(a.reason), "%s", before);
			give_up(w, &a, n);
		}
		if (a.outcome != AGAIN)
			break;
		pause = a.pause_ms >= 0 ? a.pause_ms : jitter(pause_ms);
		pause_ms = KT_MIN(2 * pause_ms, (int64_t)MAX_PAUSE_MS);
		kt_debug("%s: %s; again in %lld ms", w->target.url, a.reason, (long long)pause);
		if (now_ms() + pause >= until) {
			give_up(w, &a, n);
			break;
		}
		snprintf(before, sizeof(before), "%s", a.reason);
		sleep_ms(pause);
	}
	if (a.outcome == SENT) {
		w->n_sent += n_items;
		return 0;
	}
	snprintf(h->run->err, sizeof(h->run->err), "%s: %s", w->target.url, a.reason);
	if (w->n_sent) {
		size_t at = strlen(h->run->err);
		char buf[32];

		snprintf(h->run->err + at, sizeof(h->run->err) - at, " (%s had been sent)",
			 kt_format_count(w->n_sent, buf, sizeof(buf)));
	}
	return -EIO;
}

int kt_otlp_http_rejected(struct kt_otlp_http *h)
{
	static const char *const words[] = {"spans", "data points"};
	char n[32], of[32];
	int err = 0;

	for (int s = 0; s < KT_OTLP_N_SIGNALS; s++) {
		struct way *w = &h->ways[s];

		if (!w->n_rejected && *w->message)
			kt_warn("%s: %s", w->target.url, w->message);
		if (!w->n_rejected)
			continue;
		if (err) /* two lines, for each signal one */
			kt_error("%s", h->run->err);
		snprintf(h->run->err, sizeof(h->run->err), "%s: %s of %s %s were rejected%s%s",
			 w->target.url, kt_format_count(w->n_rejected, n, sizeof(n)),
			 kt_format_count(w->n_sent, of, sizeof(of)), words[s],
			 *w->message ? ": " : "", w->message);
		err = -EBADMSG;
	}
	return err;
}
