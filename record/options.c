// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/shared.h"
#include "format/base/log.h"
#include "format/base/units.h"
#include "record/options.h"

const char *argp_program_version = "ktrace-record " KT_VERSION;

enum {
	OPT_BUFFER = 0x100,
	OPT_NO_CMDLINE,
	OPT_NO_PRIORITY,
	OPT_LIST,
	OPT_CGROUP,
	OPT_DISK,
	OPT_FILE,
	OPT_DIR,
	OPT_OP,
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write the trace to FILE; - is standard output", 0},
	{"force", 'f', NULL, 0, "Replace FILE if it exists", 0},
	{"duration", 'd', "TIME", 0, "Stop after TIME: 10, 500ms, 2m (a bare number is seconds)",
	 0},
	{"events", 'e', "NAME,...", 0, "Families or presets to record (default: storage)", 0},
	{"pid", 'p', "PID", 0, "Only I/O of this process, and of children it makes from now on", 0},
	{"tid", 't', "TID", 0, "Only I/O of this thread", 0},
	{"comm", 'c', "NAME", 0, "Only I/O of threads, or of processes, of this name", 0},
	{"cgroup", OPT_CGROUP, "PATH", 0, "Only I/O of tasks in this v2 cgroup or below it", 0},
	{"disk", OPT_DISK, "DISK", 0, "Only I/O on this disk or partition: sda1, 8:1", 0},
	{"file", OPT_FILE, "PATH", 0, "Only I/O on this file", 0},
	{"dir", OPT_DIR, "PATH", 0, "Only I/O on files below this directory", 0},
	{"op", OPT_OP, "OP,...", 0, "Only these operations: read,write,fsync,flush,discard", 0},
	{"buffer", OPT_BUFFER, "SIZE", 0, "Ring buffers of all CPUs together: 64M", 0},
	{"no-cmdline", OPT_NO_CMDLINE, NULL, 0, "Leave arguments of processes out of the trace", 0},
	{"no-priority", OPT_NO_PRIORITY, NULL, 0,
	 "Do not come before other tasks: a machine without an idle CPU then loses events", 0},
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

/* The kind of filter that an option sets; 0 = it is none. */
static uint32_t filter_kind(int key)
{
	switch (key) {
	case 'p':
		return KT_FILTER_PID;
	case 't':
		return KT_FILTER_TID;
	case 'c':
		return KT_FILTER_COMM;
	case OPT_CGROUP:
		return KT_FILTER_CGROUP;
	case OPT_DISK:
		return KT_FILTER_DISK;
	case OPT_FILE:
		return KT_FILTER_FILE;
	case OPT_DIR:
		return KT_FILTER_DIR;
	case OPT_OP:
		return KT_FILTER_OP;
	default:
		return 0;
	}
}

static error_t add_filter(struct kt_options *o, uint32_t kind, const char *value)
{
	if (o->n_filters == KT_FILTER_ARGS) {
		kt_error("too many filters: %d at most", KT_FILTER_ARGS);
		return EINVAL;
	}
	o->filters[o->n_filters++] = (struct kt_filter_arg){kind, value};
	return 0;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct kt_options *o = state->input;
	uint32_t kind = filter_kind(key);

	if (kind)
		return add_filter(o, kind, arg);
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
	case OPT_NO_PRIORITY:
		o->no_priority = true;
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
