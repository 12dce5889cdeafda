// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "format/base/macros.h"
#include "record/context/context.h"
#include "record/context/context_parts.h"
#include "record/context/text.h"

struct kt_gather {
	struct ktr_context *context;
	struct kt_context_recorder recorder;
	pthread_t thread;
	bool running;
	int err;
};

/* Once its own number is known. */
static int add_recorder(struct ktr_context *c, const struct kt_context_recorder *recorder,
			uint32_t self)
{
	struct kt_text t;
	int err = kt_text_open(&t);

	if (err)
		return err;
	fprintf(t.f, "pid\t%u\nversion\t%s\nfamilies\t", self, KT_VERSION);
	kt_text_value(t.f, recorder->families);
	fputs("\nfilters\t", t.f);
	kt_text_value(t.f, recorder->filters);
	fputs("\ncommand\t", t.f);
	kt_text_value(t.f, recorder->command);
	fputc('\n', t.f);
	return kt_text_add(&t, c, "recorder");
}

static int add_probes(struct ktr_context *c, const struct kt_session *s, bool counted)
{
	struct kt_text t;
	int err = kt_text_open(&t);

	if (err)
		return err;
	kt_probes_write(t.f, s->probes, counted);
	if (*s->no_symbols)
		kt_probes_write_unknown(t.f, "io", KT_PROBE_SYMBOLS, s->no_symbols);
	if (*s->no_tasks)
		kt_probes_write_unknown(t.f, "core", "task numbers", s->no_tasks);
	return kt_text_add(&t, c, "probes");
}

/* Kernel counters that may be read at any time. */
static int add_counters(struct ktr_context *c)
{
	static const struct {
		const char *name, *path;
	} files[] = {
		{"counters/vmstat", "/proc/vmstat"},
		{"counters/netdev", "/proc/net/dev"},
		{"counters/stat", "/proc/stat"},
	};
	int err = 0;

	for (size_t i = 0; !err && i < KT_ARRAY_SIZE(files); i++)
		err = kt_context_copy(c, files[i].name, files[i].path);
	return err;
}

/* Counters that are compared with the trace: read next to switching on and off, in reverse order on either side. */
static int add_compared(struct ktr_context *c, bool end)
{
	static const struct {
		const char *name, *path;
	} files[] = {
		{"counters/interrupts", "/proc/interrupts"},
		{"counters/softirqs", "/proc/softirqs"},
		{"counters/diskstats", "/proc/diskstats"},
	};
	size_t n = KT_ARRAY_SIZE(files);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		size_t k = end ? n - 1 - i : i;

		err = kt_context_copy(c, files[k].name, files[k].path);
	}
	return err;
}

static int gather_files(struct kt_gather *g)
{
	struct ktr_context *c = g->context;
	int err;

	err = kt_context_uname(c);
	if (!err)
		err = kt_context_copy(c, "kernel/cmdline", "/proc/cmdline");
	if (!err)
		err = kt_context_cpus(c);
	if (!err)
		err = kt_context_copy(c, "mounts", "/proc/self/mountinfo");
	if (!err)
		err = kt_context_cgroups(c);
	return err;
}

static void *gather_thread(void *arg)
{
	struct kt_gather *g = arg;

	g->err = gather_files(g);
	return NULL;
}

int kt_context_start(const struct kt_context_recorder *recorder, const struct kt_session *s,
		     struct kt_gather **ret)
{
	struct kt_gather *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->recorder = *recorder;
	err = ktr_context_create(&g->context);
	if (!err)
		err = kt_context_constants(g->context, s->btf);
	if (!err)
		err = -pthread_create(&g->thread, NULL, gather_thread, g);
	if (err) {
		kt_context_cancel(g);
		return err;
	}
	g->running = true;
	*ret = g;
	return 0;
}

/* Tasks and disks come and go: read after attaching, so that later ones are in events. */
int kt_context_after_attach(struct kt_gather *g, const struct kt_session *s)
{
	int err;

	pthread_join(g->thread, NULL);
	g->running = false;
	err = g->err;
	if (!err)
		err = add_recorder(g->context, &g->recorder, s->self);
	if (!err)
		err = add_probes(g->context, s, false);
	if (!err && !*s->no_tasks)
		err = kt_context_tasks(g->context, g->recorder.no_cmdline);
	if (!err)
		err = kt_context_disks(g->context);
	return err;
}

/* The same for interrupts, on the other side of the switch: so those in between are known. */
static int add_interrupts(struct ktr_context *c, const char *interrupts, const char *softirqs)
{
	int err = kt_context_copy(c, interrupts, "/proc/interrupts");

	return err ? err : kt_context_copy(c, softirqs, "/proc/softirqs");
}

int kt_context_after_on(struct ktr_context *c)
{
	return add_interrupts(c, "counters/interrupts.on", "counters/softirqs.on");
}

int kt_context_before_off(struct ktr_context **ret)
{
	int err = ktr_context_create(ret);

	return err ? err : add_interrupts(*ret, "counters/interrupts.off", "counters/softirqs.off");
}

int kt_context_before_on(struct kt_gather *g, struct ktr_context **ret)
{
	int err = add_counters(g->context);

	if (!err)
		err = add_compared(g->context, false);
	if (err)
		return err;
	*ret = g->context;
	g->context = NULL;
	free(g);
	return 0;
}

void kt_context_cancel(struct kt_gather *g)
{
	if (!g)
		return;
	if (g->running)
		pthread_join(g->thread, NULL);
	ktr_context_destroy(g->context);
	free(g);
}

int kt_context_after_off(struct ktr_context *c)
{
	int err = add_compared(c, true);

	return err ? err : add_counters(c);
}

int kt_context_finish(struct ktr_context *c, const struct kt_session *s)
{
	int err = add_probes(c, s, true);

	/* Disks that appeared meanwhile. */
	return err ? err : kt_context_disks(c);
}
