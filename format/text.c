/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* One event as one line of text, and back (schema.h says how). */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/schema_internal.h"

#define DEV_MINOR_BITS 20

/* By enum kt_loss. */
static const char *const loss_names[] = {
	[0] = "none",
#define KT_LOSS(name, nr, text, summary, meaning) [nr] = text,
#include "format/losses.def"
#undef KT_LOSS
};

/* ---------------------------------------------------------------- printing */

static void print_string(FILE *out, const char *s, size_t max)
{
	putc('"', out);
	for (size_t i = 0; i < max && s[i]; i++) {
		unsigned char c = s[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void print_value(FILE *out, const struct kt_field *f, const struct kt_const_table *c,
			uint64_t v, uint64_t epoch_ns)
{
	char opf[256];

	switch (f->kind) {
	case KT_KIND_HEX:
	case KT_KIND_PTR:
		fprintf(out, "0x%" PRIx64, v);
		return;
	case KT_KIND_TIME:
		fprintf(out, "%" PRId64, (int64_t)(v - epoch_ns));
		return;
	case KT_KIND_DEV:
		fprintf(out, "%" PRIu64 ":%" PRIu64, v >> DEV_MINOR_BITS,
			v & ((1u << DEV_MINOR_BITS) - 1));
		return;
	case KT_KIND_OPF:
		kt_opf_print(c, v, KT_OPF_ALL, opf, sizeof(opf));
		fputs(opf, out);
		return;
	case KT_KIND_LOSS:
		if (v < KT_ARRAY_SIZE(loss_names) && loss_names[v]) {
			fputs(loss_names[v], out);
			return;
		}
		break;
	default:
		break;
	}
	if (f->type == KT_s32 || f->type == KT_s64)
		fprintf(out, "%" PRId64, (int64_t)v);
	else
		fprintf(out, "%" PRIu64, v);
}

int kt_text_print(FILE *out, const struct kt_schema *s, const struct kt_const_table *c,
		  const struct kt_event *ev, uint32_t stream, uint64_t epoch_ns)
{
	const struct kt_event_desc *d = kt_schema_event(s, ev->id);

	if (!d || d->len != ev->len)
		return -EBADMSG;
	fprintf(out, "%" PRId64 " %" PRIu32 " %s", (int64_t)(ev->ts_ns - epoch_ns), stream,
		d->name);
	for (size_t i = 0; i < d->n_fields; i++) {
		const struct kt_field *f = &d->fields[i];
		unsigned int n = f->count;

		fprintf(out, " %s=", f->name);
		if (f->kind == KT_KIND_STR) {
			print_string(out, (const char *)ev + f->offset, f->count);
			continue;
		}
		while (f->count > 1 && n && !kt_field_value(f, ev, n - 1))
			n--;
		for (unsigned int j = 0; j < n; j++) {
			if (j)
				putc(',', out);
			print_value(out, f, c, kt_field_value(f, ev, j), epoch_ns);
		}
	}
	return ferror(out) ? -EIO : 0;
}

/* ---------------------------------------------------------------- parsing */

struct line {
	const char *at;
	char *err;
	size_t err_size;
};

static int bad(struct line *l, const char *fmt, ...) kt_printf_like(2, 3);
static int bad(struct line *l, const char *fmt, ...)
{
	va_list ap;

	if (l->err && l->err_size) {
		va_start(ap, fmt);
		vsnprintf(l->err, l->err_size, fmt, ap);
		va_end(ap);
	}
	return -EBADMSG;
}

static void skip_blanks(struct line *l)
{
	l->at += strspn(l->at, " \t\r\n");
}

static bool take_char(struct line *l, char c)
{
	if (*l->at != c)
		return false;
	l->at++;
	return true;
}

/* An integer with sign at l->at; 0x… too. */
static bool take_number(struct line *l, uint64_t *ret)
{
	const char *digits = l->at + (*l->at == '-');
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*ret = *l->at == '-' ? (uint64_t)strtoll(l->at, &end, 0) : strtoull(l->at, &end, 0);
	if (errno || end == l->at)
		return false;
	l->at = end;
	return true;
}

/* The next word of letters, digits and _; in lower or upper case. */
static bool take_word(struct line *l, char *buf, size_t size)
{
	size_t n = 0;

	while (isalnum((unsigned char)l->at[n]) || l->at[n] == '_')
		n++;
	if (!n || n >= size)
		return false;
	memcpy(buf, l->at, n);
	buf[n] = '\0';
	l->at += n;
	return true;
}

static bool take_opf(struct line *l, uint64_t *ret)
{
	char word[32];
	uint64_t v;
	int value;

	*ret = 0;
	do {
		if (*l->at == '|')
			l->at++;
		if (isdigit((unsigned char)*l->at)) {
			if (!take_number(l, &v))
				return false;
			*ret |= v;
			continue;
		}
		if (!take_word(l, word, sizeof(word)))
			return false;
		for (char *p = word; *p; p++)
			*p = toupper((unsigned char)*p);
		value = kt_const_get(NULL, "req_op", word);
		if (value >= 0) {
			*ret |= value;
			continue;
		}
		value = kt_const_get(NULL, "req_flag", word);
		if (value < 0)
			return false;
		*ret |= 1ull << value;
	} while (*l->at == '|');
	return true;
}

static bool take_value(struct line *l, const struct kt_field *f, uint64_t epoch_ns, uint64_t *ret)
{
	char word[32];
	uint64_t minor;

	switch (f->kind) {
	case KT_KIND_TIME:
		if (!take_number(l, ret))
			return false;
		*ret += epoch_ns;
		return true;
	case KT_KIND_DEV:
		if (!take_number(l, ret) || !take_char(l, ':') || !take_number(l, &minor))
			return false;
		if (minor >> DEV_MINOR_BITS || *ret >> (32 - DEV_MINOR_BITS))
			return false;
		*ret = *ret << DEV_MINOR_BITS | minor;
		return true;
	case KT_KIND_OPF:
		return take_opf(l, ret);
	case KT_KIND_LOSS:
		if (isdigit((unsigned char)*l->at))
			return take_number(l, ret);
		if (!take_word(l, word, sizeof(word)))
			return false;
		for (*ret = 0; *ret < KT_ARRAY_SIZE(loss_names); (*ret)++)
			if (loss_names[*ret] && !strcmp(word, loss_names[*ret]))
				return true;
		return false;
	default:
		return take_number(l, ret);
	}
}

static bool fits(const struct kt_field *f, uint64_t v)
{
	int bits = f->size * 8;
	int64_t sv = v;

	if (bits == 64)
		return true;
	if (f->type == KT_s32)
		return sv >= INT32_MIN && sv <= INT32_MAX;
	return !(v >> bits);
}

static bool take_string(struct line *l, char *dst, size_t max)
{
	size_t n = 0;

	if (!take_char(l, '"'))
		return false;
	for (; *l->at && *l->at != '"'; l->at++) {
		unsigned int c = (unsigned char)*l->at;

		if (c == '\\') {
			if (sscanf(l->at, "\\x%2x", &c) != 1 || !isxdigit((unsigned char)l->at[3]))
				return false;
			l->at += 3;
		}
		if (n >= max)
			return false;
		dst[n++] = c;
	}
	return take_char(l, '"');
}

static int parse_field(struct line *l, const struct kt_event_desc *d, uint64_t epoch_ns,
		       unsigned char *ev)
{
	char name[64];
	const struct kt_field *f;
	uint64_t v;

	if (!take_word(l, name, sizeof(name)) || *l->at != '=')
		return bad(l, "not a field: \"%.40s\"", l->at);
	l->at++;
	f = kt_event_field(d, name);
	if (!f)
		return bad(l, "event %s has no field %s", d->name, name);
	if (f->kind == KT_KIND_STR) {
		if (!take_string(l, (char *)ev + f->offset, f->count))
			return bad(l, "%s is no string of up to %u bytes in double quotes", name,
				   f->count);
	} else {
		for (unsigned int i = 0;; i++) {
			if (f->count > 1 && (!*l->at || isspace((unsigned char)*l->at)))
				break;
			if (i >= f->count)
				return bad(l, "%s has more than %u values", name, f->count);
			if (!take_value(l, f, epoch_ns, &v))
				return bad(l, "value of %s is wrong at \"%.40s\"", name, l->at);
			if (!fits(f, v))
				return bad(l, "value of %s does not fit in %s", name,
					   kt_type_names[f->type]);
			memcpy(ev + f->offset + i * f->size, &v, f->size); /* little-endian */
			if (*l->at != ',')
				break;
			l->at++;
		}
	}
	if (*l->at && !isspace((unsigned char)*l->at))
		return bad(l, "value of %s is wrong at \"%.40s\"", name, l->at);
	return 0;
}

int kt_text_parse(const char *line, uint64_t epoch_ns, void *buf, uint32_t *ret_stream, char *err,
		  size_t err_size)
{
	struct line l = {line, err, err_size};
	const struct kt_event_desc *d;
	uint64_t ts_ns, stream;
	char name[64];
	struct kt_event ev;

	skip_blanks(&l);
	if (!*l.at || *l.at == '#')
		return 0;
	if (!take_number(&l, &ts_ns))
		return bad(&l, "the line does not start with a time in ns");
	skip_blanks(&l);
	if (!take_number(&l, &stream) || stream > UINT32_MAX)
		return bad(&l, "the time is not followed by a stream (CPU) number");
	skip_blanks(&l);
	if (!take_word(&l, name, sizeof(name)))
		return bad(&l, "the stream is not followed by the name of an event");
	d = kt_schema_event_by_name(kt_schema_compiled(), name);
	if (!d)
		return bad(&l, "there is no event %s", name);
	memset(buf, 0, d->len);
	for (skip_blanks(&l); *l.at; skip_blanks(&l)) {
		int ret = parse_field(&l, d, epoch_ns, buf);

		if (ret)
			return ret;
	}
	ev.ts_ns = ts_ns + epoch_ns;
	ev.id = d->id;
	ev.len = d->len;
	memcpy(buf, &ev, KT_EVENT_HDR);
	*ret_stream = stream;
	return d->len;
}
