/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* A run that was written in several files: read one after another, as if they were one. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/engine/engine.h"
#include "format/base/log.h"

#define COPY 2 /* of a piece already there: must not be counted twice */

static bool same_run(const struct kt_run *a, const struct kt_run *b)
{
	static const uint8_t none[16];
	const uint8_t *u = a->in->info->uuid;

	return memcmp(u, none, sizeof(none)) && !memcmp(u, b->in->info->uuid, sizeof(none));
}

/* In time order. 1: added; COPY: there is already a piece with that beginning; -errno. */
static int add_piece(struct kt_run *r, struct kt_piece p)
{
	size_t at = r->pieces.n;

	for (size_t i = 0; i < r->pieces.n; i++)
		if (r->pieces.v[i].first_ns == p.first_ns)
			return COPY;
	if (kt_vec_push(&r->pieces, p))
		return -ENOMEM;
	for (; at && r->pieces.v[at - 1].first_ns > p.first_ns; at--)
		r->pieces.v[at] = r->pieces.v[at - 1];
	r->pieces.v[at] = p;
	return 1;
}

/* Of two copies, one of which may have been cut, the longer one is used. */
static void keep_longer(struct kt_run *r, struct kt_run *from)
{
	struct stat a, b;

	if (r->path && from->path && !stat(r->path, &a) && !stat(from->path, &b) &&
	    a.st_size < b.st_size) {
		struct kt_input *in = r->in;
		const char *path = r->path;

		r->in = from->in;
		r->path = from->path;
		from->in = in;
		from->path = path;
	}
	kt_warn("%s is the same recording as %s: it is read once", from->in->name, r->in->name);
}

/* Makes from a piece of r if it is one: 1 or COPY; else 0; -errno. */
static int join(struct kt_run *r, struct kt_run *from)
{
	struct kt_piece p = {.in = from->in};
	int ret;

	if (!same_run(r, from))
		return 0;
	ret = kt_input_first_ns(from->in, &p.first_ns);
	if (ret)
		return ret;
	if (!r->pieces.n) {
		struct kt_piece own = {.in = r->in};

		ret = kt_input_first_ns(r->in, &own.first_ns);
		if (ret)
			return ret;
		if (own.first_ns == p.first_ns) {
			keep_longer(r, from);
			return COPY;
		}
		if (own.first_ns == UINT64_MAX || p.first_ns == UINT64_MAX)
			return 0;
		ret = add_piece(r, own);
		if (ret < 0)
			return ret;
	}
	if (p.first_ns == UINT64_MAX)
		return 0;
	ret = add_piece(r, p);
	if (ret == COPY)
		kt_warn("%s is part of a recording already given: it is read once", from->in->name);
	if (ret == 1) {
		from->in = NULL;
		r->path = NULL;
	}
	return ret;
}

/* The first known clocks are used for all files of a run: they share one CLOCK_MONOTONIC. */
static void share_clocks(struct kt_run *r)
{
	const struct kt_input *known = NULL;

	for (size_t i = 0; i < r->pieces.n && !known; i++)
		if (r->pieces.v[i].in->have_clocks)
			known = r->pieces.v[i].in;
	for (size_t i = 0; i < r->pieces.n && known; i++) {
		r->pieces.v[i].in->clocks = known->clocks;
		r->pieces.v[i].in->have_clocks = true;
	}
}

int kt_runs_join(struct kt_engine *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->runs.n; i++) {
		struct kt_run *r = e->runs.v[i];
		int ret = 0;

		for (size_t j = 0; j < n && !ret; j++)
			ret = join(e->runs.v[j], r);
		if (ret < 0) {
			/* Those behind the gap move up: each is owned once. */
			memmove(e->runs.v + n, e->runs.v + i, (e->runs.n - i) * sizeof(r));
			e->runs.n -= i - n;
			return ret;
		}
		if (ret) {
			kt_run_destroy(r);
			continue;
		}
		r->index = n;
		e->runs.v[n++] = r;
	}
	e->runs.n = n;
	for (size_t i = 0; i < n; i++) {
		struct kt_run *r = e->runs.v[i];

		share_clocks(r);
		if (r->pieces.n)
			r->in = r->pieces.v[0].in;
	}
	return 0;
}

/* The context of the start is read once. */
static void pass_context(const struct kt_tar *from, struct kt_tar *to)
{
	if (!from->used)
		return;
	free(to->data);
	to->data = NULL;
	to->used = true;
}

bool kt_run_next_piece(struct kt_run *r)
{
	const struct kt_input *old = r->in;

	if (r->piece + 1 >= r->pieces.n)
		return false;
	r->in = r->pieces.v[++r->piece].in;
	r->in->clocks = old->clocks; /* if none are known, the guessed ones */
	pass_context(&old->context[0], &r->in->context[0]);
	return true;
}

uint64_t kt_run_seam(const struct kt_run *r)
{
	return r->piece + 1 < r->pieces.n ? r->pieces.v[r->piece + 1].first_ns : UINT64_MAX;
}

uint64_t kt_run_bytes(const struct kt_run *r)
{
	uint64_t n = r->pieces.n ? 0 : ktr_reader_offset(r->in->reader);

	for (size_t i = 0; i < r->pieces.n; i++)
		n += ktr_reader_offset(r->pieces.v[i].in->reader);
	return n;
}

uint64_t kt_run_good(const struct kt_run *r)
{
	uint64_t n = r->pieces.n ? 0 : r->in->n_good;

	for (size_t i = 0; i < r->pieces.n; i++)
		n += r->pieces.v[i].in->n_good;
	return n;
}

static void close_inputs(struct kt_run *r)
{
	if (!r->pieces.n)
		kt_input_destroy(r->in);
	for (size_t i = 0; i < r->pieces.n; i++)
		kt_input_destroy(r->pieces.v[i].in);
	kt_vec_finish(&r->pieces);
}

void kt_run_destroy(struct kt_run *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->streams.n; i++)
		free(r->streams.v[i]);
	kt_vec_finish(&r->streams);
	free(r->no_stream);
	kt_loss_finish(&r->loss);
	kt_loss_finish(&r->no_room);
	kt_holes_finish(&r->holes);
	kt_vec_finish(&r->elders);
	kt_const_table_destroy(r->consts);
	free(r->kernel);
	for (size_t i = 0; i < r->hooks.n; i++)
		free(r->hooks.v[i].name);
	kt_vec_finish(&r->hooks);
	close_inputs(r);
	free(r);
}
