// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/units.h"
#include "record/options.h"

const char *argp_program_version = "ktrace-record " KT_VERSION;

enum { OPT_BUFFER = 0x100, OPT_NO_CMDLINE, OPT_LIST };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write the trace to FILE; - is standard output", 0},
	{"force", 'f', NULL, 0, "Replace FILE if it exists", 0},
	{"duration", 'd', "TIME", 0, "Stop after TIME: 10, 500ms, 2m (a bare number is seconds)",
	 0},
	{"events", 'e', "NAME,...", 0, "Families or presets to record (default: storage)", 0},
	{"buffer", OPT_BUFFER, "SIZE", 0, "Ring buffers of all CPUs together: 64M", 0},
	{"no-cmdline", OPT_NO_CMDLINE, NULL, 0, "Leave arguments of processes out of the trace", 0},
	{"list", OPT_LIST, NULL, 0, "Print the probes and their state on this kernel, and exit", 0},
	{0},
};

static int add_events(struct kt_options *o, const char *arg)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", o->events ? o->events : "", o->events ? "," : "", arg) < 0)
		return -ENOMEM;
	free(o->events);
	o->events = joined;
	return 0;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct kt_options *o = state->input;

	switch (key) {
	case 'o':
		o->output = arg;
		return 0;
	case 'f':
		o->force = true;
		return 0;
	case 'd':
		if (!kt_parse_duration(arg, &o->duration_ns) && o->duration_ns > 0)
			return 0;
		kt_error("bad duration '%s': give a time above zero such as 10s, 500ms or 2m", arg);
		return EINVAL;
	case 'e':
		return -add_events(o, arg);
	case OPT_BUFFER:
		if (!kt_parse_size(arg, &o->buffer_bytes) && o->buffer_bytes > 0)
			return 0;
		kt_error("bad size '%s' for --buffer: give a size above zero such as 64M", arg);
		return EINVAL;
	case OPT_NO_CMDLINE:
		o->no_cmdline = true;
		return 0;
	case OPT_LIST:
		o->list = true;
		return 0;
	case ARGP_KEY_ARG:
		/* The first word that is no option: the command, with all that follows. */
		o->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_one,
	.args_doc = "[COMMAND [ARG...]]",
	.doc = "Records what the kernel does to each I/O into a .ktr file, until SIGINT or "
	       "SIGTERM, for "
	       "the time of -d, or for as long as COMMAND runs.\v"
	       "Then: ktrace-analyze FILE.ktr, which needs neither root nor this machine.",
};

int kt_options_parse(int argc, char **argv, struct kt_options *ret)
{
	struct kt_options o = {0};
	int err;

	argp_err_exit_status = 1;
	err = -argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &o);
	if (!err && !o.output && !o.list) {
		kt_error("no output: say where the trace goes with -o FILE (or -o - for a pipe)");
		err = -EINVAL;
	}
	if (!err && o.output && !*o.output) {
		kt_error("-o needs the name of a file");
		err = -EINVAL;
	}
	if (err) {
		kt_options_finish(&o);
		return err;
	}
	*ret = o;
	return 0;
}

void kt_options_finish(struct kt_options *o)
{
	free(o->events);
	o->events = NULL;
}
