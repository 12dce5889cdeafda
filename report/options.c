/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "report/options.h"

enum {
	OPT_JSON = 0x100,
	OPT_CSV,
	OPT_TABLE,
	OPT_NO_PAGER,
	OPT_WALL,
	OPT_LIST,
	OPT_HTML,
	OPT_OTLP_HEADER,
	OPT_OBJECT,
	OPT_PARAM = 0x200,
	OPT_EXPORT = 0x300
};

enum export {
#define KT_EXPORT(name, option, arg, help) EXPORT_##name,
#include "report/export/exports.def"
#undef KT_EXPORT
	N_EXPORTS
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "What to show:", 1},
	{"top", OPT_PARAM + KT_PARAM_TOP, "N", 0, "At most N rows in each list"},
	{"over", OPT_PARAM + KT_PARAM_OVER, "DURATION", 0,
	 "Only flows that took at least DURATION: 10ms, 1.5s"},
	{"since", OPT_PARAM + KT_PARAM_SINCE, "T", 0,
	 "Only what ended at T or later: an offset from the start (2.5s, 1m), or a time of day "
	 "or date (14:05:09.5, 2026-05-01T14:05; UTC with a trailing Z)"},
	{"until", OPT_PARAM + KT_PARAM_UNTIL, "T", 0, "Only what ended before T"},
	{"disk", OPT_PARAM + KT_PARAM_DISK, "NAME", 0, "Only this disk or partition: vda, 253:0"},
	{"object", OPT_OBJECT, "NAME", 0,
	 "The same for flows of other kinds: only what was about this object"},
	{"task", OPT_PARAM + KT_PARAM_TASK, "NAME|TID", 0, "Only what this task did or submitted"},
	{"cgroup", OPT_PARAM + KT_PARAM_CGROUP, "PATH", 0,
	 "Only what tasks in this cgroup, or below it, did or submitted"},
	{"op", OPT_PARAM + KT_PARAM_OP, "OP", 0,
	 "Only this operation: read, write, fsync, commit, flush, ..."},
	{"flow", OPT_PARAM + KT_PARAM_FLOW, "FLOW", 0,
	 "Kind of flow: io, request, bio, or another that the database has (default: io if "
	 "recorded)"},
	{"by", OPT_PARAM + KT_PARAM_BY, "WHAT", 0,
	 "What stages groups by: op, kind, disk (or object), program, process, task or cgroup; "
	 "tasks and --folded take some of these"},
	{"recorder", OPT_PARAM + KT_PARAM_RECORDER, 0, 0,
	 "Include the I/O of ktrace-record itself"},
	{0, 0, 0, 0, "How to show it:", 2},
	{"json", OPT_JSON, 0, 0, "JSON; times in ns, sizes in bytes"},
	{"csv", OPT_CSV, 0, 0, "CSV of one table: the report's first, or --table's"},
	{"html", OPT_HTML, "FILE", 0,
	 "Write a page of all reports, or of REPORT, to FILE (- for stdout): one file that needs "
	 "no "
	 "network"},
	{"table", OPT_TABLE, "NAME", 0, "Only this table of the report, by its name in --json"},
	{"wall", OPT_WALL, 0, 0, "Show times of day, in the local time zone"},
	{"no-pager", OPT_NO_PAGER, 0, 0, "Do not start a pager on a terminal"},
	{"list", OPT_LIST, 0, 0, "List the reports and the installed queries"},
	{0, 0, 0, 0, "For other programs, instead of a report:", 3},
#define KT_EXPORT(name, option, arg, help) {option, OPT_EXPORT + EXPORT_##name, arg, 0, help},
#include "report/export/exports.def"
#undef KT_EXPORT
	{"limit", OPT_PARAM + KT_PARAM_LIMIT, "N", 0,
	 "With --otlp, --otlp-file: no further trace after N spans, the slowest first (default: "
	 "100000)"},
	{"sample", OPT_PARAM + KT_PARAM_SAMPLE, "N", 0, "With --otlp, --otlp-file: one trace in N"},
	{"otlp-header", OPT_OTLP_HEADER, "NAME=VALUE", 0,
	 "With --otlp: a header of each request; repeatable. Secrets are better in "
	 "OTEL_EXPORTER_OTLP_HEADERS: others see the command line"},
	{0},
};

const char *kt_param_option(const struct kt_options *given, enum kt_param p)
{
	int key = p == KT_PARAM_DISK && given->is_object ? OPT_OBJECT : OPT_PARAM + (int)p;
	static char name[32];

	for (const struct argp_option *o = options; o->name || o->doc; o++)
		if (o->name && o->key == key) {
			snprintf(name, sizeof(name), "--%s", o->name);
			return name;
		}
	return "ID";
}

struct args {
	struct kt_options *o;
	const char *positional[3];
	unsigned int n;
};

/* Options that only OpenTelemetry has. */
static void check_otlp(struct argp_state *state, const struct kt_options *o)
{
	const char *of = o->export_name ? o->export_name : "";

	if (o->n_otlp_headers && strcmp(of, "otlp") != 0)
		argp_error(state, "--otlp-header goes with --otlp");
	if ((o->filter[KT_PARAM_LIMIT] || o->filter[KT_PARAM_SAMPLE]) && strcmp(of, "otlp") != 0 &&
	    strcmp(of, "otlp-file") != 0)
		argp_error(state, "%s goes with --otlp or --otlp-file",
			   o->filter[KT_PARAM_LIMIT] ? "--limit" : "--sample");
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	struct kt_options *o = a->o;

	if (key == OPT_OBJECT || key == OPT_PARAM + KT_PARAM_DISK) {
		o->is_object = key == OPT_OBJECT;
		key = OPT_PARAM + KT_PARAM_DISK;
	}
	if (key >= OPT_PARAM && key < OPT_PARAM + KT_N_PARAMS) {
		o->filter[key - OPT_PARAM] = arg ? arg : "1";
		return 0;
	}
	if (key >= OPT_EXPORT && key < OPT_EXPORT + N_EXPORTS) {
		static const char *const names[] = {
#define KT_EXPORT(name, option, arg, help) option,
#include "report/export/exports.def"
#undef KT_EXPORT
		};

		if (o->export_name)
			argp_error(state, "write one thing at a time: --%s or --%s", o->export_name,
				   names[key - OPT_EXPORT]);
		o->export_name = names[key - OPT_EXPORT];
		o->export_file = arg;
		return 0;
	}
	switch (key) {
	case OPT_JSON:
	case OPT_CSV:
		if (o->out != KT_OUT_TEXT)
			argp_error(state, "use one of --json and --csv, once");
		o->out = key == OPT_JSON ? KT_OUT_JSON : KT_OUT_CSV;
		return 0;
	case OPT_TABLE:
		o->table = arg;
		return 0;
	case OPT_HTML:
		o->html = arg;
		return 0;
	case OPT_OTLP_HEADER:
		if (o->n_otlp_headers == KT_ARRAY_SIZE(o->otlp_headers))
			argp_error(state, "too many headers: '%s'", arg);
		if (!strchr(arg, '=') || *arg == '=')
			argp_error(state, "--otlp-header %s: expected NAME=VALUE", arg);
		o->otlp_headers[o->n_otlp_headers++] = arg;
		return 0;
	case OPT_WALL:
		o->wall = true;
		return 0;
	case OPT_NO_PAGER:
		o->no_pager = true;
		return 0;
	case OPT_LIST:
		o->list = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->n == 3)
			argp_error(state, "too many arguments: '%s'", arg);
		a->positional[a->n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->n && !o->list)
			argp_error(state, "name a database: ktrace-report [REPORT] run.db");
		check_otlp(state, o);
		if (o->html && (o->out != KT_OUT_TEXT || o->table))
			argp_error(state,
				   "--html cannot be combined with --json, --csv or --table");
		if (o->html && o->export_name)
			argp_error(state, "write one thing at a time: --html or --%s",
				   o->export_name);
		if (o->export_name && a->n > 1)
			argp_error(state, "--%s is no report: ktrace-report --%s ... run.db",
				   o->export_name, o->export_name);
		if (o->export_name && (o->out != KT_OUT_TEXT || o->table || o->wall))
			argp_error(state,
				   "--%s cannot be combined with --json, --csv, --table, "
				   "--wall",
				   o->export_name);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

void kt_options_parse(struct kt_options *o, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_opt,
		.args_doc = "run.db\nREPORT run.db\nQUERY run.db\nshow ID run.db\ndiff A.db "
			    "B.db\nMY.sql run.db",
		.doc = "Shows where the time of recorded I/O went, from a database made by "
		       "ktrace-analyze."
		       "\vREPORT defaults to summary; --list names all reports and the installed "
		       "queries, which are reports in files. ID is r12 (request), b12 (bio) "
		       "or i12 (io).",
	};
	struct args a = {.o = o};

	*o = (struct kt_options){.report = "summary"};
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!a.n)
		return;
	o->db = a.positional[a.n - 1];
	o->named = a.n > 1;
	if (o->named)
		o->report = a.positional[0];
	if (a.n > 2)
		o->filter[KT_PARAM_ID] = a.positional[1];
}
