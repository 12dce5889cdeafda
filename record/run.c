// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/ktr.h"
#include "record/child.h"
#include "record/choose.h"
#include "record/clocks.h"
#include "record/compress.h"
#include "record/context/context.h"
#include "record/context/text.h"
#include "record/cost.h"
#include "record/drain.h"
#include "record/loop.h"
#include "record/output.h"
#include "record/run.h"
#include "record/session.h"
#include "record/summary.h"

/*
 * After attaching: for a while another CPU may still call a tracepoint's old list of probes, and its events would be
 * missed in silence.
 */
#define SETTLE_NS 500000000ull
#define READER_STEP_NS 50000000ull
#define STALL_NS 10000000000ull /* how long the reader of a pipe may take for 64 KiB at the end */
#define LATE_NS 50000000ull	/* part of it, kept for reading the tasks as late as possible */

struct recording {
	const struct kt_options *o;
	char *families, *command;
	struct kt_session session;
	struct kt_file_out output;
	struct kt_child child;
	struct kt_gather *gather;
	struct kt_drain *drain;
	struct kt_meter meter;
	struct kt_priority priority;
	struct ktr_writer *writer;
	struct kt_compress *compress;
	struct ktr_clocks start, end;
	uint64_t start_cpu_ns;
	int signal_fd;
	uint64_t dropped; /* events that could not be written */
	int write_err;
	uint64_t end_bytes, progress_ns; /* written when last checked, at the end */
};

/* The command as one line, for users. */
static char *command_text(char *const argv[])
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (int i = 0; argv && argv[i]; i++)
		fprintf(f, "%s%s", i ? " " : "", argv[i]);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static int say_cannot_start(int err)
{
	if (err)
		kt_error("cannot start: %s", strerror(-err));
	return err;
}

static int prepare(struct recording *r)
{
	struct kt_context_recorder cr = {.filters = r->session.filters.text,
					 .no_cmdline = r->o->no_cmdline};
	uint64_t attached_ns, late_ns;
	int err;

	cr.families = r->families;
	cr.command = r->command;
	err = say_cannot_start(kt_context_start(&cr, &r->session, &r->gather));
	if (!err)
		err = kt_session_load(&r->session);
	if (!err)
		err = kt_session_attach(&r->session);
	if (err)
		return err;
	attached_ns = kt_now_ns();
	err = say_cannot_start(kt_drain_create(&r->session, &r->drain));
	if (!err)
		err = say_cannot_start(kt_child_prepare(&r->child, r->o->command, &r->priority));
	if (err)
		return err;
	kt_meter_init(&r->meter, &r->session);
	late_ns = attached_ns + SETTLE_NS - LATE_NS;
	if (kt_now_ns() < late_ns && kt_loop_wait(r->signal_fd, late_ns - kt_now_ns())) {
		kt_error("stopped before the run began: nothing was recorded");
		return -EINTR;
	}
	err = say_cannot_start(kt_context_after_attach(r->gather, &r->session));
	if (err)
		return err;
	while (kt_now_ns() < attached_ns + SETTLE_NS)
		usleep(1000);
	return 0;
}

/* Everything that can fail because of the output; the caller reports it. */
static int write_head(struct recording *r, struct ktr_context *c)
{
	struct ktr_run_info info = {
		.clocks = r->start,
		.wall_error_ns = KT_MAX(r->start.wall_error_ns, 0),
	};
	struct utsname u = {0};
	const void *tar;
	size_t len;
	int err;

	if (getrandom(info.uuid, sizeof(info.uuid), 0) != sizeof(info.uuid))
		return -EIO;
	/* A random UUID as RFC 9562 marks it. */
	info.uuid[6] = (info.uuid[6] & 0x0f) | 0x40;
	info.uuid[8] = (info.uuid[8] & 0x3f) | 0x80;
	uname(&u);
	snprintf(info.host, sizeof(info.host), "%.64s", u.nodename);
	kt_read_value(info.boot_id, sizeof(info.boot_id), "/proc/sys/kernel/random/boot_id");
	snprintf(info.tool_version, sizeof(info.tool_version), "%s", KT_VERSION);
	info.n_cpus = info.n_streams = r->session.n_cpus;
	info.kinds = r->families;
	info.filters = r->session.filters.text;
	info.command = r->command;
	err = ktr_writer_create(r->output.fd, &info, NULL, &r->writer);
	if (!err)
		err = ktr_writer_clock(r->writer, 0, &r->start);
	if (!err)
		err = ktr_context_finish(c, &tar, &len);
	if (!err)
		err = ktr_writer_context(r->writer, 0, tar, len);
	return err;
}

/* The official start. An error after this is one of writing. */
static int start_recording(struct recording *r)
{
	struct ktr_context *c;
	int err;

	err = kt_file_out_begin(&r->output);
	if (!err)
		err = say_cannot_start(kt_context_before_on(r->gather, &c));
	if (err)
		return err;
	r->gather = NULL;
	kt_clocks_read(&r->start);
	kt_session_set_on(&r->session, true);
	r->start_cpu_ns = kt_cpu_ns();
	r->write_err = kt_context_after_on(c);
	if (!r->output.regular)
		kt_loop_let_kill(true);
	if (!r->write_err)
		r->write_err = write_head(r, c);
	if (!r->output.regular)
		kt_loop_let_kill(false);
	ktr_context_destroy(c);
	if (r->write_err)
		return 0;
	err = kt_compress_create(r->writer, &r->output, &r->priority, r->session.n_cpus,
				 kt_drain_bufs(&r->session), kt_drain_buf_bytes(&r->session),
				 &r->compress);
	if (err)
		return say_cannot_start(err);
	kt_priority_drain(&r->priority);
	kt_drain_start(r->drain, r->compress, r->start.mono_ns);
	kt_meter_start(&r->meter, r->start.mono_ns);
	fputs("recording\n", stderr);
	kt_child_start(&r->child, r->o->command);
	return 0;
}

static void record_until_end(struct recording *r)
{
	struct kt_loop l = {
		.drain = r->drain,
		.compress = r->compress,
		.meter = &r->meter,
		.child = &r->child,
		.signal_fd = r->signal_fd,
		.session = &r->session,
		.start_ns = r->start.mono_ns,
		.end_ns = r->o->duration_ns ? r->start.mono_ns + (uint64_t)r->o->duration_ns
					    : UINT64_MAX,
	};

	if (isatty(STDERR_FILENO) && !r->o->command && !r->o->duration_ns)
		fputs("press Ctrl-C to stop\n", stderr);
	kt_loop_run(&l);
}

static int write_end(struct recording *r, struct ktr_context *c)
{
	const void *tar;
	size_t len;
	int err;

	err = kt_context_finish(c, &r->session);
	if (!err)
		err = ktr_context_finish(c, &tar, &len);
	if (!err)
		err = ktr_writer_context(r->writer, 2, tar, len);
	if (!err)
		err = ktr_writer_clock(r->writer, 2, &r->end);
	return err;
}

/* At the end, while waiting for the compressor. A file takes its time; a pipe may never be read again. */
static bool give_up_writing(void *arg)
{
	struct recording *r = arg;
	uint64_t bytes = kt_compress_bytes(r->compress), now = kt_now_ns();

	if (r->output.regular)
		return false;
	if (bytes != r->end_bytes || !r->progress_ns) {
		r->end_bytes = bytes;
		r->progress_ns = now;
	}
	return now >= r->progress_ns + STALL_NS || kt_loop_wait(r->signal_fd, 0);
}

/* Everything after switching off: nothing more is recorded, everything recorded is written. */
static void end_recording(struct recording *r)
{
	struct ktr_context *c = NULL;
	int err;

	err = kt_context_before_off(&c);
	kt_session_set_on(&r->session, false);
	if (!err)
		err = kt_context_after_off(c);
	kt_session_flush(&r->session);
	kt_clocks_read(&r->end);
	kt_meter_close_window(&r->meter);
	kt_compress_on_wait(r->compress, give_up_writing, r);
	kt_session_take_refused(&r->session, kt_now_ns());
	kt_session_detach(&r->session);
	kt_drain_end(r->drain, r->end.mono_ns);
	kt_priority_end(&r->priority);
	kt_session_count(&r->session);
	kt_meter_write_last(&r->meter, kt_now_ns(), r->drain, r->compress);
	r->write_err = kt_compress_close(r->compress, r->end.mono_ns, &r->dropped);
	r->compress = NULL;
	if (!r->output.regular)
		kt_loop_let_kill(true);
	if (!err && r->write_err != -ETIMEDOUT)
		err = write_end(r, c);
	if (!r->write_err)
		r->write_err = err;
	ktr_context_destroy(c);
}

static void summarize(struct recording *r, uint64_t bytes)
{
	struct kt_summary s = {
		.path = kt_file_out_name(&r->output),
		.start_ns = r->start.mono_ns,
		.end_ns = r->end.mono_ns,
		.bytes = bytes,
		.dropped = r->dropped,
		.cpu_ns = kt_cpu_ns() - r->start_cpu_ns,
		.priority = kt_priority_text(&r->priority),
		.peak_bytes = kt_meter_peak_bytes(),
		.drain = kt_drain_stats(r->drain),
		.meter = &r->meter,
	};

	kt_summary_print(&s);
}

static int say_write_error(const struct recording *r, const char *consequence)
{
	const char *name = kt_file_out_name(&r->output);

	if (r->write_err == -ETIMEDOUT)
		kt_error("%s is no longer being read: %s", name, consequence);
	else if (r->write_err == -EFBIG)
		kt_error("cannot write %s: file size limit reached (ulimit -f); %s", name,
			 consequence);
	else if (r->write_err == -EPIPE)
		kt_error("the reader of %s has gone: %s", name, consequence);
	else
		kt_error("cannot write %s: %s; %s", name, strerror(-r->write_err), consequence);
	return 1;
}

/* Returns the exit status. */
static int close_file(struct recording *r)
{
	uint64_t bytes = ktr_writer_bytes(r->writer);
	/* Gave up: another thread is using it, in a write() that will not return. */
	int err = r->write_err == -ETIMEDOUT ? 0 : ktr_writer_close(r->writer);

	r->writer = NULL;
	if (!r->write_err)
		r->write_err = err;
	kt_file_out_trim(&r->output);
	summarize(r, bytes);
	return r->write_err ? say_write_error(r, "the recording ends early but is readable") : 0;
}

/* Not even the beginning could be written. */
static int give_up(struct recording *r)
{
	kt_session_set_on(&r->session, false);
	ktr_writer_close(r->writer);
	r->writer = NULL;
	kt_file_out_discard(&r->output);
	return say_write_error(r, "nothing was recorded");
}

static void free_all(struct recording *r)
{
	kt_context_cancel(r->gather);
	kt_compress_close(r->compress, 0, NULL);
	ktr_writer_close(r->writer);
	kt_drain_destroy(r->drain);
	kt_session_finish(&r->session);
	kt_file_out_finish(&r->output);
	if (r->signal_fd >= 0)
		close(r->signal_fd);
	free(r->families);
	free(r->command);
}

/* What kt_session_init() finds wrong in the command line, reported as in options.c. */
static int usage_status(int err)
{
	return err == -EINVAL ? EX_USAGE : 1;
}

/* True: a signal asks to end. */
static bool wait_for_reader(void *arg)
{
	return kt_loop_wait(((struct recording *)arg)->signal_fd, READER_STEP_NS);
}

int kt_record(const struct kt_options *o)
{
	struct recording r = {.o = o, .signal_fd = -1, .output.fd = -1};
	int status = o->command ? kt_child_check(o->command) : 0, err;

	kt_child_init(&r.child);
	if (status)
		return status;
	/* Starting is some hundred ms of work: with a load running it would take many times as long. */
	kt_priority_start(&r.priority, !o->no_priority);
	err = kt_session_init(&r.session, o);
	status = usage_status(err);
	if (err)
		goto out;
	/* From here on a signal must not kill us: a new file would be left behind. */
	r.signal_fd = kt_loop_signals();
	if (r.signal_fd < 0)
		say_cannot_start(r.signal_fd);
	if (r.signal_fd < 0 ||
	    kt_file_out_open(&r.output, o->output, o->force, wait_for_reader, &r))
		goto out;
	r.families = kt_choice_text(r.session.families, ",");
	r.command = command_text(o->command);
	if (!r.families || !r.command) {
		say_cannot_start(-ENOMEM);
		goto out;
	}
	if (prepare(&r) || start_recording(&r))
		goto out;
	if (r.write_err) {
		status = give_up(&r);
		goto out;
	}
	record_until_end(&r);
	end_recording(&r);
	status = close_file(&r);
out:
	kt_child_stop(&r.child, r.signal_fd);
	free_all(&r);
	return status ? status : r.child.status;
}

int kt_list_probes(const struct kt_options *o)
{
	struct kt_session s = {0};
	int err = kt_session_init(&s, o), status = usage_status(err);

	if (!err && !kt_session_load(&s)) {
		status = kt_session_attach(&s) ? 1 : 0;
		kt_probes_print(stdout, s.probes);
	}
	kt_session_finish(&s);
	return status;
}
