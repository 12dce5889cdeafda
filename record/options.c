// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/base/shared.h"
#include "format/base/log.h"
#include "format/base/units.h"
#include "record/options.h"

#define FILTER_ROOM_MAX (1 << 24)

const char *argp_program_version = "ktrace-record " KT_VERSION;

enum {
	OPT_BUFFER = 0x100,
	OPT_NO_CMDLINE,
	OPT_NO_PRIORITY,
	OPT_LIST,
	OPT_FILTER_ROOM,
	OPT_FILTER = 0x200, /* plus the number of its bit: a filter without a letter */
};

#define FILTER_KEY(bit, letter) ((letter) ? (letter) : OPT_FILTER + __builtin_ctz(KT_FILTER_##bit))

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write the recording to FILE; - is standard output", 0},
	{"force", 'f', NULL, 0, "Replace FILE if it exists", 0},
	{"duration", 'd', "TIME", 0, "Stop after TIME: 10, 500ms, 2m (a bare number is seconds)",
	 0},
	{"events", 'e', "NAME,...", 0, "Families or presets to record (default: storage)", 0},
#define KT_FILTER_OPTION(bit, name, letter, value, help, counter, parser) \
	{name, FILTER_KEY(bit, letter), value, 0, help, 0},
#include "record/filters.def"
#undef KT_FILTER_OPTION
	{"filter-room", OPT_FILTER_ROOM, "N", 0,
	 "Follow up to N matching I/Os in flight, and N written files (default: 65536)", 0},
	{"buffer", OPT_BUFFER, "SIZE", 0, "Total size of the ring buffers of all CPUs: 64M", 0},
	{"no-cmdline", OPT_NO_CMDLINE, NULL, 0, "Leave process arguments out of the recording", 0},
	{"no-priority", OPT_NO_PRIORITY, NULL, 0,
	 "Do not raise the recorder's priority: without an idle CPU, events may be lost", 0},
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

/* The kind of filter that an option sets; 0 = not a filter. */
static uint32_t filter_kind(int key)
{
	switch (key) {
#define KT_FILTER_OPTION(bit, name, letter, value, help, counter, parser) \
	case FILTER_KEY(bit, letter):                                     \
		return KT_FILTER_##bit;
#include "record/filters.def"
#undef KT_FILTER_OPTION
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

static error_t parse_room(const char *arg, uint32_t *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (!isdigit((unsigned char)*arg) || *end || errno || n < 1 || n > FILTER_ROOM_MAX) {
		kt_error("bad number '%s' for --filter-room: expected 1 to %d", arg,
			 FILTER_ROOM_MAX);
		return EINVAL;
	}
	*ret = n;
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
		kt_error("bad duration '%s': expected a time above zero, such as 10s, 500ms or 2m",
			 arg);
		return EINVAL;
	case 'e':
		return -add_events(o, arg);
	case OPT_BUFFER:
		if (!kt_parse_size(arg, &o->buffer_bytes) && o->buffer_bytes > 0)
			return 0;
		kt_error("bad size '%s' for --buffer: expected a size above zero, such as 64M",
			 arg);
		return EINVAL;
	case OPT_FILTER_ROOM:
		return parse_room(arg, &o->filter_room);
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
		/* The first word that is not an option: the command, with everything after it. */
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
	       "Next: run ktrace-analyze FILE.ktr, on any machine, without root.",
};

int kt_options_parse(int argc, char **argv, struct kt_options *ret)
{
	struct kt_options o = {0};
	int err;

	err = -argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &o);
	if (!err && !o.output && !o.list) {
		kt_error("no output file: use -o FILE (or -o - for a pipe)");
		err = -EINVAL;
	}
	if (!err && o.output && !*o.output) {
		kt_error("-o needs a file name");
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
