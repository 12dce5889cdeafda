/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Kinds of flows: those that the report is about, and those of the database. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "report/query/run.h"

struct kind {
	char *flow, *letter; /* owned; letter may be empty */
	bool own;	     /* the report says that it is about it */
	bool there;	     /* the database has it */
	bool has_flows;	     /* and flows of it */
};

struct kinds {
	KT_VEC(struct kind) v; /* the report's own first */
};

static void kinds_finish(struct kinds *k)
{
	for (size_t i = 0; i < k->v.n; i++) {
		free(k->v.v[i].flow);
		free(k->v.v[i].letter);
	}
	kt_vec_finish(&k->v);
}

static struct kind *find(struct kinds *k, const char *flow)
{
	for (size_t i = 0; i < k->v.n; i++)
		if (!strcmp(k->v.v[i].flow, flow))
			return &k->v.v[i];
	return NULL;
}

static int add(struct kinds *k, const char *flow, size_t len, const char *letter, bool own)
{
	struct kind kind = {.flow = strndup(flow, len), .letter = strdup(letter), .own = own};

	if (kind.flow && kind.letter && !kt_vec_push(&k->v, kind))
		return 0;
	free(kind.flow);
	free(kind.letter);
	return -ENOMEM;
}

/* Without the database, a kind's letter is its first. */
static int add_own(struct kinds *k, const char *flows)
{
	int err = 0;

	while (flows && *flows && !err) {
		size_t len = strcspn(flows, " ");
		const char letter[] = {*flows, '\0'};

		err = add(k, flows, len, letter, true);
		flows += len;
		flows += strspn(flows, " ");
	}
	return err;
}

static int add_row(struct kinds *k, const char *flow, const char *letter)
{
	struct kind *kind = find(k, flow);
	int err = 0;
	char *copy;

	if (kind) {
		copy = strdup(letter);
		if (!copy)
			return -ENOMEM;
		free(kind->letter);
		kind->letter = copy;
	} else {
		err = add(k, flow, strlen(flow), letter, false);
		kind = err ? NULL : &k->v.v[k->v.n - 1];
	}
	if (kind)
		kind->there = true;
	return err;
}

/* An older database has no such table: then there are the report's own. */
static int kinds_load(struct kt_run *run, struct kinds *k)
{
	sqlite3_stmt *st = NULL;
	int err = add_own(k, run->report.flows);

	if (!err &&
	    !sqlite3_prepare_v2(run->db,
				"SELECT CAST(flow AS TEXT), CAST(ifnull(letter, '') AS TEXT) "
				"FROM flow_kind WHERE flow <> '' ORDER BY ord, flow LIMIT 1000",
				-1, &st, NULL)) {
		while (!err && sqlite3_step(st) == SQLITE_ROW) {
			const char *flow = (const char *)sqlite3_column_text(st, 0);
			const char *letter = (const char *)sqlite3_column_text(st, 1);

			err = flow && letter ? add_row(k, flow, letter) : -ENOMEM;
		}
	}
	sqlite3_finalize(st);
	return err;
}

/* Of which kinds there are flows: all that a version of ktrace-analyze knows are in flow_kind. */
static void flows_load(struct kt_run *run, struct kinds *k)
{
	sqlite3_stmt *st = NULL;

	if (!sqlite3_prepare_v2(
		    run->db, "SELECT DISTINCT CAST(flow AS TEXT) FROM flow_group WHERE flow <> ''",
		    -1, &st, NULL))
		while (sqlite3_step(st) == SQLITE_ROW) {
			const char *flow = (const char *)sqlite3_column_text(st, 0);
			struct kind *kind = flow ? find(k, flow) : NULL;

			if (kind)
				kind->has_flows = true;
		}
	sqlite3_finalize(st);
}

/* There are flows, but none of what the report is about. */
static bool only_others_flow(const struct kinds *k)
{
	bool others = false;

	for (size_t i = 0; i < k->v.n; i++) {
		if (k->v.v[i].own && k->v.v[i].has_flows)
			return false;
		others = others || k->v.v[i].has_flows;
	}
	return others;
}

/* Nothing of what the report is about is there, but something else is. */
static bool only_others(const struct kinds *k)
{
	bool others = false;

	for (size_t i = 0; i < k->v.n; i++) {
		if (k->v.v[i].own && k->v.v[i].there)
			return false;
		others = others || k->v.v[i].there;
	}
	return others;
}

enum which { NAMES, IDS, OWN };

static bool is_listed(const struct kinds *k, const struct kind *kind, enum which which)
{
	if (which == OWN)
		return kind->own;
	return (which == NAMES || *kind->letter) && (kind->there || !only_others(k));
}

/* Writes "a, b or c" behind at: names, "r12 (request)", or names of what the report is about. */
static void list(struct kt_run *run, const struct kinds *k, size_t at, enum which which)
{
	const size_t size = sizeof(run->err);
	size_t n = 0, i_th = 0;

	for (size_t i = 0; i < k->v.n; i++)
		n += is_listed(k, &k->v.v[i], which);
	for (size_t i = 0; i < k->v.n && at < size; i++) {
		const struct kind *kind = &k->v.v[i];
		const char *sep = !i_th ? "" : i_th + 1 == n ? " or " : ", ";

		if (!is_listed(k, kind, which))
			continue;
		i_th++;
		if (which == IDS)
			at += snprintf(run->err + at, size - at, "%s%s12 (%s)", sep, kind->letter,
				       kind->flow);
		else
			at += snprintf(run->err + at, size - at, "%s%s", sep, kind->flow);
	}
}

static bool all_digits(const char *s)
{
	int64_t v;
	char *end;

	errno = 0;
	v = strtoll(s, &end, 10);
	return isdigit((unsigned char)*s) && !*end && !errno && v >= 0;
}

/* r12 b12 i12, or 12 for the first of the report's own. */
static int choose_by_id(struct kt_run *run, struct kinds *k, const struct kind **ret)
{
	const char *id = run->o->filter[KT_PARAM_ID];
	const struct kind *found = NULL;

	for (size_t i = 0; i < k->v.n; i++) {
		const struct kind *kind = &k->v.v[i];
		size_t len = strlen(kind->letter);

		if (!len || strncmp(id, kind->letter, len) != 0 || !all_digits(id + len))
			continue;
		if (found) {
			snprintf(run->err, sizeof(run->err),
				 "%s: '%s' could be one of %s and one of %s: the letters of these "
				 "kinds "
				 "of flows do not tell them apart",
				 run->path, id, found->flow, kind->flow);
			return -EINVAL;
		}
		found = kind;
		run->n_digits = (int)strlen(id + len);
	}
	if (!found && k->v.n && k->v.v[0].own && !only_others(k) && all_digits(id)) {
		found = &k->v.v[0];
		run->n_digits = (int)strlen(id);
	}
	*ret = found;
	if (found)
		return 0;
	list(run, k, snprintf(run->err, sizeof(run->err), "'%s' is not an ID: expected ", id), IDS);
	return -EINVAL;
}

static int choose_by_name(struct kt_run *run, struct kinds *k, const struct kind **ret)
{
	const char *name = run->o->filter[KT_PARAM_FLOW];

	*ret = find(k, name);
	if (*ret && ((*ret)->there || !only_others(k)))
		return 0;
	/* Nobody knows what there is: it is the report's matter. */
	if (!k->v.n) {
		run->flow = strdup(name);
		return run->flow ? 0 : -ENOMEM;
	}
	list(run, k, snprintf(run->err, sizeof(run->err), "--flow %s: expected ", name), NAMES);
	return -EINVAL;
}

/* asked: for a kind that the report does not know; else there are no flows of another. */
static int take_general(struct kt_run *run, const struct kinds *k, bool asked)
{
	struct kt_report general = {0};
	int err = kt_report_load_general(&general, run->o->report, run->err, sizeof(run->err));

	if (!err) {
		kt_report_finish(&run->report);
		run->report = general;
		return 0;
	}
	kt_report_finish(&general);
	if (err != -ENOENT || !asked)
		return err == -ENOENT ? 0 : err;
	list(run, k,
	     snprintf(run->err, sizeof(run->err), "--flow %s: report '%s' is only about ",
		      run->flow, run->o->report),
	     OWN);
	return -EINVAL;
}

static int make_report_flow(struct kt_run *run)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_exec(run->db, "CREATE TEMP TABLE report_flow(flow TEXT PRIMARY KEY)", NULL,
			      NULL, NULL);
	const char *s = run->report.flows;

	rc = rc ? rc
		: sqlite3_prepare_v2(run->db, "INSERT OR IGNORE INTO temp.report_flow VALUES (?1)",
				     -1, &st, NULL);
	while (!rc && s && *s) {
		size_t len = strcspn(s, " ");

		rc = sqlite3_bind_text(st, 1, s, (int)len, SQLITE_STATIC);
		rc = rc ? rc : sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
		sqlite3_reset(st);
		s += len;
		s += strspn(s, " ");
	}
	sqlite3_finalize(st);
	if (rc)
		snprintf(run->err, sizeof(run->err), "%s: %s", run->path, sqlite3_errmsg(run->db));
	return rc ? -EIO : 0;
}

int kt_kinds_choose(struct kt_run *run)
{
	bool by_id = run->o->filter[KT_PARAM_ID] && !run->other &&
		     (run->report.params & (1u << KT_PARAM_ID));
	bool by_name =
		run->o->filter[KT_PARAM_FLOW] && (run->report.params & (1u << KT_PARAM_FLOW));
	const struct kind *kind = NULL;
	struct kinds k = {0};
	int err;

	if (by_id && by_name) {
		snprintf(run->err, sizeof(run->err), "--flow cannot be combined with an ID");
		return -EINVAL;
	}
	err = kinds_load(run, &k);
	if (!err && by_id)
		err = choose_by_id(run, &k, &kind);
	else if (!err && by_name)
		err = choose_by_name(run, &k, &kind);
	if (!err && kind) {
		run->flow = strdup(kind->flow);
		err = run->flow ? 0 : -ENOMEM;
	}
	if (!err)
		flows_load(run, &k);
	if (!err && run->report.flows &&
	    (kind ? !kind->own : only_others(&k) || only_others_flow(&k)))
		err = take_general(run, &k, kind);
	kinds_finish(&k);
	err = err ? err : make_report_flow(run);
	if (err == -ENOMEM)
		snprintf(run->err, sizeof(run->err), "no memory");
	return err;
}
