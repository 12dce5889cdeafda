/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* ktrace-report: shows what is in a database of ktrace-analyze. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/safe.h"
#include "report/export/export.h"
#include "report/options.h"
#include "report/output/output.h"
#include "report/page/page.h"
#include "report/query/queries.h"
#include "report/query/run.h"
#include "report/output/term.h"

const char *argp_program_version = "ktrace-report " KT_VERSION;

/* Its name and what it is about. */
static int list_one(const char *name, int width)
{
	struct kt_report r = {0};
	char err[256] = "no memory";
	int ret = kt_report_load(&r, name, err, sizeof(err));

	if (ret)
		kt_error("%s", ret == -EBADMSG ? err : strerror(-ret));
	else
		printf("%-*s %s\n", width, r.name, r.about ? r.about : "");
	kt_report_finish(&r);
	return ret;
}

static int list_reports(void)
{
	int width = 10, err = 0, n;
	char **queries;

	for (size_t i = 0; i < kt_n_sql_files; i++)
		if (kt_sql_is_report(&kt_sql_files[i]))
			width = KT_MAX(width, (int)strlen(kt_sql_report_name(&kt_sql_files[i])));
	n = kt_query_names(&queries);
	for (int i = 0; i < n; i++)
		width = KT_MAX(width, (int)strlen(queries[i]));
	for (size_t i = 0; !err && i < kt_n_sql_files; i++)
		if (kt_sql_is_report(&kt_sql_files[i]))
			err = list_one(kt_sql_report_name(&kt_sql_files[i]), width);
	/* One that cannot be read hides no other. */
	for (int i = 0; i < n; i++) {
		if (list_one(queries[i], width) && !err)
			err = -EBADMSG;
		free(queries[i]);
	}
	free(queries);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static struct kt_output *create_output(const struct kt_options *o, const struct kt_term *term,
				       int64_t epoch_ns)
{
	switch (o->out) {
	case KT_OUT_JSON:
		return kt_output_json(stdout);
	case KT_OUT_CSV:
		return kt_output_csv(stdout);
	default:
		return kt_output_text(stdout, term, epoch_ns);
	}
}

static int print(struct kt_run *run, const struct kt_options *o)
{
	struct kt_term term = {0};
	struct kt_output *out;
	int err;

	kt_term_init(&term, o->out == KT_OUT_TEXT && !o->no_pager);
	out = create_output(o, &term, o->wall ? kt_run_epoch(run) : 0);
	err = out ? kt_run_print(run, out) : -ENOMEM;
	if (out)
		out->ops->destroy(out);
	else
		snprintf(run->err, sizeof(run->err), "no memory");
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && !term.pager && !err) {
		err = errno ? -errno : -EIO;
		snprintf(run->err, sizeof(run->err), "cannot write the report: %s", strerror(-err));
	}
	kt_term_finish(&term);
	return err;
}

/* The line may quote names from a database that came from anyone. */
static void say(const char *err)
{
	char *safe kt_auto_free = kt_safe_text(err, kt_term_locale());

	kt_error("%s", safe ? safe : "no memory");
}

static int write_page(const struct kt_options *o)
{
	char err[1024] = "";
	int ret = kt_page_write(o, err, sizeof(err));

	if (ret)
		say(err);
	return !ret ? EXIT_SUCCESS : ret == -EINVAL ? EX_USAGE : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct kt_options o;
	struct kt_run run;
	int err, status = EXIT_FAILURE;

	kt_log_init("ktrace-report");
	kt_options_parse(&o, argc, argv);
	if (o.list)
		return list_reports();
	if (o.html)
		return write_page(&o);
	err = kt_run_init(&run, &o);
	if (!err && o.export_name)
		err = kt_export(&run, o.export_name, o.export_file);
	if (err == -EINVAL)
		status = EX_USAGE;
	if (!err && !o.export_name)
		err = print(&run, &o);
	if (err)
		say(run.err);
	kt_run_finish(&run);
	return err ? status : EXIT_SUCCESS;
}
