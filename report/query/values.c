/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Filters: from the words of the command line to the values of SQL parameters. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/macros.h"
#include "format/base/units.h"
#include "report/query/run.h"

static int mistake(struct kt_run *run, enum kt_param p, const char *want)
{
	snprintf(run->err, sizeof(run->err), "%s %s: expected %s", kt_param_option(run->o, p),
		 run->o->filter[p], want);
	return -EINVAL;
}

int64_t kt_run_epoch(struct kt_run *run)
{
	sqlite3_stmt *st = NULL;
	int64_t v = 0;

	if (!sqlite3_prepare_v2(run->db, "SELECT value FROM meta WHERE key = 'epoch_realtime_ns'",
				-1, &st, NULL) &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* [YYYY-MM-DDT]HH:MM[:SS[.fraction]][Z] to ns since 1970; a time alone is of the day on which the recording began. */
static int parse_clock(const char *s, int64_t epoch_ns, int64_t *ret_ns)
{
	time_t day = epoch_ns / 1000000000;
	size_t len = strlen(s);
	bool utc = len && s[len - 1] == 'Z';
	struct tm tm, dated;
	double frac = 0;
	const char *p;

	if (utc)
		gmtime_r(&day, &tm);
	else
		localtime_r(&day, &tm);
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	dated = tm; /* strptime() writes as far as it gets, even where it fails */
	p = strptime(s, "%Y-%m-%d", &dated);
	if (p && *p != 'T' && *p != ' ')
		return -EINVAL;
	if (p) {
		tm = dated;
		p++;
	}
	p = strptime(p ? p : s, "%H:%M", &tm);
	if (!p)
		return -EINVAL;
	if (*p == ':') {
		p = strptime(p + 1, "%S", &tm);
		if (p && *p == '.') {
			char *end;

			frac = strtod(p, &end);
			p = end;
		}
	}
	if (!p || strcmp(p, utc ? "Z" : ""))
		return -EINVAL;
	*ret_ns = (int64_t)(utc ? timegm(&tm) : mktime(&tm)) * 1000000000 +
		  (int64_t)(frac * 1e9 + 0.5);
	return 0;
}

static int parse_time(struct kt_run *run, enum kt_param p)
{
	const char *s = run->o->filter[p];
	int64_t epoch_ns, t;

	if (!kt_parse_duration(s, &run->values[p].i))
		return 0;
	epoch_ns = kt_run_epoch(run);
	if (parse_clock(s, epoch_ns, &t))
		return mistake(run, p,
			       "a time from the start (2.5s, 1m) or of day (14:05:09.5, "
			       "2026-05-01T14:05Z)");
	run->values[p].i = t - epoch_ns;
	return 0;
}

/* The kind of flow, and with an ID its number: kinds.c has looked at both. */
static void set_flow(struct kt_run *run, const char *id)
{
	struct kt_value *flow = &run->values[KT_PARAM_FLOW];

	flow->set = flow->is_text = true;
	flow->text = run->flow;
	if (id)
		run->values[KT_PARAM_ID].i = strtoll(id, NULL, 10);
}

/* Does sql give a row for the value of p? SQLITE_ROW, SQLITE_DONE; else it could not be asked. */
static int ask(struct kt_run *run, enum kt_param p, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(run->db, sql, -1, &st, NULL);

	if (!rc)
		sqlite3_bind_text(st, 1, run->values[p].text, -1, SQLITE_STATIC);
	if (!rc && sqlite3_bind_parameter_count(st) > 1)
		sqlite3_bind_text(st, 2, run->flow, -1, SQLITE_STATIC);
	rc = rc ? rc : sqlite3_step(st);
	sqlite3_finalize(st);
	return rc;
}

/*
 * A name that is not in the database is a slip of the pen: say what there is. sql: 1 row if it is there; or also, of a table that
 * older databases do not have (NULL: none).
 */
static int check_known(struct kt_run *run, enum kt_param p, const char *what, const char *sql,
		       const char *also, const char *list)
{
	sqlite3_stmt *st = NULL;
	int rc = ask(run, p, sql);

	if (rc != SQLITE_DONE)
		return 0; /* there; or the table is not, which the report will tell better */
	if (also && ask(run, p, also) == SQLITE_ROW)
		return 0;
	rc = sqlite3_prepare_v2(run->db, list, -1, &st, NULL);
	if (!rc && sqlite3_bind_parameter_count(st) > 1)
		sqlite3_bind_text(st, 2, run->flow, -1, SQLITE_STATIC);
	rc = rc ? rc : sqlite3_step(st);
	snprintf(run->err, sizeof(run->err), "%s: no %s '%s' in this database%s%s%s", run->path,
		 what, run->values[p].text,
		 rc == SQLITE_ROW && sqlite3_column_text(st, 0) ? " (it has: " : "",
		 rc == SQLITE_ROW && sqlite3_column_text(st, 0)
			 ? (const char *)sqlite3_column_text(st, 0)
			 : "",
		 rc == SQLITE_ROW && sqlite3_column_text(st, 0) ? ")" : "");
	sqlite3_finalize(st);
	return -ENOENT;
}

/* One of a few words. */
static int parse_word(struct kt_run *run, enum kt_param p, const char *const *words,
		      const char *want)
{
	struct kt_value *v = &run->values[p];

	v->is_text = true;
	v->text = run->o->filter[p];
	for (; *words; words++)
		if (!strcmp(*words, v->text))
			return 0;
	return mistake(run, p, want);
}

struct name_check {
	enum kt_param p;
	const char *what, *sql, *also, *list;
};

/* Of flows of whatever kind; ?2: the kind, NULL = any. */
static const struct name_check general_checks[] = {
	{KT_PARAM_DISK, "object",
	 "SELECT 1 FROM flow_kind k JOIN flow_object o ON o.tbl = k.object_tbl"
	 " WHERE k.flow = coalesce(?2, k.flow) AND ?1 IN (o.name, o.dev) LIMIT 1",
	 NULL,
	 "SELECT group_concat(name, ', ') FROM (SELECT DISTINCT o.name FROM flow_kind k"
	 " JOIN flow_object o ON o.tbl = k.object_tbl WHERE k.flow = coalesce(?2, k.flow)"
	 " ORDER BY o.name LIMIT 40)"},
	{KT_PARAM_OP, "operation",
	 "SELECT 1 FROM flow_group WHERE op = ?1 AND flow = coalesce(?2, flow) LIMIT 1", NULL,
	 "SELECT group_concat(op, ', ') FROM (SELECT DISTINCT op FROM flow_group"
	 " WHERE flow = coalesce(?2, flow) ORDER BY op LIMIT 40)"},
	{KT_PARAM_TASK, "task",
	 "SELECT 1 FROM task WHERE comm = ?1 OR CAST(tid AS TEXT) = ?1 LIMIT 1",
	 "SELECT 1 FROM task_name WHERE (comm = ?1 OR CAST(tid AS TEXT) = ?1)"
	 " AND is_inherited = 0 LIMIT 1",
	 "SELECT group_concat(comm, ', ') FROM (SELECT DISTINCT comm FROM task JOIN flow_key"
	 " USING (utid) JOIN flow_group USING (group_id)"
	 " WHERE comm IS NOT NULL AND flow = coalesce(?2, flow) ORDER BY comm LIMIT 40)"},
	{KT_PARAM_CGROUP, "cgroup",
	 "SELECT 1 FROM cgroup WHERE path = ?1 OR substr(path, 1, length(?1) + 1) = ?1 || '/'"
	 " OR ?1 = '/' LIMIT 1",
	 NULL,
	 "SELECT group_concat(path, ', ') FROM (SELECT DISTINCT path FROM cgroup JOIN flow_key"
	 " USING (ucgid) JOIN flow_group USING (group_id)"
	 " WHERE path IS NOT NULL AND flow = coalesce(?2, flow) ORDER BY path LIMIT 20)"},
};

static int check_names(struct kt_run *run)
{
	static const struct name_check checks[] = {
		{KT_PARAM_DISK, "disk", "SELECT 1 FROM device WHERE ?1 IN (name, dev) LIMIT 1",
		 NULL,
		 "SELECT group_concat(name, ', ') FROM (SELECT DISTINCT name FROM device ORDER BY "
		 "name LIMIT 40)"},
		{KT_PARAM_OP, "operation", "SELECT 1 FROM stage_stats WHERE op = ?1 LIMIT 1", NULL,
		 "SELECT group_concat(op, ', ') FROM (SELECT DISTINCT op FROM stage_stats ORDER BY "
		 "op LIMIT 40)"},
		{KT_PARAM_TASK, "task",
		 "SELECT 1 FROM task WHERE comm = ?1 OR CAST(tid AS TEXT) = ?1 LIMIT 1",
		 "SELECT 1 FROM task_name WHERE (comm = ?1 OR CAST(tid AS TEXT) = ?1)"
		 " AND is_inherited = 0 LIMIT 1",
		 "SELECT group_concat(comm, ', ') FROM (SELECT DISTINCT comm FROM task"
		 " WHERE utid IN (SELECT utid FROM bio UNION SELECT utid FROM task_load)"
		 " AND comm IS NOT NULL ORDER BY comm LIMIT 40)"},
		{KT_PARAM_CGROUP, "cgroup",
		 "SELECT 1 FROM cgroup WHERE path = ?1 OR substr(path, 1, length(?1) + 1) = ?1 || "
		 "'/'"
		 " OR ?1 = '/' LIMIT 1",
		 NULL,
		 "SELECT group_concat(path, ', ') FROM (SELECT DISTINCT path FROM cgroup"
		 " WHERE ucgid IN (SELECT ucgid FROM bio UNION SELECT ucgid FROM task_load)"
		 " AND path IS NOT NULL ORDER BY path LIMIT 20)"},
	};

	_Static_assert(KT_ARRAY_SIZE(checks) == KT_ARRAY_SIZE(general_checks), "the same names");
	for (size_t i = 0; i < KT_ARRAY_SIZE(checks); i++) {
		const struct name_check *c =
			run->report.is_general ? &general_checks[i] : &checks[i];
		int err = run->values[c->p].set
				  ? check_known(run, c->p, c->what, c->sql, c->also, c->list)
				  : 0;
		if (err)
			return err;
	}
	return 0;
}

int kt_values_parse(struct kt_run *run)
{
	static const char *const bys[] = {"op",	  "kind",   "disk",   "program", "process",
					  "task", "cgroup", "object", NULL};

	for (int p = 0; p < KT_N_PARAMS; p++) {
		const char *s = run->o->filter[p];
		struct kt_value *v = &run->values[p];
		int err = 0;
		char *end;

		if (!s || (p == KT_PARAM_ID && run->other))
			continue;
		v->set = true;
		switch (p) {
		case KT_PARAM_TOP:
		case KT_PARAM_LIMIT:
		case KT_PARAM_SAMPLE:
			errno = 0;
			v->i = strtol(s, &end, 10);
			if (*end || end == s || errno || v->i < 1)
				err = mistake(run, p, "a number of at least 1");
			break;
		case KT_PARAM_OVER:
			if (kt_parse_duration(s, &v->i))
				err = mistake(run, p, "a duration: 250us, 10ms, 1.5s");
			break;
		case KT_PARAM_SINCE:
		case KT_PARAM_UNTIL:
			err = parse_time(run, p);
			break;
		case KT_PARAM_RECORDER:
			v->i = 1;
			break;
		case KT_PARAM_ID:
			set_flow(run, s + strlen(s) - run->n_digits);
			break;
		case KT_PARAM_FLOW:
			set_flow(run, NULL);
			break;
		case KT_PARAM_BY:
			err = parse_word(run, p, bys,
					 "op, kind, disk, program, process, task or cgroup");
			/* What a disk is to storage. */
			if (!err && !strcmp(v->text, "object"))
				v->text = "disk";
			break;
		default:
			v->is_text = true;
			v->text = s;
		}
		if (err)
			return err;
	}
	return check_names(run);
}
