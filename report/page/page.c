/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Runs the reports and fills the shell (page.html, which the build puts together) with what they say. */
#include "report/page/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "report/output/out_file.h"
#include "report/output/term.h"
#include "report/page/html.h"
#include "report/page/shell.h"
#include "report/page/svg.h"
#include "report/page/tee.h"
#include "report/query/run.h"

/* How page.html begins. */
static const struct kt_out_what page_what = {"page", kt_page_shell, 64};

enum part {
	PART_TITLE,
	PART_HEAD,
	PART_ANSWER,
	PART_STACK,
	PART_NAV,
	PART_MAIN,
	PART_JSON,
	N_PARTS
};

static const char *const part_names[N_PARTS] = {
	[PART_TITLE] = "title", [PART_HEAD] = "head", [PART_ANSWER] = "answer",
	[PART_STACK] = "stack", [PART_NAV] = "nav",   [PART_MAIN] = "main",
	[PART_JSON] = "json",
};

struct text {
	char *v;
	size_t n;
	FILE *f;
};

struct page {
	const struct kt_options *o; /* borrowed */
	struct text parts[N_PARTS];
	KT_VEC(char *) ids;	 /* owned: flows that are explained */
	KT_VEC(char *) left_out; /* owned: why a report is not here */
	char *err;
	size_t err_size;
};

/* A report of the page, and how it is shown. */
struct want {
	const char *report;
	const char *id;	  /* NULL: it takes none */
	const char *flow; /* NULL: what --flow says */
	struct kt_html how;
};

static int no_memory(struct page *p)
{
	snprintf(p->err, p->err_size, "no memory");
	return -ENOMEM;
}

static int text_open(struct text *t)
{
	t->f = open_memstream(&t->v, &t->n);
	return t->f ? 0 : -ENOMEM;
}

static int text_close(struct text *t)
{
	int err = t->f && fclose(t->f) ? -ENOMEM : 0;

	t->f = NULL;
	return err;
}

static void text_finish(struct text *t)
{
	text_close(t);
	free(t->v);
	t->v = NULL;
}

/* ---------------------------------------------------------------- one report */

/* What the report, or the one that takes its place, can filter by. What is wrong with it, kt_run_init() says. */
static unsigned int params_of(const char *name)
{
	struct kt_report r = {0}, general = {0};
	unsigned int params = ~0u;
	char err[256];

	if (!kt_report_load(&r, name, err, sizeof(err))) {
		params = r.params;
		if (r.flows && !kt_report_load_general(&general, name, err, sizeof(err)))
			params &= general.params;
	}
	kt_report_finish(&general);
	kt_report_finish(&r);
	return params;
}

/* JSON in a script element: nothing in it may look like its end. */
static void put_json(FILE *f, const char *s)
{
	for (; *s; s++)
		if (*s == '<' || *s == '>' || *s == '&')
			fprintf(f, "\\u%04x", *s);
		else
			fputc(*s, f);
}

static int keep_json(struct page *p, const struct want *w, const char *json)
{
	FILE *f = p->parts[PART_JSON].f;
	int err;

	fputs("<script type=\"application/json\" data-report=\"", f);
	err = kt_html_text(f, w->report);
	fputs(w->id ? "\" data-id=\"" : w->flow ? "\" data-flow=\"" : "", f);
	if (!err && (w->id || w->flow))
		err = kt_html_text(f, w->id ? w->id : w->flow);
	fputs("\">\n", f);
	put_json(f, json);
	fputs("</script>\n", f);
	return err;
}

/* A filter that this report has not: the others have it. */
static void say_unfiltered(FILE *f, const char *option)
{
	fprintf(f, "<p class=\"about\">%s does not apply to this.</p>\n", option);
}

static void choose_filters(const struct want *w, unsigned int params, struct kt_options *o, FILE *f)
{
	for (int i = 0; i < KT_N_PARAMS; i++) {
		if (!o->filter[i] || i == KT_PARAM_ID || (params & (1u << i)))
			continue;
		o->filter[i] = NULL;
		if (!w->id && i != KT_PARAM_TOP && i != KT_PARAM_RECORDER && i != KT_PARAM_BY)
			say_unfiltered(f, kt_param_option(o, (enum kt_param)i));
	}
	if (w->id)
		o->filter[KT_PARAM_ID] = w->id;
	if (w->flow)
		o->filter[KT_PARAM_FLOW] = w->flow;
	/* An ID says which kind it is. */
	if (w->id)
		o->filter[KT_PARAM_FLOW] = NULL;
}

/* Kinds of flows that have rows and that the report did not show; owned by the caller. */
static int other_kinds(struct kt_run *run, char ***ret, size_t *ret_n)
{
	KT_VEC(char *) kinds = {0};
	sqlite3_stmt *st = NULL;
	char *sql = NULL;
	int err = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!(run->report.params & (1u << KT_PARAM_FLOW)) ||
	    !kt_database_has(run->db, "flow_kind", true))
		return 0;
	sql = sqlite3_mprintf("SELECT flow FROM flow_kind k WHERE flow NOT IN report_flow %s"
			      " AND EXISTS (SELECT 1 FROM flow_group g WHERE g.flow = k.flow)"
			      " ORDER BY waits_for IS NULL, ord, flow",
			      kt_database_has(run->db, "shown_kind", false)
				      ? "AND flow NOT IN (SELECT flow FROM shown_kind)"
				      : "");
	if (!sql)
		return -ENOMEM;
	/* What is wrong with the database, the report has said. */
	if (!sqlite3_prepare_v2(run->db, sql, -1, &st, NULL))
		while (!err && sqlite3_step(st) == SQLITE_ROW) {
			const char *flow = (const char *)sqlite3_column_text(st, 0);
			char *copy = flow ? strdup(flow) : NULL;

			if (flow && (!copy || kt_vec_push(&kinds, copy))) {
				free(copy);
				err = -ENOMEM;
			}
		}
	sqlite3_finalize(st);
	sqlite3_free(sql);
	*ret = kinds.v;
	*ret_n = kinds.n;
	return err;
}

static int print_run(struct page *p, struct kt_run *run, const struct want *w, FILE *f)
{
	struct kt_html how = w->how;
	struct text json = {0};
	struct kt_output *out;
	int err = text_open(&json);

	if (err)
		return no_memory(p);
	how.epoch_ns = p->o->wall ? kt_run_epoch(run) : 0;
	out = kt_output_tee(kt_output_html(f, &how), kt_output_json(json.f));
	err = out ? kt_run_print(run, out) : no_memory(p);
	if (out && err)
		snprintf(p->err, p->err_size, "%s", run->err);
	if (out)
		out->ops->destroy(out);
	if (text_close(&json) && !err)
		err = no_memory(p);
	if (!err && keep_json(p, w, json.v))
		err = no_memory(p);
	text_finish(&json);
	return err;
}

/* kinds: NULL, or takes what other_kinds() finds. */
static int run_one(struct page *p, const struct want *w, FILE *f, char ***kinds, size_t *n_kinds)
{
	struct kt_options o = *p->o;
	struct kt_run run;
	int err;

	o.report = w->report;
	o.out = KT_OUT_JSON;
	/* A report that was asked for says itself which of them it does not take. */
	if (!p->o->named || w->id)
		choose_filters(w, params_of(w->report), &o, f);
	err = kt_run_init(&run, &o);
	if (err)
		snprintf(p->err, p->err_size, "%s", run.err);
	err = err ? err : print_run(p, &run, w, f);
	if (!err && kinds && other_kinds(&run, kinds, n_kinds))
		err = no_memory(p);
	kt_run_finish(&run);
	return err;
}

/* ---------------------------------------------------------------- flows that are explained */

static bool has_id(void *arg, const char *id)
{
	const struct page *p = arg;

	for (size_t i = 0; i < p->ids.n; i++)
		if (!strcmp(p->ids.v[i], id))
			return true;
	return false;
}

static bool is_fatal(int err)
{
	return err == -ENOMEM || err == -EIO;
}

/* What `show` knows, folded; its head is the flow's line. */
static int put_flow(void *arg, FILE *f, const char *id, const char *line)
{
	struct page *p = arg;
	struct want w = {
		.report = "show",
		.id = id,
		.how = {.level = 3, .title = "One flow"},
	};
	char *copy = strdup(id);
	int err;

	if (!copy || kt_vec_push(&p->ids, copy)) {
		free(copy);
		return no_memory(p);
	}
	fputs("<details><summary><span class=\"vh\">Waterfall of ", f);
	err = kt_html_text(f, id);
	fputs("</span>", f);
	err = err ? err : kt_svg_span(f, line ? line : "", NULL);
	fputs("</summary>\n<div class=\"flow\">", f);
	err = err ? err : run_one(p, &w, f, NULL, NULL);
	if (err && !is_fatal(err)) {
		fputs("<p class=\"warn\">", f);
		err = kt_html_text(f, p->err);
		fputs("</p>", f);
	}
	fputs("</div></details>", f);
	return err;
}

/* ---------------------------------------------------------------- sections */

/* In this order; reports that are not named here come before the last. show explains what slow lists. */
struct section {
	const char *id, *heading;
	const char *reports[4];
};

static const struct section sections[] = {
	{"time", "Latency over time", {"heatmap"}},
	{"evidence", "What took the time, and who was in the way", {"summary"}},
	{"stages", "Stages by object and operation", {"stages"}},
	{"slow", "The slowest", {"slow"}},
	{"hist", "Distribution of durations", {"hist"}},
	{"who", "By task", {"tasks"}},
	{"recording", "Cost, loss and completeness", {"cost", "loss", "audit", "probes"}},
};

static bool is_placed(const char *report)
{
	for (size_t s = 0; s < KT_ARRAY_SIZE(sections); s++)
		for (int i = 0; i < 4 && sections[s].reports[i]; i++)
			if (!strcmp(sections[s].reports[i], report))
				return true;
	return false;
}

static int leave_out(struct page *p)
{
	char *why = strdup(p->err);

	if (why && !kt_vec_push(&p->left_out, why))
		return 0;
	free(why);
	return no_memory(p);
}

static struct want want_of(struct page *p, const char *report, const char *title)
{
	struct want w = {
		.report = report,
		.how = {.level = 3, .title = title, .has = has_id, .arg = p},
	};

	if (!strcmp(report, "slow"))
		w.how.detail = put_flow;
	return w;
}

/* Appends what the report said, unless it cannot be had. */
static int take(struct page *p, const struct want *w, FILE *f, const char *flow_heading,
		char ***kinds, size_t *n_kinds)
{
	struct text t = {0};
	int err = text_open(&t);

	if (err)
		return no_memory(p);
	err = run_one(p, w, t.f, kinds, n_kinds);
	if (text_close(&t) && !err)
		err = no_memory(p);
	if (!err && flow_heading) {
		fputs("<h3>", f);
		err = kt_html_text(f, flow_heading) ? no_memory(p) : 0;
		fputs("</h3>\n", f);
	}
	if (!err)
		fputs(t.v, f);
	else if (!is_fatal(err))
		err = leave_out(p);
	text_finish(&t);
	return err;
}

/* And the same of the other kinds of flows there are. */
static int take_all(struct page *p, const char *report, const char *title, FILE *f)
{
	struct want w = want_of(p, report, title);
	char **kinds = NULL;
	size_t n = 0;
	int err = take(p, &w, f, NULL, p->o->filter[KT_PARAM_FLOW] ? NULL : &kinds, &n);

	for (size_t i = 0; i < n; i++) {
		w.flow = kinds[i];
		err = err ? err : take(p, &w, f, kinds[i], NULL, NULL);
		free(kinds[i]);
	}
	free(kinds);
	return err;
}

static int put_section(struct page *p, const char *id, const char *heading, const char *body)
{
	FILE *f = p->parts[PART_MAIN].f, *nav = p->parts[PART_NAV].f;
	int err;

	if (!*body)
		return 0;
	fprintf(f, "<section id=\"%s\">\n<h2>", id);
	err = kt_html_text(f, heading);
	fprintf(f, "</h2>\n%s</section>\n", body);
	fprintf(nav, "<li><a href=\"#%s\">", id);
	err = err ? err : kt_html_text(nav, heading);
	fputs("</a></li>\n", nav);
	return err ? no_memory(p) : 0;
}

/* A report in no section: it is one. */
static int add_report(struct page *p, const char *name)
{
	struct kt_report r = {0};
	struct text t = {0};
	int err = kt_report_load(&r, name, p->err, p->err_size);
	bool alone = !err && !r.other && !(r.params & (1u << KT_PARAM_ID));

	if (!err && alone) {
		err = text_open(&t) ? no_memory(p) : 0;
		err = err ? err : take_all(p, name, r.title ? r.title : name, t.f);
		if (text_close(&t) && !err)
			err = no_memory(p);
		err = err ? err : put_section(p, name, r.title ? r.title : name, t.v);
		text_finish(&t);
	}
	kt_report_finish(&r);
	return err;
}

static int add_other_reports(struct page *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < kt_n_sql_files; i++) {
		const char *name = kt_sql_report_name(&kt_sql_files[i]);

		if (kt_sql_is_report(&kt_sql_files[i]) && !is_placed(name))
			err = add_report(p, name);
	}
	return err;
}

/* The first of its reports has no heading but the section's. */
static int fill_section(struct page *p, const struct section *s, struct text *t)
{
	int err = 0;

	for (int i = 0; !err && i < 4 && s->reports[i]; i++)
		err = take_all(p, s->reports[i], s->heading, t->f);
	return err;
}

/* The summary: what it says first is the page's beginning. Without it there is no page. */
static int fill_answer(struct page *p, const char *report, struct text *t)
{
	struct want w = want_of(p, report, "Report");

	w.how.answer = p->parts[PART_ANSWER].f;
	w.how.stack = p->parts[PART_STACK].f;
	return run_one(p, &w, t->f, NULL, NULL);
}

static int put_left_out(struct page *p)
{
	FILE *f = p->parts[PART_MAIN].f;
	int err = 0;

	if (!p->left_out.n)
		return 0;
	fputs("<section id=\"absent\">\n<h2>Not on this page</h2>\n<ul>\n", f);
	for (size_t i = 0; !err && i < p->left_out.n; i++) {
		fputs("<li>", f);
		err = kt_html_text(f, p->left_out.v[i]);
		fputs("</li>\n", f);
	}
	fputs("</ul>\n</section>\n", f);
	return err ? no_memory(p) : 0;
}

static size_t section_of(const char *report)
{
	size_t i = 0;

	while (i + 1 < KT_ARRAY_SIZE(sections) && strcmp(sections[i].reports[0], report) != 0)
		i++;
	return i;
}

/* The list of the slowest comes first: others refer to it. */
static int fill_all(struct page *p)
{
	struct text t[KT_ARRAY_SIZE(sections)] = {0};
	size_t n = KT_ARRAY_SIZE(sections), slow = section_of("slow"), sum = section_of("summary");
	int err = 0;

	for (size_t i = 0; i < n; i++)
		err = err ? err : text_open(&t[i]) ? no_memory(p) : 0;
	err = err ? err : fill_section(p, &sections[slow], &t[slow]);
	err = err ? err : fill_answer(p, "summary", &t[sum]);
	for (size_t i = 0; !err && i < n; i++)
		if (i != slow && i != sum)
			err = fill_section(p, &sections[i], &t[i]);
	for (size_t i = 0; i < n; i++) {
		if (text_close(&t[i]) && !err)
			err = no_memory(p);
		if (!err && i + 1 == n)
			err = add_other_reports(p);
		err = err ? err : put_section(p, sections[i].id, sections[i].heading, t[i].v);
		text_finish(&t[i]);
	}
	return err ? err : put_left_out(p);
}

static int fill_one(struct page *p)
{
	struct text t = {0};
	int err = text_open(&t) ? no_memory(p) : 0;

	err = err ? err : fill_answer(p, p->o->report, &t);
	if (text_close(&t) && !err)
		err = no_memory(p);
	err = err ? err : put_section(p, "report", "The evidence", t.v);
	text_finish(&t);
	return err;
}

/* ---------------------------------------------------------------- the page */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What it is of, and which part of that. */
static int fill_head(struct page *p)
{
	FILE *f = p->parts[PART_HEAD].f, *title = p->parts[PART_TITLE].f;
	const char *first = p->o->filter[KT_PARAM_ID];
	int err = kt_html_text(title, base_of(p->o->db));

	/* A flow, or the first of two databases. */
	if (first) {
		err = err ? err : kt_html_text(f, base_of(first));
		fputs(" · ", f);
	}
	err = err ? err : kt_html_text(f, base_of(p->o->db));
	for (int i = 0; !err && i < KT_N_PARAMS; i++) {
		if (!p->o->filter[i] || i == KT_PARAM_ID)
			continue;
		fprintf(f, " · <code>%s ", kt_param_option(p->o, (enum kt_param)i));
		err = i == KT_PARAM_RECORDER ? 0 : kt_html_text(f, p->o->filter[i]);
		fputs("</code>", f);
	}
	fputs(" · ktrace-report " KT_VERSION, f);
	return err ? no_memory(p) : 0;
}

/* The shell, each of its marks <!--@NAME--> replaced. */
static void put_shell(const struct page *p, FILE *f)
{
	const char *s = kt_page_shell, *mark;

	while ((mark = strstr(s, "<!--@"))) {
		const char *name = mark + 5, *end = strstr(name, "-->");
		int i = 0;

		while (i < N_PARTS && (strlen(part_names[i]) != (size_t)(end - name) ||
				       strncmp(part_names[i], name, end - name) != 0))
			i++;
		fwrite(s, 1, mark - s, f);
		if (i < N_PARTS)
			fputs(p->parts[i].v, f);
		s = end + 3;
	}
	fputs(s, f);
}

static void page_finish(struct page *p)
{
	for (int i = 0; i < N_PARTS; i++)
		text_finish(&p->parts[i]);
	for (size_t i = 0; i < p->ids.n; i++)
		free(p->ids.v[i]);
	kt_vec_finish(&p->ids);
	for (size_t i = 0; i < p->left_out.n; i++)
		free(p->left_out.v[i]);
	kt_vec_finish(&p->left_out);
}

static int page_fill(struct page *p)
{
	int err = 0;

	for (int i = 0; !err && i < N_PARTS; i++)
		err = text_open(&p->parts[i]) ? no_memory(p) : 0;
	err = err ? err : fill_head(p);
	err = err ? err : p->o->named ? fill_one(p) : fill_all(p);
	for (int i = 0; i < N_PARTS; i++)
		if (text_close(&p->parts[i]) && !err)
			err = no_memory(p);
	return err;
}

int kt_page_write(const struct kt_options *o, char *err, size_t err_size)
{
	struct page p = {.o = o, .err = err, .err_size = err_size};
	struct kt_out_file file;
	int ret = kt_out_file_open(&file, o->html, &page_what, err, err_size);

	kt_term_locale(); /* times and numbers as in text */
	ret = ret ? ret : page_fill(&p);
	if (!ret)
		put_shell(&p, file.f);
	ret = ret ? ret : kt_out_file_commit(&file);
	kt_out_file_finish(&file);
	page_finish(&p);
	return ret;
}
