/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* ktrace-analyze: recordings in, a database (or text, or the context) out. */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/dump.h"
#include "analyze/engine/engine.h"
#include "analyze/inputs.h"
#include "analyze/options.h"
#include "analyze/progress.h"
#include "analyze/unpack.h"
#include "format/base/log.h"
#include "format/base/units.h"

volatile sig_atomic_t kt_stop;

static void stop(int sig)
{
	kt_stop = sig;
}

/* The one warning about all damage. */
static void warn_damage(const struct kt_engine *e)
{
	char blocks[32], events[64] = "how many events is not known", n[32];

	if (!e->damaged_blocks)
		return;
	kt_format_count(e->damaged_blocks, blocks, sizeof(blocks));
	kt_format_count(e->damaged_events, n, sizeof(n));
	if (e->damaged_events || !e->damaged_unknown)
		snprintf(events, sizeof(events), "%s%s events",
			 e->damaged_unknown ? "at least " : "", n);
	kt_warn("%s; lost in %s place%s: %s; everything else was read (table lost_interval)",
		e->damage_what, blocks, e->damaged_blocks == 1 ? "" : "s", events);
}

static void start_progress(struct kt_engine *e, const struct kt_opened *opened, size_t n)
{
	uint64_t total = 0;
	struct stat st;

	if (!isatty(STDERR_FILENO))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!opened[i].path || stat(opened[i].path, &st)) {
			total = 0;
			break;
		}
		total += st.st_size;
	}
	if (kt_progress_create(total, &e->progress))
		e->progress = NULL; /* works without */
}

static int add_inputs(struct kt_engine *e, struct kt_pool *pool, const struct kt_options *o,
		      const struct kt_opened *opened, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct kt_input *in;
		int err = kt_input_create(opened[i].name, opened[i].reader, pool, o->threads, &in);

		if (!err)
			err = kt_engine_add(e, in, opened[i].path);
		if (err)
			return err;
	}
	return 0;
}

static int analyze(void *arg, const struct kt_opened *opened, size_t n)
{
	const struct kt_options *o = arg;
	const char *fine_rows = getenv("KT_FINE_ROWS");
	struct kt_engine_options opts = {
		.raw = o->raw,
		.force = o->force,
		.keep = o->keep,
		.keep_ns = o->keep_ns,
		.sample = o->sample,
		.disable = getenv("KT_DISABLE_EVENT"),
		.fine_rows = fine_rows ? strtoll(fine_rows, NULL, 10) : 0,
		.threads = o->threads,
	};
	struct kt_engine *e = NULL;
	struct kt_pool *pool = NULL;
	int err = 0;

	if (o->context_dir)
		return kt_unpack(o->context_dir, opened, n, o->force);
	if (o->threads > 1)
		err = kt_pool_create(o->threads, &pool);
	if (!err)
		err = kt_engine_create(&opts, &e);
	if (!err)
		err = add_inputs(e, pool, o, opened, n);
	if (!err && !o->dump)
		start_progress(e, opened, n);
	if (!err)
		err = o->dump ? kt_dump(e) : kt_engine_run(e, o->output);
	if (e) {
		kt_progress_destroy(e->progress);
		e->progress = NULL;
	}
	if (err && err != -EINTR)
		kt_error("%s", e && kt_engine_error(e)[0] ? kt_engine_error(e) : strerror(-err));
	else if (!err)
		warn_damage(e);
	if (!err)
		kt_flow_say_kept(e);
	kt_engine_destroy(e);
	kt_pool_destroy(pool);
	return err;
}

/* Not even -f may overwrite the recording that is being read. */
static bool is_input(const struct kt_options *o)
{
	struct stat out, in;

	if (!o->output || stat(o->output, &out))
		return false;
	for (size_t i = 0; i < o->n_files; i++) {
		if (!stat(o->files[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino &&
		    S_ISREG(in.st_mode)) {
			kt_error("%s: is an input; name another file with -o", o->output);
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = stop, .sa_flags = SA_RESETHAND};
	struct kt_options o;
	int err;

	kt_log_init("ktrace-analyze");
	if (kt_options_parse(&o, argc, argv)) {
		kt_error("%s", strerror(ENOMEM));
		return 1;
	}
	if (!o.dump) { /* a dump may just end */
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
		sigaction(SIGHUP, &sa, NULL);
	}
	/* Blocks of 1 MiB come and go: avoid page faults for each. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	err = is_input(&o) ? -EEXIST : kt_inputs_open(o.files, o.n_files, analyze, &o);
	kt_options_finish(&o);
	return kt_stop ? 128 + kt_stop : !!err;
}
