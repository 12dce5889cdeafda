/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Finds a report and takes it apart: directives, statements, parameters. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/base/macros.h"
#include "report/query/queries.h"
#include "report/query/report.h"

#define MAX_FILE_BYTES (4 << 20)

const char *const kt_param_names[KT_N_PARAMS] = {
	[KT_PARAM_TOP] = ":top",	[KT_PARAM_OVER] = ":over_ns",
	[KT_PARAM_SINCE] = ":since_ns", [KT_PARAM_UNTIL] = ":until_ns",
	[KT_PARAM_DISK] = ":disk",	[KT_PARAM_TASK] = ":task",
	[KT_PARAM_CGROUP] = ":cgroup",	[KT_PARAM_OP] = ":op",
	[KT_PARAM_ID] = ":id",		[KT_PARAM_RECORDER] = ":recorder",
	[KT_PARAM_FLOW] = ":flow",	[KT_PARAM_BY] = ":by",
	[KT_PARAM_LIMIT] = ":limit",	[KT_PARAM_SAMPLE] = ":sample",
};

static const char *const format_names[] = {
	[KT_FMT_TEXT] = "text",		[KT_FMT_ID] = "id",
	[KT_FMT_COUNT] = "count",	[KT_FMT_NUMBER] = "number",
	[KT_FMT_DURATION] = "duration", [KT_FMT_TIME] = "time",
	[KT_FMT_BYTES] = "bytes",	[KT_FMT_PERCENT] = "percent",
	[KT_FMT_BAR] = "bar",		[KT_FMT_SPAN] = "span",
	[KT_FMT_HEAT] = "heat",		[KT_FMT_CHANGE] = "change",
};

struct parser {
	struct kt_report *r;
	char *p;
	int line;
	bool in_part;	     /* of a file that another uses */
	const char *only_if; /* of all statements of the part that say none themselves */
	bool unless;
	struct kt_block next; /* directives of the statement to come */
	bool in_block;	      /* a directive of a statement was seen since the last one */
	char *err;
	size_t err_size;
	const char *name; /* for messages */
};

static int parse_text(struct parser *ps);

/* Of a family or none; flow; lib, also one of a family; export. */
enum folder { REPORTS, GENERAL, PARTS, EXPORTS };

const char *kt_sql_report_name(const struct kt_sql_file *f)
{
	const char *slash = strrchr(f->name, '/');

	return slash ? slash + 1 : f->name;
}

static enum folder folder_of(const struct kt_sql_file *f)
{
	static const struct {
		const char *name;
		enum folder kind;
	} folders[] = {{"lib", PARTS}, {"flow", GENERAL}, {"export", EXPORTS}};
	size_t n = kt_sql_report_name(f) - f->name; /* with its slash */

	for (size_t i = 0; i < KT_ARRAY_SIZE(folders); i++) {
		size_t len = strlen(folders[i].name) + 1;
		const char *at = n < len ? NULL : f->name + n - len;

		if (at && (at == f->name || at[-1] == '/') &&
		    !strncmp(at, folders[i].name, len - 1))
			return folders[i].kind;
	}
	return REPORTS;
}

/* The file called name in a folder of that kind; NULL: none. */
static const struct kt_sql_file *find_embedded(const char *name, enum folder kind)
{
	for (size_t i = 0; i < kt_n_sql_files; i++)
		if (folder_of(&kt_sql_files[i]) == kind &&
		    !strcmp(kt_sql_report_name(&kt_sql_files[i]), name))
			return &kt_sql_files[i];
	return NULL;
}

const struct kt_sql_file *kt_sql_find_report(const char *name)
{
	const struct kt_sql_file *f = find_embedded(name, REPORTS);

	return f ? f : find_embedded(name, GENERAL);
}

bool kt_sql_is_report(const struct kt_sql_file *f)
{
	return kt_sql_find_report(kt_sql_report_name(f)) == f;
}

static kt_printf_like(2, 3) int bad(struct parser *ps, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(ps->err, ps->err_size, "%s:%d: ", ps->name, ps->line);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < ps->err_size)
		vsnprintf(ps->err + n, ps->err_size - n, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

/* Cuts the first word off *s. Empty at the end. */
static char *next_word(char **s)
{
	char *w, *p = *s + strspn(*s, " \t");

	w = p;
	p += strcspn(p, " \t");
	if (*p)
		*p++ = '\0';
	*s = p + strspn(p, " \t");
	return w;
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* NAME FORMAT [FLAG…] ["label"] */
static int parse_column(struct parser *ps, char *rest)
{
	struct kt_column c = {.name = next_word(&rest)};
	const char *format = next_word(&rest);

	for (size_t i = 0; i < KT_ARRAY_SIZE(format_names); i++)
		if (format_names[i] && !strcmp(format_names[i], format))
			c.format = i;
	if (c.format == KT_FMT_AUTO)
		return bad(ps, "unknown column format '%s'", format);
	while (*rest) {
		const char *flag;

		if (*rest == '"') {
			char *end = strrchr(rest + 1, '"');

			if (!end)
				return bad(ps, "a label needs a closing quote");
			*end = '\0';
			c.label = rest + 1;
			break;
		}
		flag = next_word(&rest);
		if (!strcmp(flag, "group"))
			c.flags |= KT_COLUMN_GROUP;
		else if (!strcmp(flag, "optional"))
			c.flags |= KT_COLUMN_OPTIONAL;
		else if (!strcmp(flag, "wide"))
			c.flags |= KT_COLUMN_WIDE;
		else if (!strcmp(flag, "data"))
			c.flags |= KT_COLUMN_DATA;
		else
			return bad(ps, "unknown column flag '%s'", flag);
	}
	return kt_vec_push(&ps->next.columns, c);
}

/* PART [if TABLE|unless TABLE]; parts that it uses itself are there in any case. */
static int parse_use(struct parser *ps, char *rest)
{
	const char *lib = next_word(&rest), *word = next_word(&rest);
	const struct kt_sql_file *f;
	struct parser sub = {
		.r = ps->r, .line = 1, .in_part = true, .err = ps->err, .err_size = ps->err_size};
	char *text;

	if (*word && strcmp(word, "if") != 0 && strcmp(word, "unless") != 0)
		return bad(ps, "unknown condition '%s'", word);
	sub.unless = !strcmp(word, "unless");
	sub.only_if = or_null(next_word(&rest));
	f = find_embedded(lib, PARTS);
	if (!f)
		return bad(ps, "no part '%s'", lib);
	for (size_t i = 0; i < ps->r->used.n; i++)
		if (ps->r->used.v[i] == f)
			return 0;
	if (kt_vec_push(&ps->r->used, f))
		return -ENOMEM;
	text = strdup(f->text);
	if (!text)
		return -ENOMEM;
	/* What is parsed from it points into it. */
	if (kt_vec_push(&ps->r->parts, text)) {
		free(text);
		return -ENOMEM;
	}
	sub.p = text;
	sub.name = f->name;
	return parse_text(&sub);
}

static int parse_directive(struct parser *ps, char *s)
{
	static const struct {
		const char *word;
		enum kt_block_kind kind;
	} kinds[] = {
		{"table", KT_BLOCK_TABLE},   {"text", KT_BLOCK_TEXT},	{"warn", KT_BLOCK_WARN},
		{"legend", KT_BLOCK_LEGEND}, {"setup", KT_BLOCK_SETUP}, {"refuse", KT_BLOCK_REFUSE},
	};
	struct kt_block *b = &ps->next;
	const char *word = next_word(&s);

	if (!strcmp(word, "use"))
		return parse_use(ps, s);
	if (!strcmp(word, "title") || !strcmp(word, "about") || !strcmp(word, "needs")) {
		if (!ps->in_part)
			*(*word == 't'	 ? &ps->r->title
			  : *word == 'a' ? &ps->r->about
					 : &ps->r->needs) = or_null(s);
		return 0;
	}
	if (!strcmp(word, "flows")) {
		ps->r->flows = or_null(s);
		return 0;
	}
	if (!strcmp(word, "other")) {
		ps->r->other = true;
		return 0;
	}
	ps->in_block = true;
	for (size_t i = 0; i < KT_ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].word, word))
			continue;
		b->kind = kinds[i].kind;
		if (b->kind == KT_BLOCK_TABLE)
			b->name = or_null(next_word(&s));
		b->heading = or_null(s);
		return 0;
	}
	if (!strcmp(word, "column"))
		return parse_column(ps, s);
	b->unless = b->unless || !strcmp(word, "unless");
	if (!strcmp(word, "if") || !strcmp(word, "unless"))
		b->only_if = or_null(next_word(&s));
	else if (!strcmp(word, "empty"))
		b->empty = or_null(s);
	else if (!strcmp(word, "required"))
		b->required = or_null(s);
	else
		return bad(ps, "unknown directive '%s'", word);
	return 0;
}

/* Skips a quoted string, name or comment at p; p itself where there is none. Counts lines. */
static char *skip_quoted(char *p, int *line)
{
	char *start = p;
	char close = 0;

	if (p[0] == '-' && p[1] == '-')
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*') {
		p = strstr(p + 2, "*/");
		p = p ? p + 2 : start + strlen(start);
	} else if (*p == '\'' || *p == '"' || *p == '`' || *p == '[') {
		close = *p == '[' ? ']' : *p;
		/* A doubled quote reads as two strings side by side: the same end. */
		p = strchr(p + 1, close);
		p = p ? p + 1 : start + strlen(start);
	}
	for (char *q = start; q < p; q++)
		*line += *q == '\n';
	return p;
}

static void note_param(struct parser *ps, const char *p)
{
	size_t len = 1;

	while (isalnum((unsigned char)p[len]) || p[len] == '_')
		len++;
	for (int i = 0; i < KT_N_PARAMS; i++)
		if (strlen(kt_param_names[i]) == len && !strncmp(kt_param_names[i], p, len))
			ps->r->params |= 1u << i;
}

static bool gives_rows(const char *sql)
{
	static const char *const words[] = {"select", "with", "values", "pragma", "explain"};
	size_t len = strspn(sql, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (size_t i = 0; i < KT_ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && !strncasecmp(words[i], sql, len))
			return true;
	return false;
}

/* Names are keys in JSON: each once. Tables without one are rows, rows2, rows3 … */
static int name_table(struct parser *ps)
{
	size_t unnamed = 1;
	char *name;

	for (size_t i = 0; i < ps->r->blocks.n; i++) {
		const struct kt_block *b = &ps->r->blocks.v[i];

		if (b->kind != KT_BLOCK_TABLE)
			continue;
		/* Of two that exclude each other only one is shown. */
		if (ps->next.name && !strcmp(ps->next.name, b->name) &&
		    !(b->only_if && ps->next.only_if && b->unless != ps->next.unless &&
		      !strcmp(b->only_if, ps->next.only_if)))
			return bad(ps, "a second table '%s'", b->name);
		unnamed += !strncmp(b->name, "rows", 4);
	}
	if (ps->next.name)
		return 0;
	if (asprintf(&name, unnamed == 1 ? "rows" : "rows%zu", unnamed) < 0)
		return -ENOMEM;
	ps->next.name = name;
	if (kt_vec_push(&ps->r->parts, name)) {
		free(name);
		return -ENOMEM;
	}
	return 0;
}

/* One statement from ps->p to its semicolon or the end of the text. */
static int parse_statement(struct parser *ps)
{
	char *start = ps->p, *p = start;

	ps->next.source = ps->name;
	ps->next.line = ps->line;
	while (*p && *p != ';') {
		char *q = skip_quoted(p, &ps->line);

		if (q != p) {
			p = q;
			continue;
		}
		ps->line += *p == '\n';
		if (*p == ':')
			note_param(ps, p);
		p++;
	}
	if (*p)
		*p++ = '\0';
	ps->p = p;
	ps->next.sql = start;
	if (ps->next.kind == KT_BLOCK_TABLE && !gives_rows(start))
		ps->next.kind = KT_BLOCK_SETUP;
	if (ps->next.kind == KT_BLOCK_TABLE) {
		int err = name_table(ps);

		if (err)
			return err;
	}
	if (!ps->next.only_if) {
		ps->next.only_if = ps->only_if;
		ps->next.unless = ps->unless;
	}
	if (kt_vec_push(&ps->r->blocks, ps->next))
		return -ENOMEM;
	ps->next = (struct kt_block){0};
	ps->in_block = false;
	return 0;
}

static int parse_text(struct parser *ps)
{
	int err = 0;

	while (!err) {
		while (isspace((unsigned char)*ps->p) || *ps->p == ';')
			ps->line += *ps->p++ == '\n';
		if (!*ps->p)
			break;
		if (!strncmp(ps->p, "--:", 3)) {
			char *s = ps->p + 3, *end = s + strcspn(s, "\n");
			char *next = *end ? end + 1 : end;

			while (end > s && isspace((unsigned char)end[-1]))
				end--;
			*end = '\0';
			err = parse_directive(ps, s + strspn(s, " \t"));
			ps->p = next;
			ps->line++;
		} else if (!strncmp(ps->p, "--", 2) || !strncmp(ps->p, "/*", 2)) {
			ps->p = skip_quoted(ps->p, &ps->line);
		} else {
			err = parse_statement(ps);
		}
	}
	if (!err && ps->in_block)
		err = bad(ps, "directives without a following statement");
	kt_vec_finish(&ps->next.columns);
	return err;
}

static int read_file(const char *path, char **ret)
{
	char *text;
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		return -errno;
	text = malloc(MAX_FILE_BYTES + 1);
	if (!text) {
		fclose(f);
		return -ENOMEM;
	}
	n = fread(text, 1, MAX_FILE_BYTES + 1, f);
	if (ferror(f) || n > MAX_FILE_BYTES || memchr(text, 0, n)) {
		int err = ferror(f) ? -EIO : n > MAX_FILE_BYTES ? -EFBIG : -EBADMSG;

		free(text);
		fclose(f);
		return err;
	}
	fclose(f);
	text[n] = '\0';
	*ret = text;
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static int load_embedded(struct kt_report *r, const struct kt_sql_file *f, char *err,
			 size_t err_size)
{
	struct parser ps = {.r = r, .line = 1, .err = err, .err_size = err_size, .name = f->name};

	r->text = strdup(f->text);
	if (!r->text)
		return -ENOMEM;
	r->name = kt_sql_report_name(f);
	r->is_general = folder_of(f) == GENERAL || folder_of(f) == EXPORTS;
	ps.p = r->text;
	return parse_text(&ps);
}

int kt_report_load(struct kt_report *r, const char *name, char *err, size_t err_size)
{
	struct parser ps = {.r = r, .line = 1, .err = err, .err_size = err_size, .name = name};
	const struct kt_sql_file *f = kt_sql_find_report(name);
	char *query kt_auto_free = f ? NULL : kt_query_path(name);
	int ret;

	if (f)
		return load_embedded(r, f, err, err_size);
	if (query || ends_with(name, ".sql")) {
		ret = read_file(query ? query : name, &r->text);
		if (ret == -EBADMSG)
			return bad(&ps, "this is not text");
		if (ret)
			return ret;
	} else {
		return -ENOENT;
	}
	r->name = name;
	ps.p = r->text;
	ret = parse_text(&ps);
	if (!ret && !r->blocks.n)
		ret = bad(&ps, "no SQL statement in this file");
	return ret;
}

int kt_report_load_general(struct kt_report *r, const char *name, char *err, size_t err_size)
{
	const struct kt_sql_file *f = find_embedded(name, GENERAL);

	return f ? load_embedded(r, f, err, err_size) : -ENOENT;
}

int kt_report_load_export(struct kt_report *r, const char *name, char *err, size_t err_size)
{
	const struct kt_sql_file *f = find_embedded(name, EXPORTS);

	return f ? load_embedded(r, f, err, err_size) : -ENOENT;
}

void kt_report_finish(struct kt_report *r)
{
	for (size_t i = 0; i < r->blocks.n; i++)
		kt_vec_finish(&r->blocks.v[i].columns);
	kt_vec_finish(&r->blocks);
	for (size_t i = 0; i < r->parts.n; i++)
		free(r->parts.v[i]);
	kt_vec_finish(&r->parts);
	kt_vec_finish(&r->used);
	free(r->text);
	r->text = NULL;
}
