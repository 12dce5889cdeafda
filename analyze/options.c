/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/options.h"
#include "format/base/macros.h"
#include "format/base/units.h"

#define THREADS_MAX 64
#define THREADS_DEFAULT_MAX 8 /* more would only wait for the merging thread */

enum { OPT_RAW = 256, OPT_DUMP, OPT_CONTEXT, OPT_KEEP, OPT_SAMPLE };

static const struct argp_option argp_options[] = {
	{"output", 'o', "FILE", 0, "database to write (default: the first input's name with .db)"},
	{"force", 'f', NULL, 0, "replace what is there, even if ktrace-analyze did not make it"},
	{"raw", OPT_RAW, NULL, 0, "store every event as well, in tables raw_EVENT"},
	{"keep", OPT_KEEP, "DURATION", 0,
	 "store rows of flows at least this long only, and of what they are linked to; statistics "
	 "count all"},
	{"sample", OPT_SAMPLE, "N", 0, "with --keep: store one in N of the others as well"},
	{"dump", OPT_DUMP, NULL, 0, "print events as text in time order; write no database"},
	{"context", OPT_CONTEXT, "DIR", 0,
	 "unpack the recorded system information to DIR; write no database"},
	{"threads", 'j', "N", 0,
	 "decoding threads (default: one per CPU, at most 8; 1 = single-threaded)"},
	{0},
};

static unsigned int parse_threads(struct argp_state *state, const char *arg)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno || end == arg || *end || n < 1 || n > THREADS_MAX)
		argp_error(state, "-j %s: expected a number from 1 to %d", arg, THREADS_MAX);
	return n;
}

static uint64_t parse_sample(struct argp_state *state, const char *arg)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno || end == arg || *end || n < 1)
		argp_error(state, "--sample %s: expected a number from 1", arg);
	return n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct kt_options *o = state->input;

	switch (key) {
	case 'o':
		free(o->output);
		o->output = strdup(arg);
		return o->output ? 0 : ENOMEM;
	case 'j':
		o->threads = parse_threads(state, arg);
		return 0;
	case 'f':
		o->force = true;
		return 0;
	case OPT_RAW:
		o->raw = true;
		return 0;
	case OPT_KEEP:
		if (kt_parse_duration(arg, &o->keep_ns) || o->keep_ns < 0)
			argp_error(state, "--keep %s: expected a duration such as 10ms", arg);
		o->keep = true;
		return 0;
	case OPT_SAMPLE:
		o->sample = parse_sample(state, arg);
		return 0;
	case OPT_DUMP:
		o->dump = true;
		return 0;
	case OPT_CONTEXT:
		o->context_dir = arg;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->n_files = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (!o->n_files)
			argp_error(state, "name a .ktr file, an archive containing some, or - for "
					  "standard input");
		if (o->dump && o->context_dir)
			argp_error(state, "--dump and --context: one at a time");
		if ((o->dump || o->context_dir) && (o->output || o->raw))
			argp_error(state,
				   "%s writes no database: it cannot be combined with -o or --raw",
				   o->dump ? "--dump" : "--context");
		if ((o->dump || o->context_dir) && o->keep)
			argp_error(state,
				   "%s writes no database: it cannot be combined with --keep",
				   o->dump ? "--dump" : "--context");
		if (o->sample && !o->keep)
			argp_error(state, "--sample: only with --keep");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Rebuilds every I/O of recordings and stores where its time went in an SQLite "
	       "database."
	       "\vSeveral recordings become one database with one timeline. "
	       "Read the result with ktrace-report or sqlite3.",
};

const char *argp_program_version = "ktrace-analyze " KT_VERSION;

/* run.ktr → run.db, bundle.tar.zst → bundle.db */
static char *default_output(const char *file)
{
	static const char *const suffixes[] = {".ktr", ".tar.zst", ".tar.gz", ".tar.xz",
					       ".tgz", ".tar",	   ".zip"};
	size_t len = strlen(file);
	char *out;

	for (size_t i = 0; i < KT_ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && !strcmp(file + len - n, suffixes[i])) {
			len -= n;
			break;
		}
	}
	return asprintf(&out, "%.*s.db", (int)len, file) < 0 ? NULL : out;
}

int kt_options_parse(struct kt_options *o, int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	memset(o, 0, sizeof(*o));
	o->threads = cpus < 1 ? 1 : KT_MIN(cpus, THREADS_DEFAULT_MAX);
	if (argp_parse(&argp, argc, argv, 0, NULL, o))
		return -ENOMEM;
	if (o->output || o->dump || o->context_dir)
		return 0;
	if (!strcmp(o->files[0], "-")) {
		fprintf(stderr, "ktrace-analyze: standard input has no name: name the database "
				"with -o\n");
		exit(argp_err_exit_status);
	}
	o->output = default_output(o->files[0]);
	return o->output ? 0 : -ENOMEM;
}

void kt_options_finish(struct kt_options *o)
{
	free(o->output);
}
