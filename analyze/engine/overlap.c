/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Recordings of one machine that were made at the same time saw the same I/Os. Each has rows for all it saw, but only one
 * counts: of two with the same filters, the one that began earlier. A flow that it holds is `duplicate` in the other, and because statistics
 * cover whole flows only, it is not in any figure there.
 */
#include <string.h>

#include "analyze/engine/engine.h"
#include "format/base/log.h"
#include "format/base/units.h"

/* Did a record everything that b did, of the families that both recorded? */
static bool saw_all_of(const struct kt_run *a, const struct kt_run *b)
{
	const char *filters = a->in->info->filters;

	return !filters[0] || !strcmp(filters, b->in->info->filters);
}

/* Do flows that both saw count in a? */
static bool is_elder(const struct kt_run *a, const struct kt_run *b)
{
	if (!kt_run_same_boot(a, b) || !saw_all_of(a, b))
		return false;
	if (!saw_all_of(b, a))
		return true;
	return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->index < b->index;
}

int kt_runs_find_elders(struct kt_engine *e)
{
	for (size_t i = 0; i < e->runs.n; i++) {
		struct kt_run *r = e->runs.v[i];

		for (size_t j = 0; j < e->runs.n; j++)
			if (i != j && is_elder(e->runs.v[j], r) &&
			    kt_vec_push(&r->elders, e->runs.v[j]))
				return -ENOMEM;
	}
	return 0;
}

/* The last moment known to be within it. */
static int64_t known_end(const struct kt_run *r)
{
	/* All runs have been read up to the events handed out now, or to their end. */
	return r->watermark_ns != INT64_MAX || kt_run_has_events(r) ? INT64_MAX : kt_run_end(r);
}

static bool holds(const struct kt_run *r, const char *family, int64_t start_ns, int64_t end_ns)
{
	return start_ns >= r->start_ns && end_ns <= known_end(r) && kt_run_recorded(r, family) &&
	       !kt_loss_overlaps(&r->loss, start_ns, end_ns);
}

bool kt_run_is_elsewhere(struct kt_engine *e, uint32_t run, const char *family, int64_t start_ns,
			 int64_t end_ns)
{
	struct kt_run *r = e->runs.v[run];

	for (size_t i = 0; i < r->elders.n;) {
		const struct kt_run *elder = r->elders.v[i];

		/* Of consecutive recordings, the earlier ones are asked only once. */
		if (known_end(elder) < r->start_ns) {
			r->elders.v[i] = r->elders.v[--r->elders.n];
			continue;
		}
		if (holds(elder, family, start_ns, end_ns))
			return true;
		i++;
	}
	return false;
}

static bool share_a_family(const struct kt_run *a, const struct kt_run *b)
{
	const char *at = a->in->info->kinds;
	char family[32];

	if (!at[0] || !b->in->info->kinds[0]) /* not known */
		return true;
	for (; *at; at += *at == ',') {
		size_t len = strcspn(at, ",");

		snprintf(family, sizeof(family), "%.*s", (int)len, at);
		if (strcmp(family, "core") != 0 && kt_run_recorded(b, family))
			return true;
		at += len;
	}
	return false;
}

static void say_overlap(const struct kt_run *a, const struct kt_run *b)
{
	int64_t from = KT_MAX(a->start_ns, b->start_ns), until_a = kt_run_end(a),
		until_b = kt_run_end(b), dur = KT_MIN(until_a, until_b) - from;
	const struct kt_run *elder = is_elder(a, b) ? a : is_elder(b, a) ? b : NULL;
	char ns[32];

	if (until_a == KT_NULL || until_b == KT_NULL || dur <= 0 || !kt_run_same_boot(a, b) ||
	    !share_a_family(a, b))
		return;
	kt_format_ns(dur, ns, sizeof(ns));
	if (elder)
		kt_warn("%s and %s were recorded on the same machine and overlap by %s: what both "
			"saw is counted in %s alone (state duplicate in the other)",
			a->in->name, b->in->name, ns, elder->in->name);
	else
		kt_warn("%s and %s were recorded on the same machine with different filters and "
			"overlap by %s: what both saw counts twice; to avoid that, analyze one of "
			"them alone",
			a->in->name, b->in->name, ns);
}

void kt_runs_say_overlaps(const struct kt_engine *e)
{
	for (size_t i = 0; i < e->runs.n; i++)
		for (size_t j = i + 1; j < e->runs.n; j++)
			say_overlap(e->runs.v[i], e->runs.v[j]);
}
